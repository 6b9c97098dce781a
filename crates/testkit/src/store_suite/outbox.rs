//! Rules about notification settings, the outbox and what people know.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{OutboxFilter, Store};
use syncline_domain::{
    ChannelKind, ConfigHealth, ConfigId, NotificationEvent, NotificationId, NotificationSetting,
    OutboxId, OutboxMessage, OutboxSettlement, OutboxStatus, StoredRecipient,
};

use super::jobs::other_config;
use super::seed::seed;
use super::{conflicts, misses, tx, view};
use crate::rows::{at, health_row, notification_row, odd_json, outbox_row};

const TTL: Duration = Duration::from_secs(60);

async fn put(store: &Arc<dyn Store>, rows: &[OutboxMessage]) -> u64 {
    let rows = rows.to_vec();
    tx(store, move |tx| tx.put_outbox(&rows)).await
}

async fn claim(store: &Arc<dyn Store>, secs: i64, limit: usize) -> Vec<OutboxMessage> {
    tx(store, move |tx| tx.claim_outbox(at(secs), TTL, limit)).await
}

async fn settle(store: &Arc<dyn Store>, settlements: &[OutboxSettlement]) -> u64 {
    let settlements = settlements.to_vec();
    tx(store, move |tx| tx.settle_outbox(&settlements)).await
}

async fn all(store: &Arc<dyn Store>) -> Vec<OutboxMessage> {
    view(store, |tx| tx.outbox(&OutboxFilter::default(), 1_000)).await
}

/// The end of an attempt at this message, which counts.
fn ends(row: &OutboxMessage, status: OutboxStatus, secs: i64) -> OutboxSettlement {
    OutboxSettlement {
        id: row.id,
        token: row.token,
        status,
        run_at: row.run_at,
        error: None,
        counts: true,
        at: at(secs),
    }
}

fn keys(rows: &[OutboxMessage]) -> Vec<&str> {
    rows.iter().map(|row| row.event_key.as_str()).collect()
}

pub async fn notification_settings_come_back_and_change(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut odd = NotificationSetting {
        events: NotificationEvent::ALL.to_vec(),
        recipients: vec![
            StoredRecipient {
                hash: "h".to_owned(),
                shown: "https://example.test/\u{2026} '\"".to_owned(),
                sealed: Some((0..=255).collect()),
            },
            StoredRecipient { hash: "i".to_owned(), shown: String::new(), sealed: None },
        ],
        settings: odd_json(),
        sealed_secret: Some(vec![0, 255, 1]),
        is_active: false,
        failing_since: Some(at(1)),
        disabled_reason: Some("gone since '\"".to_owned()),
        created_at: at(2),
        updated_at: at(3),
        ..notification_row(Some(seed.config))
    };
    let mut plain = notification_row(None);
    for channel in ChannelKind::ALL {
        odd.channel = *channel;
        let insert = [plain.clone(), odd.clone()];
        [plain.id, odd.id] = tx(&store, move |tx| {
            Ok([tx.insert_notification(&insert[0])?, tx.insert_notification(&insert[1])?])
        })
        .await;
        let id = odd.id;
        let read = view(&store, move |tx| tx.notification(id)).await;
        assert_eq!(read.as_ref(), Some(&odd));
    }
    let rows = view(&store, |tx| tx.notifications()).await;
    assert_eq!(rows.len(), 2 * ChannelKind::ALL.len());
    assert!(rows.is_sorted_by(|a, b| a.id < b.id));

    let changed = NotificationSetting { id: plain.id, ..odd };
    let (id, update) = (plain.id, changed.clone());
    tx(&store, move |tx| tx.update_notification(&update)).await;
    assert_eq!(view(&store, move |tx| tx.notification(id)).await, Some(changed));
}

pub async fn unknown_settings_and_settings_of_unknown_configs_are_refused(store: Arc<dyn Store>) {
    let gone = NotificationId(4_711);
    let ghost = NotificationSetting { id: gone, ..notification_row(None) };
    misses(&store, move |tx| tx.update_notification(&ghost)).await;
    misses(&store, move |tx| tx.delete_notification(gone)).await;
    assert_eq!(view(&store, move |tx| tx.notification(gone)).await, None);
    let nowhere = Some(ConfigId(4_711));
    conflicts(&store, move |tx| tx.insert_notification(&notification_row(nowhere))).await;
    let orphan = OutboxMessage { config_id: nowhere, ..outbox_row("e", "ada") };
    conflicts(&store, move |tx| tx.put_outbox(std::slice::from_ref(&orphan))).await;
    conflicts(&store, |tx| tx.put_config_health(&health_row(ConfigId(4_711)))).await;
}

pub async fn a_deleted_setting_takes_its_waiting_messages_along(store: Arc<dyn Store>) {
    let ids = tx(&store, |tx| {
        let one = tx.insert_notification(&notification_row(None))?;
        Ok([one, tx.insert_notification(&notification_row(None))?])
    })
    .await;
    let own =
        |key: &str, setting| OutboxMessage { setting_id: Some(setting), ..outbox_row(key, "ada") };
    put(&store, &[own("sent", ids[0]), own("on its way", ids[0])]).await;
    let claimed = claim(&store, 200, 10).await;
    assert_eq!(settle(&store, &[ends(&claimed[0], OutboxStatus::Sent, 201)]).await, 1);
    put(&store, &[own("waits", ids[0]), own("other", ids[1]), outbox_row("no one's", "ada")]).await;
    tx(&store, move |tx| tx.delete_notification(ids[0])).await;
    let left = all(&store).await;
    assert_eq!(keys(&left), ["no one's", "other", "sent"]);
    assert_eq!(left[1].setting_id, Some(ids[1]));
    assert_eq!(left[2].setting_id, None);
    assert_eq!(settle(&store, &[ends(&claimed[1], OutboxStatus::Sent, 202)]).await, 0);
}

pub async fn message_columns_come_back(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let setting = tx(&store, |tx| tx.insert_notification(&notification_row(None))).await;
    for status in OutboxStatus::ALL {
        let ended = *status != OutboxStatus::Queued;
        let row = OutboxMessage {
            event: "a word".to_owned(),
            config_id: Some(seed.config),
            setting_id: Some(setting),
            message: odd_json(),
            status: *status,
            attempts: 3,
            run_at: at(131),
            token: 9,
            last_error: Some("Gr\u{FC}\u{DF}e \u{1F680} '\"".to_owned()),
            created_at: at(132),
            ended_at: ended.then_some(at(133)),
            ..outbox_row(&format!("execution/{status:?} '\""), "ada \u{E9}")
        };
        assert_eq!(put(&store, std::slice::from_ref(&row)).await, 1);
        let newest = all(&store).await.remove(0);
        assert_eq!(newest, OutboxMessage { id: newest.id, ..row });
    }
}

pub async fn an_event_reaches_a_recipient_once(store: Arc<dyn Store>) {
    let first = [outbox_row("e1", "ada"), outbox_row("e1", "bob"), outbox_row("e1", "ada")];
    assert_eq!(put(&store, &first).await, 2, "equal ones of one list collapse too");
    let more = [outbox_row("e1", "bob"), outbox_row("e2", "bob"), outbox_row("E1", "ada")];
    assert_eq!(put(&store, &more).await, 2);
    assert_eq!(put(&store, &more).await, 0);
    assert_eq!(put(&store, &[]).await, 0);
    let claimed = claim(&store, 200, 10).await;
    assert_eq!(claimed.len(), 4);
    let sent: Vec<_> = claimed.iter().map(|row| ends(row, OutboxStatus::Sent, 201)).collect();
    assert_eq!(settle(&store, &sent).await, 4);
    assert_eq!(put(&store, &first).await, 0, "what was sent is not sent again");
    assert_eq!(all(&store).await.len(), 4);
}

pub async fn messages_are_claimed_when_due_the_longest_first(store: Arc<dyn Store>) {
    let row = |key: &str, secs| OutboxMessage { run_at: at(secs), ..outbox_row(key, "ada") };
    put(&store, &[row("c", 300), row("a", 100), row("b", 200)]).await;
    assert!(claim(&store, 99, 10).await.is_empty());
    assert!(claim(&store, 999, 0).await.is_empty());
    let claimed = claim(&store, 200, 10).await;
    assert_eq!(keys(&claimed), ["a", "b"]);
    for row in &claimed {
        assert_eq!((row.attempts, row.claimed_until), (1, Some(at(260))));
        assert_eq!(row.status, OutboxStatus::Queued);
        assert!(row.token > 0);
    }
    assert!(claim(&store, 201, 10).await.is_empty());
    put(&store, &[row("d", 250), row("e", 240)]).await;
    assert_eq!(keys(&claim(&store, 259, 1).await), ["e"]);
    assert_eq!(keys(&claim(&store, 259, 10).await), ["d"]);
}

pub async fn concurrent_claims_never_share_a_message(store: Arc<dyn Store>) {
    let rows: Vec<_> = (0..40).map(|n| outbox_row(&format!("e{n}"), "ada")).collect();
    assert_eq!(put(&store, &rows).await, 40);
    let claims = (0..8).map(|_| claim(&store, 200, 6));
    let mut claimed: Vec<OutboxMessage> =
        futures_util::future::join_all(claims).await.into_iter().flatten().collect();
    // What a neighbour had locked may be found later.
    claimed.extend(claim(&store, 200, 100).await);
    let distinct: BTreeSet<OutboxId> = claimed.iter().map(|row| row.id).collect();
    assert_eq!((claimed.len(), distinct.len()), (40, 40));
}

pub async fn a_claim_of_a_message_that_is_over_may_be_taken(store: Arc<dyn Store>) {
    put(&store, &[outbox_row("e", "ada")]).await;
    let first = claim(&store, 200, 10).await.remove(0);
    assert!(claim(&store, 259, 10).await.is_empty());
    let second = claim(&store, 260, 10).await.remove(0);
    assert!(second.token > first.token);
    assert_eq!((second.attempts, second.claimed_until), (2, Some(at(320))));
    assert_eq!(settle(&store, &[ends(&first, OutboxStatus::Dead, 261)]).await, 0);
    assert_eq!(all(&store).await, std::slice::from_ref(&second), "an old token changes nothing");
    // Over, but nobody took it: it still holds.
    assert_eq!(settle(&store, &[ends(&second, OutboxStatus::Sent, 999)]).await, 1);
    assert_eq!(settle(&store, &[ends(&second, OutboxStatus::Dead, 999)]).await, 0);
    assert_eq!(all(&store).await[0].status, OutboxStatus::Sent);
}

pub async fn an_attempt_to_send_ends_as_settled(store: Arc<dyn Store>) {
    let ended = [OutboxStatus::Sent, OutboxStatus::Folded, OutboxStatus::Dead];
    for status in ended {
        put(&store, &[outbox_row(status.as_str(), "ada")]).await;
        let row = claim(&store, 200, 10).await.remove(0);
        let error = Some("550 '\u{E9}".to_owned());
        let settlement = OutboxSettlement { error: error.clone(), ..ends(&row, status, 210) };
        assert_eq!(settle(&store, &[settlement]).await, 1);
        let expected = OutboxMessage {
            status,
            claimed_until: None,
            last_error: error,
            ended_at: Some(at(210)),
            ..row
        };
        assert_eq!(all(&store).await[0], expected);
    }
    assert!(claim(&store, 9_000, 10).await.is_empty());
}

pub async fn a_message_is_tried_again_when_asked(store: Arc<dyn Store>) {
    put(&store, &[outbox_row("e", "ada")]).await;
    let row = claim(&store, 200, 10).await.remove(0);
    let again = |row: &OutboxMessage, secs, error: Option<&str>, counts| OutboxSettlement {
        run_at: at(secs),
        error: error.map(str::to_owned),
        counts,
        ..ends(row, OutboxStatus::Queued, 210)
    };
    assert_eq!(settle(&store, &[again(&row, 300, Some("450"), true)]).await, 1);
    let expected = OutboxMessage {
        run_at: at(300),
        claimed_until: None,
        last_error: Some("450".to_owned()),
        ..row
    };
    assert_eq!(all(&store).await, [expected]);
    assert!(claim(&store, 299, 10).await.is_empty());
    let row = claim(&store, 300, 10).await.remove(0);
    assert_eq!(row.attempts, 2);
    assert_eq!(settle(&store, &[again(&row, 400, None, false)]).await, 1);
    let stored = all(&store).await.remove(0);
    assert_eq!((stored.attempts, stored.last_error), (1, None), "it was given back");
    assert_eq!(claim(&store, 400, 10).await[0].attempts, 2);
}

pub async fn lost_claims_of_messages_spare_their_neighbours(store: Arc<dyn Store>) {
    put(&store, &[outbox_row("a", "ada"), outbox_row("b", "ada"), outbox_row("c", "ada")]).await;
    let rows = claim(&store, 200, 2).await;
    let mut batch: Vec<_> = rows.iter().map(|row| ends(row, OutboxStatus::Sent, 210)).collect();
    batch[0].token += 1;
    batch.push(OutboxSettlement { id: OutboxId(4_711), ..batch[1].clone() });
    // Nobody claimed the third.
    let third = all(&store).await.remove(0);
    batch.push(ends(&third, OutboxStatus::Sent, 210));
    assert_eq!(settle(&store, &batch).await, 1);
    let left = all(&store).await;
    let statuses: Vec<_> = left.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [OutboxStatus::Queued, OutboxStatus::Sent, OutboxStatus::Queued]);
}

pub async fn the_next_message_time_sees_claims_end(store: Arc<dyn Store>) {
    let next = || view(&store, |tx| tx.next_outbox_at());
    assert_eq!(next().await, None);
    put(&store, &[outbox_row("a", "ada")]).await;
    put(&store, &[OutboxMessage { run_at: at(290), ..outbox_row("b", "ada") }]).await;
    assert_eq!(next().await, Some(at(130)));
    let row = claim(&store, 200, 10).await.remove(0);
    assert_eq!(next().await, Some(at(260)), "when the claim ends");
    assert_eq!(settle(&store, &[ends(&row, OutboxStatus::Sent, 210)]).await, 1);
    assert_eq!(next().await, Some(at(290)));
    let row = claim(&store, 300, 10).await.remove(0);
    assert_eq!(settle(&store, &[ends(&row, OutboxStatus::Dead, 310)]).await, 1);
    assert_eq!(next().await, None);
}

pub async fn messages_taken_are_counted_by_recipient(store: Arc<dyn Store>) {
    let ended = |key: &str, who: &str, status, secs| OutboxMessage {
        status,
        ended_at: Some(at(secs)),
        ..outbox_row(key, who)
    };
    put(
        &store,
        &[
            ended("1", "ada", OutboxStatus::Sent, 100),
            ended("2", "ada", OutboxStatus::Sent, 200),
            ended("3", "bob", OutboxStatus::Sent, 300),
            ended("4", "ada", OutboxStatus::Folded, 300),
            ended("5", "ada", OutboxStatus::Dead, 300),
            outbox_row("6", "ada"),
        ],
    )
    .await;
    for (who, secs, expected) in [
        ("ada", 0, 2),
        ("ada", 100, 2),
        ("ada", 101, 1),
        ("ada", 201, 0),
        ("bob", 0, 1),
        ("eve", 0, 0),
    ] {
        let sent = view(&store, move |tx| tx.sent_since(who, at(secs))).await;
        assert_eq!(sent, expected, "{who} since {secs}");
    }
}

pub async fn messages_come_newest_first_filtered_and_paged(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    let mut rows = Vec::new();
    for (number, config_id) in
        [Some(seed.config), None, Some(other), Some(seed.config)].into_iter().enumerate()
    {
        rows.push(OutboxMessage { config_id, ..outbox_row(&number.to_string(), "ada") });
    }
    rows[3].status = OutboxStatus::Dead;
    rows[3].ended_at = Some(at(1));
    put(&store, &rows).await;
    let newest = all(&store).await;
    let ids: Vec<OutboxId> = newest.iter().rev().map(|row| row.id).collect();
    let every = OutboxFilter::default();
    let own = OutboxFilter { config_id: Some(seed.config), ..every.clone() };
    let cases = [
        (every.clone(), 10, vec!["3", "2", "1", "0"]),
        (every.clone(), 2, vec!["3", "2"]),
        (OutboxFilter { before: Some(ids[2]), ..every.clone() }, 10, vec!["1", "0"]),
        (own.clone(), 10, vec!["3", "0"]),
        (OutboxFilter { status: Some(OutboxStatus::Queued), ..every }, 10, vec!["2", "1", "0"]),
        (OutboxFilter { status: Some(OutboxStatus::Queued), ..own.clone() }, 10, vec!["0"]),
        (OutboxFilter { before: Some(ids[0]), ..own }, 10, vec![]),
    ];
    for (filter, limit, expected) in cases {
        let asked = filter.clone();
        let rows = view(&store, move |tx| tx.outbox(&asked, limit)).await;
        assert_eq!(keys(&rows), expected, "{filter:?}");
    }
}

pub async fn pruning_messages_takes_ended_ones(store: Arc<dyn Store>) {
    let mut rows = vec![outbox_row("waits", "ada")];
    for (secs, status) in
        (200..).zip([OutboxStatus::Sent, OutboxStatus::Folded, OutboxStatus::Dead])
    {
        let ended_at = Some(at(secs));
        rows.push(OutboxMessage { status, ended_at, ..outbox_row(status.as_str(), "ada") });
    }
    put(&store, &rows).await;
    let prune = |secs, limit| tx(&store, move |tx| tx.prune_outbox(at(secs), limit));
    assert_eq!(prune(200, 10).await, 0, "what ended at that very time stays");
    assert_eq!(prune(999, 2).await, 2);
    assert_eq!(keys(&all(&store).await), ["dead", "waits"]);
    assert_eq!(prune(999, 2).await, 1);
    assert_eq!(prune(999, 2).await, 0);
    assert_eq!(put(&store, &rows).await, 3, "a forgotten event is news again");
}

pub async fn config_health_is_written_over(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let read = || view(&store, move |tx| tx.config_health(seed.config));
    assert_eq!(read().await, None);
    let bad = ConfigHealth { fingerprint: Some("Gr\u{FC}n '".into()), ..health_row(seed.config) };
    let well = ConfigHealth {
        config_id: seed.config,
        failing_since: None,
        fingerprint: None,
        told_at: None,
    };
    for health in [bad.clone(), well, bad] {
        let write = health.clone();
        tx(&store, move |tx| tx.put_config_health(&write)).await;
        assert_eq!(read().await, Some(health));
    }
}
