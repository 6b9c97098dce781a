//! Files of items: how fast they are carried, and what that takes of memory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use syncline_domain::ports::{Clock, Connector, ConnectorFactory as _, HeldFile};
use syncline_domain::{ConnectorSettings, Credentials, ItemId};
use syncline_engine::SystemClock;
use tokio::runtime::Runtime;

use crate::Wishes;
use crate::child::{FarSandbox, far_sync};
use crate::report::Report;
use crate::rig::factory;

const ITEMS: usize = 8;
const MIB: usize = 1 << 20;
/// The longest that one sync may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let sizes: &[usize] = if wishes.quick { &[0, 8] } else { &[0, 8, 64] };
    let mut bare = 0.0;
    for size in sizes {
        let (source, target) = (FarSandbox::start(ITEMS)?, FarSandbox::start(0)?);
        if *size > 0 {
            runtime.block_on(hang(&source.info, size * MIB))?;
        }
        let options = json!({"sync_attachments": true, "attachments_max_bytes": 100 * MIB});
        let with = json!({ "options": options });
        let Some(said) = far_sync((&source, &target), &with, PATIENCE)? else {
            anyhow::bail!("{ITEMS} files of {size} MiB took longer than {} s", PATIENCE.as_secs());
        };
        let number = |key: &str| said[key].as_f64().with_context(|| format!("no {key}"));
        anyhow::ensure!(number("created")? == ITEMS as f64, "{said}");
        let seconds = number("seconds")?;
        let name = format!("files_{size}_mib");
        report.info(&format!("{name}_peak"), number("peak_kib")? / 1_024.0, "MiB");
        if *size == 0 {
            bare = seconds;
            continue;
        }
        let carried = (ITEMS * size) as f64;
        report.info(&format!("{name}_carried"), carried / (seconds - bare), "MiB/s");
    }
    report.note("carried: read, stored on the other side, and read back there");
    Ok(())
}

/// Hangs a file on each item.
async fn hang(info: &Value, size: usize) -> anyhow::Result<()> {
    let tracker = tracker(info)?;
    for id in 1..=ITEMS {
        let bytes: Vec<u8> = (0..size).map(|at| (at * id % 251) as u8).collect();
        let (id, name) = (ItemId::new(id.to_string()), format!("film {id}.bin"));
        tracker.attach(&id, &name, "application/octet-stream", HeldFile::new(bytes)).await?;
    }
    Ok(())
}

/// A connector on a sandbox.
fn tracker(info: &Value) -> anyhow::Result<Arc<dyn Connector>> {
    let text = |key: &str| info[key].as_str().with_context(|| format!("no {key}"));
    let settings = ConnectorSettings {
        connector_type: text("connector_type")?.to_owned(),
        base_url: text("base_url")?.to_owned(),
        endpoint: text("endpoint")?.to_owned(),
        auth_type: text("auth_type")?.parse().ok().context("no such sign-in")?,
        metadata: info["metadata"].clone(),
    };
    let credentials = info["credentials"].as_object().context("no credentials")?;
    let credentials = credentials
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Ok(factory(clock)?.open(&settings, &Credentials::new(credentials))?)
}
