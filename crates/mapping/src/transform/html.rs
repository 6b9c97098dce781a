//! HTML through a real parser: to text, from text, cut, and cleaned.

use ego_tree::iter::Edge;
use scraper::Html;
use scraper::node::{Element, Node};
use unicode_segmentation::UnicodeSegmentation as _;

/// The most elements that may be open at once; deeper nesting is no text that a person wrote.
const MAX_OPEN: usize = 4_000;

/// Elements whose content nobody reads.
const UNREAD: &[&str] = &["script", "style", "head", "title", "template", "noscript"];

/// Elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// Elements without content and end tag.
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Elements that run or load something.
const ACTIVE: &[&str] = &[
    "script", "style", "iframe", "object", "embed", "applet", "form", "input", "button",
    "textarea", "select", "link", "meta", "base", "frame", "frameset", "svg", "math", "template",
    "noscript", "title",
];

/// Parses a fragment; refuses nesting that would take the parser quadratic time.
fn parse(html: &str) -> Result<Html, String> {
    let mut open = 0_usize;
    for piece in html.split('<').skip(1) {
        let name: &str = piece
            .split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '/'))
            .next()
            .unwrap_or_default();
        if name.starts_with('/') {
            open = open.saturating_sub(1);
        } else if !name.is_empty() && !VOID.contains(&name.to_ascii_lowercase().as_str()) {
            open += 1;
        }
        if open > MAX_OPEN {
            return Err(format!(
                "the HTML has more than {MAX_OPEN} elements inside one another; simplify it"
            ));
        }
    }
    Ok(Html::parse_fragment(html))
}

/// Plain text: entities decoded, block elements on lines of their own, cells divided by tabs, images as their text.
pub(crate) fn to_text(html: &str) -> Result<String, String> {
    if !html.contains(['<', '&']) {
        return Ok(Lines::of_plain(html));
    }
    let parsed = parse(html)?;
    let mut lines = Lines::default();
    let mut unread = 0_usize;
    for edge in parsed.tree.root().traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(element) if UNREAD.contains(&element.name()) => unread += 1,
                Node::Element(element) if unread == 0 => lines.open(element),
                Node::Text(text) if unread == 0 => lines.text(text),
                _ => {}
            },
            Edge::Close(node) => match node.value() {
                Node::Element(element) if UNREAD.contains(&element.name()) => {
                    unread = unread.saturating_sub(1);
                }
                Node::Element(element) if unread == 0 => lines.close(element),
                _ => {}
            },
        }
    }
    Ok(lines.finish())
}

/// Text being set line by line.
#[derive(Default)]
struct Lines {
    out: String,
    /// A block began or ended: the next text starts a line.
    wants_line: bool,
    wants_blank: bool,
    wants_tab: bool,
    preformatted: usize,
}

impl Lines {
    fn of_plain(text: &str) -> String {
        let mut lines = Self::default();
        lines.text(text);
        lines.finish()
    }

    fn open(&mut self, element: &Element) {
        match element.name() {
            "br" => {
                self.settle();
                self.out.push('\n');
            }
            "img" => {
                let text = element.attr("alt").unwrap_or_default();
                self.text(text);
            }
            "td" | "th" => self.wants_tab = !self.at_line_start(),
            name if BLOCKS.contains(&name) => self.line(),
            _ => {}
        }
        if element.name() == "pre" {
            self.preformatted += 1;
        }
    }

    fn close(&mut self, element: &Element) {
        if element.name() == "pre" {
            self.preformatted = self.preformatted.saturating_sub(1);
        }
        if BLOCKS.contains(&element.name()) {
            self.line();
        }
    }

    fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            self.settle();
            self.out.push_str(&text.replace('\u{a0}', " "));
            return;
        }
        for sign in text.chars() {
            if matches!(sign, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
                self.wants_blank = true;
            } else {
                self.settle();
                self.out.push(if sign == '\u{a0}' { ' ' } else { sign });
            }
        }
    }

    fn at_line_start(&self) -> bool {
        self.wants_line || self.out.is_empty() || self.out.ends_with('\n')
    }

    fn line(&mut self) {
        self.wants_line = true;
        self.wants_blank = false;
        self.wants_tab = false;
    }

    /// Writes what stands between the text so far and the text to come.
    fn settle(&mut self) {
        if self.wants_line {
            if !self.out.is_empty() && !self.out.ends_with('\n') {
                self.out.push('\n');
            }
        } else if self.wants_tab {
            self.out.push('\t');
        } else if self.wants_blank && !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push(' ');
        }
        self.wants_line = false;
        self.wants_tab = false;
        self.wants_blank = false;
    }

    fn finish(self) -> String {
        let kept = self.out.trim_end().len();
        let mut out = self.out;
        out.truncate(kept);
        let start = out.len() - out.trim_start_matches('\n').len();
        out.drain(..start);
        out
    }
}

/// HTML that shows the text as it is: signs escaped, line ends as `<br>`, runs of blanks kept.
pub(crate) fn from_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut before = '\n';
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\r' if signs.peek() == Some(&'\n') => continue,
            '\r' | '\n' => out.push_str("<br>"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            ' ' if before == ' ' || before == '\n' || before == '\r' => out.push_str("&nbsp;"),
            other => out.push(other),
        }
        before = sign;
    }
    out
}

/// Text as part of HTML, also inside a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text, true);
    out
}

fn push_escaped(out: &mut String, text: &str, quotes: bool) {
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if quotes => out.push_str("&quot;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            other => out.push(other),
        }
    }
}

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
