//! Who may use which route, for every route of the document.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use syncline_domain::Role;
use syncline_domain::ports::Clock as _;

use crate::support::{House, Route, routes};

type Headers = Vec<(String, String)>;

/// Somebody who calls, and what each route should say to them: 200 stands for anything but 401 and 403.
struct Who {
    name: &'static str,
    headers: Headers,
    expected: fn(&Route) -> u16,
}

fn bearer(key: &str) -> Headers {
    vec![("authorization".to_owned(), format!("Bearer {key}"))]
}

fn one(name: &str, value: &str) -> Headers {
    vec![(name.to_owned(), value.to_owned())]
}

fn unless_open(route: &Route, refused: u16) -> u16 {
    if route.role.is_none() { 200 } else { refused }
}

fn by_role(route: &Route, has: Role) -> u16 {
    if route.role.is_none_or(|needed| has >= needed) { 200 } else { 403 }
}

async fn ask(house: &House, who: &Who, faults: &mut Vec<String>) {
    let headers: Vec<(&str, &str)> =
        who.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for route in routes() {
        let seen = house.send(route.method, &route.target(), &headers, route.body.as_ref()).await;
        let got = if matches!(seen.status, 401 | 403) { seen.status } else { 200 };
        if seen.status == 401 {
            // Slowly enough for somebody who shows wrong keys.
            house.clock.advance(Duration::from_secs(7));
        }
        let expected = (who.expected)(&route);
        if got != expected || seen.status >= 500 {
            faults.push(format!(
                "{}: {} {} answers {} instead of {expected}",
                who.name, route.method, route.path, seen.status
            ));
        }
    }
}

async fn furnished_with_a_run() -> House {
    let house = House::furnished().await;
    let run = house.post("/api/execute/sync/1", &json!({"dry_run": true})).await;
    assert_eq!(run.status, 200, "{}", run.text());
    let plan = house.post("/api/execute/preview/1", &json!({})).await;
    assert_eq!((plan.status, &plan.json()["plan_id"]), (200, &json!(1)), "{}", plan.text());
    house.add_conflict().await;
    house
}

#[tokio::test]
async fn the_table_of_routes_is_the_document() {
    let house = House::new().await;
    let table: BTreeSet<String> =
        routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let document: BTreeSet<String> = house
        .contract
        .operations()
        .into_iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let missing: Vec<_> = document.symmetric_difference(&table).collect();
    assert!(missing.is_empty(), "only in one of the two: {missing:?}");
    assert_eq!(table.len(), routes().len());
}

#[tokio::test]
async fn without_any_key_only_this_machine_itself_comes_in() {
    let mut faults = Vec::new();
    let house = furnished_with_a_run().await;
    for (name, header, value, refused) in [
        ("through a proxy", "X-Forwarded-For", "10.0.0.7", 401_u16),
        ("through a proxy", "Forwarded", "for=10.0.0.7", 401),
        ("through a proxy", "X-Real-IP", "10.0.0.7", 401),
        ("through a proxy", "Via", "1.1 proxy", 401),
        ("for another host", "Host", "evil.example", 401),
        ("from another page", "Origin", "http://evil.example", 403),
        ("from another page", "Origin", "null", 403),
        ("from another page", "Sec-Fetch-Site", "cross-site", 403),
        ("with a key nobody made", "Authorization", "Bearer sk_nobody", 401),
        ("with something else", "Authorization", "Basic dXNlcjpwYXNz", 401),
        ("with half a header", "Authorization", "Bearer", 401),
    ] {
        let expected = match refused {
            401 => |route: &Route| unless_open(route, 401),
            _ => |route: &Route| unless_open(route, 403),
        };
        ask(&house, &Who { name, headers: one(header, value), expected }, &mut faults).await;
    }
    let owner = Who { name: "the owner", headers: Vec::new(), expected: |_| 200 };
    ask(&house, &owner, &mut faults).await;
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn a_server_for_others_takes_keys_only() {
    let house = House::with(false).await;
    let mut faults = Vec::new();
    let nobody =
        Who { name: "nobody", headers: Vec::new(), expected: |route| unless_open(route, 401) };
    ask(&house, &nobody, &mut faults).await;
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn each_role_may_do_its_part_and_no_more() {
    let mut faults = Vec::new();
    for (name, role, expected) in [
        ("viewer", Role::Viewer, (|route| by_role(route, Role::Viewer)) as fn(&Route) -> u16),
        ("operator", Role::Operator, |route| by_role(route, Role::Operator)),
        ("admin", Role::Admin, |route| by_role(route, Role::Admin)),
    ] {
        let house = furnished_with_a_run().await;
        let headers = bearer(&house.key(name, role, None).await);
        ask(&house, &Who { name, headers, expected }, &mut faults).await;
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn keys_that_ended_open_nothing_and_keep_the_door_shut() {
    let house = furnished_with_a_run().await;
    let until = house.clock.now().after(Duration::from_secs(60));
    let revoked = house.key("revoked", Role::Admin, None).await;
    let short = house.key_until("short", Role::Admin, None, Some(until)).await;
    let caller = syncline_app::Caller::command_line();
    house.app.revoke_key(&caller, "revoked").await.unwrap();
    house.clock.advance(Duration::from_secs(61));
    let mut faults = Vec::new();
    let expected: fn(&Route) -> u16 = |route| unless_open(route, 401);
    for (name, headers) in [
        ("a revoked key", bearer(&revoked)),
        ("a key that ran out", bearer(&short)),
        ("nobody, since keys exist", Vec::new()),
    ] {
        ask(&house, &Who { name, headers, expected }, &mut faults).await;
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn every_bad_key_gets_the_same_answer() {
    let house = House::new().await;
    let revoked = house.key("revoked", Role::Admin, None).await;
    house.app.revoke_key(&syncline_app::Caller::command_line(), "revoked").await.unwrap();
    let mut texts = BTreeSet::new();
    for value in
        ["Bearer sk_unknown", &format!("Bearer {revoked}"), "Bearer", "Basic x", "Bearer a b"]
    {
        let seen = house.send("GET", "/api/connectors", &[("authorization", value)], None).await;
        let json = seen.json();
        assert_eq!(seen.status, 401);
        texts.insert(format!("{} {}", json["error"], json["message"]));
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[tokio::test]
async fn a_key_for_one_configuration_works_there() {
    let mut faults = Vec::new();
    for (name, role, expected) in [
        (
            "scoped operator",
            Role::Operator,
            (|route| if route.scoped { by_role(route, Role::Operator) } else { 403 })
                as fn(&Route) -> u16,
        ),
        ("scoped admin", Role::Admin, |route| if route.scoped { 200 } else { 403 }),
    ] {
        let house = furnished_with_a_run().await;
        let headers = bearer(&house.key(name, role, Some(vec![1])).await);
        ask(&house, &Who { name, headers, expected }, &mut faults).await;
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn for_a_key_of_another_configuration_nothing_is_there() {
    let house = furnished_with_a_run().await;
    let key = house.key("elsewhere", Role::Admin, Some(vec![77])).await;
    let auth = format!("Bearer {key}");
    let mut faults = Vec::new();
    for route in routes() {
        let headers = [("authorization", auth.as_str())];
        let seen = house.send(route.method, &route.target(), &headers, route.body.as_ref()).await;
        let shared = [
            "/api/connectors/types/available",
            "/api/transformations",
            "/api/settings",
            "/api/settings/{key}",
            "/api/scheduler/status",
            "/api/scheduler/preview",
            "/api/jobs/queue",
        ];
        let each_alone = route.path == "/api/conflicts/resolve-batch";
        let lists = [
            "/api/connectors",
            "/api/sync-configs",
            "/api/executions",
            "/api/jobs",
            "/api/webhooks",
            "/api/notifications",
            "/api/conflicts",
        ];
        let expected = match route.method {
            _ if route.path.contains("/receive/") => 404,
            _ if route.role.is_none() => 200,
            "GET" if shared.contains(&route.path) => 200,
            "GET" if lists.contains(&route.path) => {
                assert_eq!(seen.json()["count"], 0, "{} {}", route.path, seen.text());
                200
            }
            _ if each_alone => {
                let body = seen.json();
                assert_eq!((&body["resolved"], &body["failed"]), (&json!(0), &json!(1)));
                200
            }
            _ if !route.scoped => 403,
            _ => 404,
        };
        if seen.status != expected {
            faults.push(format!("{} {} {}", route.method, route.path, seen.status));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn a_scoped_admin_cannot_reach_connectors_through_a_configuration() {
    let house = House::furnished().await;
    let other = json!({
        "name": "Hidden", "connector_type": "fakebugs", "base_url": "https://hidden.example",
        "auth_type": "pat", "credentials": {"token": "t"}
    });
    assert_eq!(house.post("/api/connectors", &other).await.status, 201);
    let auth = format!("Bearer {}", house.key("scoped", Role::Admin, Some(vec![1])).await);
    let headers = [("authorization", auth.as_str())];
    let grab = json!({"source_connector_id": 3});
    let seen = house.send("PUT", "/api/sync-configs/1", &headers, Some(&grab)).await;
    assert_eq!(seen.status, 400, "{}", seen.text());
    assert_eq!(seen.json()["details"][0]["path"], "/source_connector_id");
    let trial = json!({
        "source_connector_id": 3, "target_connector_id": 2, "type_mappings": [],
        "sample_source_item": {"type": "Bug"}
    });
    let seen = house.send("POST", "/api/execute/test-mapping", &headers, Some(&trial)).await;
    assert_eq!(seen.status, 404, "{}", seen.text());
    let list = house.send("GET", "/api/connectors", &headers, None).await;
    assert_eq!(list.json()["total"], 2);
}

#[tokio::test]
async fn whoever_tries_keys_is_slowed_down_and_nobody_else() {
    let house = House::new().await;
    let good = house.key("good", Role::Viewer, None).await;
    let wrong = [("authorization", "Bearer sk_wrong")];
    for _ in 0..10 {
        assert_eq!(house.send("GET", "/api/connectors", &wrong, None).await.status, 401);
    }
    for value in ["Bearer sk_wrong", "Bearer sk_other", "Bearer", "Basic x"] {
        let seen = house.send("GET", "/api/settings", &[("authorization", value)], None).await;
        assert_eq!(seen.status, 429, "{value}: {}", seen.text());
        assert_eq!(seen.json()["error"], "Too Many Requests");
        assert_eq!(seen.header("retry-after"), Some("60"));
    }
    let right = format!("Bearer {good}");
    let seen = house.send("GET", "/api/connectors", &[("authorization", &right)], None).await;
    assert_eq!(seen.status, 200, "a right key is let in: {}", seen.text());
    house.clock.advance(Duration::from_secs(60));
    assert_eq!(house.send("GET", "/api/connectors", &wrong, None).await.status, 401);
}
