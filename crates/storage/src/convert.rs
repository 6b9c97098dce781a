//! Between columns and the domain's values.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use syncline_domain::{Fault, Timestamp, UnknownWord};

/// Rows in one statement: below every limit on bound values, and small enough to be built quickly.
pub(crate) const CHUNK: usize = 500;

/// Writes a JSON column.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|error| Fault::Internal(format!("a value cannot be stored as JSON: {error}")))
}

/// Writes a JSON column that may be empty.
pub(crate) fn to_json_opt<T: Serialize>(value: Option<&T>) -> Result<Option<String>, Fault> {
    value.map(to_json).transpose()
}

/// Reads a JSON column; `what` names it in the fault.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::Internal(format!("the stored {what} is unreadable: {error}")))
}

/// Reads a JSON column that may be empty.
pub(crate) fn from_json_opt<T: DeserializeOwned>(
    text: Option<&str>,
    what: &str,
) -> Result<Option<T>, Fault> {
    text.map(|text| from_json(text, what)).transpose()
}

/// Reads a JSON value that may be absent; a stored `null` is a value.
pub(crate) fn value_opt(text: Option<&str>, what: &str) -> Result<Option<Value>, Fault> {
    from_json_opt(text, what)
}

/// Reads a word of a closed set.
pub(crate) fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error| Fault::Internal(format!("a stored word is unknown: {error}")))
}

/// A time column that may be empty.
pub(crate) fn time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

/// A limit or offset as the database takes it.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A number of rows.
pub(crate) fn count(rows: impl TryInto<u64>) -> u64 {
    rows.try_into().unwrap_or(u64::MAX)
}

/// All answers, or the first fault.
pub(crate) fn all<R, T>(
    rows: Vec<R>,
    convert: impl FnMut(R) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    rows.into_iter().map(convert).collect()
}
