//! Reading a JSON body field by field: every fault at once, each with its place; unknown fields become warnings.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde_json::{Map, Value};
use syncline_domain::{Fault, FieldFault, UnknownWord};

/// The longest text of a name.
pub const NAME_MAX: usize = 200;
/// The longest text of anything else.
pub const TEXT_MAX: usize = 10_000;

/// A JSON object that is being read.
///
/// Readers answer `None` for an absent field and also for a wrong one, whose fault is kept; [`Body::finish`] tells.
#[derive(Debug)]
pub struct Body {
    map: Map<String, Value>,
    at: String,
    faults: Vec<FieldFault>,
    warnings: Vec<String>,
    known: BTreeSet<String>,
}

impl Body {
    /// Takes a whole body.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when it is no JSON object.
    pub fn new(value: Value) -> Result<Self, Fault> {
        Self::nested(value, "").map_err(|fault| Fault::Invalid(vec![fault]))
    }

    /// Takes an object inside a body; `at` is its JSON pointer.
    ///
    /// # Errors
    /// The fault when it is no object.
    pub fn nested(value: Value, at: &str) -> Result<Self, FieldFault> {
        match value {
            Value::Object(map) => Ok(Self {
                map,
                at: at.to_owned(),
                faults: Vec::new(),
                warnings: Vec::new(),
                known: BTreeSet::new(),
            }),
            other => {
                Err(FieldFault::new(at, format!("this is {}; send a JSON object", kind_of(&other))))
            }
        }
    }

    /// The JSON pointer of a field.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    /// Keeps a fault of a field.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        let path = self.path(name);
        self.faults.push(FieldFault::new(path, message));
    }

    /// Keeps faults found inside a field, or, without a name, inside this object; their paths are relative to it.
    pub fn faults_below(&mut self, name: &str, faults: Vec<FieldFault>) {
        let at = if name.is_empty() { self.at.clone() } else { self.path(name) };
        for fault in faults {
            let gap = if fault.path.is_empty() || fault.path.starts_with('/') { "" } else { "/" };
            let path = format!("{at}{gap}{}", fault.path);
            self.faults.push(FieldFault::new(path, fault.message));
        }
    }

    /// Whether a field is given, null included.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// A field as it is; null counts as absent.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.known.insert(name.to_owned());
        self.map.get(name).filter(|value| !value.is_null()).cloned()
    }

    /// A field as it is, null included: `Some(None)` says "clear it".
    pub fn nullable(&mut self, name: &str) -> Option<Option<Value>> {
        self.known.insert(name.to_owned());
        self.map.get(name).map(|value| if value.is_null() { None } else { Some(value.clone()) })
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => self.checked_text(name, text, TEXT_MAX),
            other => self.wrong(name, &other, "a text"),
        }
    }

    /// A text, or null to clear it.
    pub fn nullable_text(&mut self, name: &str) -> Option<Option<String>> {
        match self.nullable(name)? {
            None => Some(None),
            Some(Value::String(text)) => self.checked_text(name, text, TEXT_MAX).map(Some),
            Some(other) => self.wrong(name, &other, "a text or null"),
        }
    }

    /// A name: neither blank nor long nor with control characters; blanks at its ends go.
    pub fn name(&mut self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text,
            other => return self.wrong(name, &other, "a text"),
        };
        let text = self.checked_text(name, text, NAME_MAX)?.trim().to_owned();
        if text.is_empty() {
            self.fault(name, "it is empty; give it a text");
            return None;
        }
        if text.chars().any(char::is_control) {
            self.fault(name, "it holds control characters; leave them out");
            return None;
        }
        Some(text)
    }

    /// A name that must be given.
    pub fn required_name(&mut self, name: &str) -> Option<String> {
        if self.missing(name) { None } else { self.name(name) }
    }

    /// True or false, also as 1 or 0.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(flag),
            Value::Number(n) if n.as_i64() == Some(1) => Some(true),
            Value::Number(n) if n.as_i64() == Some(0) => Some(false),
            other => self.wrong(name, &other, "true or false"),
        }
    }

    /// A whole number within bounds.
    pub fn int(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.value(name)?;
        match value.as_i64() {
            Some(n) if (least..=most).contains(&n) => Some(n),
            Some(n) => {
                self.fault(name, format!("{n} is out of range; use {least} to {most}"));
                None
            }
            None => self.wrong(name, &value, "a whole number"),
        }
    }

    /// One of our own ids.
    pub fn id<T: From<i64>>(&mut self, name: &str) -> Option<T> {
        self.int(name, 1, i64::MAX).map(T::from)
    }

    /// One of our own ids that must be given.
    pub fn required_id<T: From<i64>>(&mut self, name: &str) -> Option<T> {
        if self.missing(name) { None } else { self.id(name) }
    }

    /// A list of our own ids.
    pub fn ids<T: From<i64>>(&mut self, name: &str) -> Option<Vec<T>> {
        let parts = self.list(name)?;
        let mut ids = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            match part.as_i64().filter(|id| *id > 0) {
                Some(id) => ids.push(T::from(id)),
                None => self.fault(&format!("{name}/{index}"), "use a whole number above 0"),
            }
        }
        Some(ids)
    }

    /// One of a closed set of words.
    pub fn word<T: FromStr<Err = UnknownWord>>(&mut self, name: &str) -> Option<T> {
        match self.value(name)? {
            Value::String(text) => match text.parse() {
                Ok(word) => Some(word),
                Err(unknown) => {
                    self.fault(name, unknown.to_string());
                    None
                }
            },
            other => self.wrong(name, &other, "a text"),
        }
    }

    /// One of a closed set of words that must be given.
    pub fn required_word<T: FromStr<Err = UnknownWord>>(&mut self, name: &str) -> Option<T> {
        if self.missing(name) { None } else { self.word(name) }
    }

    /// A list.
    pub fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.value(name)? {
            Value::Array(parts) => Some(parts),
            other => self.wrong(name, &other, "a list"),
        }
    }

    /// An object.
    pub fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.value(name)? {
            Value::Object(map) => Some(map),
            other => self.wrong(name, &other, "an object"),
        }
    }

    /// Keeps a fault when a field is absent or null.
    pub fn missing(&mut self, name: &str) -> bool {
        let missing = self.map.get(name).is_none_or(Value::is_null);
        if missing {
            self.known.insert(name.to_owned());
            self.fault(name, "it is required");
        }
        missing
    }

    /// Takes over the faults and warnings of an object inside this one.
    pub fn absorb(&mut self, inner: Self) {
        self.warnings.extend(inner.unknown());
        self.warnings.extend(inner.warnings);
        self.faults.extend(inner.faults);
    }

    /// Keeps a warning; [`Body::finish`] answers it.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// The faults so far.
    #[must_use]
    pub fn faults(&self) -> &[FieldFault] {
        &self.faults
    }

    /// Ends the reading: warnings about unknown fields, of objects inside this one, too.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault that was found.
    pub fn finish(self) -> Result<Vec<String>, Fault> {
        if !self.faults.is_empty() {
            return Err(Fault::Invalid(self.faults));
        }
        let mut warnings = self.unknown();
        warnings.extend(self.warnings);
        Ok(warnings)
    }

    fn unknown(&self) -> Vec<String> {
        self.map
            .keys()
            .filter(|key| !self.known.contains(*key))
            .map(|key| {
                let key: String = key.chars().take(NAME_MAX).collect();
                format!("{} is unknown and was ignored", self.path(&key))
            })
            .collect()
    }

    fn checked_text(&mut self, name: &str, text: String, most: usize) -> Option<String> {
        if text.contains('\0') {
            self.fault(name, "it holds a NUL character; leave it out");
            return None;
        }
        if text.chars().count() > most {
            self.fault(name, format!("it is longer than {most} characters; shorten it"));
            return None;
        }
        Some(text)
    }

    fn wrong<T>(&mut self, name: &str, given: &Value, wanted: &str) -> Option<T> {
        self.fault(name, format!("this is {}; send {wanted}", kind_of(given)));
        None
    }
}

/// What kind of JSON value this is, in words.
#[must_use]
pub const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use syncline_domain::{ConfigId, Direction};

    #[test]
    fn all_faults_come_at_once_with_their_places() {
        let mut body = Body::new(json!({
            "name": " ", "direction": "sideways", "limit": -1, "active": "yes", "sync_config_id": 0
        }))
        .unwrap();
        assert_eq!(body.name("name"), None);
        assert_eq!(body.word::<Direction>("direction"), None);
        assert_eq!(body.int("limit", 1, 500), None);
        assert_eq!(body.flag("active"), None);
        assert_eq!(body.id::<ConfigId>("sync_config_id"), None);
        assert!(body.missing("target"));
        let Err(Fault::Invalid(faults)) = body.finish() else { panic!("it must fail") };
        let paths: Vec<&str> = faults.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(
            paths,
            ["/name", "/direction", "/limit", "/active", "/sync_config_id", "/target"]
        );
    }

    #[test]
    fn unknown_fields_are_told_not_swallowed() {
        let mut body = Body::new(json!({"name": "a", "nmae": "b"})).unwrap();
        assert_eq!(body.name("name").as_deref(), Some("a"));
        assert_eq!(body.finish().unwrap(), ["/nmae is unknown and was ignored"]);
    }

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        for wrong in [json!(null), json!([]), json!("x"), json!(1)] {
            assert!(Body::new(wrong).is_err());
        }
    }

    #[test]
    fn faults_of_parts_get_the_place_of_the_whole() {
        let mut body = Body::nested(json!({}), "/outer").unwrap();
        body.faults_below("", vec![FieldFault::new("a/0", "x"), FieldFault::new("/b", "x")]);
        body.faults_below("c", vec![FieldFault::new("d", "x"), FieldFault::new("", "x")]);
        let paths: Vec<&str> = body.faults().iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["/outer/a/0", "/outer/b", "/outer/c/d", "/outer/c"]);
    }

    #[test]
    fn flags_take_one_and_zero() {
        let mut body = Body::new(json!({"a": 1, "b": 0, "c": 2})).unwrap();
        assert_eq!(
            (body.flag("a"), body.flag("b"), body.flag("c")),
            (Some(true), Some(false), None)
        );
    }
}
