//! A configuration with every row id resolved: what mapping compiles and the engine runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConflictResolution, ConnectorId, FieldMappingId, FieldSchema, MapDirection, MappingType, Side,
    StatusSchema, SyncConfig, TypeMappingId, UserMap, When,
};

/// Everything a run needs to know about its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncSpec {
    /// The configuration itself.
    pub config: SyncConfig,
    /// The source end.
    pub source: EndSpec,
    /// The target end.
    pub target: EndSpec,
    /// The pairs of types with their rules.
    pub types: Vec<TypePair>,
    /// Pairs of types that are paused: their items wait.
    pub paused_types: Vec<PausedTypes>,
    /// Who is who.
    pub user_map: UserMap,
}

impl SyncSpec {
    /// One end.
    #[must_use]
    pub const fn end(&self, side: Side) -> &EndSpec {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// The paused pair between these two types.
    #[must_use]
    pub fn paused_between(&self, source: &str, target: &str) -> Option<&PausedTypes> {
        self.paused_types
            .iter()
            .find(|pair| pair.source.reference == source && pair.target.reference == target)
    }

    /// The first paused pair with this type on this side.
    #[must_use]
    pub fn paused_on(&self, side: Side, type_ref: &str) -> Option<&PausedTypes> {
        self.paused_types.iter().find(|pair| pair.end(side).reference == type_ref)
    }

    /// What is paused, one line each.
    #[must_use]
    pub fn pauses(&self) -> Vec<String> {
        let types = self.paused_types.iter().map(|pair| {
            let (source, target) = (&pair.source.name, &pair.target.name);
            format!("the mapping of type {source} to {target} is paused: {}", pair.reason)
        });
        let rules = self.types.iter().flat_map(|pair| {
            let types = format!("{} to {}", pair.source.name, pair.target.name);
            let fields = pair.paused.fields.iter().map({
                let types = types.clone();
                move |one| {
                    let names: Vec<&str> =
                        one.rule.sources.iter().map(|field| field.name.as_str()).collect();
                    let from =
                        if names.is_empty() { "a constant".to_owned() } else { names.join(" + ") };
                    let to = &one.rule.target.name;
                    format!("{types}: the mapping of {from} to {to} is paused: {}", one.reason)
                }
            });
            let statuses = pair.paused.statuses.iter().map(move |one| {
                let (from, to) = (&one.source.name, &one.target.name);
                format!("{types}: the mapping of status {from} to {to} is paused: {}", one.reason)
            });
            fields.chain(statuses)
        });
        types.chain(rules).collect()
    }
}

/// One end of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndSpec {
    /// The connector.
    pub connector_id: ConnectorId,
    /// Its name.
    pub name: String,
    /// Its kind, such as `redmine`.
    pub connector_type: String,
    /// Project, portal or the like.
    pub project: String,
}

/// A pair of types with its rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TypePair {
    /// Our id.
    pub id: TypeMappingId,
    /// The type on the source.
    pub source: TypeEnd,
    /// The type on the target.
    pub target: TypeEnd,
    /// The field rules.
    pub fields: Vec<FieldRule>,
    /// The status rules, source to target; several source statuses may share a target status.
    pub statuses: Vec<(StatusSchema, StatusSchema)>,
    /// Rules that are paused: not among the others, and as if they were not there. A copy of rules that acted has none.
    #[serde(skip)]
    pub paused: PausedRules,
}

impl TypePair {
    /// One end.
    #[must_use]
    pub const fn end(&self, side: Side) -> &TypeEnd {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

/// A pair of types that is paused.
#[derive(Clone, Debug, PartialEq)]
pub struct PausedTypes {
    /// Our id.
    pub id: TypeMappingId,
    /// The type on the source.
    pub source: TypeEnd,
    /// The type on the target.
    pub target: TypeEnd,
    /// The sides on which discovery no longer finds the type.
    pub gone: Vec<Side>,
    /// Why.
    pub reason: String,
}

impl PausedTypes {
    /// One end.
    #[must_use]
    pub const fn end(&self, side: Side) -> &TypeEnd {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

/// The rules of a pair of types that are paused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PausedRules {
    /// Field rules.
    pub fields: Vec<PausedField>,
    /// Status rules.
    pub statuses: Vec<PausedStatus>,
}

/// A field rule that is paused.
#[derive(Clone, Debug, PartialEq)]
pub struct PausedField {
    /// The rule.
    pub rule: FieldRule,
    /// Why.
    pub reason: String,
}

impl PausedField {
    /// Whether the rule would write this field of `side`.
    #[must_use]
    pub fn writes(&self, side: Side, field: &str) -> bool {
        match side {
            Side::Target => self.rule.target.reference == field,
            Side::Source => self.rule.sources.iter().any(|source| source.reference == field),
        }
    }
}

/// A status rule that is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedStatus {
    /// The status on the source.
    pub source: StatusSchema,
    /// The status on the target.
    pub target: StatusSchema,
    /// Why.
    pub reason: String,
}

/// One end of a pair of types, with all that discovery knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TypeEnd {
    /// The name shown to people.
    pub name: String,
    /// The tracker's own word.
    pub reference: String,
    /// All fields of the type.
    pub fields: Vec<FieldSchema>,
    /// All statuses of the type.
    pub statuses: Vec<StatusSchema>,
}

impl TypeEnd {
    /// The field with this reference.
    #[must_use]
    pub fn field(&self, reference: &str) -> Option<&FieldSchema> {
        self.fields.iter().find(|field| field.reference == reference)
    }
}

/// A field rule with its fields resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldRule {
    /// Our id.
    pub id: FieldMappingId,
    /// Source fields, first to last; empty for a constant.
    pub sources: Vec<FieldSchema>,
    /// The target field.
    pub target: FieldSchema,
    /// How the value is made.
    pub mapping_type: MappingType,
    /// For `transformation`.
    pub transformation: Option<Value>,
    /// For `constant`.
    pub constant_value: Option<Value>,
    /// For `computed`.
    pub expression: Option<String>,
    /// For `value_map`.
    pub value_map: Option<Value>,
    /// In which directions it acts.
    pub direction: MapDirection,
    /// On which writes it acts.
    pub when: When,
    /// Used when the source has no value.
    pub default_value: Option<Value>,
    /// Who wins a conflict of this field.
    pub conflict_resolution: Option<ConflictResolution>,
}

impl FieldRule {
    /// Everything that a person wrote into the rule, as one text: to look for names of fields and for words in it.
    #[must_use]
    pub fn text(&self) -> String {
        let parts =
            [&self.transformation, &self.constant_value, &self.value_map, &self.default_value];
        let mut text: String =
            parts.into_iter().flatten().map(Value::to_string).collect::<Vec<_>>().join("\n");
        if let Some(expression) = &self.expression {
            text.push('\n');
            text.push_str(expression);
        }
        text
    }
}
