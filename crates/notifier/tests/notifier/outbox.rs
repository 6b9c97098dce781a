//! From the end of a run to the message on its way, over a store in memory, a clock that the test moves, and a channel
//! that does what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{
    BoxFuture, Clock as _, OutboxFilter, RunEnding as _, Store as _, StoreExt as _,
};
use syncline_domain::{
    ChannelKind, ConfigId, Conflict, Execution, ExecutionStatus, Fault, NotificationEvent,
    NotificationId, NotificationSetting, OutboxMessage, OutboxStatus, Side, StoredRecipient,
    Timestamp,
};
use syncline_notifier::{
    Channel, ChannelDesk, Herald, Message, NO_SMTP, Notifier, NotifierParts, Recipient, SendError,
    SendErrorKind, Sent, go_round,
};
use syncline_testkit::{ManualClock, MemStore, PlainSealer, SeededRng, rows};
use tokio_util::sync::CancellationToken;

/// A channel that does what it is told and remembers what it took.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<SendErrorKind>>,
    always: Mutex<Option<SendErrorKind>>,
    absent: Mutex<bool>,
    taken: Mutex<Vec<(String, String, String)>>,
}

impl Scripted {
    /// Recipient, event word and key of everything that was taken.
    fn taken(&self) -> Vec<(String, String, String)> {
        self.taken.lock().unwrap().clone()
    }

    fn words(&self) -> Vec<String> {
        self.taken().into_iter().map(|(_, word, _)| word).collect()
    }

    fn answer(&self, kind: SendErrorKind) {
        self.answers.lock().unwrap().push_back(kind);
    }

    fn always(&self, kind: Option<SendErrorKind>) {
        *self.always.lock().unwrap() = kind;
    }
}

struct Handle(Arc<Scripted>, ChannelKind);

impl Channel for Handle {
    fn kind(&self) -> ChannelKind {
        self.1
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        to: &'a Recipient,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Sent, SendError>> {
        let planned = self.0.answers.lock().unwrap().pop_front().or(*self.0.always.lock().unwrap());
        let result = match planned {
            Some(kind) => Err(SendError {
                kind,
                code: None,
                detail: "the other side has its reasons".to_owned(),
                what_to_do: None,
            }),
            None => {
                let word = message.news.word().to_owned();
                self.0.taken.lock().unwrap().push((to.shown(), word, key.to_owned()));
                Ok(Sent { code: Some(250), answer: "ok".to_owned() })
            }
        };
        Box::pin(std::future::ready(result))
    }
}

struct Desk(Arc<Scripted>);

impl ChannelDesk for Desk {
    fn channel(&self, kind: ChannelKind) -> BoxFuture<'_, Result<Arc<dyn Channel>, String>> {
        let channel: Result<Arc<dyn Channel>, String> = if *self.0.absent.lock().unwrap() {
            Err(NO_SMTP.to_owned())
        } else {
            Ok(Arc::new(Handle(Arc::clone(&self.0), kind)))
        };
        Box::pin(std::future::ready(channel))
    }
}

struct Hall {
    store: MemStore,
    clock: ManualClock,
    channel: Arc<Scripted>,
    config: ConfigId,
}

impl Hall {
    async fn new() -> Self {
        let store = MemStore::new();
        let config = store
            .tx("set up", |tx| {
                let a = tx.insert_connector(&rows::connector_row("a"))?;
                let b = tx.insert_connector(&rows::connector_row("b"))?;
                tx.insert_config(&rows::config_row("Azure Bugs to ServiceDesk", a, b))
            })
            .await
            .unwrap();
        Self { store, clock: ManualClock::new(), channel: Arc::default(), config }
    }

    async fn setting(
        &self,
        of: Option<ConfigId>,
        events: &[NotificationEvent],
        recipients: &[&str],
        settings: Value,
    ) -> NotificationId {
        let row = NotificationSetting {
            id: NotificationId(0),
            config_id: of,
            channel: if recipients[0].contains('@') {
                ChannelKind::Email
            } else {
                ChannelKind::Webhook
            },
            events: events.to_vec(),
            recipients: recipients.iter().map(|text| stored(text)).collect(),
            settings,
            sealed_secret: None,
            is_active: true,
            failing_since: None,
            disabled_reason: None,
            created_at: self.clock.now(),
            updated_at: self.clock.now(),
        };
        self.store.tx("setting", move |tx| tx.insert_notification(&row)).await.unwrap()
    }

    /// A run that ends now in this way.
    async fn end_run(
        &self,
        status: ExecutionStatus,
        change: impl Fn(&mut Execution) + Send + 'static,
    ) {
        let (config, now) = (self.config, self.clock.now());
        self.store
            .tx("end", move |tx| {
                let mut new = rows::new_execution(config);
                new.started_at = now;
                new.dry_run = false;
                let id = tx.insert_execution(&new)?;
                let mut execution = tx.execution(id)?.unwrap();
                execution.status = status;
                execution.ended_at = Some(now);
                execution.totals.updated = 1;
                change(&mut execution);
                tx.update_execution(&execution)?;
                Herald.run_ended(tx, &execution)
            })
            .await
            .unwrap();
    }

    async fn fails(&self, item: &'static str) {
        let (config, now) = (self.config, self.clock.now());
        self.store
            .tx("retry", move |tx| {
                let mut retry = rows::retry(config, Side::Source, item);
                retry.first_failed_at = now;
                tx.put_retry(&retry)
            })
            .await
            .unwrap();
    }

    async fn heals(&self, item: &'static str) {
        let config = self.config;
        self.store
            .tx("clear", move |tx| tx.clear_retries(config, Side::Source, &[item.into()]))
            .await
            .unwrap();
    }

    fn notifier(&self) -> Notifier {
        Notifier::new(NotifierParts {
            store: Arc::new(self.store.clone()),
            clock: Arc::new(self.clock.clone()),
            rng: Arc::new(SeededRng::new(1)),
            sealer: Arc::new(PlainSealer),
            desk: Arc::new(Desk(Arc::clone(&self.channel))),
        })
    }

    /// Lets the notifier work for this long.
    async fn work(&self, span: Duration) {
        let (notifier, stop) = (self.notifier(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move { notifier.run(stopped).await });
        self.clock.run_for(span).await;
        stop.cancel();
        task.await.unwrap();
    }

    async fn outbox(&self) -> Vec<OutboxMessage> {
        let mut rows = self
            .store
            .view("outbox", |tx| tx.outbox(&OutboxFilter::default(), 1_000))
            .await
            .unwrap();
        rows.reverse();
        rows
    }

    async fn events(&self) -> Vec<String> {
        self.outbox().await.into_iter().map(|row| row.event).collect()
    }

    async fn read(&self, id: NotificationId) -> NotificationSetting {
        self.store.view("read", move |tx| tx.notification(id)).await.unwrap().unwrap()
    }
}

fn stored(text: &str) -> StoredRecipient {
    let kind = if text.contains('@') { ChannelKind::Email } else { ChannelKind::Webhook };
    let recipient = Recipient::parse(kind, text).unwrap();
    StoredRecipient { hash: recipient.hash(), shown: text.to_owned(), sealed: None }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
use NotificationEvent::{
    ConflictDetected, CredentialExpiring, QueueBacklog, SyncCompleted, SyncFailed, SyncRecovered,
};
const ALL: &[NotificationEvent] =
    &[SyncCompleted, SyncFailed, SyncRecovered, ConflictDetected, CredentialExpiring, QueueBacklog];

#[tokio::test]
async fn an_end_that_is_not_stored_tells_nobody() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    let config = hall.config;
    let undone: Result<(), Fault> = hall
        .store
        .tx("end", move |tx| {
            let id = tx.insert_execution(&rows::new_execution(config))?;
            let mut execution = tx.execution(id)?.unwrap();
            execution.status = ExecutionStatus::Failed;
            Herald.run_ended(tx, &execution)?;
            Err(Fault::Busy("the lease was lost".to_owned()))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(hall.outbox().await, []);
}

#[tokio::test]
async fn dry_and_cancelled_runs_are_nobodys_news() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    hall.end_run(ExecutionStatus::Completed, |run| run.dry_run = true).await;
    hall.end_run(ExecutionStatus::Cancelled, |_| {}).await;
    assert_eq!(hall.outbox().await, []);
}

#[tokio::test]
async fn an_address_in_a_setting_for_all_and_in_one_of_its_own_is_told_once() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com", "boss@example.com"], json!({})).await;
    let own = hall.setting(Some(hall.config), ALL, &["Team@example.com"], json!({})).await;
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    let rows = hall.outbox().await;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|row| row.setting_id == Some(own)));
}

#[tokio::test]
async fn settings_of_others_switched_off_or_for_other_events_hear_nothing() {
    let hall = Hall::new().await;
    let other = hall
        .store
        .tx("other", |tx| {
            let mut row = rows::config_row("other", 1.into(), 2.into());
            row.name = "other".to_owned();
            tx.insert_config(&row)
        })
        .await
        .unwrap();
    hall.setting(Some(other), ALL, &["other@example.com"], json!({})).await;
    hall.setting(None, &[SyncFailed], &["failed@example.com"], json!({})).await;
    hall.setting(None, ALL, &["changes@example.com"], json!({"only_changes": true})).await;
    let off = hall.setting(None, ALL, &["off@example.com"], json!({})).await;
    let mut row = hall.read(off).await;
    row.is_active = false;
    hall.store.tx("off", move |tx| tx.update_notification(&row)).await.unwrap();
    hall.end_run(ExecutionStatus::Completed, |run| run.totals.updated = 0).await;
    assert_eq!(hall.outbox().await, []);
}

#[tokio::test]
async fn failures_are_told_when_they_begin_once_a_day_and_when_the_last_is_gone() {
    let hall = Hall::new().await;
    hall.setting(None, &[SyncFailed, SyncRecovered], &["team@example.com"], json!({})).await;
    let mut expected: Vec<&str> = Vec::new();

    hall.fails("1").await;
    hall.end_run(ExecutionStatus::CompletedWithErrors, |run| run.totals.failed = 1).await;
    expected.push("sync_failed");
    assert_eq!(hall.events().await, expected, "it begins");

    for _ in 0..5 {
        hall.clock.advance(HOUR);
        hall.end_run(ExecutionStatus::CompletedWithErrors, |run| run.totals.failed = 1).await;
    }
    assert_eq!(hall.events().await, expected, "the same failure");

    hall.clock.advance(HOUR);
    hall.fails("2").await;
    hall.end_run(ExecutionStatus::CompletedWithErrors, |run| run.totals.failed = 2).await;
    expected.push("sync_failed");
    assert_eq!(hall.events().await, expected, "another item begins to fail");

    hall.heals("1").await;
    hall.clock.advance(HOUR);
    hall.end_run(ExecutionStatus::CompletedWithErrors, |run| run.totals.failed = 1).await;
    assert_eq!(hall.events().await, expected, "one of two is well again");

    hall.clock.advance(24 * HOUR);
    hall.end_run(ExecutionStatus::CompletedWithErrors, |run| run.totals.failed = 1).await;
    expected.push("sync_failed");
    assert_eq!(hall.events().await, expected, "a day later");

    hall.heals("2").await;
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    expected.push("sync_recovered");
    assert_eq!(hall.events().await, expected, "well again, told once");
}

#[tokio::test]
async fn a_run_that_fails_as_a_whole_is_told_and_so_is_another_cause() {
    let hall = Hall::new().await;
    hall.setting(None, &[SyncFailed], &["team@example.com"], json!({})).await;
    let fail = |cause: syncline_domain::ErrorType| {
        hall.end_run(ExecutionStatus::Failed, move |run| {
            run.error = Some(syncline_domain::ItemError {
                error_type: cause,
                message: "Failed to connect to target connector".to_owned(),
                field: None,
            });
        })
    };
    use syncline_domain::ErrorType::{Authentication, Connection};
    for (cause, told) in
        [(Connection, 1), (Connection, 1), (Authentication, 2), (Authentication, 2)]
    {
        hall.clock.advance(HOUR);
        fail(cause).await;
        assert_eq!(hall.outbox().await.len(), told, "{cause}");
    }
    let first = Message::from_json(&hall.outbox().await[0].message).unwrap();
    assert!(first.to_json().to_string().contains("Failed to connect to target connector"));
}

#[tokio::test]
async fn a_conflict_is_told_once_however_many_runs_meet_it() {
    let hall = Hall::new().await;
    hall.setting(None, &[ConflictDetected], &["team@example.com"], json!({})).await;
    for round in 0..3 {
        let config = hall.config;
        hall.store
            .tx("end", move |tx| {
                let id = tx.insert_execution(&rows::new_execution(config))?;
                let mut execution = tx.execution(id)?.unwrap();
                if round == 0 {
                    let pair = tx.insert_pair(&rows::pair_row(config, "s1", "t1"))?;
                    let conflict = rows::conflict_row(config, pair, "subject");
                    tx.insert_conflict(&Conflict { execution_id: id, ..conflict })?;
                    // Cancelled: no later run finds it first.
                    execution.status = ExecutionStatus::Cancelled;
                } else {
                    execution.status = ExecutionStatus::Completed;
                }
                execution.dry_run = false;
                execution.totals.conflicted = 1;
                Herald.run_ended(tx, &execution)
            })
            .await
            .unwrap();
    }
    let told = Message::from_json(&hall.outbox().await[0].message).unwrap();
    let text = told.to_json().to_string();
    for part in ["subject", "of the source", "of the target", "An item (s1, t1)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(hall.events().await, ["conflict_detected"]);
}

#[tokio::test]
async fn a_message_goes_out_at_once_and_once() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com", "boss@example.com"], json!({})).await;
    let (notifier, stop) = (hall.notifier(), CancellationToken::new());
    let stopped = stop.clone();
    let task = tokio::spawn(async move { notifier.run(stopped).await });
    hall.clock.wait_for_sleepers(1).await;
    // The clock stands still: only the commit itself wakes the notifier.
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    let mut sent = hall.store.wakeup(syncline_domain::ports::Topic::Outbox);
    while hall.channel.taken().len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(sent.woken());
    stop.cancel();
    task.await.unwrap();
    hall.work(2 * HOUR).await;
    let mut to: Vec<String> = hall.channel.taken().into_iter().map(|(to, _, _)| to).collect();
    to.sort();
    assert_eq!(to, ["boss@example.com", "team@example.com"]);
    assert!(hall.outbox().await.iter().all(|row| row.status == OutboxStatus::Sent));
}

#[tokio::test]
async fn a_mail_server_that_is_down_for_ten_minutes_costs_no_message() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    hall.channel.always(Some(SendErrorKind::Temporary { retry_after: None }));
    for _ in 0..8 {
        hall.end_run(ExecutionStatus::Completed, |_| {}).await;
        hall.work(75 * SECOND).await;
    }
    assert_eq!(hall.channel.taken(), []);
    hall.channel.always(None);
    hall.work(2 * HOUR).await;
    assert_eq!(hall.channel.words(), ["sync_completed"; 8]);
    let mut keys: Vec<String> = hall.channel.taken().into_iter().map(|(_, _, key)| key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 8);
}

#[tokio::test]
async fn a_mail_is_tried_for_a_day_and_then_given_up_with_the_reason() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    hall.channel.always(Some(SendErrorKind::Temporary { retry_after: None }));
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(24 * HOUR - SECOND).await;
    let row = hall.outbox().await.remove(0);
    assert_eq!(row.status, OutboxStatus::Queued, "a day is not over");
    assert!((20..100).contains(&row.attempts), "without hammering: {}", row.attempts);
    hall.work(HOUR + SECOND).await;
    let given_up = hall.outbox().await.remove(0);
    assert_eq!(given_up.status, OutboxStatus::Dead);
    assert_eq!(given_up.attempts, row.attempts + 1, "the first that fails after a day is the last");
    assert_eq!(given_up.last_error.as_deref(), Some("the other side has its reasons"));
}

#[tokio::test]
async fn a_mail_server_that_is_down_overnight_costs_no_message() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    hall.channel.always(Some(SendErrorKind::Permanent));
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(23 * HOUR).await;
    assert_eq!(hall.channel.taken(), []);
    hall.channel.always(None);
    hall.work(HOUR).await;
    assert_eq!(hall.channel.words(), ["sync_completed"]);
}

/// A digest of many is tried as one, but each of its messages is as old as it is.
#[tokio::test]
async fn only_what_was_tried_for_a_day_leaves_a_pile() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({"max_per_hour": 1})).await;
    hall.channel.always(Some(SendErrorKind::Temporary { retry_after: None }));
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(20 * HOUR).await;
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(6 * HOUR).await;
    let states: Vec<OutboxStatus> = hall.outbox().await.into_iter().map(|row| row.status).collect();
    assert_eq!(states, [OutboxStatus::Dead, OutboxStatus::Queued]);
}

#[tokio::test]
async fn a_webhook_is_given_up_after_ten_attempts() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["https://example.com/hook/abcdefgh"], json!({})).await;
    hall.channel.always(Some(SendErrorKind::Temporary { retry_after: Some(HOUR) }));
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(10 * HOUR).await;
    let row = hall.outbox().await.remove(0);
    assert_eq!((row.status, row.attempts), (OutboxStatus::Dead, 10));
}

#[tokio::test]
async fn one_refused_recipient_keeps_no_other_waiting() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["a@example.com", "b@example.com"], json!({})).await;
    hall.channel.answer(SendErrorKind::Refused);
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(SECOND).await;
    assert_eq!(hall.channel.taken().len(), 1);
    let mut states: Vec<OutboxStatus> =
        hall.outbox().await.into_iter().map(|row| row.status).collect();
    states.sort();
    assert_eq!(states, [OutboxStatus::Sent, OutboxStatus::Dead]);
}

#[tokio::test]
async fn a_server_that_asks_for_time_is_given_it() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    hall.channel.answer(SendErrorKind::Temporary { retry_after: Some(HOUR) });
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(59 * 60 * SECOND).await;
    assert_eq!(hall.channel.taken(), []);
    hall.work(70 * SECOND).await;
    assert_eq!(hall.channel.taken().len(), 1);
}

#[tokio::test]
async fn more_than_twenty_in_an_hour_come_as_a_digest() {
    let hall = Hall::new().await;
    hall.setting(None, &[SyncCompleted], &["team@example.com"], json!({})).await;
    for _ in 0..18 {
        hall.end_run(ExecutionStatus::Completed, |_| {}).await;
        hall.work(SECOND).await;
    }
    for _ in 0..30 {
        hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    }
    hall.work(2 * HOUR).await;
    let words = hall.channel.words();
    assert_eq!(words.len(), 19, "{words:?}");
    assert_eq!(words[18], "digest");
    let rows = hall.outbox().await;
    let folded = rows.iter().filter(|row| row.status == OutboxStatus::Folded).count();
    assert_eq!(folded, 29);
}

#[tokio::test]
async fn mail_waits_for_a_server_to_be_set_up() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    *hall.channel.absent.lock().unwrap() = true;
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(2 * HOUR).await;
    let row = hall.outbox().await.remove(0);
    assert_eq!((row.status, row.attempts), (OutboxStatus::Queued, 0));
    assert!(row.last_error.unwrap().starts_with("SMTP not configured"));
    *hall.channel.absent.lock().unwrap() = false;
    hall.work(HOUR).await;
    assert_eq!(hall.channel.taken().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_switched_off_and_somebody_is_told() {
    let hall = Hall::new().await;
    let hook = hall
        .setting(None, &[SyncCompleted], &["https://example.com/hook/abcdefgh"], json!({}))
        .await;
    hall.setting(None, &[SyncFailed], &["team@example.com"], json!({})).await;
    hall.channel.always(Some(SendErrorKind::Temporary { retry_after: None }));
    for _ in 0..6 {
        assert!(hall.read(hook).await.is_active);
        hall.end_run(ExecutionStatus::Completed, |_| {}).await;
        hall.work(SECOND).await;
        hall.clock.advance(24 * HOUR);
    }
    hall.channel.always(None);
    let setting = hall.read(hook).await;
    assert!(!setting.is_active);
    assert_eq!(setting.disabled_reason.as_deref(), Some("the other side has its reasons"));
    hall.work(SECOND).await;
    assert_eq!(hall.channel.words(), ["channel_disabled"]);
}

#[tokio::test]
async fn a_day_of_success_forgets_failures_and_gone_is_gone() {
    let hall = Hall::new().await;
    let hook = hall
        .setting(None, &[SyncCompleted], &["https://example.com/hook/abcdefgh"], json!({}))
        .await;
    hall.channel.answer(SendErrorKind::Temporary { retry_after: None });
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(HOUR).await;
    assert_eq!(hall.read(hook).await.failing_since, None);
    assert_eq!(hall.channel.taken().len(), 1);

    hall.channel.answer(SendErrorKind::Gone);
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    hall.work(SECOND).await;
    assert!(!hall.read(hook).await.is_active);
}

#[tokio::test]
async fn a_process_that_dies_before_it_notes_the_sending_sends_once_more_under_the_same_key() {
    let hall = Hall::new().await;
    hall.setting(None, ALL, &["team@example.com"], json!({})).await;
    hall.end_run(ExecutionStatus::Completed, |_| {}).await;
    let now = hall.clock.now();
    let claimed =
        hall.store.tx("claim", move |tx| tx.claim_outbox(now, HOUR / 60, 10)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    hall.work(30 * SECOND).await;
    assert_eq!(hall.channel.taken(), [], "the claim of the dead process still holds");
    hall.work(60 * SECOND).await;
    let taken = hall.channel.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].2, format!("{}/{}", claimed[0].event_key, claimed[0].recipient_hash));
}

#[tokio::test]
async fn credentials_that_end_soon_and_jobs_that_wait_are_told_once_each() {
    let hall = Hall::new().await;
    hall.setting(Some(hall.config), &[CredentialExpiring], &["own@example.com"], json!({})).await;
    hall.setting(None, &[QueueBacklog], &["ops@example.com"], json!({})).await;
    let ends = hall.clock.now().after(15 * 24 * HOUR);
    hall.store
        .tx("expires", move |tx| {
            let mut row = tx.connectors()?.remove(0);
            row.credential_expires_at = Some(ends);
            tx.update_connector(&row)
        })
        .await
        .unwrap();
    let mut told = Vec::new();
    for _ in 0..(16 * 4) {
        let now = hall.clock.now();
        hall.store.tx("watch", move |tx| go_round(tx, now)).await.unwrap();
        told.push(hall.outbox().await.len());
        hall.clock.advance(6 * HOUR);
    }
    assert_eq!(hall.events().await, ["credential_expiring"; 3], "{told:?}");

    let now = hall.clock.now();
    hall.store.tx("job", move |tx| tx.enqueue(&waiting_job(now))).await.unwrap();
    for minutes in [10_u64, 20, 30, 40] {
        let then = now.after(Duration::from_secs(minutes * 60));
        hall.store.tx("watch", move |tx| go_round(tx, then)).await.unwrap();
    }
    assert_eq!(hall.events().await.iter().filter(|word| *word == "queue_backlog").count(), 1);
}

fn waiting_job(now: Timestamp) -> syncline_domain::NewJob {
    syncline_domain::NewJob {
        kind: "sync".to_owned(),
        config_id: None,
        fold_key: None,
        trigger: syncline_domain::Trigger::Manual,
        triggered_by: String::new(),
        payload: Value::Null,
        items: None,
        priority: 0,
        run_at: now,
        max_attempts: 1,
        created_at: now,
    }
}
