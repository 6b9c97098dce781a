//! The transaction of proven requests: of one, or of several that waited together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_domain::ports::{Accepted, CalledConfig, Tx};
use syncline_domain::{Fault, ItemId, JobKey, RunDirection, Timestamp, WebhookId};

use crate::fate::{Done, Fate};
use crate::plan::Plan;

/// Carries out all of the plans; each gets its answer, `None` where it has to be looked at again: its webhook is another
/// by now, or one before it has the same name.
///
/// All requests to one webhook take as many statements as one takes, but for the rows of the delivery log.
pub(crate) fn run(tx: &mut dyn Tx, plans: &[Arc<Plan>]) -> Result<Vec<Option<Done>>, Fault> {
    let mut by_webhook: BTreeMap<_, Vec<(usize, &Plan)>> = BTreeMap::new();
    for (at, plan) in plans.iter().enumerate() {
        by_webhook.entry(plan.proven_by()).or_default().push((at, plan));
    }
    let mut all: Vec<Option<Done>> = plans.iter().map(|_| None).collect();
    for ((webhook, _), mut group) in by_webhook {
        leave_copies(tx, webhook, &mut group)?;
        for (at, done) in of_one_webhook(tx, &group)? {
            if let Some(slot) = all.get_mut(at) {
                *slot = Some(done);
            }
        }
    }
    Ok(all)
}

/// Leaves copies of a delivery to the next look, which finds the first one stored. Copies of one that is stored already
/// are all told so at once: one a look would keep the last of many waiting in vain.
fn leave_copies(
    tx: &mut dyn Tx,
    webhook: WebhookId,
    group: &mut Vec<(usize, &Plan)>,
) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let named = group.iter().filter_map(|(_, plan)| plan.name());
    let twice: BTreeSet<&str> = named.filter(|name| !seen.insert(*name)).collect();
    if twice.is_empty() {
        return Ok(());
    }
    let stored = tx.first_deliveries(webhook, &twice.into_iter().collect::<Vec<_>>())?;
    let mut seen = BTreeSet::new();
    group.retain(|(_, plan)| {
        plan.name().is_none_or(|name| stored.contains_key(name) || seen.insert(name))
    });
    Ok(())
}

/// All of them were proven by one revision of one webhook.
fn of_one_webhook(tx: &mut dyn Tx, group: &[(usize, &Plan)]) -> Result<Vec<(usize, Done)>, Fault> {
    let Some((_, last)) = group.last() else { return Ok(Vec::new()) };
    let ((webhook, revision), calls) = (last.proven_by(), group.len().try_into().unwrap_or(0));
    let Some(config) = tx.count_triggers(webhook, revision, calls, last.at())? else {
        return Ok(Vec::new());
    };
    let names: Vec<&str> = group.iter().filter_map(|(_, plan)| plan.name()).collect();
    let firsts = tx.first_deliveries(webhook, &names)?;
    let fates = fates(tx, group, &firsts, &config)?;
    let mut jobs = Jobs::default();
    for (plan, fate) in &fates {
        jobs.gather(plan, fate);
    }
    let keys = jobs.enqueue(tx)?;
    let rows: Vec<_> = fates.iter().map(|(plan, fate)| plan.row(fate, keys.of(fate))).collect();
    let ids = tx.insert_deliveries(&rows)?;
    let told = group.iter().zip(fates).zip(ids);
    told.map(|(((at, _), (_, fate)), id)| {
        let job = keys.of(&fate);
        Ok((*at, fate.told(tx, id, job)?))
    })
    .collect()
}

fn fates<'p>(
    tx: &mut dyn Tx,
    group: &[(usize, &'p Plan)],
    firsts: &BTreeMap<String, Accepted>,
    config: &CalledConfig,
) -> Result<Vec<(&'p Plan, Fate<'p>)>, Fault> {
    let mut fates = Vec::with_capacity(group.len());
    for (_, plan) in group {
        let first = plan.name().and_then(|name| firsts.get(name));
        fates.push((*plan, plan.fate(tx, first, config)?));
    }
    Ok(fates)
}

/// What goes into one job, all of it to one webhook: the way, and whether it waits.
type Way = (RunDirection, bool);

fn way(fate: &Fate<'_>) -> Option<Way> {
    match fate {
        Fate::Queued { direction, until, .. } => Some((*direction, until.is_some())),
        _ => None,
    }
}

/// The jobs of a transaction that are to be.
#[derive(Default)]
struct Jobs<'p>(Vec<ToQueue<'p>>);

struct ToQueue<'p> {
    way: Way,
    first: &'p Plan,
    until: Option<Timestamp>,
    items: Vec<ItemId>,
}

impl<'p> Jobs<'p> {
    fn gather(&mut self, plan: &'p Plan, fate: &Fate<'_>) {
        let (Some(way), Fate::Queued { until, items, .. }) = (way(fate), fate) else { return };
        match self.0.iter_mut().find(|job| job.way == way) {
            Some(job) => {
                // As when one joins the other.
                job.until = job.until.min(*until);
                job.items.extend_from_slice(items);
            }
            None => {
                self.0.push(ToQueue { way, first: plan, until: *until, items: items.to_vec() });
            }
        }
    }

    fn enqueue(self, tx: &mut dyn Tx) -> Result<Keys, Fault> {
        let mut keys = Vec::with_capacity(self.0.len());
        for ToQueue { way, first, until, items } in self.0 {
            keys.push((way, first.enqueue(tx, way.0, until, items)?));
        }
        Ok(Keys(keys))
    }
}

/// Where they went.
struct Keys(Vec<(Way, JobKey)>);

impl Keys {
    fn of(&self, fate: &Fate<'_>) -> Option<JobKey> {
        let way = way(fate)?;
        self.0.iter().find(|(one, _)| *one == way).map(|(_, key)| *key)
    }
}
