//! Whether a text is a crontab expression. When it fires is the scheduler's business.

const NICKNAMES: [&str; 7] =
    ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One of the five fields: its name, its bounds, and the names of its values from the first bound on.
struct Field(&'static str, u32, u32, &'static [&'static str]);

const FIELDS: [Field; 5] = [
    Field("minute", 0, 59, &[]),
    Field("hour", 0, 23, &[]),
    Field("day of month", 1, 31, &[]),
    Field("month", 1, 12, &MONTHS),
    Field("day of week", 0, 7, &DAYS),
];

/// Passes crontab's five fields and its nicknames.
///
/// # Errors
/// Which field is wrong, and why.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.len() > 256 {
        return Err("it is longer than 256 characters; shorten it".to_owned());
    }
    if NICKNAMES.contains(&text.trim()) {
        return Ok(());
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!(
            "{text:?} is no crontab expression; use five fields such as \"0 9 * * 1-5\", or @hourly"
        ));
    }
    FIELDS.iter().zip(parts).try_for_each(|(field, part)| {
        part.split(',').try_for_each(|one| term(field, one)).map_err(|why| {
            format!(
                "{} {part:?}: {why}; use {} to {}, *, a-b, a,b or */n",
                field.0, field.1, field.2
            )
        })
    })
}

fn term(field: &Field, text: &str) -> Result<(), String> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (text, None),
    };
    if let Some(step) = step {
        let wide = range == "*" || range.contains('-');
        if !wide || step.parse::<u32>().ok().is_none_or(|n| n == 0 || n > 10_000) {
            return Err(format!("{text:?} is no step"));
        }
    }
    if range == "*" {
        return Ok(());
    }
    match range.split_once('-') {
        None => value(field, range).map(drop),
        Some((from, to)) => {
            let (from, to) = (value(field, from)?, value(field, to)?);
            if from <= to { Ok(()) } else { Err(format!("{range:?} runs backwards")) }
        }
    }
}

fn value(field: &Field, text: &str) -> Result<u32, String> {
    let lower = text.to_ascii_lowercase();
    if let Some(at) = field.3.iter().position(|name| **name == lower) {
        return Ok(field.1 + u32::try_from(at).unwrap_or_default());
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(n) if digits && (field.1..=field.2).contains(&n) => Ok(n),
        _ => Err(format!("{text:?} is out of range")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crontab_passes_and_everything_else_is_refused_with_its_field() {
        for good in [
            "0 9 * * 1-5",
            "*/15 * * * *",
            "0 0 * * 0",
            "0 0 * * 7",
            "0 0 1,15 jan-mar MON-FRI",
            "@hourly",
            " 5  4 * * sun ",
            "0-30/10 * * * *",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, field) in [
            ("60 * * * *", "minute"),
            ("0 24 * * *", "hour"),
            ("0 0 0 * *", "day of month"),
            ("0 0 * 13 *", "month"),
            ("0 0 * * 8", "day of week"),
            ("1,,2 * * * *", "minute"),
            ("5/2 * * * *", "minute"),
            ("*/0 * * * *", "minute"),
            ("30-10 * * * *", "minute"),
            ("JAN * * * *", "minute"),
            ("+5 * * * *", "minute"),
        ] {
            assert!(check(bad).is_err_and(|why| why.starts_with(field)), "{bad}: {:?}", check(bad));
        }
        for bad in ["", "* * * *", "0 0 1 1 * 2027", "@reboot", "often"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check(&format!("{} * * * *", "1,".repeat(200))).is_err());
    }
}
