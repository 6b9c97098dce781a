//! Rules about pairs.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use syncline_domain::ports::Store;
use syncline_domain::{ItemId, Pair, PairId, PairState, Side};

use super::seed::seed;
use super::{conflicts, misses, tx, view};
use crate::rows::{at, base, comment_pair, config_row, pair_row, receipt};

pub async fn pair_columns_come_back(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut row = Pair {
        source_item_id: "Ä-1".into(),
        source_type: "Grüße".to_owned(),
        source_version: "2026-01-01T00:00:00Z".into(),
        target_version: "".into(),
        sync_count: 1 << 40,
        last_synced_at: at(31),
        created_at: at(30),
        ..pair_row(seed.config, "1", "12345678901234567890")
    };
    let insert = row.clone();
    row.id = tx(&store, move |tx| tx.insert_pair(&insert)).await;
    let id = row.id;
    assert_eq!(view(&store, move |tx| tx.pair(id)).await, Some(row));

    let changed = Pair {
        id,
        target_item_id: None,
        state: PairState::Ignored,
        sync_count: 2,
        ..pair_row(seed.config, "9", "")
    };
    let update = changed.clone();
    tx(&store, move |tx| tx.update_pair(&update)).await;
    assert_eq!(view(&store, move |tx| tx.pair(id)).await, Some(changed));
}

pub async fn an_item_is_paired_once_in_a_config(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    tx(&store, move |tx| tx.insert_pair(&pair_row(seed.config, "1", "2"))).await;
    conflicts(&store, move |tx| tx.insert_pair(&pair_row(seed.config, "1", "3"))).await;
    conflicts(&store, move |tx| tx.insert_pair(&pair_row(seed.config, "3", "2"))).await;
    tx(&store, move |tx| {
        // The ids of the two trackers are worlds apart, and so are two configurations.
        tx.insert_pair(&pair_row(seed.config, "2", "1"))?;
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        tx.insert_pair(&pair_row(other, "1", "2"))
    })
    .await;
    assert_eq!(view(&store, move |tx| tx.count_pairs(seed.config)).await, 2);
}

pub async fn ignored_pairs_need_no_target(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let ignored = move |source: &str| Pair {
        target_item_id: None,
        state: PairState::Ignored,
        ..pair_row(seed.config, source, "")
    };
    tx(&store, move |tx| {
        tx.insert_pair(&ignored("1"))?;
        tx.insert_pair(&ignored("2"))
    })
    .await;
    conflicts(&store, move |tx| tx.insert_pair(&ignored("1"))).await;
}

pub async fn an_update_cannot_steal_an_item(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = tx(&store, move |tx| {
        tx.insert_pair(&pair_row(seed.config, "1", "1"))?;
        tx.insert_pair(&pair_row(seed.config, "2", "2"))
    })
    .await;
    for (source, target) in [("1", "2"), ("2", "1")] {
        conflicts(&store, move |tx| {
            tx.update_pair(&Pair { id, ..pair_row(seed.config, source, target) })
        })
        .await;
    }
}

pub async fn pairs_are_found_by_many_items(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        tx.insert_pair(&pair_row(other, "s0", "t0"))?;
        for number in 0..20 {
            tx.insert_pair(&pair_row(seed.config, &format!("s{number}"), &format!("t{number}")))?;
        }
        Ok(())
    })
    .await;
    for (side, letter) in [(Side::Source, 's'), (Side::Target, 't')] {
        let asked: Vec<ItemId> = (10..1_510).map(|n| format!("{letter}{n}").into()).collect();
        let found = view(&store, move |tx| tx.pairs_by_items(seed.config, side, &asked)).await;
        let found: BTreeSet<_> = found.iter().filter_map(|pair| pair.item(side).cloned()).collect();
        let expected: BTreeSet<ItemId> = (10..20).map(|n| format!("{letter}{n}").into()).collect();
        assert_eq!(found, expected);
        let none = view(&store, move |tx| tx.pairs_by_items(seed.config, side, &[])).await;
        assert_eq!(none, []);
    }
}

pub async fn pairs_come_in_pages(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let ids = tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        let mut ids = Vec::new();
        for number in 0..7 {
            let (source, target) = (format!("s{number}"), format!("t{number}"));
            ids.push(tx.insert_pair(&pair_row(seed.config, &source, &target))?);
            tx.insert_pair(&pair_row(other, &source, &target))?;
        }
        Ok(ids)
    })
    .await;
    for (after, offset, limit, expected) in [
        (None, 0, 100, 0..7),
        (None, 0, 3, 0..3),
        (None, 5, 3, 5..7),
        (Some(ids[2]), 0, 2, 3..5),
        (Some(ids[2]), 1, 2, 4..6),
        (Some(ids[6]), 0, 2, 7..7),
        (None, 9, 2, 7..7),
    ] {
        let page = view(&store, move |tx| tx.pairs(seed.config, after, offset, limit)).await;
        let page: Vec<PairId> = page.iter().map(|pair| pair.id).collect();
        assert_eq!(page, ids[expected], "after {after:?} offset {offset} limit {limit}");
    }
    assert_eq!(view(&store, move |tx| tx.count_pairs(seed.config)).await, 7);
}

pub async fn paired_items_span_configs_and_leave_out_ignored_pairs(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    tx(&store, move |tx| {
        let back = tx.insert_config(&config_row("back", seed.target, seed.source))?;
        tx.insert_pair(&pair_row(seed.config, "a1", "b1"))?;
        tx.insert_pair(&pair_row(back, "b2", "a2"))?;
        tx.insert_pair(&Pair { state: PairState::Ignored, ..pair_row(seed.config, "a3", "b3") })
    })
    .await;
    let mut asked: Vec<ItemId> = ["a1", "a2", "a3", "b1", "b2", "b3"].map(Into::into).to_vec();
    asked.extend((0..1_500).map(|n| ItemId::new(format!("x{n}"))));
    let (on_source, on_target) = view(&store, move |tx| {
        Ok((tx.paired_items(seed.source, &asked)?, tx.paired_items(seed.target, &asked)?))
    })
    .await;
    assert_eq!(on_source, BTreeSet::from(["a1".into(), "a2".into()]));
    assert_eq!(on_target, BTreeSet::from(["b1".into(), "b2".into()]));
}

pub async fn a_deleted_pair_takes_its_memory_along(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let pair = tx(&store, move |tx| {
        let pair = tx.insert_pair(&pair_row(seed.config, "1", "2"))?;
        tx.put_bases(&[base(pair, Side::Target, "title", json!("x"))])?;
        tx.put_receipts(&[receipt(pair, Side::Target, "title", "h")])?;
        tx.insert_comment_pair(&comment_pair(pair, "c1", "c2"))?;
        Ok(pair)
    })
    .await;
    tx(&store, move |tx| tx.delete_pair(pair)).await;
    view(&store, move |tx| {
        assert_eq!(tx.pair(pair)?, None);
        assert_eq!(tx.bases(&[pair])?, []);
        assert_eq!(tx.receipts(&[pair])?, []);
        assert_eq!(tx.comment_pairs(pair)?, []);
        Ok(())
    })
    .await;
    // Both items are free again.
    tx(&store, move |tx| tx.insert_pair(&pair_row(seed.config, "1", "2"))).await;
}

pub async fn unknown_pairs_are_not_found(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    assert_eq!(view(&store, |tx| tx.pair(PairId(4_711))).await, None);
    misses(&store, move |tx| {
        tx.update_pair(&Pair { id: PairId(4_711), ..pair_row(seed.config, "1", "2") })
    })
    .await;
    misses(&store, |tx| tx.delete_pair(PairId(4_711))).await;
}
