//! Real trackers that nobody here wrote: two Redmine servers in step, and Redmine with the sandboxes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "tests"
)]

#[path = "real/hooked.rs"]
mod hooked;
#[path = "real/house.rs"]
mod house;
#[path = "real/kills.rs"]
mod kills;
#[path = "real/redmine.rs"]
mod redmine;
#[path = "real/two_ways.rs"]
mod two_ways;
#[path = "real/whole.rs"]
mod whole;
#[path = "real/whole_hooked.rs"]
mod whole_hooked;

use std::collections::BTreeMap;
use std::sync::Arc;

use house::House;
use redmine::Redmine;
use serde_json::{Value, json};
use syncline_engine::SystemClock;
use syncline_sandbox::{AzureDevOps, SandboxOptions, ServiceDeskPlus};

/// How many items the tests of two ways have: 16 when it is not set.
const ITEMS: &str = "SYNCLINE_REAL_ITEMS";
/// How often the server between two trackers is killed: twice when it is not set.
const KILLS: &str = "SYNCLINE_REAL_KILLS";

const ISSUES: u64 = 300;
const EDITS: usize = 20;
/// Texts that break careless programs.
const TITLES: [&str; 6] = [
    "Straße und Łódź: größer als <b>fett</b>",
    "日本語のタイトル — \"quotes\" & 'apostrophes'",
    "مرحبا بالعالم 🎉👩‍👩‍👧‍👦",
    "a < b && c > d; DROP TABLE issues; --",
    "tab\tinside, {{mustache}} and ${shell}",
    "plain",
];
const TEXT: &str =
    "First line\n\n<p>not a paragraph</p> &amp; &lt;kept&gt;\n* bullet\n|a|b|\n\nlast line ünïcödé";

fn issue(n: u64) -> Value {
    let title = TITLES[usize::try_from(n).unwrap() % TITLES.len()];
    json!({
        "tracker_id": 1 + n % 3, "subject": format!("{n}: {title}"),
        "description": if n.is_multiple_of(7) { String::new() } else { format!("{TEXT} {n}") },
        "priority_id": 1 + n % 5, "done_ratio": (n % 11) * 10
    })
}

fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?}")))
}

/// Fills a Redmine: all trackers, priorities and statuses, some comments, some closed.
async fn fill(redmine: &Redmine) {
    for n in 1..=ISSUES {
        let id = redmine.create(&issue(n)).await;
        if !n.is_multiple_of(6) {
            redmine.change(id, &json!({"status_id": 1 + n % 6})).await;
        }
        if n.is_multiple_of(10) {
            redmine.change(id, &json!({"notes": format!("first comment on {n} <i>ü</i>")})).await;
            redmine.change(id, &json!({"notes": format!("second comment on {n}")})).await;
        }
    }
}

/// What must be equal on both sides, read through Redmine's own API.
fn essence(issue: &Value) -> Value {
    let text = |name: &str| issue[name].as_str().unwrap_or_default().replace("\r\n", "\n");
    json!({
        "subject": text("subject"), "description": text("description"),
        "tracker": issue["tracker"]["name"], "status": issue["status"]["name"],
        "priority": issue["priority"]["name"], "done_ratio": issue["done_ratio"]
    })
}

fn by_subject(issues: &[Value]) -> BTreeMap<String, Value> {
    issues
        .iter()
        .map(|issue| (issue["subject"].as_str().unwrap().to_owned(), essence(issue)))
        .collect()
}

fn ids(issues: &[Value]) -> BTreeMap<String, u64> {
    issues
        .iter()
        .map(|issue| (issue["subject"].as_str().unwrap().to_owned(), issue["id"].as_u64().unwrap()))
        .collect()
}

/// Every tenth issue has two comments.
fn commented(subject: &str) -> bool {
    subject
        .split_once(':')
        .and_then(|(n, _)| n.parse::<u64>().ok())
        .is_some_and(|n| n.is_multiple_of(10))
}

fn touched(issues: &[Value]) -> BTreeMap<u64, String> {
    issues
        .iter()
        .map(|issue| {
            (issue["id"].as_u64().unwrap(), issue["updated_on"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_redmine_servers_in_step() {
    let (Some(mut a), Some(mut b)) = (Redmine::start("a"), Redmine::start("b")) else { return };
    one_way(&a, &b).await;
    a.turn_to_other_project();
    b.turn_to_other_project();
    two_ways::every_edit_is_one_write(&a, &b, number(ITEMS, 16)).await;
}

async fn one_way(a: &Redmine, b: &Redmine) {
    fill(a).await;
    let house = House::open();
    let (source, target) =
        (house.connect(a.connector("A")).await, house.connect(b.connector("B")).await);
    let pairs = [("Bug", "Bug"), ("Feature", "Feature"), ("Support", "Support")];
    let config = house.configure(source, target, &pairs).await;

    let first = house.run(config).await;
    house.assert_none_waits(&first).await;
    assert_eq!(first.totals.created, ISSUES, "{:?}", first.totals);
    let (at_a, at_b) = (a.issues().await, b.issues().await);
    assert_eq!(by_subject(&at_a), by_subject(&at_b), "B equals A, field by field");
    let copies = ids(&at_b);
    for (subject, id) in ids(&at_a).iter().filter(|(subject, _)| commented(subject)) {
        let wanted = a.comments(*id).await;
        let found = b.comments(copies[subject]).await;
        assert_eq!((wanted.len(), found.len()), (2, 2), "{subject}: {found:?}");
        for (copy, original) in found.iter().zip(&wanted) {
            assert!(copy.contains(original.as_str()), "{copy} holds {original}");
        }
    }

    let second = house.run(config).await;
    assert_eq!(second.totals.synced(), 0, "{:?}", second.totals);
    assert_eq!(touched(&b.issues().await), touched(&at_b), "a second run makes no write");

    for issue in at_a.iter().step_by(at_a.len() / EDITS).take(EDITS) {
        let id = issue["id"].as_u64().unwrap();
        let title = format!("{} (edited)", issue["subject"].as_str().unwrap());
        a.change(id, &json!({"subject": title, "priority_id": 1})).await;
    }
    let third = house.run(config).await;
    assert_eq!(third.totals.updated, u64::try_from(EDITS).unwrap(), "{:?}", third.totals);
    let after = b.issues().await;
    let before = touched(&at_b);
    let moved = touched(&after).iter().filter(|(id, at)| before.get(id) != Some(at)).count();
    assert_eq!(moved, EDITS, "20 edits move exactly 20 issues");
    assert_eq!(by_subject(&a.issues().await), by_subject(&after));
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_issues_between_two_redmine_servers() {
    let (Some(a), Some(b)) = (Redmine::start("whole-a"), Redmine::start("whole-b")) else { return };
    whole::issues_are_whole_on_both_sides(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_bugs_between_azure_devops_and_redmine_by_webhooks() {
    let Some(redmine) = Redmine::start("whole-c") else { return };
    whole_hooked::bugs_are_whole_on_both_sides(redmine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redmine_with_the_sandboxes() {
    let Some(mut redmine) = Redmine::start("c") else { return };
    between_the_sandboxes(&redmine).await;
    redmine.turn_to_other_project();
    let mut scene = hooked::Scene::new(redmine, number(ITEMS, 16)).await;
    scene.every_edit_is_one_write().await;
    kills::survives(&mut scene, number(KILLS, 2)).await;
}

async fn between_the_sandboxes(redmine: &Redmine) {
    let options = || SandboxOptions::new(Arc::new(SystemClock::new()));
    let azure = AzureDevOps::start(options().items(60)).await.unwrap();
    let desk = ServiceDeskPlus::start(options().items(0)).await.unwrap();
    let body = |info: syncline_sandbox::SandboxInfo| {
        json!({
            "name": info.name, "connector_type": info.connector_type, "base_url": info.base_url,
            "endpoint": info.endpoint, "auth_type": info.auth_type,
            "credentials": info.credentials, "metadata": info.metadata
        })
    };
    let house = House::open();
    let from = house.connect(body(azure.info())).await;
    let middle = house.connect(redmine.connector("Redmine")).await;
    let to = house.connect(body(desk.info())).await;

    let inward = house.configure(from, middle, &[("Bug", "Bug")]).await;
    let first = house.run(inward).await;
    let bugs = azure.items().iter().filter(|item| item.item_type == "Bug").count();
    assert_eq!(first.totals.created, u64::try_from(bugs).unwrap());
    let titles: Vec<String> =
        redmine.issues().await.iter().map(|i| i["subject"].as_str().unwrap().to_owned()).collect();
    for bug in azure.items().iter().filter(|item| item.item_type == "Bug") {
        assert_eq!(titles.iter().filter(|title| **title == bug.title).count(), 1, "{}", bug.title);
    }
    assert_eq!(house.run(inward).await.totals.synced(), 0);

    let onward = house.configure(middle, to, &[("Bug", "Incident")]).await;
    let second = house.run(onward).await;
    assert_eq!(second.totals.created, u64::try_from(bugs).unwrap(), "a chain flows");
    assert_eq!(desk.items().len(), bugs);
    assert_eq!(house.run(onward).await.totals.synced(), 0);
    azure.stop().await;
    desk.stop().await;
}
