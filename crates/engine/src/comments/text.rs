//! What a copied comment says.

use syncline_domain::{Comment, NewComment, TextFormat};

/// The copy of a comment, with a line above it that says who wrote it and when.
pub(super) fn copy_of(original: &Comment, with_header: bool) -> NewComment {
    let header = if with_header { header(original) } else { String::new() };
    NewComment {
        body: format!("{header}{}", original.body),
        format: original.format,
        is_private: original.is_private,
    }
}

/// What a copy says whose original is gone, on a tracker that removes no comments.
pub(super) fn gone(format: TextFormat) -> NewComment {
    let body = "This comment was deleted where it was written.".to_owned();
    NewComment { body, format, is_private: false }
}

/// The line above a copied comment: who wrote it, and when.
fn header(original: &Comment) -> String {
    let author = original.author.as_ref();
    let author = author.and_then(|who| {
        [&who.name, &who.login, &who.email].into_iter().flatten().find(|name| !name.is_empty())
    });
    let author = author.map_or("somebody", String::as_str);
    let time = original.created_at.to_iso();
    match original.format {
        TextFormat::Text => format!("{author}, {time}:\n\n"),
        TextFormat::Markdown => format!("**{author}**, {time}:\n\n"),
        TextFormat::Html => format!("<p><b>{}</b>, {time}:</p>\n", escape(author)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
