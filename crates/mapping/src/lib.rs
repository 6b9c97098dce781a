//! Mapping: what an item of one tracker looks like in another.
//!
//! A [`Plan`] is a configuration's rules, compiled once a run for the side that is read, and then shared by all items:
//! [`Plan::map`] takes an item and gives canonical values for the other side, each with a fault or a warning of its
//! own where something is wrong. Nothing here does input or output, asks the time, or knows a tracker's wire format.
//!
//! # How a value is made
//! 1. A rule reads its source fields: directly, through transformations ([`catalogue`]), by a table, as a constant or
//!    by an expression. Arguments and constants may name other fields (`{field.<reference>}`).
//! 2. Without a source value the rule's default takes its place; people are translated by the user map.
//! 3. The value is converted to the type of the field that is written, through real HTML and Markdown parsers.
//! 4. What the tracker would refuse (words outside its list, text beyond its limit) becomes a fault before it is sent.
//!
//! # Invariants
//! - `null` stays `null`; an empty text, `0` and `false` are values and travel. Test: `tests/mapping/transformations.rs`.
//! - A value that a rule cannot take is a fault on its field, never the value as it was.
//! - No JSON value makes a rule panic, and no rule makes text without bound. Test: `tests/mapping/properties.rs`.
//! - An item is mapped by the rules of its own type only; where two rules write one field the first one counts.
//! - A rule acts backwards only where it has a well-defined way back; [`Plan::warnings`] names the others.
//!
//! # What is deliberately absent
//! Looking up accounts (the engine asks the writing tracker for every [`WrittenField::is_identity`]), comparing with
//! what the other side has, and loading anything from inside an expression.
//!
//! # Use
//! ```
//! use serde_json::json;
//! use syncline_domain::*;
//! use syncline_mapping::{MapContext, Occasion, Plan, validate};
//!
//! # fn config() -> SyncConfig {
//! #     SyncConfig {
//! #         id: ConfigId(1), name: "bugs".into(), description: String::new(),
//! #         source_connector_id: ConnectorId(1), target_connector_id: ConnectorId(2),
//! #         direction: Direction::OneWay, trigger_type: TriggerType::Manual, schedule_cron: None,
//! #         timezone: "UTC".into(), conflict_resolution: ConflictResolution::LastWriteWins,
//! #         sync_filter: None, target_filter: None, options: Options::default(), is_active: true,
//! #         needs_full: false, version: 1, next_sync_at: None, last_sync_at: None,
//! #         created_at: Timestamp::EPOCH, updated_at: Timestamp::EPOCH,
//! #     }
//! # }
//! # fn end(name: &str) -> EndSpec {
//! #     EndSpec { connector_id: ConnectorId(1), name: name.into(), connector_type: "redmine".into(), project: "p".into() }
//! # }
//! # fn bug() -> Item {
//! #     Item {
//! #         id: ItemId::new("7"), type_ref: "bug".into(), title: "Login fails".into(), url: String::new(),
//! #         status: None, version: Version::new("1"), created_at: Timestamp::EPOCH, changed_at: Timestamp::EPOCH,
//! #         created_by: None, changed_by: None,
//! #         fields: Fields::from([("title".into(), json!("  Login <fails> "))]),
//! #     }
//! # }
//! let title = FieldSchema::plain("Title", "title", FieldType::String);
//! let body = FieldSchema::plain("Body", "body", FieldType::Html);
//! let rule = FieldRule {
//!     id: FieldMappingId(1),
//!     sources: vec![title.clone()],
//!     target: body.clone(),
//!     mapping_type: MappingType::Transformation,
//!     transformation: Some(json!({"chain": ["trim", {"name": "prefix", "args": ["#{item.id} "]}]})),
//!     constant_value: None,
//!     expression: None,
//!     value_map: None,
//!     direction: MapDirection::Forward,
//!     when: When::Always,
//!     default_value: None,
//!     conflict_resolution: None,
//! };
//! let side = |name: &str, field| TypeEnd {
//!     name: name.into(), reference: name.into(), fields: vec![field], statuses: vec![],
//! };
//! let spec = SyncSpec {
//!     config: config(),
//!     source: end("left"),
//!     target: end("right"),
//!     types: vec![TypePair {
//!         id: TypeMappingId(1), source: side("bug", title), target: side("ticket", body),
//!         fields: vec![rule], statuses: vec![], paused: PausedRules::default(),
//!     }],
//!     paused_types: vec![],
//!     user_map: UserMap::default(),
//! };
//! assert!(validate(&spec).is_empty());
//!
//! let plan = Plan::compile(&spec, Side::Source).expect("the rules are sound");
//! let context = MapContext::of(&spec, Side::Source, ExecutionId(3));
//! let mapped = plan.map(&bug(), Occasion::Create, &context);
//! assert_eq!(mapped.type_ref, "ticket");
//! // Text that goes into an HTML field is escaped.
//! assert_eq!(mapped.fields[&FieldRef::new("body")], json!("#7 Login &lt;fails&gt;"));
//! ```

mod check;
mod compile;
mod context;
mod convert;
mod expression;
mod fit;
mod issue;
mod mask;
mod people;
mod plan;
mod preflight;
mod round_trip;
mod rules;
mod run;
mod sample;
mod scope;
mod status;
mod successor;
mod suggest;
mod template;
mod trace;
mod transform;
mod turned;
mod validate;

pub use check::{check_expression, check_rule, check_transformation, check_value_map};
pub use context::MapContext;
pub use convert::convert_text;
pub use issue::{Issue, Severity};
pub use mask::{MaskOptions, Masked, masked_sample};
pub use plan::{CompiledPair, Plan, WrittenField};
pub use round_trip::check_round_trip;
pub use sample::{SampleDifference, SampleResult, Samples};
pub use successor::{
    Passage, Successor, field_successor, passage, status_successor, type_successor, value_successor,
};
pub use suggest::{
    FieldSuggestion, StatusSuggestion, SuggestionSummary, Suggestions, suggest, suggestion_score,
};
pub use trace::{MapFault, MapWarning, Mapped, Occasion, TraceLine, TraceStep};
pub use transform::{ArgInfo, Example, TransformationInfo, catalogue};
pub use validate::validate;
