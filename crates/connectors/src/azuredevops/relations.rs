//! Links between items, and files: both are relations of an item.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, FileSource};
use syncline_domain::{Attachment, ItemId, ItemLink};

use super::patch;
use super::reading::number;
use super::requests::Api;
use super::wire::Relation;

/// The relation under which files hang on an item.
const FILE: &str = "AttachedFile";

/// The links of an item to other items.
pub(super) async fn links(api: &Api, id: u64) -> Result<Vec<ItemLink>, ConnectorError> {
    let item = api.item_with_relations(id).await?;
    Ok(item.relations.unwrap_or_default().iter().filter_map(link).collect())
}

/// Adds a link. One that is there already is as good.
pub(super) async fn add_link(api: &Api, id: u64, link: &ItemLink) -> Result<(), ConnectorError> {
    let other = number(&link.other)?;
    let ops = patch::relation(&link.relation, &api.config.item_resource_url(other), json!({}));
    match api.update(id, &ops).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ErrorKind::Invalid => {
            let same = |have: &ItemLink| have.relation == link.relation && have.other == link.other;
            if links(api, id).await?.iter().any(same) { Ok(()) } else { Err(error) }
        }
        Err(error) => Err(error),
    }
}

/// The files that hang on an item.
pub(super) async fn files(api: &Api, id: u64) -> Result<Vec<Attachment>, ConnectorError> {
    let item = api.item_with_relations(id).await?;
    Ok(item.relations.unwrap_or_default().iter().filter_map(file).collect())
}

/// Stores a file and hangs it on an item.
pub(super) async fn attach(
    api: &Api,
    id: u64,
    name: &str,
    content_type: &str,
    file: Arc<dyn FileSource>,
) -> Result<Attachment, ConnectorError> {
    let size = Some(file.size());
    let stored = api.upload(name, file).await?;
    let ops = patch::relation(FILE, &stored.url, json!({ "name": name }));
    api.update(id, &ops).await?;
    Ok(Attachment {
        id: last_segment(&stored.url).unwrap_or(&stored.id).to_owned(),
        name: name.to_owned(),
        size,
        content_type: Some(content_type.to_owned()).filter(|kind| !kind.is_empty()),
        url: stored.url,
    })
}

/// A link to an item; hyperlinks, commits and files are none. Only the id is taken from the address: its host may be
/// an old name of the same organisation.
fn link(relation: &Relation) -> Option<ItemLink> {
    // Link types have a name with dots; `Hyperlink`, `ArtifactLink` and `AttachedFile` have not.
    if !relation.rel.contains('.') {
        return None;
    }
    let path = relation.url.split(['?', '#']).next()?.trim_end_matches('/');
    let (head, id) = path.rsplit_once('/')?;
    let is_item = head.to_ascii_lowercase().ends_with("/workitems") && id.parse::<u64>().is_ok();
    is_item.then(|| ItemLink {
        relation: relation.rel.clone(),
        other: ItemId::new(id),
        link_id: None,
    })
}

fn file(relation: &Relation) -> Option<Attachment> {
    if relation.rel != FILE {
        return None;
    }
    let id = last_segment(&relation.url)?;
    let text = |key: &str| relation.attributes.get(key).and_then(Value::as_str);
    Some(Attachment {
        id: id.to_owned(),
        name: text("name").unwrap_or(id).to_owned(),
        size: relation.attributes.get("resourceSize").and_then(Value::as_u64),
        content_type: None,
        url: relation.url.clone(),
    })
}

pub(super) fn last_segment(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?.trim_end_matches('/');
    path.rsplit('/').next().filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(rel: &str, url: &str) -> Relation {
        let attributes = json!({"name": "a.png", "resourceSize": 7});
        serde_json::from_value(json!({"rel": rel, "url": url, "attributes": attributes})).unwrap()
    }

    #[test]
    fn only_links_to_items_are_links() {
        for (rel, url, other) in [
            (
                "System.LinkTypes.Related",
                "https://dev.azure.com/o/p/_apis/wit/workItems/42",
                Some("42"),
            ),
            (
                "System.LinkTypes.Hierarchy-Reverse",
                "https://o.visualstudio.com/_apis/wit/WorkItems/7/",
                Some("7"),
            ),
            (
                "Microsoft.VSTS.Common.TestedBy-Forward",
                "https://x/_apis/wit/workItems/8",
                Some("8"),
            ),
            ("Hyperlink", "https://example.com/workItems/9", None),
            ("ArtifactLink", "vstfs:///Git/Commit/abc", None),
            ("AttachedFile", "https://x/_apis/wit/attachments/0a-1b", None),
        ] {
            let found = link(&relation(rel, url)).map(|link| link.other.into_string());
            assert_eq!(found.as_deref(), other, "{rel} {url}");
        }
    }

    #[test]
    fn files_are_named_by_the_last_part_of_their_address() {
        let found =
            file(&relation("AttachedFile", "https://x/_apis/wit/attachments/0a-1b?fileName=a.png"))
                .unwrap();
        assert_eq!(
            (found.id.as_str(), found.name.as_str(), found.size),
            ("0a-1b", "a.png", Some(7))
        );
        assert!(file(&relation("Hyperlink", "https://x/y")).is_none());
    }
}
