//! What a proven request is to do, worked out before any transaction.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::{Accepted, CalledConfig, Clock, EventReader, Tx};
use syncline_domain::{
    Delivery, DeliveryId, DeliveryStatus, Direction, EventReading, Fault, ItemEvent, ItemId,
    JobKey, NewJob, RunDirection, SYNC_ATTEMPTS, SYNC_JOB, SyncJob, Timestamp, Trigger,
    WaitingRoom, WebhookId,
};

use crate::fate::{Fate, Queued};
use crate::incoming::Origin;
use crate::judge::{Judge, stored_name};
use crate::log_headers::{clean, for_log};
use crate::opened::Opened;
use crate::settle::Settling;
use crate::{Incoming, Verified};

/// The most items of one request.
const MOST_ITEMS: usize = 1_000;

/// The longest item id.
const LONGEST_ITEM: usize = 200;

/// What to do with a proven request.
enum Deed {
    /// Have these items synced.
    Queue(Vec<ItemId>),
    /// Nothing, for this reason.
    Ignore(String),
    /// Say that it is of no use, for this reason.
    Refuse(String),
}

/// A proven request, read and ready for its transaction.
pub(crate) struct Plan {
    opened: Arc<Opened>,
    deed: Deed,
    draft: Delivery,
    began: Duration,
    clock: Arc<dyn Clock>,
    room: Arc<WaitingRoom>,
    settling: Arc<Settling>,
    /// Somebody waits for what this leads to: a person who tries, or sends again.
    hurries: bool,
}

/// What a row of the delivery log says in any case.
pub(crate) fn draft(opened: &Opened, incoming: &Incoming, now: Timestamp) -> Delivery {
    let text = String::from_utf8_lossy(&incoming.body);
    Delivery {
        id: DeliveryId::default(),
        webhook_id: opened.row.id,
        payload: clean(&text),
        headers: for_log(&incoming.headers, &opened.row.token, &opened.header_name),
        event_type: None,
        delivery_id: None,
        item_ids: Vec::new(),
        signature_valid: true,
        status: DeliveryStatus::Success,
        reason: origin_words(incoming.origin),
        response_code: 202,
        job_id: None,
        duplicate_of: None,
        processing_time_ms: 0,
        created_at: now,
    }
}

fn origin_words(origin: Origin) -> Option<String> {
    match origin {
        Origin::Sender => None,
        Origin::Test => Some("a test".to_owned()),
        Origin::Replay(id) => Some(format!("a replay of delivery {id}")),
    }
}

impl Plan {
    /// Reads the request.
    pub(crate) fn new(
        opened: Arc<Opened>,
        reader: Option<&dyn EventReader>,
        incoming: &Incoming,
        verified: Verified,
        began: Duration,
        (clock, room, settling): (&Arc<dyn Clock>, &Arc<WaitingRoom>, &Arc<Settling>),
    ) -> Self {
        let mut draft = draft(&opened, incoming, clock.now());
        let deed = match reader.map(|reader| reader.read(&incoming.headers, &incoming.body)) {
            None => Deed::Ignore(format!(
                "nobody can read what a {} tells; run the sync by schedule",
                opened.connector_type
            )),
            Some(Err(reason)) => Deed::Refuse(short(&reason)),
            Some(Ok(reading)) => {
                // A name that the proof covers is better than one that anybody could have written.
                let name = verified.message_id.as_deref().or(reading.delivery_id.as_deref());
                // What we send again ourselves is meant to be done again.
                if incoming.origin == Origin::Sender {
                    draft.delivery_id = name.and_then(stored_name);
                }
                deed(&opened.row.event_types, reading, &mut draft)
            }
        };
        let (clock, room, settling) = (Arc::clone(clock), Arc::clone(room), Arc::clone(settling));
        let hurries = incoming.origin != Origin::Sender;
        Self { opened, deed, draft, began, clock, room, settling, hurries }
    }

    /// Remembers where the items went, once that is durable.
    pub(crate) fn note(&self, queued: &Queued) {
        if let Deed::Queue(items) = &self.deed {
            let Queued { direction, job, waits } = *queued;
            self.settling.note(self.opened.row.config_id, direction, items, job, waits);
        }
    }

    /// How much it adds to a transaction: bytes of the body, and items.
    pub(crate) fn weight(&self) -> (usize, usize) {
        let items = match &self.deed {
            Deed::Queue(items) => items.len(),
            Deed::Ignore(_) | Deed::Refuse(_) => 0,
        };
        (self.draft.payload.len(), items)
    }

    /// The webhook and the revision that it was proven by.
    pub(crate) fn proven_by(&self) -> (WebhookId, i64) {
        (self.opened.row.id, self.opened.row.revision)
    }

    /// When it came.
    pub(crate) const fn at(&self) -> Timestamp {
        self.draft.created_at
    }

    /// The name that may be accepted once; what is of no use takes none.
    pub(crate) fn name(&self) -> Option<&str> {
        match self.deed {
            Deed::Queue(_) | Deed::Ignore(_) => self.draft.delivery_id.as_deref(),
            Deed::Refuse(_) => None,
        }
    }

    /// What becomes of it, given the first delivery of its name and how the configuration is now.
    pub(crate) fn fate(
        &self,
        tx: &mut dyn Tx,
        first: Option<&Accepted>,
        config: &CalledConfig,
    ) -> Result<Fate<'_>, Fault> {
        let items = match (&self.deed, first) {
            (Deed::Refuse(reason), _) => return Ok(Fate::Refused(reason.clone())),
            (_, Some(first)) => return Ok(Fate::Repeated(*first)),
            (Deed::Ignore(reason), None) => return Ok(Fate::Ignored(reason.clone())),
            (Deed::Queue(items), None) => items,
        };
        if !config.is_active {
            let reason = "the configuration is inactive; nothing is queued".to_owned();
            return Ok(Fate::Ignored(reason));
        }
        let Some(direction) = direction(config, &self.opened) else { return Ok(Fate::Noted) };
        let id = self.opened.row.config_id;
        let until = match self.hurries {
            true => None,
            false => self.settling.until(tx, id, direction, items, self.at())?,
        };
        Ok(Fate::Queued { direction, until, items })
    }

    /// Queues a job for the items of several requests to one webhook that go the same way, the first of which is this
    /// one.
    ///
    /// What waits has a job of its own: an item that may run at once does not pull it along.
    pub(crate) fn enqueue(
        &self,
        tx: &mut dyn Tx,
        direction: RunDirection,
        until: Option<Timestamp>,
        items: Vec<ItemId>,
    ) -> Result<JobKey, Fault> {
        let payload = SyncJob { direction: Some(direction), ..SyncJob::default() };
        let (config_id, now) = (self.opened.row.config_id, self.at());
        let which = if until.is_some() { "/again" } else { "" };
        let job = NewJob {
            kind: SYNC_JOB.to_owned(),
            config_id: Some(config_id),
            fold_key: Some(format!("webhook/{config_id}/{direction}{which}")),
            trigger: Trigger::Webhook,
            triggered_by: format!("webhook {}", self.opened.row.name),
            payload: as_json(&payload)?,
            items: Some(items),
            priority: 0,
            run_at: until.unwrap_or(now),
            max_attempts: SYNC_ATTEMPTS,
            created_at: now,
        };
        Ok(self.room.enqueue(tx, &job)?.key)
    }

    /// The row of the delivery log.
    pub(crate) fn row(&self, fate: &Fate<'_>, job: Option<JobKey>) -> Delivery {
        let mut row = self.draft.clone();
        fate.tell(&mut row, job);
        row.processing_time_ms = Judge::millis_since(&*self.clock, self.began);
        row
    }
}

/// Which of the events are wanted, and what that makes to do. Notes in the row what was told.
fn deed(wanted: &[String], reading: EventReading, draft: &mut Delivery) -> Deed {
    if reading.events.is_empty() {
        let told = reading.told.as_deref().map_or_else(|| "it".to_owned(), short);
        return Deed::Ignore(format!("{told} is about no item"));
    }
    let takes =
        |event: &ItemEvent| wanted.iter().any(|word| word == "*" || word == event.event.as_str());
    let (taken, left): (Vec<ItemEvent>, Vec<ItemEvent>) =
        reading.events.into_iter().partition(takes);
    let shown = taken.first().or(left.first());
    draft.event_type = shown.map(|event| event.event.as_str().to_owned());
    let items = items(if taken.is_empty() { &left } else { &taken });
    if let Some(odd) = items.iter().find(|id| !is_item_id(id)) {
        let odd: String = clean(odd.as_str()).chars().take(40).collect();
        return Deed::Refuse(format!("{odd:?} is no item id; check the body's template"));
    }
    draft.item_ids.clone_from(&items);
    match draft.event_type.as_deref() {
        Some(event) if taken.is_empty() => {
            Deed::Ignore(format!("nobody subscribed to {event} here (event_types)"))
        }
        _ if items.len() > MOST_ITEMS => {
            Deed::Refuse(format!("it names more than {MOST_ITEMS} items; send fewer at once"))
        }
        _ => Deed::Queue(items),
    }
}

/// Words of a sender's that go into a reason.
fn short(words: &str) -> String {
    clean(&words.chars().take(300).collect::<String>())
}

fn items(events: &[ItemEvent]) -> Vec<ItemId> {
    let mut items: Vec<ItemId> = Vec::new();
    for event in events {
        if !items.contains(&event.item_id) && items.len() <= MOST_ITEMS {
            items.push(event.item_id.clone());
        }
    }
    items
}

fn is_item_id(id: &ItemId) -> bool {
    let text = id.as_str();
    !text.is_empty() && text.len() <= LONGEST_ITEM && !text.chars().any(char::is_control)
}

/// Which way the named items go; `None` for the target of a one-way configuration.
fn direction(config: &CalledConfig, opened: &Opened) -> Option<RunDirection> {
    if config.source_connector_id == opened.row.connector_id {
        return Some(RunDirection::SourceToTarget);
    }
    (config.direction == Direction::Bidirectional).then_some(RunDirection::TargetToSource)
}

fn as_json(job: &SyncJob) -> Result<Value, Fault> {
    serde_json::to_value(job).map_err(|error| Fault::Internal(error.to_string()))
}
