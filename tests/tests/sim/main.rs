//! A deterministic simulation: the engine, the queue, the scheduler and the receiver of webhooks over a store and
//! trackers in memory. A seed draws a world (trackers with habits, configurations one way, two ways, opposite, in a
//! ring, in a chain) and a history: people edit, trackers tell of it late, twice and out of order, calls fail before and
//! after their effect, answers get lost, processes die at every point, freeze and thaw, the store goes away before and
//! after a commit, clocks jump; in some worlds people also delete items and restore them. What must hold at every moment
//! is checked after every step; then troubles end, and both sides must come to agree, without a copy too many, and stay so
//! without a write.
//!
//! A seed that fails is printed with the end of its history and replays exactly:
//! `SYNCLINE_SIM_SEEDS=17..18 cargo test -p syncline-tests --test sim`. `SYNCLINE_SIM_STEPS` is the length of a history.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod check;
mod deletes;
mod door;
mod history;
mod model;
mod process;
mod rest;
mod runtime;
mod trace;
mod wire;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use history::History;
use runtime::Idle;
use trace::Trace;

/// Those of every test run; `just sim` plays more.
const SEEDS: Range<u64> = 0..2_000;
const STEPS: u64 = 200;

/// How much of a failed history is shown, in lines.
const SHOWN: usize = 60;

async fn play(seed: u64, steps: u64, idle: Idle, trace: Trace) -> String {
    let mut history = History::begin(seed, idle, trace).await;
    for step in 0..steps {
        history.note(format!("-- step {step}"));
        history.step().await;
    }
    history.come_to_rest().await;
    history.picture()
}

/// Plays a history: its trace and the trackers' records at the end.
fn played(seed: u64, steps: u64, trace: &Trace) -> String {
    let (runtime, idle) = Idle::runtime();
    runtime.block_on(play(seed, steps, idle, Trace::clone(trace)))
}

/// Plays a history; what it looked like when something did not hold.
fn verdict(seed: u64, steps: u64, trace: &Trace) -> Result<(), String> {
    let done = catch_unwind(AssertUnwindSafe(|| played(seed, steps, trace)));
    let Err(panic) = done else { return Ok(()) };
    let why = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default();
    let lines = trace.lines();
    let from = lines.len().saturating_sub(SHOWN);
    Err(format!(
        "seed {seed}: {why}\nits world: {}\n...\n{}\nreplay: SYNCLINE_SIM_SEEDS={seed}..{} SYNCLINE_SIM_STEPS={steps} \
         cargo test -p syncline-tests --test sim whatever",
        lines[0],
        lines[from..].join("\n"),
        seed + 1
    ))
}

fn steps() -> u64 {
    let given = std::env::var("SYNCLINE_SIM_STEPS").ok();
    given.map_or(STEPS, |text| text.parse().expect("SYNCLINE_SIM_STEPS is a number"))
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("SYNCLINE_SIM_SEEDS") else { return SEEDS };
    let (from, to) = text.split_once("..").expect("SYNCLINE_SIM_SEEDS is from..to");
    let number = |text: &str| text.trim().parse().expect("SYNCLINE_SIM_SEEDS is from..to");
    number(from)..number(to)
}

#[test]
fn whatever_happens_both_sides_come_to_agree_and_nothing_is_lost_or_doubled() {
    let (seeds, steps) = (seeds(), steps());
    if seeds.end - seeds.start == 1 {
        let trace = Trace::thorough();
        let verdict = verdict(seeds.start, steps, &trace);
        eprintln!("{}", trace.lines().join("\n"));
        return assert_eq!(verdict, Ok(()));
    }
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let enough = failed.lock().unwrap().len() >= 3;
                    if seed >= seeds.end || enough {
                        return;
                    }
                    if let Err(story) = verdict(seed, steps, &Trace::default()) {
                        failed.lock().unwrap().push(story);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn a_seed_is_the_same_history_every_time() {
    for seed in 0..100 {
        let (first, second) = (Trace::default(), Trace::default());
        let pictures = [played(seed, 60, &first), played(seed, 60, &second)];
        assert_eq!(first.lines(), second.lines(), "seed {seed}");
        assert_eq!(pictures[0], pictures[1], "seed {seed}");
    }
}
