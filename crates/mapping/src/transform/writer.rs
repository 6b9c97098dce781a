//! Writes a parsed tree back as HTML.

use scraper::node::Element;

use super::guard::VOID;
use super::html::push_escaped;

/// Elements that run or load something.
const ACTIVE: &[&str] = &[
    "script", "style", "iframe", "object", "embed", "applet", "form", "input", "button",
    "textarea", "select", "link", "meta", "base", "frame", "frameset", "svg", "math", "template",
    "noscript", "title",
];

/// Writes elements and text back; remembers what is open so that only what was opened is closed.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    open: Vec<String>,
    only_passive: bool,
    left_out: usize,
}

impl Writer {
    /// Writers that leave out whatever is active.
    pub(super) fn only_passive() -> Self {
        Self { only_passive: true, ..Self::default() }
    }

    /// A start tag.
    pub(super) fn open(&mut self, element: &Element) {
        self.open_as(element.name(), element);
    }

    /// A start tag with another name.
    pub(super) fn open_as(&mut self, name: &str, element: &Element) {
        if self.left_out > 0 || (self.only_passive && is_active(name, element)) {
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

    /// An end tag, if its element is the one that is open.
    pub(super) fn close(&mut self, element: &Element) {
        self.close_as(element.name());
    }

    /// As [`Self::close`], by name.
    pub(super) fn close_as(&mut self, name: &str) {
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        if self.open.last().is_some_and(|open| open == name) {
            self.open.pop();
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
    }

    /// A start tag without attributes.
    pub(super) fn open_bare(&mut self, name: &str) {
        if self.left_out == 0 {
            self.out.push('<');
            self.out.push_str(name);
            self.out.push('>');
            self.open.push(name.to_owned());
        }
    }

    /// Text, escaped.
    pub(super) fn text(&mut self, text: &str) {
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

    /// All that was written.
    pub(super) fn finish(self) -> String {
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

/// A box to tick in a task list shows something and takes nothing, as long as it is disabled.
fn is_active(name: &str, element: &Element) -> bool {
    let is_tick = name == "input"
        && element.attr("type") == Some("checkbox")
        && element.attr("disabled").is_some();
    ACTIVE.contains(&name) && !is_tick
}
