//! Properties, held against a second reading of crontab.

use proptest::prelude::*;
use syncline_domain::Timestamp;
use syncline_scheduler::{CronExpr, Tz};

use crate::support::{Sets, expression, place_and_time, walk};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_next_instant_is_what_a_walk_minute_by_minute_finds(
        text in expression(),
        (zone, from) in place_and_time(),
    ) {
        const DAYS: i64 = 5;
        let Ok(cron) = CronExpr::parse(&text) else { return Ok(()) };
        let walked = walk(&Sets::read(&text), zone, from, DAYS);
        let next = cron.next_after(from, zone);
        match walked {
            Some(_) => prop_assert_eq!(next, walked, "{} in {} from {}", text, zone, from),
            None => {
                let end = from.after(std::time::Duration::from_secs(86_400 * DAYS.unsigned_abs()));
                prop_assert!(next.is_none_or(|next| next > end), "{text} in {zone} from {from}: {next:?}");
            }
        }
    }

    #[test]
    fn the_next_instant_is_later_and_matches_the_fields(
        text in expression(),
        (zone, from) in place_and_time(),
    ) {
        let Ok(cron) = CronExpr::parse(&text) else { return Ok(()) };
        let sets = Sets::read(&text);
        let mut last = from;
        for next in cron.upcoming(zone, from).take(20) {
            prop_assert!(next > last, "{text} in {zone}: {next} after {last}");
            prop_assert_eq!(next.micros() % 1_000_000, 0);
            let at = next.to_datetime();
            prop_assert!(sets.fires(zone, at), "{text} in {zone} does not name {next}");
            last = next;
        }
        prop_assert!(last > from, "{text} in {zone} never fires after {from}");
    }

    #[test]
    fn the_normalised_text_reads_back_as_the_same_expression(text in expression()) {
        let Ok(cron) = CronExpr::parse(&text) else { return Ok(()) };
        let shown = cron.to_string();
        prop_assert_eq!(&CronExpr::parse(&shown).unwrap(), &cron, "{} and {}", text, shown);
        prop_assert_eq!(Sets::read(&shown), Sets::read(&text), "{} and {}", text, shown);
    }

    #[test]
    fn only_days_that_no_month_has_are_refused_among_legal_expressions(text in expression()) {
        if let Err(error) = CronExpr::parse(&text) {
            let sets = Sets::read(&text);
            let longest = |month: &u32| match month { 2 => 29, 4 | 6 | 9 | 11 => 30, _ => 31 };
            let first = *sets.days.first().unwrap();
            prop_assert!(sets.both_days && sets.months.iter().all(|month| first > longest(month)), "{text}: {error}");
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\\t\\n\u{e9}\u{1F600}]{0,40}", cron in "[0-9*,/a-zA-Z@-]{1,8}( [0-9*,/a-z?#LW-]{1,6}){4}") {
        for text in [text, cron] {
            if let Ok(cron) = CronExpr::parse(&text) {
                prop_assert!(cron.next_after(Timestamp::EPOCH, Tz::UTC).is_some(), "{text}");
            }
        }
    }
}
