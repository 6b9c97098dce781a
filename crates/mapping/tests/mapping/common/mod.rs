//! Small configurations and items to map.

use serde_json::{Value, json};
use syncline_domain::{
    ConfigId, ConflictResolution, ConnectorId, Direction, EndSpec, FieldMappingId, FieldRef,
    FieldRule, FieldSchema, FieldType, Item, ItemId, MapDirection, MappingType, Options,
    PausedRules, Side, StatusCategory, StatusSchema, SyncConfig, SyncSpec, Timestamp, TriggerType,
    TypeEnd, TypeMappingId, TypePair, UserMap, Version, When,
};
use syncline_mapping::{MapContext, Mapped, Occasion, Plan};

pub(crate) fn field(reference: &str, kind: FieldType) -> FieldSchema {
    FieldSchema::plain(reference, reference, kind)
}

pub(crate) fn status(name: &str, category: StatusCategory) -> StatusSchema {
    StatusSchema { name: name.to_owned(), value: name.to_owned(), category }
}

pub(crate) fn rule(
    sources: &[FieldSchema],
    target: FieldSchema,
    mapping_type: MappingType,
) -> FieldRule {
    FieldRule {
        id: FieldMappingId(1),
        sources: sources.to_vec(),
        target,
        mapping_type,
        transformation: None,
        constant_value: None,
        expression: None,
        value_map: None,
        direction: MapDirection::Both,
        when: When::Always,
        default_value: None,
        conflict_resolution: None,
    }
}

pub(crate) fn direct(source: FieldSchema, target: FieldSchema) -> FieldRule {
    rule(&[source], target, MappingType::Direct)
}

pub(crate) fn transformed(
    source: FieldSchema,
    target: FieldSchema,
    transformation: Value,
) -> FieldRule {
    FieldRule {
        transformation: Some(transformation),
        ..rule(&[source], target, MappingType::Transformation)
    }
}

pub(crate) fn constant(target: FieldSchema, value: Value) -> FieldRule {
    FieldRule { constant_value: Some(value), ..rule(&[], target, MappingType::Constant) }
}

pub(crate) fn computed(
    sources: &[FieldSchema],
    target: FieldSchema,
    expression: &str,
) -> FieldRule {
    FieldRule {
        expression: Some(expression.to_owned()),
        ..rule(sources, target, MappingType::Computed)
    }
}

pub(crate) fn table(source: FieldSchema, target: FieldSchema, table: Value) -> FieldRule {
    FieldRule { value_map: Some(table), ..rule(&[source], target, MappingType::ValueMap) }
}

pub(crate) fn end(name: &str, kind: &str, project: &str) -> EndSpec {
    EndSpec {
        connector_id: ConnectorId(if name == "left" { 1 } else { 2 }),
        name: name.to_owned(),
        connector_type: kind.to_owned(),
        project: project.to_owned(),
    }
}

/// Two types whose fields are those of the rules; more can be added to the ends.
pub(crate) fn pair(rules: Vec<FieldRule>) -> TypePair {
    let mut source = TypeEnd {
        name: "Bug".to_owned(),
        reference: "bug".to_owned(),
        fields: Vec::new(),
        statuses: Vec::new(),
    };
    let mut target =
        TypeEnd { name: "Incident".to_owned(), reference: "incident".to_owned(), ..source.clone() };
    for rule in &rules {
        for field in &rule.sources {
            if source.field(&field.reference).is_none() {
                source.fields.push(field.clone());
            }
        }
        if target.field(&rule.target.reference).is_none() {
            target.fields.push(rule.target.clone());
        }
    }
    TypePair {
        id: TypeMappingId(1),
        source,
        target,
        fields: rules,
        statuses: Vec::new(),
        paused: PausedRules::default(),
    }
}

pub(crate) fn spec_of(types: Vec<TypePair>) -> SyncSpec {
    SyncSpec {
        config: SyncConfig {
            id: ConfigId(1),
            name: "bugs".to_owned(),
            description: String::new(),
            source_connector_id: ConnectorId(1),
            target_connector_id: ConnectorId(2),
            direction: Direction::Bidirectional,
            trigger_type: TriggerType::Manual,
            schedule_cron: None,
            timezone: "UTC".to_owned(),
            conflict_resolution: ConflictResolution::LastWriteWins,
            sync_filter: None,
            target_filter: None,
            options: Options::default(),
            is_active: true,
            needs_full: false,
            version: 1,
            next_sync_at: None,
            last_sync_at: None,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        },
        source: end("left", "azuredevops", "Shop"),
        target: end("right", "servicedeskplus", "Desk"),
        types,
        paused_types: Vec::new(),
        user_map: UserMap::default(),
    }
}

pub(crate) fn spec(rules: Vec<FieldRule>) -> SyncSpec {
    spec_of(vec![pair(rules)])
}

pub(crate) fn item(type_ref: &str, fields: Value) -> Item {
    let fields = fields
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(reference, value)| (FieldRef::new(reference.as_str()), value.clone()))
        .collect();
    Item {
        id: ItemId::new("42"),
        type_ref: type_ref.to_owned(),
        title: "Login fails".to_owned(),
        url: "https://left.example/42".to_owned(),
        status: None,
        version: Version::new("7"),
        created_at: Timestamp::from_secs(1_760_000_000),
        changed_at: Timestamp::from_secs(1_760_000_060),
        created_by: None,
        changed_by: None,
        fields,
    }
}

pub(crate) fn map_as(spec: &SyncSpec, side: Side, item: &Item, occasion: Occasion) -> Mapped {
    let plan = Plan::compile(spec, side).expect("the plan compiles");
    plan.map(item, occasion, &MapContext::of(spec, side, 9))
}

pub(crate) fn forward(spec: &SyncSpec, fields: Value) -> Mapped {
    map_as(spec, Side::Source, &item("bug", fields), Occasion::Update)
}

pub(crate) fn backward(spec: &SyncSpec, fields: Value) -> Mapped {
    map_as(spec, Side::Target, &item("incident", fields), Occasion::Update)
}

/// What a rule from `a` (of kind `from`) to `b` (of kind `to`) makes of a value.
pub(crate) fn through(
    transformation: Value,
    from: FieldType,
    to: FieldType,
    input: &Value,
) -> Result<Value, String> {
    let spec = spec(vec![transformed(field("a", from), field("b", to), transformation)]);
    one(&forward(&spec, json!({ "a": input })))
}

/// What a direct rule makes of a value.
pub(crate) fn converted(from: FieldType, to: FieldType, input: Value) -> Result<Value, String> {
    one(&forward(&spec(vec![direct(field("a", from), field("b", to))]), json!({ "a": input })))
}

/// The one value of field `b`, or its fault.
pub(crate) fn one(mapped: &Mapped) -> Result<Value, String> {
    match mapped.faults.first() {
        Some(fault) => Err(fault.message.clone()),
        None => Ok(mapped.fields.get(&FieldRef::new("b")).cloned().unwrap_or(Value::Null)),
    }
}
