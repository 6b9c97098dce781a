//! The `Connector`.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{
    BoxFuture, Capabilities, ChangeQuery, ChangeWalk, Check, Connector, ConnectorError, ErrorKind,
    FileSink, FileSource, FindCreated, OwnChange, Presence, Write, WriteKind,
};
use syncline_domain::{
    Attachment, Comment, CommentId, Cursor, FieldRef, FieldType, Fields, Identity, ImageMarkup,
    ImageSource, InlineImage, Item, ItemId, ItemLink, LinkKind, LinkWords, NewComment, Schema,
    Version,
};

use super::filter::passes;
use super::people::{Writer, missing};
use super::script::{EffectOp, Method, Planned};
use super::walk::Walk;
use super::{FakeConnector, State};

/// Bytes of a file that are handed on at once.
const PIECE: usize = 64 << 10;

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unkept(error: io::Error) -> ConnectorError {
    ConnectorError::new(ErrorKind::Unavailable, error.to_string())
}

/// All bytes of a file.
async fn whole(file: &dyn FileSource) -> Result<Vec<u8>, ConnectorError> {
    let mut pieces = file.open();
    let mut all = Vec::new();
    while let Some(piece) = pieces.next_piece().await.map_err(unkept)? {
        all.extend(piece);
    }
    Ok(all)
}

/// What is left of the plan once a call was let in.
#[derive(Default)]
pub(super) struct End {
    lost: Option<ConnectorError>,
    partial: Option<(usize, ConnectorError)>,
}

impl End {
    /// The answer, unless it gets lost.
    pub(super) fn answer<T>(self, value: T) -> Result<T, ConnectorError> {
        match self.lost {
            Some(error) => Err(error),
            None => Ok(value),
        }
    }
}

impl FakeConnector {
    /// Logs a call and does what was planned for it.
    pub(super) async fn enter(&self, method: Method, size: usize) -> Result<End, ConnectorError> {
        tokio::task::yield_now().await;
        let (plans, latency) = {
            let mut state = self.lock();
            let at = self.time(&state);
            let request = super::Request { method, size, at };
            state.script.requests.push(request);
            (state.script.reach(method), state.latency)
        };
        if !latency.is_zero() {
            self.clock.sleep(latency).await;
        }
        self.follow(plans).await
    }

    async fn follow(&self, plans: Vec<Planned>) -> Result<End, ConnectorError> {
        let mut end = End::default();
        let mut refused = None;
        for plan in plans {
            match plan {
                Planned::Before(error) => refused = Some(error),
                Planned::After(error) => end.lost = Some(error),
                Planned::Partial { done, error } => end.partial = Some((done, error)),
                Planned::Slow(span) => self.clock.sleep(span).await,
                Planned::Meanwhile(act) => act(self),
            }
        }
        refused.map_or(Ok(end), Err)
    }

    async fn one_write(&self, write: &Write) -> Result<Item, ConnectorError> {
        let method = match write.kind {
            WriteKind::Create { .. } => Method::Create,
            WriteKind::Update { .. } => Method::Update,
            WriteKind::Delete { .. } => Method::Delete,
        };
        let plans = {
            let mut state = self.lock();
            state.script.writes.push(write.clone());
            state.script.reach(method)
        };
        let end = self.follow(plans).await?;
        let item = self.perform(&mut self.lock(), write)?;
        end.answer(item)
    }

    fn perform(&self, state: &mut State, write: &Write) -> Result<Item, ConnectorError> {
        let writer = self.writer(Some(&write.op_id));
        let mut fields: Fields = write.fields.clone();
        if let Some(marker) = &write.marker {
            fields.insert(marker.field.clone(), Value::String(marker.value.clone()));
        }
        let status = write.status.as_deref();
        if state.quirks.judges_people {
            self.judge_people(&write.kind, state, &mut fields)?;
        }
        match &write.kind {
            WriteKind::Create { type_ref } => {
                self.create(state, &writer, type_ref, &fields, status)
            }
            WriteKind::Update { id, expected } => {
                guard(state, id, expected.as_ref())?;
                self.update(state, &writer, id, &fields, status)
            }
            WriteKind::Delete { id, expected } => {
                guard(state, id, expected.as_ref())?;
                if !state.capabilities.delete {
                    return Err(unable("delete items"));
                }
                self.remove(state, &writer, id)
            }
        }
    }

    /// Puts accounts in place of the people that a write names.
    fn judge_people(
        &self,
        kind: &WriteKind,
        state: &State,
        fields: &mut Fields,
    ) -> Result<(), ConnectorError> {
        let type_ref = match kind {
            WriteKind::Create { type_ref } => type_ref,
            WriteKind::Update { id, .. } | WriteKind::Delete { id, .. } => {
                &state.rows.visible(id).ok_or_else(|| missing(id))?.item.type_ref
            }
        };
        let schemas = &self.kind(type_ref)?.fields;
        for schema in schemas.iter().filter(|schema| schema.field_type == FieldType::Identity) {
            let field = FieldRef::new(schema.reference.clone());
            let Some(who) = fields.get(&field).and_then(Identity::from_value) else { continue };
            let account = self.account(&who).ok_or_else(|| {
                let name = who.key().unwrap_or_default();
                ConnectorError::new(ErrorKind::Invalid, format!("nobody is called {name}"))
                    .on_field(field.clone())
            })?;
            fields.insert(field, account.to_value());
        }
        Ok(())
    }

    /// The account that is meant by what is known of a person.
    fn account(&self, who: &Identity) -> Option<&Identity> {
        let alike = |left: &Option<String>, right: &Option<String>| match (left, right) {
            (Some(left), Some(right)) => left.to_lowercase() == right.to_lowercase(),
            _ => false,
        };
        let known = || self.people.iter().chain([&self.me]);
        known()
            .find(|one| alike(&one.email, &who.email))
            .or_else(|| known().find(|one| alike(&one.login, &who.login)))
            .or_else(|| known().find(|one| alike(&one.name, &who.name)))
    }

    fn writer<'a>(&self, op_id: Option<&'a syncline_domain::OpId>) -> Writer<'a> {
        Writer { who: self.me.clone(), op_id }
    }

    fn select(&self, state: &State, mut wanted: impl FnMut(&Item) -> bool) -> Vec<Item> {
        let rows = state.rows.all();
        rows.filter(|row| self.is_found(state, row) && wanted(&row.item))
            .map(|row| row.item.clone())
            .collect()
    }
}

fn guard(state: &State, id: &ItemId, expected: Option<&Version>) -> Result<(), ConnectorError> {
    let row = state.rows.visible(id).ok_or_else(|| missing(id))?;
    match expected {
        Some(version) if *version != row.item.version => Err(ConnectorError::new(
            ErrorKind::VersionConflict,
            format!("item {id} has revision {}, not {version}", row.item.version),
        )),
        _ => Ok(()),
    }
}

fn unable(what: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Permission, format!("this account may not {what}"))
}

fn equal(held: Option<&Value>, wanted: &Value) -> bool {
    match (held, wanted) {
        (Some(Value::String(held)), Value::String(wanted)) => {
            held.to_lowercase() == wanted.to_lowercase()
        }
        (Some(held), wanted) => held == wanted,
        (None, wanted) => wanted.is_null(),
    }
}

/// The words for kinds of links.
const LINKS: LinkWords = &[
    (LinkKind::Related, "relates"),
    (LinkKind::Parent, "parent"),
    (LinkKind::Child, "child"),
    (LinkKind::Blocks, "blocks"),
    (LinkKind::BlockedBy, "blocked"),
];

/// A link's word as its other end has it.
pub(super) fn reverse(word: &str) -> String {
    let pairs =
        [("parent", "child"), ("child", "parent"), ("blocks", "blocked"), ("blocked", "blocks")];
    let found = pairs.iter().find(|(one, _)| *one == word);
    found.map_or(word, |(_, other)| *other).to_owned()
}

fn own_change(fields: &Fields) -> OwnChange {
    fields.iter().map(|(field, value)| (field.clone(), Some(value.clone()))).collect()
}

impl Connector for FakeConnector {
    fn capabilities(&self) -> Capabilities {
        self.lock().capabilities.clone()
    }

    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            let line = |name: &str, error: Option<&ConnectorError>| Check {
                name: name.to_owned(),
                ok: error.is_none(),
                message: error.map_or_else(|| "all is well".to_owned(), |e| e.detail.clone()),
                what_to_do: error.and_then(|e| e.what_to_do.clone()),
                error_type: error.map(|e| e.kind.error_type()),
            };
            let first = self.enter(Method::Check, 0).await;
            vec![line("sign in", first.as_ref().err()), line("read types", None)]
        })
    }

    fn whoami(&self) -> BoxFuture<'_, Result<Identity, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Whoami, 0).await?;
            end.answer(self.me.clone())
        })
    }

    fn describe(&self) -> BoxFuture<'_, Result<Schema, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Describe, 0).await?;
            let described = self.lock().described.clone();
            end.answer(described.unwrap_or_else(|| self.schema.clone()))
        })
    }

    fn changes(&self, query: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_> {
        Box::new(Walk { fake: self, query, since, last: None, total: None })
    }

    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Fetch, ids.len()).await?;
            let found = {
                let state = self.lock();
                let ids: BTreeSet<&ItemId> = ids.iter().collect();
                ids.into_iter()
                    .filter_map(|id| state.rows.visible(id))
                    .map(|row| row.item.clone())
                    .collect()
            };
            end.answer(found)
        })
    }

    fn matching<'a>(
        &'a self,
        query: &'a ChangeQuery,
        ids: &'a [ItemId],
    ) -> BoxFuture<'a, Result<BTreeSet<ItemId>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Matching, ids.len()).await?;
            let found = {
                let state = self.lock();
                ids.iter()
                    .filter_map(|id| state.rows.visible(id))
                    .filter(|row| passes(&self.schema, query, &row.item))
                    .map(|row| row.item.id.clone())
                    .collect()
            };
            end.answer(found)
        })
    }

    fn find_created<'a>(
        &'a self,
        query: &'a FindCreated,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::FindCreated, 1).await?;
            let found = self.select(&self.lock(), |item| {
                item.type_ref == query.type_ref
                    && match &query.marker {
                        Some(marker) => {
                            let held = item.fields.get(&marker.field).and_then(Value::as_str);
                            held == Some(marker.value.as_str())
                        }
                        None => {
                            item.created_by.as_ref() == Some(&self.me)
                                && item.created_at >= query.since
                        }
                    }
            });
            end.answer(found)
        })
    }

    fn find_equal<'a>(
        &'a self,
        type_ref: &'a str,
        field: &'a FieldRef,
        value: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::FindEqual, 1).await?;
            let found = self.select(&self.lock(), |item| {
                item.type_ref == type_ref && equal(item.fields.get(field), value)
            });
            end.answer(found)
        })
    }

    fn search<'a>(
        &'a self,
        type_ref: Option<&'a str>,
        text: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Search, limit).await?;
            let text = text.map(str::to_lowercase);
            let mut found = self.select(&self.lock(), |item| {
                type_ref.is_none_or(|wanted| item.type_ref == wanted)
                    && text.as_ref().is_none_or(|text| {
                        item.title.to_lowercase().contains(text) || item.id.as_str() == text
                    })
            });
            found.reverse();
            found.truncate(limit);
            end.answer(found)
        })
    }

    fn apply<'a>(
        &'a self,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Vec<Result<Item, ConnectorError>>> {
        Box::pin(async move {
            let most = self.capabilities().write_batch;
            assert!(writes.len() <= most, "at most {most} writes at once");
            let mut end = match self.enter(Method::Apply, writes.len()).await {
                Ok(end) => end,
                Err(error) => return writes.iter().map(|_| Err(error.clone())).collect(),
            };
            let partial = end.partial.take();
            let mut outcomes = Vec::with_capacity(writes.len());
            for (at, write) in writes.iter().enumerate() {
                let outcome = match &partial {
                    Some((done, error)) if at >= *done => Err(error.clone()),
                    _ => self.one_write(write).await,
                };
                outcomes.push(match &end.lost {
                    Some(error) => Err(error.clone()),
                    None => outcome,
                });
            }
            outcomes
        })
    }

    fn probe<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Presence, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Probe, 1).await?;
            let presence = {
                let state = self.lock();
                match state.rows.any(id) {
                    Some(row) if row.is_visible() => Presence::Present,
                    Some(row) if row.deleted && state.tells_deleted => Presence::Deleted,
                    _ => Presence::Forbidden,
                }
            };
            end.answer(presence)
        })
    }

    fn resolve_identity<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Identity>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::ResolveIdentity, 1).await?;
            end.answer(self.account(who).cloned())
        })
    }

    fn own_changes<'a>(
        &'a self,
        id: &'a ItemId,
        after: &'a Version,
    ) -> BoxFuture<'a, Result<Option<Vec<OwnChange>>, ConnectorError>> {
        Box::pin(async move {
            if !self.lock().tells_changes {
                return Ok(None);
            }
            let end = self.enter(Method::OwnChanges, 1).await?;
            let after: u64 = after.as_str().parse().unwrap_or(0);
            let found = {
                let state = self.lock();
                let row = state.rows.visible(id).ok_or_else(|| missing(id))?;
                let changes = row.changes.iter();
                let own = changes.filter(|(at, by, _)| *at > after && *by == self.me);
                own.map(|(_, _, fields)| own_change(fields)).collect()
            };
            end.answer(Some(found))
        })
    }

    fn named_unasked(&self, who: &Identity) -> Option<Identity> {
        let names = Identity { id: None, ..who.clone() };
        self.lock().quirks.judges_people.then_some(names)
    }

    fn comments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Comment>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Comments, 1).await?;
            let found = {
                let state = self.lock();
                let row = state.rows.visible(id).ok_or_else(|| missing(id))?;
                row.comments.clone()
            };
            end.answer(found)
        })
    }

    fn add_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::AddComment, 1).await?;
            let made = {
                let mut state = self.lock();
                guard(&state, id, None)?;
                if !state.capabilities.comments {
                    return Err(unable("comment"));
                }
                let private = comment.is_private && state.capabilities.private_comments;
                let writer = self.writer(None);
                self.comment(&mut state, &writer, id, &comment.body, private)?
            };
            end.answer(made)
        })
    }

    fn edit_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::EditComment, 1).await?;
            let edited = {
                let mut state = self.lock();
                guard(&state, id, None)?;
                if !state.capabilities.comment_edit {
                    return Err(unable("edit comments"));
                }
                let writer = self.writer(None);
                self.recomment(&mut state, &writer, id, comment_id, &comment.body)?
            };
            end.answer(edited)
        })
    }

    fn delete_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::DeleteComment, 1).await?;
            {
                let mut state = self.lock();
                guard(&state, id, None)?;
                if !state.capabilities.comment_delete {
                    return Err(unable("delete comments"));
                }
                let writer = self.writer(None);
                self.uncomment(&mut state, &writer, id, comment_id)?;
            }
            end.answer(())
        })
    }

    fn link_words(&self) -> LinkWords {
        LINKS
    }

    fn links<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Vec<ItemLink>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Links, 1).await?;
            let found = {
                let state = self.lock();
                let row = state.rows.visible(id).ok_or_else(|| missing(id))?;
                row.links.clone()
            };
            end.answer(found)
        })
    }

    fn add_link<'a>(
        &'a self,
        id: &'a ItemId,
        link: &'a ItemLink,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::AddLink, 1).await?;
            {
                let mut state = self.lock();
                guard(&state, id, None)?;
                guard(&state, &link.other, None)?;
                let number = state.rows.take_part();
                let made = ItemLink { link_id: Some(number.to_string()), ..link.clone() };
                let writer = self.writer(None);
                let seen_from_there = ItemLink {
                    relation: reverse(&made.relation),
                    other: id.clone(),
                    ..made.clone()
                };
                self.touch(&mut state, &writer, id)?.links.push(made);
                self.touch(&mut state, &writer, &link.other)?.links.push(seen_from_there);
                let text = format!("{} {}", link.relation, link.other);
                self.log_text(&mut state, &writer, EffectOp::Link, id, &text);
            }
            end.answer(())
        })
    }

    fn attachments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Attachment>, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Attachments, 1).await?;
            let found = {
                let state = self.lock();
                let row = state.rows.visible(id).ok_or_else(|| missing(id))?;
                row.files.iter().map(|(file, _)| file.clone()).collect()
            };
            end.answer(found)
        })
    }

    fn download<'a>(
        &'a self,
        id: &'a ItemId,
        attachment: &'a Attachment,
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Download, 1).await?;
            let bytes = {
                let state = self.lock();
                let row = state.rows.visible(id).ok_or_else(|| missing(id))?;
                let mut files = row.files.iter();
                let found = files.find(|(file, _)| file.id == attachment.id);
                found.ok_or_else(|| missing(id))?.1.clone()
            };
            if u64::try_from(bytes.len()).is_ok_and(|size| size > limit) {
                return Err(ConnectorError::new(
                    ErrorKind::Invalid,
                    format!("{} is larger than {limit} bytes", attachment.name),
                ));
            }
            into.begin().await.map_err(unkept)?;
            for piece in bytes.chunks(PIECE) {
                into.take(piece).await.map_err(unkept)?;
            }
            end.answer(())
        })
    }

    fn attach<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<Attachment, ConnectorError>> {
        Box::pin(async move {
            let end = self.enter(Method::Attach, 1).await?;
            let mut bytes = whole(file.as_ref()).await?;
            let made = {
                let mut state = self.lock();
                if let Some(first) = bytes.first_mut().filter(|_| state.quirks.spoils_files) {
                    *first = first.wrapping_add(1);
                }
                guard(&state, id, None)?;
                let writer = self.writer(None);
                self.hang(&mut state, &writer, id, name, content_type, bytes)?
            };
            end.answer(made)
        })
    }

    fn image_markup(&self, field: Option<&FieldRef>) -> Option<ImageMarkup> {
        let textile = self.lock().quirks.textile_images;
        let is_text = |reference: &FieldRef| {
            let fields = self.schema.types.iter().flat_map(|one| &one.fields);
            let mut fields = fields.filter(|field| field.reference == reference.as_str());
            fields.any(|field| match textile {
                true => field.field_type == FieldType::String && !field.is_required,
                false => field.field_type == FieldType::Html,
            })
        };
        let markup = if textile { ImageMarkup::Textile } else { ImageMarkup::Html };
        field.is_none_or(is_text).then_some(markup)
    }

    fn inline_images<'a>(
        &'a self,
        id: &'a ItemId,
        addresses: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<ImageSource>, ConnectorError>> {
        Box::pin(async move {
            let state = self.lock();
            let row = state.rows.visible(id).ok_or_else(|| missing(id))?;
            let by_name = state.quirks.textile_images;
            let found = addresses.iter().map(|address| {
                let mut files = row.files.iter().map(|(file, _)| file);
                let file =
                    files.find(|file| file.url == *address || (by_name && file.name == *address));
                file.map_or(ImageSource::Elsewhere, |file| {
                    let address = if by_name { file.name.clone() } else { file.url.clone() };
                    ImageSource::Here(Box::new(InlineImage { file: file.clone(), address }))
                })
            });
            Ok(found.collect())
        })
    }

    fn host_image<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<InlineImage, ConnectorError>> {
        Box::pin(async move {
            let file = self.attach(id, name, content_type, file).await?;
            let by_name = self.lock().quirks.textile_images;
            let address = if by_name { file.name.clone() } else { file.url.clone() };
            Ok(InlineImage { file, address })
        })
    }
}
