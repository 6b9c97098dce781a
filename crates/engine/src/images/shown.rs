//! A tracker whose texts name images as they are known between the sides.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{
    BoxFuture, Capabilities, ChangePage, ChangeQuery, ChangeWalk, Check, Connector, ConnectorError,
    ErrorKind, FileSink, FileSource, FindCreated, OwnChange, Presence, Store, StoreExt as _, Write,
    WriteKind,
};
use syncline_domain::{
    Attachment, Comment, CommentId, ConfigId, Cursor, FieldRef, Fields, Identity, ImageMarkup,
    ImageSource, InlineImage, Item, ItemId, ItemLink, LinkWords, NewComment, PairId, Schema, Side,
    SyncSpec, Version,
};

use super::markup::{addresses, as_textile, from_textile, replaced};
use super::memory::{ImagePair, common, native};
use crate::hanging::images_of;

/// Both trackers of a configuration, as the engine sees them.
pub(crate) fn shown(
    store: &Arc<dyn Store>,
    spec: &SyncSpec,
    [source, target]: [&Arc<dyn Connector>; 2],
) -> [Arc<dyn Connector>; 2] {
    let markups = [source.image_markup(None), target.image_markup(None)];
    let [Some(at_source), Some(at_target)] = markups else {
        return [Arc::clone(source), Arc::clone(target)];
    };
    let options = &spec.config.options;
    let moves = options.sync_attachments && options.sync_inline_images;
    let view = |inner: &Arc<dyn Connector>, side, other| -> Arc<dyn Connector> {
        Arc::new(Shown {
            inner: Arc::clone(inner),
            store: Arc::clone(store),
            config: spec.config.id,
            side,
            moves,
            meets_textile: moves && other == ImageMarkup::Textile,
        })
    };
    [view(source, Side::Source, at_target), view(target, Side::Target, at_source)]
}

struct Shown {
    inner: Arc<dyn Connector>,
    store: Arc<dyn Store>,
    config: ConfigId,
    side: Side,
    /// Images are moved: what the tracker itself keeps is looked up.
    moves: bool,
    /// The other tracker writes plain texts with images as Textile does: images in HTML are written so, too, or they
    /// would be lost on the way.
    meets_textile: bool,
}

type Images = HashMap<ItemId, Vec<ImagePair>>;

impl Shown {
    fn turns(&self, markup: ImageMarkup) -> bool {
        self.meets_textile && markup == ImageMarkup::Html
    }

    /// The addresses in the fields of an item, as its tracker writes them.
    fn named(&self, fields: &Fields) -> BTreeSet<String> {
        let texts = fields.iter().filter_map(|(field, value)| {
            Some(addresses(value.as_str()?, self.inner.image_markup(Some(field))?))
        });
        texts.flatten().collect()
    }

    async fn images(&self, items: Vec<ItemId>) -> Result<Images, ConnectorError> {
        if items.is_empty() {
            return Ok(Images::new());
        }
        let (config, side) = (self.config, self.side);
        let found = self.store.view("images", move |tx| {
            let pairs = tx.pairs_by_items(config, side, &items)?;
            let ids: Vec<PairId> = pairs.iter().map(|pair| pair.id).collect();
            let mut images = images_of(&tx.bases(&ids)?);
            let of_pair = pairs
                .iter()
                .filter_map(|pair| Some((pair.item(side)?.clone(), images.remove(&pair.id)?)));
            Ok(of_pair.collect())
        });
        found.await.map_err(|fault| {
            let text = format!("what is known of the item's images cannot be read: {fault}");
            ConnectorError::new(ErrorKind::Protocol, text)
        })
    }

    async fn own(
        &self,
        item: &ItemId,
        unknown: Vec<String>,
    ) -> Result<BTreeMap<String, InlineImage>, ConnectorError> {
        if !self.moves || unknown.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.inner.inline_images(item, &unknown).await?;
        let own = unknown.into_iter().zip(found).filter_map(|(address, source)| match source {
            ImageSource::Here(image) => Some((address, *image)),
            ImageSource::Elsewhere | ImageSource::Locked(_) => None,
        });
        Ok(own.collect())
    }

    /// Texts of the tracker as the engine sees them.
    async fn seen(
        &self,
        item: &ItemId,
        images: &[ImagePair],
        fields: &mut Fields,
    ) -> Result<(), ConnectorError> {
        let named = self.named(fields);
        let is_unknown = |address: &String| common(images, self.side, address).is_none();
        let own = self.own(item, named.into_iter().filter(is_unknown).collect()).await?;
        let name = |address: &str| {
            let known = common(images, self.side, address).map(ToOwned::to_owned);
            known.or_else(|| own.get(address).map(|image| image.file.url.clone()))
        };
        for (field, value) in fields {
            let Some(markup) = self.inner.image_markup(Some(field)) else { continue };
            let Value::String(text) = value else { continue };
            let mut now = replaced(text, markup, name);
            if self.turns(markup) {
                now = as_textile(&now);
            }
            *text = now;
        }
        Ok(())
    }

    /// Texts of the engine as the tracker is to show them. Of an item that is yet to be made no image is there.
    async fn written(
        &self,
        item: Option<&ItemId>,
        images: &[ImagePair],
        fields: &mut Fields,
    ) -> Result<(), ConnectorError> {
        for (field, value) in fields.iter_mut() {
            let markup = self.inner.image_markup(Some(field));
            if let (Value::String(text), true) = (value, markup.is_some_and(|one| self.turns(one)))
            {
                *text = from_textile(text);
            }
        }
        let Some(item) = item else { return Ok(()) };
        let named = self.named(fields);
        let is_unknown = |name: &String| native(images, self.side, name).is_none();
        let own = self.own(item, named.into_iter().filter(is_unknown).collect()).await?;
        let address = |name: &str| {
            let known = native(images, self.side, name).map(ToOwned::to_owned);
            known.or_else(|| own.get(name).map(|image| image.address.clone()))
        };
        for (field, value) in fields {
            let Some(markup) = self.inner.image_markup(Some(field)) else { continue };
            if let Value::String(text) = value {
                *text = replaced(text, markup, address);
            }
        }
        Ok(())
    }

    async fn items(&self, mut items: Vec<Item>) -> Result<Vec<Item>, ConnectorError> {
        let shows = |item: &Item| !self.named(&item.fields).is_empty();
        let with: BTreeSet<ItemId> =
            items.iter().filter(|item| shows(item)).map(|item| item.id.clone()).collect();
        if with.is_empty() {
            return Ok(items);
        }
        let images = self.images(with.iter().cloned().collect()).await?;
        for item in items.iter_mut().filter(|item| with.contains(&item.id)) {
            let known = images.get(&item.id).map(Vec::as_slice).unwrap_or_default();
            self.seen(&item.id, known, &mut item.fields).await?;
        }
        Ok(items)
    }

    /// Writes as the tracker takes them.
    async fn native_writes(&self, writes: &[Write]) -> Result<Vec<Write>, ConnectorError> {
        let target = |write: &Write| match &write.kind {
            WriteKind::Update { id, .. } => Some(id.clone()),
            WriteKind::Create { .. } | WriteKind::Delete { .. } => None,
        };
        let mut writes = writes.to_vec();
        // What Textile names is found in HTML only after it was turned.
        let speaks = |write: &&Write| write.fields.values().any(Value::is_string);
        let named = |write: &&Write| self.meets_textile || !self.named(&write.fields).is_empty();
        let ids = writes.iter().filter(speaks).filter(named).filter_map(target).collect();
        let images = self.images(ids).await?;
        for write in &mut writes {
            let id = target(write);
            let known = id.as_ref().and_then(|id| images.get(id));
            let known = known.map(Vec::as_slice).unwrap_or_default();
            self.written(id.as_ref(), known, &mut write.fields).await?;
        }
        Ok(writes)
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<Item, ConnectorError>> {
        let native = match self.native_writes(writes).await {
            Ok(native) => native,
            Err(error) => return writes.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut shown = Vec::with_capacity(native.len());
        for outcome in self.inner.apply(&native).await {
            shown.push(match outcome {
                Ok(item) => self.answer(item).await,
                Err(error) => Err(error),
            });
        }
        shown
    }

    /// An item after a write. When its images cannot be looked up, the write has happened all the same.
    async fn answer(&self, item: Item) -> Result<Item, ConnectorError> {
        let shown = self.items(vec![item]).await.map_err(|error| {
            let text = format!("the item was written but cannot be read: {}", error.detail);
            ConnectorError::new(ErrorKind::Ambiguous, text)
        })?;
        shown.into_iter().next().ok_or_else(|| {
            ConnectorError::new(ErrorKind::Ambiguous, "the item was written but cannot be read")
        })
    }

    async fn changes_of_own(
        &self,
        id: &ItemId,
        after: &Version,
    ) -> Result<Option<Vec<OwnChange>>, ConnectorError> {
        let Some(mut changes) = self.inner.own_changes(id, after).await? else { return Ok(None) };
        let images = self.images(vec![id.clone()]).await?;
        let known = images.get(id).map(Vec::as_slice).unwrap_or_default();
        for change in &mut changes {
            let mut told: Fields = change
                .iter()
                .filter_map(|(field, value)| Some((field.clone(), value.clone()?)))
                .collect();
            self.seen(id, known, &mut told).await?;
            for (field, value) in told {
                change.insert(field, Some(value));
            }
        }
        Ok(Some(changes))
    }
}

/// A walk over what the tracker shows.
struct ShownWalk<'a> {
    inner: Box<dyn ChangeWalk + 'a>,
    by: &'a Shown,
}

impl ChangeWalk for ShownWalk<'_> {
    fn next_page(
        &mut self,
        limit: usize,
    ) -> BoxFuture<'_, Result<Option<ChangePage>, ConnectorError>> {
        Box::pin(async move {
            let Some(page) = self.inner.next_page(limit).await? else { return Ok(None) };
            let items = self.by.items(page.items).await?;
            Ok(Some(ChangePage { items, ..page }))
        })
    }
}

type Called<'a, T> = BoxFuture<'a, Result<T, ConnectorError>>;

impl Connector for Shown {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        self.inner.check()
    }

    fn whoami(&self) -> Called<'_, Identity> {
        self.inner.whoami()
    }

    fn describe(&self) -> Called<'_, Schema> {
        self.inner.describe()
    }

    fn changes(&self, query: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_> {
        Box::new(ShownWalk { inner: self.inner.changes(query, since), by: self })
    }

    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> Called<'a, Vec<Item>> {
        Box::pin(async move { self.items(self.inner.fetch(ids).await?).await })
    }

    fn matching<'a>(
        &'a self,
        query: &'a ChangeQuery,
        ids: &'a [ItemId],
    ) -> Called<'a, BTreeSet<ItemId>> {
        self.inner.matching(query, ids)
    }

    fn find_created<'a>(&'a self, query: &'a FindCreated) -> Called<'a, Vec<Item>> {
        Box::pin(async move { self.items(self.inner.find_created(query).await?).await })
    }

    fn find_equal<'a>(
        &'a self,
        type_ref: &'a str,
        field: &'a FieldRef,
        value: &'a Value,
    ) -> Called<'a, Vec<Item>> {
        Box::pin(
            async move { self.items(self.inner.find_equal(type_ref, field, value).await?).await },
        )
    }

    fn search<'a>(
        &'a self,
        type_ref: Option<&'a str>,
        text: Option<&'a str>,
        limit: usize,
    ) -> Called<'a, Vec<Item>> {
        self.inner.search(type_ref, text, limit)
    }

    fn apply<'a>(
        &'a self,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Vec<Result<Item, ConnectorError>>> {
        Box::pin(self.write(writes))
    }

    fn probe<'a>(&'a self, id: &'a ItemId) -> Called<'a, Presence> {
        self.inner.probe(id)
    }

    fn own_changes<'a>(
        &'a self,
        id: &'a ItemId,
        after: &'a Version,
    ) -> Called<'a, Option<Vec<OwnChange>>> {
        Box::pin(self.changes_of_own(id, after))
    }

    fn resolve_identity<'a>(&'a self, who: &'a Identity) -> Called<'a, Option<Identity>> {
        self.inner.resolve_identity(who)
    }

    fn named_unasked(&self, who: &Identity) -> Option<Identity> {
        self.inner.named_unasked(who)
    }

    fn comments<'a>(&'a self, id: &'a ItemId) -> Called<'a, Vec<Comment>> {
        self.inner.comments(id)
    }

    fn add_comment<'a>(&'a self, id: &'a ItemId, comment: &'a NewComment) -> Called<'a, Comment> {
        self.inner.add_comment(id, comment)
    }

    fn edit_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
        comment: &'a NewComment,
    ) -> Called<'a, Comment> {
        self.inner.edit_comment(id, comment_id, comment)
    }

    fn delete_comment<'a>(&'a self, id: &'a ItemId, comment_id: &'a CommentId) -> Called<'a, ()> {
        self.inner.delete_comment(id, comment_id)
    }

    fn link_words(&self) -> LinkWords {
        self.inner.link_words()
    }

    fn links<'a>(&'a self, id: &'a ItemId) -> Called<'a, Vec<ItemLink>> {
        self.inner.links(id)
    }

    fn add_link<'a>(&'a self, id: &'a ItemId, link: &'a ItemLink) -> Called<'a, ()> {
        self.inner.add_link(id, link)
    }

    fn attachments<'a>(&'a self, id: &'a ItemId) -> Called<'a, Vec<Attachment>> {
        self.inner.attachments(id)
    }

    fn download<'a>(
        &'a self,
        id: &'a ItemId,
        attachment: &'a Attachment,
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> Called<'a, ()> {
        self.inner.download(id, attachment, limit, into)
    }

    fn attach<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> Called<'a, Attachment> {
        self.inner.attach(id, name, content_type, file)
    }

    /// The markup of texts as they are seen here.
    fn image_markup(&self, field: Option<&FieldRef>) -> Option<ImageMarkup> {
        let markup = self.inner.image_markup(field)?;
        let is_turned = field.is_some() && self.turns(markup);
        Some(if is_turned { ImageMarkup::Textile } else { markup })
    }

    fn inline_images<'a>(
        &'a self,
        id: &'a ItemId,
        addresses: &'a [String],
    ) -> Called<'a, Vec<ImageSource>> {
        self.inner.inline_images(id, addresses)
    }

    fn host_image<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> Called<'a, InlineImage> {
        self.inner.host_image(id, name, content_type, file)
    }
}
