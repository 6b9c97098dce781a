//! Rules about transactions themselves.

use std::sync::Arc;

use syncline_domain::Fault;
use syncline_domain::ports::{Store, StoreExt};

use super::seed::seed;
use super::{assert_conflict, tx, view};
use crate::rows::{at, connector_row, pair_row};

pub async fn an_error_rolls_everything_back(store: Arc<dyn Store>) {
    let done: Result<(), Fault> = store
        .tx("suite", |tx| {
            tx.insert_connector(&connector_row("a"))?;
            tx.put_setting("k", Some("1"), at(1))?;
            Err(Fault::Busy("enough".to_owned()))
        })
        .await;
    assert_eq!(done, Err(Fault::Busy("enough".to_owned())));
    view(&store, |tx| {
        assert_eq!(tx.connectors()?, []);
        assert!(tx.settings()?.is_empty());
        Ok(())
    })
    .await;
    tx(&store, |tx| tx.insert_connector(&connector_row("a"))).await;
}

pub async fn a_panic_rolls_everything_back(store: Arc<dyn Store>) {
    let done: Result<(), Fault> = store
        .tx("suite", |tx| {
            tx.insert_connector(&connector_row("a"))?;
            panic!("a planned panic");
        })
        .await;
    assert!(matches!(done, Err(Fault::Internal(_))), "{done:?}");
    assert_eq!(view(&store, |tx| tx.connectors()).await, []);
    tx(&store, |tx| tx.insert_connector(&connector_row("a"))).await;
}

pub async fn a_view_refuses_to_write(store: Arc<dyn Store>) {
    let done = store.view("suite", |tx| tx.insert_connector(&connector_row("a"))).await;
    assert!(matches!(done, Err(Fault::Internal(_))), "{done:?}");
    assert_eq!(view(&store, |tx| tx.connectors()).await, []);
    // A write that is swallowed leaves nothing behind either.
    let swallowed =
        store.view("suite", |tx| Ok(tx.put_setting("k", Some("1"), at(1)).is_ok())).await;
    assert_ne!(swallowed, Ok(true));
    assert!(view(&store, |tx| tx.settings()).await.is_empty());
}

pub async fn a_view_never_sees_half_a_transaction(store: Arc<dyn Store>) {
    let writing = Arc::clone(&store);
    let writer = tokio::spawn(async move {
        for number in 0..30 {
            let text = number.to_string();
            tx(&writing, move |tx| {
                tx.put_setting("one", Some(&text), at(1))?;
                tx.put_setting("two", Some(&text), at(1))
            })
            .await;
            tokio::task::yield_now().await;
        }
    });
    while !writer.is_finished() {
        let seen = view(&store, |tx| tx.settings()).await;
        assert_eq!(seen.get("one"), seen.get("two"));
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer");
}

pub async fn concurrent_transactions_do_not_lose_updates(store: Arc<dyn Store>) {
    let add = || {
        tx(&store, |tx| {
            let held = tx.settings()?.get("sum").and_then(|text| text.parse().ok());
            let next = held.unwrap_or(0_u64) + 1;
            tx.put_setting("sum", Some(&next.to_string()), at(1))
        })
    };
    futures_util::future::join_all((0..40).map(|_| add())).await;
    let sum = view(&store, |tx| tx.settings()).await;
    assert_eq!(sum.get("sum").map(String::as_str), Some("40"));
}

pub async fn a_failing_transaction_leaves_its_neighbours_alone(store: Arc<dyn Store>) {
    let put = |number: usize| {
        let store = Arc::clone(&store);
        async move {
            let done = store
                .tx("suite", move |tx| {
                    tx.put_setting(&format!("k{number:02}"), Some("1"), at(1))?;
                    match number % 3 {
                        1 => Err(Fault::Busy("planned".to_owned())),
                        2 => panic!("a planned panic"),
                        _ => Ok(number),
                    }
                })
                .await;
            (number, done.is_ok())
        }
    };
    let done = futures_util::future::join_all((0..30).map(put)).await;
    assert!(done.iter().all(|(number, good)| *good == (number % 3 == 0)));
    let kept: Vec<String> = view(&store, |tx| tx.settings()).await.into_keys().collect();
    let expected: Vec<String> = (0..30).step_by(3).map(|n| format!("k{n:02}")).collect();
    assert_eq!(kept, expected);
}

pub async fn a_refused_row_leaves_no_trace(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let done = store
        .tx("suite", move |tx| {
            tx.insert_pair(&pair_row(seed.config, "1", "1"))?;
            tx.insert_pair(&pair_row(seed.config, "2", "1"))
        })
        .await;
    assert_conflict(done);
    assert_eq!(view(&store, move |tx| tx.count_pairs(seed.config)).await, 0);
    let orphan = store.tx("suite", |tx| tx.insert_pair(&pair_row(4_711.into(), "1", "1"))).await;
    assert!(orphan.is_err(), "a pair needs its configuration");
}

pub async fn the_store_is_ready(store: Arc<dyn Store>) {
    assert_eq!(store.ready().await, Ok(()));
    let answer = store.tx("suite", |_| Ok("a value of any type")).await;
    assert_eq!(answer, Ok("a value of any type"));
}
