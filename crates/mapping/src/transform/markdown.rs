//! Markdown through real parsers: CommonMark with tables, strike-through and task lists.

use htmd::element_handler::{HandlerResult, Handlers};
use htmd::options::{BulletListMarker, HrStyle, Options};
use htmd::{Element, HtmlToMarkdown};
use pulldown_cmark::{Options as Extensions, Parser};

use super::{html, markup, shapes, within_size};

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
    let Some(prepared) = shapes::for_markdown(text, MAX_DEPTH)? else {
        return html::to_text(text);
    };
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
        .add_handler(vec!["del", "s", "strike"], struck)
        .add_handler(vec!["input"], ticked)
        .build();
    let markdown = converter
        .convert(&prepared)
        .map_err(|fault| format!("the HTML cannot be read: {fault}"))?;
    within_size(markdown)
}

fn struck(handlers: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    let content = handlers.walk_children(element.node).content;
    let inner = content.trim();
    if inner.is_empty() {
        return Some(content.into());
    }
    let lead = content.len() - content.trim_start().len();
    let tail = content.trim_end().len();
    let (before, after) = (content.get(..lead), content.get(tail..));
    Some(format!("{}~~{inner}~~{}", before.unwrap_or_default(), after.unwrap_or_default()).into())
}

/// A box of a task list; other inputs show nothing.
fn ticked(_: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    let attribute =
        |name: &str| element.attrs.iter().find(|attribute| &*attribute.name.local == name);
    if attribute("type").is_none_or(|kind| &*kind.value != "checkbox") {
        return None;
    }
    Some(if attribute("checked").is_some() { "[x] " } else { "[ ] " }.into())
}

/// Raw HTML starts with `<`, and a link may have any scheme.
fn may_be_active(markdown: &str) -> bool {
    markdown.contains('<') || markdown.contains(':')
}
