//! The body for any other program: `type`, `timestamp` and `data`, as Standard Webhooks recommends.

use serde_json::{Map, Value, json};

use crate::clean::line;
use crate::links::Links;
use crate::message::{Message, News, RunFacts};
use crate::render::sheet;

/// Most characters of a text.
const TEXT: usize = 1_000;

/// Lays a message out as data. Times are UTC; fields may be added, none is renamed.
pub(crate) fn event(message: &Message, links: &Links) -> Value {
    json!({
        "type": message.news.word(),
        "timestamp": message.at.to_iso(),
        "data": data(message, links),
    })
}

fn data(message: &Message, links: &Links) -> Value {
    let mut data = match &message.news {
        News::SyncCompleted(run) | News::SyncFailed(run) => run_data(run),
        News::SyncRecovered { run, failing_since } => {
            let mut data = run_data(run);
            data.insert("failing_since".to_owned(), json!(failing_since));
            data
        }
        News::ConflictDetected { execution_id, conflicts, fields, one } => object(json!({
            "execution_id": execution_id, "conflicts": conflicts, "fields": fields,
            "conflict": one.as_ref().map(|one| json!({
                "id": one.conflict_id, "item": line(&one.item, TEXT),
                "source_value": line(&one.source_value, TEXT), "target_value": line(&one.target_value, TEXT),
            })),
        })),
        News::CredentialExpiring { connector_id, connector, expires_at } => object(
            json!({"connector_id": connector_id, "connector_name": connector, "expires_at": expires_at}),
        ),
        News::QueueBacklog { waiting, oldest_secs } => {
            object(json!({"queued_jobs": waiting, "oldest_queued_seconds": oldest_secs}))
        }
        News::SchemaDrift { connector_id, connector, changes } => object(
            json!({"connector_id": connector_id, "connector_name": connector, "changes": changes}),
        ),
        News::CensusDrift { drifts, lines } => {
            let lines: Vec<String> = lines.iter().map(|text| line(text, TEXT)).collect();
            object(json!({"drift_total": drifts, "lines": lines}))
        }
        News::ChannelDisabled { channel, recipient, failing_since, reason } => object(json!({
            "notification_type": channel, "recipient": recipient, "failing_since": failing_since,
            "reason": line(reason, TEXT),
        })),
        News::Test => Map::new(),
        News::Digest { messages } => {
            let events: Vec<Value> = messages.iter().map(|message| event(message, links)).collect();
            object(json!({"count": messages.len(), "events": events}))
        }
    };
    let shown = sheet(message, links);
    data.insert("summary".to_owned(), json!(shown.subject));
    data.insert("url".to_owned(), json!(shown.link.map(|(_, url)| url)));
    if let Some(config) = &message.config {
        data.insert("sync_config_id".to_owned(), json!(config.id));
        data.insert("sync_config_name".to_owned(), json!(config.name));
    }
    Value::Object(data)
}

fn run_data(run: &RunFacts) -> Map<String, Value> {
    object(json!({
        "execution_id": run.execution_id,
        "items_synced": run.items_synced,
        "items_failed": run.items_failed,
        "started_at": run.started_at,
        "completed_at": run.ended_at,
        "duration_ms": u64::try_from(run.ended_at.since(run.started_at).as_millis()).unwrap_or(u64::MAX),
        "error": run.error.as_deref().map(|error| line(error, TEXT)),
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples;

    #[test]
    fn a_completed_run_is_told_in_fields() {
        assert_eq!(
            event(&samples::completed(), &Links::new("https://sync.example")),
            json!({
                "type": "sync_completed",
                "timestamp": "2026-02-12T08:02:30.000Z",
                "data": {
                    "summary": "✓ Sync Completed: Azure Bugs to ServiceDesk",
                    "url": "https://sync.example/executions/45",
                    "sync_config_id": 1,
                    "sync_config_name": "Azure Bugs to ServiceDesk",
                    "execution_id": 45,
                    "items_synced": 10,
                    "items_failed": 0,
                    "started_at": "2026-02-12T08:00:00.000Z",
                    "completed_at": "2026-02-12T08:02:30.000Z",
                    "duration_ms": 150_000,
                    "error": null,
                },
            })
        );
    }

    #[test]
    fn every_kind_of_news_has_type_time_and_summary() {
        for message in samples::all() {
            let event = event(&message, &Links::new("https://sync.example"));
            assert_eq!(event["type"], message.news.word());
            assert!(event["data"]["summary"].as_str().is_some_and(|text| !text.is_empty()));
        }
    }
}
