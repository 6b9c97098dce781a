//! What mapping one item gives: values, faults, warnings, and on request the way there.

use serde::Serialize;
use serde_json::Value;
use syncline_domain::{FieldRef, Fields};

/// Which write the values are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// The other side has no copy yet.
    Create,
    /// The other side has a copy.
    Update,
}

/// One item, as the other side should have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    /// The type on the writing side.
    pub type_ref: String,
    /// The status value on the writing side; `None` leaves the status alone.
    pub status: Option<String>,
    /// Canonical values by field of the writing side, never the status field.
    ///
    /// On [`Occasion::Create`] a field without a value is absent. On [`Occasion::Update`] it is `null`: the field is
    /// to be cleared. A field with a fault is absent.
    pub fields: Fields,
    /// Fields that got no value because something is wrong.
    pub faults: Vec<MapFault>,
    /// What a person may want to know although the values are fine.
    pub warnings: Vec<MapWarning>,
    /// How each value came about; filled by `map_traced` only.
    pub trace: Vec<TraceLine>,
}

impl Mapped {
    /// All faults in one line, for an item's error.
    #[must_use]
    pub fn fault_text(&self) -> Option<String> {
        if self.faults.is_empty() {
            return None;
        }
        let parts: Vec<String> =
            self.faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
        Some(parts.join("; "))
    }
}

/// A field of the writing side that could not be given its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MapFault {
    /// The field of the writing side.
    pub field: FieldRef,
    /// The rule, in words.
    pub rule: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Something worth knowing about a value that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MapWarning {
    /// The field of the writing side.
    pub field: FieldRef,
    /// What was noticed.
    pub message: String,
}

/// How one value came about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceLine {
    /// The field of the writing side.
    pub field: FieldRef,
    /// The rule, in words.
    pub rule: String,
    /// What went in: one value, or a list when the rule has several sources.
    pub input: Value,
    /// The steps that ran.
    pub steps: Vec<TraceStep>,
    /// What came out; `null` when the rule failed.
    pub output: Value,
    /// Why nothing came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceStep {
    /// The transformation, or `convert`, `default`, `people`, `value_map`, `computed`, `constant`, `status`.
    pub name: String,
    /// Its arguments, placeholders filled in.
    pub args: Value,
    /// What it made.
    pub output: Value,
}
