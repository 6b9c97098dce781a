//! When an expression fires in a zone: the rules of Debian's cron for days on which the clock is changed.

use chrono::{DateTime, TimeZone as _};
use chrono_tz::{GapInfo, Tz};

use super::lists::Lists;
use crate::zone::{first_change, offset_at};

/// How many candidates are looked at before an expression is said not to fire again. An expression that a zone's
/// spring change swallows every year needs about five a year; a repeated hour of minutes needs sixty.
const MAX_CANDIDATES: usize = 4_000;
const TWO_DAYS: i64 = 2 * 24 * 3_600;

/// A job with `*` at the start of its minute or hour field, as real time goes by: nothing is made up for after a gap,
/// and an hour that is repeated is an hour like any other.
pub(crate) fn wildcard_after(lists: &Lists, zone: Tz, from: i64) -> Option<i64> {
    let mut at = from;
    // The first local time that may match is the second after this one.
    let mut local = at + offset_at(zone, at)?;
    for _ in 0..MAX_CANDIDATES {
        let offset = offset_at(zone, at)?;
        let due = lists.after(local)? - offset;
        let horizon = due.min(at + TWO_DAYS);
        if let Some(change) = first_change(zone, at, horizon) {
            // From here on clocks show another time; the first second of it may match.
            at = change;
            local = at + offset_at(zone, at)? - 1;
        } else if due <= horizon {
            return Some(due);
        } else {
            // Offsets differ by a day and a bit at most, so nothing can match before the last two days.
            at = due - TWO_DAYS;
            local = at + offset_at(zone, at)?;
        }
    }
    None
}

/// A job for fixed times: once for each time on the clock. A time that is shown twice counts the first time; one
/// that is skipped is made up for at the first minute after the gap, once for however many were skipped.
pub(crate) fn fixed_after(lists: &Lists, zone: Tz, from: i64) -> Option<i64> {
    let mut local = from + offset_at(zone, from)?;
    for _ in 0..MAX_CANDIDATES {
        local = lists.after(local)?;
        let due = first_showing(zone, local)?;
        if due > from {
            return Some(due);
        }
    }
    None
}

/// The instant at which clocks first show a local time, or the first whole minute after the gap that it is in.
fn first_showing(zone: Tz, local: i64) -> Option<i64> {
    let naive = DateTime::from_timestamp(local, 0)?.naive_utc();
    if let Some(shown) = zone.from_local_datetime(&naive).earliest() {
        return Some(shown.timestamp());
    }
    let end = GapInfo::new(&naive, &zone)?.end?.timestamp();
    let into_minute = (end + offset_at(zone, end)?).rem_euclid(60);
    Some(if into_minute == 0 { end } else { end + 60 - into_minute })
}
