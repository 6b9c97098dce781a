//! Images inside of texts: under one name on both sides, whatever each tracker calls them.
//!
//! A text is read with the addresses by which its images were first known, those of the tracker that had them first, and
//! written with the addresses by which the written tracker knows them (`shown`). So everything between compares, merges
//! and remembers one text. An image that was not moved keeps its first address on both sides.
//!
//! Files: `markup` (where a text names an image), `memory` (which images are copies of each other), `shown` (the tracker
//! behind such a view); images are moved by `hanging`.

mod markup;
mod memory;
mod shown;

pub(crate) use markup::{addresses, all_as_textile, from_textile, holds_data, replaced};
pub(crate) use memory::{ImagePair, Spot, native};
pub(crate) use shown::shown;

use syncline_domain::Item;
use syncline_domain::ports::Connector;

/// Whether an item's texts show images, and whether some of them are kept inside of the text itself.
pub(crate) fn look(connector: &dyn Connector, item: &Item) -> (bool, bool) {
    let texts = item
        .fields
        .iter()
        .filter_map(|(field, value)| Some((value.as_str()?, connector.image_markup(Some(field))?)));
    texts.fold((false, false), |(named, data), (text, markup)| {
        (named || !addresses(text, markup).is_empty(), data || holds_data(text))
    })
}
