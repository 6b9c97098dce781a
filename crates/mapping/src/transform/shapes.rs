//! HTML made ready for Markdown: shapes that trackers write and Markdown has no word for become shapes it has.

use std::collections::HashSet;

use ego_tree::iter::Edge;
use ego_tree::{NodeId, NodeRef};
use scraper::Html;
use scraper::node::Node;

use super::html::parse;
use super::writer::Writer;

/// HTML of equal meaning in which tables have a header row, preformatted text is code, and empty lines are gone.
/// `None` when elements lie more than `max_depth` deep.
pub(super) fn for_markdown(html: &str, max_depth: usize) -> Result<Option<String>, String> {
    let parsed = parse(html)?;
    if depth(&parsed) > max_depth {
        return Ok(None);
    }
    let headers = header_cells(&parsed);
    let mut out = Writer::default();
    let mut skipped: Option<NodeId> = None;
    let mut after_break = false;
    for edge in parsed.tree.root().traverse() {
        match edge {
            Edge::Open(_) if skipped.is_some() => {}
            Edge::Open(node) => match node.value() {
                Node::Text(text) if after_break => {
                    out.text(text.trim_start_matches(['\n', '\r', ' ']))
                }
                Node::Text(text) => out.text(text),
                Node::Element(_) if is_empty_line(node) => skipped = Some(node.id()),
                Node::Element(element) => {
                    out.open_as(
                        if headers.contains(&node.id()) { "th" } else { element.name() },
                        element,
                    );
                    if is_bare_pre(node) {
                        out.open_bare("code");
                    }
                }
                _ => {}
            },
            Edge::Close(node) if skipped == Some(node.id()) => skipped = None,
            Edge::Close(_) if skipped.is_some() => {}
            Edge::Close(node) => {
                if let Node::Element(element) = node.value() {
                    if is_bare_pre(node) {
                        out.close_as("code");
                    }
                    out.close_as(if headers.contains(&node.id()) { "th" } else { element.name() });
                }
            }
        }
        after_break = match edge {
            Edge::Open(node) | Edge::Close(node) => is(node, "br"),
        };
    }
    Ok(Some(out.finish()))
}

fn depth(parsed: &Html) -> usize {
    let (mut now, mut most) = (0_usize, 0_usize);
    for edge in parsed.tree.root().traverse() {
        match edge {
            Edge::Open(_) => now += 1,
            Edge::Close(_) => now = now.saturating_sub(1),
        }
        most = most.max(now);
    }
    most
}

/// Cells of the first row of each table that names no header cells itself.
fn header_cells(parsed: &Html) -> HashSet<NodeId> {
    let mut cells = HashSet::new();
    for table in parsed.tree.nodes().filter(|node| is(*node, "table")) {
        if table.descendants().any(|node| is(node, "th")) {
            continue;
        }
        if let Some(row) = table.descendants().find(|node| is(*node, "tr")) {
            cells.extend(row.children().filter(|node| is(*node, "td")).map(|node| node.id()));
        }
    }
    cells
}

/// A line that editors write as a block around a line break.
fn is_empty_line(node: NodeRef<'_, Node>) -> bool {
    let mut breaks = 0;
    (is(node, "div") || is(node, "p"))
        && node.children().all(|child| {
            breaks += usize::from(is(child, "br"));
            is(child, "br") || child.value().as_text().is_some_and(|text| text.trim().is_empty())
        })
        && breaks > 0
}

fn is_bare_pre(node: NodeRef<'_, Node>) -> bool {
    is(node, "pre") && !node.descendants().any(|child| is(child, "code"))
}

fn is(node: NodeRef<'_, Node>, name: &str) -> bool {
    node.value().as_element().is_some_and(|element| element.name() == name)
}
