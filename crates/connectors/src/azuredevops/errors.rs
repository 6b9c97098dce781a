//! From what Azure DevOps answers to what the caller can do about it.
//!
//! The status alone does not decide: a missing permission looks like a missing item, a sign-in page like success. The
//! server's `typeKey` comes first, then the code at the head of its message, then the status.

use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind};

use super::wire::Failure;

/// Whether a call changes anything: it decides what a broken answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Reads only; may be repeated.
    None,
    /// Writes; after a broken answer nobody knows.
    Write,
}

const NEW_TOKEN: &str =
    "make a personal access token with the scope Work Items (read & write) and enter it";
const ASK_PERMISSION: &str = "give the account the permissions to view and edit work items in this node of the project's area tree";

/// The error for an answer that is no success.
pub(super) fn refused(
    status: u16,
    body: &[u8],
    wait: Option<Duration>,
    effect: Effect,
) -> ConnectorError {
    let failure: Failure = serde_json::from_slice(body).unwrap_or_default();
    let kind = kind_of(status, &failure, effect);
    let mut error = ConnectorError::new(kind, detail(status, &failure)).retry_after(wait);
    if let Some(field) = field_of(&failure) {
        error = error.on_field(field.as_str());
    }
    match advice(kind, &failure) {
        Some(advice) => error.advise(advice),
        None => error,
    }
}

/// The error for a sign-in page, a redirect to one, or a 203.
pub(super) fn signed_out() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Auth,
        "azure devops answered with its sign-in page: the token is wrong, expired or revoked",
    )
    .advise(NEW_TOKEN)
}

/// The error for an answer that breaks the protocol.
pub(super) fn broken(what: impl std::fmt::Display, effect: Effect) -> ConnectorError {
    match effect {
        Effect::None => {
            ConnectorError::new(ErrorKind::Protocol, format!("azure devops answered {what}"))
        }
        Effect::Write => ConnectorError::new(
            ErrorKind::Ambiguous,
            format!("azure devops answered {what}; the write may have happened"),
        ),
    }
}

/// A query that finds more than the server is willing to list.
pub(super) fn is_too_many(error: &ConnectorError) -> bool {
    error.kind == ErrorKind::Invalid
        && (error.detail.contains("VS402337")
            || error.detail.contains("QueryResultSizeLimitExceeded"))
}

/// A state that the type's rules do not allow here.
pub(super) fn is_state_refused(error: &ConnectorError) -> bool {
    error.kind == ErrorKind::Invalid
        && error.field.as_ref().is_some_and(|field| field.as_str() == "System.State")
}

fn kind_of(status: u16, failure: &Failure, effect: Effect) -> ErrorKind {
    let key = failure.type_key.as_str();
    let says = |part: &str| key.contains(part) || failure.message.contains(part);
    if says("WorkItemRevisionMismatch") || says("TF26071") || says("VS403351") {
        return ErrorKind::VersionConflict;
    }
    match status {
        401 | 203 | 302 => ErrorKind::Auth,
        403 => ErrorKind::Permission,
        404 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::VersionConflict,
        429 => ErrorKind::RateLimited,
        405 | 406 | 415 => ErrorKind::Protocol,
        400 if says("PermissionDenied") || says("UnauthorizedAccess") => ErrorKind::Permission,
        400 if says("TF400733") => ErrorKind::RateLimited,
        408 | 500.. => match effect {
            Effect::None => ErrorKind::Unavailable,
            Effect::Write => ErrorKind::Ambiguous,
        },
        _ => ErrorKind::Invalid,
    }
}

fn detail(status: u16, failure: &Failure) -> String {
    let message = failure.message.trim();
    let key = failure.type_key.trim();
    let text = match (message.is_empty(), status) {
        (false, _) => shorten(message),
        (true, 401) => "azure devops refused the token".to_owned(),
        (true, 403) => "azure devops refused: the account may not do this".to_owned(),
        (true, _) if key.is_empty() => format!("azure devops answered status {status}"),
        (true, _) => format!("azure devops answered {key}"),
    };
    if status == 404 && !text.contains("permission") {
        return format!("{text} (or the account has no permission to see it)");
    }
    text
}

/// Server messages can carry whole values; a person needs the first lines.
fn shorten(message: &str) -> String {
    const LONGEST: usize = 600;
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", message.get(..end).unwrap_or(message)),
        None => message.to_owned(),
    }
}

fn advice(kind: ErrorKind, failure: &Failure) -> Option<&'static str> {
    let project =
        failure.type_key.contains("ProjectDoesNotExist") || failure.message.contains("TF200016");
    match kind {
        ErrorKind::Auth => Some(NEW_TOKEN),
        ErrorKind::Permission => Some(ASK_PERMISSION),
        ErrorKind::NotFound if project => Some("correct the project's name in endpoint"),
        ErrorKind::NotFound => {
            Some("look whether it was deleted, or give the account permission to view it")
        }
        ErrorKind::RateLimited => Some("wait; let one account serve one integration only"),
        ErrorKind::Unavailable if failure.type_key.contains("QueryTimeout") => {
            Some("narrow the filter: the query takes the server too long")
        }
        _ => None,
    }
}

/// The reference name of the field that the server blames.
fn field_of(failure: &Failure) -> Option<String> {
    named_field(&failure.custom_properties).or_else(|| field_in_text(&failure.message))
}

fn named_field(properties: &Value) -> Option<String> {
    let direct = ["FieldReferenceName", "fieldReferenceName"];
    let find = |object: &Value| {
        direct.iter().find_map(|key| object.get(key)).and_then(Value::as_str).map(ToOwned::to_owned)
    };
    find(properties).or_else(|| {
        let rules = properties
            .get("RuleValidationErrors")
            .or_else(|| properties.get("ruleValidationErrors"))?;
        rules.as_array()?.iter().find_map(find)
    })
}

/// Messages name fields by reference (`System.State`) or, in quotes or before a full stop, by the shown name.
fn field_in_text(message: &str) -> Option<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_');
    let known = ["System.", "Microsoft.VSTS.", "Custom."];
    let mut words = message.split(|c| !is_part(c)).map(|word| word.trim_matches('.'));
    if let Some(reference) = words.find(|word| known.iter().any(|head| word.starts_with(head))) {
        return Some(reference.to_owned());
    }
    let after = message.split_once("field ").map(|(_, rest)| rest.trim_start())?;
    let name = match after.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => after.split(['.', ',', '\'']).next(),
    }?;
    match name.trim() {
        "Title" => Some("System.Title".to_owned()),
        "State" => Some("System.State".to_owned()),
        "Reason" => Some("System.Reason".to_owned()),
        "Assigned To" => Some("System.AssignedTo".to_owned()),
        "Area Path" => Some("System.AreaPath".to_owned()),
        "Iteration Path" => Some("System.IterationPath".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_row_of_the_table_ends_in_its_kind() {
        use ErrorKind as K;
        for (status, key, message, effect, kind) in [
            (401, "", "", Effect::None, K::Auth),
            (403, "PermissionDeniedException", "no", Effect::Write, K::Permission),
            (
                404,
                "WorkItemUnauthorizedAccessException",
                "TF401232: gone or no permissions",
                Effect::None,
                K::NotFound,
            ),
            (404, "WorkItemTypeNotFoundException", "VS402323", Effect::Write, K::NotFound),
            (400, "RuleValidationException", "TF401320", Effect::Write, K::Invalid),
            (
                400,
                "WorkItemTrackingQueryResultSizeLimitExceededException",
                "VS402337: 20000",
                Effect::None,
                K::Invalid,
            ),
            (408, "WorkItemTrackingQueryTimeoutException", "slow", Effect::None, K::Unavailable),
            (408, "", "", Effect::Write, K::Ambiguous),
            (
                409,
                "WorkItemRevisionMismatchException",
                "TF26071",
                Effect::Write,
                K::VersionConflict,
            ),
            (400, "WorkItemRevisionMismatchException", "x", Effect::Write, K::VersionConflict),
            (
                412,
                "TestPatchOperationFailedException",
                "VS403351: Test Operation for path /rev failed",
                Effect::Write,
                K::VersionConflict,
            ),
            (429, "", "TF400733: blocked", Effect::Write, K::RateLimited),
            (500, "", "", Effect::None, K::Unavailable),
            (500, "", "", Effect::Write, K::Ambiguous),
            (502, "", "", Effect::Write, K::Ambiguous),
            (503, "", "", Effect::None, K::Unavailable),
            (415, "", "", Effect::Write, K::Protocol),
        ] {
            let body = json!({"message": message, "typeKey": key}).to_string();
            let error = refused(status, body.as_bytes(), None, effect);
            assert_eq!(error.kind, kind, "{status} {key}");
            assert!(!error.detail.is_empty());
        }
    }

    #[test]
    fn a_missing_permission_is_named_where_it_looks_like_a_missing_item() {
        let error = refused(404, br#"{"message":"gone"}"#, None, Effect::None);
        assert!(error.for_people().contains("permission"), "{}", error.for_people());
        assert!(refused(404, b"", None, Effect::None).detail.contains("permission"));
    }

    #[test]
    fn the_field_at_fault_is_found_in_properties_or_words() {
        for (body, field) in [
            (
                json!({"message": "x", "customProperties": {"FieldReferenceName": "Custom.A"}}),
                Some("Custom.A"),
            ),
            (
                json!({"message": "x", "customProperties": {"RuleValidationErrors": [{"fieldReferenceName": "System.State"}]}}),
                Some("System.State"),
            ),
            (
                json!({"message": "TF401320: Rule Error for field State. Error code: InvalidNotOldValue."}),
                Some("System.State"),
            ),
            (
                json!({"message": "The field 'Area Path' contains an invalid value"}),
                Some("System.AreaPath"),
            ),
            (
                json!({"message": "Cannot find field Microsoft.VSTS.Common.Foo."}),
                Some("Microsoft.VSTS.Common.Foo"),
            ),
            (json!({"message": "no idea"}), None),
        ] {
            let error = refused(400, body.to_string().as_bytes(), None, Effect::Write);
            assert_eq!(error.field.as_ref().map(|f| f.as_str()), field, "{body}");
        }
    }

    #[test]
    fn a_broken_answer_to_a_write_leaves_doubt() {
        assert_eq!(broken("nonsense", Effect::None).kind, ErrorKind::Protocol);
        assert_eq!(broken("nonsense", Effect::Write).kind, ErrorKind::Ambiguous);
        assert_eq!(signed_out().kind, ErrorKind::Auth);
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let body = json!({"message": "ä".repeat(2_000)}).to_string();
        assert!(refused(400, body.as_bytes(), None, Effect::None).detail.chars().count() < 700);
    }
}
