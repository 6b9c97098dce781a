//! `syncline explain`.

use serde_json::{Value, json};
use syncline_app::{Caller, ExplainStep, FieldExplained};
use syncline_domain::{ItemId, STATUS_REF};

use super::config_named;
use crate::cli::ExplainArgs;
use crate::output::Output;
use crate::wiring::House;

pub(crate) async fn run(house: &House, args: ExplainArgs, out: Output) -> anyhow::Result<()> {
    let config = config_named(house, &args.config).await?;
    let item = ItemId::new(args.item);
    let told = house.app.explain(&Caller::command_line(), config, item, args.field).await?;
    let fields: Vec<Value> = told.fields.iter().map(field_json).collect();
    let json = json!({
        "pair_id": told.pair.id, "source_item_id": told.pair.source_item_id,
        "target_item_id": told.pair.target_item_id, "explanations": fields
    });
    out.show(&json, || {
        let stories = told
            .fields
            .iter()
            .map(|one| format!("{}\n  {}", shown(one.field.as_str()), one.sentences.join("\n  ")));
        stories.collect::<Vec<_>>().join("\n\n")
    });
    Ok(())
}

fn shown(field: &str) -> &str {
    if field == STATUS_REF { "status" } else { field }
}

fn field_json(one: &FieldExplained) -> Value {
    let steps: Vec<Value> = one.steps.iter().map(step_json).collect();
    json!({
        "field": shown(one.field.as_str()), "source_fields": one.source_fields, "rule": one.rule,
        "config_version": one.config_version, "source_value": one.source_value,
        "target_value": one.target_value, "agreed_at": one.agreed_at, "sentences": one.sentences,
        "steps": steps
    })
}

fn step_json(one: &ExplainStep) -> Value {
    json!({
        "kind": one.kind.as_str(), "at": one.at, "text": one.text, "side": one.side,
        "field": one.field.as_ref().map(|field| shown(field.as_str())), "value": one.value,
        "other_value": one.other_value, "revision": one.revision, "actor": one.actor,
        "rule": one.rule, "config_version": one.config_version,
        "execution_id": one.run.as_ref().map(|run| run.id), "conflict_id": one.conflict
    })
}
