//! Keys, settings, audit lines and remembered replies.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApiKeyId, AuditId, ConfigId, Role, Timestamp};

/// An API key, as stored: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Our id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// The first characters of the key, for people to tell keys apart.
    pub prefix: String,
    /// The hash by which a presented key is found.
    pub hash: String,
    /// What it may do.
    pub role: Role,
    /// The only configurations it sees; all when `None`.
    pub config_scope: Option<Vec<ConfigId>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last presented, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A line of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Our id; 0 until stored.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who: a key's name, `anonymous (loopback)`, `command line`.
    pub actor: String,
    /// What was done, such as `connector.update`.
    pub action: String,
    /// To what, such as `connector/3`.
    pub target: String,
    /// Further facts, without secrets.
    pub details: Value,
    /// The request it came with.
    pub request_id: Option<String>,
}

/// A reply kept for repeats of the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedReply {
    /// Who asked and where: actor, method and path.
    pub scope: String,
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// A hash of the request's body.
    pub body_hash: String,
    /// The reply's HTTP status; 0 while the first request is still being worked on.
    pub status: u16,
    /// The reply's body.
    pub reply: String,
    /// When it was kept.
    pub created_at: Timestamp,
}
