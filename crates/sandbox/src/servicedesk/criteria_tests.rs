//! Criteria held against a handful of requests.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::Timestamp;
use syncline_domain::ports::{BoxFuture, Clock};

use super::criteria::read;
use super::fields as f;
use super::model::{Desk, Ticket};
use super::options::ServiceDeskOptions;
use super::seed;
use super::site::Site;
use crate::shared::options::SandboxOptions;
use crate::shared::record::Val;
use crate::shared::world::World;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

fn desk() -> (Site, Desk) {
    let common = SandboxOptions::new(Arc::new(Still)).items(3);
    let world = World::new(&common);
    let site = Site::new("http://x".into(), world, common, ServiceDeskOptions::default());
    let mut desk = seed::desk(&site);
    let rows = [
        ("Broken pipe", 0, Some(4), Some("EXT-1")),
        ("Slow search", 1, Some(0), None),
        ("broken glass", 3, None, Some("ext-2")),
    ];
    for (no, (subject, status, priority, external)) in (1u32..).zip(rows) {
        let at = i64::from(no) * 1_000;
        desk.change(no, at, |ticket: &mut Ticket| {
            ticket.fields.put(f::SUBJECT, Some(Val::text(subject)));
            ticket.fields.put(f::STATUS, Some(Val::Ref(status)));
            ticket.fields.put(f::PRIORITY, priority.map(Val::Ref));
            ticket.fields.put(f::UDF_CHAR1, external.map(Val::text));
        });
    }
    (site, desk)
}

#[test]
fn criteria_find_what_they_say() {
    let (site, desk) = desk();
    let found = |criteria: &Value| -> Vec<u32> {
        let criterion = read(criteria).unwrap();
        desk.all().filter(|ticket| criterion.holds(&site, ticket)).map(|ticket| ticket.no).collect()
    };
    let one = |field: &str, condition: &str, value: Value| json!({ "field": field, "condition": condition, "value": value });
    for (criteria, expected) in [
        (one("subject", "contains", json!("BROKEN")), vec![1, 3]),
        (one("subject", "not contains", json!("broken")), vec![2]),
        (one("subject", "starts with", json!("slow")), vec![2]),
        (one("status.name", "is", json!("Open")), vec![1]),
        (one("status", "is not", json!({ "name": "Open" })), vec![2, 3]),
        (
            json!({ "field": "status.name", "condition": "is", "values": ["Open", "Closed"] }),
            vec![1, 3],
        ),
        (one("priority.id", "is", json!("5")), vec![1]),
        (one("priority", "is", Value::Null), vec![3]),
        (one("udf_fields.udf_char1", "is", json!("EXT-2")), vec![3]),
        (one("last_updated_time", "greater than", json!("1000")), vec![2, 3]),
        (one("last_updated_time", "greater or equal", json!("1000")), vec![1, 2, 3]),
        (one("last_updated_time.value", "lesser than", json!(2000)), vec![1]),
        (
            json!({ "field": "last_updated_time", "condition": "between", "values": ["1000", "2000"] }),
            vec![1, 2],
        ),
        (
            json!([
                one("subject", "contains", json!("broken")),
                one("status.name", "is", json!("Closed"))
            ]),
            vec![3],
        ),
        (
            json!([one("id", "is", json!("2")), { "field": "id", "condition": "is", "value": "3", "logical_operator": "or" }]),
            vec![2, 3],
        ),
        (
            json!([one("subject", "contains", json!("broken")), { "field": "id", "condition": "is", "value": "1", "logical_operator": "and",
                "children": [{ "field": "id", "condition": "is", "value": "2", "logical_operator": "or" }] }]),
            vec![1],
        ),
        (Value::Null, vec![1, 2, 3]),
    ] {
        assert_eq!(found(&criteria), expected, "{criteria}");
    }
}

#[test]
fn broken_criteria_are_refused() {
    for criteria in [
        json!({ "field": "nothing", "condition": "is", "value": "x" }),
        json!({ "field": "description", "condition": "contains", "value": "x" }),
        json!({ "field": "subject", "condition": "resembles", "value": "x" }),
        json!({ "field": "id", "condition": "between", "value": "x" }),
        json!("x"),
        json!([1]),
    ] {
        assert_eq!(read(&criteria).unwrap_err().code, 4001, "{criteria}");
    }
}

#[test]
fn the_index_is_used_only_where_it_cannot_hide_a_hit() {
    let after = json!({ "field": "last_updated_time", "condition": "greater than", "value": "5" });
    let open = json!({ "field": "status.name", "condition": "is", "value": "Open" });
    let either = json!([after, { "field": "status.name", "condition": "is", "value": "Open", "logical_operator": "or" }]);
    assert_eq!(read(&after).unwrap().changed_from(), Some(5));
    assert_eq!(read(&json!([after, open])).unwrap().changed_from(), Some(5));
    assert_eq!(read(&either).unwrap().changed_from(), None);
    assert_eq!(read(&open).unwrap().changed_from(), None);
}
