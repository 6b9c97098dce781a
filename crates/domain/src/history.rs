//! The history of a pair: what each write, or each look that decided something, settled about its fields.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConflictId, ConflictResolution, ExecutionId, FieldRef, HistoryId, PairId, Side, Timestamp,
    Version, fingerprint,
};

/// Values longer than this, in characters of their JSON, are kept as an excerpt.
pub const LONGEST_KEPT_VALUE: usize = 160;

/// One entry of a pair's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// Our id; 0 until stored. Ascends with time.
    pub id: HistoryId,
    /// The pair.
    pub pair_id: PairId,
    /// The run; `None` when something happened between runs.
    pub execution_id: Option<ExecutionId>,
    /// [`crate::SyncConfig::version`] of the rules that acted.
    pub config_version: i64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub event: HistoryEvent,
}

/// What happened to a pair; versioned, since it outlives the program that wrote it. Names are short on purpose: there
/// is one for every field of every write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum HistoryEvent {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        /// What kind of event it was.
        #[serde(rename = "k")]
        kind: HistoryKind,
        /// The side that was read; the other one was written or looked at.
        #[serde(rename = "r")]
        read: Side,
        /// The item that was read.
        #[serde(rename = "a", default, skip_serializing_if = "Observed::is_empty")]
        from: Observed,
        /// The other item, as it showed itself last before the write.
        #[serde(rename = "b", default, skip_serializing_if = "Observed::is_empty")]
        before: Observed,
        /// The other item's revision afterwards.
        #[serde(rename = "z", default, skip_serializing_if = "is_no_version")]
        after: Version,
        /// The fields of the other item about which something was settled.
        #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
        fields: Vec<FieldEvent>,
    },
}

fn is_no_version(version: &Version) -> bool {
    *version == Version::default()
}

/// What kind of event an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryKind {
    /// A copy was made.
    Created,
    /// Two items that were there already were joined by a rule.
    Linked,
    /// Two items were joined by a person.
    Joined,
    /// The other item was written.
    Updated,
    /// Both items were looked at, and nothing had to be written.
    Looked,
    /// A write whose answer had been lost was found on the tracker.
    Found,
    /// A person's decision about a conflict was carried out.
    Decided,
}

impl HistoryKind {
    /// The word in replies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Linked => "linked",
            Self::Joined => "joined",
            Self::Updated => "updated",
            Self::Looked => "looked",
            Self::Found => "found",
            Self::Decided => "decided",
        }
    }
}

/// An item as it was when somebody looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Its revision.
    #[serde(rename = "v", default, skip_serializing_if = "is_no_version")]
    pub version: Version,
    /// Who had changed it last, where the tracker tells.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was changed last, by the tracker's clock.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl Observed {
    /// Nobody looked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was settled about one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldEvent {
    /// The field of the side that is not read ([`crate::STATUS_REF`] for the status).
    #[serde(rename = "f")]
    pub field: FieldRef,
    /// What became of it.
    #[serde(rename = "h", default, skip_serializing_if = "FieldHow::is_written")]
    pub how: FieldHow,
    /// The rule in words.
    #[serde(rename = "r", default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// What the rule read: one value, or a list when it has several sources; `None` when it is the same as `value`.
    #[serde(rename = "i", default, with = "given", skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The steps of the rule that changed something.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepTaken>,
    /// What the rules made of the side that was read.
    #[serde(rename = "m", default, with = "given", skip_serializing_if = "Option::is_none")]
    pub mapped: Option<Value>,
    /// The value that stays: what was written, or what was there already.
    #[serde(rename = "n")]
    pub value: Value,
    /// What the other side had before; `None` when the item was new or nobody knows.
    #[serde(rename = "o", default, with = "given", skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What both sides had agreed on last, where both had changed it since.
    #[serde(rename = "b", default, with = "given", skip_serializing_if = "Option::is_none")]
    pub base: Option<Value>,
    /// What the tracker showed afterwards, where it shows something else than was written.
    #[serde(rename = "t", default, with = "given", skip_serializing_if = "Option::is_none")]
    pub shown: Option<Value>,
    /// The strategy that chose between the two sides.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ConflictResolution>,
    /// The conflict that ended with it.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<ConflictId>,
    /// Why it waits, where it does.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldHow {
    /// The value that the rules made was written.
    #[default]
    Written,
    /// Both sides had changed it; a value made of both was written.
    Merged,
    /// Both sides had changed it; the other side's value stays and travels back.
    Left,
    /// Both sides said the same already.
    Agreed,
    /// An edit of the target stays by configuration.
    Kept,
    /// A person has to decide.
    Waits,
}

impl FieldHow {
    /// The word in replies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Merged => "merged",
            Self::Left => "left",
            Self::Agreed => "agreed",
            Self::Kept => "kept",
            Self::Waits => "waits",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
    const fn is_written(&self) -> bool {
        matches!(self, Self::Written)
    }
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTaken {
    /// The transformation, or `convert`, `default` and the like.
    #[serde(rename = "n")]
    pub name: String,
    /// Its arguments; null when it has none.
    #[serde(rename = "a", default, skip_serializing_if = "Value::is_null")]
    pub args: Value,
    /// What it made.
    #[serde(rename = "o")]
    pub output: Value,
}

/// A null that was given is a value, and not the same as none.
mod given {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    #[expect(clippy::ref_option, reason = "serde hands the field over like this")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().unwrap_or(&Value::Null).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Value>, D::Error> {
        Value::deserialize(deserializer).map(Some)
    }
}

/// The value as history keeps it: whole when it is short, else its beginning with its length and fingerprint, so that
/// two long values can still be told apart.
#[must_use]
pub fn kept_value(value: &Value) -> Value {
    let text = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => return value.clone(),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    // Every character takes a byte at least: most values need no counting.
    if text.len() <= LONGEST_KEPT_VALUE {
        return value.clone();
    }
    let length = text.chars().count();
    if length <= LONGEST_KEPT_VALUE {
        return value.clone();
    }
    let start: String = text.chars().take(LONGEST_KEPT_VALUE).collect();
    let name = fingerprint(value, crate::FieldType::Picklist);
    let name = name.get(..8).unwrap_or_default();
    Value::String(format!("{start}\u{2026} ({length} characters, {name})"))
}

/// Whether history kept only the beginning of a value.
#[must_use]
pub fn is_excerpt(kept: &Value) -> bool {
    let Value::String(text) = kept else { return false };
    let Some((start, rest)) = text.rsplit_once("\u{2026} (") else { return false };
    start.chars().count() == LONGEST_KEPT_VALUE
        && rest.contains(" characters, ")
        && rest.ends_with(')')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_small_event_is_a_small_row_and_comes_back() {
        let field = FieldEvent {
            field: FieldRef::new("subject"),
            how: FieldHow::Written,
            rule: "direct from title".to_owned(),
            input: None,
            steps: Vec::new(),
            mapped: None,
            value: json!("Bug 1"),
            old: Some(Value::Null),
            base: None,
            shown: None,
            strategy: None,
            conflict: None,
            why: None,
        };
        let event = HistoryEvent::V1 {
            kind: HistoryKind::Updated,
            read: Side::Source,
            from: Observed { version: Version::new("7"), by: None, at: None },
            before: Observed::default(),
            after: Version::new("3"),
            fields: vec![field],
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"v":"1","k":"updated","r":"source","a":{"v":"7"},"z":"3","f":[{"f":"subject","r":"direct from title","n":"Bug 1","o":null}]}"#
        );
        assert_eq!(serde_json::from_str::<HistoryEvent>(&text).unwrap(), event);
    }

    #[test]
    fn long_values_are_kept_as_excerpts_that_differ() {
        let (one, two) = ("ä".repeat(500) + "1", "ä".repeat(500) + "2");
        let (one, two) = (kept_value(&json!(one)), kept_value(&json!(two)));
        assert_ne!(one, two);
        assert!(is_excerpt(&one) && !is_excerpt(&json!("short")));
        assert!(one.as_str().unwrap().contains("501 characters"));
        let short = json!(["a", "b"]);
        assert_eq!(kept_value(&short), short);
        assert_eq!(kept_value(&json!("ä".repeat(LONGEST_KEPT_VALUE))).as_str().unwrap().len(), 320);
    }
}
