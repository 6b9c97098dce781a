//! Pages for people with a browser: every address that a mail or a chat links to answers.

use syncline_domain::Role;

use crate::support::House;

/// What `syncline_notifier` links to, and the lists that the pages name.
const PLACES: [&str; 11] = [
    "/executions/45",
    "/sync-configs/1",
    "/connectors/2",
    "/conflicts/3",
    "/jobs",
    "/conflicts",
    "/notifications",
    "/executions",
    "/sync-configs",
    "/connectors",
    "/",
];

/// The value of an attribute of the page.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("{name}=\"")).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn every_page_answers_anybody_and_holds_no_data() {
    let house = House::furnished().await;
    house.key("somebody", Role::Viewer, None).await;
    for place in PLACES {
        let seen = house.get(place).await;
        assert_eq!(seen.status, 200, "{place}");
        assert_eq!(seen.header("content-type"), Some("text/html; charset=utf-8"), "{place}");
        let page = seen.text();
        assert!(!page.contains('{'), "nothing is left to fill in: {page}");
        // A browser resolves what the page names against its own address.
        let base = url::Url::parse(&format!("http://localhost{place}")).unwrap();
        let root = base.join(&attribute(&page, "data-root")).unwrap();
        let api = root.join(&attribute(&page, "data-api")).unwrap();
        let asked = house.get(api.path()).await;
        assert_eq!(asked.status, 401, "{place}: a key exists, so {api} wants one");
        for (file, kind) in [("view.js", "text/javascript"), ("view.css", "text/css")] {
            assert!(page.contains(&format!("pages/{file}\"")), "{page}");
            let seen = house.get(root.join(&format!("pages/{file}")).unwrap().path()).await;
            assert_eq!(seen.header("content-type"), Some(&*format!("{kind}; charset=utf-8")));
        }
    }
}

#[tokio::test]
async fn every_page_asks_for_something_that_the_api_has() {
    let house = House::furnished().await;
    house.add_conflict().await;
    let run = house.post("/api/execute/sync/1", &serde_json::json!({})).await;
    assert_eq!(run.json()["execution_id"], 1, "{}", run.text());
    let key = house.key("somebody", Role::Admin, None).await;
    let bearer = format!("Bearer {key}");
    for place in PLACES.iter().map(|place| place.replace("45", "1").replace('3', "1")) {
        let page = house.get(&place).await.text();
        let api = format!("/{}", attribute(&page, "data-api"));
        let asked = house.send("GET", &api, &[("authorization", &bearer)], None).await;
        assert_eq!(asked.status, 200, "{place} asks for {api}: {}", asked.text());
    }
}

#[tokio::test]
async fn what_is_no_number_has_no_page() {
    let house = House::new().await;
    for place in
        ["/executions/x", "/executions/-1", "/executions/1/", "/pages/", "/executions/1%22"]
    {
        assert_eq!(house.get(place).await.status, 404, "{place}");
    }
}
