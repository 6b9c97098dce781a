//! Reading the options of a configuration, key by key.

use serde_json::{Map, Value, json};
use syncline_domain::{Options, SyncConfig};

use crate::input::Body;

/// Reads `options` over those that a configuration has; null puts a key back to its default.
pub(crate) fn read(config: &mut SyncConfig, body: &mut Body) {
    let Some(given) = body.object("options") else { return };
    let Ok(Value::Object(mut merged)) = serde_json::to_value(&config.options) else { return };
    for (key, value) in given {
        let at = body.path("options");
        if !merged.contains_key(&key) {
            body.warn(format!("{at}/{key} is unknown and was ignored"));
            continue;
        }
        if key == "match_existing" {
            warn_of_unknown_parts(body, &at, &value);
        }
        let mut probe = merged.clone();
        probe.insert(key.clone(), flag_of(&merged, &key, value));
        match serde_json::from_value::<Options>(Value::Object(probe.clone())) {
            Ok(_) => merged = probe,
            Err(error) => body.fault(&format!("options/{key}"), in_words(&error)),
        }
    }
    let Ok(options) = serde_json::from_value::<Options>(Value::Object(merged)) else { return };
    if !(1..=32).contains(&options.concurrency) {
        body.fault("options/concurrency", "it is out of range; use 1 to 32");
    }
    if options.jitter_seconds > 86_400 {
        body.fault("options/jitter_seconds", "it is out of range; use 0 to 86400 (a day)");
    }
    if options.max_delete_percent.is_some_and(|percent| percent > 100) {
        body.fault("options/max_delete_percent", "it is out of range; use 0 to 100");
    }
    if options.census_every_hours > 8_760 {
        body.fault("options/census_every_hours", "it is out of range; use 0 to 8760 (a year)");
    }
    config.options = options;
}

/// What the reader of JSON says of a value, for people.
fn in_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.contains("expected u") {
        return "use a whole number, 0 or more".to_owned();
    }
    if text.contains("expected a boolean") {
        return "use true or false".to_owned();
    }
    text
}

/// The options that say what becomes of an item, without those about the pace and the bounds of a run.
pub(crate) fn about_items(options: &Options) -> Options {
    let usual = Options::default();
    Options {
        sync_only_changed: usual.sync_only_changed,
        tie_window_seconds: usual.tie_window_seconds,
        max_writes_per_run: usual.max_writes_per_run,
        max_updates: usual.max_updates,
        max_deletes: usual.max_deletes,
        max_delete_percent: usual.max_delete_percent,
        require_plan: usual.require_plan,
        missed_runs: usual.missed_runs,
        overlap: usual.overlap,
        jitter_seconds: usual.jitter_seconds,
        concurrency: usual.concurrency,
        census_every_hours: usual.census_every_hours,
        ..options.clone()
    }
}

fn warn_of_unknown_parts(body: &mut Body, at: &str, value: &Value) {
    const PARTS: [&str; 3] = ["source_field", "target_field", "on_many"];
    let unknown: Vec<String> = value
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter(|key| !PARTS.contains(&key.as_str()))
        .cloned()
        .collect();
    for key in unknown {
        body.warn(format!("{at}/match_existing/{key} is unknown and was ignored"));
    }
}

/// Flags come as 1 and 0, too; null goes back to the default.
fn flag_of(known: &Map<String, Value>, key: &str, value: Value) -> Value {
    match (known.get(key), value.as_i64()) {
        (Some(Value::Bool(_)), Some(1)) => json!(true),
        (Some(Value::Bool(_)), Some(0)) => json!(false),
        (Some(old), _) if value.is_null() && !old.is_null() => {
            serde_json::to_value(Options::default())
                .ok()
                .and_then(|all| all.get(key).cloned())
                .unwrap_or(Value::Null)
        }
        _ => value,
    }
}
