//! This program started again: as a sandbox tracker, or as one sync.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use syncline_engine::SystemClock;
use syncline_sandbox::{AzureDevOps, SandboxOptions};

use crate::process::{peak_kib, resident_kib};
use crate::rig::Rig;
use crate::wire::Wire;

/// The word that makes this program a sandbox.
pub(crate) const SANDBOX: &str = "child-sandbox";
/// The word that makes this program the ceiling of incoming webhooks.
pub(crate) const REFERENCE: &str = "child-reference";
/// The word that makes this program one sync.
pub(crate) const SYNC: &str = "child-sync";

/// Serves until standard input ends, which it does when the parent does.
pub(crate) async fn be_sandbox(args: &[String]) -> anyhow::Result<()> {
    let items = args.first().context("how many items?")?.parse()?;
    let options = SandboxOptions::new(Arc::new(SystemClock::new())).items(items);
    let sandbox = AzureDevOps::start(options).await?;
    tell(&serde_json::to_value(sandbox.info())?)?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    sandbox.stop().await;
    Ok(())
}

/// Syncs all items of one sandbox to another and says what that took.
pub(crate) async fn be_sync(args: &[String]) -> anyhow::Result<()> {
    let [source, target, with] = args else { anyhow::bail!("two sandboxes and keys, please") };
    let (source, target): (Value, Value) =
        (serde_json::from_str(source)?, serde_json::from_str(target)?);
    let rig = Rig::new(Arc::new(SystemClock::new()))?;
    let config = rig.join((&source, &target), 4, serde_json::from_str(with)?).await?;
    let before = resident_kib("self")?;
    let begun = Instant::now();
    let run = rig.run(config).await?;
    let seconds = begun.elapsed().as_secs_f64();
    tell(&json!({
        "created": run.totals.created, "seconds": seconds,
        "peak_kib": peak_kib("self")?, "before_kib": before
    }))
}

/// Says one line to the parent.
pub(crate) fn tell(value: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

/// A process of ours that ends with this value.
pub(crate) struct Owned(Child);

impl Owned {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_owned();
        command.spawn().map(Self).with_context(|| format!("start {}", name.display()))
    }

    /// Its id, as `/proc` wants it.
    pub(crate) fn pid(&self) -> String {
        self.0.id().to_string()
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    fn stdout(&mut self) -> anyhow::Result<ChildStdout> {
        self.0.stdout.take().context("its output is not ours")
    }

    fn stdin(&mut self) -> Option<ChildStdin> {
        self.0.stdin.take()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// This program again, serving until this value is dropped.
pub(crate) struct Far {
    /// The line it said when it was ready.
    pub(crate) told: Value,
    _process: Owned,
    _stdin: Option<ChildStdin>,
}

impl Far {
    /// Starts it.
    pub(crate) fn start(args: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Owned::start(&mut command)?;
        let stdin = process.stdin();
        let mut line = String::new();
        BufReader::new(process.stdout()?).read_line(&mut line)?;
        let told =
            serde_json::from_str(&line).with_context(|| format!("{args:?} did not start"))?;
        Ok(Self { told, _process: process, _stdin: stdin })
    }
}

/// A sandbox in a process of its own.
pub(crate) struct FarSandbox {
    /// What a connector's form wants.
    pub(crate) info: Value,
    host: String,
    _process: Far,
}

impl FarSandbox {
    /// Starts one with so many items.
    pub(crate) fn start(items: usize) -> anyhow::Result<Self> {
        let process = Far::start(&[SANDBOX, &items.to_string()])?;
        let info = process.told.clone();
        let host = host_of(&info)?;
        Ok(Self { info, host, _process: process })
    }

    /// Sets how long each answer is held back.
    pub(crate) async fn set_latency(&self, latency: Duration) -> anyhow::Result<()> {
        self.control("POST", "dials", &json!({"latency_ms": latency.as_millis()})).await.map(drop)
    }

    /// Back to the seeded items.
    pub(crate) async fn reset(&self) -> anyhow::Result<()> {
        self.control("POST", "reset", &json!({})).await.map(drop)
    }

    /// Starts counting requests from zero.
    pub(crate) async fn reset_requests(&self) -> anyhow::Result<()> {
        self.control("DELETE", "requests", &Value::Null).await.map(drop)
    }

    /// Requests since then: all of them, and the most that were under way at once.
    pub(crate) async fn requests(&self) -> anyhow::Result<(u64, u64)> {
        let counts = self.control("GET", "requests", &Value::Null).await?;
        let number = |key: &str| counts[key].as_u64().with_context(|| format!("no {key}"));
        Ok((number("total")?, number("peak_in_flight")?))
    }

    async fn control(&self, method: &str, what: &str, body: &Value) -> anyhow::Result<Value> {
        let mut wire = Wire::open(&self.host, None).await?;
        wire.call(method, &format!("/_sandbox/{what}"), body).await
    }
}

/// `host:port` of a sandbox.
pub(crate) fn host_of(info: &Value) -> anyhow::Result<String> {
    let url = info["base_url"].as_str().context("no base_url")?;
    let rest = url.strip_prefix("http://").context("a sandbox speaks plain HTTP")?;
    Ok(rest.split('/').next().unwrap_or(rest).to_owned())
}

/// One sync in a process of its own, by a configuration with these keys; the answer is what it says at its end. `None`: it took longer than `patience`.
pub(crate) fn far_sync(
    (source, target): (&FarSandbox, &FarSandbox),
    with: &Value,
    patience: Duration,
) -> anyhow::Result<Option<Value>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(SYNC).args([&source.info, &target.info, with].map(Value::to_string));
    let mut process = Owned::start(command.stdout(Stdio::piped()))?;
    let mut stdout = process.stdout()?;
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut text = String::new();
        drop(stdout.read_to_string(&mut text).map(|_| tell.send(text)));
    });
    match told.recv_timeout(patience) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).context("the sync did not end well")?)),
        Err(_) => Ok(None),
    }
}
