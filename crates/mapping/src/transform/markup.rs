//! HTML in, HTML out: cut, changed in its text, cleaned. Written back from the parsed tree, so always well formed.

use ego_tree::iter::Edge;
use scraper::Html;
use scraper::node::Node;
use unicode_segmentation::UnicodeSegmentation as _;

use super::html::parse;
use super::writer::Writer;

/// The first `most` graphemes of the text that HTML shows; every element that was opened is closed.
pub(crate) fn truncate(html: &str, most: usize) -> Result<String, String> {
    let parsed = parse(html)?;
    let shown: usize = texts(&parsed).map(|text| text.graphemes(true).count()).sum();
    if shown <= most {
        return Ok(html.to_owned());
    }
    let mut left = most;
    let mut full = most == 0;
    let mut out = Writer::default();
    for edge in parsed.tree.root().traverse() {
        match edge {
            Edge::Open(node) if !full => match node.value() {
                Node::Text(text) => {
                    let cut: String = text.graphemes(true).take(left).collect();
                    left -= cut.graphemes(true).count().min(left);
                    out.text(&cut);
                    full = left == 0;
                }
                Node::Element(element) => out.open(element),
                _ => {}
            },
            Edge::Close(node) => {
                if let Node::Element(element) = node.value() {
                    out.close(element);
                }
            }
            Edge::Open(_) => {}
        }
    }
    Ok(out.finish())
}

/// HTML with `change` done to its text and nothing else.
pub(crate) fn map_text(html: &str, change: impl Fn(&str) -> String) -> Result<String, String> {
    Ok(written(&parse(html)?, Writer::default(), change))
}

/// HTML without anything that runs, loads a document or takes input.
pub(crate) fn without_active(html: &str) -> Result<String, String> {
    Ok(written(&parse(html)?, Writer::only_passive(), str::to_owned))
}

fn written(parsed: &Html, mut out: Writer, change: impl Fn(&str) -> String) -> String {
    for edge in parsed.tree.root().traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Text(text) => out.text(&change(text)),
                Node::Element(element) => out.open(element),
                _ => {}
            },
            Edge::Close(node) => {
                if let Node::Element(element) = node.value() {
                    out.close(element);
                }
            }
        }
    }
    out.finish()
}

fn texts(parsed: &Html) -> impl Iterator<Item = &str> {
    parsed.tree.nodes().filter_map(|node| match node.value() {
        Node::Text(text) => Some(&**text),
        _ => None,
    })
}
