//! Sentences.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use syncline_scheduler::CronExpr;

use crate::support::{Sets, expression};

#[test]
fn each_expression_has_its_sentence() {
    for (cron, sentence) in [
        ("*/15 * * * *", "Every 15 minutes."),
        ("0 * * * *", "Every hour."),
        ("0 0 * * *", "At 00:00, every day."),
        ("0 9 * * 1-5", "At 09:00, Monday to Friday."),
        ("0 0 * * 0", "At 00:00 on Sunday."),
        ("0 0 1 * *", "At 00:00 on day 1 of the month."),
        ("30 2 13 * 5", "At 02:30 on day 13 of the month or on Friday."),
        // Minutes and hours.
        ("* * * * *", "Every minute."),
        ("0-59 * * * *", "Every minute."),
        ("*/90 * * * *", "Every hour."),
        ("7 * * * *", "At minute 7 of every hour."),
        ("5,35,40 * * * *", "At minutes 5, 35 and 40 of every hour."),
        ("0-29 * * * *", "At minutes 0 to 29 of every hour."),
        ("5-59/15 * * * *", "Every 15 minutes from minute 5 of every hour."),
        ("*/7 * * * *", "At minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour."),
        ("0 */2 * * *", "Every 2 hours."),
        ("30 */2 * * *", "Every 2 hours from 00:30."),
        ("0 1-23/2 * * *", "Every 2 hours from 01:00."),
        ("0 9-17 * * *", "Every hour from 09:00 to 17:00, every day."),
        ("0 9-17/2 * * 1-5", "Every 2 hours from 09:00 to 17:00, Monday to Friday."),
        ("*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:45, Monday to Friday."),
        ("* 9 * * *", "Every minute from 09:00 to 09:59, every day."),
        ("0 9,17 * * *", "At 09:00 and 17:00, every day."),
        ("0,30 9,12,17 * * *", "At 09:00, 09:30, 12:00, 12:30, 17:00 and 17:30, every day."),
        ("* 9,17 * * *", "Every minute of hours 9 and 17, every day."),
        ("*/5 8-10,20 * * *", "Every 5 minutes of hours 8 to 10 and 20, every day."),
        ("1,2,3,9 1,2,7 * * *", "At minutes 1 to 3 and 9 of hours 1, 2 and 7, every day."),
        ("0 0,12 * * 6", "Every 12 hours on Saturday."),
        // Days.
        ("0 9 * * 6,0", "At 09:00 on Saturday and Sunday."),
        ("0 9 * * 5-7", "At 09:00, Friday to Sunday."),
        ("0 9 * * 1,2,3,5", "At 09:00 on Monday to Wednesday and Friday."),
        ("0 9 1,15 * *", "At 09:00 on days 1 and 15 of the month."),
        ("0 9 1-7 * *", "At 09:00 on days 1 to 7 of the month."),
        ("0 9 */2 * *", "At 09:00 on every 2nd day of the month from day 1 to day 31."),
        (
            "0 9 */10 * 1",
            "At 09:00 on every 10th day of the month from day 1 to day 31, if it is Monday.",
        ),
        (
            "0 9 13 * */2",
            "At 09:00 on day 13 of the month, if it is Tuesday, Thursday, Saturday or Sunday.",
        ),
        ("0 9 13 * 1-5", "At 09:00 on day 13 of the month or on any day from Monday to Friday."),
        ("0 9 1-31 * 1", "At 09:00, every day."),
        // Months.
        ("@yearly", "At 00:00 on day 1 of January."),
        ("0 0 1 */3 *", "At 00:00 on day 1 of January, April, July and October."),
        ("0 0 1 3-5 *", "At 00:00 on day 1 of the month from March to May."),
        ("*/10 * * 6-8 *", "Every 10 minutes from June to August."),
        ("0 8 * 12 *", "At 08:00, every day in December."),
        ("0 8 * jan-mar,12 1", "At 08:00 on Monday in January to March and December."),
        ("0 8 13 6 5", "At 08:00 on day 13 of the month or on Friday, in June."),
    ] {
        assert_eq!(CronExpr::parse(cron).expect(cron).describe(), sentence, "{cron}");
    }
}

proptest! {
    #[test]
    fn every_expression_has_a_sentence(cron in expression()) {
        if let Ok(cron) = CronExpr::parse(&cron) {
            let said = cron.describe();
            prop_assert!(said.is_ascii() && said.ends_with('.') && !said.contains("  "), "{said}");
            prop_assert!(said.starts_with("At ") || said.starts_with("Every "), "{said}");
            prop_assert!(!said.contains(" ,") && !said.contains(",,") && said.len() < 600, "{said}");
        }
    }
}

#[test]
fn equal_sentences_are_equal_times() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut known: BTreeMap<String, (Sets, String)> = BTreeMap::new();
    let mut met = 0_usize;
    for _ in 0..6_000 {
        let text = expression().new_tree(&mut runner).unwrap().current();
        let Ok(cron) = CronExpr::parse(&text) else { continue };
        let sets = Sets::read(&text).meaning();
        if let Some((other, first)) = known.get(&cron.describe()) {
            met += usize::from(first != &text);
            assert_eq!(other, &sets, "{first} and {text} are both {:?}", cron.describe());
        }
        known.entry(cron.describe()).or_insert((sets, text));
    }
    assert!(met > 50, "only {met} pairs of spellings met");
}
