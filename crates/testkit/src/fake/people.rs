//! What others do in the tracker, past the port.

use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{
    Comment, CommentId, FieldRef, Fields, Identity, Item, ItemId, ItemLink, OpId, TypeSchema,
};

use super::port::reverse;
use super::rows::Row;
use super::rules::{accept, complete};
use super::script::{Effect, EffectOp};
use super::{FakeConnector, State, person};

/// Who writes, and under which name of a planned write.
pub(super) struct Writer<'a> {
    pub(super) who: Identity,
    pub(super) op_id: Option<&'a OpId>,
}

impl FakeConnector {
    /// Somebody makes an item. Panics when the tracker would refuse it.
    pub fn create_as(&self, login: &str, type_ref: &str, fields: Value) -> ItemId {
        self.create_in_status(login, type_ref, fields, None)
    }

    /// Somebody makes an item in a status. Panics when the tracker would refuse it.
    pub fn create_in_status(
        &self,
        login: &str,
        type_ref: &str,
        fields: Value,
        status: Option<&str>,
    ) -> ItemId {
        let mut state = self.lock();
        let fields = fields_of(fields);
        let made = self.create(&mut state, &writer(login), type_ref, &fields, status);
        made.expect("the tracker refuses the item").id
    }

    /// Somebody changes values of an item; null clears. Panics when the tracker would refuse it.
    pub fn edit_as(&self, login: &str, id: &ItemId, fields: Value) -> Item {
        let mut state = self.lock();
        let fields = fields_of(fields);
        let edited = self.update(&mut state, &writer(login), id, &fields, None);
        edited.expect("the tracker refuses the edit")
    }

    /// Somebody moves an item to a status. Panics when the tracker would refuse it.
    pub fn set_status_as(&self, login: &str, id: &ItemId, status: &str) -> Item {
        let mut state = self.lock();
        let none = Fields::new();
        let moved = self.update(&mut state, &writer(login), id, &none, Some(status));
        moved.expect("the tracker refuses the status")
    }

    /// Somebody deletes an item. Panics when it is not there.
    pub fn delete_as(&self, login: &str, id: &ItemId) {
        let mut state = self.lock();
        let gone = self.remove(&mut state, &writer(login), id);
        gone.expect("there is no such item");
    }

    /// Brings a deleted item back.
    pub fn restore(&self, id: &ItemId) {
        let mut state = self.lock();
        let now = self.time(&state);
        let row = state.rows.any_mut(id).expect("there is no such item");
        row.deleted = false;
        row.item.changed_at = now;
        row.next_revision();
    }

    /// Takes away our account's right to see an item.
    pub fn hide(&self, id: &ItemId) {
        self.set_hidden(id, true);
    }

    /// Gives our account the right to see an item again.
    pub fn unhide(&self, id: &ItemId) {
        self.set_hidden(id, false);
    }

    /// Somebody comments on an item. Panics when it is not there.
    pub fn comment_as(&self, login: &str, id: &ItemId, body: &str) -> CommentId {
        let mut state = self.lock();
        let made = self.comment(&mut state, &writer(login), id, body, false);
        made.expect("there is no such item").id
    }

    /// Somebody edits a comment. Panics when it is not there.
    pub fn edit_comment_as(&self, login: &str, id: &ItemId, comment: &CommentId, body: &str) {
        let mut state = self.lock();
        let edited = self.recomment(&mut state, &writer(login), id, comment, body);
        edited.expect("there is no such comment");
    }

    /// Somebody hides a comment from requesters. Panics when it is not there.
    pub fn hide_comment_as(&self, login: &str, id: &ItemId, comment: &CommentId) {
        let mut state = self.lock();
        let row = self.touch(&mut state, &writer(login), id).expect("there is no such item");
        let mut slots = row.comments.iter_mut();
        slots.find(|one| one.id == *comment).expect("there is no such comment").is_private = true;
    }

    /// Somebody links two items. Panics when one of them is not there.
    pub fn link_as(&self, login: &str, id: &ItemId, relation: &str, other: &ItemId) {
        let mut state = self.lock();
        for (id, relation, other) in
            [(id, relation.to_owned(), other), (other, reverse(relation), id)]
        {
            let link = ItemLink { relation, other: other.clone(), link_id: None };
            let row = self.touch(&mut state, &writer(login), id).expect("there is no such item");
            row.links.push(link);
        }
    }

    /// Somebody takes all links between two items away.
    pub fn unlink_as(&self, login: &str, id: &ItemId, other: &ItemId) {
        let mut state = self.lock();
        for (id, other) in [(id, other), (other, id)] {
            let row = self.touch(&mut state, &writer(login), id).expect("there is no such item");
            row.links.retain(|link| link.other != *other);
        }
    }

    /// The links of an item.
    #[must_use]
    pub fn links_of(&self, id: &ItemId) -> Vec<ItemLink> {
        self.lock().rows.present(id).map(|row| row.links.clone()).unwrap_or_default()
    }

    /// The files of an item: names and bytes.
    #[must_use]
    pub fn files_of(&self, id: &ItemId) -> Vec<(String, Vec<u8>)> {
        let state = self.lock();
        let files = state.rows.present(id).map(|row| row.files.as_slice()).unwrap_or_default();
        files.iter().map(|(file, bytes)| (file.name.clone(), bytes.clone())).collect()
    }

    /// Somebody takes a file off an item.
    pub fn detach_as(&self, login: &str, id: &ItemId, name: &str) {
        let mut state = self.lock();
        let row = self.touch(&mut state, &writer(login), id).expect("there is no such item");
        row.files.retain(|(file, _)| file.name != name);
    }

    /// Somebody deletes a comment. Panics when it is not there.
    pub fn delete_comment_as(&self, login: &str, id: &ItemId, comment: &CommentId) {
        let mut state = self.lock();
        let gone = self.uncomment(&mut state, &writer(login), id, comment);
        gone.expect("there is no such comment");
    }

    /// Somebody hangs a file on an item. Panics when it is not there.
    pub fn attach_as(&self, login: &str, id: &ItemId, name: &str, bytes: &[u8]) -> String {
        let mut state = self.lock();
        let kind = "application/octet-stream";
        let made = self.hang(&mut state, &writer(login), id, name, kind, bytes.to_vec());
        made.expect("there is no such item").id
    }

    fn set_hidden(&self, id: &ItemId, hidden: bool) {
        let mut state = self.lock();
        let row = state.rows.any_mut(id).expect("there is no such item");
        row.hidden = hidden;
    }

    pub(super) fn kind(&self, type_ref: &str) -> Result<&TypeSchema, ConnectorError> {
        let found = self.schema.types.iter().find(|one| one.reference == type_ref);
        found.ok_or_else(|| {
            ConnectorError::new(ErrorKind::Invalid, format!("there is no type {type_ref:?}"))
        })
    }

    pub(super) fn create(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        type_ref: &str,
        fields: &Fields,
        status: Option<&str>,
    ) -> Result<Item, ConnectorError> {
        let kind = self.kind(type_ref)?;
        let first = kind.statuses.first().map(|status| status.value.as_str());
        let (mut values, set) = accept(kind, &state.quirks, fields, status.or(first))?;
        values.retain(|_, value| !value.is_null());
        complete(kind, &values)?;
        let title = self.title_of(&values);
        if let Some(error) = state.script.rejection(&title) {
            return Err(error);
        }
        let now = self.time(state);
        let number = state.rows.take_number();
        if kind.fields.iter().any(|field| field.reference == "created") {
            values.insert("created".into(), Value::String(now.to_iso()));
        }
        let row = Row::new(
            number,
            Item {
                id: ItemId::new(number.to_string()),
                type_ref: type_ref.to_owned(),
                title,
                url: self.url(number),
                status: set.or_else(|| first.map(str::to_owned)),
                version: String::new().into(),
                created_at: now,
                changed_at: now,
                created_by: Some(writer.who.clone()),
                changed_by: Some(writer.who.clone()),
                fields: values,
            },
        );
        let item = row.item.clone();
        state.rows.insert(row);
        self.log(state, writer, EffectOp::Create, &item.id, (fields, status), true);
        Ok(item)
    }

    pub(super) fn update(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        id: &ItemId,
        fields: &Fields,
        status: Option<&str>,
    ) -> Result<Item, ConnectorError> {
        let before = state.rows.present(id).ok_or_else(|| missing(id))?.item.clone();
        if let Some(error) = state.script.rejection(&before.title) {
            return Err(error);
        }
        let kind = self.kind(&before.type_ref)?;
        let (values, set) = accept(kind, &state.quirks, fields, status)?;
        let mut after = before.clone();
        for (reference, value) in values {
            match value {
                Value::Null => drop(after.fields.remove(&reference)),
                value => drop(after.fields.insert(reference, value)),
            }
        }
        after.status = set.or(after.status);
        complete(kind, &after.fields)?;
        after.title = self.title_of(&after.fields);
        let changed = after != before;
        if changed {
            after.changed_at = self.time(state);
            after.changed_by = Some(writer.who.clone());
        }
        let row = state.rows.any_mut(id).ok_or_else(|| missing(id))?;
        if changed {
            row.change(writer.who.clone(), after);
        }
        let item = row.item.clone();
        self.log(state, writer, EffectOp::Update, id, (fields, status), changed);
        Ok(item)
    }

    pub(super) fn remove(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        id: &ItemId,
    ) -> Result<Item, ConnectorError> {
        let now = self.time(state);
        let row = state.rows.any_mut(id).filter(|row| !row.deleted);
        let row = row.ok_or_else(|| missing(id))?;
        row.deleted = true;
        row.item.changed_at = now;
        row.next_revision();
        let item = row.item.clone();
        self.log(state, writer, EffectOp::Delete, id, (&Fields::new(), None), true);
        Ok(item)
    }

    pub(super) fn comment(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        id: &ItemId,
        body: &str,
        is_private: bool,
    ) -> Result<Comment, ConnectorError> {
        let number = state.rows.take_part();
        let comment = Comment {
            id: CommentId::new(number.to_string()),
            author: Some(writer.who.clone()),
            created_at: self.time(state),
            updated_at: None,
            body: body.to_owned(),
            format: state.capabilities.comment_format,
            is_private,
        };
        self.touch(state, writer, id)?.comments.push(comment.clone());
        self.log_text(state, writer, EffectOp::Comment, id, body);
        Ok(comment)
    }

    pub(super) fn uncomment(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        id: &ItemId,
        comment: &CommentId,
    ) -> Result<(), ConnectorError> {
        let there = state.rows.present(id);
        if !there.is_some_and(|row| row.comments.iter().any(|one| one.id == *comment)) {
            return Err(missing(id));
        }
        self.touch(state, writer, id)?.comments.retain(|one| one.id != *comment);
        self.log_text(state, writer, EffectOp::DeleteComment, id, comment.as_str());
        Ok(())
    }

    pub(super) fn recomment(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        id: &ItemId,
        comment: &CommentId,
        body: &str,
    ) -> Result<Comment, ConnectorError> {
        let now = self.time(state);
        let there = state.rows.present(id);
        if !there.is_some_and(|row| row.comments.iter().any(|one| one.id == *comment)) {
            return Err(missing(id));
        }
        let row = self.touch(state, writer, id)?;
        let slot = row.comments.iter_mut().find(|one| one.id == *comment);
        let slot = slot.ok_or_else(|| missing(id))?;
        slot.body = body.to_owned();
        slot.updated_at = Some(now);
        let edited = slot.clone();
        self.log_text(state, writer, EffectOp::EditComment, id, body);
        Ok(edited)
    }

    pub(super) fn hang(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        id: &ItemId,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<syncline_domain::Attachment, ConnectorError> {
        let number = state.rows.take_part();
        let file = syncline_domain::Attachment {
            id: number.to_string(),
            name: name.to_owned(),
            size: u64::try_from(bytes.len()).ok(),
            content_type: Some(content_type.to_owned()),
            url: format!("https://{}.test/files/{number}", self.name),
        };
        self.touch(state, writer, id)?.files.push((file.clone(), bytes));
        self.log_text(state, writer, EffectOp::Attach, id, name);
        Ok(file)
    }

    /// Marks an item as changed now, as trackers do when something is hung on it.
    pub(super) fn touch<'a>(
        &self,
        state: &'a mut State,
        writer: &Writer<'_>,
        id: &ItemId,
    ) -> Result<&'a mut Row, ConnectorError> {
        let now = self.time(state);
        let row = state.rows.any_mut(id).filter(|row| !row.deleted);
        let row = row.ok_or_else(|| missing(id))?;
        row.item.changed_at = now;
        row.item.changed_by = Some(writer.who.clone());
        row.next_revision();
        Ok(row)
    }

    fn title_of(&self, fields: &Fields) -> String {
        let value = fields.get(&FieldRef::new(self.title_field.clone()));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(super) fn log_text(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        op: EffectOp,
        id: &ItemId,
        text: &str,
    ) {
        let fields = Fields::from([("text".into(), Value::String(text.to_owned()))]);
        self.log(state, writer, op, id, (&fields, None), true);
    }

    fn log(
        &self,
        state: &mut State,
        writer: &Writer<'_>,
        op: EffectOp,
        id: &ItemId,
        (fields, status): (&Fields, Option<&str>),
        took_effect: bool,
    ) {
        let at = self.time(state);
        state.script.record(Effect {
            seq: 0,
            at,
            op,
            item_id: id.clone(),
            op_id: writer.op_id.cloned(),
            fields: fields.clone(),
            status: status.map(str::to_owned),
            by: writer.who.clone(),
            took_effect,
        });
    }
}

pub(super) fn missing(id: &ItemId) -> ConnectorError {
    ConnectorError::new(ErrorKind::NotFound, format!("there is no item {id}"))
}

fn writer(login: &str) -> Writer<'static> {
    Writer { who: person(login), op_id: None }
}

fn fields_of(object: Value) -> Fields {
    match object {
        Value::Object(map) => map.into_iter().map(|(k, v)| (k.into(), v)).collect(),
        other => panic!("an object of field values is needed, not {other}"),
    }
}
