//! Rows under ascending ids, shared until written: a snapshot shares whole tables, a copied table its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A table whose rows are copied on the first write after a snapshot.
#[derive(Debug)]
pub(super) struct Table<V> {
    rows: Arc<BTreeMap<i64, Arc<V>>>,
    last: i64,
}

impl<V> Clone for Table<V> {
    fn clone(&self) -> Self {
        Self { rows: Arc::clone(&self.rows), last: self.last }
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { rows: Arc::default(), last: 0 }
    }
}

impl<V: Clone> Table<V> {
    /// Adds a row under the next id.
    pub(super) fn add(&mut self, make: impl FnOnce(i64) -> V) -> i64 {
        self.last += 1;
        Arc::make_mut(&mut self.rows).insert(self.last, Arc::new(make(self.last)));
        self.last
    }

    pub(super) fn get(&self, id: i64) -> Option<&V> {
        self.rows.get(&id).map(AsRef::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: i64) -> Option<&mut V> {
        if !self.rows.contains_key(&id) {
            return None;
        }
        Arc::make_mut(&mut self.rows).get_mut(&id).map(Arc::make_mut)
    }

    pub(super) fn remove(&mut self, id: i64) -> Option<Arc<V>> {
        if self.rows.contains_key(&id) { Arc::make_mut(&mut self.rows).remove(&id) } else { None }
    }

    /// All rows, by id.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.values().map(AsRef::as_ref)
    }

    /// Rows with an id above `after`.
    pub(super) fn above(&self, after: i64) -> impl DoubleEndedIterator<Item = &V> {
        self.rows
            .range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded))
            .map(|(_, row)| row.as_ref())
    }

    /// Removes every row that does not pass.
    pub(super) fn keep(&mut self, mut passes: impl FnMut(&V) -> bool) {
        if !self.rows.values().all(|row| passes(row)) {
            Arc::make_mut(&mut self.rows).retain(|_, row| passes(row));
        }
    }

    /// Removes rows that are old, those with the lowest ids first, at most `limit`; answers how many.
    pub(super) fn prune(&mut self, limit: usize, old: impl Fn(&V) -> bool) -> u64 {
        let found = self.rows.iter().filter(|(_, row)| old(row)).map(|(id, _)| *id);
        let ids: Vec<i64> = found.take(limit).collect();
        for id in &ids {
            self.remove(*id);
        }
        u64::try_from(ids.len()).unwrap_or(u64::MAX)
    }
}

/// Rows under a natural key, shared until written.
#[derive(Debug)]
pub(super) struct Keyed<K, V> {
    rows: Arc<BTreeMap<K, Arc<V>>>,
}

impl<K, V> Clone for Keyed<K, V> {
    fn clone(&self) -> Self {
        Self { rows: Arc::clone(&self.rows) }
    }
}

impl<K, V> Default for Keyed<K, V> {
    fn default() -> Self {
        Self { rows: Arc::default() }
    }
}

impl<K: Ord + Clone, V: Clone> Keyed<K, V> {
    pub(super) fn put(&mut self, key: K, row: V) {
        Arc::make_mut(&mut self.rows).insert(key, Arc::new(row));
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(AsRef::as_ref)
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        if self.rows.contains_key(key) { Arc::make_mut(&mut self.rows).remove(key) } else { None }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, row.as_ref()))
    }

    /// Rows with a key at or after `first`.
    pub(super) fn from(&self, first: K) -> impl Iterator<Item = (&K, &V)> {
        self.rows.range(first..).map(|(key, row)| (key, row.as_ref()))
    }

    pub(super) fn keep(&mut self, mut passes: impl FnMut(&K, &V) -> bool) {
        if !self.rows.iter().all(|(key, row)| passes(key, row)) {
            Arc::make_mut(&mut self.rows).retain(|key, row| passes(key, row));
        }
    }
}
