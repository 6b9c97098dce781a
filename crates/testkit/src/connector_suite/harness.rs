//! What a tracker must offer to be put to the test.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use syncline_domain::ports::{BoxFuture, Connector};
use syncline_domain::{FieldRef, Fields, ItemId};

/// A live tracker with a connector on it, and other people in it.
pub trait Harness: Send + Sync {
    /// A connector, made anew at each call, to the same project and account.
    fn connector(&self) -> Arc<dyn Connector>;

    /// What the rules may use.
    fn facts(&self) -> Facts;

    /// Another person makes an item of [`Facts::type_ref`] with this title, past the connector.
    fn create_as_other<'a>(&'a self, title: &'a str) -> BoxFuture<'a, ItemId>;

    /// Another person changes the title of an item, past the connector.
    fn edit_as_other<'a>(&'a self, id: &'a ItemId, title: &'a str) -> BoxFuture<'a, ()>;

    /// Another person deletes an item, past the connector; false where nobody can.
    fn delete_as_other<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, bool>;

    /// Waits until searches show what was written so far and the next change bears a later time.
    fn settle(&self) -> BoxFuture<'_, ()>;
}

/// Names and values of one tracker that the rules may use.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The type to make items of.
    pub type_ref: String,
    /// The field that names items; a text of at least 200 characters.
    pub title_field: FieldRef,
    /// A text field that may be empty.
    pub text_field: Option<FieldRef>,
    /// What an item of this type needs besides its title.
    pub required: Fields,
    /// A status to which a new item can be moved.
    pub next_status: Option<String>,
    /// A value that the tracker refuses.
    pub invalid: Option<(FieldRef, Value)>,
    /// The tracker says which field it refuses.
    pub tells_field: bool,
    /// A field that takes a marker.
    pub marker_field: Option<FieldRef>,
    /// An id that no item has, of a form that the tracker understands.
    pub unknown_id: ItemId,
    /// The word of a relation that two items may have.
    pub relation: Option<String>,
    /// It can tell a deleted item from a hidden one.
    pub tells_deleted: bool,
    /// How far a walk from a cursor may reach back at most; `None` when nobody knows.
    pub overlap: Option<Duration>,
    /// How many items the batch rule makes.
    pub many: usize,
    /// A title with whatever the tracker takes: Unicode, emoji, text that looks like HTML.
    pub tricky_title: String,
    /// A text for `text_field` likewise, in that field's form.
    pub tricky_text: String,
}

impl Facts {
    /// For a tracker that takes any text; `many` is 201, one more than the largest batch of any tracker known.
    #[must_use]
    pub fn new(type_ref: &str, title_field: &str, unknown_id: &str) -> Self {
        Self {
            type_ref: type_ref.to_owned(),
            title_field: title_field.into(),
            text_field: None,
            required: Fields::new(),
            next_status: None,
            invalid: None,
            tells_field: true,
            marker_field: None,
            unknown_id: unknown_id.into(),
            relation: None,
            tells_deleted: true,
            overlap: None,
            many: 201,
            tricky_title: "Grüße \u{1F680} <b>bold?</b> &amp; \"quoted\" 'single' \\ %_ 漢字"
                .to_owned(),
            tricky_text: "one <b>two</b> &amp; three\n\n* Grüße \u{1F469}\u{200D}\u{1F4BB} 漢字"
                .to_owned(),
        }
    }
}
