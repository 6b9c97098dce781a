//! A second reading of crontab, as plain as can be: sets of numbers, and a walk minute by minute.

use std::collections::BTreeSet;

use chrono::{
    DateTime, Datelike as _, NaiveDateTime, TimeDelta, TimeZone as _, Timelike as _, Utc,
};
use syncline_domain::Timestamp;
use syncline_scheduler::Tz;

/// An expression as five sets: the plainest reading there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sets {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    pub(crate) days: BTreeSet<u32>,
    pub(crate) months: BTreeSet<u32>,
    week: BTreeSet<u32>,
    pub(crate) both_days: bool,
    pub(crate) wildcard: bool,
}

impl Sets {
    pub(crate) fn read(text: &str) -> Self {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let star = |at: usize| parts[at].starts_with('*');
        Self {
            minutes: numbers(parts[0], 0, 59),
            hours: numbers(parts[1], 0, 23),
            days: numbers(parts[2], 1, 31),
            months: numbers(parts[3], 1, 12),
            week: numbers(parts[4], 0, 7).into_iter().map(|day| day % 7).collect(),
            both_days: star(2) || star(4),
            wildcard: star(0) || star(1),
        }
    }

    /// Only what a sentence tells: when, not how clock changes are treated, nor how a rule without effect is spelt.
    pub(crate) fn meaning(mut self) -> Self {
        self.wildcard = false;
        if !self.both_days && (self.days.len() == 31 || self.week.len() == 7) {
            self.days = (1..=31).collect();
            self.week = (0..7).collect();
        }
        if self.days.len() == 31 || self.week.len() == 7 {
            self.both_days = true;
        }
        self
    }

    pub(crate) fn matches(&self, local: NaiveDateTime) -> bool {
        let day = self.days.contains(&local.day());
        let week = self.week.contains(&local.weekday().num_days_from_sunday());
        self.minutes.contains(&local.minute())
            && self.hours.contains(&local.hour())
            && self.months.contains(&local.month())
            && if self.both_days { day && week } else { day || week }
    }

    /// Whether a job runs at an instant, which is a whole minute.
    pub(crate) fn fires(&self, zone: Tz, at: DateTime<Utc>) -> bool {
        let local = zone.from_utc_datetime(&at.naive_utc()).naive_local();
        if self.wildcard {
            return self.matches(local);
        }
        let first_time =
            zone.from_local_datetime(&local).earliest().is_some_and(|first| first == at);
        let before =
            zone.from_utc_datetime(&(at - TimeDelta::minutes(1)).naive_utc()).naive_local();
        let skipped =
            (1..).map(|n| before + TimeDelta::minutes(n)).take_while(|missed| *missed < local);
        (first_time && self.matches(local))
            || skipped.into_iter().any(|missed| self.matches(missed))
    }
}

fn numbers(text: &str, low: u32, high: u32) -> BTreeSet<u32> {
    let names = "jan feb mar apr may jun jul aug sep oct nov dec";
    let days = "sun mon tue wed thu fri sat";
    let number = |text: &str| {
        let lower = text.to_lowercase();
        let place = |list: &str| list.split(' ').position(|name| name == lower);
        let named = place(names).map(|n| n + 1).or_else(|| place(days));
        named.map_or_else(|| text.parse().unwrap(), |n| u32::try_from(n).unwrap())
    };
    let term = |text: &str| {
        let (base, step) = text.split_once('/').unwrap_or((text, "1"));
        let (from, to) = match base.split_once('-') {
            _ if base == "*" => (low, high),
            Some((from, to)) => (number(from), number(to)),
            None => (number(base), number(base)),
        };
        (from..=to).step_by(step.parse().unwrap()).collect::<Vec<_>>()
    };
    text.split(',').flat_map(term).collect()
}

/// The first run after an instant within some days, found by asking of every minute.
pub(crate) fn walk(sets: &Sets, zone: Tz, from: Timestamp, days: i64) -> Option<Timestamp> {
    let first = from.secs().div_euclid(60) + 1;
    (first..=first + days * 1_440)
        .map(|minute| DateTime::from_timestamp(minute * 60, 0).unwrap())
        .find(|at| sets.fires(zone, *at))
        .map(|at| Timestamp::from_secs(at.timestamp()))
}
