//! Which images are copies of each other.

use serde::{Deserialize, Serialize};
use syncline_domain::{InlineImage, Side};

/// An image on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spot {
    /// Its name for everybody.
    pub(crate) url: String,
    /// How a text of its item names it, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    short: Option<String>,
}

impl Spot {
    pub(crate) fn of(image: &InlineImage) -> Self {
        let short = Some(image.address.clone()).filter(|short| *short != image.file.url);
        Self { url: image.file.url.clone(), short }
    }

    fn address(&self) -> &str {
        self.short.as_deref().unwrap_or(&self.url)
    }

    fn is_called(&self, address: &str) -> bool {
        self.url == address || self.short.as_deref() == Some(address)
    }
}

/// An image and its copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImagePair {
    /// The side that had it first.
    pub(crate) origin: Side,
    pub(crate) source: Spot,
    pub(crate) target: Spot,
    /// The SHA-256 of its bytes.
    pub(crate) hash: String,
    /// The texts of the copy's item name the copy.
    #[serde(default)]
    pub(crate) is_named: bool,
}

impl ImagePair {
    pub(crate) const fn spot(&self, side: Side) -> &Spot {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// The name under which the image is known between the sides.
    pub(crate) fn name(&self) -> &str {
        &self.spot(self.origin).url
    }
}

/// The common name of what a text on this side calls so.
pub(crate) fn common<'a>(images: &'a [ImagePair], side: Side, address: &str) -> Option<&'a str> {
    images.iter().find(|image| image.spot(side).is_called(address)).map(ImagePair::name)
}

/// What a text on this side calls the image of this common name.
pub(crate) fn native<'a>(images: &'a [ImagePair], side: Side, name: &str) -> Option<&'a str> {
    images.iter().find(|image| image.name() == name).map(|image| image.spot(side).address())
}
