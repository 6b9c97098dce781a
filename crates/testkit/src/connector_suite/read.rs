//! Rules about walks and look-ups by id.

use std::collections::BTreeSet;

use syncline_domain::ports::ChangeQuery;
use syncline_domain::{Cursor, ItemId, canonical};

use super::Harness;
use super::scene::{Scene, ids};

pub async fn a_walk_from_the_start_sees_everything_once_oldest_first(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let mut made = BTreeSet::new();
    for number in 0..5 {
        made.insert(scene.create(&format!("item {number}")).await.id);
    }
    made.insert(harness.create_as_other(&scene.title("theirs")).await);
    harness.settle().await;
    // Pages of one tell whether items of the same change time are walked one by one.
    for limit in [1, 2, 100] {
        let (seen, cursor) = scene.walk(None, limit).await;
        assert_eq!(seen.len(), made.len(), "pages of {limit}: each item once");
        assert_eq!(ids(&seen), made, "pages of {limit}");
        assert!(cursor.is_some(), "a walk that saw items leaves a cursor");
    }
}

pub async fn a_walk_from_a_cursor_sees_what_changed_since(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let quiet = scene.create("quiet").await;
    let edited = scene.create("edited").await;
    harness.settle().await;
    let (_, cursor) = scene.walk(None, 50).await;
    harness.settle().await;
    harness.edit_as_other(&edited.id, &scene.title("edited again")).await;
    let new = scene.create("new").await;
    harness.settle().await;
    let (seen, later) = scene.walk(cursor, 50).await;
    let seen_ids = ids(&seen);
    assert!(seen_ids.contains(&edited.id) && seen_ids.contains(&new.id), "{seen_ids:?}");
    let again = seen.iter().rev().find(|item| item.id == edited.id);
    assert!(again.is_some_and(|item| item.title.contains("edited again")));
    if let Some(overlap) = scene.facts.overlap {
        let oldest = quiet.changed_at.max(edited.changed_at).before(overlap);
        assert!(seen.iter().all(|item| item.changed_at >= oldest), "reaches back too far");
    }
    // Nothing happened since: whatever comes is overlap.
    let (rest, _) = scene.walk(later, 50).await;
    assert!(ids(&rest).is_subset(&BTreeSet::from([quiet.id, edited.id, new.id])));
}

pub async fn a_cursor_is_text_that_another_connector_understands(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    scene.create("before").await;
    harness.settle().await;
    let (_, cursor) = scene.walk(None, 50).await;
    let text = cursor.expect("a cursor").into_string();
    harness.settle().await;
    let after = scene.create("after").await;
    harness.settle().await;
    let other = Scene { connector: harness.connector(), ..scene };
    let (seen, _) = other.walk(Some(Cursor::new(text)), 50).await;
    assert!(ids(&seen).contains(&after.id));
}

pub async fn an_item_changed_during_a_walk_is_not_missed(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let mut made = Vec::new();
    for number in 0..4 {
        made.push(scene.create(&format!("item {number}")).await.id);
    }
    harness.settle().await;
    let (_, start) = scene.walk(None, 100).await;
    harness.settle().await;
    for id in &made {
        harness.edit_as_other(id, &scene.title("second")).await;
    }
    harness.settle().await;

    let mut seen: BTreeSet<(ItemId, String)> = BTreeSet::new();
    let mut walk = scene.connector.changes(scene.query(), start.clone());
    let mut cursor = start;
    let mut pages = 0;
    while let Some(page) = walk.next_page(1).await.expect("a page") {
        seen.extend(page.items.into_iter().map(|item| (item.id, item.title)));
        cursor = Some(page.cursor);
        pages += 1;
        if pages == 2 {
            // Both an item that was handed out already and one that is still to come.
            for id in [&made[0], &made[3]] {
                harness.edit_as_other(id, &scene.title("third")).await;
            }
        }
        assert!(pages < 500, "the walk has no end");
    }
    drop(walk);
    harness.settle().await;
    let (rest, _) = scene.walk(cursor, 10).await;
    seen.extend(rest.into_iter().map(|item| (item.id, item.title)));
    for (place, id) in made.iter().enumerate() {
        let last = if place == 0 || place == 3 { "third" } else { "second" };
        let wanted = (id.clone(), scene.title(last));
        assert!(seen.contains(&wanted), "the {last} title of item {place} was missed");
    }
}

pub async fn a_change_in_the_instant_of_the_cursor_is_not_missed(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let first = scene.create("first").await;
    let (_, cursor) = scene.walk(None, 50).await;
    // At once, so that both bear the same time where the tracker's steps are coarse enough.
    let second = scene.create("second").await;
    harness.edit_as_other(&first.id, &scene.title("first edited")).await;
    harness.settle().await;
    let (seen, _) = scene.walk(cursor, 50).await;
    assert!(ids(&seen).contains(&second.id));
    assert!(seen.iter().any(|item| item.title.contains("first edited")));
}

pub async fn a_walk_reads_the_types_asked_for_only(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let item = scene.create("typed").await;
    harness.settle().await;
    let mut query = scene.query();
    query.portable.types = vec![scene.facts.type_ref.clone()];
    query.portable.created_after = Some(item.created_at);
    let mut walk = scene.connector.changes(query, None);
    let mut seen = BTreeSet::new();
    while let Some(page) = walk.next_page(50).await.expect("a page") {
        assert!(page.items.iter().all(|one| one.type_ref == scene.facts.type_ref));
        seen.extend(page.items.into_iter().map(|one| one.id));
    }
    assert!(seen.contains(&item.id));
}

pub async fn fetch_leaves_out_what_is_not_there(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let item = scene.create("there").await;
    let asked = [scene.facts.unknown_id.clone(), item.id.clone()];
    let found = scene.connector.fetch(&asked).await.expect("fetch");
    assert_eq!(ids(&found), BTreeSet::from([item.id]));
    let none = scene.connector.fetch(&asked[..1]).await.expect("fetch");
    assert_eq!(none, []);
    assert_eq!(scene.connector.fetch(&[]).await, Ok(Vec::new()));
}

pub async fn many_items_are_fetched_in_batches(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let writes: Vec<_> = (0..scene.facts.many)
        .map(|number| scene.creation(&format!("one of many {number}")))
        .collect();
    let made: BTreeSet<ItemId> = scene
        .send(&writes)
        .await
        .into_iter()
        .map(|outcome| outcome.expect("the tracker refuses the item").id)
        .collect();
    assert_eq!(made.len(), writes.len(), "each write makes an item of its own");
    let mut asked: Vec<ItemId> = made.iter().cloned().collect();
    asked.insert(asked.len() / 2, scene.facts.unknown_id.clone());
    let mut found = BTreeSet::new();
    for batch in asked.chunks(scene.connector.capabilities().fetch_batch) {
        found.extend(ids(&scene.connector.fetch(batch).await.expect("fetch")));
    }
    assert_eq!(found, made);
}

pub async fn values_are_canonical(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let made = scene.create("canonical").await;
    let kind = scene.kind().await;
    let fetched = scene.fetch(&made.id).await;
    harness.settle().await;
    let query = ChangeQuery { fields: Vec::new(), ..scene.query() };
    let found = scene.connector.matching(&query, std::slice::from_ref(&made.id)).await;
    assert_eq!(found, Ok(BTreeSet::from([made.id.clone()])));
    for item in [made, fetched] {
        for field in &kind.fields {
            if let Some(value) = item.fields.get(&field.reference.as_str().into()) {
                let form = canonical(value, field.field_type);
                assert_eq!(*value, form, "{} is not canonical", field.reference);
            }
        }
        let known = |status: &String| kind.statuses.iter().any(|one| one.value == *status);
        assert!(item.status.as_ref().is_none_or(known), "{:?} is not described", item.status);
    }
}
