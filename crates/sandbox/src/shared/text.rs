//! Small makers of text and chance that both trackers need.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

/// An instant the way Azure DevOps writes it: UTC, fraction without trailing zeros.
pub(crate) fn short_iso(ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH);
    let mut text = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    text.pop();
    let short = text.trim_end_matches('0').len();
    // Only the fraction may lose zeros: it begins after the nineteenth character.
    text.truncate(short.max(19));
    if text.ends_with('.') {
        text.pop();
    }
    text.push('Z');
    text
}

/// A date or an instant in one of the forms people send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadInstant {
    /// Milliseconds since the epoch.
    pub(crate) ms: i64,
    /// Whether the text had a time of day.
    pub(crate) has_time: bool,
}

/// Reads ISO 8601 with or without zone, a date alone, or month/day/year; no zone means UTC.
pub(crate) fn read_instant(text: &str) -> Option<ReadInstant> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(ReadInstant { ms: at.with_timezone(&Utc).timestamp_millis(), has_time: true });
    }
    for form in
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%m/%d/%Y %H:%M:%S"]
    {
        if let Ok(at) = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), form) {
            return Some(ReadInstant { ms: at.and_utc().timestamp_millis(), has_time: true });
        }
    }
    for form in ["%Y-%m-%d", "%m/%d/%Y", "%Y/%m/%d"] {
        if let Ok(day) = NaiveDate::parse_from_str(text.trim_end_matches('Z'), form) {
            let at = day.and_hms_opt(0, 0, 0)?;
            return Some(ReadInstant { ms: at.and_utc().timestamp_millis(), has_time: false });
        }
    }
    None
}

/// A number mixed well: SplitMix64, for seeded data and made-up ids. Not for secrets.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Mixes a text into a number.
pub(crate) fn mix_text(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| mix(hash ^ u64::from(byte)))
}

/// A GUID that is always the same for the same words.
pub(crate) fn guid(words: &str) -> String {
    let high = mix_text(words);
    let low = mix(high ^ 0x5EED);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0x0FFF,
        0x8000 | ((low >> 48) & 0x3FFF),
        low & 0xFFFF_FFFF_FFFF
    )
}

/// Picks one of `choices` by a number; an empty slice gives the default.
pub(crate) fn pick<T: Copy + Default>(choices: &[T], number: u64) -> T {
    let len = u64::try_from(choices.len()).unwrap_or(1).max(1);
    let at = usize::try_from(number % len).unwrap_or(0);
    choices.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_lose_their_trailing_zeros() {
        assert_eq!(short_iso(1_700_000_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(short_iso(1_700_000_000_070), "2023-11-14T22:13:20.07Z");
        assert_eq!(short_iso(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn instants_are_read_in_the_forms_people_send() {
        for (text, ms, has_time) in [
            ("2023-11-14T22:13:20Z", 1_700_000_000_000, true),
            ("2023-11-14T23:13:20.5+01:00", 1_700_000_000_500, true),
            ("2023-11-14 22:13:20", 1_700_000_000_000, true),
            ("2023-11-14", 1_699_920_000_000, false),
            ("11/14/2023", 1_699_920_000_000, false),
        ] {
            assert_eq!(read_instant(text), Some(ReadInstant { ms, has_time }), "{text}");
        }
        assert_eq!(read_instant("yesterday"), None);
    }

    #[test]
    fn a_guid_is_well_formed_and_stable() {
        let id = guid("user 3");
        assert_eq!(id, guid("user 3"));
        assert_ne!(id, guid("user 4"));
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }
}
