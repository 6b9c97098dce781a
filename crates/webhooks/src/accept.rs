//! The use case: a request comes in, an answer goes out, and what was accepted is durable by then.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{Clock, EventReaders, Sealer, Store, StoreExt as _};
use syncline_domain::{Delivery, DeliveryStatus, Fault, WaitingRoom, WebhookId};

use crate::book::Book;
use crate::fate::Done;
use crate::gate::Gate;
use crate::judge::{Judge, Judged};
use crate::opened::Opened;
use crate::plan::{Plan, draft};
use crate::settle::Settling;
use crate::window::Window;
use crate::{Answer, Incoming, Verified};

/// How much of the body of an unproven request is kept, in characters.
const UNPROVEN_PAYLOAD: usize = 64 * 1024;

/// How often a request is looked at again when its webhook or its name was taken by somebody else meanwhile.
const ROUNDS: usize = 5;

/// How much is taken from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Proven requests a minute and webhook (`WEBHOOK_RATE_LIMIT`); any number when `None`.
    pub proven_per_minute: Option<u32>,
    /// Unproven requests a minute and address; those beyond are told to wait.
    pub failures_per_minute: u32,
    /// Unproven requests a minute and webhook that get a row; the others are counted.
    pub rejected_rows_per_minute: u32,
    /// How far apart the runs of one item begin that events cause (`WEBHOOK_SETTLE_SECONDS`). The first event of an item
    /// starts its run at once; those within this time of that start wait for its end and share the next run. Nothing
    /// waits when it is zero.
    pub settle: Duration,
    /// When a sender should come back while the queue is full.
    pub retry_when_full: Duration,
    /// When a sender should come back while the store is away.
    pub retry_when_away: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            proven_per_minute: None,
            failures_per_minute: 60,
            rejected_rows_per_minute: 60,
            settle: Duration::from_secs(10),
            retry_when_full: Duration::from_secs(30),
            retry_when_away: Duration::from_secs(10),
        }
    }
}

/// What a [`Receiver`] works with.
pub struct Parts {
    /// Where webhooks are and deliveries go.
    pub store: Arc<dyn Store>,
    /// Opens secrets.
    pub sealer: Arc<dyn Sealer>,
    /// Read what trackers tell.
    pub readers: Arc<dyn EventReaders>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The limit of the queue.
    pub room: Arc<WaitingRoom>,
    /// How much is taken from whom.
    pub limits: Limits,
}

/// Takes requests in. One for a process: it keeps opened webhooks and counts failures.
pub struct Receiver {
    pub(crate) judge: Judge,
    pub(crate) readers: Arc<dyn EventReaders>,
    clock: Arc<dyn Clock>,
    room: Arc<WaitingRoom>,
    limits: Limits,
    failures: Window<IpAddr>,
    proven: Option<Window<WebhookId>>,
    book: Book,
    settling: Arc<Settling>,
    gate: Gate,
}

impl Receiver {
    /// Over these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, sealer, readers, clock, room, limits } = parts;
        Self {
            gate: Gate::new(Arc::clone(&store)),
            judge: Judge::new(store, sealer, Arc::clone(&clock)),
            readers,
            clock,
            room,
            limits,
            failures: Window::new(limits.failures_per_minute, 4_096),
            proven: limits.proven_per_minute.map(|limit| Window::new(limit, 4_096)),
            book: Book::new(limits.rejected_rows_per_minute),
            settling: Arc::new(Settling::new(limits.settle)),
        }
    }

    /// Takes one request in. Call it when the last byte is there: the time until the verdict goes into the row.
    ///
    /// Whatever answers 2xx or 4xx is durable, except that of too many unproven requests only the number is kept.
    pub async fn receive(&self, incoming: Incoming) -> Answer {
        let began = self.clock.monotonic();
        match self.take_in(&incoming, began).await {
            Ok(answer) => answer,
            Err(fault) => self.sorry(&fault),
        }
    }

    /// Writes down how many unproven requests got no row. To be called now and then, and at the end.
    ///
    /// # Errors
    /// What the store answers; the numbers are kept for the next call then.
    pub async fn flush(&self) -> Result<(), Fault> {
        for (id, calls) in self.book.take() {
            let written = self
                .judge
                .store
                .tx("webhook unlogged", move |tx| tx.count_unlogged_rejections(id, calls));
            if let Err(fault) = written.await {
                self.book.count(id, calls);
                return Err(fault);
            }
        }
        Ok(())
    }

    async fn take_in(&self, incoming: &Incoming, began: Duration) -> Result<Answer, Fault> {
        for round in 0..ROUNDS {
            let Some(judged) = self.judge.judge(incoming, round == 0).await? else {
                return Ok(self.unproven(incoming, Answer::NotFound));
            };
            let Judged { opened, verdict } = judged;
            let (verified, active) = (verdict, opened.row.is_active);
            let verified = match verified {
                Ok(verified) if active => verified,
                verdict => return self.reject(&opened, incoming, verdict.err(), began).await,
            };
            if round == 0
                && let Some(proven) = &self.proven
                && let Err(retry_after) = proven.admit(opened.row.id, began)
            {
                return Ok(Answer::Busy { retry_after });
            }
            if let Some(answer) = self.accept(&opened, incoming, verified, began).await? {
                return Ok(answer);
            }
        }
        Err(Fault::Unavailable("the webhook kept changing while a request was taken in".to_owned()))
    }

    /// The accepting transaction; `None` when it has to be tried again with fresh eyes.
    async fn accept(
        &self,
        opened: &Arc<Opened>,
        incoming: &Incoming,
        verified: Verified,
        began: Duration,
    ) -> Result<Option<Answer>, Fault> {
        let reader = self.readers.reader(&opened.connector_type);
        let means = (&self.clock, &self.room, &self.settling);
        let plan =
            Arc::new(Plan::new(Arc::clone(opened), reader, incoming, verified, began, means));
        match self.gate.pass(&plan).await {
            Ok(Some(Done { answer, queued })) => {
                if let Some(queued) = queued {
                    plan.note(&queued);
                }
                Ok(Some(answer))
            }
            // Somebody stored the same name in between, or deleted the webhook.
            Ok(None) | Err(Fault::Conflict(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Turns an unproven request away, or one to an inactive webhook.
    async fn reject(
        &self,
        opened: &Opened,
        incoming: &Incoming,
        rejected: Option<crate::Rejected>,
        began: Duration,
    ) -> Result<Answer, Fault> {
        let id = opened.row.id;
        let plain = if opened.row.is_active { Answer::Rejected } else { Answer::NotFound };
        let answer = match rejected {
            Some(_) => self.unproven(incoming, plain),
            None => plain,
        };
        if matches!(answer, Answer::TooManyFailures { .. }) {
            self.book.count(id, 1);
            return Ok(answer);
        }
        let Some(unlogged) = self.book.row(id, began) else { return Ok(answer) };
        let row = self.rejected_row(opened, incoming, rejected.as_ref(), began);
        log::info!(webhook_id = id.0; "a request was rejected: {}", row.reason.as_deref().unwrap_or_default());
        let written = self.judge.store.tx("webhook reject", move |tx| {
            if unlogged > 0 {
                tx.count_unlogged_rejections(id, unlogged)?;
            }
            tx.insert_delivery(&row)
        });
        match written.await {
            // Deleted meanwhile: nobody is left to tell.
            Ok(_) | Err(Fault::Conflict(_)) => Ok(answer),
            Err(fault) => {
                self.book.count(id, unlogged.saturating_add(1));
                Err(fault)
            }
        }
    }

    fn rejected_row(
        &self,
        opened: &Opened,
        incoming: &Incoming,
        rejected: Option<&crate::Rejected>,
        began: Duration,
    ) -> Delivery {
        let mut row = draft(opened, incoming, self.clock.now());
        let because = rejected.map(ToString::to_string);
        let inactive = (!opened.row.is_active).then(|| "the webhook is inactive".to_owned());
        let reasons: Vec<String> = row.reason.into_iter().chain(inactive).chain(because).collect();
        if row.payload.chars().count() > UNPROVEN_PAYLOAD {
            row.payload = row.payload.chars().take(UNPROVEN_PAYLOAD).collect();
        }
        row.reason = Some(reasons.join("; "));
        row.status = DeliveryStatus::Rejected;
        row.signature_valid = rejected.is_none();
        row.response_code = if opened.row.is_active { 401 } else { 404 };
        row.processing_time_ms = Judge::millis_since(&*self.clock, began);
        row
    }

    /// Counts a failure of an address; beyond the limit the answer is another.
    fn unproven(&self, incoming: &Incoming, answer: Answer) -> Answer {
        match self.failures.admit(network(incoming.peer), self.clock.monotonic()) {
            Ok(()) => answer,
            Err(retry_after) => Answer::TooManyFailures { retry_after },
        }
    }

    fn sorry(&self, fault: &Fault) -> Answer {
        if let Fault::Busy(_) = fault {
            log::warn!("a webhook's request was put off: {fault}");
            return Answer::Busy { retry_after: self.limits.retry_when_full };
        }
        log::error!("a webhook's request could not be taken in: {fault}");
        Answer::Unavailable { retry_after: self.limits.retry_when_away }
    }
}

/// Whoever has one address of IPv6 has the 64 bits below, too.
#[must_use]
pub fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
