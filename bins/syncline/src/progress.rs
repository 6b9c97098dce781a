//! A progress bar on a terminal; nothing elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use syncline_domain::ports::{RunEvent, RunEvents};

/// Draws how a run goes on.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar on stderr when it is a terminal and text is wanted.
    pub(crate) fn new(json: bool) -> Self {
        let hidden = json || !std::io::stderr().is_terminal();
        let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::no_length() };
        // The template is ours and fixed; the default style is good enough should it not parse.
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} {elapsed} {wide_msg}")
        {
            bar.set_style(style);
        }
        Self { bar }
    }
}

impl RunEvents for Progress {
    fn emit(&self, event: RunEvent) {
        match event {
            RunEvent::Started { .. } => self.bar.reset(),
            RunEvent::Expected { items, .. } => self.bar.set_length(items),
            RunEvent::Item { title, state, totals, .. } => {
                self.bar.set_position(totals.total());
                self.bar.set_message(format!("{state}: {title}"));
            }
            RunEvent::Ended { .. } => self.bar.finish_and_clear(),
        }
    }
}
