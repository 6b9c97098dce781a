//! Comments: journals with notes. A change of a field makes a journal, too, without notes.

use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{Comment, CommentId, ItemId, NewComment};

use super::convert::instant;
use super::errors;
use super::people::{self, Accounts};
use super::requests::Api;
use super::rights;
use super::walk::number;
use super::wire::Journal;

/// All comments, oldest first.
pub(super) async fn list(api: &Api, id: &ItemId) -> Result<Vec<Comment>, ConnectorError> {
    let journals = journals(api, number(id)?).await?;
    journals.iter().filter(|journal| is_comment(journal)).map(|one| comment(api, one)).collect()
}

/// Adds a comment and finds it again: Redmine does not say which one it made.
pub(super) async fn add(
    api: &Api,
    id: &ItemId,
    new: &NewComment,
) -> Result<Comment, ConnectorError> {
    let id = number(id)?;
    let body = filled(new)?;
    if new.is_private {
        // Without this permission Redmine would publish the note without a word.
        may_hide(api).await?;
    }
    let issue = json!({ "issue": { "notes": body, "private_notes": new.is_private } });
    match api.put(&format!("issues/{id}.json"), &issue).await {
        Err(error) if error.kind == ErrorKind::NotFound => return Err(errors::no_issue(id)),
        other => other?,
    }
    let unseen = |error: ConnectorError| {
        let text = format!("the comment was sent but cannot be read: {}", error.detail);
        ConnectorError::new(ErrorKind::Ambiguous, text)
    };
    let me = people::current(api, "").await.map_err(unseen)?.id;
    let journals = journals(api, id).await.map_err(unseen)?;
    let is_ours = |journal: &&Journal| {
        journal.user.as_ref().is_some_and(|user| user.id == me)
            && unix(&journal.notes) == unix(body)
    };
    match journals.iter().rev().find(is_ours) {
        Some(ours) => comment(api, ours),
        None => Err(ConnectorError::new(
            ErrorKind::Permission,
            format!("redmine accepted the comment on issue {id} and dropped it"),
        )
        .advise("give the account's role the permission to add notes")),
    }
}

/// Replaces the text of a comment.
pub(super) async fn edit(
    api: &Api,
    id: &ItemId,
    comment_id: &CommentId,
    new: &NewComment,
) -> Result<Comment, ConnectorError> {
    let id = number(id)?;
    // Blank notes would delete the journal.
    let body = filled(new)?;
    let missing = || missing(id, comment_id);
    let journal = journal_id(id, comment_id)?;
    let path = format!("journals/{journal}.json");
    api.put(&path, &json!({ "journal": { "notes": body } })).await?;
    let all = journals(api, id).await?;
    let edited = all.iter().find(|one| one.id == journal).ok_or_else(missing)?;
    if unix(&edited.notes) != unix(body) {
        let text = format!("redmine left comment {journal} of issue {id} as it was");
        return Err(ConnectorError::new(ErrorKind::Permission, text)
            .advise("give the account's role the permission to edit notes"));
    }
    comment(api, edited)
}

/// Removes a comment: Redmine drops a journal whose notes are blank, and keeps one that also tells of changed fields.
pub(super) async fn delete(
    api: &Api,
    id: &ItemId,
    comment_id: &CommentId,
) -> Result<(), ConnectorError> {
    let id = number(id)?;
    let journal = journal_id(id, comment_id)?;
    let path = format!("journals/{journal}.json");
    api.put(&path, &json!({ "journal": { "notes": "" } })).await?;
    let all = journals(api, id).await?;
    if all.iter().any(|one| one.id == journal && is_comment(one)) {
        let text = format!("redmine left comment {journal} of issue {id} as it was");
        return Err(ConnectorError::new(ErrorKind::Permission, text)
            .advise("give the account's role the permission to edit notes"));
    }
    Ok(())
}

fn journal_id(id: u64, comment: &CommentId) -> Result<u64, ConnectorError> {
    comment.as_str().parse().map_err(|_| missing(id, comment))
}

fn missing(id: u64, comment: &CommentId) -> ConnectorError {
    let text = format!("issue {id} has no comment {:?}", comment.as_str());
    ConnectorError::new(ErrorKind::NotFound, text)
}

/// The account's display preference decides the order on the wire; ids are given in order.
pub(super) async fn journals(api: &Api, id: u64) -> Result<Vec<Journal>, ConnectorError> {
    let mut journals = api.issue(id, "journals").await?.journals;
    journals.sort_by_key(|journal| journal.id);
    Ok(journals)
}

fn is_comment(journal: &Journal) -> bool {
    !journal.notes.trim().is_empty()
}

fn comment(api: &Api, journal: &Journal) -> Result<Comment, ConnectorError> {
    let created_at = instant(&journal.created_on)?;
    let updated_at = journal.updated_on.as_deref().map(instant).transpose()?;
    Ok(Comment {
        id: CommentId::new(journal.id.to_string()),
        author: journal.user.as_ref().map(|user| people::identity(user, &Accounts::new())),
        created_at,
        updated_at: updated_at.filter(|at| *at != created_at),
        body: unix(&journal.notes),
        format: api.config.text_format,
        is_private: journal.private_notes,
    })
}

fn filled(new: &NewComment) -> Result<&str, ConnectorError> {
    match new.body.trim() {
        "" => Err(ConnectorError::new(ErrorKind::Invalid, "a comment without text cannot be kept")),
        _ => Ok(&new.body),
    }
}

async fn may_hide(api: &Api) -> Result<(), ConnectorError> {
    match rights::own(api).await?.allow("set_notes_private") {
        Some(true) => Ok(()),
        _ => Err(ConnectorError::new(
            ErrorKind::Permission,
            "the account may not write private notes, and redmine would publish the comment",
        )
        .advise("give its role the permission \"Set notes as private\"")),
    }
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}
