//! A few threads over one bounded queue, each of which takes a connection from an r2d2 pool for every message.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::r2d2::Pool;
use syncline_domain::Fault;
use tokio::sync::mpsc;

use crate::error::StorageError;
use crate::inbox::Queue;
use crate::manager::DbManager;
use crate::unit::{Message, Unit};
use crate::wake::Bells;

/// How long a unit waits for a connection before the database counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The connections of all threads.
pub(crate) type Connections = Pool<DbManager>;

/// Runs units on the threads, many at once.
pub(crate) trait Runner: Send + Sync {
    /// Runs a unit, or sees that another thread does, which then answers it.
    fn run(&self, connections: &Connections, unit: Unit, bells: &Bells);
}

/// Why there is no connection.
pub(crate) fn away(error: &dyn std::fmt::Display) -> Fault {
    Fault::Unavailable(format!("the database is away: {error}"))
}

/// Where connections come from.
pub(crate) struct Supply {
    pub(crate) manager: DbManager,
    /// Whether the database is asked before each use of a connection.
    pub(crate) check: bool,
}

/// The threads. Dropping them lets them finish everything that was handed over.
pub(crate) struct Workers {
    queue: Option<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts as many threads as there are connections.
    pub(crate) fn start(
        name: &str,
        count: u32,
        supply: Supply,
        bells: &Arc<Bells>,
        runner: Arc<dyn Runner>,
    ) -> Result<Self, StorageError> {
        let pool = Pool::builder()
            .max_size(count.max(1))
            .min_idle(Some(1))
            .test_on_check_out(supply.check)
            .connection_timeout(PATIENCE)
            .build(supply.manager)
            .map_err(|error| StorageError::Query(error.to_string()))?;
        let (queue, messages) = Queue::plain();
        let messages = Arc::new(Mutex::new(messages));
        let mut threads = Vec::new();
        for number in 1..=count.max(1) {
            let (pool, messages) = (pool.clone(), Arc::clone(&messages));
            let (bells, runner) = (Arc::clone(bells), Arc::clone(&runner));
            let thread = std::thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || serve(&pool, &messages, &bells, runner.as_ref()))
                .map_err(|error| StorageError::Query(format!("{name} does not start: {error}")))?;
            threads.push(thread);
        }
        Ok(Self { queue: Some(queue), threads })
    }

    /// Where to hand units over.
    pub(crate) const fn queue(&self) -> Option<&Queue> {
        self.queue.as_ref()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.take();
        for thread in self.threads.drain(..) {
            if join(thread).is_err() {
                log::error!("a thread of the store ended by a panic");
            }
        }
    }
}

/// How the names of all threads of a store begin.
pub(crate) const THREADS: &str = "store-";

/// Waits for the end of one of the store's threads, unless one of them asks: the last unit of work may hold the last
/// handle on the store. Its thread must then wait neither for itself nor for others, which wait for it; all of them end
/// by themselves once that unit is done.
pub(crate) fn join(thread: std::thread::JoinHandle<()>) -> std::thread::Result<()> {
    if std::thread::current().name().is_some_and(|name| name.starts_with(THREADS)) {
        return Ok(());
    }
    thread.join()
}

fn serve(
    pool: &Connections,
    messages: &Mutex<mpsc::Receiver<Message>>,
    bells: &Bells,
    runner: &dyn Runner,
) {
    loop {
        // The lock is held while waiting: one thread waits for the queue, the others for the lock.
        let next = messages.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match next {
            None => return,
            Some(Message::Unit(unit)) => runner.run(pool, unit, bells),
            // Without a connection the task is dropped, of which its caller learns by the closed channel.
            Some(Message::Task(task)) => {
                if let Ok(mut db) = pool.get() {
                    task(&mut db);
                }
            }
        }
    }
}
