//! The receiver of deliveries: raw bytes in, one short answer out, no key needed.
//!
//! Nothing is decompressed and nothing parsed before the webhooks room has verified the very bytes that were sent.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, post};
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::{FutureExt as _, StreamExt as _};
use syncline_app::{Answer as Verdict, Incoming};
use syncline_domain::JobKey;
use syncline_domain::ports::Clock;

use crate::ApiState;
use crate::error::{ApiError, Failure};
use crate::reply::{Answer, Reply};
use crate::status;
use crate::view::webhooks::Received;

/// The largest body, in bytes.
const CAP: usize = 1024 * 1024;
/// A body that takes longer than this is refused.
const DEADLINE: Duration = Duration::from_secs(10);
/// Where the receiver lives; the door is open there.
pub(crate) const PLACE: &str = "/api/webhooks/receive/";
/// All that somebody unproven learns.
const BARE: &str = "the request was not accepted";

/// Take a delivery in; the body is verified as it came, so it may not be compressed
#[utoipa::path(
    tag = "Webhooks",
    security(()),
    params(("token" = String, Path)),
    responses((status = 202, body = Reply<Received>), (status = "4XX", body = Failure))
)]
#[post("/webhooks/receive/{token}")]
pub(crate) async fn receive(
    req: HttpRequest,
    payload: Payload,
    state: Data<ApiState>,
) -> Answer<Received> {
    let body = read(&req, payload, state.app.clock().as_ref()).await?;
    let headers = req.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let token = req.match_info().get("token").unwrap_or_default();
    let peer = req.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let incoming = Incoming::new(token, headers, body, peer);
    told(state.app.receiver().receive(incoming).await)
}

fn told(verdict: Verdict) -> Answer<Received> {
    let taken = |message: &str, job: Option<JobKey>, delivery: i64| {
        let (message, job_id) = (message.to_owned(), job.map(|key| key.to_string()));
        Ok(Reply::accepted(Received { message, job_id, delivery_id: delivery }))
    };
    match verdict {
        Verdict::Accepted { job_id, delivery_id } => {
            taken("Webhook received", job_id, delivery_id.0)
        }
        Verdict::Duplicate { job_id, delivery_id } => {
            taken("Webhook received before", job_id, delivery_id.0)
        }
        Verdict::Ignored { delivery_id, .. } => taken("Webhook ignored", None, delivery_id.0),
        Verdict::Unusable { reason, .. } => Err(ApiError::new(status::BAD_REQUEST, reason)),
        Verdict::Rejected => Err(ApiError::new(status::UNAUTHORIZED, BARE)),
        Verdict::NotFound => Err(ApiError::new(status::NOT_FOUND, BARE)),
        Verdict::TooManyFailures { retry_after } => {
            Err(ApiError::new(status::TOO_MANY, BARE).later(retry_after))
        }
        Verdict::Busy { retry_after } => {
            let text = "the queue is full; send it again later";
            Err(ApiError::new(status::UNAVAILABLE, text).later(retry_after))
        }
        Verdict::Unavailable { retry_after } => {
            let text = "the delivery could not be kept; send it again later";
            Err(ApiError::new(status::UNAVAILABLE, text).later(retry_after))
        }
    }
}

/// The whole body. One that arrives in one piece is not copied until it leaves here, and asks no clock.
async fn read(req: &HttpRequest, payload: Payload, clock: &dyn Clock) -> Result<Vec<u8>, ApiError> {
    let header = |name| req.headers().get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_ENCODING).is_some_and(|name| !name.eq_ignore_ascii_case("identity")) {
        let text = "compressed bodies are not taken; send the body without Content-Encoding";
        return Err(ApiError::new(status::MEDIA_TYPE, text));
    }
    let length = header(CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
    if length.is_some_and(|length| length > CAP) {
        return Err(too_large());
    }
    let collect = collect(payload, length.unwrap_or(0));
    futures_util::pin_mut!(collect);
    if let Some(read) = collect.as_mut().now_or_never() {
        return read;
    }
    match select(collect, clock.sleep(DEADLINE)).await {
        Either::Left((read, _)) => read,
        Either::Right(_) => Err(ApiError::new(
            status::TIMEOUT,
            format!("the body did not arrive within {} seconds; send it again", DEADLINE.as_secs()),
        )),
    }
}

async fn collect(mut payload: Payload, length: usize) -> Result<Vec<u8>, ApiError> {
    let Some(first) = next(&mut payload).await? else { return Ok(Vec::new()) };
    if first.len() > CAP {
        return Err(too_large());
    }
    let Some(second) = next(&mut payload).await? else { return Ok(first.into()) };
    let mut all = BytesMut::with_capacity(length.max(first.len() + second.len()).min(CAP));
    all.extend_from_slice(&first);
    let mut chunk = second;
    loop {
        if all.len() + chunk.len() > CAP {
            return Err(too_large());
        }
        all.extend_from_slice(&chunk);
        match next(&mut payload).await? {
            Some(more) => chunk = more,
            None => return Ok(all.into()),
        }
    }
}

async fn next(payload: &mut Payload) -> Result<Option<Bytes>, ApiError> {
    let broken = |_| ApiError::new(status::BAD_REQUEST, "the body broke off; send it again");
    payload.next().await.transpose().map_err(broken)
}

fn too_large() -> ApiError {
    ApiError::new(status::TOO_LARGE, format!("the body is larger than {CAP} bytes"))
}
