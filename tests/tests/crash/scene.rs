//! Two trackers that survive every kill, the configuration between them, and the webhook that its events come to.

use std::path::Path;
use std::process::Command;

use reqwest::Client;
use serde_json::{Value, json};
use syncline_domain::{ConfigId, Timestamp, WebhookAuth, WebhookId};
use syncline_sandbox::{Edit, ItemId, RunningSandbox};
use syncline_testkit::TestDatabase;
use syncline_tests::edits::title;
use syncline_tests::program::{on_stage, syncline};
use syncline_tests::server::Server;
use syncline_tests::{BUGS, Stage, judge, retitle};
use syncline_webhooks::{Secret, signed_headers};
use tokio::sync::watch;

use crate::judgement::PATIENCE;

/// Work items that are there from the start; four in five of them are bugs.
const ITEMS: usize = 25;

/// Runs follow one another quickly: a server has to come to the third end of a run before anybody loses patience.
const SETTLE: (&str, &str) = ("WEBHOOK_SETTLE_SECONDS", "1");

/// Where the servers of one test work.
pub struct Scene {
    pub stage: Stage,
    pub from: RunningSandbox,
    pub to: RunningSandbox,
    pub config: ConfigId,
    pub webhook: WebhookId,
    path: String,
    secret: Secret,
    http: Client,
    /// Where the server listens at the moment.
    pub address: watch::Sender<Option<String>>,
    _database: Option<TestDatabase>,
}

impl Scene {
    /// On a SQLite file.
    pub async fn on_sqlite() -> Self {
        Self::over(Stage::open(), None).await
    }

    /// On PostgreSQL; `None`, said on standard error, where there is none.
    pub async fn on_postgres() -> Option<Self> {
        let database = TestDatabase::fresh()?;
        Some(Self::over(Stage::on(&database.url()), Some(database)).await)
    }

    async fn over(stage: Stage, database: Option<TestDatabase>) -> Self {
        let (from, to) = (stage.azure(ITEMS).await, stage.azure(0).await);
        let config = stage.join(&from, &to, BUGS, json!({"sync_comments": true})).await;
        for bug in judge::bugs(&from) {
            retitle(&from, &bug.id, &title(&bug.id, 0));
        }
        let mut scene = Self {
            stage,
            from,
            to,
            config,
            webhook: WebhookId(0),
            path: String::new(),
            secret: Secret::new(""),
            http: Client::builder().timeout(PATIENCE).build().unwrap(),
            address: watch::Sender::new(None),
            _database: database,
        };
        scene.register().await;
        scene
    }

    /// Registers the webhook, as a person would.
    async fn register(&mut self) {
        let mut server = self.serve(self.program()).await;
        let connector =
            self.stage.app.connectors(&syncline_app::Caller::command_line(), None).await;
        let connector = connector.unwrap().iter().find(|row| row.name == "source").unwrap().id;
        let made = self
            .post(
                "/api/webhooks/register",
                &json!({
                    "name": "crash", "sync_config_id": self.config, "connector_id": connector,
                    "auth_mode": WebhookAuth::Hmac.as_str()
                }),
            )
            .await;
        let made = &made["webhook"];
        self.webhook = WebhookId(made["id"].as_i64().unwrap());
        self.path = format!("/api/webhooks/receive/{}", made["webhook_url"].as_str().unwrap());
        self.secret = Secret::new(made["secret"].as_str().unwrap());
        server.kill();
        self.address.send_replace(None);
    }

    /// The program's `serve` on this scene's database, on any free port.
    pub fn program(&self) -> Command {
        let mut command = syncline(&self.stage);
        command.arg("serve").env("PORT", "0").env(SETTLE.0, SETTLE.1);
        command
    }

    /// This test program in the program's place.
    pub fn child(&self) -> Command {
        let mut command = on_stage(&self.stage, &std::env::current_exe().unwrap());
        command.env("PORT", "0").env(SETTLE.0, SETTLE.1);
        command
    }

    /// Starts a server, waits until it listens, and tells everybody where.
    pub async fn serve(&self, command: Command) -> Server {
        let server = Server::spawn(command);
        let address = server.address().await;
        assert!(address.is_some(), "the server ended at once:\n{}", server.log());
        self.address.send_replace(address);
        server
    }

    /// Posts to the server that runs now; it must take it.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let address = self.address.borrow().clone().unwrap();
        let sent = self.http.post(format!("{address}{path}")).body(body.to_string());
        let reply = sent.header("content-type", "application/json").send().await.unwrap();
        let (status, text) = (reply.status(), reply.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sends a signed event to where the server listened last; what the sender was told, if anything.
    pub async fn deliver(&self, event: &Event, address: &str) -> Option<Answer> {
        let body = event.body();
        let now = Timestamp::EPOCH;
        let proof = signed_headers(WebhookAuth::Hmac, "", &self.secret, "", &body, now);
        let mut request = self.http.post(format!("{address}{}", self.path)).body(body);
        for (name, value) in proof {
            request = request.header(name, value);
        }
        let sent = request.header("content-type", "application/json").send().await;
        assert!(!sent.as_ref().is_err_and(reqwest::Error::is_timeout), "no answer to {event:?}");
        let reply = sent.ok()?;
        let status = reply.status().as_u16();
        // An answer that breaks off is no answer.
        let text = reply.text().await.ok()?;
        let told: Value = serde_json::from_str(&text).ok()?;
        Some(Answer { status, told })
    }

    /// How many commits there are to see at the trackers.
    pub fn effects(&self) -> usize {
        self.from.effects().len() + self.to.effects().len()
    }

    /// A person changes the source, and its tracker has something to tell.
    pub fn change(&self, change: &Change, event: u64) -> Event {
        let (kind, item) = match change {
            Change::Title(item) => {
                retitle(&self.from, item, &title(item, event));
                ("updated", item.clone())
            }
            Change::Comment(item) => {
                let comment = Some(format!("{REMARK}{event} here"));
                let item_id = Some(ItemId::Text(item.clone()));
                self.from.edit(&Edit { item_id, comment, ..Edit::default() }).unwrap();
                ("commented", item.clone())
            }
            Change::New => {
                let item_type = Some("Bug".to_owned());
                let mut fields = serde_json::Map::new();
                fields.insert("System.Title".to_owned(), json!("new"));
                let made = self.from.edit(&Edit { item_type, fields, ..Edit::default() }).unwrap();
                retitle(&self.from, &made.item_id, &title(&made.item_id, event));
                ("created", made.item_id)
            }
        };
        Event { number: event, kind, item }
    }

    /// Where the database's own files are, for whoever looks into them.
    pub fn folder(&self) -> &Path {
        self.stage.folder()
    }
}

/// What a person does.
#[derive(Clone, Debug)]
pub enum Change {
    Title(String),
    Comment(String),
    New,
}

/// What the source's tracker has to tell. Its number is the sender's name for it.
#[derive(Clone, Debug)]
pub struct Event {
    pub number: u64,
    pub kind: &'static str,
    pub item: String,
}

impl Event {
    /// As Azure DevOps tells it (service hooks events, `workitem.updated`).
    fn body(&self) -> Vec<u8> {
        let number: u64 = self.item.parse().unwrap();
        let resource = match self.kind {
            "updated" => json!({"id": 2, "workItemId": number, "rev": 2}),
            _ => json!({"id": number, "rev": 1}),
        };
        let event = json!({
            "id": format!("event-{}", self.number), "publisherId": "tfs", "scope": "all",
            "eventType": format!("workitem.{}", self.kind), "resource": resource
        });
        event.to_string().into_bytes()
    }

    /// The name under which the receiver keeps it.
    pub fn name(&self) -> String {
        format!("event-{}", self.number)
    }
}

/// What a sender was told.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub told: Value,
}

/// What comes before the number of a comment.
const REMARK: &str = "remark ";

/// The number of the comment in a text.
pub fn remark_in(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(REMARK)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
