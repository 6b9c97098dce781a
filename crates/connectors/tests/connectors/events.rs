//! What webhooks say, from the bodies that trackers send: event, item, name of the delivery.

use proptest::prelude::*;
use syncline_connectors::Readers;
use syncline_domain::EventReading;
use syncline_domain::ports::EventReaders as _;

type Headers<'a> = &'a [(&'a str, &'a str)];

fn read(kind: &str, headers: Headers<'_>, body: &[u8]) -> Result<EventReading, String> {
    let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Readers.reader(kind).unwrap().read(&headers, body)
}

/// `event item, event item | name`, the form of the tables below.
fn shown(reading: &EventReading) -> String {
    let events: Vec<String> = reading
        .events
        .iter()
        .map(|event| {
            format!("{} {}", event.event.as_str().trim_start_matches("workitem."), event.item_id)
        })
        .collect();
    format!("{} | {}", events.join(", "), reading.delivery_id.as_deref().unwrap_or("-"))
}

#[test]
fn the_payloads_of_the_makers_are_read() {
    let hub = |event| [("x-github-event", event), ("x-github-delivery", "72d3162e")];
    let uuid: Headers<'_> =
        &[("x-gitlab-event", "Issue Hook"), ("x-gitlab-event-uuid", "13792a34")];
    let key: Headers<'_> = &[("x-gitlab-event-uuid", "13792a34"), ("idempotency-key", "f5e5f430")];
    let jira: Headers<'_> = &[("x-atlassian-webhook-identifier", "99f1b9c2")];
    let (issues, comments, ping) = (hub("issues"), hub("issue_comment"), hub("ping"));
    let table: &[(&str, &str, Headers<'_>, &str)] = &[
        (
            "azuredevops",
            "azure-devops.workitem.created",
            &[],
            "created 5 | d2d46fb1-dba5-403c-9373-427583f19e8c",
        ),
        // The update has number 2; the work item is 5.
        (
            "azuredevops",
            "azure-devops.workitem.updated",
            &[],
            "updated 5 | 27646e0e-b520-4d2b-9411-bba7524947cd",
        ),
        (
            "azuredevops",
            "azure-devops.workitem.deleted",
            &[],
            "deleted 5 | 72da0ade-0709-40ee-beb7-104287bf7e84",
        ),
        (
            "azuredevops",
            "azure-devops.workitem.restored",
            &[],
            "restored 5 | 1ca023d6-6cff-49dd-b3d1-302b69311810",
        ),
        (
            "azuredevops",
            "azure-devops.workitem.commented",
            &[],
            "commented 5 | fb2617ed-60df-4518-81fa-749faa6c5cd6",
        ),
        ("github", "github.issues.opened", &issues, "created 1 | 72d3162e"),
        ("github", "github.issues.closed.derived", &issues, "updated 1 | 72d3162e"),
        ("github", "github.issues.labeled", &issues, "updated 1 | 72d3162e"),
        ("github", "github.issues.deleted", &issues, "deleted 1 | 72d3162e"),
        ("github", "github.issues.transferred", &issues, "deleted 1 | 72d3162e"),
        ("github", "github.issues.opened", &[], "created 1 | -"),
        ("github", "github.issue_comment.created", &comments, "commented 1 | 72d3162e"),
        ("github", "github.issue_comment.deleted", &comments, "commented 1 | 72d3162e"),
        ("github", "github.ping", &ping, " | 72d3162e"),
        ("github", "github.ping", &[], " | -"),
        ("gitlab", "gitlab.issue.update", uuid, "updated 23 | 13792a34/301/2013-12-03T17:15:43Z"),
        ("gitlab", "gitlab.issue.update", key, "updated 23 | f5e5f430"),
        ("gitlab", "gitlab.note.issue.derived", key, "commented 23 | f5e5f430"),
        ("jira", "jira.issue_created.derived", jira, "created 99291 | 99f1b9c2"),
        ("jira", "jira.issue_updated.derived", jira, "updated 99291 | 99f1b9c2"),
        ("jira", "jira.comment_created.derived", jira, "commented 99291 | 99f1b9c2"),
        (
            "redmine",
            "redmine7.issue.created.derived",
            &[],
            "created 1 | issue.created/1/2026-08-01T06:19:27Z",
        ),
        (
            "redmine",
            "redmine7.issue.updated.derived",
            &[],
            "updated 1, commented 1 | issue.updated/1/3/2026-08-02T06:19:27Z",
        ),
    ];
    for (kind, file, headers, expected) in table {
        let path = format!("{}/tests/payloads/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let body = std::fs::read(&path).unwrap();
        let reading = read(kind, headers, &body).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(shown(&reading), *expected, "{kind} {file}");
    }
}

#[test]
fn shapes_that_differ_from_the_examples_are_read_as_well() {
    let form: Headers<'_> = &[("content-type", "application/x-www-form-urlencoded")];
    let hub_form: Headers<'_> =
        &[("content-type", "application/x-www-form-urlencoded"), ("x-github-event", "issues")];
    let table: &[(&str, Headers<'_>, &str, &str)] = &[
        // Azure DevOps: the number of the work item where it is set, from the address, never the update's.
        (
            "azuredevops",
            &[],
            r#"{"id":"e","subscriptionId":"s","notificationId":7,"eventType":"workitem.updated","resource":{"id":2,"workItemId":9,"revision":{"id":5}}}"#,
            "updated 9 | e/s/7",
        ),
        (
            "azuredevops",
            &[],
            r#"{"eventType":"workitem.updated","resource":{"id":2,"url":"https://x.test/o/_apis/wit/workItems/31/updates/2"}}"#,
            "updated 31 | -",
        ),
        ("azuredevops", &[], r#"{"id":"e","eventType":"git.push","resource":{"id":2}}"#, " | e"),
        ("azuredevops", &[], r#"{"event":"workitem.deleted","item_id":77}"#, "deleted 77 | -"),
        // ServiceDesk Plus: whatever its administrator wrote.
        (
            "servicedeskplus",
            &[],
            r#"{"event":"request.created","request_id":"100000000000012345"}"#,
            "created 100000000000012345 | -",
        ),
        (
            "servicedeskplus",
            &[],
            r#"{"event":"request.updated","request_id":100000000000012345}"#,
            "updated 100000000000012345 | -",
        ),
        (
            "servicedeskplus",
            &[],
            r#"{"request":{"id":"12","subject":"x"},"operation":"Request Edited"}"#,
            "updated 12 | -",
        ),
        (
            "servicedeskplus",
            &[],
            r#"{"event":"request.note_added","workorderid":"12"}"#,
            "commented 12 | -",
        ),
        ("servicedeskplus", form, "event=request.deleted&request_id=12", "deleted 12 | -"),
        ("servicedeskplus", &[], "event=request.picked_up&request_id=12", "updated 12 | -"),
        ("servicedeskplus", form, "input_data=%7B%22request_id%22%3A%2212%22%7D", "updated 12 | -"),
        (
            "servicedeskplus",
            &[],
            "{\"event\":\"request.created\",\"subject\":\"a \"quoted\" word\",\"request_id\":\"12\"}",
            "created 12 | -",
        ),
        (
            "servicedeskplus",
            &[],
            "{\"request_id\": 12, \"subject\": \"two\nlines\", \"event\": \"edited\"",
            "updated 12 | -",
        ),
        // Redmine: other things, edits nobody may see, the plug-in of old.
        (
            "redmine",
            &[],
            r#"{"type":"wiki_page.updated","timestamp":"t","data":{"wiki_page":{}}}"#,
            " | -",
        ),
        (
            "redmine",
            &[],
            r#"{"type":"issue.updated","timestamp":"t","data":{"issue":{"id":4}}}"#,
            "updated 4 | -",
        ),
        (
            "redmine",
            &[],
            r#"{"type":"issue.deleted","timestamp":"t","data":{"issue":{"id":4}}}"#,
            "deleted 4 | issue.deleted/4/t",
        ),
        ("redmine", &[], r#"{"payload":{"action":"opened","issue":{"id":4}}}"#, "created 4 | -"),
        // GitHub: a form, and comments on what is no issue.
        (
            "github",
            hub_form,
            "payload=%7B%22action%22%3A%22opened%22%2C%22issue%22%3A%7B%22number%22%3A3%7D%7D",
            "created 3 | -",
        ),
        (
            "github",
            &[],
            r#"{"action":"created","comment":{},"issue":{"number":3,"pull_request":{}}}"#,
            " | -",
        ),
        ("github", &[("x-github-event", "push")], r#"{"ref":"x"}"#, " | -"),
        ("gitlab", &[], r#"{"object_kind":"push"}"#, " | -"),
        (
            "gitlab",
            &[],
            r#"{"object_kind":"work_item","object_attributes":{"iid":3,"action":"open"}}"#,
            "created 3 | -",
        ),
        (
            "gitlab",
            &[],
            r#"{"object_kind":"note","object_attributes":{"noteable_type":"MergeRequest"},"merge_request":{"iid":3}}"#,
            " | -",
        ),
        (
            "jira",
            &[],
            r#"{"webhookEvent":"issuelink_created","issueLink":{"sourceIssueId":1,"destinationIssueId":2}}"#,
            "updated 1, updated 2 | -",
        ),
        (
            "jira",
            &[],
            r#"{"webhookEvent":"jira:issue_updated","issue":{"id":"1"},"comment":{"id":"2"}}"#,
            "updated 1, commented 1 | -",
        ),
        ("jira", &[], r#"{"webhookEvent":"sprint_started"}"#, " | -"),
        // The plain form.
        (
            "other",
            &[("webhook-id", "m1")],
            r#"{"event_type":"workitem.restored","work_item_id":"A-1"}"#,
            "restored A-1 | m1",
        ),
        (
            "other",
            &[],
            r#"{"eventType":"workitem.commented","id":7,"delivery_id":"d"}"#,
            "commented 7 | d",
        ),
        ("other", &[], r#"{"item_ids":["1",2]}"#, "updated 1, updated 2 | -"),
        ("other", &[], r#"{"event":"ping"}"#, " | -"),
        ("other", &[], "\u{FEFF} {\"item_id\":\"1\"}", "updated 1 | -"),
    ];
    for (kind, headers, body, expected) in table {
        let reading =
            read(kind, headers, body.as_bytes()).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(shown(&reading), *expected, "{kind} {body}");
    }
}

#[test]
fn bodies_of_no_use_are_refused_with_words_that_help() {
    let table: &[(&str, &[u8], &str)] = &[
        ("other", b"", "empty"),
        ("other", b"  \n", "empty"),
        ("other", b"\xff\xfe", "UTF-8"),
        ("other", b"[]", "no object"),
        ("other", b"null", "no object"),
        ("other", b"{\"a\": ", "no JSON"),
        ("other", b"{}", "names no item"),
        ("other", b"{\"item_id\": 1.5}", "names no item"),
        ("other", b"{\"item_id\": -1}", "names no item"),
        (
            "azuredevops",
            b"{\"eventType\":\"workitem.updated\",\"resource\":{\"id\":2}}",
            "Resource details",
        ),
        (
            "azuredevops",
            b"{\"eventType\":\"workitem.created\",\"resource\":null}",
            "Resource details",
        ),
        ("servicedeskplus", b"{\"request_id\":\"$RequestID\"}", "placeholder"),
        ("servicedeskplus", b"<request/>", "no JSON"),
        ("redmine", b"{\"type\":\"issue.updated\",\"data\":{}}", "number is missing"),
        ("github", b"{\"action\":\"opened\",\"issue\":{}}", "number is missing"),
        ("gitlab", b"{\"object_kind\":\"issue\"}", "iid"),
        ("jira", b"{\"webhookEvent\":\"jira:issue_updated\"}", "id is missing"),
    ];
    for (kind, body, words) in table {
        let reason = read(kind, &[], body).unwrap_err();
        assert!(reason.contains(words), "{kind} {:?}: {reason}", String::from_utf8_lossy(body));
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert!(read("other", &[], deep.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn no_body_makes_a_reader_panic(
        kind in prop::sample::select(vec!["azuredevops", "servicedeskplus", "redmine", "github", "gitlab", "jira", "x"]),
        event in prop::sample::select(vec!["", "issues", "issue_comment"]),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[{\\[\"a-z_:,0-9 }\\]=&%]{0,120}".prop_map(String::into_bytes),
            "\\{\"(request_id|eventType|type|issue|resource|webhookEvent|object_kind)\":.{0,40}\\}"
                .prop_map(String::into_bytes),
        ],
    ) {
        let headers: Headers<'_> = &[("x-github-event", event)];
        // Judged by what it answers: items that it names are never empty.
        if let Ok(reading) = read(kind, if event.is_empty() { &[] } else { headers }, &body) {
            prop_assert!(reading.events.iter().all(|event| !event.item_id.as_str().is_empty()));
        }
    }
}
