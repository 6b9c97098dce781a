//! Whether a rule that acts both ways settles: tried on sample values, as runs would carry them to and fro.
//!
//! The first trip may put a value into another form (a tracker's way of writing HTML, a list of words that is shorter
//! on the other side). The second one must change nothing more, or each edit would move the value again.

use serde_json::{Value, json};
use syncline_domain::{
    Direction, FieldFault, FieldRef, FieldRule, FieldSchema, FieldType, Fields, Item, ItemId,
    MapDirection, MappingType, Side, SyncSpec, Timestamp, TypePair, Version, same,
};

use crate::context::MapContext;
use crate::issue::Issue;
use crate::plan::{CompiledPair, Plan};
use crate::trace::Occasion;

/// More words of a list than this are not tried.
const MOST_WORDS: usize = 100;

/// What does not settle in two steps among the rules that act both ways, as an error each. Rules for one direction are
/// free: what they do to a value is meant.
pub(crate) fn issues(spec: &SyncSpec) -> Vec<Issue> {
    if spec.config.direction != Direction::Bidirectional {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, pair) in spec.types.iter().enumerate() {
        for (number, rule) in pair.fields.iter().enumerate() {
            let path = format!("/type_mappings/{at}/field_mappings/{number}");
            if let Some(fault) = of_rule(spec, pair, rule, &path) {
                found.push(
                    Issue::error(fault.path, fault.message).on(rule.target.reference.clone()),
                );
            }
        }
    }
    found
}

/// Why a rule of a two-way configuration must not act both ways; `None` when it settles, or does not act both ways.
#[must_use]
pub fn check_round_trip(
    spec: &SyncSpec,
    pair: &TypePair,
    rule: &FieldRule,
    path: &str,
) -> Option<FieldFault> {
    if spec.config.direction != Direction::Bidirectional {
        return None;
    }
    of_rule(spec, pair, rule, path)
}

fn of_rule(spec: &SyncSpec, pair: &TypePair, rule: &FieldRule, path: &str) -> Option<FieldFault> {
    // A person is another account on each side: that is the user map's work, not the rule's.
    let is_person =
        |field: &FieldSchema| field.field_type == FieldType::Identity || field.is_status;
    let source = rule.sources.first()?;
    if rule.direction != MapDirection::Both || is_person(source) || is_person(&rule.target) {
        return None;
    }
    let alone = SyncSpec {
        types: vec![TypePair { fields: vec![rule.clone()], ..pair.clone() }],
        ..spec.clone()
    };
    let lane = Lane {
        there: Plan::compile(&alone, Side::Source).ok()?,
        back: Plan::compile(&alone, Side::Target).ok()?,
        contexts: [Side::Source, Side::Target].map(|side| MapContext::of(spec, side, "")),
        source: FieldRef::new(source.reference.as_str()),
        target: FieldRef::new(rule.target.reference.as_str()),
    };
    lane.two_way()?;
    let (moved, once, twice) =
        samples(source).into_iter().find_map(|sample| lane.unsettled(&sample))?;
    Some(FieldFault::new(
        format!("{path}/direction"),
        format!(
            "this rule does not settle between the two sides: {moved} becomes {once} after one trip \
             and {twice} after two, so each edit would change it again; {}",
            suggestion(rule)
        ),
    ))
}

fn suggestion(rule: &FieldRule) -> &'static str {
    match rule.mapping_type {
        MappingType::ValueMap => {
            "give each target value one entry that leads back to itself, or set direction to forward"
        }
        MappingType::Transformation => {
            "set direction to forward, or use a transformation with a way back that undoes it"
        }
        MappingType::Direct | MappingType::Constant | MappingType::Computed => {
            "set direction to forward, or map fields of the same type"
        }
    }
}

/// One rule, compiled both ways.
struct Lane {
    there: Plan,
    back: Plan,
    contexts: [MapContext; 2],
    source: FieldRef,
    target: FieldRef,
}

impl Lane {
    /// Nothing when the rule acts one way only.
    fn two_way(&self) -> Option<()> {
        let writes = |plan: &Plan, field: &FieldRef| {
            plan.pairs().iter().any(|pair| pair.written_field(field).is_some())
        };
        (writes(&self.there, &self.target) && writes(&self.back, &self.source)).then_some(())
    }

    /// The sample with what became of it after one trip and after two, where the second one changed it.
    fn unsettled(&self, sample: &Value) -> Option<(Value, Value, Value)> {
        let kind = self.there.pairs().first()?.read_type_of(&self.source);
        let once = self.trip(sample)?;
        let twice = self.trip(&once)?;
        (!same(&once, &twice, kind)).then(|| (sample.clone(), once, twice))
    }

    /// To the target and back; `None` where the rule refuses the value.
    fn trip(&self, value: &Value) -> Option<Value> {
        let [from_source, from_target] = &self.contexts;
        let there = carried(&self.there, from_source, &self.source, &self.target, value)?;
        carried(&self.back, from_target, &self.target, &self.source, &there)
    }
}

fn carried(
    plan: &Plan,
    context: &MapContext,
    from: &FieldRef,
    to: &FieldRef,
    value: &Value,
) -> Option<Value> {
    let pair = plan.pairs().first()?;
    let item = item(pair, from, value);
    let mapped = plan.map_with(pair, &item, Occasion::Update, context);
    let refused = mapped.faults.iter().any(|fault| fault.field == *to);
    mapped.fields.get(to).filter(|_| !refused).cloned()
}

fn item(pair: &CompiledPair, field: &FieldRef, value: &Value) -> Item {
    Item {
        id: ItemId::new("1"),
        type_ref: pair.read_type().to_owned(),
        title: "Sample".to_owned(),
        url: String::new(),
        status: None,
        version: Version::new("1"),
        created_at: Timestamp::EPOCH,
        changed_at: Timestamp::EPOCH,
        created_by: None,
        changed_by: None,
        fields: Fields::from([(field.clone(), value.clone())]),
    }
}

/// Values of every kind that people write.
fn samples(field: &FieldSchema) -> Vec<Value> {
    if !field.allowed_values.is_empty() {
        return field.allowed_values.iter().take(MOST_WORDS).map(|word| json!(word)).collect();
    }
    if field.is_multiple {
        return vec![json!(["one"]), json!(["Größe", "two words"])];
    }
    match field.field_type {
        FieldType::Boolean => vec![json!(true), json!(false)],
        FieldType::Int => vec![json!(0), json!(1), json!(-3), json!(42)],
        FieldType::Double => vec![json!(0), json!(0.5), json!(12.25)],
        FieldType::DateTime => {
            vec![json!("2026-03-01T12:30:15.000Z"), json!("2026-12-31T23:59:59.000Z")]
        }
        FieldType::Array => vec![json!(["one"]), json!(["Größe", "two words"])],
        FieldType::Html => {
            ["Plain", "<p>Größe &amp; <b>bold</b></p>", "<p>one</p><p>two</p>", "a<br>b"]
                .map(Value::from)
                .to_vec()
        }
        FieldType::Markdown => {
            ["Plain", "Größe & **bold**", "one\n\ntwo", "- a\n- b", "# Head\n\ntext"]
                .map(Value::from)
                .to_vec()
        }
        FieldType::String | FieldType::Picklist | FieldType::Identity => [
            "Plain text",
            "Größe & <tag> \"quoted\"",
            "one\ntwo",
            "7",
            "true",
            "*stars* and _lines_",
        ]
        .map(Value::from)
        .to_vec(),
    }
}
