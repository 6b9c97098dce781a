//! How the ServiceDesk Plus sandbox may differ from the plain case.

/// Which of the two products is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// The cloud product: OAuth, long ids, notes wrapped as `request_note`.
    Cloud,
    /// On premises: a technician's key, short ids, notes wrapped as `note`.
    #[default]
    OnPremises,
}

/// What the ServiceDesk Plus sandbox is called and how strict it is.
#[derive(Clone, Debug)]
pub struct ServiceDeskOptions {
    /// The product.
    pub flavour: Flavour,
    /// The portal, served under `/app/{portal}` beside the bare address.
    pub portal: String,
    /// The technician's key (on premises).
    pub api_key: String,
    /// The OAuth client (cloud).
    pub client_id: String,
    /// Its secret (cloud).
    pub client_secret: String,
    /// The refresh token (cloud).
    pub refresh_token: String,
    /// How long an access token lives, in seconds of sandbox time (cloud).
    pub token_seconds: u32,
    /// How many access tokens may be made in ten minutes of sandbox time (cloud).
    pub tokens_per_ten_minutes: usize,
    /// Whether the versioned `Accept` header is demanded.
    pub strict_accept: bool,
    /// Whether a note under the other product's key is refused.
    pub strict_note_key: bool,
    /// Whether `last_updated_time` stays empty until the first update.
    pub null_last_updated: bool,
    /// Fields that must be set before a request can be resolved or closed.
    pub closure_required: Vec<String>,
    /// Requests a list call may return at most.
    pub most_rows: usize,
}

impl Default for ServiceDeskOptions {
    fn default() -> Self {
        Self {
            flavour: Flavour::default(),
            portal: "itdesk".to_owned(),
            api_key: "SANDBOX-TECHNICIAN-KEY".to_owned(),
            client_id: "1000.SANDBOXCLIENT".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            refresh_token: "1000.sandbox.refresh".to_owned(),
            token_seconds: 3_600,
            tokens_per_ten_minutes: 10,
            strict_accept: true,
            strict_note_key: true,
            null_last_updated: false,
            closure_required: Vec::new(),
            most_rows: 100,
        }
    }
}

impl ServiceDeskOptions {
    /// The cloud product with the usual rules.
    #[must_use]
    pub fn cloud() -> Self {
        Self { flavour: Flavour::Cloud, ..Self::default() }
    }
}
