//! Rules about paused rows of rules, and about looks that go on by themselves.

use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_domain::{
    ConfigId, FieldType, Lookout, LookoutSubject, Loss, MappingRef, Pause, PauseCause, PauseId,
    Side, StatusMapping,
};

use super::seed::{Seed, seed};
use super::{conflicts, tx, view};
use crate::rows::{at, field_mapping, odd_json};

fn pause(config_id: ConfigId, mapping: MappingRef) -> Pause {
    let cause = |side, loss| PauseCause { side, loss };
    Pause {
        id: PauseId(0),
        config_id,
        mapping,
        causes: vec![
            cause(
                Side::Source,
                Loss::FieldRemoved { id: 4.into(), name: "É \u{1f642}".to_owned() },
            ),
            cause(
                Side::Target,
                Loss::TypeChanged {
                    id: 5.into(),
                    name: "n".to_owned(),
                    was: FieldType::Int,
                    was_multiple: false,
                    now: FieldType::Picklist,
                    now_multiple: true,
                },
            ),
        ],
        paused_at: at(7),
    }
}

/// One row of each kind.
async fn rows(store: &Arc<dyn Store>, seed: Seed) -> [MappingRef; 3] {
    tx(store, move |tx| {
        let rule =
            field_mapping(seed.config, seed.type_mapping, seed.source_field, seed.target_field);
        let field = tx.insert_field_mapping(&rule)?;
        let status = tx.insert_status_mapping(&StatusMapping {
            id: 0.into(),
            config_id: seed.config,
            type_mapping_id: seed.type_mapping,
            source_status_id: seed.source_status,
            target_status_id: seed.target_status,
        })?;
        Ok([
            MappingRef::Type(seed.type_mapping),
            MappingRef::Field(field),
            MappingRef::Status(status),
        ])
    })
    .await
}

pub async fn pauses_come_back_and_are_written_over(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mappings = rows(&store, seed).await;
    let ids = tx(&store, move |tx| {
        mappings.iter().map(|one| tx.put_pause(&pause(seed.config, *one))).collect()
    })
    .await;
    let ids: Vec<PauseId> = ids;
    let read = view(&store, move |tx| tx.pauses(seed.config)).await;
    let expected: Vec<Pause> = mappings
        .iter()
        .zip(&ids)
        .map(|(one, id)| Pause { id: *id, ..pause(seed.config, *one) })
        .collect();
    assert_eq!(read, expected);

    let mut fewer = expected[1].clone();
    fewer.causes.truncate(1);
    let update = Pause { id: PauseId(0), ..fewer.clone() };
    let id = tx(&store, move |tx| tx.put_pause(&update)).await;
    assert_eq!(id, fewer.id, "the pause of a row stays the same one");
    let ended = tx(&store, move |tx| {
        Ok([tx.end_pause(mappings[0])?, tx.end_pause(mappings[0])?, tx.end_pause(mappings[2])?])
    })
    .await;
    assert_eq!(ended, [true, false, true]);
    assert_eq!(view(&store, move |tx| tx.pauses(seed.config)).await, [fewer]);
    let nothing = MappingRef::Field(4_711.into());
    conflicts(&store, move |tx| tx.put_pause(&pause(seed.config, nothing))).await;
}

pub async fn a_pause_goes_with_its_row(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mappings = rows(&store, seed).await;
    tx(&store, move |tx| {
        for one in mappings {
            tx.put_pause(&pause(seed.config, one))?;
        }
        let MappingRef::Field(field) = mappings[1] else { panic!("a field rule") };
        tx.delete_field_mapping(field)
    })
    .await;
    let left = view(&store, move |tx| tx.pauses(seed.config)).await;
    let left: Vec<MappingRef> = left.into_iter().map(|one| one.mapping).collect();
    assert_eq!(left, [mappings[0], mappings[2]]);
    tx(&store, move |tx| tx.delete_type_mapping(seed.type_mapping)).await;
    assert_eq!(view(&store, move |tx| tx.pauses(seed.config)).await, []);
}

pub async fn lookouts_are_written_over_and_go_with_their_subject(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let subjects = [LookoutSubject::Connector(seed.source), LookoutSubject::Config(seed.config)];
    for subject in subjects {
        assert_eq!(view(&store, move |tx| tx.lookout(subject)).await, None);
        let first = Lookout::first(subject, at(3));
        let put = first.clone();
        tx(&store, move |tx| tx.put_lookout(&put)).await;
        assert_eq!(view(&store, move |tx| tx.lookout(subject)).await, Some(first));
        let later = Lookout {
            subject,
            due_at: at(9),
            looked_at: Some(at(8)),
            failures: 3,
            error: Some("it was away".to_owned()),
            found: Some(odd_json()),
            told: Some("ab".to_owned()),
        };
        let put = later.clone();
        tx(&store, move |tx| tx.put_lookout(&put)).await;
        assert_eq!(view(&store, move |tx| tx.lookout(subject)).await, Some(later));
    }
    conflicts(&store, |tx| {
        tx.put_lookout(&Lookout::first(LookoutSubject::Config(4_711.into()), at(1)))
    })
    .await;
    tx(&store, move |tx| tx.drop_lookout(subjects[1])).await;
    assert_eq!(view(&store, move |tx| tx.lookout(subjects[1])).await, None);
    tx(&store, move |tx| {
        tx.put_lookout(&Lookout::first(subjects[1], at(3)))?;
        tx.delete_connector(seed.source)
    })
    .await;
    for subject in subjects {
        assert_eq!(view(&store, move |tx| tx.lookout(subject)).await, None);
    }
}
