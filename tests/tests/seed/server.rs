//! The whole server in this process, on a clock that the test moves, and a client that speaks as curl does.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use syncline::{Config, Variables, parse_dotenv};
use syncline_testkit::{SmtpServer, SmtpWay};
use syncline_tests::TestClock;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::interval;

/// How often something is looked at that tells nobody of its changes.
const LOOK: Duration = Duration::from_millis(20);
/// Longer than anything here takes on a slow machine; only a failure takes so long.
const PATIENCE: u32 = 3_000;

/// The mail part of `.env`, as the document prints it.
pub(crate) const DOTENV: &str = "\
# Add to .env file
SMTP_HOST=smtp.gmail.com
SMTP_PORT=587
SMTP_SECURE=false
SMTP_USER=your-email@gmail.com
SMTP_PASS=your-app-password
SMTP_FROM=Sync Platform <noreply@sync-platform.local>
MAX_CONCURRENT_JOBS=5
";

pub(crate) struct Server {
    pub(crate) clock: TestClock,
    pub(crate) folder: TempDir,
    pub(crate) base: String,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A reply.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Server {
    /// Starts a server whose `.env` is the document's, with these lines after it: the last one of a name counts.
    pub(crate) async fn start(more: &str) -> Self {
        // The client needs a provider, too; the server may have set it already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("syncline.db");
        let text = format!("{DOTENV}{more}\nDATABASE_URL=sqlite:{}\n", database.display());
        let pairs = parse_dotenv(&text);
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let config = Config::read(&Variables::of(&pairs)).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let (stop, stopped) = oneshot::channel();
        let clock = TestClock::default();
        let ticks = Arc::new(clock.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let stop = async move { drop(stopped.await) };
            runtime.block_on(syncline::run_at(config, listener, ticks, stop)).unwrap();
        });
        let server = Self {
            clock,
            folder,
            base,
            http: reqwest::Client::new(),
            stop: Some(stop),
            thread: Some(thread),
        };
        let ready = async || server.http.get(format!("{}/readyz", server.base)).send().await.ok();
        until("the server answers", async || ready().await.filter(|r| r.status().is_success()))
            .await;
        server
    }

    /// The lines that lead mail to a server on this machine.
    pub(crate) fn mail_by(smtp: &SmtpServer) -> String {
        format!(
            "SMTP_HOST=localhost\nSMTP_PORT={}\nSMTP_SECURE=false\nSMTP_USER={}\nSMTP_PASS={}\nSMTP_CA_FILE={}",
            smtp.port(SmtpWay::StartTls),
            smtp.user(),
            smtp.password(),
            smtp.ca_file().display()
        )
    }

    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("syncline.db")
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, body }
    }

    /// `curl URL`, which must go well.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.well(Method::GET, path, None).await
    }

    /// `curl -X POST URL`, with `-H 'Content-Type: application/json' -d BODY` where there is one.
    pub(crate) async fn post(&self, path: &str, body: Option<&str>) -> Value {
        self.well(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Value {
        self.well(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Value {
        self.well(Method::DELETE, path, None).await
    }

    async fn well(&self, method: Method, path: &str, body: Option<&str>) -> Value {
        let json = [("Content-Type", "application/json")];
        let headers: &[(&str, &str)] = if body.is_some() { &json } else { &[] };
        let reply = self.send(method, path, headers, body).await;
        assert!((200..300).contains(&reply.status), "{path}: {} {}", reply.status, reply.body);
        assert_eq!(reply.body["success"], true, "{path}: {}", reply.body);
        reply.body
    }

    /// Waits for the end of a job and answers it.
    pub(crate) async fn ended(&self, job: &str) -> Value {
        let path = format!("/api/jobs/status/{job}");
        until(&path, async || {
            let reply = self.get(&path).await;
            let is_over = matches!(
                reply["job"]["status"].as_str(),
                Some("completed" | "failed" | "cancelled")
            );
            is_over.then(|| reply["job"].clone())
        })
        .await
    }

    /// Stops it as a signal would, and waits for its end.
    pub(crate) async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
        self.folder
    }
}

/// Looks again and again until there is something.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let mut ticks = interval(LOOK);
    for _ in 0..PATIENCE {
        ticks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
    }
    panic!("nothing came of {what}");
}

/// Runs Python over the database file, as `sqlite3 syncline.db` would run SQL; answers what it printed.
pub(crate) fn sqlite(database: &Path, script: &str) -> Option<String> {
    let program = format!(
        "import json, sqlite3\ndb = sqlite3.connect({:?})\n{script}\n",
        database.display().to_string()
    );
    let done = std::process::Command::new("python3").arg("-c").arg(program).output();
    let Ok(done) = done else {
        syncline_testkit::require::or_skip("python", "python3 does not start");
        return None;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8(done.stdout).unwrap().trim().to_owned())
}
