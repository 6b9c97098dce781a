//! Tables from text to value: the `value_map` rule and the `valueMap` transformation.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::convert::plain_text;

/// The most entries a table may have.
const MAX_ENTRIES: usize = 10_000;

/// A table, ready for look-ups: exact first, then without letter case and outer blanks, then `*`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    exact: HashMap<String, Value>,
    folded: HashMap<String, Value>,
    rest: Option<Value>,
}

impl Table {
    /// From a JSON object.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        let Value::Object(entries) = value else {
            return Err(
                "the table must be an object such as {\"Open\": \"New\", \"*\": \"Other\"}"
                    .to_owned(),
            );
        };
        if entries.is_empty() {
            return Err("the table is empty; give it at least one entry".to_owned());
        }
        if entries.len() > MAX_ENTRIES {
            return Err(format!("the table has more than {MAX_ENTRIES} entries"));
        }
        let mut table = Self::default();
        for (from, to) in entries {
            if from == "*" {
                table.rest = Some(to.clone());
                continue;
            }
            table.exact.insert(from.clone(), to.clone());
            table.folded.entry(fold(from)).or_insert_with(|| to.clone());
        }
        Ok(table)
    }

    /// What the table says for a value; lists are looked up part by part.
    pub(crate) fn look_up(&self, value: &Value) -> Result<Value, String> {
        if let Value::Array(parts) = value {
            return parts
                .iter()
                .map(|part| self.look_up(part))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array);
        }
        let text = plain_text(value).ok_or("a table takes text, a number, true or false")?;
        self.exact
            .get(&text)
            .or_else(|| self.folded.get(&fold(&text)))
            .or(self.rest.as_ref())
            .cloned()
            .ok_or_else(|| {
                format!("{text:?} is not in the table; add an entry for it, or \"*\" for the rest")
            })
    }

    /// The table with its two columns exchanged, where each value stands once and nothing is left to `*`.
    pub(crate) fn turned(value: &Value) -> Option<Value> {
        let mut turned = Map::new();
        let mut seen = std::collections::HashSet::new();
        for (from, to) in value.as_object()? {
            if from == "*" || to.is_null() {
                return None;
            }
            let to = match to {
                Value::Array(_) | Value::Object(_) => return None,
                scalar => plain_text(scalar)?,
            };
            if !seen.insert(fold(&to)) {
                return None;
            }
            turned.insert(to, Value::String(from.clone()));
        }
        Some(Value::Object(turned))
    }
}

fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}
