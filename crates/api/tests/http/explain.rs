//! Why is this value here, over HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::{ItemId, Role};

use crate::support::House;

/// Configuration 1 goes both ways with one field: titles are trimmed and put in capitals on their way to the subject, and
/// come back as they are.
async fn chained() -> (House, ItemId, ItemId) {
    let house = House::furnished().await;
    let rules = json!([{
        "source_type_id": 1, "target_type_id": 3,
        "field_mappings": [
            {"source_field_id": 1, "target_field_id": 23, "mapping_type": "transformation",
             "transformation": {"chain": ["trim", "toUpperCase"]}, "direction": "forward"},
            {"source_field_id": 1, "target_field_id": 23, "mapping_type": "direct", "direction": "backward"}
        ]
    }]);
    let body = json!({
        "direction": "bidirectional", "conflict_resolution": "merge", "type_mappings": rules
    });
    let changed = house.put("/api/sync-configs/1", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let bug = ItemId::new("1");
    house.bugs.edit_as("ada", &bug, json!({"title": " One\nTwo\nThree"}));
    sync(&house).await;
    let list = house.get("/api/execute/synced-items/1").await.json();
    let pairs = list["items"].as_array().unwrap().iter();
    let pair = pairs.into_iter().find(|one| one["source_item_id"] == "1").unwrap();
    let copy = ItemId::new(pair["target_item_id"].as_str().unwrap());
    (house, bug, copy)
}

async fn sync(house: &House) {
    house.clock.advance(Duration::from_secs(2));
    let run = house.post("/api/execute/sync/1", &json!({})).await;
    assert_eq!(run.status, 200, "{}", run.text());
    house.clock.advance(Duration::from_secs(2));
}

#[tokio::test]
async fn an_explanation_names_the_merge_the_chain_and_the_decision() {
    let (house, bug, copy) = chained().await;
    house.bugs.edit_as("ada", &bug, json!({"title": "One here\nTwo\nThree"}));
    house.desk.edit_as("bob", &copy, json!({"subject": "ONE\nTWO\nTHREE THERE"}));
    sync(&house).await;
    house.bugs.edit_as("ada", &bug, json!({"title": "One here\nTwo of ada\nThree there"}));
    house.desk.edit_as("bob", &copy, json!({"subject": "ONE HERE\nTWO OF BOB\nTHREE THERE"}));
    sync(&house).await;
    let decision = json!({"use": "source", "rationale": "ada knows", "resolved_by": "anna"});
    let done = house.post("/api/conflicts/1/resolve", &decision).await.json();
    assert_eq!(done["application_result"], true, "{done}");

    let told = house.get("/api/items/1/1/explain?field=subject").await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = told.json();
    assert_eq!((&told["source_item_id"], &told["count"]), (&json!("1"), &json!(1)), "{told}");
    let one = &told["explanations"][0];
    assert_eq!((&one["field"], &one["source_fields"]), (&json!("subject"), &json!(["title"])));
    assert_eq!(one["target_value"], "ONE HERE\nTWO OF ADA\nTHREE THERE", "{one:#}");
    let steps = one["steps"].as_array().unwrap();
    let of = |kind: &str| steps.iter().filter(|step| step["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(of("merged").len(), 1, "{one:#}");
    let chain: Vec<&Value> = of("mapped")[0]["transformation"].as_array().unwrap().iter().collect();
    assert_eq!(chain[0]["name"], "trim", "{one:#}");
    assert_eq!(chain[1]["name"], "toUpperCase", "{one:#}");
    assert_eq!(of("conflict")[0]["conflict_id"], 1);
    assert_eq!(of("observed")[0]["run"]["trigger"], "manual", "{one:#}");
    let text = one["sentences"].to_string();
    for words in ["merged to", "then toUpperCase gave", "Conflict 1 was decided by", "ada knows"] {
        assert!(text.contains(words), "{words:?} is missing in {text}");
    }
    // By the source's name of the field, by its shown name, and all fields at once.
    for query in ["?field=title", "?field=Subject", ""] {
        let same = house.get(&format!("/api/items/1/1/explain{query}")).await.json();
        assert!(same["explanations"].as_array().unwrap().contains(one), "{query}: {same}");
    }
}

#[tokio::test]
async fn history_comes_in_pages_and_belongs_to_its_pair() {
    let (house, bug, _) = chained().await;
    house.bugs.edit_as("ada", &bug, json!({"title": "Other"}));
    sync(&house).await;
    let first = house.get("/api/items/1/1/history?limit=1").await.json();
    assert_eq!((&first["total"], &first["count"]), (&json!(2), &json!(1)), "{first}");
    let entry = &first["entries"][0];
    assert_eq!((&entry["event"], &entry["read"]["changed_by"]), (&json!("updated"), &json!("ada")));
    assert_eq!(entry["fields"][0]["outcome"], "written", "{entry:#}");
    assert_eq!(entry["fields"][0]["old_value"], "ONE\nTWO\nTHREE", "{entry:#}");
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = house.get(&format!("/api/items/1/1/history?limit=1&cursor={cursor}")).await.json();
    assert_eq!(
        (&rest["entries"][0]["event"], &rest["next_cursor"]),
        (&json!("created"), &Value::Null)
    );
}

#[tokio::test]
async fn a_wrong_question_gets_what_to_do() {
    let (house, _, copy) = chained().await;
    let wrong = house.get("/api/items/1/1/explain?field=nonsense").await;
    assert_eq!(wrong.status, 400);
    let wrong = wrong.json();
    assert_eq!(wrong["details"][0]["path"], "field", "{wrong}");
    assert!(wrong["details"][0]["message"].as_str().unwrap().contains("use one of subject"));
    for (target, words) in [
        ("/api/items/1/4711/explain".to_owned(), "check the id"),
        (format!("/api/items/1/{copy}/history"), "ask for 1"),
        ("/api/items/9/1/history".to_owned(), "no sync configuration"),
    ] {
        let seen = house.get(&target).await;
        assert_eq!(seen.status, 404, "{target}: {}", seen.text());
        assert!(seen.text().contains(words), "{target}: {}", seen.text());
    }
    assert_eq!(house.get("/api/items/x/1/history").await.status, 400);
    let key = house.key("other", Role::Viewer, Some(vec![7])).await;
    let bearer = format!("Bearer {key}");
    let hidden = [("authorization", bearer.as_str())];
    let seen = house.send("GET", "/api/items/1/1/explain", &hidden, None).await;
    assert_eq!(seen.status, 404, "out of scope is not there");
}

#[tokio::test]
async fn a_census_lists_what_differs_and_writes_nothing() {
    let (house, bug, copy) = chained().await;
    let calm = house.post("/api/execute/census/1", &json!({})).await;
    assert_eq!(calm.status, 200, "{}", calm.text());
    let calm = calm.json();
    assert_eq!(calm["census"]["drift_total"], 0, "{calm:#}");
    assert_eq!(calm["census"]["pairs"], calm["census"]["in_step"], "{calm:#}");
    house.clock.advance(Duration::from_secs(1));
    house.bugs.edit_as("ada", &bug, json!({"title": "Edited"}));
    let (before, written) = (house.desk.item(&copy), house.desk.own_effects().len());
    let found = house.post("/api/execute/census/1", &json!({})).await.json();
    assert_eq!(found["census"]["causes"], json!({"edited_on_source": 1}), "{found:#}");
    let drift = &found["census"]["drift"][0];
    assert_eq!((&drift["field"], &drift["expected"]), (&json!("subject"), &json!("EDITED")));
    assert_eq!(drift["shown"], "ONE\nTWO\nTHREE", "{drift:#}");
    assert_eq!((house.desk.item(&copy), house.desk.own_effects().len()), (before, written));
    assert_eq!(house.post("/api/execute/census/9", &json!({})).await.status, 404);
}
