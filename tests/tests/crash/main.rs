//! Nothing that was accepted is lost and nothing is done twice, whenever the process dies.
//!
//! Eight senders change items and tell the server so by signed webhooks, without a pause, while the server is killed
//! (`kill -9`) at random moments and at every named point, and started again. The trackers live in this process and
//! survive. At the end three ledgers are compared: what the senders were told, our tables, and what happened at the
//! trackers.
//!
//! `SYNCLINE_CRASH_KILLS` says how many random kills a database gets: 6 when it is not set. When it is set, there are
//! more named points, at their second and third passes as well, and they are gone through on PostgreSQL, too. `SYNCLINE_CRASH_SEED` repeats a run that was told on standard output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    clippy::disallowed_methods,
    reason = "tests; their own servers send small bodies"
)]

mod judgement;
mod load;
mod points;
mod scene;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use syncline::{Config, Seams, Variables, run_within};
use syncline_engine::fault_points;
use syncline_testkit::SeededRng;
use syncline_tests::server::Server;
use syncline_tests::{edits, judge};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use load::Load;
use points::{BESIDES, Death, MortalStore, TRANSACTIONS, WITHIN_A_RUN};
use scene::{Change, Scene};

const KILLS: &str = "SYNCLINE_CRASH_KILLS";
const SEED: &str = "SYNCLINE_CRASH_SEED";
/// Tells the child where to die: the number of the pass, a blank, and the point.
const DEATH: &str = "SYNCLINE_TEST_DEATH";
/// Tells the child to die nowhere, and where to write down which transactions it passes.
const PASSED: &str = "SYNCLINE_TEST_PASSED";

const USUAL_KILLS: u64 = 6;
/// After so many kills a server gets worn out jobs done before it is killed, too. A job whose worker dies ten times is given up,
/// and that is meant; on a slow machine kills would come so fast that no job ever gets anywhere.
const BREATHES: u64 = 4;

/// A server comes to any of its points within this, under load and on a slow machine; one that does not never will.
const LONGEST_LIFE: Duration = Duration::from_secs(180);

/// One scene at a time: the senders of two would starve each other.
static STAGE: Mutex<()> = Mutex::const_new(());

async fn alone() -> MutexGuard<'static, ()> {
    STAGE.lock().await
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no whole number")))
}

fn seed() -> u64 {
    number(SEED).unwrap_or(20_261_128)
}

/// The server under load is killed again and again at moments that nobody chose.
async fn survives_random_kills(what: &str, scene: Scene) {
    let (kills, seed) = (number(KILLS).unwrap_or(USUAL_KILLS), seed());
    println!("{what}: {kills} random kills, {SEED}={seed}");
    let (scene, chance) = (Arc::new(scene), SeededRng::new(seed));
    let mut load = Load::start(&scene, seed);
    let mut under_load = 0;
    for kill in 1..=kills {
        if kill.is_multiple_of(BREATHES) {
            lives_for_a_while(&scene).await;
        }
        let (how, moment) = (chance.below(8), Duration::from_micros(chance.below(1_000_000)));
        let mut server = Server::spawn(scene.program());
        let told = match how {
            0 => {
                sleep(moment / 2).await;
                "while it started"
            }
            _ => {
                let address = server.address().await;
                assert!(address.is_some(), "it ended at once:\n{}", server.log());
                scene.address.send_replace(address);
                load.one_more().await;
                under_load += 1;
                if how == 1 {
                    server.terminate();
                    sleep(moment / 4).await;
                    "while it drained"
                } else {
                    sleep(moment).await;
                    "under load"
                }
            }
        };
        server.kill();
        scene.address.send_replace(None);
        judgement::nothing_twice(&scene);
        println!("kill {kill} {told}, {moment:?}; {} effects", scene.effects());
    }
    assert!(under_load * 2 >= kills, "only {under_load} of {kills} kills met the load");
    comes_out_even(what, &scene, load).await;
}

/// The server dies at each point in turn; the next one cleans up after it and dies at the next point.
async fn survives_every_point(what: &str, scene: Scene) {
    let seed = seed();
    println!("{what}: every named point, {SEED}={seed}");
    let (scene, chance) = (Arc::new(scene), SeededRng::new(seed));
    let load = Load::start(&scene, seed);
    let long = number(KILLS).is_some();
    let mut missed = Vec::new();
    for (at, point) in points::all(long).into_iter().enumerate() {
        if (u64::try_from(at).unwrap() + 1).is_multiple_of(BREATHES) {
            lives_for_a_while(&scene).await;
        }
        if is_of_recovery(&point) {
            // Something to recover from: a write of which nobody recorded what became of it.
            assert!(dies(&scene, fault_points::WRITE_AFTER_CALL, 1).await);
        }
        let nth = if is_early(&point) || !long { 1 } else { 1 + chance.below(3) };
        if !dies(&scene, &point, nth).await {
            missed.push(point);
        }
    }
    assert!(missed.is_empty(), "no server came to {missed:?}");
    comes_out_even(what, &scene, load).await;
}

/// What a server passes once, at its start.
fn is_early(point: &str) -> bool {
    let once = ["close_orphans", "rescue_jobs"];
    is_of_recovery(point) || once.iter().any(|name| point.ends_with(name))
}

fn is_of_recovery(point: &str) -> bool {
    point.contains("recover")
}

/// A server gets the jobs done whose workers died often before it is killed.
async fn lives_for_a_while(scene: &Scene) {
    let mut server = scene.serve(scene.program()).await;
    judgement::nobody_is_worn_out(scene).await;
    server.kill();
    scene.address.send_replace(None);
}

/// Starts a server that dies at a point; false when it never came there.
async fn dies(scene: &Scene, point: &str, nth: u64) -> bool {
    let mut server = Server::spawn(mortal(scene, DEATH, &format!("{nth} {point}")));
    if let Some(address) = server.address().await {
        scene.address.send_replace(Some(address));
    }
    let ended = server.ended_within(LONGEST_LIFE).await;
    if let Some(status) = ended {
        assert_eq!(status.signal(), Some(6), "{point}: it did not abort:\n{}", server.log());
    }
    server.kill();
    scene.address.send_replace(None);
    judgement::nothing_twice(scene);
    println!("{nth}. pass of {point}: {ended:?}; {} effects", scene.effects());
    ended.is_some()
}

fn mortal(scene: &Scene, variable: &str, value: &str) -> Command {
    let mut command = scene.child();
    command.args(["--exact", "child_that_dies", "--ignored", "--nocapture"]).env(variable, value);
    command
}

/// A last server brings everything to its end; then all ledgers must say the same.
async fn comes_out_even(what: &str, scene: &Arc<Scene>, load: Load) {
    let server = scene.serve(scene.program()).await;
    let ledger = load.stop().await;
    judgement::idle(scene).await;
    judgement::accepted_has_arrived(scene, &ledger).await;
    let figures = judgement::all_ledgers_agree(scene, &ledger).await;
    println!("{what}: 0 lost, 0 done twice, 0 duplicates; {figures:?}");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_lose_nothing_and_double_nothing() {
    let _alone = alone().await;
    survives_random_kills("SQLite", Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_lose_nothing_and_double_nothing_on_postgresql() {
    let _alone = alone().await;
    let Some(scene) = Scene::on_postgres().await else { return };
    survives_random_kills("PostgreSQL", scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn death_at_any_point_loses_nothing_and_doubles_nothing() {
    let _alone = alone().await;
    survives_every_point("SQLite", Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn death_at_any_point_loses_nothing_and_doubles_nothing_on_postgresql() {
    let _alone = alone().await;
    if number(KILLS).is_none() {
        return;
    }
    let Some(scene) = Scene::on_postgres().await else { return };
    survives_every_point("PostgreSQL", scene).await;
}

/// Whoever looks too early for a create without an answer must not make another. Nobody else ever names the item again.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_cut_off_is_made_without_any_further_event() {
    let _alone = alone().await;
    let scene = Scene::on_sqlite().await;
    let item = judge::bugs(&scene.from).remove(0).id;
    let event = scene.change(&Change::Title(item.clone()), 1);
    let cut_off = format!("1 {}", fault_points::INTENTS_AFTER_COMMIT);
    let mut first = scene.serve(mortal(&scene, DEATH, &cut_off)).await;
    let address = scene.address.borrow().clone().unwrap();
    let told = scene.deliver(&event, &address).await;
    first.ended().await;
    let _second = scene.serve(scene.program()).await;
    if told.is_none() {
        let address = scene.address.borrow().clone().unwrap();
        assert_eq!(scene.deliver(&event, &address).await.unwrap().status, 202);
    }
    judgement::idle(&scene).await;
    judgement::nothing_twice(&scene);
    assert_eq!(edits::copies(&scene.to).get(&item), Some(&vec![1]), "its copy was made");
}

/// A transaction that is new on the way of a delivery has to be put into the list of those around which servers die.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_points_names_every_transaction_under_load() {
    let _alone = alone().await;
    let scene = Arc::new(Scene::on_sqlite().await);
    let mut load = Load::start(&scene, seed());
    let told = scene.folder().join("passed");
    let _server = scene.serve(mortal(&scene, PASSED, told.to_str().unwrap())).await;
    while scene.to.effects().len() < 60 {
        load.one_more().await;
    }
    load.stop().await;
    judgement::idle(&scene).await;
    let passed = std::fs::read_to_string(&told).unwrap();
    let passed: BTreeSet<&str> = passed.lines().collect();
    let known: BTreeSet<&str> =
        [TRANSACTIONS, WITHIN_A_RUN, BESIDES].into_iter().flatten().copied().collect();
    let unknown: Vec<_> = passed.difference(&known).collect();
    assert!(unknown.is_empty(), "not in the list: {unknown:?}; passed: {passed:?}");
}

#[test]
#[ignore = "the server that the other tests start, to die where they say"]
fn child_that_dies() {
    let death = match (std::env::var(DEATH), std::env::var(PASSED)) {
        (Ok(text), _) => {
            let (nth, point) = text.split_once(' ').unwrap();
            Death::at(point, nth.parse().unwrap())
        }
        (_, Ok(path)) => Death::never(path.into()),
        _ => panic!("started by the other tests only"),
    };
    env_logger::Builder::new().filter_level(log::LevelFilter::Info).init();
    let config = Config::read(&Variables::of_process(None).unwrap()).unwrap();
    let listener = TcpListener::bind((config.host, config.port)).unwrap();
    let seams = Seams {
        faults: death.clone(),
        over_store: Box::new(move |inner| Arc::new(MortalStore { inner, death })),
        ..Seams::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run_within(config, listener, seams, std::future::pending())).unwrap();
}
