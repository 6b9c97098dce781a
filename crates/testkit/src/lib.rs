//! Stand-ins, contract suites and starters for tests.
//!
//! # What is here
//! - Time and chance: [`ManualClock`], [`SeededRng`], [`SeqIds`].
//! - Stand-ins: [`MemStore`] and [`FaultyStore`]; [`FakeConnector`], a whole tracker in memory with other people in it,
//!   planned faults and an effect log; [`FakeFactory`], [`PlainSealer`]; [`RecordingEvents`], [`ScriptedFaultPoints`].
//! - Scenery: [`rows`] with sensible values, [`World`] and [`ConfigPlan`] for a store with trackers registered and a
//!   configuration between them.
//! - [`generators`]: strategies for properties, from odd texts to values of a field type.
//! - Contracts: [`mod@store_suite`] and [`mod@connector_suite`]. A new implementation of a port starts by passing its
//!   suite.
//! - Starters: [`TestDatabase`], a throw-away PostgreSQL; [`SmtpServer`], a real mail server; [`require`], the rule
//!   for what a machine may lack.
//!
//! # Invariants
//! - The stand-ins pass the suites that the real implementations pass, so a test on a stand-in says something about
//!   the product.
//! - Nothing here reads the machine's clock or its chance, but for names that must differ between runs.
//! - What cannot be tested on this machine is said in one line on standard error, never skipped in silence.
//!
//! # What is deliberately absent
//! Mocks that expect calls: tests judge by what is in the store and in the trackers' effect logs. Library code must not
//! depend on this crate; it panics where a test should fail.
//!
//! ```
//! use serde_json::json;
//! use syncline_testkit::{FakeConnector, ManualClock};
//!
//! let clock = ManualClock::new();
//! let tracker = FakeConnector::bugs(&clock);
//! let id = tracker.create_as("ada", "bug", json!({"title": "It is broken"}));
//! clock.advance(std::time::Duration::from_secs(60));
//! tracker.edit_as("bob", &id, json!({"priority": "High"}));
//! assert_eq!(tracker.effects().len(), 2);
//! assert!(tracker.own_effects().is_empty());
//! ```

mod chance;
mod clock;
pub mod connector_suite;
mod factory;
mod fake;
mod faulty;
mod files;
pub mod generators;
mod listen;
mod mem;
mod plan;
mod postgres;
pub mod require;
pub mod rows;
mod smtp;
pub mod store_suite;
mod world;

pub use chance::{SeededRng, SeqIds};
pub use clock::ManualClock;
pub use factory::{FakeFactory, PlainSealer};
pub use fake::{
    Effect, EffectOp, FakeBuilder, FakeConnector, Method, Planned, Quirks, Request, Rewrite,
    bug_tracker, helpdesk, person,
};
pub use faulty::{FaultyStore, Moment};
pub use files::file_bytes;
pub use listen::{RecordingEvents, ScriptedFaultPoints};
pub use mem::MemStore;
pub use plan::ConfigPlan;
pub use postgres::{EXTERNAL as EXTERNAL_POSTGRES, TestDatabase, TestServer};
pub use smtp::{ReceivedMail, SmtpServer, SmtpWay};
pub use world::{World, store_schema};
