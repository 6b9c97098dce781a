//! What the document takes for granted: two connectors and configuration 1, "Azure Bugs to ServiceDesk".

use serde_json::{Value, json};
use syncline_sandbox::{AzureDevOps, RunningSandbox, SandboxOptions, ServiceDeskPlus};

use crate::server::Server;
use std::sync::Arc;

/// The two trackers, on the server's clock.
pub(crate) struct Trackers {
    pub(crate) azure: RunningSandbox,
    pub(crate) desk: RunningSandbox,
}

pub(crate) async fn trackers(server: &Server) -> Trackers {
    let options = |items| SandboxOptions::new(Arc::new(server.clock.clone())).items(items);
    let azure = AzureDevOps::start(options(10)).await.unwrap();
    let desk = ServiceDeskPlus::start(options(0)).await.unwrap();
    let trackers = Trackers { azure, desk };
    let mut types = Vec::new();
    for (name, sandbox, kind) in
        [("Azure", &trackers.azure, "Bug"), ("Service desk", &trackers.desk, "Incident")]
    {
        let info = sandbox.info();
        let body = json!({
            "name": name, "connector_type": info.connector_type, "base_url": info.base_url,
            "endpoint": info.endpoint, "auth_type": info.auth_type,
            "credentials": info.credentials, "metadata": info.metadata
        });
        let made = server.post("/api/connectors", Some(&body.to_string())).await;
        let id = &made["connector_id"];
        server.post(&format!("/api/connectors/{id}/discover"), None).await;
        let found = server.get(&format!("/api/metadata/work-item-types?connector_id={id}")).await;
        let found = found["work_item_types"].as_array().unwrap().clone();
        let found = found.into_iter().find(|row| row["type_name"] == kind).unwrap();
        types.push(found["id"].clone());
    }
    let body = json!({
        "name": "Azure Bugs to ServiceDesk", "source_connector_id": 1, "target_connector_id": 2,
        "type_mappings": [{
            "source_type_id": types[0], "target_type_id": types[1], "suggest": true
        }]
    });
    let made = server.post("/api/sync-configs", Some(&body.to_string())).await;
    assert_eq!(made["sync_config_id"], 1);
    trackers
}

/// The fields of an object, which must all be there.
#[track_caller]
pub(crate) fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no {field} in {value}");
    }
}
