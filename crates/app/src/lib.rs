//! The use cases of Syncline, shared by the HTTP API, the command line and programs that embed it.
//!
//! Everything is a method of [`App`]: it checks the input (all faults at once, each with its place), authorises the
//! [`Caller`], seals credentials, writes rows and their audit line in one transaction, and starts runs.
//!
//! # Invariants
//! - A change and its audit line are one transaction.
//! - Whatever is outside a caller's scope does not exist for them: 404, never 403.
//! - A run goes on when the caller who started it goes away ([`RunDesk`]).
//! - Credentials leave this room only inside a connector.
//!
//! # What is deliberately absent
//! HTTP and terminals: both sit on top. SQL and trackers: both are ports ([`AppParts`]).
//!
//! ```
//! use syncline_app::{App, AppError, Caller, RunAsked};
//! use syncline_domain::{ConfigId, Execution};
//!
//! /// Runs a configuration now, and waits for its end; `None` when the process ended before the run did.
//! async fn sync_now(app: &App, config: ConfigId) -> Result<Option<Execution>, AppError> {
//!     let run = app.start_run(&Caller::command_line(), config, RunAsked::default()).await?;
//!     Ok(run.ended.await.ok())
//! }
//! ```

mod app;
mod audit;
mod automation;
mod caller;
mod configs;
mod conflicts;
mod connector_body;
mod connectors;
mod desk;
mod discovery;
mod drift;
mod error;
pub mod input;
mod jobs;
mod keys;
mod lookout;
mod metadata;
mod notifications;
mod options;
mod replies;
mod rules;
mod runs;
mod samples;
mod schedules;
mod settings;
mod sight;
mod user_map;
mod webhooks;

pub use app::{App, AppParts, credentials_place};
pub use automation::Automation;
pub use caller::Caller;
pub use configs::{ConfigFilter, ConfigView};
pub use conflicts::{BatchLine, ConflictPage, ConflictState, ConflictView, Decided, DecisionAsked};
pub use connectors::{Discovered, Saved};
pub use desk::RunDesk;
pub use discovery::Drift;
pub use drift::{ConfigDrift, DriftApplied, PausedRow, Proposal, ProposedChange};
pub use error::{AppError, Cause, RemoteFault};
pub use jobs::{Cancelled, JobAsked, JobPage, JobResult, JobView, QueueFigures, RUN_AT_MOST_DAYS};
pub use keys::{MadeKey, NewKey};
pub use lookout::LookedOut;
pub use metadata::SuggestFor;
pub use notifications::{
    Address, ChannelTest, ChannelTester, NoChannels, NotificationFilter, NotificationView,
    RecipientRules, TestLine, Tested,
};
pub use replies::Claim;
pub use rules::{FieldDraft, PairDraft, RuleSet, StatusDraft};
pub use runs::{
    ExecutionPage, ExecutionState, FollowUp, OnNextRun, OutcomePage, PairView, PlanPage, PlanState,
    PlanView, Planned, Replayed, RunAsked, RunStarted, Trial, Validation, item_id,
};
pub use samples::{Captured, MappingTestLine, TestReport};
pub use schedules::{Armed, OccurrencePage, ScheduledConfig, SchedulerState, Upcoming};
pub use settings::{Setting, Settings, SettingsSource, SmtpSettings};
pub use syncline_engine::{
    Census, CensusDrift, DriftCause, Engine, EngineParts, ExplainStep, Explained, FieldExplained,
    FieldReplay, ItemReplay, PairHistory, Preview, PreviewAction, PreviewItem, PreviewSummary,
    Replay, ReplayVerdict, RunSeen,
};
pub use syncline_mapping::{Issue, Mapped, TransformationInfo, catalogue as transformations};
pub use syncline_webhooks::{
    Answer, Incoming, Limits, Secret, Setup, Window, network, signed_headers,
};
pub use webhooks::{
    DeliveryPage, DeliveryView, Echo, Registered, Rotated, SetupGuide, WebhookView,
};
