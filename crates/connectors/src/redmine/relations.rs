//! Links and files.

use std::sync::Arc;

use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind, FileSink, FileSource};
use syncline_domain::{Attachment, ItemId, ItemLink};

use super::errors;
use super::requests::{Api, segment};
use super::walk::number;
use super::wire::{File, Relation};

/// Every relation with its name from the other end. Redmine stores one of the two only.
const RELATIONS: [(&str, &str); 9] = [
    ("relates", "relates"),
    ("duplicates", "duplicated"),
    ("duplicated", "duplicates"),
    ("blocks", "blocked"),
    ("blocked", "blocks"),
    ("precedes", "follows"),
    ("follows", "precedes"),
    ("copied_to", "copied_from"),
    ("copied_from", "copied_to"),
];

/// The relations of an issue, seen from it.
pub(super) async fn links(api: &Api, id: &ItemId) -> Result<Vec<ItemLink>, ConnectorError> {
    let id = number(id)?;
    let relations = api.issue(id, "relations").await?.relations;
    Ok(relations.iter().map(|relation| seen_from(id, relation)).collect())
}

fn seen_from(id: u64, relation: &Relation) -> ItemLink {
    let is_ours = relation.issue_id == id;
    let other = if is_ours { relation.issue_to_id } else { relation.issue_id };
    let word = relation.relation_type.as_str();
    let word = if is_ours { word } else { reverse(word) };
    ItemLink {
        relation: word.to_owned(),
        other: ItemId::new(other.to_string()),
        link_id: Some(relation.id.to_string()),
    }
}

fn reverse(word: &str) -> &str {
    RELATIONS.iter().find(|(one, _)| *one == word).map_or(word, |(_, other)| *other)
}

/// Adds a relation unless it is there.
pub(super) async fn add_link(
    api: &Api,
    id: &ItemId,
    link: &ItemLink,
) -> Result<(), ConnectorError> {
    let word = link.relation.as_str();
    if !RELATIONS.iter().any(|(known, _)| *known == word) {
        let known: Vec<&str> = RELATIONS.iter().map(|(known, _)| *known).collect();
        let text = format!("redmine has no relation {word:?}; use one of {}", known.join(", "));
        return Err(ConnectorError::new(ErrorKind::Invalid, text));
    }
    let there = links(api, id).await?;
    if there.iter().any(|one| one.relation == word && one.other == link.other) {
        return Ok(());
    }
    let body = json!({
        "relation": { "issue_to_id": number(&link.other)?, "relation_type": word }
    });
    api.post(&format!("issues/{}/relations.json", number(id)?), &body).await
}

/// The files of an issue.
pub(super) async fn files(api: &Api, id: &ItemId) -> Result<Vec<Attachment>, ConnectorError> {
    let mut files = api.issue(number(id)?, "attachments").await?.attachments;
    files.sort_by_key(|file| file.id);
    Ok(files.iter().map(|file| attachment(api, file)).collect())
}

/// Redmine's own address of a file may bear a host name that is not reachable from here.
fn attachment(api: &Api, file: &File) -> Attachment {
    let path = format!("attachments/download/{}/{}", file.id, segment(&file.filename));
    Attachment {
        id: file.id.to_string(),
        name: file.filename.clone(),
        size: file.filesize,
        content_type: file.content_type.clone(),
        url: api.config.url(&path),
    }
}

/// The bytes of a file.
pub(super) async fn download(
    api: &Api,
    file: &Attachment,
    limit: u64,
    into: Arc<dyn FileSink>,
) -> Result<(), ConnectorError> {
    if file.size.is_some_and(|size| size > limit) {
        let text = format!("the file {:?} is larger than {limit} bytes", file.name);
        return Err(ConnectorError::new(ErrorKind::Invalid, text));
    }
    api.download((&file.id, &file.name), limit, into).await
}

/// Hangs a file on an issue.
pub(super) async fn attach(
    api: &Api,
    id: &ItemId,
    name: &str,
    content_type: &str,
    file: Arc<dyn FileSource>,
) -> Result<Attachment, ConnectorError> {
    let id_number = number(id)?;
    let token = api.upload(name, file).await?;
    let upload = json!({ "token": token, "filename": name, "content_type": content_type });
    let body = json!({ "issue": { "uploads": [upload] } });
    match api.put(&format!("issues/{id_number}.json"), &body).await {
        Err(error) if error.kind == ErrorKind::NotFound => return Err(errors::no_issue(id_number)),
        other => other?,
    }
    // The token begins with the file's id.
    let file_id = token.split('.').next().unwrap_or_default().to_owned();
    let files = files(api, id).await?;
    files.into_iter().find(|file| file.id == file_id).ok_or_else(|| {
        let text = format!("redmine accepted the file {name:?} for issue {id} and dropped it");
        ConnectorError::new(ErrorKind::Permission, text)
            .advise("give the account's role the permission to edit issues")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_is_named_from_the_end_it_is_looked_at() {
        let relation =
            Relation { id: 9, issue_id: 1, issue_to_id: 2, relation_type: "blocks".to_owned() };
        let ours = seen_from(1, &relation);
        assert_eq!((ours.relation.as_str(), ours.other.as_str()), ("blocks", "2"));
        let theirs = seen_from(2, &relation);
        assert_eq!((theirs.relation.as_str(), theirs.other.as_str()), ("blocked", "1"));
        for (one, other) in RELATIONS {
            assert_eq!(reverse(other), one);
        }
    }
}
