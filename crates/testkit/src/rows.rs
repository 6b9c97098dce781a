//! Rows with sensible values, for tests that care about one column.

mod automation;

pub use automation::{
    delivery_row, folding_job, health_row, new_job, notification_row, occurrence_row, outbox_row,
    webhook_row,
};

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_domain::{
    ApiKey, AuditEntry, AuthType, Base, CommentPair, ConfigId, Conflict, ConflictId, ConflictKind,
    ConflictResolution, ConflictStatus, ConnectorId, ConnectorRow, ConnectorSettings, Direction,
    ExecutionId, FieldId, FieldMapping, FieldRow, FieldSchema, FieldType, Fields, Intent,
    IntentPlan, IntentState, ItemError, ItemId, ItemOutcome, ItemRetry, ItemState, MapDirection,
    MappingType, NewExecution, OpId, Options, Pair, PairId, PairState, Receipt, RememberedReply,
    Role, RunDirection, Side, StatusCategory, StatusRow, StatusSchema, SyncConfig, Timestamp,
    Trigger, TriggerType, TypeId, TypeMappingId, TypeRow, When, WriteOp,
};

/// An instant whose microseconds are not whole milliseconds.
#[must_use]
pub const fn at(secs: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + secs) * 1_000_000 + 123_457)
}

/// A connector of kind `fake` without credentials.
#[must_use]
pub fn connector_row(name: &str) -> ConnectorRow {
    ConnectorRow {
        id: ConnectorId(0),
        name: name.to_owned(),
        settings: ConnectorSettings {
            connector_type: "fake".to_owned(),
            base_url: format!("https://{name}.test"),
            endpoint: "project".to_owned(),
            auth_type: AuthType::None,
            metadata: json!({}),
        },
        sealed_credentials: Vec::new(),
        is_active: true,
        last_check: None,
        credential_expires_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A type.
#[must_use]
pub fn type_row(connector_id: ConnectorId, reference: &str) -> TypeRow {
    TypeRow {
        id: TypeId(0),
        connector_id,
        type_name: reference.to_uppercase(),
        type_ref: reference.to_owned(),
        enabled_for_sync: true,
        metadata: json!({}),
        created_at: at(0),
        gone_at: None,
    }
}

/// A text field.
#[must_use]
pub fn field_row(type_id: TypeId, reference: &str) -> FieldRow {
    FieldRow {
        id: FieldId(0),
        type_id,
        schema: FieldSchema::plain(&reference.to_uppercase(), reference, FieldType::String),
        enabled_for_sync: true,
        suggestion_score: 50,
        gone_at: None,
    }
}

/// A status at a place.
#[must_use]
pub fn status_row(type_id: TypeId, value: &str, sort_order: i32) -> StatusRow {
    StatusRow {
        id: 0.into(),
        type_id,
        schema: StatusSchema {
            name: value.to_uppercase(),
            value: value.to_owned(),
            category: StatusCategory::Proposed,
        },
        sort_order,
        enabled_for_sync: true,
        gone_at: None,
    }
}

/// An active one-way configuration that people start by hand.
#[must_use]
pub fn config_row(name: &str, source: ConnectorId, target: ConnectorId) -> SyncConfig {
    SyncConfig {
        id: ConfigId(0),
        name: name.to_owned(),
        description: String::new(),
        source_connector_id: source,
        target_connector_id: target,
        direction: Direction::OneWay,
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
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A direct rule from one field to another, both ways, on every write.
#[must_use]
pub fn field_mapping(
    config_id: ConfigId,
    type_mapping_id: TypeMappingId,
    source: FieldId,
    target: FieldId,
) -> FieldMapping {
    FieldMapping {
        id: 0.into(),
        config_id,
        type_mapping_id,
        source_field_ids: vec![source],
        target_field_id: target,
        mapping_type: MappingType::Direct,
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

/// A run that a person started, from source to target.
#[must_use]
pub fn new_execution(config_id: ConfigId) -> NewExecution {
    NewExecution {
        config_id,
        trigger: Trigger::Manual,
        triggered_by: "a test".to_owned(),
        direction: RunDirection::SourceToTarget,
        dry_run: false,
        full: false,
        item_ids: None,
        started_at: at(10),
    }
}

/// What became of an item.
#[must_use]
pub fn outcome(execution_id: ExecutionId, item: &str, state: ItemState) -> ItemOutcome {
    ItemOutcome {
        id: 0.into(),
        execution_id,
        side: Side::Source,
        source_id: Some(ItemId::new(item)),
        target_id: None,
        type_ref: "bug".to_owned(),
        title: format!("item {item}"),
        state,
        rule: None,
        error: None,
        changes: Vec::new(),
        at: at(11),
    }
}

/// An active pair.
#[must_use]
pub fn pair_row(config_id: ConfigId, source: &str, target: &str) -> Pair {
    Pair {
        id: PairId(0),
        config_id,
        source_item_id: ItemId::new(source),
        target_item_id: Some(ItemId::new(target)),
        source_type: "bug".to_owned(),
        target_type: "request".to_owned(),
        source_url: format!("https://a.test/{source}"),
        target_url: format!("https://b.test/{target}"),
        source_version: "1".into(),
        target_version: "1".into(),
        state: PairState::Active,
        last_synced_at: at(20),
        sync_count: 1,
        created_at: at(20),
    }
}

/// A base value.
#[must_use]
pub fn base(pair_id: PairId, side: Side, field: &str, value: Value) -> Base {
    Base { pair_id, side, field_ref: field.into(), value, updated_at: at(21) }
}

/// A receipt.
#[must_use]
pub fn receipt(pair_id: PairId, side: Side, field: &str, hash: &str) -> Receipt {
    Receipt {
        pair_id,
        side,
        field_ref: field.into(),
        hash: hash.to_owned(),
        version: "2".into(),
        written_at: at(22),
    }
}

/// An open intent to make a copy of an item on the target; `number` names it.
#[must_use]
pub fn intent(config_id: ConfigId, execution_id: ExecutionId, number: u64) -> Intent {
    Intent {
        id: 0.into(),
        config_id,
        execution_id,
        op_id: OpId::new(format!("{number:032x}")),
        op: WriteOp::Create,
        side: Side::Target,
        from_item_id: ItemId::new(number.to_string()),
        item_id: None,
        plan: IntentPlan::V1 {
            type_ref: Some("request".to_owned()),
            status: None,
            fields: Fields::from([("title".into(), json!("planned"))]),
            comment: None,
            from_comment_id: None,
            agreed: Vec::new(),
            seen: Fields::new(),
            made_from: BTreeMap::new(),
            expected: None,
        },
        state: IntentState::Open,
        created_at: at(23),
    }
}

/// A retry after a first failure.
#[must_use]
pub fn retry(config_id: ConfigId, side: Side, item: &str) -> ItemRetry {
    ItemRetry {
        config_id,
        side,
        item_id: ItemId::new(item),
        error: ItemError {
            error_type: syncline_domain::ErrorType::Validation,
            message: "no such value".to_owned(),
            field: Some("priority".into()),
        },
        attempts: 1,
        next_try_at: at(60),
        first_failed_at: at(30),
    }
}

/// A conflict about a field that waits, found by run 1.
#[must_use]
pub fn conflict_row(config_id: ConfigId, pair_id: PairId, field: &str) -> Conflict {
    Conflict {
        id: ConflictId(0),
        config_id,
        pair_id,
        execution_id: ExecutionId(1),
        kind: ConflictKind::Field,
        field: Some(field.into()),
        source_field: None,
        source_item_id: ItemId::from("s1"),
        target_item_id: ItemId::from("t1"),
        title: "An item".to_owned(),
        base_value: Value::Null,
        source_value: json!("of the source"),
        target_value: json!("of the target"),
        source_changed_at: None,
        target_changed_at: None,
        deleted_side: None,
        reason: "both sides changed it".to_owned(),
        status: ConflictStatus::Unresolved,
        created_at: at(5),
        updated_at: at(5),
        ended_at: None,
    }
}

/// A comment of the source with its copy.
#[must_use]
pub fn comment_pair(pair_id: PairId, source: &str, target: &str) -> CommentPair {
    CommentPair {
        pair_id,
        origin: Side::Source,
        source_comment_id: source.into(),
        target_comment_id: target.into(),
        hash: "h".to_owned(),
        created_at: at(24),
    }
}

/// A key of an administrator that never ends.
#[must_use]
pub fn api_key(name: &str) -> ApiKey {
    ApiKey {
        id: 0.into(),
        name: name.to_owned(),
        prefix: "sk_12345".to_owned(),
        hash: format!("hash of {name}"),
        role: Role::Admin,
        config_scope: None,
        created_at: at(0),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

/// A line of the audit trail.
#[must_use]
pub fn audit_entry(action: &str) -> AuditEntry {
    AuditEntry {
        id: 0.into(),
        at: at(40),
        actor: "a test".to_owned(),
        action: action.to_owned(),
        target: "connector/1".to_owned(),
        details: json!({}),
        request_id: None,
    }
}

/// A reply kept for repeats.
#[must_use]
pub fn remembered_reply(scope: &str, key: &str) -> RememberedReply {
    RememberedReply {
        scope: scope.to_owned(),
        key: key.to_owned(),
        body_hash: "b".to_owned(),
        status: 201,
        reply: "{}".to_owned(),
        created_at: at(50),
    }
}

/// JSON that a careless store would damage.
#[must_use]
pub fn odd_json() -> Value {
    let mut deep = json!("bottom");
    for _ in 0..40 {
        deep = json!([deep]);
    }
    json!({
        "": "an empty key",
        "text": "Grüße \u{1F680} \u{202E}abc \u{FEFF} e\u{0301} '\"\\ \r\n\t \u{7F} %_",
        "html": "<b>&amp;</b>\u{2028}",
        "numbers": [0, -0.5, 0.1, 1.5e-7, u64::MAX, i64::MIN, 9_007_199_254_740_993_i64],
        "words": [true, false, null, "", [], {}],
        "deep": deep,
        "$b": {"c.d": 1, "C.D": 2},
    })
}
