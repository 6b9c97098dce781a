//! From what Redmine answers to what the caller can do about it.
//!
//! Only a 422 has a body, in the language of the account. 401, 403 and 404 are empty, and 403 means any of: no
//! permission, REST switched off, project closed or archived.

use std::time::Duration;

use syncline_domain::ports::{ConnectorError, ErrorKind};

use super::fields::FIELDS;
use super::wire::Errors;

const NEW_KEY: &str = "take the API access key from the account page in Redmine (right column) and enter it; \
     with two-factor authentication a password is never accepted";
const FORBIDDEN: &str = "give the account a role with the needed permission in this project; look also whether \
     Administration > Settings > API has the REST web service enabled, and whether the project is closed or archived";
const MISSING: &str =
    "look whether it was deleted or moved, and whether base url and project are spelled right";

/// The error for an answer that is no success.
pub(super) fn refused(
    status: u16,
    body: &[u8],
    wait: Option<Duration>,
    write: bool,
) -> ConnectorError {
    let errors: Errors = if status == 422 {
        serde_json::from_slice(body).unwrap_or_default()
    } else {
        Errors::default()
    };
    let kind = kind_of(status, write);
    let mut error = ConnectorError::new(kind, detail(status, &errors.errors)).retry_after(wait);
    error.what_to_do = advice(kind).map(str::to_owned);
    match errors.errors.iter().find_map(|text| field_in(text)) {
        Some(field) => error.on_field(field),
        None => error,
    }
}

/// The error for a page where JSON should be.
pub(super) fn signed_out() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Auth,
        "redmine (or something before it) answered with a web page: the sign-in is not accepted",
    )
    .advise(NEW_KEY)
}

/// The error for an answer that is no JSON or of another shape.
pub(super) fn broken(what: impl std::fmt::Display, write: bool) -> ConnectorError {
    if write {
        let text = format!("redmine answered {what}; the write may have happened");
        return ConnectorError::new(ErrorKind::Ambiguous, text);
    }
    ConnectorError::new(ErrorKind::Protocol, format!("redmine answered {what}"))
        .advise("check that the base url is the address of Redmine itself, sub-path included")
}

/// The error for an issue that is not there, or not for us.
pub(super) fn no_issue(id: u64) -> ConnectorError {
    ConnectorError::new(ErrorKind::NotFound, format!("there is no issue {id} that we may see"))
        .advise(MISSING)
}

/// The error for a value that we refuse before Redmine does.
pub(super) fn invalid(field: &str, detail: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorKind::Invalid, detail).on_field(field)
}

fn kind_of(status: u16, write: bool) -> ErrorKind {
    match status {
        401 | 407 | 412 => ErrorKind::Auth,
        403 => ErrorKind::Permission,
        404 | 410 => ErrorKind::NotFound,
        409 => ErrorKind::VersionConflict,
        429 => ErrorKind::RateLimited,
        405 | 406 | 415 => ErrorKind::Protocol,
        408 | 500.. if write => ErrorKind::Ambiguous,
        408 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

fn detail(status: u16, errors: &[String]) -> String {
    if !errors.is_empty() {
        return format!("redmine refused it: {}", shorten(&errors.join("; ")));
    }
    match status {
        401 => "redmine refused the sign-in".to_owned(),
        403 => "redmine refused: the account may not do this".to_owned(),
        404 => "redmine knows nothing of this kind (or shows it to others only)".to_owned(),
        412 => "redmine knows no active account to act as".to_owned(),
        413 => "redmine (or a proxy before it) refused the size of the request".to_owned(),
        422 => "redmine refused it without a word".to_owned(),
        _ => format!("redmine answered status {status}"),
    }
}

fn advice(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Auth => Some(NEW_KEY),
        ErrorKind::Permission => Some(FORBIDDEN),
        ErrorKind::NotFound => Some(MISSING),
        ErrorKind::RateLimited => Some("wait; the limit is that of a proxy before Redmine"),
        _ => None,
    }
}

/// Messages begin with the label of the field; only English labels are known, others name no field.
fn field_in(message: &str) -> Option<&'static str> {
    let message = message.trim().to_lowercase();
    let starts = |label: &str| {
        message.strip_prefix(&label.to_lowercase()).is_some_and(|rest| rest.starts_with(' '))
    };
    FIELDS.iter().find(|field| starts(field.label)).map(|field| field.reference)
}

fn shorten(message: &str) -> String {
    const LONGEST: usize = 600;
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", message.get(..end).unwrap_or(message)),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_ends_in_its_kind_and_says_what_to_do() {
        use ErrorKind as K;
        for (status, write, kind, advised) in [
            (401, false, K::Auth, true),
            (412, false, K::Auth, true),
            (403, true, K::Permission, true),
            (404, false, K::NotFound, true),
            (422, true, K::Invalid, false),
            (400, true, K::Invalid, false),
            (413, true, K::Invalid, false),
            (406, true, K::Protocol, false),
            (409, true, K::VersionConflict, false),
            (429, true, K::RateLimited, true),
            (500, false, K::Unavailable, false),
            (500, true, K::Ambiguous, false),
            (503, false, K::Unavailable, false),
            (504, true, K::Ambiguous, false),
        ] {
            let error = refused(status, b"", None, write);
            assert_eq!(error.kind, kind, "{status} {write}");
            assert_eq!(error.what_to_do.is_some(), advised, "{status}");
        }
    }

    #[test]
    fn the_field_is_named_where_the_message_begins_with_its_label() {
        for (message, field) in [
            ("Subject cannot be blank", Some("subject")),
            ("Due date must be greater than start date", Some("due_date")),
            ("Target version is not included in the list", Some("fixed_version")),
            ("Le sujet doit être rempli", None),
        ] {
            let body = serde_json::json!({ "errors": [message] }).to_string();
            let error = refused(422, body.as_bytes(), None, true);
            assert_eq!(error.field.as_ref().map(|f| f.as_str()), field, "{message}");
            assert!(error.detail.contains(message));
        }
    }

    #[test]
    fn a_broken_answer_to_a_write_leaves_doubt() {
        assert_eq!(broken("nonsense", true).kind, ErrorKind::Ambiguous);
        assert_eq!(broken("nonsense", false).kind, ErrorKind::Protocol);
        assert_eq!(signed_out().kind, ErrorKind::Auth);
    }
}
