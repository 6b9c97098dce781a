//! Senders: each changes items of its own and tells the server so, over and over, whatever becomes of the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use syncline_testkit::SeededRng;
use syncline_tests::judge;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::judgement::PATIENCE;
use crate::scene::{Change, Event, Scene};

const SENDERS: u64 = 8;

/// How often a sender has something to tell.
const EVERY: Duration = Duration::from_millis(100);

/// One in so many events is given up by its sender when no answer comes; the others are sent until one does.
const GIVES_UP: u64 = 4;

/// A delivery that was accepted: what the first ledger has.
#[derive(Clone, Debug)]
pub struct Told {
    pub event: Event,
    /// The row, as the reply named it.
    pub delivery: i64,
    /// The job, as the reply named it.
    pub job: Option<String>,
}

/// What the senders know.
#[derive(Default)]
pub struct Ledger {
    told: Mutex<Vec<Told>>,
    given_up: Mutex<Vec<Event>>,
    last_event: AtomicU64,
    /// How many requests got no answer.
    pub unanswered: AtomicU64,
}

impl Ledger {
    /// What was accepted.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Of what nobody knows whether it was accepted.
    pub fn given_up(&self) -> Vec<Event> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn accepted(&self) -> usize {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The senders at work.
pub struct Load {
    scene: Arc<Scene>,
    pub ledger: Arc<Ledger>,
    accepted: watch::Receiver<usize>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Starts all senders.
    pub fn start(scene: &Arc<Scene>, seed: u64) -> Self {
        let ledger = Arc::new(Ledger::default());
        let (stop, stopped) = watch::channel(false);
        let (accepted, count) = watch::channel(0);
        let mut tasks = JoinSet::new();
        for number in 0..SENDERS {
            let own = judge::bugs(&scene.from).into_iter().map(|bug| bug.id);
            let sender = Sender {
                scene: Arc::clone(scene),
                ledger: Arc::clone(&ledger),
                accepted: accepted.clone(),
                items: own.skip(usize::try_from(number).unwrap()).step_by(8).collect(),
                chance: SeededRng::new(seed ^ (number + 1)),
            };
            tasks.spawn(sender.work(stopped.clone()));
        }
        Self { scene: Arc::clone(scene), ledger, accepted: count, stop, tasks }
    }

    /// Waits until one more delivery was accepted.
    ///
    /// # Panics
    /// When none is for long, or when a sender gave up.
    pub async fn one_more(&mut self) {
        let (now, mut count) = (self.ledger.accepted(), self.accepted.clone());
        tokio::select! {
            one = timeout(PATIENCE, count.wait_for(|count| *count > now)) => {
                one.expect("no delivery is accepted any more").unwrap();
            }
            Some(ended) = self.tasks.join_next() => panic!("a sender ended: {ended:?}"),
        }
    }

    /// Lets every sender bring to an end what it has begun. A server must be there.
    pub async fn stop(mut self) -> Arc<Ledger> {
        assert!(self.scene.address.borrow().is_some(), "somebody has to answer");
        self.stop.send_replace(true);
        let all = async {
            while let Some(done) = self.tasks.join_next().await {
                done.unwrap();
            }
        };
        timeout(PATIENCE, all).await.expect("senders go on without an answer");
        self.ledger
    }
}

struct Sender {
    scene: Arc<Scene>,
    ledger: Arc<Ledger>,
    accepted: watch::Sender<usize>,
    items: Vec<String>,
    chance: SeededRng,
}

impl Sender {
    async fn work(mut self, stopped: watch::Receiver<bool>) {
        let mut pace = interval(EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stopped.borrow() {
            pace.tick().await;
            let number = self.ledger.last_event.fetch_add(1, Ordering::Relaxed) + 1;
            let event = self.scene.change(&self.choose(), number);
            if event.kind == "created" {
                self.items.push(event.item.clone());
            }
            self.send(event, &mut pace).await;
        }
    }

    fn choose(&self) -> Change {
        let which = usize::try_from(self.chance.below(1_000)).unwrap() % self.items.len();
        let item = self.items[which].clone();
        match self.chance.below(40) {
            0 => Change::New,
            1..=4 => Change::Comment(item),
            _ => Change::Title(item),
        }
    }

    /// Sends it until there is an answer, or once.
    async fn send(&self, event: Event, pace: &mut Interval) {
        let insists = self.chance.below(GIVES_UP) != 0;
        let mut address = self.scene.address.subscribe();
        loop {
            let here = address.wait_for(Option::is_some).await.unwrap().clone().unwrap();
            let Some(answer) = self.scene.deliver(&event, &here).await else {
                self.ledger.unanswered.fetch_add(1, Ordering::Relaxed);
                if !insists {
                    self.ledger.given_up.lock().unwrap().push(event);
                    return;
                }
                pace.tick().await;
                continue;
            };
            match answer.status {
                202 => return self.note(event, &answer.told),
                // The database is away for a moment, or the server is on its way out.
                503 => drop(pace.tick().await),
                // The port of a server that is gone may be somebody else's by now.
                _ if *address.borrow() != Some(here) => {}
                other => panic!("{event:?}: {other} {}", answer.told),
            }
        }
    }

    fn note(&self, event: Event, told: &serde_json::Value) {
        let delivery = told["delivery_id"].as_i64().unwrap();
        let job = told["job_id"].as_str().map(str::to_owned);
        self.ledger.told.lock().unwrap().push(Told { event, delivery, job });
        self.accepted.send_modify(|count| *count += 1);
    }
}
