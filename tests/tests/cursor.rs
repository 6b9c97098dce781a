//! No edit is ever passed over: not those made while a run reads, not those that searches show late.

use std::time::Duration;

use serde_json::{Map, json};
use syncline_sandbox::{Edit, RunningSandbox};
use syncline_tests::{BUGS, INCIDENTS, Stage, judge, retitle};
use tokio::time::sleep;

/// How often the trackers are looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(1);

fn report(sandbox: &RunningSandbox, title: &str) -> String {
    let mut fields = Map::new();
    fields.insert("System.Title".to_owned(), json!(title));
    let item_type = Some("Bug".to_owned());
    sandbox.edit(&Edit { fields, item_type, ..Edit::default() }).unwrap().item_id
}

/// Waits until so many requests have come in whose route holds `part`.
async fn asked(sandbox: &RunningSandbox, part: &str, count: u64) {
    while sandbox.requests().matching(part) < count {
        sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_misses_no_edit_at_any_of_its_steps() {
    for (tracker, part, count) in [
        ("source", "wiql", 1),
        ("source", "workitemsbatch", 1),
        ("source", "workitemsbatch", 3),
        ("target", "$batch", 1),
        ("target", "$batch", 3),
    ] {
        let stage = Stage::open();
        let (from, to) = (stage.azure(562).await, stage.azure(0).await);
        let config = stage.join(&from, &to, BUGS, json!({})).await;
        for slow in [&from, &to] {
            slow.set_latency(Duration::from_millis(40));
        }
        let bugs = judge::bugs(&from);
        let ended = stage.start(config).await;
        asked(if tracker == "source" { &from } else { &to }, part, count).await;
        for (place, bug) in bugs.iter().enumerate().step_by(45) {
            retitle(&from, &bug.id, &format!("place {place}, edited meanwhile"));
        }
        let new = report(&from, "reported meanwhile");
        ended.await.unwrap();
        stage.run_well(config).await;
        judge::mirrors(&stage, config, &from, &to).await;
        assert!(!new.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_searches_show_late_arrives_late_but_arrives() {
    let stage = Stage::open();
    let (from, to) = (stage.azure(50).await, stage.desk().await);
    let config = stage.join(&from, &to, INCIDENTS, json!({})).await;
    stage.run_well(config).await;
    stage.let_time_pass();

    from.set_search_lag(Duration::from_secs(30));
    let early = report(&from, "reported, not to be found yet");
    // An edit that is seen at once moves the cursor past the new bug's time.
    stage.clock.advance(Duration::from_secs(5));
    let seen = judge::bugs(&from)[0].id.clone();
    retitle(&from, &seen, "seen at once");
    let run = stage.run_well(config).await;
    assert_eq!((run.totals.created, run.totals.updated), (0, 1), "{:?}", run.totals);

    stage.clock.advance(Duration::from_secs(31));
    let run = stage.run_well(config).await;
    assert_eq!(run.totals.created, 1, "{early}: {:?}", run.totals);
    judge::mirrors(&stage, config, &from, &to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_waits_until_searches_would_show_its_effect() {
    use syncline_sandbox::{FaultKind, FaultRule};
    let stage = Stage::open();
    let (from, to) = (stage.azure(30).await, stage.azure(0).await);
    let config = stage.join(&from, &to, BUGS, json!({})).await;
    to.set_search_lag(Duration::from_secs(4));
    let lost = FaultRule::new(FaultKind::TimeoutAfterEffect).on("$batch").hold_ms(0);
    to.set_faults(vec![lost]);
    stage.run(config).await;
    let made = judge::creates(&to);
    assert_eq!(made, judge::bugs(&from).len());

    let too_soon = stage.run(config).await;
    assert_eq!(
        judge::creates(&to),
        made,
        "nobody writes before searches tell: {:?}",
        too_soon.totals
    );
    stage.let_time_pass();
    stage.run_well(config).await;
    judge::mirrors(&stage, config, &from, &to).await;
}
