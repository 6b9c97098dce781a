//! Pairs made and taken apart by hand.

use std::sync::Arc;

use syncline_domain::ports::{Connector, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, ErrorType, Fault, Fields, IntentState, Item, ItemError, ItemId, ItemRetry, Pair,
    PairId, PairState, Side, SyncConfig, SyncSpec, Timestamp, Version,
};
use syncline_mapping::Occasion;

use crate::agree::{Agreement, first_agreement};
use crate::clash::end_all;
use crate::engine::Engine;
use crate::error::{PairError, Stop};
use crate::images;
use crate::known::PairMemory;
use crate::lease::lease_name;
use crate::pass::Pass;
use crate::people::{Asking, People, resolve};
use crate::plan::Open;
use crate::record::{Fact, pair_after, put_all};

/// What the next run does with the source item of a pair that was taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNextRun {
    /// Pass it over.
    Ignore,
    /// Make a new copy.
    Create,
}

pub(crate) async fn pair_by_hand(
    engine: &Engine,
    config: ConfigId,
    source_item: &ItemId,
    target_item: &ItemId,
    source: Arc<dyn Connector>,
    target: Arc<dyn Connector>,
) -> Result<PairId, PairError> {
    let spec = match engine.load_spec(config).await {
        Ok(spec) => Arc::new(spec),
        Err(Fault::NotFound(_)) => return Err(PairError::NotFound(config)),
        Err(fault) => return Err(fault.into()),
    };
    let [source, target] = images::shown(&engine.parts.store, &spec, [&source, &target]);
    let left = one_item(source.as_ref(), source_item, "source").await?;
    let right = one_item(target.as_ref(), target_item, "target").await?;
    let pass = Pass::prepare(&spec, Side::Source, [&source, &target], 0.into(), false)?;
    let now = engine.parts.clock.now();
    let (pair, agreed) = agreed_now(&pass, left, right, now).await?;
    store_pair(engine, &spec, pair, agreed, now).await
}

async fn one_item(connector: &dyn Connector, id: &ItemId, side: &str) -> Result<Item, PairError> {
    let found = connector.fetch(std::slice::from_ref(id)).await.map_err(PairError::Connector)?;
    found.into_iter().find(|item| item.id == *id).ok_or_else(|| {
        PairError::NoItem(format!(
            "there is no {side} item {id}, or this account may not see it; check the id"
        ))
    })
}

/// The pair of two items, and their values as both sides' bases.
async fn agreed_now(
    pass: &Pass,
    left: Item,
    right: Item,
    now: Timestamp,
) -> Result<(Pair, Agreement), PairError> {
    let Some(rules) = pass.plan.pair_between(&left.type_ref, &right.type_ref) else {
        return Err(PairError::Types(format!(
            "types {:?} and {:?} are not mapped to each other in this configuration; map them first",
            left.type_ref, right.type_ref
        )));
    };
    let mapped = pass.plan.map_with(rules, &left, Occasion::Update, &pass.context);
    let mut open = Open {
        item: left,
        mapped,
        memory: None,
        there: None,
        linked: true,
        tries: 0,
        people: Fields::new(),
    };
    let opens = std::slice::from_mut(&mut open);
    resolve(&mut People::default(), pass, opens, Asking::Always).await.map_err(
        |stop| match stop {
            Stop::Connector { error, .. } => PairError::Connector(error),
            other => PairError::Store(Fault::Internal(other.to_string())),
        },
    )?;
    let pair = Pair { sync_count: 0, ..pair_after(pass, &open, &right, now) };
    open.memory = Some(PairMemory::bare(pair.clone()));
    Ok((pair, first_agreement(pass, rules, open, &right)))
}

async fn store_pair(
    engine: &Engine,
    spec: &Arc<SyncSpec>,
    pair: Pair,
    agreed: Agreement,
    now: Timestamp,
) -> Result<PairId, PairError> {
    let spec = Arc::clone(spec);
    let engine_too = engine.clone();
    engine
        .parts
        .store
        .tx("pair_by_hand", move |tx| {
            alone(tx, &engine_too, spec.config.id)?;
            if let Some(refusal) = in_the_way(tx, &spec, &pair)? {
                return Ok(Err(refusal));
            }
            let connectors = [spec.config.source_connector_id, spec.config.target_connector_id];
            let item = pair.target_item_id.clone().unwrap_or_default();
            let fact = Fact::Happened {
                intent: None,
                pair: Box::new(pair.clone()),
                agreed: agreed.clone(),
                item,
            };
            put_all(tx, connectors, &[fact], now)?;
            close_doubts(tx, &spec, &pair)?;
            let source = std::slice::from_ref(&pair.source_item_id);
            let stored = tx.pairs_by_items(spec.config.id, Side::Source, source)?.pop();
            stored
                .map(|pair| Ok(pair.id))
                .ok_or_else(|| Fault::Internal("a pair was stored and is not there".to_owned()))
        })
        .await?
}

/// What keeps two items from being paired; a source item that was taken apart to be ignored is free.
fn in_the_way(tx: &mut dyn Tx, spec: &SyncSpec, pair: &Pair) -> Result<Option<PairError>, Fault> {
    for side in [Side::Source, Side::Target] {
        let Some(item) = pair.item(side) else { continue };
        let items = std::slice::from_ref(item);
        for other in tx.pairs_by_items(spec.config.id, side, items)? {
            if other.state == PairState::Ignored {
                tx.delete_pair(other.id)?;
                continue;
            }
            let partner = other.item(side.other()).map(ToString::to_string).unwrap_or_default();
            return Ok(Some(PairError::Paired {
                pair: other.id,
                message: format!(
                    "{side} item {item} is paired with {partner} already; take pair {} apart first",
                    other.id
                ),
            }));
        }
    }
    Ok(None)
}

/// A person has said which item is the copy: earlier writes with an unknown outcome are settled.
fn close_doubts(tx: &mut dyn Tx, spec: &SyncSpec, pair: &Pair) -> Result<(), Fault> {
    for intent in tx.open_intents(spec.config.id)? {
        if pair.item(intent.side.other()) == Some(&intent.from_item_id) {
            tx.finish_intent(intent.id, IntentState::Done, pair.item(intent.side))?;
        }
    }
    for side in [Side::Source, Side::Target] {
        if let Some(item) = pair.item(side) {
            tx.clear_retries(spec.config.id, side, std::slice::from_ref(item))?;
        }
    }
    Ok(())
}

pub(crate) async fn unpair(
    engine: &Engine,
    config: ConfigId,
    pair: PairId,
    on_next_run: OnNextRun,
) -> Result<(), Fault> {
    let engine_too = engine.clone();
    let work = move |tx: &mut dyn Tx| {
        alone(tx, &engine_too, config)?;
        let row = tx.config(config)?.ok_or_else(|| Fault::no_such("sync configuration", config))?;
        let found = tx.pair(pair)?.filter(|found| found.config_id == config);
        let found = found.ok_or_else(|| Fault::no_such("pair", pair))?;
        end_all(tx, pair, "the pair was taken apart by hand", engine_too.parts.clock.now())?;
        tx.delete_pair(pair)?;
        match on_next_run {
            OnNextRun::Ignore => ignore(tx, found),
            OnNextRun::Create => make_anew(tx, &row, &found, engine_too.parts.clock.now()),
        }
    };
    engine.parts.store.tx("unpair", work).await
}

/// The source item is passed over from now on. The two stay of one family, so that no other configuration copies the
/// one to the side of the other.
fn ignore(tx: &mut dyn Tx, pair: Pair) -> Result<(), Fault> {
    tx.insert_pair(&Pair {
        id: PairId(0),
        target_item_id: None,
        target_url: String::new(),
        target_version: Version::default(),
        state: PairState::Ignored,
        ..pair
    })?;
    Ok(())
}

/// The source item is taken up by the next run; its old copy is none any more.
fn make_anew(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    pair: &Pair,
    now: Timestamp,
) -> Result<(), Fault> {
    if let Some(target) = &pair.target_item_id {
        tx.leave_lineage(config.target_connector_id, target)?;
    }
    tx.put_retry(&ItemRetry {
        config_id: config.id,
        side: Side::Source,
        item_id: pair.source_item_id.clone(),
        error: ItemError {
            error_type: ErrorType::Unknown,
            message: "its pair was taken apart by hand".to_owned(),
            field: None,
        },
        attempts: 0,
        next_try_at: now,
        first_failed_at: now,
    })
}

/// Passes only while no run of the configuration is going on: a run trusts the pairs that it has read.
fn alone(tx: &mut dyn Tx, engine: &Engine, config: ConfigId) -> Result<(), Fault> {
    let busy = || {
        Fault::Busy(
            "a run of this configuration is going on; try again when it has ended".to_owned(),
        )
    };
    if engine.drives(config) {
        return Err(busy());
    }
    let now = engine.parts.clock.now();
    let (name, holder) = (lease_name(config), &engine.parts.holder);
    let lease = tx.acquire_lease(&name, holder, now, engine.lease)?;
    let lease = lease.ok_or_else(busy)?;
    tx.release_lease(&lease)
}
