//! Redmine against scripted answers: what a real one would have to be spoilt for.

use crate::support::{connect_with, ids, walk};
use serde_json::json;
use syncline_domain::ports::{ChangeQuery, ErrorKind};
use syncline_domain::{AuthType, ConnectorSettings, Credentials, ImageSource, Timestamp};
use syncline_testkit::ManualClock;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A Redmine that shows one public issue to everybody, and knows the key or not.
async fn redmine(knows_the_key: bool) -> MockServer {
    let server = MockServer::start().await;
    let issue = json!({
        "id": 7, "project": {"id": 1, "name": "P"}, "tracker": {"id": 1, "name": "Bug"},
        "status": {"id": 1, "name": "New"}, "priority": {"id": 2, "name": "Normal"},
        "author": {"id": 3, "name": "Ada"}, "subject": "for everybody", "description": "",
        "created_on": "2026-01-05T08:00:00Z", "updated_on": "2026-01-05T08:00:00Z"
    });
    let answers = [
        (
            "/issues.json",
            200,
            json!({"issues": [issue], "total_count": 1, "offset": 0, "limit": 100}),
        ),
        ("/trackers.json", 200, json!({"trackers": [{"id": 1, "name": "Bug"}]})),
        ("/issue_statuses.json", 200, json!({"issue_statuses": [{"id": 1, "name": "New"}]})),
    ];
    for (place, status, body) in answers {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method("GET")).and(path(place)).respond_with(answer).mount(&server).await;
    }
    let current = if knows_the_key {
        ResponseTemplate::new(200).set_body_json(json!({"user": {"id": 9, "login": "sync"}}))
    } else {
        ResponseTemplate::new(401)
    };
    Mock::given(path("/users/current.json")).respond_with(current).mount(&server).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(403)).mount(&server).await;
    server
}

#[tokio::test]
async fn a_key_that_became_nobodys_stops_the_walk_instead_of_showing_the_public_part() {
    let clock = ManualClock::at(Timestamp::from_secs(1_767_700_000));
    for knows_the_key in [true, false] {
        let server = redmine(knows_the_key).await;
        let settings = ConnectorSettings {
            connector_type: "redmine".to_owned(),
            base_url: server.uri(),
            endpoint: String::new(),
            auth_type: AuthType::ApiKey,
            metadata: json!({}),
        };
        let key = Credentials::new([("apiKey", "k")]);
        let redmine = connect_with(&settings, &key, &clock, |_| ());
        let pages = walk(redmine.as_ref(), ChangeQuery::default(), None, 100).await;
        match pages {
            Ok(pages) => assert_eq!((knows_the_key, ids(&pages)), (true, vec!["7".to_owned()])),
            Err(error) => assert_eq!((knows_the_key, error.kind), (false, ErrorKind::Auth)),
        }
    }
}

/// Addresses in a text of issue 7 and what they mean: the newest file of a name, a file by its number, or nothing of ours.
#[tokio::test]
async fn images_are_files_of_the_same_issue() {
    let server = MockServer::start().await;
    let file = |id: u64, name: &str| json!({"id": id, "filename": name, "filesize": 3, "content_type": "image/png"});
    let files = [file(3, "shot.png"), file(4, "Shot.png"), file(5, "my shot.png")];
    let issue = json!({
        "id": 7, "project": {"id": 1, "name": "P"}, "tracker": {"id": 1, "name": "Bug"},
        "status": {"id": 1, "name": "New"}, "priority": {"id": 2, "name": "Normal"},
        "subject": "s", "created_on": "2026-01-05T08:00:00Z", "updated_on": "2026-01-05T08:00:00Z",
        "attachments": files
    });
    let answer = ResponseTemplate::new(200).set_body_json(json!({"issue": issue}));
    let asked = Mock::given(method("GET")).and(path("/issues/7.json")).respond_with(answer);
    asked.expect(1).mount(&server).await;
    let settings = ConnectorSettings {
        connector_type: "redmine".to_owned(),
        base_url: server.uri(),
        endpoint: String::new(),
        auth_type: AuthType::ApiKey,
        metadata: json!({}),
    };
    let clock = ManualClock::at(Timestamp::from_secs(1_767_700_000));
    let redmine = connect_with(&settings, &Credentials::new([("apiKey", "k")]), &clock, |_| ());
    let url = |rest: &str| format!("{}/attachments/download/{rest}", server.uri());
    let addresses = [
        "shot.png".to_owned(),
        "my%20shot.png".to_owned(),
        url("3/shot.png"),
        "none.png".to_owned(),
        "https://x.example/attachments/download/3/shot.png".to_owned(),
        url("9/other.png"),
    ];
    let found = redmine.inline_images(&"7".into(), &addresses).await.unwrap();
    let here = |source: &ImageSource| match source {
        ImageSource::Here(image) => (image.file.id.clone(), image.address.clone()),
        other => (format!("{other:?}"), String::new()),
    };
    assert_eq!(here(&found[0]), ("4".to_owned(), "Shot.png".to_owned()), "the newest of the name");
    assert_eq!(
        here(&found[1]),
        ("5".to_owned(), "my%20shot.png".to_owned()),
        "a name with a blank"
    );
    assert_eq!(here(&found[2]), ("3".to_owned(), url("3/shot%2Epng")), "hidden by the newer one");
    assert_eq!(found[3..5], [ImageSource::Elsewhere, ImageSource::Elsewhere]);
    assert!(matches!(found[5], ImageSource::Locked(_)), "{found:?}");
    // Nothing that looks like a file of Redmine's asks for nothing.
    let foreign = ["https://cdn.example/a.png".to_owned(), "/images/a.png".to_owned()];
    let found = redmine.inline_images(&"7".into(), &foreign).await.unwrap();
    assert_eq!(found, [ImageSource::Elsewhere, ImageSource::Elsewhere]);
}
