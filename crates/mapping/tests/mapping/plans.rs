//! Whole plans: which rule acts when, which way, and what happens to people and statuses.

use crate::common::{
    backward, computed, constant, direct, field, forward, item, map_as, one, pair, rule, spec,
    spec_of, status, table, transformed,
};
use serde_json::{Value, json};
use syncline_domain::{
    FieldRef, FieldRule, FieldSchema, FieldType, MapDirection, MappingType, Side, StatusCategory,
    SyncSpec, UserMap, UserMapEntry, UserMatch, When,
};
use syncline_mapping::{MapContext, Occasion, Plan};

fn text(reference: &str) -> FieldSchema {
    field(reference, FieldType::String)
}

fn value(mapped: &syncline_mapping::Mapped, reference: &str) -> Option<Value> {
    mapped.fields.get(&FieldRef::new(reference)).cloned()
}

#[test]
fn a_plan_can_be_shared_by_all_workers() {
    fn shared<T: Send + Sync>() {}
    shared::<Plan>();
}

#[test]
fn an_item_is_mapped_by_the_rules_of_its_own_type_only() {
    let bugs = pair(vec![constant(text("kind"), json!("from bug"))]);
    let mut tasks = pair(vec![constant(text("kind"), json!("from task"))]);
    tasks.source.reference = "task".to_owned();
    tasks.target.reference = "change".to_owned();
    let spec = spec_of(vec![bugs, tasks]);
    let plan = Plan::compile(&spec, Side::Source).unwrap();
    let context = MapContext::of(&spec, Side::Source, 1);
    assert_eq!(plan.types(), ["bug", "task"]);
    for (kind, to, said) in [("bug", "incident", "from bug"), ("task", "change", "from task")] {
        let mapped = plan.map(&item(kind, json!({})), Occasion::Create, &context);
        assert_eq!((mapped.type_ref.as_str(), value(&mapped, "kind")), (to, Some(json!(said))));
    }
    assert!(plan.pair_for("epic").is_none());
    let stray = plan.map(&item("epic", json!({})), Occasion::Create, &context);
    assert!(stray.fields.is_empty() && stray.faults[0].message.contains("not mapped"));
}

#[test]
fn a_missing_value_is_absent_on_create_and_clears_on_update() {
    let spec = spec(vec![direct(text("a"), text("b"))]);
    let bare = item("bug", json!({}));
    assert_eq!(value(&map_as(&spec, Side::Source, &bare, Occasion::Create), "b"), None);
    assert_eq!(
        value(&map_as(&spec, Side::Source, &bare, Occasion::Update), "b"),
        Some(Value::Null)
    );
}

#[test]
fn when_direction_and_default_are_obeyed() {
    let rules = vec![
        FieldRule { when: When::CreateOnly, ..direct(text("a"), text("once")) },
        FieldRule { when: When::UpdateOnly, ..direct(text("a"), text("later")) },
        FieldRule { direction: MapDirection::Forward, ..direct(text("a"), text("there")) },
        FieldRule { direction: MapDirection::Backward, ..direct(text("back"), text("here")) },
        FieldRule {
            default_value: Some(json!("none given")),
            ..direct(text("empty"), text("filled"))
        },
        FieldRule { default_value: Some(json!("wrong")), ..direct(text("blank"), text("kept")) },
    ];
    let spec = spec(rules);
    let source = item("bug", json!({"a": "x", "blank": ""}));
    let created = map_as(&spec, Side::Source, &source, Occasion::Create);
    assert_eq!(value(&created, "once"), Some(json!("x")));
    assert_eq!(value(&created, "later"), None);
    assert_eq!(value(&created, "there"), Some(json!("x")));
    assert_eq!(value(&created, "here"), None);
    assert_eq!(value(&created, "filled"), Some(json!("none given")));
    assert_eq!(value(&created, "kept"), Some(json!("")), "an empty text is a value");
    let updated = map_as(&spec, Side::Source, &source, Occasion::Update);
    assert_eq!(value(&updated, "once"), None);
    assert_eq!(value(&updated, "later"), Some(json!("x")));
    let back = backward(&spec, json!({"here": "y", "there": "z", "filled": "w"}));
    assert_eq!(value(&back, "back"), Some(json!("y")));
    assert_eq!(value(&back, "empty"), Some(json!("w")));
    // `a` is written back by the first rule that acts on the occasion, never by the forward one.
    assert_ne!(value(&back, "a"), Some(json!("z")));
}

#[test]
fn the_first_of_two_rules_for_one_field_counts_and_the_other_is_named() {
    let spec = spec(vec![direct(text("a"), text("b")), constant(text("b"), json!("never"))]);
    assert_eq!(one(&forward(&spec, json!({"a": "x"}))), Ok(json!("x")));
    let plan = Plan::compile(&spec, Side::Source).unwrap();
    assert!(plan.warnings().iter().any(|issue| issue.message.contains("earlier rule")));
}

#[test]
fn rules_turn_round_where_they_have_a_way_back() {
    let spec = spec(vec![
        direct(text("title"), text("subject")),
        transformed(
            field("priority", FieldType::Int),
            field("urgency", FieldType::Picklist),
            json!("azureToServiceDeskPriority"),
        ),
        transformed(
            field("text", FieldType::Markdown),
            field("html", FieldType::Html),
            json!("markdownToHtml"),
        ),
        table(text("kind"), text("sort"), json!({"Bug": "Fault", "Task": "Job"})),
        transformed(text("up"), text("down"), json!("toUpperCase")),
        table(text("vague"), text("clear"), json!({"a": "x", "b": "x"})),
    ]);
    let plan = Plan::compile(&spec, Side::Target).unwrap();
    let written: Vec<&str> = plan.pairs()[0].written().iter().map(|w| w.field.as_str()).collect();
    assert_eq!(written, ["title", "priority", "text", "kind"]);
    assert!(plan.pairs()[0].written().iter().all(|w| w.both_ways));
    let named: Vec<_> = plan.warnings().iter().filter_map(|issue| issue.field.as_deref()).collect();
    assert_eq!(named, ["down", "clear"], "rules without a way back are named");
    let back = backward(
        &spec,
        json!({"subject": "S", "urgency": "Urgent", "html": "<p><b>x</b></p>", "sort": "fault", "down": "UP"}),
    );
    assert!(back.faults.is_empty(), "{:?}", back.faults);
    assert_eq!(value(&back, "title"), Some(json!("S")));
    assert_eq!(value(&back, "priority"), Some(json!(1)));
    assert_eq!(value(&back, "text"), Some(json!("**x**")));
    assert_eq!(value(&back, "kind"), Some(json!("Bug")));
    assert_eq!(value(&back, "up"), None);
}

#[test]
fn a_backward_rule_is_used_as_it_stands() {
    let spec = spec(vec![FieldRule {
        direction: MapDirection::Backward,
        ..transformed(text("title"), text("subject"), json!("toUpperCase"))
    }]);
    assert_eq!(value(&backward(&spec, json!({"subject": "abc"})), "title"), Some(json!("ABC")));
    assert!(forward(&spec, json!({"title": "abc"})).fields.is_empty());
}

#[test]
fn what_the_tracker_would_refuse_is_refused_before() {
    let mut listed = field("b", FieldType::Picklist);
    listed.allowed_values = vec!["Low".to_owned(), "High".to_owned()];
    let picks = |input: Value| {
        one(&forward(
            &spec(vec![direct(field("a", FieldType::Picklist), listed.clone())]),
            json!({"a": input}),
        ))
    };
    assert_eq!(picks(json!(" high ")), Ok(json!("High")));
    let fault = picks(json!("Urgent")).unwrap_err();
    assert!(fault.contains("use one of Low, High"), "{fault}");
    let short = FieldSchema { max_length: Some(3), ..text("b") };
    let cut = |input: &str| {
        one(&forward(&spec(vec![direct(text("a"), short.clone())]), json!({"a": input})))
    };
    assert_eq!(cut("äöü"), Ok(json!("äöü")));
    assert!(cut("abcd").unwrap_err().contains("takes 3 characters and the value has 4"));
}

#[test]
fn required_fields_are_asked_for_on_create_only() {
    let mut types = pair(vec![direct(text("a"), FieldSchema { is_required: true, ..text("b") })]);
    types.target.fields.push(FieldSchema { is_required: true, ..text("site") });
    types.target.fields.push(FieldSchema { is_required: true, is_readonly: true, ..text("id") });
    let spec = spec_of(vec![types]);
    let bare = item("bug", json!({}));
    let created = map_as(&spec, Side::Source, &bare, Occasion::Create);
    let missing: Vec<&str> = created.faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(missing, ["b", "site"]);
    assert!(created.fault_text().unwrap().contains("map it or give it a constant"));
    let empty = map_as(&spec, Side::Source, &item("bug", json!({"a": " "})), Occasion::Create);
    assert_eq!(
        empty.faults[0].field.as_str(),
        "b",
        "an empty text is no value for a required field"
    );
    let updated = map_as(&spec, Side::Source, &bare, Occasion::Update);
    assert!(updated.faults[0].message.contains("must have one"), "a required field is not cleared");
    let fine = map_as(&spec, Side::Source, &item("bug", json!({"a": "x"})), Occasion::Update);
    assert!(fine.faults.is_empty(), "{:?}", fine.faults);
}

#[test]
fn constants_may_name_other_fields_and_escape_them_in_html() {
    let mut rules = vec![
        constant(
            text("plain"),
            json!("#{item.id}: {field.title}, run $context.run_id of {context.config_name}"),
        ),
        constant(
            field("rich", FieldType::Html),
            json!("<p title=\"{field.title}\">{field.body}</p>"),
        ),
        constant(field("number", FieldType::Int), json!("{field.points}")),
        constant(field("tags", FieldType::Array), json!(["synced", "{field.title}"])),
        constant(field("flag", FieldType::Boolean), json!(false)),
        constant(field("who", FieldType::Identity), json!("desk")),
    ];
    for (reference, kind) in
        [("title", FieldType::String), ("body", FieldType::Html), ("points", FieldType::Int)]
    {
        rules.push(direct(field(reference, kind), field(&format!("t-{reference}"), kind)));
    }
    let mapped =
        forward(&spec(rules), json!({"title": "a \"<b>\"", "body": "<i>x</i>", "points": 0}));
    assert!(mapped.faults.is_empty(), "{:?}", mapped.faults);
    assert_eq!(value(&mapped, "plain"), Some(json!("#42: a \"<b>\", run 9 of bugs")));
    assert_eq!(
        value(&mapped, "rich"),
        Some(json!("<p title=\"a &quot;&lt;b&gt;&quot;\"><i>x</i></p>"))
    );
    assert_eq!(value(&mapped, "number"), Some(json!(0)));
    assert_eq!(value(&mapped, "tags"), Some(json!(["a \"<b>\"", "synced"])));
    assert_eq!(value(&mapped, "flag"), Some(json!(false)));
    assert_eq!(value(&mapped, "who"), Some(json!({"name": "desk", "login": "desk"})));
}

#[test]
fn what_is_filled_in_never_becomes_markup() {
    let rich = |reference: &str| field(reference, FieldType::Html);
    let mut rules = vec![
        constant(rich("only"), json!("{field.title}")),
        constant(text("plain"), json!("say: {field.body}")),
        constant(text("list"), json!("tags: {field.tags}")),
        transformed(
            rich("body"),
            rich("begun"),
            json!({"name": "prefix", "args": ["<i>{field.title}</i> "]}),
        ),
        transformed(
            text("title"),
            rich("made"),
            json!({"chain": ["textToHtml", {"name": "suffix", "args": ["<hr>{value}"]}]}),
        ),
    ];
    for (reference, kind) in
        [("title", FieldType::String), ("body", FieldType::Html), ("tags", FieldType::Array)]
    {
        rules.push(direct(field(reference, kind), field(&format!("t-{reference}"), kind)));
    }
    let mapped = forward(
        &spec(rules),
        json!({"title": "<b>", "body": "<p>x &amp; y</p>", "tags": ["a", "b"]}),
    );
    for (reference, made) in [
        ("only", "&lt;b&gt;"),
        ("plain", "say: x & y"),
        ("list", "tags: a; b"),
        ("begun", "<i>&lt;b&gt;</i> <p>x &amp; y</p>"),
        ("made", "&lt;b&gt;<hr>&lt;b&gt;"),
    ] {
        assert_eq!(value(&mapped, reference), Some(json!(made)), "{reference}");
    }
}

#[test]
fn expressions_see_item_fields_value_and_context() {
    let made = |expression: &str, fields: Value| {
        let mut types =
            pair(vec![computed(&[text("a")], field("b", FieldType::Array), expression)]);
        types.fields[0].target = text("b");
        types.target.fields = vec![text("b")];
        types.source.fields.push(field("System.Title", FieldType::String));
        types.source.fields.push(field("points", FieldType::Int));
        one(&forward(&spec_of(vec![types]), fields))
    };
    for (expression, output) in [
        ("value ~ '!'", json!("x!")),
        ("fields[\"System.Title\"] | upper", json!("LOGIN")),
        ("item.id ~ ' ' ~ item.type", json!("42 Bug")),
        (
            "context.target_project ~ $context.direction ~ '$context.x'",
            json!("Desksource-to-target$context.x"),
        ),
        ("'big' if fields.points > 3 else 'small'", json!("big")),
        ("fields.points * 2", json!("10")),
        ("none", Value::Null),
        ("'' if true else 'x'", json!("")),
        ("fields.a is none", json!("false")),
        ("fields.a is not none and 'a | b is c' is string", json!("true")),
        ("['b', 'a'] | sort | join('; ')", json!("a; b")),
        ("'%} {{ 1 }}'", json!("%} {{ 1 }}")),
    ] {
        let fields = json!({"a": "x", "System.Title": "Login", "points": 5});
        assert_eq!(made(expression, fields), Ok(output), "{expression}");
    }
    assert_eq!(
        made("fields[\"System.Title\"]", json!({"a": "x"})),
        Ok(Value::Null),
        "a field that is not set"
    );
    assert!(made("fields.gone ~ 'x'", json!({})).unwrap_err().contains("does not exist"));
    assert!(made("fields.gone", json!({})).unwrap_err().contains("does not exist"));
}

#[test]
fn expressions_find_every_part_of_a_person() {
    let who = field("a", FieldType::Identity);
    let made = |expression: &str| {
        let spec = spec(vec![computed(std::slice::from_ref(&who), text("b"), expression)]);
        one(&forward(&spec, json!({"a": {"name": "Ada"}})))
    };
    assert_eq!(made("value.name"), Ok(json!("Ada")));
    assert_eq!(made("value.email or 'nobody'"), Ok(json!("nobody")));
    assert_eq!(made("fields.a.login"), Ok(Value::Null));
}

#[test]
fn bombs_end_with_a_fault() {
    let made = |expression: &str| {
        one(&forward(&spec(vec![computed(&[text("a")], text("b"), expression)]), json!({"a": "x"})))
    };
    for expression in [
        "'x' * 10000000000",
        "range(100000) | map('upper') | list | join(',')",
        "('a' * 30000) | replace('a', 'b' * 30000)",
        "('x' * 70000)",
        "'%1000000000d' | format(1)",
        "1 / 0",
        "value + 1",
    ] {
        assert!(made(expression).is_err(), "{expression}");
    }
}

#[test]
fn no_expression_is_too_deep_for_the_stack() {
    for times in [1, 40, 99, 198, 399, 2_000] {
        for (piece, middle, end) in [
            ("not ", "1", ""),
            ("-", "1", ""),
            ("[", "", "]"),
            ("{'a':", "1", "}"),
            ("1 if 1 else ", "1", ""),
            ("1+", "1", ""),
            ("1~", "1", ""),
            ("1<", "1", ""),
            ("2**", "1", ""),
            ("1 and ", "1", ""),
            ("", "value", ".a"),
            ("", "value", "|upper"),
            ("", "value", "[0]"),
            ("", "value", "()"),
            ("(", "1", ")"),
            ("range(", "1", ")"),
        ] {
            ends_well(&(piece.repeat(times) + middle + &end.repeat(times)));
        }
    }
}

fn ends_well(expression: &str) {
    let spec = spec(vec![computed(&[text("a")], text("b"), expression)]);
    let context = MapContext::of(&spec, Side::Source, 1);
    let ended = Plan::compile(&spec, Side::Source)
        .map(|plan| plan.map(&item("bug", json!({"a": "x"})), Occasion::Update, &context));
    match ended {
        Ok(mapped) => assert_eq!(mapped.fields.len() + mapped.faults.len(), 1, "{expression}"),
        Err(issues) => assert!(issues[0].path.ends_with("/expression"), "{issues:?}"),
    }
}

#[test]
fn expressions_that_do_not_parse_are_refused_on_compile() {
    for expression in [
        "",
        "1 +",
        "unknown_name + 1",
        "value | nope",
        "value is nope",
        "value is not nope",
        "x.y",
        &"(".repeat(3_000),
        &"1+".repeat(3_000),
        "include 'x'",
    ] {
        let spec = spec(vec![computed(&[text("a")], text("b"), expression)]);
        let issues = Plan::compile(&spec, Side::Source).expect_err(expression);
        assert!(issues[0].path.ends_with("/expression"), "{issues:?}");
    }
}

#[test]
fn values_convert_between_field_types_or_fail_on_their_field() {
    use FieldType as F;
    for (from, to, input, output) in [
        (F::Int, F::String, json!(5), json!("5")),
        (F::String, F::Int, json!(" 5 "), json!(5)),
        (F::String, F::Double, json!("5.25"), json!(5.25)),
        (F::Double, F::Int, json!(5.0), json!(5)),
        (F::Boolean, F::Int, json!(true), json!(1)),
        (F::Int, F::Boolean, json!(0), json!(false)),
        (F::Boolean, F::String, json!(false), json!("false")),
        (
            F::String,
            F::DateTime,
            json!("2026-02-12T09:00:00+01:00"),
            json!("2026-02-12T08:00:00.000Z"),
        ),
        (F::String, F::DateTime, json!("2026-02-12"), json!("2026-02-12")),
        (
            F::DateTime,
            F::String,
            json!("2026-02-12T08:00:00.000Z"),
            json!("2026-02-12T08:00:00.000Z"),
        ),
        (F::Array, F::String, json!(["a", "b"]), json!("a; b")),
        (F::String, F::Array, json!("b; a"), json!(["a", "b"])),
        (F::String, F::Array, json!("b, a"), json!(["a", "b"])),
        (F::Picklist, F::Array, json!("x, y"), json!(["x, y"])),
        (F::Array, F::Picklist, json!(["a"]), json!("a")),
        (F::Picklist, F::String, json!("High"), json!("High")),
        (F::Identity, F::String, json!({"name": "Ada", "email": "a@b.c"}), json!("Ada")),
        (F::String, F::Identity, json!("a@b.c"), json!({"email": "a@b.c"})),
        (F::Html, F::String, json!("<p>a</p>"), json!("a")),
        (F::String, F::Html, json!("<p>"), json!("&lt;p&gt;")),
        (F::Markdown, F::Html, json!("*a*"), json!("<p><em>a</em></p>")),
        (F::Html, F::Html, json!("<p>a</p>"), json!("<p>a</p>")),
        (F::String, F::Int, json!(""), Value::Null),
    ] {
        assert_eq!(
            crate::common::converted(from, to, input.clone()),
            Ok(output),
            "{from} {input} to {to}"
        );
    }
    for (from, to, input) in [
        (F::String, F::Int, json!("many")),
        (F::Double, F::Int, json!(5.5)),
        (F::String, F::DateTime, json!("tomorrow")),
        (F::Array, F::Picklist, json!(["a", "b"])),
        (F::String, F::Boolean, json!("perhaps")),
        (F::Int, F::Identity, json!(5)),
        (F::Int, F::DateTime, json!(1_700_000_000)),
    ] {
        assert!(
            crate::common::converted(from, to, input.clone()).is_err(),
            "{from} {input} to {to}"
        );
    }
}

#[test]
fn fields_of_several_values_take_lists() {
    let many = FieldSchema { is_multiple: true, ..field("b", FieldType::Picklist) };
    let made = |input: Value| {
        one(&forward(
            &spec(vec![direct(field("a", FieldType::Array), many.clone())]),
            json!({"a": input}),
        ))
    };
    assert_eq!(made(json!(["y", "x"])), Ok(json!(["x", "y"])));
    assert_eq!(made(json!([])), Ok(json!([])));
}

fn with_people(map: UserMap) -> SyncSpec {
    let who = |reference: &str| field(reference, FieldType::Identity);
    let mut spec = spec(vec![direct(who("a"), who("b"))]);
    spec.user_map = map;
    spec
}

#[test]
fn people_are_found_by_hand_then_by_what_is_allowed_then_by_default() {
    let entry = |source: &str, target: &str| UserMapEntry {
        source: source.to_owned(),
        target: target.to_owned(),
    };
    let map = UserMap {
        entries: vec![entry("Ada@left.org", "ada@right.org"), entry("Bob B", "bob")],
        by: vec![UserMatch::Email],
        default: Some("desk@right.org".to_owned()),
    };
    let spec = with_people(map);
    let made = |who: Value| one(&forward(&spec, json!({"a": who})));
    let right = |address: &str| Ok(json!({"email": address, "login": address}));
    assert_eq!(
        made(json!({"id": "7", "email": "ada@LEFT.org", "name": "Ada"})),
        right("ada@right.org")
    );
    assert_eq!(made(json!({"name": "bob b"})), Ok(json!({"login": "bob", "name": "bob"})));
    assert_eq!(
        made(json!({"id": "9", "email": "eve@left.org", "name": "Eve"})),
        Ok(json!({"email": "eve@left.org"}))
    );
    assert_eq!(made(json!({"name": "Nobody"})), right("desk@right.org"));
    assert_eq!(made(Value::Null), Ok(Value::Null));
    let back = backward(&spec, json!({"b": {"email": "ada@right.org"}}));
    assert_eq!(value(&back, "a"), Some(json!({"email": "Ada@left.org", "login": "Ada@left.org"})));
    let plan = Plan::compile(&spec, Side::Source).unwrap();
    assert_eq!(plan.identity_order(), [UserMatch::Email]);
    assert_eq!(plan.identity_default().unwrap().email.as_deref(), Some("desk@right.org"));
    assert!(plan.pairs()[0].written()[0].is_identity());
}

#[test]
fn a_person_of_whom_nothing_is_known_is_left_alone_and_named() {
    let spec = with_people(UserMap { by: vec![UserMatch::Email], ..UserMap::default() });
    let mapped = forward(&spec, json!({"a": {"name": "Nobody"}}));
    assert!(mapped.fields.is_empty() && mapped.faults.is_empty());
    assert!(mapped.warnings[0].message.contains("user map"), "{:?}", mapped.warnings);
}

fn with_statuses() -> SyncSpec {
    use StatusCategory::{Completed, InProgress, Proposed};
    let left = [
        status("New", Proposed),
        status("Approved", InProgress),
        status("Active", InProgress),
        status("Closed", Completed),
        status("Odd", Completed),
    ];
    let right =
        [status("Open", Proposed), status("Working", InProgress), status("Done", Completed)];
    let mut types = pair(vec![]);
    types.source.statuses = left.to_vec();
    types.target.statuses = right.to_vec();
    types.statuses = [(0, 0), (1, 0), (1, 1), (2, 1), (3, 2)]
        .into_iter()
        .map(|(from, to): (usize, usize)| (left[from].clone(), right[to].clone()))
        .collect();
    spec_of(vec![types])
}

fn status_of(side: Side, read: &str) -> Option<String> {
    let mut item = item(if side == Side::Source { "bug" } else { "incident" }, json!({}));
    item.status = Some(read.to_owned());
    map_as(&with_statuses(), side, &item, Occasion::Update).status
}

#[test]
fn statuses_follow_their_rules_both_ways() {
    for (read, written) in
        [("New", "Open"), ("approved", "Open"), ("Active", "Working"), ("Closed", "Done")]
    {
        assert_eq!(status_of(Side::Source, read).as_deref(), Some(written), "{read}");
    }
    for (read, written) in [("Open", "New"), ("Working", "Approved"), ("Done", "Closed")] {
        assert_eq!(status_of(Side::Target, read).as_deref(), Some(written), "{read}");
    }
    assert_eq!(status_of(Side::Source, "Odd"), None);
}

#[test]
fn a_status_is_found_in_its_field_where_the_item_has_no_word_of_its_own() {
    let mut spec = with_statuses();
    spec.types[0].source.fields.push(FieldSchema { is_status: true, ..text("System.State") });
    let sample = item("bug", json!({"System.State": "Active"}));
    assert_eq!(
        map_as(&spec, Side::Source, &sample, Occasion::Create).status.as_deref(),
        Some("Working")
    );
}

#[test]
fn statuses_that_say_the_same_do_not_bounce() {
    let spec = with_statuses();
    let back = Plan::compile(&spec, Side::Target).unwrap();
    let pair = &back.pairs()[0];
    assert!(pair.writes_status());
    // Open maps back to New; a source that is Approved says the same already.
    assert!(pair.status_equivalent("Open", "New"));
    assert!(pair.status_equivalent("Open", "Approved"));
    assert!(!pair.status_equivalent("Open", "Active"));
    let there = Plan::compile(&spec, Side::Source).unwrap();
    assert!(there.pairs()[0].status_equivalent("Approved", "Working"));
    assert!(!there.pairs()[0].status_equivalent("New", "Working"));
}

#[test]
fn a_status_without_a_rule_is_left_alone_and_named() {
    let spec = with_statuses();
    let mut odd = item("bug", json!({}));
    odd.status = Some("Odd".to_owned());
    let mapped = map_as(&spec, Side::Source, &odd, Occasion::Update);
    assert_eq!(mapped.status, None);
    assert!(mapped.warnings[0].message.contains("\"Odd\""), "{:?}", mapped.warnings);
    assert!(mapped.faults.is_empty());
}

#[test]
fn a_field_rule_may_write_the_status_where_no_status_rules_do() {
    let state =
        |reference: &str| FieldSchema { is_status: true, ..field(reference, FieldType::Picklist) };
    let mut spec = spec(vec![direct(state("System.State"), state("status"))]);
    spec.types[0].target.statuses = vec![status("Open", StatusCategory::Proposed)];
    let mut bug = item("bug", json!({}));
    bug.status = Some("open".to_owned());
    let mapped = map_as(&spec, Side::Source, &bug, Occasion::Update);
    assert_eq!(mapped.status.as_deref(), Some("Open"));
    assert!(mapped.fields.is_empty(), "the status is no ordinary field");
    bug.status = Some("Strange".to_owned());
    let mapped = map_as(&spec, Side::Source, &bug, Occasion::Update);
    assert!(mapped.faults[0].message.contains("no status there"), "{:?}", mapped.faults);
}

#[test]
fn the_trace_says_what_went_in_which_steps_ran_and_what_came_out() {
    let spec = spec(vec![
        transformed(
            field("a", FieldType::Html),
            text("b"),
            json!({"chain": ["stripHtml", {"name": "truncate", "args": [4]}]}),
        ),
        FieldRule {
            default_value: Some(json!("7")),
            ..direct(text("c"), field("d", FieldType::Int))
        },
        direct(text("e"), field("f", FieldType::Int)),
    ]);
    let plan = Plan::compile(&spec, Side::Source).unwrap();
    let context = MapContext::of(&spec, Side::Source, "");
    let source = item("bug", json!({"a": "<p>Login</p>", "e": "many"}));
    let mapped = plan.map_traced(&source, Occasion::Create, &context);
    let shown = serde_json::to_value(&mapped.trace).unwrap();
    assert_eq!(
        shown[0],
        json!({
            "field": "b", "rule": "stripHtml, truncate of a", "input": "<p>Login</p>", "output": "Logi",
            "steps": [
                {"name": "stripHtml", "args": {}, "output": "Login"},
                {"name": "truncate", "args": {"n": 4}, "output": "Logi"},
            ],
        })
    );
    let named = crate::common::spec(vec![transformed(
        text("a"),
        text("b"),
        json!({"name": "prefix", "args": ["{item.id}: "]}),
    )]);
    let named = Plan::compile(&named, Side::Source).unwrap().map_traced(
        &source,
        Occasion::Create,
        &context,
    );
    assert_eq!(
        named.trace[0].steps[0].args,
        json!({"s": "42: "}),
        "placeholders are shown filled in"
    );
    assert_eq!(shown[1]["steps"][0], json!({"name": "default", "args": null, "output": "7"}));
    assert_eq!(shown[1]["output"], json!(7));
    assert!(shown[2]["error"].as_str().unwrap().contains("decimal"), "{}", shown[2]);
    assert!(plan.map(&source, Occasion::Create, &context).trace.is_empty());
}

#[test]
fn a_read_only_field_is_never_written() {
    let spec = spec(vec![direct(text("a"), FieldSchema { is_readonly: true, ..text("b") })]);
    let issues = Plan::compile(&spec, Side::Source).unwrap_err();
    assert!(issues[0].message.contains("read-only"), "{issues:?}");
    // The other way round a read-only source simply does not follow.
    let spec = crate::common::spec(vec![direct(
        FieldSchema { is_readonly: true, ..text("a") },
        text("b"),
    )]);
    assert!(backward(&spec, json!({"b": "x"})).fields.is_empty());
}

#[test]
fn rules_without_what_they_need_are_refused() {
    for (broken, at) in [
        (rule(&[], text("b"), MappingType::Direct), "source_field_ids"),
        (rule(&[text("a")], text("b"), MappingType::Transformation), "transformation"),
        (rule(&[text("a")], text("b"), MappingType::Constant), "constant_value"),
        (rule(&[text("a")], text("b"), MappingType::Computed), "expression"),
        (rule(&[text("a")], text("b"), MappingType::ValueMap), "value_map"),
    ] {
        let issues = Plan::compile(&spec(vec![broken]), Side::Source).unwrap_err();
        assert_eq!(issues[0].path, format!("/type_mappings/0/field_mappings/0/{at}"));
    }
}
