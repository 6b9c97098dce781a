//! What a strategy makes of a conflict that waits: pure.

use std::time::Duration;

use syncline_domain::{Conflict, ConflictKind, ConflictResolution, Fault, ResolutionChoice};

/// Passes for a strategy that chooses at all.
///
/// # Errors
/// [`Fault::Invalid`].
pub(super) fn must_choose(strategy: ConflictResolution) -> Result<(), Fault> {
    if strategy == ConflictResolution::Manual {
        let text =
            "manual decides nothing; use last-write-wins, source-priority or target-priority";
        return Err(Fault::invalid("/strategy", text));
    }
    Ok(())
}

/// The side that a strategy chooses.
///
/// # Errors
/// [`Fault::Conflict`] where it cannot choose here.
pub(super) fn chosen(
    conflict: &Conflict,
    strategy: ConflictResolution,
    tie_window: Duration,
) -> Result<ResolutionChoice, Fault> {
    match strategy {
        ConflictResolution::SourcePriority => Ok(ResolutionChoice::Source),
        ConflictResolution::TargetPriority => Ok(ResolutionChoice::Target),
        ConflictResolution::LastWriteWins => later(conflict, tie_window),
        ConflictResolution::Manual => Err(undecided(conflict, "manual leaves it to a person")),
        ConflictResolution::Merge => Err(undecided(
            conflict,
            match conflict.kind {
                ConflictKind::Deletion => "an edit and a deletion cannot be merged",
                ConflictKind::Field | ConflictKind::TypeMismatch => {
                    "what could be merged was merged already; these two values clash"
                }
            },
        )),
    }
}

fn later(conflict: &Conflict, tie_window: Duration) -> Result<ResolutionChoice, Fault> {
    let (Some(source), Some(target)) = (conflict.source_changed_at, conflict.target_changed_at)
    else {
        let why = match conflict.kind {
            ConflictKind::Deletion => "no tracker says reliably when an item was deleted",
            ConflictKind::Field | ConflictKind::TypeMismatch => {
                "a tracker does not say when its item was changed"
            }
        };
        return Err(undecided(conflict, why));
    };
    let apart = if source > target { source.since(target) } else { target.since(source) };
    if source == target || apart < tie_window {
        let window = tie_window.as_secs();
        let why = format!("both sides were changed within {window} seconds of each other");
        return Err(undecided(conflict, &why));
    }
    Ok(if source > target { ResolutionChoice::Source } else { ResolutionChoice::Target })
}

fn undecided(conflict: &Conflict, why: &str) -> Fault {
    let or_value = match conflict.kind {
        ConflictKind::Deletion => "",
        ConflictKind::Field | ConflictKind::TypeMismatch => " or give a value",
    };
    Fault::Conflict(format!("conflict {}: {why}; choose a side{or_value}", conflict.id))
}

#[cfg(test)]
mod tests {
    use syncline_domain::{ConfigId, PairId, Timestamp};
    use syncline_testkit::rows;

    use super::*;

    fn changed(source: Option<i64>, target: Option<i64>) -> Conflict {
        let at = |secs: i64| Timestamp::from_millis(secs * 1_000);
        Conflict {
            source_changed_at: source.map(at),
            target_changed_at: target.map(at),
            ..rows::conflict_row(ConfigId(1), PairId(1), "subject")
        }
    }

    fn last(source: Option<i64>, target: Option<i64>) -> Option<ResolutionChoice> {
        let window = Duration::from_secs(2);
        chosen(&changed(source, target), ConflictResolution::LastWriteWins, window).ok()
    }

    #[test]
    fn the_later_side_wins_and_a_tie_is_no_coin() {
        assert_eq!(last(Some(10), Some(5)), Some(ResolutionChoice::Source));
        assert_eq!(last(Some(5), Some(10)), Some(ResolutionChoice::Target));
        assert_eq!(last(Some(5), Some(6)), None);
        assert_eq!(last(Some(6), Some(5)), None);
        assert_eq!(last(None, Some(5)), None);
    }

    #[test]
    fn manual_is_refused_and_merge_leaves_what_clashed() {
        let refused = must_choose(ConflictResolution::Manual);
        assert!(
            matches!(refused, Err(Fault::Invalid(faults)) if faults.iter().any(|one| one.path == "/strategy"))
        );
        let conflict = changed(None, None);
        let left = chosen(&conflict, ConflictResolution::Merge, Duration::ZERO);
        assert!(matches!(left, Err(Fault::Conflict(_))));
    }
}
