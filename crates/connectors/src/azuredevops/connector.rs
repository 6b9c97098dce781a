//! The port, put together from its parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use syncline_domain::ports::{
    BoxFuture, Capabilities, ChangeQuery, ChangeWalk, Check, Clock, Connector, ConnectorError,
    FileSink, FileSource, FindCreated, OwnChange, Presence, Write,
};
use syncline_domain::{
    Attachment, Comment, CommentId, Cursor, FieldRef, Identity, ImageMarkup, ImageSource,
    InlineImage, Item, ItemId, ItemLink, LinkKind, LinkWords, NewComment, Schema, TextFormat,
    TypeSchema, Version,
};
use syncline_outbound::Client;

use super::apply::{self, RefusedStarts};
use super::config::Config;
use super::reading::{self, number, numbers, read_all};
use super::requests::{Api, SignIn};
use super::walk::Walk;
use super::{check, convert, discussion, history, images, lookup, relations, schema};

/// Types whose metadata is read at once.
const TYPES_AT_ONCE: usize = 4;

/// One Azure DevOps project.
pub(crate) struct AzureDevOps {
    api: Api,
    clock: Arc<dyn Clock>,
    refused: RefusedStarts,
    /// What is known of accounts, by how writes name them, in lower case.
    accounts: Mutex<BTreeMap<String, Option<Identity>>>,
    /// A type that validated items can have; people are looked up side by side, but ask for it once.
    some_type: futures_util::lock::Mutex<Option<String>>,
}

/// What Azure DevOps can do.
pub(crate) const fn capabilities() -> Capabilities {
    Capabilities {
        fetch_batch: reading::READ_BATCH,
        write_batch: apply::WRITE_BATCH,
        version_check: true,
        delete: true,
        comments: true,
        comment_edit: true,
        comment_delete: true,
        private_comments: false,
        links: true,
        attachments: true,
        comment_format: TextFormat::Html,
        search_lag: Duration::from_secs(5),
        time_step: Duration::from_millis(1),
    }
}

impl AzureDevOps {
    /// From checked settings; does no I/O.
    pub(crate) fn new(
        config: Config,
        client: Client,
        sign_in: SignIn,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            api: Api { config, client, sign_in },
            clock,
            refused: RefusedStarts::default(),
            accounts: Mutex::default(),
            some_type: futures_util::lock::Mutex::default(),
        }
    }

    async fn schema(&self) -> Result<Schema, ConnectorError> {
        let definitions = schema::by_reference(self.api.fields().await?);
        let types = self.api.types().await?;
        let (api, definitions) = (&self.api, &definitions);
        let read = |kind: super::wire::WorkItemType| async move {
            let fields = api.type_fields(&kind.name).await?;
            let states = api.type_states(&kind.name).await?;
            Ok::<TypeSchema, ConnectorError>(schema::type_schema(
                &api.config,
                &kind,
                definitions,
                &fields,
                &states,
            ))
        };
        let enabled = types.into_iter().filter(|kind| !kind.is_disabled);
        let types = stream::iter(enabled.map(read)).buffered(TYPES_AT_ONCE).try_collect().await?;
        Ok(Schema { types })
    }

    /// Each account is looked up once.
    async fn resolve(&self, who: &Identity) -> Result<Option<Identity>, ConnectorError> {
        let Some(key) = account_key(who) else { return Ok(None) };
        if let Some(known) = self.accounts().get(&key) {
            return Ok(known.clone());
        }
        let some_type = self.some_type().await?;
        let found = lookup::account(&self.api, &some_type, who).await?;
        self.accounts().insert(key, found.clone());
        Ok(found)
    }

    /// Any type that items can be made of.
    async fn some_type(&self) -> Result<String, ConnectorError> {
        let mut known = self.some_type.lock().await;
        if let Some(name) = known.as_ref() {
            return Ok(name.clone());
        }
        let types = self.api.types().await?;
        let name = types.into_iter().find(|kind| !kind.is_disabled).map(|kind| kind.name);
        let name = name.unwrap_or_else(|| "Bug".to_owned());
        *known = Some(name.clone());
        Ok(name)
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<String, Option<Identity>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn items(&self, ids: &[ItemId]) -> Result<Vec<Item>, ConnectorError> {
        let read = read_all(&self.api, &numbers(ids), &[]).await?;
        Ok(read.into_iter().map(|wire| convert::item(&self.api.config, wire)).collect())
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<Item, ConnectorError>> {
        let outcomes = apply::apply(&self.api, &self.refused, writes).await;
        for (write, outcome) in writes.iter().zip(&outcomes) {
            if let Err(error) = outcome
                && let Some(account) = lookup::refused_account(write, error)
            {
                self.accounts().insert(account.trim().to_lowercase(), None);
            }
        }
        outcomes
    }

    /// Somebody may be named to the server unless it is known that nobody is called so.
    fn unasked(&self, who: &Identity) -> Option<Identity> {
        match self.accounts().get(&account_key(who)?) {
            Some(known) => known.clone(),
            None => lookup::unasked(who),
        }
    }
}

fn account_key(who: &Identity) -> Option<String> {
    convert::account_name(who).map(|account| account.trim().to_lowercase())
}

/// The words for kinds of links; any other is a mere relation.
const LINKS: LinkWords = &[
    (LinkKind::Related, "System.LinkTypes.Related"),
    (LinkKind::Child, "System.LinkTypes.Hierarchy-Forward"),
    (LinkKind::Parent, "System.LinkTypes.Hierarchy-Reverse"),
    (LinkKind::Precedes, "System.LinkTypes.Dependency-Forward"),
    (LinkKind::Follows, "System.LinkTypes.Dependency-Reverse"),
    (LinkKind::DuplicatedBy, "System.LinkTypes.Duplicate-Forward"),
    (LinkKind::Duplicates, "System.LinkTypes.Duplicate-Reverse"),
];

impl Connector for AzureDevOps {
    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(check::run(&self.api, self.clock.as_ref()))
    }

    fn whoami(&self) -> BoxFuture<'_, Result<Identity, ConnectorError>> {
        Box::pin(check::whoami(&self.api))
    }

    fn describe(&self) -> BoxFuture<'_, Result<Schema, ConnectorError>> {
        Box::pin(self.schema())
    }

    fn changes(&self, query: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_> {
        Box::new(Walk::new(&self.api, &query, since))
    }

    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(self.items(ids))
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
        Box::pin(lookup::find_created(&self.api, query))
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
        Box::pin(async move { lookup::probe(&self.api, number(id)?).await })
    }

    fn named_unasked(&self, who: &Identity) -> Option<Identity> {
        self.unasked(who)
    }

    fn resolve_identity<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Identity>, ConnectorError>> {
        Box::pin(self.resolve(who))
    }

    fn own_changes<'a>(
        &'a self,
        id: &'a ItemId,
        after: &'a Version,
    ) -> BoxFuture<'a, Result<Option<Vec<OwnChange>>, ConnectorError>> {
        Box::pin(async move {
            let Ok(after) = after.as_str().parse() else { return Ok(None) };
            let me = check::whoami(&self.api).await?;
            history::own_changes(&self.api, &me, number(id)?, after).await
        })
    }

    fn comments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Comment>, ConnectorError>> {
        Box::pin(async move { discussion::list(&self.api, number(id)?).await })
    }

    fn add_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(async move { discussion::add(&self.api, number(id)?, comment).await })
    }

    fn edit_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(async move { discussion::edit(&self.api, number(id)?, comment_id, comment).await })
    }

    fn delete_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(async move { self.api.delete_comment(number(id)?, comment_id.as_str()).await })
    }

    fn link_words(&self) -> LinkWords {
        LINKS
    }

    fn links<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Vec<ItemLink>, ConnectorError>> {
        Box::pin(async move { relations::links(&self.api, number(id)?).await })
    }

    fn add_link<'a>(
        &'a self,
        id: &'a ItemId,
        link: &'a ItemLink,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(async move { relations::add_link(&self.api, number(id)?, link).await })
    }

    fn attachments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Attachment>, ConnectorError>> {
        Box::pin(async move { relations::files(&self.api, number(id)?).await })
    }

    fn download<'a>(
        &'a self,
        _id: &'a ItemId,
        attachment: &'a Attachment,
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(self.api.download((&attachment.id, &attachment.name), limit, into))
    }

    fn attach<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<Attachment, ConnectorError>> {
        Box::pin(async move {
            relations::attach(&self.api, number(id)?, name, content_type, file).await
        })
    }

    fn image_markup(&self, field: Option<&FieldRef>) -> Option<ImageMarkup> {
        images::markup(&self.api.config, field)
    }

    fn inline_images<'a>(
        &'a self,
        _id: &'a ItemId,
        addresses: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<ImageSource>, ConnectorError>> {
        let found = addresses.iter().map(|address| images::source(&self.api.config, address));
        let found = found.collect();
        Box::pin(async move { Ok(found) })
    }

    fn host_image<'a>(
        &'a self,
        _id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<InlineImage, ConnectorError>> {
        Box::pin(images::host(&self.api, name, content_type, file))
    }
}
