//! Progress of a run as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::{HttpResponse, get};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use serde_json::json;
use syncline_app::{App, Caller};
use syncline_domain::ports::RunEvent;
use syncline_domain::{Execution, ExecutionId, ExecutionStatus};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::call::Call;
use crate::error::{ApiError, Failure};
use crate::path::Id;

/// After this much silence the run's row is read: another process may drive it, and a proxy needs a sign of life.
const BEAT: Duration = Duration::from_secs(5);

/// Follow a run as server-sent events: `snapshot`, then `expected` and `item`, and `ended` at last
#[utoipa::path(
    tag = "Execution",
    params(("executionId" = i64, Path)),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "4XX", body = Failure))
)]
#[get("/execute/events/{executionId}")]
pub(crate) async fn events(call: Call, id: Id<ExecutionId>) -> Result<HttpResponse, ApiError> {
    call.no_query()?;
    // Listening starts before the run is read, so that nothing falls in between.
    let listener = call.state.events.listen();
    let execution = call.app().execution(&call.caller, id.0).await?;
    let run = Run { app: call.app().clone(), caller: call.caller, id: id.0, listener };
    let body = follow(run, execution);
    Ok(HttpResponse::Ok().content_type("text/event-stream").streaming(body))
}

/// A run that somebody follows.
struct Run {
    app: App,
    caller: Caller,
    id: ExecutionId,
    listener: Receiver<RunEvent>,
}

enum State {
    First(Run, Box<Execution>),
    Live(Run),
    Last(Box<Execution>),
    Over,
}

fn follow(run: Run, execution: Execution) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(State::First(run, Box::new(execution)), |state| async {
        let (line, next) = match state {
            State::First(run, execution) => {
                let line = snapshot(&execution);
                let ended = execution.status != ExecutionStatus::Running;
                (line, if ended { State::Last(execution) } else { State::Live(run) })
            }
            State::Live(run) => next_event(run).await?,
            State::Last(execution) => (ended(&execution), State::Over),
            State::Over => return None,
        };
        Some((Ok(line), next))
    })
}

async fn next_event(mut run: Run) -> Option<(Bytes, State)> {
    loop {
        match timeout(BEAT, run.listener.recv()).await {
            Ok(Ok(event)) if of(&event) == run.id => {
                let over = matches!(event, RunEvent::Ended { .. });
                return Some((told(&event), if over { State::Over } else { State::Live(run) }));
            }
            Ok(Ok(_)) => {}
            Ok(Err(RecvError::Lagged(missed))) => {
                return Some((frame("missed", &json!({"events": missed})), State::Live(run)));
            }
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => {
                let now = run.app.execution(&run.caller, run.id).await.ok()?;
                if now.status != ExecutionStatus::Running {
                    return Some((ended(&now), State::Over));
                }
                return Some((Bytes::from_static(b": going on\n\n"), State::Live(run)));
            }
        }
    }
}

const fn of(event: &RunEvent) -> ExecutionId {
    match event {
        RunEvent::Started { execution_id, .. }
        | RunEvent::Expected { execution_id, .. }
        | RunEvent::Item { execution_id, .. }
        | RunEvent::Ended { execution_id, .. } => *execution_id,
    }
}

fn snapshot(execution: &Execution) -> Bytes {
    frame(
        "snapshot",
        &json!({
            "execution_id": execution.id,
            "status": execution.status,
            "totals": execution.totals
        }),
    )
}

fn ended(execution: &Execution) -> Bytes {
    told(&RunEvent::Ended {
        execution_id: execution.id,
        status: execution.status,
        totals: execution.totals,
    })
}

fn told(event: &RunEvent) -> Bytes {
    let data = serde_json::to_value(event).unwrap_or_default();
    let name = data.get("event").and_then(|name| name.as_str()).unwrap_or("event");
    frame(name, &data)
}

fn frame(name: &str, data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
