//! Dates: RFC 3339 and ISO 8601 in, UTC out unless a zone is named.

use std::fmt;

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{
    DateTime, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat,
    TimeZone, Utc,
};
use chrono_tz::Tz;
use serde_json::Value;

use super::{Args, Made, Step, text_of};
use crate::convert::shown;

/// A day, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Date {
    Day(NaiveDate),
    Instant(DateTime<Utc>),
}

/// The canonical form: `YYYY-MM-DD`, or RFC 3339 in UTC with milliseconds.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Instant(instant) => {
                f.write_str(&instant.to_rfc3339_opts(SecondsFormat::Millis, true))
            }
        }
    }
}

/// Reads RFC 3339, ISO 8601 without an offset (then it is UTC), or a plain date.
///
/// # Errors
/// What the text is not.
pub(crate) fn read_date(text: &str) -> Result<Date, String> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(Date::Instant(instant.with_timezone(&Utc)));
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(Date::Day(day));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"] {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Ok(Date::Instant(instant.with_timezone(&Utc)));
        }
    }
    for format in
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
    {
        if let Ok(local) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(Date::Instant(local.and_utc()));
        }
    }
    Err(format!(
        "{} is no ISO-8601 date; read it with parseDate first",
        shown(&Value::String(text.to_owned()))
    ))
}

fn date_of(value: &Value) -> Result<Date, String> {
    match value {
        Value::String(text) => read_date(text),
        other => Err(format!("{} is no date; dates are ISO-8601 text", shown(other))),
    }
}

pub(super) fn iso(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| {
        let instant = match date_of(value)? {
            Date::Instant(instant) => instant,
            Date::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
        };
        Ok(Date::Instant(instant).to_string().into())
    }))
}

pub(super) fn short(args: &Args) -> Result<Step, String> {
    let zone = zone_of(args)?;
    Ok(Box::new(move |value, _| {
        let day = match date_of(value)? {
            Date::Day(day) => day,
            Date::Instant(instant) => zone.day_of(instant),
        };
        Ok(day.to_string().into())
    }))
}

pub(super) fn parse(args: &Args) -> Result<Step, String> {
    let zone = zone_of(args)?;
    let format = percent_format(&args.text("format")?);
    let items: Vec<Item<'static>> = StrftimeItems::new(&format)
        .parse_to_owned()
        .map_err(|_| "format is no date format; use such as %d.%m.%Y %H:%M or dd.MM.yyyy HH:mm")?;
    Ok(Box::new(move |value, _| {
        let text = text_of(value)?;
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text.trim(), items.iter())
            .map_err(|_| format!("{} is not of the form {format}", shown(value)))?;
        settled(&parsed, &zone)
            .map(|date| Made::from(date.to_string()))
            .map_err(|why| format!("{} {why}", shown(value)))
    }))
}

fn settled(parsed: &Parsed, zone: &Zone) -> Result<Date, String> {
    if let Ok(instant) = parsed.to_datetime() {
        return Ok(Date::Instant(instant.with_timezone(&Utc)));
    }
    let day = parsed.to_naive_date().map_err(|_| "has no whole date in it".to_owned())?;
    if parsed.hour_div_12().is_none() && parsed.hour_mod_12().is_none() {
        return Ok(Date::Day(day));
    }
    let mut with_minutes = parsed.clone();
    if parsed.minute().is_none() {
        // A format such as `%H` alone means the full hour.
        let _ = with_minutes.set_minute(0);
    }
    let time = with_minutes.to_naive_time().map_err(|_| "has no whole time in it".to_owned())?;
    zone.instant_of(day.and_time(time)).map(Date::Instant)
}

/// Pattern letters as spreadsheets and Java know them, made percent signs; percent formats stay as they are.
fn percent_format(format: &str) -> String {
    if format.contains('%') {
        return format.to_owned();
    }
    const LETTERS: &[(&str, &str)] = &[
        ("yyyy", "%Y"),
        ("YYYY", "%Y"),
        ("MMMM", "%B"),
        ("MMM", "%b"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("DD", "%d"),
        ("HH", "%H"),
        ("hh", "%I"),
        ("mm", "%M"),
        ("ss", "%S"),
        ("SSS", "%3f"),
        ("a", "%p"),
        ("XXX", "%:z"),
        ("yy", "%y"),
        ("M", "%m"),
        ("d", "%d"),
        ("H", "%H"),
    ];
    let mut out = String::new();
    let mut rest = format;
    while !rest.is_empty() {
        let known =
            LETTERS.iter().find_map(|(letters, sign)| Some((rest.strip_prefix(letters)?, *sign)));
        if let Some((after, sign)) = known {
            out.push_str(sign);
            rest = after;
        } else {
            let mut signs = rest.chars();
            out.extend(signs.next());
            rest = signs.as_str();
        }
    }
    out
}

/// A zone by name, or a fixed distance from UTC.
enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

impl Zone {
    fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        match self {
            Self::Named(zone) => instant.with_timezone(zone).date_naive(),
            Self::Fixed(zone) => instant.with_timezone(zone).date_naive(),
        }
    }

    fn instant_of(&self, local: NaiveDateTime) -> Result<DateTime<Utc>, String> {
        let found = match self {
            Self::Named(zone) => zone.from_local_datetime(&local).map(|at| at.with_timezone(&Utc)),
            Self::Fixed(zone) => zone.from_local_datetime(&local).map(|at| at.with_timezone(&Utc)),
        };
        match found {
            // A clock that is put back shows an hour twice; the first is meant.
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => Ok(at),
            MappedLocalTime::None => Err("does not exist in that zone on that day".to_owned()),
        }
    }
}

fn zone_of(args: &Args) -> Result<Zone, String> {
    let Some(name) = args.text_if_given("zone")? else {
        return Ok(Zone::Named(Tz::UTC));
    };
    let name = name.trim();
    if name.is_empty() || name == "Z" {
        return Ok(Zone::Named(Tz::UTC));
    }
    if let Ok(zone) = name.parse::<Tz>() {
        return Ok(Zone::Named(zone));
    }
    name.parse::<FixedOffset>()
        .map(Zone::Fixed)
        .map_err(|_| format!("{name:?} is no time zone; use such as Europe/Berlin or +02:00"))
}
