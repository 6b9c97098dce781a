//! Stand-ins for every port.

mod chance;
mod clock;
pub mod connector_suite;
mod fake;
mod faulty;
mod listen;
mod mem;
mod postgres;
pub mod require;
pub mod rows;
pub mod store_suite;

pub use chance::{SeededRng, SeqIds};
pub use clock::ManualClock;
pub use fake::{
    Effect, EffectOp, FakeBuilder, FakeConnector, Method, Planned, Quirks, Request, Rewrite,
    bug_tracker, helpdesk, person,
};
pub use faulty::{FaultyStore, Moment};
pub use listen::{RecordingEvents, ScriptedFaultPoints};
pub use mem::MemStore;
pub use postgres::{EXTERNAL as EXTERNAL_POSTGRES, TestDatabase};
