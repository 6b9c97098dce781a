//! Images inside of texts.

use crate::Attachment;

/// How a text names the images in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageMarkup {
    /// `<img src="address">`
    Html,
    /// `![](address)`
    Markdown,
    /// `!address!`
    Textile,
}

/// An image that its tracker keeps and that a text of an item shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineImage {
    /// Its file. The file's `url` names the image wherever it is shown.
    pub file: Attachment,
    /// How a text of this item names it; the file's `url` where there is no shorter name.
    pub address: String,
}

/// What an address inside a text means to a tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// Nothing that this tracker keeps: nobody asks for it.
    Elsewhere,
    /// An image of its own.
    Here(Box<InlineImage>),
    /// An image of its own that its interface does not give out, and why.
    Locked(String),
}
