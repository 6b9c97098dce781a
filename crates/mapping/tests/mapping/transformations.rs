//! Every transformation: its example, its tables, its edges.

use crate::common::{converted, field, forward, one, rule, spec, through};
use serde_json::{Value, json};
use syncline_domain::{FieldRule, FieldType, MappingType};
use syncline_mapping::{Plan, catalogue};

#[test]
fn every_example_of_the_catalogue_holds() {
    for info in catalogue() {
        let example = info.example;
        let from = *info.accepts.first().unwrap();
        let to = info.returns.unwrap_or(from);
        let inputs = match &example.input {
            Value::Array(parts) => parts.clone(),
            single => vec![single.clone()],
        };
        let sources: Vec<_> = (0..inputs.len()).map(|n| field(&format!("a{n}"), from)).collect();
        let rule = FieldRule {
            transformation: Some(example.transformation.clone()),
            ..rule(&sources, field("b", to), MappingType::Transformation)
        };
        let fields: serde_json::Map<String, Value> =
            inputs.into_iter().enumerate().map(|(n, value)| (format!("a{n}"), value)).collect();
        let made = one(&forward(&spec(vec![rule]), Value::Object(fields)));
        assert_eq!(made, Ok(example.output), "{}", info.name);
    }
}

#[test]
fn every_name_and_alias_of_the_contract_is_known() {
    let names = "none toUpperCase toLowerCase trim truncate replace regexReplace concat split prefix suffix \
        defaultValue valueMap toNumber toString toBoolean formatDateISO formatDateShort parseDate azurePriorityToText \
        textToAzurePriority azureToServiceDeskPriority serviceDeskToAzurePriority stripHtml textToHtml markdownToText \
        markdownToHtml htmlToMarkdown extractProjectFromPath replaceProjectInPath emailToUsername userMap uppercase \
        lowercase html_to_text text_to_html date_to_iso priority_map severity_map state_map default_value";
    let known: Vec<&str> = catalogue()
        .into_iter()
        .flat_map(|info| std::iter::once(info.name).chain(info.aliases.iter().copied()))
        .collect();
    for name in names.split_whitespace() {
        assert!(known.contains(&name), "{name}");
    }
}

#[test]
fn text_steps() {
    let text =
        |t: Value, input: &str| through(t, FieldType::String, FieldType::String, &json!(input));
    for (transformation, input, output) in [
        (json!("uppercase"), "straße", "STRASSE"),
        (json!("lowercase"), "ÄÖ", "äö"),
        (json!({"name": "replace", "args": [".", "!"]}), "a.b.c", "a!b!c"),
        (json!({"name": "replace", "args": {"search": "a", "replacement": ""}}), "banana", "bnn"),
        (
            json!({"name": "regexReplace", "args": ["(\\w+)@(\\w+)", "$2 at ${1}"]}),
            "me@home",
            "home at me",
        ),
        (
            json!({"chain": ["trim", {"name": "truncate", "args": [3]}, "toUpperCase"]}),
            "  login  ",
            "LOG",
        ),
        (json!(["trim", "toUpperCase"]), " a ", "A"),
        (json!({"name": "truncate", "args": {"n": 2}}), "👩‍👩‍👧‍👦é🇩🇪", "👩‍👩‍👧‍👦é"),
        (json!({"name": "truncate", "args": [0]}), "abc", ""),
        (json!({"name": "prefix", "args": ["[{item.id}] "]}), "Login", "[42] Login"),
        (
            json!({"name": "suffix", "args": [" @ $context.target_project"]}),
            "Login",
            "Login @ Desk",
        ),
        (
            json!({"name": "suffix", "args": [" = {value}, {field.a}, {unknown}"]}),
            "x",
            "x = x, x, {unknown}",
        ),
        (
            json!({"name": "replaceProjectInPath", "args": ["$context.target_project"]}),
            "Shop\\Web\\Ui",
            "Desk\\Web\\Ui",
        ),
        (json!("extractProjectFromPath"), "\\Shop\\Web", "Shop"),
        (json!("emailToUsername"), "ada@example.org", "ada"),
        (json!("none"), "x", "x"),
    ] {
        assert_eq!(
            text(transformation.clone(), input),
            Ok(json!(output)),
            "{transformation} of {input:?}"
        );
    }
}

#[test]
fn null_stays_null_and_empty_zero_and_false_are_values() {
    for info in catalogue() {
        if info.name == "defaultValue" {
            continue;
        }
        let made = through(
            info.example.transformation,
            FieldType::String,
            FieldType::String,
            &Value::Null,
        );
        assert_eq!(made, Ok(Value::Null), "{}", info.name);
    }
    let default = json!({"name": "defaultValue", "args": ["x"]});
    for (kind, value) in [
        (FieldType::String, json!("")),
        (FieldType::Int, json!(0)),
        (FieldType::Boolean, json!(false)),
    ] {
        assert_eq!(through(default.clone(), kind, kind, &value), Ok(value.clone()));
        assert_eq!(converted(kind, kind, value.clone()), Ok(value));
    }
    assert_eq!(
        through(default, FieldType::String, FieldType::String, &Value::Null),
        Ok(json!("x"))
    );
    let chain =
        json!({"chain": ["toUpperCase", {"name": "default_value", "args": ["x"]}, "toUpperCase"]});
    assert_eq!(through(chain, FieldType::String, FieldType::String, &Value::Null), Ok(json!("X")));
    assert_eq!(
        through(json!("trim"), FieldType::String, FieldType::String, &json!("  ")),
        Ok(json!(""))
    );
    assert_eq!(
        through(json!("toString"), FieldType::Int, FieldType::String, &json!(0)),
        Ok(json!("0"))
    );
    assert_eq!(
        through(json!("toString"), FieldType::Boolean, FieldType::String, &json!(false)),
        Ok(json!("false"))
    );
}

#[test]
fn numbers_are_decimal_only() {
    let number =
        |input: Value| through(json!("toNumber"), FieldType::String, FieldType::Double, &input);
    for (input, output) in [
        (json!("12"), json!(12)),
        (json!(" -1.50 "), json!(-1.5)),
        (json!("+7"), json!(7)),
        (json!("007"), json!(7)),
        (json!(".5"), json!(0.5)),
        (json!(0), json!(0)),
    ] {
        assert_eq!(number(input.clone()), Ok(output), "{input}");
    }
    for input in
        ["1e5", "0x1F", "1,000", "Infinity", "NaN", "", "12abc", "1.", "١٢", "1.2.3", "--1", "+-1"]
    {
        assert!(number(json!(input)).is_err(), "{input:?}");
    }
    assert!(number(json!(true)).is_err());
}

#[test]
fn priorities_follow_the_tables() {
    let words =
        |t: &str, input: Value| through(json!(t), FieldType::Int, FieldType::Picklist, &input);
    let number = |t: &str, input: &str| {
        through(json!(t), FieldType::Picklist, FieldType::Int, &json!(input))
    };
    for (n, text, desk) in
        [(1, "Critical", "Urgent"), (2, "High", "High"), (3, "Medium", "Normal"), (4, "Low", "Low")]
    {
        assert_eq!(words("azurePriorityToText", json!(n)), Ok(json!(text)));
        assert_eq!(words("azureToServiceDeskPriority", json!(n)), Ok(json!(desk)));
        assert_eq!(words("azureToServiceDeskPriority", json!(n.to_string())), Ok(json!(desk)));
        assert_eq!(number("textToAzurePriority", text), Ok(json!(n)));
        assert_eq!(number("serviceDeskToAzurePriority", &desk.to_uppercase()), Ok(json!(n)));
        assert_eq!(words("priority_map", json!(n)), Ok(json!(desk)), "the trackers decide");
    }
    assert!(words("azurePriorityToText", json!(0)).is_err());
    assert_eq!(words("azureToServiceDeskPriority", json!(0)), Ok(json!("Normal")));
    assert_eq!(number("textToAzurePriority", "whatever"), Ok(json!(3)));
}

#[test]
fn a_guess_is_said() {
    let mapped = forward(
        &spec(vec![crate::common::transformed(
            field("a", FieldType::Picklist),
            field("b", FieldType::Int),
            json!("textToAzurePriority"),
        )]),
        json!({"a": "Blocker"}),
    );
    assert_eq!(mapped.warnings.len(), 1);
    assert!(mapped.warnings[0].message.contains("Blocker"), "{:?}", mapped.warnings);
}

#[test]
fn dates_are_utc_unless_a_zone_is_given() {
    let date =
        |t: Value, input: &str| through(t, FieldType::String, FieldType::String, &json!(input));
    for (transformation, input, output) in [
        (json!("date_to_iso"), "2026-02-12", "2026-02-12T00:00:00.000Z"),
        (json!("formatDateISO"), "2026-02-12T09:00:00", "2026-02-12T09:00:00.000Z"),
        (json!("formatDateISO"), "2026-02-12 09:00:00+05:30", "2026-02-12T03:30:00.000Z"),
        (json!("formatDateShort"), "2026-02-12T23:30:00Z", "2026-02-12"),
        (
            json!({"name": "formatDateShort", "args": ["Asia/Tokyo"]}),
            "2026-02-12T23:30:00Z",
            "2026-02-13",
        ),
        (
            json!({"name": "formatDateShort", "args": {"zone": "-05:00"}}),
            "2026-02-12T02:00:00Z",
            "2026-02-11",
        ),
        (json!({"name": "parseDate", "args": ["dd.MM.yyyy"]}), "12.02.2026", "2026-02-12"),
        (
            json!({"name": "parseDate", "args": ["%b %d, %Y %I:%M %p"]}),
            "Feb 12, 2026 09:00 PM",
            "2026-02-12T21:00:00.000Z",
        ),
        (
            json!({"name": "parseDate", "args": ["%d/%m/%Y %H:%M %z"]}),
            "12/02/2026 09:00 +0200",
            "2026-02-12T07:00:00.000Z",
        ),
        (
            json!({"name": "parseDate", "args": ["%Y-%m-%d %H:%M", "Europe/Berlin"]}),
            "2026-10-25 02:30",
            "2026-10-25T00:30:00.000Z",
        ),
    ] {
        assert_eq!(
            date(transformation.clone(), input),
            Ok(json!(output)),
            "{transformation} of {input:?}"
        );
    }
    for (transformation, input) in [
        (json!("formatDateISO"), "yesterday"),
        (json!({"name": "parseDate", "args": ["%d.%m.%Y"]}), "2026-02-12"),
        (
            json!({"name": "parseDate", "args": ["%Y-%m-%d %H:%M", "Europe/Berlin"]}),
            "2026-03-29 02:30",
        ),
        (json!("formatDateShort"), ""),
    ] {
        assert!(date(transformation.clone(), input).is_err(), "{transformation} of {input:?}");
    }
}

#[test]
fn truth_as_people_write_it() {
    let truth =
        |input: Value| through(json!("toBoolean"), FieldType::String, FieldType::Boolean, &input);
    for yes in [json!("Yes"), json!("TRUE"), json!(1), json!("on"), json!(true)] {
        assert_eq!(truth(yes), Ok(json!(true)));
    }
    for no in [json!("no"), json!("0"), json!(0), json!(false)] {
        assert_eq!(truth(no), Ok(json!(false)));
    }
    for neither in [json!(""), json!("maybe"), json!(2)] {
        assert!(truth(neither).is_err());
    }
}

#[test]
fn several_sources_are_joined_and_never_change_their_meaning() {
    let joined = |kinds: [FieldType; 2], to: FieldType, values: Value| {
        let rule = FieldRule {
            transformation: Some(json!({"name": "concat", "args": [" - "]})),
            ..rule(
                &[field("x", kinds[0]), field("y", kinds[1])],
                field("b", to),
                MappingType::Transformation,
            )
        };
        one(&forward(&spec(vec![rule]), values))
    };
    let text = [FieldType::String, FieldType::String];
    assert_eq!(joined(text, FieldType::String, json!({"x": "a", "y": 5})), Ok(json!("a - 5")));
    assert_eq!(joined(text, FieldType::String, json!({"x": "a"})), Ok(json!("a")));
    assert_eq!(joined(text, FieldType::String, json!({"x": "", "y": "b"})), Ok(json!(" - b")));
    assert_eq!(joined(text, FieldType::String, json!({})), Ok(Value::Null));
    let mixed = [FieldType::String, FieldType::Html];
    assert_eq!(
        joined(mixed, FieldType::Html, json!({"x": "1 < 2", "y": "<b>ok</b>"})),
        Ok(json!("1 &lt; 2 - <b>ok</b>"))
    );
}

#[test]
fn tables_find_exactly_then_without_case_then_the_rest() {
    let t = json!({"name": "valueMap", "args": [{"Open": "New", "open ": "odd", "2": "Two", "*": "Other"}]});
    let look = |input: Value| through(t.clone(), FieldType::String, FieldType::String, &input);
    assert_eq!(look(json!("Open")), Ok(json!("New")));
    assert_eq!(look(json!("OPEN")), Ok(json!("New")));
    assert_eq!(look(json!(2.0)), Ok(json!("Two")));
    assert_eq!(look(json!("x")), Ok(json!("Other")));
    assert_eq!(look(json!("")), Ok(json!("Other")));
    let strict = json!({"name": "state_map", "args": {"Open": "New"}});
    let fault = through(strict, FieldType::String, FieldType::String, &json!("x")).unwrap_err();
    assert!(fault.contains("not in the table"), "{fault}");
}

#[test]
fn a_value_that_a_step_cannot_take_is_a_fault_never_the_value_itself() {
    for (transformation, from, to, input) in [
        (json!("toUpperCase"), FieldType::Array, FieldType::String, json!(["a"])),
        (json!("trim"), FieldType::String, FieldType::String, json!({"odd": {"x": 1}})),
        (json!("formatDateISO"), FieldType::Int, FieldType::String, json!(17)),
        (json!("emailToUsername"), FieldType::String, FieldType::String, json!("nobody")),
        (json!("userMap"), FieldType::String, FieldType::Identity, json!(5)),
        (
            json!({"name": "truncate", "args": ["{field.a}"]}),
            FieldType::String,
            FieldType::String,
            json!("x"),
        ),
    ] {
        assert!(
            through(transformation.clone(), from, to, &input).is_err(),
            "{transformation} of {input}"
        );
    }
}

#[test]
fn unknown_names_and_wrong_arguments_are_refused_with_a_pointer() {
    for (transformation, path, says) in [
        (json!("toUperCase"), "/transformation", "did you mean \"toUpperCase\"?"),
        (json!({"name": "nope"}), "/transformation/name", "no transformation"),
        (json!({"name": "truncate"}), "/transformation/args/n", "needs the argument n"),
        (json!({"name": "truncate", "args": ["many"]}), "/transformation/args", "whole number"),
        (json!({"name": "truncate", "args": [-1]}), "/transformation/args", "whole number"),
        (json!({"name": "trim", "args": [1]}), "/transformation/args/0", "takes 0 arguments"),
        (
            json!({"name": "replace", "args": {"find": "x"}}),
            "/transformation/args/find",
            "no argument",
        ),
        (
            json!({"name": "regexReplace", "args": ["(", ""]}),
            "/transformation/args",
            "regular expression",
        ),
        (json!({"chain": ["trim", "nope"]}), "/transformation/chain/1", "no transformation"),
        (json!({"chain": []}), "/transformation/chain", "1 to 32 steps"),
        (
            json!({"name": "prefix", "args": ["{field.gone}"]}),
            "/transformation/args",
            "names no field",
        ),
        (json!({"name": "prefix", "args": ["$context.gone"]}), "/transformation/args", "unknown"),
        (
            json!({"name": "parseDate", "args": ["%d", "Mars/Base"]}),
            "/transformation/args",
            "time zone",
        ),
        (json!({"name": "valueMap", "args": [{}]}), "/transformation/args", "empty"),
        (json!({"name": "trim", "n": 4}), "/transformation/n", "inside args"),
        (json!(5), "/transformation", "is a name"),
    ] {
        let spec = spec(vec![crate::common::transformed(
            field("a", FieldType::String),
            field("b", FieldType::String),
            transformation.clone(),
        )]);
        let issues = Plan::compile(&spec, syncline_domain::Side::Source).unwrap_err();
        let path = format!("/type_mappings/0/field_mappings/0{path}");
        assert!(
            issues.iter().any(|issue| issue.path == path && issue.message.contains(says)),
            "{transformation}: {issues:?}"
        );
    }
}

#[test]
fn growth_is_bounded() {
    let grow = json!({"chain": (0..20).map(|_| json!({"name": "replace", "args": ["a", "aaaaaaaaaa"]})).collect::<Vec<_>>()});
    let fault = through(grow, FieldType::String, FieldType::String, &json!("aaaa")).unwrap_err();
    assert!(fault.contains("4 MiB"), "{fault}");
}
