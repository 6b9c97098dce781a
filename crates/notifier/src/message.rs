//! What happened, as data. It is stored like this; words come only when it is sent.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use syncline_domain::{
    ChannelKind, ConfigId, ConflictId, ConnectorId, ExecutionId, NotificationEvent, Timestamp,
};

/// One piece of news for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it happened.
    pub at: Timestamp,
    /// The time zone in which people are told times, by its IANA name; an unknown one counts as UTC.
    pub zone: String,
    /// The configuration it is about, if it is about one.
    pub config: Option<ConfigName>,
    /// What happened.
    pub news: News,
}

/// A configuration as it was called when it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigName {
    /// Its id.
    pub id: ConfigId,
    /// Its name, as people typed it.
    pub name: String,
}

/// A run, in the figures that people are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The run.
    pub execution_id: ExecutionId,
    /// Items made, changed, linked or deleted.
    pub items_synced: u64,
    /// Items failed or put aside.
    pub items_failed: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it failed as a whole, or what its items failed of. Trackers have a say in these words.
    pub error: Option<String>,
}

/// One conflict, as people are told of it. Trackers have a say in all of these words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The conflict.
    pub conflict_id: ConflictId,
    /// The item, by its title and both ids.
    pub item: String,
    /// What the source says.
    pub source_value: String,
    /// What the target shows.
    pub target_value: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum News {
    /// A run ended well.
    SyncCompleted(RunFacts),
    /// A run failed, or an item began to fail in it.
    SyncFailed(RunFacts),
    /// What failed before is well again.
    SyncRecovered {
        /// The run that showed it.
        run: RunFacts,
        /// Since when something failed, where that is known.
        failing_since: Option<Timestamp>,
    },
    /// Fields wait for a person.
    ConflictDetected {
        /// The run that met them.
        execution_id: ExecutionId,
        /// How many.
        conflicts: u64,
        /// Some of the fields, by name.
        fields: Vec<String>,
        /// The conflict, when there is one.
        #[serde(default)]
        one: Option<Clash>,
    },
    /// A tracker's credential ends soon.
    CredentialExpiring {
        /// The connector.
        connector_id: ConnectorId,
        /// Its name.
        connector: String,
        /// When the credential ends.
        expires_at: Timestamp,
    },
    /// Jobs wait for too long.
    QueueBacklog {
        /// How many wait.
        waiting: u64,
        /// For how long the first of them, in seconds.
        oldest_secs: u64,
    },
    /// A tracker's fields or statuses are others than the mappings know.
    SchemaDrift {
        /// The connector.
        connector_id: ConnectorId,
        /// Its name.
        connector: String,
        /// What changed, one line each.
        changes: Vec<String>,
    },
    /// Items of the two sides are not as the last runs left them.
    CensusDrift {
        /// All drifts.
        drifts: u64,
        /// How many of each cause, and the first of them, one line each. Trackers have a say in these words.
        lines: Vec<String>,
    },
    /// A recipient could not be reached for so long that nothing is sent to it any more.
    ChannelDisabled {
        /// The way.
        channel: ChannelKind,
        /// The recipient as people may see it.
        recipient: String,
        /// Since when nothing arrived.
        failing_since: Option<Timestamp>,
        /// What its server said last.
        reason: String,
    },
    /// Somebody tries whether messages arrive.
    Test,
    /// Several messages in one.
    Digest {
        /// Oldest first.
        messages: Vec<Message>,
    },
}

impl News {
    /// The word for this kind of news.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::SyncCompleted(_) => NotificationEvent::SyncCompleted.as_str(),
            Self::SyncFailed(_) => NotificationEvent::SyncFailed.as_str(),
            Self::SyncRecovered { .. } => NotificationEvent::SyncRecovered.as_str(),
            Self::ConflictDetected { .. } => NotificationEvent::ConflictDetected.as_str(),
            Self::CredentialExpiring { .. } => NotificationEvent::CredentialExpiring.as_str(),
            Self::QueueBacklog { .. } => NotificationEvent::QueueBacklog.as_str(),
            Self::SchemaDrift { .. } => NotificationEvent::SchemaDrift.as_str(),
            Self::CensusDrift { .. } => NotificationEvent::CensusDrift.as_str(),
            Self::ChannelDisabled { .. } => "channel_disabled",
            Self::Test => "test",
            Self::Digest { .. } => "digest",
        }
    }
}

/// The stored form; a program may meet messages that an older one wrote.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum StoredMessage {
    #[serde(rename = "1")]
    V1(Message),
}

impl Message {
    /// The form that the outbox stores.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // Maps with text keys and no foreign types: this cannot fail.
        serde_json::to_value(StoredMessage::V1(self.clone())).unwrap_or_default()
    }

    /// Reads what [`Message::to_json`] wrote.
    ///
    /// # Errors
    /// [`UnreadableMessage`] when a newer program, or none, wrote it.
    pub fn from_json(stored: &Value) -> Result<Self, UnreadableMessage> {
        match StoredMessage::deserialize(stored) {
            Ok(StoredMessage::V1(message)) => Ok(message),
            Err(error) => Err(UnreadableMessage(error.to_string())),
        }
    }

    /// Several messages as one. Those that are digests themselves are taken apart, so that a digest never holds one.
    ///
    /// The zone is that of the last message, the configuration the one that all are about.
    #[must_use]
    pub fn digest(messages: Vec<Self>) -> Self {
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            match message.news {
                News::Digest { messages } => all.extend(messages),
                _ => all.push(message),
            }
        }
        all.sort_by_key(|message| message.at);
        let last = all.last();
        let config = last.and_then(|message| message.config.clone());
        let id = config.as_ref().map(|config| config.id);
        let agreed = all.iter().all(|m| m.config.as_ref().map(|config| config.id) == id);
        Self {
            at: last.map_or(Timestamp::EPOCH, |message| message.at),
            zone: last.map_or_else(String::new, |message| message.zone.clone()),
            config: config.filter(|_| agreed),
            news: News::Digest { messages: all },
        }
    }
}

/// A stored message is none that this program knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored message cannot be read, perhaps a newer version of Syncline wrote it: {0}")]
pub struct UnreadableMessage(String);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples;

    #[test]
    fn every_message_comes_back_from_its_stored_form() {
        for message in samples::all() {
            let stored = message.to_json();
            assert_eq!(stored["v"], "1");
            assert_eq!(stored["news"]["event"], message.news.word());
            assert_eq!(Message::from_json(&stored), Ok(message));
        }
    }

    #[test]
    fn the_stored_form_of_the_first_version_is_read_for_ever() {
        let stored = json!({
            "v": "1", "at": "2026-02-12T08:02:30.000Z", "zone": "UTC", "config": {"id": 1, "name": "A to B"},
            "news": {"event": "sync_completed", "execution_id": 45, "items_synced": 10, "items_failed": 0,
                "started_at": "2026-02-12T08:00:00.000Z", "ended_at": "2026-02-12T08:02:30.000Z", "error": null}
        });
        let message = Message::from_json(&stored).unwrap();
        assert_eq!(message.to_json(), stored);
    }

    #[test]
    fn what_nobody_here_wrote_is_an_error_that_says_so() {
        for strange in [json!({"v": "2"}), json!({}), json!(null), json!({"v": "1", "news": {}})] {
            let error = Message::from_json(&strange).unwrap_err().to_string();
            assert!(error.contains("newer version"), "{error}");
        }
    }

    #[test]
    fn a_digest_holds_no_digests_and_is_about_what_all_are_about() {
        let one = samples::completed();
        let mut other = samples::failed();
        other.at = other.at.after(std::time::Duration::from_secs(1));
        let digest = Message::digest(vec![Message::digest(vec![other.clone()]), one.clone()]);
        assert_eq!(digest.config, one.config);
        assert_eq!(digest.news, News::Digest { messages: vec![one.clone(), other.clone()] });
        other.config = None;
        assert_eq!(Message::digest(vec![one, other]).config, None);
        assert_eq!(Message::digest(Vec::new()).news, News::Digest { messages: Vec::new() });
    }
}
