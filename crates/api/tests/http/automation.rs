//! Schedules, jobs, webhooks and notifications, as people use them.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_app::SettingsSource;
use syncline_domain::ports::Clock as _;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{
    ErrorType, ItemError, JobId, JobOutcome, Occurrence, OccurrenceId, OccurrenceState, Role,
    Settlement, Timestamp,
};

use crate::support::{House, JOB, automation_parts};

/// Every key of `shape` is in `reply`, however deep; lists by their first entry.
fn has_shape(reply: &Value, shape: &Value, at: &str) {
    match shape {
        Value::Object(map) => {
            for (key, part) in map {
                let found =
                    reply.get(key).unwrap_or_else(|| panic!("{at}/{key} is missing: {reply}"));
                has_shape(found, part, &format!("{at}/{key}"));
            }
        }
        Value::Array(parts) => {
            let list = reply.as_array().unwrap_or_else(|| panic!("{at} is no list: {reply}"));
            if let (Some(part), Some(found)) = (parts.first(), list.first()) {
                has_shape(found, part, at);
            }
        }
        Value::Number(_) => assert!(reply.is_number(), "{at}: {reply}"),
        Value::Bool(_) => assert!(reply.is_boolean(), "{at}: {reply}"),
        Value::String(_) => assert!(reply.is_string(), "{at}: {reply}"),
        Value::Null => {}
    }
}

#[tokio::test]
async fn a_schedule_is_armed_at_once_and_follows_every_change() {
    let house = House::furnished().await;
    // 2026-01-05T09:00:00Z is a Monday.
    let body = json!({"schedule_cron": "0 * * * *"});
    let seen = house.post("/api/scheduler/schedule/1", &body).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    assert_eq!(seen.json()["message"], "Sync configuration scheduled successfully");
    let next = house.clock.now().after(Duration::from_secs(3_600)).millis();
    assert_eq!(seen.json()["next_run"]["next_sync_at"], next);
    assert_eq!(seen.json()["next_run"]["timezone"], "UTC");
    let config = async || house.get("/api/sync-configs/1").await.json()["sync_config"].clone();
    let row = config().await;
    assert_eq!((&row["trigger_type"], &row["next_sync_at"]), (&json!("scheduled"), &json!(next)));

    let status = house.get("/api/scheduler/status").await.json();
    has_shape(
        &status,
        &json!({"success": true, "scheduler": {"isRunning": true, "jobCount": 1, "isHealthy": true, "status": "",
            "lastHeartbeat": null, "leader": null, "jobs": [{"configId": 1, "configName": "", "isRunning": true,
            "runningNow": false, "cronExpression": "", "timezone": "", "nextRun": "", "lastRun": null}]}}),
        "",
    );
    assert_eq!(status["scheduler"]["jobs"][0]["isRunning"], true);
    assert_eq!(status["scheduler"]["jobCount"], 1);
    assert_eq!(status["scheduler"]["status"], "waiting", "no process schedules in this house");

    // A change that is not about the schedule leaves an instant alone that is due and not decided on.
    house.clock.advance(Duration::from_secs(2 * 3_600));
    house.put("/api/sync-configs/1", &json!({"description": "d"})).await;
    assert_eq!(config().await["next_sync_at"], next);
    let zone = json!({"timezone": "Asia/Kolkata"});
    assert_eq!(house.put("/api/sync-configs/1", &zone).await.status, 200);
    let half = house.clock.now().after(Duration::from_secs(1_800)).millis();
    assert_eq!(config().await["next_sync_at"], half, "half past, by that zone's clocks");

    let runs = house.get("/api/scheduler/next/1?count=3").await.json();
    assert_eq!((&runs["scheduled"], &runs["count"]), (&json!(true), &json!(3)), "{runs}");
    assert_eq!(runs["next_runs"][0]["epoch_ms"], half);
    assert!(runs["description"].as_str().is_some_and(|text| text.len() > 5));

    house.put("/api/sync-configs/1", &json!({"is_active": false})).await;
    assert_eq!(config().await["next_sync_at"], Value::Null);
    let refused = house.post("/api/scheduler/schedule/1", &body).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    house.put("/api/sync-configs/1", &json!({"is_active": true})).await;
    assert!(config().await["next_sync_at"].is_i64(), "it is armed again");

    let off = house.post("/api/scheduler/unschedule/1", &json!({})).await;
    assert_eq!(off.status, 200, "{}", off.text());
    let row = config().await;
    assert_eq!((&row["trigger_type"], &row["next_sync_at"]), (&json!("manual"), &Value::Null));
    assert_eq!(house.get("/api/scheduler/next/1").await.json()["next_runs"], json!([]));
    assert_eq!(house.post("/api/scheduler/unschedule/9", &json!({})).await.status, 404);
    assert_eq!(house.get("/api/scheduler/status").await.json()["scheduler"]["jobCount"], 0);
}

#[tokio::test]
async fn a_preview_tells_what_an_expression_means() {
    let house = House::new().await;
    let target = "/api/scheduler/preview?cron=0+9+*+*+1-5&timezone=Europe/Berlin&from=2026-03-27T12:00:00Z&count=2";
    let seen = house.get(target).await.json();
    let isos: Vec<&str> = seen["next_runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["iso"].as_str().unwrap())
        .collect();
    // Summer time begins on the Sunday between.
    assert_eq!(isos, ["2026-03-30T07:00:00.000Z", "2026-03-31T07:00:00.000Z"], "{seen}");
    assert!(seen["description"].as_str().unwrap().contains("09:00"), "{seen}");
    for (query, path) in [
        ("cron=61+*+*+*+*", "cron"),
        ("cron=@hourly&timezone=Mars", "timezone"),
        ("cron=@hourly&count=101", "count"),
        ("cron=@hourly&from=soon", "from"),
        ("timezone=UTC", "cron"),
    ] {
        let seen = house.get(&format!("/api/scheduler/preview?{query}")).await;
        assert_eq!(seen.status, 400, "{query}");
        assert_eq!(seen.json()["details"][0]["path"], path, "{}", seen.text());
    }
}

#[tokio::test]
async fn the_scheduler_is_switched_for_everybody_and_the_environment_wins() {
    let house = House::furnished().await;
    house.post("/api/scheduler/schedule/1", &json!({"schedule_cron": "@hourly"})).await;
    for _ in 0..2 {
        let off = house.post("/api/scheduler/stop", &json!({})).await;
        assert_eq!(off.status, 200, "{}", off.text());
        assert_eq!(off.json()["status"]["isRunning"], false);
        assert_eq!(off.json()["status"]["jobs"][0]["isRunning"], false);
        assert_eq!(off.json()["status"]["status"], "stopped");
    }
    let stored = house.store.view("settings", |tx| tx.settings()).await.unwrap();
    assert_eq!(stored.get("scheduler_running").map(String::as_str), Some("false"));
    for _ in 0..2 {
        let on = house.post("/api/scheduler/start", &json!({})).await;
        assert_eq!((on.status, on.json()["status"]["isRunning"].clone()), (200, json!(true)));
    }
    let now = house.clock.now();
    let lease = house.store.tx("lead", move |tx| {
        tx.acquire_lease("scheduler", "host/1/a", now, Duration::from_secs(15))
    });
    assert!(lease.await.unwrap().is_some());
    let state = house.get("/api/scheduler/status").await.json()["scheduler"].clone();
    assert_eq!((&state["status"], &state["leader"]), (&json!("running"), &json!("host/1/a")));
    assert_eq!(state["lastHeartbeat"], now.to_iso());
    house.clock.advance(Duration::from_secs(16));
    let state = house.get("/api/scheduler/status").await.json()["scheduler"].clone();
    assert_eq!((&state["isHealthy"], &state["leader"]), (&json!(false), &Value::Null));

    let kept_off = automation_parts(false, 10);
    let house = House::automated(true, kept_off, SettingsSource::default()).await;
    let refused = house.post("/api/scheduler/start", &json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.json()["message"].as_str().unwrap().contains("SCHEDULER_ENABLED"));
    assert_eq!(house.get("/api/scheduler/status").await.json()["scheduler"]["status"], "disabled");
}

#[tokio::test]
async fn what_became_of_instants_is_told() {
    let house = House::furnished().await;
    let now = house.clock.now();
    for (hours, state) in [
        (3_u64, OccurrenceState::Missed),
        (2, OccurrenceState::Skipped),
        (1, OccurrenceState::Late),
    ] {
        let one = Occurrence {
            id: OccurrenceId::default(),
            config_id: syncline_domain::ConfigId(1),
            instant: now.before(Duration::from_secs(hours * 3_600)),
            state,
            job_id: (state == OccurrenceState::Late).then_some(JobId(1)),
            decided_at: now,
            note: Some("because".to_owned()),
        };
        house.store.tx("occurrence", move |tx| tx.insert_occurrence(&one)).await.unwrap();
    }
    let page = house.get("/api/scheduler/occurrences/1?limit=2").await.json();
    assert_eq!(page["count"], 2, "{page}");
    assert_eq!(page["occurrences"][0]["state"], "late");
    assert_eq!(page["occurrences"][0]["jobId"], JOB);
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let rest = house.get(&format!("/api/scheduler/occurrences/1?cursor={cursor}")).await.json();
    assert_eq!((&rest["count"], &rest["next_cursor"]), (&json!(1), &Value::Null), "{rest}");
    assert_eq!(rest["occurrences"][0]["state"], "missed");
}

#[tokio::test]
async fn a_job_is_queued_looked_at_stopped_and_queued_again() {
    let house = House::furnished().await;
    let body = json!({"work_item_ids": [123, "124", 125, "123"], "dry_run": false, "priority": 7});
    let seen = house.post("/api/jobs/queue/1", &body).await;
    assert_eq!(seen.status, 202, "{}", seen.text());
    assert_eq!(seen.json()["message"], "Sync job queued successfully");
    let id = seen.json()["job_id"].as_str().unwrap().to_owned();
    let job = house.get(&format!("/api/jobs/status/{id}")).await.json()["job"].clone();
    has_shape(
        &job,
        &json!({"id": "", "type": "", "configId": 1, "status": "", "createdAt": 1, "startedAt": null,
            "completedAt": null, "attempts": 0, "error": null, "result": null, "runAt": 1, "dead": false}),
        "/job",
    );
    assert_eq!(
        (&job["id"], &job["type"], &job["status"]),
        (&json!(id), &json!("sync"), &json!("queued"))
    );
    assert_eq!(job["workItemIds"], json!(["123", "124", "125"]), "repeats collapse");
    assert_eq!(job["createdAt"], house.clock.now().millis());
    let queue = house.get("/api/jobs/queue").await.json()["queue"].clone();
    has_shape(
        &queue,
        &json!({"isProcessing": false, "queuedJobs": 2, "activeJobs": 0, "maxConcurrent": 3, "completedJobs": 0,
            "failedJobs": 0, "deadJobs": 0, "oldestQueuedSeconds": 0}),
        "/queue",
    );
    assert_eq!((&queue["queuedJobs"], &queue["maxConcurrent"]), (&json!(2), &json!(3)), "{queue}");
    assert_eq!(queue["isProcessing"], false, "nobody works in this house");
    house.app.worker_is_alive("host/1/a").await.unwrap();
    let alive = async || house.get("/api/jobs/queue").await.json()["queue"]["isProcessing"].clone();
    assert_eq!(alive().await, true);
    house.app.worker_is_gone("host/1/a").await.unwrap();
    assert_eq!(alive().await, false);

    let stopped = house.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(stopped.status, 200, "{}", stopped.text());
    let ended = house.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(ended.status, 409, "{}", ended.text());
    let list = house.get("/api/jobs?status=cancelled&sync_config_id=1").await.json();
    assert_eq!((&list["total"], &list["jobs"][0]["id"]), (&json!(1), &json!(id)), "{list}");
    let again = house.post(&format!("/api/jobs/{id}/retry"), &json!({})).await;
    assert_eq!(
        (again.status, again.json()["job_id"].clone()),
        (202, json!(id)),
        "{}",
        again.text()
    );
    let waiting = house.post(&format!("/api/jobs/{id}/retry"), &json!({})).await;
    assert_eq!(waiting.status, 409, "{}", waiting.text());

    let page = house.get("/api/jobs?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let rest = house.get(&format!("/api/jobs?limit=1&cursor={cursor}")).await.json();
    assert_eq!((&rest["jobs"][0]["id"], &rest["next_cursor"]), (&json!(JOB), &Value::Null));
    house.put("/api/sync-configs/1", &json!({"is_active": false})).await;
    assert_eq!(house.post("/api/jobs/queue/1", &json!({})).await.status, 409);
    assert_eq!(house.post("/api/jobs/queue/9", &json!({})).await.status, 404);
    for odd in ["job_1_0000001", "job_1767603600_000001", "job_1767603600_00000ZZ", "1", "job__"] {
        assert_eq!(house.get(&format!("/api/jobs/status/{odd}")).await.status, 404, "{odd}");
    }
}

#[tokio::test]
async fn a_job_that_ended_tells_what_came_out_and_a_dead_one_why() {
    let house = House::furnished().await;
    let run = house.post("/api/execute/sync/1", &json!({})).await.json();
    let execution = syncline_domain::ExecutionId(run["execution_id"].as_i64().unwrap());
    let now = house.clock.now();
    let done = house.store.tx("work", move |tx| {
        let jobs = tx.claim_jobs("w", now, Duration::from_secs(30), 5)?;
        let claim = jobs[0].claim().unwrap();
        tx.note_job_run(claim, execution)?;
        let result = json!({"executionId": execution.0, "total": 3});
        let outcome = JobOutcome::Completed { result: Some(result) };
        tx.settle_jobs(&[Settlement { claim, outcome, at: now }])
    });
    assert_eq!(done.await.unwrap().len(), 1);
    let job = house.get(&format!("/api/jobs/status/{JOB}")).await.json()["job"].clone();
    has_shape(
        &job,
        &json!({"id": "", "type": "", "configId": 1, "status": "completed", "createdAt": 1, "startedAt": 1,
            "completedAt": 1, "result": {"executionId": 1, "total": 3, "created": 3, "updated": 0, "skipped": 0,
            "errors": 0, "items": [{"source_id": "", "action": ""}]}}),
        "/job",
    );
    assert_eq!(
        (&job["result"]["created"], &job["status"]),
        (&json!(3), &json!("completed")),
        "{job}"
    );

    let id = house.post("/api/jobs/queue/1", &json!({})).await.json()["job_id"].clone();
    let id = id.as_str().unwrap().to_owned();
    for _ in 0..10 {
        let at = house.clock.now();
        let died = house.store.tx("fail", move |tx| {
            let jobs = tx.claim_jobs("w", at, Duration::from_secs(30), 5)?;
            let claim = jobs[0].claim().unwrap();
            let error = ItemError {
                error_type: ErrorType::Connection,
                message: "the tracker is away".to_owned(),
                field: None,
            };
            let outcome = JobOutcome::Retry { error, run_at: at };
            tx.settle_jobs(&[Settlement { claim, outcome, at }])
        });
        died.await.unwrap();
    }
    let dead = house.get("/api/jobs?dead=true").await.json();
    assert_eq!((&dead["total"], &dead["jobs"][0]["id"]), (&json!(1), &json!(id)), "{dead}");
    assert_eq!(dead["jobs"][0]["error"]["message"], "the tracker is away");
    assert!(dead["jobs"][0]["deadReason"].is_string(), "{dead}");
    assert_eq!(house.get("/api/jobs/queue").await.json()["queue"]["deadJobs"], 1);
    assert_eq!(house.post(&format!("/api/jobs/{id}/retry"), &json!({})).await.status, 202);
    assert_eq!(house.get("/api/jobs?dead=true").await.json()["total"], 0);
}

#[tokio::test]
async fn a_job_is_queued_once_for_an_idempotency_key() {
    let house = House::furnished().await;
    let key = [("idempotency-key", "k")];
    let body = json!({"dry_run": true});
    let first = house.send("POST", "/api/jobs/queue/1", &key, Some(&body)).await;
    let again = house.send("POST", "/api/jobs/queue/1", &key, Some(&body)).await;
    assert_eq!((again.status, again.json()), (202, first.json()));
    let other = house.send("POST", "/api/jobs/queue/1", &key, Some(&json!({}))).await;
    assert_eq!(other.status, 422, "{}", other.text());
}

#[tokio::test]
async fn a_webhook_is_registered_changed_rotated_and_deleted() {
    let house = House::furnished().await;
    let own = "a-secret-of-my-own-24-bytes";
    let body = json!({
        "name": "Azure DevOps Push Events", "sync_config_id": 1, "connector_id": 1, "metadata": {},
        "event_types": ["workitem.created", "bug.opened", "workitem.updated"], "secret": own
    });
    let made = house.post("/api/webhooks/register", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["message"], "Webhook registered successfully");
    let webhook = made.json()["webhook"].clone();
    let token = webhook["webhook_url"].as_str().unwrap();
    assert!(token.strip_prefix("webhook_").is_some_and(|hex| hex.len() == 32), "{token}");
    assert_eq!(webhook["secret"], own);
    assert_eq!(webhook["full_url"], format!("https://sync.example/api/webhooks/receive/{token}"));
    assert_eq!(webhook["event_types"], json!(["workitem.created", "workitem.updated"]));
    assert_eq!(webhook["auth_mode"], "hmac-sha256");
    assert!(made.json()["setup"].as_array().is_some_and(|steps| steps.len() > 2));
    let id = webhook["id"].clone();

    let generated = house.get("/api/webhooks/1").await.json()["webhook"].clone();
    assert_eq!(generated["event_types"], json!(["*"]));
    has_shape(
        &generated,
        &json!({"id": 1, "name": "", "sync_config_id": 1, "sync_config_name": "", "connector_id": 1,
            "connector_name": "", "connector_type": "", "webhook_url": "", "full_url": "", "event_types": [""],
            "auth_mode": "", "is_active": true, "metadata": {}, "trigger_count": 1, "last_triggered_at": null,
            "created_at": "", "updated_at": ""}),
        "/webhook",
    );
    let off = house.put(&format!("/api/webhooks/{id}"), &json!({"is_active": false})).await;
    assert_eq!(off.status, 200, "{}", off.text());
    let list = house.get("/api/webhooks?active=false&connector_id=1&sync_config_id=1").await.json();
    assert_eq!((&list["count"], &list["webhooks"][0]["id"]), (&json!(1), &id), "{list}");
    let test = house.post(&format!("/api/webhooks/{id}/test"), &json!({})).await;
    assert_eq!(test.status, 409, "{}", test.text());

    let grace = json!({"grace_seconds": 60});
    let turned = house.post(&format!("/api/webhooks/{id}/rotate-secret"), &grace).await;
    assert_eq!(turned.status, 200, "{}", turned.text());
    assert!(turned.json()["old_secret_valid_until"].is_string());
    assert_eq!(turned.json()["secret"].as_str().map(str::len), Some(64));
    house.post(&format!("/api/webhooks/{id}/rotate-secret"), &grace).await;
    let third = house.post(&format!("/api/webhooks/{id}/rotate-secret"), &grace).await;
    assert_eq!(third.status, 409, "two replaced ones are enough: {}", third.text());
    let revoked = house.post(&format!("/api/webhooks/{id}/revoke-old-secrets"), &json!({})).await;
    assert_eq!(revoked.json()["revoked"], 2, "{}", revoked.text());

    let setup = house.get(&format!("/api/webhooks/{id}/setup")).await.json();
    assert!(setup["setup"].as_array().is_some_and(|steps| steps.len() > 2), "{setup}");
    let seen = format!(
        "{setup} {} {}",
        house.get(&format!("/api/webhooks/{id}")).await.text(),
        house.store_text().await
    );
    assert!(!seen.contains(own), "the secret is shown once");
    assert_eq!(seen.matches(turned.json()["secret"].as_str().unwrap()).count(), 0);
    let gone = house.send("DELETE", &format!("/api/webhooks/{id}"), &[], None).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(house.get(&format!("/api/webhooks/{id}/deliveries")).await.status, 404);
    let foreign = json!({"name": "n", "sync_config_id": 9, "connector_id": 1});
    assert_eq!(house.post("/api/webhooks/register", &foreign).await.status, 404);
}

#[tokio::test]
async fn an_address_that_is_the_secret_is_shown_to_admins_only() {
    let house = House::furnished().await;
    let body =
        json!({"name": "U", "sync_config_id": 1, "connector_id": 1, "auth_mode": "url-token"});
    let made = house.post("/api/webhooks/register", &body).await.json();
    let id = made["webhook"]["id"].clone();
    let token = made["webhook"]["webhook_url"].as_str().unwrap().to_owned();
    for (role, shown) in [(Role::Viewer, false), (Role::Operator, false), (Role::Admin, true)] {
        let auth = format!("Bearer {}", house.key(role.as_str(), role, None).await);
        let headers = [("authorization", auth.as_str())];
        for target in [format!("/api/webhooks/{id}"), format!("/api/webhooks/{id}/setup")] {
            let seen = house.send("GET", &target, &headers, None).await;
            assert_eq!(seen.text().contains(&token), shown, "{role} {target}");
        }
    }
}

#[tokio::test]
async fn deliveries_are_listed_read_and_sent_again() {
    let house = House::furnished().await;
    let list = house.get("/api/webhooks/1/deliveries?limit=10").await.json();
    has_shape(
        &list,
        &json!({"success": true, "total": 1, "count": 1, "deliveries": [{"id": 1, "webhook_id": 1,
            "payload": {"event": ""}, "headers": {}, "event_type": null, "delivery_id": null, "item_ids": [],
            "signature_valid": true, "status": "", "reason": null, "response_code": 202, "job_id": null,
            "duplicate_of": null, "processing_time_ms": 0, "created_at": ""}]}),
        "",
    );
    assert_eq!(list["deliveries"][0]["job_id"], JOB, "{list}");
    let again = house.post("/api/webhooks/deliveries/1/replay", &json!({})).await;
    assert_eq!(
        (again.status, again.json()["status"].clone()),
        (202, json!("success")),
        "{}",
        again.text()
    );
    assert_eq!(again.json()["job_id"], JOB, "it joins the waiting job");
    let page = house.get("/api/webhooks/1/deliveries?limit=1").await.json();
    assert_eq!((&page["total"], &page["count"]), (&json!(2), &json!(1)));
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let by_cursor = house.get(&format!("/api/webhooks/1/deliveries?cursor={cursor}")).await.json();
    let by_offset = house.get("/api/webhooks/1/deliveries?offset=1").await.json();
    assert_eq!(by_cursor["deliveries"], by_offset["deliveries"]);
    assert_eq!(house.get("/api/webhooks/1/deliveries?status=rejected").await.json()["total"], 0);
    assert_eq!(house.get("/api/webhooks/1/deliveries?status=odd").await.status, 400);
    assert_eq!(house.get("/api/webhooks/deliveries/99").await.status, 404);
}

#[tokio::test]
async fn notification_settings_keep_their_secrets() {
    let house = House::furnished().await;
    let url = "https://hooks.example/services/T0/B0/verysecretpart";
    let body = json!({
        "sync_config_id": null, "notification_type": "webhook", "event_triggers": ["sync_completed", "sync_failed"],
        "recipients": [url, url], "settings": {"secret": "whsec_hidden", "colour": "red"}
    });
    let made = house.post("/api/notifications", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.warnings().iter().any(|line| line.contains("twice")), "{:?}", made.warnings());
    let id = made.json()["notification_id"].clone();
    let read = async || {
        house.get(&format!("/api/notifications/{id}")).await.json()["notification"].clone()
    };
    let row = read().await;
    has_shape(
        &row,
        &json!({"id": 1, "sync_config_id": null, "sync_config_name": null, "notification_type": "",
            "event_triggers": [""], "recipients": [""], "settings": {}, "is_active": true, "created_at": "",
            "updated_at": ""}),
        "/notification",
    );
    assert_eq!(row["recipients"], json!(["https://hooks.example/***"]), "{row}");
    assert_eq!((&row["has_secret"], &row["settings"]), (&json!(true), &json!({"colour": "red"})));

    // Sent back as it was shown, with one more: the masked one stays the one that it was.
    let sealed = async || {
        let rows = house.store.view("rows", |tx| tx.notifications()).await.unwrap();
        rows.last().unwrap().recipients.clone()
    };
    let before = sealed().await;
    let change = json!({"recipients": ["https://hooks.example/***", "https://other.example/y"], "is_active": false});
    let seen = house.put(&format!("/api/notifications/{id}"), &change).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let after = sealed().await;
    assert_eq!((after.len(), &after[0]), (2, &before[0]));
    assert_eq!(read().await["has_secret"], true, "what is not given stays");
    house.put(&format!("/api/notifications/{id}"), &json!({"settings": {"secret": null}})).await;
    assert_eq!(read().await["has_secret"], false);

    let list = house.get("/api/notifications?sync_config_id=1&active=true").await.json();
    assert_eq!(
        (&list["count"], &list["notifications"]),
        (&json!(1), &list["notification_settings"])
    );
    assert_eq!(list["notification_settings"][0]["recipients"], json!(["ops@example.com"]));
    let all = format!("{}{}", house.bodies(), house.store_text().await);
    for secret in ["verysecretpart", "whsec_hidden"] {
        assert!(!all.contains(secret), "{secret}");
    }
    let gone = house.send("DELETE", &format!("/api/notifications/{id}"), &[], None).await;
    assert_eq!(gone.status, 200);
    assert_eq!(house.get(&format!("/api/notifications/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_test_message_says_what_the_other_side_answered() {
    let house = House::furnished().await;
    let mail = json!({"recipients": ["you@example.com"]});
    let none = house.post("/api/notifications/test", &mail).await;
    assert_eq!(none.status, 409, "{}", none.text());
    assert!(none.json()["message"].as_str().unwrap().starts_with("SMTP not configured"));
    assert_eq!(house.post("/api/settings/test-smtp", &json!({})).await.status, 409);

    let smtp =
        json!({"smtp_host": "mail.example", "smtp_user": "u", "smtp_pass": "hunter2-hunter2"});
    assert_eq!(house.put("/api/settings", &smtp).await.status, 200);
    let pass = house.get("/api/settings/smtp_pass").await.json()["setting"].clone();
    assert_eq!((&pass["value"], &pass["is_set"]), (&Value::Null, &json!(true)), "{pass}");
    let opened = house.app.smtp().await.unwrap().unwrap();
    let plain = opened.pass.as_ref().map(secrecy_text);
    assert_eq!((opened.port, plain.as_deref()), (587, Some("hunter2-hunter2")));
    let stored =
        house.store.view("settings", |tx| Ok(format!("{:?}", tx.settings()?))).await.unwrap();
    let trail = house.store_text().await;
    assert!(!stored.contains("hunter2") && !trail.contains("hunter2"));

    let well = house.post("/api/notifications/test", &mail).await;
    assert_eq!(well.status, 200, "{}", well.text());
    assert_eq!(well.json()["results"][0]["message"], "250 taken");
    let mixed = json!({"recipients": ["you@example.com", "refused@example.com"]});
    let seen = house.post("/api/notifications/test", &mixed).await;
    assert_eq!((seen.status, seen.json()["error"].clone()), (400, json!("Connector Error")));
    assert_eq!(seen.json()["details"][0]["message"], "refused@example.com: 550 no such mailbox");
    assert_eq!(seen.json()["results"][0]["ok"], true, "{}", seen.text());
    let smtp = house.post("/api/settings/test-smtp", &json!({})).await;
    assert_eq!((smtp.status, smtp.json()["server"].clone()), (200, json!("220 ready")));
    for _ in 3..10 {
        house.post("/api/notifications/test", &mail).await;
    }
    let often = house.post("/api/notifications/test", &mail).await;
    assert_eq!(often.status, 429, "{}", often.text());
    assert_eq!(often.header("retry-after"), Some("3600"));
    house.clock.advance(Duration::from_secs(3_600));
    assert_eq!(house.post("/api/notifications/test", &mail).await.status, 200);
}

fn secrecy_text(secret: &secrecy::SecretString) -> String {
    secrecy::ExposeSecret::expose_secret(secret).to_owned()
}

#[tokio::test]
async fn settings_of_automation_are_read_by_what_they_name() {
    let house = House::furnished().await;
    house.put("/api/settings", &json!({"max_concurrent_syncs": 5, "job_history_limit": 0})).await;
    assert_eq!(house.get("/api/jobs/queue").await.json()["queue"]["maxConcurrent"], 5);
    house.post(&format!("/api/jobs/{JOB}/cancel"), &json!({})).await;
    let source = house.app.environment().clone();
    let later = house.clock.now().after(Duration::from_secs(31 * 86_400));
    let prune = async |at: Timestamp| {
        let source = source.clone();
        let gone = house.store.tx("prune", move |tx| {
            Ok((source.prune_jobs(tx, at, 10)?, source.prune_deliveries(tx, at, 10)?))
        });
        gone.await.unwrap()
    };
    assert_eq!(prune(house.clock.now()).await, (0, 0));
    house.put("/api/settings", &json!({"job_history_limit": 1})).await;
    assert_eq!(prune(later).await, (0, 1), "so many are always kept");
    house.put("/api/settings", &json!({"job_history_limit": 0})).await;
    assert_eq!(prune(later).await, (2, 0), "the job and the item that it named");
    let source = house.app.environment().clone();
    let next_year = house.clock.now().after(Duration::from_secs(366 * 86_400));
    let lines = async || house.store.view("audit", |tx| tx.audit(None, 1_000)).await.unwrap().len();
    let before = lines().await;
    house.put("/api/settings", &json!({"audit_retention_days": 400})).await;
    let prune = async || {
        let source = source.clone();
        house.store.tx("prune", move |tx| source.prune_audit(tx, next_year, 1_000)).await.unwrap()
    };
    assert_eq!(prune().await, 0);
    house.put("/api/settings", &json!({"audit_retention_days": null})).await;
    assert_eq!(prune().await, u64::try_from(before + 2).unwrap());
    assert_eq!(lines().await, 0);
}

#[tokio::test]
async fn the_size_of_pages_is_a_setting_that_runs_follow() {
    let house = House::furnished().await;
    let shown = house.get("/api/settings/sync_batch_size").await.json();
    assert_eq!(shown["setting"]["value"], 200, "{shown}");
    assert_eq!(shown["setting"]["source"], "default");
    house.put("/api/settings", &json!({"sync_batch_size": 1})).await;
    house.bugs.clear_logs();
    house.post("/api/execute/sync/1", &json!({})).await;
    let requests = house.bugs.requests();
    let pages: Vec<usize> = requests
        .iter()
        .filter(|one| one.method == syncline_testkit::Method::Changes)
        .map(|one| one.size)
        .collect();
    assert!(pages.len() >= 3 && pages.iter().all(|size| *size == 1), "{pages:?}");
}

#[tokio::test]
async fn another_configurations_automation_does_not_exist() {
    let house = House::furnished().await;
    house.post("/api/sync-configs", &crate::support::config_body("Second")).await;
    let hook = json!({"name": "Two", "sync_config_id": 2, "connector_id": 1});
    house.post("/api/webhooks/register", &hook).await;
    let job = house.post("/api/jobs/queue/2", &json!({})).await.json()["job_id"].clone();
    let job = job.as_str().unwrap();
    let auth = format!("Bearer {}", house.key("one", Role::Admin, Some(vec![1])).await);
    let headers = [("authorization", auth.as_str())];
    for target in [
        &format!("/api/jobs/status/{job}"),
        "/api/jobs?sync_config_id=2",
        "/api/webhooks/2",
        "/api/webhooks?sync_config_id=2",
        "/api/notifications?sync_config_id=2",
        "/api/scheduler/next/2",
        "/api/scheduler/occurrences/2",
    ] {
        assert_eq!(house.send("GET", target, &headers, None).await.status, 404, "{target}");
    }
    let all = house.send("GET", "/api/jobs", &headers, None).await.json();
    assert_eq!(all["total"], 1, "{all}");
    let queue = house.send("GET", "/api/jobs/queue", &headers, None).await.json();
    assert_eq!(queue["queue"]["queuedJobs"], 1, "{queue}");
    let global = json!({
        "notification_type": "email", "event_triggers": ["sync_failed"], "recipients": ["a@example.com"]
    });
    assert_eq!(house.send("POST", "/api/notifications", &headers, Some(&global)).await.status, 403);
}
