//! From planned writes to JSON Patch documents.
//!
//! Always `add`, which sets a field whether or not it had a value; `replace` fails on one that had none. `remove`
//! clears. The revision test stands first, so that nothing else happens when it fails.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_domain::ports::Write;
use syncline_domain::{FieldRef, Identity, Version};

use super::config::Config;
use super::convert::{ASSIGNED_TO, STATE, TAGS, account_name};
use super::wire::PatchOp;

/// Fields whose value is a path in a tree.
const TREES: [&str; 2] = ["System.AreaPath", "System.IterationPath"];

/// The operations that make an item; `state` is left out when the item must be made before it can be moved.
pub(super) fn create(config: &Config, write: &Write, with_state: bool) -> Vec<PatchOp> {
    let mut values = values(write);
    if !with_state {
        values.remove(STATE);
    }
    values.retain(|_, value| !is_nothing(value));
    if let Some(area) = &config.area_path {
        // An item outside the area would not be found again.
        values.entry("System.AreaPath".to_owned()).or_insert_with(|| json!(area));
    }
    field_ops(config, values)
}

/// The operations that change an item.
pub(super) fn update(config: &Config, write: &Write, expected: Option<&Version>) -> Vec<PatchOp> {
    let mut ops: Vec<PatchOp> = expected.map(test_rev).into_iter().collect();
    ops.extend(field_ops(config, values(write)));
    ops
}

/// The operations that move an item to a state.
pub(super) fn to_state(state: &str, expected: &Version) -> Vec<PatchOp> {
    vec![test_rev(expected), set(STATE, json!(state))]
}

/// The operation that sets the tags to exactly these, for servers on which `add` joins them to those that are there.
pub(super) fn replace_tags(wanted: &Value, expected: &Version) -> Vec<PatchOp> {
    let value = Some(to_wire(TAGS, wanted));
    vec![test_rev(expected), PatchOp { op: "replace", path: format!("/fields/{TAGS}"), value }]
}

/// The tags that a write wants the item to have, where it says anything about them.
pub(super) fn wanted_tags(write: &Write) -> Option<Value> {
    values(write).remove(TAGS)
}

/// The state that a write wants.
pub(super) fn wanted_state(write: &Write) -> Option<String> {
    values(write)
        .get(STATE)
        .and_then(Value::as_str)
        .filter(|state| !state.is_empty())
        .map(ToOwned::to_owned)
}

/// Nothing but the revision test: there is nothing to write.
pub(super) fn says_nothing(ops: &[PatchOp]) -> bool {
    ops.iter().all(|op| op.op == "test")
}

/// Adds a relation.
pub(super) fn relation(rel: &str, url: &str, attributes: Value) -> Vec<PatchOp> {
    let value = json!({"rel": rel, "url": url, "attributes": attributes});
    vec![PatchOp { op: "add", path: "/relations/-".to_owned(), value: Some(value) }]
}

/// A title alone: the least that an item needs.
pub(super) fn titled(title: &str) -> Vec<PatchOp> {
    vec![set("System.Title", json!(title))]
}

/// The person who is to work on an item, by account name.
pub(super) fn assigned_to(account: &str) -> PatchOp {
    set(ASSIGNED_TO, json!(account))
}

/// The area in which an item lies.
pub(super) fn in_area(path: &str) -> PatchOp {
    set("System.AreaPath", json!(tree_path(path)))
}

fn test_rev(version: &Version) -> PatchOp {
    let rev = version.as_str().parse::<u64>().map_or_else(|_| json!(version.as_str()), Value::from);
    PatchOp { op: "test", path: "/rev".to_owned(), value: Some(rev) }
}

/// Fields, status and marker together; the status is a field here.
fn values(write: &Write) -> BTreeMap<String, Value> {
    let name = |field: &FieldRef| field.as_str().to_owned();
    let mut all: BTreeMap<String, Value> =
        write.fields.iter().map(|(f, v)| (name(f), v.clone())).collect();
    if let Some(state) = &write.status {
        all.insert(STATE.to_owned(), json!(state));
    }
    if let Some(marker) = &write.marker {
        let mark = json!(marker.value);
        if marker.field.as_str() == TAGS {
            join_tag(all.entry(TAGS.to_owned()).or_insert_with(|| json!([])), mark);
        } else {
            all.insert(name(&marker.field), mark);
        }
    }
    all
}

fn join_tag(tags: &mut Value, mark: Value) {
    match tags {
        Value::Array(parts) => parts.push(mark),
        Value::String(text) => {
            let parts = text.split(';').map(|tag| json!(tag.trim()));
            *tags = Value::Array(parts.chain([mark]).collect());
        }
        _ => *tags = json!([mark]),
    }
}

fn field_ops(config: &Config, values: BTreeMap<String, Value>) -> Vec<PatchOp> {
    let mut ops = Vec::with_capacity(values.len());
    for (name, value) in values {
        if is_nothing(&value) {
            ops.push(PatchOp { op: "remove", path: path(&name), value: None });
            continue;
        }
        ops.push(set(&name, to_wire(&name, &value)));
        if config.markdown_fields.contains(&name) {
            // The format counts only next to a value in the same document, and cannot be taken back.
            let format = format!("/multilineFieldsFormat/{}", pointer(&name));
            ops.push(PatchOp { op: "add", path: format, value: Some(json!("Markdown")) });
        }
    }
    ops
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(parts) => parts.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn set(name: &str, value: Value) -> PatchOp {
    PatchOp { op: "add", path: path(name), value: Some(value) }
}

fn path(name: &str) -> String {
    format!("/fields/{}", pointer(name))
}

/// One segment of a JSON pointer (RFC 6901).
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn to_wire(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if TREES.contains(&name) => Value::String(tree_path(text)),
        Value::Array(parts) => Value::String(joined(parts)),
        Value::Object(_) => Identity::from_value(value)
            .and_then(|who| account_name(&who))
            .map_or_else(|| value.clone(), Value::String),
        _ => value.clone(),
    }
}

/// Neither slash is allowed inside a node's name, so both can only stand between names.
fn tree_path(text: &str) -> String {
    text.replace('/', "\\").trim_matches('\\').to_owned()
}

fn joined(parts: &[Value]) -> String {
    let words: Vec<String> = parts
        .iter()
        .map(|part| part.as_str().map_or_else(|| part.to_string(), ToOwned::to_owned))
        .collect();
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use syncline_domain::OpId;
    use syncline_domain::ports::{Marker, WriteKind};

    use super::*;

    fn write(fields: Value, status: Option<&str>, marker: Option<(&str, &str)>) -> Write {
        let Value::Object(map) = fields else { panic!("an object") };
        Write {
            op_id: OpId::from("op"),
            kind: WriteKind::Create { type_ref: "Bug".to_owned() },
            status: status.map(ToOwned::to_owned),
            fields: map.into_iter().map(|(k, v)| (FieldRef::new(k), v)).collect(),
            marker: marker
                .map(|(field, value)| Marker { field: field.into(), value: value.to_owned() }),
        }
    }

    fn wire(ops: &[PatchOp]) -> Value {
        serde_json::to_value(ops).unwrap()
    }

    #[test]
    fn an_update_tests_the_revision_first_and_only_adds_or_removes() {
        let fields = json!({
            "System.Title": "a", "System.Tags": ["x", "y"], "System.AssignedTo": {"email": "a@b.c", "name": "A"},
            "System.AreaPath": "Shop/Web", "Custom.Gone": null, "Custom.Zero": 0, "Custom.No": false, "Custom.Empty": "",
        });
        let ops = update(
            &Config::for_tests(),
            &write(fields, Some("Active"), None),
            Some(&Version::from("7")),
        );
        assert_eq!(
            wire(&ops),
            json!([
                {"op": "test", "path": "/rev", "value": 7},
                {"op": "remove", "path": "/fields/Custom.Empty"},
                {"op": "remove", "path": "/fields/Custom.Gone"},
                {"op": "add", "path": "/fields/Custom.No", "value": false},
                {"op": "add", "path": "/fields/Custom.Zero", "value": 0},
                {"op": "add", "path": "/fields/System.AreaPath", "value": "Shop\\Web"},
                {"op": "add", "path": "/fields/System.AssignedTo", "value": "a@b.c"},
                {"op": "add", "path": "/fields/System.State", "value": "Active"},
                {"op": "add", "path": "/fields/System.Tags", "value": "x; y"},
                {"op": "add", "path": "/fields/System.Title", "value": "a"},
            ])
        );
    }

    #[test]
    fn a_create_leaves_out_what_is_not_set_and_carries_its_marker() {
        let fields = json!({"System.Title": "a", "Custom.Gone": null, "System.Tags": ["x"]});
        let config = Config::for_tests();
        let ops = create(
            &config,
            &write(fields.clone(), Some("Active"), Some(("Custom.Id", "m-1"))),
            false,
        );
        assert_eq!(
            wire(&ops),
            json!([
                {"op": "add", "path": "/fields/Custom.Id", "value": "m-1"},
                {"op": "add", "path": "/fields/System.Tags", "value": "x"},
                {"op": "add", "path": "/fields/System.Title", "value": "a"},
            ])
        );
        let ops = create(&config, &write(fields, Some("New"), Some((TAGS, "m-1"))), true);
        assert!(wire(&ops).to_string().contains(r#""value":"x; m-1""#));
        assert!(wire(&ops).to_string().contains(r#""value":"New""#));
    }

    #[test]
    fn a_markdown_field_says_so_next_to_its_value() {
        let mut config = Config::for_tests();
        config.markdown_fields.insert("System.Description".to_owned());
        let ops = update(&config, &write(json!({"System.Description": "# a"}), None, None), None);
        assert_eq!(
            wire(&ops),
            json!([
                {"op": "add", "path": "/fields/System.Description", "value": "# a"},
                {"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Markdown"},
            ])
        );
        let ops = update(&config, &write(json!({"System.Description": null}), None, None), None);
        assert_eq!(wire(&ops), json!([{"op": "remove", "path": "/fields/System.Description"}]));
    }

    #[test]
    fn a_write_without_values_says_nothing() {
        let nothing = write(json!({}), None, None);
        assert!(says_nothing(&update(&Config::for_tests(), &nothing, Some(&Version::from("1")))));
        assert!(!says_nothing(&to_state("Active", &Version::from("1"))));
    }
}
