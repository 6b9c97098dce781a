//! The real server over a store and trackers in memory.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_api::{ApiState, EventHub, ServerOptions};
use syncline_app::{
    App, AppParts, Automation, Caller, Engine, EngineParts, NewKey, SettingsSource,
};
use syncline_domain::ports::{
    Capabilities, Connector, ConnectorError, ConnectorFactory, ConnectorTypeInfo, CredentialField,
    ErrorKind, NoFaultPoints, NothingFollows, Place, PortableFilter, SealError, Sealer,
};
use syncline_domain::{
    AuthType, ConfigId, ConnectorSettings, Credentials, FieldFault, Role, Timestamp,
};
use syncline_testkit::{FakeConnector, ManualClock, MemStore, SeededRng, SeqIds, rows};

use super::{Contract, Seen, exchange, logs};

/// A server with two trackers behind it.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) app: App,
    pub(crate) store: MemStore,
    pub(crate) clock: ManualClock,
    pub(crate) bugs: Arc<FakeConnector>,
    pub(crate) desk: Arc<FakeConnector>,
    pub(crate) contract: Arc<Contract>,
    bodies: Mutex<Vec<String>>,
    server: actix_web::dev::ServerHandle,
}

impl Drop for House {
    fn drop(&mut self) {
        // The handle sends the order at once; nobody has to wait for it.
        drop(self.server.stop(false));
    }
}

impl House {
    /// An empty house as on a laptop: bound to loopback, no key.
    pub(crate) async fn new() -> Self {
        Self::with(true).await
    }

    /// An empty house; `laptop` says whether people without a key may come in at all.
    pub(crate) async fn with(laptop: bool) -> Self {
        let automation = super::automation_parts(true, super::automation::MAX_QUEUE);
        Self::automated(laptop, automation, SettingsSource::default()).await
    }

    /// An empty house with these parts.
    pub(crate) async fn automated(
        laptop: bool,
        automation: Automation,
        environment: SettingsSource,
    ) -> Self {
        logs::keep();
        let clock = ManualClock::new();
        let store = MemStore::new();
        let bugs = FakeConnector::bugs(&clock);
        let desk = FakeConnector::requests_desk(&clock);
        let events = EventHub::default();
        let engine = Engine::new(EngineParts {
            store: Arc::new(store.clone()),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(SeqIds::new()),
            events: Arc::new(events.clone()),
            faults: Arc::new(NoFaultPoints),
            ending: Arc::new(NothingFollows),
            holder: "test".to_owned(),
        });
        let parts = AppParts {
            store: Arc::new(store.clone()),
            factory: Arc::new(Trackers { bugs: Arc::clone(&bugs), desk: Arc::clone(&desk) }),
            sealer: Arc::new(Sealed),
            engine,
            clock: Arc::new(clock.clone()),
            environment,
        };
        let app = App::automated(parts, automation);
        let state = ApiState {
            app: app.clone(),
            events,
            anonymous_possible: laptop,
            rng: Arc::new(SeededRng::new(7)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let options = ServerOptions { workers: 1, drain: Duration::from_secs(1) };
        let server = syncline_api::serve(listener, state, options).unwrap();
        let handle = server.handle();
        tokio::spawn(server);
        let document = serde_json::to_value(syncline_api::openapi()).unwrap();
        let contract = Arc::new(Contract::new(document));
        Self {
            address,
            app,
            store,
            clock,
            bugs,
            desk,
            contract,
            bodies: Mutex::default(),
            server: handle,
        }
    }

    /// A house with both connectors (1 bugs, 2 desk), discovered; configuration 1 between them with suggested rules;
    /// three bugs.
    pub(crate) async fn furnished() -> Self {
        let house = Self::new().await;
        house.furnish(&[]).await;
        house
    }

    /// Puts the furniture in; `headers` carry a key where one is needed.
    pub(crate) async fn furnish(&self, headers: &[(&str, &str)]) {
        for (name, kind) in [("Bugs", "fakebugs"), ("Desk", "fakedesk")] {
            let body = connector_body(name, kind);
            let made = self.send("POST", "/api/connectors", headers, Some(&body)).await;
            assert_eq!(made.status, 201, "{}", made.text());
            let id = made.json()["connector_id"].clone();
            let found =
                self.send("POST", &format!("/api/connectors/{id}/discover"), headers, None).await;
            assert_eq!(found.status, 200, "{}", found.text());
        }
        for title in ["First", "Second", "Third"] {
            self.bugs.create_as("ada", "bug", json!({"title": title, "priority": "High"}));
        }
        let made = self
            .send("POST", "/api/sync-configs", headers, Some(&config_body("Bugs to desk")))
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        self.automate(headers).await;
    }

    /// Adds webhook 1, its delivery 1, the job that it caused, notification setting 1, and mapping
    /// test 1.
    async fn automate(&self, headers: &[(&str, &str)]) {
        let hook = json!({"name": "Hook", "sync_config_id": 1, "connector_id": 1});
        let made = self.send("POST", "/api/webhooks/register", headers, Some(&hook)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let test = json!({"item_id": "1"});
        let tried = self.send("POST", "/api/webhooks/1/test", headers, Some(&test)).await;
        assert_eq!(tried.json()["job_id"], super::JOB, "{}", tried.text());
        let told = json!({
            "sync_config_id": 1, "notification_type": "email", "event_triggers": ["sync_failed"],
            "recipients": ["ops@example.com"]
        });
        let made = self.send("POST", "/api/notifications", headers, Some(&told)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let sample = json!({
            "name": "a title", "direction": "source_to_target",
            "item": {"type": "Bug", "fields": {"title": "T"}}, "expected": {"type": "Request"}
        });
        let target = "/api/sync-configs/1/mapping-tests";
        let made = self.send("POST", target, headers, Some(&sample)).await;
        assert_eq!(made.json()["mapping_test_id"], 1, "{}", made.text());
    }

    /// Adds conflict 1 of configuration 1, about a pair of items that no tracker has.
    pub(crate) async fn add_conflict(&self) {
        use syncline_domain::ports::StoreExt as _;
        let added = self.store.tx("conflict", |tx| {
            let pair = tx.insert_pair(&rows::pair_row(ConfigId(1), "s1", "t1"))?;
            tx.insert_conflict(&rows::conflict_row(ConfigId(1), pair, "subject"))
        });
        added.await.unwrap();
    }

    /// Claims the job of the furniture, and notes that this run is its run.
    pub(crate) async fn note_job_run(&self, run: i64) {
        use syncline_domain::ports::StoreExt as _;
        let noted = self.store.tx("ran", move |tx| {
            let late = Timestamp::from_secs(4_000_000_000);
            let claimed = tx.claim_jobs("worker", late, Duration::from_secs(30), 5)?;
            let job = claimed.iter().find(|job| job.key().to_string() == super::JOB).unwrap();
            tx.note_job_run(job.claim().unwrap(), run.into())
        });
        noted.await.unwrap();
    }

    /// Makes a key.
    pub(crate) async fn key(&self, name: &str, role: Role, scope: Option<Vec<i64>>) -> String {
        self.key_until(name, role, scope, None).await
    }

    /// Makes a key that runs out.
    pub(crate) async fn key_until(
        &self,
        name: &str,
        role: Role,
        scope: Option<Vec<i64>>,
        expires_at: Option<Timestamp>,
    ) -> String {
        let config_scope = scope.map(|ids| ids.into_iter().map(ConfigId).collect());
        let new = NewKey { name: name.to_owned(), role, config_scope, expires_at };
        self.app.create_key(&Caller::command_line(), new).await.unwrap().text
    }

    /// GET as a laptop's owner.
    pub(crate) async fn get(&self, target: &str) -> Seen {
        self.send("GET", target, &[], None).await
    }

    /// POST with a JSON body as a laptop's owner.
    pub(crate) async fn post(&self, target: &str, body: &Value) -> Seen {
        self.send("POST", target, &[], Some(body)).await
    }

    /// PUT with a JSON body as a laptop's owner.
    pub(crate) async fn put(&self, target: &str, body: &Value) -> Seen {
        self.send("PUT", target, &[], Some(body)).await
    }

    /// Sends a request, with a JSON body where there is one, and holds the reply against the contract.
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Seen {
        let bytes = body.map(|body| body.to_string().into_bytes());
        let mut all = headers.to_vec();
        if bytes.is_some() {
            all.push(("content-type", "application/json"));
        }
        self.raw(method, target, &all, bytes.as_deref()).await
    }

    /// Sends exactly these bytes and holds the reply against the contract.
    pub(crate) async fn raw(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Seen {
        let seen = exchange(self.address, method, target, headers, body).await;
        self.contract.judge(method, target, &seen);
        self.bodies.lock().unwrap().push(seen.text());
        seen
    }

    /// Every body that was ever answered.
    pub(crate) fn bodies(&self) -> String {
        self.bodies.lock().unwrap().join("\n")
    }
}

/// A token that both trackers refuse.
pub(crate) const REVOKED: &str = "revoked-long-ago";

/// A connector to register.
pub(crate) fn connector_body(name: &str, kind: &str) -> Value {
    json!({
        "name": name, "connector_type": kind, "base_url": format!("https://{kind}.example"),
        "endpoint": "project", "auth_type": "pat", "credentials": {"token": "s3cret-of-the-house"}
    })
}

/// A configuration from connector 1 to connector 2.
pub(crate) fn config_body(name: &str) -> Value {
    json!({
        "name": name, "source_connector_id": 1, "target_connector_id": 2,
        "type_mappings": [{"source_type_id": 1, "target_type_id": 3, "suggest": true}]
    })
}

/// Two kinds of trackers, each with one place that it leads to.
struct Trackers {
    bugs: Arc<FakeConnector>,
    desk: Arc<FakeConnector>,
}

impl ConnectorFactory for Trackers {
    fn types(&self) -> Vec<ConnectorTypeInfo> {
        let info = |name: &str, capabilities: Capabilities| ConnectorTypeInfo {
            name: name.to_owned(),
            label: name.to_uppercase(),
            auth_types: vec![AuthType::Pat, AuthType::None],
            credential_fields: vec![CredentialField {
                auth_type: AuthType::Pat,
                name: "token".to_owned(),
                label: "Token".to_owned(),
                secret: true,
            }],
            capabilities,
        };
        vec![info("fakebugs", self.bugs.capabilities()), info("fakedesk", self.desk.capabilities())]
    }

    fn check_settings(
        &self,
        settings: &ConnectorSettings,
        credentials: Option<&Credentials>,
    ) -> Vec<FieldFault> {
        let needed = settings.auth_type == AuthType::Pat;
        let mut faults = Vec::new();
        if credentials.is_some_and(|held| needed && held.get("token").is_none()) {
            faults.push(FieldFault::new("credentials/token", "it is empty; enter a token"));
        }
        if !settings.base_url.starts_with("https://") {
            faults.push(FieldFault::new("base_url", "use https"));
        }
        faults
    }

    fn check_filter(&self, _: &str, filter: &Value) -> Vec<FieldFault> {
        PortableFilter::split(filter).err().unwrap_or_default()
    }

    fn open(
        &self,
        settings: &ConnectorSettings,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Connector>, ConnectorError> {
        if credentials.get("token") == Some(REVOKED) {
            return Err(ConnectorError::new(ErrorKind::Auth, "the token is refused"));
        }
        Ok(match settings.connector_type.as_str() {
            "fakebugs" => Arc::clone(&self.bugs) as Arc<dyn Connector>,
            _ => Arc::clone(&self.desk) as Arc<dyn Connector>,
        })
    }
}

/// A sealer that only has to be told apart from plain text.
pub(crate) struct Sealed;

impl Sealer for Sealed {
    fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mask = mask(place);
        Ok(plain.iter().map(|byte| byte ^ mask).collect())
    }

    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal(place, sealed)
    }

    fn current_key(&self) -> String {
        "test".to_owned()
    }

    fn key_of(&self, _: &[u8]) -> Option<String> {
        Some(self.current_key())
    }
}

fn mask(place: &Place) -> u8 {
    0x80 | u8::try_from(place.row % 100).unwrap_or(1)
}

impl House {
    /// What the audit trail and the remembered rows say, as one text.
    pub(crate) async fn store_text(&self) -> String {
        use syncline_domain::ports::StoreExt as _;
        let rows = self.store.view("all", |tx| {
            let audit = tx.audit(None, 10_000)?;
            Ok(format!("{audit:?} {:?} {:?}", tx.connectors()?, tx.api_keys()?))
        });
        rows.await.unwrap()
    }
}
