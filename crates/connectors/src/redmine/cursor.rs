//! Where an incremental read goes on.
//!
//! Redmine tells no time of its own, and its change times have whole seconds. A cursor therefore stands at a change time
//! that was seen, minus an overlap: an issue may be written with a time and become visible a moment later. Only when a
//! later walk, begun well after that newest time was first seen, finds nothing newer, is the second known to be over:
//! then the cursor steps behind it, and a quiet project gives no issue any more. Nothing here compares our clock with the
//! server's.

use serde::{Deserialize, Serialize};
use syncline_domain::Cursor;
use syncline_domain::ports::{ConnectorError, ErrorKind};

/// Seconds that a walk reaches back behind the newest change it knows.
pub(super) const OVERLAP: i64 = 5;
/// How long after the newest change was first seen, in milliseconds, nothing can bear its second any more.
pub(super) const SETTLED: i64 = 10_000;

/// A place in the changes of a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Changes from this second on (of the epoch, by the server's clock) are still to be read.
    pub(super) from: i64,
    /// The newest change that was seen.
    pub(super) newest: Option<Newest>,
}

/// The newest change that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newest {
    /// Its second, by the server's clock.
    pub(super) at: i64,
    /// When it was first seen, in milliseconds by our clock.
    pub(super) seen: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Stored {
    #[serde(rename = "1")]
    V1(Place),
}

impl Place {
    /// Reads a cursor.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is none of ours.
    pub(super) fn read(cursor: &Cursor) -> Result<Self, ConnectorError> {
        match serde_json::from_str(cursor.as_str()) {
            Ok(Stored::V1(place)) => Ok(place),
            Err(_) => {
                let text = "the stored cursor is none of redmine's";
                Err(ConnectorError::new(ErrorKind::Invalid, text)
                    .advise("run once with full=true, which reads everything anew"))
            }
        }
    }

    /// As text.
    pub(super) fn to_cursor(self) -> Cursor {
        Cursor::new(serde_json::to_string(&Stored::V1(self)).unwrap_or_default())
    }

    /// The place after an item of second `at`, in the middle of a walk.
    pub(super) fn after(self, at: i64, seen: i64) -> Self {
        let newest = self.newest.filter(|newest| newest.at >= at).unwrap_or(Newest { at, seen });
        Self { from: self.from.max(at.saturating_sub(OVERLAP)), newest: Some(newest) }
    }

    /// The place after a walk that begun at `begun` (our clock) and saw changes up to `reached`.
    pub(super) fn at_end(self, reached: Option<i64>, begun: i64, seen: i64) -> Self {
        let known = self.newest;
        let newest = match (reached, known) {
            (Some(at), Some(known)) if at <= known.at => known,
            (Some(at), _) => Newest { at, seen },
            (None, Some(known)) => known,
            (None, None) => return self,
        };
        let is_over = known == Some(newest) && begun.saturating_sub(newest.seen) >= SETTLED;
        if is_over {
            return Self { from: self.from.max(newest.at.saturating_add(1)), newest: None };
        }
        let from = self.from.max(newest.at.saturating_sub(OVERLAP));
        Self { from, newest: Some(newest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_foreign_ones_are_refused() {
        let place = Place { from: 5, newest: Some(Newest { at: 9, seen: 1_000 }) };
        assert_eq!(Place::read(&place.to_cursor()), Ok(place));
        for text in ["", "7", "{\"v\":\"2\",\"from\":1}", "{\"v\":\"1\"}"] {
            assert_eq!(Place::read(&Cursor::new(text)).unwrap_err().kind, ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_second_is_left_behind_only_when_it_is_over() {
        let first = Place::default().at_end(Some(100), 0, 1_000);
        assert_eq!(first, Place { from: 95, newest: Some(Newest { at: 100, seen: 1_000 }) });
        let too_soon = first.at_end(Some(100), 1_000 + SETTLED - 1, 99_000);
        assert_eq!(too_soon, first);
        let settled = first.at_end(Some(100), 1_000 + SETTLED, 99_000);
        assert_eq!(settled, Place { from: 101, newest: None });
        assert_eq!(settled.at_end(None, 99_000, 99_000), settled);
        let newer = first.at_end(Some(101), 1_000 + SETTLED, 99_000);
        assert_eq!(newer, Place { from: 96, newest: Some(Newest { at: 101, seen: 99_000 }) });
    }

    #[test]
    fn a_place_never_goes_back() {
        let place = Place { from: 50, newest: None };
        assert_eq!(place.after(52, 7).from, 50);
        assert_eq!(place.after(70, 7).from, 70 - OVERLAP);
        assert_eq!(place.at_end(None, 9_999_999, 0), place);
    }
}
