//! Instants and spans as people read them.

use std::time::Duration;

use chrono_tz::Tz;
use syncline_domain::Timestamp;

/// Names under which the zone database knows UTC.
const UTC_NAMES: [&str; 8] =
    ["UTC", "Etc/UTC", "UCT", "Etc/UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"];

/// The zone in which times are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone(Tz);

impl Zone {
    /// By IANA name; UTC when there is none of that name.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.parse().unwrap_or(Tz::UTC))
    }

    /// `2026-02-12 08:00:00`; a zone that is not UTC is named, with what sets apart the two passes of an hour that
    /// comes twice.
    pub(crate) fn show(self, at: Timestamp) -> String {
        let local = at.to_datetime().with_timezone(&self.0);
        let plain = local.format("%Y-%m-%d %H:%M:%S");
        if UTC_NAMES.contains(&self.0.name()) {
            return plain.to_string();
        }
        format!("{plain} {} ({})", local.format("%Z"), self.0.name())
    }
}

/// `2m 30s`: from the largest unit down, units of nothing left out.
pub(crate) fn span(span: Duration) -> String {
    let all = span.as_secs();
    let units =
        [(all / 86_400, 'd'), (all / 3_600 % 24, 'h'), (all / 60 % 60, 'm'), (all % 60, 's')];
    let parts: Vec<String> =
        units.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    #[test]
    fn a_zone_other_than_utc_is_named() {
        let table = [
            ("UTC", "2026-02-12T08:00:00.999Z", "2026-02-12 08:00:00"),
            ("Etc/UTC", "2026-02-12T08:00:00Z", "2026-02-12 08:00:00"),
            ("No/Where", "2026-02-12T08:00:00Z", "2026-02-12 08:00:00"),
            ("", "2026-02-12T08:00:00Z", "2026-02-12 08:00:00"),
            ("Europe/Berlin", "2026-02-12T08:00:00Z", "2026-02-12 09:00:00 CET (Europe/Berlin)"),
            ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25 02:30:00 CEST (Europe/Berlin)"),
            ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25 02:30:00 CET (Europe/Berlin)"),
            (
                "Asia/Kathmandu",
                "2026-02-12T08:00:00Z",
                "2026-02-12 13:45:00 +0545 (Asia/Kathmandu)",
            ),
        ];
        for (zone, instant, shown) in table {
            assert_eq!(Zone::named(zone).show(at(instant)), shown);
        }
    }

    #[test]
    fn spans_name_their_units() {
        let table = [
            (0, "0s"),
            (45, "45s"),
            (150, "2m 30s"),
            (3_600, "1h"),
            (3_661, "1h 1m 1s"),
            (90_000, "1d 1h"),
        ];
        for (secs, shown) in table {
            assert_eq!(span(Duration::from_secs(secs)), shown);
        }
        assert_eq!(span(Duration::from_millis(999)), "0s");
    }
}
