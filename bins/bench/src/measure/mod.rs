//! The measurements, in the order in which they run.

mod cpu;
mod memory;
mod pace;
mod requests;
mod start;
mod store;

use tokio::runtime::Runtime;

use crate::Wishes;
use crate::report::Report;

/// One measurement.
pub(crate) struct Measurement {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it measures.
    pub(crate) about: &'static str,
    /// Does it.
    pub(crate) run: fn(&Runtime, &Wishes, &mut Report) -> anyhow::Result<()>,
}

/// All of them.
pub(crate) const ALL: &[Measurement] = &[
    Measurement {
        name: "requests",
        about: "requests between two Azure DevOps sandboxes against the fewest possible",
        run: requests::run,
    },
    Measurement {
        name: "cpu",
        about: "processor time an item, without the tracker's share",
        run: cpu::run,
    },
    Measurement {
        name: "pace",
        about: "a first sync beside the floor client, by latency and calls in flight",
        run: pace::run,
    },
    Measurement {
        name: "memory",
        about: "the most memory that a first sync takes, by number of items",
        run: memory::run,
    },
    Measurement { name: "start", about: "the server: start, rest, size", run: start::run },
    Measurement {
        name: "store",
        about: "transactions on SQLite with synchronous=FULL",
        run: store::run,
    },
];
