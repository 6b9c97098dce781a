//! A name for every request, in its reply and in the log.

use actix_web::{HttpMessage as _, HttpRequest};

/// The name of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// The name that the wrapping layer gave.
pub(crate) fn request_id(req: &HttpRequest) -> String {
    req.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone())
}
