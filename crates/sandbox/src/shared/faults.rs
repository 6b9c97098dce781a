//! Scripted faults: rules that make matching requests go wrong in a chosen way.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, de};

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Answered with this status and the tracker's own error body; nothing happens to the data.
    Status(u16),
    /// The write happens, then the caller gets this status all the same.
    StatusAfterEffect(u16),
    /// Nothing happens and nothing is answered: after `hold_ms` the connection is cut.
    TimeoutBeforeEffect,
    /// The write happens, but no answer comes: after `hold_ms` the connection is cut.
    TimeoutAfterEffect,
    /// The write happens; the answer breaks off half way.
    Truncated,
    /// The right answer, `delay_ms` late.
    Slow,
    /// From the `after`-th matching request on, the credential is refused.
    UnauthorizedAfterN,
    /// In a batch of writes the entries named in `entries` (or each second one) fail.
    PartialBatch,
    /// A sign-in page with a success status instead of the answer; nothing happens to the data.
    SignInHtml,
    /// The right answer labelled as HTML.
    WrongContentType,
    /// The right answer with headers that say "slow down".
    RetryAfter200,
    /// Broken JSON with a success status; the write happens.
    BrokenJson,
    /// The rolling throttle of the Zoho family: HTTP 400 with a title that names it.
    RollingThrottle,
}

impl FaultKind {
    /// Reads the word of a rule: `429`, `500_after_effect`, `timeout_before_effect`, ...
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let named = match word {
            "timeout_before_effect" => Self::TimeoutBeforeEffect,
            "timeout_after_effect" => Self::TimeoutAfterEffect,
            "truncated" => Self::Truncated,
            "slow" => Self::Slow,
            "401_after_n" => Self::UnauthorizedAfterN,
            "partial_batch" => Self::PartialBatch,
            "sign_in_html" => Self::SignInHtml,
            "wrong_content_type" => Self::WrongContentType,
            "retry_after_200" => Self::RetryAfter200,
            "broken_json" => Self::BrokenJson,
            "rolling_throttle" => Self::RollingThrottle,
            _ => return Self::parse_status(word),
        };
        Some(named)
    }

    fn parse_status(word: &str) -> Option<Self> {
        let in_range = |text: &str| text.parse().ok().filter(|status| (300..=599).contains(status));
        match word.strip_suffix("_after_effect") {
            Some(status) => in_range(status).map(Self::StatusAfterEffect),
            None => in_range(word).map(Self::Status),
        }
    }
}

impl<'de> Deserialize<'de> for FaultKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(word) => word,
            other => other.to_string(),
        };
        Self::parse(&word).ok_or_else(|| de::Error::custom(format!("unknown fault kind {word:?}")))
    }
}

/// One rule. Rules are tried in order; the first one that fires decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// How the request goes wrong.
    pub kind: FaultKind,
    /// The rule looks only at requests whose `METHOD path?query` contains this, in any case.
    #[serde(default, rename = "match")]
    pub matching: String,
    /// The rule looks only at requests whose body contains this.
    #[serde(default)]
    pub match_body: String,
    /// So many matching requests pass unharmed first.
    #[serde(default)]
    pub after: u64,
    /// So often the rule fires; absent: once, or without end for `401_after_n`.
    #[serde(default)]
    pub times: Option<u64>,
    /// Seconds for the `Retry-After` header, where the kind has one.
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// How late a slow answer is, in milliseconds; 2,000 when absent.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// How long a lost answer keeps the connection, in milliseconds; 120,000 when absent.
    #[serde(default)]
    pub hold_ms: Option<u64>,
    /// Positions in a batch that fail, from 0.
    #[serde(default)]
    pub entries: Option<Vec<usize>>,
}

impl FaultRule {
    /// A rule that hits the next request.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            matching: String::new(),
            match_body: String::new(),
            after: 0,
            times: None,
            retry_after: None,
            delay_ms: None,
            hold_ms: None,
            entries: None,
        }
    }

    /// The same, only for requests whose `METHOD path?query` contains `part`.
    #[must_use]
    pub fn on(mut self, part: &str) -> Self {
        part.clone_into(&mut self.matching);
        self
    }

    /// The same, after `count` matching requests have passed.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        self.after = count;
        self
    }

    /// The same, firing `count` times.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    /// The same with a `Retry-After` of so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, a lost answer cutting the connection after so many milliseconds.
    #[must_use]
    pub fn hold_ms(mut self, ms: u64) -> Self {
        self.hold_ms = Some(ms);
        self
    }

    fn applies(&self, line: &str, body: &[u8]) -> bool {
        let line_fits = line.to_lowercase().contains(&self.matching.to_lowercase());
        line_fits
            && (self.match_body.is_empty()
                || String::from_utf8_lossy(body).contains(&self.match_body))
    }

    fn limit(&self) -> u64 {
        let once = if self.kind == FaultKind::UnauthorizedAfterN { u64::MAX } else { 1 };
        self.times.unwrap_or(once)
    }
}

/// A rule and how often it matched and fired.
struct Armed {
    rule: FaultRule,
    seen: u64,
    fired: u64,
}

/// How one rule stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultState {
    pub(crate) kind: String,
    #[serde(rename = "match")]
    pub(crate) matching: String,
    pub(crate) seen: u64,
    pub(crate) fired: u64,
}

/// The armed rules.
#[derive(Default)]
pub(crate) struct FaultEngine(Mutex<Vec<Armed>>);

impl FaultEngine {
    /// Arms these rules instead of all former ones.
    pub(crate) fn set(&self, rules: Vec<FaultRule>) {
        *self.lock() = rules.into_iter().map(|rule| Armed { rule, seen: 0, fired: 0 }).collect();
    }

    /// The rule that hits this request, if any; counts the request.
    pub(crate) fn strike(&self, line: &str, body: &[u8]) -> Option<FaultRule> {
        for armed in self.lock().iter_mut() {
            if !armed.rule.applies(line, body) {
                continue;
            }
            armed.seen = armed.seen.saturating_add(1);
            if armed.seen > armed.rule.after && armed.fired < armed.rule.limit() {
                armed.fired = armed.fired.saturating_add(1);
                return Some(armed.rule.clone());
            }
        }
        None
    }

    pub(crate) fn states(&self) -> Vec<FaultState> {
        let state = |armed: &Armed| FaultState {
            kind: format!("{:?}", armed.rule.kind),
            matching: armed.rule.matching.clone(),
            seen: armed.seen,
            fired: armed.fired,
        };
        self.lock().iter().map(state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(engine: &FaultEngine, line: &str, count: usize) -> Vec<bool> {
        (0..count).map(|_| engine.strike(line, b"").is_some()).collect()
    }

    #[test]
    fn a_rule_waits_fires_and_ends() {
        let engine = FaultEngine::default();
        engine.set(vec![FaultRule::new(FaultKind::Status(429)).on("post /a").after(1).times(2)]);
        assert_eq!(fires(&engine, "GET /a", 1), [false]);
        assert_eq!(fires(&engine, "POST /a/b?x=1", 4), [false, true, true, false]);
    }

    #[test]
    fn a_refused_credential_stays_refused() {
        let engine = FaultEngine::default();
        engine.set(vec![FaultRule::new(FaultKind::UnauthorizedAfterN).after(2)]);
        assert_eq!(fires(&engine, "GET /", 5), [false, false, true, true, true]);
    }

    #[test]
    fn the_words_of_rules_are_read() {
        for (json, kind) in [
            (r#"{"kind": 429}"#, FaultKind::Status(429)),
            (r#"{"kind": "502"}"#, FaultKind::Status(502)),
            (r#"{"kind": "500_after_effect"}"#, FaultKind::StatusAfterEffect(500)),
            (r#"{"kind": "truncated", "match": "x"}"#, FaultKind::Truncated),
        ] {
            assert_eq!(serde_json::from_str::<FaultRule>(json).unwrap().kind, kind, "{json}");
        }
        assert!(serde_json::from_str::<FaultRule>(r#"{"kind": "explode"}"#).is_err());
        assert!(serde_json::from_str::<FaultRule>(r#"{"kind": 429, "typo": 1}"#).is_err());
    }
}
