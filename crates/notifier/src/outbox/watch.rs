//! What nobody's run tells: credentials that end soon, and jobs that wait for too long.

use std::collections::BTreeSet;
use std::time::Duration;

use syncline_domain::ports::{Clock, Store, StoreExt as _, Tx};
use syncline_domain::{ConfigId, ConnectorRow, Fault, NotificationEvent, Timestamp};
use tokio_util::sync::CancellationToken;

use super::publish::{Event, publish};
use crate::message::{Message, News};

/// How often the watch goes round.
const ROUND: Duration = Duration::from_secs(10 * 60);

/// Days before the end of a credential at which people are told, once each.
const DAYS: [u64; 3] = [1, 3, 14];

/// How long a due job may wait before people are told.
const BACKLOG: Duration = Duration::from_secs(15 * 60);

/// Goes round every ten minutes until `stop`. Several processes may do so: the same news has the same key.
pub async fn watch(store: &dyn Store, clock: &dyn Clock, stop: CancellationToken) {
    loop {
        let now = clock.now();
        if let Err(fault) = store.tx("watch", move |tx| go_round(tx, now)).await {
            log::warn!("the watch goes round again in ten minutes: {fault}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(ROUND) => {}
        }
    }
}

/// Looks once.
///
/// # Errors
/// What the store answers.
pub fn go_round(tx: &mut dyn Tx, now: Timestamp) -> Result<(), Fault> {
    for connector in tx.connectors()? {
        if connector.is_active {
            credential(tx, &connector, now)?;
        }
    }
    backlog(tx, now)
}

fn credential(tx: &mut dyn Tx, connector: &ConnectorRow, now: Timestamp) -> Result<(), Fault> {
    let Some(expires_at) = connector.credential_expires_at else { return Ok(()) };
    let left = expires_at.since(now);
    let within = |days: &&u64| left <= Duration::from_secs(**days * 24 * 60 * 60);
    let Some(days) = DAYS.iter().find(within) else { return Ok(()) };
    let about: Vec<ConfigId> = tx
        .configs()?
        .into_iter()
        .filter(|config| {
            [config.source_connector_id, config.target_connector_id].contains(&connector.id)
        })
        .map(|config| config.id)
        .collect();
    let news = News::CredentialExpiring {
        connector_id: connector.id,
        connector: connector.name.clone(),
        expires_at,
    };
    let key = format!("connector/{}/expires/{}/{days}", connector.id, expires_at.secs());
    tell(tx, NotificationEvent::CredentialExpiring, key, &about, news, now)
}

fn backlog(tx: &mut dyn Tx, now: Timestamp) -> Result<(), Fault> {
    let counts = tx.queue_counts(None)?;
    let Some(oldest) = counts.oldest_due_at else { return Ok(()) };
    let waited = now.since(oldest);
    if waited < BACKLOG {
        return Ok(());
    }
    // Once for a backlog: it is the same one as long as the same job waits in front; and once a day.
    let key = format!("queue/{}/{}", oldest.micros(), waited.as_secs() / 86_400);
    let news = News::QueueBacklog { waiting: counts.queued, oldest_secs: waited.as_secs() };
    tell(tx, NotificationEvent::QueueBacklog, key, &[], news, now)
}

fn tell(
    tx: &mut dyn Tx,
    event: NotificationEvent,
    key: String,
    about: &[ConfigId],
    news: News,
    now: Timestamp,
) -> Result<(), Fault> {
    let message = Message { at: now, zone: "UTC".to_owned(), config: None, news };
    let event = Event { event, key, about, quiet: false, message: &message };
    publish(tx, &event, &mut BTreeSet::new(), now).map(|_| ())
}
