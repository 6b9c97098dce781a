//! What happens around every handler: request id, safe headers, HEAD, one form for all failures.

use std::future::Future;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage as _};

use crate::error::ApiError;
use crate::request_id::RequestId;
use crate::status;

/// Headers of every reply. Scripts and frames from elsewhere are refused.
const SAFE: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    ),
];
/// The API's own documentation page brings its styles and start script inline.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/// Wraps one request.
pub(crate) fn around<S, B>(
    id: String,
    mut req: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    if req.method() == Method::HEAD {
        req.head_mut().method = Method::GET;
    }
    let docs = req.path().starts_with("/api/docs");
    req.extensions_mut().insert(RequestId(id.clone()));
    let answer = service.call(req);
    async move {
        let response = answer.await?.map_into_boxed_body();
        let mut response = shaped(response, &id);
        let headers = response.headers_mut();
        for (name, value) in SAFE {
            let value = if docs && name == "content-security-policy" { DOCS_POLICY } else { value };
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(HeaderName::from_static("x-request-id"), value);
        }
        Ok(response)
    }
}

/// Gives a failure its one form, with the request's id.
fn shaped(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let code = response.status();
    if !code.is_client_error() && !code.is_server_error() {
        return response;
    }
    let (req, response) = response.into_parts();
    let ours = response.error().and_then(|error| error.as_error::<ApiError>());
    let fresh = match ours {
        Some(error) => error.respond(id),
        None => {
            let text = response.error().map_or_else(String::new, ToString::to_string);
            let outcome = status::of_code(code);
            let text = if text.is_empty() || outcome == status::INTERNAL {
                outcome.0.to_lowercase()
            } else {
                text
            };
            ApiError::new(outcome, text).respond(id)
        }
    };
    log::debug!(request_id = id, status = code.as_u16(), path = req.path(); "refused");
    ServiceResponse::new(req, fresh)
}
