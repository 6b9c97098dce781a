//! Trackers in trouble: a run ends sensibly, the next one finishes, and nothing is written twice.

use serde_json::json;
use syncline_domain::{ErrorType, Execution, ExecutionStatus};
use syncline_sandbox::{FaultKind as F, FaultRule, RunningSandbox};
use syncline_tests::{BUGS, INCIDENTS, Stage, judge};

/// How often a fault hits: more often than a request is repeated.
const ALWAYS: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Source,
    Target,
}

/// A fault, where it hits, and the error types under which the run or its items may end. None: the run is to get
/// over it by itself.
struct Trouble {
    at: At,
    rule: FaultRule,
    told: &'static [ErrorType],
}

fn trouble(at: At, rule: FaultRule, told: &'static [ErrorType]) -> Trouble {
    Trouble { at, rule, told }
}

fn always(kind: F) -> FaultRule {
    FaultRule::new(kind).times(ALWAYS)
}

const CONNECTION: &[ErrorType] = &[ErrorType::Connection];
const LIMIT: &[ErrorType] = &[ErrorType::RateLimit];
const AUTH: &[ErrorType] = &[ErrorType::Authentication];
/// Answers outside the protocol: of a read, they say nothing; of a write, it may have happened.
const GARBLED: &[ErrorType] = &[ErrorType::Connection, ErrorType::Api];

fn troubles() -> Vec<Trouble> {
    let mut all = vec![
        trouble(At::Target, FaultRule::new(F::PartialBatch).on("$batch"), CONNECTION),
        trouble(At::Source, FaultRule::new(F::Status(429)).retry_after(1), &[]),
        trouble(At::Target, FaultRule::new(F::Status(429)).retry_after(1), &[]),
        trouble(At::Source, FaultRule::new(F::Status(502)).times(2), &[]),
        trouble(At::Source, FaultRule::new(F::Truncated), &[]),
    ];
    for at in [At::Source, At::Target] {
        all.extend([
            trouble(at, always(F::Status(429)).retry_after(600), LIMIT),
            trouble(at, always(F::Status(500)), CONNECTION),
            trouble(at, always(F::Status(502)), CONNECTION),
            trouble(at, always(F::Truncated), GARBLED),
            trouble(at, always(F::SignInHtml), AUTH),
            trouble(at, always(F::WrongContentType), GARBLED),
            trouble(at, always(F::TimeoutBeforeEffect).hold_ms(0), CONNECTION),
        ]);
    }
    all
}

/// What a run complained of: as a whole, and about its items.
async fn complaints(stage: &Stage, run: &Execution) -> Vec<ErrorType> {
    let of_items = stage.outcomes(run).await.into_iter().filter_map(|item| item.error);
    run.error.clone().into_iter().chain(of_items).map(|error| error.error_type).collect()
}

async fn play(trouble: &Trouble, types: (&str, &str)) {
    let stage = Stage::open();
    let from = stage.azure(30).await;
    let to = if types == BUGS { stage.azure(0).await } else { stage.desk().await };
    let config = stage.join(&from, &to, types, json!({})).await;
    let what = format!("{:?} at {:?} to {}", trouble.rule.kind, trouble.at, types.1);
    let hit: &RunningSandbox = if trouble.at == At::Source { &from } else { &to };

    hit.set_faults(vec![trouble.rule.clone()]);
    let first = stage.run(config).await;
    let told = complaints(&stage, &first).await;
    judge::no_duplicates(&from, &to);
    if trouble.told.is_empty() {
        assert_eq!(first.status, ExecutionStatus::Completed, "{what}: {:?} {told:?}", first.error);
        assert_eq!(told, [], "{what}");
    } else {
        // Where all that is left are writes of unknown outcome, nothing has failed: the items wait.
        let ends = [ExecutionStatus::Failed, ExecutionStatus::CompletedWithErrors];
        let waits = first.status == ExecutionStatus::Completed && first.totals.waiting > 0;
        assert!(
            waits || ends.contains(&first.status),
            "{what}: {} {:?}",
            first.status,
            first.totals
        );
        assert!(!told.is_empty(), "{what}: nothing is said");
        assert!(told.iter().all(|kind| trouble.told.contains(kind)), "{what}: {told:?}");
    }

    hit.set_faults(Vec::new());
    stage.let_time_pass();
    stage.run_well(config).await;
    println!("{what}: {} after {told:?}", first.status);
    judge::mirrors(&stage, config, &from, &to).await;
    let written = judge::writes(&to);
    stage.let_time_pass();
    stage.run_well(config).await;
    assert_eq!(judge::writes(&to), written, "{what}: nothing is left to write");
}

#[tokio::test(flavor = "multi_thread")]
async fn between_trackers_with_batches_the_next_run_finishes() {
    for trouble in troubles() {
        play(&trouble, BUGS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_tracker_without_batches_the_next_run_finishes() {
    let has_batches = |trouble: &Trouble| trouble.rule.kind == F::PartialBatch;
    for trouble in troubles().iter().filter(|trouble| !has_batches(trouble)) {
        play(trouble, INCIDENTS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_stops_the_run_and_every_write() {
    for (at, after) in [(At::Source, 0), (At::Source, 1), (At::Target, 0), (At::Target, 30)] {
        let stage = Stage::open();
        let (from, to) = (stage.azure(100).await, stage.desk().await);
        let config = stage.join(&from, &to, INCIDENTS, json!({"concurrency": 1})).await;
        let hit = if at == At::Source { &from } else { &to };
        hit.set_faults(vec![FaultRule::new(F::UnauthorizedAfterN).after(after)]);

        let run = stage.run(config).await;
        assert_eq!(run.status, ExecutionStatus::Failed, "{at:?} {after}: {:?}", run.totals);
        let error = run.error.clone().unwrap();
        assert_eq!(error.error_type, ErrorType::Authentication, "{at:?} {after}: {error:?}");
        let lines: Vec<String> = hit.requests().recent.into();
        let is_refused = |line: &String| line.starts_with("401");
        let first = lines.iter().position(is_refused).unwrap();
        assert!(lines[first..].iter().all(is_refused), "{at:?} {after}: {lines:#?}");
        assert!(lines.len() - first <= 2, "tries with a refused credential: {lines:#?}");
        let said = to.requests().recent;
        let accepted = said.iter().filter(|line| line.starts_with("200 POST"));
        assert_eq!(judge::writes(&to), accepted.count(), "{at:?} {after}: {lines:#?}");
        assert_eq!(judge::writes(&to) > 0, at == At::Target && after > 0, "{lines:#?}");

        hit.set_faults(Vec::new());
        stage.let_time_pass();
        stage.run_well(config).await;
        judge::mirrors(&stage, config, &from, &to).await;
    }
}
