//! `syncline cron`: what a crontab expression says, and when it fires.

use anyhow::Context as _;
use serde_json::{Value, json};
use syncline_domain::Timestamp;
use syncline_domain::ports::Clock as _;
use syncline_engine::SystemClock;
use syncline_scheduler::{CronExpr, Schedule, parse_zone};

use crate::cli::CronArgs;
use crate::output::{Output, table};

pub(crate) fn run(args: &CronArgs, out: Output) -> anyhow::Result<()> {
    let schedule = Schedule {
        cron: CronExpr::parse(&args.expression)?,
        zone: parse_zone(&args.tz).context("--tz")?,
    };
    let from = match &args.from {
        Some(text) => instant(text)?,
        None => SystemClock::new().now(),
    };
    let runs: Vec<Timestamp> = schedule.upcoming(from).take(usize::from(args.count)).collect();
    let next_runs: Vec<Value> =
        runs.iter().map(|run| json!({"epoch_ms": run.millis(), "iso": run.to_iso()})).collect();
    let json = json!({"next_runs": next_runs, "description": schedule.describe()});
    out.show(&json, || told(&schedule, &runs));
    Ok(())
}

fn instant(text: &str) -> anyhow::Result<Timestamp> {
    Timestamp::parse(text).map_err(|_| {
        anyhow::anyhow!("--from: {text:?} is no time; use one such as 2026-03-28T00:00:00Z")
    })
}

fn told(schedule: &Schedule, runs: &[Timestamp]) -> String {
    let head = format!("{} {schedule}", schedule.describe());
    if runs.is_empty() {
        return format!("{head}\nnothing up to the end of the year 2100");
    }
    let rows = runs.iter().map(|run| {
        let local = run.to_datetime().with_timezone(&schedule.zone);
        vec![local.format("%a %Y-%m-%d %H:%M %:z").to_string(), run.to_iso_secs()]
    });
    format!("{head}\n{}", table(&["on its clocks", "UTC"], rows.collect()))
}
