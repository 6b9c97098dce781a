//! A look at HTML before it is parsed: shapes that take a parser quadratic time or memory are refused.
//!
//! The tree builder searches all open elements at many tags, opens unclosed formatting elements again in every new
//! block, and compares each attribute with those before it. People's tickets stay far below these limits; text made
//! to hurt does not.

/// The most elements that may be open at once.
const MAX_OPEN: usize = 4_000;
/// The most formatting elements that may be opened again, over the whole text.
const MAX_REOPENED: usize = 500_000;
/// The most attributes of one tag.
const MAX_ATTRIBUTES: usize = 1_000;
/// The most bytes of one text.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Elements that the parser opens again after a block ended before they did.
const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

/// Elements without content and end tag.
pub(super) const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Refuses HTML whose shape would hurt.
pub(super) fn check(html: &str) -> Result<(), String> {
    if html.len() > MAX_BYTES {
        return Err("the HTML is larger than 8 MiB; shorten it".to_owned());
    }
    let (mut open, mut formatting, mut reopened) = (0_usize, 0_usize, 0_usize);
    for piece in html.split('<').skip(1) {
        let is_end = piece.starts_with('/');
        let name = name_of(piece);
        if name.is_empty() {
            continue;
        }
        let is_formatting = FORMATTING.contains(&name.as_str());
        if is_end {
            open = open.saturating_sub(1);
            formatting = formatting.saturating_sub(usize::from(is_formatting));
        } else if !VOID.contains(&name.as_str()) {
            open += 1;
            formatting += usize::from(is_formatting);
        }
        reopened += formatting;
        if open > MAX_OPEN || reopened > MAX_REOPENED {
            return Err(format!(
                "the HTML has more than {MAX_OPEN} elements inside one another, or too many unclosed ones; simplify it"
            ));
        }
        if attributes(piece) > MAX_ATTRIBUTES {
            return Err(format!(
                "a tag of the HTML has more than {MAX_ATTRIBUTES} attributes; simplify it"
            ));
        }
    }
    Ok(())
}

fn name_of(piece: &str) -> String {
    piece
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .take(16)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// The attributes of the tag at the start of `piece`, at most a few too many.
fn attributes(piece: &str) -> usize {
    let mut quote = None;
    let mut before = ' ';
    let mut count = 0;
    for sign in piece.chars() {
        match quote {
            Some(open) if sign == open => quote = None,
            Some(_) => {}
            None if sign == '>' => break,
            None if before == '=' && (sign == '"' || sign == '\'') => quote = Some(sign),
            // A name starts after a blank, a slash, or the end of a quoted value.
            None => {
                let starts = !sign.is_whitespace() && sign != '/' && sign != '=';
                count += usize::from(starts && matches!(before, ' ' | '/' | '"' | '\''));
            }
        }
        before = if sign.is_whitespace() { if before == '=' { '=' } else { ' ' } } else { sign };
    }
    count
}
