//! Bodies that are no good: always a 4xx that says what to do, never more.

use serde_json::{Value, json};

use crate::support::{House, Route, fill, routes};

/// Routes that read a body: those with one in the table, and POSTs that take none but must not be confused by one.
fn readers() -> Vec<Route> {
    // The receiver of deliveries reads raw bytes and has tests of its own.
    let reads = |route: &Route| route.body.is_some() || route.method == "POST";
    routes().into_iter().filter(|r| reads(r) && !r.path.contains("/receive/")).collect()
}

fn deep(levels: usize) -> Vec<u8> {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels)).into_bytes()
}

#[tokio::test]
async fn every_body_that_is_no_json_object_is_refused_by_every_route() {
    let house = House::furnished().await;
    let json = [("content-type", "application/json")];
    let huge = format!(r#"{{"name": "{}"}}"#, "x".repeat(256 * 1024));
    let fine = br#"{"name": "a"}"#;
    let cases: Vec<(&str, Vec<(&str, &str)>, Vec<u8>, u16)> = vec![
        ("null", json.to_vec(), b"null".to_vec(), 400),
        ("a list", json.to_vec(), b"[]".to_vec(), 400),
        ("a text", json.to_vec(), b"\"text\"".to_vec(), 400),
        ("a number", json.to_vec(), b"1".to_vec(), 400),
        ("no JSON", json.to_vec(), b"name=a".to_vec(), 400),
        ("half of it", json.to_vec(), b"{\"name\": \"a".to_vec(), 400),
        ("two of them", json.to_vec(), b"{} {}".to_vec(), 400),
        ("a byte order mark", json.to_vec(), b"\xef\xbb\xbf{}".to_vec(), 400),
        ("not UTF-8", json.to_vec(), b"{\"name\": \"\xff\"}".to_vec(), 400),
        ("UTF-16", json.to_vec(), b"{\0}\0".to_vec(), 400),
        ("a NUL character", json.to_vec(), br#"{"name": "a\u0000b"}"#.to_vec(), 400),
        ("a NUL in a key", json.to_vec(), br#"{"na\u0000me": "b"}"#.to_vec(), 400),
        ("half a surrogate", json.to_vec(), br#"{"name": "\ud800"}"#.to_vec(), 400),
        ("a key twice", json.to_vec(), br#"{"name": "a", "name": "b"}"#.to_vec(), 400),
        ("a number beyond all", json.to_vec(), br#"{"name": 1e400}"#.to_vec(), 400),
        ("too deep", json.to_vec(), deep(129), 400),
        ("bottomless", json.to_vec(), deep(100_000), 400),
        ("too large", json.to_vec(), huge.into_bytes(), 413),
        ("plain text", vec![("content-type", "text/plain")], fine.to_vec(), 415),
        ("a form", vec![("content-type", "application/x-www-form-urlencoded")], fine.to_vec(), 415),
        ("of no type", vec![], fine.to_vec(), 415),
        (
            "compressed",
            vec![("content-type", "application/json"), ("content-encoding", "gzip")],
            b"\x1f\x8b\x08".to_vec(),
            415,
        ),
    ];
    let mut faults = Vec::new();
    for route in readers() {
        for (name, headers, body, expected) in &cases {
            let seen = house.raw(route.method, &route.target(), headers, Some(body)).await;
            if seen.status != *expected {
                faults.push(format!("{name}: {} {} {}", route.method, route.path, seen.status));
            }
        }
        let nothing = house.raw(route.method, &route.target(), &[], None).await;
        let needed = route.body.is_some()
            && ![
                "/api/execute/sync/{configId}",
                "/api/execute/preview/{configId}",
                "/api/execute/apply/{planId}",
                "/api/sync-configs/{id}/mapping-tests/run",
                "/api/jobs/{jobId}/replay",
                "/api/webhooks/deliveries/{id}/replay",
                "/api/jobs/queue/{configId}",
                "/api/webhooks/{id}/test",
                "/api/webhooks/{id}/rotate-secret",
            ]
            .contains(&route.path);
        if needed && nothing.status != 400 {
            faults.push(format!("nothing: {} {} {}", route.method, route.path, nothing.status));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn every_documented_field_may_hold_anything_without_harm() {
    let house = House::furnished().await;
    let wrong = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(9_223_372_036_854_775_808_u64),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("x".repeat(20_000)),
        json!("\u{202e}\u{7}"),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null]),
        json!({"a": {"b": [1, "x", null]}}),
        json!(["x", 1, {}]),
    ];
    let mut asked = 0;
    for route in routes() {
        let Some(good) = &route.body else { continue };
        let operation =
            house.contract.document["paths"][route.path][route.method.to_lowercase()].clone();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let properties = house.contract.properties(schema);
        assert!(!properties.is_empty(), "{} documents its body", route.path);
        for name in properties.keys() {
            for value in &wrong {
                let mut body = good.clone();
                body[name] = value.clone();
                let seen = house.send(route.method, &route.target(), &[], Some(&body)).await;
                assert!(seen.status < 500, "{} {body} {}", route.path, seen.text());
                asked += 1;
            }
        }
    }
    assert!(asked > 500, "{asked}");
}

#[tokio::test]
async fn wrong_fields_are_named_all_at_once() {
    let house = House::furnished().await;
    for (method, target, body, paths) in [
        (
            "POST",
            "/api/connectors",
            json!({"name": " ", "connector_type": "nosuch", "auth_type": "magic", "metadata": [], "base_url": 7}),
            vec![
                "/auth_type",
                "/base_url",
                "/connector_type",
                "/credentials",
                "/metadata",
                "/name",
            ],
        ),
        (
            "POST",
            "/api/connectors",
            json!({"name": "a\u{7}b", "connector_type": "fakebugs", "auth_type": "pat",
                   "base_url": "https://u:p@h.example/x", "credentials": {"token": 7}}),
            vec!["/base_url", "/credentials/token", "/name"],
        ),
        (
            "POST",
            "/api/sync-configs",
            json!({"name": "x".repeat(201), "source_connector_id": 1, "target_connector_id": 1,
                   "direction": "sideways", "trigger_type": "scheduled", "timezone": "Mars/Base",
                   "conflict_resolution": "coin", "sync_filter": 7, "is_active": "yes",
                   "options": {"concurrency": 33, "target_edits": "burn", "sync_comments": "yes"},
                   "type_mappings": {}}),
            vec![
                "/conflict_resolution",
                "/direction",
                "/is_active",
                "/name",
                "/options/concurrency",
                "/options/sync_comments",
                "/options/target_edits",
                "/schedule_cron",
                "/sync_filter",
                "/target_connector_id",
                "/timezone",
                "/type_mappings",
            ],
        ),
        (
            "POST",
            "/api/sync-configs",
            json!({"name": "n", "source_connector_id": 1, "target_connector_id": 2,
                   "trigger_type": "scheduled", "schedule_cron": "61 * * * *",
                   "type_mappings": [
                     {"source_type_id": 3, "target_type_id": 3},
                     {"source_type_id": 1, "target_type_id": "x", "field_mappings": [{"mapping_type": "constant"}]}]}),
            vec![
                "/schedule_cron",
                "/type_mappings/1/field_mappings/0/constant_value",
                "/type_mappings/1/field_mappings/0/target_field_id",
                "/type_mappings/1/target_type_id",
            ],
        ),
        (
            "POST",
            "/api/sync-configs",
            json!({"name": "n", "source_connector_id": 1, "target_connector_id": 2,
                   "type_mappings": [
                     {"source_type_id": 3, "target_type_id": 3},
                     {"source_type_id": 1, "target_type_id": 3,
                      "field_mappings": [
                        {"source_field_id": 23, "target_field_id": 24},
                        {"source_field_id": 12, "target_field_id": 24},
                        {"source_field_id": 1, "target_field_id": 24, "transformation": "nosuch"}],
                      "status_mappings": [{"source_status_id": 6, "target_status_id": 999}]}]}),
            vec![
                "/type_mappings/0/source_type_id",
                "/type_mappings/1/field_mappings/0/source_field_id",
                "/type_mappings/1/field_mappings/1/source_field_id",
                "/type_mappings/1/field_mappings/2/transformation",
                "/type_mappings/1/status_mappings/0/source_status_id",
                "/type_mappings/1/status_mappings/0/target_status_id",
            ],
        ),
        (
            "PUT",
            "/api/sync-configs/1/user-map",
            json!({"entries": [{"source": "a"}, 7, {"source": "b", "target": "c"}, {"source": "b", "target": "d"}],
                   "by": ["email", "magic"], "default": 7}),
            vec!["/by/1", "/default", "/entries/0/target", "/entries/1", "/entries/3/source"],
        ),
        (
            "POST",
            "/api/execute/sync/1",
            json!({"work_item_ids": ["1", "", -1, 1.5, {}], "limit": -1, "dry_run": "yes", "direction": "up", "wait": 2}),
            vec![
                "/direction",
                "/dry_run",
                "/limit",
                "/wait",
                "/work_item_ids/1",
                "/work_item_ids/2",
                "/work_item_ids/3",
                "/work_item_ids/4",
            ],
        ),
        ("POST", "/api/execute/preview/1", json!({"work_item_ids": []}), vec!["/work_item_ids"]),
        (
            "POST",
            "/api/execute/synced-items/1",
            json!({"source_item_id": {}}),
            vec!["/source_item_id", "/target_item_id"],
        ),
        (
            "PUT",
            "/api/settings",
            json!({"execution_retention_days": 0, "nosuch": 1, "conflict_resolution_default": "coin"}),
            vec!["/conflict_resolution_default", "/execution_retention_days", "/nosuch"],
        ),
        (
            "PUT",
            "/api/settings",
            json!({"max_concurrent_syncs": 0, "smtp_port": 99_999, "smtp_secure": "yes", "smtp_tls": "maybe",
                   "smtp_host": "a\r\nb", "smtp_pass": 7, "job_history_limit": -1}),
            vec![
                "/job_history_limit",
                "/max_concurrent_syncs",
                "/smtp_host",
                "/smtp_pass",
                "/smtp_port",
                "/smtp_secure",
                "/smtp_tls",
            ],
        ),
        (
            "POST",
            "/api/scheduler/schedule/1",
            json!({"schedule_cron": "61 * * * *", "timezone": "Mars/Base"}),
            vec!["/schedule_cron", "/timezone"],
        ),
        (
            "POST",
            "/api/scheduler/schedule/1",
            json!({"schedule_cron": "0 0 30 2 *"}),
            vec!["/schedule_cron"],
        ),
        (
            "POST",
            "/api/scheduler/schedule/1",
            json!({"schedule_cron": "1,".repeat(200)}),
            vec!["/schedule_cron"],
        ),
        ("POST", "/api/scheduler/schedule/1", json!({}), vec!["/schedule_cron"]),
        (
            "POST",
            "/api/jobs/queue/1",
            json!({"work_item_ids": ["1", "", -1, 1.5, {}, "x".repeat(201)], "dry_run": "yes", "priority": 101,
                   "run_at": "tomorrow", "direction": "up", "full": 2}),
            vec![
                "/direction",
                "/dry_run",
                "/full",
                "/priority",
                "/run_at",
                "/work_item_ids/1",
                "/work_item_ids/2",
                "/work_item_ids/3",
                "/work_item_ids/4",
                "/work_item_ids/5",
            ],
        ),
        ("POST", "/api/jobs/queue/1", json!({"work_item_ids": []}), vec!["/work_item_ids"]),
        (
            "POST",
            "/api/jobs/queue/1",
            json!({"work_item_ids": (0..10_001).collect::<Vec<u64>>()}),
            vec!["/work_item_ids"],
        ),
        ("POST", "/api/jobs/queue/1", json!({"run_at": "2099-01-01T00:00:00Z"}), vec!["/run_at"]),
        ("POST", "/api/jobs/queue/1", json!({"run_at": -1}), vec!["/run_at"]),
        ("POST", "/api/conflicts/1/resolve", json!({}), vec!["/use"]),
        ("POST", "/api/conflicts/1/resolve", json!({"use": "agreement"}), vec!["/use"]),
        (
            "POST",
            "/api/conflicts/1/resolve",
            json!({"use": "base", "resolved_value": 1}),
            vec!["/use"],
        ),
        ("POST", "/api/conflicts/1/resolve-auto", json!({}), vec!["/strategy"]),
        ("POST", "/api/conflicts/1/resolve-auto", json!({"strategy": "manual"}), vec!["/strategy"]),
        (
            "POST",
            "/api/conflicts/resolve-batch",
            json!({"conflict_ids": [], "strategy": "coin"}),
            vec!["/conflict_ids", "/strategy"],
        ),
        (
            "POST",
            "/api/conflicts/resolve-batch",
            json!({"conflict_ids": [1, 1], "strategy": "merge"}),
            vec!["/conflict_ids"],
        ),
        (
            "POST",
            "/api/webhooks/register",
            json!({"event_types": [7], "auth_mode": "trust", "metadata": []}),
            vec![
                "/auth_mode",
                "/connector_id",
                "/event_types/0",
                "/metadata",
                "/name",
                "/sync_config_id",
            ],
        ),
        (
            "POST",
            "/api/webhooks/register",
            json!({"name": " ", "sync_config_id": 1, "connector_id": 1, "event_types": ["nosuch"],
                   "secret": "short", "metadata": {"header_name": "a b"}}),
            vec!["/event_types", "/metadata/header_name", "/name", "/secret"],
        ),
        (
            "POST",
            "/api/webhooks/register",
            json!({"name": "x".repeat(201), "sync_config_id": 1, "connector_id": 1,
                   "event_types": vec!["*"; 1_000]}),
            vec!["/event_types", "/name"],
        ),
        (
            "POST",
            "/api/webhooks/register",
            json!({"name": "n", "sync_config_id": 1, "connector_id": 99}),
            vec!["/connector_id"],
        ),
        (
            "POST",
            "/api/webhooks/register",
            json!({"name": "", "sync_config_id": 1, "connector_id": 99, "event_types": ["nosuch"],
                   "auth_mode": "trust", "secret": "short", "metadata": []}),
            vec!["/auth_mode", "/connector_id", "/metadata", "/name", "/secret"],
        ),
        ("PUT", "/api/webhooks/1", json!({"event_types": []}), vec!["/event_types"]),
        (
            "PUT",
            "/api/webhooks/1",
            json!({"name": "", "event_types": ["nosuch"], "auth_mode": "trust", "is_active": "no",
                   "metadata": {"header_name": 7}}),
            vec!["/auth_mode", "/event_types", "/is_active", "/metadata/header_name", "/name"],
        ),
        (
            "POST",
            "/api/webhooks/1/rotate-secret",
            json!({"grace_seconds": 604_801, "revoke_old": "x", "secret": "short"}),
            vec!["/grace_seconds", "/revoke_old", "/secret"],
        ),
        (
            "POST",
            "/api/notifications",
            json!({"notification_type": "email", "event_triggers": ["sync_failed"],
                   "recipients": ["nobody", "a@example.com", "b@example.com\r\nBcc: c@example.com", 7],
                   "settings": {"max_per_hour": 0, "only_changes": "x"}}),
            vec![
                "/recipients/0",
                "/recipients/2",
                "/recipients/3",
                "/settings/max_per_hour",
                "/settings/only_changes",
            ],
        ),
        (
            "PUT",
            "/api/sync-configs/1",
            json!({"options": {"jitter_seconds": 86_401, "sync_comments": "x", "concurrency": -1}}),
            vec!["/options/concurrency", "/options/jitter_seconds", "/options/sync_comments"],
        ),
        (
            "POST",
            "/api/notifications",
            json!({"sync_config_id": "x", "event_triggers": ["sync_failed", "nosuch", 7], "settings": [],
                   "notification_type": "pigeon", "recipients": ["a"], "is_active": "no"}),
            vec![
                "/event_triggers/1",
                "/event_triggers/2",
                "/is_active",
                "/notification_type",
                "/settings",
                "/sync_config_id",
            ],
        ),
        (
            "POST",
            "/api/notifications",
            json!({"notification_type": "email", "event_triggers": [],
                   "recipients": ["ops@example.com", "nobody", "a@b\r\nBcc: x@y.z", 7, " "]}),
            vec![
                "/event_triggers",
                "/recipients/1",
                "/recipients/2",
                "/recipients/3",
                "/recipients/4",
            ],
        ),
        (
            "POST",
            "/api/notifications",
            json!({"notification_type": "email", "event_triggers": ["sync_failed"],
                   "recipients": ["ops@example.com", "nobody", "a@b", format!("{}@example.com", "x".repeat(250))]}),
            vec!["/recipients/1", "/recipients/2", "/recipients/3"],
        ),
        (
            "POST",
            "/api/notifications",
            json!({"notification_type": "slack", "event_triggers": ["sync_failed"],
                   "recipients": vec!["https://hooks.example/x"; 51], "settings": {"secret": 7}}),
            vec!["/recipients", "/settings/secret"],
        ),
        (
            "POST",
            "/api/notifications",
            json!({}),
            vec!["/event_triggers", "/notification_type", "/recipients"],
        ),
        ("PUT", "/api/notifications/1", json!({"notification_type": "slack"}), vec!["/recipients"]),
        ("POST", "/api/notifications/test", json!({}), vec!["/recipients"]),
        (
            "POST",
            "/api/notifications/test",
            json!({"recipients": vec!["ops@example.com"; 11], "notification_type": "email"}),
            vec!["/recipients"],
        ),
        ("PUT", "/api/settings/nosuch", json!({"value": 1}), vec!["/nosuch"]),
        ("PUT", "/api/settings/execution_retention_days", json!({}), vec!["/value"]),
        ("PUT", "/api/settings/execution_retention_days", json!({"value": 0}), vec!["/value"]),
        ("PUT", "/api/metadata/fields/1", json!({}), vec!["/is_enabled"]),
        ("POST", "/api/execute/test-mapping", json!({}), vec!["/sample_source_item"]),
    ] {
        let seen = house.send(method, target, &[], Some(&body)).await;
        assert_eq!(seen.status, 400, "{target} {}", seen.text());
        let details = seen.json()["details"].clone();
        let mut got: Vec<&str> =
            details.as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
        got.sort_unstable();
        got.dedup();
        assert_eq!(got, paths, "{target} {}", seen.text());
    }
}

#[tokio::test]
async fn a_missing_part_of_a_connector_is_told_with_what_there_is() {
    let house = House::new().await;
    let seen = house.post("/api/connectors", &json!({"name": "a"})).await;
    assert_eq!(seen.status, 400);
    assert!(
        seen.json()["required"].as_array().is_some_and(|all| all.len() == 5),
        "{}",
        seen.text()
    );
    let body = json!({
        "name": "a", "connector_type": "nosuch", "base_url": "https://x.example", "auth_type": "none"
    });
    let seen = house.post("/api/connectors", &body).await;
    assert_eq!(seen.json()["available_types"], json!(["fakebugs", "fakedesk"]), "{}", seen.text());
}

#[tokio::test]
async fn unknown_and_server_set_fields_change_nothing_and_are_told() {
    let house = House::furnished().await;
    let extra = json!({
        "id": 99, "secret": "x", "created_at": "2001-01-01T00:00:00Z", "version": 99, "needs_full": true,
        "last_check": {"ok": true}, "sealed_credentials": "AAAA", "wibble": 1
    });
    let told = |route: &Route, warnings: &[String], keys: &[&str]| {
        for key in keys {
            assert!(
                warnings.iter().any(|line| {
                    line.contains(&format!("/{key} is unknown"))
                        || line.contains(&format!("/{key} was ignored"))
                }),
                "{} {}: {key} is not in {warnings:?}",
                route.method,
                route.path
            );
        }
    };
    let mut has_conflict = false;
    for route in routes().into_iter().filter(|route| route.body.is_some()) {
        // Not before: what has pairs refuses to move.
        if route.path.starts_with("/api/conflicts") && !std::mem::replace(&mut has_conflict, true) {
            house.add_conflict().await;
        }
        // Settings are keys themselves: unknown ones are refused.
        if route.path == "/api/settings" {
            continue;
        }
        let mut body = route.body.clone().unwrap();
        if route.path.ends_with("synced-items/{configId}") {
            let fields = json!({"subject": "a copy"});
            body["target_item_id"] = json!(house.desk.create_as("ada", "request", fields));
        }
        if route.path.starts_with("/api/jobs/{jobId}") {
            house.note_job_run(1).await;
        }
        let mut extra = extra.as_object().cloned().unwrap();
        let mut keys = vec!["secret", "created_at", "version", "wibble"];
        if route.path.contains("/webhooks/register") || route.path.contains("/rotate-secret") {
            // There one may bring a secret along.
            extra.remove("secret");
            keys.retain(|key| *key != "secret");
        }
        body.as_object_mut().unwrap().extend(extra);
        let seen = house.send(route.method, &route.target(), &[], Some(&body)).await;
        assert!(seen.status < 300, "{} {}", route.path, seen.text());
        if !route.path.contains("mappings") {
            keys.push("id");
        }
        told(&route, &seen.warnings(), &keys);
    }
    let config = house.get("/api/sync-configs/1").await.json()["sync_config"].clone();
    assert_eq!(config["id"], 1);
    assert_ne!(config["version"], 99);
    assert_ne!(config["created_at"], "2001-01-01T00:00:00.000Z");
    let connector = house.get("/api/connectors/1").await.json()["connector"].clone();
    assert_eq!(connector["last_check"], Value::Null);
    assert_eq!(house.get(&fill("/api/connectors/99")).await.status, 404);
}
