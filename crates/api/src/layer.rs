//! What happens around every handler: request id, the door, safe headers, HEAD, one form for all failures.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};

use crate::ApiState;
use crate::door;
use crate::error::ApiError;
use crate::request_id::RequestId;
use crate::routes::receive;
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
/// Said where people come by TLS: browsers then never try without.
const TLS_ONLY: (&str, &str) = ("strict-transport-security", "max-age=31536000");
/// The API's own documentation page brings its styles and start script inline.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
/// Longer words of others are cut before they are repeated.
const ECHO_MAX: usize = 300;

/// Wraps one request.
pub(crate) async fn around(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let head = req.method() == Method::HEAD;
    if head {
        req.head_mut().method = Method::GET;
    }
    let id = named(&req);
    let docs = req.path().starts_with("/api/docs");
    req.extensions_mut().insert(RequestId(id.clone()));
    let tls = public_tls(&req);
    let response = match knock(&req).await {
        Ok(()) => next.call(req).await?.map_into_boxed_body(),
        Err(refused) => req.error_response(refused),
    };
    let mut response = shaped(response, &id);
    let headers = response.headers_mut();
    for (name, value) in SAFE.into_iter().chain(tls.then_some(TLS_ONLY)) {
        let value = if docs && name == "content-security-policy" { DOCS_POLICY } else { value };
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    // A stream without an end would hold the connection, though none of it is sent.
    let endless = head && matches!(response.response().body().size(), BodySize::Stream);
    Ok(if endless { response.map_body(|_, _| BoxBody::new(())) } else { response })
}

/// Whether people come by TLS; a proxy in front ends it, so only the public address tells.
fn public_tls(req: &ServiceRequest) -> bool {
    let state = req.app_data::<Data<ApiState>>();
    state.is_some_and(|state| state.app.automation().public_url.starts_with("https://"))
}

fn named(req: &ServiceRequest) -> String {
    let state = req.app_data::<Data<ApiState>>();
    let number = state.map_or(0, |state| state.rng.next_u64());
    format!("req_{number:016x}")
}

/// Asks at the door before anything of the request is judged, so that a stranger learns nothing from faults.
///
/// This is about the order only: a handler gets its caller from `Call`, which asks by itself where nobody did.
async fn knock(req: &ServiceRequest) -> Result<(), ApiError> {
    const OPEN: [&str; 3] = ["/api/docs", "/api/openapi.json", receive::PLACE];
    let path = req.path();
    if !path.starts_with("/api/") || OPEN.iter().any(|open| path.starts_with(open)) {
        return Ok(());
    }
    let Some(state) = req.app_data::<Data<ApiState>>() else { return Ok(()) };
    let caller = door::let_in(state, req.request()).await?;
    req.extensions_mut().insert(caller);
    Ok(())
}

/// Gives a failure its one form, with the request's id.
fn shaped(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let code = response.status();
    if !code.is_client_error() && !code.is_server_error() {
        return response;
    }
    let (req, response) = response.into_parts();
    if code.is_server_error() && response.error().is_none() {
        // Not a failure of a request: a health page that says so.
        return ServiceResponse::new(req, response);
    }
    let ours = response.error().and_then(|error| error.as_error::<ApiError>());
    let fresh = match ours {
        Some(error) => {
            if let Some(cause) = error.cause() {
                log::error!(request_id = id; "internal fault: {cause}");
            }
            error.respond(id)
        }
        None => {
            let text = response.error().map_or_else(String::new, ToString::to_string);
            let text: String = text.chars().take(ECHO_MAX).collect();
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
