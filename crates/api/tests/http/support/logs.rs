//! Everything the program logs, at every level.

use std::sync::{Mutex, Once, PoisonError};

struct Keeper;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut line = format!("{} {}", record.target(), record.args());
        let _ = record.key_values().visit(&mut Pairs(&mut line));
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> log::kv::VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(
        &mut self,
        key: log::kv::Key<'kvs>,
        value: log::kv::Value<'kvs>,
    ) -> Result<(), log::kv::Error> {
        self.0.push_str(&format!(" {key}={value}"));
        Ok(())
    }
}

/// Starts keeping log lines, once for the whole program.
pub(crate) fn keep() {
    ONCE.call_once(|| {
        log::set_logger(&Keeper).expect("no other logger in these tests");
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// All lines so far, of all tests.
pub(crate) fn captured() -> String {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
}
