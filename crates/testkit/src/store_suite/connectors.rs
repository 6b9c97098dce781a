//! Rules about connectors.

use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_domain::{
    AuthType, ConnectorId, ConnectorRow, ConnectorUsage, ExecutionStatus, LastCheck,
};

use super::seed::seed;
use super::{conflicts, misses, tx, view};
use crate::rows::{at, connector_row, new_execution, odd_json, pair_row};

pub async fn connector_columns_come_back(store: Arc<dyn Store>) {
    let mut row = ConnectorRow {
        sealed_credentials: (0..=255).collect(),
        is_active: false,
        last_check: Some(LastCheck {
            at: at(5),
            ok: false,
            message: "Grüße; signed out".to_owned(),
        }),
        credential_expires_at: Some(at(6)),
        ..connector_row("a")
    };
    row.settings.auth_type = AuthType::OAuth;
    row.settings.metadata = odd_json();
    let insert = row.clone();
    row.id = tx(&store, move |tx| tx.insert_connector(&insert)).await;
    let id = row.id;
    let read = view(&store, move |tx| tx.connector(id)).await;
    assert_eq!(read.as_ref(), Some(&row));
    let by_name = view(&store, |tx| tx.connector_by_name("a")).await;
    assert_eq!(by_name, read);

    let plain =
        ConnectorRow { id, created_at: at(0), updated_at: at(9), ..connector_row("renamed") };
    let update = plain.clone();
    tx(&store, move |tx| tx.update_connector(&update)).await;
    let read = view(&store, move |tx| tx.connector(id)).await;
    assert_eq!(read, Some(plain));
    assert_eq!(view(&store, |tx| tx.connector_by_name("a")).await, None);
}

pub async fn connector_names_are_unique_by_letter_case(store: Arc<dyn Store>) {
    tx(&store, |tx| tx.insert_connector(&connector_row("Ära"))).await;
    let other = tx(&store, |tx| tx.insert_connector(&connector_row("ära"))).await;
    conflicts(&store, |tx| tx.insert_connector(&connector_row("Ära"))).await;
    let same = move |name: &str| ConnectorRow { id: other, ..connector_row(name) };
    conflicts(&store, move |tx| tx.update_connector(&same("Ära"))).await;
    tx(&store, move |tx| tx.update_connector(&same("ära"))).await;
}

pub async fn connectors_come_by_id(store: Arc<dyn Store>) {
    let ids = tx(&store, |tx| {
        ["z", "a", "m"]
            .iter()
            .map(|name| tx.insert_connector(&connector_row(name)))
            .collect::<Result<Vec<_>, _>>()
    })
    .await;
    let read = view(&store, |tx| tx.connectors()).await;
    assert!(ids.is_sorted());
    assert_eq!(read.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
}

pub async fn unknown_connectors_are_not_found(store: Arc<dyn Store>) {
    let ghost = ConnectorRow { id: ConnectorId(4_711), ..connector_row("ghost") };
    let none = view(&store, |tx| tx.connector(ConnectorId(4_711))).await;
    assert_eq!(none, None);
    misses(&store, move |tx| tx.update_connector(&ghost)).await;
    misses(&store, |tx| tx.delete_connector(ConnectorId(4_711))).await;
}

pub async fn a_deleted_connector_takes_everything_along(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let pair = tx(&store, move |tx| {
        let pair = tx.insert_pair(&pair_row(seed.config, "1", "2"))?;
        tx.join_lineage((seed.source, &"1".into()), (seed.target, &"2".into()))?;
        Ok(pair)
    })
    .await;
    tx(&store, move |tx| tx.delete_connector(seed.target)).await;
    view(&store, move |tx| {
        assert_eq!(tx.connector(seed.target)?, None);
        assert!(tx.connector(seed.source)?.is_some());
        assert_eq!(tx.types(seed.target)?, []);
        assert_eq!(tx.type_row(seed.target_type)?, None);
        assert_eq!(tx.fields(&[seed.target_type])?, []);
        assert_eq!(tx.statuses(&[seed.target_type])?, []);
        assert_eq!(tx.types(seed.source)?.len(), 1);
        assert_eq!(tx.config(seed.config)?, None);
        assert_eq!(tx.execution(seed.run)?, None);
        assert_eq!(tx.pair(pair)?, None);
        assert!(tx.lineages(seed.target, &["2".into()])?.is_empty());
        Ok(())
    })
    .await;
}

pub async fn connector_usage_counts_configs_pairs_and_running_runs(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    tx(&store, move |tx| {
        for number in 0..3 {
            tx.insert_pair(&pair_row(seed.config, &format!("s{number}"), &format!("t{number}")))?;
        }
        let ended = tx.insert_execution(&new_execution(seed.config))?;
        let mut run = tx.execution(ended)?.expect("just inserted");
        run.status = ExecutionStatus::Completed;
        run.ended_at = Some(at(99));
        tx.update_execution(&run)?;
        tx.insert_connector(&connector_row("idle"))
    })
    .await;
    view(&store, move |tx| {
        let used = ConnectorUsage { configs: 1, pairs: 3, running: 1 };
        assert_eq!(tx.connector_usage(seed.source)?, used);
        assert_eq!(tx.connector_usage(seed.target)?, used);
        let idle = tx.connector_by_name("idle")?.expect("just inserted");
        assert_eq!(tx.connector_usage(idle.id)?, ConnectorUsage::default());
        Ok(())
    })
    .await;
}
