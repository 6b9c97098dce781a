//! What is to become of the instants that are due. Pure.

use std::time::Duration;

use syncline_domain::{MissedRuns, OccurrenceState, Timestamp};

use crate::Schedule;

/// An instant that is noticed within this span is in time.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// A run that stands for missed instants is started only when the newest of them is younger than this.
const CATCH_UP: Duration = Duration::from_secs(24 * 60 * 60);

/// Missed instants that are run one by one, when all are to be.
const MOST_RUNS: usize = 100;

/// Missed instants that get a row of their own; earlier ones are named in a note.
const MOST_ROWS: usize = 100;

/// Instants that are looked at one by one; with more, those of the last day are.
const MOST_INSTANTS: usize = 2_000;

/// What is known of a schedule whose time has come.
pub(super) struct Due<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) missed_runs: MissedRuns,
    /// The earliest instant that nobody has decided on.
    pub(super) first: Timestamp,
    pub(super) now: Timestamp,
    /// What goes on of the configuration, when that makes its instants be skipped.
    pub(super) busy: Option<String>,
}

/// What is to become of one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) instant: Timestamp,
    pub(super) state: OccurrenceState,
    pub(super) note: Option<String>,
}

impl Verdict {
    /// Whether a job is queued for it.
    pub(super) const fn runs(&self) -> bool {
        matches!(self.state, OccurrenceState::Queued | OccurrenceState::Late)
    }

    const fn of(instant: Timestamp, state: OccurrenceState) -> Self {
        Self { instant, state, note: None }
    }

    fn missed(instant: Timestamp, why: &str) -> Self {
        Self { instant, state: OccurrenceState::Missed, note: Some(why.to_owned()) }
    }
}

/// The verdicts, oldest instant first, and the first instant after now.
pub(super) fn decide(due: &Due<'_>) -> (Vec<Verdict>, Option<Timestamp>) {
    let (mut instants, passed_over) = instants(due);
    let in_time = instants.pop_if(|last| due.now.since(*last) <= GRACE);
    let mut verdicts = match due.missed_runs {
        MissedRuns::Skip => {
            all_missed(&instants, "nobody was there, and this schedule skips missed instants")
        }
        MissedRuns::Once => once(due, &instants, in_time),
        MissedRuns::All => all(&instants),
    };
    verdicts.extend(in_time.map(|instant| Verdict::of(instant, OccurrenceState::Queued)));
    if let Some(busy) = &due.busy {
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.runs()) {
            verdict.state = OccurrenceState::Skipped;
            verdict.note = Some(busy.clone());
        }
    }
    (shorten(verdicts, passed_over), due.schedule.next_after(due.now.max(due.first)))
}

/// The instants from the first to now, and how many earlier ones there were that are not among them.
fn instants(due: &Due<'_>) -> (Vec<Timestamp>, Option<Timestamp>) {
    let from = |first: Timestamp| {
        std::iter::once(first)
            .chain(due.schedule.upcoming(first))
            .take_while(|instant| *instant <= due.now)
            .take(MOST_INSTANTS + 1)
    };
    let all: Vec<Timestamp> = from(due.first).collect();
    if all.len() <= MOST_INSTANTS {
        return (all, None);
    }
    let last_day = due.now.before(CATCH_UP);
    let recent = due.schedule.upcoming(last_day).take_while(|instant| *instant <= due.now);
    (recent.collect(), Some(due.first))
}

fn all_missed(instants: &[Timestamp], why: &str) -> Vec<Verdict> {
    instants.iter().map(|instant| Verdict::missed(*instant, why)).collect()
}

fn once(due: &Due<'_>, missed: &[Timestamp], in_time: Option<Timestamp>) -> Vec<Verdict> {
    let stands_for = |run: Timestamp| {
        format!("nobody was there; the run of {} stands for it", run.to_iso_secs())
    };
    if let Some(run) = in_time {
        return all_missed(missed, &stands_for(run));
    }
    let Some((newest, earlier)) = missed.split_last() else { return Vec::new() };
    if due.now.since(*newest) > CATCH_UP {
        return all_missed(missed, "nobody was there, and it was noticed more than a day later");
    }
    let mut verdicts = all_missed(earlier, &stands_for(*newest));
    verdicts.push(Verdict::of(*newest, OccurrenceState::Late));
    verdicts
}

fn all(missed: &[Timestamp]) -> Vec<Verdict> {
    let (earlier, runs) = missed.split_at(missed.len().saturating_sub(MOST_RUNS));
    let mut verdicts =
        all_missed(earlier, "nobody was there, and only the newest 100 are caught up");
    verdicts.extend(runs.iter().map(|instant| Verdict::of(*instant, OccurrenceState::Late)));
    verdicts
}

/// Keeps the newest rows; the oldest of them says how many are not told one by one.
fn shorten(mut verdicts: Vec<Verdict>, passed_over: Option<Timestamp>) -> Vec<Verdict> {
    let cut = verdicts.len().saturating_sub(MOST_ROWS);
    let first = verdicts.first().map(|verdict| verdict.instant);
    verdicts.drain(..cut);
    let since = passed_over.or(first.filter(|_| cut > 0));
    if let (Some(since), Some(oldest)) = (since, verdicts.first_mut()) {
        let more = format!("so were all instants since {}", since.to_iso_secs());
        oldest.note = Some(match oldest.note.take() {
            Some(note) => format!("{note}; {more}"),
            None => format!("earlier instants since {} were missed", since.to_iso_secs()),
        });
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn due(
        cron: &str,
        missed_runs: MissedRuns,
        first: &str,
        now: &str,
    ) -> (Vec<Verdict>, Option<Timestamp>) {
        let schedule = Schedule::parse(cron, "UTC").unwrap();
        decide(&Due {
            schedule: &schedule,
            missed_runs,
            first: at(first),
            now: at(now),
            busy: None,
        })
    }

    fn runs(verdicts: &[Verdict]) -> usize {
        verdicts.iter().filter(|verdict| verdict.runs()).count()
    }

    #[test]
    fn an_instant_in_time_is_queued_and_the_next_is_told() {
        let (verdicts, next) =
            due("0 * * * *", MissedRuns::Once, "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z");
        assert_eq!(verdicts, [Verdict::of(at("2026-03-01T10:00:00Z"), OccurrenceState::Queued)]);
        assert_eq!(next, Some(at("2026-03-01T11:00:00Z")));
    }

    #[test]
    fn six_hours_away_are_no_run_one_run_or_six() {
        for (policy, expected) in
            [(MissedRuns::Skip, 0), (MissedRuns::Once, 1), (MissedRuns::All, 6)]
        {
            let (verdicts, next) =
                due("0 * * * *", policy, "2026-03-01T10:00:00Z", "2026-03-01T15:30:00Z");
            assert_eq!(verdicts.len(), 6, "{policy}");
            assert_eq!(runs(&verdicts), expected, "{policy}");
            assert_eq!(next, Some(at("2026-03-01T16:00:00Z")), "{policy}");
        }
    }

    #[test]
    fn a_run_in_time_stands_for_what_was_missed_before_it() {
        let (verdicts, _) =
            due("0 * * * *", MissedRuns::Once, "2026-03-01T10:00:00Z", "2026-03-01T12:00:10Z");
        let states: Vec<_> = verdicts.iter().map(|verdict| verdict.state).collect();
        use OccurrenceState::{Missed, Queued};
        assert_eq!(states, [Missed, Missed, Queued]);
        assert!(verdicts[0].note.as_ref().unwrap().contains("2026-03-01T12:00:00Z"));
    }

    #[test]
    fn what_was_missed_more_than_a_day_ago_is_not_caught_up_once() {
        let (verdicts, _) =
            due("0 0 1 * *", MissedRuns::Once, "2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z");
        assert_eq!(runs(&verdicts), 0);
        assert!(verdicts[0].note.as_ref().unwrap().contains("more than a day"));
    }

    #[test]
    fn a_month_of_minutes_is_a_hundred_rows_and_at_most_a_hundred_runs() {
        for policy in MissedRuns::ALL {
            let (verdicts, next) =
                due("* * * * *", *policy, "2026-03-01T00:00:00Z", "2026-04-01T00:00:30Z");
            assert!(verdicts.len() <= 100, "{policy}");
            assert!(
                verdicts[0].note.as_ref().unwrap().contains("2026-03-01T00:00:00Z"),
                "{policy}"
            );
            assert_eq!(next, Some(at("2026-04-01T00:01:00Z")), "{policy}");
        }
    }

    #[test]
    fn what_goes_on_skips_runs_and_says_so() {
        let schedule = Schedule::parse("0 * * * *", "UTC").unwrap();
        let now = at("2026-03-01T10:00:00Z");
        let (verdicts, _) = decide(&Due {
            schedule: &schedule,
            missed_runs: MissedRuns::Once,
            first: now,
            now,
            busy: Some("run 45 was going on".to_owned()),
        });
        assert_eq!(verdicts[0].state, OccurrenceState::Skipped);
        assert_eq!(verdicts[0].note.as_deref(), Some("run 45 was going on"));
    }

    #[test]
    fn a_wall_clock_that_went_back_repeats_nothing() {
        // The first undecided instant lies ahead of the clock: nothing is due, and the next one is after it.
        let (verdicts, next) =
            due("0 * * * *", MissedRuns::All, "2026-03-01T10:00:00Z", "2026-03-01T09:30:00Z");
        assert_eq!(verdicts, []);
        assert_eq!(next, Some(at("2026-03-01T11:00:00Z")));
    }
}
