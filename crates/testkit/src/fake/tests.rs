//! The tracker's habits that tests of other rooms lean on.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{ChangeQuery, Connector, ConnectorError, ErrorKind, Write, WriteKind};
use syncline_domain::{Fields, Item, OpId};

use super::{FakeConnector, Method, Planned, Quirks};
use crate::ManualClock;

fn create(title: &str) -> Write {
    Write {
        op_id: OpId::new("0".repeat(32)),
        kind: WriteKind::Create { type_ref: "bug".to_owned() },
        status: None,
        fields: Fields::from([("title".into(), json!(title))]),
        marker: None,
    }
}

fn lost() -> ConnectorError {
    ConnectorError::new(ErrorKind::Ambiguous, "no answer")
}

async fn walk(fake: &FakeConnector, since: Option<syncline_domain::Cursor>) -> Vec<Item> {
    let mut walk = fake.changes(ChangeQuery::default(), since);
    let mut items = Vec::new();
    while let Some(page) = walk.next_page(2).await.unwrap() {
        items.extend(page.items);
    }
    items
}

#[tokio::test]
async fn a_lost_answer_took_effect_and_a_refusal_did_not() {
    let fake = FakeConnector::bugs(&ManualClock::new());
    fake.plan(Method::Create, 1, Planned::After(lost()));
    fake.plan(Method::Create, 2, Planned::Before(lost()));
    for _ in 0..2 {
        let outcomes = fake.apply(&[create("a")]).await;
        assert_eq!(outcomes[0], Err(lost()));
    }
    assert_eq!(fake.items().len(), 1);
    assert_eq!(fake.own_effects().len(), 1);
    assert_eq!(fake.count(Method::Create), 2);
}

#[tokio::test]
async fn a_partial_batch_stops_in_the_middle() {
    let fake = FakeConnector::bugs(&ManualClock::new());
    fake.set_capabilities(|can| can.write_batch = 200);
    let error = ConnectorError::new(ErrorKind::Unavailable, "broken off");
    fake.plan(Method::Apply, 1, Planned::Partial { done: 2, error });
    let outcomes = fake.apply(&[create("a"), create("b"), create("c")]).await;
    let good: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false]);
    assert_eq!(fake.items().len(), 2);
}

#[tokio::test]
async fn search_lag_hides_new_items_and_holds_the_cursor_back() {
    let clock = ManualClock::new();
    let fake = FakeConnector::bugs(&clock);
    fake.set_capabilities(|can| can.search_lag = Duration::from_secs(5));
    let old = fake.create_as("ada", "bug", json!({"title": "old"}));
    clock.advance(Duration::from_secs(60));
    let new = fake.create_as("ada", "bug", json!({"title": "new"}));
    clock.advance(Duration::from_secs(1));
    fake.edit_as("ada", &old, json!({"title": "old but edited"}));
    let mut first = fake.changes(ChangeQuery::default(), None);
    let page = first.next_page(10).await.unwrap().unwrap();
    assert_eq!(page.items.len(), 1);
    clock.advance(Duration::from_secs(10));
    let seen = walk(&fake, Some(page.cursor)).await;
    assert!(seen.iter().any(|item| item.id == new));
}

#[tokio::test]
async fn somebody_else_can_edit_between_two_calls() {
    let fake = FakeConnector::bugs(&ManualClock::new());
    let id = fake.create_as("ada", "bug", json!({"title": "one"}));
    let seen = fake.item(&id).unwrap();
    let meddled = id.clone();
    fake.plan(
        Method::Update,
        1,
        Planned::Meanwhile(Box::new(move |fake| {
            fake.edit_as("bob", &meddled, json!({"title": "two"}));
        })),
    );
    let write = Write {
        kind: WriteKind::Update { id: id.clone(), expected: Some(seen.version) },
        ..create("three")
    };
    let outcome = fake.apply(&[write]).await.remove(0);
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::VersionConflict);
    assert_eq!(fake.item(&id).unwrap().title, "two");
}

#[tokio::test]
async fn a_tracker_rewrites_values_on_their_way_in() {
    let fake = FakeConnector::bugs(&ManualClock::new());
    fake.set_quirks(Quirks::all());
    let id = fake.create_as(
        "ada",
        "bug",
        json!({
            "title": " a ",
            "description": "<P>one\ntwo</P><script>x()</script>",
            "due": "2026-02-03T04:05:06.789Z",
        }),
    );
    let fields = fake.item(&id).unwrap().fields;
    assert_eq!(fields[&"title".into()], json!("a"));
    assert_eq!(fields[&"description".into()], json!("<p>one\r\ntwo</p>"));
    assert_eq!(fields[&"due".into()], json!("2026-02-03T04:05:06.000Z"));
}

#[tokio::test]
async fn a_slow_call_waits_on_the_clock() {
    let clock = ManualClock::new();
    let fake = FakeConnector::bugs(&clock);
    fake.plan(Method::Whoami, 1, Planned::Slow(Duration::from_secs(30)));
    let calling = Arc::clone(&fake);
    let call = tokio::spawn(async move { calling.whoami().await });
    clock.wait_for_sleepers(1).await;
    assert!(!call.is_finished());
    clock.advance(Duration::from_secs(30));
    assert_eq!(call.await.unwrap().unwrap(), fake.me());
}
