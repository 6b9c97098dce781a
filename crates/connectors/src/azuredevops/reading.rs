//! Reading many items: in batches of 200, halved where the answer is too large.

use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{FieldRef, ItemId};

use super::requests::{Api, Failed};
use super::wire::WorkItem;

/// Ids that one `workitemsbatch` call takes; one more is a 400.
pub(super) const READ_BATCH: usize = 200;
/// What every item needs, whatever the reader asked for.
const CORE: [&str; 10] = [
    "System.Id",
    "System.Rev",
    "System.WorkItemType",
    "System.Title",
    "System.State",
    "System.TeamProject",
    "System.CreatedDate",
    "System.ChangedDate",
    "System.CreatedBy",
    "System.ChangedBy",
];

/// The field names to ask for: all (none named) when the reader did not choose.
pub(super) fn selection(wanted: &[FieldRef]) -> Vec<String> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut names: Vec<String> = CORE.iter().map(|name| (*name).to_owned()).collect();
    let chosen = wanted.iter().map(FieldRef::as_str).filter(|name| !name.starts_with('@'));
    for name in chosen {
        if !names.iter().any(|have| have == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Our ids as the server's numbers; what is no number cannot be an item there.
pub(super) fn numbers(ids: &[ItemId]) -> Vec<u64> {
    ids.iter().filter_map(|id| id.as_str().parse().ok()).collect()
}

/// One id as a number.
///
/// # Errors
/// Not found, since no item can have such an id.
pub(super) fn number(id: &ItemId) -> Result<u64, ConnectorError> {
    id.as_str().parse().map_err(|_| {
        ConnectorError::new(
            ErrorKind::NotFound,
            format!("{id} is no work item id; azure devops numbers its items"),
        )
    })
}

/// Reads items in the order of the answers; missing and hidden ones are left out.
pub(super) async fn read_all(
    api: &Api,
    ids: &[u64],
    fields: &[String],
) -> Result<Vec<WorkItem>, ConnectorError> {
    let mut found = Vec::with_capacity(ids.len());
    let mut fields = fields;
    let mut waiting: Vec<&[u64]> = ids.chunks(READ_BATCH).rev().collect();
    while let Some(part) = waiting.pop() {
        match api.items(part, fields).await {
            Ok(items) => found.extend(items),
            Err(Failed::TooLarge(_)) if part.len() > 1 => halve(part, &mut waiting),
            Err(Failed::TooLarge(error)) => return Err(error),
            // Old servers fail the whole call for one missing item.
            Err(Failed::Error(error)) if is_missing_item(&error) => {
                if part.len() > 1 {
                    halve(part, &mut waiting);
                }
            }
            // A field that was removed meanwhile must not stop the reading of all others.
            Err(Failed::Error(error)) if error.detail.contains("TF51535") && !fields.is_empty() => {
                fields = &[];
                waiting.push(part);
            }
            Err(Failed::Error(error)) => return Err(error),
        }
    }
    Ok(found)
}

fn halve<'a>(part: &'a [u64], waiting: &mut Vec<&'a [u64]>) {
    let (left, right) = part.split_at(part.len() / 2);
    waiting.push(right);
    waiting.push(left);
}

fn is_missing_item(error: &ConnectorError) -> bool {
    error.kind == ErrorKind::NotFound && error.detail.contains("TF401232")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_always_holds_what_an_item_is_made_of() {
        assert!(selection(&[]).is_empty());
        let names = selection(&["System.Title".into(), "@status".into(), "Custom.A".into()]);
        assert_eq!(names.len(), CORE.len() + 1);
        assert!(names.contains(&"Custom.A".to_owned()));
    }

    #[test]
    fn only_numbers_are_ids() {
        assert_eq!(numbers(&["7".into(), "x".into(), "9".into()]), [7, 9]);
        assert_eq!(number(&"x".into()).unwrap_err().kind, ErrorKind::NotFound);
    }
}
