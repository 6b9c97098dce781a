//! Rules about mapping tests and copies of rules.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::Store;
use syncline_domain::{
    ConfigId, ExpectedItem, MappingTest, MappingTestId, RulesCopy, Sample, SampleCompare,
    SampleItem, SampleOccasion, TestDirection,
};

use super::seed::seed;
use super::{conflicts, misses, tx, view};
use crate::rows::{at, config_row, odd_json};

fn test(config_id: ConfigId, name: &str) -> MappingTest {
    MappingTest {
        id: MappingTestId(0),
        config_id,
        name: name.to_owned(),
        direction: TestDirection::TargetToSource,
        sample: Sample {
            item: SampleItem {
                id: "7".to_owned(),
                type_ref: "bug".to_owned(),
                title: "odd \u{0} \u{1f642}".to_owned(),
                status: Some("new".to_owned()),
                fields: [("title".into(), odd_json())].into(),
            },
            expected: ExpectedItem {
                type_ref: None,
                status: Some("Open".to_owned()),
                fields: [("subject".into(), Value::Null), ("rank".into(), json!(0.1))].into(),
            },
            occasion: SampleOccasion::Update,
            compare: SampleCompare::All,
            captured_from: Some("delivery 4".to_owned()),
        },
        created_at: at(1),
        updated_at: at(2),
    }
}

pub async fn mapping_tests_are_kept_with_their_configuration(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let config = seed.config;
    let (first, second, other) = tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        let first = tx.insert_mapping_test(&test(config, "one"))?;
        let second = tx.insert_mapping_test(&test(config, "two"))?;
        tx.insert_mapping_test(&test(other, "one"))?;
        Ok((first, second, other))
    })
    .await;
    let kept = view(&store, move |tx| tx.mapping_tests(config)).await;
    assert_eq!(
        kept,
        [
            MappingTest { id: first, ..test(config, "one") },
            MappingTest { id: second, ..test(config, "two") }
        ]
    );
    assert_eq!(view(&store, move |tx| tx.count_mapping_tests(config)).await, 2);
    conflicts(&store, move |tx| tx.insert_mapping_test(&test(config, "two"))).await;
    let nobody = ConfigId(other.0 + 99);
    conflicts(&store, move |tx| tx.insert_mapping_test(&test(nobody, "x"))).await;
    tx(&store, move |tx| tx.delete_config(config)).await;
    assert_eq!(view(&store, move |tx| tx.mapping_test(first)).await, None);
    assert_eq!(view(&store, move |tx| tx.count_mapping_tests(other)).await, 1);
}

pub async fn mapping_tests_are_changed_and_deleted_by_id(store: Arc<dyn Store>) {
    let config = seed(&store).await.config;
    let (first, second) = tx(&store, move |tx| {
        let first = tx.insert_mapping_test(&test(config, "one"))?;
        Ok((first, tx.insert_mapping_test(&test(config, "two"))?))
    })
    .await;
    let mut changed = MappingTest { id: first, updated_at: at(9), ..test(config, "three") };
    changed.direction = TestDirection::SourceToTarget;
    changed.sample.captured_from = None;
    // Neither its owner nor the time when it was made is written.
    let odd = MappingTest { created_at: at(77), ..changed.clone() };
    tx(&store, move |tx| tx.update_mapping_test(&odd)).await;
    assert_eq!(view(&store, move |tx| tx.mapping_test(first)).await, Some(changed));
    let taken = MappingTest { id: first, ..test(config, "two") };
    conflicts(&store, move |tx| tx.update_mapping_test(&taken)).await;
    tx(&store, move |tx| tx.delete_mapping_test(second)).await;
    let gone = MappingTest { id: second, ..test(config, "four") };
    misses(&store, move |tx| tx.update_mapping_test(&gone)).await;
    misses(&store, move |tx| tx.delete_mapping_test(second)).await;
}

fn copy(config_id: ConfigId, config_version: i64, digest: &str, used: i64) -> RulesCopy {
    RulesCopy {
        config_id,
        config_version,
        digest: digest.to_owned(),
        first_used_at: at(used),
        body: json!({"v": "1", "rules": digest}),
    }
}

pub async fn copies_of_rules_are_kept_once_and_found_by_time(store: Arc<dyn Store>) {
    let config = seed(&store).await.config;
    tx(&store, move |tx| {
        tx.keep_rules(&copy(config, 1, "a", 10))?;
        tx.keep_rules(&copy(config, 1, "a", 20))?;
        tx.keep_rules(&copy(config, 1, "b", 30))?;
        tx.keep_rules(&copy(config, 2, "c", 40))
    })
    .await;
    let found = |version, time| {
        let found = view(&store, move |tx| tx.rules_copy(config, version, at(time)));
        async move { found.await.map(|copy| (copy.digest, copy.first_used_at)) }
    };
    assert_eq!(found(1, 29).await, Some(("a".to_owned(), at(10))));
    assert_eq!(found(1, 30).await, Some(("b".to_owned(), at(30))));
    assert_eq!(found(1, 5).await, Some(("a".to_owned(), at(10))));
    assert_eq!(found(2, 99).await, Some(("c".to_owned(), at(40))));
    assert_eq!(found(3, 99).await, None);
    let whole = view(&store, move |tx| tx.rules_copy(config, 2, at(99))).await;
    assert_eq!(whole, Some(copy(config, 2, "c", 40)));
    let nobody = ConfigId(config.0 + 99);
    conflicts(&store, move |tx| tx.keep_rules(&copy(nobody, 1, "a", 1))).await;
    tx(&store, move |tx| tx.delete_config(config)).await;
    assert_eq!(view(&store, move |tx| tx.rules_copy(config, 2, at(99))).await, None);
}

pub async fn only_replaced_copies_of_rules_are_pruned(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let config = seed.config;
    let other = tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        tx.keep_rules(&copy(other, 1, "x", 5))?;
        for version in 1..=4 {
            tx.keep_rules(&copy(config, version, "a", version * 10))?;
        }
        Ok(other)
    })
    .await;
    // The third was in use until the fourth came, at 40.
    assert_eq!(tx(&store, |tx| tx.prune_rules(at(35), 1)).await, 1);
    assert_eq!(tx(&store, |tx| tx.prune_rules(at(35), 9)).await, 1);
    assert_eq!(tx(&store, |tx| tx.prune_rules(at(35), 9)).await, 0);
    for (version, there) in [(1, false), (2, false), (3, true), (4, true)] {
        let kept = view(&store, move |tx| tx.rules_copy(config, version, at(99))).await;
        assert_eq!(kept.is_some(), there, "{version}");
    }
    assert!(view(&store, move |tx| tx.rules_copy(other, 1, at(99))).await.is_some());
}
