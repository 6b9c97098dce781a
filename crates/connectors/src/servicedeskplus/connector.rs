//! The port, put together from its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{
    BoxFuture, Capabilities, ChangeQuery, ChangeWalk, Check, Connector, ConnectorError, ErrorKind,
    FileSink, FileSource, FindCreated, Presence, Write, WriteKind,
};
use syncline_domain::{
    Attachment, Comment, CommentId, Cursor, FieldRef, Identity, ImageMarkup, ImageSource, Item,
    ItemId, ItemLink, LinkKind, LinkWords, NewComment, Schema, TextFormat,
};

use super::people::Directory;
use super::requests::{Api, ROWS};
use super::walk::Walk;
use super::{apply, check, hanging, images, lookup, reading, schema};

/// One portal of ServiceDesk Plus.
pub(crate) struct ServiceDeskPlus {
    api: Api,
    known: Mutex<Known>,
    directory: Directory,
}

/// What was learned about people on the way.
#[derive(Default)]
struct Known {
    /// Whose key we use, as the first request that we made showed it.
    me: Option<Identity>,
    /// Accounts that were looked up, by what was known of the person.
    accounts: BTreeMap<String, Option<Identity>>,
}

/// What ServiceDesk Plus can do.
pub(crate) const fn capabilities() -> Capabilities {
    Capabilities {
        fetch_batch: 50,
        write_batch: 1,
        version_check: false,
        delete: true,
        comments: true,
        comment_edit: true,
        comment_delete: true,
        private_comments: true,
        links: true,
        attachments: true,
        comment_format: TextFormat::Html,
        search_lag: Duration::from_secs(10),
        time_step: Duration::from_millis(1),
    }
}

impl ServiceDeskPlus {
    /// Over these calls; does no I/O.
    pub(super) fn new(api: Api) -> Self {
        Self { api, known: Mutex::default(), directory: Directory::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn whoami_now(&self) -> Result<Identity, ConnectorError> {
        if let Some(me) = self.known().me.clone() {
            return Ok(me);
        }
        let Some(email) = self.api.config.account.clone() else {
            // The product tells nobody whose key it is; what it is used for shows it later.
            return Ok(Identity::named("the account of this key"));
        };
        let told = Identity { email: Some(email), ..Identity::default() };
        let me = self.directory.account(&self.api, &told).await?.unwrap_or(told);
        self.known().me = Some(me.clone());
        Ok(me)
    }

    async fn schema(&self) -> Result<Schema, ConnectorError> {
        let info = optional(self.api.get("requests/_metainfo").await)?;
        let info = info.and_then(|mut answer| answer.entity("metainfo"));
        let statuses = self.rows("statuses").await?;
        let mut allowed = Vec::new();
        for (field, path) in schema::TABLES {
            allowed.push((field, schema::names(&self.rows(path).await?)));
        }
        Ok(schema::schema(info.as_ref(), &allowed, &statuses))
    }

    /// All rows of a lookup table; none where a build does not have it or does not show it.
    async fn rows(&self, path: &str) -> Result<Vec<reading::Row>, ConnectorError> {
        let mut found = Vec::new();
        loop {
            let info = json!({ "row_count": ROWS, "start_index": found.len() + 1 });
            let Some(mut answer) = optional(self.api.list(path, info).await)? else {
                return Ok(found);
            };
            let rows = answer.rows(path);
            let is_last = rows.is_empty() || !answer.has_more();
            found.extend(rows);
            if is_last {
                return Ok(found);
            }
        }
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<Item, ConnectorError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            let outcome = apply::apply(&self.api, write).await;
            if let (WriteKind::Create { .. }, Ok(item)) = (&write.kind, &outcome) {
                self.learn(item);
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Who made what we just made is who we are.
    fn learn(&self, item: &Item) {
        let mut known = self.known();
        if known.me.is_none() {
            known.me.clone_from(&item.created_by);
        }
    }

    async fn resolve(&self, who: &Identity) -> Result<Option<Identity>, ConnectorError> {
        let Some(key) = who.key() else { return Ok(None) };
        if let Some(known) = self.known().accounts.get(&key) {
            return Ok(known.clone());
        }
        let found = self.directory.account(&self.api, who).await?;
        self.known().accounts.insert(key, found.clone());
        Ok(found)
    }
}

/// What a build may not have, or not show to us.
fn optional<T>(answer: Result<T, ConnectorError>) -> Result<Option<T>, ConnectorError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error)
            if matches!(
                error.kind,
                ErrorKind::NotFound | ErrorKind::Permission | ErrorKind::Invalid
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Connector for ServiceDeskPlus {
    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(check::run(&self.api))
    }

    fn whoami(&self) -> BoxFuture<'_, Result<Identity, ConnectorError>> {
        Box::pin(self.whoami_now())
    }

    fn describe(&self) -> BoxFuture<'_, Result<Schema, ConnectorError>> {
        Box::pin(self.schema())
    }

    fn changes(&self, query: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_> {
        Box::new(Walk::new(&self.api, query, since))
    }

    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(async move {
            let rows =
                reading::whole(&self.api, ids.iter().map(ToString::to_string).collect()).await?;
            Ok(reading::items(&self.api, &rows))
        })
    }

    fn matching<'a>(
        &'a self,
        query: &'a ChangeQuery,
        ids: &'a [ItemId],
    ) -> BoxFuture<'a, Result<BTreeSet<ItemId>, ConnectorError>> {
        Box::pin(lookup::matching(&self.api, query, ids))
    }

    fn find_created<'a>(
        &'a self,
        query: &'a FindCreated,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        let me = self.known().me.clone();
        Box::pin(async move { lookup::find_created(&self.api, me.as_ref(), query).await })
    }

    fn find_equal<'a>(
        &'a self,
        type_ref: &'a str,
        field: &'a FieldRef,
        value: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(lookup::find_equal(&self.api, type_ref, field, value))
    }

    fn search<'a>(
        &'a self,
        type_ref: Option<&'a str>,
        text: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(lookup::search(&self.api, type_ref, text, limit))
    }

    fn apply<'a>(
        &'a self,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Vec<Result<Item, ConnectorError>>> {
        Box::pin(self.write(writes))
    }

    fn probe<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Presence, ConnectorError>> {
        Box::pin(lookup::probe(&self.api, id))
    }

    fn resolve_identity<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Identity>, ConnectorError>> {
        Box::pin(self.resolve(who))
    }

    fn comments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Comment>, ConnectorError>> {
        Box::pin(hanging::notes(&self.api, id))
    }

    fn add_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(hanging::add_note(&self.api, id, comment))
    }

    fn edit_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(hanging::edit_note(&self.api, id, comment_id, comment))
    }

    fn delete_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(hanging::delete_note(&self.api, id, comment_id))
    }

    fn link_words(&self) -> LinkWords {
        &[(LinkKind::Related, hanging::LINKED)]
    }

    fn links<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Vec<ItemLink>, ConnectorError>> {
        Box::pin(hanging::links(&self.api, id))
    }

    fn add_link<'a>(
        &'a self,
        id: &'a ItemId,
        link: &'a ItemLink,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(hanging::add_link(&self.api, id, link))
    }

    fn attachments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Attachment>, ConnectorError>> {
        Box::pin(hanging::files(&self.api, id))
    }

    fn download<'a>(
        &'a self,
        id: &'a ItemId,
        attachment: &'a Attachment,
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(self.api.download(id, attachment, limit, into))
    }

    fn attach<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<Attachment, ConnectorError>> {
        Box::pin(hanging::attach(&self.api, id, name, content_type, file))
    }

    fn image_markup(&self, field: Option<&FieldRef>) -> Option<ImageMarkup> {
        images::markup(field)
    }

    fn inline_images<'a>(
        &'a self,
        id: &'a ItemId,
        addresses: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<ImageSource>, ConnectorError>> {
        Box::pin(images::sources(&self.api, id, addresses))
    }
}
