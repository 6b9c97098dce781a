//! What the tests of expressions share: generators, zones with changing clocks, and reading an instant.

mod sets;

use proptest::prelude::*;
pub(crate) use sets::{Sets, walk};
use syncline_domain::Timestamp;
use syncline_scheduler::Tz;

/// Zones and the instants at which their clocks change.
pub(crate) const CHANGES: &[(Tz, &[&str])] = &[
    (Tz::Europe__Berlin, &["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"]),
    (Tz::Europe__London, &["2027-03-28T01:00:00Z", "2027-10-31T01:00:00Z"]),
    (Tz::America__New_York, &["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"]),
    (Tz::America__Havana, &["2026-03-08T05:00:00Z", "2026-11-01T05:00:00Z"]),
    (Tz::America__Santiago, &["2026-04-05T03:00:00Z", "2026-09-06T04:00:00Z"]),
    (Tz::Australia__Lord_Howe, &["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"]),
    (Tz::Africa__Casablanca, &["2026-02-15T02:00:00Z", "2026-03-22T02:00:00Z"]),
    (Tz::Asia__Beirut, &["2026-03-28T22:00:00Z", "2026-10-24T21:00:00Z"]),
    (Tz::Pacific__Apia, &["2011-12-30T10:00:00Z", "2012-03-31T14:00:00Z"]),
    (Tz::Asia__Kathmandu, &["2026-05-01T00:00:00Z"]),
    (Tz::UTC, &["2026-12-31T23:59:30Z", "2028-02-28T12:00:00Z"]),
];

/// Reads an instant.
pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

const MONTHS: [&str; 12] =
    ["jan", "FEB", "mar", "apr", "May", "jun", "jul", "aug", "sep", "oct", "nov", "Dec"];
const DAYS: [&str; 7] = ["sun", "MON", "tue", "Wed", "thu", "fri", "sat"];

/// A field: mostly `*`, else every form that crontab has.
fn field(low: u8, high: u8, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let number = move |n: u8| match names.get(usize::from(n - low)) {
        Some(name) if n.is_multiple_of(3) => (*name).to_owned(),
        _ => n.to_string(),
    };
    let one = (low..=high).prop_map(number);
    // From smaller to larger: what a range of one number means is said in the facts.
    let range = (low..=high, low..=high).prop_map(move |(a, b)| (a.min(b), a.max(b)));
    let range = range.prop_filter("a range of several", |(a, b)| a < b);
    let step =
        prop_oneof![2 => Just(2_u8), 2 => 3..8_u8, 2 => Just(15), 1 => Just(high), 1 => Just(99)];
    let star_step = step.clone().prop_map(|step| format!("*/{step}"));
    let stepped = (range.clone(), step).prop_map(|((a, b), step)| format!("{a}-{b}/{step}"));
    let range = range.prop_map(move |(a, b)| format!("{}-{}", number(a), number(b)));
    let term = prop_oneof![4 => one.clone(), 2 => range, 1 => stepped];
    let list = prop::collection::vec(term.clone(), 2..4).prop_map(|terms| terms.join(","));
    prop_oneof![4 => Just("*".to_owned()), 3 => one, 2 => star_step, 2 => term, 1 => list]
}

/// An expression that crontab takes; a few of them never fire.
pub(crate) fn expression() -> impl Strategy<Value = String> {
    let fields = (
        field(0, 59, &[]),
        field(0, 23, &[]),
        field(1, 31, &[]),
        field(1, 12, &MONTHS),
        field(0, 7, &DAYS),
    );
    fields.prop_map(|(minute, hour, day, month, week)| {
        format!("{minute} {hour} {day} {month} {week}")
    })
}

/// A zone and an instant, mostly within two days of a change of its clocks.
pub(crate) fn place_and_time() -> impl Strategy<Value = (Tz, Timestamp)> {
    let change = prop::sample::select(CHANGES).prop_flat_map(|(zone, changes)| {
        prop::sample::select(changes).prop_map(move |change| (zone, at(change).secs()))
    });
    let offset = prop_oneof![
        6 => -100_000..100_000_i64,
        3 => (-120..120_i64).prop_map(|minutes| minutes * 60),
        1 => -20_000_000..20_000_000_i64
    ];
    (change, offset)
        .prop_map(|((zone, change), offset)| (zone, Timestamp::from_secs(change + offset)))
}
