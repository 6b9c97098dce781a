//! How to set a tracker up, as it really works there.

use syncline_domain::WebhookAuth;

mod auth;
mod trackers;

/// What to do, for a person who has the tracker open in another window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What to do, in this order.
    pub steps: Vec<String>,
    /// What one should know of the way that was chosen.
    pub warnings: Vec<String>,
    /// The best way of proving that this tracker can do.
    pub recommended: WebhookAuth,
}

/// The best way of proving that a kind of tracker can do.
#[must_use]
pub fn recommended_auth(connector_type: &str) -> WebhookAuth {
    trackers::tracker(connector_type).recommended
}

/// The steps for a kind of tracker and a way of proving. The secret is in none of them.
///
/// `full_url` is the address to call, `header_name` where a token goes, and `event_types` what is subscribed to.
#[must_use]
pub fn setup(
    connector_type: &str,
    auth: WebhookAuth,
    full_url: &str,
    header_name: &str,
    event_types: &[String],
) -> Setup {
    let tracker = trackers::tracker(connector_type);
    let mut steps: Vec<String> = Vec::new();
    steps.extend(tracker.before.iter().map(|step| (*step).to_owned()));
    steps.push(format!("Set the address to {full_url}"));
    steps.extend(tracker.after.iter().map(|step| (*step).to_owned()));
    steps.push(trackers::events_step(connector_type, event_types));
    steps.extend(auth::steps(connector_type, auth, header_name));
    steps.push(
        "Send a test from the tracker, and see under the webhook's deliveries what became of it. A rejected one says \
         why."
            .to_owned(),
    );
    let warnings = auth::warnings(connector_type, auth, full_url);
    Setup { steps, warnings, recommended: tracker.recommended }
}
