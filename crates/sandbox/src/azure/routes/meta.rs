//! Types, fields, states, link types and tags.

use serde_json::{Value, json};

use super::{Cx, list, one};
use crate::azure::errors::{Answer, ApiError, bad_value, no_route, no_type};
use crate::azure::fields as f;
use crate::azure::present;
use crate::azure::relations;
use crate::azure::schema::{self, FIELDS, Field, Kind, TYPES, WorkItemType};
use crate::azure::store::Store;
use crate::shared::http::Reply;
use crate::shared::json::put;
use crate::shared::text::{guid, short_iso};

/// Reference name, name, default type and all types of each category.
const CATEGORIES: &[(&str, &str, &str, &[&str])] = &[
    ("Microsoft.BugCategory", "Bug Category", "Bug", &["Bug"]),
    ("Microsoft.RequirementCategory", "Requirement Category", "User Story", &["User Story"]),
    ("Microsoft.TaskCategory", "Task Category", "Task", &["Task"]),
];

pub(crate) fn read(cx: &Cx<'_>, head: &str, rest: &[&str]) -> Answer<Reply> {
    match (head, rest) {
        ("wit/fields", []) => {
            Ok(list(FIELDS.iter().map(|field| present::field(cx.site, field)).collect()))
        }
        ("wit/fields", [name]) => one(&present::field(cx.site, field(name)?)),
        ("wit/workitemrelationtypes", []) => Ok(list(relations::shown(&cx.site.collection))),
        ("wit/workitemrelationtypes", [name]) => {
            let all = relations::shown(&cx.site.collection);
            let found = all.into_iter().find(|kind| kind["referenceName"].as_str() == Some(name));
            one(&found.ok_or_else(no_route)?)
        }
        _ if !cx.in_project => Err(no_route()),
        ("wit/workitemtypes", []) => {
            Ok(list(TYPES.iter().map(|kind| kind_shown(cx, kind)).collect()))
        }
        ("wit/workitemtypes", [name]) => one(&kind_shown(cx, kind(cx, name)?)),
        ("wit/workitemtypes", [name, part]) if part.eq_ignore_ascii_case("states") => {
            Ok(list(states(kind(cx, name)?)))
        }
        ("wit/workitemtypes", [name, part]) if part.eq_ignore_ascii_case("fields") => {
            let kind = kind(cx, name)?;
            let expand = Expand::read(cx)?;
            Ok(list(kind.fields().map(|field| instance(cx, kind, field, &expand)).collect()))
        }
        ("wit/workitemtypes", [name, part, wanted]) if part.eq_ignore_ascii_case("fields") => {
            let kind = kind(cx, name)?;
            let field = field(wanted)?;
            if !kind.has(field.no) {
                return Err(missing(wanted));
            }
            one(&instance(cx, kind, field, &Expand::read(cx)?))
        }
        ("wit/workitemtypecategories", []) => {
            Ok(list(CATEGORIES.iter().map(|one| category(cx, one)).collect()))
        }
        ("wit/workitemtypecategories", [name]) => {
            let found = CATEGORIES.iter().find(|one| one.0.eq_ignore_ascii_case(name));
            one(&category(cx, found.ok_or_else(no_route)?))
        }
        _ => Err(no_route()),
    }
}

fn field(name: &str) -> Answer<&'static Field> {
    schema::find(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ApiError {
    ApiError::new(
        404,
        "WorkItemTrackingFieldDefinitionNotFoundException",
        format!("TF51535: Cannot find field {name}."),
    )
}

fn kind(cx: &Cx<'_>, name: &str) -> Answer<&'static WorkItemType> {
    schema::find_type(name).ok_or_else(|| no_type(name, &cx.site.options.project))
}

/// Which parts of a field instance the caller wants; without them there are no allowed values.
struct Expand {
    values: bool,
    dependents: bool,
}

impl Expand {
    fn read(cx: &Cx<'_>) -> Answer<Self> {
        let (values, dependents) =
            match cx.request.query("$expand").unwrap_or("none").to_ascii_lowercase().as_str() {
                "none" => (false, false),
                "allowedvalues" => (true, false),
                "dependentfields" => (false, true),
                "all" => (true, true),
                other => {
                    return Err(bad_value(format!("The value {other:?} of $expand is not known.")));
                }
            };
        Ok(Self { values, dependents })
    }
}

fn instance(cx: &Cx<'_>, kind: &WorkItemType, field: &Field, expand: &Expand) -> Value {
    let default = match field.no {
        f::STATE => kind.initial().map(|state| state.name),
        f::PRIORITY => Some("2"),
        f::SEVERITY => Some("3 - Medium"),
        f::VALUE_AREA => Some("Business"),
        _ => None,
    };
    let mut out = json!({
        "defaultValue": default,
        "helpText": help(field),
        "alwaysRequired": kind.requires(field.no),
        "name": field.name,
        "referenceName": field.reference,
        "url": format!("{}/_apis/wit/fields/{}", cx.site.collection, field.reference),
    });
    if expand.values {
        put(
            &mut out,
            "allowedValues",
            match field.no {
                f::STATE => kind.states.iter().map(|state| json!(state.name)).collect(),
                f::REASON => kind.states.iter().map(|state| json!(state.reason)).collect(),
                _ => field.allowed.iter().map(|value| json!(value)).collect(),
            },
        );
    }
    if expand.dependents {
        let dependents = if field.no == f::STATE { vec![f::REASON] } else { Vec::new() };
        let shown = dependents.into_iter().filter_map(schema::by_no).map(|other| {
            json!({ "name": other.name, "referenceName": other.reference, "url": format!("{}/_apis/wit/fields/{}", cx.site.collection, other.reference) })
        });
        put(&mut out, "dependentFields", shown.collect::<Value>());
    }
    if let Some(map) = out.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    out
}

fn help(field: &Field) -> Option<&'static str> {
    match field.kind {
        Kind::Who => Some("A person of the organisation."),
        _ if field.no == f::PRIORITY => Some("Business importance. 1=must fix; 4=unimportant."),
        _ => None,
    }
}

fn states(kind: &WorkItemType) -> Vec<Value> {
    let one = |state: &schema::State| json!({ "name": state.name, "color": state.color, "category": state.category });
    kind.states.iter().map(one).collect()
}

fn kind_shown(cx: &Cx<'_>, kind: &WorkItemType) -> Value {
    let plain = Expand { values: false, dependents: false };
    let fields: Vec<Value> = kind.fields().map(|field| instance(cx, kind, field, &plain)).collect();
    let moves = |_: &schema::State| -> Value {
        kind.states
            .iter()
            .map(|to| json!({ "to": to.name, "actions": null }))
            .map(|mut one| {
                if let Some(map) = one.as_object_mut() {
                    map.retain(|_, v| !v.is_null());
                }
                one
            })
            .collect()
    };
    let mut transitions: serde_json::Map<String, Value> =
        kind.states.iter().map(|state| (state.name.to_owned(), moves(state))).collect();
    transitions.insert(
        String::new(),
        kind.initial().map(|state| json!([{ "to": state.name }])).unwrap_or_default(),
    );
    json!({
        "name": kind.name,
        "referenceName": kind.reference,
        "description": kind.description,
        "color": kind.color,
        "icon": { "id": kind.icon, "url": format!("{}/_apis/wit/workItemIcons/{}?color={}&v=2", cx.site.collection, kind.icon, kind.color) },
        "isDisabled": false,
        "xmlForm": "",
        "fields": fields,
        "fieldInstances": fields,
        "transitions": transitions,
        "states": states(kind),
        "url": format!("{}/{}/_apis/wit/workItemTypes/{}", cx.site.collection, cx.site.project_guid(), kind.name.replace(' ', "%20")),
    })
}

fn category(cx: &Cx<'_>, (reference, name, default, kinds): &(&str, &str, &str, &[&str])) -> Value {
    let base = format!("{}/{}/_apis/wit", cx.site.collection, cx.site.project_guid());
    let kind = |name: &str| json!({ "name": name, "url": format!("{base}/workItemTypes/{}", name.replace(' ', "%20")) });
    json!({
        "name": name,
        "referenceName": reference,
        "defaultWorkItemType": kind(default),
        "workItemTypes": kinds.iter().map(|name| kind(name)).collect::<Vec<Value>>(),
        "url": format!("{base}/workItemTypeCategories/{reference}"),
    })
}

/// All tags of the project, or one by name.
pub(crate) fn tags(cx: &Cx<'_>, store: &Store, wanted: Option<&str>) -> Answer<Reply> {
    let shown = |name: &String| {
        let id = guid(&format!("tag {}", name.to_lowercase()));
        json!({ "id": id, "name": name, "lastUpdated": short_iso(cx.site.now()), "url": format!("{}/_apis/wit/tags/{id}", cx.site.collection) })
    };
    match wanted {
        None => Ok(list(store.tags.values().map(shown).collect())),
        Some(name) => {
            let found =
                store.tags.values().map(shown).find(|tag| tag["name"] == name || tag["id"] == name);
            one(&found.ok_or_else(no_route)?)
        }
    }
}
