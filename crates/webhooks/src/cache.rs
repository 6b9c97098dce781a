//! Opened webhooks, kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::opened::Opened;

/// How long an opened webhook is kept. What the revision does not tell (another kind of tracker) shows after this.
const KEPT: Duration = Duration::from_secs(30);

/// How many are kept. Only stored webhooks get in, so this is far more than anybody has.
const MOST: usize = 4_096;

/// Opened webhooks by token. Whoever uses one proves in its transaction that the revision is still the stored one.
#[derive(Default)]
pub(crate) struct Cache {
    kept: Mutex<HashMap<String, (Arc<Opened>, Duration)>>,
}

impl Cache {
    /// One that was put in less than [`KEPT`] ago.
    pub(crate) fn get(&self, token: &str, now: Duration) -> Option<Arc<Opened>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (opened, at) = kept.get(token)?;
        (now.saturating_sub(*at) < KEPT).then(|| Arc::clone(opened))
    }

    /// Keeps one.
    pub(crate) fn put(&self, opened: Arc<Opened>, now: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(opened.row.token.clone(), (opened, now));
    }

    /// Forgets one that is gone.
    pub(crate) fn forget(&self, token: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }
}
