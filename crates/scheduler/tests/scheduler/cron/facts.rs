//! What crontab(5) says, one expression a line: the weekdays, the day rule, the steps, the nicknames.

use syncline_domain::Timestamp;
use syncline_scheduler::{CronExpr, Tz};

use crate::support::at;

/// Thursday.
const FROM: &str = "2026-01-01T00:00:00Z";

fn next(cron: &str, count: usize) -> Vec<String> {
    let cron = CronExpr::parse(cron).unwrap_or_else(|error| panic!("{cron}: {error}"));
    cron.upcoming(Tz::UTC, at(FROM))
        .take(count)
        .map(|at| at.to_datetime().format("%a %Y-%m-%d %H:%M").to_string())
        .collect()
}

#[test]
fn each_expression_fires_when_crontab_says() {
    let expected: &[(&str, &[&str])] = &[
        // The week starts with Sunday as 0, and ends with Sunday as 7.
        ("0 9 * * 1-5", &["Thu 2026-01-01 09:00", "Fri 2026-01-02 09:00", "Mon 2026-01-05 09:00"]),
        (
            "0 9 * * mon-FRI",
            &["Thu 2026-01-01 09:00", "Fri 2026-01-02 09:00", "Mon 2026-01-05 09:00"],
        ),
        ("0 0 * * 0", &["Sun 2026-01-04 00:00", "Sun 2026-01-11 00:00"]),
        ("0 0 * * 7", &["Sun 2026-01-04 00:00", "Sun 2026-01-11 00:00"]),
        ("0 0 * * Sun", &["Sun 2026-01-04 00:00"]),
        ("0 0 * * 0,7", &["Sun 2026-01-04 00:00", "Sun 2026-01-11 00:00"]),
        (
            "0 0 * * 5-7",
            &[
                "Fri 2026-01-02 00:00",
                "Sat 2026-01-03 00:00",
                "Sun 2026-01-04 00:00",
                "Fri 2026-01-09 00:00",
            ],
        ),
        ("0 0 * * 6", &["Sat 2026-01-03 00:00", "Sat 2026-01-10 00:00"]),
        ("0 0 * * 0-6", &["Fri 2026-01-02 00:00", "Sat 2026-01-03 00:00"]),
        ("0 0 * * 0-7", &["Fri 2026-01-02 00:00", "Sat 2026-01-03 00:00"]),
        // Either day field is enough, unless one starts with a star.
        (
            "0 0 13 * 5",
            &[
                "Fri 2026-01-02 00:00",
                "Fri 2026-01-09 00:00",
                "Tue 2026-01-13 00:00",
                "Fri 2026-01-16 00:00",
            ],
        ),
        ("0 0 13 * *", &["Tue 2026-01-13 00:00", "Fri 2026-02-13 00:00"]),
        ("0 0 */13 * 5", &["Fri 2026-02-27 00:00", "Fri 2026-03-27 00:00"]),
        (
            "0 0 1-7 * */6",
            &[
                "Sat 2026-01-03 00:00",
                "Sun 2026-01-04 00:00",
                "Sun 2026-02-01 00:00",
                "Sat 2026-02-07 00:00",
            ],
        ),
        ("0 0 1-31 * 5", &["Fri 2026-01-02 00:00", "Sat 2026-01-03 00:00"]),
        ("0 0 31 2 5", &["Fri 2026-02-06 00:00", "Fri 2026-02-13 00:00"]),
        ("30 2 13 1 5", &["Fri 2026-01-02 02:30", "Fri 2026-01-09 02:30", "Tue 2026-01-13 02:30"]),
        // Steps may lead out of the field.
        ("*/60 * * * *", &["Thu 2026-01-01 01:00", "Thu 2026-01-01 02:00"]),
        ("*/90 * * * *", &["Thu 2026-01-01 01:00", "Thu 2026-01-01 02:00"]),
        ("0 */24 * * *", &["Fri 2026-01-02 00:00"]),
        ("*/7 0 1 1 *", &["Thu 2026-01-01 00:07", "Thu 2026-01-01 00:14"]),
        (
            "10-30/10 0 * * *",
            &[
                "Thu 2026-01-01 00:10",
                "Thu 2026-01-01 00:20",
                "Thu 2026-01-01 00:30",
                "Fri 2026-01-02 00:10",
            ],
        ),
        (
            "5,*/30 0 * * *",
            &["Thu 2026-01-01 00:05", "Thu 2026-01-01 00:30", "Fri 2026-01-02 00:00"],
        ),
        // The calendar.
        ("0 0 29 2 *", &["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"]),
        ("0 0 31 * *", &["Sat 2026-01-31 00:00", "Tue 2026-03-31 00:00"]),
        ("0 0 1 jan,Jul *", &["Wed 2026-07-01 00:00", "Fri 2027-01-01 00:00"]),
        ("59 23 31 12 *", &["Thu 2026-12-31 23:59"]),
        (" 05\t4 *  * sun ", &["Sun 2026-01-04 04:05"]),
        // Nicknames.
        ("@hourly", &["Thu 2026-01-01 01:00"]),
        ("@daily", &["Fri 2026-01-02 00:00"]),
        ("@midnight", &["Fri 2026-01-02 00:00"]),
        ("@weekly", &["Sun 2026-01-04 00:00"]),
        ("@monthly", &["Sun 2026-02-01 00:00"]),
        ("@yearly", &["Fri 2027-01-01 00:00"]),
        ("@annually", &["Fri 2027-01-01 00:00"]),
    ];
    for (cron, first) in expected {
        assert_eq!(next(cron, first.len()), *first, "{cron}");
    }
}

#[test]
fn the_normalised_text_has_numbers_and_single_blanks() {
    for (cron, normal) in [
        ("@weekly", "0 0 * * 0"),
        ("  5 4 *\t* SUN", "5 4 * * 0"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 5-7"),
        ("00 09 01 jan-Mar/1 mon,1,Mon", "0 9 1 1-3 1"),
        ("*,5 */1 3-3/2 * *", "* * 3 * *"),
        ("*/15,7 */90 1-31 * *", "*/15,7 */90 1-31 * *"),
    ] {
        assert_eq!(CronExpr::parse(cron).expect(cron).to_string(), normal, "{cron}");
    }
}

#[test]
fn which_jobs_follow_the_clock_is_told_by_the_first_character() {
    for (cron, wildcard) in [
        ("*/15 2 * * *", true),
        ("0 * * * *", true),
        ("0 */2 * * *", true),
        ("@hourly", true),
        ("@daily", false),
        ("0-59 0-23 * * *", false),
        ("5,* 2 * * *", false),
    ] {
        assert_eq!(CronExpr::parse(cron).expect(cron).is_wildcard(), wildcard, "{cron}");
    }
}

#[test]
fn the_calendar_ends_with_the_year_2100_and_starts_with_1970() {
    let yearly = CronExpr::parse("@yearly").unwrap();
    let last = at("2100-01-01T00:00:00Z");
    assert_eq!(yearly.next_after(at("2099-01-01T00:00:00Z"), Tz::UTC), Some(last));
    assert_eq!(yearly.next_after(last, Tz::UTC), None);
    for beyond in [i64::MAX, i64::MAX / 2] {
        assert_eq!(yearly.next_after(Timestamp::from_micros(beyond), Tz::Pacific__Apia), None);
    }
    let first = Some(Timestamp::EPOCH);
    for before in [i64::MIN, i64::MIN / 2, -1] {
        assert_eq!(yearly.next_after(Timestamp::from_micros(before), Tz::UTC), first);
    }
}

#[test]
fn a_part_of_a_second_is_later_than_the_second() {
    let hourly = CronExpr::parse("@hourly").unwrap();
    let hour = at("2026-01-01T09:00:00Z");
    assert_eq!(hourly.next_after(at("2026-01-01T08:59:59.999999Z"), Tz::UTC), Some(hour));
    assert_eq!(
        hourly.next_after(at("2026-01-01T09:00:00.000001Z"), Tz::UTC),
        Some(at("2026-01-01T10:00:00Z"))
    );
    assert_eq!(hourly.next_after(hour, Tz::UTC), Some(at("2026-01-01T10:00:00Z")));
}
