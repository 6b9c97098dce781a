//! The product as a receiver: its server in a process of its own, over a database with one webhook.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use syncline_domain::ports::{DeliveryFilter, StoreExt as _};
use syncline_domain::{ConfigId, ConnectorId};
use syncline_engine::SystemClock;
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::rows;

use super::load::Target;
use crate::server::{Server, Start};
use crate::wire::Wire;

/// A server with a webhook.
pub(crate) struct Product {
    server: Server,
    /// Where its deliveries go.
    pub(crate) hook: Target,
}

/// Opens the store on a database.
pub(crate) fn store(database: &str) -> anyhow::Result<Arc<Storage>> {
    Ok(Storage::open(&DatabaseConfig::new(database), Arc::new(SystemClock::new()))?)
}

impl Product {
    /// Starts a server that only takes in, on a new database with two trackers that nobody asks.
    pub(crate) async fn start(program: &Path, home: &Path, database: &str) -> anyhow::Result<Self> {
        let (config, connector) = two_trackers(database).await?;
        let database = database.to_owned();
        let server = Server::start(&Start { program, home, database, key: None, role: "api" })?;
        Self::over(server, config, connector).await
    }

    /// A webhook of a configuration's tracker on a running server.
    pub(crate) async fn over(
        server: Server,
        config: ConfigId,
        connector: ConnectorId,
    ) -> anyhow::Result<Self> {
        let mut wire = Wire::open(&server.host(), None).await?;
        let body = json!({
            "name": "bench", "sync_config_id": config, "connector_id": connector, "auth_mode": "hmac-sha256"
        });
        let made = wire.call("POST", "/api/webhooks/register", &body).await?;
        let text = |key: &str| made["webhook"][key].as_str().with_context(|| format!("no {key}"));
        let path = text("full_url")?.split_once("/api/").context("an odd address")?.1;
        let hook = Target::new(&server.host(), &format!("/api/{path}"), text("secret")?);
        Ok(Self { server, hook })
    }

    /// `host:port`.
    pub(crate) fn host(&self) -> String {
        self.server.host()
    }

    /// Ends the server by `kill -9`.
    pub(crate) fn kill(self) {
        drop(self.server);
    }
}

async fn two_trackers(database: &str) -> anyhow::Result<(ConfigId, ConnectorId)> {
    let store = store(database)?;
    let made = store.tx("two trackers", |tx| {
        let mut ends = Vec::new();
        for name in ["source", "target"] {
            let mut row = rows::connector_row(name);
            row.settings.connector_type = "azuredevops".to_owned();
            ends.push(tx.insert_connector(&row)?);
        }
        Ok((tx.insert_config(&rows::config_row("bench", ends[0], ends[1]))?, ends[0]))
    });
    Ok(made.await?)
}

/// How many accepted deliveries a database holds.
pub(crate) async fn kept(database: &str) -> anyhow::Result<u64> {
    let store = store(database)?;
    Ok(store.view("kept", |tx| tx.count_deliveries(&DeliveryFilter::default())).await?)
}
