//! What the kernel says about a process: memory, and time on a processor.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

/// The most memory that this process has had resident, in KiB.
pub(crate) fn peak_kib(pid: &str) -> anyhow::Result<u64> {
    status(pid, "VmHWM:")
}

/// The memory that a process has resident, in KiB.
pub(crate) fn resident_kib(pid: &str) -> anyhow::Result<u64> {
    status(pid, "VmRSS:")
}

fn status(pid: &str, key: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find(|line| line.starts_with(key)).context("no such line")?;
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

/// Processor time of this process's threads, by thread name.
///
/// From `schedstat`, which counts nanoseconds (a running thread's last tick may be missing).
pub(crate) fn thread_times() -> anyhow::Result<BTreeMap<String, Duration>> {
    let mut times = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task")? {
        // A thread may end between the listing and the reading.
        let Ok((name, time)) = thread_time(&task?.path()) else { continue };
        *times.entry(name).or_default() += time;
    }
    Ok(times)
}

fn thread_time(task: &Path) -> anyhow::Result<(String, Duration)> {
    let name = std::fs::read_to_string(task.join("comm"))?.trim().to_owned();
    let text = std::fs::read_to_string(task.join("schedstat"))?;
    let nanos = text.split_whitespace().next().context("an empty schedstat")?.parse()?;
    Ok((name, Duration::from_nanos(nanos)))
}
