//! One POST to a chat or webhook server, and what its status means.

use std::time::Duration;

use syncline_domain::ChannelKind;
use syncline_outbound::{
    AddressPolicy, AllowList, Expect, Failure, Limits, Outbound, OutboundConfig, OutboundError,
    PlainHttp, Request, Response, Sent as Reached,
};

use crate::channel::{SendError, SendErrorKind, Sent};
use crate::recipient::{Place, Recipient};

/// Most bytes that are read of an answer; nobody needs to say more than "ok".
const ANSWER_BYTES: usize = 64 << 10;
/// Shorter waits than this are no plan; the retry table knows better.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// What the HTTP client for channels has to be: public addresses and `allowed` ones only, short time-outs, small
/// answers, no retries of its own, since the outbox keeps count of attempts.
#[must_use]
pub fn channel_outbound_config(allowed: AllowList, plain_http: PlainHttp) -> OutboundConfig {
    let mut config = OutboundConfig::new(AddressPolicy::channels().allowing(allowed));
    config.plain_http = plain_http;
    config.idle_read = Duration::from_secs(10);
    config.total = Duration::from_secs(20);
    config.body_cap = ANSWER_BYTES;
    config.attempts = 1;
    config.longest_pause = Duration::from_secs(2);
    config
}

/// Sends `request` (made for the recipient's address by `make`) once.
pub(crate) async fn post(
    outbound: &Outbound,
    to: &Recipient,
    make: impl FnOnce(Request) -> Request,
) -> Result<Sent, SendError> {
    let Place::Url(url) = to.place() else {
        return Err(SendError::permanent("a mail address is no address of a webhook"));
    };
    let client = outbound.credential(&format!("channel {}", to.hash()), Limits::default());
    let request =
        make(Request::post(url.clone()).secret_path().expect(Expect::Nothing).attempts(1));
    match client.send(request).await {
        Ok(answer) => judge(to.kind(), &answer),
        Err(error) => unanswered(error),
    }
}

/// A webhook's endpoint may be broken for a while in any manner, so every status but success and 410 is tried again
/// (Standard Webhooks); a chat service means what it says.
fn judge(kind: ChannelKind, answer: &Response) -> Result<Sent, SendError> {
    let words = answer.text_line();
    let code = Some(answer.status);
    if answer.is_success() {
        return Ok(Sent { code, answer: words });
    }
    let retry_after = answer.retry_after.filter(|wait| *wait >= LEAST_WAIT);
    let temporary = SendErrorKind::Temporary { retry_after };
    let kind = match (kind, answer.status) {
        (_, 410) => SendErrorKind::Gone,
        (_, 408 | 425 | 429 | 500..=599) | (ChannelKind::Webhook, _) => temporary,
        _ => SendErrorKind::Refused,
    };
    let advice = match answer.status {
        300..=399 => Some("redirects are not followed; enter the final address".to_owned()),
        401 | 403 | 404 | 410 => Some("check that the webhook still exists".to_owned()),
        _ => None,
    };
    let said = if words.is_empty() { words } else { format!(" ({words})") };
    let detail = format!("{}: status {}{said}", answer.call, answer.status);
    Err(SendError::new(kind, detail).with_code(code).advise(advice))
}

fn unanswered(error: OutboundError) -> Result<Sent, SendError> {
    // A failed status is an answer however its body ends, so this was a success with a body that nobody reads.
    if error.sent == Reached::Answered {
        return Ok(Sent { code: None, answer: error.failure.to_string() });
    }
    let retry_after = error.retry_after().filter(|wait| *wait >= LEAST_WAIT);
    let (kind, code) = match error.failure {
        Failure::Request(_) | Failure::PlainHttp { .. } | Failure::Refused(_) => {
            (SendErrorKind::Refused, None)
        }
        Failure::RateLimited { .. } => (SendErrorKind::Temporary { retry_after }, Some(429)),
        _ => (SendErrorKind::Temporary { retry_after }, None),
    };
    Err(SendError::new(kind, error.to_string()).with_code(code).advise(error.advice()))
}
