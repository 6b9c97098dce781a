//! Logs on stderr: text for people at a terminal, one JSON object a line otherwise.

use std::io::{IsTerminal as _, Write as _};

use env_logger::{Builder, Env};
use log::kv::{Error, Key, Value as LogValue, VisitSource};
use serde_json::{Map, Value};

/// Starts logging. `RUST_LOG` says what; a second call does nothing.
pub(crate) fn init(default: &str) {
    let mut builder = Builder::from_env(Env::default().default_filter_or(default));
    if !std::io::stderr().is_terminal() {
        builder.format(|out, record| {
            let mut line = Map::new();
            line.insert("at".to_owned(), Value::String(out.timestamp_millis().to_string()));
            line.insert(
                "level".to_owned(),
                Value::String(record.level().to_string().to_lowercase()),
            );
            line.insert("target".to_owned(), Value::String(record.target().to_owned()));
            line.insert("message".to_owned(), Value::String(record.args().to_string()));
            // A value that cannot be shown is left out; the line itself must go out.
            drop(record.key_values().visit(&mut Collect(&mut line)));
            writeln!(out, "{}", Value::Object(line))
        });
    }
    // Fails only when a logger is there already, as in tests.
    drop(builder.try_init());
}

struct Collect<'a>(&'a mut Map<String, Value>);

impl<'kvs> VisitSource<'kvs> for Collect<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: LogValue<'kvs>) -> Result<(), Error> {
        let value = match (value.to_i64(), value.to_bool()) {
            (Some(int), _) => Value::from(int),
            (None, Some(flag)) => Value::Bool(flag),
            (None, None) => Value::String(value.to_string()),
        };
        self.0.insert(key.to_string(), value);
        Ok(())
    }
}
