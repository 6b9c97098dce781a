//! The store: opens the database, and hands transactions to the threads that run them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Clock, Store, Topic, TxWork, Wakeup};
use tokio::sync::oneshot;

use crate::check::{Health, look};
use crate::checkpoint::Checkpointer;
use crate::config::{DatabaseConfig, Place};
use crate::db::Db;
use crate::error::StorageError;
use crate::inbox::{Lane, Queue, closed};
use crate::lanes::Lanes;
use crate::listen::Listener;
use crate::manager::{DbManager, Purpose, connect, create_file};
use crate::migrate;
use crate::readers::Readers;
use crate::unit::{Message, Unit, answer_of};
use crate::wake::Bells;
use crate::workers::{Supply, Workers};
use crate::writer::{Counters, Writer};

/// Milliseconds after which a transaction is worth a line in the log.
const SLOW_MS: u128 = 1_000;

/// A store on SQLite or PostgreSQL. Dropping it finishes what was handed over, which blocks for a moment.
pub struct Storage {
    // Dropped in this order: nobody is nudged, or asked to read, after the writer has gone.
    writer: Hands,
    readers: Option<Workers>,
    _checkpointer: Option<Checkpointer>,
    counters: Arc<Counters>,
    bells: Arc<Bells>,
    // Ends when the bells are gone.
    _listener: Option<Listener>,
    place: Place,
    clock: Arc<dyn Clock>,
}

/// Who writes.
enum Hands {
    One(Writer),
    Many(Workers),
}

/// What the store has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Writing transactions that were handed over (SQLite only).
    pub units: u64,
    /// Commits they took: fewer when several waited at once (SQLite only).
    pub commits: u64,
}

impl Storage {
    /// Opens the database, making the file where there is none, and migrates it unless told otherwise. Blocks.
    ///
    /// # Errors
    /// When the address is wrong, the database is away, refuses us, or belongs to a newer version.
    pub fn open(config: &DatabaseConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StorageError> {
        let place = config.place()?;
        if let Place::File(path) = &place {
            create_file(path)?;
        }
        let mut first = connect(&place, Purpose::Write)?;
        if config.migrate {
            for done in migrate::migrate(&mut first)? {
                log::info!("migrated the database to {done}");
            }
        } else {
            migrate::pending(&mut first)?;
        }
        let store = Self::staffed(place, first, config.connections, clock)?;
        Ok(Arc::new(store))
    }

    fn staffed(
        place: Place,
        first: Db,
        connections: u32,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StorageError> {
        let counters = Arc::new(Counters::default());
        let (bells, untold) = Bells::new(matches!(place, Place::Server(_)));
        let write = |db, nudge| {
            let (counters, bells) = (Arc::clone(&counters), Arc::clone(&bells));
            Writer::start(db, counters, bells, nudge, Arc::clone(&clock))
        };
        let (writer, readers, checkpointer) = match &place {
            Place::Memory => (Hands::One(write(first, None)?), None, None),
            Place::File(path) => {
                let checkpointer = Checkpointer::start(path)?;
                let pool =
                    Supply { manager: DbManager::new(place.clone(), Purpose::Read), check: false };
                let readers =
                    Workers::start("store-reader", connections, pool, &bells, Arc::new(Readers))?;
                let writer = write(first, checkpointer.nudge())?;
                (Hands::One(writer), Some(readers), Some(checkpointer))
            }
            Place::Server(_) => {
                let pool =
                    Supply { manager: DbManager::new(place.clone(), Purpose::Write), check: true };
                let workers = Workers::start(
                    "store-worker",
                    connections,
                    pool,
                    &bells,
                    Arc::new(Lanes::default()),
                )?;
                (Hands::Many(workers), None, None)
            }
        };
        let listener =
            untold.map(|untold| Listener::start(place.clone(), &bells, untold)).transpose()?;
        Ok(Self {
            writer,
            readers,
            _checkpointer: checkpointer,
            counters,
            bells,
            _listener: listener,
            place,
            clock,
        })
    }

    /// Where the database is, without secrets.
    #[must_use]
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    /// What was done so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            units: self.counters.units.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
        }
    }

    /// The numbers of migrations that are missing, oldest first.
    ///
    /// # Errors
    /// When the database is away or belongs to a newer version.
    pub async fn migrations_pending(&self) -> Result<Vec<String>, StorageError> {
        self.task(self.reading(), migrate::pending).await
    }

    /// Carries out what is missing; answers the numbers of what it did.
    ///
    /// # Errors
    /// As [`Storage::migrations_pending`], and when a migration fails; nothing of it is kept then.
    pub async fn migrate(&self) -> Result<Vec<String>, StorageError> {
        self.task(self.writing(), migrate::migrate).await
    }

    /// Takes all migrations back, **and all data with them**.
    ///
    /// # Errors
    /// As [`Storage::migrate`].
    pub async fn revert_all(&self) -> Result<(), StorageError> {
        self.task(self.writing(), migrate::revert_all).await
    }

    /// Examines the database while it is in use. Reads all of a SQLite file.
    ///
    /// # Errors
    /// When the database is away, or not sound.
    pub async fn check(&self) -> Result<Health, StorageError> {
        self.task(self.reading(), look).await
    }

    const fn writing(&self) -> Option<&Queue> {
        match &self.writer {
            Hands::One(writer) => writer.queue(),
            Hands::Many(workers) => workers.queue(),
        }
    }

    const fn reading(&self) -> Option<&Queue> {
        match &self.readers {
            Some(readers) => readers.queue(),
            None => self.writing(),
        }
    }

    /// Runs upkeep on a thread that has a connection.
    async fn task<T: Send + 'static>(
        &self,
        queue: Option<&Queue>,
        work: fn(&mut Db) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let gone = || StorageError::Open {
            place: self.place(),
            reason: "the database is away".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        let task = Message::Task(Box::new(move |db| {
            let _gone = answer.send(work(db));
        }));
        let queue = queue.ok_or_else(gone)?;
        queue.hand_over(Lane::Ordinary, task).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn run(
        &self,
        (queue, lane): (Option<&Queue>, Lane),
        unit: (Unit, oneshot::Receiver<Result<(), Fault>>),
    ) -> Result<(), Fault> {
        let began = self.clock.monotonic();
        let (unit, answered) = unit;
        let name = unit.name;
        queue.ok_or_else(closed)?.hand_over(lane, Message::Unit(unit)).await?;
        let result = answer_of(answered).await;
        let took = self.clock.monotonic().saturating_sub(began).as_millis();
        if took >= SLOW_MS {
            log::warn!(transaction = name; "a transaction took {took} ms, waiting included");
        }
        result
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Store for Storage {
    fn tx_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.run((self.writing(), Lane::Ordinary), Unit::new(name, true, work)))
    }

    fn urgent_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.run((self.writing(), Lane::Urgent), Unit::new(name, true, work)))
    }

    fn view_raw(&self, name: &'static str, work: TxWork) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.run((self.reading(), Lane::Ordinary), Unit::new(name, false, work)))
    }

    fn wakeup(&self, topic: Topic) -> Box<dyn Wakeup> {
        self.bells.listen(topic)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            let missing = self.migrations_pending().await;
            match missing {
                Ok(missing) if missing.is_empty() => Ok(()),
                Ok(missing) => Err(Fault::Unavailable(format!(
                    "the database lacks migrations ({}); run the migrate command",
                    missing.join(", ")
                ))),
                Err(error) => Err(Fault::Unavailable(error.to_string())),
            }
        })
    }
}
