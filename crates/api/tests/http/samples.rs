//! Mapping tests and replays: kept, captured without what is about people, run when something changes, replayed.

use serde_json::{Value, json};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ConfigId, FieldSchema, FieldType, MappingTest};
use syncline_testkit::person;

use crate::support::{House, JOB};

const TESTS: &str = "/api/sync-configs/1/mapping-tests";

/// Title to subject by this transformation, description to details, assignee to technician, priority by a table, and
/// two statuses.
async fn rules(house: &House, title: &str) -> Value {
    let field = |source: i64, target: i64| json!({"source_field_id": source, "target_field_id": target, "mapping_type": "direct"});
    let (mut subject, mut urgency) = (field(1, 23), field(3, 25));
    subject["mapping_type"] = json!("transformation");
    subject["transformation"] = json!(title);
    urgency["mapping_type"] = json!("value_map");
    urgency["value_map"] = json!({"High": "3 - High", "*": "1 - Low"});
    let fields = [subject, field(2, 24), field(7, 29), urgency];
    let statuses = [(1, 11), (2, 12)]
        .map(|(source, target)| json!({"source_status_id": source, "target_status_id": target}));
    let pair = json!({
        "source_type_id": 1, "target_type_id": 3, "field_mappings": fields,
        "status_mappings": statuses
    });
    let saved = house.put("/api/sync-configs/1", &json!({"type_mappings": [pair]})).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    saved.json()
}

fn sample(name: &str, subject: &str) -> Value {
    json!({
        "name": name, "direction": "source_to_target",
        "item": {"id": "9", "type": "Bug", "status": "New",
                 "fields": {"title": "Ab", "priority": "High"}},
        "expected": {"status": "open", "fields": {"subject": subject, "urgency": "3 - High"}}
    })
}

async fn kept(house: &House) -> Vec<MappingTest> {
    house.store.view("tests", |tx| tx.mapping_tests(ConfigId(1))).await.unwrap()
}

#[tokio::test]
async fn a_sample_is_kept_run_changed_and_deleted() {
    let house = House::furnished().await;
    rules(&house, "toUpperCase").await;
    let made = house.post(TESTS, &sample("loud", "AB")).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let one = format!("{TESTS}/{}", made.json()["mapping_test_id"]);
    assert_eq!(house.post(TESTS, &sample("loud", "AB")).await.status, 409);
    let read = house.get(&one).await.json()["mapping_test"].clone();
    assert_eq!(
        (&read["expected"]["fields"]["subject"], &read["compare"]),
        (&json!("AB"), &json!("named"))
    );

    let run = house.post(&format!("{TESTS}/run"), &json!({"trace": true})).await.json();
    assert_eq!((&run["passed"], &run["failed"]), (&json!(2), &json!(0)), "{run:#}");
    assert!(run["results"][1]["trace"].to_string().contains("toUpperCase"), "{run:#}");

    let mut wrong = sample("loud", "ab");
    wrong["compare"] = json!("all");
    wrong["expected"]["status"] = json!("closed");
    assert_eq!(house.put(&one, &wrong).await.status, 200);
    let ask = json!({"mapping_test_ids": [read["id"]]});
    let run = house.post(&format!("{TESTS}/run"), &ask).await.json();
    assert_eq!((&run["passed"], &run["failed"]), (&json!(0), &json!(1)), "{run:#}");
    assert_eq!(
        run["results"][0]["differences"],
        json!([
            {"field": "status", "expected": "closed", "got": "open", "message": null},
            {"field": "subject", "expected": "ab", "got": "AB", "message": null}
        ])
    );
    wrong["expected"]["fields"] = json!({"subject": "AB", "reference": "x"});
    house.put(&one, &wrong).await;
    let run = house.post(&format!("{TESTS}/run"), &ask).await.json();
    let fields: Vec<&Value> = run["results"][0]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["field"])
        .collect();
    assert_eq!(fields, ["status", "reference", "urgency"], "{run:#}");

    assert_eq!(house.send("DELETE", &one, &[], None).await.status, 200);
    assert_eq!(house.get(&one).await.status, 404);
    assert_eq!(house.post(&format!("{TESTS}/run"), &ask).await.status, 404);
    assert_eq!(house.get(TESTS).await.json()["count"], 1);
}

#[tokio::test]
async fn the_way_back_is_tested_too() {
    let house = House::furnished().await;
    rules(&house, "toUpperCase").await;
    let back = json!({
        "name": "back", "direction": "target_to_source",
        "item": {"type": "request", "status": "in progress", "fields": {"details": "D"}},
        "expected": {"type": "bug", "status": "Active", "fields": {"description": "D"}}
    });
    assert_eq!(house.post(TESTS, &back).await.status, 201);
    let run = house.post(&format!("{TESTS}/run"), &json!({})).await.json();
    assert_eq!((&run["passed"], &run["failed"]), (&json!(2), &json!(0)), "{run:#}");
}

#[tokio::test]
async fn wrong_samples_are_refused_by_field() {
    let house = House::furnished().await;
    let mut bad = sample("x", "y");
    bad["direction"] = json!("sideways");
    bad["expected"] = json!({});
    bad["item"]["type"] = json!(7);
    let seen = house.post(TESTS, &bad).await;
    assert_eq!(seen.status, 400);
    for place in ["/direction", "/expected", "/item/type"] {
        assert!(seen.text().contains(place), "{place} {}", seen.text());
    }
    let mut large = sample("x", "y");
    large["item"]["fields"]["description"] = json!("d".repeat(130 * 1024));
    let seen = house.post(TESTS, &large).await;
    assert_eq!(seen.status, 400);
    assert!(seen.text().contains("/item/fields"), "{}", seen.text());
    for (body, place) in [
        (json!({}), "/item_id"),
        (json!({"item_id": "1"}), "/side"),
        (json!({"execution_id": 1}), "/item_id"),
        (json!({"execution_id": 1, "delivery_id": 1, "item_id": "1"}), "/delivery_id"),
        (json!({"item_id": "1", "side": "source", "mask_fields": ["nosuch"]}), "/mask_fields"),
    ] {
        let seen = house.post(&format!("{TESTS}/capture"), &body).await;
        assert_eq!(seen.status, 400, "{body} {}", seen.text());
        assert!(seen.text().contains(&format!("\"{place}\"")), "{body} {}", seen.text());
    }
    for n in 0..199 {
        let made = house.post(TESTS, &sample(&format!("t{n}"), "y")).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let seen = house.post(TESTS, &sample("one too many", "y")).await;
    assert_eq!(seen.status, 409);
    assert!(seen.text().contains("200 mapping tests"), "{}", seen.text());
}

#[tokio::test]
async fn what_is_captured_tells_of_nobody_and_still_passes() {
    let house = House::furnished().await;
    rules(&house, "toUpperCase").await;
    let mut who = person("lovelace");
    who.name = Some("Ada Lovelace".to_owned());
    who.email = Some("ada.lovelace@corp.example".to_owned());
    let bug = house.bugs.create_as("ada", "bug", json!({
        "title": "Ada Lovelace cannot sign in", "priority": "High", "assignee": who.to_value(),
        "description": "<p>Call <b>Ada</b> at 0301-234567, write to ada.lovelace@corp.example; password: hunter2</p>",
        "external": "nobody reads this"
    }));
    let ask = json!({"item_id": bug, "side": "source", "name": "captured"});
    let made = house.post(&format!("{TESTS}/capture"), &ask).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["masked_fields"], json!(["assignee", "description", "title"]), "{made:#}");
    let test = &kept(&house).await[1];
    let stored = serde_json::to_string(&test.sample).unwrap();
    for gone in [
        "Ada", "ada", "ADA", "Lovelace", "lovelace", "LOVELACE", "corp", "0301", "hunter2",
        "cannot", "nobody",
    ] {
        assert!(!stored.contains(gone), "{gone} is left in {stored}");
    }
    let fields = &made["mapping_test"]["item"]["fields"];
    assert_eq!(fields["priority"], "High");
    let text = fields["description"].as_str().unwrap();
    assert!(
        text.starts_with("<p>") && text.contains("<b>") && text.contains("@example.org"),
        "{text}"
    );
    assert_eq!(fields["title"].as_str().unwrap().len(), "Ada Lovelace cannot sign in".len());
    let expected = &made["mapping_test"]["expected"];
    assert_eq!(expected["fields"]["subject"], fields["title"].as_str().unwrap().to_uppercase());
    assert_eq!(
        (&expected["fields"]["urgency"], &expected["status"]),
        (&json!("3 - High"), &json!("open"))
    );
    let run = house.post(&format!("{TESTS}/run"), &json!({})).await.json();
    assert_eq!((&run["passed"], &run["failed"]), (&json!(2), &json!(0)), "{run:#}");

    let plain = json!({"item_id": bug, "side": "source", "name": "plain", "mask": false,
                       "mask_fields": ["priority"]});
    let made = house.post(&format!("{TESTS}/capture"), &plain).await.json();
    let fields = &made["mapping_test"]["item"]["fields"];
    assert_eq!(fields["title"], "Ada Lovelace cannot sign in");
    assert_ne!(fields["priority"], "High");
    assert!(!fields.to_string().contains("hunter2"), "{fields}");
}

#[tokio::test]
async fn a_delivery_and_a_run_give_samples() {
    let house = House::furnished().await;
    rules(&house, "toUpperCase").await;
    let of_delivery = house.post(&format!("{TESTS}/capture"), &json!({"delivery_id": 1})).await;
    assert_eq!(of_delivery.status, 201, "{}", of_delivery.text());
    let test = of_delivery.json()["mapping_test"].clone();
    assert_eq!(
        (&test["item"]["id"], &test["direction"]),
        (&json!("1"), &json!("source_to_target"))
    );
    assert!(test["captured_from"].as_str().unwrap().contains("delivery 1"), "{test}");

    let run = house.post("/api/execute/sync/1", &json!({})).await.json();
    let id = run["execution_id"].clone();
    let ask = json!({"execution_id": id, "item_id": "1", "mask": false});
    let of_run = house.post(&format!("{TESTS}/capture"), &ask).await;
    assert_eq!(of_run.status, 201, "{}", of_run.text());
    let test = of_run.json()["mapping_test"].clone();
    assert_eq!(test["expected"]["fields"]["subject"], "FIRST", "{test:#}");
    assert_eq!(test["item"]["fields"]["title"], "First", "{test:#}");
    // The run's own write is expected, whatever the rules make by now.
    rules(&house, "toLowerCase").await;
    let ask = json!({"execution_id": id, "item_id": "1", "mask": false, "name": "as written"});
    let late = house.post(&format!("{TESTS}/capture"), &ask).await.json();
    assert_eq!(late["mapping_test"]["expected"]["fields"]["subject"], "FIRST", "{late:#}");
    let absent = json!({"execution_id": id, "item_id": "77"});
    assert_eq!(house.post(&format!("{TESTS}/capture"), &absent).await.status, 400);
}

#[tokio::test]
async fn a_save_that_breaks_a_test_says_so_and_a_plan_is_refused() {
    let house = House::furnished().await;
    rules(&house, "toUpperCase").await;
    house.post(TESTS, &sample("loud", "AB")).await;
    let saved = rules(&house, "toLowerCase").await;
    let warned = saved["warnings"].to_string();
    assert!(warned.contains("mapping test") && warned.contains("loud"), "{saved}");
    assert!(warned.contains("AB") && warned.contains("ab"), "{saved}");
    let rule = json!({"source_field_id": 10, "target_field_id": 32, "mapping_type": "direct"});
    let single = house.post("/api/sync-configs/1/field-mappings", &rule).await;
    assert_eq!(single.status, 201, "{}", single.text());
    assert!(single.text().contains("loud"), "{}", single.text());

    let plan = house.post("/api/execute/preview/1", &json!({})).await.json()["plan_id"].clone();
    let apply = format!("/api/execute/apply/{plan}");
    let refused = house.post(&apply, &json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(
        refused.text().contains("mapping tests of its configuration fail (loud)"),
        "{}",
        refused.text()
    );
    assert_eq!(refused.json()["mapping_tests"], json!(["loud"]));
    assert!(house.desk.items().is_empty());
    let done = house.post(&apply, &json!({"ignore_mapping_tests": true})).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(house.desk.items().len(), 3);

    let calm = rules(&house, "toUpperCase").await;
    assert!(!calm["warnings"].to_string().contains("mapping test"), "{calm}");
}

#[tokio::test]
async fn discovery_that_finds_a_drift_tells_of_tests_that_fail() {
    let house = House::furnished().await;
    rules(&house, "toUpperCase").await;
    house.post(TESTS, &sample("loud", "AB")).await;
    let same = house.post("/api/connectors/2/discover", &json!({})).await.json();
    assert_eq!((&same["drift"], &same["mapping_tests"]), (&json!([]), &json!([])));
    // What the store knew is other than what the tracker shows: urgency no longer takes what the test sends.
    house
        .store
        .tx("drift", |tx| {
            let row = tx.field(25.into())?.unwrap();
            let schema = FieldSchema { allowed_values: Vec::new(), ..row.schema.clone() };
            assert_eq!(schema.field_type, FieldType::Picklist);
            tx.update_field(&syncline_domain::FieldRow { schema, ..row })
        })
        .await
        .unwrap();
    let mut odd = sample("odd", "AB");
    odd["item"]["fields"]["priority"] = json!("Low");
    odd["expected"]["fields"]["urgency"] = json!("0 - None");
    house.post(TESTS, &odd).await;
    let status = house
        .store
        .tx("renamed", |tx| {
            let row = tx.status(11.into())?.unwrap();
            let mut schema = row.schema.clone();
            schema.category = syncline_domain::StatusCategory::Removed;
            tx.update_status(&syncline_domain::StatusRow { schema, ..row })
        })
        .await;
    status.unwrap();
    let found = house.post("/api/connectors/2/discover", &json!({})).await.json();
    assert_ne!(found["drift"], json!([]), "{found:#}");
    let failing = &found["mapping_tests"][0];
    assert_eq!(
        (&failing["sync_config_id"], &failing["results"][0]["name"]),
        (&json!(1), &json!("odd")),
        "{found:#}"
    );
    let report = house.app.run_mapping_tests(ConfigId(1)).await.unwrap();
    assert_eq!(report.failing().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["odd"]);
}

#[tokio::test]
async fn what_was_done_is_replayed_by_the_rules_of_then_and_of_now() {
    let house = House::furnished().await;
    rules(&house, "toUpperCase").await;
    let run = house.post("/api/execute/sync/1", &json!({})).await.json();
    assert_eq!(run["results"]["created"], 3, "{run}");
    let written = house.desk.writes().len();
    house.note_job_run(run["execution_id"].as_i64().unwrap()).await;
    rules(&house, "toLowerCase").await;

    let job = format!("/api/jobs/{JOB}/replay");
    let then = house.post(&job, &json!({})).await;
    assert_eq!(then.status, 200, "{}", then.text());
    let then = then.json();
    assert_eq!(
        (&then["mode"], &then["summary"]["different"]),
        (&json!("as_it_was"), &json!(0)),
        "{then:#}"
    );
    assert_eq!(then["items"].as_array().unwrap().len(), 3);
    assert!(then["summary"]["same"].as_u64().unwrap() >= 6, "{then:#}");
    let now = house.post(&job, &json!({"mode": "now"})).await.json();
    assert_eq!(now["summary"]["different"], 3, "{now:#}");
    let fields = now["items"][0]["fields"].as_array().unwrap();
    let subject = fields.iter().find(|field| field["field"] == "subject").unwrap();
    assert_eq!(
        (&subject["recorded"], &subject["replayed"], &subject["verdict"]),
        (&json!("FIRST"), &json!("first"), &json!("different"))
    );

    let delivery = "/api/webhooks/deliveries/1/replay";
    let then = house.post(delivery, &json!({"mode": "as_it_was"})).await;
    assert_eq!(then.status, 200, "{}", then.text());
    let then = then.json();
    assert_eq!(
        (&then["item_ids"], &then["summary"]["different"]),
        (&json!(["1"]), &json!(0)),
        "{then:#}"
    );
    let now = house.post(delivery, &json!({"mode": "now", "dry_run": true})).await.json();
    assert_eq!(now["summary"]["different"], 1, "{now:#}");
    let odd = json!({"mode": "as_it_was", "dry_run": false});
    assert_eq!(house.post(delivery, &odd).await.status, 400);
    assert_eq!(house.desk.writes().len(), written, "a replay writes nothing");
    assert_eq!(house.post(delivery, &json!({})).await.status, 202);
}
