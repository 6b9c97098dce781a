//! The form in which a comment is written: its images are those of the other side, and so is its markup.

use syncline_domain::{ImageMarkup, NewComment, TextFormat};
use syncline_mapping::convert_text;

use super::Batch;
use super::follow::Change;
use crate::course::Course;
use crate::error::Stop;
use crate::hanging::{Memos, of_comments, tell};
use crate::images::{all_as_textile, from_textile};
use crate::page::Page;
use crate::pass::Pass;

/// Gives the comments about to be written the form of the writing side. Those of an item whose images could not be read
/// wait for the next run.
pub(super) async fn shape(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    batches: Vec<Batch>,
    memos: &mut Memos,
) -> Result<Vec<Batch>, Stop> {
    let mut shaped = Vec::with_capacity(batches.len());
    for mut batch in batches {
        if pass.moves_images() {
            let memo = memos.entry(batch.pair.id).or_default();
            let pair = batch.pair.clone();
            let comments = texts(&mut batch).collect();
            let done = of_comments(course, pass, page, &pair, comments, memo).await?;
            if let Err(trouble) = done {
                tell(course, pass, page, trouble)?;
                continue;
            }
        }
        let there = Form {
            format: pass.writer_can.comment_format,
            is_textile: pass.writer.image_markup(None) == Some(ImageMarkup::Textile),
        };
        let from_textile = pass.reader.image_markup(None) == Some(ImageMarkup::Textile);
        for comment in texts(&mut batch) {
            there.fit(comment, from_textile);
        }
        shaped.push(batch);
    }
    Ok(shaped)
}

fn texts(batch: &mut Batch) -> impl Iterator<Item = &mut NewComment> {
    let new = batch.jobs.iter_mut().map(|job| &mut job.copy);
    let edited = batch.changes.iter_mut().filter_map(|change| match change {
        Change::Edited { copy, .. } => Some(copy),
        Change::Gone(_) => None,
    });
    new.chain(edited)
}

/// How the writing side writes comments.
struct Form {
    format: TextFormat,
    /// Its plain texts show images as Textile does.
    is_textile: bool,
}

impl Form {
    /// Turns HTML into what a tracker without HTML shows, and Textile's images into HTML. All else is the connector's.
    /// A text that cannot be read is left as it is.
    fn fit(&self, comment: &mut NewComment, from_textile_tracker: bool) {
        let turned = match (comment.format, self.format) {
            (TextFormat::Html, TextFormat::Text) if self.is_textile => {
                convert_text(&all_as_textile(&comment.body), comment.format, self.format)
            }
            (TextFormat::Html, TextFormat::Text | TextFormat::Markdown)
            | (TextFormat::Markdown, TextFormat::Text) => {
                convert_text(&comment.body, comment.format, self.format)
            }
            (TextFormat::Text, TextFormat::Html) if from_textile_tracker => {
                convert_text(&comment.body, comment.format, self.format)
                    .map(|html| from_textile(&html))
            }
            _ => return,
        };
        if let Ok(body) = turned {
            comment.body = body;
            comment.format = self.format;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(
        body: &str,
        format: TextFormat,
        to: TextFormat,
        textile: bool,
    ) -> (String, TextFormat) {
        let mut comment = NewComment { body: body.to_owned(), format, is_private: false };
        Form { format: to, is_textile: textile }.fit(&mut comment, textile);
        (comment.body, comment.format)
    }

    #[test]
    fn a_comment_has_the_form_of_the_tracker_that_shows_it() {
        use TextFormat::{Html, Markdown, Text};
        let html = "<p><b>Ada</b>: a &lt; b</p>\n<p><img src=\"https://x/1.png\"></p>";
        assert_eq!(
            fitted(html, Html, Text, true),
            ("Ada: a < b\n!https://x/1.png!".to_owned(), Text)
        );
        let (markdown, format) = fitted(html, Html, Markdown, false);
        assert!(
            markdown.contains("**Ada**") && markdown.contains("![](https://x/1.png)"),
            "{markdown}"
        );
        assert_eq!(format, Markdown);
        assert_eq!(fitted(html, Html, Html, false), (html.to_owned(), Html));
        let text = "Ada: a < b\n!https://x/1.png!";
        let wanted = "Ada: a &lt; b<br><img src=\"https://x/1.png\">";
        assert_eq!(fitted(text, Text, Html, true), (wanted.to_owned(), Html));
        assert_eq!(fitted(text, Text, Html, false), (text.to_owned(), Text));
    }
}
