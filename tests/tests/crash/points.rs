//! Where a server may be told to die: around every transaction on the way of a delivery, and at the engine's points.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Crash, FaultPoints, Store, Topic, TxWork, Wakeup};

/// The transactions of the receiver and the queue on the way of a delivery, in the order in which it passes them.
pub const TRANSACTIONS: &[&str] = &[
    "close_orphans",
    "rescue_jobs",
    "webhook accept",
    "queue_claim",
    "start_run",
    "close_run",
    "queue_turn",
];

/// Those of a run. The engine has points of its own around each of them, so these are for the long form.
pub const WITHIN_A_RUN: &[&str] = &[
    "recover",
    "put_intents",
    "record_writes",
    "put_comment_intents",
    "record_comments",
    "commit_page",
];

/// Transactions that a server under load passes besides. They say nothing about deliveries.
pub const BESIDES: &[&str] = &[
    "claim outbox",
    "prune",
    "renew the scheduler's lease",
    "renew_jobs",
    "renew_lease",
    "reseal a webhook",
    "reseal the mail password",
    "take the scheduler's lease",
    "time looks",
    "watch",
    "worker alive",
];

/// The moments around a transaction.
pub const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Within, Moment::After];

/// When around a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of it is written.
    Before,
    /// All of it is written, and nothing is committed.
    Within,
    /// It is committed, and nobody was told.
    After,
}

impl Moment {
    const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Within => "within",
            Self::After => "after",
        }
    }

    /// The point's name.
    pub fn of(self, transaction: &str) -> String {
        format!("{} {transaction}", self.word())
    }
}

/// All points: those around transactions, and the engine's.
pub fn all(long: bool) -> Vec<String> {
    let around = |name: &&str| MOMENTS.map(|moment| moment.of(name));
    let mut points: Vec<String> = TRANSACTIONS.iter().flat_map(around).collect();
    if long {
        points.extend(WITHIN_A_RUN.iter().flat_map(around));
    }
    points.extend(syncline_engine::fault_points::ALL.iter().map(|point| (*point).to_owned()));
    points
}

/// Aborts the process at the n-th pass of a point. Tells a file which transactions were passed, each once.
pub struct Death {
    point: String,
    passes_left: Mutex<u64>,
    seen: Mutex<(BTreeSet<&'static str>, Option<File>)>,
}

impl Death {
    /// Dies at the `nth` pass (from 1) of `point`.
    pub fn at(point: &str, nth: u64) -> Arc<Self> {
        let seen = Mutex::new((BTreeSet::new(), None));
        Arc::new(Self { point: point.to_owned(), passes_left: Mutex::new(nth), seen })
    }

    /// Dies nowhere, and writes down what it passes.
    pub fn never(told: PathBuf) -> Arc<Self> {
        let file = File::create(told).unwrap();
        let seen = Mutex::new((BTreeSet::new(), Some(file)));
        Arc::new(Self { point: String::new(), passes_left: Mutex::new(0), seen })
    }

    fn pass(&self, point: &str) {
        if point != self.point {
            return;
        }
        let mut left = self.passes_left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(1);
        if *left == 0 {
            std::process::abort();
        }
    }

    fn see(&self, transaction: &'static str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (names, file) = &mut *seen;
        if let (true, Some(file)) = (names.insert(transaction), file) {
            file.write_all(format!("{transaction}\n").as_bytes()).unwrap();
        }
    }
}

impl FaultPoints for Death {
    fn reach(&self, point: &'static str) -> Result<(), Crash> {
        self.pass(point);
        Ok(())
    }
}

/// A store around whose transactions a process may die.
pub struct MortalStore {
    pub inner: Arc<dyn Store>,
    pub death: Arc<Death>,
}

impl Store for MortalStore {
    fn tx_raw(&self, name: &'static str, mut work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async move {
            self.death.see(name);
            self.death.pass(&Moment::Before.of(name));
            let death = Arc::clone(&self.death);
            let within = Moment::Within.of(name);
            let mortal: TxWork = Box::new(move |tx| {
                work(tx)?;
                death.pass(&within);
                Ok(())
            });
            self.inner.tx_raw(name, mortal).await?;
            self.death.pass(&Moment::After.of(name));
            Ok(())
        })
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.view_raw(name, work)
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.inner.wakeup(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.inner.ready()
    }
}
