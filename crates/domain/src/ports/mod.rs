//! The traits at the rooms' doors.

use std::future::Future;
use std::pin::Pin;

mod clock;
mod conflicts;
mod connector;
mod deletions;
mod deliveries;
mod drift;
mod factory;
mod file;
mod history;
mod jobs;
mod outbox;
mod plans;
mod run;
mod samples;
mod schedules;
mod sealer;
mod store;
mod wake;

pub use clock::{Clock, IdGen, Rng};
pub use conflicts::{ConflictFilter, ConflictTx};
pub use connector::{
    Capabilities, ChangePage, ChangeQuery, ChangeWalk, Check, Connector, ConnectorError, ErrorKind,
    FilterOp, FindCreated, Marker, OwnChange, PortableFilter, PortableTerm, Presence, ReadyPages,
    Write, WriteKind,
};
pub use deletions::DeletionTx;
pub use deliveries::{
    Accepted, CalledConfig, DeliveryFilter, DeliveryTx, EventReader, EventReaders, WebhookFilter,
};
pub use drift::{DriftNews, DriftTeller, DriftTx, DriftWhat, NobodyTold};
pub use factory::{ConnectorFactory, ConnectorTypeInfo, CredentialField};
pub use file::{FilePieces, FileSink, FileSource, HeldFile};
pub use history::HistoryTx;
pub use jobs::{JobContext, JobFilter, JobHandler, JobTx, StopReason};
pub use outbox::{NothingFollows, OutboxFilter, OutboxTx, RunEnding};
pub use plans::{PlanFilter, PlanTx};
pub use run::{Crash, FaultPoints, NoEvents, NoFaultPoints, RunEvent, RunEvents};
pub use samples::SampleTx;
pub use schedules::ScheduleTx;
pub use sealer::{Place, SealError, Sealer};
pub use store::*;
pub use wake::{Topic, Wakeup};

/// A future on the heap, so that every port stays usable as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
