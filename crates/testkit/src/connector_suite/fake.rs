//! The tracker in memory, put to the test.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{BoxFuture, Connector};
use syncline_domain::{FieldRef, ItemId};

use super::{Facts, Harness};
use crate::{FakeConnector, ManualClock};

/// A harness over a [`FakeConnector`].
pub struct FakeHarness {
    fake: Arc<FakeConnector>,
    clock: ManualClock,
    facts: Facts,
}

impl FakeHarness {
    /// Over [`FakeConnector::bugs`].
    #[must_use]
    pub fn bugs(clock: &ManualClock) -> Self {
        Self {
            fake: FakeConnector::bugs(clock),
            clock: clock.clone(),
            facts: Facts {
                text_field: Some("description".into()),
                next_status: Some("Active".to_owned()),
                invalid: Some(("priority".into(), json!("Sideways"))),
                marker_field: Some("external".into()),
                relation: Some("related".to_owned()),
                overlap: Some(Duration::from_millis(1)),
                tricky_text: "<p>Grüße &lt;b&gt; &amp; \u{1F680}</p>".to_owned(),
                ..Facts::new("bug", "title", "987654321")
            },
        }
    }

    /// Over [`FakeConnector::requests_desk`].
    #[must_use]
    pub fn desk(clock: &ManualClock) -> Self {
        Self {
            fake: FakeConnector::requests_desk(clock),
            clock: clock.clone(),
            facts: Facts {
                text_field: Some("details".into()),
                next_status: Some("in progress".to_owned()),
                invalid: Some(("urgency".into(), json!("none such"))),
                marker_field: Some("reference".into()),
                relation: Some("duplicate".to_owned()),
                ..Facts::new("request", "subject", "987654321")
            },
        }
    }

    /// The tracker itself.
    #[must_use]
    pub const fn fake(&self) -> &Arc<FakeConnector> {
        &self.fake
    }

    fn title_field(&self) -> &FieldRef {
        &self.facts.title_field
    }
}

impl Harness for FakeHarness {
    fn connector(&self) -> Arc<dyn Connector> {
        self.fake.clone()
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn create_as_other<'a>(&'a self, title: &'a str) -> BoxFuture<'a, ItemId> {
        let fields = json!({ self.title_field().as_str(): title });
        let id = self.fake.create_as("ada", &self.facts.type_ref, fields);
        Box::pin(async { id })
    }

    fn edit_as_other<'a>(&'a self, id: &'a ItemId, title: &'a str) -> BoxFuture<'a, ()> {
        let fields = json!({ self.title_field().as_str(): title });
        self.fake.edit_as("ada", id, fields);
        Box::pin(async {})
    }

    fn delete_as_other<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, bool> {
        self.fake.delete_as("ada", id);
        Box::pin(async { true })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        self.clock.advance(Duration::from_secs(10));
        Box::pin(async {})
    }
}
