//! A configuration with every row id resolved: what mapping compiles and the engine runs.

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
}

/// One end of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq)]
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

/// One end of a pair of types, with all that discovery knows of it.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
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
