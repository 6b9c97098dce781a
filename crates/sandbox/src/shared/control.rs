//! The control routes under `/_sandbox`: for tests and for people who play with the sandbox.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::FaultRule;
use super::http::{Reply, Request};
use super::text::read_instant;
use super::tracker::{Edit, ItemId, Tracker};
use super::world::World;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    #[serde(default)]
    now: Option<String>,
    #[serde(default)]
    advance_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dials {
    #[serde(default)]
    latency_ms: Option<u64>,
    #[serde(default)]
    search_lag_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forbid {
    item_id: ItemId,
    #[serde(default = "yes")]
    forbidden: bool,
}

fn yes() -> bool {
    true
}

/// Answers a control request.
pub(crate) fn handle(tracker: &dyn Tracker, world: &World, request: &Request) -> Reply {
    let segments = request.segments();
    let rest = segments.get(1..).unwrap_or_default();
    match (request.method.as_str(), rest) {
        ("GET", ["info"]) => shown(serde_json::to_value(tracker.info())),
        ("GET", ["effects"]) => effects(world, request),
        ("GET", ["faults"]) => Reply::json(200, &json!({ "faults": world.faults.states() })),
        ("POST" | "PUT", ["faults"]) => set_faults(world, request),
        ("DELETE", ["faults"]) => {
            world.faults.set(Vec::new());
            done()
        }
        ("POST", ["edit"]) => edit(tracker, request),
        ("POST", ["clock"]) => set_clock(world, request),
        ("GET", ["clock"]) => clock(world),
        ("POST", ["dials"]) => set_dials(world, request),
        ("POST", ["forbid"]) => forbid(tracker, request),
        ("GET", ["requests"]) => shown(serde_json::to_value(world.counter.snapshot())),
        ("DELETE", ["requests"]) | ("POST", ["requests", "reset"]) => {
            world.counter.clear();
            done()
        }
        ("GET", ["items"]) => {
            let items = tracker.items();
            Reply::json(200, &json!({ "count": items.len(), "items": items }))
        }
        ("GET", ["items", id]) => {
            tracker.item(id).map_or_else(missing, |item| Reply::json(200, &item))
        }
        ("DELETE", ["items", id]) => {
            if tracker.remove(id, request.flag("destroy")) {
                done()
            } else {
                missing()
            }
        }
        ("POST", ["reset"]) => {
            reset(tracker, world);
            done()
        }
        _ => refused(404, "no such control route; see GET /_sandbox/info"),
    }
}

/// Back to the seeded data, empty logs and no faults.
pub(crate) fn reset(tracker: &dyn Tracker, world: &World) {
    world.faults.set(Vec::new());
    tracker.reset();
    world.effects.clear();
    world.counter.clear();
}

fn effects(world: &World, request: &Request) -> Reply {
    let since = request.query("since").and_then(|text| text.parse().ok()).unwrap_or(0);
    let found =
        if request.flag("all") { world.effects.all(since) } else { world.effects.by_api(since) };
    Reply::json(200, &json!({ "count": found.len(), "effects": found }))
}

/// Takes `{"faults": [..]}`, `{"rules": [..]}`, a bare list or one rule.
fn set_faults(world: &World, request: &Request) -> Reply {
    let body = match request.json() {
        Ok(body) => body,
        Err(error) => return refused(400, &format!("the body is no JSON: {error}")),
    };
    let rules = match &body {
        Value::Object(map) => match map.get("faults").or_else(|| map.get("rules")) {
            Some(list) => list.clone(),
            None => json!([body]),
        },
        _ => body,
    };
    match serde_json::from_value::<Vec<FaultRule>>(rules) {
        Ok(rules) => {
            let count = rules.len();
            world.faults.set(rules);
            Reply::json(200, &json!({ "armed": count }))
        }
        Err(error) => refused(400, &error.to_string()),
    }
}

fn edit(tracker: &dyn Tracker, request: &Request) -> Reply {
    let edit: Edit = match serde_json::from_slice(&request.body) {
        Ok(edit) => edit,
        Err(error) => return refused(400, &error.to_string()),
    };
    match tracker.edit(&edit) {
        Ok(edited) => shown(serde_json::to_value(edited)),
        Err(why) => refused(400, &why),
    }
}

fn set_clock(world: &World, request: &Request) -> Reply {
    let change: ClockChange = match serde_json::from_slice(&request.body) {
        Ok(change) => change,
        Err(error) => return refused(400, &error.to_string()),
    };
    if let Some(text) = change.now {
        match read_instant(&text) {
            Some(at) => world.clock.set(at.ms),
            None => return refused(400, &format!("{text:?} is no instant; send ISO 8601")),
        }
    }
    if let Some(ms) = change.advance_ms {
        world.clock.advance(Duration::from_millis(ms));
    }
    clock(world)
}

fn clock(world: &World) -> Reply {
    Reply::json(200, &json!({ "now": world.clock.now() }))
}

fn set_dials(world: &World, request: &Request) -> Reply {
    let dials: Dials = match serde_json::from_slice(&request.body) {
        Ok(dials) => dials,
        Err(error) => return refused(400, &error.to_string()),
    };
    if let Some(ms) = dials.latency_ms {
        world.set_latency(Duration::from_millis(ms));
    }
    if let Some(ms) = dials.search_lag_ms {
        world.set_search_lag(Duration::from_millis(ms));
    }
    done()
}

fn forbid(tracker: &dyn Tracker, request: &Request) -> Reply {
    match serde_json::from_slice::<Forbid>(&request.body) {
        Ok(wish) if tracker.forbid(&wish.item_id.as_text(), wish.forbidden) => done(),
        Ok(_) => missing(),
        Err(error) => refused(400, &error.to_string()),
    }
}

fn shown(value: Result<Value, serde_json::Error>) -> Reply {
    match value {
        Ok(value) => Reply::json(200, &value),
        Err(error) => refused(500, &error.to_string()),
    }
}

fn done() -> Reply {
    Reply::json(200, &json!({ "ok": true }))
}

fn missing() -> Reply {
    refused(404, "no such item")
}

fn refused(status: u16, why: &str) -> Reply {
    Reply::json(status, &json!({ "error": why }))
}
