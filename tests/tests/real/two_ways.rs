//! Two Redmine servers two ways: every edit is one write at the other side, and then there is silence.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_domain::ConfigId;
use syncline_domain::ports::Rng as _;
use syncline_testkit::SeededRng;

use crate::house::House;
use crate::redmine::{Asked, Redmine};
use crate::{essence, ids};

const SEED: u64 = 20_261_128;
pub const IDLE_RUNS: usize = 10;

/// An item and its copy: the issue's number at either server.
#[derive(Clone, Copy)]
struct Pair {
    a: u64,
    b: u64,
}

/// Every issue is edited once on a side that chance names, and one in five on both: half of those in two fields, which
/// both travel, half in the same field, which the source decides.
pub async fn every_edit_is_one_write(a: &Redmine, b: &Redmine, items: u64) {
    for n in 1..=items {
        let issue = json!({"tracker_id": 1, "subject": format!("item {n}"), "priority_id": 2});
        a.create(&issue).await;
    }
    let house = House::open();
    let (source, target) =
        (house.connect(a.connector("A")).await, house.connect(b.connector("B")).await);
    let both = json!({"direction": "bidirectional", "conflict_resolution": "source-priority"});
    let config = house.configure_as(source, target, &[("Bug", "Bug")], both).await;

    let first = house.run(config).await;
    assert_eq!(first.totals.created, items, "{:?}", first.totals);
    silence(&house, config, a, b, 1).await;

    let pairs = pairs(a, b).await;
    let people = edit(a, b, &pairs).await;
    let before = (a.asked(), b.asked());
    let run = house.run(config).await;
    house.assert_none_waits(&run).await;
    let (at_a, at_b) = (since(&before.0, &a.asked()), since(&before.1, &b.asked()));
    for (pair, expected) in pairs.iter().zip(&people.expected) {
        assert_eq!(
            (at_a.to(pair.a), at_b.to(pair.b)),
            *expected,
            "writes to {} and {}",
            pair.a,
            pair.b
        );
    }
    let expected: usize = people.expected.iter().map(|(a, b)| a + b).sum();
    let written = at_a.written() + at_b.written();
    assert_eq!(written, expected, "no other write: {at_a:?} {at_b:?}");
    agree(a, b, &pairs, &people.titles).await;

    let requests = silence(&house, config, a, b, IDLE_RUNS).await;
    println!(
        "Redmine and Redmine: {items} items, {} edits that win, {written} writes; {IDLE_RUNS} idle runs: 0 writes, \
         {:.1} requests a run on both sides",
        expected,
        requests as f64 / IDLE_RUNS as f64
    );
}

async fn pairs(a: &Redmine, b: &Redmine) -> Vec<Pair> {
    let copies = ids(&b.issues().await);
    let mut pairs: Vec<Pair> = ids(&a.issues().await)
        .into_iter()
        .map(|(subject, a)| Pair { a, b: copies[&subject] })
        .collect();
    pairs.sort_by_key(|pair| pair.a);
    pairs
}

/// What people did, and what has to come of it.
struct People {
    /// Writes to either side, pair by pair.
    expected: Vec<(usize, usize)>,
    /// The title that both sides show in the end.
    titles: Vec<String>,
}

async fn edit(a: &Redmine, b: &Redmine, pairs: &[Pair]) -> People {
    let chance = SeededRng::new(SEED);
    let mut people = People { expected: Vec::new(), titles: Vec::new() };
    for (n, pair) in pairs.iter().enumerate() {
        let title = |side: &str| format!("item {n} edited at {side}");
        let (here, there) = (title("A"), title("B"));
        let (expected, shown) = match n % 10 {
            0 => {
                a.change(pair.a, &json!({"subject": here})).await;
                b.change(pair.b, &json!({"priority_id": 5})).await;
                ((1, 1), here)
            }
            5 => {
                b.change(pair.b, &json!({"subject": there})).await;
                a.change(pair.a, &json!({"subject": here})).await;
                ((0, 1), here)
            }
            _ if chance.next_u64().is_multiple_of(2) => {
                a.change(pair.a, &json!({"subject": here})).await;
                ((0, 1), here)
            }
            _ => {
                b.change(pair.b, &json!({"subject": there})).await;
                ((1, 0), there)
            }
        };
        people.expected.push(expected);
        people.titles.push(shown);
    }
    people
}

/// Both sides show the same in every field, under the title that was to win.
async fn agree(a: &Redmine, b: &Redmine, pairs: &[Pair], titles: &[String]) {
    let by_id = |issues: Vec<Value>| -> BTreeMap<u64, Value> {
        issues.iter().map(|issue| (issue["id"].as_u64().unwrap(), essence(issue))).collect()
    };
    let (at_a, at_b) = (by_id(a.issues().await), by_id(b.issues().await));
    assert_eq!((at_a.len(), at_b.len()), (pairs.len(), pairs.len()), "no issue more or less");
    for (n, (pair, title)) in pairs.iter().zip(titles).enumerate() {
        assert_eq!(at_a[&pair.a], at_b[&pair.b], "{} and {}", pair.a, pair.b);
        assert_eq!(at_a[&pair.a]["subject"], *title);
        let urgent = at_a[&pair.a]["priority"] == "Immediate";
        assert_eq!(urgent, n % 10 == 0, "a priority that was edited at B alone");
    }
}

/// Runs that find nothing to do: no write; how many requests they took.
pub async fn silence(
    house: &House,
    config: ConfigId,
    a: &Redmine,
    b: &Redmine,
    runs: usize,
) -> usize {
    let before = (a.asked(), b.asked());
    for _ in 0..runs {
        let run = house.run(config).await;
        assert_eq!(run.totals.synced(), 0, "{:?}", run.totals);
    }
    let (at_a, at_b) = (since(&before.0, &a.asked()), since(&before.1, &b.asked()));
    assert_eq!((at_a.written(), at_b.written()), (0, 0), "{at_a:?} {at_b:?}");
    at_a.requests + at_b.requests
}

/// What came after `before`.
pub fn since(before: &Asked, now: &Asked) -> Asked {
    let mut asked = now.clone();
    asked.requests -= before.requests;
    for (path, times) in &before.writes {
        *asked.writes.get_mut(path).unwrap() -= times;
    }
    asked
}
