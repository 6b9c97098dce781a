//! `syncline census`.

use anyhow::bail;
use serde_json::{Value, json};
use syncline_app::{Caller, CensusDrift};
use syncline_domain::STATUS_REF;

use super::config_named;
use crate::cli::CensusArgs;
use crate::output::{Output, table};
use crate::wiring::House;

/// Drifts that are printed at most.
const MOST: usize = 100;

/// Ends with an error when there is a drift, so that whoever runs it on a schedule is told.
pub(crate) async fn run(house: &House, args: CensusArgs, out: Output) -> anyhow::Result<()> {
    let config = config_named(house, &args.config).await?;
    let census = house.app.census(&Caller::command_line(), config).await?;
    let causes: serde_json::Map<String, Value> = census
        .counts
        .iter()
        .map(|(cause, count)| (cause.as_str().to_owned(), Value::from(*count)))
        .collect();
    let drift: Vec<Value> = census.drift.iter().map(drift_json).collect();
    let json = json!({
        "pairs": census.pairs, "in_step": census.in_step, "resting": census.resting,
        "source_items": census.source_items, "target_items": census.target_items,
        "drift_total": census.total(), "causes": causes, "drift": drift
    });
    out.show(&json, || {
        let mut text = format!(
            "{} of {} pairs are in step; {} rest",
            census.in_step, census.pairs, census.resting
        );
        if census.total() > 0 {
            let rows = census.drift.iter().take(MOST).map(row).collect();
            text = format!("{}\n{text}", table(&["cause", "source", "target", "what"], rows));
        }
        text
    });
    match census.total() {
        0 => Ok(()),
        1 => bail!("one drift was found; nothing was written"),
        more => bail!("{more} drifts were found; nothing was written"),
    }
}

fn row(one: &CensusDrift) -> Vec<String> {
    let id = |id: &Option<syncline_domain::ItemId>| {
        id.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    vec![one.cause.as_str().to_owned(), id(&one.source_id), id(&one.target_id), one.message.clone()]
}

fn drift_json(one: &CensusDrift) -> Value {
    let field = one.field.as_ref().map(|field| match field.as_str() {
        STATUS_REF => "status",
        other => other,
    });
    json!({
        "cause": one.cause.as_str(), "pair_id": one.pair_id, "source_id": one.source_id,
        "target_id": one.target_id, "field": field, "side": one.side, "expected": one.expected,
        "shown": one.shown, "message": one.message
    })
}
