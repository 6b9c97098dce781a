//! How the sandboxes hold up with many tickets: `cargo run --release --example measure -- 100000`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a tool for the people who build this"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use syncline_domain::Timestamp;
use syncline_domain::ports::{BoxFuture, Clock};
use syncline_sandbox::{AzureDevOps, RunningSandbox, SandboxOptions, ServiceDeskPlus};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

#[tokio::main]
async fn main() {
    let items = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let _set_before = rustls::crypto::ring::default_provider().install_default();
    let options = SandboxOptions::new(Arc::new(Still)).items(items);
    let start = Instant::now();
    let azure = AzureDevOps::start(options.clone()).await.unwrap();
    say(&format!(
        "azure devops: {items} items seeded in {:?}, resident {}",
        start.elapsed(),
        resident()
    ));
    measure_azure(&azure).await;
    azure.stop().await;
    let start = Instant::now();
    let desk = ServiceDeskPlus::start(options).await.unwrap();
    say(&format!(
        "servicedesk plus: {items} requests seeded in {:?}, resident {}",
        start.elapsed(),
        resident()
    ));
    measure_desk(&desk).await;
    desk.stop().await;
}

async fn measure_azure(sandbox: &RunningSandbox) {
    let token =
        STANDARD.encode(format!(":{}", sandbox.info().credentials.remove("token").unwrap()));
    let http = reqwest::Client::new();
    let post = |path: &str, body: Value| {
        let url = format!("{}{path}", sandbox.base_url());
        let sent = http.post(url).header("Authorization", format!("Basic {token}"));
        sent.header("Content-Type", "application/json").body(body.to_string()).send()
    };
    let wiql = "/Webshop/_apis/wit/wiql?api-version=7.1&timePrecision=true&$top=10000";
    let page = "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND [System.WorkItemType] = 'Bug' AND [System.Id] > 50000 ORDER BY [System.Id]";
    time("wiql page of 10,000 by id", 5, || async { post(wiql, json!({ "query": page })).await })
        .await;
    let poll = "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND [System.ChangedDate] >= '2026-09-20T00:00:00Z' ORDER BY [System.ChangedDate], [System.Id]";
    time("wiql poll without changes", 50, || async { post(wiql, json!({ "query": poll })).await })
        .await;
    time("single read", 50, || async {
        let url = format!("{}/_apis/wit/workitems/7?api-version=7.1", sandbox.base_url());
        http.get(url).header("Authorization", format!("Basic {token}")).send().await
    })
    .await;
    let ids: Vec<u32> = (1..=200).collect();
    let batch = json!({ "ids": ids, "errorPolicy": "omit" });
    time("batch read of 200", 50, || async {
        post("/_apis/wit/workitemsbatch?api-version=7.1", batch.clone()).await
    })
    .await;
}

async fn measure_desk(sandbox: &RunningSandbox) {
    let key = sandbox.info().credentials.remove("apiKey").unwrap();
    let http = reqwest::Client::new();
    let list =
        r#"{"list_info":{"row_count":100,"sort_field":"last_updated_time","sort_order":"asc"}}"#;
    let list: String = url::form_urlencoded::byte_serialize(list.as_bytes()).collect();
    let url = format!("{}/api/v3/requests?input_data={list}", sandbox.base_url());
    time("list page of 100", 50, || async {
        let sent = http.get(&url).header("authtoken", &key);
        sent.header("Accept", "application/vnd.manageengine.sdp.v3+json").send().await
    })
    .await;
}

async fn time<F>(what: &str, times: u32, mut call: impl FnMut() -> F)
where
    F: Future<Output = Result<reqwest::Response, reqwest::Error>>,
{
    let mut bytes = 0;
    let start = Instant::now();
    for _ in 0..times {
        let response = call().await.unwrap();
        assert!(response.status().is_success(), "{what}: {}", response.status());
        bytes = response.bytes().await.unwrap().len();
    }
    say(&format!("{what}: {:?} each, {bytes} bytes", start.elapsed() / times));
}

/// Resident memory as the system reports it, where it does.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("unknown");
    line.trim_start_matches("VmRSS:").trim().to_owned()
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
