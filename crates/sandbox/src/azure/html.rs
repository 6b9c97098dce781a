//! Rewrites HTML on the way in, roughly as the real product does: what comes back is not what was
//! sent, and a second round changes nothing more.

use regex::Regex;

/// Pattern and replacement, applied in order.
const STEPS: &[(&str, &str)] = &[
    (r"(?is)<script\b.*?</script\s*>", ""),
    (r"(?is)<style\b.*?</style\s*>", ""),
    (r#"(?i)\s+on[a-z]+\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)"#, ""),
    (r"(?i)<br\s*/?>", "<br>"),
    (r"(?i)<hr\s*/?>", "<hr>"),
    (r"(?i)<(/?)b>", "<${1}b>"),
    (r"(?i)<(/?)strong>", "<${1}b>"),
    (r"(?i)<(/?)em>", "<${1}i>"),
    (r"\r\n?", "\n"),
    (r"&#39;|&apos;", "'"),
];

/// The compiled steps.
pub(crate) struct Rewriter(Vec<(Regex, &'static str)>);

impl Rewriter {
    pub(crate) fn new() -> Self {
        let compiled =
            |(pattern, with): &(&str, &'static str)| Some((Regex::new(pattern).ok()?, *with));
        Self(STEPS.iter().filter_map(compiled).collect())
    }

    /// The text as the server keeps it.
    pub(crate) fn rewrite(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (pattern, replacement) in &self.0 {
            out = pattern.replace_all(&out, *replacement).into_owned();
        }
        if out.trim_start().starts_with('<') || out.is_empty() {
            out
        } else {
            format!("<div>{out}</div>")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_cleaned_and_a_second_round_changes_nothing() {
        let rewriter = Rewriter::new();
        assert_eq!(rewriter.0.len(), STEPS.len(), "every pattern compiles");
        for (sent, kept) in [
            ("plain", "<div>plain</div>"),
            ("<p onclick=\"x()\">a<br/>b</p>", "<p>a<br>b</p>"),
            ("<div>it&#39;s <STRONG>big</STRONG></div>", "<div>it's <b>big</b></div>"),
            ("<p>a</p><script>alert(1)</script>", "<p>a</p>"),
        ] {
            assert_eq!(rewriter.rewrite(sent), kept);
            assert_eq!(rewriter.rewrite(kept), kept);
        }
    }
}
