//! Where an incremental read goes on, as versioned text. All times are the server's, in milliseconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use syncline_domain::Cursor;
use syncline_domain::ports::{ConnectorError, ErrorKind};

/// A place in a walk.
///
/// Invariant: every request whose last change lies before the place has been handed out; guarded by the walk's tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) v: u32,
    /// Changes up to here are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<i64>,
    /// On a build that leaves the time of the last change empty until the first one: new requests up to here are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<i64>,
    /// What was handed out lately, with the time of its last change: it is handed out again only if that is another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) seen: BTreeMap<String, i64>,
}

const VERSION: u32 = 1;

impl Place {
    /// As text.
    pub(super) fn to_cursor(&self) -> Cursor {
        let text = serde_json::to_string(&Self { v: VERSION, ..self.clone() });
        Cursor::new(text.unwrap_or_default())
    }

    /// From text.
    ///
    /// # Errors
    /// When the text is no cursor of ours.
    pub(super) fn read(cursor: &Cursor) -> Result<Self, ConnectorError> {
        match serde_json::from_str::<Self>(cursor.as_str()) {
            Ok(read) if read.v == VERSION => Ok(read),
            _ => Err(ConnectorError::new(
                ErrorKind::Invalid,
                format!("{:?} is no cursor of servicedesk plus", cursor.as_str()),
            )
            .advise("run the sync once with full=true")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_as_text_and_foreign_text_is_refused() {
        let place = Place {
            at: Some(7),
            created: Some(3),
            seen: [("1".to_owned(), 7)].into(),
            ..Place::default()
        };
        let cursor = place.to_cursor();
        assert_eq!(cursor.as_str(), r#"{"v":1,"at":7,"created":3,"seen":{"1":7}}"#);
        assert_eq!(Place::read(&cursor).unwrap().at, Some(7));
        for text in ["", "{}", r#"{"v":2}"#] {
            assert_eq!(Place::read(&Cursor::from(text)).unwrap_err().kind, ErrorKind::Invalid);
        }
    }
}
