//! Use cases over a store and trackers in memory, where HTTP adds nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use syncline_app::{
    App, AppError, AppParts, Caller, Engine, EngineParts, RunAsked, SettingsSource,
};
use syncline_domain::ports::{
    Connector, ConnectorError, ConnectorFactory, ConnectorTypeInfo, NoEvents, NoFaultPoints,
    NothingFollows, Place, SealError, Sealer, StoreExt as _,
};
use syncline_domain::{
    AuthType, ConfigId, ConnectorId, ConnectorSettings, Credentials, Direction, Fault, FieldFault,
    FieldSchema, FieldType, Schema,
};
use syncline_testkit::{FakeConnector, ManualClock, MemStore, SeqIds, bug_tracker, helpdesk};

/// One kind of tracker whose types a test may change between two discoveries.
#[derive(Clone)]
struct Shifting(Arc<Mutex<Schema>>);

impl ConnectorFactory for Shifting {
    fn types(&self) -> Vec<ConnectorTypeInfo> {
        ["bugs", "desk"]
            .into_iter()
            .map(|name| ConnectorTypeInfo {
                name: name.to_owned(),
                label: name.to_owned(),
                auth_types: vec![AuthType::None],
                credential_fields: Vec::new(),
                capabilities: FakeConnector::builder("any", bug_tracker()).build().capabilities(),
            })
            .collect()
    }

    fn check_settings(&self, _: &ConnectorSettings, _: Option<&Credentials>) -> Vec<FieldFault> {
        Vec::new()
    }

    fn check_filter(&self, _: &str, _: &Value) -> Vec<FieldFault> {
        Vec::new()
    }

    fn open(
        &self,
        settings: &ConnectorSettings,
        _: &Credentials,
    ) -> Result<Arc<dyn Connector>, ConnectorError> {
        let schema = match settings.connector_type.as_str() {
            "bugs" => self.0.lock().unwrap().clone(),
            _ => helpdesk(),
        };
        Ok(FakeConnector::builder("shifting", schema).build())
    }
}

struct Plain;

impl Sealer for Plain {
    fn seal(&self, _: &Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(plain.to_vec())
    }

    fn open(&self, _: &Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }

    fn current_key(&self) -> String {
        String::new()
    }

    fn key_of(&self, _: &[u8]) -> Option<String> {
        None
    }
}

fn app(types: &Shifting, environment: SettingsSource) -> App {
    let (store, clock) = (MemStore::new(), ManualClock::new());
    let engine = Engine::new(EngineParts {
        store: Arc::new(store.clone()),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(SeqIds::new()),
        events: Arc::new(NoEvents),
        faults: Arc::new(NoFaultPoints),
        ending: Arc::new(NothingFollows),
        holder: "test".to_owned(),
    });
    App::new(AppParts {
        store: Arc::new(store),
        factory: Arc::new(types.clone()),
        sealer: Arc::new(Plain),
        engine,
        clock: Arc::new(clock),
        environment,
    })
}

async fn furnished() -> (Shifting, App, Caller) {
    let types = Shifting(Arc::new(Mutex::new(bug_tracker())));
    let app = app(&types, SettingsSource::default());
    let me = Caller::command_line();
    for kind in ["bugs", "desk"] {
        let body = json!({
            "name": kind, "connector_type": kind, "base_url": "https://x.example", "auth_type": "none"
        });
        let saved = app.create_connector(&me, body).await.unwrap();
        app.discover(&me, saved.id).await.unwrap();
    }
    (types, app, me)
}

const BUGS: ConnectorId = ConnectorId(1);

#[tokio::test]
async fn discovery_keeps_what_people_chose_marks_what_went_and_deletes_nothing() {
    let (types, app, me) = furnished().await;
    let before = app.fields(&me, BUGS, None, false).await.unwrap();
    let title = before.iter().find(|row| row.schema.reference == "title").unwrap().clone();
    app.enable_field(&me, title.id, json!({"is_enabled": false})).await.unwrap();
    assert_eq!(app.discover(&me, BUGS).await.unwrap().drift, [], "nothing changed");

    {
        let mut schema = types.0.lock().unwrap();
        schema.types.retain(|one| one.reference == "bug");
        let bug = &mut schema.types[0];
        bug.fields.retain(|field| field.reference != "estimate");
        bug.fields.push(FieldSchema::plain("Severity", "severity", FieldType::String));
        bug.fields.iter_mut().find(|f| f.reference == "progress").unwrap().field_type =
            FieldType::Double;
        bug.statuses.retain(|status| status.value != "Removed");
    }
    let drift = app.discover(&me, BUGS).await.unwrap().drift;
    let mut lines: Vec<String> =
        drift.iter().map(|d| format!("{} {} {} {}", d.change, d.what, d.name, d.detail)).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "added field Severity ",
            "changed field Progress type int became double",
            "removed field Estimate ",
            "removed status Removed ",
            "removed type Task ",
        ]
    );
    let after = app.fields(&me, BUGS, None, false).await.unwrap();
    assert_eq!(after.len(), before.len() + 1, "no row was deleted");
    for row in &before {
        let now = after.iter().find(|one| one.id == row.id).expect("every row keeps its id");
        let gone = row.type_id == title.type_id && row.schema.reference == "estimate";
        assert_eq!(now.gone_at.is_some(), gone, "{}", now.schema.reference);
    }
    assert!(!after.iter().find(|row| row.id == title.id).unwrap().enabled_for_sync);
    let kinds = app.types(&me, BUGS, false).await.unwrap();
    assert_eq!(kinds.iter().filter(|row| row.gone_at.is_some()).count(), 1);

    *types.0.lock().unwrap() = bug_tracker();
    let drift = app.discover(&me, BUGS).await.unwrap().drift;
    let returned = drift.iter().filter(|line| line.change == "returned").count();
    assert_eq!(returned, 3, "type, field and status: {drift:?}");
}

fn rules(fields: &Value) -> Value {
    json!({"type_mappings": [{
        "source_type_id": 1, "target_type_id": 3, "field_mappings": fields,
        "status_mappings": [{"source_status_id": 1, "target_status_id": 11}]
    }]})
}

#[tokio::test]
async fn replacing_rules_keeps_the_ids_of_equal_ones_and_marks_only_real_changes() {
    let (_, app, me) = furnished().await;
    let body = json!({"name": "c", "source_connector_id": 1, "target_connector_id": 2});
    let id = app.create_config(&me, body).await.unwrap().id;
    let two = json!([
        {"source_field_id": 1, "target_field_id": 23},
        {"source_field_id": 2, "target_field_id": 24}
    ]);
    app.update_config(&me, id, rules(&two)).await.unwrap();
    let (view, first) = app.config(&me, id).await.unwrap();
    assert!(view.config.needs_full);
    let version = view.config.version;

    app.update_config(&me, id, rules(&two)).await.unwrap();
    let (view, second) = app.config(&me, id).await.unwrap();
    assert_eq!((view.config.version, &second.fields), (version, &first.fields));

    let swapped = json!([
        {"source_field_id": 2, "target_field_id": 24},
        {"source_field_id": 1, "target_field_id": 23, "transformation": "trim"}
    ]);
    app.update_config(&me, id, rules(&swapped)).await.unwrap();
    let (view, third) = app.config(&me, id).await.unwrap();
    assert_eq!(view.config.version, version + 1);
    assert!(third.fields.contains(&first.fields[1]), "the equal rule is the same row");
    assert!(!third.fields.iter().any(|rule| rule.id == first.fields[0].id), "the other one is new");
    assert_eq!((third.statuses, third.types), (first.statuses, first.types));
}

#[tokio::test]
async fn rules_that_never_settle_are_refused_for_two_ways_only() {
    let (_, app, me) = furnished().await;
    let body = json!({"name": "c", "source_connector_id": 1, "target_connector_id": 2});
    let id = app.create_config(&me, body).await.unwrap().id;
    let strips = json!({"source_field_id": 2, "target_field_id": 24, "transformation": "toString"});
    app.update_config(&me, id, rules(&json!([strips]))).await.unwrap();
    let fault = |refused: AppError| {
        let Some(Fault::Invalid(faults)) = refused.fault() else { panic!("{refused:?}") };
        assert!(faults[0].message.contains("does not settle"), "{faults:?}");
        faults[0].path.clone()
    };
    let two_way = json!({"direction": "bidirectional"});
    let refused = app.update_config(&me, id, two_way.clone()).await.unwrap_err();
    assert_eq!(fault(refused), "/direction");
    let (view, _) = app.config(&me, id).await.unwrap();
    assert_eq!(view.config.direction, Direction::OneWay, "nothing was half-written");

    app.update_config(&me, id, rules(&json!([]))).await.unwrap();
    app.update_config(&me, id, two_way).await.unwrap();
    let refused = app.update_config(&me, id, rules(&json!([strips]))).await.unwrap_err();
    assert_eq!(fault(refused), "/type_mappings/0/field_mappings/0/direction");
    let refused = app.add_field_mapping(&me, id, strips.clone()).await.unwrap_err();
    assert_eq!(fault(refused), "/direction");
    let mut forward = strips;
    forward["direction"] = json!("forward");
    app.add_field_mapping(&me, id, forward).await.unwrap();
}

#[tokio::test]
async fn a_run_that_ends_during_an_update_keeps_what_it_wrote() {
    let (_, app, me) = furnished().await;
    let body = json!({"name": "c", "source_connector_id": 1, "target_connector_id": 2});
    let id = app.create_config(&me, body).await.unwrap().id;
    let at = app.now();
    app.store()
        .tx("as a run", move |tx| {
            let mut config = tx.config(id)?.unwrap();
            config.last_sync_at = Some(at);
            config.needs_full = false;
            tx.update_config(&config)
        })
        .await
        .unwrap();
    app.update_config(&me, id, json!({"description": "new"})).await.unwrap();
    let (view, _) = app.config(&me, id).await.unwrap();
    assert_eq!((view.config.last_sync_at, view.config.needs_full), (Some(at), false));
    assert_eq!(view.config.description, "new");
}

#[tokio::test]
async fn settings_come_from_the_environment_then_the_store_then_the_default() {
    let types = Shifting(Arc::new(Mutex::new(bug_tracker())));
    let key = "execution_retention_days";
    let me = Caller::command_line();
    let free = app(&types, SettingsSource::default());
    let seen = async |app: &App| {
        let setting = app.setting(key).await.unwrap();
        (setting.value, setting.source)
    };
    let put = |value: Value| json!({key: value}).as_object().cloned().unwrap();
    assert_eq!(seen(&free).await, (json!(90), "default"));
    free.put_settings(&me, put(json!(30))).await.unwrap();
    assert_eq!(seen(&free).await, (json!(30), "stored"));
    free.put_settings(&me, put(Value::Null)).await.unwrap();
    assert_eq!(seen(&free).await, (json!(90), "default"));

    let held = app(&types, SettingsSource([(key.to_owned(), json!(7))].into_iter().collect()));
    let warnings = held.put_settings(&me, put(json!(30))).await.unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(seen(&held).await, (json!(7), "environment"));

    free.put_settings(
        &me,
        json!({"conflict_resolution_default": "manual"}).as_object().cloned().unwrap(),
    )
    .await
    .unwrap();
    for kind in ["bugs", "desk"] {
        let body = json!({
            "name": kind, "connector_type": kind, "base_url": "https://x.example", "auth_type": "none"
        });
        free.create_connector(&me, body).await.unwrap();
    }
    let body = json!({"name": "c", "source_connector_id": 1, "target_connector_id": 2});
    let id = free.create_config(&me, body).await.unwrap().id;
    let (view, _) = free.config(&me, id).await.unwrap();
    assert_eq!(view.config.conflict_resolution.as_str(), "manual", "the setting is really read");
}

#[tokio::test]
async fn every_change_leaves_one_line_in_the_trail() {
    let (_, app, me) = furnished().await;
    let count = async || {
        let trail = app.store().view("trail", |tx| tx.audit(None, 1_000)).await.unwrap();
        (trail.len(), trail.first().map(|line| line.action.clone()).unwrap_or_default())
    };
    let body = json!({"name": "c", "source_connector_id": 1, "target_connector_id": 2});
    let id: ConfigId = app.create_config(&me, body).await.unwrap().id;
    let (mut lines, _) = count().await;
    let mut one_more = async |action: &str| {
        let (now, last) = count().await;
        assert_eq!((now, last.as_str()), (lines + 1, action));
        lines = now;
    };
    app.update_config(&me, id, json!({"description": "d"})).await.unwrap();
    one_more("config.update").await;
    app.put_user_map(&me, id, json!({"by": ["email"]})).await.unwrap();
    one_more("config.user_map").await;
    app.add_type_mapping(&me, id, json!({"source_type_id": 1, "target_type_id": 3})).await.unwrap();
    one_more("type_mapping.create").await;
    app.discover(&me, BUGS).await.unwrap();
    one_more("connector.discover").await;
    let run = app.start_run(&me, id, RunAsked::default()).await.unwrap();
    one_more("execution.start").await;
    run.ended.await.unwrap();
    app.clone_config(&me, id, json!({"name": "copy"})).await.unwrap();
    one_more("config.clone").await;
    app.delete_config(&me, id).await.unwrap();
    one_more("config.delete").await;
    app.delete_connector(&me, BUGS, false, false).await.unwrap();
    one_more("connector.delete").await;
}
