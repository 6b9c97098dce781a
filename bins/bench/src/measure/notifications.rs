//! Messages a second: published, claimed, sent and settled. The channels are one that takes everything at once, and a
//! mail server on this machine.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline_domain::ports::{BoxFuture, Clock, OutboxFilter, Rng, Store, StoreExt as _};
use syncline_domain::{ChannelKind, NotificationEvent, OutboxStatus, StoredRecipient};
use syncline_engine::{SystemClock, SystemRng};
use syncline_notifier::{
    Channel, ChannelDesk, Channels, Event, Links, Message, News, Notifier, NotifierParts,
    Recipient, SendError, Sent, SmtpConfig, SmtpSettings, SmtpTls, channel_outbound_config,
    publish,
};
use syncline_outbound::Outbound;
use syncline_storage::Storage;
use syncline_testkit::{PlainSealer, SmtpServer, SmtpWay, rows};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::Wishes;
use crate::ingest::product::store;
use crate::report::Report;

/// Longest that a measurement may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let (recipients, events) = if wishes.quick { (50, 20) } else { (50, 100) };
    runtime.block_on(async {
        let desk: Arc<dyn ChannelDesk> = Arc::new(Sink);
        let figures = measure(desk, recipients, events).await?;
        report.info("notifications_published", figures.published, "messages/s");
        report.info("notifications_to_a_sink", figures.sent, "messages/s");
        match SmtpServer::start() {
            Ok(server) => {
                let events = events / 10;
                let figures = measure(Arc::new(Mail::to(&server)?), recipients, events).await?;
                report.info("notifications_by_mail", figures.sent, "messages/s");
            }
            Err(why) => report.skipped("notifications_by_mail", &why),
        }
        Ok(())
    })
}

struct Figures {
    published: f64,
    sent: f64,
}

/// Tells so many recipients of so many events, then sends what waits.
async fn measure(
    desk: Arc<dyn ChannelDesk>,
    recipients: usize,
    events: usize,
) -> anyhow::Result<Figures> {
    let home = tempfile::tempdir()?;
    let store = store(&format!("sqlite:{}", home.path().join("outbox.db").display()))?;
    let setting = setting(recipients)?;
    store.tx("setting", move |tx| tx.insert_notification(&setting)).await?;
    let messages = recipients * events;
    let begun = Instant::now();
    for number in 0..events {
        tell(&store, number).await?;
    }
    let published = messages as f64 / begun.elapsed().as_secs_f64();

    let notifier = Notifier::new(NotifierParts {
        store: Arc::clone(&store) as Arc<dyn Store>,
        clock: Arc::new(SystemClock::new()),
        rng: Arc::new(SystemRng::new()),
        sealer: Arc::new(PlainSealer),
        desk,
    });
    let stop = CancellationToken::new();
    let token = stop.clone();
    let begun = Instant::now();
    let task = tokio::spawn(async move { notifier.run(token).await });
    let clock = SystemClock::new();
    while let Some(left) = waiting(&store).await? {
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{left} messages still wait");
        clock.sleep(Duration::from_millis(10)).await;
    }
    let took = begun.elapsed();
    stop.cancel();
    task.await?;
    let sent = OutboxFilter { status: Some(OutboxStatus::Sent), ..OutboxFilter::default() };
    let sent = store.view("sent", move |tx| tx.outbox(&sent, 100_000)).await?.len();
    anyhow::ensure!(sent == messages, "{sent} of {messages} messages were sent");
    Ok(Figures { published, sent: messages as f64 / took.as_secs_f64() })
}

/// The first message that is not sent yet.
async fn waiting(store: &Arc<Storage>) -> anyhow::Result<Option<i64>> {
    let queued = OutboxFilter { status: Some(OutboxStatus::Queued), ..OutboxFilter::default() };
    let rows = store.view("waiting", move |tx| tx.outbox(&queued, 1)).await?;
    Ok(rows.first().map(|row| row.id.0))
}

fn setting(recipients: usize) -> anyhow::Result<syncline_domain::NotificationSetting> {
    let mut row = rows::notification_row(None);
    row.settings = serde_json::json!({"max_per_hour": 1_000_000});
    row.events = vec![NotificationEvent::SyncFailed];
    row.recipients = Vec::new();
    for number in 0..recipients {
        let address = format!("person{number}@example.test");
        let recipient =
            Recipient::parse(ChannelKind::Email, &address).map_err(anyhow::Error::msg)?;
        row.recipients.push(StoredRecipient {
            hash: recipient.hash(),
            shown: address,
            sealed: None,
        });
    }
    Ok(row)
}

/// Publishes one event as the end of a run does, in one transaction.
async fn tell(store: &Arc<Storage>, number: usize) -> anyhow::Result<()> {
    let now = SystemClock::new().now();
    let message = Message { at: now, zone: "UTC".to_owned(), config: None, news: News::Test };
    let told = store.tx("publish", move |tx| {
        let event = Event {
            event: NotificationEvent::SyncFailed,
            key: format!("bench/{number}"),
            about: &[],
            quiet: false,
            message: &message,
        };
        publish(tx, &event, &mut BTreeSet::new(), now)
    });
    told.await?;
    Ok(())
}

/// Takes everything at once.
struct Sink;

impl Channel for Sink {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Email
    }

    fn send<'a>(
        &'a self,
        _: &'a Message,
        _: &'a Recipient,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Sent, SendError>> {
        Box::pin(std::future::ready(Ok(Sent { code: None, answer: String::new() })))
    }
}

impl ChannelDesk for Sink {
    fn channel(&self, _: ChannelKind) -> BoxFuture<'_, Result<Arc<dyn Channel>, String>> {
        Box::pin(std::future::ready(Ok(Arc::new(Self) as Arc<dyn Channel>)))
    }
}

/// A real mail server.
struct Mail(Arc<dyn Channel>);

impl Mail {
    fn to(server: &SmtpServer) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
        let config = channel_outbound_config(Default::default(), Default::default());
        let outbound = Outbound::new(config, Arc::clone(&clock), rng)?;
        let smtp = SmtpConfig::new(SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: Some(server.port(SmtpWay::Plain)),
            tls: Some(SmtpTls::None),
            from: Some("Bench <bench@example.test>".to_owned()),
            ..SmtpSettings::default()
        })?;
        let channels = Channels::new(outbound, Some(smtp), &Links::new("http://127.0.0.1"), clock);
        let channel = channels.get(ChannelKind::Email);
        channel.map(Self).ok_or_else(|| anyhow::anyhow!("there is no mail channel"))
    }
}

impl ChannelDesk for Mail {
    fn channel(&self, _: ChannelKind) -> BoxFuture<'_, Result<Arc<dyn Channel>, String>> {
        Box::pin(std::future::ready(Ok(Arc::clone(&self.0))))
    }
}
