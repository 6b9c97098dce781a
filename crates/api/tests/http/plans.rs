//! Plans: stored by a preview, looked at, applied once.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::{ItemId, PLAN_LASTS, Role};

use crate::support::House;

/// A plan of what a run would do now.
async fn planned(house: &House) -> (i64, Value) {
    let made = house.post("/api/execute/preview/1", &json!({})).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["plan_id"].as_i64().unwrap();
    let plan = house.get(&format!("/api/execute/plans/{id}")).await.json();
    (id, plan)
}

fn bugs(house: &House) -> Vec<ItemId> {
    house.bugs.items().into_iter().map(|item| item.id).collect()
}

#[tokio::test]
async fn a_plan_is_looked_at_and_then_performed() {
    let house = House::furnished().await;
    let made = house.post("/api/execute/preview/1", &json!({})).await.json();
    assert_eq!(made["summary"]["to_create"], 3);
    assert_eq!(
        (&made["plan"]["totals"]["creates"], &made["plan"]["limits"]),
        (&json!(3), &json!([]))
    );
    let id = made["plan_id"].clone();
    assert!(house.desk.items().is_empty(), "a plan writes nothing");

    let first = house.get(&format!("/api/execute/plans/{id}?limit=2")).await.json();
    assert_eq!(
        (&first["plan"]["state"], &first["plan"]["expired"]),
        (&json!("open"), &json!(false))
    );
    let items = first["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["operation"]), (2, &json!("create")));
    assert_eq!(items[0]["fields"]["subject"], "First", "{first}");
    assert!(items[0]["changes"].as_array().unwrap().iter().all(|change| change["rule"] != ""));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = house.get(&format!("/api/execute/plans/{id}?limit=2&cursor={cursor}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));

    let run = house.post(&format!("/api/execute/apply/{id}"), &json!({})).await;
    assert_eq!(run.status, 200, "{}", run.text());
    let run = run.json();
    assert_eq!(
        (&run["results"]["created"], &run["results"]["total"]),
        (&json!(3), &json!(3)),
        "{run}"
    );
    assert_eq!(house.desk.items().len(), 3);
    let after = house.get(&format!("/api/execute/plans/{id}")).await.json()["plan"].clone();
    assert_eq!(
        (&after["state"], &after["execution_status"]),
        (&json!("applied"), &json!("completed"))
    );
    assert_eq!(after["execution_id"], run["execution_id"]);

    let twice = house.post(&format!("/api/execute/apply/{id}"), &json!({})).await;
    assert_eq!(twice.status, 409);
    assert!(twice.text().contains("applied already by run"), "{}", twice.text());
    let list = house.get("/api/execute/plans?sync_config_id=1").await.json();
    assert_eq!((&list["count"], &list["plans"][0]["id"]), (&json!(1), &id));
    let audit = house.store_text().await;
    assert!(audit.contains("plan.apply"), "{audit}");
}

#[tokio::test]
async fn an_item_that_moved_on_is_a_row_of_its_own_with_the_reason() {
    let house = House::furnished().await;
    house.post("/api/execute/sync/1", &json!({})).await;
    let ids = bugs(&house);
    for id in &ids {
        house.clock.advance(Duration::from_secs(60));
        house.bugs.edit_as("ada", id, json!({"title": "Planned"}));
    }
    let (plan, shown) = planned(&house).await;
    assert_eq!(shown["plan"]["totals"]["updates"], 3, "{shown}");
    house.bugs.edit_as("ada", &ids[0], json!({"title": "Later"}));
    let copy = ItemId::new(shown["items"][1]["target_id"].as_str().unwrap());
    house.desk.edit_as("grace", &copy, json!({"subject": "Mine"}));
    let run =
        house.post(&format!("/api/execute/apply/{plan}"), &json!({"wait": true})).await.json();
    assert_eq!(run["execution_status"], "completed_with_errors", "{run}");
    let results = &run["results"];
    assert_eq!((&results["updated"], &results["errors"]), (&json!(1), &json!(2)), "{run}");
    let items = results["items"].as_array().unwrap();
    let refused: Vec<&Value> = items.iter().filter(|item| item["action"] == "failed").collect();
    assert_eq!(refused.len(), 2, "{run}");
    for row in refused {
        let text = row["error"].to_string();
        assert!(text.contains("refused: ") && text.contains("since the plan was made"), "{text}");
        assert!(row["source_id"].is_string(), "{row}");
    }
    assert_eq!(house.desk.item(&copy).unwrap().title, "Mine");
}

#[tokio::test]
async fn a_plan_has_its_time_and_its_rules() {
    let house = House::furnished().await;
    let (old, _) = planned(&house).await;
    house.clock.advance(PLAN_LASTS);
    let refused = house.post(&format!("/api/execute/apply/{old}"), &json!({})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("expired at"), "{}", refused.text());
    let shown = house.get(&format!("/api/execute/plans/{old}")).await.json();
    assert_eq!(shown["plan"]["expired"], true);

    let (outdated, _) = planned(&house).await;
    let change = json!({"options": {"max_updates": 5}});
    assert_eq!(house.put("/api/sync-configs/1", &change).await.status, 200);
    let refused = house.post(&format!("/api/execute/apply/{outdated}"), &json!({})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("changed after plan"), "{}", refused.text());
    let shown = house.get(&format!("/api/execute/plans/{outdated}")).await.json();
    assert_eq!(shown["plan"]["outdated"], true);

    house.put("/api/sync-configs/1", &json!({"options": {"max_writes_per_run": 2}})).await;
    let (too_much, shown) = planned(&house).await;
    assert_eq!(
        shown["plan"]["limits"],
        json!([
            {"option": "max_writes_per_run", "limit": 2, "planned": 3, "exceeded": true},
            {"option": "max_updates", "limit": 5, "planned": 0, "exceeded": false}
        ])
    );
    let refused = house.post(&format!("/api/execute/apply/{too_much}"), &json!({})).await;
    assert!(refused.status == 409 && refused.text().contains("max_writes_per_run = 2"));
    assert!(house.desk.items().is_empty());
    let runs = house.get("/api/executions").await.json();
    assert_eq!(runs["count"], 0, "a refused plan leaves no run");
}

#[tokio::test]
async fn a_plan_of_a_configuration_out_of_sight_does_not_exist() {
    let house = House::furnished().await;
    let (plan, _) = planned(&house).await;
    assert_eq!(house.get("/api/execute/plans/99").await.status, 404);
    let key = house.key("other", Role::Admin, Some(vec![9])).await;
    let auth = format!("Bearer {key}");
    let headers = [("authorization", auth.as_str())];
    let (shown, applied) =
        (format!("/api/execute/plans/{plan}"), format!("/api/execute/apply/{plan}"));
    assert_eq!(house.send("GET", &shown, &headers, None).await.status, 404);
    assert_eq!(house.send("POST", &applied, &headers, Some(&json!({}))).await.status, 404);
    let list = house.send("GET", "/api/execute/plans", &headers, None).await.json();
    assert_eq!(list["count"], 0);
    assert!(house.desk.items().is_empty());
}

#[tokio::test]
async fn an_unknown_word_for_require_plan_is_told() {
    let house = House::furnished().await;
    let refused =
        house.put("/api/sync-configs/1", &json!({"options": {"require_plan": "always"}})).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("never, on_mapping_change"), "{}", refused.text());
    let taken = json!({"options": {"require_plan": "on_mapping_change"}});
    assert_eq!(house.put("/api/sync-configs/1", &taken).await.status, 200);
}
