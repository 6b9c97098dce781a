//! Rules about families of copies.

use std::collections::BTreeSet;
use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_domain::{ConnectorId, ItemId, LineageId};

use super::seed::seed;
use super::{tx, view};
use crate::rows::connector_row;

async fn join(
    store: &Arc<dyn Store>,
    one: (ConnectorId, &'static str),
    other: (ConnectorId, &'static str),
) -> LineageId {
    tx(store, move |tx| tx.join_lineage((one.0, &one.1.into()), (other.0, &other.1.into()))).await
}

async fn members(store: &Arc<dyn Store>, id: LineageId) -> BTreeSet<(ConnectorId, String)> {
    let members = view(store, move |tx| tx.lineage_members(&[id])).await;
    assert!(members.iter().all(|member| member.lineage_id == id));
    members.into_iter().map(|member| (member.connector_id, member.item_id.into_string())).collect()
}

fn family<const N: usize>(all: [(ConnectorId, &str); N]) -> BTreeSet<(ConnectorId, String)> {
    all.into_iter().map(|(id, item)| (id, item.to_owned())).collect()
}

pub async fn lineages_grow_and_unite(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let (a, b) = (seed.source, seed.target);
    let c = tx(&store, |tx| tx.insert_connector(&connector_row("c"))).await;
    let first = join(&store, (a, "1"), (b, "1")).await;
    assert_eq!(join(&store, (b, "1"), (a, "1")).await, first);
    let second = join(&store, (c, "1"), (a, "2")).await;
    assert_ne!(first, second);
    let third = join(&store, (a, "9"), (b, "9")).await;

    let united = join(&store, (b, "1"), (c, "1")).await;
    let all = family([(a, "1"), (b, "1"), (c, "1"), (a, "2")]);
    assert_eq!(members(&store, united).await, all);
    assert_eq!(members(&store, third).await, family([(a, "9"), (b, "9")]));
    let of_a = view(&store, move |tx| {
        tx.lineages(a, &["1".into(), "2".into(), "9".into(), "none".into()])
    })
    .await;
    let expected = [("1".into(), united), ("2".into(), united), ("9".into(), third)];
    assert_eq!(of_a, expected.into());
}

pub async fn an_item_leaves_its_family(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let (a, b) = (seed.source, seed.target);
    join(&store, (a, "1"), (b, "1")).await;
    let id = join(&store, (b, "1"), (a, "2")).await;
    tx(&store, move |tx| {
        tx.leave_lineage(b, &"1".into())?;
        tx.leave_lineage(b, &"never there".into())
    })
    .await;
    assert_eq!(members(&store, id).await, family([(a, "1"), (a, "2")]));
    let gone = view(&store, move |tx| tx.lineages(b, &["1".into()])).await;
    assert!(gone.is_empty());
    // It can start anew.
    let anew = join(&store, (b, "1"), (a, "3")).await;
    assert_ne!(anew, id);
}

pub async fn items_of_two_connectors_are_not_confused(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    join(&store, (seed.source, "1"), (seed.target, "2")).await;
    view(&store, move |tx| {
        assert!(tx.lineages(seed.source, &["2".into()])?.is_empty());
        assert!(tx.lineages(seed.target, &["1".into()])?.is_empty());
        Ok(())
    })
    .await;
}

pub async fn many_lineages_are_read_at_once(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let ids = tx(&store, move |tx| {
        (0..1_500)
            .map(|n| {
                let (one, other) = (format!("s{n}").into(), format!("t{n}").into());
                tx.join_lineage((seed.source, &one), (seed.target, &other))
            })
            .collect::<Result<Vec<_>, _>>()
    })
    .await;
    view(&store, move |tx| {
        let items: Vec<ItemId> = (0..1_500).map(|n| format!("t{n}").into()).collect();
        assert_eq!(tx.lineages(seed.target, &items)?.len(), 1_500);
        assert_eq!(tx.lineage_members(&ids)?.len(), 3_000);
        assert_eq!(tx.lineage_members(&[])?, []);
        Ok(())
    })
    .await;
}
