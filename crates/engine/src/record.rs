//! Answers of a tracker, recorded in one transaction: the intent's end, the pair, its family, bases and receipts.

use std::sync::Arc;

use syncline_domain::ports::{ErrorKind, Tx};
use syncline_domain::{
    ConnectorId, Fault, IntentId, IntentState, Item, ItemId, Pair, PairId, PairState, Side,
    Timestamp, Version,
};

use crate::agree::{Agreement, agreement};
use crate::clash::Closing;
use crate::course::{Course, Mode, put_totals};
use crate::deletes::Displaced;
use crate::error::Stop;
use crate::known::PairMemory;
use crate::page::with_version;
use crate::pass::Pass;
use crate::plan::{Open, Planned};
use crate::write::Answer;

/// An answered write.
pub(crate) struct Finished {
    pub(crate) at: usize,
    pub(crate) intent: IntentId,
    pub(crate) answer: Answer,
}

/// A fact for the store.
pub(crate) enum Fact {
    /// The write happened.
    Happened { intent: Option<IntentId>, pair: Box<Pair>, agreed: Agreement, item: ItemId },
    /// It is known that it did not.
    Never(IntentId),
    /// One side of a pair was seen, and nothing followed from it.
    Seen { pair: Box<Pair> },
    /// A conflict is over, and nothing else followed from the look.
    Over(Box<Closing>),
    /// A pair gives way to the one that comes next.
    GivesWay(Box<Displaced>),
}

impl Fact {
    /// Whether it makes a pair.
    pub(crate) fn is_new_pair(&self) -> bool {
        matches!(self, Self::Happened { pair, .. } if pair.id == PairId(0))
    }

    /// The pair of this item, when it is about that.
    pub(crate) fn pair_of(&mut self, side: Side, item: &ItemId) -> Option<&mut Pair> {
        match self {
            Self::Happened { pair, .. } | Self::Seen { pair } => {
                (pair.item(side) == Some(item)).then_some(&mut **pair)
            }
            Self::Never(_) | Self::Over(_) | Self::GivesWay(_) => None,
        }
    }
}

/// Records answered writes. A doubtful one leaves its intent open: the next run looks.
pub(crate) async fn record(
    course: &Course,
    pass: &Pass,
    planned: &Arc<Vec<Planned>>,
    finished: Vec<Finished>,
) -> Result<(), Stop> {
    let now = course.now();
    let mut facts = Vec::with_capacity(finished.len());
    for one in &finished {
        let Some(planned) = planned.get(one.at) else { continue };
        if let (Answer::Done(_), Some(old)) = (&one.answer, &planned.in_place_of) {
            facts.push(Fact::GivesWay(old.clone()));
        }
        facts.extend(fact(pass, planned, one, now));
    }
    put_facts(course, pass, "record_writes", facts, now).await
}

/// Items in one transaction. Each is recorded as a whole, but a page need not be: whoever waits for the store
/// meanwhile, as a webhook does, waits for no more than these.
const TOGETHER: usize = 32;

/// Stores facts, and takes the wish to stop over on the way.
pub(crate) async fn put_facts(
    course: &Course,
    pass: &Pass,
    name: &'static str,
    facts: Vec<Fact>,
    now: Timestamp,
) -> Result<(), Stop> {
    let mut rest = facts.into_iter().peekable();
    loop {
        let mut some: Vec<Fact> = rest.by_ref().take(TOGETHER).collect();
        // What gives way goes together with what it gives way to.
        while matches!(some.last(), Some(Fact::GivesWay(_)))
            && let Some(next) = rest.next()
        {
            some.push(next);
        }
        put_some(course, pass, name, some, now).await?;
        if rest.peek().is_none() {
            return Ok(());
        }
    }
}

async fn put_some(
    course: &Course,
    pass: &Pass,
    name: &'static str,
    facts: Vec<Fact>,
    now: Timestamp,
) -> Result<(), Stop> {
    let connectors = [pass.spec.config.source_connector_id, pass.spec.config.target_connector_id];
    let (execution, has_row) = (course.row(), course.mode != Mode::Decision);
    let asked = course
        .fenced(name, move |tx| {
            put_all(tx, connectors, &facts, now)?;
            if has_row { put_totals(tx, &execution) } else { Ok(false) }
        })
        .await?;
    course.note_cancel(asked);
    Ok(())
}

fn fact(pass: &Pass, planned: &Planned, one: &Finished, now: Timestamp) -> Option<Fact> {
    match &one.answer {
        Answer::Done(item) => Some(Fact::Happened {
            intent: Some(one.intent),
            pair: Box::new(written_pair(pass, &planned.open, item, now)),
            agreed: agreement(pass, planned, Some(item)),
            item: item.id.clone(),
        }),
        Answer::Refused(error) if error.kind == ErrorKind::Ambiguous => None,
        Answer::Refused(_) | Answer::NotSent => Some(Fact::Never(one.intent)),
    }
}

/// The pair after a write. Where comments are still to be copied, the revision that was read stays open until they are:
/// whatever ends the run before, the next one looks at them. The same holds for the side that is written, if somebody
/// was there since it was read last: the revision after our write would hide what was said.
fn written_pair(pass: &Pass, open: &Open, shown: &Item, now: Timestamp) -> Pair {
    let mut pair = pair_after(pass, open, shown, now);
    let was_there = open.there.as_ref().zip(open.memory.as_ref()).is_some_and(|(there, memory)| {
        !open.linked && there.version != *memory.pair.version(pass.write)
    });
    if was_there && pass.two_way && pass.carries_more() {
        pair = with_version(pass.write, pair, Version::default());
    }
    let same = |memory: &PairMemory| open.item.version == *memory.pair.version(pass.read);
    let stays = !open.linked && open.memory.as_ref().is_some_and(same);
    if stays || !pass.carries_more() {
        return pair;
    }
    with_version(pass.read, pair, Version::default())
}

/// The pair as it is after its copy was seen as `shown`.
pub(crate) fn pair_after(pass: &Pass, open: &Open, shown: &Item, now: Timestamp) -> Pair {
    let (source, target) = match pass.read {
        Side::Source => (&open.item, shown),
        Side::Target => (shown, &open.item),
    };
    let old = open.memory.as_ref().map(|memory| &memory.pair);
    Pair {
        id: old.map_or(PairId(0), |pair| pair.id),
        config_id: pass.spec.config.id,
        source_item_id: source.id.clone(),
        target_item_id: Some(target.id.clone()),
        source_type: source.type_ref.clone(),
        target_type: target.type_ref.clone(),
        source_url: source.url.clone(),
        target_url: target.url.clone(),
        source_version: source.version.clone(),
        target_version: target.version.clone(),
        state: PairState::Active,
        last_synced_at: now,
        sync_count: old.map_or(0, |pair| pair.sync_count).saturating_add(1),
        created_at: old.map_or(now, |pair| pair.created_at),
    }
}

/// Writes facts; the bases, the receipts and the history of all of them in one call each.
pub(crate) fn put_all(
    tx: &mut dyn Tx,
    connectors: [ConnectorId; 2],
    facts: &[Fact],
    now: Timestamp,
) -> Result<(), Fault> {
    let mut bases = Vec::new();
    let mut receipts = Vec::new();
    let mut history = Vec::new();
    for fact in facts {
        match fact {
            Fact::Seen { pair } => tx.update_pair(pair)?,
            Fact::Over(closing) => closing.put(tx, now)?,
            Fact::GivesWay(old) => old.put(tx, connectors, now)?,
            Fact::Never(intent) => tx.finish_intent(*intent, IntentState::Abandoned, None)?,
            Fact::Happened { intent, pair, agreed, item } => {
                let id = put_pair(tx, connectors, pair)?;
                bases.extend(agreed.bases(id, now));
                for closing in agreed.closings() {
                    closing.put(tx, now)?;
                }
                receipts.extend(agreed.receipts(id, now));
                history.extend(agreed.history(id, now));
                if let Some(intent) = intent {
                    tx.finish_intent(*intent, IntentState::Done, Some(item))?;
                }
            }
        }
    }
    tx.put_bases(&bases)?;
    tx.put_receipts(&receipts)?;
    tx.insert_history(&history)
}

fn put_pair(tx: &mut dyn Tx, connectors: [ConnectorId; 2], pair: &Pair) -> Result<PairId, Fault> {
    if pair.id != PairId(0) {
        tx.update_pair(pair)?;
        return Ok(pair.id);
    }
    let id = tx.insert_pair(pair)?;
    let [source, target] = connectors;
    if let Some(target_item) = &pair.target_item_id {
        tx.join_lineage((source, &pair.source_item_id), (target, target_item))?;
    }
    Ok(id)
}
