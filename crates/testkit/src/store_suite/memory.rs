//! Rules about bases, receipts, intents, cursors, retries and comment pairs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::Store;
use syncline_domain::{
    Base, CommentPair, Cursor, Fields, Intent, IntentPlan, IntentState, ItemId, ItemRetry, PairId,
    Receipt, STATUS_REF, Side, WriteOp,
};

use super::seed::{Seed, seed};
use super::{conflicts, misses, tx, view};
use crate::rows::{at, base, comment_pair, config_row, intent, odd_json, pair_row, receipt, retry};

async fn pair(store: &Arc<dyn Store>, seed: Seed, number: usize) -> PairId {
    let (source, target) = (format!("s{number}"), format!("t{number}"));
    tx(store, move |tx| tx.insert_pair(&pair_row(seed.config, &source, &target))).await
}

fn sorted<T: std::fmt::Debug>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

pub async fn bases_are_written_over(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let (one, two) = (pair(&store, seed, 1).await, pair(&store, seed, 2).await);
    let first = vec![
        base(one, Side::Source, "title", json!("x")),
        base(one, Side::Target, "title", json!("x")),
        base(one, Side::Target, "Title", Value::Null),
        base(one, Side::Target, STATUS_REF, odd_json()),
        base(two, Side::Target, "title", json!(0)),
    ];
    let put = first.clone();
    tx(&store, move |tx| tx.put_bases(&put)).await;
    let over = Base { value: json!({"name": "Ada"}), updated_at: at(99), ..first[1].clone() };
    let put = over.clone();
    tx(&store, move |tx| tx.put_bases(std::slice::from_ref(&put))).await;
    let mut expected = first;
    expected[1] = over;
    let read = view(&store, move |tx| tx.bases(&[two, one])).await;
    assert_eq!(sorted(read), sorted(expected.clone()));
    let read = view(&store, move |tx| tx.bases(&[one])).await;
    assert_eq!(sorted(read), sorted(expected[..4].to_vec()));
    assert_eq!(view(&store, |tx| tx.bases(&[])).await, []);
}

pub async fn receipts_are_written_over(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let one = pair(&store, seed, 1).await;
    let first = receipt(one, Side::Target, "title", "old");
    let other = receipt(one, Side::Source, "title", "old");
    let newer = Receipt {
        hash: "new".to_owned(),
        version: "3".into(),
        written_at: at(99),
        ..first.clone()
    };
    let put = [first, other.clone(), newer.clone()];
    tx(&store, move |tx| {
        tx.put_receipts(&put[..2])?;
        tx.put_receipts(&put[2..])
    })
    .await;
    let read = view(&store, move |tx| tx.receipts(&[one])).await;
    assert_eq!(sorted(read), sorted(vec![newer, other]));
}

pub async fn bases_of_many_pairs_are_read_at_once(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let pairs = tx(&store, move |tx| {
        let mut pairs = Vec::new();
        for number in 0..1_500 {
            let (source, target) = (format!("s{number}"), format!("t{number}"));
            pairs.push(tx.insert_pair(&pair_row(seed.config, &source, &target))?);
        }
        let bases: Vec<_> =
            pairs.iter().map(|pair| base(*pair, Side::Source, "title", json!(pair.0))).collect();
        let receipts: Vec<_> =
            pairs.iter().map(|pair| receipt(*pair, Side::Target, "title", "h")).collect();
        tx.put_bases(&bases)?;
        tx.put_receipts(&receipts)?;
        Ok(pairs)
    })
    .await;
    view(&store, move |tx| {
        let bases = tx.bases(&pairs)?;
        assert_eq!(bases.len(), 1_500);
        assert!(bases.iter().all(|base| base.value == json!(base.pair_id.0)));
        assert_eq!(tx.receipts(&pairs)?.len(), 1_500);
        Ok(())
    })
    .await;
}

pub async fn intents_are_kept_until_their_end(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut planned: Vec<Intent> = (0..4).map(|n| intent(seed.config, seed.run, n)).collect();
    planned[1] = Intent {
        op: WriteOp::Comment,
        side: Side::Source,
        item_id: Some("t9".into()),
        plan: IntentPlan::V1 {
            type_ref: None,
            status: Some("Offen \u{1F680}".to_owned()),
            fields: Fields::from([("a.b".into(), odd_json()), ("none".into(), Value::Null)]),
            comment: Some("<p>hello</p>".to_owned()),
            from_comment_id: Some("c1".into()),
            agreed: Vec::new(),
            seen: Fields::from([("b.a".into(), odd_json())]),
            made_from: BTreeMap::from([("a.b".into(), vec!["b.a".into()])]),
            expected: Some(syncline_domain::Version::new("7")),
        },
        ..planned[1].clone()
    };
    let insert = planned.clone();
    let ids = tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        tx.insert_intents(&[intent(other, seed.run, 9)])?;
        tx.insert_intents(&insert)
    })
    .await;
    for (intent, id) in planned.iter_mut().zip(&ids) {
        intent.id = *id;
    }
    let read = view(&store, move |tx| tx.open_intents(seed.config)).await;
    assert_eq!(read, planned);
    for side in [Side::Source, Side::Target] {
        let made = |row: &&Intent| row.op == WriteOp::Create && row.side == side;
        let wanted: Vec<Intent> = planned.iter().filter(made).cloned().collect();
        let read = view(&store, move |tx| tx.open_creates(seed.config, side)).await;
        assert_eq!(read, wanted);
    }

    tx(&store, move |tx| {
        tx.finish_intent(ids[0], IntentState::Done, Some(&"t1".into()))?;
        tx.finish_intent(ids[2], IntentState::Doubtful, None)?;
        tx.finish_intent(ids[3], IntentState::Abandoned, None)
    })
    .await;
    planned[2].state = IntentState::Doubtful;
    let read = view(&store, move |tx| tx.open_intents(seed.config)).await;
    assert_eq!(read, [planned[1].clone(), planned[2].clone()]);
}

pub async fn cursors_are_kept_by_side_and_forgotten(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let put = |side, text: Option<&str>| {
        let cursor = text.map(Cursor::from);
        tx(&store, move |tx| tx.put_cursor(seed.config, side, cursor.as_ref(), at(1)))
    };
    let read = || {
        view(&store, move |tx| {
            let source = tx.cursor(seed.config, Side::Source)?;
            Ok((source, tx.cursor(seed.config, Side::Target)?))
        })
    };
    assert_eq!(read().await, (None, None));
    put(Side::Source, Some("{\"at\": \"Grüße\"}")).await;
    put(Side::Target, Some("t")).await;
    put(Side::Target, Some("later")).await;
    assert_eq!(read().await, (Some("{\"at\": \"Grüße\"}".into()), Some("later".into())));
    put(Side::Source, None).await;
    put(Side::Source, None).await;
    assert_eq!(read().await, (None, Some("later".into())));
}

pub async fn retries_are_written_over_and_cleared(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let rows: Vec<ItemRetry> = (0..3)
        .map(|n| retry(seed.config, Side::Source, &format!("s{n}")))
        .chain([retry(seed.config, Side::Target, "s0")])
        .collect();
    let again = ItemRetry { attempts: 7, next_try_at: at(900), ..rows[1].clone() };
    let put = [rows.clone(), vec![again.clone()]].concat();
    tx(&store, move |tx| put.iter().try_for_each(|row| tx.put_retry(row))).await;
    let all = view(&store, move |tx| tx.retries(seed.config, Side::Source, None)).await;
    let expected = vec![rows[0].clone(), again.clone(), rows[2].clone()];
    assert_eq!(sorted(all), sorted(expected));

    let asked: Vec<ItemId> = (1..1_501).map(|n| format!("s{n}").into()).collect();
    let some = asked.clone();
    let found = view(&store, move |tx| tx.retries(seed.config, Side::Source, Some(&some))).await;
    assert_eq!(sorted(found), sorted(vec![again, rows[2].clone()]));
    tx(&store, move |tx| tx.clear_retries(seed.config, Side::Source, &asked)).await;
    view(&store, move |tx| {
        assert_eq!(tx.retries(seed.config, Side::Source, None)?, [rows[0].clone()]);
        assert_eq!(tx.retries(seed.config, Side::Target, None)?, [rows[3].clone()]);
        assert_eq!(tx.retries(seed.config, Side::Source, Some(&[]))?, []);
        Ok(())
    })
    .await;
}

pub async fn comment_pairs_follow_their_originals(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let one = pair(&store, seed, 1).await;
    let rows = [comment_pair(one, "c1", "d1"), comment_pair(one, "c2", "d2")];
    let insert = rows.clone();
    tx(&store, move |tx| insert.iter().try_for_each(|row| tx.insert_comment_pair(row))).await;
    tx(&store, move |tx| {
        tx.set_comment_hash(one, &"c1".into(), "new")?;
        tx.delete_comment_pair(one, &"c2".into())
    })
    .await;
    let changed = CommentPair { hash: "new".to_owned(), ..rows[0].clone() };
    assert_eq!(view(&store, move |tx| tx.comment_pairs(one)).await, [changed]);
    misses(&store, move |tx| tx.set_comment_hash(one, &"c2".into(), "new")).await;
    misses(&store, move |tx| tx.delete_comment_pair(one, &"c2".into())).await;
    // Both comments are free again.
    tx(&store, move |tx| tx.insert_comment_pair(&comment_pair(one, "c2", "d2"))).await;
}

pub async fn comments_are_paired_once(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let (one, two) = (pair(&store, seed, 1).await, pair(&store, seed, 2).await);
    let rows = [comment_pair(one, "c1", "d1"), comment_pair(one, "c2", "d2")];
    let insert = rows.clone();
    tx(&store, move |tx| {
        insert.iter().try_for_each(|row| tx.insert_comment_pair(row))?;
        tx.insert_comment_pair(&comment_pair(two, "c3", "d3"))
    })
    .await;
    conflicts(&store, move |tx| tx.insert_comment_pair(&comment_pair(one, "c1", "d9"))).await;
    conflicts(&store, move |tx| tx.insert_comment_pair(&comment_pair(one, "c9", "d1"))).await;
    let read = view(&store, move |tx| tx.comment_pairs(one)).await;
    assert_eq!(sorted(read), sorted(rows.to_vec()));
}
