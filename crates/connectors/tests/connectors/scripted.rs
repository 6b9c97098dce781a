//! Both connectors against scripted answers: habits of builds that the sandboxes do not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{connect_with, ids, walk};
use serde_json::{Value, json};
use syncline_domain::ports::{ChangeQuery, Connector, ErrorKind, Write, WriteKind};
use syncline_domain::{AuthType, ConnectorSettings, Credentials, FieldRef, Fields, ItemId, OpId};
use syncline_testkit::ManualClock;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Answers by a function of the request.
struct Script<F>(F);

impl<F: Fn(&Request) -> ResponseTemplate + Send + Sync> Respond for Script<F> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        (self.0)(request)
    }
}

async fn serve(
    script: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(Script(script)).mount(&server).await;
    server
}

fn azure(server: &MockServer) -> Arc<dyn Connector> {
    let settings = ConnectorSettings {
        connector_type: "azuredevops".to_owned(),
        base_url: format!("{}/demo", server.uri()),
        endpoint: "Shop".to_owned(),
        auth_type: AuthType::Pat,
        metadata: json!({}),
    };
    let credentials = Credentials::new([("token", "t")]);
    connect_with(&settings, &credentials, &ManualClock::new(), |_| ())
}

fn desk(server: &MockServer, auth_type: AuthType) -> Arc<dyn Connector> {
    let settings = ConnectorSettings {
        connector_type: "servicedeskplus".to_owned(),
        base_url: server.uri(),
        endpoint: String::new(),
        auth_type,
        metadata: json!({ "accounts_url": server.uri() }),
    };
    let credentials = Credentials::new([
        ("apiKey", "k"),
        ("client_id", "i"),
        ("client_secret", "s"),
        ("refresh_token", "r"),
    ]);
    connect_with(&settings, &credentials, &ManualClock::new(), |_| ())
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// What `input_data` says, in the query or in the form.
fn input(request: &Request) -> Value {
    let in_query = request
        .url
        .query_pairs()
        .find(|(key, _)| key == "input_data")
        .map(|(_, text)| text.into_owned());
    let form = format!("{}?{}", "http://x", String::from_utf8_lossy(&request.body));
    let in_form = || {
        let url = syncline_outbound::Url::parse(&form).unwrap();
        url.query_pairs().find(|(key, _)| key == "input_data").map(|(_, text)| text.into_owned())
    };
    in_query.or_else(in_form).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

async fn lines(server: &MockServer) -> Vec<String> {
    let all = server.received_requests().await.unwrap();
    all.iter().map(|request| format!("{} {}", request.method, request.url.path())).collect()
}

fn work_item(id: u64, title: &str) -> Value {
    json!({"id": id, "rev": 1, "fields": {
        "System.WorkItemType": "Bug", "System.Title": title, "System.State": "New", "System.TeamProject": "Shop",
        "System.CreatedDate": "2026-01-01T00:00:00Z", "System.ChangedDate": "2026-01-02T00:00:00Z"}})
}

fn creation(type_ref: &str, field: &str, title: &str) -> Write {
    Write {
        op_id: OpId::from("op"),
        kind: WriteKind::Create { type_ref: type_ref.to_owned() },
        status: None,
        fields: Fields::from([(FieldRef::from(field), json!(title))]),
        marker: None,
    }
}

#[tokio::test]
async fn a_server_without_batches_is_written_one_by_one() {
    let server = serve(|request| match request.url.path() {
        path if path.ends_with("$batch") => {
            answer(404, &json!({"typeKey": "VssResourceNotFoundException"}))
        }
        _ => answer(200, &work_item(7, "made")),
    })
    .await;
    let writes = ["a", "b"].map(|title| creation("Bug", "System.Title", title));
    let outcomes = azure(&server).apply(&writes).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(lines(&server).await.len(), 3);
}

#[tokio::test]
async fn answers_that_do_not_match_the_batch_leave_every_entry_in_doubt() {
    let server =
        serve(|_| answer(200, &json!({"count": 1, "value": [{"code": 200, "body": "{}"}]}))).await;
    let writes = ["a", "b"].map(|title| creation("Bug", "System.Title", title));
    let outcomes = azure(&server).apply(&writes).await;
    let kinds: Vec<ErrorKind> =
        outcomes.into_iter().map(|outcome| outcome.unwrap_err().kind).collect();
    assert_eq!(kinds, [ErrorKind::Ambiguous, ErrorKind::Ambiguous]);
}

#[tokio::test]
async fn a_server_that_fails_a_whole_reading_for_one_missing_item_is_read_in_halves() {
    let server = serve(|request| {
        let ids: Vec<u64> = serde_json::from_value(body(request)["ids"].clone()).unwrap();
        if ids.contains(&3) {
            return answer(404, &json!({"message": "TF401232: Work item 3 does not exist"}));
        }
        let items: Vec<Value> = ids.iter().map(|id| work_item(*id, "t")).collect();
        answer(200, &json!({"count": items.len(), "value": items}))
    })
    .await;
    let all: Vec<ItemId> = (1..=8).map(|id: u32| ItemId::new(id.to_string())).collect();
    let found = azure(&server).fetch(&all).await.unwrap();
    assert_eq!(found.len(), 7);
    assert!(found.iter().all(|item| item.id.as_str() != "3"));
}

#[tokio::test]
async fn a_server_that_refuses_long_lists_whatever_is_asked_is_walked_in_windows() {
    // Items 1 to 40,000, every thousandth; whoever asks for more than 20,000 ids at once is refused.
    let server = serve(|request| {
        if request.url.path().ends_with("workitemsbatch") {
            let ids: Vec<u64> = serde_json::from_value(body(request)["ids"].clone()).unwrap();
            let items: Vec<Value> = ids.iter().map(|id| work_item(*id, "t")).collect();
            return answer(200, &json!({"value": items}));
        }
        let query = body(request)["query"].as_str().unwrap().to_owned();
        let number = |head: &str| -> Option<u64> {
            let rest = query.split(head).nth(1)?;
            rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
        };
        if query.contains("[System.Id] = 1 ") {
            return answer(200, &json!({"asOf": "2026-02-01T00:00:00Z", "workItems": []}));
        }
        let (from, to) =
            (number("[System.Id] > ").unwrap_or(0), number("[System.Id] <= ").unwrap_or(40_000));
        if to - from > 20_000 {
            return answer(
                400,
                &json!({"message": "VS402337: too many",
                "typeKey": "WorkItemTrackingQueryResultSizeLimitExceededException"}),
            );
        }
        let items: Vec<Value> =
            (from + 1..=to).filter(|id| id % 1_000 == 0).map(|id| json!({"id": id})).collect();
        answer(200, &json!({"asOf": "2026-02-01T00:00:00Z", "workItems": items}))
    })
    .await;
    let pages = walk(&*azure(&server), ChangeQuery::default(), None, 200).await.unwrap();
    assert_eq!(ids(&pages).len(), 40);
    let last = pages.last().unwrap().cursor.as_str().to_owned();
    assert!(last.contains("delta") && last.contains("2026-02-01"), "{last}");
}

fn success(mut beside: Value) -> ResponseTemplate {
    beside["response_status"] = json!({"status_code": 2000, "status": "success"});
    answer(200, &beside)
}

fn ticket(id: u64, millis: u64) -> Value {
    json!({
        "id": id.to_string(), "subject": format!("ticket {id}"), "description": "<p>d</p>", "udf_fields": {},
        "status": {"name": "Open"}, "created_time": {"value": "1000"},
        "last_updated_time": {"value": millis.to_string()},
    })
}

#[tokio::test]
async fn rows_that_stay_partial_are_read_alone() {
    let server = serve(|request| match request.url.path() {
        "/api/v3/requests" => {
            let row = |id: u64| {
                json!({"id": id.to_string(), "subject": "s", "created_time": {"value": "1000"},
                "last_updated_time": {"value": "2000"}, "status": {"name": "Open"}})
            };
            success(json!({"requests": [row(1), row(2)], "list_info": {"has_more_rows": false}}))
        }
        path => {
            let id = path.rsplit('/').next().unwrap().parse().unwrap();
            success(json!({"request": ticket(id, 2_000)}))
        }
    })
    .await;
    let pages =
        walk(&*desk(&server, AuthType::ApiKey), ChangeQuery::default(), None, 100).await.unwrap();
    let items = &pages[0].items;
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.fields.contains_key(&FieldRef::from("description"))));
    assert_eq!(lines(&server).await.len(), 3);
}

#[tokio::test]
async fn a_build_that_cannot_search_by_change_time_is_read_from_its_end() {
    let server = serve(|request| {
        let info = input(request)["list_info"].clone();
        if info["search_criteria"].to_string().contains("last_updated_time") {
            return answer(400, &json!({"response_status": {"status_code": 4000, "status": "failed", "messages": [
                {"status_code": 4001, "field": "last_updated_time", "message": "Invalid field in search criteria"}]}}));
        }
        // 150 requests; the first list has the 100 newest, each a second younger than the next.
        let start = info["start_index"].as_u64().unwrap();
        let count = info["row_count"].as_u64().unwrap();
        let is_newest_first = info["sort_order"] == "desc";
        let at = |place: u64| if is_newest_first { 151 - place } else { place };
        let rows: Vec<Value> =
            (start..(start + count).min(151)).map(|place| ticket(at(place), at(place) * 1_000)).collect();
        success(json!({"requests": rows, "list_info": {"has_more_rows": start + count <= 150}}))
    })
    .await;
    let connector = desk(&server, AuthType::ApiKey);
    let since = syncline_domain::Cursor::from(r#"{"v":1,"at":141000,"seen":{"141":141000}}"#);
    let pages = walk(&*connector, ChangeQuery::default(), Some(since), 100).await.unwrap();
    let seen = ids(&pages);
    assert_eq!(seen.last().map(String::as_str), Some("150"));
    assert!(!seen.contains(&"141".to_owned()), "what was handed out already is left out");
    assert!(!seen.contains(&"20".to_owned()), "what lies before the overlap is left out: {seen:?}");
    let cursor = pages.last().unwrap().cursor.as_str().to_owned();
    assert!(cursor.contains(r#""at":150000"#), "{cursor}");
}

#[tokio::test]
async fn a_build_that_closes_only_by_its_own_call_is_closed_by_it() {
    let closed = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&closed);
    let server = serve(move |request| match (request.method.as_str(), request.url.path()) {
        ("PUT", "/api/v3/requests/7/close") => {
            assert!(input(request)["request"]["closure_info"].is_object());
            seen.fetch_add(1, Ordering::SeqCst);
            success(json!({}))
        }
        ("PUT", _) if input(request)["request"]["status"].is_object() => answer(
            200,
            &json!({"response_status": {"status_code": 4000, "status": "failed", "messages": [
                {"status_code": 4001, "field": "status", "message": "use the close operation"}]}}),
        ),
        ("GET", "/api/v3/statuses") => success(json!({"statuses": [
            {"name": "Closed", "internal_name": "Closed", "in_progress": false}]})),
        _ => {
            let mut shown = ticket(7, 2_000);
            shown["status"] =
                json!({"name": if seen.load(Ordering::SeqCst) > 0 { "Closed" } else { "Open" }});
            success(json!({"request": shown}))
        }
    })
    .await;
    let write = Write {
        kind: WriteKind::Update { id: "7".into(), expected: None },
        status: Some("Closed".to_owned()),
        ..creation("Incident", "subject", "to be closed")
    };
    let item = desk(&server, AuthType::ApiKey).apply(&[write]).await.remove(0).unwrap();
    assert_eq!(item.status.as_deref(), Some("Closed"));
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_build_without_a_trash_deletes_for_good() {
    let server = serve(|request| match (request.method.as_str(), request.url.path()) {
        ("DELETE", path) if path.ends_with("move_to_trash") => answer(
            404,
            &json!({"response_status": {
            "status_code": 4000, "messages": [{"status_code": 4007, "message": "Invalid URL"}]}}),
        ),
        ("DELETE", _) => success(json!({})),
        _ => success(json!({"request": ticket(7, 2_000)})),
    })
    .await;
    let write = Write {
        kind: WriteKind::Delete { id: "7".into(), expected: Some("2000".into()) },
        ..creation("Incident", "subject", "x")
    };
    let item = desk(&server, AuthType::ApiKey).apply(&[write]).await.remove(0).unwrap();
    assert_eq!(item.id.as_str(), "7");
    assert_eq!(lines(&server).await.last().map(String::as_str), Some("DELETE /api/v3/requests/7"));
}

#[tokio::test]
async fn a_request_that_was_made_with_a_warning_is_not_made_again() {
    let server = serve(|_| {
        answer(
            200,
            &json!({"request": ticket(7, 2_000), "response_status": {"status_code": 3000,
            "status": "warning", "messages": [{"status_code": 4003, "fields": ["technician"]}]}}),
        )
    })
    .await;
    let made = desk(&server, AuthType::ApiKey)
        .apply(&[creation("Incident", "subject", "x")])
        .await
        .remove(0);
    assert_eq!(made.unwrap().id.as_str(), "7");
    assert_eq!(lines(&server).await.len(), 1);
}

#[tokio::test]
async fn many_calls_at_once_ask_for_one_token_and_renew_it_once() {
    let minted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&minted);
    let server = serve(move |request| {
        if request.url.path() == "/oauth/v2/token" {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let sent = String::from_utf8_lossy(&request.body).into_owned();
            // The second question must carry the refresh token that the first answer gave.
            let expected = if number == 1 { "refresh_token=r&" } else { "refresh_token=r2" };
            if !format!("{sent}&").contains(expected) {
                return answer(200, &json!({"error": "invalid_code"}));
            }
            return answer(200, &json!({"access_token": format!("t{number}"), "refresh_token": "r2", "expires_in": 3600}));
        }
        let token = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if token == "Zoho-oauthtoken t2" { success(json!({"request": ticket(7, 2_000)})) } else { answer(401, &json!({})) }
    })
    .await;
    let connector = desk(&server, AuthType::OAuth);
    let all: Vec<ItemId> = (1..=6).map(|id: u32| ItemId::new(id.to_string())).collect();
    assert_eq!(connector.fetch(&all).await.unwrap().len(), 6);
    assert_eq!(minted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_server_that_refuses_within_a_success_is_an_auth_failure() {
    let server = serve(|_| answer(200, &json!({"error": "invalid_code"}))).await;
    let error = desk(&server, AuthType::OAuth).fetch(&["1".into()]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.for_people().contains("invalid_code"), "{}", error.for_people());
}
