//! `Idempotency-Key`: the same key with the same body answers the first reply again, for a day.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde_json::Value;
use syncline_app::Claim;
use syncline_domain::Fault;

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use crate::status;

/// A reply that may be kept: its code and its JSON text.
pub(crate) struct Remembered {
    code: u16,
    text: String,
}

impl Remembered {
    /// From a reply.
    pub(crate) fn of<T: Serialize>(reply: &Reply<T>) -> Result<Self, ApiError> {
        let text = serde_json::to_string(reply).map_err(|e| Fault::Internal(e.to_string()))?;
        Ok(Self { code: reply.code(), text })
    }
}

impl Responder for Remembered {
    type Body = BoxBody;

    fn respond_to(self, _req: &HttpRequest) -> HttpResponse {
        let code = StatusCode::from_u16(self.code).unwrap_or(status::OK);
        HttpResponse::build(code).content_type(ContentType::json()).body(self.text)
    }
}

/// Does the work once for each key; a failed request may be sent again.
pub(crate) async fn once(
    call: &Call,
    body: &Value,
    work: impl Future<Output = Result<Remembered, ApiError>>,
) -> Result<Remembered, ApiError> {
    let Some(key) = call.idempotency_key() else { return work.await };
    if key.len() > 200 {
        return Err(Fault::invalid("Idempotency-Key", "it is longer than 200 characters").into());
    }
    let scope = call.idempotency_scope();
    match call.app().claim_reply(&scope, key, &body.to_string()).await? {
        Claim::Mine => {}
        Claim::Kept { status, reply } => return Ok(Remembered { code: status, text: reply }),
        Claim::GoingOn => {
            let text = "the first request with this Idempotency-Key is still being worked on";
            return Err(Fault::Conflict(text.to_owned()).into());
        }
        Claim::OtherBody => {
            let text = "this Idempotency-Key was sent with another body; use a new key";
            return Err(ApiError::new(status::UNPROCESSABLE, text));
        }
    }
    match work.await {
        Ok(reply) => {
            call.app().keep_reply(&scope, key, reply.code, &reply.text).await?;
            Ok(reply)
        }
        Err(error) => {
            call.app().drop_claim(&scope, key).await?;
            Err(error)
        }
    }
}
