//! Readers of events and senders of messages that only pretend.

use std::sync::Arc;

use serde_json::Value;
use syncline_app::{
    Automation, ChannelTest, ChannelTester, NoChannels, RecipientRules as _, RemoteFault,
    SmtpSettings, TestLine,
};
use syncline_domain::ports::{BoxFuture, EventReader, EventReaders};
use syncline_domain::{ErrorType, EventReading, EventType, ItemEvent, ItemId, WaitingRoom};
use syncline_testkit::SeededRng;

/// The job that a furnished house has: the one of its webhook's test.
pub(crate) const JOB: &str = "job_1767603600_0000001";

/// Few may wait, so that a test can fill the queue.
pub(crate) const MAX_QUEUE: u64 = 200;

pub(crate) fn parts(scheduler_enabled: bool, max_queue: u64) -> Automation {
    Automation {
        room: Arc::new(WaitingRoom::new(max_queue)),
        readers: Arc::new(Plain),
        rng: Arc::new(SeededRng::new(11)),
        public_url: "https://sync.example".to_owned(),
        scheduler_enabled,
        recipients: Arc::new(NoChannels),
        tester: Arc::new(Pretended),
        ..Automation::of_machine()
    }
}

/// Reads `{"event", "item_id", "id"}`; knows one word of the tracker's own.
struct Plain;

impl EventReader for Plain {
    fn read(&self, _: &[(String, String)], body: &[u8]) -> Result<EventReading, String> {
        let json: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON".to_owned())?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let told = text("event").ok_or_else(|| "it names no event".to_owned())?;
        let event = self.event_word(&told).zip(text("item_id"));
        let events = event
            .map(|(event, item)| ItemEvent { event, item_id: ItemId::new(item) })
            .into_iter()
            .collect();
        Ok(EventReading { delivery_id: text("id"), events, told: Some(told) })
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        theirs.parse().ok().or((theirs == "bug.opened").then_some(EventType::Created))
    }
}

impl EventReaders for Plain {
    fn reader(&self, _: &str) -> Option<&dyn EventReader> {
        Some(&Self)
    }
}

/// Reaches everybody but those whose address says `refused`.
struct Pretended;

impl ChannelTester for Pretended {
    fn test(&self, test: ChannelTest) -> BoxFuture<'_, Vec<TestLine>> {
        let line = |text: &String| TestLine {
            recipient: NoChannels.address(test.kind, text).shown,
            outcome: if text.contains("refused") {
                Err(fault())
            } else {
                Ok("250 taken".to_owned())
            },
        };
        let lines = test.recipients.iter().map(line).collect();
        Box::pin(std::future::ready(lines))
    }

    fn connect(&self, smtp: SmtpSettings) -> BoxFuture<'_, Result<String, RemoteFault>> {
        let said = if smtp.host == "refused" { Err(fault()) } else { Ok("220 ready".to_owned()) };
        Box::pin(std::future::ready(said))
    }
}

fn fault() -> RemoteFault {
    RemoteFault {
        error_type: ErrorType::Api,
        message: "550 no such mailbox".to_owned(),
        what_to_do: "correct the address".to_owned(),
    }
}
