//! Exactly once: the real program is killed at odd moments, and answers get lost after their effect.

use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ConfigId;
use syncline_domain::ports::Rng as _;
use syncline_sandbox::{FaultKind, FaultRule, RunningSandbox};
use syncline_testkit::SeededRng;
use syncline_tests::program::syncline;
use syncline_tests::{BUGS, INCIDENTS, Stage, judge};
use tokio::time::sleep;

/// Kills that came in time: before the program was done.
const KILLS: u64 = 6;
/// Attempts at that. A run after a kill may have little to do while searches may not show yet what the dead one sent, and
/// is then done before it is killed.
const MOST_ATTEMPTS: u64 = 120;
/// How often the trackers are looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(1);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn sync_run(stage: &Stage, config: ConfigId) -> Command {
    let mut command = syncline(stage);
    command.args(["sync", "run", &config.to_string()]);
    command
}

fn requests(trackers: [&RunningSandbox; 2]) -> u64 {
    trackers.iter().map(|tracker| tracker.requests().total).sum()
}

/// What was under way when the process died has arrived or is lost.
async fn all_quiet(trackers: [&RunningSandbox; 2]) {
    for tracker in trackers {
        loop {
            tracker.reset_requests();
            if tracker.requests().peak_in_flight == 0 {
                break;
            }
            sleep(LOOK).await;
        }
    }
}

/// Runs the program and kills it after some requests and a moment more. True when it got to its end before.
async fn killed(
    stage: &Stage,
    config: ConfigId,
    trackers: [&RunningSandbox; 2],
    (after, moment): (u64, Duration),
) -> bool {
    all_quiet(trackers).await;
    let mut running = Running(sync_run(stage, config).spawn().unwrap());
    while requests(trackers) < after {
        if running.0.try_wait().unwrap().is_some() {
            return true;
        }
        sleep(LOOK).await;
    }
    sleep(moment).await;
    let ended = running.0.try_wait().unwrap().is_some();
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    ended
}

/// Kills the program again and again; then one run has to make everything whole.
async fn survives(
    seed: u64,
    stage: &Stage,
    config: ConfigId,
    (from, to): (&RunningSandbox, &RunningSandbox),
    most_requests: u64,
) {
    let chance = SeededRng::new(seed);
    let mut cut_short = 0;
    for kill in 1..=MOST_ATTEMPTS {
        if cut_short == KILLS {
            break;
        }
        let after = 1 + chance.next_u64() % most_requests;
        let moment = Duration::from_micros(chance.next_u64() % 30_000);
        let ended = killed(stage, config, [from, to], (after, moment)).await;
        println!(
            "seed {seed}, kill {kill}: {after} requests and {moment:?}, {} copies{}",
            to.items().len(),
            if ended { ", too late" } else { "" }
        );
        cut_short += u64::from(!ended);
        all_quiet([from, to]).await;
        judge::no_duplicates(from, to);
        stage.free_lease(config).await;
    }
    assert_eq!(cut_short, KILLS, "kills that came in time");

    // The next run closes the dead one; what that may have sent as its last may be missing from searches from then on.
    stage.run(config).await;
    stage.let_time_pass();
    stage.run_well(config).await;
    judge::mirrors(stage, config, from, to).await;

    let written = (judge::writes(from), judge::writes(to));
    let last = sync_run(stage, config).output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    assert_eq!((judge::writes(from), judge::writes(to)), written, "nothing is left to write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_leaves_no_duplicates_where_items_are_written_alone() {
    let stage = Stage::open();
    let (from, to) = (stage.azure(124).await, stage.desk().await);
    let config = stage.join(&from, &to, INCIDENTS, json!({})).await;
    to.set_latency(Duration::from_millis(15));
    survives(20_261_123, &stage, config, (&from, &to), 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_leaves_no_duplicates_where_items_are_written_in_batches() {
    let stage = Stage::open();
    let (from, to) = (stage.azure(1_500).await, stage.azure(0).await);
    let config = stage.join(&from, &to, BUGS, json!({})).await;
    to.set_latency(Duration::from_millis(15));
    survives(4_711, &stage, config, (&from, &to), 6).await;
}

/// Where answers get lost after their effect: the way there, and the option that names a marker's field.
struct Lost {
    types: (&'static str, &'static str),
    marker: Option<&'static str>,
    /// The requests whose answers never come.
    on: &'static str,
    times: u64,
    kind: FaultKind,
}

impl Lost {
    async fn play(&self) {
        let stage = Stage::open();
        let from = stage.azure(50).await;
        let to = if self.types == BUGS { stage.azure(0).await } else { stage.desk().await };
        let options = self.marker.map_or(json!({}), |field| json!({"external_id_field": field}));
        let config = stage.join(&from, &to, self.types, options).await;
        let what = format!("{:?} on {} with {:?}", self.kind, self.on, self.marker);

        let lost = FaultRule::new(self.kind).on(self.on).times(self.times).hold_ms(0);
        to.set_faults(vec![lost]);
        let first = stage.run(config).await;
        assert!(first.totals.created < 40, "{what}: {:?}", first.totals);
        assert!(judge::creates(&to) > 0, "{what}: the effect was there");
        judge::no_duplicates(&from, &to);

        to.set_faults(Vec::new());
        stage.let_time_pass();
        let second = stage.run_well(config).await;
        judge::mirrors(&stage, config, &from, &to).await;
        let created = first.totals.created + second.totals.created;
        assert_eq!(created, 40, "{what}: {:?} then {:?}", first.totals, second.totals);

        let written = judge::writes(&to);
        stage.let_time_pass();
        stage.run_well(config).await;
        assert_eq!(judge::writes(&to), written, "{what}: nothing is left to write");
        if let Some(field) = self.marker {
            marked(&to, field);
        }
    }
}

/// Every copy carries a marker of its own.
fn marked(to: &RunningSandbox, field: &str) {
    let mut seen = std::collections::BTreeSet::new();
    for copy in to.items() {
        let item = to.item(&copy.id).unwrap();
        let fields = item.get("fields").unwrap_or(&item);
        let dotted = || field.split('.').try_fold(fields, |at, part| at.get(part));
        let marker = fields.get(field).or_else(dotted).and_then(Value::as_str);
        let marker = marker.unwrap_or_else(|| panic!("{field} in {item}"));
        assert!(seen.insert(marker.to_owned()), "{marker} is there twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_looked_for_before_anything_is_written_again() {
    let azure = (BUGS, "$batch", [None, Some("Custom.ExternalId")]);
    let desk = (INCIDENTS, "POST /api/v3/requests", [None, Some("udf_fields.udf_char1")]);
    for (types, on, markers) in [azure, desk] {
        for marker in markers {
            for (kind, times) in [
                (FaultKind::TimeoutAfterEffect, 1),
                (FaultKind::TimeoutAfterEffect, 3),
                (FaultKind::Truncated, 2),
                (FaultKind::StatusAfterEffect(502), 2),
            ] {
                Lost { types, marker, on, times, kind }.play().await;
            }
        }
    }
}
