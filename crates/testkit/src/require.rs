//! The rule for tests that need something this machine may not have.
//!
//! A test that cannot run says so in one line and passes. `SYNCLINE_REQUIRE` names what must be there (`postgres`,
//! `redmine`, `python`, `smtp`; a comma list): then the same test fails.

use std::io::Write as _;

/// The environment variable that names what must be there.
pub const REQUIRE: &str = "SYNCLINE_REQUIRE";

/// Whether `what` must be there.
#[must_use]
pub fn is_required(what: &str) -> bool {
    let list = std::env::var(REQUIRE).unwrap_or_default();
    named_in(&list, what)
}

/// Says in one line on standard error that the test is skipped, and answers false, so that a test can end with
/// `return` when it is told so.
///
/// # Panics
/// When `what` is required.
pub fn or_skip(what: &str, why: &str) -> bool {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(!is_required(what), "{test} needs {what}, which {REQUIRE} asks for: {why}");
    // The handle itself, since the test harness swallows what print macros write.
    let _ = writeln!(std::io::stderr(), "skipped {test}: no {what}: {why}");
    false
}

fn named_in(list: &str, what: &str) -> bool {
    list.split(',').any(|word| word.trim() == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_whole_words() {
        assert!(named_in("postgres, redmine", "redmine"));
        assert!(!named_in("postgresql", "postgres"));
        assert!(!named_in("", "postgres"));
    }
}
