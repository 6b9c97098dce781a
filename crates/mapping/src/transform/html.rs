//! HTML through a real parser: to text and from text.

use ego_tree::iter::Edge;
use scraper::Html;
use scraper::node::{Element, Node};

use super::guard;

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

/// Parses a fragment, if its shape does no harm.
pub(super) fn parse(html: &str) -> Result<Html, String> {
    guard::check(html)?;
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
    from_text_after(text, '\n')
}

/// As [`from_text`], for text that follows the sign `before`.
pub(crate) fn from_text_after(text: &str, mut before: char) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
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

pub(super) fn push_escaped(out: &mut String, text: &str, quotes: bool) {
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
