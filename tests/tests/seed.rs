//! The document of the automation part, example by example, against the whole server.
//!
//! Bodies and paths are the document's. Time is the machine's, moved ahead where the document waits for an hour.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; their own servers send small bodies"
)]

#[path = "seed/scene.rs"]
mod scene;
#[path = "seed/server.rs"]
mod server;

use std::time::Duration;

use chrono::{DateTime, Datelike as _, TimeZone as _, Timelike as _, Utc};
use reqwest::Method;
use scene::{has, trackers};
use serde_json::{Value, json};
use server::{DOTENV, Server, sqlite, until};
use syncline::parse_dotenv;
use syncline_domain::ports::Clock as _;
use syncline_testkit::{ReceivedMail, SmtpServer};
use syncline_tests::program::syncline;
use syncline_tests::{Stage, judge, retitle};

const SECONDS: i64 = 1_000;
const HOUR: i64 = 3_600 * SECONDS;

fn now(server: &Server) -> i64 {
    server.clock.now().micros() / 1_000
}

fn instant(millis: &Value) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(millis.as_i64().unwrap()).unwrap()
}

/// `sha256=<hex>` of a body under a webhook's secret.
fn signature(secret: &str, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let mac = ring::hmac::sign(&key, body.as_bytes());
    let hex: String = mac.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// A delivery as Azure DevOps words it.
fn delivery(id: &str, item: &str) -> String {
    json!({
        "id": id, "eventType": "workitem.updated", "publisherId": "tfs", "resourceVersion": "1.0",
        "resource": {"id": 7, "workItemId": item.parse::<u64>().unwrap()}
    })
    .to_string()
}

async fn mail_to(smtp: &SmtpServer, who: &str, nth: usize) -> ReceivedMail {
    until(who, async || smtp.mails_to(who).into_iter().nth(nth)).await
}

#[test]
fn the_env_file_is_read_as_printed() {
    let read = parse_dotenv(DOTENV);
    assert_eq!(read["SMTP_FROM"], "Sync Platform <noreply@sync-platform.local>");
    assert_eq!((read["SMTP_PORT"].as_str(), read["SMTP_SECURE"].as_str()), ("587", "false"));
    assert_eq!(read["SMTP_PASS"], "your-app-password");
    assert_eq!(read["MAX_CONCURRENT_JOBS"], "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_log_names_what_is_there() {
    use std::io::BufRead as _;

    let stage = Stage::open();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), DOTENV).unwrap();
    let mut command = syncline(&stage);
    command.arg("serve").env("PORT", "0").current_dir(folder.path());
    let mut child = command.spawn().unwrap();
    let mut log = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in log.by_ref().map_while(Result::ok) {
        let is_last = line.contains("API documentation at");
        said.push(line);
        if is_last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for fact in [
        "✓ Database connection successful",
        "✓ Connector registry initialized",
        "✓ Scheduler started",
        "✓ Job queue event listeners configured",
        "Phase 5 Features Active:",
        "✓ Scheduled Sync (Cron-based)",
        "✓ Webhook Receivers",
        "✓ Background Job Queue",
        "✓ Email Notifications",
    ] {
        assert!(said.iter().any(|line| line.contains(fact)), "{fact} is not in {said:#?}");
    }
    assert!(!said.concat().contains("your-app-password"), "a password is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_sync() {
    let server = Server::start("").await;
    let _trackers = trackers(&server).await;
    let before = now(&server);
    let reply =
        server.post("/api/scheduler/schedule/1", Some(r#"{"schedule_cron": "0 * * * *"}"#)).await;
    assert_eq!(reply["message"], "Sync configuration scheduled successfully");
    let next = reply["next_run"]["next_sync_at"].as_i64().unwrap();
    assert_eq!(next % HOUR, 0, "a full hour, in milliseconds");
    assert!(next > before && next - before <= HOUR, "{next} after {before}");

    type Holds = fn(&DateTime<Utc>) -> bool;
    let patterns: [(&str, Holds); 6] = [
        ("*/15 * * * *", |at| at.minute() % 15 == 0),
        ("0 * * * *", |at| at.minute() == 0),
        ("0 0 * * *", |at| (at.hour(), at.minute()) == (0, 0)),
        ("0 9 * * 1-5", |at| at.hour() == 9 && at.weekday().number_from_monday() <= 5),
        ("0 0 * * 0", |at| at.hour() == 0 && at.weekday() == chrono::Weekday::Sun),
        ("0 0 1 * *", |at| at.hour() == 0 && at.day() == 1),
    ];
    for (cron, holds) in patterns {
        let body = json!({"schedule_cron": cron}).to_string();
        let reply = server.post("/api/scheduler/schedule/1", Some(&body)).await;
        let next = instant(&reply["next_run"]["next_sync_at"]);
        assert!(holds(&next) && next.second() == 0, "{cron} next at {next}");
    }

    let reply = server.get("/api/scheduler/status").await;
    let scheduler = &reply["scheduler"];
    assert_eq!((&scheduler["isRunning"], &scheduler["jobCount"]), (&json!(true), &json!(1)));
    assert_eq!(scheduler["jobs"][0]["configId"], 1);
    assert_eq!(scheduler["jobs"][0]["isRunning"], true);
    server.post("/api/scheduler/stop", None).await;
    assert_eq!(server.get("/api/scheduler/status").await["scheduler"]["isRunning"], false);
    server.post("/api/scheduler/start", None).await;
    assert_eq!(server.get("/api/scheduler/status").await["scheduler"]["isRunning"], true);
    server.post("/api/scheduler/unschedule/1", None).await;
    let reply = server.get("/api/scheduler/status").await;
    assert_eq!(reply["scheduler"]["jobCount"], 0, "unscheduling unschedules");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks() {
    let server = Server::start("").await;
    let trackers = trackers(&server).await;
    let body = r#"{
    "name": "Azure DevOps Push Events",
    "sync_config_id": 1,
    "connector_id": 1,
    "event_types": ["workitem.created", "workitem.updated"],
    "metadata": {}
  }"#;
    let reply = server.post("/api/webhooks/register", Some(body)).await;
    assert_eq!(reply["message"], "Webhook registered successfully");
    let hook = &reply["webhook"];
    has(hook, &["id", "name", "webhook_url", "secret", "full_url", "event_types"]);
    let token = hook["webhook_url"].as_str().unwrap();
    let secret = hook["secret"].as_str().unwrap();
    assert!(token.starts_with("webhook_"), "{token}");
    let full = hook["full_url"].as_str().unwrap();
    assert_eq!(full, format!("{}/api/webhooks/receive/{token}", server.base));
    assert_eq!(hook["event_types"], json!(["workitem.created", "workitem.updated"]));

    let item = judge::bugs(&trackers.azure)[0].id.clone();
    let path = format!("/api/webhooks/receive/{token}");
    let mut job = String::new();
    for (id, header) in [("one", "X-Hub-Signature-256"), ("two", "X-Webhook-Signature")] {
        let body = delivery(id, &item);
        let headers = [("Content-Type", "application/json"), (header, &signature(secret, &body))];
        let reply = server.send(Method::POST, &path, &headers, Some(&body)).await;
        assert_eq!(reply.status, 202, "{header}: {}", reply.body);
        job = reply.body["job_id"].as_str().unwrap().to_owned();
    }
    server.ended(&job).await;
    let body = delivery("three", &item);
    let forged = [("X-Hub-Signature-256", "sha256=00")];
    assert_eq!(server.send(Method::POST, &path, &forged, Some(&body)).await.status, 401);

    let list = server.get("/api/webhooks").await;
    assert_eq!(list["webhooks"][0]["trigger_count"], 2);
    assert!(list["webhooks"][0].get("secret").is_none(), "shown once");
    let reply = server.get("/api/webhooks/1/deliveries?limit=10").await;
    assert_eq!((&reply["total"], &reply["count"]), (&json!(3), &json!(3)));
    let deliveries = reply["deliveries"].as_array().unwrap();
    for delivery in deliveries {
        let fields = ["id", "payload", "signature_valid", "processing_time_ms", "created_at"];
        has(delivery, &fields);
        assert_eq!(delivery["webhook_id"], 1);
        assert_eq!(delivery["payload"]["eventType"], "workitem.updated");
    }
    // Newest first. A rejected one says why in its row.
    let [rejected, accepted, _] = deliveries.as_slice() else { panic!("{reply}") };
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(rejected["signature_valid"], false);
    assert!(rejected["reason"].as_str().is_some_and(|why| !why.is_empty()), "{rejected}");
    assert_eq!(accepted["status"], "success");
    assert_eq!(accepted["signature_valid"], true);
    assert_eq!(accepted["response_code"], 202);
    // The success rate, as the document's jq line counts it.
    let mut statuses: Vec<&str> = deliveries.iter().filter_map(|d| d["status"].as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["rejected", "success", "success"]);

    server.put("/api/webhooks/1", r#"{"is_active": false}"#).await;
    assert_eq!(server.get("/api/webhooks/1").await["webhook"]["is_active"], false);
    let signed = [("X-Hub-Signature-256", signature(secret, &body))];
    let signed: Vec<(&str, &str)> = signed.iter().map(|(k, v)| (*k, v.as_str())).collect();
    assert_eq!(server.send(Method::POST, &path, &signed, Some(&body)).await.status, 404);
    server.delete("/api/webhooks/1").await;
    assert_eq!(server.send(Method::GET, "/api/webhooks/1", &[], None).await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn background_jobs() {
    let server = Server::start("").await;
    let trackers = trackers(&server).await;
    // As printed; no such items are there.
    let printed = r#"{
    "work_item_ids": [123, 124, 125],
    "dry_run": false
  }"#;
    let reply = server.post("/api/jobs/queue/1", Some(printed)).await;
    assert_eq!(reply["message"], "Sync job queued successfully");
    server.ended(reply["job_id"].as_str().unwrap()).await;

    let bugs: Vec<u64> =
        judge::bugs(&trackers.azure).iter().take(3).map(|bug| bug.id.parse().unwrap()).collect();
    let before = now(&server);
    let body = json!({"work_item_ids": bugs, "dry_run": false}).to_string();
    let reply = server.post("/api/jobs/queue/1", Some(&body)).await;
    let id = reply["job_id"].as_str().unwrap();
    let parts: Vec<&str> = id.split('_').collect();
    let [word, epoch, tail] = parts.as_slice() else { panic!("{id}") };
    assert_eq!((*word, tail.len()), ("job", 7), "{id}");
    assert!(epoch.parse::<i64>().unwrap() >= before / SECONDS, "{id}");

    let job = server.ended(id).await;
    has(&job, &["createdAt", "startedAt", "completedAt", "result"]);
    assert_eq!((&job["id"], &job["type"]), (&json!(id), &json!("sync")));
    assert_eq!((&job["configId"], &job["status"]), (&json!(1), &json!("completed")));
    let times = ["createdAt", "startedAt", "completedAt"].map(|name| job[name].as_i64().unwrap());
    assert!(times.is_sorted() && times[0] >= before, "epoch milliseconds: {times:?}");
    let result = &job["result"];
    has(result, &["executionId", "total", "created", "updated", "errors", "items"]);
    assert_eq!((&result["total"], &result["created"]), (&json!(3), &json!(3)), "{result}");
    assert_eq!(result["items"].as_array().unwrap().len(), 3);
    assert_eq!(judge::creates(&trackers.desk), 3, "the named items only");

    let queue = server.get("/api/jobs/queue").await["queue"].clone();
    has(&queue, &["isProcessing", "queuedJobs", "activeJobs", "maxConcurrent", "completedJobs"]);
    assert_eq!(queue["maxConcurrent"], 5, "MAX_CONCURRENT_JOBS");
    assert_eq!(queue["queuedJobs"], 0);
    assert_eq!(queue["activeJobs"], 0);

    let history = server.get("/api/execute/history/1?limit=100").await;
    assert_eq!(history["executions"].as_array().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn email_notifications() {
    let Some(smtp) = SmtpServer::shared() else { return };
    let server = Server::start(&Server::mail_by(&smtp)).await;
    let _trackers = trackers(&server).await;
    let body = r#"{
    "sync_config_id": 1,
    "notification_type": "email",
    "event_triggers": ["sync_completed", "sync_failed"],
    "recipients": ["admin@example.com", "team@example.com"],
    "settings": {}
  }"#;
    let made = server.post("/api/notifications", Some(body)).await;
    assert_eq!(made["notification_id"], 1);
    let tested = r#"{"recipients": ["your-email@example.com"]}"#;
    server.post("/api/notifications/test", Some(tested)).await;
    let mail = mail_to(&smtp, "your-email@example.com", 0).await;
    assert_eq!(mail.header("From"), "Sync Platform <noreply@sync-platform.local>");
    assert!(mail.tls && mail.user.is_some(), "STARTTLS, then a password");
    let list = server.get("/api/notifications?sync_config_id=1").await;
    let row = &list["notification_settings"][0];
    has(row, &["notification_type", "event_triggers", "recipients", "settings"]);
    assert_eq!(row["recipients"], json!(["admin@example.com", "team@example.com"]));
    server.put("/api/notifications/1", r#"{"is_active": false}"#).await;
    let list = server.get("/api/notifications?sync_config_id=1").await;
    assert_eq!(list["notification_settings"][0]["is_active"], false);
    server.delete("/api/notifications/1").await;
    assert_eq!(server.get("/api/notifications").await["count"], 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_mail_settings_a_test_mail_says_so() {
    let server = Server::start("SMTP_HOST=\nSMTP_USER=\nSMTP_PASS=\nSMTP_FROM=").await;
    let body = r#"{"recipients": ["your-email@example.com"]}"#;
    let json = [("Content-Type", "application/json")];
    let reply = server.send(Method::POST, "/api/notifications/test", &json, Some(body)).await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert!(reply.body["message"].as_str().unwrap().contains("SMTP not configured"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_complete_workflow() {
    let Some(smtp) = SmtpServer::shared() else { return };
    let server = Server::start(&Server::mail_by(&smtp)).await;
    let trackers = trackers(&server).await;
    let scheduled =
        server.post("/api/scheduler/schedule/1", Some(r#"{"schedule_cron": "0 * * * *"}"#)).await;
    let hooked = server
        .post(
            "/api/webhooks/register",
            Some(
                r#"{
    "name": "Azure DevOps Real-time",
    "sync_config_id": 1,
    "connector_id": 1,
    "event_types": ["workitem.created", "workitem.updated"]
  }"#,
            ),
        )
        .await;
    server
        .post(
            "/api/notifications",
            Some(
                r#"{
    "sync_config_id": 1,
    "notification_type": "email",
    "event_triggers": ["sync_completed", "sync_failed"],
    "recipients": ["devops-team@company.com"]
  }"#,
            ),
        )
        .await;

    // Nothing runs before its time; the next full hour brings a run, and the run a mail.
    assert_eq!(judge::creates(&trackers.desk), 0);
    let due = scheduled["next_run"]["next_sync_at"].as_i64().unwrap();
    let wait = u64::try_from(due - now(&server) + SECONDS).unwrap();
    server.clock.advance(Duration::from_millis(wait));
    let mail = mail_to(&smtp, "devops-team@company.com", 0).await;
    let bugs = judge::bugs(&trackers.azure);
    assert_eq!(judge::creates(&trackers.desk), bugs.len());
    assert_eq!(mail.header("Subject"), "✓ Sync Completed: Azure Bugs to ServiceDesk");
    let history = server.get("/api/execute/history/1?limit=100").await;
    let run = history["executions"][0].clone();
    assert_eq!((&run["trigger"], &run["status"]), (&json!("scheduled"), &json!("completed")));
    the_link_leads_to_the_run(&server, mail.text.as_deref().unwrap(), &run).await;
    for part in [mail.text.unwrap(), mail.html.unwrap()] {
        for line in [
            "Sync Completed Successfully".to_owned(),
            "Azure Bugs to ServiceDesk".to_owned(),
            "Execution ID".to_owned(),
            "Items Synced".to_owned(),
            "Items Failed".to_owned(),
            "Started".to_owned(),
            "Completed".to_owned(),
            "Duration".to_owned(),
        ] {
            assert!(part.contains(&line), "{line} is not in {part}");
        }
        assert!(part.contains(&bugs.len().to_string()), "how many: {part}");
    }

    // An edit in Azure DevOps, told by its service hook, arrives at once.
    let hook = &hooked["webhook"];
    retitle(&trackers.azure, &bugs[0].id, "Real-time");
    let body = delivery("real-time", &bugs[0].id);
    let signed = signature(hook["secret"].as_str().unwrap(), &body);
    let path = format!("/api/webhooks/receive/{}", hook["webhook_url"].as_str().unwrap());
    let headers = [("Content-Type", "application/json"), ("X-Hub-Signature-256", signed.as_str())];
    let reply = server.send(Method::POST, &path, &headers, Some(&body)).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let job = server.ended(reply.body["job_id"].as_str().unwrap()).await;
    assert_eq!((&job["status"], &job["result"]["updated"]), (&json!("completed"), &json!(1)));
    assert!(trackers.desk.items().iter().any(|item| item.title == "Real-time"));
    let second = mail_to(&smtp, "devops-team@company.com", 1).await;
    assert_eq!(second.header("Subject"), "✓ Sync Completed: Azure Bugs to ServiceDesk");

    // A failure is told at once, too.
    trackers.desk.set_faults(vec![syncline_sandbox::FaultRule::new(
        syncline_sandbox::FaultKind::UnauthorizedAfterN,
    )]);
    retitle(&trackers.azure, &bugs[1].id, "Lost for now");
    server.send(Method::POST, "/api/execute/sync/1", &[], None).await;
    let failed = mail_to(&smtp, "devops-team@company.com", 2).await;
    assert_eq!(failed.header("Subject"), "✗ Sync Failed: Azure Bugs to ServiceDesk");
    let text = failed.text.unwrap();
    for line in
        ["Sync Failed", "Execution ID", "Items Synced", "Items Failed", "Error", "Action Required"]
    {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_and_the_sql_lines_are_as_printed() {
    let server = Server::start("").await;
    let trackers = trackers(&server).await;
    server.post("/api/scheduler/schedule/1", Some(r#"{"schedule_cron": "0 0 * * *"}"#)).await;
    let body = r#"{"name": "w", "sync_config_id": 1, "connector_id": 1}"#;
    let hook = server.post("/api/webhooks/register", Some(body)).await["webhook"].clone();
    let path = format!("/api/webhooks/receive/{}", hook["webhook_url"].as_str().unwrap());
    let item = judge::bugs(&trackers.azure)[0].id.clone();
    for id in ["old", "new"] {
        let body = delivery(id, &item);
        let signed = signature(hook["secret"].as_str().unwrap(), &body);
        let headers = [("X-Hub-Signature-256", signed.as_str())];
        assert_eq!(server.send(Method::POST, &path, &headers, Some(&body)).await.status, 202);
    }
    let database = server.database();
    let folder = server.stop().await;
    // The secret is kept sealed, so its column has another name.
    let script = r#"
wanted = {
    "webhooks": "webhook_url sealed_secret sync_config_id connector_id event_types trigger_count is_active",
    "webhook_deliveries": "payload headers signature_valid status processing_time_ms created_at",
    "notification_settings": "sync_config_id notification_type event_triggers recipients settings",
}
for table, columns in wanted.items():
    there = {row[1] for row in db.execute(f"PRAGMA table_xinfo({table})")}
    missing = set(columns.split()) - there
    assert not missing, (table, missing)
rows = db.execute("SELECT * FROM sync_configs WHERE trigger_type='scheduled'").fetchall()
assert len(rows) == 1, rows
assert len(db.execute("SELECT * FROM webhooks WHERE is_active=1").fetchall()) == 1
day = 24 * 3600 * 1_000_000
db.execute("UPDATE webhook_deliveries SET created_at_us = created_at_us - ? WHERE delivery_id = 'old'", (31 * day,))
db.execute("DELETE FROM webhook_deliveries WHERE created_at < datetime('now', '-30 days');")
left = [row[0] for row in db.execute("SELECT delivery_id FROM webhook_deliveries")]
assert left == ["new"], left
db.execute("DELETE FROM webhook_deliveries \nWHERE created_at < datetime('now', '-7 days');")
print(db.execute("SELECT COUNT(*) FROM webhook_deliveries").fetchone()[0])
"#;
    if let Some(left) = sqlite(&database, script) {
        assert_eq!(left, "1");
    }
    drop(folder);
}

/// What a mail links to answers a browser, and the page asks for that very run.
async fn the_link_leads_to_the_run(server: &Server, text: &str, run: &Value) {
    let (_, link) = text.split_once("Open the execution: ").unwrap();
    let link = link.lines().next().unwrap();
    let place = &link[link.find("/executions/").unwrap()..];
    assert_eq!(place, format!("/executions/{}", run["id"]));
    let page = server.send(Method::GET, place, &[("Accept", "text/html")], None).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let api = format!("/api/execute/status/{}", run["id"]);
    assert!(page.body.as_str().unwrap().contains(&format!("data-api=\"{}\"", &api[1..])));
    assert_eq!(server.get(&api).await["execution"]["id"], run["id"]);
}
