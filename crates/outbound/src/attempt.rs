//! One attempt: send, read the head, tell the limiter, read the body, judge it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use syncline_domain::ports::{Clock, FileSink, Rng};

use crate::body::Collector;
use crate::config::OutboundConfig;
use crate::depth;
use crate::diagnose;
use crate::error::{Failure, OutboundError, Sent};
use crate::hints::Hints;
use crate::limiter::Limiter;
use crate::redact;
use crate::request::{Expect, Request};
use crate::response::Response;
use crate::timeout::with_timeout;

/// What an attempt works with.
pub(crate) struct Context<'a> {
    pub(crate) http: &'a reqwest::Client,
    pub(crate) config: &'a OutboundConfig,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) rng: &'a dyn Rng,
    pub(crate) limiter: &'a Limiter,
}

/// Sends `request` once.
pub(crate) async fn once(cx: &Context<'_>, request: &Request) -> Result<Response, OutboundError> {
    let call = request.shown();
    let total = if request.is_file { cx.config.file_total } else { cx.config.total };
    let deadline = cx.clock.monotonic().saturating_add(total);
    let sending = build(cx, request).send();
    let head = match with_timeout(cx.clock, total, sending).await {
        Ok(Ok(head)) => head,
        Ok(Err(error)) => {
            let (failure, sent) = diagnose::before_answer(&error.without_url(), &request.url);
            return Err(OutboundError::new(failure, sent, call));
        }
        Err(elapsed) => {
            return Err(OutboundError::new(Failure::Timeout(elapsed.0), Sent::Maybe, call));
        }
    };
    let hints = Hints::read(head.headers(), cx.clock.now());
    cx.limiter.note(&hints, cx.clock);
    let mut response = Response {
        status: head.status().as_u16(),
        headers: head.headers().clone(),
        body: Bytes::new(),
        retry_after: hints.retry_after.or_else(|| hints.pause()),
        call,
    };
    let read = read_body(cx, request, head, deadline).await;
    match read.and_then(|body| judge(cx, request, &response, body)) {
        Ok(body) => response.body = body,
        // The status of a failure says enough; its page is only for words.
        Err(_) if !response.is_success() => {}
        Err(failure) => {
            return Err(OutboundError::new(failure, Sent::Answered, response.call));
        }
    }
    Ok(response)
}

fn build(cx: &Context<'_>, request: &Request) -> reqwest::RequestBuilder {
    let mut headers = request.outgoing_headers();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let builder = cx.http.request(request.method.clone(), request.url.clone()).headers(headers);
    match &request.body {
        Some(body) => body.put_on(builder, cx.rng),
        None => builder,
    }
}

async fn read_body(
    cx: &Context<'_>,
    request: &Request,
    mut head: reqwest::Response,
    deadline: Duration,
) -> Result<Bytes, Failure> {
    let sink = request.sink.as_deref().filter(|_| head.status().is_success());
    let cap = match (request.cap, sink) {
        (None, _) => cx.config.body_cap,
        (Some(cap), None) => cap.min(cx.config.body_cap),
        (Some(cap), Some(_)) => cap,
    };
    let announced = head.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > cap) {
        return Err(Failure::TooLarge { cap });
    }
    let gzip = is_gzip(head.headers())?;
    let mut collector = Collector::new(gzip, cap, cx.config.gzip_ratio);
    if let Some(sink) = sink {
        sink.begin().await.map_err(unkept)?;
    }
    loop {
        let left = deadline.saturating_sub(cx.clock.monotonic());
        let limit = left.min(cx.config.idle_read);
        match with_timeout(cx.clock, limit, head.chunk()).await {
            Ok(Ok(Some(piece))) => collector.push(&piece)?,
            Ok(Ok(None)) => return handed_on(sink, collector.finish()?).await,
            Ok(Err(_)) => return Err(Failure::Truncated),
            Err(elapsed) => return Err(Failure::Timeout(elapsed.0)),
        }
        if sink.is_some() {
            handed_on(sink, collector.drain()).await?;
        }
    }
}

/// Hands bytes on, where somebody takes them; answers what nobody takes.
async fn handed_on(sink: Option<&dyn FileSink>, bytes: Bytes) -> Result<Bytes, Failure> {
    let Some(sink) = sink else { return Ok(bytes) };
    if !bytes.is_empty() {
        sink.take(&bytes).await.map_err(unkept)?;
    }
    Ok(Bytes::new())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unkept(error: io::Error) -> Failure {
    Failure::Unkept(error.to_string())
}

/// Only gzip was asked for; any other coding is an answer that cannot be read.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Failure> {
    let Some(coding) = headers.get(CONTENT_ENCODING) else {
        return Ok(false);
    };
    match coding.to_str().map(str::trim).unwrap_or("?") {
        "" | "identity" => Ok(false),
        gzip if gzip.eq_ignore_ascii_case("gzip") || gzip.eq_ignore_ascii_case("x-gzip") => {
            Ok(true)
        }
        other => {
            Err(Failure::Json(format!("content coding {} was not asked for", redact::line(other))))
        }
    }
}

/// Checks content type and depth where JSON is expected.
fn judge(
    cx: &Context<'_>,
    request: &Request,
    response: &Response,
    body: Bytes,
) -> Result<Bytes, Failure> {
    let media_type = response.content_type();
    let wanted = request.expect == Expect::Json;
    if (wanted || response.is_json()) && depth::reaches(&body, cx.config.json_depth) {
        return Err(Failure::TooDeep);
    }
    let other = !media_type.is_empty() && !response.is_json();
    if wanted && other && response.is_success() && !body.is_empty() {
        return Err(Failure::ContentType {
            found: redact::line(&media_type),
            status: response.status,
            html: response.is_html(),
        });
    }
    Ok(body)
}
