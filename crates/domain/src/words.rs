//! Closed sets of words: one macro gives each its text on the wire, in the store and in errors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A word that is none of the allowed ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no {what}; use one of {}", allowed.join(", "))]
pub struct UnknownWord {
    /// What was given.
    pub given: String,
    /// What the word should have been.
    pub what: &'static str,
    /// The words there are.
    pub allowed: &'static [&'static str],
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident as $what:literal {
        $($(#[$vdoc:meta])* $variant:ident = $word:literal $(| $alias:literal)*,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every variant, in the order of its definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word on the wire and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word $(| $alias)* => Ok(Self::$variant),)*
                    _ => Err(UnknownWord { given: text.to_owned(), what: $what, allowed: Self::WORDS }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

words! {
    /// How a connector signs in.
    AuthType as "auth_type" {
        /// A personal access token (`token`).
        Pat = "pat",
        /// A key in a header (`apiKey`).
        ApiKey = "apikey",
        /// User name and password.
        Basic = "basic",
        /// OAuth 2 with a refresh token.
        OAuth = "oauth",
        /// No credentials at all.
        None = "none",
    }
}

words! {
    /// What kind of value a field holds, over all trackers.
    FieldType as "field type" {
        /// One line of plain text, or plain text of several lines.
        String = "string",
        /// HTML text.
        Html = "html",
        /// Markdown (or a markup that is kept as it is).
        Markdown = "markdown",
        /// A whole number.
        Int = "int",
        /// A decimal number.
        Double = "double",
        /// An instant, canonically RFC 3339 in UTC; a date without a time is `YYYY-MM-DD`.
        DateTime = "datetime",
        /// True or false.
        Boolean = "boolean",
        /// A person; see [`crate::Identity`].
        Identity = "identity",
        /// One of a list of words.
        Picklist = "picklist",
        /// A set of words, such as tags.
        Array = "array",
    }
}

words! {
    /// Where in its life a status stands, over all trackers.
    StatusCategory as "status category" {
        /// Nobody works on it yet.
        Proposed = "proposed",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// Done, not yet confirmed.
        Resolved = "resolved",
        /// Done for good.
        Completed = "completed",
        /// Will not be done.
        Removed = "removed",
    }
}

words! {
    /// Which ways a configuration moves changes.
    Direction as "direction" {
        /// Source to target only.
        OneWay = "one-way" | "one_way",
        /// Both ways.
        Bidirectional = "bidirectional",
    }
}

words! {
    /// Which way one run goes.
    RunDirection as "direction" {
        /// From the source to the target.
        SourceToTarget = "source-to-target",
        /// From the target to the source.
        TargetToSource = "target-to-source",
        /// Both, in one run.
        Bidirectional = "bidirectional",
    }
}

words! {
    /// What starts the runs of a configuration by itself.
    TriggerType as "trigger_type" {
        /// Nothing but a person.
        Manual = "manual",
        /// A cron schedule.
        Scheduled = "scheduled",
        /// A webhook.
        Webhook = "webhook",
    }
}

words! {
    /// What started one run.
    Trigger as "trigger" {
        /// A person or an API client.
        Manual = "manual",
        /// The scheduler.
        Scheduled = "scheduled",
        /// A webhook delivery.
        Webhook = "webhook",
        /// A retry of failed items.
        Retry = "retry",
    }
}

words! {
    /// Who wins when both sides changed a field.
    ConflictResolution as "conflict_resolution" {
        /// The later change of the field.
        LastWriteWins = "last-write-wins",
        /// The source.
        SourcePriority = "source-priority",
        /// The target.
        TargetPriority = "target-priority",
        /// A person.
        Manual = "manual",
        /// Line by line and set by set; a person where that clashes.
        Merge = "merge",
    }
}

words! {
    /// What two sides disagree about.
    ConflictKind as "conflict_type" {
        /// Both changed one field.
        Field = "field_conflict",
        /// One deleted the item, the other changed it.
        Deletion = "deletion_conflict",
        /// The two items are no longer of types that are mapped to each other.
        TypeMismatch = "type_mismatch",
    }
}

words! {
    /// Where a conflict stands.
    ConflictStatus as "status" {
        /// It waits for a decision, or for its decision to reach both trackers.
        Unresolved = "unresolved",
        /// Both trackers show the decision, or agreed by themselves.
        Resolved = "resolved",
        /// A person wants no decision; the field waits until one side changes it again.
        Ignored = "ignored",
    }
}

words! {
    /// Whose value a decision takes.
    ResolutionChoice as "use" {
        /// The source's.
        Source = "source",
        /// The target's.
        Target = "target",
        /// The last one both agreed on.
        Base = "base",
        /// One that a person gave, in the target field's form.
        Value = "value",
        /// Both sides came to the same by themselves; nobody decided.
        Agreement = "agreement",
    }
}

words! {
    /// How a field rule makes its value.
    MappingType as "mapping_type" {
        /// The source value as it is, converted between field types.
        Direct = "direct",
        /// Through a transformation or a chain of them.
        Transformation = "transformation",
        /// Always the same value.
        Constant = "constant",
        /// An expression over the item.
        Computed = "computed",
        /// By a table.
        ValueMap = "value_map",
    }
}

words! {
    /// In which directions a field rule acts.
    MapDirection as "direction" {
        /// Both.
        Both = "both",
        /// Source to target only.
        Forward = "forward",
        /// Target to source only.
        Backward = "backward",
    }
}

words! {
    /// On which writes a field rule acts.
    When as "when" {
        /// On every write.
        Always = "always",
        /// Only when the item is created.
        CreateOnly = "create_only",
        /// Only when the item exists already.
        UpdateOnly = "update_only",
    }
}

words! {
    /// What to do on one side when the item of the other side was deleted.
    DeletePolicy as "delete policy" {
        /// Nothing.
        Ignore = "ignore",
        /// Take the pair apart and say so on the item.
        Unlink = "unlink",
        /// Move the item to its closed status.
        Close = "close",
        /// Delete the item, if we made it.
        Delete = "delete",
    }
}

words! {
    /// What a one-way run does with values that people changed on the target.
    TargetEdits as "target_edits" {
        /// The source's value wins.
        Overwrite = "overwrite",
        /// The target's edit stays.
        Keep = "keep",
    }
}

words! {
    /// What to do when an unpaired item equals several items of the other side.
    OnMany as "on_many" {
        /// Leave it to a person.
        Ask = "ask",
        /// Pass the item over.
        Skip = "skip",
    }
}

words! {
    /// What becomes of schedule instants that passed while nothing ran.
    MissedRuns as "missed_runs" {
        /// One run for all of them.
        Once = "once",
        /// None.
        Skip = "skip",
        /// One run each.
        All = "all",
    }
}

words! {
    /// What becomes of a schedule instant while a run is going on.
    Overlap as "overlap" {
        /// It is passed over, and recorded.
        Skip = "skip",
        /// It waits.
        Queue = "queue",
    }
}

words! {
    /// One of the two ends of a configuration.
    Side as "side" {
        /// The configuration's source connector.
        Source = "source",
        /// The configuration's target connector.
        Target = "target",
    }
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

words! {
    /// Where a run stands.
    ExecutionStatus as "execution status" {
        /// It is going on.
        Running = "running",
        /// It ended and every item is well.
        Completed = "completed",
        /// It ended and some items are not well.
        CompletedWithErrors = "completed_with_errors",
        /// It could not do its work.
        Failed = "failed",
        /// Somebody stopped it.
        Cancelled = "cancelled",
    }
}

words! {
    /// The one named state in which an item leaves a run.
    ItemState as "item state" {
        /// A copy was made.
        Created = "created",
        /// Its copy was changed.
        Updated = "updated",
        /// It was joined with an item that was there already.
        Linked = "linked",
        /// Its copy was deleted or closed by policy.
        Deleted = "deleted",
        /// There was nothing to write.
        Unchanged = "unchanged",
        /// A rule left it out.
        Filtered = "filtered",
        /// It waits for something that is not there yet.
        Waiting = "waiting",
        /// At least one field waits for a person.
        Conflicted = "conflicted",
        /// It could not be synced this time.
        Failed = "failed",
        /// It failed so often that it is only tried now and then.
        Quarantined = "quarantined",
    }
}

words! {
    /// The cause class of a failure.
    ErrorType as "error type" {
        /// The tracker could not be reached.
        Connection = "connection",
        /// The credentials were refused.
        Authentication = "authentication",
        /// The account may not do this.
        Permission = "permission",
        /// The tracker refused a value.
        Validation = "validation",
        /// A rule could not make its value.
        Mapping = "mapping",
        /// Both sides changed.
        Conflict = "conflict",
        /// The tracker asked us to slow down.
        RateLimit = "rate_limit",
        /// The tracker answered something it should not.
        Api = "api",
        /// None of these.
        Unknown = "unknown",
    }
}

words! {
    /// What an API key may do.
    Role as "role" {
        /// Read everything but keys and audit.
        Viewer = "viewer",
        /// Also run and steer syncs.
        Operator = "operator",
        /// Everything.
        Admin = "admin",
    }
}

words! {
    /// How a comment or a long text is written.
    TextFormat as "text format" {
        /// Plain text.
        Text = "text",
        /// HTML.
        Html = "html",
        /// Markdown.
        Markdown = "markdown",
    }
}

words! {
    /// Where a planned write stands.
    IntentState as "intent state" {
        /// Sent or about to be sent; the outcome is not recorded.
        Open = "open",
        /// The outcome is recorded.
        Done = "done",
        /// It is known that it did not happen.
        Abandoned = "abandoned",
        /// Nobody can say; a person must look.
        Doubtful = "doubtful",
    }
}

words! {
    /// What a planned write does.
    WriteOp as "write" {
        /// Makes an item.
        Create = "create",
        /// Changes an item.
        Update = "update",
        /// Adds a comment.
        Comment = "comment",
        /// Deletes an item.
        Delete = "delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_and_aliases_are_understood() {
        for state in ItemState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert_eq!("one_way".parse(), Ok(Direction::OneWay));
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let fault = "sideways".parse::<Direction>().unwrap_err().to_string();
        assert_eq!(fault, "\"sideways\" is no direction; use one of one-way, bidirectional");
    }
}

words! {
    /// Where a job stands. A job between two attempts is queued.
    JobStatus as "job status" {
        /// Waiting for its time and a free worker.
        Queued = "queued",
        /// A worker holds its lease.
        Running = "running",
        /// Done.
        Completed = "completed",
        /// Given up.
        Failed = "failed",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
    }
}

words! {
    /// How a webhook's sender proves who it is.
    WebhookAuth as "auth_mode" {
        /// HMAC-SHA256 over the raw body, in hex, in one of several headers.
        Hmac = "hmac-sha256" | "github" | "jira",
        /// <https://www.standardwebhooks.com>: id, time stamp and body are signed.
        Standard = "standard-webhooks",
        /// The secret itself in `X-Gitlab-Token`.
        GitlabToken = "gitlab-token",
        /// HTTP basic: user `syncline`, the secret as password.
        Basic = "basic",
        /// The secret itself in a header.
        HeaderToken = "header-token",
        /// The address is the secret.
        UrlToken = "url-token",
    }
}

words! {
    /// What became of a request to a webhook.
    DeliveryStatus as "delivery status" {
        /// Accepted: its job is durable.
        Success = "success",
        /// Signed, but of no use.
        Failed = "failed",
        /// Not proven, or the webhook is inactive.
        Rejected = "rejected",
        /// An event nobody subscribed to.
        Ignored = "ignored",
        /// Seen before.
        Duplicate = "duplicate",
    }
}

words! {
    /// What happened to a work item, in the same words for all trackers.
    EventType as "event type" {
        /// It was made.
        Created = "workitem.created",
        /// Something of it changed.
        Updated = "workitem.updated",
        /// It was deleted.
        Deleted = "workitem.deleted",
        /// It came back from deletion.
        Restored = "workitem.restored",
        /// Somebody wrote, changed or deleted a comment.
        Commented = "workitem.commented",
    }
}

words! {
    /// What became of one instant of a schedule.
    OccurrenceState as "occurrence state" {
        /// A job was queued in time.
        Queued = "queued",
        /// A job was queued after its time, since nobody was there.
        Late = "late",
        /// Its time passed unnoticed and the schedule skips such instants, or an other job stands for it.
        Missed = "missed",
        /// A run was going on, and the schedule skips such instants.
        Skipped = "skipped",
    }
}

words! {
    /// The way of a notification.
    ChannelKind as "notification_type" {
        /// Mail by SMTP.
        Email = "email",
        /// A Slack incoming webhook.
        Slack = "slack",
        /// A Microsoft Teams workflow.
        Teams = "teams",
        /// A signed request to any address.
        Webhook = "webhook",
    }
}

words! {
    /// What people are notified of.
    NotificationEvent as "event" {
        /// A run ended well.
        SyncCompleted = "sync_completed",
        /// A run failed, or an item began to fail.
        SyncFailed = "sync_failed",
        /// A field waits for a person.
        ConflictDetected = "conflict_detected",
        /// What failed before is well again.
        SyncRecovered = "sync_recovered",
        /// A tracker's credential ends soon.
        CredentialExpiring = "credential_expiring",
        /// Jobs wait for too long.
        QueueBacklog = "queue_backlog",
        /// A tracker's fields or statuses are others than the mappings know.
        SchemaDrift = "schema_drift",
        /// A census found items that are not as the last runs left them.
        CensusDrift = "census_drift",
    }
}

words! {
    /// When runs that nobody starts by hand wait for a plan that somebody looked at.
    RequirePlan as "require_plan" {
        /// Never.
        Never = "never",
        /// After rules, filters or options changed, until a plan made with them was applied.
        OnMappingChange = "on_mapping_change",
    }
}

words! {
    /// What a write of a plan does to an item.
    PlanOperation as "plan operation" {
        /// A copy is made.
        Create = "create",
        /// An item is changed.
        Update = "update",
        /// Two items are joined, and the written one is changed where it differs.
        Link = "link",
        /// An item is closed, because its partner was deleted.
        Close = "close",
        /// An item is deleted, because its partner was.
        Delete = "delete",
        /// An item gets a note that it is no longer synced.
        Unlink = "unlink",
    }
}

words! {
    /// Where a plan stands.
    PlanState as "plan state" {
        /// It may be applied.
        Open = "open",
        /// A run applies it.
        Applying = "applying",
        /// A run applied it, and came to its end.
        Applied = "applied",
        /// The run that applied it stopped on its way.
        Stopped = "stopped",
    }
}

words! {
    /// Where a message to one recipient stands.
    OutboxStatus as "outbox status" {
        /// Waiting to be sent, perhaps again.
        Queued = "queued",
        /// The other side took it.
        Sent = "sent",
        /// Told in a digest with others.
        Folded = "folded",
        /// Given up.
        Dead = "dead",
    }
}

words! {
    /// Which way the sample of a mapping test goes.
    TestDirection as "direction" {
        /// The item is one of the source.
        SourceToTarget = "source_to_target" | "source-to-target",
        /// The item is one of the target.
        TargetToSource = "target_to_source" | "target-to-source",
    }
}

words! {
    /// The write that the sample of a mapping test is for.
    SampleOccasion as "occasion" {
        /// The other side has no copy yet.
        Create = "create",
        /// The other side has a copy.
        Update = "update",
    }
}

words! {
    /// What of a mapped item a mapping test looks at.
    SampleCompare as "compare" {
        /// What the expected item names.
        Named = "named",
        /// Everything: what the expected item does not name must not be there.
        All = "all",
    }
}

words! {
    /// By which rules something is replayed.
    ReplayMode as "mode" {
        /// By those of today.
        Now = "now",
        /// By those that acted then.
        AsItWas = "as_it_was",
    }
}
