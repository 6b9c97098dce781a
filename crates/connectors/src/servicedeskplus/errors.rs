//! From what ServiceDesk Plus answers to what the caller can do about it.
//!
//! The HTTP status decides nothing alone: a refused write can be a 200, a throttle can be a 400. Only a
//! `response_status` of 2000 is success.

use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind};

use super::wire::{Answer, Message, OneStatus};

/// Whether a call changes anything: it decides what a broken answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Reads only; may be repeated.
    None,
    /// Writes; after a broken answer nobody knows.
    Write,
}

const SUCCESS: u32 = 2000;
/// The title by which the throttle of the Zoho family is known, in any status.
const THROTTLE: &str = "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED";
/// How long to rest when the throttle names no time.
const THROTTLE_REST: Duration = Duration::from_secs(15 * 60);
const NEW_KEY: &str =
    "make a new key for the technician (on-premises) or a new refresh token (cloud) and enter it";

/// The answer if it is a success, else why not. `body` is what the answer was read from.
pub(super) fn judge(
    status: u16,
    body: &[u8],
    effect: Effect,
    wait: Option<Duration>,
) -> Result<Answer, ConnectorError> {
    if let Some(rest) = throttled(body) {
        return Err(too_fast(rest.or(wait)));
    }
    let is_success = (200..300).contains(&status);
    if is_success && body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Answer::default());
    }
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(_) if is_success => return Err(broken("something else than json of its api", effect)),
        Err(_) => Answer::default(),
    };
    let bad = answer
        .verdicts()
        .iter()
        .find(|verdict| verdict.status_code.is_some_and(|code| code != SUCCESS));
    match bad {
        Some(verdict) => Err(refused(status, verdict, wait, effect)),
        None if !is_success => Err(refused(status, &OneStatus::default(), wait, effect)),
        None if answer.verdicts().iter().any(is_failed) => {
            Err(refused(status, &OneStatus::default(), wait, effect))
        }
        None if answer.error.is_some() => Err(broken("an error without words", effect)),
        None => Ok(answer),
    }
}

/// Some builds leave the code out and say `failed`.
fn is_failed(verdict: &OneStatus) -> bool {
    verdict.status_code.is_none() && verdict.status.as_deref().is_some_and(|word| word != "success")
}

fn refused(
    status: u16,
    verdict: &OneStatus,
    wait: Option<Duration>,
    effect: Effect,
) -> ConnectorError {
    let kind = kind_of(status, verdict, effect);
    let mut error = ConnectorError::new(kind, detail(status, verdict)).retry_after(wait);
    if let Some(field) = verdict.messages.iter().find_map(first_field) {
        error = error.on_field(field);
    }
    match advice(kind) {
        Some(advice) => error.advise(advice),
        None => error,
    }
}

fn kind_of(status: u16, verdict: &OneStatus, effect: Effect) -> ErrorKind {
    let codes: Vec<u32> =
        verdict.messages.iter().filter_map(|message| message.status_code).collect();
    if codes.contains(&4007) || status == 404 {
        return ErrorKind::NotFound;
    }
    match status {
        401 => ErrorKind::Auth,
        403 => ErrorKind::Permission,
        429 => ErrorKind::RateLimited,
        405 | 406 | 415 => ErrorKind::Protocol,
        409 | 412 => ErrorKind::VersionConflict,
        408 | 500.. => match effect {
            Effect::None => ErrorKind::Unavailable,
            Effect::Write => ErrorKind::Ambiguous,
        },
        _ if codes.contains(&4002) => ErrorKind::Permission,
        _ => ErrorKind::Invalid,
    }
}

fn detail(status: u16, verdict: &OneStatus) -> String {
    let parts: Vec<String> =
        verdict.messages.iter().map(words).filter(|text| !text.is_empty()).collect();
    match (parts.is_empty(), verdict.status_code, status) {
        (false, ..) => format!("servicedesk plus refused: {}", parts.join("; ")),
        (true, Some(code), _) => format!("servicedesk plus refused with code {code}"),
        (true, None, 401) => "servicedesk plus refused the key or token".to_owned(),
        (true, None, 403) => "servicedesk plus refused: the account may not do this".to_owned(),
        (true, None, 404) => {
            "servicedesk plus does not know this, or the account has no permission to see it"
                .to_owned()
        }
        (true, None, _) => format!("servicedesk plus answered status {status}"),
    }
}

fn words(message: &Message) -> String {
    let fields: Vec<&str> =
        message.field.iter().chain(&message.fields).map(String::as_str).collect();
    let what = match (&message.message, message.status_code) {
        (Some(text), _) if !text.trim().is_empty() => text.trim().chars().take(400).collect(),
        (_, Some(4003)) => "a mandatory field is missing".to_owned(),
        (_, Some(4001)) => "a value is not accepted".to_owned(),
        (_, Some(code)) => format!("code {code}"),
        _ => String::new(),
    };
    if fields.is_empty() { what } else { format!("{what} ({})", fields.join(", ")) }
}

fn first_field(message: &Message) -> Option<&str> {
    message.field.as_deref().or_else(|| message.fields.first().map(String::as_str))
}

const fn advice(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Auth => Some(NEW_KEY),
        ErrorKind::Permission => {
            Some("give the account a role that may view and edit requests of this portal")
        }
        ErrorKind::NotFound => {
            Some("look whether it was deleted, and whether endpoint names the right portal")
        }
        ErrorKind::RateLimited => Some("wait; every further call makes the block longer"),
        _ => None,
    }
}

/// How long the throttle wants us to rest: `Some(None)` when it does not say.
fn throttled(body: &[u8]) -> Option<Option<Duration>> {
    let text = std::str::from_utf8(body).ok()?;
    if !text.contains(THROTTLE) {
        return None;
    }
    // The word may stand in somebody's ticket: it counts only as an error's title.
    let answer: Value = serde_json::from_str(text).ok()?;
    let error = answer.get("error").unwrap_or(&answer);
    let titles = ["title", "code", "error_code"];
    let is_throttle =
        titles.iter().any(|key| error.get(key).and_then(Value::as_str) == Some(THROTTLE));
    is_throttle.then(|| minutes(&error.to_string()))
}

/// The minutes of `Try again after 22 minutes`.
fn minutes(text: &str) -> Option<Duration> {
    let rest = text.split("gain after ").nth(1)?;
    let mut parts = rest.split_whitespace();
    let number: u64 = parts.next()?.parse().ok()?;
    let unit = parts.next()?;
    let seconds = if unit.starts_with("sec") {
        1
    } else if unit.starts_with("hour") {
        3_600
    } else {
        60
    };
    Some(Duration::from_secs(number.saturating_mul(seconds)))
}

fn too_fast(wait: Option<Duration>) -> ConnectorError {
    let wait = wait.unwrap_or(THROTTLE_REST);
    ConnectorError::new(
        ErrorKind::RateLimited,
        format!(
            "servicedesk plus blocks further calls for {} minutes",
            wait.as_secs().div_ceil(60)
        ),
    )
    .advise("wait; every further call makes the block longer")
    .retry_after(Some(wait))
}

/// The error for a sign-in page.
pub(super) fn signed_out() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Auth,
        "servicedesk plus answered with a web page, most likely its sign-in form",
    )
    .advise(NEW_KEY)
}

/// The error for an answer that breaks the protocol.
pub(super) fn broken(what: impl std::fmt::Display, effect: Effect) -> ConnectorError {
    match effect {
        Effect::None => {
            ConnectorError::new(ErrorKind::Protocol, format!("servicedesk plus answered {what}"))
        }
        Effect::Write => ConnectorError::new(
            ErrorKind::Ambiguous,
            format!("servicedesk plus answered {what}; the write may have happened"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(status: u16, body: &Value, effect: Effect) -> Result<Answer, ConnectorError> {
        judge(status, body.to_string().as_bytes(), effect, None)
    }

    #[test]
    fn only_2000_is_success_as_object_or_array() {
        let one = json!({"request": {"id": "1"}, "response_status": {"status_code": 2000, "status": "success"}});
        let many = json!({"requests": [], "response_status": [{"status_code": 2000, "status": "success"}]});
        assert!(judged(200, &one, Effect::Write).is_ok());
        assert!(judged(201, &one, Effect::Write).is_ok());
        assert!(judged(200, &many, Effect::None).is_ok());
    }

    #[test]
    fn every_row_of_the_table_ends_in_its_kind() {
        use ErrorKind as K;
        let failed = |code: u32, inner: u32| {
            json!({"response_status": {"status_code": code, "status": "failed",
                "messages": [{"status_code": inner, "type": "failed", "field": "level", "message": "Invalid Input"}]}})
        };
        let warning = json!({"response_status": {"status": "warning", "status_code": 3000,
            "messages": [{"fields": ["technician", "resolution"], "status_code": 4003, "type": "warning"}]}});
        let array =
            json!({"response_status": [{"status_code": 4000, "status": "failed", "messages": []}]});
        for (status, body, effect, kind) in [
            (200, failed(4000, 4001), Effect::Write, K::Invalid),
            (400, failed(4000, 4001), Effect::Write, K::Invalid),
            (200, warning, Effect::Write, K::Invalid),
            (200, array, Effect::None, K::Invalid),
            (404, failed(4000, 4007), Effect::None, K::NotFound),
            (200, failed(4000, 4007), Effect::None, K::NotFound),
            (400, failed(4000, 4002), Effect::None, K::Permission),
            (401, json!({}), Effect::Write, K::Auth),
            (403, json!({}), Effect::Write, K::Permission),
            (429, json!({}), Effect::Write, K::RateLimited),
            (500, json!({}), Effect::None, K::Unavailable),
            (500, json!({}), Effect::Write, K::Ambiguous),
            (502, json!(null), Effect::Write, K::Ambiguous),
            (200, json!({"response_status": {"status": "failed"}}), Effect::Write, K::Invalid),
        ] {
            assert_eq!(judged(status, &body, effect).unwrap_err().kind, kind, "{status} {body}");
        }
        let error = judged(200, &failed(4000, 4001), Effect::Write).unwrap_err();
        assert_eq!(error.field.as_ref().map(|field| field.as_str()), Some("level"));
        assert!(error.detail.contains("Invalid Input (level)"), "{error}");
        assert_eq!(judge(200, b"<html>", Effect::Write, None).unwrap_err().kind, K::Ambiguous);
        assert_eq!(judge(200, b"{\"requ", Effect::None, None).unwrap_err().kind, K::Protocol);
    }

    #[test]
    fn the_throttle_is_known_in_any_status_and_tells_its_minutes() {
        let body =
            |message: &str| json!({"error": {"title": THROTTLE, "details": {"message": message}}});
        let named = body(
            "Cannot execute more than 100 requests per API in 2 minutes. Try again after 22 minutes.",
        );
        for status in [200, 400, 429, 500] {
            let error = judged(status, &named, Effect::Write).unwrap_err();
            assert_eq!(
                (error.kind, error.retry_after),
                (ErrorKind::RateLimited, Some(Duration::from_secs(22 * 60)))
            );
        }
        let error = judged(400, &body("Slow down."), Effect::None).unwrap_err();
        assert_eq!(error.retry_after, Some(THROTTLE_REST));
        let ticket =
            json!({"request": {"subject": THROTTLE}, "response_status": {"status_code": 2000}});
        assert!(
            judged(200, &ticket, Effect::None).is_ok(),
            "a ticket about the throttle is no throttle"
        );
    }
}
