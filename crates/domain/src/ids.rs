//! Row ids as newtypes, so that a pair's id can never be passed for a config's.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<i64> for $name {
            fn from(raw: i64) -> Self {
                Self(raw)
            }
        }
    )*};
}

row_ids! {
    /// A connector: one tracker account in one project.
    ConnectorId;
    /// A discovered work item type of a connector.
    TypeId;
    /// A discovered field of a work item type.
    FieldId;
    /// A discovered status of a work item type.
    StatusId;
    /// A sync configuration.
    ConfigId;
    /// A pair of types inside a configuration.
    TypeMappingId;
    /// A field rule inside a configuration.
    FieldMappingId;
    /// A status rule inside a configuration.
    StatusMappingId;
    /// One run of a configuration.
    ExecutionId;
    /// A source item and its copy.
    PairId;
    /// Items that are copies of one another, over all configurations.
    LineageId;
    /// A write that was planned before it was sent.
    IntentId;
    /// What became of one item in one run.
    OutcomeId;
    /// An API key.
    ApiKeyId;
    /// A line of the audit trail.
    AuditId;
    /// A job of the queue.
    JobId;
    /// A registered webhook.
    WebhookId;
    /// A request that reached a webhook.
    DeliveryId;
    /// One instant of a schedule, and what became of it.
    OccurrenceId;
    /// A notification setting.
    NotificationId;
    /// A message on its way to one recipient.
    OutboxId;
    /// A disagreement of two sides that waits, or waited, for a decision.
    ConflictId;
    /// A decision about a conflict.
    ResolutionId;
    /// A stored plan of what a run would write.
    PlanId;
    /// One write of a plan.
    PlanWriteId;
    /// An entry of a pair's history.
    HistoryId;
    /// The pause of a row of rules.
    PauseId;
    /// A sample kept with a configuration: an item, and what the rules must make of it.
    MappingTestId;
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Clones share the text.
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(Arc::from(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Gives the text away.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0.as_ref().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_ids! {
    /// The id a tracker gives one of its items. Text, because some have more digits than a double holds.
    ItemId;
    /// A tracker's own name of a field, such as `System.Title` or `cf_12`.
    FieldRef;
    /// A tracker's revision of an item: a number, a time or a counter. Only equality means anything.
    Version;
    /// The id a tracker gives a comment.
    CommentId;
    /// Names one planned write for ever: 32 hex digits, made before the call.
    OpId;
    /// Where an incremental read goes on. Opaque to everybody but the connector that made it.
    Cursor;
}

/// The field reference under which bases, receipts and changes keep an item's status.
pub const STATUS_REF: &str = "@status";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_values_on_the_wire() {
        assert_eq!(serde_json::to_string(&ConfigId(7)).unwrap(), "7");
        assert_eq!(serde_json::to_string(&ItemId::new("42")).unwrap(), "\"42\"");
        assert_eq!(serde_json::from_str::<PairId>("9").unwrap(), PairId(9));
    }
}
