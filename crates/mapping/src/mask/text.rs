//! Words and addresses in plain text.

use std::collections::BTreeSet;

use serde_json::json;
use syncline_domain::{FieldType, fingerprint};

/// What stands before a secret, letters only.
pub(super) const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passwort",
    "kennwort",
    "secret",
    "token",
    "apikey",
    "credential",
    "bearer",
    "passphrase",
];

/// Words that say what an address is.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "ftp", "www"];

/// Replaces words.
pub(super) struct Words {
    salt: String,
    kept: BTreeSet<String>,
    people: BTreeSet<String>,
}

impl Words {
    pub(super) fn new(salt: &str, kept: BTreeSet<String>, people: BTreeSet<String>) -> Self {
        // A single letter is no name; kept as one it would keep initials.
        let kept = kept.into_iter().filter(|word| word.chars().count() > 1).collect();
        Self { salt: salt.to_owned(), kept, people }
    }

    /// Some word of a text is one of a person's.
    pub(super) fn names_somebody(&self, text: &str) -> bool {
        words_of(text).iter().any(|word| self.people.contains(word))
    }

    /// A text in which words that rules name stay.
    pub(super) fn mask(&self, text: &str) -> String {
        self.replaced(text, true)
    }

    /// Values of attributes: only what says which kind of address it is stays.
    pub(super) fn mask_values(&self, text: &str) -> String {
        let nothing_more =
            Self { kept: BTreeSet::new(), salt: self.salt.clone(), people: BTreeSet::new() };
        nothing_more.mask(text)
    }

    /// A text of which no word stays.
    pub(super) fn mask_all(&self, text: &str) -> String {
        self.replaced(text, false)
    }

    fn replaced(&self, text: &str, may_keep: bool) -> String {
        pieces(text, is_of_address)
            .map(|piece| match address(piece) {
                Some((before, local, after)) => {
                    format!("{before}{}@example.org{after}", self.each_word(local, false))
                }
                None => self.each_word(piece, may_keep),
            })
            .collect()
    }

    fn each_word(&self, text: &str, may_keep: bool) -> String {
        pieces(text, char::is_alphanumeric).map(|piece| self.word(piece, may_keep)).collect()
    }

    fn word(&self, word: &str, may_keep: bool) -> String {
        if !word.starts_with(char::is_alphanumeric) {
            return word.to_owned();
        }
        let plain = word.to_lowercase();
        let stays = SCHEMES.contains(&plain.as_str())
            || (self.kept.contains(&plain) && !self.people.contains(&plain));
        if may_keep && stays { word.to_owned() } else { self.stand_in(word, &plain) }
    }

    /// As many letters and digits, of the same case.
    fn stand_in(&self, word: &str, plain: &str) -> String {
        let mut noise = Noise::new(&self.salt, plain);
        let made: String = word.chars().map(|c| noise.like(c)).collect();
        if made.to_lowercase() != plain {
            return made;
        }
        made.chars().map(next_letter).collect()
    }

    /// A text without what stands behind words such as "password".
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let mut told = String::with_capacity(text.len());
        let mut is_next = false;
        for piece in pieces(text, |c: char| !c.is_whitespace()) {
            if piece.starts_with(char::is_whitespace) {
                told.push_str(piece);
                continue;
            }
            let plain: String = piece.chars().filter(|c| c.is_alphanumeric()).collect();
            let plain = plain.to_lowercase();
            let names = SECRET_WORDS.iter().any(|word| plain.contains(word));
            let in_address = piece.contains("://") && piece.contains('@');
            let is_sign = plain.is_empty();
            if (is_next && !is_sign) || in_address || (names && has_value(piece)) {
                told.push_str(&self.mask_all(piece));
            } else {
                told.push_str(piece);
            }
            is_next = (is_next && is_sign) || (names && !has_value(piece));
        }
        told
    }
}

/// `password:x` and `token=x` bring their value along.
fn has_value(piece: &str) -> bool {
    piece.split_once([':', '=']).is_some_and(|(_, value)| value.contains(char::is_alphanumeric))
}

/// Letters out of a word and the salt, as many as are asked for.
struct Noise {
    salt: String,
    plain: String,
    round: u32,
    left: std::vec::IntoIter<u8>,
}

impl Noise {
    fn new(salt: &str, plain: &str) -> Self {
        let left = Vec::new().into_iter();
        Self { salt: salt.to_owned(), plain: plain.to_owned(), round: 0, left }
    }

    fn next(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.left.next() {
                return byte;
            }
            let seed = json!([self.salt, self.plain, self.round]);
            let name = fingerprint(&seed, FieldType::Picklist).into_bytes();
            let pairs = name.chunks_exact(2).map(|two| {
                two.iter().fold(0_u8, |sum, digit| {
                    sum.wrapping_mul(16).wrapping_add(if digit.is_ascii_digit() {
                        digit.wrapping_sub(b'0')
                    } else {
                        digit.wrapping_sub(b'a').wrapping_add(10)
                    })
                })
            });
            self.left = pairs.collect::<Vec<u8>>().into_iter();
            self.round = self.round.saturating_add(1);
        }
    }

    fn like(&mut self, c: char) -> char {
        let byte = self.next();
        if c == '0' {
            return c;
        }
        if c.is_numeric() {
            // No zero in front, so that a number stays as long as it was.
            return char::from(b'1'.saturating_add(byte % 9));
        }
        let letter = char::from(b'a'.saturating_add(byte % 26));
        if c.is_uppercase() { letter.to_ascii_uppercase() } else { letter }
    }
}

fn next_letter(c: char) -> char {
    match c {
        'z' => 'a',
        'Z' => 'A',
        '9' => '1',
        '0' => '0',
        'a'..='y' | 'A'..='Y' | '1'..='8' => {
            u8::try_from(c).map_or(c, |byte| char::from(byte.saturating_add(1)))
        }
        other => other,
    }
}

/// The words of a text, in small letters.
pub(super) fn words_of(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Some part of a text is an e-mail address.
pub(super) fn has_address(text: &str) -> bool {
    pieces(text, is_of_address).any(|piece| address(piece).is_some())
}

/// A date in numbers, or a small number: rules read them, and they tell of nobody.
pub(super) fn is_plain(text: &str) -> bool {
    let text = text.trim();
    if text.len() <= 3 {
        return text.chars().all(|c| c.is_ascii_digit());
    }
    let shape: String =
        text.chars().take(10).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let is_date =
        matches!(shape.as_str(), "0000-00-00" | "00.00.0000" | "00/00/0000" | "0000/00/00");
    is_date
        && text.len() <= 35
        && text.chars().all(|c| c.is_ascii_digit() || "-./:TZ+ ".contains(c))
}

fn is_of_address(c: char) -> bool {
    c.is_alphanumeric() || "._%+-@'".contains(c)
}

/// What is before an address, its name, and what is after it.
fn address(piece: &str) -> Option<(&str, &str, &str)> {
    let (local, domain) = piece.split_once('@')?;
    let start = local.find(char::is_alphanumeric)?;
    let (before, local) = local.split_at_checked(start)?;
    let end = domain.rfind(char::is_alphanumeric)?;
    let width = domain.get(end..)?.chars().next()?.len_utf8();
    let after = domain.get(end.saturating_add(width)..)?;
    Some((before, local, after))
}

/// A text in runs of characters that belong to `of` or do not.
pub(super) fn pieces(text: &str, of: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut left = text;
    std::iter::from_fn(move || {
        let first = of(left.chars().next()?);
        let end = left.find(|c: char| of(c) != first).unwrap_or(left.len());
        let (piece, rest) = left.split_at_checked(end)?;
        left = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words::new("salt", words_of("urgent Ada"), words_of("Ada Lovelace"))
    }

    #[test]
    fn words_keep_their_shape_and_have_one_stand_in() {
        let text = "Ada met Grace, ADA phoned 0301-234 (urgent)!";
        let made = words().mask(text);
        assert_eq!(made.chars().count(), text.chars().count());
        assert!(made.ends_with(" (urgent)!"), "{made}");
        let (first, rest) = made.split_once(' ').unwrap();
        assert!(rest.contains(&first.to_uppercase()), "{made}");
        for gone in ["Ada", "met", "Grace", "ADA", "0301-234"] {
            assert!(!made.contains(gone), "{made}");
        }
        assert_eq!(made, words().mask(text));
        let other = Words::new("pepper", BTreeSet::new(), BTreeSet::new());
        assert_ne!(made, other.mask(text));
    }

    #[test]
    fn addresses_become_addresses_of_nobody() {
        let made = words().mask("write to <ada.lovelace@corp.example.com>.");
        assert!(made.contains("@example.org>."), "{made}");
        let local = made.split_once('<').unwrap().1.split_once('@').unwrap().0;
        assert_eq!(local.split('.').map(str::len).collect::<Vec<_>>(), [3, 8], "{made}");
        assert!(!made.contains("corp") && !made.contains("ada"), "{made}");
    }

    #[test]
    fn secrets_go_even_where_texts_stay() {
        let made = words().without_secrets("A note, Token=abc123 and so on");
        assert!(made.starts_with("A note, ") && !made.contains("abc123"), "{made}");
        assert!(made.ends_with(" and so on"), "{made}");
        let made = words().without_secrets("password: hunter2 https://me:pw9@host/x fine");
        assert!(!made.contains("hunter2") && !made.contains("pw9"), "{made}");
        assert!(made.ends_with(" fine"), "{made}");
    }

    #[test]
    fn dates_and_small_numbers_are_plain() {
        for plain in ["3", "120", "2026-01-02", "2026-01-02T10:00:00.000Z", "01.02.2026"] {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in ["1234", "2026-01-02 Ada", "030-123456", ""] {
            assert!(!is_plain(odd) || odd.is_empty(), "{odd}");
        }
    }
}
