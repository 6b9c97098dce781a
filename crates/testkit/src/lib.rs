//! Stand-ins for every port.

mod chance;
mod clock;
mod faulty;
mod mem;

pub use chance::{SeededRng, SeqIds};
pub use clock::ManualClock;
pub use faulty::{FaultyStore, Moment};
pub use mem::MemStore;
