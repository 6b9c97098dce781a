//! `Idempotency-Key`: the same key with the same body answers the first reply again, for a day.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde_json::Value;
use syncline_app::Claim;
use syncline_domain::Fault;

use crate::ApiState;
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
///
/// Work under a key goes on when the client goes away: it is the reply that the next try will ask for.
pub(crate) async fn once<F>(
    call: Call,
    body: &Value,
    work: impl FnOnce(Call) -> F,
) -> Result<Remembered, ApiError>
where
    F: Future<Output = Result<Remembered, ApiError>> + 'static,
{
    let Some(key) = call.idempotency_key().map(str::to_owned) else { return work(call).await };
    if key.len() > 200 {
        return Err(Fault::invalid("Idempotency-Key", "it is longer than 200 characters").into());
    }
    let scope = call.idempotency_scope();
    match call.app().claim_reply(&scope, &key, &body.to_string()).await? {
        Claim::Mine => {}
        Claim::Kept { status, reply } => return Ok(Remembered { code: status, text: reply }),
        Claim::GoingOn => {
            let text = "the first request with this Idempotency-Key is still being worked on; \
                        ask again in a while";
            return Err(Fault::Conflict(text.to_owned()).into());
        }
        Claim::OtherBody => {
            let text = "this Idempotency-Key was sent with another body; use a new key";
            return Err(ApiError::new(status::UNPROCESSABLE, text));
        }
    }
    let state = call.state.clone();
    let work = work(call);
    let task = actix_web::rt::spawn(async move {
        let done = work.await;
        settle(&state, &scope, &key, done).await
    });
    task.await.unwrap_or_else(|error| Err(Fault::Internal(error.to_string()).into()))
}

async fn settle(
    state: &Data<ApiState>,
    scope: &str,
    key: &str,
    done: Result<Remembered, ApiError>,
) -> Result<Remembered, ApiError> {
    match &done {
        Ok(reply) => state.app.keep_reply(scope, key, reply.code, &reply.text).await?,
        Err(_) => state.app.drop_claim(scope, key).await?,
    }
    done
}
