//! The Azure DevOps connector against the sandbox that speaks its wire format.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{connect, connect_with, ids, settings, walk};
use serde_json::{Value, json};
use syncline_domain::ports::{
    ChangeQuery, Clock as _, Connector, ErrorKind, FilterOp, FindCreated, HeldFile, Marker,
    PortableFilter, PortableTerm, Presence, Write, WriteKind,
};
use syncline_domain::{
    Credentials, FieldRef, FieldType, Fields, Identity, ImageMarkup, ImageSource, Item, ItemId,
    ItemLink, NewComment, OpId, STATUS_REF, StatusCategory, TextFormat, Version,
};
use syncline_sandbox::{
    AzureDevOps, AzureDevOpsOptions, EffectOp, FaultKind, FaultRule, RunningSandbox,
    SandboxOptions, TagsAdd,
};
use syncline_testkit::{ManualClock, file_bytes};

const MARKER: &str = "Custom.ExternalId";

async fn start(items: usize) -> (RunningSandbox, ManualClock, Arc<dyn Connector>) {
    start_with(items, AzureDevOpsOptions::default()).await
}

async fn start_with(
    items: usize,
    options: AzureDevOpsOptions,
) -> (RunningSandbox, ManualClock, Arc<dyn Connector>) {
    let wall = ManualClock::new();
    let common = SandboxOptions::new(Arc::new(wall.clone())).items(items);
    let sandbox = AzureDevOps::start_with(common, options).await.unwrap();
    let connector = connect(&sandbox, &wall);
    (sandbox, wall, connector)
}

fn edit(sandbox: &RunningSandbox, id: &str, fields: Value) {
    let edit = serde_json::from_value(json!({"item_id": id, "fields": fields})).unwrap();
    sandbox.edit(&edit).unwrap();
}

fn fields(value: Value) -> Fields {
    let Value::Object(map) = value else { panic!("fields are an object") };
    map.into_iter().map(|(name, value)| (FieldRef::new(name), value)).collect()
}

fn create(title: &str, values: Value, status: Option<&str>, marker: Option<&str>) -> Write {
    let mut all = fields(values);
    all.insert("System.Title".into(), json!(title));
    Write {
        op_id: OpId::from(title),
        kind: WriteKind::Create { type_ref: "Bug".to_owned() },
        status: status.map(ToOwned::to_owned),
        fields: all,
        marker: marker.map(|value| Marker { field: MARKER.into(), value: value.to_owned() }),
    }
}

fn update(id: &ItemId, expected: Option<&Version>, values: Value) -> Write {
    Write {
        op_id: OpId::from("update"),
        kind: WriteKind::Update { id: id.clone(), expected: expected.cloned() },
        status: None,
        fields: fields(values),
        marker: None,
    }
}

async fn first(connector: &dyn Connector, write: Write) -> Item {
    connector.apply(&[write]).await.remove(0).unwrap()
}

fn value<'a>(item: &'a Item, name: &str) -> Option<&'a Value> {
    item.fields.get(&FieldRef::from(name))
}

#[tokio::test]
async fn a_good_connection_has_only_good_lines() {
    let (sandbox, _wall, connector) = start(5).await;
    let lines = connector.check().await;
    assert!(lines.iter().all(|line| line.ok), "{lines:#?}");
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(
        names,
        ["sign in", "project", "read work items", "write work items", "clock", "token expiry"]
    );
    assert!(sandbox.effects().is_empty(), "a check writes nothing");
    let me = connector.whoami().await.unwrap();
    assert_eq!(me.email.as_deref(), Some("sync@demo.example"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_bad_connection_says_what_to_do() {
    let (sandbox, wall, _) = start(5).await;
    let (good, credentials) = settings(&sandbox);

    let wrong = Credentials::new([("token", "wrong")]);
    let lines = connect_with(&good, &wrong, &wall, |_| ()).check().await;
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].ok && lines[0].what_to_do.as_ref().unwrap().contains("token"), "{lines:?}");
    assert!(!format!("{lines:?}").contains("wrong\""), "the token is nowhere");

    let mut settings = good.clone();
    settings.endpoint = "Webshp".to_owned();
    let lines = connect_with(&settings, &credentials, &wall, |_| ()).check().await;
    let line = lines.iter().find(|line| line.name == "project").unwrap();
    assert!(!line.ok && line.what_to_do.as_ref().unwrap().contains("Webshop"), "{lines:?}");

    let mut settings = good.clone();
    settings.metadata = json!({"area_path": "Webshop\\Nowhere"});
    let lines = connect_with(&settings, &credentials, &wall, |_| ()).check().await;
    assert!(lines.iter().any(|line| !line.ok), "{lines:?}");

    let ahead = ManualClock::at(wall.now().after(Duration::from_secs(3_600)));
    let lines = connect_with(&good, &credentials, &ahead, |_| ()).check().await;
    let line = lines.iter().find(|line| line.name == "clock").unwrap();
    assert!(!line.ok && line.message.contains("ahead"), "{lines:?}");
    sandbox.stop().await;
}

#[tokio::test]
async fn types_are_described_with_fields_and_states() {
    let (sandbox, _wall, connector) = start(5).await;
    let schema = connector.describe().await.unwrap();
    let bug = schema.types.iter().find(|kind| kind.reference == "Bug").unwrap();
    let field = |name: &str| bug.fields.iter().find(|field| field.reference == name).unwrap();
    assert!(field("System.State").is_status);
    assert!(field("System.Title").is_required);
    assert!(field("System.CreatedDate").is_readonly);
    assert_eq!(field("System.AssignedTo").field_type, FieldType::Identity);
    assert_eq!(field("System.Tags").field_type, FieldType::Array);
    assert_eq!(field("Microsoft.VSTS.Common.Priority").allowed_values, ["1", "2", "3", "4"]);
    assert_eq!(field("System.Description").field_type, FieldType::Html);
    let closed = bug.statuses.iter().find(|status| status.value == "Closed").unwrap();
    assert_eq!(closed.category, StatusCategory::Completed);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_first_load_costs_one_query_and_one_read_for_each_200() {
    let (sandbox, _wall, connector) = start(450).await;
    let pages = walk(&*connector, ChangeQuery::default(), None, 200).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [200, 200, 50]);
    assert_eq!(pages[0].total, Some(450));
    let items: Vec<&Item> = pages.iter().flat_map(|page| &page.items).collect();
    let number = |item: &Item| item.id.as_str().parse::<u64>().unwrap();
    assert!(items.is_sorted_by_key(|item| (item.changed_at, number(item))));
    assert_eq!(items.iter().map(|item| &item.id).collect::<BTreeSet<_>>().len(), 450);
    let counts = sandbox.requests();
    assert_eq!(
        (counts.total, counts.matching("wiql"), counts.matching("workitemsbatch")),
        (4, 1, 3),
        "{counts:?}"
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn no_change_costs_one_request_and_a_change_one_read_more() {
    let (sandbox, wall, connector) = start(60).await;
    let pages = walk(&*connector, ChangeQuery::default(), None, 200).await.unwrap();
    let cursor = pages.last().unwrap().cursor.clone();
    wall.advance(Duration::from_secs(600));
    sandbox.reset_requests();

    let pages = walk(&*connector, ChangeQuery::default(), Some(cursor.clone()), 200).await.unwrap();
    assert!(ids(&pages).is_empty());
    assert_eq!(sandbox.requests().total, 1);

    for id in ["7", "3", "50"] {
        edit(&sandbox, id, json!({"System.Title": "edited"}));
    }
    sandbox.reset_requests();
    let pages = walk(&*connector, ChangeQuery::default(), Some(cursor), 200).await.unwrap();
    assert_eq!(ids(&pages), ["3", "7", "50"]);
    assert_eq!(sandbox.requests().total, 2);
    let cursor = pages.last().unwrap().cursor.clone();

    wall.advance(Duration::from_secs(600));
    sandbox.reset_requests();
    let pages = walk(&*connector, ChangeQuery::default(), Some(cursor), 200).await.unwrap();
    assert!(ids(&pages).is_empty());
    assert_eq!(sandbox.requests().total, 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn every_cursor_of_a_walk_is_safe_although_items_change_meanwhile() {
    let (sandbox, wall, connector) = start(90).await;
    let everything: BTreeSet<String> = (1..=90).map(|id: u32| id.to_string()).collect();
    for stop in 1..=3 {
        let mut seen = BTreeSet::new();
        let mut cursor = None;
        let mut pass = connector.changes(ChangeQuery::default(), None);
        for _ in 0..stop {
            // Somebody edits an item that was handed out and one that was not, just now.
            wall.advance(Duration::from_secs(1));
            edit(&sandbox, "5", json!({"System.Title": format!("a{stop} {}", seen.len())}));
            edit(&sandbox, "88", json!({"System.Title": format!("b{stop} {}", seen.len())}));
            let Some(page) = pass.next_page(25).await.unwrap() else { break };
            seen.extend(page.items.iter().map(|item| item.id.to_string()));
            cursor = Some(page.cursor);
        }
        drop(pass);
        wall.advance(Duration::from_secs(600));
        let rest = walk(&*connector, ChangeQuery::default(), cursor, 25).await.unwrap();
        seen.extend(ids(&rest));
        assert_eq!(seen, everything, "stopped after page {stop}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn more_items_than_a_query_lists_are_walked_by_id_and_resumed_there() {
    const ITEMS: usize = 20_050;
    let (sandbox, wall, connector) = start(ITEMS).await;
    let query = ChangeQuery { fields: vec!["System.Title".into()], ..ChangeQuery::default() };

    let mut seen = BTreeSet::new();
    let mut pass = connector.changes(query.clone(), None);
    let mut cursor = None;
    for _ in 0..60 {
        let page = pass.next_page(200).await.unwrap().unwrap();
        seen.extend(page.items.iter().map(|item| item.id.to_string()));
        cursor = Some(page.cursor);
    }
    drop(pass);
    assert!(cursor.as_ref().unwrap().as_str().contains("backfill"));
    edit(&sandbox, "1", json!({"System.Title": "edited while the load went on"}));

    wall.advance(Duration::from_secs(30));
    let rest = walk(&*connector, query.clone(), cursor, 200).await.unwrap();
    let again: Vec<String> = ids(&rest).into_iter().filter(|id| seen.contains(id)).collect();
    assert!(again.is_empty(), "resumed without reading again: {again:?}");
    seen.extend(ids(&rest));
    assert_eq!(seen.len(), ITEMS);

    let cursor = rest.last().unwrap().cursor.clone();
    let pages = walk(&*connector, query, Some(cursor), 200).await.unwrap();
    assert_eq!(ids(&pages), ["1"], "the edit during the load is not lost");
    sandbox.stop().await;
}

#[tokio::test]
async fn filters_choose_and_matching_agrees() {
    let (sandbox, _wall, connector) = start(60).await;
    let query = ChangeQuery {
        types: vec!["Bug".to_owned()],
        native: Some(json!({
            "wiql": "SELECT [System.Id] FROM WorkItems WHERE [System.State] = 'New' OR [System.State] = 'Active' ORDER BY [System.Id]"
        })),
        portable: PortableFilter {
            fields: vec![PortableTerm {
                field: "Microsoft.VSTS.Common.Priority".into(),
                op: FilterOp::In,
                value: json!([1, 2]),
            }],
            ..PortableFilter::default()
        },
        fields: Vec::new(),
    };
    let pages = walk(&*connector, query.clone(), None, 200).await.unwrap();
    let items: Vec<&Item> = pages.iter().flat_map(|page| &page.items).collect();
    assert!(!items.is_empty());
    for item in &items {
        assert_eq!(item.type_ref, "Bug");
        assert!(matches!(item.status.as_deref(), Some("New" | "Active")));
        assert!(matches!(
            value(item, "Microsoft.VSTS.Common.Priority").and_then(Value::as_i64),
            Some(1 | 2)
        ));
    }
    let all: Vec<ItemId> = (1..=60).map(|id: u32| ItemId::new(id.to_string())).collect();
    let matching = connector.matching(&query, &all).await.unwrap();
    assert_eq!(matching, items.iter().map(|item| item.id.clone()).collect());
    sandbox.stop().await;
}

#[tokio::test]
async fn writes_go_out_in_one_batch_and_each_is_judged_alone() {
    let (sandbox, _wall, connector) = start(10).await;
    let before = connector.fetch(&["1".into(), "2".into()]).await.unwrap();
    let version =
        |id: &str| before.iter().find(|item| item.id.as_str() == id).unwrap().version.clone();
    let writes = [
        create(
            "made",
            json!({"System.Tags": ["b", "a"], "System.AssignedTo": {"email": "ana.sousa@demo.example"}}),
            Some("New"),
            Some("m-1"),
        ),
        update(
            &"1".into(),
            Some(&version("1")),
            json!({"System.Title": "changed", "System.AssignedTo": null}),
        ),
        update(&"2".into(), Some(&"999".into()), json!({"System.Title": "too late"})),
        update(&"99999".into(), None, json!({"System.Title": "nobody"})),
        create("bad", json!({"Microsoft.VSTS.Common.Severity": "nonsense"}), None, None),
    ];
    sandbox.reset_requests();
    let outcomes = connector.apply(&writes).await;
    assert_eq!(sandbox.requests().total, 1, "{:?}", sandbox.requests());

    let made = outcomes[0].as_ref().unwrap();
    assert_eq!(value(made, "System.Tags"), Some(&json!(["a", "b"])));
    assert_eq!(value(made, MARKER), Some(&json!("m-1")));
    assert_eq!(
        value(made, "System.AssignedTo").and_then(|who| who.get("email")),
        Some(&json!("ana.sousa@demo.example"))
    );
    let changed = outcomes[1].as_ref().unwrap();
    assert_eq!(changed.title, "changed");
    assert_eq!(value(changed, "System.AssignedTo"), None);
    assert_ne!(changed.version, version("1"));
    let kinds: Vec<ErrorKind> =
        outcomes[2..].iter().map(|outcome| outcome.as_ref().unwrap_err().kind).collect();
    assert_eq!(kinds, [ErrorKind::VersionConflict, ErrorKind::NotFound, ErrorKind::Invalid]);
    assert_eq!(sandbox.effects().len(), 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_single_write_is_a_plain_call_and_a_stale_one_changes_nothing() {
    let (sandbox, _wall, connector) = start(5).await;
    let item = connector.fetch(&["3".into()]).await.unwrap().remove(0);
    let changed =
        first(&*connector, update(&item.id, Some(&item.version), json!({"Custom.Blocked": false})))
            .await;
    assert_eq!(value(&changed, "Custom.Blocked"), Some(&json!(false)));
    let stale = connector
        .apply(&[update(&item.id, Some(&item.version), json!({"System.Title": "x"}))])
        .await
        .remove(0);
    assert_eq!(stale.unwrap_err().kind, ErrorKind::VersionConflict);
    let same = first(&*connector, update(&item.id, Some(&changed.version), json!({}))).await;
    assert_eq!(same.version, changed.version);
    assert_eq!(sandbox.effects().len(), 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn our_own_changes_are_told_from_those_of_people() {
    let (sandbox, _wall, connector) = start(0).await;
    let made = first(&*connector, create("One", json!({}), None, None)).await;
    edit(&sandbox, made.id.as_str(), json!({"System.Description": "a person was here"}));
    let update = update(&made.id, None, json!({"System.Title": "Two"}));
    let state = Write { status: Some("Active".to_owned()), ..update };
    let updated = first(&*connector, state).await;
    let own = connector.own_changes(&made.id, &made.version).await.unwrap().unwrap();
    assert_eq!(own.len(), 1);
    let own = &own[0];
    assert_eq!(own.get(&"System.Title".into()), Some(&Some(json!("Two"))));
    assert_eq!(own.get(&STATUS_REF.into()), Some(&Some(json!("Active"))));
    assert!(!own.contains_key(&"System.Description".into()), "{own:?}");
    edit(&sandbox, made.id.as_str(), json!({"System.Title": "Three"}));
    let own = connector.own_changes(&made.id, &updated.version).await.unwrap();
    assert_eq!(own, Some(Vec::new()));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_state_that_items_cannot_begin_in_is_reached_in_two_steps_and_remembered() {
    let options = AzureDevOpsOptions { initial_state_only: true, ..AzureDevOpsOptions::default() };
    let (sandbox, _wall, connector) = start_with(2, options).await;
    let writes: Vec<Write> = ["New", "Active", "Closed"]
        .into_iter()
        .map(|state| create(&format!("begins {state}"), json!({}), Some(state), None))
        .collect();
    let states = |outcomes: Vec<Result<Item, _>>| -> Vec<String> {
        outcomes
            .into_iter()
            .map(|outcome: Result<Item, syncline_domain::ports::ConnectorError>| {
                outcome.unwrap().status.unwrap()
            })
            .collect()
    };
    assert_eq!(states(connector.apply(&writes).await), ["New", "Active", "Closed"]);
    assert_eq!(sandbox.requests().total, 3, "refused, made, moved");
    sandbox.reset_requests();
    assert_eq!(states(connector.apply(&writes).await), ["New", "Active", "Closed"]);
    assert_eq!(sandbox.requests().total, 2, "made, moved");
    let creates = sandbox.effects().iter().filter(|effect| effect.op == EffectOp::Create).count();
    assert_eq!(creates, 6);

    let wrong = connector
        .apply(&[create("begins nowhere", json!({}), Some("Nonsense"), None)])
        .await
        .remove(0);
    assert_eq!(wrong.unwrap().status.as_deref(), Some("New"), "made, and shown as it is");
    sandbox.stop().await;
}

#[tokio::test]
async fn tags_end_as_wanted_however_the_server_adds_them() {
    for tags_add in [TagsAdd::Replaces, TagsAdd::Merges] {
        let options = AzureDevOpsOptions { tags_add, ..AzureDevOpsOptions::default() };
        let (sandbox, _wall, connector) = start_with(2, options).await;
        let made = first(
            &*connector,
            create("tagged", json!({"System.Tags": ["one", "two"]}), None, None),
        )
        .await;
        let changed = first(
            &*connector,
            update(&made.id, Some(&made.version), json!({"System.Tags": ["two", "three"]})),
        )
        .await;
        assert_eq!(value(&changed, "System.Tags"), Some(&json!(["three", "two"])), "{tags_add:?}");
        let cleared = first(
            &*connector,
            update(&made.id, Some(&changed.version), json!({"System.Tags": []})),
        )
        .await;
        assert_eq!(value(&cleared, "System.Tags"), None, "{tags_add:?}");
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn what_was_made_is_found_by_marker_or_by_author() {
    let (sandbox, _wall, connector) = start(10).await;
    let since = sandbox.now();
    let made = first(&*connector, create("it's mine", json!({}), None, Some("X-1"))).await;
    let other = first(&*connector, create("another", json!({}), None, Some("x-1"))).await;
    let marker = Some(Marker { field: MARKER.into(), value: "X-1".to_owned() });
    let found = connector
        .find_created(&FindCreated { type_ref: "Bug".to_owned(), since, marker })
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|item| &item.id).collect::<Vec<_>>(),
        [&made.id],
        "the marker is exact"
    );

    let mine = FindCreated { type_ref: "Bug".to_owned(), since, marker: None };
    let found = connector.find_created(&mine).await.unwrap();
    assert_eq!(found.iter().map(|item| &item.id).collect::<Vec<_>>(), [&made.id, &other.id]);

    let found =
        connector.find_equal("Bug", &"System.Title".into(), &json!("IT'S MINE")).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(
        connector
            .find_equal("Bug", &"System.Title".into(), &json!("it's"))
            .await
            .unwrap()
            .is_empty()
    );
    let found = connector.search(Some("Bug"), Some("it's"), 5).await.unwrap();
    assert_eq!(found.iter().map(|item| &item.id).collect::<Vec<_>>(), [&made.id]);
    assert_eq!(connector.search(None, Some(made.id.as_str()), 5).await.unwrap()[0].id, made.id);
    assert_eq!(connector.search(None, None, 3).await.unwrap().len(), 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn deleted_is_told_apart_from_hidden() {
    let (sandbox, _wall, connector) = start(5).await;
    let item = connector.fetch(&["2".into()]).await.unwrap().remove(0);
    let delete = |expected: &str| Write {
        op_id: OpId::from("d"),
        kind: WriteKind::Delete { id: item.id.clone(), expected: Some(expected.into()) },
        status: None,
        fields: Fields::new(),
        marker: None,
    };
    let stale = connector.apply(&[delete("999")]).await.remove(0).unwrap_err();
    assert_eq!(stale.kind, ErrorKind::VersionConflict);
    assert_eq!(connector.probe(&item.id).await.unwrap(), Presence::Present);
    let gone = connector.apply(&[delete(item.version.as_str())]).await.remove(0).unwrap();
    assert_eq!(gone.id, item.id);
    assert!(sandbox.forbid("3", true));
    for (id, presence) in [
        ("1", Presence::Present),
        ("2", Presence::Deleted),
        ("3", Presence::Forbidden),
        ("99999", Presence::Forbidden),
    ] {
        assert_eq!(connector.probe(&id.into()).await.unwrap(), presence, "{id}");
    }
    let left: Vec<ItemId> = ["1", "2", "3", "4", "x"].into_iter().map(ItemId::from).collect();
    let found = connector.fetch(&left).await.unwrap();
    assert_eq!(
        found.iter().map(|item| item.id.as_str()).collect::<BTreeSet<_>>(),
        ["1", "4"].into()
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn comments_links_and_files_go_and_come_back() {
    let (sandbox, _wall, connector) = start(5).await;
    let id = ItemId::from("1");
    let had = connector.comments(&id).await.unwrap().len();
    let new = |body: &str, format| NewComment { body: body.to_owned(), format, is_private: false };
    let plain = connector.add_comment(&id, &new("a < b", TextFormat::Text)).await.unwrap();
    assert_eq!(plain.body, "a &lt; b");
    assert_eq!(
        plain.author.as_ref().and_then(|who| who.email.as_deref()),
        Some("sync@demo.example")
    );
    let marked = connector.add_comment(&id, &new("**b**", TextFormat::Markdown)).await.unwrap();
    assert_eq!(marked.format, TextFormat::Markdown);
    let edited =
        connector.edit_comment(&id, &plain.id, &new("<b>c</b>", TextFormat::Html)).await.unwrap();
    assert_eq!((edited.id, edited.body.as_str()), (plain.id.clone(), "<b>c</b>"));
    let all = connector.comments(&id).await.unwrap();
    assert_eq!(all.len(), had + 2);
    assert!(all.is_sorted_by_key(|comment| comment.created_at));

    let link = ItemLink {
        relation: "System.LinkTypes.Related".to_owned(),
        other: "4".into(),
        link_id: None,
    };
    connector.add_link(&id, &link).await.unwrap();
    connector.add_link(&id, &link).await.unwrap();
    assert_eq!(connector.links(&id).await.unwrap(), [link]);

    let bytes = b"\x89PNG not really".to_vec();
    let file = connector
        .attach(&id, "shot \u{e4}.png", "image/png", HeldFile::new(bytes.clone()))
        .await
        .unwrap();
    let files = connector.attachments(&id).await.unwrap();
    assert_eq!(
        files.iter().map(|file| (&file.id, &file.name)).collect::<Vec<_>>(),
        [(&file.id, &file.name)]
    );
    assert_eq!(file_bytes(connector.as_ref(), &id, &files[0], 1_000).await.unwrap(), bytes);
    assert_eq!(
        file_bytes(connector.as_ref(), &id, &files[0], 3).await.unwrap_err().kind,
        ErrorKind::Invalid
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn an_image_is_stored_for_a_text_and_read_by_its_address() {
    let (sandbox, _wall, connector) = start(2).await;
    let id = ItemId::from("1");
    let bytes = b"\x89PNG\r\n\x1a\n not really".to_vec();
    let before = connector.fetch(std::slice::from_ref(&id)).await.unwrap()[0].version.clone();
    let stored = connector
        .host_image(&id, "a shot.png", "image/png", HeldFile::new(bytes.clone()))
        .await
        .unwrap();
    assert!(connector.attachments(&id).await.unwrap().is_empty(), "only the text shows it");
    let after = connector.fetch(std::slice::from_ref(&id)).await.unwrap()[0].version.clone();
    assert_eq!(before, after);
    let foreign = stored.address.replace("127.0.0.1", "127.0.0.2");
    let addresses = [stored.address.clone(), foreign, "https://x.example/a.png".to_owned()];
    let found = connector.inline_images(&id, &addresses).await.unwrap();
    assert_eq!(found[1..], [ImageSource::Elsewhere, ImageSource::Elsewhere]);
    let ImageSource::Here(image) = &found[0] else { panic!("{found:?}") };
    assert_eq!((&image.address, image.file.name.as_str()), (&stored.address, "a shot.png"));
    assert_eq!(file_bytes(connector.as_ref(), &id, &image.file, 1_000).await.unwrap(), bytes);
    let title = FieldRef::from("System.Title");
    assert_eq!(connector.image_markup(Some(&title)), None);
    assert_eq!(connector.image_markup(None), Some(ImageMarkup::Html));
    sandbox.stop().await;
}

#[tokio::test]
async fn more_comments_than_a_page_are_all_read() {
    let (sandbox, _wall, connector) = start(2).await;
    for number in 0..205 {
        let edit =
            serde_json::from_value(json!({"item_id": "2", "comment": format!("number {number}")}))
                .unwrap();
        sandbox.edit(&edit).unwrap();
    }
    assert!(connector.comments(&"2".into()).await.unwrap().len() >= 205);
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
        (always(F::Status(500)), K::Unavailable),
        (always(F::Status(502)), K::Unavailable),
        (always(F::Status(503)), K::Unavailable),
        (always(F::TimeoutBeforeEffect).hold_ms(20), K::Unavailable),
        (always(F::Truncated), K::Unavailable),
        (always(F::BrokenJson), K::Protocol),
        (always(F::WrongContentType), K::Protocol),
        (always(F::SignInHtml), K::Auth),
        (always(F::UnauthorizedAfterN), K::Auth),
    ] {
        let (sandbox, _wall, connector) = start(3).await;
        let kind = rule.kind;
        sandbox.set_faults(vec![rule]);
        let error = connector.fetch(&["1".into()]).await.unwrap_err();
        assert_eq!(error.kind, expected, "{kind:?}: {error}");
        assert!(!error.to_string().contains("sandbox-personal-access-token"));
        sandbox.stop().await;
    }
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
    let always = |kind| FaultRule::new(kind).times(50);
    // fault, kind, whether the write happened
    for (rule, expected, happened) in [
        (always(F::Status(401)), K::Auth, false),
        (always(F::Status(403)), K::Permission, false),
        (always(F::Status(429)), K::RateLimited, false),
        (always(F::Status(409)), K::VersionConflict, false),
        (always(F::Status(500)), K::Ambiguous, false),
        (always(F::Status(502)), K::Ambiguous, false),
        (always(F::StatusAfterEffect(500)), K::Ambiguous, true),
        (always(F::TimeoutBeforeEffect).hold_ms(20), K::Ambiguous, false),
        (always(F::TimeoutAfterEffect).hold_ms(20), K::Ambiguous, true),
        (always(F::Truncated), K::Ambiguous, true),
        (always(F::BrokenJson), K::Ambiguous, true),
        (always(F::WrongContentType), K::Ambiguous, true),
        (always(F::SignInHtml), K::Auth, false),
    ] {
        for count in [1, 3_usize] {
            let (sandbox, _wall, connector) = start(3).await;
            let kind = rule.kind;
            sandbox.set_faults(vec![rule.clone()]);
            let writes: Vec<Write> = (0..count)
                .map(|n| create(&format!("new {n}"), json!({}), None, Some(&format!("m-{n}"))))
                .collect();
            let outcomes = connector.apply(&writes).await;
            assert_eq!(outcomes.len(), count);
            for outcome in outcomes {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind, expected, "{kind:?} of {count}: {error}");
            }
            assert_eq!(
                sandbox.effects().len(),
                if happened { count } else { 0 },
                "{kind:?} of {count}"
            );
            sandbox.set_faults(Vec::new());
            for n in 0..count {
                let marker = Some(Marker { field: MARKER.into(), value: format!("m-{n}") });
                let look = FindCreated { type_ref: "Bug".to_owned(), since: sandbox.now(), marker };
                // The connection may rest after a limit or a break: that is the client's business, not this test's.
                if let Ok(found) = connector.find_created(&look).await {
                    assert_eq!(found.len(), usize::from(happened), "{kind:?}");
                }
            }
            sandbox.stop().await;
        }
    }
}

#[tokio::test]
async fn in_a_batch_that_fails_in_part_the_rest_stands() {
    let (sandbox, _wall, connector) = start(3).await;
    sandbox.set_faults(vec![FaultRule::new(FaultKind::PartialBatch).on("$batch")]);
    let writes: Vec<Write> =
        (0..4).map(|n| create(&format!("new {n}"), json!({}), None, None)).collect();
    let outcomes = connector.apply(&writes).await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false]);
    assert_eq!(outcomes[2].as_ref().unwrap().title, "new 2");
    assert_eq!(sandbox.effects().len(), 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_asked_for_in_halves() {
    let (sandbox, wall, _) = start(120).await;
    let (settings, credentials) = settings(&sandbox);
    let connector =
        connect_with(&settings, &credentials, &wall, |config| config.body_cap = 100_000);
    let pages = walk(&*connector, ChangeQuery::default(), None, 200).await.unwrap();
    assert_eq!(ids(&pages).len(), 120);
    assert!(sandbox.requests().matching("workitemsbatch") > 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_field_that_is_gone_does_not_stop_the_reading() {
    let (sandbox, _wall, connector) = start(3).await;
    let query = ChangeQuery { fields: vec!["Custom.Gone".into()], ..ChangeQuery::default() };
    assert_eq!(ids(&walk(&*connector, query, None, 200).await.unwrap()).len(), 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn people_are_looked_up_once() {
    let (sandbox, _wall, connector) = start(1).await;
    let who = |email: &str| Identity { email: Some(email.to_owned()), ..Identity::default() };
    let ana = connector.resolve_identity(&who("Ana.Sousa@demo.example")).await.unwrap().unwrap();
    assert_eq!(ana.name.as_deref(), Some("Ana Sousa"));
    assert_eq!(connector.resolve_identity(&who("nobody@demo.example")).await.unwrap(), None);
    let asked = sandbox.requests().total;
    connector.resolve_identity(&who("ana.sousa@demo.example")).await.unwrap();
    connector.resolve_identity(&who("nobody@demo.example")).await.unwrap();
    assert_eq!(connector.resolve_identity(&Identity::default()).await.unwrap(), None);
    assert_eq!(sandbox.requests().total, asked);
    assert!(sandbox.effects().is_empty(), "asking writes nothing");
    sandbox.stop().await;
}

#[tokio::test]
async fn people_are_named_unasked_until_the_server_refuses_one() {
    let (sandbox, _wall, connector) = start(1).await;
    let who = |email: &str| Identity { email: Some(email.to_owned()), ..Identity::default() };
    let named = |email: &str| connector.named_unasked(&who(email));
    let write = |email: &str| Write {
        op_id: OpId::from(email),
        kind: WriteKind::Create { type_ref: "Bug".to_owned() },
        status: None,
        fields: Fields::from([
            ("System.Title".into(), json!("x")),
            ("System.AssignedTo".into(), named(email).unwrap().to_value()),
        ]),
        marker: None,
    };
    let writes = [write("nobody@demo.example"), write("Ana.Sousa@demo.example")];
    let outcomes = connector.apply(&writes).await;
    let refused = outcomes[0].as_ref().unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert_eq!(refused.field.as_ref().map(|field| field.as_str()), Some("System.AssignedTo"));
    let ana = &outcomes[1].as_ref().unwrap().fields[&"System.AssignedTo".into()];
    assert_eq!(ana["name"], "Ana Sousa");
    assert_eq!(named("Nobody@demo.example"), None, "what was refused once is not named again");
    assert_eq!(connector.resolve_identity(&who("nobody@demo.example")).await.unwrap(), None);
    assert_eq!(sandbox.requests().total, 1, "{:?}", sandbox.requests().by_route);
    sandbox.stop().await;
}

/// The rules that every connector keeps.
mod suite {
    use syncline_testkit::connector_suite;
    use syncline_testkit::connector_suite::{Facts, Harness};

    use super::{MARKER, json, start};
    use crate::support::SandboxHarness;

    async fn fresh() -> Option<impl Harness> {
        let (sandbox, wall, _) = start(20).await;
        let facts = Facts {
            text_field: Some("System.Description".into()),
            next_status: Some("Active".to_owned()),
            invalid: Some(("Microsoft.VSTS.Common.Severity".into(), json!("8 - Nonsense"))),
            marker_field: Some(MARKER.into()),
            relation: Some("System.LinkTypes.Related".to_owned()),
            ..Facts::new("Bug", "System.Title", "99999999")
        };
        Some(SandboxHarness { sandbox, wall, facts, title: "System.Title" })
    }

    connector_suite!(fresh);
}
