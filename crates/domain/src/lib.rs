//! The language of Syncline: values, ids, words, and the ports through which the rooms meet.
//!
//! # What is here
//! - [`Timestamp`], row ids and tracker ids as newtypes, closed sets of words ([`ItemState`], [`Direction`], ...).
//! - What trackers show: [`Item`], [`Comment`], [`Schema`]; and the canonical form of their values ([`canonical`],
//!   [`same`], [`fingerprint`]).
//! - What people configure: [`ConnectorRow`], [`SyncConfig`] and their mappings; [`SyncSpec`] is a configuration with
//!   every row id resolved.
//! - What automation keeps: [`Job`], [`Webhook`], [`Delivery`], [`Occurrence`], [`NotificationSetting`],
//!   [`OutboxMessage`]; [`WaitingRoom`] holds the limit of the queue.
//! - What the engine remembers: [`Pair`], [`Base`], [`Receipt`], [`Intent`], [`Execution`], [`ItemOutcome`],
//!   [`Conflict`], [`HistoryEntry`]; and what people look at before it is written: [`StoredPlan`].
//! - What a tracker took away from under the rules: [`Pause`], and the looks that notice it: [`Lookout`].
//! - [`ports`]: `Clock`, `Store`, `Connector` and the others. [`Fault`] is the only error that crosses rooms.
//!
//! # What is deliberately absent
//! Input and output, SQL, HTML, HTTP, and the machine's clock. Whoever needs the time is given a `Clock`.
//!
//! # Invariants
//! - Two values are compared by [`same`] and nowhere else; receipts and bases agree because of that.
//! - An item leaves a run in exactly one [`ItemState`]; [`Totals`] add up to what the source said it has.
//!
//! ```
//! use serde_json::json;
//! use syncline_domain::{FieldType, same};
//!
//! // A tracker that rewrites line ends has not changed the text.
//! assert!(same(&json!("one\r\ntwo"), &json!("one\ntwo"), FieldType::String));
//! ```

mod admin;
mod config;
mod conflict;
mod connection;
mod drift;
mod fault;
mod history;
mod ids;
mod image;
mod item;
mod job;
mod link;
mod notification;
mod plan;
pub mod ports;
mod room;
mod rules_copy;
mod sample;
mod schedule;
mod schema;
mod spec;
mod sync;
mod time;
mod tombstone;
mod value;
mod webhook;
mod words;

pub use admin::{ApiKey, AuditEntry, RememberedReply};
pub use config::{
    FieldMapping, MatchExisting, Options, StatusMapping, SyncConfig, TypeMapping, UserMap,
    UserMapEntry, UserMatch,
};
pub use conflict::{Conflict, ConflictCounts, Resolution};
pub use connection::{
    ConnectorRow, ConnectorSettings, ConnectorUsage, Credentials, CredentialsUnreadable, LastCheck,
};
pub use drift::{Lookout, LookoutSubject, Loss, MappingRef, Pause, PauseCause};
pub use fault::{Fault, FieldFault};
pub use history::{
    FieldEvent, FieldHow, HistoryEntry, HistoryEvent, HistoryKind, LONGEST_KEPT_VALUE, Observed,
    StepTaken, is_excerpt, kept_value,
};
pub use ids::{
    ApiKeyId, AuditId, CommentId, ConfigId, ConflictId, ConnectorId, Cursor, DeliveryId,
    ExecutionId, FieldId, FieldMappingId, FieldRef, HistoryId, IntentId, ItemId, JobId, LineageId,
    MappingTestId, NotificationId, OccurrenceId, OpId, OutboxId, OutcomeId, PairId, PauseId,
    PlanId, PlanWriteId, ResolutionId, STATUS_REF, StatusId, StatusMappingId, TypeId,
    TypeMappingId, Version, WebhookId,
};
pub use image::{ImageMarkup, ImageSource, InlineImage};
pub use item::{Attachment, Comment, Fields, Item, ItemLink, NewComment};
pub use job::{
    CancelAsked, Enqueued, Heartbeat, Job, JobClaim, JobKey, JobLease, JobOutcome,
    MOST_FOLDED_ITEMS, NewJob, QueueCounts, SYNC_ATTEMPTS, SYNC_JOB, Settlement, SyncJob,
};
pub use link::{LinkKind, LinkWords, link_kind, nearest_link};
pub use notification::{
    ConfigHealth, NotificationSetting, OutboxMessage, OutboxSettlement, StoredRecipient,
};
pub use plan::{PLAN_LASTS, PlanLimit, PlanTotals, PlannedWrite, RulesReview, StoredPlan};
pub use room::WaitingRoom;
pub use rules_copy::RulesCopy;
pub use sample::{
    ExpectedItem, LARGEST_MAPPING_TEST, MOST_MAPPING_TESTS, MappingTest, Sample, SampleItem,
};
pub use schedule::Occurrence;
pub use schema::{FieldRow, FieldSchema, Schema, StatusRow, StatusSchema, TypeRow, TypeSchema};
pub use spec::{
    EndSpec, FieldRule, PausedField, PausedRules, PausedStatus, PausedTypes, SyncSpec, TypeEnd,
    TypePair,
};
pub use sync::{
    Base, Change, CommentPair, Execution, Intent, IntentPlan, ItemError, ItemOutcome, ItemRetry,
    LineageMember, NewExecution, Pair, PairState, Receipt, Totals,
};
pub use time::Timestamp;
pub use tombstone::Tombstone;
pub use value::{Identity, canonical, fingerprint, same};
pub use webhook::{Delivery, EventReading, ItemEvent, OldSecret, Webhook};
pub use words::{
    AuthType, ChannelKind, ConflictKind, ConflictResolution, ConflictStatus, DeletePolicy,
    DeliveryStatus, Direction, ErrorType, EventType, ExecutionStatus, FieldType, IntentState,
    ItemState, JobStatus, MapDirection, MappingType, MissedRuns, NotificationEvent,
    OccurrenceState, OnMany, OutboxStatus, Overlap, PlanOperation, PlanState, ReplayMode,
    RequirePlan, ResolutionChoice, Role, RunDirection, SampleCompare, SampleOccasion, Side,
    StatusCategory, TargetEdits, TestDirection, TextFormat, Trigger, TriggerType, UnknownWord,
    WebhookAuth, When, WriteOp,
};
