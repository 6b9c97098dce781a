//! Incoming webhooks while the same process syncs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use syncline_app::Caller;
use syncline_domain::ConfigId;
use syncline_engine::SystemClock;
use syncline_vault::{KeyRing, Vault, new_key_text};
use tokio::runtime::Runtime;

use crate::Wishes;
use crate::child::FarSandbox;
use crate::ingest::load::Pace;
use crate::ingest::product::Product;
use crate::report::Report;
use crate::rig::Rig;
use crate::server::{NOT_BUILT, Server, Start, program};
use crate::wire::Wire;

const SYNCS: usize = 3;
const RATE: u32 = 100;
const CONNECTIONS: u32 = 8;

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let Some(program) = program(wishes)? else {
        report.skipped("ingest-under-load", NOT_BUILT);
        return Ok(());
    };
    let (items, span) = if wishes.quick { (300, 3) } else { (2_000, 15) };
    let span = Duration::from_secs(span);
    let sandboxes: Vec<(FarSandbox, FarSandbox)> = (0..SYNCS)
        .map(|_| Ok((FarSandbox::start(items)?, FarSandbox::start(0)?)))
        .collect::<anyhow::Result<_>>()?;
    let home = tempfile::tempdir()?;
    let database = format!("sqlite:{}", home.path().join("load.db").display());
    let key = new_key_text()?;
    let vault = Vault::new(KeyRing::parse("ENCRYPTION_KEY", &key)?);
    let configs = runtime.block_on(async {
        let rig = Rig::over(&database, Arc::new(SystemClock::new()), Arc::new(vault))?;
        let mut configs = Vec::new();
        for (at, (source, target)) in sandboxes.iter().enumerate() {
            let name = json!({"name": format!("sync {at}")});
            configs.push(rig.join((&source.info, &target.info), 4, name).await?);
        }
        let (first, _) = rig.app.config(&Caller::command_line(), configs[0]).await?;
        anyhow::Ok((configs, first.config.source_connector_id))
    });
    let (configs, connector) = configs?;
    let start =
        Start { program: &program, home: home.path(), database, key: Some(&key), role: "all" };
    let server = Server::start(&start)?;
    let product = runtime.block_on(Product::over(server, configs[0], connector))?;

    let quiet = product.hook.press(CONNECTIONS, Pace::Even(RATE), span / 3)?;
    let host = product.host();
    let watch = Arc::new(Watch::default());
    let syncing = runtime.spawn(keep_syncing(host, configs, Arc::clone(&watch)));
    let busy = product.hook.press(CONNECTIONS, Pace::Even(RATE), span)?;
    watch.over.store(true, Ordering::Relaxed);
    runtime.block_on(syncing)??;
    for (name, sent) in [("idle", quiet), ("syncing", busy)] {
        anyhow::ensure!(sent.refused == 0, "{} deliveries were refused", sent.refused);
        report.info(&format!("ingest_100_per_s_{name}_p50"), sent.wait(0.50), "ms");
        report.info(&format!("ingest_100_per_s_{name}_p99"), sent.wait(0.99), "ms");
        report.info(&format!("ingest_100_per_s_{name}_max"), sent.wait(1.0), "ms");
    }
    let mean = watch.running.load(Ordering::Relaxed) as f64
        / watch.looks.load(Ordering::Relaxed).max(1) as f64;
    report.info("ingest_100_per_s_syncs", mean, "running at a time");
    Ok(())
}

/// What runs meanwhile.
#[derive(Default)]
struct Watch {
    over: AtomicBool,
    looks: AtomicU64,
    running: AtomicU64,
}

/// Queues a full sync of each configuration, and another one whenever it has ended.
async fn keep_syncing(
    host: String,
    configs: Vec<ConfigId>,
    watch: Arc<Watch>,
) -> anyhow::Result<()> {
    let mut wire = Wire::open(&host, None).await?;
    let mut jobs = Vec::new();
    for config in &configs {
        jobs.push(queue(&mut wire, *config).await?);
    }
    while !watch.over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        watch.looks.fetch_add(1, Ordering::Relaxed);
        for (config, job) in configs.iter().zip(&mut jobs) {
            let row = wire.call("GET", &format!("/api/jobs/status/{job}"), &Value::Null).await?;
            match row["job"]["status"].as_str().context("no status")? {
                "running" => {
                    watch.running.fetch_add(1, Ordering::Relaxed);
                }
                "queued" => {}
                "completed" => *job = queue(&mut wire, *config).await?,
                other => anyhow::bail!("a sync ended {other}: {row}"),
            }
        }
    }
    Ok(())
}

async fn queue(wire: &mut Wire, config: ConfigId) -> anyhow::Result<String> {
    let queued =
        wire.call("POST", &format!("/api/jobs/queue/{config}"), &json!({"full": true})).await?;
    Ok(queued["job_id"].as_str().context("no job")?.to_owned())
}
