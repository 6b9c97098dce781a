//! How the Azure DevOps sandbox may differ from the plain case.

/// How `add` on `System.Tags` of an existing item works; reports from tenants differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagsAdd {
    /// The sent set replaces the old one.
    #[default]
    Replaces,
    /// The sent tags join the old ones; only `replace` removes.
    Merges,
}

/// What the Azure DevOps sandbox is called and how strict it is.
#[derive(Clone, Debug)]
pub struct AzureDevOpsOptions {
    /// The organisation, the first part of every path.
    pub organization: String,
    /// The project that holds the seeded tickets.
    pub project: String,
    /// The token that opens it, as a PAT or as a bearer token.
    pub token: String,
    /// Whether HTML is rewritten on the way in, as the real product does.
    pub rewrites_html: bool,
    /// Whether new items must begin in the first state of their type.
    pub initial_state_only: bool,
    /// How tags are added.
    pub tags_add: TagsAdd,
    /// Fields that a type demands in a state: type, state, field reference.
    pub required_in_state: Vec<(String, String, String)>,
    /// The most items that a query may find.
    pub query_limit: usize,
}

impl Default for AzureDevOpsOptions {
    fn default() -> Self {
        Self {
            organization: "demo".to_owned(),
            project: "Webshop".to_owned(),
            token: "sandbox-personal-access-token".to_owned(),
            rewrites_html: false,
            initial_state_only: false,
            tags_add: TagsAdd::default(),
            required_in_state: Vec::new(),
            query_limit: 20_000,
        }
    }
}
