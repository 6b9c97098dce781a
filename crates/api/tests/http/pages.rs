//! The documentation page works without the world outside.

use crate::support::House;

#[tokio::test]
async fn the_documentation_page_brings_everything_itself() {
    let house = House::new().await;
    for short in ["/api/docs"] {
        let seen = house.raw("GET", short, &[], None).await;
        assert!(seen.status == 307 || seen.status == 302, "{}", seen.status);
        assert_eq!(seen.header("location"), Some("/api/docs/"));
    }
    let index = house.raw("GET", "/api/docs/", &[], None).await;
    assert_eq!(index.status, 200);
    let html = index.text();
    assert!(index.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    let parts: Vec<&str> = html
        .split(['"', '\''])
        .filter(|part| [".js", ".css", ".png"].iter().any(|end| part.ends_with(end)))
        .collect();
    assert!(parts.len() >= 4, "{parts:?}");
    for part in parts {
        assert!(!part.contains("//"), "{part} is somewhere else");
        let target = format!("/api/docs/{}", part.trim_start_matches("./"));
        let seen = house.raw("GET", &target, &[], None).await;
        assert_eq!(seen.status, 200, "{target}");
        assert!(seen.body.len() > 100, "{target}");
    }
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
    let start = house.raw("GET", "/api/docs/swagger-initializer.js", &[], None).await.text();
    assert!(start.contains("/api/openapi.json"), "{start}");
    assert!(!start.contains("https://"), "{start}");
}

#[tokio::test]
async fn health_tells_the_truth() {
    let house = House::new().await;
    for path in ["/health", "/healthz", "/readyz"] {
        let seen = house.get(path).await;
        assert_eq!((seen.status, seen.json()["status"].as_str()), (200, Some("ok")), "{path}");
        assert!(seen.json()["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{path}");
    }
    house.app.runs().close();
    for (path, status) in [("/health", 503), ("/healthz", 200), ("/readyz", 503)] {
        assert_eq!(house.get(path).await.status, status, "{path}");
    }
}
