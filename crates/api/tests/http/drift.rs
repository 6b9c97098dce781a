//! A tracker changes its schema: the rules that it touches rest, the others go on, the edit is proposed and made.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_app::{Automation, LookedOut, SettingsSource};
use syncline_domain::ports::{
    ConnectorError, DriftNews, DriftTeller, DriftWhat, ErrorKind, StoreExt as _, Tx,
};
use syncline_domain::{ConnectorId, Fault, FieldType, ItemId, Role, Schema, TypeSchema};
use syncline_testkit::{FakeConnector, Method};

use crate::support::automation::MAX_QUEUE;
use crate::support::{House, automation_parts, captured_logs, connector_body};

/// Keeps what people would be told.
#[derive(Default)]
struct Heard(Mutex<Vec<DriftNews>>);

impl DriftTeller for Heard {
    fn tell(&self, _: &mut dyn Tx, news: &DriftNews) -> Result<(), Fault> {
        self.0.lock().unwrap().push(news.clone());
        Ok(())
    }
}

impl Heard {
    /// Takes the lines that were told since the last call.
    fn lines(&self) -> Vec<String> {
        let all = std::mem::take(&mut *self.0.lock().unwrap());
        all.into_iter()
            .flat_map(|news| match news.what {
                DriftWhat::Schema { changes, .. } => changes,
                DriftWhat::Items { lines, .. } => lines,
            })
            .collect()
    }
}

/// Bugs and requests: titles, priorities by a table, estimates, and all statuses.
struct Scene {
    house: House,
    heard: Arc<Heard>,
    items: Vec<ItemId>,
}

impl Scene {
    async fn new() -> Self {
        Self::with(json!({})).await
    }

    async fn with(more: Value) -> Self {
        let heard = Arc::new(Heard::default());
        let teller: Arc<dyn DriftTeller> = heard.clone();
        let parts = Automation { teller, ..automation_parts(true, MAX_QUEUE) };
        let house = House::automated(true, parts, SettingsSource::default()).await;
        for (name, kind) in [("Bugs", "fakebugs"), ("Desk", "fakedesk")] {
            let made = house.post("/api/connectors", &connector_body(name, kind)).await;
            assert_eq!(made.status, 201, "{}", made.text());
        }
        for id in [1, 2] {
            let found = house.post(&format!("/api/connectors/{id}/discover"), &json!({})).await;
            assert_eq!(found.status, 200, "{}", found.text());
        }
        let mut scene = Self { house, heard, items: Vec::new() };
        let (title, priority, estimate) = (
            scene.field(1, "title").await,
            scene.field(1, "priority").await,
            scene.field(1, "estimate").await,
        );
        let (subject, urgency, effort) = (
            scene.field(2, "subject").await,
            scene.field(2, "urgency").await,
            scene.field(2, "effort").await,
        );
        let table = json!({"Low": "1 - Low", "Normal": "2 - Medium", "High": "3 - High"});
        let mut statuses = Vec::new();
        for (from, to) in [("New", "open"), ("Active", "in progress"), ("Resolved", "solved")] {
            let (source, target) = (scene.status(1, from).await, scene.status(2, to).await);
            statuses.push(json!({"source_status_id": source, "target_status_id": target}));
        }
        let mut body = json!({
            "name": "Bugs to desk", "source_connector_id": 1, "target_connector_id": 2,
            "type_mappings": [{
                "source_type_id": 1, "target_type_id": 3, "status_mappings": statuses,
                "field_mappings": [
                    {"source_field_id": title, "target_field_id": subject},
                    {"source_field_id": priority, "target_field_id": urgency, "value_map": table},
                    {"source_field_id": estimate, "target_field_id": effort},
                ],
            }],
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = scene.house.post("/api/sync-configs", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        for title in ["First", "Second"] {
            let fields = json!({"title": title, "priority": "High", "estimate": 3.0});
            scene.items.push(scene.house.bugs.create_as("ada", "bug", fields));
        }
        let run = scene.sync().await;
        assert_eq!(run["results"]["created"], 2, "{run}");
        scene
    }

    async fn field(&self, connector: i64, reference: &str) -> Value {
        let list = self.house.get(&format!("/api/metadata/fields?connector_id={connector}")).await;
        let list = list.json();
        let mut rows = list["fields"].as_array().unwrap().iter();
        rows.find(|row| row["field_reference"] == reference || row["field_ref"] == reference)
            .unwrap_or_else(|| panic!("{list}"))["id"]
            .clone()
    }

    async fn status(&self, connector: i64, value: &str) -> Value {
        let list =
            self.house.get(&format!("/api/metadata/statuses?connector_id={connector}")).await;
        let list = list.json();
        let mut rows = list["statuses"].as_array().unwrap().iter();
        rows.find(|row| row["status_value"] == value).unwrap_or_else(|| panic!("{list}"))["id"]
            .clone()
    }

    async fn sync(&self) -> Value {
        self.house.clock.advance(Duration::from_secs(1));
        let seen = self.house.post("/api/execute/sync/1", &json!({})).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        self.house.clock.advance(Duration::from_secs(1));
        seen.json()
    }

    async fn discover(&self, connector: i64) -> Value {
        let target = format!("/api/connectors/{connector}/discover");
        let seen = self.house.post(&target, &json!({})).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        seen.json()
    }

    async fn config(&self) -> Value {
        self.house.get("/api/sync-configs/1").await.json()
    }

    async fn drift(&self) -> Vec<Value> {
        let seen = self.house.get("/api/sync-configs/1/drift").await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        seen.json()["drift"].as_array().unwrap().clone()
    }

    /// The rows that are paused, as kind and id.
    async fn paused(&self) -> Vec<(String, i64)> {
        let rows = self.drift().await;
        let of = |row: &Value| {
            let mapping = &row["mapping"];
            (mapping["kind"].as_str().unwrap().to_owned(), mapping["id"].as_i64().unwrap())
        };
        rows.iter().map(of).collect()
    }

    /// What the copy of an item shows.
    async fn copy(&self, at: usize, field: &str) -> Value {
        let list = self.house.get("/api/execute/synced-items/1").await.json();
        let mut pairs = list["items"].as_array().unwrap().iter();
        let pair = pairs.find(|one| one["source_item_id"] == self.items[at].as_str()).unwrap();
        let copy = ItemId::from(pair["target_item_id"].as_str().unwrap());
        let item = self.house.desk.item(&copy).unwrap();
        item.fields.get(&field.into()).cloned().unwrap_or_default()
    }
}

/// The tracker describes its only (or first) type otherwise from now on.
fn change(fake: &FakeConnector, change: impl FnOnce(&mut TypeSchema)) {
    let mut schema: Schema = fake.schema().clone();
    change(&mut schema.types[0]);
    fake.describe_as(schema);
}

fn back(fake: &FakeConnector) {
    fake.describe_as(fake.schema().clone());
}

#[tokio::test]
async fn a_removed_field_pauses_its_rule_alone_and_comes_back_by_itself() {
    let scene = Scene::new().await;
    let house = &scene.house;
    change(&house.desk, |kind| kind.fields.retain(|field| field.reference != "urgency"));
    let found = scene.discover(2).await;
    assert_eq!(found["drift"][0]["change"], "removed");
    assert_eq!(found["follows"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(scene.paused().await, [("field".to_owned(), 2)]);
    let told = scene.heard.lines();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Priority to Urgency") && told[0].contains("is paused"), "{told:?}");
    let logs = captured_logs();
    assert!(logs.contains("schema drifted"), "{logs}");

    // It says so wherever people look, and keeps its definition.
    let config = scene.config().await;
    let rules = config["sync_config"]["field_mappings"].as_array().unwrap().clone();
    assert_eq!(rules[0]["paused_reason"], Value::Null);
    assert!(rules[1]["paused_reason"].as_str().unwrap().contains("Urgency"), "{config}");
    assert!(rules[1]["paused_at"].is_string());
    assert_eq!(rules[1]["value_map"]["High"], "3 - High");
    assert!(config["warnings"][0].as_str().unwrap().contains("is paused"), "{config}");

    // Titles and statuses go on; the urgency is neither written nor forgotten.
    let edit = json!({"title": "Edited", "priority": "Low"});
    house.bugs.edit_as("ada", &scene.items[0], edit);
    let run = scene.sync().await;
    assert_eq!((&run["results"]["updated"], &run["results"]["errors"]), (&1.into(), &0.into()));
    assert!(run["warnings"].to_string().contains("is paused"), "{run}");
    assert_eq!(scene.copy(0, "subject").await, "Edited");
    assert_eq!(scene.copy(0, "urgency").await, "3 - High");

    // The same finding is told once.
    scene.discover(2).await;
    assert_eq!(scene.heard.lines(), Vec::<String>::new());

    back(&house.desk);
    let found = scene.discover(2).await;
    assert!(found["follows"][0].as_str().unwrap().contains("goes on"), "{found}");
    assert_eq!(scene.heard.lines().len(), 1);
    assert_eq!(scene.paused().await, []);
    scene.sync().await;
    assert_eq!(scene.copy(0, "urgency").await, "1 - Low", "what changed meanwhile is carried");
    house.desk.clear_logs();
    scene.sync().await;
    assert_eq!(house.desk.own_effects(), []);
}

#[tokio::test]
async fn a_renamed_field_is_proposed_and_applied_and_syncs_go_on() {
    let scene = Scene::new().await;
    let house = &scene.house;
    change(&house.desk, |kind| {
        let field = kind.fields.iter_mut().find(|field| field.reference == "effort").unwrap();
        field.reference = "ratio_2".to_owned();
        field.name = "Effort (hours)".to_owned();
    });
    scene.discover(2).await;
    let rows = scene.drift().await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let proposal = &rows[0]["proposal"];
    assert_eq!(proposal["changes"][0]["at"], "target_field_id", "{rows:?}");
    assert_eq!(proposal["changes"][0]["from_name"], "Effort");
    assert_eq!(proposal["changes"][0]["to_name"], "Effort (hours)");
    assert!(proposal["confidence"].as_f64().unwrap() > 0.5);
    let new = scene.field(2, "ratio_2").await;
    assert_eq!(proposal["changes"][0]["to"], new);

    let id = rows[0]["id"].as_i64().unwrap();
    let viewer = house.key("viewer", Role::Operator, None).await;
    let bearer = format!("Bearer {viewer}");
    let headers = [("authorization", bearer.as_str())];
    let target = format!("/api/sync-configs/1/drift/{id}/apply");
    let refused = house.send("POST", &target, &headers, None).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let admin = house.key("admin", Role::Admin, None).await;
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str())];
    let done = house.send("POST", &target, &headers, None).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let again = house.send("POST", &target, &headers, None).await;
    assert_eq!(again.status, 404, "{}", again.text());
    let config = house.send("GET", "/api/sync-configs/1", &headers, None).await.json();
    let rule = &config["sync_config"]["field_mappings"][2];
    assert_eq!((&rule["target_field_id"], &rule["paused_reason"]), (&new, &Value::Null));
    assert_eq!(config["sync_config"]["needs_full"], true);
    assert!(house.store_text().await.contains("drift.apply"));
}

#[tokio::test]
async fn a_renamed_status_pauses_its_rule_and_its_items_wait() {
    let scene = Scene::new().await;
    let house = &scene.house;
    change(&house.desk, |kind| {
        let status = kind.statuses.iter_mut().find(|status| status.value == "solved").unwrap();
        status.value = "resolved".to_owned();
        status.name = "Resolved".to_owned();
    });
    let found = scene.discover(2).await;
    let changes: Vec<&Value> =
        found["drift"].as_array().unwrap().iter().map(|line| &line["change"]).collect();
    assert_eq!(changes, ["added", "removed"]);
    assert_eq!(scene.paused().await, [("status".to_owned(), 3)]);
    house.bugs.set_status_as("ada", &scene.items[0], "Resolved");
    house.bugs.set_status_as("ada", &scene.items[1], "Active");
    let run = scene.sync().await;
    assert_eq!((&run["results"]["updated"], &run["results"]["errors"]), (&1.into(), &0.into()));
    let id = run["execution_id"].as_i64().unwrap_or_else(|| panic!("{run}"));
    let items = house.get(&format!("/api/execute/items/{id}?state=waiting")).await;
    assert!(
        items.text().contains("Solved of the target was removed or renamed"),
        "{}",
        items.text()
    );

    let rows = scene.drift().await;
    let proposal = &rows[0]["proposal"];
    assert_eq!(proposal["changes"][0]["to_name"], "Resolved", "{rows:?}");
    let target = format!("/api/sync-configs/1/drift/{}/apply", rows[0]["id"]);
    let done = house.post(&target, &json!({})).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(scene.paused().await, []);
    let rules = scene.config().await["sync_config"]["status_mappings"].clone();
    assert_eq!(rules.as_array().unwrap().len(), 3, "{rules}");
    assert!(rules.to_string().contains("\"target_status\":\"Resolved\""), "{rules}");
}

#[tokio::test]
async fn a_lost_value_pauses_only_rules_that_name_it() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let rename = |kind: &mut TypeSchema, from: &str, to: &str| {
        let field = kind.fields.iter_mut().find(|field| field.reference == "urgency").unwrap();
        let word = field.allowed_values.iter_mut().find(|word| *word == from).unwrap();
        *word = to.to_owned();
    };
    change(&house.desk, |kind| rename(kind, "3 - High", "3 - High (P1)"));
    scene.discover(2).await;
    let rows = scene.drift().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["causes"][0]["kind"], "values_removed");
    let change_of = &rows[0]["proposal"]["changes"][0];
    assert_eq!(change_of["at"], "value_map", "{rows:?}");
    assert_eq!(change_of["to"]["High"], "3 - High (P1)");
    assert_eq!(change_of["to"]["Low"], "1 - Low");
    let target = format!("/api/sync-configs/1/drift/{}/apply", rows[0]["id"]);
    assert_eq!(house.post(&target, &json!({})).await.status, 200);
    assert_eq!(scene.paused().await, []);
    // Nothing names this one any more.
    change(&house.desk, |kind| {
        rename(kind, "3 - High", "3 - High (P1)");
        let field = kind.fields.iter_mut().find(|field| field.reference == "labels").unwrap();
        field.allowed_values = vec!["x".to_owned()];
    });
    scene.discover(2).await;
    assert_eq!(scene.paused().await, []);
}

#[tokio::test]
async fn a_changed_type_pauses_and_ends_when_it_is_changed_back_or_the_rule_is_edited() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let to_text = |kind: &mut TypeSchema| {
        let field = kind.fields.iter_mut().find(|field| field.reference == "effort").unwrap();
        field.field_type = FieldType::String;
    };
    change(&house.desk, to_text);
    scene.discover(2).await;
    let rows = scene.drift().await;
    assert_eq!(rows[0]["causes"][0]["kind"], "type_changed", "{rows:?}");
    assert_eq!(rows[0]["proposal"]["changes"][0]["to"], "transformation", "{rows:?}");
    back(&house.desk);
    scene.discover(2).await;
    assert_eq!(scene.paused().await, []);

    change(&house.desk, to_text);
    scene.discover(2).await;
    assert_eq!(scene.paused().await, [("field".to_owned(), 3)]);
    let rule = json!({
        "source_field_id": scene.field(1, "estimate").await,
        "target_field_id": scene.field(2, "effort").await, "transformation": "toString"
    });
    let edited = house.put("/api/sync-configs/1/field-mappings/3", &rule).await;
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert_eq!(scene.paused().await, []);
    scene.discover(2).await;
    assert_eq!(scene.paused().await, [], "a person has seen to it");

    // One that still names what is gone does not go on.
    change(&house.desk, |kind| kind.fields.retain(|field| field.reference != "effort"));
    scene.discover(2).await;
    let edited = house.put("/api/sync-configs/1/field-mappings/3", &rule).await;
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert!(edited.warnings()[0].contains("stays paused"), "{:?}", edited.warnings());
    // Another whole save of the same rules changes nothing, and a copy rests, too.
    let whole = scene.config().await["sync_config"]["type_mappings"].clone();
    let saved = house.put("/api/sync-configs/1", &json!({"type_mappings": whole})).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!(scene.paused().await, [("field".to_owned(), 3)]);
    let cloned = house.post("/api/sync-configs/1/clone", &json!({"name": "Copy"})).await;
    assert_eq!(cloned.status, 201, "{}", cloned.text());
    let copy = house.get("/api/sync-configs/2/drift").await.json();
    assert_eq!(copy["total"], 1, "{copy}");
}

#[tokio::test]
async fn a_type_that_is_gone_takes_its_rules_along_when_its_successor_is_mapped() {
    let scene = Scene::new().await;
    let house = &scene.house;
    change(&house.desk, |kind| {
        kind.name = "Service request".to_owned();
        kind.reference = "service_request".to_owned();
        kind.fields.retain(|field| field.reference != "effort");
    });
    scene.discover(2).await;
    assert_eq!(scene.paused().await, [("type".to_owned(), 1)]);
    house.bugs.edit_as("ada", &scene.items[0], json!({"title": "Waits"}));
    let run = scene.sync().await;
    assert_eq!((&run["results"]["updated"], &run["results"]["errors"]), (&0.into(), &0.into()));
    let rows = scene.drift().await;
    let proposal = &rows[0]["proposal"];
    assert_eq!(proposal["changes"][0]["to_name"], "Service request", "{rows:?}");
    assert_eq!(proposal["left_out"].as_array().unwrap().len(), 1, "{rows:?}");
    let target = format!("/api/sync-configs/1/drift/{}/apply", rows[0]["id"]);
    let done = house.post(&target, &json!({})).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.warnings()[0].contains("no counterpart"), "{:?}", done.warnings());
    let config = scene.config().await;
    let types = config["sync_config"]["type_mappings"].as_array().unwrap();
    assert_eq!(types.len(), 1, "{config}");
    assert_eq!(types[0]["field_mappings"].as_array().unwrap().len(), 2);
    assert_eq!(types[0]["status_mappings"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_tracker_that_names_no_type_changes_nothing() {
    let scene = Scene::new().await;
    scene.house.desk.describe_as(Schema { types: Vec::new() });
    let seen = scene.house.post("/api/connectors/2/discover", &json!({})).await;
    assert!(seen.status >= 400, "{}", seen.text());
    assert!(seen.text().contains("no type at all"), "{}", seen.text());
    assert_eq!(scene.paused().await, []);
}

impl Scene {
    async fn look_out(&self) -> LookedOut {
        self.house.app.look_out("one").await.unwrap()
    }

    fn described(&self) -> [usize; 2] {
        [&self.house.bugs, &self.house.desk].map(|fake| fake.count(Method::Describe))
    }
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn connectors_are_discovered_again_about_every_day_and_one_that_fails_stops_no_other() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let began = scene.described();
    assert_eq!(scene.look_out().await, LookedOut::default(), "they were discovered just now");
    house.clock.advance(DAY * 9 / 10);
    assert_eq!(scene.look_out().await, LookedOut::default());
    change(&house.desk, |kind| kind.fields.retain(|field| field.reference != "urgency"));
    let away = ConnectorError::new(ErrorKind::Unavailable, "it is away");
    house.bugs.fail_always(Method::Describe, away);
    house.clock.advance(DAY * 2 / 10);
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 1 });
    assert_eq!(scene.described(), [began[0] + 1, began[1] + 1]);
    assert_eq!(scene.paused().await, [("field".to_owned(), 2)]);
    assert_eq!(scene.heard.lines().len(), 1);
    assert_eq!(scene.look_out().await, LookedOut::default(), "neither is due at once");

    // The one that failed is tried again soon; the one with a paused rule within the hour.
    house.bugs.clear_plans();
    back(&house.desk);
    house.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    house.clock.advance(Duration::from_secs(50 * 60));
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    assert_eq!(scene.paused().await, []);
    assert_eq!(scene.heard.lines().len(), 1, "its end is told");

    // An inactive one is left alone, and 0 turns all of it off.
    let off = house.put("/api/connectors/1", &json!({"is_active": false})).await;
    assert_eq!(off.status, 200, "{}", off.text());
    let before = scene.described();
    house.clock.advance(DAY * 2);
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    assert_eq!(scene.described(), [before[0], before[1] + 1]);
    let off = house.put("/api/settings/discovery_interval_hours", &json!({"value": 0})).await;
    assert_eq!(off.status, 200, "{}", off.text());
    house.clock.advance(DAY * 9);
    assert_eq!(scene.look_out().await, LookedOut::default());
}

#[tokio::test]
async fn of_two_processes_one_looks() {
    let scene = Scene::new().await;
    let house = &scene.house;
    house.clock.advance(DAY * 2);
    let now = syncline_domain::ports::Clock::now(&house.clock);
    let lease = house
        .store
        .tx("other", move |tx| tx.acquire_lease("discovery/2", "two", now, DAY))
        .await
        .unwrap()
        .unwrap();
    let before = scene.described();
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    assert_eq!(scene.described(), [before[0] + 1, before[1]]);
    house.store.tx("end", move |tx| tx.release_lease(&lease)).await.unwrap();
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    assert_eq!(scene.described(), [before[0] + 1, before[1] + 1]);
    let gone = house
        .store
        .view("look", |tx| tx.lookout(syncline_domain::LookoutSubject::Connector(ConnectorId(1))));
    assert!(gone.await.unwrap().unwrap().looked_at.is_some());
}

#[tokio::test]
async fn a_census_is_taken_by_itself_kept_and_told_of_once() {
    let scene = Scene::with(json!({"options": {"census_every_hours": 6}})).await;
    let house = &scene.house;
    let never = house.get("/api/execute/census/1").await.json();
    assert_eq!((&never["census"], &never["every_hours"]), (&Value::Null, &6.into()));
    assert_eq!(scene.look_out().await, LookedOut::default());
    let hour = Duration::from_secs(3_600);
    house.clock.advance(hour);
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    let first = house.get("/api/execute/census/1").await.json();
    assert_eq!(
        (&first["census"]["in_step"], &first["census"]["drift_total"]),
        (&2.into(), &0.into())
    );
    assert!(first["next_at"].is_string(), "{first}");
    assert_eq!(scene.heard.lines(), Vec::<String>::new());

    let writes = house.desk.writes().len();
    house.bugs.edit_as("ada", &scene.items[0], json!({"title": "Edited"}));
    house.clock.advance(hour * 7);
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    let told = scene.heard.lines();
    assert_eq!(told[0], "1 of edited_on_source", "{told:?}");
    let kept = house.get("/api/execute/census/1").await.json();
    assert_eq!(kept["census"]["causes"]["edited_on_source"], 1, "{kept}");
    assert_eq!(kept["census"]["drift"][0]["source_id"], scene.items[0].as_str());
    house.clock.advance(hour * 7);
    assert_eq!(scene.look_out().await, LookedOut { done: 1, failed: 0 });
    assert_eq!(scene.heard.lines(), Vec::<String>::new(), "the same drift is told once");
    assert_eq!(house.desk.writes().len(), writes, "nothing is written");

    let away = ConnectorError::new(ErrorKind::Unavailable, "it is away");
    house.bugs.fail_always(Method::Changes, away);
    house.clock.advance(hour * 7);
    assert_eq!(scene.look_out().await, LookedOut { done: 0, failed: 1 });
    let kept = house.get("/api/execute/census/1").await.json();
    assert_eq!((&kept["failures"], &kept["census"]["drift_total"]), (&1.into(), &1.into()));
    assert!(kept["error"].is_string(), "{kept}");
}
