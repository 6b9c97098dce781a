//! Comments. Their resource is a preview in every version so far and has a version of its own.

use serde_json::Value;
use syncline_domain::ports::ConnectorError;
use syncline_domain::{Comment, CommentId, NewComment, TextFormat, Timestamp};

use super::convert::person;
use super::requests::Api;
use super::wire::WireComment;

/// More pages than an item can have comments for; a server that never ends is left there.
const MOST_PAGES: usize = 1_000;

/// The comments of an item, oldest first.
pub(super) async fn list(api: &Api, id: u64) -> Result<Vec<Comment>, ConnectorError> {
    let mut found: Vec<Comment> = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let page = api.comments(id, token.as_deref()).await?;
        let is_empty = page.comments.is_empty();
        found.extend(page.comments.into_iter().filter(|comment| !comment.is_deleted).map(comment));
        let next =
            page.continuation_token.filter(|next| !next.is_empty() && token.as_ref() != Some(next));
        match next {
            Some(next) if !is_empty => token = Some(next),
            _ => break,
        }
    }
    found.sort_by_key(|comment| {
        (comment.created_at, comment.id.as_str().parse::<u64>().unwrap_or(u64::MAX))
    });
    Ok(found)
}

/// Adds a comment.
pub(super) async fn add(api: &Api, id: u64, new: &NewComment) -> Result<Comment, ConnectorError> {
    let (format, text) = wire_text(new);
    api.put_comment(id, None, format, &text).await.map(comment)
}

/// Replaces the text of a comment.
pub(super) async fn edit(
    api: &Api,
    id: u64,
    comment_id: &CommentId,
    new: &NewComment,
) -> Result<Comment, ConnectorError> {
    let (format, text) = wire_text(new);
    api.put_comment(id, Some(comment_id.as_str()), format, &text).await.map(comment)
}

fn wire_text(new: &NewComment) -> (&'static str, String) {
    match new.format {
        TextFormat::Html => ("html", new.body.clone()),
        TextFormat::Markdown => ("markdown", new.body.clone()),
        TextFormat::Text => ("html", html_of(&new.body)),
    }
}

/// Plain text as HTML: nothing of it may act as markup, and its lines stay lines.
fn html_of(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace("\r\n", "\n").replace('\n', "<br>")
}

fn comment(wire: WireComment) -> Comment {
    let instant =
        |text: &Option<String>| text.as_deref().and_then(|text| Timestamp::parse(text).ok());
    let created_at = instant(&wire.created_date).unwrap_or_default();
    let is_markdown =
        wire.format.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("markdown"));
    Comment {
        id: CommentId::new(wire.id.to_string()),
        author: Some(&wire.created_by).filter(|who| **who != Value::Null).and_then(person),
        created_at,
        updated_at: instant(&wire.modified_date).filter(|at| *at > created_at),
        body: wire.text,
        format: if is_markdown { TextFormat::Markdown } else { TextFormat::Html },
        is_private: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_cannot_act_as_markup() {
        let new = NewComment {
            body: "a < b\r\n& c".to_owned(),
            format: TextFormat::Text,
            is_private: false,
        };
        assert_eq!(wire_text(&new), ("html", "a &lt; b<br>&amp; c".to_owned()));
    }
}
