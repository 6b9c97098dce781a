//! Status rules: which status a copy gets, and which statuses say the same so that nothing bounces.

use std::collections::HashMap;

use syncline_domain::{Side, StatusSchema, TypePair};

/// The status rules of one pair of types, turned to the side that is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatusMap {
    by_read: HashMap<String, String>,
    listed: Vec<(String, String)>,
    names: HashMap<String, String>,
    /// Statuses that only paused rules name, with the reason.
    paused: HashMap<String, String>,
}

impl StatusMap {
    /// `None` when the pair has no status rules, paused ones included: nobody else decides the status while they rest.
    pub(crate) fn compile(pair: &TypePair, read_side: Side) -> Option<Self> {
        if pair.statuses.is_empty() && pair.paused.statuses.is_empty() {
            return None;
        }
        let mut map = Self::default();
        for status in &pair.end(read_side).statuses {
            map.names.insert(key(&status.name), key(&status.value));
        }
        for (source, target) in &pair.statuses {
            let (read, written) = turned(source, target, read_side);
            map.listed.push((key(&read.value), key(&written.value)));
            map.names.entry(key(&read.name)).or_insert_with(|| key(&read.value));
            let chosen = choose(&pair.statuses, read, read_side);
            map.by_read.insert(key(&read.value), chosen.value.clone());
        }
        for rule in &pair.paused.statuses {
            let (read, _) = turned(&rule.source, &rule.target, read_side);
            map.names.entry(key(&read.name)).or_insert_with(|| key(&read.value));
            if !map.by_read.contains_key(&key(&read.value)) {
                map.paused.entry(key(&read.value)).or_insert_with(|| rule.reason.clone());
            }
        }
        Some(map)
    }

    /// The status value to write for a status value (or name) that was read.
    pub(crate) fn written(&self, read: &str) -> Option<&str> {
        let read = key(read);
        self.by_read
            .get(&read)
            .or_else(|| self.by_read.get(self.names.get(&read)?))
            .map(String::as_str)
    }

    /// Why nothing is written for a status (value or name) that was read, where every rule that names it is paused.
    pub(crate) fn paused(&self, read: &str) -> Option<&str> {
        let read = key(read);
        let named = || self.paused.get(self.names.get(&read)?);
        self.paused.get(&read).or_else(named).map(String::as_str)
    }

    /// Whether the two statuses already say the same.
    pub(crate) fn equivalent(&self, read: &str, written: &str) -> bool {
        let wanted = key(written);
        if self.written(read).is_some_and(|status| key(status) == wanted) {
            return true;
        }
        let read = key(read);
        let read = self.names.get(&read).unwrap_or(&read);
        self.listed.iter().any(|(left, right)| left == read && *right == wanted)
    }
}

/// Statuses are compared without letter case and outer blanks.
pub(crate) fn key(status: &str) -> String {
    status.trim().to_lowercase()
}

/// Among the statuses that rules name for `read`, the first of its own category, else the first listed.
///
/// Forward, a status has one partner and the first listed is meant; backward, several sources may share a target.
fn choose<'a>(
    rules: &'a [(StatusSchema, StatusSchema)],
    read: &'a StatusSchema,
    read_side: Side,
) -> &'a StatusSchema {
    let mut partners = rules
        .iter()
        .map(|(source, target)| turned(source, target, read_side))
        .filter(|(left, _)| key(&left.value) == key(&read.value))
        .map(|(_, right)| right);
    let first = partners.next().unwrap_or(read);
    if read_side == Side::Source || first.category == read.category {
        return first;
    }
    partners.find(|right| right.category == read.category).unwrap_or(first)
}

const fn turned<'a>(
    source: &'a StatusSchema,
    target: &'a StatusSchema,
    read_side: Side,
) -> (&'a StatusSchema, &'a StatusSchema) {
    match read_side {
        Side::Source => (source, target),
        Side::Target => (target, source),
    }
}
