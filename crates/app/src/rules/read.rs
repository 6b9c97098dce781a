//! Reading rules from a body, before anything is looked up.

use serde_json::Value;
use syncline_domain::{
    ConflictResolution, FieldId, FieldMapping, FieldMappingId, MapDirection, MappingType, StatusId,
    TypeId, TypeMappingId, When,
};

use crate::input::Body;

/// A pair of types as given, with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct PairDraft {
    /// Its JSON pointer in the body.
    pub path: String,
    /// The type on the source.
    pub source_type: TypeId,
    /// The type on the target.
    pub target_type: TypeId,
    /// The field rules; what was there stays when `None`.
    pub fields: Option<Vec<FieldDraft>>,
    /// The status rules; what was there stays when `None`.
    pub statuses: Option<Vec<StatusDraft>>,
    /// Also take every suggestion of high confidence.
    pub suggest: bool,
}

/// A field rule as given.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDraft {
    /// Its JSON pointer in the body.
    pub path: String,
    /// The pair of types, when it is named.
    pub type_mapping_id: Option<TypeMappingId>,
    /// Everything else; ids of rows that are not known yet are 0.
    pub rule: FieldMapping,
}

/// A status rule as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusDraft {
    /// Its JSON pointer in the body.
    pub path: String,
    /// The status on the source.
    pub source: StatusId,
    /// The status on the target.
    pub target: StatusId,
}

/// Reads `type_mappings` of a configuration's body; `None` when it is not given.
pub(crate) fn read_pairs(body: &mut Body) -> Option<Vec<PairDraft>> {
    read_list(body, "type_mappings", read_pair)
}

/// Reads one pair of types.
pub(crate) fn read_pair(body: &mut Body, path: String) -> Option<PairDraft> {
    // Replies carry ids and names that a client may send back unchanged.
    for echoed in
        ["id", "sync_config_id", "source_type", "target_type", "paused_reason", "paused_at"]
    {
        body.value(echoed);
    }
    let source_type = body.required_id::<TypeId>("source_type_id");
    let target_type = body.required_id::<TypeId>("target_type_id");
    let suggest = body.flag("suggest").unwrap_or(false);
    let fields = read_list(body, "field_mappings", read_field);
    let statuses = read_list(body, "status_mappings", read_status);
    Some(PairDraft {
        path,
        source_type: source_type?,
        target_type: target_type?,
        fields,
        statuses,
        suggest,
    })
}

fn read_list<T>(
    body: &mut Body,
    name: &str,
    read: impl Fn(&mut Body, String) -> Option<T>,
) -> Option<Vec<T>> {
    let parts = body.list(name)?;
    let mut drafts = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let at = body.path(&format!("{name}/{index}"));
        match Body::nested(part, &at) {
            Ok(mut inner) => {
                drafts.extend(read(&mut inner, at));
                body.absorb(inner);
            }
            Err(fault) => body.fault(&format!("{name}/{index}"), fault.message),
        }
    }
    Some(drafts)
}

/// Reads one field rule.
pub(crate) fn read_field(body: &mut Body, path: String) -> Option<FieldDraft> {
    for echoed in [
        "id",
        "sync_config_id",
        "source_field",
        "target_field",
        "source_fields",
        "paused_reason",
        "paused_at",
    ] {
        body.value(echoed);
    }
    let mut sources: Vec<FieldId> = body.ids("source_field_ids").unwrap_or_default();
    let single = body.id::<FieldId>("source_field_id");
    if sources.is_empty() {
        sources.extend(single);
    }
    let mut target = body.id::<FieldId>("target_field_id");
    let kind = body.word::<MappingType>("mapping_type");
    let transformation = body.value("transformation");
    let constant = body.value("constant_value");
    let expression = body.text("expression");
    let value_map = body.object("value_map").map(Value::Object);
    let kind = kind.unwrap_or_else(|| {
        implied(transformation.as_ref(), constant.as_ref(), expression.as_ref(), value_map.as_ref())
    });
    if kind == MappingType::Constant && target.is_none() {
        // Old clients name the target of a constant as its source.
        target = sources.pop();
    }
    let rule = FieldMapping {
        id: FieldMappingId::default(),
        config_id: Default::default(),
        type_mapping_id: TypeMappingId::default(),
        source_field_ids: if kind == MappingType::Constant { Vec::new() } else { sources },
        target_field_id: target.unwrap_or_default(),
        mapping_type: kind,
        transformation,
        constant_value: constant,
        expression,
        value_map,
        direction: body.word::<MapDirection>("direction").unwrap_or(MapDirection::Both),
        when: body.word::<When>("when").unwrap_or(When::Always),
        default_value: body.value("default_value"),
        conflict_resolution: body.word::<ConflictResolution>("conflict_resolution"),
    };
    let type_mapping_id = body.id("type_mapping_id");
    check_parts(body, &rule, target.is_some());
    Some(FieldDraft { path, type_mapping_id, rule })
}

fn implied(
    transformation: Option<&Value>,
    constant: Option<&Value>,
    expression: Option<&String>,
    value_map: Option<&Value>,
) -> MappingType {
    if transformation.is_some() {
        MappingType::Transformation
    } else if constant.is_some() {
        MappingType::Constant
    } else if expression.is_some() {
        MappingType::Computed
    } else if value_map.is_some() {
        MappingType::ValueMap
    } else {
        MappingType::Direct
    }
}

fn check_parts(body: &mut Body, rule: &FieldMapping, has_target: bool) {
    if !has_target {
        body.fault("target_field_id", "it is required");
    }
    let needs_source = !matches!(rule.mapping_type, MappingType::Constant | MappingType::Computed);
    if needs_source && rule.source_field_ids.is_empty() {
        body.fault(
            "source_field_id",
            format!("it is required for a {} mapping", rule.mapping_type),
        );
    }
    let kind = rule.mapping_type;
    let lacks = match kind {
        MappingType::Transformation if rule.transformation.is_none() => Some("transformation"),
        MappingType::Constant if rule.constant_value.is_none() => Some("constant_value"),
        MappingType::Computed if rule.expression.is_none() => Some("expression"),
        MappingType::ValueMap if rule.value_map.is_none() => Some("value_map"),
        _ => None,
    };
    if let Some(name) = lacks {
        body.fault(name, format!("it is required for a {kind} mapping"));
    }
}

/// Reads one status rule.
pub(crate) fn read_status(body: &mut Body, path: String) -> Option<StatusDraft> {
    for echoed in [
        "id",
        "sync_config_id",
        "type_mapping_id",
        "source_status",
        "target_status",
        "paused_reason",
        "paused_at",
    ] {
        body.value(echoed);
    }
    let source = body.required_id("source_status_id");
    let target = body.required_id("target_status_id");
    Some(StatusDraft { path, source: source?, target: target? })
}
