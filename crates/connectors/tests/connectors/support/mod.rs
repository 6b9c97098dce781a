//! What the sandbox tests share: a clock that runs fast, and connectors on a sandbox.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline_connectors::Connectors;
use syncline_domain::ports::{
    BoxFuture, ChangePage, ChangeQuery, Clock, Connector, ConnectorError, ConnectorFactory as _,
};
use syncline_domain::{ConnectorSettings, Credentials, Cursor, ItemId, Timestamp};

use syncline_outbound::{AddressPolicy, Outbound, OutboundConfig};
use syncline_sandbox::RunningSandbox;
use syncline_testkit::connector_suite::{Facts, Harness};
use syncline_testkit::{ManualClock, SeededRng};

/// How many seconds pass in one real second: back-off and time-outs stay in proportion, tests stay short.
const HASTE: u32 = 20;

/// Real time, sped up; the wall shows what the test sets.
struct FastClock {
    wall: ManualClock,
    begun: Instant,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.wall.now()
    }

    fn monotonic(&self) -> Duration {
        self.begun.elapsed().saturating_mul(HASTE)
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let left = at.saturating_sub(self.monotonic()) / HASTE;
        Box::pin(tokio::time::sleep(left))
    }
}

/// A clock for a connector whose wall shows the same as the sandbox's.
pub fn clock(wall: &ManualClock) -> Arc<dyn Clock> {
    Arc::new(FastClock { wall: wall.clone(), begun: Instant::now() })
}

/// Settings and credentials that a sandbox tells.
pub fn settings(sandbox: &RunningSandbox) -> (ConnectorSettings, Credentials) {
    let info = sandbox.info();
    let settings = ConnectorSettings {
        connector_type: info.connector_type,
        base_url: info.base_url,
        endpoint: info.endpoint,
        auth_type: info.auth_type.parse().unwrap(),
        metadata: Value::Object(info.metadata),
    };
    (settings, Credentials::new(info.credentials))
}

/// A connector on a sandbox, as its info says.
pub fn connect(sandbox: &RunningSandbox, wall: &ManualClock) -> Arc<dyn Connector> {
    let (settings, credentials) = settings(sandbox);
    connect_with(&settings, &credentials, wall, |_| ())
}

/// A connector with other settings or limits.
pub fn connect_with(
    settings: &ConnectorSettings,
    credentials: &Credentials,
    wall: &ManualClock,
    tune: impl FnOnce(&mut OutboundConfig),
) -> Arc<dyn Connector> {
    let clock = clock(wall);
    let mut config = OutboundConfig::new(AddressPolicy::connectors(true));
    tune(&mut config);
    let outbound = Outbound::new(config, Arc::clone(&clock), Arc::new(SeededRng::new(7))).unwrap();
    Connectors::new(outbound, clock).open(settings, credentials).unwrap()
}

/// All pages of a walk.
pub async fn walk(
    connector: &dyn Connector,
    query: ChangeQuery,
    since: Option<Cursor>,
    limit: usize,
) -> Result<Vec<ChangePage>, ConnectorError> {
    let mut walk = connector.changes(query, since);
    let mut pages = Vec::new();
    while let Some(page) = walk.next_page(limit).await? {
        pages.push(page);
    }
    Ok(pages)
}

/// The ids of all pages, in order.
pub fn ids(pages: &[ChangePage]) -> Vec<String> {
    pages.iter().flat_map(|page| page.items.iter().map(|item| item.id.to_string())).collect()
}

/// A sandbox for the contract suite.
pub struct SandboxHarness {
    pub sandbox: RunningSandbox,
    pub wall: ManualClock,
    pub facts: Facts,
    /// The field with the title, as the tracker's API names it.
    pub title: &'static str,
}

impl SandboxHarness {
    fn edit(&self, edit: Value) -> ItemId {
        let edited = self.sandbox.edit(&serde_json::from_value(edit).unwrap()).unwrap();
        ItemId::new(edited.item_id)
    }
}

impl Harness for SandboxHarness {
    fn connector(&self) -> Arc<dyn Connector> {
        connect(&self.sandbox, &self.wall)
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn create_as_other<'a>(&'a self, title: &'a str) -> BoxFuture<'a, ItemId> {
        let made = self.edit(json!({ "fields": { self.title: title } }));
        Box::pin(async move { made })
    }

    fn edit_as_other<'a>(&'a self, id: &'a ItemId, title: &'a str) -> BoxFuture<'a, ()> {
        self.edit(json!({ "item_id": id, "fields": { self.title: title } }));
        Box::pin(async {})
    }

    fn delete_as_other<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, bool> {
        let is_gone = self.sandbox.remove(id.as_str(), false);
        Box::pin(async move { is_gone })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        self.wall.advance(Duration::from_secs(2));
        Box::pin(async {})
    }
}
