//! The port, put together from its parts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::{
    BoxFuture, Capabilities, ChangeQuery, ChangeWalk, Check, Connector, ConnectorError, FileSink,
    FileSource, FindCreated, OwnChange, Presence, Write,
};
use syncline_domain::{
    Attachment, Comment, CommentId, Cursor, FieldRef, Identity, ImageMarkup, ImageSource,
    InlineImage, Item, ItemId, ItemLink, LinkKind, LinkWords, NewComment, Schema, TextFormat,
    Version,
};

use super::requests::{Api, PAGE};
use super::walk::{Walk, number};
use super::{apply, check, comments, history, images, lookup, people, relations, schema};

/// One Redmine project, or all that an account sees.
pub(crate) struct Redmine {
    api: Api,
}

/// What Redmine can do.
pub(crate) const fn capabilities(comment_format: TextFormat) -> Capabilities {
    Capabilities {
        fetch_batch: PAGE,
        write_batch: apply::WRITE_BATCH,
        // Compared by reading just before the write: another change can slip between.
        version_check: false,
        delete: true,
        comments: true,
        comment_edit: true,
        comment_delete: true,
        private_comments: true,
        links: true,
        attachments: true,
        comment_format,
        search_lag: Duration::ZERO,
        time_step: Duration::from_secs(1),
    }
}

impl Redmine {
    /// Does no I/O.
    pub(super) const fn new(api: Api) -> Self {
        Self { api }
    }
}

/// The words for kinds of links; any other is a mere relation.
const LINKS: LinkWords = &[
    (LinkKind::Related, "relates"),
    (LinkKind::Duplicates, "duplicates"),
    (LinkKind::DuplicatedBy, "duplicated"),
    (LinkKind::Blocks, "blocks"),
    (LinkKind::BlockedBy, "blocked"),
    (LinkKind::Precedes, "precedes"),
    (LinkKind::Follows, "follows"),
];

impl Connector for Redmine {
    fn capabilities(&self) -> Capabilities {
        capabilities(self.api.config.text_format)
    }

    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(check::run(&self.api))
    }

    fn whoami(&self) -> BoxFuture<'_, Result<Identity, ConnectorError>> {
        Box::pin(async move { Ok(people::of_user(&people::current(&self.api, "").await?)) })
    }

    fn describe(&self) -> BoxFuture<'_, Result<Schema, ConnectorError>> {
        Box::pin(schema::describe(&self.api))
    }

    fn changes(&self, query: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_> {
        Box::new(Walk::new(&self.api, &query, since))
    }

    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        Box::pin(lookup::fetch(&self.api, ids))
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
        Box::pin(apply::apply(&self.api, writes))
    }

    fn probe<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Presence, ConnectorError>> {
        Box::pin(lookup::probe(&self.api, id))
    }

    fn resolve_identity<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Identity>, ConnectorError>> {
        Box::pin(people::resolve(&self.api, who))
    }

    fn own_changes<'a>(
        &'a self,
        id: &'a ItemId,
        after: &'a Version,
    ) -> BoxFuture<'a, Result<Option<Vec<OwnChange>>, ConnectorError>> {
        Box::pin(async move { history::own_changes(&self.api, number(id)?, after).await })
    }

    fn comments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Comment>, ConnectorError>> {
        Box::pin(comments::list(&self.api, id))
    }

    fn add_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(comments::add(&self.api, id, comment))
    }

    fn edit_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        Box::pin(comments::edit(&self.api, id, comment_id, comment))
    }

    fn delete_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(comments::delete(&self.api, id, comment_id))
    }

    fn link_words(&self) -> LinkWords {
        LINKS
    }

    fn links<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Vec<ItemLink>, ConnectorError>> {
        Box::pin(relations::links(&self.api, id))
    }

    fn add_link<'a>(
        &'a self,
        id: &'a ItemId,
        link: &'a ItemLink,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(relations::add_link(&self.api, id, link))
    }

    fn attachments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Attachment>, ConnectorError>> {
        Box::pin(relations::files(&self.api, id))
    }

    fn download<'a>(
        &'a self,
        _id: &'a ItemId,
        attachment: &'a Attachment,
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        Box::pin(relations::download(&self.api, attachment, limit, into))
    }

    fn attach<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<Attachment, ConnectorError>> {
        Box::pin(relations::attach(&self.api, id, name, content_type, file))
    }

    fn image_markup(&self, field: Option<&FieldRef>) -> Option<ImageMarkup> {
        images::markup(&self.api, field)
    }

    fn inline_images<'a>(
        &'a self,
        id: &'a ItemId,
        addresses: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<ImageSource>, ConnectorError>> {
        Box::pin(images::sources(&self.api, id, addresses))
    }

    fn host_image<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<InlineImage, ConnectorError>> {
        Box::pin(images::host(&self.api, id, name, content_type, file))
    }
}
