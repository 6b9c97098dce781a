//! The port to a tracker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BoxFuture, FileSink, FileSource};
use crate::{
    Attachment, Comment, CommentId, Cursor, ErrorType, FieldFault, FieldRef, Fields, Identity,
    ImageMarkup, ImageSource, InlineImage, Item, ItemId, ItemLink, LinkWords, NewComment, OpId,
    Schema, TextFormat, Timestamp, Version,
};

/// One tracker account in one project.
///
/// What a tracker must have is required; the rest has a default that says honestly that it is not there, as
/// [`Capabilities`] must. Implementations keep order, honour the tracker's limits by themselves and retry only what is safe to repeat: reads
/// always, writes only when it is certain that nothing happened.
pub trait Connector: Send + Sync {
    /// What this tracker can do. Constant for the life of the connector.
    fn capabilities(&self) -> Capabilities;

    /// Tries everything a sync needs, one line each. Never fails as a whole: a failed step is a line. By default only
    /// the sign-in.
    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            vec![match self.whoami().await {
                Ok(who) => Check::passed("sign in", who.key().unwrap_or_default()),
                Err(error) => Check::failed("sign in", &error),
            }]
        })
    }

    /// The account we act as. By default nobody in particular: right for trackers without accounts only.
    fn whoami(&self) -> BoxFuture<'_, Result<Identity, ConnectorError>> {
        Box::pin(async { Ok(Identity::default()) })
    }

    /// Types with their fields and statuses.
    fn describe(&self) -> BoxFuture<'_, Result<Schema, ConnectorError>>;

    /// Walks what changed at or after `since` (everything when `None`), oldest change first, ties by id.
    ///
    /// The walk may hand out an item again that an earlier walk gave (overlap); it never misses one.
    fn changes(&self, query: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_>;

    /// Reads items by id, in any order. Items that do not exist or may not be seen are absent from the answer.
    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>>;

    /// Which of `ids` satisfy the query's filter and types. By default all that exist: right for trackers without
    /// filters only.
    fn matching<'a>(
        &'a self,
        query: &'a ChangeQuery,
        ids: &'a [ItemId],
    ) -> BoxFuture<'a, Result<BTreeSet<ItemId>, ConnectorError>> {
        let _ = query;
        Box::pin(
            async move { Ok(self.fetch(ids).await?.into_iter().map(|item| item.id).collect()) },
        )
    }

    /// Items made by our own account since an instant, or carrying a marker: candidates for adoption.
    fn find_created<'a>(
        &'a self,
        query: &'a FindCreated,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>>;

    /// Items whose field equals the value exactly (without letter case where the tracker compares so).
    fn find_equal<'a>(
        &'a self,
        type_ref: &'a str,
        field: &'a FieldRef,
        value: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        let _ = (type_ref, field, value);
        Box::pin(async { Err(ConnectorError::unsupported("looking items up by a value")) })
    }

    /// Newest items, or those that match a text: for people who choose one. At most `limit`.
    fn search<'a>(
        &'a self,
        type_ref: Option<&'a str>,
        text: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Item>, ConnectorError>> {
        let _ = (type_ref, text, limit);
        Box::pin(async { Err(ConnectorError::unsupported("searching")) })
    }

    /// Performs writes: one outcome each, in the order given. At most [`Capabilities::write_batch`] at once.
    ///
    /// A good outcome is the item as the tracker shows it after the write.
    fn apply<'a>(&'a self, writes: &'a [Write])
    -> BoxFuture<'a, Vec<Result<Item, ConnectorError>>>;

    /// Looks whether an item that was not found is deleted, hidden from us, or there after all. By default nobody can
    /// tell.
    fn probe<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Presence, ConnectorError>> {
        Box::pin(async move {
            let found = self.fetch(std::slice::from_ref(id)).await?;
            Ok(if found.is_empty() { Presence::Forbidden } else { Presence::Present })
        })
    }

    /// What our own account changed of an item after it showed a revision, oldest change first: how a write whose answer
    /// was lost is told from somebody else's. `None` (the default) where the tracker keeps no account of changes, or one
    /// too coarse to tell.
    fn own_changes<'a>(
        &'a self,
        id: &'a ItemId,
        after: &'a Version,
    ) -> BoxFuture<'a, Result<Option<Vec<OwnChange>>, ConnectorError>> {
        let _ = (id, after);
        Box::pin(async { Ok(None) })
    }

    /// The account on this tracker that is meant by what another tracker knows of a person. By default the person is
    /// taken as told.
    fn resolve_identity<'a>(
        &'a self,
        who: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Identity>, ConnectorError>> {
        Box::pin(async move { Ok(Some(who.clone())) })
    }

    /// How a write may name a person whom nobody has asked for yet; does no input or output.
    ///
    /// For trackers that judge people themselves: a write that names somebody unknown is refused for its item alone,
    /// with the field at fault. `None` (the default): the account must be asked for first.
    fn named_unasked(&self, who: &Identity) -> Option<Identity> {
        let _ = who;
        None
    }

    /// The comments of an item, oldest first.
    fn comments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Comment>, ConnectorError>> {
        let _ = id;
        Box::pin(async { Err(ConnectorError::unsupported("reading comments")) })
    }

    /// Adds a comment; the answer is the comment as the tracker shows it.
    fn add_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        let _ = (id, comment);
        Box::pin(async { Err(ConnectorError::unsupported("adding comments")) })
    }

    /// Replaces the text of a comment.
    fn edit_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
        comment: &'a NewComment,
    ) -> BoxFuture<'a, Result<Comment, ConnectorError>> {
        let _ = (id, comment_id, comment);
        Box::pin(async { Err(ConnectorError::unsupported("editing comments")) })
    }

    /// Removes a comment; [`ErrorKind::NotFound`] when it is gone already.
    fn delete_comment<'a>(
        &'a self,
        id: &'a ItemId,
        comment_id: &'a CommentId,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        let _ = (id, comment_id);
        Box::pin(async { Err(ConnectorError::unsupported("deleting comments")) })
    }

    /// The tracker's words for kinds of links. A link that one item has shows on the other, too, seen from there.
    fn link_words(&self) -> LinkWords {
        &[]
    }

    /// The links of an item to others of the same tracker.
    fn links<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, Result<Vec<ItemLink>, ConnectorError>> {
        let _ = id;
        Box::pin(async { Err(ConnectorError::unsupported("reading links")) })
    }

    /// Adds a link.
    fn add_link<'a>(
        &'a self,
        id: &'a ItemId,
        link: &'a ItemLink,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        let _ = (id, link);
        Box::pin(async { Err(ConnectorError::unsupported("adding links")) })
    }

    /// The files that hang on an item.
    fn attachments<'a>(
        &'a self,
        id: &'a ItemId,
    ) -> BoxFuture<'a, Result<Vec<Attachment>, ConnectorError>> {
        let _ = id;
        Box::pin(async { Err(ConnectorError::unsupported("reading attachments")) })
    }

    /// Hands the bytes of a file on as they come, at most `limit` of them; a larger one is [`ErrorKind::Invalid`]. What
    /// was handed on before an error is of no use.
    fn download<'a>(
        &'a self,
        id: &'a ItemId,
        attachment: &'a Attachment,
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> BoxFuture<'a, Result<(), ConnectorError>> {
        let _ = (id, attachment, limit, into);
        Box::pin(async { Err(ConnectorError::unsupported("reading attachments")) })
    }

    /// Hangs a file on an item.
    fn attach<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<Attachment, ConnectorError>> {
        let _ = (id, name, content_type, file);
        Box::pin(async { Err(ConnectorError::unsupported("adding attachments")) })
    }

    /// How a field's text names images; of `None` how comments do, as far as their format does not say. `None` (the
    /// default) where it shows none. Does no input or output.
    fn image_markup(&self, field: Option<&FieldRef>) -> Option<ImageMarkup> {
        let _ = field;
        None
    }

    /// What the addresses of images in an item's texts mean here, one answer each, in their order. Addresses are only
    /// looked at, never asked: what is [`ImageSource::Here`] is read with [`Connector::download`].
    fn inline_images<'a>(
        &'a self,
        id: &'a ItemId,
        addresses: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<ImageSource>, ConnectorError>> {
        let _ = id;
        Box::pin(async move { Ok(addresses.iter().map(|_| ImageSource::Elsewhere).collect()) })
    }

    /// Stores an image that a text of an item is going to show. By default it is hung on the item like any file.
    fn host_image<'a>(
        &'a self,
        id: &'a ItemId,
        name: &'a str,
        content_type: &'a str,
        file: Arc<dyn FileSource>,
    ) -> BoxFuture<'a, Result<InlineImage, ConnectorError>> {
        Box::pin(async move {
            let file = self.attach(id, name, content_type, file).await?;
            Ok(InlineImage { address: file.url.clone(), file })
        })
    }
}

/// A change that our own account made: its fields, the status among them as [`crate::STATUS_REF`], with the values they
/// got; `None` where the tracker has a value in a form of its own.
pub type OwnChange = BTreeMap<FieldRef, Option<Value>>;

/// One read through what changed, page by page.
pub trait ChangeWalk: Send {
    /// The next page of at most `limit` items; `None` when the walk is at its end.
    fn next_page(
        &mut self,
        limit: usize,
    ) -> BoxFuture<'_, Result<Option<ChangePage>, ConnectorError>>;
}

/// A page of a walk.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePage {
    /// The items, oldest change first.
    pub items: Vec<Item>,
    /// Where to go on once every item of this page is done with.
    pub cursor: Cursor,
    /// How many items the walk has in all, where the tracker tells.
    pub total: Option<u64>,
}

/// A walk over pages that are there already: for trackers that answer everything at once, and for tests.
#[derive(Debug, Default)]
pub struct ReadyPages(std::collections::VecDeque<ChangePage>);

impl ReadyPages {
    /// From pages in the order in which they are given out. Their sizes stand, whatever `limit` says.
    pub fn new(pages: impl IntoIterator<Item = ChangePage>) -> Self {
        Self(pages.into_iter().collect())
    }
}

impl ChangeWalk for ReadyPages {
    fn next_page(
        &mut self,
        _limit: usize,
    ) -> BoxFuture<'_, Result<Option<ChangePage>, ConnectorError>> {
        let page = self.0.pop_front();
        Box::pin(async move { Ok(page) })
    }
}

/// Which items take part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeQuery {
    /// References of the types to read; all when empty.
    pub types: Vec<String>,
    /// The tracker's own filter, as the user wrote it (`wiql`, `search_criteria`, `params`, ...).
    pub native: Option<Value>,
    /// The portable filter.
    pub portable: PortableFilter,
    /// Fields the reader needs; all when empty.
    pub fields: Vec<FieldRef>,
}

/// The filter that every connector understands. Parts that are empty let everything through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PortableFilter {
    /// Names or references of types.
    pub types: Vec<String>,
    /// Names or values of statuses.
    pub statuses: Vec<String>,
    /// Terms over fields; all must hold.
    pub fields: Vec<PortableTerm>,
    /// Made at or after.
    pub created_after: Option<Timestamp>,
    /// Changed at or after.
    pub updated_after: Option<Timestamp>,
}

impl PortableFilter {
    const KEYS: [&str; 5] = ["types", "statuses", "fields", "created_after", "updated_after"];

    /// Takes a configuration's filter apart: the portable part, and what is left for the tracker's own.
    ///
    /// # Errors
    /// Every wrong part, with its JSON pointer inside the filter.
    pub fn split(filter: &Value) -> Result<(Self, Option<Value>), Vec<FieldFault>> {
        let Value::Object(map) = filter else {
            return Err(vec![FieldFault::new("", "this is no object; send a JSON object")]);
        };
        let mut native = map.clone();
        let mut faults = Vec::new();
        let mut portable = Self::default();
        for key in Self::KEYS {
            let Some(part) = native.remove(key).filter(|part| !part.is_null()) else { continue };
            let single = Value::Object([(key.to_owned(), part)].into_iter().collect());
            match (serde_json::from_value::<Self>(single), key) {
                (Ok(read), "types") => portable.types = read.types,
                (Ok(read), "statuses") => portable.statuses = read.statuses,
                (Ok(read), "fields") => portable.fields = read.fields,
                (Ok(read), "created_after") => portable.created_after = read.created_after,
                (Ok(read), _) => portable.updated_after = read.updated_after,
                (Err(error), _) => {
                    faults.push(FieldFault::new(format!("/{key}"), error.to_string()))
                }
            }
        }
        let native = (!native.is_empty()).then_some(Value::Object(native));
        if faults.is_empty() { Ok((portable, native)) } else { Err(faults) }
    }
}

/// A term over a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortableTerm {
    /// The field's reference.
    pub field: FieldRef,
    /// How to compare.
    pub op: FilterOp,
    /// With what; an array for `in`.
    pub value: Value,
}

/// How a term compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilterOp {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// One of.
    In,
    /// Text inside.
    Contains,
    /// Greater or later.
    Gt,
    /// Less or earlier.
    Lt,
}

/// What a tracker can do, told honestly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Items that [`Connector::fetch`] reads in one call.
    pub fetch_batch: usize,
    /// Writes that [`Connector::apply`] sends in one call.
    pub write_batch: usize,
    /// The tracker itself refuses a write against an older revision.
    pub version_check: bool,
    /// Items can be deleted, and how it is told apart from lost permission.
    pub delete: bool,
    /// Comments can be read and added.
    pub comments: bool,
    /// Comments can be edited.
    pub comment_edit: bool,
    /// Comments can be removed.
    pub comment_delete: bool,
    /// Comments can be kept from requesters.
    pub private_comments: bool,
    /// Links can be read and added.
    pub links: bool,
    /// Attachments can be read and added.
    pub attachments: bool,
    /// How comments are written.
    pub comment_format: TextFormat,
    /// How long a new item may be missing from searches.
    #[serde(skip)]
    pub search_lag: Duration,
    /// The step of the tracker's change times.
    #[serde(skip)]
    pub time_step: Duration,
}

impl Capabilities {
    /// A tracker that lists, reads and writes single items, and nothing else.
    #[must_use]
    pub const fn least() -> Self {
        Self {
            fetch_batch: 100,
            write_batch: 1,
            version_check: false,
            delete: false,
            comments: false,
            comment_edit: false,
            comment_delete: false,
            private_comments: false,
            links: false,
            attachments: false,
            comment_format: TextFormat::Text,
            search_lag: Duration::ZERO,
            time_step: Duration::ZERO,
        }
    }
}

/// A write about to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Its name for ever.
    pub op_id: OpId,
    /// What it does.
    pub kind: WriteKind,
    /// The status to set.
    pub status: Option<String>,
    /// The values to set; null clears.
    pub fields: Fields,
    /// Put into the item so that it can be found again.
    pub marker: Option<Marker>,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Makes an item of this type.
    Create {
        /// The type's reference.
        type_ref: String,
    },
    /// Changes an item.
    Update {
        /// The item.
        id: ItemId,
        /// The revision it must still have; a tracker without a check compares by reading first.
        expected: Option<Version>,
    },
    /// Deletes an item, softly where the tracker can.
    Delete {
        /// The item.
        id: ItemId,
        /// The revision it must still have.
        expected: Option<Version>,
    },
}

impl WriteKind {
    /// The revision that the item must still have.
    #[must_use]
    pub const fn expected(&self) -> Option<&Version> {
        match self {
            Self::Create { .. } => None,
            Self::Update { expected, .. } | Self::Delete { expected, .. } => expected.as_ref(),
        }
    }
}

/// A value by which a created item is found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The field that the user named.
    pub field: FieldRef,
    /// What is put there.
    pub value: String,
}

/// What to look for after a lost answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FindCreated {
    /// The type that was to be made.
    pub type_ref: String,
    /// Made at or after this instant, by the tracker's clock (skew already taken off).
    pub since: Timestamp,
    /// The exact marker, where there is one; then `since` does not matter.
    pub marker: Option<Marker>,
}

/// Whether an item is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there and we may see it.
    Present,
    /// It is gone, and we know that it is not merely hidden.
    Deleted,
    /// It may be there, but not for us; or nobody can tell.
    Forbidden,
}

/// One line of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was tried, such as `sign in`.
    pub name: String,
    /// Whether it went well.
    pub ok: bool,
    /// What was seen.
    pub message: String,
    /// What to do when it did not go well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_to_do: Option<String>,
    /// What kind of failure it was, where that is known better than by the step's name.
    #[serde(skip)]
    pub error_type: Option<ErrorType>,
}

/// The line for a person at a terminal.
impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.ok { "✓" } else { "✗" };
        write!(f, "{mark} {}: {}", self.name, self.message)?;
        self.what_to_do.as_ref().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl Check {
    /// A step that did not go well, and what to do about it.
    pub fn advised(name: &str, message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            ok: false,
            message: message.into(),
            what_to_do: Some(what_to_do.into()),
            error_type: None,
        }
    }

    /// A step that went well.
    pub fn passed(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            ok: true,
            message: message.into(),
            what_to_do: None,
            error_type: None,
        }
    }

    /// A step that did not.
    #[must_use]
    pub fn failed(name: &str, error: &ConnectorError) -> Self {
        Self {
            name: name.to_owned(),
            ok: false,
            message: error.detail.clone(),
            what_to_do: error.what_to_do.clone(),
            error_type: Some(error.kind.error_type()),
        }
    }
}

/// Why a tracker did not do as asked. Carries no secret: connectors redact before they build one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ConnectorError {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// What happened, in words.
    pub detail: String,
    /// What a person should do.
    pub what_to_do: Option<String>,
    /// The field at fault, where the tracker tells.
    pub field: Option<FieldRef>,
    /// How long the tracker asks us to wait.
    pub retry_after: Option<Duration>,
}

impl ConnectorError {
    /// Something that this tracker, or our connector to it, cannot do.
    pub fn unsupported(what: &str) -> Self {
        Self::new(ErrorKind::Invalid, format!("{what} is not possible with this tracker"))
    }

    /// With a kind and a text.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), what_to_do: None, field: None, retry_after: None }
    }

    /// Adds what a person should do.
    #[must_use]
    pub fn advise(mut self, what_to_do: impl Into<String>) -> Self {
        self.what_to_do = Some(what_to_do.into());
        self
    }

    /// Adds the field at fault.
    #[must_use]
    pub fn on_field(mut self, field: impl Into<FieldRef>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds how long to wait.
    #[must_use]
    pub const fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// What happened and what to do, for a person.
    #[must_use]
    pub fn for_people(&self) -> String {
        match &self.what_to_do {
            Some(advice) => format!("{}; {advice}", self.detail),
            None => self.detail.clone(),
        }
    }
}

/// What the caller can do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The credentials were refused: park the sync, ask for new ones.
    Auth,
    /// The account may not do this.
    Permission,
    /// The thing is not there (or hidden from us).
    NotFound,
    /// The tracker refused a value: repeating it is useless.
    Invalid,
    /// The item has a newer revision: read again and merge.
    VersionConflict,
    /// Slow down, then repeat.
    RateLimited,
    /// Not reachable, or broken on its side; nothing was written. Repeat later.
    Unavailable,
    /// It answered something that its protocol does not allow.
    Protocol,
    /// The write may have happened: look before repeating.
    Ambiguous,
}

impl ErrorKind {
    /// The cause class shown to people.
    #[must_use]
    pub const fn error_type(self) -> ErrorType {
        match self {
            Self::Auth => ErrorType::Authentication,
            Self::Permission => ErrorType::Permission,
            Self::NotFound | Self::Protocol => ErrorType::Api,
            Self::Invalid => ErrorType::Validation,
            Self::VersionConflict => ErrorType::Conflict,
            Self::RateLimited => ErrorType::RateLimit,
            Self::Unavailable | Self::Ambiguous => ErrorType::Connection,
        }
    }

    /// Whether the whole run is at stake, not just one item.
    #[must_use]
    pub const fn stops_run(self) -> bool {
        matches!(self, Self::Auth | Self::RateLimited | Self::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_is_split_into_the_portable_part_and_the_trackers_own() {
        let filter =
            json!({"types": ["Bug"], "updated_after": "2026-01-01T00:00:00Z", "wiql": "x = 1"});
        let (portable, native) = PortableFilter::split(&filter).unwrap();
        assert_eq!(portable.types, ["Bug"]);
        assert_eq!(native, Some(json!({"wiql": "x = 1"})));
        let wrong = PortableFilter::split(&json!({"types": "Bug", "created_after": "soon"}));
        let paths: Vec<String> = wrong.unwrap_err().into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["/types", "/created_after"]);
    }
}
