//! Takes WIQL text apart, with respect for quotes and brackets, so that a filter is never judged by searching in text.

/// What a piece of WIQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word outside quotes and brackets: a keyword, an operator word, `@me`, a bare field name.
    Word,
    /// `[System.Id]`, brackets included.
    Name,
    /// `'text'` or `"text"`, quotes included.
    Text,
    /// A number.
    Number,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `=`, `<>`, `,` and the like.
    Sign,
}

/// A piece of WIQL and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// As it was written.
    pub(crate) text: &'a str,
    /// Offset of its first byte.
    pub(crate) start: usize,
}

impl Token<'_> {
    /// Whether it is this keyword, in any letter case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Offset behind its last byte.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Why text is no WIQL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LexError {
    /// A quote or bracket is never closed.
    #[error("{0} is opened but never closed")]
    Unclosed(char),
    /// A character that WIQL does not know.
    #[error(
        "{0:?} has no meaning in wiql; put texts in single quotes and field names in square brackets"
    )]
    Stray(char),
}

/// All tokens of `text`.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, LexError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = measure(rest, first)?;
        let piece = rest.get(..length).unwrap_or(rest);
        found.push(Token { kind, text: piece, start: at });
        at += piece.len();
    }
    Ok(found)
}

fn measure(rest: &str, first: char) -> Result<(Kind, usize), LexError> {
    match first {
        '\'' | '"' => Ok((Kind::Text, quoted(rest, first)?)),
        '[' => match rest.find(']') {
            Some(end) => Ok((Kind::Name, end + 1)),
            None => Err(LexError::Unclosed('[')),
        },
        '(' => Ok((Kind::Open, 1)),
        ')' => Ok((Kind::Close, 1)),
        '<' if rest.starts_with("<=") || rest.starts_with("<>") => Ok((Kind::Sign, 2)),
        '>' if rest.starts_with(">=") => Ok((Kind::Sign, 2)),
        '!' if rest.starts_with("!=") => Ok((Kind::Sign, 2)),
        '=' | '<' | '>' | ',' | '+' | '-' | '.' => Ok((Kind::Sign, 1)),
        c if c.is_ascii_digit() => {
            Ok((Kind::Number, run(rest, |c| c.is_ascii_digit() || c == '.')))
        }
        c if is_word_start(c) => Ok((Kind::Word, run(rest, is_word_part))),
        other => Err(LexError::Stray(other)),
    }
}

/// The length of a quoted text; a doubled quote stands for itself.
fn quoted(rest: &str, quote: char) -> Result<usize, LexError> {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            continue;
        }
        match chars.peek() {
            Some((_, next)) if *next == quote => {
                chars.next();
            }
            _ => return Ok(at + c.len_utf8()),
        }
    }
    Err(LexError::Unclosed(quote))
}

fn run(rest: &str, part: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !part(c)).unwrap_or(rest.len())
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '@'
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).unwrap().into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn quotes_and_brackets_hide_what_is_inside() {
        assert_eq!(
            pieces("[Order By] = 'it''s ASOF' AND x<>\"a'b\""),
            [
                (Kind::Name, "[Order By]"),
                (Kind::Sign, "="),
                (Kind::Text, "'it''s ASOF'"),
                (Kind::Word, "AND"),
                (Kind::Word, "x"),
                (Kind::Sign, "<>"),
                (Kind::Text, "\"a'b\""),
            ]
        );
    }

    #[test]
    fn macros_numbers_and_unicode_are_words_and_numbers() {
        assert_eq!(
            pieces("@today - 7.5 größe"),
            [
                (Kind::Word, "@today"),
                (Kind::Sign, "-"),
                (Kind::Number, "7.5"),
                (Kind::Word, "größe"),
            ]
        );
    }

    #[test]
    fn what_is_never_closed_or_unknown_is_refused() {
        for (text, fault) in [
            ("'open", LexError::Unclosed('\'')),
            ("'open''", LexError::Unclosed('\'')),
            ("\"open", LexError::Unclosed('"')),
            ("[open", LexError::Unclosed('[')),
            ("a; b", LexError::Stray(';')),
            ("a /* b", LexError::Stray('/')),
        ] {
            assert_eq!(tokens(text), Err(fault), "{text}");
        }
    }
}
