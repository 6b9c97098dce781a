//! The look at writes whose outcome nobody recorded: found and adopted, or planned anew; never repeated blindly.
//!
//! Files: `look` (asks the trackers), `trace` (what an item shows of a write), `put` (records what was found).

mod look;
mod put;
mod trace;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::{Connector, StoreExt as _, Tx};
use syncline_domain::{
    CommentPair, ConfigId, ExecutionId, Fault, FieldRef, FieldType, Intent, IntentId, Item, ItemId,
    ItemState, Side, SyncSpec, Timestamp, WriteOp,
};

use crate::adopt::Compare;
use crate::course::Course;
use crate::error::Stop;
use crate::outcome::{RetryMove, Verdict};
use crate::points;
use look::Look;
use trace::Account;

/// How far a tracker's clock may be before ours.
pub(crate) const SKEW: Duration = Duration::from_secs(5 * 60);

/// What was found out about earlier writes.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    held: HashMap<(Side, ItemId), Hold>,
    adopted: HashMap<(Side, ItemId), WriteOp>,
}

/// Why an item is not touched in this run.
#[derive(Clone, Debug)]
pub(crate) enum Hold {
    /// Its copy may be there without being found yet.
    Lag(Timestamp),
    /// Several items may be its copy.
    Doubtful(Vec<ItemId>),
    /// The run may not write what it would find.
    NotNow,
}

impl Hold {
    /// The state in which the item leaves the run.
    pub(crate) fn verdict(&self) -> Verdict {
        let verdict = match self {
            Self::Lag(until) => Verdict::waiting(
                format!("an earlier write may show up in searches until {until}"),
                None,
                RetryMove::Keep,
            ),
            Self::Doubtful(ids) => {
                let ids: Vec<&str> = ids.iter().take(5).map(ItemId::as_str).collect();
                Verdict::conflicted(format!(
                    "an earlier write has no known outcome, and several items may be the copy ({}); \
                     pair the right one by hand",
                    ids.join(", ")
                ))
            }
            Self::NotNow => Verdict::waiting(
                "an earlier write has no known outcome yet; the next real run looks first",
                None,
                RetryMove::Keep,
            ),
        };
        Verdict { retry: RetryMove::Keep, ..verdict }
    }
}

impl Recovered {
    /// Why an item is not touched in this run, if so.
    pub(crate) fn held(&self, side: Side, item: &ItemId) -> Option<&Hold> {
        if self.held.is_empty() {
            return None;
        }
        self.held.get(&(side, item.clone()))
    }

    /// An item whose earlier write was found in this run was written, not left unchanged.
    pub(crate) fn relabel(&self, side: Side, item: &ItemId, verdict: Verdict) -> Verdict {
        if self.adopted.is_empty() {
            return verdict;
        }
        let state = match (self.adopted.get(&(side, item.clone())), verdict.state) {
            (Some(WriteOp::Create), ItemState::Unchanged | ItemState::Updated) => {
                ItemState::Created
            }
            (Some(WriteOp::Update), ItemState::Unchanged) => ItemState::Updated,
            _ => return verdict,
        };
        Verdict { state, ..verdict }.by_rule("found after a lost answer")
    }
}

/// What becomes of one intent.
enum End {
    /// It made or changed this item.
    Adopted(Box<Found>),
    /// Its comment is there.
    Commented(Box<CommentPair>),
    /// It did not happen.
    Never,
    /// Nobody can say.
    Doubtful(Vec<ItemId>),
    /// Nobody can say yet.
    Later(Timestamp),
}

/// An item that a write has reached.
struct Found {
    item: Item,
    account: Account,
}

impl End {
    /// A create made this copy.
    fn made(item: Item) -> Self {
        Self::Adopted(Box::new(Found { item, account: Account::Silent }))
    }
}

/// Looks at all open intents of the configuration.
pub(crate) async fn recover(
    course: &Course,
    source: &Arc<dyn Connector>,
    target: &Arc<dyn Connector>,
) -> Result<Recovered, Stop> {
    let config = course.spec.config.id;
    let (intents, ended) =
        course.parts.store.view("open_intents", move |tx| open_intents(tx, config)).await?;
    if intents.is_empty() {
        return Ok(Recovered::default());
    }
    if !course.is_live() {
        let held = intents
            .into_iter()
            .filter(|intent| intent.op != WriteOp::Comment)
            .map(|intent| ((intent.side.other(), intent.from_item_id), Hold::NotNow));
        return Ok(Recovered { held: held.collect(), ..Recovered::default() });
    }
    let mut ends = BTreeMap::new();
    for (side, connector) in [(Side::Source, source), (Side::Target, target)] {
        let look =
            Look { course, side, connector: connector.as_ref(), now: course.now(), ended: &ended };
        let mine = |op: WriteOp| {
            let of_side = intents.iter().filter(move |intent| intent.side == side);
            of_side.filter(move |intent| intent.op == op).collect::<Vec<_>>()
        };
        look.creates(&mine(WriteOp::Create), &mut ends).await?;
        look.updates(&mine(WriteOp::Update), &mut ends).await?;
        look.comments(&mine(WriteOp::Comment), &mut ends).await?;
        // Whether it happened or not: both items are looked at anew, and what is deleted already is not deleted again.
        ends.extend(mine(WriteOp::Delete).into_iter().map(|intent| (intent.id, End::Never)));
    }
    conclude(course, intents, ends).await
}

/// The open intents of a configuration, and when the runs that planned them ended.
fn open_intents(
    tx: &mut dyn Tx,
    config: ConfigId,
) -> Result<(Vec<Intent>, BTreeMap<ExecutionId, Timestamp>), Fault> {
    let intents = tx.open_intents(config)?;
    let mut ended = BTreeMap::new();
    for intent in &intents {
        if !ended.contains_key(&intent.execution_id)
            && let Some(run) = tx.execution(intent.execution_id)?
            && let Some(at) = run.ended_at
        {
            ended.insert(run.id, at);
        }
    }
    Ok((intents, ended))
}

type Ends = BTreeMap<IntentId, End>;

/// What a side showed when both were in step last.
type Bases = BTreeMap<FieldRef, Value>;

/// Records what was found, and makes sure that every item concerned is looked at again.
async fn conclude(course: &Course, intents: Vec<Intent>, ends: Ends) -> Result<Recovered, Stop> {
    let mut recovered = Recovered::default();
    for intent in &intents {
        let key = (intent.side.other(), intent.from_item_id.clone());
        match ends.get(&intent.id) {
            Some(End::Adopted(_)) => drop(recovered.adopted.insert(key, intent.op)),
            Some(End::Doubtful(ids)) => {
                recovered.held.insert(key, Hold::Doubtful(ids.clone()));
            }
            Some(End::Later(until)) => drop(recovered.held.insert(key, Hold::Lag(*until))),
            Some(End::Never | End::Commented(_)) | None => {}
        }
    }
    course.reach(points::RECOVER_BEFORE_COMMIT)?;
    let (spec, now) = (Arc::clone(&course.spec), course.now());
    course
        .fenced("recover", move |tx| {
            for intent in &intents {
                if let Some(end) = ends.get(&intent.id) {
                    put::end(tx, &spec, intent, end, now)?;
                    put::look_again(tx, &spec, intent, end, now)?;
                }
            }
            Ok(())
        })
        .await?;
    course.reach(points::RECOVER_AFTER_COMMIT)?;
    Ok(recovered)
}

/// The field types of one type of one side.
pub(crate) struct Types<'a> {
    pub(crate) spec: &'a SyncSpec,
    pub(crate) side: Side,
    pub(crate) type_ref: &'a str,
}

impl Compare for Types<'_> {
    fn field_type(&self, field: &FieldRef) -> FieldType {
        let mut ends = self.spec.types.iter().map(|pair| pair.end(self.side));
        let schema = ends
            .find(|end| end.reference == self.type_ref)
            .and_then(|end| end.field(field.as_str()));
        match schema {
            Some(schema) if schema.is_multiple && schema.field_type != FieldType::Identity => {
                FieldType::Array
            }
            Some(schema) => schema.field_type,
            None => FieldType::String,
        }
    }
}
