//! A census: both sides compared, nothing written to a tracker.

use serde_json::{Value, json};
use syncline_domain::ports::{DriftNews, DriftWhat, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, FieldType, Lookout, LookoutSubject, Role, STATUS_REF, fingerprint,
};
use syncline_engine::{Census, CensusDrift};

use super::start::preview_error;
use crate::configs::must_config;
use crate::lookout::{chance, hours, spread};
use crate::{App, AppError, Caller, audit};

/// Drifts that are kept of a census at most.
const KEPT: usize = 100;

/// Drifts that are told of at most.
const TOLD: usize = 20;

impl App {
    /// Compares both sides of a configuration with each other and with what was recorded. Writes nothing to a tracker.
    ///
    /// # Errors
    /// As [`App::preview`]: [`syncline_domain::Fault::NotFound`], rules that cannot run, and a remote error when a
    /// tracker does not answer.
    pub async fn census(&self, caller: &Caller, id: ConfigId) -> Result<Census, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let census = self.compare(id).await?;
        self.keep_census(caller, id, &census, false).await?;
        Ok(census)
    }

    pub(crate) async fn compare(&self, id: ConfigId) -> Result<Census, AppError> {
        let (source, target) = self.both_ends(id).await?;
        self.engine().census(id, source, target).await.map_err(preview_error)
    }

    /// Keeps what a census found; one that nobody asked for tells people of drift, once for the same drift.
    pub(crate) async fn keep_census(
        &self,
        caller: &Caller,
        id: ConfigId,
        census: &Census,
        tells: bool,
    ) -> Result<(), AppError> {
        let details = json!({"pairs": census.pairs, "drift": census.total()});
        let (found, print, lines) = (kept(census), print(census), told(census));
        let (total, caller, now) = (census.total(), caller.clone(), self.now());
        let teller = self.automation().teller.clone();
        let chance = chance(self.automation().rng.as_ref());
        let keep = move |tx: &mut dyn Tx| {
            let config = must_config(tx, id)?;
            let subject = LookoutSubject::Config(id);
            let known = tx.lookout(subject)?;
            let every = hours(config.options.census_every_hours);
            let mut look = Lookout::first(subject, now);
            if let Some(every) = every {
                look.due_at = now.after(spread(every, chance));
            }
            look.told = known.and_then(|look| look.told).filter(|_| total > 0);
            if tells && total > 0 && look.told.as_ref() != Some(&print) {
                look.told = Some(print.clone());
                let what = DriftWhat::Items {
                    config_id: id,
                    config: config.name,
                    total,
                    lines: lines.clone(),
                };
                let key = format!("config/{id}/census/{}", now.micros());
                teller.tell(tx, &DriftNews { at: now, key, about: vec![id], what })?;
            }
            look.looked_at = Some(now);
            look.found = Some(found.clone());
            tx.put_lookout(&look)?;
            let target = format!("sync_config/{id}");
            audit::record(tx, &caller, now, "census", &target, details.clone())
        };
        self.store().tx("keep a census", keep).await?;
        if tells && total > 0 {
            log::warn!(config_id = id.0, drift = total; "a census found drift");
        }
        Ok(())
    }
}

/// The names of fields as people know them.
fn field_of(one: &CensusDrift) -> Option<&str> {
    one.field.as_ref().map(|field| match field.as_str() {
        STATUS_REF => "status",
        other => other,
    })
}

/// What is kept of a census.
fn kept(census: &Census) -> Value {
    let causes: serde_json::Map<String, Value> = census
        .counts
        .iter()
        .map(|(cause, count)| (cause.as_str().to_owned(), Value::from(*count)))
        .collect();
    let drift: Vec<Value> = census
        .drift
        .iter()
        .take(KEPT)
        .map(|one| {
            json!({
                "cause": one.cause.as_str(), "pair_id": one.pair_id, "source_id": one.source_id,
                "target_id": one.target_id, "field": field_of(one), "message": one.message,
            })
        })
        .collect();
    json!({
        "started_at": census.started_at, "ended_at": census.ended_at, "pairs": census.pairs,
        "in_step": census.in_step, "resting": census.resting,
        "source_items": census.source_items, "target_items": census.target_items,
        "drift_total": census.total(), "causes": causes, "drift": drift,
    })
}

/// Another one for other drifts.
fn print(census: &Census) -> String {
    let all: Vec<Value> = census
        .drift
        .iter()
        .map(|one| json!([one.cause.as_str(), one.source_id, one.target_id, one.field]).to_string())
        .map(Value::String)
        .collect();
    let total = Value::from(census.total());
    fingerprint(&Value::Array([all, vec![total]].concat()), FieldType::Array)
}

fn told(census: &Census) -> Vec<String> {
    let causes =
        census.counts.iter().map(|(cause, count)| format!("{count} of {}", cause.as_str()));
    let drift = census.drift.iter().take(TOLD).map(|one| one.message.clone());
    causes.chain(drift).collect()
}
