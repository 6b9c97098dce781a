//! The traits at the rooms' doors.

use std::future::Future;
use std::pin::Pin;

mod clock;
mod connector;
mod factory;
mod run;
mod sealer;
mod store;

pub use clock::{Clock, IdGen, Rng};
pub use connector::{
    Capabilities, ChangePage, ChangeQuery, ChangeWalk, Check, Connector, ConnectorError, ErrorKind,
    FilterOp, FindCreated, Marker, PortableFilter, PortableTerm, Presence, ReadyPages, Write,
    WriteKind,
};
pub use factory::{ConnectorFactory, ConnectorTypeInfo, CredentialField};
pub use run::{Crash, FaultPoints, NoEvents, NoFaultPoints, RunEvent, RunEvents};
pub use sealer::{Place, SealError, Sealer};
pub use store::*;

/// A future on the heap, so that every port stays usable as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
