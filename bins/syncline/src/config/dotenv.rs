//! Reading `.env`: `NAME=value` a line, quotes optional, everything after the first `=` is the value.

use std::collections::BTreeMap;

/// The variables of a file's text. Lines that are no assignment are passed over.
///
/// Unlike in a shell, an unquoted value may hold blanks and `<>`: people paste `SMTP_FROM=Name <address>`.
#[must_use]
pub fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    Some((name.to_owned(), unquoted(value.trim())))
}

fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote));
        if let Some((inner, _)) = inner {
            return if quote == '"' { inner.replace("\\n", "\n") } else { inner.to_owned() };
        }
    }
    // A comment needs a blank before it: a password may hold a `#`.
    value.split(" #").next().unwrap_or(value).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_people_write_them() {
        let read = parse(
            "# mail\nSMTP_FROM=Sync Platform <noreply@sync-platform.local>\nexport PORT=8080 # ours\n\
             A='x # y'\nB=\"two words\"\nPASS=a#b\n=nothing\nno assignment\nEMPTY=\n",
        );
        let expected = [
            ("A", "x # y"),
            ("B", "two words"),
            ("EMPTY", ""),
            ("PASS", "a#b"),
            ("PORT", "8080"),
            ("SMTP_FROM", "Sync Platform <noreply@sync-platform.local>"),
        ];
        let read: Vec<(&str, &str)> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(read, expected);
    }
}
