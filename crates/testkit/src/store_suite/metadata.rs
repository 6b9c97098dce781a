//! Rules about what discovery found.

use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_domain::{
    FieldRow, FieldSchema, FieldType, StatusCategory, StatusRow, TypeId, TypeRow,
};

use super::seed::seed;
use super::{tx, view};
use crate::rows::{at, field_row, odd_json, status_row, type_row};

pub async fn types_come_back_by_id(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let row = TypeRow {
        enabled_for_sync: false,
        metadata: odd_json(),
        gone_at: Some(at(7)),
        ..type_row(seed.source, "a")
    };
    let insert = row.clone();
    let id = tx(&store, move |tx| tx.insert_type(&insert)).await;
    let row = TypeRow { id, ..row };
    let (one, all) = view(&store, move |tx| Ok((tx.type_row(id)?, tx.types(seed.source)?))).await;
    assert_eq!(one.as_ref(), Some(&row));
    assert_eq!(all.iter().map(|row| row.id).collect::<Vec<_>>(), [seed.source_type, id]);
    assert_eq!(all.last(), Some(&row));
}

pub async fn fields_come_back_in_the_order_given(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let odd = FieldRow {
        schema: FieldSchema {
            is_required: true,
            is_readonly: true,
            is_status: true,
            is_multiple: true,
            allowed_values: vec!["b".to_owned(), "a".to_owned(), "Grüße, \"x\"".to_owned()],
            max_length: Some(255),
            ..FieldSchema::plain("Größe", "cf_1", FieldType::Picklist)
        },
        enabled_for_sync: false,
        suggestion_score: 100,
        gone_at: Some(at(3)),
        ..field_row(seed.source_type, "x")
    };
    let mut rows = vec![odd];
    rows.extend((0..1_500).map(|n| field_row(seed.source_type, &format!("f{}", 1_500 - n))));
    let insert = rows.clone();
    let ids = tx(&store, move |tx| tx.insert_fields(&insert)).await;
    assert_eq!(ids.len(), rows.len());
    for (row, id) in rows.iter_mut().zip(&ids) {
        row.id = *id;
    }
    let read = view(&store, move |tx| tx.fields(&[seed.source_type])).await;
    assert!(read.is_sorted_by_key(|row| row.id));
    let mut sorted = rows.clone();
    sorted.sort_by_key(|row| row.id);
    assert_eq!(read[1..], sorted[..]);
    let (first, last) = (ids[0], ids[1_500]);
    let ends = view(&store, move |tx| Ok((tx.field(first)?, tx.field(last)?))).await;
    assert_eq!(ends, (rows.first().cloned(), rows.last().cloned()));
}

pub async fn statuses_come_by_sort_order(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let ids = tx(&store, move |tx| {
        tx.insert_statuses(&[
            status_row(seed.source_type, "last", 9),
            StatusRow {
                gone_at: Some(at(4)),
                enabled_for_sync: false,
                ..status_row(seed.source_type, "middle", 5)
            },
        ])
    })
    .await;
    let read = view(&store, move |tx| tx.statuses(&[seed.source_type, seed.target_type])).await;
    let order: Vec<_> = read.iter().map(|row| row.id).collect();
    assert_eq!(order, [seed.source_status, ids[1], ids[0], seed.target_status]);
    let middle = ids[1];
    let one = view(&store, move |tx| tx.status(middle)).await;
    assert_eq!(one.as_ref(), Some(&read[1]));
    assert_eq!(read[1].gone_at, Some(at(4)));
    assert!(!read[1].enabled_for_sync);
}

pub async fn metadata_rows_are_written_over(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let kind = TypeRow {
        id: seed.source_type,
        type_name: "renamed".to_owned(),
        gone_at: Some(at(8)),
        metadata: odd_json(),
        ..type_row(seed.source, "bug")
    };
    let field = FieldRow {
        id: seed.source_field,
        schema: FieldSchema {
            max_length: Some(1),
            ..FieldSchema::plain("renamed", "title", FieldType::Html)
        },
        gone_at: Some(at(8)),
        ..field_row(seed.source_type, "title")
    };
    let mut status = StatusRow { id: seed.source_status, ..status_row(seed.source_type, "new", 3) };
    status.schema.category = StatusCategory::Completed;
    let rows = (kind.clone(), field.clone(), status.clone());
    tx(&store, move |tx| {
        tx.update_type(&rows.0)?;
        tx.update_field(&rows.1)?;
        tx.update_status(&rows.2)
    })
    .await;
    view(&store, move |tx| {
        assert_eq!(tx.type_row(kind.id)?.as_ref(), Some(&kind));
        assert_eq!(tx.field(field.id)?.as_ref(), Some(&field));
        assert_eq!(tx.status(status.id)?.as_ref(), Some(&status));
        Ok(())
    })
    .await;
}

pub async fn many_types_are_read_at_once(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut asked: Vec<TypeId> = (10_000..11_500).map(TypeId).collect();
    asked.push(seed.target_type);
    asked.insert(0, seed.source_type);
    view(&store, move |tx| {
        let fields: Vec<_> = tx.fields(&asked)?.iter().map(|row| row.id).collect();
        assert_eq!(fields, [seed.source_field, seed.target_field]);
        let statuses: Vec<_> = tx.statuses(&asked)?.iter().map(|row| row.id).collect();
        assert_eq!(statuses, [seed.source_status, seed.target_status]);
        assert_eq!(tx.fields(&[])?, []);
        assert_eq!(tx.statuses(&[])?, []);
        Ok(())
    })
    .await;
}
