//! The most memory of a first sync, which must not grow with the number of items.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::Wishes;
use crate::child::{FarSandbox, far_sync};
use crate::report::{Limit, Report};

const SIZES: &[usize] = &[1_000, 10_000, 100_000];
const GROWTH: Limit = Limit::AtMost { must: 64.0, goal: 16.0 };
/// The longest that one sync may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(150);

pub(super) fn run(_: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let sizes = if wishes.quick { &SIZES[..2] } else { SIZES };
    let mut peaks = Vec::new();
    for size in sizes {
        let name = format!("memory_peak_{size}");
        let (source, target) = (FarSandbox::start(*size)?, FarSandbox::start(0)?);
        let Some(said) = far_sync((&source, &target), &json!({}), PATIENCE)? else {
            report.skipped(&name, &format!("it took longer than {} s", PATIENCE.as_secs()));
            continue;
        };
        let number = |key: &str| said[key].as_f64().with_context(|| format!("no {key}"));
        anyhow::ensure!(number("created")? == *size as f64, "{said}");
        let peak = number("peak_kib")? / 1_024.0;
        let seconds = number("seconds")?;
        report.note(&format!(
            "{size} items in {seconds:.1} s ({:.0} items/s); {:.1} MiB before the run",
            *size as f64 / seconds,
            number("before_kib")? / 1_024.0
        ));
        report.info(&name, peak, "MiB");
        peaks.push((*size, peak));
    }
    if let (Some((few, least)), Some((many, most))) = (peaks.first(), peaks.last()) {
        let name = format!("memory_growth_{few}_to_{many}");
        report.figure(&name, most - least, "MiB", GROWTH);
    }
    Ok(())
}
