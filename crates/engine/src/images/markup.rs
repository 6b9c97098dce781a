//! Where a text names an image: pure, and nothing but the address is ever touched.

use std::collections::BTreeSet;
use std::ops::Range;

use syncline_domain::ImageMarkup;

/// An address in a text.
struct Place {
    /// All that shows the image.
    whole: Range<usize>,
    /// The address as it is written.
    range: Range<usize>,
    /// The address as it is meant.
    address: String,
}

/// The addresses of images in a text. Images that the text itself holds as data have none.
pub(crate) fn addresses(text: &str, markup: ImageMarkup) -> BTreeSet<String> {
    let places = places(text, markup).into_iter().map(|place| place.address);
    places.filter(|address| !is_data(address)).collect()
}

/// Whether a text holds an image as data.
pub(crate) fn holds_data(text: &str) -> bool {
    text.contains("data:image/")
}

fn is_data(address: &str) -> bool {
    address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The text with other addresses, where `new` knows one.
pub(crate) fn replaced(
    text: &str,
    markup: ImageMarkup,
    new: impl Fn(&str) -> Option<String>,
) -> String {
    rebuilt(text, places(text, markup), |place| {
        let address = new(&place.address).filter(|address| *address != place.address)?;
        Some((place.range.clone(), written(&address, markup)))
    })
}

/// HTML in which images of the web are written as Textile writes them, so that they outlive the way through plain text.
pub(crate) fn as_textile(html: &str) -> String {
    turned(html, is_web)
}

/// The same with images that are called by a mere name as well.
pub(crate) fn all_as_textile(html: &str) -> String {
    turned(html, |address| !is_data(address))
}

fn turned(html: &str, takes: impl Fn(&str) -> bool) -> String {
    rebuilt(html, places(html, ImageMarkup::Html), |place| {
        if !takes(&place.address) {
            return None;
        }
        let before = html.get(..place.whole.start).and_then(|text| text.chars().next_back());
        let after = html.get(place.whole.end..).unwrap_or_default();
        let lead = if before.is_none_or(opens) { "" } else { " " };
        let is_image = after.get(..4).is_some_and(|tag| tag.eq_ignore_ascii_case("<img"));
        let ends = after.starts_with(char::is_whitespace) || (after.starts_with('<') && !is_image);
        let tail = if after.is_empty() || ends { "" } else { " " };
        let address = escaped(&written(&place.address, ImageMarkup::Textile));
        Some((place.whole.clone(), format!("{lead}!{address}!{tail}")))
    })
}

/// The way back of [`as_textile`].
pub(crate) fn from_textile(html: &str) -> String {
    let places = places(html, ImageMarkup::Textile);
    let is_text = |at: usize| {
        let before = html.get(..at).unwrap_or_default();
        before.rfind('<') <= before.rfind('>')
    };
    rebuilt(html, places, |place| {
        let shows = is_web(&place.address) && is_text(place.whole.start);
        let tag = || format!("<img src=\"{}\">", escaped(&place.address));
        shows.then(|| (place.whole.clone(), tag()))
    })
}

fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

fn rebuilt(
    text: &str,
    places: Vec<Place>,
    new: impl Fn(&Place) -> Option<(Range<usize>, String)>,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut parts: Vec<(Range<usize>, String)> = places.iter().filter_map(new).collect();
    parts.sort_by_key(|(range, _)| range.start);
    for (range, with) in parts {
        // Broken markup may name one address twice.
        if range.start < at {
            continue;
        }
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&with);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// An address as this markup has to write it.
fn written(address: &str, markup: ImageMarkup) -> String {
    let hurts = match markup {
        ImageMarkup::Html => return escaped(address),
        ImageMarkup::Markdown => " ()<>",
        ImageMarkup::Textile => " (!",
    };
    let mut out = String::with_capacity(address.len());
    for letter in address.chars() {
        match letter {
            ' ' if hurts.contains(letter) => out.push_str("%20"),
            '(' if hurts.contains(letter) => out.push_str("%28"),
            ')' if hurts.contains(letter) => out.push_str("%29"),
            '<' if hurts.contains(letter) => out.push_str("%3C"),
            '>' if hurts.contains(letter) => out.push_str("%3E"),
            '!' if hurts.contains(letter) => out.push_str("%21"),
            other => out.push(other),
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

fn plain(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn places(text: &str, markup: ImageMarkup) -> Vec<Place> {
    match markup {
        ImageMarkup::Html => in_html(text),
        ImageMarkup::Markdown => in_markdown(text),
        ImageMarkup::Textile => in_textile(text),
    }
}

/// A reader of bytes that stand for themselves: what it looks for is ASCII, so that no letter is cut.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes on while this holds; what was passed.
    fn pass(&mut self, holds: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(&holds) {
            self.at += 1;
        }
        start..self.at
    }

    /// Takes this byte if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn part(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }
}

const fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn in_html(text: &str) -> Vec<Place> {
    // Letters keep their places in lower case.
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (start, _) in lower.match_indices("<img") {
        let mut reader = Reader { text, at: start + 4 };
        if !reader.peek().is_some_and(|byte| is_space(byte) || byte == b'/') {
            continue;
        }
        if let Some((range, end)) = source_of(&mut reader) {
            let address = plain(reader.part(range.clone())).trim().to_owned();
            if !address.is_empty() {
                found.push(Place { whole: start..end, range, address });
            }
        }
    }
    found
}

/// The `src` of a tag whose attributes begin here, and where the tag ends. A tag without an end is none.
fn source_of(reader: &mut Reader<'_>) -> Option<(Range<usize>, usize)> {
    let mut source = None;
    loop {
        reader.pass(|byte| is_space(byte) || byte == b'/');
        if reader.take(b'>') {
            return source.map(|range| (range, reader.at));
        }
        let name = reader.pass(|byte| !is_space(byte) && !matches!(byte, b'=' | b'>' | b'/'));
        reader.pass(is_space);
        if !reader.take(b'=') {
            if name.is_empty() {
                return None;
            }
            continue;
        }
        reader.pass(is_space);
        let value = match reader.peek()? {
            quote @ (b'"' | b'\'') => {
                reader.take(quote);
                let value = reader.pass(|byte| byte != quote);
                if !reader.take(quote) {
                    return None;
                }
                value
            }
            _ => reader.pass(|byte| !is_space(byte) && byte != b'>'),
        };
        if source.is_none() && reader.part(name).eq_ignore_ascii_case("src") {
            source = Some(value);
        }
    }
}

/// `![alt](address "title")`, and `![alt](<address>)`.
fn in_markdown(text: &str) -> Vec<Place> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("![") {
        let mut reader = Reader { text, at: start + 2 };
        let mut depth = 1_u32;
        while depth > 0 {
            match reader.peek() {
                Some(b'[') => depth += 1,
                Some(b']') => depth -= 1,
                Some(b'\\') => reader.at += 1,
                Some(_) => {}
                None => break,
            }
            reader.at += 1;
        }
        if depth > 0 || !reader.take(b'(') {
            continue;
        }
        reader.pass(is_space);
        let range = if reader.take(b'<') {
            let range = reader.pass(|byte| !matches!(byte, b'>' | b'\n'));
            if !reader.take(b'>') {
                continue;
            }
            range
        } else {
            reader.pass(|byte| !is_space(byte) && !matches!(byte, b'(' | b')'))
        };
        reader.pass(|byte| !matches!(byte, b')' | b'\n'));
        if range.is_empty() || !reader.take(b')') {
            continue;
        }
        let address = reader.part(range.clone()).to_owned();
        found.push(Place { whole: start..reader.at, range, address });
    }
    found
}

/// `!address!`, with alignment and style in front of the address and a title behind it.
fn in_textile(text: &str) -> Vec<Place> {
    let mut found: Vec<Place> = Vec::new();
    for (start, _) in text.match_indices('!') {
        let inside = found.last().is_some_and(|last| start < last.whole.end);
        let before = text.get(..start).and_then(|text| text.chars().next_back());
        if inside || !before.is_none_or(opens) {
            continue;
        }
        let mut reader = Reader { text, at: start + 1 };
        reader.pass(|byte| matches!(byte, b'<' | b'>' | b'='));
        while let Some(open @ (b'{' | b'(' | b'[')) = reader.peek() {
            let close = if open == b'(' { b')' } else { open + 2 };
            reader.pass(|byte| byte != close && byte != b'\n');
            if !reader.take(close) {
                break;
            }
        }
        let range = reader.pass(|byte| !is_space(byte) && !matches!(byte, b'!' | b'('));
        reader.take(b' ');
        if reader.take(b'(') {
            reader.pass(|byte| byte != b')' && byte != b'\n');
            reader.take(b')');
        }
        if range.is_empty() || !reader.take(b'!') {
            continue;
        }
        let address = plain(reader.part(range.clone()));
        found.push(Place { whole: start..reader.at, range, address });
    }
    found
}

/// Whether Textile takes an exclamation mark after this for the beginning of an image.
fn opens(letter: char) -> bool {
    letter.is_whitespace() || letter == '>'
}

#[cfg(test)]
mod tests {
    use super::*;
    use ImageMarkup::{Html, Markdown, Textile};

    fn all(text: &str, markup: ImageMarkup) -> Vec<String> {
        places(text, markup).into_iter().map(|place| place.address).collect()
    }

    #[test]
    fn addresses_are_found_in_every_markup() {
        for (markup, text, wanted) in [
            (
                Html,
                "<p><img src=\"https://a/b?x=1&amp;y=2\" alt=\"ü>\"></p>",
                "https://a/b?x=1&y=2",
            ),
            (Html, "<IMG ALT='x' SRC='a b.png'/>", "a b.png"),
            (Html, "<img width=3 src=a.png>", "a.png"),
            (Markdown, "x ![a [b]](a.png) y", "a.png"),
            (Markdown, "![](<a b.png> \"title\")", "a b.png"),
            (Markdown, "![](a.png \"title\")", "a.png"),
            (Textile, "größer !a.png! da", "a.png"),
            (Textile, "!>{width:300px}a.png(title)!:https://x", "a.png"),
        ] {
            assert_eq!(all(text, markup), [wanted], "{text}");
        }
    }

    #[test]
    fn what_is_no_image_is_left_alone() {
        for (markup, text) in [
            (Html, "<imgs src=\"a\">"),
            (Html, "<img src=\"a"),
            (Html, "<img alt=\"src=x\">"),
            (Html, "<img"),
            (Markdown, "[a](a.png) ![a] (b) ![](a"),
            (Textile, "wow!great! and so! much"),
            (Textile, "! a.png !"),
        ] {
            assert_eq!(all(text, markup), Vec::<String>::new(), "{text}");
        }
        assert!(addresses("<img src=\"data:image/png;base64,AAAA\">", Html).is_empty());
    }

    #[test]
    fn images_outlive_plain_text() {
        let html = "<p>see<img src=\"https://a/1?f=x&amp;g=y\" width=\"5\"></p>";
        let textile = as_textile(html);
        assert_eq!(textile, "<p>see !https://a/1?f=x&amp;g=y!</p>");
        let back = from_textile(&textile);
        assert_eq!(back, "<p>see <img src=\"https://a/1?f=x&amp;g=y\"></p>");
        assert_eq!(as_textile(&back), textile, "it stays so");
        assert_eq!(
            from_textile("<a title=\" !https://a/b! \">x</a>"),
            "<a title=\" !https://a/b! \">x</a>"
        );
    }

    /// Text between images that may look like markup, and images as each markup writes them.
    fn text_of(markup: ImageMarkup, pieces: &[(String, Option<usize>)]) -> String {
        let image = |number: usize| {
            let address = written(&format!("https://a.test/{number}?x=1&name=b c!.png"), markup);
            match markup {
                Html => format!("<img alt=\"a > b\" src=\"{address}\" width=3>"),
                Markdown => format!("![alt]({address} \"title\")"),
                Textile => format!(" !>{address}(title)!"),
            }
        };
        let piece = |(text, number): &(String, Option<usize>)| {
            format!("{text}{}", number.map(image).unwrap_or_default())
        };
        pieces.iter().map(piece).collect()
    }

    proptest::proptest! {
        #[test]
        fn what_is_rewritten_and_turned_back_is_the_same_text(
            pieces in proptest::collection::vec(("[a-zA-Z0-9 .,ü&;]{0,12}|<p class=x>|!a ", proptest::option::of(0_usize..5)), 0..8),
        ) {
            for markup in [Html, Markdown, Textile] {
                let text = text_of(markup, &pieces);
                let there = |address: &str| {
                    address.strip_prefix("https://a.test/").map(|rest| format!("https://b.test/copy/{rest}"))
                };
                let back = |address: &str| {
                    address.strip_prefix("https://b.test/copy/").map(|rest| format!("https://a.test/{rest}"))
                };
                let moved = replaced(&text, markup, there);
                proptest::prop_assert_eq!(addresses(&text, markup).len(), addresses(&moved, markup).len());
                proptest::prop_assert_eq!(replaced(&moved, markup, back), text);
            }
        }

        #[test]
        fn what_was_turned_into_textile_stays_so(text in "(.{0,9}|<img src=\"https://a/b\">|<p>| !https://a/c! ){0,6}") {
            let textile = as_textile(&text);
            let again = as_textile(&from_textile(&textile));
            proptest::prop_assert_eq!(again, textile);
        }
    }
}
