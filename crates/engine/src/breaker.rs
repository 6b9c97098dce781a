//! The breaker: a field that our own writes throw to and fro is stopped. Pure.
//!
//! Of each field that was written after its pair was made, the last writes are kept beside the bases. Two things do not
//! happen while people work: one field written ten times within ten minutes with the same few values, or on both
//! sides; and the two sides answering each other twice with the same two values.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use syncline_domain::{Side, Timestamp};

/// Writes older than this are forgotten.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// So many writes within the window are one too many.
const MOST: usize = 10;

/// Ten writes of no more values than this are a dance, also where only one side is written.
const FEW_VALUES: usize = 5;

/// How many letters of a value's fingerprint are kept.
const SHORT: usize = 12;

/// The last writes of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trail {
    /// Instant in microseconds, side, and the value's short name.
    writes: Vec<(i64, Side, String)>,
    /// It was stopped, and nobody has decided since.
    #[serde(default)]
    stopped: bool,
}

impl Trail {
    /// From the store; what cannot be read was never written.
    pub(crate) fn read(value: &Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    /// For the store.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether a breaker has stopped the field.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The trail after the breaker stopped the field.
    pub(crate) fn stop(&self) -> Self {
        Self { stopped: true, ..self.clone() }
    }

    /// The trail after one more write.
    pub(crate) fn after(&self, side: Side, fingerprint: &str, now: Timestamp) -> Self {
        let mut writes = self.recent(now);
        writes.push((now.micros(), side, short(fingerprint)));
        let surplus = writes.len().saturating_sub(MOST);
        Self { writes: writes.split_off(surplus), stopped: false }
    }

    fn recent(&self, now: Timestamp) -> Vec<(i64, Side, String)> {
        let since = now.before(WINDOW).micros();
        self.writes.iter().filter(|(at, ..)| *at > since).cloned().collect()
    }

    /// Why one more write must not be sent.
    pub(crate) fn objects(&self, side: Side, fingerprint: &str, now: Timestamp) -> Option<String> {
        let mut writes = self.recent(now);
        let answers = writes.iter().rev().zip(writes.iter().rev().skip(1)).take(3);
        let swaps = answers.filter(|((_, one, _), (_, other, _))| one != other).count() == 3;
        if let (true, [.., a, b, c, d]) = (swaps, writes.as_slice())
            && a.2 == c.2
            && b.2 == d.2
            && c.1 == side
            && c.2 == short(fingerprint)
        {
            return Some(
                "the two sides answered each other twice with the same two values; something \
                 changes what is written to them"
                    .to_owned(),
            );
        }
        let so_far = writes.len();
        writes.push((now.micros(), side, short(fingerprint)));
        let is_on_both = writes.iter().any(|(_, one, _)| *one != side);
        let mut values: Vec<&String> = writes.iter().map(|(_, _, name)| name).collect();
        values.sort_unstable();
        values.dedup();
        (so_far >= MOST && (is_on_both || values.len() <= FEW_VALUES)).then(|| {
            format!("it was written {so_far} times within ten minutes; something changes it back")
        })
    }
}

fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    /// How many of these writes are let through.
    fn let_through(writes: impl IntoIterator<Item = (i64, Side, String)>) -> usize {
        let mut trail = Trail::default();
        let mut count = 0;
        for (second, side, value) in writes {
            if trail.objects(side, &value, at(second)).is_some() {
                break;
            }
            trail = Trail::read(&trail.after(side, &value, at(second)).to_value());
            count += 1;
        }
        count
    }

    fn turns(n: usize) -> Side {
        if n.is_multiple_of(2) { Side::Target } else { Side::Source }
    }

    #[test]
    fn a_dance_is_stopped_and_people_are_not() {
        use Side::Target;
        let seconds = |n: usize| i64::try_from(n).unwrap() * 5;
        let dance = (0..100).map(|n| (seconds(n), turns(n), format!("{}", n % 2)));
        assert_eq!(let_through(dance), 4, "the two sides answer each other");
        let growing = (0..100).map(|n| (seconds(n), turns(n), format!("value {n}")));
        assert_eq!(let_through(growing), 10, "each answer is longer");
        let toggled = (0..100).map(|n| (seconds(n), Target, format!("{}", n % 3)));
        assert_eq!(let_through(toggled), 10, "another configuration changes it back");
        let progress = (0..100).map(|n| (seconds(n), Target, format!("{n} %")));
        assert_eq!(let_through(progress), 100, "a value that moves on");
        let slow = (0..100).map(|n| (seconds(n) * 30, turns(n), format!("value {n}")));
        assert_eq!(let_through(slow), 100, "an edit every two minutes");
        let back = [(0, Target, "a"), (9, Target, "b"), (20, Target, "a"), (30, Target, "b")];
        assert_eq!(let_through(back.map(|(s, side, v)| (s, side, v.to_owned()))), 4);
    }
}
