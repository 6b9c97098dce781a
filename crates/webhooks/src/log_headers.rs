//! Headers as the delivery log keeps them: secrets taken out.

use serde_json::{Map, Value};

/// The most headers that are kept.
const MOST: usize = 96;

/// The most characters of a value that are kept.
const LONGEST: usize = 512;

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Words in the names of headers whose values prove something.
const TELLING: [&str; 10] = [
    "auth",
    "cookie",
    "token",
    "secret",
    "signature",
    "password",
    "passwd",
    "apikey",
    "api-key",
    "credential",
];

/// A JSON object of the headers. Values of telling headers, of `token_header`, and values that hold the webhook's own
/// address are hidden.
pub(crate) fn for_log(headers: &[(String, String)], token: &str, token_header: &str) -> Value {
    let mut kept: Map<String, Value> = Map::new();
    for (name, value) in headers {
        if kept.len() >= MOST && !kept.contains_key(name) {
            continue;
        }
        let secret = tells(name) || name == token_header || value.contains(token);
        let value = if secret { HIDDEN.to_owned() } else { cut(value) };
        match kept.get_mut(name) {
            Some(Value::String(all)) => *all = cut(&format!("{all}, {value}")),
            _ => {
                kept.insert(cut(name), Value::String(value));
            }
        }
    }
    Value::Object(kept)
}

fn tells(name: &str) -> bool {
    TELLING.iter().any(|word| name.contains(word))
}

fn cut(text: &str) -> String {
    clean(&text.chars().take(LONGEST).collect::<String>())
}

/// Text that every database takes: without NUL.
pub(crate) fn clean(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_is_kept() {
        let cases = [
            ("authorization", "Basic abc", HIDDEN),
            ("proxy-authorization", "x", HIDDEN),
            ("cookie", "a=b", HIDDEN),
            ("x-gitlab-token", "x", HIDDEN),
            ("x-hub-signature-256", "sha256=00", HIDDEN),
            ("webhook-signature", "v1,x", HIDDEN),
            ("x-own-name", "x", HIDDEN),
            ("x-original-uri", "/api/webhooks/receive/webhook_1", HIDDEN),
            ("user-agent", "Redmine", "Redmine"),
            ("x-github-event", "issues", "issues"),
        ];
        for (name, value, kept) in cases {
            let headers = [(name.to_owned(), value.to_owned())];
            assert_eq!(for_log(&headers, "webhook_1", "x-own-name"), json!({name: kept}), "{name}");
        }
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let many: Vec<_> = (0..500).map(|n| (format!("x-{n}"), "y".repeat(9_000))).collect();
        let kept = for_log(&many, "webhook_1", "x");
        let kept = kept.as_object().unwrap();
        assert_eq!(kept.len(), MOST);
        assert!(kept.values().all(|value| value.as_str().unwrap().len() <= LONGEST));
    }
}
