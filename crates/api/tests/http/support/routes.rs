//! Every route there is, with what it takes to use it. A route without a line here fails the tests.

use serde_json::{Value, json};
use syncline_domain::Role;

/// A route, who may use it, and a body that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// The least role; `None` is open to everybody.
    pub(crate) role: Option<Role>,
    /// A key that is limited to configuration 1 may use it there.
    pub(crate) scoped: bool,
    /// A good body, where it takes one.
    pub(crate) body: Option<Value>,
    /// What is asked for in the query.
    pub(crate) query: &'static str,
}

/// Puts ids that exist in a furnished house into a path.
pub(crate) fn fill(path: &str) -> String {
    path.replace("{mid}", "1")
        .replace("{item_id}", "1")
        .replace("{sourceId}", "s1")
        .replace("{jobId}", super::JOB)
        .replace("{key}", "execution_retention_days")
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

fn route(method: &'static str, path: &'static str, role: Role) -> Route {
    Route { method, path, role: Some(role), scoped: true, body: None, query: "" }
}

impl Route {
    fn open(mut self) -> Self {
        self.role = None;
        self
    }

    fn unscoped(mut self) -> Self {
        self.scoped = false;
        self
    }

    fn takes(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    fn asks(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// The path with ids in it, and the query.
    pub(crate) fn target(&self) -> String {
        format!("{}{}", fill(self.path), self.query)
    }
}

/// Every route. Those that take things away come last.
pub(crate) fn routes() -> Vec<Route> {
    use Role::{Admin, Operator, Viewer};
    let connector = super::rig::connector_body("Third", "fakebugs");
    let config = super::rig::config_body("Second");
    let field = json!({"source_field_id": 1, "target_field_id": 24, "mapping_type": "direct"});
    let trial = json!({
        "sync_config_id": 1,
        "sample_source_item": {"id": "7", "type": "Bug", "fields": {"title": "T"}}
    });
    let hook = json!({"name": "Other", "sync_config_id": 1, "connector_id": 2});
    let notified = json!({
        "sync_config_id": 1, "notification_type": "email", "event_triggers": ["sync_failed"],
        "recipients": ["ops@example.com"]
    });
    let tried = json!({"recipients": ["https://hooks.example/x"], "notification_type": "slack"});
    let sample = json!({
        "name": "other", "direction": "source_to_target",
        "item": {"type": "Bug", "fields": {"title": "T"}}, "expected": {"type": "Request"}
    });
    vec![
        route("GET", "/health", Viewer).open(),
        route("GET", "/healthz", Viewer).open(),
        route("GET", "/readyz", Viewer).open(),
        route("GET", "/api/openapi.json", Viewer).open(),
        route("GET", "/api/connectors", Viewer),
        route("GET", "/api/connectors/types/available", Viewer),
        route("GET", "/api/connectors/{id}", Viewer),
        route("GET", "/api/connectors/{id}/items", Viewer),
        route("GET", "/api/connectors/{id}/items/{item_id}", Viewer),
        route("POST", "/api/connectors", Admin).unscoped().takes(connector.clone()),
        route("POST", "/api/connectors/test", Operator).unscoped().takes(connector),
        route("PUT", "/api/connectors/{id}", Admin).unscoped().takes(json!({"is_active": true})),
        route("POST", "/api/connectors/{id}/test", Operator),
        route("POST", "/api/connectors/{id}/discover", Operator),
        route("GET", "/api/metadata/work-item-types", Viewer).asks("?connector_id=1"),
        route("GET", "/api/metadata/fields", Viewer).asks("?connector_id=1"),
        route("GET", "/api/metadata/statuses", Viewer).asks("?connector_id=1"),
        route("GET", "/api/metadata/suggest-mappings", Viewer)
            .asks("?source_connector_id=1&source_type_id=1&target_connector_id=2&target_type_id=3"),
        route("PUT", "/api/metadata/work-item-types/{id}", Admin)
            .unscoped()
            .takes(json!({"is_enabled": true})),
        route("PUT", "/api/metadata/fields/{id}", Admin)
            .unscoped()
            .takes(json!({"is_enabled": true})),
        route("PUT", "/api/metadata/statuses/{id}", Admin)
            .unscoped()
            .takes(json!({"is_enabled": true})),
        route("GET", "/api/transformations", Viewer),
        route("GET", "/api/sync-configs", Viewer),
        route("GET", "/api/sync-configs/{id}", Viewer),
        route("GET", "/api/sync-configs/{id}/user-map", Viewer),
        route("GET", "/api/sync-configs/{id}/drift", Viewer),
        route("POST", "/api/sync-configs/{id}/drift/{driftId}/apply", Admin),
        route("POST", "/api/sync-configs", Admin).unscoped().takes(config),
        route("PUT", "/api/sync-configs/{id}", Admin).takes(json!({"description": "d"})),
        route("PUT", "/api/sync-configs/{id}/user-map", Admin).takes(json!({"by": ["email"]})),
        route("POST", "/api/sync-configs/{id}/clone", Admin).unscoped().takes(json!({"name": "C"})),
        route("POST", "/api/sync-configs/{id}/type-mappings", Admin)
            .takes(json!({"source_type_id": 2, "target_type_id": 3})),
        route("POST", "/api/sync-configs/{id}/field-mappings", Admin).takes(field.clone()),
        route("PUT", "/api/sync-configs/{id}/field-mappings/{mid}", Admin).takes(field),
        route("POST", "/api/sync-configs/{id}/status-mappings", Admin)
            .takes(json!({"source_status_id": 1, "target_status_id": 14})),
        route("GET", "/api/sync-configs/{id}/mapping-tests", Viewer),
        route("GET", "/api/sync-configs/{id}/mapping-tests/{testId}", Viewer),
        route("POST", "/api/sync-configs/{id}/mapping-tests", Admin).takes(sample),
        route("POST", "/api/sync-configs/{id}/mapping-tests/run", Operator)
            .takes(json!({"trace": true})),
        route("POST", "/api/sync-configs/{id}/mapping-tests/capture", Admin)
            .takes(json!({"item_id": "1", "side": "source"})),
        route("PUT", "/api/sync-configs/{id}/mapping-tests/{testId}", Admin).takes(json!({
            "name": "changed", "direction": "source_to_target",
            "item": {"type": "Bug", "fields": {"title": "T"}}, "expected": {"type": "Request"}
        })),
        route("POST", "/api/execute/sync/{configId}", Operator).takes(json!({})),
        route("POST", "/api/execute/preview/{configId}", Operator).takes(json!({})),
        route("GET", "/api/execute/plans", Viewer).asks("?sync_config_id=1"),
        route("GET", "/api/execute/plans/{planId}", Viewer),
        route("POST", "/api/execute/apply/{planId}", Operator).takes(json!({"wait": true})),
        route("POST", "/api/execute/census/{configId}", Operator),
        route("GET", "/api/execute/census/{configId}", Viewer),
        route("POST", "/api/execute/validate/{configId}", Operator),
        route("POST", "/api/execute/test-mapping", Operator).takes(trial),
        route("GET", "/api/executions", Viewer),
        route("GET", "/api/execute/history/{configId}", Viewer),
        route("GET", "/api/execute/status/{executionId}", Viewer),
        route("GET", "/api/execute/items/{executionId}", Viewer),
        route("GET", "/api/execute/events/{executionId}", Viewer),
        route("POST", "/api/execute/cancel/{executionId}", Operator),
        route("POST", "/api/execute/retry/{executionId}", Operator),
        route("GET", "/api/execute/synced-items/{configId}", Viewer),
        route("POST", "/api/execute/synced-items/{configId}", Operator)
            .takes(json!({"source_item_id": "1", "target_item_id": "5001"})),
        route("GET", "/api/items/{configId}/{sourceId}/history", Viewer),
        route("GET", "/api/items/{configId}/{sourceId}/explain", Viewer).asks("?field=subject"),
        route("GET", "/api/scheduler/status", Viewer),
        route("POST", "/api/scheduler/start", Operator).unscoped(),
        route("POST", "/api/scheduler/stop", Operator).unscoped(),
        route("POST", "/api/scheduler/schedule/{configId}", Operator)
            .takes(json!({"schedule_cron": "0 * * * *"})),
        route("GET", "/api/scheduler/next/{configId}", Viewer),
        route("GET", "/api/scheduler/preview", Viewer).asks("?cron=@hourly"),
        route("GET", "/api/scheduler/occurrences/{configId}", Viewer),
        route("POST", "/api/scheduler/unschedule/{configId}", Operator),
        route("GET", "/api/jobs", Viewer),
        route("GET", "/api/jobs/queue", Viewer),
        route("POST", "/api/jobs/queue/{configId}", Operator).takes(json!({})),
        route("GET", "/api/jobs/status/{jobId}", Viewer),
        route("POST", "/api/jobs/{jobId}/cancel", Operator),
        route("POST", "/api/jobs/{jobId}/retry", Operator),
        route("POST", "/api/jobs/{jobId}/replay", Operator).takes(json!({"mode": "now"})),
        route("POST", "/api/webhooks/receive/{token}", Viewer).open(),
        route("GET", "/api/webhooks", Viewer),
        route("POST", "/api/webhooks/register", Admin).takes(hook),
        route("GET", "/api/webhooks/{id}", Viewer),
        route("PUT", "/api/webhooks/{id}", Admin).takes(json!({"name": "Hook"})),
        route("GET", "/api/webhooks/{id}/setup", Viewer),
        route("GET", "/api/webhooks/{id}/deliveries", Viewer),
        route("POST", "/api/webhooks/{id}/test", Operator).takes(json!({})),
        route("GET", "/api/webhooks/deliveries/{id}", Viewer),
        route("POST", "/api/webhooks/deliveries/{id}/replay", Operator)
            .takes(json!({"dry_run": false})),
        route("POST", "/api/webhooks/{id}/rotate-secret", Admin).takes(json!({"grace_seconds": 0})),
        route("POST", "/api/webhooks/{id}/revoke-old-secrets", Admin),
        route("GET", "/api/notifications", Viewer),
        route("POST", "/api/notifications", Admin).takes(notified),
        route("GET", "/api/notifications/{id}", Viewer),
        route("PUT", "/api/notifications/{id}", Admin).takes(json!({"is_active": true})),
        route("POST", "/api/notifications/test", Operator).unscoped().takes(tried),
        route("GET", "/api/conflicts", Viewer),
        route("GET", "/api/conflicts/stats/{configId}", Viewer),
        route("GET", "/api/conflicts/{id}", Viewer),
        route("POST", "/api/conflicts/{id}/resolve", Operator)
            .takes(json!({"use": "source", "apply_immediately": false})),
        route("POST", "/api/conflicts/{id}/resolve-auto", Operator)
            .takes(json!({"strategy": "source-priority"})),
        route("POST", "/api/conflicts/resolve-batch", Operator)
            .takes(json!({"conflict_ids": [1], "strategy": "source-priority"})),
        route("POST", "/api/conflicts/{id}/ignore", Operator),
        route("POST", "/api/settings/test-smtp", Operator).unscoped(),
        route("GET", "/api/settings", Viewer),
        route("GET", "/api/settings/{key}", Viewer),
        route("PUT", "/api/settings", Admin)
            .unscoped()
            .takes(json!({"execution_retention_days": 30})),
        route("PUT", "/api/settings/{key}", Admin).unscoped().takes(json!({"value": 30})),
        route("DELETE", "/api/notifications/{id}", Admin),
        route("DELETE", "/api/webhooks/{id}", Admin),
        route("DELETE", "/api/execute/synced-items/{configId}/{pairId}", Operator),
        route("DELETE", "/api/sync-configs/{id}/mapping-tests/{testId}", Admin),
        route("DELETE", "/api/sync-configs/{id}/status-mappings/{mid}", Admin),
        route("DELETE", "/api/sync-configs/{id}/field-mappings/{mid}", Admin),
        route("DELETE", "/api/sync-configs/{id}/type-mappings/{mid}", Admin),
        route("DELETE", "/api/sync-configs/{id}", Admin),
        route("DELETE", "/api/connectors/{id}", Admin).unscoped(),
    ]
}
