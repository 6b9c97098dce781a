//! The order of pages: several may be in work, and their cursors are committed one after the other.

use syncline_domain::{Side, SyncConfig};
use tokio::sync::oneshot;

use crate::course::Course;
use crate::error::Stop;
use crate::pass::Pass;

/// A page's place in the order of commits. Dropped without [`Turn::pass_on`], no later page moves the cursor.
pub(crate) struct Turn {
    before: Option<oneshot::Receiver<bool>>,
    after: Option<oneshot::Sender<bool>>,
    /// What the page before said, once it said it.
    said: bool,
}

impl Turn {
    /// The turn of a page that stands alone.
    pub(crate) const fn alone() -> Self {
        Self { before: None, after: None, said: true }
    }

    /// The turn of the page after this one.
    pub(crate) fn next(&mut self) -> Self {
        let (after, before) = oneshot::channel();
        self.after = Some(after);
        Self { before: Some(before), after: None, said: true }
    }

    /// Waits for the pages before. True when each of them was done with to its last item.
    pub(crate) async fn come(&mut self) -> bool {
        if let Some(before) = self.before.take() {
            self.said = before.await.unwrap_or(false);
        }
        self.said
    }

    /// Lets the next page commit; `all_done` says whether it may move the cursor.
    pub(crate) fn pass_on(mut self, all_done: bool) {
        // Nobody waits behind the last page.
        let _ = self.after.take().map(|after| after.send(all_done));
    }
}

/// Once a first walk has a cursor, going on from it reads everything that is left: a run that dies now need not begin
/// again.
pub(crate) async fn cursor_leads_on(course: &Course, pass: &Pass) -> Result<(), Stop> {
    let config = &pass.spec.config;
    let is_first = course.is_live() && config.needs_full && !pass.two_way;
    if !is_first || !course.becomes_resumable() || pass.read != Side::Source {
        return Ok(());
    }
    let (id, version) = (config.id, config.version);
    course
        .fenced("first_cursor", move |tx| {
            match tx.config(id)?.filter(|row| row.needs_full && row.version == version) {
                Some(row) => tx.update_config(&SyncConfig { needs_full: false, ..row }),
                None => Ok(()),
            }
        })
        .await
}
