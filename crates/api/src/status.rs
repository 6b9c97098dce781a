//! The one file that knows HTTP status codes: every failure, its short word, its code.

use actix_web::http::StatusCode;
use syncline_app::{AppError, Cause};
use syncline_domain::Fault;

/// The short word and the code of a failure.
pub(crate) type Outcome = (&'static str, StatusCode);

pub(crate) const CREATED: StatusCode = StatusCode::CREATED;
pub(crate) const ACCEPTED: StatusCode = StatusCode::ACCEPTED;
pub(crate) const OK: StatusCode = StatusCode::OK;

pub(crate) const BAD_REQUEST: Outcome = ("Validation Error", StatusCode::BAD_REQUEST);
pub(crate) const UNAUTHORIZED: Outcome = ("Unauthorized", StatusCode::UNAUTHORIZED);
pub(crate) const FORBIDDEN: Outcome = ("Forbidden", StatusCode::FORBIDDEN);
pub(crate) const NOT_FOUND: Outcome = ("Not Found", StatusCode::NOT_FOUND);
pub(crate) const METHOD_NOT_ALLOWED: Outcome =
    ("Method Not Allowed", StatusCode::METHOD_NOT_ALLOWED);
pub(crate) const TIMEOUT: Outcome = ("Request Timeout", StatusCode::REQUEST_TIMEOUT);
pub(crate) const CONFLICT: Outcome = ("Conflict", StatusCode::CONFLICT);
pub(crate) const TOO_LARGE: Outcome = ("Payload Too Large", StatusCode::PAYLOAD_TOO_LARGE);
pub(crate) const MEDIA_TYPE: Outcome =
    ("Unsupported Media Type", StatusCode::UNSUPPORTED_MEDIA_TYPE);
pub(crate) const UNPROCESSABLE: Outcome = ("Unprocessable", StatusCode::UNPROCESSABLE_ENTITY);
pub(crate) const TOO_MANY: Outcome = ("Too Many Requests", StatusCode::TOO_MANY_REQUESTS);
pub(crate) const INTERNAL: Outcome = ("Internal Server Error", StatusCode::INTERNAL_SERVER_ERROR);
pub(crate) const UNAVAILABLE: Outcome = ("Service Unavailable", StatusCode::SERVICE_UNAVAILABLE);
const CONNECTOR: Outcome = ("Connector Error", StatusCode::BAD_REQUEST);

/// How a failed use case is answered.
pub(crate) const fn of(error: &AppError) -> Outcome {
    match &error.cause {
        Cause::Remote { .. } => CONNECTOR,
        Cause::Fault(fault) => of_fault(fault),
    }
}

/// How a fault is answered.
pub(crate) const fn of_fault(fault: &Fault) -> Outcome {
    match fault {
        Fault::NotFound(_) => NOT_FOUND,
        Fault::Conflict(_) => CONFLICT,
        Fault::Invalid(_) => BAD_REQUEST,
        Fault::Forbidden(_) => FORBIDDEN,
        Fault::Busy(_) => TOO_MANY,
        Fault::Unavailable(_) => UNAVAILABLE,
        Fault::Internal(_) => INTERNAL,
    }
}

/// How a failure of the web framework itself is answered.
pub(crate) fn of_code(code: StatusCode) -> Outcome {
    const ALL: [Outcome; 12] = [
        UNAUTHORIZED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        TIMEOUT,
        CONFLICT,
        TOO_LARGE,
        MEDIA_TYPE,
        UNPROCESSABLE,
        TOO_MANY,
        UNAVAILABLE,
        INTERNAL,
    ];
    match ALL.into_iter().find(|(_, known)| *known == code) {
        Some(outcome) => outcome,
        None if code.is_server_error() => INTERNAL,
        None => BAD_REQUEST,
    }
}
