//! Markdown through real parsers: CommonMark with tables, strike-through and task lists.

use htmd::HtmlToMarkdown;
use htmd::options::{BulletListMarker, HrStyle, Options};
use pulldown_cmark::{Options as Extensions, Parser};

use super::{html, markup, within_size};

/// The converter from HTML calls itself for each level; deeper HTML is given as plain text.
const MAX_DEPTH: usize = 150;

/// HTML, without anything active that the Markdown carried as raw HTML.
pub(crate) fn to_html(markdown: &str) -> Result<String, String> {
    let extensions =
        Extensions::ENABLE_TABLES | Extensions::ENABLE_STRIKETHROUGH | Extensions::ENABLE_TASKLISTS;
    let mut out = String::with_capacity(markdown.len() * 2);
    pulldown_cmark::html::push_html(&mut out, Parser::new_ext(markdown, extensions));
    let out = within_size(out)?;
    let out = if may_be_active(markdown) { markup::without_active(&out)? } else { out };
    Ok(out.trim_end().to_owned())
}

/// Plain text: what the Markdown shows.
pub(crate) fn to_text(markdown: &str) -> Result<String, String> {
    html::to_text(&to_html(markdown)?)
}

/// Markdown that shows what the HTML shows.
pub(crate) fn from_html(text: &str) -> Result<String, String> {
    if markup::depth(text)? > MAX_DEPTH {
        return html::to_text(text);
    }
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        hr_style: HrStyle::Dashes,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    let converter = HtmlToMarkdown::builder()
        .options(options)
        .skip_tags(vec!["script", "style", "head", "title", "template", "noscript"])
        .scripting_enabled(false)
        .build();
    let markdown =
        converter.convert(text).map_err(|fault| format!("the HTML cannot be read: {fault}"))?;
    within_size(markdown)
}

/// Raw HTML starts with `<`, and a link may have any scheme.
fn may_be_active(markdown: &str) -> bool {
    markdown.contains('<') || markdown.contains(':')
}
