//! Rules about leases.

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::Fault;
use syncline_domain::ports::{Lease, Store, StoreExt};

use super::{assert_conflict, tx, view};
use crate::rows::at;

const TTL: Duration = Duration::from_secs(60);

async fn acquire(
    store: &Arc<dyn Store>,
    name: &'static str,
    who: &'static str,
    secs: i64,
) -> Option<Lease> {
    tx(store, move |tx| tx.acquire_lease(name, who, at(secs), TTL)).await
}

async fn renew(store: &Arc<dyn Store>, lease: &Lease, secs: i64) -> bool {
    let lease = lease.clone();
    tx(store, move |tx| tx.renew_lease(&lease, at(secs), TTL)).await
}

async fn assert_held(store: &Arc<dyn Store>, lease: &Lease) -> Result<(), Fault> {
    let lease = lease.clone();
    store.tx("suite", move |tx| tx.assert_lease(&lease)).await
}

pub async fn a_lease_has_one_holder(store: Arc<dyn Store>) {
    assert_eq!(view(&store, |tx| tx.lease("run/1")).await, None);
    let lease = acquire(&store, "run/1", "me", 0).await.expect("it is free");
    assert_eq!((lease.name.as_str(), lease.holder.as_str()), ("run/1", "me"));
    assert_eq!(lease.expires_at, at(60));
    assert_eq!(acquire(&store, "run/1", "you", 59).await, None);
    assert!(renew(&store, &lease, 50).await);
    assert_eq!(acquire(&store, "run/1", "you", 70).await, None);
    let held = view(&store, |tx| tx.lease("run/1")).await.expect("it is held");
    assert_eq!(held, Lease { expires_at: at(110), ..lease.clone() });
    assert_eq!(assert_held(&store, &lease).await, Ok(()));
}

pub async fn a_lease_that_is_over_is_taken_with_a_higher_token(store: Arc<dyn Store>) {
    let first = acquire(&store, "run/1", "me", 0).await.expect("it is free");
    let second = acquire(&store, "run/1", "you", 60).await.expect("it is over");
    assert!(second.token > first.token);
    let held = view(&store, |tx| tx.lease("run/1")).await;
    assert_eq!(held, Some(second));
}

pub async fn a_lost_lease_is_not_renewed_and_fences(store: Arc<dyn Store>) {
    let late = acquire(&store, "run/1", "me", 0).await.expect("it is free");
    // The same holder may come back after a restart: only the token tells the two apart.
    let now = acquire(&store, "run/1", "me", 61).await.expect("it is over");
    assert!(!renew(&store, &late, 62).await);
    assert_conflict(assert_held(&store, &late).await);
    let held = view(&store, |tx| tx.lease("run/1")).await;
    assert_eq!(held.as_ref(), Some(&now));

    let (fenced, lost) = (late.clone(), late);
    let done = store
        .tx("suite", move |tx| {
            tx.put_setting("k", Some("1"), at(62))?;
            tx.assert_lease(&fenced)
        })
        .await;
    assert_conflict(done);
    tx(&store, move |tx| tx.release_lease(&lost)).await;
    assert_eq!(assert_held(&store, &now).await, Ok(()));
    assert!(view(&store, |tx| tx.settings()).await.is_empty());
}

pub async fn a_released_lease_is_free_at_once(store: Arc<dyn Store>) {
    let first = acquire(&store, "run/1", "me", 0).await.expect("it is free");
    let give = first.clone();
    tx(&store, move |tx| tx.release_lease(&give)).await;
    let second = acquire(&store, "run/1", "you", 1).await.expect("it was given back");
    assert!(second.token > first.token, "a late writer must stay fenced off");
    assert!(!renew(&store, &first, 2).await);
    assert_conflict(assert_held(&store, &first).await);
}

pub async fn leases_of_different_names_are_apart(store: Arc<dyn Store>) {
    let one = acquire(&store, "run/1", "me", 0).await.expect("it is free");
    let two = acquire(&store, "run/11", "you", 0).await.expect("it is free");
    let give = one;
    tx(&store, move |tx| tx.release_lease(&give)).await;
    assert_eq!(assert_held(&store, &two).await, Ok(()));
    let mut ghost = two;
    ghost.name = "run/2".to_owned();
    assert!(!renew(&store, &ghost, 1).await);
    assert_conflict(assert_held(&store, &ghost).await);
}
