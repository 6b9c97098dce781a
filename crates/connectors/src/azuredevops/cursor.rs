//! Where an incremental read goes on, as versioned text.

use serde::{Deserialize, Serialize};
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{Cursor, Timestamp};

/// A place in a walk. All times are the server's.
///
/// Invariant: every item whose last change lies before the place has been handed out; guarded by the walk's tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub(super) enum Place {
    /// Read what changed at or after an instant.
    Delta {
        /// The instant.
        at: Timestamp,
        /// Items that were handed out and lie in the overlap before the instant, each with its change time: they are
        /// asked for again only if they changed after that.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<Seen>,
    },
    /// In a load that is too large for one query: by id, then what changed meanwhile.
    Backfill {
        /// Ids up to this one are done.
        after: u64,
        /// Only what changed at or after this instant; everything when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// When the load began: from here the deltas go on.
        began: Timestamp,
    },
}

/// An item that was handed out, and when it had changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Seen(pub(super) u64, pub(super) Timestamp);

#[derive(Serialize, Deserialize)]
struct Versioned {
    v: u32,
    #[serde(flatten)]
    place: Place,
}

const VERSION: u32 = 1;

impl Place {
    /// As text.
    pub(super) fn to_cursor(&self) -> Cursor {
        let text = serde_json::to_string(&Versioned { v: VERSION, place: self.clone() });
        Cursor::new(text.unwrap_or_default())
    }

    /// From text.
    ///
    /// # Errors
    /// When the text is no cursor of ours.
    pub(super) fn read(cursor: &Cursor) -> Result<Self, ConnectorError> {
        match serde_json::from_str::<Versioned>(cursor.as_str()) {
            Ok(read) if read.v == VERSION => Ok(read.place),
            _ => Err(ConnectorError::new(
                ErrorKind::Invalid,
                format!("{:?} is no cursor of azure devops", cursor.as_str()),
            )
            .advise("run the sync once with full=true")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_as_text() {
        let at = Timestamp::from_millis(1_700_000_000_123);
        for place in [
            Place::Delta { at, seen: vec![Seen(7, at)] },
            Place::Backfill { after: 7, since: None, began: at },
            Place::Backfill { after: 0, since: Some(at), began: at },
        ] {
            assert_eq!(Place::read(&place.to_cursor()), Ok(place));
        }
        assert_eq!(
            Place::Delta { at, seen: Vec::new() }.to_cursor().as_str(),
            r#"{"v":1,"mode":"delta","at":"2023-11-14T22:13:20.123Z"}"#
        );
    }

    #[test]
    fn foreign_text_is_refused_with_advice() {
        for text in
            ["", "2026-01-01T00:00:00Z", r#"{"v":2,"mode":"delta","at":"2026-01-01T00:00:00Z"}"#]
        {
            let error = Place::read(&Cursor::from(text)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.what_to_do.is_some());
        }
    }
}
