//! The book of unproven calls: a row each while they are few, a number when they are many.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use syncline_domain::WebhookId;

use crate::window::Window;

/// Which unproven calls get a row, and how many did not.
pub(crate) struct Book {
    rows: Window<WebhookId>,
    unlogged: Mutex<HashMap<WebhookId, u64>>,
}

impl Book {
    pub(crate) fn new(rows_per_minute: u32) -> Self {
        Self { rows: Window::new(rows_per_minute, 4_096), unlogged: Mutex::default() }
    }

    /// Whether a call gets a row; with it goes the number of those since the last one that got none.
    pub(crate) fn row(&self, id: WebhookId, now: std::time::Duration) -> Option<u64> {
        if self.rows.admit(id, now).is_ok() {
            let mut unlogged = self.unlogged.lock().unwrap_or_else(PoisonError::into_inner);
            return Some(unlogged.remove(&id).unwrap_or(0));
        }
        self.count(id, 1);
        None
    }

    /// Counts calls that got no row.
    pub(crate) fn count(&self, id: WebhookId, calls: u64) {
        if calls > 0 {
            let mut unlogged = self.unlogged.lock().unwrap_or_else(PoisonError::into_inner);
            let sum = unlogged.entry(id).or_default();
            *sum = sum.saturating_add(calls);
        }
    }

    /// Takes all numbers out.
    pub(crate) fn take(&self) -> HashMap<WebhookId, u64> {
        std::mem::take(&mut *self.unlogged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
