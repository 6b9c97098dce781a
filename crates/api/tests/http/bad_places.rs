//! Paths, parameters and methods that are no good.

use serde_json::Value;

use crate::support::{House, fill, routes};

#[tokio::test]
async fn ids_that_are_none_are_refused_and_absent_ones_not_found() {
    let house = House::furnished().await;
    let long = "7".repeat(4_096);
    let none = [
        "abc",
        "-1",
        "0",
        "1.0",
        "+1",
        "1e3",
        "0x1",
        "9223372036854775808",
        "18446744073709551616",
        "%00",
        "%ff",
        "1%00",
        "%20",
        "..%2f..%2fetc",
        "'%20OR%201=1--",
        "%F0%9F%90%9B",
        long.as_str(),
    ];
    let mut asked = 0;
    for route in routes().into_iter().filter(|route| route.path.contains('{')) {
        if route.path.ends_with("{key}") {
            continue;
        }
        let parts: Vec<&str> = route.path.split('/').collect();
        for (at, _) in parts.iter().enumerate().filter(|(_, part)| part.starts_with('{')) {
            let with = |id: &str| {
                let mut all: Vec<String> = parts.iter().map(|part| fill(part)).collect();
                all[at] = id.to_owned();
                all.join("/")
            };
            let items = parts[at] == "{item_id}";
            for id in none {
                let seen = house.send(route.method, &with(id), &[], route.body.as_ref()).await;
                // A tracker's own ids may look like anything.
                let fine = matches!(seen.status, 400 | 404) || (items && seen.status == 200);
                assert!(fine, "{} {} {id}: {}", route.method, route.path, seen.text());
                asked += 1;
            }
            let target = with("9223372036854775807");
            let absent = house.send(route.method, &target, &[], route.body.as_ref()).await;
            assert_eq!(absent.status, 404, "{} {} {}", route.method, route.path, absent.text());
        }
    }
    for key in ["nosuch", "%00", "%ff", long.as_str()] {
        let seen = house.get(&format!("/api/settings/{key}")).await;
        assert!(matches!(seen.status, 400 | 404), "{key} {}", seen.status);
    }
    assert!(asked > 400, "{asked}");
}

#[tokio::test]
async fn parameters_are_judged_on_every_route_that_takes_them() {
    let house = House::furnished().await;
    let run = house.post("/api/execute/sync/1", &serde_json::json!({"dry_run": true})).await;
    assert_eq!(run.status, 200, "{}", run.text());
    let plan = house.post("/api/execute/preview/1", &serde_json::json!({})).await;
    assert_eq!(plan.status, 200, "{}", plan.text());
    house.add_conflict().await;
    let mut asked = 0;
    for (method, path, operation) in house.contract.operations() {
        let Some(route) = routes().into_iter().find(|r| r.method == method && r.path == path)
        else {
            panic!("{method} {path} has no line in the table")
        };
        let (target, body) = (route.target(), route.body.as_ref());
        let glue = if target.contains('?') { '&' } else { '?' };
        let named: Vec<&Value> = operation["parameters"]
            .as_array()
            .map(|all| all.iter().filter(|one| one["in"] == "query").collect())
            .unwrap_or_default();
        for parameter in &named {
            let name = parameter["name"].as_str().unwrap();
            let kind = parameter["schema"]["type"].to_string();
            let wrong: &[&str] = match kind.as_str() {
                text if text.contains("integer") && name == "offset" => {
                    &["-1", "abc", "1e9", "9223372036854775808"]
                }
                text if text.contains("integer") => {
                    &["0", "-1", "abc", "1e9", "9223372036854775808", "1.0", "%00"]
                }
                text if text.contains("boolean") => &["maybe", "2", "%00"],
                _ => &["%00"],
            };
            let base = target.split('?').next().unwrap();
            for value in wrong {
                let asked_for = format!("{base}?{}{name}={value}", others(&target, name));
                let seen = house.send(&method, &asked_for, &[], body).await;
                assert_eq!(seen.status, 400, "{method} {asked_for} {}", seen.text());
                let text = seen.json()["details"].to_string();
                assert!(text.contains(&format!("\"path\":\"{name}\"")), "{asked_for} {text}");
                asked += 1;
            }
            let twice = format!("{base}?{}{name}=1&{name}=1", others(&target, name));
            let seen = house.send(&method, &twice, &[], body).await;
            assert_eq!(seen.status, 400, "{method} {twice} {}", seen.text());
        }
        let open = route.role.is_none() || path.contains("/events/");
        if method == "GET" && !open {
            let seen = house.send(&method, &format!("{target}{glue}colour=red"), &[], body).await;
            assert_eq!(seen.status, 200, "{method} {path} {}", seen.text());
            assert_eq!(seen.warnings(), ["parameter colour is unknown and was ignored"], "{path}");
            let junk = format!("{target}{glue}%ff=%ff&&=&a=%zz");
            assert!(house.send(&method, &junk, &[], body).await.status < 500);
        }
    }
    for word in
        ["status=odd", "trigger=odd", "since=yesterday", "cursor=abc", "limit=501", "offset=10001"]
    {
        let seen = house.get(&format!("/api/executions?{word}")).await;
        assert_eq!(seen.status, 400, "{word} {}", seen.text());
    }
    assert!(asked > 60, "{asked}");
}

/// The other parameters of a target, ready to be followed by one more.
fn others(target: &str, but: &str) -> String {
    let Some((_, query)) = target.split_once('?') else { return String::new() };
    let kept: Vec<&str> =
        query.split('&').filter(|part| !part.starts_with(&format!("{but}="))).collect();
    if kept.is_empty() { String::new() } else { format!("{}&", kept.join("&")) }
}

#[tokio::test]
async fn other_methods_are_told_which_ones_there_are() {
    let house = House::furnished().await;
    for route in routes() {
        let path = fill(route.path);
        for method in ["PATCH", "OPTIONS", "TRACE", "BREW"] {
            let seen = house.raw(method, &path, &[], None).await;
            assert_eq!(seen.status, 405, "{method} {path}");
            let allow = seen.header("allow").unwrap_or_default().to_owned();
            assert!(allow.split(", ").any(|one| one == route.method), "{path}: {allow}");
            assert!(!allow.contains(method));
        }
    }
    let seen = house.raw("DELETE", "/api/connectors", &[], None).await;
    assert_eq!(seen.header("allow"), Some("GET, HEAD, POST"));
}

#[tokio::test]
async fn only_the_exact_path_leads_somewhere() {
    let house = House::furnished().await;
    for route in routes() {
        let path = fill(route.path);
        for wrong in [format!("{path}/"), format!("/{path}"), path.replacen("/api/", "/api//", 1)] {
            if wrong == path {
                continue;
            }
            let seen = house.send(route.method, &wrong, &[], route.body.as_ref()).await;
            assert_eq!(seen.status, 404, "{} {wrong}", route.method);
        }
    }
    for path in [
        "/nosuch",
        "/api",
        "/api/",
        "/api/nosuch",
        "/%2e%2e/etc/passwd",
        "/api/docs/..%2f..%2fetc/passwd",
    ] {
        let seen = house.get(path).await;
        assert_eq!(seen.status, 404, "{path}");
    }
    // A path in disguise leads through the same door.
    house.key("any", syncline_domain::Role::Admin, None).await;
    for path in ["/%61pi/connectors", "/api/%63onnectors", "/API/connectors"] {
        let seen = house.get(path).await;
        assert!(matches!(seen.status, 401 | 404), "{path} {}", seen.status);
    }
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let house = House::furnished().await;
    let run = house.post("/api/execute/sync/1", &serde_json::json!({"dry_run": true})).await;
    assert_eq!(run.status, 200, "{}", run.text());
    for route in routes().into_iter().filter(|route| route.method == "GET") {
        let get = house.get(&route.target()).await;
        let head = house.raw("HEAD", &route.target(), &[], None).await;
        assert_eq!(head.status, get.status, "{}", route.path);
        assert_eq!(head.header("content-type"), get.header("content-type"), "{}", route.path);
        if !route.path.contains("/events/") && route.role.is_some() {
            assert_eq!(
                head.header("content-length"),
                get.header("content-length"),
                "{}",
                route.path
            );
        }
    }
}
