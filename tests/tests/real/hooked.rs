//! The server between a real Redmine and a sandbox Azure DevOps, two ways, with webhooks of both sides: a plug-in in
//! Redmine tells of every change, and here Azure DevOps' service hooks are played, for people's edits and for what the
//! server itself writes. What is told while no server is there is lost.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use syncline_domain::ports::{Rng as _, StoreExt as _};
use syncline_sandbox::{Edit, EffectOp, RunningSandbox};
use syncline_testkit::SeededRng;
use syncline_tests::edits::title;
use syncline_tests::program::syncline;
use syncline_tests::server::Server;
use syncline_tests::{Stage, judge, retitle};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::redmine::Redmine;
use crate::two_ways::since;

const SEED: u64 = 4_711;
const IDLE_RUNS: usize = 10;
/// How often is looked at what tells nobody of its changes.
const LOOK: Duration = Duration::from_millis(25);
/// Looks in a row that find nothing to do; a delivery that is still on its way then is judged by the runs that follow.
const QUIET_LOOKS: u32 = 12;
/// Far longer than what is waited for takes, on a slow machine: hundreds of issues are made one after the other.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// Two trackers and what stands between them.
pub struct Scene {
    pub stage: Stage,
    pub azure: Arc<RunningSandbox>,
    pub redmine: Redmine,
    /// Where every server listens, one after the other.
    port: u16,
    http: reqwest::Client,
    hooks: Option<Arc<Hooks>>,
    watching: Option<AbortHandle>,
    /// The one that runs.
    pub server: Option<Server>,
    /// The issue of each work item at the start.
    pub issues: BTreeMap<String, u64>,
}

impl Scene {
    /// About `items` bugs in Azure DevOps, each copied to Redmine, and hooks on both sides.
    pub async fn new(redmine: Redmine, items: u64) -> Self {
        Self::with_options(redmine, items, json!({})).await
    }

    /// The same, with these options.
    pub async fn with_options(redmine: Redmine, items: u64, options: Value) -> Self {
        let stage = Stage::open();
        // Four in five of a sandbox's items are bugs.
        let azure = Arc::new(stage.azure(usize::try_from(items * 5 / 4).unwrap()).await);
        let bugs = judge::bugs(&azure);
        for bug in &bugs {
            retitle(&azure, &bug.id, &title(&bug.id, 0));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut scene = Self {
            stage,
            azure,
            redmine,
            port,
            http: reqwest::Client::new(),
            hooks: None,
            watching: None,
            server: None,
            issues: BTreeMap::new(),
        };
        scene.serve().await;
        scene.set_up(options).await;
        scene.sync().await;
        scene.issues = scene.pairs().await;
        assert_eq!(scene.agree().await.len(), bugs.len(), "every bug has its issue");
        scene
    }

    async fn set_up(&mut self, options: Value) {
        let info = self.azure.info();
        let azure = json!({
            "name": "Azure DevOps", "connector_type": info.connector_type, "base_url": info.base_url,
            "endpoint": info.endpoint, "auth_type": info.auth_type, "credentials": info.credentials
        });
        let (source, of_source) = self.registered(azure).await;
        let (target, of_target) = self.registered(self.redmine.connector("Redmine")).await;
        self.post(
            "/api/sync-configs",
            json!({
                "name": "both ways", "source_connector_id": source, "target_connector_id": target,
                "direction": "bidirectional", "conflict_resolution": "source-priority", "options": options,
                "type_mappings": [{
                    "source_type_id": of_source, "target_type_id": of_target, "suggest": true
                }]
            }),
        )
        .await;
        let (url, secret) = self.hook(&source, "basic").await;
        let (azure, http) = (Arc::clone(&self.azure), self.http.clone());
        let hooks = Arc::new(Hooks { azure, http, url, secret, told: AtomicU64::new(0) });
        self.watching = Some(tokio::spawn(Arc::clone(&hooks).watch()).abort_handle());
        self.hooks = Some(hooks);
        let (url, secret) = self.hook(&target, "hmac-sha256").await;
        self.redmine.tell(&url, &secret);
    }

    /// Registers and discovers a tracker: its id, and that of its type for bugs.
    async fn registered(&self, body: Value) -> (Value, Value) {
        let id = self.post("/api/connectors", body).await["connector_id"].clone();
        self.post(&format!("/api/connectors/{id}/discover"), json!({})).await;
        let types = self.get(&format!("/api/metadata/work-item-types?connector_id={id}")).await;
        let types = types["work_item_types"].as_array().unwrap();
        let bug = types.iter().find(|row| row["type_name"] == "Bug").unwrap();
        (id, bug["id"].clone())
    }

    /// A webhook of one side: its address and its secret.
    async fn hook(&self, connector: &Value, auth_mode: &str) -> (String, String) {
        let body = json!({
            "name": auth_mode, "sync_config_id": 1, "connector_id": connector, "auth_mode": auth_mode
        });
        let made = self.post("/api/webhooks/register", body).await["webhook"].clone();
        let path = format!("/api/webhooks/receive/{}", made["webhook_url"].as_str().unwrap());
        (self.url(&path), made["secret"].as_str().unwrap().to_owned())
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub async fn get(&self, path: &str) -> Value {
        self.well(self.http.get(self.url(path))).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.well(self.http.post(self.url(path)).json(&body)).await
    }

    async fn well(&self, request: reqwest::RequestBuilder) -> Value {
        let reply = request.send().await.unwrap();
        let (status, url) = (reply.status(), reply.url().clone());
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        let text = reply.text().await.unwrap();
        assert!(status.is_success(), "{url}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Starts a server where the last one was.
    pub async fn serve(&mut self) {
        let mut command = syncline(&self.stage);
        command.arg("serve").env("PORT", self.port.to_string()).env("WEBHOOK_SETTLE_SECONDS", "1");
        let server = Server::spawn(command);
        let address = server.address().await;
        assert!(address.is_some(), "the server ended at once:\n{}", server.log());
        self.server = Some(server);
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    /// A person gives a bug a new title, and Azure DevOps tells.
    pub async fn retitle_bug(&self, id: &str, title: &str) {
        retitle(&self.azure, id, title);
        self.hooks.as_ref().unwrap().tell("updated", id).await;
    }

    /// Azure DevOps tells of what happened to a bug.
    pub async fn tell(&self, event: &str, id: &str) {
        self.hooks.as_ref().unwrap().tell(event, id).await;
    }

    /// A person makes a bug, and Azure DevOps tells.
    pub async fn make_bug(&self, title: &str) {
        let mut fields = Map::new();
        fields.insert("System.Title".to_owned(), json!(title));
        let item_type = Some("Bug".to_owned());
        let made = self.azure.edit(&Edit { item_type, fields, ..Edit::default() }).unwrap();
        self.hooks.as_ref().unwrap().tell("created", &made.item_id).await;
    }

    /// A person gives an issue a new title; Redmine tells by itself.
    pub async fn retitle_issue(&self, id: u64, title: &str) {
        self.redmine.change(id, &json!({"subject": title})).await;
    }

    /// The issue of each work item, as the server has paired them.
    pub async fn pairs(&self) -> BTreeMap<String, u64> {
        let pairs = self.get("/api/execute/synced-items/1?limit=500").await;
        let text = |pair: &Value, name: &str| pair[name].as_str().unwrap().to_owned();
        let rows = pairs["items"].as_array().unwrap().iter();
        rows.map(|pair| {
            (text(pair, "source_item_id"), text(pair, "target_item_id").parse().unwrap())
        })
        .collect()
    }

    /// Waits until no job is left, now or later.
    pub async fn idle(&self) {
        let since = Instant::now();
        let mut looks = 0;
        while looks < QUIET_LOOKS {
            let counts = self.stage.store.view("counts", |tx| tx.queue_counts(None)).await.unwrap();
            assert_eq!(counts.dead, 0, "a job was given up");
            looks = if counts.queued + counts.running == 0 { looks + 1 } else { 0 };
            assert!(since.elapsed() < PATIENCE, "jobs are left: {counts:?}\n{}", self.log());
            sleep(LOOK).await;
        }
    }

    fn log(&self) -> String {
        self.server.as_ref().map(Server::log).unwrap_or_default()
    }

    /// A run over everything that changed, after all that goes on.
    pub async fn sync(&self) {
        self.idle().await;
        self.post("/api/jobs/queue/1", json!({})).await;
        self.idle().await;
    }

    /// Writes by the server to work items.
    pub fn azure_writes(&self) -> BTreeMap<String, usize> {
        let mut writes = BTreeMap::new();
        for effect in self.azure.effects() {
            assert!(effect.changed, "a write that changes nothing: {effect:?}");
            assert!(effect.op != EffectOp::Delete, "nobody asked for {effect:?}");
            *writes.entry(effect.item_id).or_default() += 1;
        }
        writes
    }

    /// Title of a bug, and of an issue.
    pub async fn titles(&self) -> (BTreeMap<String, String>, BTreeMap<u64, String>) {
        let bugs = judge::bugs(&self.azure).into_iter().map(|bug| (bug.id, bug.title)).collect();
        let issues = self.redmine.issues().await;
        let issues = issues.iter().map(|issue| {
            (issue["id"].as_u64().unwrap(), issue["subject"].as_str().unwrap().to_owned())
        });
        (bugs, issues.collect())
    }

    /// Each bug and its issue have the same title, and nothing is there twice or alone.
    pub async fn agree(&self) -> BTreeMap<String, String> {
        let (bugs, issues) = self.titles().await;
        let pairs = self.pairs().await;
        assert_eq!(
            (bugs.len(), issues.len()),
            (pairs.len(), pairs.len()),
            "pairs and nothing else"
        );
        for (bug, issue) in &pairs {
            assert_eq!(bugs[bug], issues[issue], "bug {bug} and issue {issue}\n{}", self.log());
        }
        bugs
    }

    /// Every bug is edited once on a side that chance names, and one in five on both, while their hooks cause runs.
    pub async fn every_edit_is_one_write(&mut self) {
        self.silence(1).await;
        let chance = SeededRng::new(SEED);
        let before = (self.azure_writes(), self.redmine.asked());
        let mut expected = Vec::new();
        for (n, (bug, issue)) in self.issues.iter().enumerate() {
            let (here, there) = (format!("bug {n} edited"), format!("issue {n} edited"));
            let side = if n % 5 == 0 { 2 } else { chance.next_u64() % 2 };
            if side != 1 {
                self.retitle_bug(bug, &here).await;
            }
            if side != 0 {
                self.retitle_issue(*issue, &there).await;
            }
            expected.push((bug.clone(), *issue, side, here, there));
        }
        self.idle().await;
        let titles = self.agree().await;
        let at_redmine = since(&before.1, &self.redmine.asked());
        let at_azure = self.azure_writes();
        let (mut written, mut clashes) = (0, 0);
        for (bug, issue, side, here, there) in &expected {
            let all = at_azure.get(bug).copied().unwrap_or_default();
            let to_bug = all - before.0.get(bug).copied().unwrap_or_default();
            // One of them is the person's own, where that was at this side.
            let to_issue = at_redmine.to(*issue) - usize::from(*side != 0);
            let shown = &titles[bug];
            match side {
                0 => assert_eq!(((to_bug, to_issue), shown), ((0, 1), here), "bug {bug}"),
                1 => assert_eq!(((to_bug, to_issue), shown), ((1, 0), there), "issue {issue}"),
                // The first may have arrived before the second was made, or not: one of the two is shown at last.
                _ => {
                    assert!((1..=2).contains(&(to_bug + to_issue)), "{to_bug} + {to_issue}");
                    assert!(shown == here || shown == there, "{shown}");
                    clashes += 1;
                }
            }
            written += to_bug + to_issue;
        }
        let requests = self.silence(IDLE_RUNS).await;
        println!(
            "Azure DevOps and Redmine by webhooks: {} edits on one side, {clashes} on both, {written} writes; \
             {IDLE_RUNS} idle runs: 0 writes, {requests:.1} requests a run on both sides",
            expected.len() - clashes
        );
    }

    /// Runs that find nothing to do: no write; requests a run.
    pub async fn silence(&self, runs: usize) -> f64 {
        self.idle().await;
        let before =
            (self.azure.requests().total, self.redmine.asked(), self.azure.effects().len());
        for _ in 0..runs {
            self.sync().await;
        }
        let at_redmine = since(&before.1, &self.redmine.asked());
        let at_azure = self.azure.effects().len() - before.2;
        assert_eq!((at_azure, at_redmine.written()), (0, 0), "{at_redmine:?}\n{}", self.log());
        let requests = self.azure.requests().total - before.0;
        (requests as f64 + at_redmine.requests as f64) / runs as f64
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
    }
}

/// Azure DevOps' service hooks.
struct Hooks {
    azure: Arc<RunningSandbox>,
    http: reqwest::Client,
    url: String,
    secret: String,
    told: AtomicU64,
}

impl Hooks {
    /// Tells once, whether somebody hears it or not.
    async fn tell(&self, event: &str, id: &str) {
        let number: u64 = id.parse().unwrap();
        let resource = match event {
            "updated" => json!({"id": 2, "workItemId": number, "rev": 2}),
            _ => json!({"id": number, "rev": 1}),
        };
        let name = format!("event-{}", self.told.fetch_add(1, Ordering::Relaxed));
        let body = json!({
            "id": name, "publisherId": "tfs", "scope": "all",
            "eventType": format!("workitem.{event}"), "resource": resource
        });
        let request =
            self.http.post(&self.url).basic_auth("syncline", Some(&self.secret)).json(&body);
        if let Ok(reply) = request.send().await {
            assert!(matches!(reply.status().as_u16(), 202 | 503), "{}", reply.status());
        }
    }

    /// Tells of everything that is written by the API.
    async fn watch(self: Arc<Self>) {
        let mut seen = 0;
        loop {
            for effect in self.azure.effects_since(seen) {
                seen = effect.seq;
                match effect.op {
                    EffectOp::Create => self.tell("created", &effect.item_id).await,
                    EffectOp::Update => self.tell("updated", &effect.item_id).await,
                    _ => {}
                }
            }
            sleep(LOOK).await;
        }
    }
}
