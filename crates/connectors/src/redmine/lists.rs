//! Names and ids: statuses, priorities, categories, versions, projects, custom fields.
//!
//! Read when first needed and kept for some minutes; a name that is not found is looked for once more in a fresh list.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::lock::Mutex;
use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind};

use super::errors;
use super::fields::ListKind;
use super::requests::{Api, segment};
use super::wire::{CustomField, CustomFields, Named};
use crate::shared::nearest::did_you_mean;

/// How long a list is believed.
const FRESH: Duration = Duration::from_secs(300);
/// Projects are listed in pages; more than this many are not looked through.
const MOST_PROJECTS: usize = 5_000;
const PAGE: usize = 100;

type Key = (ListKind, String);
type Kept<T> = (Duration, Arc<T>);

/// What was read so far.
#[derive(Default)]
pub(super) struct Lists {
    names: Mutex<BTreeMap<Key, Kept<Vec<Named>>>>,
    custom: Mutex<Option<Kept<Option<Vec<CustomField>>>>>,
}

/// Custom fields with their formats; `None` when only an administrator could tell.
pub(super) type Custom = Arc<Option<Vec<CustomField>>>;

/// The entries of a list; `project` matters for lists of a project only.
pub(super) async fn list(
    api: &Api,
    kind: ListKind,
    project: &str,
    fresh: bool,
) -> Result<Arc<Vec<Named>>, ConnectorError> {
    let of_project = matches!(kind, ListKind::Categories | ListKind::Versions);
    let key = (kind, if of_project { project.to_owned() } else { String::new() });
    let now = api.clock.monotonic();
    let mut kept = api.lists.names.lock().await;
    if let Some((at, names)) = kept.get(&key)
        && !fresh
        && now.saturating_sub(*at) < FRESH
    {
        return Ok(Arc::clone(names));
    }
    let names = Arc::new(read(api, kind, project).await?);
    kept.insert(key, (now, Arc::clone(&names)));
    Ok(names)
}

/// The id behind a name (or behind an id written as text).
///
/// # Errors
/// [`ErrorKind::Invalid`] on `field`, with the nearest name.
pub(super) async fn id_of(
    api: &Api,
    kind: ListKind,
    project: &str,
    field: &str,
    wanted: &str,
) -> Result<u64, ConnectorError> {
    for fresh in [false, true] {
        let names = list(api, kind, project, fresh).await?;
        if let Some(id) = find(&names, wanted) {
            return Ok(id);
        }
        if fresh {
            let known: Vec<&str> = names.iter().map(|named| named.name.as_str()).collect();
            let text = format!("redmine has no {} {wanted:?}", noun(kind));
            return Err(errors::invalid(field, text).advise(did_you_mean(wanted, &known)));
        }
    }
    Err(errors::invalid(field, format!("redmine has no {} {wanted:?}", noun(kind))))
}

/// Custom fields of issues.
pub(super) async fn custom(api: &Api) -> Result<Custom, ConnectorError> {
    let now = api.clock.monotonic();
    let mut kept = api.lists.custom.lock().await;
    if let Some((at, fields)) = kept.as_ref()
        && now.saturating_sub(*at) < FRESH
    {
        return Ok(Arc::clone(fields));
    }
    let fields = match api.get::<CustomFields>("custom_fields.json", &[]).await {
        Ok(all) => Some(of_issues(all.custom_fields)),
        Err(error) if matches!(error.kind, ErrorKind::Permission | ErrorKind::NotFound) => None,
        Err(error) => return Err(error),
    };
    let fields = Arc::new(fields);
    *kept = Some((now, Arc::clone(&fields)));
    Ok(fields)
}

fn of_issues(all: Vec<CustomField>) -> Vec<CustomField> {
    all.into_iter().filter(|field| field.customized_type == "issue").collect()
}

/// By name, with letter case before without, then by identifier, then by id.
fn find(names: &[Named], wanted: &str) -> Option<u64> {
    let wanted = wanted.trim();
    let lower = wanted.to_lowercase();
    let by = |test: &dyn Fn(&Named) -> bool| names.iter().find(|named| test(named));
    by(&|named| named.name == wanted)
        .or_else(|| by(&|named| named.name.trim().to_lowercase() == lower))
        .or_else(|| by(&|named| !named.identifier.is_empty() && named.identifier == wanted))
        .or_else(|| by(&|named| named.id.to_string() == wanted))
        .map(|named| named.id)
}

async fn read(api: &Api, kind: ListKind, project: &str) -> Result<Vec<Named>, ConnectorError> {
    let project = segment(project);
    match kind {
        ListKind::Statuses => named(api, "issue_statuses.json", "issue_statuses").await,
        ListKind::Priorities => {
            named(api, "enumerations/issue_priorities.json", "issue_priorities").await
        }
        ListKind::Categories => {
            named(api, &format!("projects/{project}/issue_categories.json"), "issue_categories")
                .await
        }
        ListKind::Versions => {
            named(api, &format!("projects/{project}/versions.json"), "versions").await
        }
        ListKind::Projects => projects(api).await,
    }
}

async fn named(api: &Api, path: &str, key: &str) -> Result<Vec<Named>, ConnectorError> {
    entries(api.get(path, &[]).await?, key).map(|(names, _)| names)
}

async fn projects(api: &Api) -> Result<Vec<Named>, ConnectorError> {
    let mut all = Vec::new();
    loop {
        let (offset, limit) = (all.len().to_string(), PAGE.to_string());
        let params = [("offset", offset.as_str()), ("limit", limit.as_str())];
        let (some, total) = entries(api.get("projects.json", &params).await?, "projects")?;
        let is_last = some.is_empty();
        all.extend(some);
        let shown = u64::try_from(all.len()).unwrap_or(u64::MAX);
        if is_last || shown >= total || all.len() >= MOST_PROJECTS {
            return Ok(all);
        }
    }
}

fn entries(mut answer: Value, key: &str) -> Result<(Vec<Named>, u64), ConnectorError> {
    let total = answer.get("total_count").and_then(Value::as_u64).unwrap_or(0);
    let list = answer.get_mut(key).map(Value::take).unwrap_or_default();
    serde_json::from_value(list)
        .map(|names| (names, total))
        .map_err(|_| errors::broken(format!("no list of {key}"), false))
}

const fn noun(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Statuses => "status",
        ListKind::Priorities => "priority",
        ListKind::Categories => "category",
        ListKind::Versions => "version",
        ListKind::Projects => "project",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_ids() {
        let one = |id, name: &str, identifier: &str| Named {
            id,
            name: name.to_owned(),
            identifier: identifier.to_owned(),
            ..Named::default()
        };
        let names = [one(1, "2", ""), one(2, "In Progress", "wip"), one(3, "in progress", "")];
        for (wanted, id) in [
            ("2", Some(1)),
            ("In Progress", Some(2)),
            ("IN PROGRESS ", Some(2)),
            ("in progress", Some(3)),
            ("wip", Some(2)),
            ("3", Some(3)),
            ("9", None),
        ] {
            assert_eq!(find(&names, wanted), id, "{wanted}");
        }
    }
}
