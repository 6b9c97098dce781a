//! What a tracker took away from under the rules, and looks at trackers that go on by themselves.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConfigId, ConnectorId, FieldId, FieldMappingId, FieldType, PauseId, Side, StatusId,
    StatusMappingId, Timestamp, TypeId, TypeMappingId,
};

/// A row of a configuration's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MappingRef {
    /// A pair of types.
    Type(TypeMappingId),
    /// A field rule.
    Field(FieldMappingId),
    /// A status rule.
    Status(StatusMappingId),
}

impl MappingRef {
    /// `type`, `field` or `status`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Type(_) => "type",
            Self::Field(_) => "field",
            Self::Status(_) => "status",
        }
    }

    /// The row's id among those of its kind.
    #[must_use]
    pub const fn id(self) -> i64 {
        match self {
            Self::Type(id) => id.0,
            Self::Field(id) => id.0,
            Self::Status(id) => id.0,
        }
    }
}

/// As people read it: `field mapping 12`.
impl fmt::Display for MappingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mapping {}", self.kind(), self.id())
    }
}

/// What is missing under a rule. Names are as they were when it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loss {
    /// Discovery no longer finds the type.
    TypeRemoved {
        /// The type.
        id: TypeId,
        /// Its name.
        name: String,
    },
    /// Discovery no longer finds the field.
    FieldRemoved {
        /// The field.
        id: FieldId,
        /// Its name.
        name: String,
    },
    /// Discovery no longer finds the status.
    StatusRemoved {
        /// The status.
        id: StatusId,
        /// Its name.
        name: String,
    },
    /// The field holds something else than when the rule was made.
    TypeChanged {
        /// The field.
        id: FieldId,
        /// Its name.
        name: String,
        /// What it held.
        was: FieldType,
        /// It held several.
        was_multiple: bool,
        /// What it holds now.
        now: FieldType,
        /// It holds several now.
        now_multiple: bool,
    },
    /// The rule writes the field, and the tracker no longer lets anybody.
    BecameReadOnly {
        /// The field.
        id: FieldId,
        /// Its name.
        name: String,
    },
    /// The field no longer takes values that the rule names or may give it.
    ValuesRemoved {
        /// The field.
        id: FieldId,
        /// Its name.
        name: String,
        /// The values.
        values: Vec<String>,
    },
}

impl Loss {
    /// The word for it in replies.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::TypeRemoved { .. } => "type_removed",
            Self::FieldRemoved { .. } => "field_removed",
            Self::StatusRemoved { .. } => "status_removed",
            Self::TypeChanged { .. } => "type_changed",
            Self::BecameReadOnly { .. } => "became_read_only",
            Self::ValuesRemoved { .. } => "values_removed",
        }
    }

    /// Whether `other` is the same loss and says nothing that is new.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::ValuesRemoved { id, values, .. },
                Self::ValuesRemoved { id: of, values: more, .. },
            ) => id == of && more.iter().all(|value| values.contains(value)),
            (Self::TypeChanged { id, .. }, Self::TypeChanged { id: of, .. })
            | (Self::FieldRemoved { id, .. }, Self::FieldRemoved { id: of, .. })
            | (Self::BecameReadOnly { id, .. }, Self::BecameReadOnly { id: of, .. }) => id == of,
            _ => self == other,
        }
    }
}

/// One reason why a row is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseCause {
    /// The side whose tracker changed.
    pub side: Side,
    /// What is missing there.
    #[serde(flatten)]
    pub loss: Loss,
}

impl fmt::Display for PauseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.side;
        match &self.loss {
            Loss::TypeRemoved { name, .. } => {
                write!(f, "type {name} of the {side} was removed or renamed")
            }
            Loss::FieldRemoved { name, .. } => {
                write!(f, "field {name} of the {side} was removed or renamed")
            }
            Loss::StatusRemoved { name, .. } => {
                write!(f, "status {name} of the {side} was removed or renamed")
            }
            Loss::TypeChanged { name, was, was_multiple, now, now_multiple, .. } => {
                let many = |many: &bool| if *many { " list" } else { "" };
                write!(
                    f,
                    "field {name} of the {side} was {was}{} and is {now}{} now",
                    many(was_multiple),
                    many(now_multiple)
                )
            }
            Loss::BecameReadOnly { name, .. } => {
                write!(f, "field {name} of the {side} is read-only now")
            }
            Loss::ValuesRemoved { name, values, .. } => {
                write!(f, "field {name} of the {side} no longer takes {}", values.join(", "))
            }
        }
    }
}

/// A row of rules that rests because of what happened in a tracker; its definition stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Our id.
    pub id: PauseId,
    /// The configuration.
    pub config_id: ConfigId,
    /// The row.
    pub mapping: MappingRef,
    /// Why; at least one, and the row rests as long as one of them is left.
    pub causes: Vec<PauseCause>,
    /// Since when.
    pub paused_at: Timestamp,
}

impl Pause {
    /// Why, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        let causes: Vec<String> = self.causes.iter().map(ToString::to_string).collect();
        causes.join("; ")
    }
}

/// What is looked at by itself, once in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LookoutSubject {
    /// A connector is discovered again.
    Connector(ConnectorId),
    /// Both sides of a configuration are compared.
    Config(ConfigId),
}

/// When something is looked at next, and what the last look found.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookout {
    /// What is looked at.
    pub subject: LookoutSubject,
    /// When it is looked at next, at the earliest.
    pub due_at: Timestamp,
    /// When the last look that succeeded ended.
    pub looked_at: Option<Timestamp>,
    /// Looks that failed since.
    pub failures: u32,
    /// Why the last of them failed.
    pub error: Option<String>,
    /// What the last look found, for people.
    pub found: Option<Value>,
    /// A fingerprint of what people were told last; `None` when nothing is wrong.
    pub told: Option<String>,
}

impl Lookout {
    /// A first look at this time.
    #[must_use]
    pub const fn first(subject: LookoutSubject, due_at: Timestamp) -> Self {
        Self { subject, due_at, looked_at: None, failures: 0, error: None, found: None, told: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_comes_back_from_its_stored_form_and_reads_as_a_sentence() {
        let losses = [
            (
                Loss::TypeRemoved { id: 1.into(), name: "Bug".to_owned() },
                "type Bug of the source was removed or renamed",
            ),
            (
                Loss::TypeChanged {
                    id: 2.into(),
                    name: "Version".to_owned(),
                    was: FieldType::Picklist,
                    was_multiple: false,
                    now: FieldType::Picklist,
                    now_multiple: true,
                },
                "field Version of the source was picklist and is picklist list now",
            ),
            (
                Loss::ValuesRemoved {
                    id: 3.into(),
                    name: "Priority".to_owned(),
                    values: vec!["Low".to_owned(), "High".to_owned()],
                },
                "field Priority of the source no longer takes Low, High",
            ),
        ];
        for (loss, said) in losses {
            let cause = PauseCause { side: Side::Source, loss };
            assert_eq!(cause.to_string(), said);
            let stored = serde_json::to_string(&cause).unwrap();
            assert_eq!(serde_json::from_str::<PauseCause>(&stored).unwrap(), cause);
        }
    }
}
