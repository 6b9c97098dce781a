//! The days on which clocks are changed, zone by zone: jobs for fixed times run once for each time, jobs with a star
//! follow the clock.

use syncline_scheduler::Schedule;

use crate::support::at;

/// A zone, an expression, an instant, and the instants that follow.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

fn hold(cases: &[Case]) {
    for (zone, cron, from, expected) in cases {
        let schedule = Schedule::parse(cron, zone).expect("a schedule");
        let next: Vec<String> =
            schedule.upcoming(at(from)).take(expected.len()).map(|at| at.to_iso_secs()).collect();
        assert_eq!(next, *expected, "{cron} in {zone} from {from}");
    }
}

#[test]
fn berlin() {
    hold(&[
        // 02:00 becomes 03:00 at 01:00 UTC: half past two is made up for at three.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T00:00:00Z",
            &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        // Two times in the gap and one at its end are one run.
        (
            "Europe/Berlin",
            "0,30 2-3 * * *",
            "2026-03-28T23:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"],
        ),
        (
            "Europe/Berlin",
            "*/30 2 * * *",
            "2026-03-28T12:00:00Z",
            &["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            "Europe/Berlin",
            "*/15 * * * *",
            "2026-03-29T00:40:00Z",
            &["2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"],
        ),
        (
            "Europe/Berlin",
            "0 */2 * * *",
            "2026-03-28T22:30:00Z",
            &["2026-03-28T23:00:00Z", "2026-03-29T02:00:00Z"],
        ),
        (
            "Europe/Berlin",
            "0 9 * * 1-5",
            "2026-03-28T00:00:00Z",
            &["2026-03-30T07:00:00Z", "2026-03-31T07:00:00Z"],
        ),
        // 03:00 becomes 02:00 at 01:00 UTC: half past two counts the first time.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T01:10:00Z", &["2026-10-26T01:30:00Z"]),
        (
            "Europe/Berlin",
            "*/30 2 * * *",
            "2026-10-24T12:00:00Z",
            &[
                "2026-10-25T00:00:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-26T01:00:00Z",
            ],
        ),
        (
            "Europe/Berlin",
            "0 * * * *",
            "2026-10-24T23:30:00Z",
            &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
        ),
        // The second time of 02:20: the next quarter is not in the past.
        (
            "Europe/Berlin",
            "*/15 * * * *",
            "2026-10-25T01:20:00Z",
            &["2026-10-25T01:30:00Z", "2026-10-25T01:45:00Z", "2026-10-25T02:00:00Z"],
        ),
    ]);
}

#[test]
fn new_york() {
    hold(&[
        (
            "America/New_York",
            "30 2 * * *",
            "2026-03-07T12:00:00Z",
            &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
        ),
        ("America/New_York", "*/20 2 * * *", "2026-03-07T12:00:00Z", &["2026-03-09T06:00:00Z"]),
        (
            "America/New_York",
            "15 1 * * *",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z"],
        ),
        (
            "America/New_York",
            "*/30 1 * * *",
            "2026-10-31T12:00:00Z",
            &[
                "2026-11-01T05:00:00Z",
                "2026-11-01T05:30:00Z",
                "2026-11-01T06:00:00Z",
                "2026-11-01T06:30:00Z",
                "2026-11-02T06:00:00Z",
            ],
        ),
        (
            "America/New_York",
            "0 2 * * 0",
            "2026-11-01T06:30:00Z",
            &["2026-11-01T07:00:00Z", "2026-11-08T07:00:00Z"],
        ),
    ]);
}

#[test]
fn lord_howe_changes_by_half_an_hour() {
    hold(&[
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03T00:00:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "*/15 2 * * *",
            "2026-10-03T15:20:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z", "2026-10-04T15:00:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04T12:00:00Z",
            &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "*/15 1 * * *",
            "2026-04-04T14:20:00Z",
            &[
                "2026-04-04T14:30:00Z",
                "2026-04-04T14:45:00Z",
                "2026-04-04T15:00:00Z",
                "2026-04-04T15:15:00Z",
                "2026-04-05T14:30:00Z",
            ],
        ),
        (
            "Australia/Lord_Howe",
            "0 * * * *",
            "2026-04-04T13:30:00Z",
            &["2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"],
        ),
    ]);
}

#[test]
fn casablanca_changes_around_ramadan() {
    hold(&[
        (
            "Africa/Casablanca",
            "30 2 * * *",
            "2026-02-14T12:00:00Z",
            &["2026-02-15T01:30:00Z", "2026-02-16T02:30:00Z"],
        ),
        (
            "Africa/Casablanca",
            "*/30 2 * * *",
            "2026-02-15T00:30:00Z",
            &[
                "2026-02-15T01:00:00Z",
                "2026-02-15T01:30:00Z",
                "2026-02-15T02:00:00Z",
                "2026-02-15T02:30:00Z",
                "2026-02-16T02:00:00Z",
            ],
        ),
        (
            "Africa/Casablanca",
            "30 2 * * *",
            "2026-03-21T12:00:00Z",
            &["2026-03-22T02:00:00Z", "2026-03-23T01:30:00Z"],
        ),
    ]);
}

#[test]
fn apia_skips_a_whole_day() {
    hold(&[
        // Thursday the 29th is followed by Saturday the 31st.
        (
            "Pacific/Apia",
            "30 2 * * *",
            "2011-12-29T00:00:00Z",
            &["2011-12-29T12:30:00Z", "2011-12-30T10:00:00Z", "2011-12-30T12:30:00Z"],
        ),
        (
            "Pacific/Apia",
            "0 12 30 * *",
            "2011-12-01T00:00:00Z",
            &["2011-12-30T10:00:00Z", "2012-01-29T22:00:00Z"],
        ),
        (
            "Pacific/Apia",
            "0 */6 * * *",
            "2011-12-30T09:00:00Z",
            &["2011-12-30T10:00:00Z", "2011-12-30T16:00:00Z"],
        ),
        (
            "Pacific/Apia",
            "0 * 30 12 *",
            "2011-12-01T00:00:00Z",
            &["2012-12-29T10:00:00Z", "2012-12-29T11:00:00Z"],
        ),
    ]);
}

#[test]
fn havana_changes_at_midnight() {
    hold(&[
        (
            "America/Havana",
            "0 0 * * *",
            "2026-03-07T12:00:00Z",
            &["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
        ),
        (
            "America/Havana",
            "30 0 * * *",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T04:30:00Z", "2026-11-02T05:30:00Z"],
        ),
        (
            "America/Havana",
            "*/30 0 * * *",
            "2026-11-01T03:50:00Z",
            &[
                "2026-11-01T04:00:00Z",
                "2026-11-01T04:30:00Z",
                "2026-11-01T05:00:00Z",
                "2026-11-01T05:30:00Z",
                "2026-11-02T05:00:00Z",
            ],
        ),
    ]);
}

#[test]
fn kathmandu_has_an_odd_offset_and_no_changes() {
    hold(&[
        (
            "Asia/Kathmandu",
            "0 9 * * *",
            "2026-01-01T00:00:00Z",
            &["2026-01-01T03:15:00Z", "2026-01-02T03:15:00Z"],
        ),
        (
            "Asia/Kathmandu",
            "0 * * * *",
            "2026-01-01T00:00:00Z",
            &["2026-01-01T00:15:00Z", "2026-01-01T01:15:00Z"],
        ),
    ]);
}

#[test]
fn the_old_offsets_with_seconds_give_whole_local_minutes() {
    // Monrovia left -00:44:30 for UTC on 1972-01-07: 00:00 became 00:44:30.
    hold(&[
        (
            "Africa/Monrovia",
            "30 0 * * *",
            "1972-01-06T00:00:00Z",
            &["1972-01-06T01:14:30Z", "1972-01-07T00:45:00Z", "1972-01-08T00:30:00Z"],
        ),
        (
            "Africa/Monrovia",
            "* * * * *",
            "1972-01-07T00:43:00Z",
            &["1972-01-07T00:43:30Z", "1972-01-07T00:45:00Z"],
        ),
    ]);
}

#[test]
fn a_star_that_a_gap_swallows_waits_for_the_next_year() {
    hold(&[("Europe/Berlin", "*/15 2 29 3 *", "2026-03-28T12:00:00Z", &["2027-03-29T00:00:00Z"])]);
}
