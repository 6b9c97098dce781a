//! Filters: what Redmine can judge goes into the parameters of the list, the rest is judged on what comes back.

use serde_json::{Map, Value};
use syncline_domain::ports::{ChangeQuery, ConnectorError, ErrorKind, PortableFilter};
use syncline_domain::{FieldFault, FieldRef, Item};

use super::config::Config;
use super::requests::Params;
use crate::shared::portable;

/// Parameters that the connector itself needs, or that mean something else than a filter.
const RESERVED: [&str; 16] = [
    "sort",
    "limit",
    "offset",
    "page",
    "key",
    "include",
    "format",
    "project_id",
    "issue_id",
    "updated_on",
    "query_id",
    "set_filter",
    "f",
    "op",
    "v",
    "c",
];

/// A change query, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What every list is asked for.
    pub(super) params: Params,
    /// A saved query in place of parameters.
    pub(super) saved: Option<u64>,
    /// Whether every issue that Redmine lists takes part, as far as is known beforehand.
    pub(super) is_exact: bool,
    /// Whether people's addresses matter to the reader.
    pub(super) people: bool,
    types: Vec<String>,
    portable: PortableFilter,
}

impl Plan {
    /// From a query.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the native filter is none of ours.
    pub(super) fn new(config: &Config, query: &ChangeQuery) -> Result<Self, ConnectorError> {
        let native = query.native.as_ref().unwrap_or(&Value::Null);
        if let Some(fault) = check(native).into_iter().next() {
            let text = format!("filter {}: {}", fault.path, fault.message);
            return Err(ConnectorError::new(ErrorKind::Invalid, text));
        }
        let own = own_params(native);
        let saved = native.get("query_id").and_then(Value::as_u64);
        let mut params = scope(config);
        let has = |name: &str| own.iter().any(|(key, _)| key == name);
        if !has("status_id") {
            params.push(("status_id".to_owned(), "*".to_owned()));
        }
        let types = &query.types;
        let are_ids = !types.is_empty() && types.iter().all(|t| t.parse::<u64>().is_ok());
        if are_ids && !has("tracker_id") {
            params.push(("tracker_id".to_owned(), types.join("|")));
        }
        if has("subproject_id") {
            params.retain(|(key, _)| key != "subproject_id");
        }
        params.extend(own);
        let part = &query.portable;
        let is_exact = saved.is_none()
            && (types.is_empty() || are_ids)
            && part.types.is_empty()
            && part.statuses.is_empty()
            && part.fields.is_empty()
            && part.created_after.is_none();
        Ok(Self {
            params,
            saved,
            is_exact,
            people: wants_people(&query.fields, part),
            types: types.clone(),
            portable: part.clone(),
        })
    }

    /// Before which second nothing needs to be read.
    pub(super) fn floor(&self) -> i64 {
        self.portable.updated_after.map_or(0, syncline_domain::Timestamp::secs)
    }

    /// Whether an item takes part.
    pub(super) fn passes(&self, item: &Item) -> bool {
        let name = tracker_name(item);
        let is_type = |word: &String| {
            *word == item.type_ref || word.trim().to_lowercase() == name.to_lowercase()
        };
        (self.types.is_empty() || self.types.iter().any(is_type))
            && portable::passes(&self.portable, item, name)
    }
}

/// The project, without its subprojects unless they are wanted.
pub(super) fn scope(config: &Config) -> Params {
    let mut params = Params::new();
    if let Some(project) = &config.project {
        params.push(("project_id".to_owned(), project.clone()));
        if !config.subprojects {
            params.push(("subproject_id".to_owned(), "!*".to_owned()));
        }
    }
    params
}

/// Checks `{"params": {...}}` or `{"query_id": n}`; paths are relative to the filter.
pub(crate) fn check(filter: &Value) -> Vec<FieldFault> {
    let Some(map) = filter.as_object() else {
        return match filter {
            Value::Null => Vec::new(),
            _ => vec![FieldFault::new("", "must be an object with params or query_id")],
        };
    };
    let mut faults: Vec<FieldFault> = map
        .keys()
        .filter(|key| !matches!(key.as_str(), "params" | "query_id"))
        .map(|key| FieldFault::new(format!("/{key}"), "is not known; use params or query_id"))
        .collect();
    if map.contains_key("params") && map.contains_key("query_id") {
        let text = "a saved query takes no further parameters; use one of the two";
        faults.push(FieldFault::new("/params", text));
    }
    if map.get("query_id").is_some_and(|id| id.as_u64().is_none()) {
        faults.push(FieldFault::new("/query_id", "must be the number of a saved query"));
    }
    match map.get("params") {
        None => {}
        Some(Value::Object(params)) => faults.extend(param_faults(params)),
        Some(_) => faults.push(FieldFault::new(
            "/params",
            "must be an object of Redmine's filter parameters, such as {\"cf_1\": \"x\"}",
        )),
    }
    faults
}

fn param_faults(params: &Map<String, Value>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for (key, value) in params {
        let fault = |text: &str| FieldFault::new(format!("/params/{key}"), text);
        let is_name = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if key == "updated_on" {
            faults.push(fault("the walk itself needs it; use updated_after beside params"));
        } else if RESERVED.contains(&key.as_str()) || !is_name {
            faults.push(fault("is no filter of issues, or one that the sync itself sets"));
        } else if param_text(value).is_none() {
            faults.push(fault("must be a text, a number, true, false or a list of these"));
        }
    }
    faults
}

fn own_params(native: &Value) -> Params {
    let params = native.get("params").and_then(Value::as_object);
    params
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), param_text(value)?)))
        .collect()
}

/// Several values of one parameter are parted by a bar.
fn param_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::Array(parts) => {
            let parts: Option<Vec<String>> = parts.iter().map(param_text).collect();
            parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("|"))
        }
        _ => None,
    }
}

/// Custom fields may hold people, too; only a reader who names his fields can do without.
fn wants_people(fields: &[FieldRef], portable: &PortableFilter) -> bool {
    let is_person = |field: &FieldRef| {
        let name = field.as_str();
        matches!(name, "assigned_to" | "author") || name.starts_with("cf_")
    };
    fields.is_empty()
        || fields.iter().any(is_person)
        || portable.fields.iter().any(|term| is_person(&term.field))
}

fn tracker_name(item: &Item) -> &str {
    item.fields.get(&FieldRef::new("tracker")).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn params(query: &ChangeQuery) -> Vec<String> {
        let plan = Plan::new(&Config::for_tests(), query).unwrap();
        plan.params.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn closed_issues_are_always_asked_for_and_types_are_trackers() {
        let mut query = ChangeQuery::default();
        assert_eq!(params(&query), ["project_id=shop", "subproject_id=!*", "status_id=*"]);
        query.types = vec!["1".to_owned(), "3".to_owned()];
        assert_eq!(params(&query)[3], "tracker_id=1|3");
        query.native = Some(json!({"params": {"status_id": "open", "cf_1": ["x", "y"],
            "subproject_id": "*", "tracker_id": 2}}));
        assert_eq!(
            params(&query),
            ["project_id=shop", "cf_1=x|y", "status_id=open", "subproject_id=*", "tracker_id=2"]
        );
    }

    #[test]
    fn names_of_types_and_portable_parts_are_judged_here() {
        let exact = |query: &ChangeQuery| Plan::new(&Config::for_tests(), query).unwrap().is_exact;
        assert!(exact(&ChangeQuery { types: vec!["1".to_owned()], ..ChangeQuery::default() }));
        assert!(!exact(&ChangeQuery { types: vec!["Bug".to_owned()], ..ChangeQuery::default() }));
        let portable =
            PortableFilter { statuses: vec!["New".to_owned()], ..PortableFilter::default() };
        assert!(!exact(&ChangeQuery { portable, ..ChangeQuery::default() }));
    }

    #[test]
    fn a_filter_that_is_none_of_ours_is_refused_part_by_part() {
        for (filter, paths) in [
            (json!({"params": {"cf_1": "x", "assigned_to_id": "me"}}), vec![]),
            (json!({"query_id": 7}), vec![]),
            (json!({"query_id": "7"}), vec!["/query_id"]),
            (json!({"params": {"updated_on": "x"}}), vec!["/params/updated_on"]),
            (json!({"params": {"sort": "id", "cf_1": {}}}), vec!["/params/cf_1", "/params/sort"]),
            (json!({"params": {"a&b": "1"}}), vec!["/params/a&b"]),
            (json!({"params": [], "wiql": "x"}), vec!["/wiql", "/params"]),
            (json!({"params": {}, "query_id": 1}), vec!["/params"]),
            (json!(["x"]), vec![""]),
        ] {
            let found: Vec<String> = check(&filter).into_iter().map(|fault| fault.path).collect();
            assert_eq!(found, paths, "{filter}");
        }
    }
}
