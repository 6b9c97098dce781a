//! Time zones: reading their names, and finding where their clocks change.

use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::{TZ_VARIANTS, Tz};
use thiserror::Error;

/// Longer than any name in the database.
const MAX_NAME: usize = 64;
/// No two changes of any zone since 1970 are closer together.
const STRIDE: i64 = 6 * 3_600;
/// How alike two names have to be (Jaro-Winkler, 0 to 1) for one to be offered for the other.
const ALIKE: f64 = 0.85;

/// A name that the time zone database does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name:?} is no IANA time zone; use {}{near}", if *.guessed { "" } else { "one such as " })]
pub struct ZoneError {
    /// What was written, cut to 64 characters.
    pub name: String,
    /// A zone to use instead.
    pub near: Tz,
    /// Whether `near` is a guess at what was meant, not only an example.
    pub guessed: bool,
}

/// Reads the name of an IANA time zone, such as `Europe/Berlin` or `UTC`.
///
/// # Errors
/// [`ZoneError`], which names the zone and offers a near one.
pub fn parse_zone(name: &str) -> Result<Tz, ZoneError> {
    name.parse().map_err(|_| {
        let name: String = name.chars().take(MAX_NAME).collect();
        let guess = nearest(&name);
        ZoneError { name, near: guess.unwrap_or(Tz::Europe__Berlin), guessed: guess.is_some() }
    })
}

/// The zone whose name, or whose city, looks most like a text.
fn nearest(text: &str) -> Option<Tz> {
    let wanted = text.trim().to_lowercase().replace(' ', "_");
    let likeness = |zone: &Tz| {
        let name = zone.name().to_lowercase();
        let city = name.rsplit('/').next().unwrap_or_default();
        strsim::jaro_winkler(&wanted, &name).max(strsim::jaro_winkler(&wanted, city))
    };
    let all = TZ_VARIANTS.iter().map(|zone| (likeness(zone), *zone));
    let best = all.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.filter(|(alike, _)| *alike >= ALIKE).map(|(_, zone)| zone)
}

/// How far a zone's clocks are ahead of UTC at an instant, in seconds; None outside of the calendar.
pub(crate) fn offset_at(zone: Tz, secs: i64) -> Option<i64> {
    let at = DateTime::from_timestamp(secs, 0)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&at).fix().local_minus_utc()))
}

/// The first instant in `(from, to]` at which a zone's offset is another than the second before.
pub(crate) fn first_change(zone: Tz, from: i64, to: i64) -> Option<i64> {
    let old = offset_at(zone, from)?;
    let mut same = from;
    while same < to {
        let next = (same + STRIDE).min(to);
        if offset_at(zone, next)? != old {
            return narrowed(zone, old, same, next);
        }
        same = next;
    }
    None
}

/// Halves the span between an instant with the old offset and one with another.
fn narrowed(zone: Tz, old: i64, mut same: i64, mut other: i64) -> Option<i64> {
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        if offset_at(zone, middle)? == old {
            same = middle;
        } else {
            other = middle;
        }
    }
    Some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_found_to_the_second_and_only_within_its_span() {
        // Berlin leaves winter time on 2026-03-29 at 01:00 UTC.
        let change = 1_774_746_000;
        let zone = Tz::Europe__Berlin;
        assert_eq!(first_change(zone, change - 100_000, change + 100_000), Some(change));
        assert_eq!(first_change(zone, change - 1, change), Some(change));
        assert_eq!(first_change(zone, change - 100_000, change - 1), None);
        assert_eq!(first_change(zone, change, change + 100_000), None);
    }

    #[test]
    fn an_unknown_zone_is_named_with_a_near_one() {
        for (name, near) in [
            ("europe/berlin", "Europe/Berlin"),
            ("Berlin", "Europe/Berlin"),
            ("Europe/Berln", "Europe/Berlin"),
            ("America/New York", "America/New_York"),
            ("Lord Howe", "Australia/Lord_Howe"),
            ("Asia/Katmandhu", "Asia/Katmandu"),
        ] {
            let error = parse_zone(name).unwrap_err();
            let words = format!("{name:?} is no IANA time zone; use {near}");
            assert_eq!(error.to_string(), words);
        }
        for name in ["Mars/Base", "", "+02:00", "\u{1F600}"] {
            let said = parse_zone(name).unwrap_err().to_string();
            assert!(said.contains("use one such as Europe/Berlin"), "{said}");
        }
        let long = parse_zone(&"x".repeat(10_000)).unwrap_err();
        assert_eq!(long.name.len(), 64);
        assert_eq!(parse_zone("UTC"), Ok(Tz::UTC));
    }
}
