//! Reading a JSON body: the raw bytes, capped and timed, never decompressed.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde_json::Value;
use syncline_app::input::Body;
use syncline_domain::Fault;

use crate::error::ApiError;
use crate::status;
use crate::strict::{Strict, nul_faults};

/// The largest JSON body, in bytes.
const CAP: usize = 256 * 1024;
/// A body that takes longer than this is refused.
const DEADLINE: Duration = Duration::from_secs(10);

/// A JSON body that must be there.
pub(crate) struct Json(pub(crate) Value);

/// A JSON body that may be missing, which is the same as `{}`.
pub(crate) struct MaybeJson(pub(crate) Value);

impl MaybeJson {
    /// For routes that take no body: warnings about any field that came.
    pub(crate) fn nothing(self) -> Result<Vec<String>, Fault> {
        Body::new(self.0)?.finish()
    }
}

impl FromRequest for Json {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&req, payload).await?;
            if bytes.is_empty() {
                return Err(Fault::invalid("", "the body is empty; send a JSON object").into());
            }
            parse(&req, &bytes).map(Self)
        })
    }
}

impl FromRequest for MaybeJson {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&req, payload).await?;
            if bytes.is_empty() {
                return Ok(Self(Value::Object(serde_json::Map::new())));
            }
            parse(&req, &bytes).map(Self)
        })
    }
}

async fn read(req: &HttpRequest, mut payload: Payload) -> Result<Bytes, ApiError> {
    let encoding = req.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("identity")) {
        let text = "compressed bodies are not read; send the body without Content-Encoding";
        return Err(ApiError::new(status::MEDIA_TYPE, text));
    }
    let collect = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| {
                ApiError::new(status::BAD_REQUEST, "the body broke off; send it again")
            })?;
            if bytes.len() + chunk.len() > CAP {
                let text = format!("the body is larger than {CAP} bytes; send less");
                return Err(ApiError::new(status::TOO_LARGE, text));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    };
    match tokio::time::timeout(DEADLINE, collect).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::new(
            status::TIMEOUT,
            format!("the body did not arrive within {} seconds; send it again", DEADLINE.as_secs()),
        )),
    }
}

fn parse(req: &HttpRequest, bytes: &[u8]) -> Result<Value, ApiError> {
    let kind = req.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if kind != "application/json" && !kind.ends_with("+json") {
        return Err(ApiError::new(
            status::MEDIA_TYPE,
            "the body is not marked as JSON; send the header Content-Type: application/json",
        ));
    }
    let Strict(value) = serde_json::from_slice(bytes)
        .map_err(|error| Fault::invalid("", format!("the body is no good JSON: {error}")))?;
    let mut faults = Vec::new();
    nul_faults(&value, "", &mut faults);
    if faults.is_empty() { Ok(value) } else { Err(Fault::Invalid(faults).into()) }
}
