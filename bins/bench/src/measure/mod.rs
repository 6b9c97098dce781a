//! The measurements, in the order in which they run.

mod cpu;
mod files;
mod idle;
mod ingest;
mod ingest_under_load;
mod memory;
mod notifications;
mod pace;
mod peers;
mod queue;
mod requests;
mod schedules;
mod start;
mod store;
mod story;

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
        name: "idle",
        about: "requests and processor time of two-way runs in which nothing changed",
        run: idle::run,
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
    Measurement {
        name: "files",
        about: "files of items: pace and memory, by their size",
        run: files::run,
    },
    Measurement {
        name: "story",
        about: "history a pair, time of an explanation, requests of a census",
        run: story::run,
    },
    Measurement { name: "start", about: "the server: start, rest, size", run: start::run },
    Measurement {
        name: "store",
        about: "transactions on SQLite with synchronous=FULL",
        run: store::run,
    },
    Measurement {
        name: "ingest",
        about: "signed deliveries of 2 KB beside the bare ceiling, durable before the answer",
        run: ingest::run,
    },
    Measurement {
        name: "ingest-under-load",
        about: "100 signed deliveries a second while three syncs run",
        run: ingest_under_load::run,
    },
    Measurement {
        name: "queue",
        about: "jobs: put in, worked off, and begun on an idle queue",
        run: queue::run,
    },
    Measurement {
        name: "schedules",
        about: "schedules: 1,000 due at one minute, and 10,000 in all",
        run: schedules::run,
    },
    Measurement {
        name: "notifications",
        about: "messages a second through the outbox",
        run: notifications::run,
    },
];
