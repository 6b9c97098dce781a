//! Rules about tombstones and looks for deleted items.

use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_domain::{ConfigId, DeletePolicy, ExecutionId, PairId, Side, Tombstone};

use super::seed::seed;
use super::{conflicts, tx, view};
use crate::rows::{at, pair_row};

fn tombstone(pair_id: PairId, policy: DeletePolicy) -> Tombstone {
    Tombstone {
        pair_id,
        deleted_side: Side::Source,
        policy,
        execution_id: ExecutionId(7),
        noticed_at: at(9),
    }
}

pub async fn tombstones_go_with_their_pair(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let (one, two) = tx(&store, move |tx| {
        let one = tx.insert_pair(&pair_row(seed.config, "s1", "t1"))?;
        let two = tx.insert_pair(&pair_row(seed.config, "s2", "t2"))?;
        tx.put_tombstone(&tombstone(two, DeletePolicy::Close))?;
        tx.put_tombstone(&tombstone(one, DeletePolicy::Ignore))?;
        Ok((one, two))
    })
    .await;
    let expected = [tombstone(one, DeletePolicy::Ignore), tombstone(two, DeletePolicy::Close)];
    assert_eq!(view(&store, move |tx| tx.tombstones(&[two, one])).await, expected);
    let over = Tombstone { deleted_side: Side::Target, ..tombstone(one, DeletePolicy::Unlink) };
    let put = over.clone();
    tx(&store, move |tx| tx.put_tombstone(&put)).await;
    assert_eq!(view(&store, move |tx| tx.tombstones(&[one])).await, [over]);
    tx(&store, move |tx| tx.clear_tombstone(one)).await;
    tx(&store, move |tx| tx.clear_tombstone(one)).await;
    tx(&store, move |tx| tx.delete_pair(two)).await;
    assert_eq!(view(&store, move |tx| tx.tombstones(&[one, two])).await, []);
    conflicts(&store, move |tx| tx.put_tombstone(&tombstone(two, DeletePolicy::Ignore))).await;
}

pub async fn a_look_for_deleted_items_goes_on_where_it_was(store: Arc<dyn Store>) {
    let config = seed(&store).await.config;
    let position = |side| view(&store, move |tx| tx.sweep_position(config, side));
    assert_eq!(position(Side::Source).await, None);
    tx(&store, move |tx| {
        tx.put_sweep_position(config, Side::Source, Some(PairId(3)), at(1))?;
        tx.put_sweep_position(config, Side::Source, Some(PairId(8)), at(2))?;
        tx.put_sweep_position(config, Side::Target, Some(PairId(5)), at(2))
    })
    .await;
    assert_eq!(position(Side::Source).await, Some(PairId(8)));
    assert_eq!(position(Side::Target).await, Some(PairId(5)));
    tx(&store, move |tx| tx.put_sweep_position(config, Side::Source, None, at(3))).await;
    assert_eq!(position(Side::Source).await, None);
    let unknown = ConfigId(config.0 + 99);
    conflicts(&store, move |tx| {
        tx.put_sweep_position(unknown, Side::Source, Some(PairId(1)), at(1))
    })
    .await;
    tx(&store, move |tx| tx.delete_config(config)).await;
    assert_eq!(position(Side::Target).await, None);
}
