//! Text of strangers, made fit for one line.

/// `text` on one line: control characters and line ends become single blanks, marks that turn the direction of writing
/// go, and what is longer than `most` characters ends in an ellipsis.
///
/// Invariant: the result holds no character below U+0020 (test `no_control_character_is_left`); header injection and
/// the mail library's panics on line ends in names both need one.
pub(crate) fn line(text: &str, most: usize) -> String {
    let visible = text.chars().filter(|c| !is_trick(*c));
    let spaced: String = visible.map(|c| if breaks(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    cut(&words.join(" "), most)
}

/// At most `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

/// Whether the text holds something that no address and no name may hold.
pub(crate) fn has_controls(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

fn breaks(c: char) -> bool {
    c.is_control() || c.is_whitespace()
}

/// Marks that make a text look like another one: directions, byte order marks, tag characters.
fn is_trick(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_joined_and_cut() {
        let table = [
            ("a\r\nBcc: b@c.test", 80, "a Bcc: b@c.test"),
            ("  a\0\u{7}  b \u{85}\u{2028}c ", 80, "a b c"),
            ("evil \u{202E}txt.exe\u{202C}", 80, "evil txt.exe"),
            ("Grüße 🚀", 80, "Grüße 🚀"),
            ("abcdef", 4, "abc…"),
            ("ab  cdef", 4, "ab…"),
            ("", 4, ""),
        ];
        for (given, most, expected) in table {
            assert_eq!(line(given, most), expected, "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(text in any::<String>(), most in 0_usize..50) {
            let cleaned = line(&text, most);
            prop_assert!(!has_controls(&cleaned));
            prop_assert!(cleaned.chars().count() <= most.max(1));
        }
    }
}
