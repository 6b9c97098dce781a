//! Progress of a run as server-sent events.

use std::convert::Infallible;

use actix_web::{HttpResponse, get};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use serde_json::json;
use syncline_domain::ports::RunEvent;
use syncline_domain::{Execution, ExecutionId, ExecutionStatus};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::call::Call;
use crate::error::{ApiError, Failure};
use crate::path::Id;

/// Follow a run as server-sent events: `snapshot`, then `item` and `ended`
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
    let body = follow(listener, execution);
    Ok(HttpResponse::Ok().content_type("text/event-stream").streaming(body))
}

enum State {
    First(Box<Execution>, Receiver<RunEvent>),
    Live(ExecutionId, Receiver<RunEvent>),
    Over,
}

fn follow(
    listener: Receiver<RunEvent>,
    execution: Execution,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(State::First(Box::new(execution), listener), |state| async {
        match state {
            State::First(execution, listener) => {
                let ended = execution.status != ExecutionStatus::Running;
                let line = frame(
                    "snapshot",
                    &json!({
                        "execution_id": execution.id,
                        "status": execution.status,
                        "totals": execution.totals
                    }),
                );
                let next = if ended { State::Over } else { State::Live(execution.id, listener) };
                Some((Ok(line), next))
            }
            State::Live(id, listener) => next_event(id, listener).await,
            State::Over => None,
        }
    })
}

async fn next_event(
    id: ExecutionId,
    mut listener: Receiver<RunEvent>,
) -> Option<(Result<Bytes, Infallible>, State)> {
    loop {
        match listener.recv().await {
            Ok(event) if of(&event) == id => {
                let ended = matches!(event, RunEvent::Ended { .. });
                let data = serde_json::to_value(&event).unwrap_or_default();
                let name = data.get("event").and_then(|v| v.as_str()).unwrap_or("event").to_owned();
                let next = if ended { State::Over } else { State::Live(id, listener) };
                return Some((Ok(frame(&name, &data)), next));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                let line = frame("missed", &json!({"events": missed}));
                return Some((Ok(line), State::Live(id, listener)));
            }
            Err(RecvError::Closed) => return None,
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

fn frame(name: &str, data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
