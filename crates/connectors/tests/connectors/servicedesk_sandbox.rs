//! The ServiceDesk Plus connector against the sandbox that speaks its wire format, in both flavours.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{connect, connect_with, ids, settings, walk};
use serde_json::{Value, json};
use syncline_domain::ports::{
    ChangeQuery, Connector, ErrorKind, FilterOp, FindCreated, HeldFile, Marker, PortableFilter,
    PortableTerm, Presence, Write, WriteKind,
};
use syncline_domain::{
    Credentials, FieldRef, FieldType, Fields, Identity, ImageSource, InlineImage, Item, ItemId,
    ItemLink, NewComment, OpId, StatusCategory, TextFormat, Version,
};
use syncline_sandbox::{
    FaultKind, FaultRule, Flavour, RunningSandbox, SandboxOptions, ServiceDeskOptions,
    ServiceDeskPlus,
};
use syncline_testkit::{ManualClock, file_bytes};

const MARKER: &str = "udf_fields.udf_char1";

async fn start(items: usize) -> (RunningSandbox, ManualClock, Arc<dyn Connector>) {
    start_with(items, ServiceDeskOptions::default()).await
}

async fn start_with(
    items: usize,
    options: ServiceDeskOptions,
) -> (RunningSandbox, ManualClock, Arc<dyn Connector>) {
    let wall = ManualClock::new();
    let common = SandboxOptions::new(Arc::new(wall.clone())).items(items);
    let sandbox = ServiceDeskPlus::start_with(common, options).await.unwrap();
    let connector = connect(&sandbox, &wall);
    (sandbox, wall, connector)
}

fn edit(sandbox: &RunningSandbox, id: &str, fields: Value) {
    let edit = serde_json::from_value(json!({"item_id": id, "fields": fields})).unwrap();
    sandbox.edit(&edit).unwrap();
}

fn write(kind: WriteKind, status: Option<&str>, values: Value, marker: Option<&str>) -> Write {
    let Value::Object(map) = values else { panic!("fields are an object") };
    Write {
        op_id: OpId::from("op"),
        kind,
        status: status.map(ToOwned::to_owned),
        fields: map.into_iter().map(|(name, value)| (FieldRef::new(name), value)).collect(),
        marker: marker.map(|value| Marker { field: MARKER.into(), value: value.to_owned() }),
    }
}

fn create(subject: &str, mut values: Value, status: Option<&str>, marker: Option<&str>) -> Write {
    values["subject"] = json!(subject);
    write(WriteKind::Create { type_ref: "Incident".to_owned() }, status, values, marker)
}

fn update(id: &ItemId, expected: Option<&Version>, status: Option<&str>, values: Value) -> Write {
    let kind = WriteKind::Update { id: id.clone(), expected: expected.cloned() };
    write(kind, status, values, None)
}

async fn first(connector: &dyn Connector, write: Write) -> Item {
    connector.apply(&[write]).await.remove(0).unwrap()
}

fn value<'a>(item: &'a Item, name: &str) -> Option<&'a Value> {
    item.fields.get(&FieldRef::from(name))
}

#[tokio::test]
async fn a_good_connection_has_only_good_lines_in_both_flavours() {
    for options in [ServiceDeskOptions::default(), ServiceDeskOptions::cloud()] {
        let (sandbox, _wall, connector) = start_with(5, options).await;
        let lines = connector.check().await;
        assert!(lines.iter().all(|line| line.ok), "{lines:#?}");
        assert!(lines.len() >= 5);
        assert!(sandbox.effects().is_empty(), "a check writes nothing");
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_bad_connection_says_what_to_do() {
    let (sandbox, wall, _) = start(5).await;
    let (good, credentials) = settings(&sandbox);
    let wrong = Credentials::new([("apiKey", "s3cret-but-wrong")]);
    let lines = connect_with(&good, &wrong, &wall, |_| ()).check().await;
    assert_eq!(
        (lines.len(), lines[0].name.as_str(), lines[0].ok),
        (1, "sign in", false),
        "{lines:?}"
    );
    assert!(lines[0].what_to_do.as_ref().unwrap().contains("key"));
    assert!(!format!("{lines:?}").contains("s3cret"));
    let mut settings = good.clone();
    settings.endpoint = "elsewhere".to_owned();
    let lines = connect_with(&settings, &credentials, &wall, |_| ()).check().await;
    assert_eq!((lines[0].name.as_str(), lines[0].ok), ("portal", false), "{lines:?}");
    sandbox.stop().await;

    let (sandbox, wall, _) = start_with(5, ServiceDeskOptions::cloud()).await;
    let (good, _) = crate::support::settings(&sandbox);
    let wrong =
        Credentials::new([("client_id", "a"), ("client_secret", "b"), ("refresh_token", "c")]);
    let lines = connect_with(&good, &wrong, &wall, |_| ()).check().await;
    assert!(!lines[0].ok && lines[0].message.contains("invalid_client"), "{lines:?}");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_older_key_header_is_tried_once_and_kept() {
    let (sandbox, _wall, connector) = start(3).await;
    sandbox.set_faults(vec![FaultRule::new(FaultKind::Status(401)).times(1)]);
    assert_eq!(connector.fetch(&["1".into()]).await.unwrap().len(), 1);
    assert_eq!(sandbox.requests().total, 2);
    assert_eq!(connector.fetch(&["1".into()]).await.unwrap().len(), 1);
    assert_eq!(sandbox.requests().total, 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn one_access_token_serves_all_calls_until_it_is_refused() {
    let (sandbox, wall, connector) = start_with(12, ServiceDeskOptions::cloud()).await;
    let pages = walk(&*connector, ChangeQuery::default(), None, 100).await.unwrap();
    let all: Vec<ItemId> = ids(&pages).into_iter().map(ItemId::new).collect();
    assert_eq!(connector.fetch(&all).await.unwrap().len(), 12);
    assert_eq!(sandbox.requests().matching("oauth/v2/token"), 1, "{:?}", sandbox.requests());
    wall.advance(Duration::from_secs(4_000));
    assert_eq!(connector.fetch(&all).await.unwrap().len(), 12);
    assert_eq!(sandbox.requests().matching("oauth/v2/token"), 2, "renewed once for all");
    assert!(all[0].as_str().len() >= 15, "cloud ids are kept as text");
    sandbox.stop().await;
}

#[tokio::test]
async fn types_are_described_with_fields_and_statuses() {
    let (sandbox, _wall, connector) = start(5).await;
    let schema = connector.describe().await.unwrap();
    let kind = schema.types.iter().find(|kind| kind.reference == "Incident").unwrap();
    let field = |name: &str| kind.fields.iter().find(|field| field.reference == name).unwrap();
    assert!(field("subject").is_required && field("status").is_status);
    assert_eq!(field("technician").field_type, FieldType::Identity);
    assert_eq!(field("priority").allowed_values, ["Low", "Normal", "Medium", "High", "Urgent"]);
    assert_eq!(field("udf_fields.udf_long1").field_type, FieldType::Int);
    let shown: Vec<_> = kind.statuses.iter().map(|s| (s.value.as_str(), s.category)).collect();
    assert!(shown.contains(&("Closed", StatusCategory::Completed)), "{shown:?}");
    assert!(shown.contains(&("On Hold", StatusCategory::InProgress)));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_first_load_costs_a_list_for_each_hundred_and_no_change_one() {
    let (sandbox, wall, connector) = start(250).await;
    let pages = walk(&*connector, ChangeQuery::default(), None, 100).await.unwrap();
    let items: Vec<&Item> = pages.iter().flat_map(|page| &page.items).collect();
    assert_eq!(items.iter().map(|item| &item.id).collect::<BTreeSet<_>>().len(), 250);
    assert!(items.is_sorted_by_key(|item| item.changed_at));
    assert!(items.iter().any(|item| value(item, "description").is_some()), "rows are whole");
    assert_eq!(pages[0].total, Some(250));
    assert!(sandbox.requests().total <= 5, "{:?}", sandbox.requests());

    let cursor = pages.last().unwrap().cursor.clone();
    wall.advance(Duration::from_secs(600));
    sandbox.reset_requests();
    assert!(
        ids(&walk(&*connector, ChangeQuery::default(), Some(cursor.clone()), 100).await.unwrap())
            .is_empty()
    );
    assert_eq!(sandbox.requests().total, 1);

    for id in ["7", "3", "200"] {
        edit(&sandbox, id, json!({"subject": "edited"}));
    }
    sandbox.reset_requests();
    let pages = walk(&*connector, ChangeQuery::default(), Some(cursor), 100).await.unwrap();
    assert_eq!(
        ids(&pages).into_iter().collect::<BTreeSet<_>>(),
        ["200", "3", "7"].map(String::from).into()
    );
    assert_eq!(sandbox.requests().total, 1, "the rows carry everything");
    let cursor = pages.last().unwrap().cursor.clone();
    sandbox.reset_requests();
    assert!(
        ids(&walk(&*connector, ChangeQuery::default(), Some(cursor), 100).await.unwrap())
            .is_empty()
    );
    assert_eq!(sandbox.requests().total, 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn every_cursor_of_a_walk_is_safe_although_requests_move_meanwhile() {
    for null_last_updated in [false, true] {
        let options = ServiceDeskOptions { null_last_updated, ..ServiceDeskOptions::default() };
        let (sandbox, wall, connector) = start_with(230, options).await;
        let everything: BTreeSet<String> = (1..=230).map(|id: u32| id.to_string()).collect();
        for stop in 1..=4 {
            let mut seen = BTreeSet::new();
            let mut cursor = None;
            let mut pass = connector.changes(ChangeQuery::default(), None);
            for turn in 0..stop {
                wall.advance(Duration::from_secs(1));
                // These jump to the end of the list while it is read.
                for id in ["5", "40", "90", "160", "228"] {
                    edit(&sandbox, id, json!({"subject": format!("moved {stop} {turn}")}));
                }
                let Some(page) = pass.next_page(60).await.unwrap() else { break };
                seen.extend(page.items.iter().map(|item| item.id.to_string()));
                cursor = Some(page.cursor);
            }
            drop(pass);
            wall.advance(Duration::from_secs(600));
            let rest = walk(&*connector, ChangeQuery::default(), cursor, 60).await.unwrap();
            seen.extend(ids(&rest));
            assert_eq!(seen, everything, "stopped after page {stop}, {null_last_updated}");
        }
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn new_requests_without_a_change_time_are_seen() {
    let options = ServiceDeskOptions { null_last_updated: true, ..ServiceDeskOptions::default() };
    let (sandbox, wall, connector) = start_with(20, options).await;
    let pages = walk(&*connector, ChangeQuery::default(), None, 100).await.unwrap();
    assert_eq!(ids(&pages).into_iter().collect::<BTreeSet<_>>().len(), 20);
    let mut cursor = pages.last().unwrap().cursor.clone();
    for round in 0..3 {
        wall.advance(Duration::from_secs(600));
        let made =
            serde_json::from_value(json!({"fields": {"subject": format!("new {round}")}})).unwrap();
        let made = sandbox.edit(&made).unwrap().item_id;
        let pages = walk(&*connector, ChangeQuery::default(), Some(cursor), 100).await.unwrap();
        assert_eq!(ids(&pages), [made], "round {round}");
        cursor = pages.last().unwrap().cursor.clone();
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn filters_choose_and_matching_agrees() {
    let (sandbox, _wall, connector) = start(80).await;
    let query = ChangeQuery {
        types: vec!["Incident".to_owned()],
        native: Some(json!({"search_criteria": [
            {"field": "priority.name", "condition": "is", "value": "High"},
            {"field": "priority.name", "condition": "is", "value": "Urgent", "logical_operator": "or"},
        ]})),
        portable: PortableFilter {
            fields: vec![PortableTerm {
                field: "status".into(),
                op: FilterOp::Ne,
                value: json!("Closed"),
            }],
            ..PortableFilter::default()
        },
        fields: Vec::new(),
    };
    let pages = walk(&*connector, query.clone(), None, 100).await.unwrap();
    let items: Vec<&Item> = pages.iter().flat_map(|page| &page.items).collect();
    assert!(!items.is_empty());
    for item in &items {
        assert_ne!(item.status.as_deref(), Some("Closed"));
        let priority = value(item, "priority").and_then(Value::as_str);
        assert!(matches!(priority, Some("High" | "Urgent")), "{priority:?}");
    }
    let all: Vec<ItemId> = (1..=80).map(|id: u32| ItemId::new(id.to_string())).collect();
    let matching = connector.matching(&query, &all).await.unwrap();
    assert_eq!(matching, items.iter().map(|item| item.id.clone()).collect());
    sandbox.stop().await;
}

#[tokio::test]
async fn values_of_every_shape_go_and_come_back() {
    for options in [ServiceDeskOptions::default(), ServiceDeskOptions::cloud()] {
        let (sandbox, _wall, connector) = start_with(2, options).await;
        let values = json!({
            "description": "<p>a &amp; b</p>", "priority": "High", "technician": {"email": "ana.sousa@demo.example"},
            "due_by_time": "2026-03-01T10:00:00.000Z", "udf_fields.udf_long1": 7, "udf_fields.udf_bool1": false,
            "udf_fields.udf_date1": "2026-03-02T00:00:00.000Z", "group": null,
        });
        let made = first(&*connector, create("made", values, Some("On Hold"), Some("m-1"))).await;
        for (name, expected) in [
            ("description", json!("<p>a &amp; b</p>")),
            ("priority", json!("High")),
            ("due_by_time", json!("2026-03-01T10:00:00.000Z")),
            ("udf_fields.udf_long1", json!(7)),
            ("udf_fields.udf_bool1", json!(false)),
            ("udf_fields.udf_date1", json!("2026-03-02T00:00:00.000Z")),
            (MARKER, json!("m-1")),
            ("status", json!("On Hold")),
        ] {
            assert_eq!(value(&made, name), Some(&expected), "{name}");
        }
        let who = value(&made, "technician").and_then(|who| who.get("email"));
        assert_eq!(who, Some(&json!("ana.sousa@demo.example")));

        let clear = json!({"technician": null, "due_by_time": null, "udf_fields.udf_long1": 0});
        let changed = first(&*connector, update(&made.id, Some(&made.version), None, clear)).await;
        assert_eq!(value(&changed, "technician"), None);
        assert_eq!(value(&changed, "due_by_time"), None);
        assert_eq!(value(&changed, "udf_fields.udf_long1"), Some(&json!(0)));
        assert_eq!(value(&changed, "priority"), Some(&json!("High")), "what is not sent stays");

        let stale = update(&made.id, Some(&made.version), None, json!({"subject": "late"}));
        let refused = connector.apply(&[stale]).await.remove(0).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::VersionConflict);
        assert_eq!(sandbox.effects().len(), 2);
        assert_eq!(connector.whoami().await.unwrap().email.as_deref(), Some("sync@demo.example"));
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn closing_needs_what_the_rules_demand_and_says_so() {
    let options = ServiceDeskOptions {
        closure_required: vec!["resolution".to_owned()],
        ..ServiceDeskOptions::default()
    };
    let (sandbox, _wall, connector) = start_with(2, options).await;
    let made = first(&*connector, create("to be closed", json!({}), None, None)).await;
    let refused = connector
        .apply(&[update(&made.id, None, Some("Closed"), json!({}))])
        .await
        .remove(0)
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid, "a 200 that refuses");
    assert_eq!(refused.field.as_ref().map(FieldRef::as_str), Some("resolution"));
    let closed = update(&made.id, None, Some("Closed"), json!({"resolution": "<p>done</p>"}));
    let closed = first(&*connector, closed).await;
    assert_eq!(closed.status.as_deref(), Some("Closed"));
    assert_eq!(value(&closed, "resolution"), Some(&json!("<p>done</p>")));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_wrong_value_and_a_template_demand_name_their_field() {
    let (sandbox, _wall, connector) = start(2).await;
    let refused = connector
        .apply(&[create("bad", json!({"priority": "Nonsense"}), None, None)])
        .await
        .remove(0);
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.kind, refused.field.as_ref().map(FieldRef::as_str)),
        (ErrorKind::Invalid, Some("priority"))
    );
    let demanding = create("bad", json!({"template": "Web shop bug"}), None, None);
    let refused = connector.apply(&[demanding]).await.remove(0).unwrap_err();
    assert_eq!(
        (refused.kind, refused.field.as_ref().map(FieldRef::as_str)),
        (ErrorKind::Invalid, Some("category"))
    );
    assert!(sandbox.effects().is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn what_was_made_is_found_by_marker_or_by_author() {
    let (sandbox, _wall, connector) = start(10).await;
    let since = sandbox.now();
    let made = first(&*connector, create("it's mine", json!({}), None, Some("X-1"))).await;
    let other = first(&*connector, create("another", json!({}), None, Some("x-1"))).await;
    let theirs = serde_json::from_value(json!({"fields": {"subject": "it's mine"}})).unwrap();
    let theirs = sandbox.edit(&theirs).unwrap().item_id;
    let marker = Some(Marker { field: MARKER.into(), value: "X-1".to_owned() });
    let look = FindCreated { type_ref: "Incident".to_owned(), since, marker };
    let found = connector.find_created(&look).await.unwrap();
    assert_eq!(
        found.iter().map(|item| &item.id).collect::<Vec<_>>(),
        [&made.id],
        "the marker is exact"
    );
    let found = connector.find_created(&FindCreated { marker: None, ..look }).await.unwrap();
    assert_eq!(found.iter().map(|item| &item.id).collect::<Vec<_>>(), [&made.id, &other.id]);
    let found =
        connector.find_equal("Incident", &"subject".into(), &json!("IT'S MINE")).await.unwrap();
    assert_eq!(
        found.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(),
        [made.id.as_str(), &theirs]
    );
    let found = connector.search(Some("Incident"), Some("mine"), 5).await.unwrap();
    assert_eq!(found.len(), 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn trashed_is_told_apart_from_hidden() {
    let (sandbox, _wall, connector) = start(5).await;
    let item = connector.fetch(&["2".into()]).await.unwrap().remove(0);
    let delete = |expected: &str| {
        let kind = WriteKind::Delete { id: item.id.clone(), expected: Some(expected.into()) };
        Write { op_id: OpId::from("d"), kind, status: None, fields: Fields::new(), marker: None }
    };
    let stale = connector.apply(&[delete("999")]).await.remove(0).unwrap_err();
    assert_eq!(stale.kind, ErrorKind::VersionConflict);
    connector.apply(&[delete(item.version.as_str())]).await.remove(0).unwrap();
    assert!(sandbox.forbid("3", true));
    for (id, presence) in [
        ("1", Presence::Present),
        ("2", Presence::Deleted),
        ("3", Presence::Forbidden),
        ("99999", Presence::Forbidden),
    ] {
        assert_eq!(connector.probe(&id.into()).await.unwrap(), presence, "{id}");
    }
    let all: Vec<ItemId> = ["1", "2", "3", "4", "x"].into_iter().map(ItemId::from).collect();
    let found = connector.fetch(&all).await.unwrap();
    assert_eq!(found.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["1", "4"]);
    sandbox.stop().await;
}

#[tokio::test]
async fn notes_links_and_files_go_and_come_back_in_both_flavours() {
    for flavour in [Flavour::OnPremises, Flavour::Cloud] {
        let options = ServiceDeskOptions { flavour, ..ServiceDeskOptions::default() };
        let (sandbox, wall, connector) = start_with(1, options).await;
        let one = first(&*connector, create("one", json!({}), None, None)).await.id;
        let two = first(&*connector, create("two", json!({}), None, None)).await.id;
        let new = |body: &str, is_private| NewComment {
            body: body.to_owned(),
            format: TextFormat::Text,
            is_private,
        };
        let public = connector.add_comment(&one, &new("a < b", false)).await.unwrap();
        assert_eq!((public.body.as_str(), public.is_private), ("a &lt; b", false));
        wall.advance(Duration::from_secs(1));
        let private = connector.add_comment(&one, &new("hidden", true)).await.unwrap();
        let edited = connector.edit_comment(&one, &public.id, &new("c", false)).await.unwrap();
        assert_eq!((edited.id, edited.body.as_str()), (public.id, "c"));
        let all = connector.comments(&one).await.unwrap();
        assert_eq!(all.iter().map(|note| note.is_private).collect::<Vec<_>>(), [false, true]);
        assert_eq!(all[1].id, private.id);

        let link = ItemLink { relation: "linked".to_owned(), other: two.clone(), link_id: None };
        connector.add_link(&one, &link).await.unwrap();
        assert_eq!(connector.links(&one).await.unwrap(), [link]);

        let bytes = b"\x89PNG not really".to_vec();
        let file = connector
            .attach(&one, "shot.png", "image/png", HeldFile::new(bytes.clone()))
            .await
            .unwrap();
        let files = connector.attachments(&one).await.unwrap();
        assert_eq!(files, [file]);
        assert_eq!(file_bytes(connector.as_ref(), &one, &files[0], 1_000).await.unwrap(), bytes);
        assert_eq!(
            file_bytes(connector.as_ref(), &one, &files[0], 3).await.unwrap_err().kind,
            ErrorKind::Invalid
        );
        let pasted = "/inlineimages/WorkOrder/7.png".to_owned();
        let addresses = [files[0].url.clone(), pasted, "https://x.example/a.png".to_owned()];
        let found = connector.inline_images(&one, &addresses).await.unwrap();
        let image = InlineImage { file: files[0].clone(), address: files[0].url.clone() };
        assert_eq!(found[0], ImageSource::Here(Box::new(image)));
        assert!(matches!(found[1], ImageSource::Locked(_)), "{found:?}");
        assert_eq!(found[2], ImageSource::Elsewhere);
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn the_other_flavours_key_for_notes_is_tried_and_kept() {
    let (sandbox, wall, _) = start(1).await;
    let (mut settings, credentials) = settings(&sandbox);
    settings.metadata["flavour"] = json!("cloud");
    let connector = connect_with(&settings, &credentials, &wall, |_| ());
    let note = NewComment { body: "n".to_owned(), format: TextFormat::Text, is_private: false };
    connector.add_comment(&"1".into(), &note).await.unwrap();
    assert_eq!(sandbox.requests().total, 2);
    connector.add_comment(&"1".into(), &note).await.unwrap();
    assert_eq!(sandbox.requests().total, 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn people_are_looked_up_once() {
    let (sandbox, _wall, connector) = start(1).await;
    let who = |email: &str| Identity { email: Some(email.to_owned()), ..Identity::default() };
    let ana = connector.resolve_identity(&who("Ana.Sousa@demo.example")).await.unwrap().unwrap();
    assert_eq!(ana.name.as_deref(), Some("Ana Sousa"));
    let requester = connector.resolve_identity(&who("grace.oneill@demo.example")).await.unwrap();
    assert!(requester.is_some(), "people who are no technicians are found, too");
    assert_eq!(connector.resolve_identity(&who("nobody@demo.example")).await.unwrap(), None);
    let elif = Identity { name: Some("elif yılmaz".to_owned()), ..Identity::default() };
    assert!(connector.resolve_identity(&elif).await.unwrap().is_some(), "by name, too");
    connector.resolve_identity(&who("ana.sousa@demo.example")).await.unwrap();
    assert_eq!(sandbox.requests().total, 2, "one page of technicians, one of requesters");
    sandbox.stop().await;
}

#[tokio::test]
async fn broken_reads_end_in_their_kind() {
    use ErrorKind as K;
    use FaultKind as F;
    let always = |kind| FaultRule::new(kind).times(50);
    for (rule, expected) in [
        (always(F::Status(401)), K::Auth),
        (always(F::Status(403)), K::Permission),
        (always(F::Status(429)), K::RateLimited),
        (always(F::RollingThrottle), K::RateLimited),
        (always(F::Status(500)), K::Unavailable),
        (always(F::Status(502)), K::Unavailable),
        (always(F::TimeoutBeforeEffect).hold_ms(20), K::Unavailable),
        (always(F::Truncated), K::Unavailable),
        (always(F::BrokenJson), K::Protocol),
        (always(F::WrongContentType), K::Protocol),
        (always(F::SignInHtml), K::Auth),
    ] {
        let (sandbox, _wall, connector) = start(3).await;
        let kind = rule.kind;
        sandbox.set_faults(vec![rule]);
        let error = connector.fetch(&["1".into()]).await.unwrap_err();
        assert_eq!(error.kind, expected, "{kind:?}: {error}");
        assert!(!error.to_string().contains("SANDBOX-TECHNICIAN-KEY"));
        if kind == F::RollingThrottle {
            assert_eq!(error.retry_after, Some(Duration::from_secs(120)));
            assert_eq!(sandbox.requests().total, 1, "every further call makes the block longer");
        }
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn the_throttle_rests_the_whole_connection() {
    let (sandbox, wall, _) = start(3).await;
    let (settings, credentials) = settings(&sandbox);
    let impatient = |config: &mut syncline_outbound::OutboundConfig| {
        config.longest_pause = Duration::from_secs(60);
    };
    let connector = connect_with(&settings, &credentials, &wall, impatient);
    sandbox.set_faults(vec![FaultRule::new(FaultKind::RollingThrottle).times(1)]);
    for _ in 0..2 {
        let refused = connector.fetch(&["1".into()]).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::RateLimited);
        assert!(refused.retry_after.is_some_and(|wait| wait > Duration::from_secs(60)));
    }
    assert_eq!(sandbox.requests().total, 1, "the second call is not even sent");
    sandbox.stop().await;
}

#[tokio::test]
async fn passing_trouble_is_sat_out_by_reads() {
    use FaultKind as F;
    for kind in [F::Status(429), F::Status(500), F::Status(502), F::Truncated, F::RetryAfter200] {
        let (sandbox, _wall, connector) = start(3).await;
        sandbox.set_faults(vec![FaultRule::new(kind).times(1).retry_after(1)]);
        assert_eq!(connector.fetch(&["1".into()]).await.unwrap().len(), 1, "{kind:?}");
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn broken_writes_end_in_their_kind_and_never_happen_twice() {
    use ErrorKind as K;
    use FaultKind as F;
    let always = |kind| FaultRule::new(kind).on("POST").times(50);
    for (rule, expected, happened) in [
        (always(F::Status(401)), K::Auth, false),
        (always(F::Status(403)), K::Permission, false),
        (always(F::Status(429)), K::RateLimited, false),
        (always(F::RollingThrottle), K::RateLimited, false),
        (always(F::Status(500)), K::Ambiguous, false),
        (always(F::StatusAfterEffect(500)), K::Ambiguous, true),
        (always(F::StatusAfterEffect(502)), K::Ambiguous, true),
        (always(F::TimeoutBeforeEffect).hold_ms(20), K::Ambiguous, false),
        (always(F::TimeoutAfterEffect).hold_ms(20), K::Ambiguous, true),
        (always(F::Truncated), K::Ambiguous, true),
        (always(F::BrokenJson), K::Ambiguous, true),
        (always(F::WrongContentType), K::Ambiguous, true),
        (always(F::SignInHtml), K::Auth, false),
    ] {
        let (sandbox, _wall, connector) = start(3).await;
        let kind = rule.kind;
        sandbox.set_faults(vec![rule]);
        let write = create("new", json!({}), None, Some("m-1"));
        let error = connector.apply(&[write]).await.remove(0).unwrap_err();
        assert_eq!(error.kind, expected, "{kind:?}: {error}");
        assert_eq!(sandbox.effects().len(), usize::from(happened), "{kind:?}");
        sandbox.stop().await;
    }
}

/// The rules that every connector keeps.
mod suite {
    use syncline_sandbox::ServiceDeskOptions;
    use syncline_testkit::connector_suite::{Facts, Harness};

    use super::{MARKER, json, start_with};
    use crate::support::SandboxHarness;

    async fn made(options: ServiceDeskOptions, unknown_id: &str) -> Option<impl Harness> {
        let (sandbox, wall, _) = start_with(20, options).await;
        let facts = Facts {
            text_field: Some("description".into()),
            next_status: Some("On Hold".to_owned()),
            invalid: Some(("priority".into(), json!("Nonsense"))),
            marker_field: Some(MARKER.into()),
            relation: Some("linked".to_owned()),
            ..Facts::new("Incident", "subject", unknown_id)
        };
        Some(SandboxHarness { sandbox, wall, facts, title: "subject" })
    }

    mod on_premises {
        use super::*;

        async fn fresh() -> Option<impl Harness> {
            made(ServiceDeskOptions::default(), "99999999").await
        }

        syncline_testkit::connector_suite!(fresh);
    }

    mod cloud {
        use super::*;

        async fn fresh() -> Option<impl Harness> {
            made(ServiceDeskOptions::cloud(), "100001000099999999").await
        }

        syncline_testkit::connector_suite!(fresh);
    }
}
