//! After a discovery: rows whose ground is gone are paused, and rows whose ground is back go on.

use std::collections::BTreeMap;

use syncline_domain::ports::{DriftNews, DriftTeller, DriftWhat, Tx};
use syncline_domain::{
    ConfigId, ConnectorRow, Fault, FieldId, FieldSchema, MappingRef, Pause, PauseCause, PauseId,
    RulesReview, SyncConfig, Timestamp,
};

use super::causes::Ground;
use super::words::named;
use crate::configs::mark_changed;
use crate::rules::{self, RuleSet};

/// What a discovery did to rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reviewed {
    /// Rows that rest now, or for one more reason.
    pub(crate) paused: u64,
    /// Rows that go on.
    pub(crate) resumed: u64,
    /// Both, one line each.
    pub(crate) lines: Vec<String>,
    /// The configurations whose rows these are.
    pub(crate) configs: Vec<ConfigId>,
}

/// Goes through the rules of every configuration that uses the connector.
///
/// # Errors
/// What the store answers.
pub(crate) fn review(
    tx: &mut dyn Tx,
    connector: &ConnectorRow,
    before: &BTreeMap<FieldId, FieldSchema>,
    now: Timestamp,
) -> Result<Reviewed, Fault> {
    let mut done = Reviewed::default();
    for config in tx.configs()? {
        if [config.source_connector_id, config.target_connector_id].contains(&connector.id) {
            review_config(tx, &config, before, now, &mut done)?;
        }
    }
    Ok(done)
}

fn review_config(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    before: &BTreeMap<FieldId, FieldSchema>,
    now: Timestamp,
    done: &mut Reviewed,
) -> Result<(), Fault> {
    let rules = rules::load(tx, config.id)?;
    let pauses: BTreeMap<MappingRef, Pause> =
        rules.pauses.iter().map(|one| (one.mapping, one.clone())).collect();
    let held = |mapping: MappingRef| -> Vec<PauseCause> {
        pauses.get(&mapping).map(|pause| pause.causes.clone()).unwrap_or_default()
    };
    let ground = Ground { config, rules: &rules, before };
    let (mut touched, mut resumed) = (false, 0_u64);
    for (mapping, causes) in ground.all(&held) {
        let known = pauses.get(&mapping);
        match (known, causes.is_empty()) {
            (None, true) => continue,
            (Some(_), true) => {
                tx.end_pause(mapping)?;
                resumed = resumed.saturating_add(1);
                let what = named(&rules, mapping);
                done.lines.push(format!("{}: {what} goes on: what it needs is back", config.name));
            }
            (_, false) if known.is_some_and(|pause| pause.causes == causes) => continue,
            (_, false) => {
                let news = causes.iter().any(|cause| {
                    known.is_none_or(|pause| !pause.causes.iter().any(|old| same(old, cause)))
                });
                let paused_at = known.map_or(now, |pause| pause.paused_at);
                let pause =
                    Pause { id: PauseId(0), config_id: config.id, mapping, causes, paused_at };
                tx.put_pause(&pause)?;
                if !news {
                    continue;
                }
                done.paused = done.paused.saturating_add(1);
                let what = named(&rules, mapping);
                done.lines.push(format!("{}: {what} is paused: {}", config.name, pause.reason()));
            }
        }
        touched = true;
    }
    if resumed > 0 {
        done.resumed = done.resumed.saturating_add(resumed);
        go_on(tx, config, now)?;
    }
    if touched {
        done.configs.push(config.id);
    }
    Ok(())
}

/// Whether a cause that is known says what another one says.
fn same(left: &PauseCause, right: &PauseCause) -> bool {
    left.side == right.side && left.loss.covers(&right.loss)
}

/// Rows go on: everything is read once, so that what changed meanwhile is found. That the rules are as they were before
/// the pause is no news to whoever looked them over: a review stays one.
pub(super) fn go_on(tx: &mut dyn Tx, config: &SyncConfig, now: Timestamp) -> Result<(), Fault> {
    let mut fresh = config.clone();
    mark_changed(&mut fresh);
    fresh.updated_at = now;
    tx.update_config(&fresh)?;
    let in_force = !config.needs_full && config.last_sync_at.is_some();
    let review = tx.rules_review(config.id)?;
    let stands =
        in_force || review.as_ref().is_some_and(|review| review.config_version == config.version);
    if let (Some(review), true) = (review, stands) {
        tx.put_rules_review(&RulesReview { config_version: fresh.version, ..review })?;
    }
    Ok(())
}

/// Files the news of a discovery, once.
///
/// # Errors
/// What the store answers.
pub(crate) fn tell(
    tx: &mut dyn Tx,
    teller: &dyn DriftTeller,
    connector: &ConnectorRow,
    done: &Reviewed,
    now: Timestamp,
) -> Result<(), Fault> {
    if done.lines.is_empty() {
        return Ok(());
    }
    let what = DriftWhat::Schema {
        connector_id: connector.id,
        connector: connector.name.clone(),
        changes: done.lines.clone(),
    };
    let key = format!("connector/{}/schema/{}", connector.id, now.micros());
    teller.tell(tx, &DriftNews { at: now, key, about: done.configs.clone(), what })
}

/// After an edit of a field rule by a person: the pause is over, unless the rule still names what is gone.
///
/// # Errors
/// What the store answers.
pub(crate) fn after_edit(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    mapping: MappingRef,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let was = tx.end_pause(mapping)?;
    let rules: RuleSet = rules::load(tx, config.id)?;
    let none = BTreeMap::new();
    let ground = Ground { config, rules: &rules, before: &none };
    let found = ground.all(&|_| Vec::new()).into_iter().find(|(row, _)| *row == mapping);
    let causes = found.map(|(_, causes)| causes).unwrap_or_default();
    if !was || causes.is_empty() {
        return Ok(None);
    }
    let pause = Pause { id: PauseId(0), config_id: config.id, mapping, causes, paused_at: now };
    tx.put_pause(&pause)?;
    Ok(Some(format!("{} stays paused: {}", named(&rules, mapping), pause.reason())))
}
