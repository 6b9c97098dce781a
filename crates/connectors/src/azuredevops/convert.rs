//! From wire items to ours: people, tags, times and numbers in canonical form.

use serde_json::{Map, Value};
use syncline_domain::{
    FieldRef, FieldType, Fields, Identity, Item, ItemId, Timestamp, Version, canonical,
};

use super::config::Config;
use super::wire::WorkItem;

/// The field with the tags: one text on the wire, a set for us.
pub(super) const TAGS: &str = "System.Tags";
/// The field with the status.
pub(super) const STATE: &str = "System.State";
/// The field with the person who works on an item.
pub(super) const ASSIGNED_TO: &str = "System.AssignedTo";
/// Fields that hold one person each; older servers send them as bare text.
const PEOPLE: [&str; 4] =
    [ASSIGNED_TO, "System.CreatedBy", "System.ChangedBy", "System.AuthorizedAs"];

/// The item as the port wants it.
pub(super) fn item(config: &Config, wire: WorkItem) -> Item {
    let fields: Fields = wire
        .fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (FieldRef::from(name.as_str()), field_value(name, value)))
        .collect();
    let text =
        |name: &str| wire.fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Item {
        id: ItemId::new(wire.id.to_string()),
        type_ref: text("System.WorkItemType"),
        title: text("System.Title"),
        url: config.page_url(&text("System.TeamProject"), wire.id),
        status: Some(text(STATE)).filter(|state| !state.is_empty()),
        version: Version::new(wire.rev.to_string()),
        created_at: instant(&wire.fields, "System.CreatedDate"),
        changed_at: instant(&wire.fields, "System.ChangedDate"),
        created_by: wire.fields.get("System.CreatedBy").and_then(person),
        changed_by: wire.fields.get("System.ChangedBy").and_then(person),
        fields,
    }
}

fn instant(fields: &Map<String, Value>, name: &str) -> Timestamp {
    let text = fields.get(name).and_then(Value::as_str).unwrap_or_default();
    Timestamp::parse(text).unwrap_or_default()
}

/// One field's value in canonical form. The wire carries no types, but its values show theirs.
pub(super) fn field_value(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if name == TAGS => tags(text),
        Value::String(_) if PEOPLE.contains(&name) => {
            person(value).map_or_else(|| value.clone(), |who| who.to_value())
        }
        Value::String(text) if name != "System.Title" && is_instant(text) => {
            canonical(value, FieldType::DateTime)
        }
        Value::String(_) => canonical(value, FieldType::String),
        Value::Number(_) => canonical(value, FieldType::Double),
        Value::Object(parts) if is_person(parts) => {
            person(value).map_or(Value::Null, |who| who.to_value())
        }
        _ => value.clone(),
    }
}

/// Whether text is an instant exactly as the server writes one: nobody types these by hand.
fn is_instant(text: &str) -> bool {
    let shape = text.len() >= 20 && text.len() <= 33 && text.as_bytes().get(10) == Some(&b'T');
    shape && text.starts_with(|c: char| c.is_ascii_digit()) && Timestamp::parse(text).is_ok()
}

fn is_person(parts: &Map<String, Value>) -> bool {
    ["displayName", "uniqueName", "descriptor"].iter().any(|key| parts.contains_key(*key))
}

/// The tags of `a; b` as a sorted set.
fn tags(text: &str) -> Value {
    let parts = text.split(';').map(|tag| Value::String(tag.trim().to_owned())).collect();
    canonical(&Value::Array(parts), FieldType::Array)
}

/// A person, from an identity object or from `Name <account>`.
pub(super) fn person(value: &Value) -> Option<Identity> {
    match value {
        Value::String(text) => person_in_text(text),
        Value::Object(parts) => {
            let text = |key: &str| {
                parts
                    .get(key)
                    .and_then(Value::as_str)
                    .map(str::trim)
                    .filter(|t| !t.is_empty())
                    .map(ToOwned::to_owned)
            };
            let account = text("uniqueName");
            Some(Identity {
                id: text("id"),
                name: text("displayName"),
                email: account.clone().filter(|name| name.contains('@')),
                login: account,
            })
            .filter(|who| who.key().is_some())
        }
        _ => None,
    }
}

fn person_in_text(text: &str) -> Option<Identity> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let Some((name, account)) = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<'))
    else {
        return Identity::from_value(&Value::String(text.to_owned()));
    };
    let account = account.trim().to_owned();
    Some(Identity {
        id: None,
        name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()),
        email: Some(account.clone()).filter(|name| name.contains('@')),
        login: Some(account),
    })
}

/// What the server wants to be told to mean this person: the account name, else address, else the shown name.
pub(super) fn account_name(who: &Identity) -> Option<String> {
    let given = |part: &Option<String>| part.clone().filter(|text| !text.trim().is_empty());
    given(&who.email).or_else(|| given(&who.login)).or_else(|| given(&who.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample(fields: Value) -> Item {
        let wire: WorkItem =
            serde_json::from_value(json!({"id": 42, "rev": 7, "fields": fields})).unwrap();
        item(&Config::for_tests(), wire)
    }

    #[test]
    fn an_item_comes_over_with_people_tags_times_and_numbers_in_canonical_form() {
        let got = sample(json!({
            "System.WorkItemType": "Bug", "System.Title": "2026-01-01T00:00:00Z", "System.State": "Active",
            "System.TeamProject": "Web Shop",
            "System.CreatedDate": "2026-01-02T03:04:05.1234567Z", "System.ChangedDate": "2026-01-02T03:04:05Z",
            "System.CreatedBy": {"displayName": "Ann", "uniqueName": "ann@example.com", "id": "g-1", "_links": {}},
            "System.ChangedBy": "Bob <CORP\\bob>",
            "System.Tags": "web; App ;web",
            "System.Description": "<p>a</p>\r\n<p>b</p>",
            "Microsoft.VSTS.Scheduling.Effort": 2.0, "Custom.Due": "2026-02-03T00:00:00Z", "Custom.Gone": null,
            "Custom.Flag": false, "Custom.Zero": 0,
        }));
        assert_eq!(got.id.as_str(), "42");
        assert_eq!(got.version.as_str(), "7");
        assert_eq!(got.url, "https://dev.azure.com/demo/Web%20Shop/_workitems/edit/42");
        assert_eq!(got.status.as_deref(), Some("Active"));
        assert_eq!(got.created_at.to_iso(), "2026-01-02T03:04:05.123Z");
        assert_eq!(
            got.created_by.as_ref().and_then(|who| who.email.as_deref()),
            Some("ann@example.com")
        );
        assert_eq!(got.changed_by.as_ref().and_then(|who| who.login.as_deref()), Some("CORP\\bob"));
        for (name, value) in [
            ("System.Title", json!("2026-01-01T00:00:00Z")),
            ("System.Tags", json!(["App", "web"])),
            ("System.Description", json!("<p>a</p>\n<p>b</p>")),
            ("Microsoft.VSTS.Scheduling.Effort", json!(2)),
            ("Custom.Due", json!("2026-02-03T00:00:00.000Z")),
            ("Custom.Flag", json!(false)),
            ("Custom.Zero", json!(0)),
        ] {
            assert_eq!(got.fields.get(&FieldRef::from(name)), Some(&value), "{name}");
        }
        assert!(!got.fields.contains_key(&FieldRef::from("Custom.Gone")));
    }

    #[test]
    fn people_are_named_to_the_server_by_account() {
        for (who, name) in [
            (json!({"email": "a@b.c", "name": "A"}), Some("a@b.c")),
            (json!({"login": "CORP\\a", "name": "A"}), Some("CORP\\a")),
            (json!("Ann Example"), Some("Ann Example")),
            (json!({"id": "x"}), None),
        ] {
            let who = Identity::from_value(&who).unwrap();
            assert_eq!(account_name(&who).as_deref(), name);
        }
    }
}
