//! What is no crontab expression, and where it says so.

use syncline_scheduler::Field::{DayOfMonth, DayOfWeek, Hour, Minute, Month};
use syncline_scheduler::{CronExpr, Field};

/// A text, the field that is wrong (none: the whole), and words of the reason.
const REFUSED: &[(&str, Option<Field>, &str)] = &[
    // The whole.
    ("", None, "it is empty"),
    ("   \t ", None, "it is empty"),
    ("* * * *", None, "it has 4 fields, crontab has five;"),
    ("*", None, "it has 1 field,"),
    ("often", None, "it has 1 field,"),
    ("0 0 1 1 * 2027", None, "it has 6 fields, crontab has five and none for seconds or years"),
    ("0 0 9 * * 1-5", None, "6 fields"),
    ("0 0 0 1 1 * 2027", None, "7 fields"),
    ("** * * * * *", None, "6 fields"),
    ("1 - 5 * * * *", None, "7 fields"),
    ("0 9 * * 1 -5", None, "6 fields"),
    ("0 9 * * 1, 5", None, "6 fields"),
    ("0 9 * * 1-5\n", None, "one line"),
    ("0 9 *\n* *", None, "one line"),
    ("0 9 * * *\r", None, "one line"),
    ("0 9 * * *\0", None, "one line"),
    ("\u{1b}[2J 9 * * *", None, "one line"),
    ("@reboot", None, "names no time"),
    ("@every 5m", None, "no nickname"),
    ("@Daily", None, "no nickname"),
    ("@secondly", None, "no nickname"),
    ("@", None, "no nickname"),
    ("@daily *", None, "no nickname"),
    ("@weekdays", None, "no nickname"),
    // Minutes.
    ("60 * * * *", Some(Minute), "60 is out of range; use 0 to 59"),
    ("-1 * * * *", Some(Minute), "lacks an end"),
    ("+5 * * * *", Some(Minute), "no number"),
    ("1.5 * * * *", Some(Minute), "no number"),
    ("0x1 * * * *", Some(Minute), "no number"),
    ("1e1 * * * *", Some(Minute), "no number"),
    ("99999999999999999999 * * * *", Some(Minute), "out of range"),
    ("256 * * * *", Some(Minute), "out of range"),
    ("1,,2 * * * *", Some(Minute), "a comma has nothing beside it"),
    (",1 * * * *", Some(Minute), "a comma"),
    ("1, * * * *", Some(Minute), "a comma"),
    (", * * * *", Some(Minute), "a comma"),
    ("5/2 * * * *", Some(Minute), "write \"5-59/2\""),
    ("*/0 * * * *", Some(Minute), "the step \"0\""),
    ("*/ * * * *", Some(Minute), "the step \"\""),
    ("*/x * * * *", Some(Minute), "the step \"x\""),
    ("*/-5 * * * *", Some(Minute), "the step"),
    ("*/+5 * * * *", Some(Minute), "the step"),
    ("*/5/5 * * * *", Some(Minute), "the step \"5/5\""),
    ("*/10001 * * * *", Some(Minute), "1 to 10000"),
    ("*/99999999999 * * * *", Some(Minute), "the step"),
    ("/5 * * * *", Some(Minute), "no number"),
    ("30-10 * * * *", Some(Minute), "runs backwards"),
    ("10-70 * * * *", Some(Minute), "70 is out of range"),
    ("5- * * * *", Some(Minute), "lacks an end"),
    ("- * * * *", Some(Minute), "lacks an end"),
    ("1-2-3 * * * *", Some(Minute), "no number"),
    ("1--5 * * * *", Some(Minute), "no number"),
    ("*-5 * * * *", Some(Minute), "no number"),
    ("*5 * * * *", Some(Minute), "no number"),
    ("** * * * *", Some(Minute), "no number"),
    ("JAN * * * *", Some(Minute), "months are named in the month field only"),
    ("MON * * * *", Some(Minute), "days are named in the day of week field only"),
    ("? * * * *", Some(Minute), "an extension"),
    ("H * * * *", Some(Minute), "an extension"),
    ("H/15 * * * *", Some(Minute), "an extension"),
    ("0~30 * * * *", Some(Minute), "an extension"),
    ("\u{ff15} * * * *", Some(Minute), "no number"),
    ("5\u{a0} * * * *", Some(Minute), "no number"),
    ("!5 * * * *", Some(Minute), "no number"),
    ("5; * * * *", Some(Minute), "no number"),
    ("% * * * *", Some(Minute), "no number"),
    // Hours.
    ("0 24 * * *", Some(Hour), "24 is out of range; use 0 to 23"),
    ("0 9am * * *", Some(Hour), "no number"),
    ("0 09:00 * * *", Some(Hour), "no number"),
    ("0 20-4 * * *", Some(Hour), "runs backwards"),
    ("0 dec * * *", Some(Hour), "months are named"),
    ("0 ? * * *", Some(Hour), "an extension"),
    // Days of the month.
    ("0 0 0 * *", Some(DayOfMonth), "0 is out of range; use 1 to 31"),
    ("0 0 32 * *", Some(DayOfMonth), "32 is out of range"),
    ("0 0 L * *", Some(DayOfMonth), "an extension"),
    ("0 0 LW * *", Some(DayOfMonth), "an extension"),
    ("0 0 15W * *", Some(DayOfMonth), "an extension"),
    ("0 0 ? * 1", Some(DayOfMonth), "an extension"),
    ("0 0 fri * *", Some(DayOfMonth), "days are named"),
    ("0 0 31 2 *", Some(DayOfMonth), "no month of \"2\" has that day"),
    ("0 0 30,31 feb *", Some(DayOfMonth), "would never fire"),
    ("0 0 31 4,6,9,11 *", Some(DayOfMonth), "would never fire"),
    ("0 0 31 2-2 */2", Some(DayOfMonth), "would never fire"),
    // Months.
    ("0 0 * 0 *", Some(Month), "0 is out of range; use 1 to 12, jan to dec"),
    ("0 0 * 13 *", Some(Month), "13 is out of range"),
    ("0 0 * january *", Some(Month), "no number"),
    ("0 0 * ja *", Some(Month), "no number"),
    ("0 0 * mon *", Some(Month), "days are named"),
    ("0 0 * nov-feb *", Some(Month), "runs backwards"),
    ("0 0 * jan/2 *", Some(Month), "write \"1-12/2\""),
    // Days of the week.
    ("0 0 * * 8", Some(DayOfWeek), "8 is out of range; use 0 to 7, sun to sat"),
    ("0 0 * * sat-sun", Some(DayOfWeek), "runs backwards"),
    ("0 0 * * fri-mon", Some(DayOfWeek), "runs backwards"),
    ("0 0 * * 5-0", Some(DayOfWeek), "runs backwards"),
    ("0 0 * * MON/2", Some(DayOfWeek), "write \"1-7/2\""),
    ("0 0 * * monday", Some(DayOfWeek), "no number"),
    ("0 0 * * may", Some(DayOfWeek), "months are named"),
    ("0 0 * * 5L", Some(DayOfWeek), "an extension"),
    ("0 0 * * 1#2", Some(DayOfWeek), "an extension"),
    ("0 0 * * ?", Some(DayOfWeek), "an extension"),
    ("0 0 * * 1,", Some(DayOfWeek), "a comma"),
];

#[test]
fn each_is_refused_with_its_field_and_a_reason() {
    assert!(REFUSED.len() >= 75, "{}", REFUSED.len());
    for (text, field, reason) in REFUSED {
        let Err(error) = CronExpr::parse(text) else { panic!("{text:?} was taken") };
        let said = error.to_string();
        assert_eq!(error.field(), *field, "{text:?}: {said}");
        assert!(said.contains(reason), "{text:?}: {said}");
        assert!(said.contains("use ") || said.contains("write "), "no way out of {text:?}: {said}");
        assert!(!said.contains(|c: char| c.is_control()), "{text:?}: {said:?}");
        if let Some(field) = field {
            assert!(said.starts_with(field.name()), "{text:?}: {said}");
        }
    }
}

#[test]
fn the_first_wrong_field_is_told() {
    let error = CronExpr::parse("0 25 99 * *").unwrap_err();
    assert_eq!(
        error.to_string(),
        "hour \"25\": 25 is out of range; use 0 to 23, *, a-b, a,b or */n"
    );
}

#[test]
fn length_is_bounded_in_bytes() {
    let longest = format!("{}1 * * * *", "1,".repeat(123));
    assert_eq!(longest.len(), 255);
    assert!(CronExpr::parse(&longest).is_ok());
    for long in [format!("{longest}  "), "\u{e9}".repeat(129), "*".repeat(1 << 20)] {
        let said = CronExpr::parse(&long).unwrap_err().to_string();
        assert!(said.ends_with("bytes long; shorten it to 256 at most"), "{said}");
    }
}
