//! Every field that the document names in a body is really read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{House, fill};

fn rule() -> Value {
    json!({
        "source_field_id": 1, "source_field_ids": [1], "target_field_id": 24, "type_mapping_id": 1,
        "mapping_type": "transformation", "transformation": "trim", "constant_value": "c", "expression": "value",
        "value_map": {"*": "x"}, "direction": "forward", "when": "always", "default_value": "d",
        "conflict_resolution": "manual"
    })
}

fn pair() -> Value {
    json!({
        "source_type_id": 1, "target_type_id": 3, "suggest": false, "field_mappings": [rule()],
        "status_mappings": [{"source_status_id": 1, "target_status_id": 11}]
    })
}

fn config(name: &str) -> Value {
    json!({
        "name": name, "source_connector_id": 1, "target_connector_id": 2, "description": "d",
        "direction": "one_way", "trigger_type": "scheduled", "schedule_cron": "0 9 * * 1-5", "timezone": "Europe/Berlin",
        "conflict_resolution": "manual", "sync_filter": {"types": ["Bug"]}, "target_filter": {"statuses": ["Open"]},
        "is_active": 1, "type_mappings": [pair()],
        "options": {
            "sync_comments": true, "include_comment_metadata": false, "sync_links": true, "sync_attachments": true,
            "sync_inline_images": false,
            "attachments_max_bytes": 1000, "sync_only_changed": false, "create_only": false, "update_existing": true,
            "target_edits": "keep", "external_id_field": "reference",
            "match_existing": {"source_field": "title", "target_field": "subject", "on_many": "skip"},
            "source_delete_policy": "close", "target_delete_policy": "ignore", "tie_window_seconds": 3,
            "max_writes_per_run": 10, "max_updates": 10, "max_deletes": 1, "max_delete_percent": 5,
            "require_plan": "on_mapping_change",
            "missed_runs": "skip", "overlap": "queue", "jitter_seconds": 5, "concurrency": 2,
            "census_every_hours": 12
        }
    })
}

fn connector(name: &str) -> Value {
    json!({
        "name": name, "connector_type": "fakebugs", "base_url": "https://b.example/", "endpoint": "p",
        "auth_type": "pat", "credentials": {"token": "t"}, "credential_expires_at": "2027-02-12",
        "metadata": {"api_version": "7.1"}
    })
}

/// A body for each route that takes one, with every field.
fn whole() -> Vec<(&'static str, &'static str, Value)> {
    let mut change = connector("Renamed");
    change["is_active"] = json!(true);
    change["force"] = json!(false);
    change["connector_type"] = json!("fakebugs");
    let test = json!({
        "name": "new", "direction": "source_to_target", "occasion": "update", "compare": "named",
        "item": {"id": "1", "type": "Bug", "title": "T", "status": "New", "fields": {}},
        "expected": {"type": "Request", "status": "open", "fields": {}}
    });
    let run = json!({
        "work_item_ids": ["1", 2], "full": false, "limit": 10, "dry_run": true, "direction": "source-to-target",
        "wait": true
    });
    let sample = json!({
        "id": 7, "type": "Bug", "title": "t", "status": "New", "fields": {"title": "t"}
    });
    let mut other = pair();
    other["source_type_id"] = json!(2);
    other["field_mappings"][0]["source_field_id"] = json!(12);
    other["field_mappings"][0]["source_field_ids"] = json!([12]);
    other["status_mappings"][0]["source_status_id"] = json!(6);
    vec![
        ("POST", "/api/connectors", connector("New")),
        ("POST", "/api/connectors/test", connector("New")),
        ("PUT", "/api/connectors/{id}", change),
        (
            "PUT",
            "/api/metadata/work-item-types/{id}",
            json!({"is_enabled": 1, "enabled_for_sync": 1}),
        ),
        ("PUT", "/api/metadata/fields/{id}", json!({"is_enabled": 1, "enabled_for_sync": 1})),
        ("PUT", "/api/metadata/statuses/{id}", json!({"is_enabled": 1, "enabled_for_sync": 1})),
        ("POST", "/api/sync-configs", config("Whole")),
        ("PUT", "/api/sync-configs/{id}", config("Bugs to desk")),
        ("POST", "/api/sync-configs/{id}/clone", json!({"name": "Copy"})),
        (
            "PUT",
            "/api/sync-configs/{id}/user-map",
            json!({"entries": [{"source": "a", "target": "b"}], "by": ["email", "login", "name"], "default": "x"}),
        ),
        ("POST", "/api/sync-configs/{id}/field-mappings", rule()),
        ("PUT", "/api/sync-configs/{id}/field-mappings/{mid}", rule()),
        (
            "POST",
            "/api/sync-configs/{id}/status-mappings",
            json!({"source_status_id": 5, "target_status_id": 14}),
        ),
        ("POST", "/api/execute/sync/{configId}", run.clone()),
        ("POST", "/api/execute/preview/{configId}", run),
        (
            "POST",
            "/api/execute/apply/{planId}",
            json!({"wait": true, "ignore_mapping_tests": true}),
        ),
        ("POST", "/api/sync-configs/{id}/mapping-tests", test.clone()),
        ("PUT", "/api/sync-configs/{id}/mapping-tests/{testId}", {
            let mut changed = test;
            changed["name"] = json!("changed");
            changed
        }),
        (
            "POST",
            "/api/sync-configs/{id}/mapping-tests/run",
            json!({"mapping_test_ids": [1], "trace": true}),
        ),
        (
            "POST",
            "/api/sync-configs/{id}/mapping-tests/capture",
            json!({
                "name": "captured", "item_id": "1", "side": "source", "delivery_id": 1,
                "mask": true, "mask_fields": ["title"], "occasion": "update",
                "compare": "all"
            }),
        ),
        ("POST", "/api/webhooks/deliveries/{id}/replay", json!({"mode": "now", "dry_run": true})),
        ("POST", "/api/jobs/{jobId}/replay", json!({"mode": "as_it_was"})),
        (
            "POST",
            "/api/execute/test-mapping",
            json!({
                "source_connector_id": 1, "target_connector_id": 2, "type_mappings": [pair()],
                "sample_source_item": sample, "item_id": "1"
            }),
        ),
        (
            "POST",
            "/api/execute/synced-items/{configId}",
            json!({"source_item_id": 1, "target_item_id": "5001"}),
        ),
        (
            "PUT",
            "/api/settings",
            json!({
                "max_concurrent_syncs": 4, "sync_batch_size": 100, "execution_retention_days": 30, "delivery_retention_days": 30,
                "job_retention_days": 7, "audit_retention_days": 400, "job_history_limit": 50, "conflict_resolution_default": "manual",
                "smtp_host": "mail.example", "smtp_port": 465, "smtp_secure": 1, "smtp_tls": "required",
                "smtp_user": "u", "smtp_pass": "p", "smtp_from": "Sync <sync@example.com>"
            }),
        ),
        (
            "POST",
            "/api/scheduler/schedule/{configId}",
            json!({"schedule_cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}),
        ),
        (
            "POST",
            "/api/jobs/queue/{configId}",
            json!({
                "work_item_ids": ["1", 2], "dry_run": true, "full": false, "direction": "source-to-target",
                "priority": -5, "run_at": "2026-02-01T00:00:00Z"
            }),
        ),
        (
            "POST",
            "/api/webhooks/register",
            json!({
                "name": "Whole", "sync_config_id": 1, "connector_id": 2, "event_types": ["bug.opened"],
                "metadata": {"header_name": "X-Token"}, "auth_mode": "header-token",
                "secret": "0123456789abcdef01234567"
            }),
        ),
        (
            "PUT",
            "/api/webhooks/{id}",
            json!({
                "name": "Hook", "event_types": ["*"], "metadata": {}, "auth_mode": "github", "is_active": 1
            }),
        ),
        ("POST", "/api/webhooks/{id}/test", json!({"item_id": 1})),
        (
            "POST",
            "/api/webhooks/{id}/rotate-secret",
            json!({"grace_seconds": 60, "secret": "0123456789abcdef01234567", "revoke_old": true}),
        ),
        (
            "POST",
            "/api/conflicts/{id}/resolve",
            json!({
                "resolved_value": "Text", "rationale": "agreed by mail", "resolved_by": "ada",
                "apply_immediately": 0
            }),
        ),
        (
            "POST",
            "/api/conflicts/{id}/resolve",
            json!({
                "use": "target", "rationale": "theirs is newer", "resolved_by": "ada",
                "apply_immediately": false
            }),
        ),
        ("POST", "/api/conflicts/{id}/resolve-auto", json!({"strategy": "target-priority"})),
        (
            "POST",
            "/api/conflicts/resolve-batch",
            json!({"conflict_ids": [1], "strategy": "source-priority"}),
        ),
        (
            "POST",
            "/api/notifications",
            json!({
                "sync_config_id": 1, "notification_type": "webhook", "event_triggers": ["sync_failed"],
                "recipients": ["https://hooks.example/x"], "settings": {"secret": "s"}, "is_active": true
            }),
        ),
        (
            "PUT",
            "/api/notifications/{id}",
            json!({
                "sync_config_id": null, "notification_type": "email", "event_triggers": ["sync_failed"],
                "recipients": ["ops@example.com"], "settings": {}, "is_active": true
            }),
        ),
        (
            "POST",
            "/api/notifications/test",
            json!({
                "recipients": ["https://hooks.example/x"], "notification_type": "teams", "settings": {}
            }),
        ),
        ("PUT", "/api/settings/{key}", json!({"value": 30})),
        ("POST", "/api/sync-configs/{id}/type-mappings", other),
    ]
}

/// The paths of all properties, with lists and objects inside.
fn documented(house: &House, schema: &Value, at: &str, all: &mut BTreeSet<String>) {
    for (name, part) in house.contract.properties(schema) {
        let path = format!("{at}/{name}");
        documented(house, &part, &path, all);
        documented(house, &part["items"], &path, all);
        all.insert(path);
    }
}

fn sent(body: &Value, at: &str, all: &mut BTreeSet<String>) {
    match body {
        Value::Object(map) => {
            for (name, part) in map {
                let path = format!("{at}/{name}");
                sent(part, &path, all);
                all.insert(path);
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| sent(part, at, all)),
        _ => {}
    }
}

#[tokio::test]
async fn every_documented_field_is_read() {
    let house = House::furnished().await;
    house.desk.create_as("ada", "request", json!({"subject": "a copy"}));
    let mut has_conflict = false;
    let mut covered = BTreeSet::new();
    // What is about conflicts comes last: it needs a pair, and what has pairs refuses to move.
    let (conflicts, rest): (Vec<_>, Vec<_>) =
        whole().into_iter().partition(|(_, path, _)| path.starts_with("/api/conflicts"));
    for (method, path, body) in rest.into_iter().chain(conflicts) {
        if path.starts_with("/api/conflicts") && !std::mem::replace(&mut has_conflict, true) {
            house.add_conflict().await;
        }
        let operation = &house.contract.document["paths"][path][method.to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let (mut wanted, mut given) = (BTreeSet::new(), BTreeSet::new());
        documented(&house, schema, "", &mut wanted);
        sent(&body, "", &mut given);
        if path.ends_with("/test-mapping") {
            // Either a saved configuration or all of the others: the table of routes sends the first.
            wanted.remove("/sync_config_id");
        }
        if path.ends_with("/capture") {
            // Either a delivery or a run.
            wanted.remove("/execution_id");
        }
        if path.starts_with("/api/jobs/{jobId}") {
            house.note_job_run(1).await;
        }
        if path.ends_with("/resolve") {
            // Either somebody's value or one of one's own: the table has a line for each.
            wanted.retain(|at| {
                given.contains(at) || !["/use", "/resolved_value"].contains(&at.as_str())
            });
        }
        let missing: Vec<_> = wanted.difference(&given).collect();
        assert!(missing.is_empty(), "{method} {path}: this test does not send {missing:?}");
        // Ids go on from those of the replaced rules.
        let target = if path.contains("{mid}") {
            let config = house.get("/api/sync-configs/1").await.json();
            let id = config["sync_config"]["field_mappings"][0]["id"].clone();
            path.replace("{id}", "1").replace("{mid}", &id.to_string())
        } else {
            fill(path)
        };
        let seen = house.send(method, &target, &[], Some(&body)).await;
        assert!(seen.status < 300, "{method} {path} {}", seen.text());
        let ignored: Vec<_> =
            seen.warnings().into_iter().filter(|line| line.contains("ignored")).collect();
        assert!(ignored.is_empty(), "{method} {path}: {ignored:?}");
        covered.insert(format!("{method} {path}"));
    }
    for (method, path, operation) in house.contract.operations() {
        let takes = operation["requestBody"].is_object();
        assert_eq!(takes, covered.contains(&format!("{method} {path}")), "{method} {path}");
    }
}

#[tokio::test]
async fn unknown_fields_are_told_however_deep() {
    let house = House::furnished().await;
    let mut body = config("Deep");
    body["type_mappings"][0]["odd"] = json!(1);
    body["type_mappings"][0]["field_mappings"][0]["odd"] = json!(1);
    body["type_mappings"][0]["status_mappings"][0]["odd"] = json!(1);
    body["options"]["odd"] = json!(1);
    body["options"]["match_existing"]["odd"] = json!(1);
    let seen = house.post("/api/sync-configs", &body).await;
    assert_eq!(seen.status, 201, "{}", seen.text());
    let mut told: Vec<String> =
        seen.warnings().into_iter().filter(|line| line.contains("odd is unknown")).collect();
    told.sort();
    let places: Vec<&str> = told.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        places,
        [
            "/options/match_existing/odd",
            "/options/odd",
            "/type_mappings/0/field_mappings/0/odd",
            "/type_mappings/0/odd",
            "/type_mappings/0/status_mappings/0/odd",
        ]
    );
}
