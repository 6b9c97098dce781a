//! Reading a query string: every fault at once, unknown parameters become warnings.

use std::collections::BTreeSet;
use std::str::FromStr;

use syncline_domain::{Fault, FieldFault, UnknownWord};

/// Items of a list when nobody says how many.
pub(crate) const LIMIT_DEFAULT: usize = 50;
/// Items of a list at most.
pub(crate) const LIMIT_MAX: usize = 500;

/// `offset` and `limit`. Deep pages are what `cursor` is for.
pub(crate) fn page(q: &mut Params) -> (usize, usize) {
    (q.count("offset", 0, 10_000).unwrap_or(0), q.limit(LIMIT_DEFAULT))
}

/// A query string that is being read.
#[derive(Debug, Default)]
pub(crate) struct Params {
    given: Vec<(String, String)>,
    known: BTreeSet<&'static str>,
    faults: Vec<FieldFault>,
}

impl Params {
    /// Takes a query string apart; a parameter given twice is a fault.
    pub(crate) fn new(query: &str) -> Self {
        let given: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut seen = BTreeSet::new();
        let mut twice = BTreeSet::new();
        for (name, _) in &given {
            if !seen.insert(name.clone()) {
                twice.insert(name.clone());
            }
        }
        let faults = twice
            .into_iter()
            .map(|name| FieldFault::new(name, "it is given twice; send it once"))
            .collect();
        Self { given, known: BTreeSet::new(), faults }
    }

    /// A text; empty counts as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.insert(name);
        let value =
            self.given.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())?;
        if value.contains('\0') || value.chars().count() > 1_000 {
            self.fault(name, "it holds a NUL character or more than 1000 characters");
            return None;
        }
        (!value.is_empty()).then_some(value)
    }

    /// True or false, also as 1 or 0.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let text = self.text(name)?;
        match text.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.fault(name, format!("{text:?} is neither true nor false"));
                None
            }
        }
    }

    /// One of our own ids.
    pub(crate) fn id<T: From<i64>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(id) if id > 0 => Some(T::from(id)),
            _ => {
                self.fault(name, format!("{text:?} is no id; use a whole number above 0"));
                None
            }
        }
    }

    /// One of our own ids that must be given.
    pub(crate) fn required_id<T: From<i64> + Default>(&mut self, name: &'static str) -> T {
        let absent = self.text(name).is_none();
        if absent {
            self.fault(name, "it is required");
        }
        self.id(name).unwrap_or_default()
    }

    /// A whole number within bounds.
    pub(crate) fn count(&mut self, name: &'static str, least: usize, most: usize) -> Option<usize> {
        let text = self.text(name)?;
        match text.parse::<usize>() {
            Ok(n) if (least..=most).contains(&n) => Some(n),
            _ => {
                self.fault(name, format!("{text:?} is out of range; use {least} to {most}"));
                None
            }
        }
    }

    /// `limit`, 1 to 500, with a default.
    pub(crate) fn limit(&mut self, default: usize) -> usize {
        self.count("limit", 1, LIMIT_MAX).unwrap_or(default)
    }

    /// `limit` of a list that answers everything unless it is given.
    pub(crate) fn optional_limit(&mut self) -> Option<usize> {
        self.count("limit", 1, LIMIT_MAX)
    }

    /// `offset`, 0 unless given.
    pub(crate) fn offset(&mut self) -> usize {
        self.count("offset", 0, 1_000_000_000).unwrap_or(0)
    }

    /// One of a closed set of words.
    pub(crate) fn word<T: FromStr<Err = UnknownWord>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(word) => Some(word),
            Err(unknown) => {
                self.fault(name, unknown.to_string());
                None
            }
        }
    }

    /// Keeps a fault.
    pub(crate) fn fault(&mut self, name: &str, message: impl Into<String>) {
        let message = message.into();
        if !self.faults.iter().any(|fault| fault.path == name) {
            self.faults.push(FieldFault::new(name, message));
        }
    }

    /// Ends the reading: warnings about unknown parameters.
    pub(crate) fn finish(&mut self) -> Result<Vec<String>, Fault> {
        if !self.faults.is_empty() {
            return Err(Fault::Invalid(std::mem::take(&mut self.faults)));
        }
        let unknown = self.given.iter().filter(|(key, _)| !self.known.contains(key.as_str()));
        Ok(unknown.map(|(key, _)| format!("parameter {key} is unknown and was ignored")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_domain::ConfigId;

    #[test]
    fn wrong_parameters_are_named_and_unknown_ones_warned_of() {
        let mut params = Params::new("limit=0&active=maybe&id=x&twice=1&twice=2");
        params.limit(LIMIT_DEFAULT);
        params.flag("active");
        params.id::<ConfigId>("id");
        params.required_id::<ConfigId>("connector_id");
        let Err(Fault::Invalid(faults)) = params.finish() else { panic!("it must fail") };
        let mut names: Vec<&str> = faults.iter().map(|f| f.path.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["active", "connector_id", "id", "limit", "twice"]);

        let mut params = Params::new("limit=7&colour=red");
        assert_eq!(params.limit(LIMIT_DEFAULT), 7);
        assert_eq!(params.finish().unwrap(), ["parameter colour is unknown and was ignored"]);
    }
}
