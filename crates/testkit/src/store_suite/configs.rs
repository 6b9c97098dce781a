//! Rules about configurations.

use std::sync::Arc;

use serde_json::json;
use syncline_domain::ports::{ExecutionFilter, OutcomeFilter, Store};
use syncline_domain::{
    ConfigId, ConflictResolution, DeletePolicy, Direction, FieldMapping, ItemState, MapDirection,
    MappingType, MatchExisting, MissedRuns, OnMany, Options, Overlap, Side, StatusMapping,
    SyncConfig, TargetEdits, TriggerType, TypeMapping, UserMap, UserMapEntry, UserMatch, When,
};

use super::seed::{Seed, seed};
use super::{conflicts, misses, tx, view};
use crate::rows::{
    at, base, config_row, field_mapping, intent, odd_json, outcome, pair_row, retry,
};

fn odd_config(seed: Seed) -> SyncConfig {
    SyncConfig {
        description: "Grüße \u{1F680}\nline two".to_owned(),
        direction: Direction::Bidirectional,
        trigger_type: TriggerType::Scheduled,
        schedule_cron: Some("*/5 * * * *".to_owned()),
        timezone: "Europe/Berlin".to_owned(),
        conflict_resolution: ConflictResolution::Merge,
        sync_filter: Some(odd_json()),
        target_filter: Some(json!({"a": [1, 2.5]})),
        options: Options {
            sync_comments: true,
            attachments_max_bytes: 1 << 40,
            target_edits: TargetEdits::Keep,
            external_id_field: Some("cf_7".into()),
            match_existing: Some(MatchExisting {
                source_field: "title".into(),
                target_field: "subject".into(),
                on_many: OnMany::Skip,
            }),
            source_delete_policy: DeletePolicy::Close,
            max_deletes: Some(3),
            missed_runs: MissedRuns::All,
            overlap: Overlap::Queue,
            concurrency: 32,
            ..Options::default()
        },
        is_active: false,
        needs_full: true,
        version: 17,
        next_sync_at: Some(at(1_000)),
        last_sync_at: Some(at(900)),
        ..config_row("odd", seed.target, seed.source)
    }
}

pub async fn config_columns_come_back(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut config = odd_config(seed);
    let insert = config.clone();
    config.id = tx(&store, move |tx| tx.insert_config(&insert)).await;
    let id = config.id;
    let read = view(&store, move |tx| Ok((tx.config(id)?, tx.config_by_name("odd")?))).await;
    assert_eq!(read, (Some(config.clone()), Some(config)));

    let plain =
        SyncConfig { id, updated_at: at(2_000), ..config_row("plain", seed.source, seed.target) };
    let update = plain.clone();
    tx(&store, move |tx| tx.update_config(&update)).await;
    let all = view(&store, |tx| tx.configs()).await;
    assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [seed.config, id]);
    assert_eq!(all.last(), Some(&plain));
}

pub async fn config_names_are_unique(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let named = move |name: &str| config_row(name, seed.source, seed.target);
    let other = tx(&store, move |tx| tx.insert_config(&named("other"))).await;
    conflicts(&store, move |tx| tx.insert_config(&named("other"))).await;
    conflicts(&store, move |tx| tx.update_config(&SyncConfig { id: other, ..named("a to b") }))
        .await;
}

pub async fn unknown_configs_are_not_found(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    assert_eq!(view(&store, |tx| tx.config(ConfigId(4_711))).await, None);
    misses(&store, move |tx| {
        tx.update_config(&SyncConfig {
            id: ConfigId(4_711),
            ..config_row("ghost", seed.source, seed.target)
        })
    })
    .await;
    misses(&store, |tx| tx.delete_config(ConfigId(4_711))).await;
}

pub async fn type_pairs_are_unique_within_a_config(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let same = move |config_id| TypeMapping {
        id: 0.into(),
        config_id,
        source_type_id: seed.source_type,
        target_type_id: seed.target_type,
    };
    conflicts(&store, move |tx| tx.insert_type_mapping(&same(seed.config))).await;
    let (other, id) = tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        Ok((other, tx.insert_type_mapping(&same(other))?))
    })
    .await;
    let read = view(&store, move |tx| tx.type_mappings(other)).await;
    assert_eq!(read, [TypeMapping { id, ..same(other) }]);
}

pub async fn field_rules_come_back_and_change(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let plain = field_mapping(seed.config, seed.type_mapping, seed.source_field, seed.target_field);
    let mut odd = FieldMapping {
        source_field_ids: vec![seed.target_field, seed.source_field],
        mapping_type: MappingType::Computed,
        transformation: Some(json!([{"name": "truncate", "length": 5}, "trim"])),
        constant_value: Some(json!(0)),
        expression: Some("{{ title }} \u{1F680}".to_owned()),
        value_map: Some(odd_json()),
        direction: MapDirection::Backward,
        when: When::CreateOnly,
        default_value: Some(json!(false)),
        conflict_resolution: Some(ConflictResolution::Manual),
        ..plain.clone()
    };
    let inserts = [plain.clone(), odd.clone()];
    let ids = tx(&store, move |tx| {
        inserts.iter().map(|rule| tx.insert_field_mapping(rule)).collect::<Result<Vec<_>, _>>()
    })
    .await;
    odd.id = ids[1];
    let read = view(&store, move |tx| tx.field_mappings(seed.config)).await;
    let plain = FieldMapping { id: ids[0], ..plain };
    assert_eq!(read, [plain.clone(), odd.clone()]);

    let changed = FieldMapping { id: odd.id, source_field_ids: Vec::new(), ..plain.clone() };
    let update = changed.clone();
    tx(&store, move |tx| {
        tx.update_field_mapping(&update)?;
        tx.delete_field_mapping(ids[0])
    })
    .await;
    let read = view(&store, move |tx| tx.field_mappings(seed.config)).await;
    assert_eq!(read, [changed]);
}

pub async fn status_rules_are_unique(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let rule = StatusMapping {
        id: 0.into(),
        config_id: seed.config,
        type_mapping_id: seed.type_mapping,
        source_status_id: seed.source_status,
        target_status_id: seed.target_status,
    };
    let insert = rule.clone();
    let id = tx(&store, move |tx| tx.insert_status_mapping(&insert)).await;
    let again = rule.clone();
    conflicts(&store, move |tx| tx.insert_status_mapping(&again)).await;
    let read = view(&store, move |tx| tx.status_mappings(seed.config)).await;
    assert_eq!(read, [StatusMapping { id, ..rule }]);
    tx(&store, move |tx| tx.delete_status_mapping(id)).await;
    let read = view(&store, move |tx| tx.status_mappings(seed.config)).await;
    assert_eq!(read, []);
}

pub async fn a_deleted_type_pair_takes_its_rules_along(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    tx(&store, move |tx| {
        tx.insert_field_mapping(&field_mapping(
            seed.config,
            seed.type_mapping,
            seed.source_field,
            seed.target_field,
        ))?;
        tx.insert_status_mapping(&StatusMapping {
            id: 0.into(),
            config_id: seed.config,
            type_mapping_id: seed.type_mapping,
            source_status_id: seed.source_status,
            target_status_id: seed.target_status,
        })?;
        tx.delete_type_mapping(seed.type_mapping)
    })
    .await;
    view(&store, move |tx| {
        assert_eq!(tx.type_mappings(seed.config)?, []);
        assert_eq!(tx.field_mappings(seed.config)?, []);
        assert_eq!(tx.status_mappings(seed.config)?, []);
        Ok(())
    })
    .await;
}

pub async fn user_maps_are_replaced(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let empty = view(&store, move |tx| tx.user_map(seed.config)).await;
    assert_eq!(empty, UserMap::default());
    let first = UserMap {
        entries: vec![UserMapEntry {
            source: "ada@example.test".to_owned(),
            target: "Ada Löv".to_owned(),
        }],
        by: vec![UserMatch::Login, UserMatch::Email],
        default: Some("helpdesk".to_owned()),
    };
    let second = UserMap { by: vec![UserMatch::Name], ..UserMap::default() };
    for map in [first, second] {
        let put = map.clone();
        tx(&store, move |tx| tx.put_user_map(seed.config, &put)).await;
        let read = view(&store, move |tx| tx.user_map(seed.config)).await;
        assert_eq!(read, map);
    }
}

pub async fn a_deleted_config_takes_everything_along(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let pair = tx(&store, move |tx| {
        let pair = tx.insert_pair(&pair_row(seed.config, "1", "2"))?;
        tx.put_bases(&[base(pair, Side::Source, "title", json!("x"))])?;
        tx.insert_outcomes(&[outcome(seed.run, "1", ItemState::Created)])?;
        tx.insert_intents(&[intent(seed.config, seed.run, 1)])?;
        tx.put_cursor(seed.config, Side::Source, Some(&"c".into()), at(1))?;
        tx.put_retry(&retry(seed.config, Side::Source, "1"))?;
        tx.put_user_map(seed.config, &UserMap::default())?;
        tx.join_lineage((seed.source, &"1".into()), (seed.target, &"2".into()))?;
        Ok(pair)
    })
    .await;
    tx(&store, move |tx| tx.delete_config(seed.config)).await;
    view(&store, move |tx| {
        assert_eq!(tx.config(seed.config)?, None);
        assert_eq!(tx.type_mappings(seed.config)?, []);
        assert_eq!(tx.pair(pair)?, None);
        assert_eq!(tx.bases(&[pair])?, []);
        assert_eq!(tx.execution(seed.run)?, None);
        assert_eq!(tx.executions(&ExecutionFilter::default(), 10)?, []);
        assert_eq!(tx.outcomes(seed.run, &OutcomeFilter::default(), 10)?, []);
        assert_eq!(tx.open_intents(seed.config)?, []);
        assert_eq!(tx.cursor(seed.config, Side::Source)?, None);
        assert_eq!(tx.retries(seed.config, Side::Source, None)?, []);
        // Who copied what outlives the configuration: another one must not copy it back.
        assert_eq!(tx.lineages(seed.source, &["1".into()])?.len(), 1);
        assert!(tx.connector(seed.source)?.is_some());
        Ok(())
    })
    .await;
}
