//! What waits for the one writer, and in which order it goes.
//!
//! Urgent units, for which somebody outside waits, have a lane of their own. They go first; and those that come while
//! ordinary ones run join their transaction, which ends then. Invariants: an urgent unit waits for one ordinary unit at
//! most, or for [`LONGEST`] of short ones; and of two transactions in a row one takes ordinary units, if any wait.
//! Guarded by `an_urgent_unit_is_committed_before_the_second_of_two_long_ones` and
//! `however_many_hurry_an_ordinary_unit_gets_its_turn`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use syncline_domain::Fault;
use syncline_domain::ports::Clock;
use tokio::sync::mpsc;

use crate::unit::{Message, Unit};

/// Messages of a lane that may wait before callers have to.
const QUEUE: usize = 1_024;

/// For how long ordinary units are added to a transaction. A unit is not cut: it may take longer.
const LONGEST: Duration = Duration::from_millis(10);

/// How a unit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// In its turn.
    Ordinary,
    /// Ahead of those.
    Urgent,
}

/// Where messages are handed over.
pub(crate) struct Queue {
    ordinary: mpsc::Sender<Message>,
    urgent: Option<(mpsc::Sender<Message>, SyncSender<()>)>,
}

impl Queue {
    /// With one lane, for those who work side by side anyway.
    pub(crate) fn plain() -> (Self, mpsc::Receiver<Message>) {
        let (ordinary, messages) = mpsc::channel(QUEUE);
        (Self { ordinary, urgent: None }, messages)
    }

    /// With two lanes, for one who takes from both.
    pub(crate) fn with_lanes(clock: Arc<dyn Clock>) -> (Self, Inbox) {
        let (ordinary, waiting) = mpsc::channel(QUEUE);
        let (urgent, hurrying) = mpsc::channel(QUEUE);
        let (bell, rings) = sync_channel(1);
        let inbox = Inbox {
            ordinary: waiting,
            urgent: hurrying,
            rings,
            clock,
            held: None,
            turn: Turn::default(),
        };
        (Self { ordinary, urgent: Some((urgent, bell)) }, inbox)
    }

    /// Hands a message over, waiting while its lane is full.
    pub(crate) async fn hand_over(&self, lane: Lane, message: Message) -> Result<(), Fault> {
        let to = match (lane, &self.urgent) {
            (Lane::Urgent, Some((urgent, _))) => urgent,
            (Lane::Ordinary, _) | (Lane::Urgent, None) => &self.ordinary,
        };
        to.send(message).await.map_err(|_| closed())?;
        if let Some((_, bell)) = &self.urgent {
            // One ring that waits says as much as many.
            let _rings_already = bell.try_send(());
        }
        Ok(())
    }
}

/// What callers are told who come too late.
pub(crate) fn closed() -> Fault {
    Fault::Unavailable("the store is closed".to_owned())
}

/// The writer's end.
pub(crate) struct Inbox {
    ordinary: mpsc::Receiver<Message>,
    urgent: mpsc::Receiver<Message>,
    rings: Receiver<()>,
    clock: Arc<dyn Clock>,
    /// Taken out, but for the next turn.
    held: Option<Message>,
    turn: Turn,
}

/// What one transaction is made of.
#[derive(Default)]
struct Turn {
    began: Duration,
    /// How many ordinary messages it may still take: those that waited when it began.
    left: usize,
    /// It has taken an urgent unit, so that it is to end soon.
    hurries: bool,
    /// It has taken an ordinary message.
    served: bool,
}

impl Inbox {
    /// Waits until there may be something; false when nothing will come any more.
    pub(crate) fn wait(&self) -> bool {
        self.rings.recv().is_ok()
    }

    /// Begins a turn with its first message, which is ordinary where the last turn had none of those.
    pub(crate) fn first(&mut self) -> Option<Message> {
        let owed = !self.turn.served;
        self.turn =
            Turn { began: self.clock.monotonic(), left: self.ordinary.len(), ..Turn::default() };
        if let Some(message) = self.held.take() {
            self.turn.served = true;
            return Some(message);
        }
        if owed && let Some(message) = self.next_ordinary() {
            return Some(message);
        }
        self.next_urgent().or_else(|| self.next_ordinary())
    }

    /// Whether the turn is one urgent unit and nobody else waits.
    pub(crate) fn is_alone(&self) -> bool {
        self.turn.hurries && !self.turn.served && self.urgent.is_empty() && self.ordinary.is_empty()
    }

    /// Another unit for the turn.
    pub(crate) fn more(&mut self) -> Option<Unit> {
        let ordinary =
            if self.turn.hurries || self.is_late() { None } else { self.next_ordinary() };
        let message = ordinary.or_else(|| self.next_urgent());
        self.unit(message)
    }

    /// Another unit for a turn that came to nothing, however long that took.
    pub(crate) fn rest(&mut self) -> Option<Unit> {
        let message = self.next_urgent().or_else(|| self.next_ordinary());
        self.unit(message)
    }

    /// Upkeep is no part of a transaction: it is kept for the next turn.
    fn unit(&mut self, message: Option<Message>) -> Option<Unit> {
        match message? {
            Message::Unit(unit) => Some(unit),
            task @ Message::Task(_) => {
                self.held = Some(task);
                // Nothing overtakes it from behind.
                self.turn.left = 0;
                None
            }
        }
    }

    fn is_late(&self) -> bool {
        self.clock.monotonic().saturating_sub(self.turn.began) >= LONGEST
    }

    fn next_urgent(&mut self) -> Option<Message> {
        if self.held.is_some() {
            return None;
        }
        let message = self.urgent.try_recv().ok()?;
        self.turn.hurries = true;
        Some(message)
    }

    fn next_ordinary(&mut self) -> Option<Message> {
        self.turn.left = self.turn.left.checked_sub(1)?;
        let message = self.ordinary.try_recv().ok()?;
        self.turn.served = true;
        Some(message)
    }
}
