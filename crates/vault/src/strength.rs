//! Keys that somebody made up instead of drawing them.

/// Why a text is no good key. Never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Neither hex nor base64.
    #[error("it is neither 64 hex digits nor base64")]
    NotEncoded,
    /// Another length than 32 bytes.
    #[error("it holds {0} bytes and must hold 32")]
    Length(usize),
    /// A word such as those in example files.
    #[error("it is made of words, as in an example file")]
    Word,
    /// It repeats itself.
    #[error("it repeats a short pattern")]
    Pattern,
    /// It counts up or down.
    #[error("it is a plain sequence")]
    Sequence,
    /// Fewer different bytes than chance would give.
    #[error("too few of its bytes differ")]
    FewBytes,
    /// Every byte is a printable character: typed, not drawn.
    #[error("it is typed text and not random bytes")]
    Typed,
}

/// Words of seven letters and more, so that chance does not spell them (less than one key in 10^8 in base64).
const WORDS: [&str; 14] = [
    "changeme",
    "change_me",
    "change-me",
    "password",
    "passphrase",
    "example",
    "encryption",
    "replaceme",
    "replace-",
    "replace_",
    "yoursecret",
    "secretkey",
    "default",
    "syncline",
];

/// The longest pattern that is looked for, in bytes.
const LONGEST_PATTERN: usize = 16;

/// A random key has 30 different bytes on average; fewer than 16 come less than once in 10^10 keys.
const FEWEST_BYTES: usize = 16;

impl Weakness {
    /// Judges the text as it was entered.
    pub(crate) fn check_text(text: &str) -> Result<(), Self> {
        let lower = text.to_ascii_lowercase();
        if WORDS.iter().any(|word| lower.contains(word)) {
            return Err(Self::Word);
        }
        Ok(())
    }

    /// Judges the bytes.
    pub(crate) fn check_bytes(bytes: &[u8]) -> Result<(), Self> {
        if (1..=LONGEST_PATTERN).any(|length| repeats(bytes, length)) {
            return Err(Self::Pattern);
        }
        if is_sequence(bytes) {
            return Err(Self::Sequence);
        }
        if bytes.iter().all(|b| (0x20..0x7f).contains(b)) {
            return Err(Self::Typed);
        }
        if different(bytes) < FEWEST_BYTES {
            return Err(Self::FewBytes);
        }
        Ok(())
    }
}

fn repeats(bytes: &[u8], length: usize) -> bool {
    bytes.iter().zip(bytes.iter().skip(length)).all(|(a, b)| a == b)
}

fn is_sequence(bytes: &[u8]) -> bool {
    let mut steps = bytes.iter().zip(bytes.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
    let first = steps.next();
    steps.all(|step| Some(step) == first)
}

fn different(bytes: &[u8]) -> usize {
    let mut sorted = bytes.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::key::Key;

    #[test]
    fn made_up_keys_are_refused_for_the_right_reason() {
        let sequence: Vec<u8> = (0..32).collect();
        let halves: Vec<u8> = (0..32_u8).map(|n| (n % 16).wrapping_mul(37)).collect();
        let few: Vec<u8> =
            (0..32_u8).map(|n| u8::try_from(u32::from(n).pow(2) % 19).unwrap()).collect();
        let table = [
            (String::new(), Weakness::Length(0)),
            ("short".to_owned(), Weakness::NotEncoded),
            ("c2hvcnQ=".to_owned(), Weakness::Length(5)),
            ("your-32-character-encryption-key".to_owned(), Weakness::Length(24)),
            ("z".repeat(64), Weakness::Length(48)),
            ("ä".repeat(32), Weakness::NotEncoded),
            ("0".repeat(64), Weakness::Pattern),
            ("deadbeef".repeat(8), Weakness::Pattern),
            ("0123456789abcdef".repeat(4), Weakness::Pattern),
            (STANDARD.encode([255; 32]), Weakness::Pattern),
            (STANDARD.encode(&halves), Weakness::Pattern),
            (STANDARD.encode(&sequence), Weakness::Sequence),
            (hex::encode(sequence.iter().rev().copied().collect::<Vec<_>>()), Weakness::Sequence),
            (STANDARD.encode(&few), Weakness::FewBytes),
            (STANDARD.encode("correct horse battery staple 42!"), Weakness::Typed),
            ("ChangeMe0TQfK8yLw2nVb7Xc5RzHs9JdEpGaUiYoMkI=".to_owned(), Weakness::Word),
        ];
        for (text, weakness) in table {
            assert_eq!(Key::parse(&text).unwrap_err(), weakness, "{text}");
        }
    }

    #[test]
    fn ten_thousand_drawn_keys_pass() {
        for _ in 0..10_000 {
            let text = crate::new_key_text().unwrap();
            assert!(Key::parse(&text).is_ok(), "a drawn key is refused");
        }
    }
}
