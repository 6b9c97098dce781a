//! Words, signs and literals of a query text.

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A bare word, as written.
    Word(String),
    /// `[System.Title]`
    Field(String),
    /// `'text'` or `"text"`, unquoted.
    Text(String),
    /// A number, as written.
    Number(String),
    /// `@project`
    Macro(String),
    /// `=`, `<>`, `(`, ...
    Sign(&'static str),
}

const SIGNS: &[&str] = &["<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", ",", "+", "-"];

/// Cuts a query into tokens.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '[' => bracketed(rest)?,
            '\'' | '"' => quoted(rest, first)?,
            '@' => {
                let (word, after) = span(rest.get(1..).unwrap_or(""), |c| c.is_alphanumeric());
                (Token::Macro(word.to_owned()), after)
            }
            c if c.is_ascii_digit() => {
                let (number, after) = span(rest, |c| c.is_ascii_digit() || c == '.');
                (Token::Number(number.to_owned()), after)
            }
            c if c.is_alphabetic() || c == '_' => {
                let (word, after) = span(rest, |c| c.is_alphanumeric() || c == '_' || c == '.');
                (Token::Word(word.to_owned()), after)
            }
            _ => sign(rest)?,
        };
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

fn span(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !keep(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn bracketed(text: &str) -> Result<(Token, &str), String> {
    let inner = text.get(1..).unwrap_or("");
    match inner.split_once(']') {
        Some((name, after)) => Ok((Token::Field(name.trim().to_owned()), after)),
        None => Err(format!("the bracket before «{}» is never closed", head(inner))),
    }
}

/// A literal; a doubled quote inside stands for one.
fn quoted(text: &str, quote: char) -> Result<(Token, &str), String> {
    let mut out = String::new();
    let mut rest = text.get(1..).unwrap_or("");
    loop {
        let Some((part, after)) = rest.split_once(quote) else {
            return Err(format!("the quote before «{}» is never closed", head(rest)));
        };
        out.push_str(part);
        match after.strip_prefix(quote) {
            Some(more) => {
                out.push(quote);
                rest = more;
            }
            None => return Ok((Token::Text(out), after)),
        }
    }
}

fn sign(text: &str) -> Result<(Token, &str), String> {
    for sign in SIGNS {
        if let Some(after) = text.strip_prefix(sign) {
            return Ok((Token::Sign(if *sign == "!=" { "<>" } else { sign }), after));
        }
    }
    Err(format!("unexpected sign before «{}»", head(text)))
}

fn head(text: &str) -> String {
    text.chars().take(30).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_double_and_fields_stand_in_brackets() {
        let found = tokens("[System.Title]='it''s'\n AND x >= @today-7").unwrap();
        assert_eq!(
            found,
            [
                Token::Field("System.Title".into()),
                Token::Sign("="),
                Token::Text("it's".into()),
                Token::Word("AND".into()),
                Token::Word("x".into()),
                Token::Sign(">="),
                Token::Macro("today".into()),
                Token::Sign("-"),
                Token::Number("7".into()),
            ]
        );
    }

    #[test]
    fn open_ends_are_errors() {
        for text in ["'abc", "[System.Title", "a ; b"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}
