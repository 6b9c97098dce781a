//! Items and what hangs on them, as connectors hand them over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CommentId, FieldRef, Identity, ItemId, TextFormat, Timestamp, Version};

/// The values of an item by field reference, each in canonical form. A field that is not set is absent.
pub type Fields = BTreeMap<FieldRef, Value>;

/// A work item as its tracker shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The tracker's id.
    pub id: ItemId,
    /// The type's reference, as [`crate::TypeSchema::reference`] says it.
    pub type_ref: String,
    /// One line that names the item to people.
    pub title: String,
    /// Where a person can look at it.
    pub url: String,
    /// The status value, as [`crate::StatusSchema::value`] says it. Also found in `fields` where the tracker has a
    /// field for it.
    pub status: Option<String>,
    /// The tracker's revision.
    pub version: Version,
    /// When it was made, by the tracker's clock.
    pub created_at: Timestamp,
    /// When it was changed last, by the tracker's clock.
    pub changed_at: Timestamp,
    /// Who made it.
    pub created_by: Option<Identity>,
    /// Who changed it last, where the tracker tells.
    pub changed_by: Option<Identity>,
    /// All values.
    pub fields: Fields,
}

impl Item {
    /// An item that has a title and nothing else; its times are the epoch and its revision is empty.
    pub fn new(id: impl Into<ItemId>, type_ref: &str, title: &str) -> Self {
        Self {
            id: id.into(),
            type_ref: type_ref.to_owned(),
            title: title.to_owned(),
            url: String::new(),
            status: None,
            version: Version::default(),
            created_at: Timestamp::EPOCH,
            changed_at: Timestamp::EPOCH,
            created_by: None,
            changed_by: None,
            fields: Fields::new(),
        }
    }
}

/// A comment as its tracker shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// The tracker's id.
    pub id: CommentId,
    /// Who wrote it.
    pub author: Option<Identity>,
    /// When it was written, by the tracker's clock.
    pub created_at: Timestamp,
    /// When it was edited last, where the tracker tells.
    pub updated_at: Option<Timestamp>,
    /// The text.
    pub body: String,
    /// How the text is written.
    pub format: TextFormat,
    /// Not for the eyes of the requester.
    pub is_private: bool,
}

/// A comment to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewComment {
    /// The text.
    pub body: String,
    /// How the text is written; the connector converts where its tracker wants another form.
    pub format: TextFormat,
    /// Not for the eyes of the requester.
    pub is_private: bool,
}

/// A link from one item to another of the same tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemLink {
    /// The tracker's own word for the relation.
    pub relation: String,
    /// The other end.
    pub other: ItemId,
    /// The tracker's id of the link itself, where it has one.
    pub link_id: Option<String>,
}

/// A file that hangs on an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The tracker's id.
    pub id: String,
    /// The file's name.
    pub name: String,
    /// Its size in bytes, where the tracker tells.
    pub size: Option<u64>,
    /// Its media type, where the tracker tells.
    pub content_type: Option<String>,
    /// Where its bytes are.
    pub url: String,
}
