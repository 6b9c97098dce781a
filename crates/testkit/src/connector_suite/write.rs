//! Rules about writes.

use serde_json::{Value, json};
use syncline_domain::ports::{ErrorKind, Write, WriteKind};
use syncline_domain::same;

use super::Harness;
use super::scene::{Scene, differing, shows};

pub async fn a_created_item_comes_back_as_shown(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let made = scene.create("created").await;
    let title = scene.field(scene.facts.title_field.as_str()).await;
    assert!(!made.id.as_str().is_empty() && !made.version.as_str().is_empty());
    assert_eq!(made.type_ref, scene.facts.type_ref);
    assert!(made.title.contains(&scene.tag), "{:?} names the item", made.title);
    assert!(made.url.starts_with("http"), "{:?} is an address", made.url);
    assert!(shows(&made, &title, &json!(scene.title("created"))));
    assert!(made.changed_at >= made.created_at);

    let fetched = scene.fetch(&made.id).await;
    assert_eq!(fetched.version, made.version, "the answer has the newest revision");
    assert_eq!(fetched.status, made.status);
    let kind = scene.kind().await;
    let none: [&str; 0] = [];
    assert_eq!(differing(&kind, &fetched.fields, &made.fields), none);
    let me = scene.connector.whoami().await.expect("whoami");
    if let Some(author) = fetched.created_by {
        assert!(author.id == me.id || author.key() == me.key(), "{author:?} is not {me:?}");
    }
}

pub async fn an_update_changes_the_fields_given_only(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let mut creation = scene.creation("first");
    if let Some(text) = &scene.facts.text_field {
        creation.fields.insert(text.clone(), json!("stays"));
    }
    let made = scene.write(creation).await.expect("the tracker refuses the item");
    harness.settle().await;
    let write = scene.update(
        &made.id,
        Some(&made.version),
        [(scene.facts.title_field.as_str(), json!(scene.title("second")))],
    );
    let updated = scene.write(write).await.expect("the tracker refuses the update");
    assert_eq!(updated.id, made.id);
    assert_ne!(updated.version, made.version, "a change makes a revision");
    assert!(updated.changed_at >= made.changed_at);
    let kind = scene.kind().await;
    let mut writable = kind.clone();
    // What the tracker keeps for itself may change by itself: times, counters.
    writable.fields.retain(|field| !field.is_readonly);
    let changed = differing(&writable, &made.fields, &updated.fields);
    assert_eq!(changed, [scene.facts.title_field.as_str()]);
    let fetched = scene.fetch(&made.id).await;
    let none: [&str; 0] = [];
    assert_eq!(differing(&kind, &fetched.fields, &updated.fields), none);
    assert_eq!(fetched.version, updated.version);
}

pub async fn our_own_changes_are_told_from_a_revision_on(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let title = scene.facts.title_field.clone();
    let made = scene.create("first").await;
    harness.settle().await;
    let write = scene.update(
        &made.id,
        Some(&made.version),
        [(title.as_str(), json!(scene.title("second")))],
    );
    let updated = scene.write(write).await.expect("the tracker refuses the update");
    let told = scene.connector.own_changes(&made.id, &made.version).await.expect("own changes");
    if let Some(told) = told {
        let field = scene.field(title.as_str()).await;
        let set = told.iter().find_map(|change| change.get(&title));
        let set = set.expect("the title was changed");
        let kind = field.field_type;
        let shown = set.as_ref().is_none_or(|set| same(set, &json!(scene.title("second")), kind));
        assert!(shown, "{told:?}");
    }
    let told = scene.connector.own_changes(&made.id, &updated.version).await.expect("own changes");
    assert!(
        told.into_iter().flatten().all(|change| !change.contains_key(&title)),
        "nothing came after"
    );
}

pub async fn null_clears(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let Some(reference) = scene.facts.text_field.clone() else {
        return;
    };
    let field = scene.field(reference.as_str()).await;
    let mut creation = scene.creation("full");
    creation.fields.insert(reference.clone(), json!("something"));
    let made = scene.write(creation).await.expect("the tracker refuses the item");
    assert!(!shows(&made, &field, &Value::Null));
    let write = scene.update(&made.id, None, [(reference.as_str(), Value::Null)]);
    let cleared = scene.write(write).await.expect("the tracker refuses the update");
    assert!(shows(&cleared, &field, &Value::Null));
    assert!(shows(&scene.fetch(&made.id).await, &field, &Value::Null));
}

pub async fn the_status_moves(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let Some(status) = scene.facts.next_status.clone() else {
        return;
    };
    let made = scene.create("moving").await;
    assert_ne!(made.status.as_ref(), Some(&status), "the facts name a further status");
    let write =
        Write { status: Some(status.clone()), ..scene.update(&made.id, Some(&made.version), []) };
    let moved = scene.write(write).await.expect("the tracker refuses the status");
    assert_eq!(moved.status.as_ref(), Some(&status));
    assert_eq!(scene.fetch(&made.id).await.status, Some(status));
}

pub async fn a_write_of_what_is_there_is_well(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let made = scene.create("same").await;
    let title = scene.field(scene.facts.title_field.as_str()).await;
    let again = scene.write(scene.retitling(&made.id, "same")).await;
    let again = again.expect("the tracker refuses what it shows");
    assert!(shows(&again, &title, &json!(scene.title("same"))));
    assert_eq!(scene.fetch(&made.id).await.version, again.version);
}

pub async fn a_newer_revision_is_not_overwritten(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let made = scene.create("mine").await;
    harness.settle().await;
    harness.edit_as_other(&made.id, &scene.title("theirs")).await;
    let late = scene.update(
        &made.id,
        Some(&made.version),
        [(scene.facts.title_field.as_str(), json!(scene.title("late")))],
    );
    let refused = scene.write(late).await.map_err(|error| error.kind);
    assert_eq!(refused.err(), Some(ErrorKind::VersionConflict));
    let item = scene.fetch(&made.id).await;
    assert!(item.title.contains("theirs"), "{:?}", item.title);
    let informed = scene.update(
        &made.id,
        Some(&item.version),
        [(scene.facts.title_field.as_str(), json!(scene.title("agreed")))],
    );
    let agreed = scene.write(informed).await.expect("the revision is the newest");
    assert!(agreed.title.contains("agreed"));
}

pub async fn an_update_that_expects_nothing_wins(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let made = scene.create("mine").await;
    harness.settle().await;
    harness.edit_as_other(&made.id, &scene.title("theirs")).await;
    let won = scene.write(scene.retitling(&made.id, "ours")).await;
    assert!(won.is_ok_and(|item| item.title.contains("ours")));
}

pub async fn an_invalid_value_is_refused_by_name(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let Some((reference, value)) = scene.facts.invalid.clone() else {
        return;
    };
    let made = scene.create("valid").await;
    let mut creation = scene.creation("invalid");
    creation.fields.insert(reference.clone(), value.clone());
    let update = scene.update(&made.id, None, [(reference.as_str(), value)]);
    for write in [creation, update] {
        let error = scene.write(write).await.expect_err("the value is refused");
        assert_eq!(error.kind, ErrorKind::Invalid, "{error:?}");
        assert!(!error.detail.is_empty());
        if scene.facts.tells_field {
            assert_eq!(error.field.as_ref(), Some(&reference), "{error:?}");
        }
    }
    assert_eq!(scene.fetch(&made.id).await.version, made.version);
}

pub async fn an_unknown_item_is_not_found(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let write = scene.retitling(&scene.facts.unknown_id.clone(), "ghost");
    let error = scene.write(write).await.expect_err("there is no such item");
    assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
}

pub async fn each_write_of_a_batch_is_judged_alone(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let (one, two) = (scene.create("one").await, scene.create("two").await);
    let outcomes = scene
        .send(&[
            scene.retitling(&one.id, "one changed"),
            scene.retitling(&scene.facts.unknown_id.clone(), "ghost"),
            scene.creation("three"),
            scene.retitling(&two.id, "two changed"),
        ])
        .await;
    let titles: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().map(|item| item.title.clone()).map_err(|e| e.kind))
        .collect();
    assert!(titles[0].as_ref().is_ok_and(|title| title.contains("one changed")), "{titles:?}");
    assert_eq!(titles[1], Err(ErrorKind::NotFound));
    assert!(titles[2].as_ref().is_ok_and(|title| title.contains("three")), "{titles:?}");
    assert!(titles[3].as_ref().is_ok_and(|title| title.contains("two changed")), "{titles:?}");
    assert!(scene.connector.apply(&[]).await.is_empty());
}

pub async fn texts_survive(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let words = scene.title(&scene.facts.tricky_title);
    let mut creation = scene.creation("");
    creation.fields.insert(scene.facts.title_field.clone(), json!(words));
    let mut expected = vec![(scene.facts.title_field.clone(), json!(words))];
    if let Some(text) = &scene.facts.text_field {
        let value = json!(scene.facts.tricky_text);
        creation.fields.insert(text.clone(), value.clone());
        expected.push((text.clone(), value));
    }
    let made = scene.write(creation).await.expect("the tracker refuses the text");
    let fetched = scene.fetch(&made.id).await;
    harness.settle().await;
    let (walked, _) = scene.walk(None, 100).await;
    for (reference, value) in expected {
        let field = scene.field(reference.as_str()).await;
        for item in [&made, &fetched, &walked[0]] {
            let held = item.fields.get(&reference);
            assert!(shows(item, &field, &value), "{reference}: {held:?} is not {value}");
        }
    }
}

pub async fn a_deleted_item_is_gone(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    if !scene.connector.capabilities().delete {
        return;
    }
    let made = scene.create("doomed").await;
    harness.settle().await;
    harness.edit_as_other(&made.id, &scene.title("edited")).await;
    let delete = |expected| Write {
        kind: WriteKind::Delete { id: made.id.clone(), expected },
        ..scene.update(&made.id, None, [])
    };
    let late = scene.write(delete(Some(made.version.clone()))).await;
    assert_eq!(late.map_err(|e| e.kind).err(), Some(ErrorKind::VersionConflict));
    let now = scene.fetch(&made.id).await.version;
    let gone = scene.write(delete(Some(now))).await;
    assert!(gone.is_ok_and(|item| item.id == made.id));
    let found = scene.connector.fetch(std::slice::from_ref(&made.id)).await;
    assert_eq!(found, Ok(Vec::new()));
}
