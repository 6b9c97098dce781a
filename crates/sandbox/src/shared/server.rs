//! The HTTP shell: the only file that knows actix-web. It counts, delays, spoils and forwards.

use std::any::Any;
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Extensions, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::middleware::{Compress, Condition};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::control;
use super::faults::{FaultKind, FaultRule};
use super::http::{Reply, Request, header_pairs};
use super::options::SandboxOptions;
use super::tracker::{Call, Tracker};
use super::world::World;

/// The largest body that is taken in: attachments of both trackers fit.
const BODY_LIMIT: usize = 256 * 1024 * 1024;
/// How long a lost answer keeps its connection unless the rule says otherwise.
const HOLD: Duration = Duration::from_secs(120);
/// How late a slow answer is unless the rule says otherwise.
const SLOW: Duration = Duration::from_secs(2);

/// What each request handler gets.
#[derive(Clone)]
struct Shell {
    tracker: Arc<dyn Tracker>,
    world: Arc<World>,
}

/// A second handle on the connection's socket, so that a fault can cut it without an answer.
#[cfg(unix)]
struct Wire(std::net::TcpStream);

/// Starts serving on a bound listener; the task ends when the handle stops the server.
pub(crate) fn serve(
    tracker: Arc<dyn Tracker>,
    world: Arc<World>,
    listener: TcpListener,
    options: &SandboxOptions,
) -> std::io::Result<(ServerHandle, JoinHandle<()>)> {
    let shell = Shell { tracker, world };
    let gzip = options.gzip;
    let server = HttpServer::new(move || {
        App::new()
            .wrap(Condition::new(gzip, Compress::default()))
            .app_data(web::PayloadConfig::new(BODY_LIMIT))
            .app_data(web::Data::new(shell.clone()))
            .default_service(web::to(answer))
    })
    .on_connect(remember_wire)
    .tcp_nodelay(true)
    .workers(options.workers.max(1))
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    let task = tokio::spawn(async move {
        if let Err(error) = server.await {
            log::error!(error:%; "the sandbox server ended with an error");
        }
    });
    Ok((handle, task))
}

#[cfg(unix)]
fn remember_wire(connection: &dyn Any, data: &mut Extensions) {
    use std::os::fd::AsFd;
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
    if let Ok(owned) = stream.as_fd().try_clone_to_owned() {
        data.insert(Wire(std::net::TcpStream::from(owned)));
    }
}

#[cfg(not(unix))]
fn remember_wire(_: &dyn Any, _: &mut Extensions) {}

async fn answer(http: HttpRequest, body: Bytes, shell: web::Data<Shell>) -> HttpResponse {
    let target = http.uri().path_and_query().map_or("/", |target| target.as_str());
    let request = Request::new(http.method().as_str(), target, header_pairs(http.headers()), body);
    let Shell { tracker, world } = shell.get_ref();
    if request.segments().first() == Some(&"_sandbox") {
        return render(control::handle(tracker.as_ref(), world, &request));
    }
    if let Some(page) = tracker.page(&request) {
        return render(page);
    }
    let _under_way = world.counter.begin(tracker.route(&request));
    pause(world.latency()).await;
    let line = request.line();
    let fault = world.faults.strike(&line, &request.body);
    let response = match &fault {
        None => render(tracker.handle(&request, &Call::default())),
        Some(rule) => spoiled(&http, shell.get_ref(), &request, rule).await,
    };
    world.counter.note(&line, response.status().as_u16());
    response
}

async fn spoiled(
    http: &HttpRequest,
    shell: &Shell,
    request: &Request,
    rule: &FaultRule,
) -> HttpResponse {
    let tracker = shell.tracker.as_ref();
    let handle = || tracker.handle(request, &Call::under(Some(rule)));
    match rule.kind {
        FaultKind::Status(status) => render(tracker.fault(status, rule)),
        FaultKind::UnauthorizedAfterN => render(tracker.fault(401, rule)),
        FaultKind::RollingThrottle => render(rolling_throttle()),
        FaultKind::SignInHtml => render(tracker.sign_in()),
        FaultKind::StatusAfterEffect(status) => {
            handle();
            render(tracker.fault(status, rule))
        }
        FaultKind::TimeoutBeforeEffect => lose(http, rule).await,
        FaultKind::TimeoutAfterEffect => {
            handle();
            lose(http, rule).await
        }
        FaultKind::Truncated => truncated(handle()),
        FaultKind::BrokenJson => {
            let whole = handle();
            let half = whole.body.slice(..whole.body.len() / 2);
            render(Reply { body: half, ..whole })
        }
        FaultKind::Slow => {
            pause(rule.delay_ms.map_or(SLOW, Duration::from_millis)).await;
            render(handle())
        }
        FaultKind::PartialBatch => render(handle()),
        FaultKind::WrongContentType => {
            render(Reply { content_type: "text/html; charset=utf-8".to_owned(), ..handle() })
        }
        FaultKind::RetryAfter200 => render(slowed_down(handle(), rule)),
    }
}

/// Real waiting, whatever sandbox time says: this is the network, not the tracker.
async fn pause(span: Duration) {
    if !span.is_zero() {
        tokio::time::sleep(span).await;
    }
}

/// Keeps the connection for a while and then cuts it without a byte of an answer.
async fn lose(http: &HttpRequest, rule: &FaultRule) -> HttpResponse {
    pause(rule.hold_ms.map_or(HOLD, Duration::from_millis)).await;
    cut(http);
    HttpResponse::GatewayTimeout().finish()
}

#[cfg(unix)]
fn cut(http: &HttpRequest) {
    if let Some(wire) = http.conn_data::<Wire>() {
        // The other end may have gone already; then there is nothing left to cut.
        let _gone = wire.0.shutdown(Shutdown::Both);
    }
}

#[cfg(not(unix))]
fn cut(_: &HttpRequest) {
    let _unused = Shutdown::Both;
}

fn truncated(reply: Reply) -> HttpResponse {
    let whole = u64::try_from(reply.body.len()).unwrap_or(u64::MAX).max(2);
    let half = reply.body.slice(..reply.body.len() / 2);
    let broken = std::io::Error::other("scripted: the answer breaks off");
    let stream = futures_util::stream::iter([Ok(half), Err(broken)]);
    let mut response = builder(&reply);
    response.no_chunking(whole);
    response.streaming(stream)
}

fn slowed_down(reply: Reply, rule: &FaultRule) -> Reply {
    let seconds = rule.retry_after.unwrap_or(1);
    reply
        .with("Retry-After", seconds.to_string())
        .with("X-RateLimit-Resource", "Core")
        .with("X-RateLimit-Delay", format!("{seconds}.000"))
        .with("X-RateLimit-Limit", "200")
        .with("X-RateLimit-Remaining", "0")
}

fn rolling_throttle() -> Reply {
    let message =
        "Cannot execute more than 100 requests per API in 2 minutes. Try again after 2 minutes.";
    let body = serde_json::json!({"error": {"title": "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED",
        "details": {"message": message}}});
    Reply::json(400, &body)
}

fn render(reply: Reply) -> HttpResponse {
    let mut response = builder(&reply);
    response.body(reply.body)
}

fn builder(reply: &Reply) -> actix_web::HttpResponseBuilder {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if !reply.content_type.is_empty() {
        response.content_type(reply.content_type.as_str());
    }
    for (name, value) in &reply.headers {
        response.append_header((name.as_str(), value.as_str()));
    }
    response
}
