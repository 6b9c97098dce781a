//! JSON Patch documents as work items take them (RFC 6902, a fixed set of paths).

use serde_json::Value;

use super::errors::{Answer, bad_patch};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Replace,
    Remove,
    Test,
}

/// Where an operation works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `/rev`
    Rev,
    /// `/id`: the number that later entries of a batch use for an item that is not there yet.
    Id,
    /// `/fields/System.Title`
    Field(String),
    /// `/multilineFieldsFormat/System.Description`
    Format(String),
    /// `/relations/-`
    NewRelation,
    /// `/relations/2`
    Relation(usize),
    /// `/relations/2/attributes/comment`
    RelationAttribute(usize, String),
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Op {
    pub(crate) verb: Verb,
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// Reads a whole document.
pub(crate) fn parse(body: &Value) -> Answer<Vec<Op>> {
    let Some(list) = body.as_array() else {
        return Err(bad_patch("You must pass a valid patch document in the body of the request."));
    };
    list.iter().map(operation).collect()
}

fn operation(op: &Value) -> Answer<Op> {
    let word = op.get("op").and_then(Value::as_str).unwrap_or("");
    let verb = match word.to_ascii_lowercase().as_str() {
        "add" => Verb::Add,
        "replace" => Verb::Replace,
        "remove" => Verb::Remove,
        "test" => Verb::Test,
        _ => {
            return Err(bad_patch(format!(
                "VS403691: Operation {word:?} is not supported for work items."
            )));
        }
    };
    let path = op.get("path").and_then(Value::as_str).unwrap_or("");
    Ok(Op { verb, place: place(path)?, value: op.get("value").cloned().unwrap_or(Value::Null) })
}

fn place(path: &str) -> Answer<Place> {
    // RFC 6901: `~1` is a slash, `~0` a tilde.
    let plain: Vec<String> =
        path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let parts: Vec<&str> = plain.iter().map(String::as_str).collect();
    let index = |text: &str| text.parse().ok();
    let found = match parts.as_slice() {
        ["", "rev"] => Some(Place::Rev),
        ["", "id"] => Some(Place::Id),
        ["", "fields", name] if !name.is_empty() => Some(Place::Field((*name).to_owned())),
        ["", "multilineFieldsFormat", name] => Some(Place::Format((*name).to_owned())),
        ["", "relations", "-"] => Some(Place::NewRelation),
        ["", "relations", at] => index(at).map(Place::Relation),
        ["", "relations", at, "attributes", name] => {
            index(at).map(|at| Place::RelationAttribute(at, (*name).to_owned()))
        }
        _ => None,
    };
    found.ok_or_else(|| bad_patch(format!("VS403690: The path {path:?} cannot be patched.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_paths_of_work_items_are_read() {
        let ops = parse(&json!([
            {"op": "test", "path": "/rev", "value": 3},
            {"op": "Add", "path": "/fields/System.Title", "value": "x"},
            {"op": "remove", "path": "/relations/2"},
            {"op": "add", "path": "/relations/-", "value": {}},
            {"op": "replace", "path": "/relations/0/attributes/comment", "value": "c"},
        ]))
        .unwrap();
        assert_eq!(ops[0], Op { verb: Verb::Test, place: Place::Rev, value: json!(3) });
        assert_eq!(ops[2].place, Place::Relation(2));
        assert_eq!(ops[4].place, Place::RelationAttribute(0, "comment".into()));
    }

    #[test]
    fn other_documents_are_refused() {
        for body in [
            json!({}),
            json!([{"op": "move", "path": "/rev"}]),
            json!([{"op": "add", "path": "/x"}]),
        ] {
            assert_eq!(parse(&body).unwrap_err().status, 400, "{body}");
        }
    }
}
