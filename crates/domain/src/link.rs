//! What a link between two items means, whatever a tracker calls it.

use serde::{Deserialize, Serialize};

/// The meaning of a link, seen from the item that it hangs on: "this item *blocks* the other".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LinkKind {
    /// The two have to do with each other, and nobody knows more.
    Related,
    Parent,
    Child,
    Blocks,
    BlockedBy,
    Duplicates,
    DuplicatedBy,
    Precedes,
    Follows,
}

impl LinkKind {
    /// Its name in what is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Related => "related",
            Self::Parent => "parent",
            Self::Child => "child",
            Self::Blocks => "blocks",
            Self::BlockedBy => "blocked_by",
            Self::Duplicates => "duplicates",
            Self::DuplicatedBy => "duplicated_by",
            Self::Precedes => "precedes",
            Self::Follows => "follows",
        }
    }
}

/// A tracker's words for kinds of links; the first word of a kind is the one that is written.
pub type LinkWords = &'static [(LinkKind, &'static str)];

/// What a tracker means by a word; one that is not known is a mere relation.
#[must_use]
pub fn link_kind(words: LinkWords, word: &str) -> LinkKind {
    let found = words.iter().find(|(_, known)| known.eq_ignore_ascii_case(word));
    found.map_or(LinkKind::Related, |(kind, _)| *kind)
}

/// The nearest thing to a kind of link that a tracker has, and its word for it; `None` where it has no links.
#[must_use]
pub fn nearest_link(words: LinkWords, kind: LinkKind) -> Option<(LinkKind, &'static str)> {
    let of = |wanted: LinkKind| words.iter().find(|(known, _)| *known == wanted).copied();
    of(kind).or_else(|| of(LinkKind::Related))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: LinkWords = &[(LinkKind::Related, "relates"), (LinkKind::Blocks, "blocks")];

    #[test]
    fn words_have_meanings_and_meanings_words() {
        assert_eq!(link_kind(WORDS, "Blocks"), LinkKind::Blocks);
        assert_eq!(link_kind(WORDS, "copied_to"), LinkKind::Related);
        assert_eq!(nearest_link(WORDS, LinkKind::Blocks), Some((LinkKind::Blocks, "blocks")));
        assert_eq!(nearest_link(WORDS, LinkKind::Parent), Some((LinkKind::Related, "relates")));
        assert_eq!(nearest_link(&[], LinkKind::Parent), None);
    }
}
