//! The product with a database of its own, as the program wires it.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_app::{App, AppParts, Caller, RunAsked};
use syncline_connectors::Connectors;
use syncline_domain::ports::{Clock, Store};
use syncline_domain::{ConfigId, ConnectorId, Execution, ExecutionStatus, ItemState};
use syncline_engine::{SystemClock, SystemRng};
use syncline_outbound::{AddressPolicy, Outbound, OutboundConfig};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_vault::{KeyRing, Vault, new_key_text};

pub struct House {
    pub app: App,
    pub me: Caller,
    _folder: tempfile::TempDir,
}

impl House {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let url = format!("sqlite:{}", folder.path().join("syncline.db").display());
        let store: Arc<dyn Store> =
            Storage::open(&DatabaseConfig::new(&url), Arc::clone(&clock)).unwrap();
        let config = OutboundConfig::new(AddressPolicy::connectors(true));
        let outbound =
            Outbound::new(config, Arc::clone(&clock), Arc::new(SystemRng::new())).unwrap();
        let ring = KeyRing::parse("test", &new_key_text().unwrap()).unwrap();
        let factory = Arc::new(Connectors::new(outbound, clock));
        let app = App::new(AppParts::of_machine(store, factory, Arc::new(Vault::new(ring))));
        Self { app, me: Caller::command_line(), _folder: folder }
    }

    /// Registers, tests and discovers a tracker.
    pub async fn connect(&self, body: Value) -> ConnectorId {
        let id = self.app.create_connector(&self.me, body).await.unwrap().id;
        let checks = self.app.test_connector(&self.me, id).await.unwrap();
        assert!(checks.iter().all(|check| check.ok), "{checks:?}");
        self.app.discover(&self.me, id).await.unwrap();
        id
    }

    /// The id of a type by its name.
    pub async fn type_id(&self, connector: ConnectorId, name: &str) -> i64 {
        let types = self.app.types(&self.me, connector, false).await.unwrap();
        let found = types.iter().find(|row| row.type_name == name);
        found.unwrap_or_else(|| panic!("no type {name} in {types:?}")).id.0
    }

    /// A configuration over pairs of type names, mapped by suggestions, with comments.
    pub async fn configure(
        &self,
        source: ConnectorId,
        target: ConnectorId,
        types: &[(&str, &str)],
    ) -> ConfigId {
        self.configure_as(source, target, types, json!({})).await
    }

    /// The same, with these words in its body besides.
    pub async fn configure_as(
        &self,
        source: ConnectorId,
        target: ConnectorId,
        types: &[(&str, &str)],
        more: Value,
    ) -> ConfigId {
        let mut pairs = Vec::new();
        for (from, to) in types {
            pairs.push(json!({
                "source_type_id": self.type_id(source, from).await,
                "target_type_id": self.type_id(target, to).await,
                "suggest": true
            }));
        }
        let mut body = json!({
            "name": format!("{source} to {target}"), "source_connector_id": source,
            "target_connector_id": target, "type_mappings": pairs,
            "options": {"sync_comments": true}
        });
        let words = body.as_object_mut().unwrap();
        words.extend(more.as_object().cloned().unwrap_or_default());
        self.app.create_config(&self.me, body).await.unwrap().id
    }

    /// Runs to the end; every item must be well.
    pub async fn run(&self, config: ConfigId) -> Execution {
        let started = self.app.start_run(&self.me, config, RunAsked::default()).await.unwrap();
        let run = started.ended.await.unwrap();
        if run.status != ExecutionStatus::Completed {
            let (items, _) = self.app.outcomes_for_reply(run.id).await.unwrap();
            let bad: Vec<_> = items.iter().filter(|item| item.error.is_some()).take(3).collect();
            panic!("{:?} {:?} {bad:#?}", run.error, run.totals);
        }
        run
    }

    /// Shows what waits, and why.
    pub async fn assert_none_waits(&self, run: &Execution) {
        let (items, _) = self.app.outcomes_for_reply(run.id).await.unwrap();
        let waiting: Vec<_> =
            items.iter().filter(|item| item.state == ItemState::Waiting).take(3).collect();
        assert!(waiting.is_empty(), "{waiting:#?}");
    }
}
