//! HTML in, HTML out: cut, changed in its text, cleaned. Written back from the parsed tree, so always well formed.

use ego_tree::iter::Edge;
use scraper::Html;
use scraper::node::{Element, Node};
use unicode_segmentation::UnicodeSegmentation as _;

use super::guard::VOID;
use super::html::{parse, push_escaped};

/// Elements that run or load something.
const ACTIVE: &[&str] = &[
    "script", "style", "iframe", "object", "embed", "applet", "form", "input", "button",
    "textarea", "select", "link", "meta", "base", "frame", "frameset", "svg", "math", "template",
    "noscript", "title",
];

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
    let parsed = parse(html)?;
    let mut out = Writer::default();
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
    Ok(out.finish())
}

/// HTML without anything that runs, loads a document or takes input.
pub(crate) fn without_active(html: &str) -> Result<String, String> {
    let parsed = parse(html)?;
    let mut out = Writer { only_passive: true, ..Writer::default() };
    for edge in parsed.tree.root().traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Text(text) => out.text(text),
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
    Ok(out.finish())
}

/// How deep elements lie inside one another.
pub(crate) fn depth(html: &str) -> Result<usize, String> {
    let parsed = parse(html)?;
    let (mut now, mut most) = (0_usize, 0_usize);
    for edge in parsed.tree.root().traverse() {
        match edge {
            Edge::Open(_) => now += 1,
            Edge::Close(_) => now = now.saturating_sub(1),
        }
        most = most.max(now);
    }
    Ok(most)
}

fn texts(parsed: &Html) -> impl Iterator<Item = &str> {
    parsed.tree.nodes().filter_map(|node| match node.value() {
        Node::Text(text) => Some(&**text),
        _ => None,
    })
}

/// Writes elements and text back; remembers what is open so that only what was opened is closed.
#[derive(Default)]
struct Writer {
    out: String,
    open: Vec<String>,
    only_passive: bool,
    left_out: usize,
}

impl Writer {
    fn open(&mut self, element: &Element) {
        let name = element.name();
        if self.left_out > 0 || (self.only_passive && ACTIVE.contains(&name)) {
            self.left_out += 1;
            return;
        }
        // The parser wraps a fragment in an element of its own.
        if name == "html" {
            return;
        }
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in element.attrs() {
            if self.only_passive && !is_passive(key, value) {
                continue;
            }
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            push_escaped(&mut self.out, value, true);
            self.out.push('"');
        }
        self.out.push('>');
        if !VOID.contains(&name) {
            self.open.push(name.to_owned());
        }
    }

    fn close(&mut self, element: &Element) {
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        if self.open.last().is_some_and(|name| name == element.name()) {
            self.open.pop();
            self.out.push_str("</");
            self.out.push_str(element.name());
            self.out.push('>');
        }
    }

    fn text(&mut self, text: &str) {
        if self.left_out > 0 {
            return;
        }
        let is_raw = self.open.last().is_some_and(|name| name == "script" || name == "style");
        if is_raw {
            self.out.push_str(text);
        } else {
            push_escaped(&mut self.out, text, false);
        }
    }

    fn finish(self) -> String {
        self.out
    }
}

fn is_passive(attribute: &str, value: &str) -> bool {
    let target: String = value
        .chars()
        .filter(|sign| !sign.is_control() && !sign.is_whitespace())
        .take(16)
        .collect::<String>()
        .to_ascii_lowercase();
    let runs =
        ["javascript:", "vbscript:", "data:text"].iter().any(|scheme| target.starts_with(scheme));
    !attribute.starts_with("on") && attribute != "srcdoc" && attribute != "style" && !runs
}
