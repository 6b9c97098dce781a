//! Rules about what a connector says of itself and of its tracker.

use std::collections::BTreeSet;

use syncline_domain::Identity;
use syncline_domain::ports::Presence;

use super::Harness;
use super::scene::Scene;

pub async fn every_line_of_the_check_is_well(harness: &dyn Harness) {
    let lines = harness.connector().check().await;
    assert!(!lines.is_empty(), "a check tries something");
    for line in lines {
        assert!(line.ok, "{}: {}", line.name, line.message);
        assert!(!line.name.is_empty(), "a line says what was tried");
    }
}

pub async fn the_account_has_a_name(harness: &dyn Harness) {
    let me = harness.connector().whoami().await.expect("whoami");
    assert!(me.key().is_some(), "{me:?}");
}

pub async fn types_have_fields_and_statuses(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let schema = scene.connector.describe().await.expect("describe");
    let types: BTreeSet<_> = schema.types.iter().map(|kind| &kind.reference).collect();
    assert_eq!(types.len(), schema.types.len(), "references of types are unique");
    for kind in &schema.types {
        let fields: BTreeSet<_> = kind.fields.iter().map(|field| &field.reference).collect();
        assert_eq!(fields.len(), kind.fields.len(), "references of fields of {}", kind.name);
        let statuses: BTreeSet<_> = kind.statuses.iter().map(|status| &status.value).collect();
        assert_eq!(statuses.len(), kind.statuses.len(), "values of statuses of {}", kind.name);
        let of_status = kind.fields.iter().filter(|field| field.is_status).count();
        assert!(of_status <= 1, "{} has several status fields", kind.name);
    }
    let kind = scene.kind().await;
    assert!(!kind.statuses.is_empty(), "{} has statuses", kind.name);
    let title = scene.field(scene.facts.title_field.as_str()).await;
    assert!(!title.is_readonly, "the title can be written");
    assert!(kind.fields.iter().any(|field| field.is_required), "something is required");
    let again = scene.connector.describe().await.expect("describe");
    assert_eq!(again, schema, "a schema that nobody changed stays as it is");
}

pub async fn capabilities_are_told_honestly(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let can = scene.connector.capabilities();
    assert!(can.fetch_batch >= 1 && can.write_batch >= 1, "{can:?}");
    assert_eq!(can, harness.connector().capabilities(), "they never change");
    let item = scene.create("capable").await;
    if !can.comments {
        let comment = super::hang::text("no");
        assert!(scene.connector.add_comment(&item.id, &comment).await.is_err());
    }
    if !can.delete {
        let mut write = scene.update(&item.id, None, []);
        write.kind =
            syncline_domain::ports::WriteKind::Delete { id: item.id.clone(), expected: None };
        assert!(scene.write(write).await.is_err());
        assert_eq!(scene.connector.probe(&item.id).await, Ok(Presence::Present));
    }
}

pub async fn we_know_ourselves_and_nobody_else(harness: &dyn Harness) {
    let connector = harness.connector();
    let me = connector.whoami().await.expect("whoami");
    if let Some(found) = connector.resolve_identity(&me).await.expect("resolve") {
        assert_eq!(found.id, me.id, "we are found as ourselves");
    }
    let nobody = Identity {
        email: Some("nobody-8f2c@invalid.example".to_owned()),
        ..Identity::named("Nobody 8f2c")
    };
    let found = connector.resolve_identity(&nobody).await.expect("resolve");
    assert_eq!(found, None);
}
