//! What happened in a history, a line each.

use std::sync::{Arc, Mutex, PoisonError};

/// The lines of a history. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Trace {
    lines: Arc<Mutex<Vec<String>>>,
    /// Small steps are told, too.
    is_thorough: bool,
}

impl Trace {
    /// One that tells of every transaction and every call.
    pub(crate) fn thorough() -> Self {
        Self { is_thorough: true, ..Self::default() }
    }

    pub(crate) fn note(&self, line: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub(crate) fn detail(&self, line: impl FnOnce() -> String) {
        if self.is_thorough {
            self.note(line());
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
