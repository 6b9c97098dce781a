//! What threads are asked to do, and how a transaction's work is run so that it harms nobody else.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use syncline_domain::Fault;
use syncline_domain::ports::TxWork;
use tokio::sync::oneshot;

use crate::db::Db;
use crate::tx::DbTx;
use crate::wake::{Bells, Topics};

/// Something for a thread that has a connection.
pub(crate) enum Message {
    /// A transaction.
    Unit(Unit),
    /// Upkeep, outside of any transaction.
    Task(Task),
}

/// Work on a bare connection.
pub(crate) type Task = Box<dyn FnOnce(&mut Db) + Send>;

/// The work of one transaction with the way back to its caller.
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) writable: bool,
    work: TxWork,
    /// Whom its commit wakes, once it was run.
    pub(crate) wakes: Topics,
    /// Set when the work panicked: its own state may be half changed, so it is never run again.
    panicked: Option<Fault>,
    answer: oneshot::Sender<Result<(), Fault>>,
}

impl Unit {
    /// A unit and the end at which its answer arrives.
    pub(crate) fn new(
        name: &'static str,
        writable: bool,
        work: TxWork,
    ) -> (Self, oneshot::Receiver<Result<(), Fault>>) {
        let (answer, answered) = oneshot::channel();
        (Self { name, writable, work, wakes: Topics::NONE, panicked: None, answer }, answered)
    }

    /// Runs the work inside a transaction that the caller began and ends.
    pub(crate) fn attempt(&mut self, db: &mut Db) -> Result<(), Fault> {
        if let Some(fault) = &self.panicked {
            return Err(fault.clone());
        }
        let work = &mut self.work;
        let mut tx = DbTx::new(db, self.writable);
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut tx))).unwrap_or_else(|panic| {
            let words = words_of(panic.as_ref());
            log::error!(transaction = self.name; "a transaction panicked: {words}");
            let fault = Fault::Internal(format!("transaction {} panicked: {words}", self.name));
            self.panicked = Some(fault.clone());
            Err(fault)
        });
        self.wakes = tx.wakes();
        result
    }

    /// Tells the caller, who may have gone, and wakes others when it was committed.
    pub(crate) fn settle(self, result: Result<(), Fault>, bells: &Bells) {
        if result.is_ok() {
            bells.committed(self.wakes);
        }
        let _gone = self.answer.send(result);
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// Waits for an answer.
pub(crate) async fn answer_of<T>(
    answered: oneshot::Receiver<Result<T, Fault>>,
) -> Result<T, Fault> {
    answered.await.unwrap_or_else(|_| {
        Err(Fault::Unavailable("the store was closed before the transaction ran".to_owned()))
    })
}
