//! Rules about webhooks and deliveries.

use std::sync::Arc;

use syncline_domain::ports::{
    Accepted, CalledConfig, DeliveryFilter, Store, StoreExt, WebhookFilter,
};
use syncline_domain::{
    Delivery, DeliveryId, DeliveryStatus, Direction, Fault, OldSecret, Webhook, WebhookAuth,
    WebhookId,
};

use super::jobs::{enqueue, other_config};
use super::seed::{Seed, seed};
use super::{conflicts, misses, tx, view};
use crate::rows::{at, delivery_row, new_job, odd_json, webhook_row};

async fn hook(store: &Arc<dyn Store>, seed: Seed, token: &str) -> WebhookId {
    let row = webhook_row(seed.config, seed.source, token);
    tx(store, move |tx| tx.insert_webhook(&row)).await
}

async fn deliver(store: &Arc<dyn Store>, row: &Delivery) -> DeliveryId {
    let row = row.clone();
    tx(store, move |tx| tx.insert_delivery(&row)).await
}

/// The accepted delivery of a name.
async fn first_of(store: &Arc<dyn Store>, webhook: WebhookId, name: &str) -> Option<Accepted> {
    let name = name.to_owned();
    view(store, move |tx| Ok(tx.first_deliveries(webhook, &[&name])?.remove(&name))).await
}

async fn read(store: &Arc<dyn Store>, id: WebhookId) -> Webhook {
    view(store, move |tx| tx.webhook(id)).await.expect("the webhook is there")
}

/// A webhook in which no column has its usual value.
fn odd_hook(seed: Seed) -> Webhook {
    Webhook {
        name: "Gr\u{FC}\u{DF}e \u{1F680} '\"".to_owned(),
        connector_id: seed.target,
        event_types: vec!["workitem.created".to_owned(), "b".to_owned(), "a".to_owned()],
        auth: WebhookAuth::HeaderToken,
        sealed_secret: (0..=255).collect(),
        old_secrets: vec![
            OldSecret { sealed: vec![0, 255], valid_until: at_millis(900) },
            OldSecret { sealed: Vec::new(), valid_until: at_millis(800) },
        ],
        is_active: false,
        metadata: odd_json(),
        revision: 41,
        trigger_count: 42,
        unlogged_rejections: 43,
        last_triggered_at: Some(at(111)),
        created_at: at(112),
        updated_at: at(113),
        ..webhook_row(seed.config, seed.source, "webhook_odd")
    }
}

/// Times inside JSON are kept to the millisecond.
const fn at_millis(secs: i64) -> syncline_domain::Timestamp {
    syncline_domain::Timestamp::from_millis(at(secs).millis())
}

pub async fn webhook_columns_come_back(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    for auth in WebhookAuth::ALL {
        let token = format!("webhook_{}", auth.as_str());
        let mut row = Webhook { auth: *auth, token: token.clone(), ..odd_hook(seed) };
        let insert = row.clone();
        row.id = tx(&store, move |tx| tx.insert_webhook(&insert)).await;
        let id = row.id;
        view(&store, move |tx| {
            assert_eq!(tx.webhook(id)?.as_ref(), Some(&row));
            assert_eq!(tx.webhook_by_token(&token)?.as_ref(), Some(&row));
            Ok(())
        })
        .await;
    }
}

pub async fn webhook_tokens_are_unique(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    hook(&store, seed, "webhook_1").await;
    let same = webhook_row(other, seed.target, "webhook_1");
    conflicts(&store, move |tx| tx.insert_webhook(&same)).await;
    for token in ["webhook_", "WEBHOOK_1", "webhook_11"] {
        assert_eq!(view(&store, move |tx| tx.webhook_by_token(token)).await, None, "{token}");
    }
}

pub async fn webhooks_need_their_owners(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let gone = 4_711;
    let rows = [
        webhook_row(gone.into(), seed.source, "webhook_1"),
        webhook_row(seed.config, gone.into(), "webhook_2"),
    ];
    for row in rows {
        conflicts(&store, move |tx| tx.insert_webhook(&row)).await;
    }
    let id = WebhookId(gone);
    let ghost = Webhook { id, ..webhook_row(seed.config, seed.source, "webhook_3") };
    misses(&store, move |tx| tx.update_webhook(&ghost)).await;
    misses(&store, move |tx| tx.delete_webhook(id)).await;
    conflicts(&store, move |tx| {
        tx.insert_delivery(&delivery_row(id, None, DeliveryStatus::Success, 1))
    })
    .await;
    assert_eq!(view(&store, move |tx| tx.webhook(id)).await, None);
    tx(&store, move |tx| tx.count_unlogged_rejections(id, 1)).await;
}

pub async fn webhooks_are_listed_by_owner_and_activity(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    let mut ids = Vec::new();
    for (config, connector, is_active) in [
        (seed.config, seed.source, true),
        (other, seed.source, false),
        (seed.config, seed.target, false),
    ] {
        let token = format!("webhook_{}", ids.len());
        let row = Webhook { is_active, ..webhook_row(config, connector, &token) };
        ids.push(tx(&store, move |tx| tx.insert_webhook(&row)).await);
    }
    let all = WebhookFilter::default();
    let cases = [
        (all.clone(), vec![0, 1, 2]),
        (WebhookFilter { config_id: Some(seed.config), ..all.clone() }, vec![0, 2]),
        (WebhookFilter { connector_id: Some(seed.source), ..all.clone() }, vec![0, 1]),
        (WebhookFilter { active: Some(false), ..all.clone() }, vec![1, 2]),
        (WebhookFilter { active: Some(true), ..all.clone() }, vec![0]),
        (WebhookFilter { scope: Some(vec![other]), ..all.clone() }, vec![1]),
        (WebhookFilter { scope: Some(Vec::new()), ..all.clone() }, vec![]),
        (
            WebhookFilter {
                config_id: Some(seed.config),
                connector_id: Some(seed.target),
                active: Some(false),
                scope: Some(vec![other, seed.config]),
            },
            vec![2],
        ),
    ];
    for (filter, expected) in cases {
        let asked = filter.clone();
        let rows = view(&store, move |tx| tx.webhooks(&asked)).await;
        let listed: Vec<WebhookId> = rows.iter().map(|row| row.id).collect();
        let expected: Vec<WebhookId> = expected.into_iter().map(|at: usize| ids[at]).collect();
        assert_eq!(listed, expected, "{filter:?}");
    }
}

pub async fn an_update_of_a_webhook_leaves_its_counters(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    let id = hook(&store, seed, "webhook_1").await;
    tx(&store, move |tx| {
        assert!(tx.count_triggers(id, 1, 1, at(200))?.is_some());
        tx.count_unlogged_rejections(id, 7)
    })
    .await;
    let changed = Webhook { id, config_id: other, ..odd_hook(seed) };
    let update = changed.clone();
    tx(&store, move |tx| tx.update_webhook(&update)).await;
    let expected = Webhook {
        token: "webhook_1".to_owned(),
        revision: 2,
        trigger_count: 1,
        unlogged_rejections: 7,
        last_triggered_at: Some(at(200)),
        ..changed
    };
    assert_eq!(read(&store, id).await, expected);
    let update = expected.clone();
    tx(&store, move |tx| tx.update_webhook(&update)).await;
    assert_eq!(read(&store, id).await, Webhook { revision: 3, ..expected });
}

pub async fn a_trigger_counts_only_for_the_revision_that_was_proven(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    let before = read(&store, id).await;
    for (who, revision) in [(id, 0), (id, 2), (WebhookId(4_711), 1)] {
        let counted = tx(&store, move |tx| tx.count_triggers(who, revision, 1, at(200))).await;
        assert_eq!(counted, None);
    }
    assert_eq!(read(&store, id).await, before);
    for (calls, secs) in [(1, 300), (5, 200)] {
        let counted = tx(&store, move |tx| tx.count_triggers(id, 1, calls, at(secs))).await;
        assert!(counted.is_some());
    }
    let expected = Webhook { trigger_count: 6, last_triggered_at: Some(at(200)), ..before };
    assert_eq!(read(&store, id).await, expected);
    let update = expected.clone();
    tx(&store, move |tx| tx.update_webhook(&update)).await;
    let counted = tx(&store, move |tx| tx.count_triggers(id, 1, 1, at(400))).await;
    assert_eq!(counted, None, "it was changed");
    assert_eq!(read(&store, id).await.trigger_count, 6);
}

pub async fn a_trigger_answers_how_the_configuration_is_now(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    for (is_active, direction) in [(true, Direction::OneWay), (false, Direction::Bidirectional)] {
        tx(&store, move |tx| {
            let mut config = tx.config(seed.config)?.unwrap();
            (config.is_active, config.direction) = (is_active, direction);
            tx.update_config(&config)
        })
        .await;
        let told = tx(&store, move |tx| tx.count_triggers(id, 1, 1, at(200))).await;
        let source_connector_id = seed.source;
        assert_eq!(told, Some(CalledConfig { is_active, direction, source_connector_id }));
    }
}

pub async fn concurrent_triggers_are_all_counted(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    let count = || {
        tx(&store, move |tx| {
            tx.count_unlogged_rejections(id, 3)?;
            tx.count_triggers(id, 1, 1, at(200))
        })
    };
    let counted = futures_util::future::join_all((0..30).map(|_| count())).await;
    assert!(counted.into_iter().all(|counted| counted.is_some()));
    let row = read(&store, id).await;
    assert_eq!((row.trigger_count, row.unlogged_rejections), (30, 90));
}

pub async fn delivery_columns_come_back(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    let job = enqueue(&store, &new_job(Some(seed.config))).await;
    let first = deliver(&store, &delivery_row(id, Some("d"), DeliveryStatus::Success, 1)).await;
    for status in DeliveryStatus::ALL {
        let mut row = Delivery {
            payload: "{\"a\": \"Gr\u{FC}\u{DF}e \u{1F680}\",\r\n \"b\": '\\'}".to_owned(),
            headers: odd_json(),
            event_type: None,
            delivery_id: Some(format!("{} '\u{E9}", status.as_str())),
            item_ids: vec!["b".into(), "a".into(), "b".into()],
            signature_valid: false,
            reason: Some("since '\"".to_owned()),
            response_code: 415,
            job_id: Some(job),
            duplicate_of: Some(first),
            processing_time_ms: u32::from(u16::MAX),
            ..delivery_row(id, None, *status, 160)
        };
        row.id = deliver(&store, &row).await;
        let read = row.id;
        assert_eq!(view(&store, move |tx| tx.delivery(read)).await, Some(row));
    }
    assert_eq!(view(&store, |tx| tx.delivery(DeliveryId(4_711))).await, None);
}

pub async fn an_accepted_delivery_is_stored_once(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let one = hook(&store, seed, "webhook_1").await;
    let two = hook(&store, seed, "webhook_2").await;
    let job = enqueue(&store, &new_job(Some(seed.config))).await;
    let accepted = [DeliveryStatus::Success, DeliveryStatus::Ignored];
    for (number, status) in accepted.into_iter().enumerate() {
        let name = format!("d{number}");
        let first = Delivery { job_id: Some(job), ..delivery_row(one, Some(&name), status, 1) };
        let id = deliver(&store, &first).await;
        for again in accepted {
            let row = delivery_row(one, Some(&name), again, 2);
            conflicts(&store, move |tx| tx.insert_delivery(&row)).await;
        }
        assert_eq!(first_of(&store, one, &name).await, Some((id, Some(job))));
        // The same name from another sender, and no name at all, are no repeats.
        deliver(&store, &delivery_row(two, Some(&name), status, 3)).await;
        deliver(&store, &delivery_row(one, None, status, 4)).await;
        deliver(&store, &delivery_row(one, None, status, 5)).await;
    }
    view(&store, move |tx| {
        assert_eq!(tx.count_deliveries(&DeliveryFilter::default())?, 8);
        let found = tx.first_deliveries(one, &["D0"])?;
        assert!(found.is_empty(), "names are compared letter by letter");
        assert!(tx.first_deliveries(two, &["d0"])?.values().all(|(_, job)| job.is_none()));
        // All that were asked for and are there, whatever is in the way of a name.
        let found = tx.first_deliveries(one, &["d1", "d0", "d\"2", "d1"])?;
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ["d0", "d1"]);
        assert!(tx.first_deliveries(one, &[])?.is_empty());
        Ok(())
    })
    .await;
}

pub async fn refused_deliveries_do_not_occupy_a_name(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    let refused = [DeliveryStatus::Rejected, DeliveryStatus::Duplicate, DeliveryStatus::Failed];
    for status in refused {
        for secs in 0..2 {
            deliver(&store, &delivery_row(id, Some("d"), status, secs)).await;
        }
    }
    assert_eq!(first_of(&store, id, "d").await, None);
    let good = deliver(&store, &delivery_row(id, Some("d"), DeliveryStatus::Success, 3)).await;
    for status in refused {
        deliver(&store, &delivery_row(id, Some("d"), status, 4)).await;
    }
    assert_eq!(first_of(&store, id, "d").await, Some((good, None)));
}

pub async fn deliveries_are_stored_all_or_none(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    let row = |name: Option<&str>| delivery_row(id, name, DeliveryStatus::Success, 1);
    let many: Vec<Delivery> =
        (0..70).map(|number| row((number % 2 == 0).then_some(&*format!("d{number}")))).collect();
    let rows = many.clone();
    let ids = tx(&store, move |tx| tx.insert_deliveries(&rows)).await;
    for (id, row) in ids.iter().copied().zip(many) {
        assert_eq!(view(&store, move |tx| tx.delivery(id)).await, Some(Delivery { id, ..row }));
    }
    for names in [["x", "d0"], ["y", "y"]] {
        let rows = names.map(|name| row(Some(name)));
        tx(&store, move |tx| {
            let refused = tx.insert_deliveries(&rows);
            assert!(matches!(refused, Err(Fault::Conflict(_))), "{names:?}");
            // The transaction is usable and has no trace of them.
            assert_eq!(tx.count_deliveries(&DeliveryFilter::default())?, 70);
            Ok(())
        })
        .await;
    }
    let nobodys = delivery_row(WebhookId(4_711), None, DeliveryStatus::Success, 1);
    let rows = [row(None), nobodys];
    conflicts(&store, move |tx| tx.insert_deliveries(&rows)).await;
    assert!(tx(&store, |tx| tx.insert_deliveries(&[])).await.is_empty());
}

pub async fn one_of_many_equal_deliveries_is_accepted(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    let accept = || {
        store.tx("suite", move |tx| {
            tx.enqueue(&new_job(Some(seed.config)))?;
            tx.insert_delivery(&delivery_row(id, Some("d"), DeliveryStatus::Success, 1))
        })
    };
    let answers = futures_util::future::join_all((0..20).map(|_| accept())).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.into_iter().filter(Result::is_err) {
        super::assert_conflict(refused);
    }
    // What the refused ones had queued went with them.
    assert_eq!(view(&store, |tx| tx.count_waiting_jobs()).await, 1);
}

pub async fn deliveries_come_newest_first_filtered_and_paged(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let one = hook(&store, seed, "webhook_1").await;
    let two = hook(&store, seed, "webhook_2").await;
    let mut ids = Vec::new();
    for number in 0..6 {
        let (webhook, status) = match number % 3 {
            0 => (one, DeliveryStatus::Success),
            1 => (one, DeliveryStatus::Rejected),
            _ => (two, DeliveryStatus::Success),
        };
        // Times run backwards: the id decides.
        ids.push(deliver(&store, &delivery_row(webhook, None, status, 100 - number)).await);
    }
    let all = DeliveryFilter::default();
    let of_one = DeliveryFilter { webhook_id: Some(one), ..all.clone() };
    let good = Some(DeliveryStatus::Success);
    let cases = [
        (all.clone(), 0, 10, vec![5, 4, 3, 2, 1, 0], 6),
        (all.clone(), 2, 3, vec![3, 2, 1], 6),
        (all.clone(), 6, 3, vec![], 6),
        (all.clone(), 0, 0, vec![], 6),
        (DeliveryFilter { before: Some(ids[4]), ..all.clone() }, 0, 2, vec![3, 2], 6),
        (DeliveryFilter { before: Some(ids[4]), ..all.clone() }, 1, 2, vec![2, 1], 6),
        (of_one.clone(), 0, 10, vec![4, 3, 1, 0], 4),
        (DeliveryFilter { status: good, ..all }, 0, 10, vec![5, 3, 2, 0], 4),
        (DeliveryFilter { status: good, ..of_one }, 1, 10, vec![0], 2),
    ];
    for (filter, offset, limit, expected, count) in cases {
        let expected: Vec<DeliveryId> = expected.into_iter().map(|at: usize| ids[at]).collect();
        view(&store, move |tx| {
            let rows = tx.deliveries(&filter, offset, limit)?;
            let listed: Vec<DeliveryId> = rows.iter().map(|row| row.id).collect();
            assert_eq!(listed, expected, "{filter:?} from {offset}");
            assert_eq!(tx.count_deliveries(&filter)?, count, "{filter:?}");
            Ok(())
        })
        .await;
    }
}

pub async fn pruning_deliveries_takes_the_oldest(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = hook(&store, seed, "webhook_1").await;
    let mut ids = Vec::new();
    for secs in 0..5 {
        let name = format!("d{secs}");
        let row = delivery_row(id, Some(&name), DeliveryStatus::Success, secs);
        ids.push(deliver(&store, &row).await);
    }
    let prune = |secs, limit| tx(&store, move |tx| tx.prune_deliveries(at(secs), limit));
    let left = || async {
        let rows = view(&store, |tx| tx.deliveries(&DeliveryFilter::default(), 0, 10)).await;
        rows.iter().rev().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(prune(0, 10).await, 0);
    assert_eq!(prune(4, 3).await, 3);
    assert_eq!(left().await, ids[3..]);
    assert_eq!(prune(4, 3).await, 1, "what came at that very time stays");
    assert_eq!(left().await, ids[4..]);
    // A forgotten name is free again.
    deliver(&store, &delivery_row(id, Some("d0"), DeliveryStatus::Success, 9)).await;
}

pub async fn a_deleted_webhook_takes_its_deliveries_along(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let gone = hook(&store, seed, "webhook_1").await;
    let stays = hook(&store, seed, "webhook_2").await;
    for id in [gone, stays, gone] {
        deliver(&store, &delivery_row(id, None, DeliveryStatus::Success, 1)).await;
    }
    tx(&store, move |tx| tx.delete_webhook(gone)).await;
    view(&store, move |tx| {
        assert_eq!(tx.webhook(gone)?, None);
        let left = tx.deliveries(&DeliveryFilter::default(), 0, 10)?;
        assert_eq!(left.iter().map(|row| row.webhook_id).collect::<Vec<_>>(), [stays]);
        Ok(())
    })
    .await;
    hook(&store, seed, "webhook_1").await;
}
