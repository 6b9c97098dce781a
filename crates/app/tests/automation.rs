//! Use cases of automation over a store in memory, where HTTP adds nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline_app::{App, AppParts, Automation, Caller, JobAsked, NotificationFilter};
use syncline_domain::ports::{
    Clock as _, Connector, ConnectorError, ConnectorFactory, ConnectorTypeInfo, JobFilter,
    NoEvents, NoFaultPoints, NothingFollows, Place, SealError, Sealer, Store, StoreExt as _, Topic,
};
use syncline_domain::{
    ConfigId, ConnectorSettings, Credentials, Fault, ItemId, NotificationId, Role, WaitingRoom,
    WebhookId,
};
use syncline_testkit::{FakeConnector, ManualClock, MemStore, SeededRng, SeqIds};

const ONE: ConfigId = ConfigId(1);

struct Trackers;

impl ConnectorFactory for Trackers {
    fn types(&self) -> Vec<ConnectorTypeInfo> {
        vec![ConnectorTypeInfo::least("bugs", "Bugs"), ConnectorTypeInfo::least("desk", "Desk")]
    }

    fn open(
        &self,
        _: &ConnectorSettings,
        _: &Credentials,
    ) -> Result<Arc<dyn Connector>, ConnectorError> {
        Ok(FakeConnector::bugs(&ManualClock::new()))
    }
}

/// Opens only at the place for which it sealed.
struct Placed;

impl Sealer for Placed {
    fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = format!("{}/{}/{}|", place.table, place.row, place.column).into_bytes();
        sealed.extend(plain.iter().rev());
        Ok(sealed)
    }

    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let label = self.seal(place, b"")?;
        let rest = sealed.strip_prefix(label.as_slice());
        let rest = rest.ok_or_else(|| SealError::Broken(place.clone()))?;
        Ok(rest.iter().rev().copied().collect())
    }

    fn current_key(&self) -> String {
        String::new()
    }

    fn key_of(&self, _: &[u8]) -> Option<String> {
        None
    }
}

struct House {
    app: App,
    store: MemStore,
    clock: ManualClock,
    me: Caller,
}

async fn house() -> House {
    let (store, clock) = (MemStore::new(), ManualClock::new());
    let engine = syncline_app::Engine::new(syncline_app::EngineParts {
        store: Arc::new(store.clone()),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(SeqIds::new()),
        events: Arc::new(NoEvents),
        faults: Arc::new(NoFaultPoints),
        ending: Arc::new(NothingFollows),
        holder: "test".to_owned(),
    });
    let parts = AppParts {
        store: Arc::new(store.clone()),
        factory: Arc::new(Trackers),
        sealer: Arc::new(Placed),
        engine,
        clock: Arc::new(clock.clone()),
        environment: syncline_app::SettingsSource::default(),
    };
    let automation = Automation {
        room: Arc::new(WaitingRoom::new(2)),
        rng: Arc::new(SeededRng::new(3)),
        ..Automation::of_machine()
    };
    let (app, me) = (App::automated(parts, automation), Caller::command_line());
    for kind in ["bugs", "desk"] {
        let body = json!({
            "name": kind, "connector_type": kind, "base_url": "https://x.example", "auth_type": "none"
        });
        app.create_connector(&me, body).await.unwrap();
    }
    let body = json!({"name": "c", "source_connector_id": 1, "target_connector_id": 2});
    app.create_config(&me, body).await.unwrap();
    House { app, store, clock, me }
}

#[tokio::test]
async fn a_configuration_made_with_a_schedule_is_armed_and_wakes_the_scheduler() {
    let House { app, store, clock, me } = house().await;
    let mut woken = store.wakeup(Topic::Schedules);
    let body = json!({
        "name": "s", "source_connector_id": 1, "target_connector_id": 2, "trigger_type": "scheduled",
        "schedule_cron": "*/15 * * * *"
    });
    let id = app.create_config(&me, body).await.unwrap().id;
    woken.woken().await;
    let next = clock.now().after(Duration::from_secs(900));
    let (view, _) = app.config(&me, id).await.unwrap();
    assert_eq!(view.config.next_sync_at, Some(next));
    let runs = app.next_runs(&me, id, 2).await.unwrap();
    assert_eq!(runs.instants, [next, next.after(Duration::from_secs(900))]);
    // Spread or not: what the store says comes first.
    let moved = next.after(Duration::from_secs(60));
    let advanced =
        store.tx("advance", move |tx| tx.advance_schedule(id, Some(next), Some(moved))).await;
    assert_eq!(advanced, Ok(true));
    assert_eq!(app.next_runs(&me, id, 1).await.unwrap().instants, [moved]);
    let copy = app.clone_config(&me, id, json!({"name": "copy"})).await.unwrap().id;
    let (copied, _) = app.config(&me, copy).await.unwrap();
    assert_eq!(copied.config.next_sync_at, None, "copies are inactive");
}

#[tokio::test]
async fn when_credentials_end_is_told_by_whoever_made_them() {
    let House { app, me, .. } = house().await;
    let one = syncline_domain::ConnectorId(1);
    let ends = async || {
        app.connector(&me, one).await.unwrap().credential_expires_at.map(|at| at.to_iso_secs())
    };
    let put = async |body| app.update_connector(&me, one, body, false).await;
    assert_eq!(ends().await, None);
    put(json!({"credential_expires_at": "2027-02-12"})).await.unwrap();
    assert_eq!(ends().await.as_deref(), Some("2027-02-12T00:00:00Z"));
    put(json!({"name": "renamed"})).await.unwrap();
    assert_eq!(ends().await.as_deref(), Some("2027-02-12T00:00:00Z"), "it stays");
    put(json!({"credentials": {}, "credential_expires_at": "2028-01-01T08:00:00+01:00"}))
        .await
        .unwrap();
    assert_eq!(ends().await.as_deref(), Some("2028-01-01T07:00:00Z"));
    put(json!({"credentials": {}})).await.unwrap();
    assert_eq!(ends().await, None, "nobody knows of the new ones");
    put(json!({"credential_expires_at": "2027-02-12T08:00:00Z"})).await.unwrap();
    put(json!({"credential_expires_at": null})).await.unwrap();
    assert_eq!(ends().await, None);
    for wrong in [json!("soon"), json!(1_800_000_000), json!("2027-13-01")] {
        let refused = put(json!({"credential_expires_at": wrong})).await.unwrap_err();
        assert!(refused.to_string().contains("credential_expires_at"), "{refused}");
    }
}

#[tokio::test]
async fn the_switch_wakes_the_scheduler() {
    let House { app, store, me, .. } = house().await;
    let mut woken = store.wakeup(Topic::Schedules);
    app.stop_scheduler(&me).await.unwrap();
    woken.woken().await;
    assert!(!app.scheduler_state(&me).await.unwrap().is_running);
}

#[tokio::test]
async fn a_full_queue_refuses_jobs_and_redrives_and_leaves_no_trace() {
    let House { app, store, me, clock } = house().await;
    let asked = JobAsked { item_ids: Some(vec![ItemId::new("7")]), ..JobAsked::default() };
    let first = app.queue_job(&me, ONE, asked).await.unwrap();
    app.queue_job(&me, ONE, JobAsked::default()).await.unwrap();
    let trail = async || store.view("trail", |tx| tx.audit(None, 100)).await.unwrap().len();
    let lines = trail().await;
    let full = app.queue_job(&me, ONE, JobAsked::default()).await.unwrap_err();
    assert!(matches!(full.fault(), Some(Fault::Busy(_))), "{full}");
    assert_eq!(trail().await, lines, "what was refused is not told as done");
    let key = first.to_string();
    app.cancel_job(&me, &key).await.unwrap();
    app.queue_job(&me, ONE, JobAsked::default()).await.unwrap();
    let full = app.retry_job(&me, &key).await.unwrap_err();
    assert!(matches!(full.fault(), Some(Fault::Busy(_))), "{full}");
    assert_eq!(app.jobs(&me, JobFilter::default(), 0, 10).await.unwrap().total, 3);
    let far = clock.now().after(Duration::from_secs(367 * 86_400));
    let asked = JobAsked { run_at: Some(far), ..JobAsked::default() };
    let refused = app.queue_job(&me, ONE, asked).await.unwrap_err();
    assert!(matches!(refused.fault(), Some(Fault::Invalid(_))), "{refused}");
}

#[tokio::test]
async fn secrets_are_sealed_for_their_row() {
    let House { app, store, me, .. } = house().await;
    let hook = json!({"name": "h", "sync_config_id": 1, "connector_id": 1});
    let made = app.register_webhook(&me, hook).await.unwrap();
    let told = json!({
        "notification_type": "webhook", "event_triggers": ["sync_failed"], "settings": {"secret": "s3cret"},
        "recipients": ["https://hooks.example/path"]
    });
    let id = app.create_notification(&me, told).await.unwrap().id;
    let rows = store.view("rows", move |tx| Ok((tx.webhook(WebhookId(1))?, tx.notification(id)?)));
    let (hook, told) = rows.await.unwrap();
    let (hook, told) = (hook.unwrap(), told.unwrap());
    let opened = Placed.open(&Place::webhook_secret(hook.id), &hook.sealed_secret).unwrap();
    assert_eq!(opened, made.secret.expose().as_bytes());
    let sealed = told.recipients[0].sealed.clone().unwrap();
    assert_eq!(
        Placed.open(&Place::recipients(id), &sealed).unwrap(),
        b"https://hooks.example/path"
    );
    let secret = told.sealed_secret.unwrap();
    assert_eq!(Placed.open(&Place::notification_secret(id), &secret).unwrap(), b"s3cret");
    assert!(Placed.open(&Place::notification_secret(NotificationId(9)), &secret).is_err());
}

#[tokio::test]
async fn whoever_is_limited_to_some_configurations_neither_sees_nor_makes_what_is_for_all() {
    let House { app, me, .. } = house().await;
    let told = json!({
        "notification_type": "email", "event_triggers": ["sync_failed"], "recipients": ["a@example.com"]
    });
    let id = app.create_notification(&me, told.clone()).await.unwrap().id;
    let limited = Caller { scope: Some(vec![ONE]), ..me.clone() };
    let list = app.notifications(&limited, NotificationFilter::default()).await.unwrap();
    assert_eq!(list, []);
    let hidden = app.notification(&limited, id).await.unwrap_err();
    assert!(matches!(hidden.fault(), Some(Fault::NotFound(_))));
    let refused = app.create_notification(&limited, told).await.unwrap_err();
    assert!(matches!(refused.fault(), Some(Fault::Forbidden(_))));
    let operator = Caller { role: Role::Operator, ..limited };
    let moved = app.schedule(&operator, ONE, json!({"schedule_cron": "@daily"})).await;
    assert!(moved.is_ok(), "operators steer schedules");
    let refused = app.stop_scheduler(&operator).await.unwrap_err();
    assert!(matches!(refused.fault(), Some(Fault::Forbidden(_))));
}

#[tokio::test]
async fn every_change_of_automation_leaves_one_line_in_the_trail() {
    let House { app, store, me, .. } = house().await;
    let count = async || {
        let trail = store.view("trail", |tx| tx.audit(None, 1_000)).await.unwrap();
        (trail.len(), trail.first().map(|line| line.action.clone()).unwrap_or_default())
    };
    let (mut lines, _) = count().await;
    let mut one_more = async |action: &str| {
        let (now, last) = count().await;
        assert_eq!((now, last.as_str()), (lines + 1, action));
        lines = now;
    };
    app.schedule(&me, ONE, json!({"schedule_cron": "@daily"})).await.unwrap();
    one_more("schedule.set").await;
    app.unschedule(&me, ONE).await.unwrap();
    one_more("schedule.clear").await;
    app.stop_scheduler(&me).await.unwrap();
    one_more("scheduler.stop").await;
    app.start_scheduler(&me).await.unwrap();
    one_more("scheduler.start").await;
    let key = app.queue_job(&me, ONE, JobAsked::default()).await.unwrap().to_string();
    one_more("job.queue").await;
    app.cancel_job(&me, &key).await.unwrap();
    one_more("job.cancel").await;
    app.retry_job(&me, &key).await.unwrap();
    one_more("job.retry").await;
    let hook = json!({"name": "h", "sync_config_id": 1, "connector_id": 1});
    let id = app.register_webhook(&me, hook).await.unwrap().webhook.webhook.id;
    one_more("webhook.register").await;
    app.update_webhook(&me, id, json!({"name": "i"})).await.unwrap();
    one_more("webhook.update").await;
    app.rotate_secret(&me, id, json!({})).await.unwrap();
    one_more("webhook.rotate_secret").await;
    app.revoke_secrets(&me, id).await.unwrap();
    one_more("webhook.revoke_secrets").await;
    app.test_webhook(&me, id, None).await.unwrap();
    one_more("webhook.test").await;
    app.delete_webhook(&me, id).await.unwrap();
    one_more("webhook.delete").await;
    let told = json!({
        "notification_type": "email", "event_triggers": ["sync_failed"], "recipients": ["a@example.com"]
    });
    let id = app.create_notification(&me, told).await.unwrap().id;
    one_more("notification.create").await;
    app.update_notification(&me, id, json!({"is_active": false})).await.unwrap();
    one_more("notification.update").await;
    app.delete_notification(&me, id).await.unwrap();
    one_more("notification.delete").await;
}
