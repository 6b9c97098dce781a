//! The same random operations on the store under test and on the store in memory give the same answers.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{Store, StoreExt, Tx};
use syncline_domain::{Fault, IntentId, IntentState, ItemId, Pair, PairId, PairState, Side};

use super::seed::{Seed, seed};
use crate::rows::{at, base, comment_pair, intent, pair_row, receipt, retry};
use crate::{MemStore, SeededRng};

/// Operations a run of the property makes.
const STEPS: usize = 300;

/// One store with the ids it gave out; both stores give out ids at the same steps, though not the same ones.
struct End {
    store: Arc<dyn Store>,
    seed: Seed,
    pairs: Vec<PairId>,
    intents: Vec<IntentId>,
}

/// A step, with all its choices made: the same for both stores.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u64,
    left: u64,
    right: u64,
    pick: usize,
    secs: i64,
    fails: bool,
}

/// What a step did, without raw ids.
#[derive(Default)]
struct Done {
    pair: Option<PairId>,
    intent: Option<IntentId>,
    text: String,
}

pub async fn any_sequence_of_operations_gives_the_same_answers(store: Arc<dyn Store>) {
    let model: Arc<dyn Store> = Arc::new(MemStore::new());
    let mut ends = [end(store).await, end(model).await];
    let rng = SeededRng::new(0x5EED);
    for number in 0..STEPS {
        let step = Step {
            kind: rng.below(22),
            left: rng.below(8),
            right: rng.below(8),
            pick: usize::try_from(rng.below(1 << 20)).unwrap_or(0),
            secs: i64::try_from(number).unwrap_or(0),
            fails: rng.below(10) == 0,
        };
        let mut answers = Vec::new();
        for end in &mut ends {
            answers.push(take(end, step).await);
        }
        assert_eq!(answers[0], answers[1], "step {number}: {step:?}");
    }
}

async fn end(store: Arc<dyn Store>) -> End {
    let seed = seed(&store).await;
    End { store, seed, pairs: Vec::new(), intents: Vec::new() }
}

async fn take(end: &mut End, step: Step) -> String {
    let seed = end.seed;
    let pair = pick(&end.pairs, step.pick);
    let open = pick(&end.intents, step.pick);
    let done = end
        .store
        .tx("model", move |tx| {
            let done = act(tx, seed, step, pair, open)?;
            match step.fails {
                true => Err(Fault::Busy("planned".to_owned())),
                false => Ok(done),
            }
        })
        .await;
    match done {
        Ok(done) => {
            end.pairs.extend(done.pair);
            end.intents.extend(done.intent);
            done.text
        }
        // Which kind of refusal matters, not its words.
        Err(fault) => format!("{fault:?}").split('(').next().unwrap_or_default().to_owned(),
    }
}

fn pick<T: Copy>(from: &[T], at: usize) -> Option<T> {
    from.get(at.checked_rem(from.len()).unwrap_or(0)).copied()
}

fn act(
    tx: &mut dyn Tx,
    seed: Seed,
    step: Step,
    pair: Option<PairId>,
    open: Option<IntentId>,
) -> Result<Done, Fault> {
    let (s, t) = (format!("s{}", step.left), format!("t{}", step.right));
    let side = if step.left.is_multiple_of(2) { Side::Source } else { Side::Target };
    let field = format!("f{}", step.right % 3);
    let ghost = pair.unwrap_or(PairId(4_711));
    match step.kind {
        0..=3 => {
            let id = tx.insert_pair(&pair_row(seed.config, &s, &t))?;
            return Ok(Done { pair: Some(id), ..Done::default() });
        }
        4 => tx.delete_pair(ghost)?,
        5 => tx.update_pair(&Pair {
            id: ghost,
            state: if step.pick.is_multiple_of(2) { PairState::Active } else { PairState::Ignored },
            ..pair_row(seed.config, &s, &t)
        })?,
        6 | 7 => {
            let Some(pair) = pair.map(|id| tx.pair(id)).transpose()?.flatten() else {
                return Ok(Done::default());
            };
            tx.put_bases(&[base(pair.id, side, &field, json!([step.secs, "ü"]))])?;
            tx.put_receipts(&[receipt(pair.id, side, &field, &step.secs.to_string())])?;
        }
        8 => return memory_of(tx, ghost),
        9 => {
            let items: Vec<ItemId> = vec![s.into(), t.into(), "s1".into(), "t1".into()];
            let pairs = tx.pairs_by_items(seed.config, side, &items)?;
            let active =
                (tx.paired_items(seed.source, &items)?, tx.paired_items(seed.target, &items)?);
            return said(&(names(pairs), active));
        }
        10 => {
            let (offset, limit) = (step.pick % 3, step.pick % 5);
            let page = tx.pairs(seed.config, None, offset, limit)?;
            return said(&(names(page), tx.count_pairs(seed.config)?));
        }
        11 | 12 => drop(tx.join_lineage((seed.source, &s.into()), (seed.target, &t.into()))?),
        13 => tx.leave_lineage(seed.source, &s.into())?,
        14 => return family_of(tx, seed, &s.into()),
        15 => tx.put_retry(&retry(seed.config, side, &s))?,
        16 => tx.clear_retries(seed.config, side, &[s.into()])?,
        17 => {
            let mut all = tx.retries(seed.config, side, None)?;
            all.sort_by(|one, other| one.item_id.cmp(&other.item_id));
            let items: Vec<_> = all.iter().map(|retry| retry.item_id.as_str()).collect();
            return said(&items);
        }
        18 => {
            let name = format!("run/{}", step.left % 2);
            let lease = tx.acquire_lease(&name, &t, at(step.secs), Duration::from_secs(9))?;
            return said(&lease.map(|lease| (lease.holder, lease.expires_at)));
        }
        19 => {
            let number = u64::try_from(step.secs).unwrap_or(0);
            let ids = tx.insert_intents(&[intent(seed.config, seed.run, number)])?;
            return Ok(Done { intent: ids.first().copied(), ..Done::default() });
        }
        20 => {
            if let Some(id) = open {
                let state = IntentState::ALL[step.pick % IntentState::ALL.len()];
                tx.finish_intent(id, state, Some(&t.into()))?;
            }
            let left = tx.open_intents(seed.config)?;
            let left: Vec<_> = left
                .iter()
                .map(|intent| (intent.op_id.clone(), intent.state, intent.item_id.clone()))
                .collect();
            return said(&left);
        }
        _ => {
            if pair.map(|id| tx.pair(id)).transpose()?.flatten().is_some() {
                tx.insert_comment_pair(&comment_pair(ghost, &s, &t))?;
            }
        }
    }
    Ok(Done::default())
}

fn said(answer: &impl Debug) -> Result<Done, Fault> {
    Ok(Done { text: format!("{answer:?}"), ..Done::default() })
}

fn names(pairs: Vec<Pair>) -> Vec<String> {
    let mut names: Vec<String> = pairs
        .into_iter()
        .map(|pair| format!("{} {:?} {:?}", pair.source_item_id, pair.target_item_id, pair.state))
        .collect();
    names.sort();
    names
}

fn memory_of(tx: &mut dyn Tx, pair: PairId) -> Result<Done, Fault> {
    let mut texts: Vec<String> = Vec::new();
    for base in tx.bases(&[pair])? {
        texts.push(format!("{} {} {}", base.side, base.field_ref, base.value));
    }
    for receipt in tx.receipts(&[pair])? {
        texts.push(format!("{} {} {}", receipt.side, receipt.field_ref, receipt.hash));
    }
    for comment in tx.comment_pairs(pair)? {
        texts.push(format!("{} {}", comment.source_comment_id, comment.target_comment_id));
    }
    texts.sort();
    said(&texts)
}

fn family_of(tx: &mut dyn Tx, seed: Seed, item: &ItemId) -> Result<Done, Fault> {
    let families = tx.lineages(seed.source, std::slice::from_ref(item))?;
    let ids: Vec<_> = families.values().copied().collect();
    let mut members: Vec<String> = tx
        .lineage_members(&ids)?
        .iter()
        .map(|member| format!("{} {}", member.connector_id == seed.source, member.item_id))
        .collect();
    members.sort();
    said(&members)
}
