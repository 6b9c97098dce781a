//! Issues as items.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{
    FieldType, Fields, Identity, Item, ItemId, Timestamp, Version, canonical, fingerprint,
};

use super::fields::custom_reference;
use super::lists::{self, Custom};
use super::people::{self, Accounts};
use super::requests::Api;
use super::values;
use super::wire::{CustomField, Issue, Named};

/// What a conversion has to know besides the issue.
pub(super) struct Known {
    custom: Custom,
    accounts: Accounts,
}

impl Known {
    /// The custom field of this id, where its format is known.
    pub(super) fn custom(&self, id: u64) -> Option<&CustomField> {
        self.custom.iter().flatten().find(|field| field.id == id)
    }
}

/// Issues as items, with the addresses of the people in them where `people` says so.
pub(super) async fn items(
    api: &Api,
    issues: &[Issue],
    people: bool,
) -> Result<Vec<Item>, ConnectorError> {
    if issues.is_empty() {
        return Ok(Vec::new());
    }
    let known = known(api, issues, people).await?;
    issues.iter().map(|issue| item(api, issue, &known)).collect()
}

/// What is needed to convert these issues.
pub(super) async fn known(
    api: &Api,
    issues: &[Issue],
    people: bool,
) -> Result<Known, ConnectorError> {
    let has_custom = issues.iter().any(|issue| !issue.custom_fields.is_empty());
    let custom = if has_custom { lists::custom(api).await? } else { Custom::default() };
    let mut known = Known { custom, accounts: Accounts::new() };
    if people {
        let ids = issues.iter().flat_map(|issue| persons(issue, &known)).collect();
        known.accounts = people::accounts(api, &ids).await?;
    }
    Ok(known)
}

fn persons(issue: &Issue, known: &Known) -> BTreeSet<u64> {
    let named = [&issue.author, &issue.assigned_to].into_iter().flatten().map(|named| named.id);
    let custom = issue.custom_fields.iter().filter_map(|held| {
        let is_person = known
            .custom(held.id)
            .is_some_and(|field| values::field_type(field) == FieldType::Identity);
        held.value.as_str().filter(|_| is_person)?.parse().ok()
    });
    named.chain(custom).collect()
}

/// One issue.
pub(super) fn item(api: &Api, issue: &Issue, known: &Known) -> Result<Item, ConnectorError> {
    let person = |named: &Option<Named>| {
        named.as_ref().map(|named| people::identity(named, &known.accounts))
    };
    let author = person(&issue.author);
    Ok(Item {
        id: ItemId::new(issue.id.to_string()),
        type_ref: issue.tracker.id.to_string(),
        title: issue.subject.clone(),
        url: api.config.page_url(issue.id),
        status: Some(issue.status.name.clone()).filter(|name| !name.is_empty()),
        version: version(issue),
        created_at: instant(&issue.created_on)?,
        changed_at: instant(&issue.updated_on)?,
        fields: fields(issue, known, author.as_ref(), person(&issue.assigned_to).as_ref()),
        created_by: author,
        changed_by: None,
    })
}

/// Redmine shows no revision. Its change time has whole seconds, so that two changes in one second look alike; what the
/// issue holds is told along with it.
pub(super) fn version(issue: &Issue) -> Version {
    let id = |named: &Option<Named>| named.as_ref().map(|named| named.id);
    let mut custom: Vec<(u64, Value)> = issue
        .custom_fields
        .iter()
        .filter(|held| !is_blank(&held.value))
        .map(|held| (held.id, held.value.clone()))
        .collect();
    custom.sort_by_key(|(id, _)| *id);
    let holds = json!([
        [issue.project.id, issue.tracker.id, issue.status.id, issue.parent.map(|parent| parent.id)],
        [
            id(&issue.priority),
            id(&issue.assigned_to),
            id(&issue.category),
            id(&issue.fixed_version)
        ],
        [issue.subject, issue.description, issue.start_date, issue.due_date],
        [issue.done_ratio, issue.is_private, issue.estimated_hours],
        custom,
    ]);
    let mut print = fingerprint(&holds, FieldType::Array);
    print.truncate(12);
    Version::new(format!("{} {print}", issue.updated_on))
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(parts) => parts.iter().all(is_blank),
        _ => false,
    }
}

fn fields(
    issue: &Issue,
    known: &Known,
    author: Option<&Identity>,
    assigned: Option<&Identity>,
) -> Fields {
    let name = |named: &Option<Named>| named.as_ref().map(|named| json!(named.name));
    let text = |text: &str| Some(json!(text));
    let person = |who: Option<&Identity>| who.map(Identity::to_value);
    let time = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    let parent = issue.parent.map(|parent| json!(parent.id.to_string()));
    let all = [
        ("subject", text(&issue.subject), FieldType::String),
        ("description", text(&issue.description), FieldType::String),
        ("status", text(&issue.status.name), FieldType::Picklist),
        ("priority", name(&issue.priority), FieldType::Picklist),
        ("assigned_to", person(assigned), FieldType::Identity),
        ("category", name(&issue.category), FieldType::Picklist),
        ("fixed_version", name(&issue.fixed_version), FieldType::Picklist),
        ("parent", parent, FieldType::String),
        ("start_date", issue.start_date.as_ref().map(|day| json!(day)), FieldType::DateTime),
        ("due_date", issue.due_date.as_ref().map(|day| json!(day)), FieldType::DateTime),
        ("done_ratio", issue.done_ratio.map(|ratio| json!(ratio)), FieldType::Int),
        ("estimated_hours", issue.estimated_hours.map(|hours| json!(hours)), FieldType::Double),
        ("is_private", Some(json!(issue.is_private)), FieldType::Boolean),
        ("project", text(&issue.project.name), FieldType::Picklist),
        ("tracker", text(&issue.tracker.name), FieldType::Picklist),
        ("author", person(author), FieldType::Identity),
        ("created_on", text(&issue.created_on), FieldType::DateTime),
        ("updated_on", text(&issue.updated_on), FieldType::DateTime),
        ("closed_on", time(&issue.closed_on), FieldType::DateTime),
    ];
    let standard = all.into_iter().filter_map(|(reference, value, field_type)| {
        let value = value.filter(|value| value.as_str() != Some(""))?;
        Some((reference.into(), canonical(&value, field_type)))
    });
    let custom = issue.custom_fields.iter().filter_map(|held| {
        let value = values::from_wire(held, known.custom(held.id), &known.accounts)?;
        Some((custom_reference(held.id).into(), value))
    });
    standard.chain(custom).collect()
}

/// A time of Redmine.
pub(super) fn instant(text: &str) -> Result<Timestamp, ConnectorError> {
    Timestamp::parse(text).map_err(|_| {
        ConnectorError::new(ErrorKind::Protocol, format!("redmine answered {text:?} for a time"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue() -> Issue {
        serde_json::from_value(json!({
            "id": 7, "project": {"id": 1, "name": "Shop"}, "tracker": {"id": 2, "name": "Bug"},
            "status": {"id": 1, "name": "New", "is_closed": false},
            "priority": {"id": 2, "name": "Normal"}, "author": {"id": 1, "name": "Ada"},
            "subject": "It breaks", "description": "a\r\nb", "start_date": "2026-11-01",
            "due_date": null, "done_ratio": 0, "is_private": false, "estimated_hours": 2.0,
            "parent": {"id": 3},
            "custom_fields": [{"id": 4, "name": "Who", "value": ""},
                {"id": 5, "name": "Where", "multiple": true, "value": ["b", "a"]}],
            "created_on": "2026-11-23T14:24:40Z", "updated_on": "2026-11-23T14:24:41Z"
        }))
        .unwrap()
    }

    #[test]
    fn fields_are_canonical_and_what_is_not_set_is_absent() {
        let known = Known { custom: Custom::default(), accounts: Accounts::new() };
        let ada = Identity { id: Some("1".to_owned()), ..Identity::named("Ada") };
        let fields = fields(&issue(), &known, Some(&ada), None);
        let shown: Vec<(String, Value)> =
            fields.into_iter().map(|(k, v)| (k.into_string(), v)).collect();
        let expected = [
            ("author", json!({"id": "1", "name": "Ada"})),
            ("cf_5", json!(["a", "b"])),
            ("created_on", json!("2026-11-23T14:24:40.000Z")),
            ("description", json!("a\nb")),
            ("done_ratio", json!(0)),
            ("estimated_hours", json!(2)),
            ("is_private", json!(false)),
            ("parent", json!("3")),
            ("priority", json!("Normal")),
            ("project", json!("Shop")),
            ("start_date", json!("2026-11-01")),
            ("status", json!("New")),
            ("subject", json!("It breaks")),
            ("tracker", json!("Bug")),
            ("updated_on", json!("2026-11-23T14:24:41.000Z")),
        ];
        let expected: Vec<(String, Value)> =
            expected.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn two_changes_in_one_second_are_two_versions() {
        let (one, mut other) = (issue(), issue());
        assert_eq!(version(&one), version(&other));
        other.subject.push('!');
        assert_ne!(version(&one), version(&other));
        let mut blank = issue();
        blank.custom_fields[0].value = Value::Null;
        assert_eq!(version(&one), version(&blank), "null and empty are one to redmine");
    }
}
