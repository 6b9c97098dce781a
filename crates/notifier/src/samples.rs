//! One message of each kind, for tests.

use syncline_domain::{ChannelKind, ConfigId, ConflictId, ConnectorId, ExecutionId, Timestamp};

use crate::message::{Clash, ConfigName, Message, News, RunFacts};

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn about(name: &str, news: News) -> Message {
    Message {
        at: at("2026-02-12T08:02:30Z"),
        zone: "UTC".to_owned(),
        config: Some(ConfigName { id: ConfigId(1), name: name.to_owned() }),
        news,
    }
}

/// The run of the published example.
pub(crate) fn run() -> RunFacts {
    RunFacts {
        execution_id: ExecutionId(45),
        items_synced: 10,
        items_failed: 0,
        started_at: at("2026-02-12T08:00:00Z"),
        ended_at: at("2026-02-12T08:02:30Z"),
        error: None,
    }
}

pub(crate) fn completed() -> Message {
    about("Azure Bugs to ServiceDesk", News::SyncCompleted(run()))
}

/// The failed run of the published example.
pub(crate) fn failed() -> Message {
    let run = RunFacts {
        execution_id: ExecutionId(46),
        items_synced: 3,
        items_failed: 7,
        error: Some("Failed to connect to target connector".to_owned()),
        ..run()
    };
    about("Azure Bugs to ServiceDesk", News::SyncFailed(run))
}

pub(crate) fn clash() -> Clash {
    Clash {
        conflict_id: ConflictId(9),
        item: "Printer <b>burns</b> (7, R-12)".to_owned(),
        source_value: "<script>alert(1)</script>".to_owned(),
        target_value: "Printer & smoke".to_owned(),
    }
}

pub(crate) fn all() -> Vec<Message> {
    let soon = at("2026-02-26T00:00:00Z");
    let news = [
        News::SyncRecovered { run: run(), failing_since: Some(at("2026-02-10T08:00:00Z")) },
        News::ConflictDetected {
            execution_id: ExecutionId(47),
            conflicts: 2,
            fields: vec!["Title".to_owned(), "Priority".to_owned()],
            one: None,
        },
        News::ConflictDetected {
            execution_id: ExecutionId(48),
            conflicts: 1,
            fields: vec!["subject".to_owned()],
            one: Some(clash()),
        },
        News::CredentialExpiring {
            connector_id: ConnectorId(3),
            connector: "Azure".to_owned(),
            expires_at: soon,
        },
        News::QueueBacklog { waiting: 1_200, oldest_secs: 5_400 },
        News::SchemaDrift {
            connector_id: ConnectorId(3),
            connector: "Azure".to_owned(),
            changes: vec!["field Custom.Team is gone".to_owned()],
        },
        News::CensusDrift {
            drifts: 2,
            lines: vec![
                "2 of missing_on_target".to_owned(),
                "the target item 7 is gone".to_owned(),
            ],
        },
        News::ChannelDisabled {
            channel: ChannelKind::Webhook,
            recipient: "https://example.com/…1234".to_owned(),
            failing_since: Some(at("2026-02-07T08:00:00Z")),
            reason: "status 500".to_owned(),
        },
        News::Test,
    ];
    let mut all = vec![completed(), failed()];
    all.extend(news.map(|news| about("Azure Bugs to ServiceDesk", news)));
    all.push(Message::digest(vec![completed(), failed(), failed()]));
    all
}
