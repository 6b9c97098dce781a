//! Rules about finding items by what they hold.

use std::collections::BTreeSet;

use serde_json::json;
use syncline_domain::ports::{FilterOp, FindCreated, Marker, PortableTerm, Presence, Write};

use super::Harness;
use super::scene::{Scene, ids, op_id};

pub async fn equal_values_are_found_exactly(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let one = scene.create("blue").await;
    scene.create("blue whale").await;
    let theirs = harness.create_as_other(&scene.title("blue")).await;
    harness.settle().await;
    let value = json!(scene.title("blue"));
    let find = |value| {
        let (connector, facts) = (scene.connector.clone(), scene.facts.clone());
        async move {
            let found = connector.find_equal(&facts.type_ref, &facts.title_field, &value).await;
            ids(&found.expect("find_equal"))
        }
    };
    assert_eq!(find(value).await, BTreeSet::from([one.id, theirs]));
    assert_eq!(find(json!(scene.title("nothing like it"))).await, BTreeSet::new());
}

pub async fn our_own_new_items_are_found(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let one = scene.create("ours").await;
    let theirs = harness.create_as_other(&scene.title("theirs")).await;
    let two = scene.create("ours, too").await;
    harness.settle().await;
    let query =
        FindCreated { type_ref: scene.facts.type_ref.clone(), since: one.created_at, marker: None };
    let found = ids(&scene.connector.find_created(&query).await.expect("find_created"));
    assert!(found.contains(&one.id) && found.contains(&two.id), "{found:?}");
    assert!(!found.contains(&theirs), "somebody else made it");
}

pub async fn a_marker_is_found_exactly(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let Some(field) = scene.facts.marker_field.clone() else {
        return;
    };
    let marker = Marker { field, value: op_id().into_string() };
    let marked = Write { marker: Some(marker.clone()), ..scene.creation("marked") };
    let made = scene.write(marked).await.expect("the tracker refuses the marker");
    scene.create("not marked").await;
    harness.settle().await;
    let find = |value: String| FindCreated {
        type_ref: scene.facts.type_ref.clone(),
        // Long after: with a marker the time does not matter.
        since: made.created_at.after(std::time::Duration::from_secs(86_400)),
        marker: Some(Marker { field: marker.field.clone(), value }),
    };
    let query = find(marker.value.clone());
    let found = scene.connector.find_created(&query).await.expect("find_created");
    assert_eq!(ids(&found), BTreeSet::from([made.id.clone()]));
    let query = find(op_id().into_string());
    let found = scene.connector.find_created(&query).await.expect("find_created");
    assert_eq!(found, []);
}

pub async fn matching_judges_the_items_asked_for(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let (in_it, out_of_it) = (scene.create("red").await, scene.create("green").await);
    scene.create("red, not asked for").await;
    harness.settle().await;
    let asked = [out_of_it.id.clone(), in_it.id.clone(), scene.facts.unknown_id.clone()];
    let both = BTreeSet::from([in_it.id.clone(), out_of_it.id.clone()]);
    let found = scene.connector.matching(&scene.query(), &asked).await;
    assert_eq!(found, Ok(both));
    let mut query = scene.query();
    query.portable.fields = vec![PortableTerm {
        field: scene.facts.title_field.clone(),
        op: FilterOp::Eq,
        value: json!(scene.title("red")),
    }];
    let found = scene.connector.matching(&query, &asked).await;
    assert_eq!(found, Ok(BTreeSet::from([in_it.id])));
    let mut query = scene.query();
    query.portable.statuses = vec!["no such status 8f2c".to_owned()];
    // A tracker may also say that it knows no such status.
    let found = scene.connector.matching(&query, &asked).await;
    assert!(found.is_err() || found == Ok(BTreeSet::new()), "{found:?}");
}

pub async fn people_find_items_by_text(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let (one, two) = (scene.create("apple").await, scene.create("pear").await);
    harness.settle().await;
    let find = |text: Option<String>, limit| {
        let (connector, facts) = (scene.connector.clone(), scene.facts.clone());
        async move {
            let found = connector.search(Some(&facts.type_ref), text.as_deref(), limit).await;
            let found = found.expect("search");
            assert!(found.len() <= limit, "at most {limit}");
            found
        }
    };
    let both = ids(&find(Some(scene.tag.clone()), 10).await);
    assert!(both.contains(&one.id) && both.contains(&two.id), "{both:?}");
    assert_eq!(find(Some(scene.tag.clone()), 1).await.len(), 1);
    assert!(!find(None, 2).await.is_empty(), "without a text the newest come");
    let none = find(Some(op_id().into_string()), 10).await;
    assert_eq!(none, []);
}

pub async fn presence_is_told_apart(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let made = scene.create("present").await;
    assert_eq!(scene.connector.probe(&made.id).await, Ok(Presence::Present));
    if harness.delete_as_other(&made.id).await {
        harness.settle().await;
        let expected = match scene.facts.tells_deleted {
            true => Presence::Deleted,
            false => Presence::Forbidden,
        };
        assert_eq!(scene.connector.probe(&made.id).await, Ok(expected));
    }
    let ghost = scene.connector.probe(&scene.facts.unknown_id).await;
    assert_ne!(ghost, Ok(Presence::Present));
}
