//! Wake-ups between processes on PostgreSQL: one thread over one connection tells and hears.
//!
//! What is committed here is told by this thread soon after, and not in the transaction itself: PostgreSQL lets only
//! one transaction at a time commit a NOTIFY, which would undo its group commit; and many commits are told at once.
//! A process that ends between its commit and the telling tells nobody. That is no loss: a wake-up is a hint, and those
//! who wait look by themselves now and then.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use syncline_domain::ports::Topic;

use crate::config::Place;
use crate::db::Db;
use crate::error::StorageError;
use crate::manager::{Purpose, connect};
use crate::statement::Statement;
use crate::wake::{Bells, Topics, Untold};

/// How often the connection is looked at for news, which costs no round trip.
const LOOK: Duration = Duration::from_millis(5);

/// The first and the longest pause between attempts to connect again. A commit of our own ends it early: then the
/// server is there.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

const LISTEN: &str = "LISTEN syncline_jobs; LISTEN syncline_outbox; LISTEN syncline_schedules";

const fn tell(topic: Topic) -> &'static str {
    match topic {
        Topic::Jobs => "NOTIFY syncline_jobs",
        Topic::Outbox => "NOTIFY syncline_outbox",
        Topic::Schedules => "NOTIFY syncline_schedules",
    }
}

fn heard(channel: &str) -> Option<Topic> {
    let word = channel.strip_prefix("syncline_")?;
    Topic::ALL.iter().copied().find(|topic| topic.as_str() == word)
}

/// The thread. It ends when the bells are gone.
pub(crate) struct Listener(Option<JoinHandle<()>>);

impl Listener {
    /// Listens from now on.
    pub(crate) fn start(
        place: Place,
        bells: &Arc<Bells>,
        untold: Untold,
    ) -> Result<Self, StorageError> {
        let ear = Ear::open(&place)?;
        let bells = Arc::downgrade(bells);
        let thread = std::thread::Builder::new()
            .name("store-listener".to_owned())
            .spawn(move || run(&place, ear, &bells, &untold))
            .map_err(|error| {
                StorageError::Query(format!("the listener does not start: {error}"))
            })?;
        Ok(Self(Some(thread)))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && crate::workers::join(thread).is_err()
        {
            log::error!("the store's listener ended by a panic");
        }
    }
}

/// A connection that listens.
struct Ear {
    db: PgConnection,
    /// Of our end at the server: what it told itself is no news.
    process: i32,
}

impl Ear {
    fn open(place: &Place) -> Result<Self, StorageError> {
        let mut db = connect(place, Purpose::Write)?;
        db.batch(LISTEN)?;
        let Db::Pg(mut db) = db else {
            return Err(StorageError::Query("only PostgreSQL tells of commits".to_owned()));
        };
        let ask: Statement<Integer> = Statement::new("SELECT pg_backend_pid()");
        let process = ask.get_result(&mut db)?;
        Ok(Self { db, process })
    }

    fn tell(&mut self, topics: Topics) -> QueryResult<()> {
        use diesel::connection::SimpleConnection as _;

        let told = Topic::ALL.iter().copied().filter(|topic| topics.has(*topic));
        for topic in told {
            self.db.batch_execute(tell(topic))?;
        }
        Ok(())
    }

    fn news(&mut self) -> QueryResult<Topics> {
        let mut topics = Topics::NONE;
        for notification in self.db.notifications_iter() {
            let notification = notification?;
            if notification.process_id != self.process
                && let Some(topic) = heard(&notification.channel)
            {
                topics.add(topic);
            }
        }
        Ok(topics)
    }
}

fn run(place: &Place, mut ear: Ear, bells: &Weak<Bells>, untold: &Untold) {
    loop {
        match untold.signal.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let topics = untold.take();
        match ear.tell(topics).and_then(|()| ear.news()) {
            Ok(news) => ring(bells, news),
            Err(error) => {
                log::warn!("the connection that tells of commits is lost: {error}");
                untold.put_back(topics);
                let Some(again) = open_again(place, untold) else { return };
                log::info!("commits of other processes are heard again");
                ear = again;
                // Nobody knows what was told meanwhile.
                ring(bells, Topics::ALL);
            }
        }
    }
}

fn ring(bells: &Weak<Bells>, topics: Topics) {
    if !topics.is_empty()
        && let Some(bells) = bells.upgrade()
    {
        bells.ring(topics);
    }
}

/// Connects again, trying until it works; `None` when the store is closed meanwhile.
fn open_again(place: &Place, untold: &Untold) -> Option<Ear> {
    let (mut pause, longest) = PAUSES;
    loop {
        match untold.signal.recv_timeout(pause) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        match Ear::open(place) {
            Ok(ear) => return Some(ear),
            Err(error) => log::debug!("commits of other processes are not heard: {error}"),
        }
        pause = (pause * 2).min(longest);
    }
}
