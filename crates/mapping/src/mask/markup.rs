//! Text with tags: tags and entities stay, so that parsers see what they saw.

use super::text::Words;

/// Tags that stay; anything else in pointed brackets is text.
const TAGS: [&str; 52] = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

/// Attributes whose names stay; their values are text.
const ATTRIBUTES: [&str; 18] = [
    "align", "alt", "bgcolor", "class", "color", "colspan", "dir", "height", "href", "id", "lang",
    "rel", "rowspan", "src", "style", "target", "title", "width",
];

/// Signs that parsers decode. Numbers could spell a name and do not stay.
const ENTITIES: [&str; 7] = ["&nbsp;", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&ndash;"];

/// Where a tag ends at the latest, in bytes.
const LONGEST_TAG: usize = 4_096;

pub(super) fn mask(words: &Words, text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut plain = 0;
    let mut at = 0;
    while let Some(step) = text.get(at..).and_then(|rest| rest.find(['<', '&'])) {
        let start = at.saturating_add(step);
        let rest = text.get(start..).unwrap_or_default();
        let Some((length, kept)) = tag(words, rest).or_else(|| entity(rest)) else {
            at = start.saturating_add(1);
            continue;
        };
        made.push_str(&words.mask(text.get(plain..start).unwrap_or_default()));
        made.push_str(&kept);
        at = start.saturating_add(length);
        plain = at;
    }
    made.push_str(&words.mask(text.get(plain..).unwrap_or_default()));
    made
}

/// A tag at the start of a text: how long it is, and what stays of it.
fn tag(words: &Words, text: &str) -> Option<(usize, String)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find('>').filter(|end| *end <= LONGEST_TAG)?;
    let (inner, _) = inner.split_at_checked(end)?;
    let (slash, rest) = match inner.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", inner),
    };
    let stop = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(stop)?;
    if !TAGS.contains(&name.to_ascii_lowercase().as_str()) {
        return None;
    }
    Some((end.saturating_add(2), format!("<{slash}{name}{}>", attributes(words, rest))))
}

fn attributes(words: &Words, text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut left = text;
    while let Some(at) = left.find('=') {
        let (before, rest) = left.split_at_checked(at).unwrap_or((left, ""));
        let start = before.rfind(char::is_whitespace).map_or(0, |space| space.saturating_add(1));
        let (value, name) = before.split_at_checked(start).unwrap_or((before, ""));
        made.push_str(&words.mask_values(value));
        if ATTRIBUTES.contains(&name.to_ascii_lowercase().as_str()) {
            made.push_str(name);
        } else {
            made.push_str(&words.mask_values(name));
        }
        made.push('=');
        left = rest.strip_prefix('=').unwrap_or_default();
    }
    made.push_str(&words.mask_values(left));
    made
}

fn entity(text: &str) -> Option<(usize, String)> {
    if let Some(known) = ENTITIES.iter().find(|known| text.starts_with(**known)) {
        return Some((known.len(), (*known).to_owned()));
    }
    let digits = text.strip_prefix("&#")?;
    let end = digits.find(';').filter(|end| *end <= 8)?;
    Some((end.saturating_add(3), "&#120;".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tags_stay_and_their_words_go() {
        let words = Words::new("s", BTreeSet::new(), BTreeSet::new());
        let text =
            "<p>Dear <b>Ada</b> &amp; <a href=\"mailto:ada@corp.com\" onclick=x>Bob</a> <ada></p>";
        let made = mask(&words, text);
        for kept in
            ["<p>", "<b>", "</b> &amp; <a href=\"mailto:", "@example.org\"", "</a> <", "></p>"]
        {
            assert!(made.contains(kept), "{made}");
        }
        for gone in ["Dear", "Ada", "ada", "corp", "Bob", "onclick"] {
            assert!(!made.contains(gone), "{made}");
        }
        let made = mask(&words, "&#65;&#100; 1 < 2 & <img src=\"https://x.corp/y.png?sig=abc\">");
        assert!(made.contains("&#120;&#120;") && made.contains("<img src=\"https://"), "{made}");
        assert!(!made.contains("corp") && !made.contains("abc"), "{made}");
    }
}
