//! Mapping tests: what the rules make of a sample, beside what they must make of it.

use serde::Serialize;
use serde_json::Value;
use syncline_domain::{
    FieldRef, FieldSchema, Item, ItemId, MappingTest, STATUS_REF, Sample, SampleCompare,
    SampleItem, SampleOccasion, Side, SyncSpec, TypeEnd, canonical, same,
};

use crate::context::MapContext;
use crate::issue::Issue;
use crate::plan::{CompiledPair, Plan, compared_as};
use crate::trace::{Mapped, Occasion};

/// What became of a mapping test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleResult {
    /// What came out is not what was expected; nothing when the test passes.
    pub differences: Vec<SampleDifference>,
    /// What came out, with its trace.
    pub mapped: Mapped,
}

impl SampleResult {
    /// Everything is as expected.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A field that is not as expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleDifference {
    /// The field of the writing side; `type` and `status` for these.
    pub field: String,
    /// What was expected; null for no value.
    pub expected: Value,
    /// What came out; null for no value.
    pub got: Value,
    /// Why, where the rules say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The rules of a configuration, compiled once for the samples of both directions.
pub struct Samples<'a> {
    spec: &'a SyncSpec,
    plans: [Option<Result<Plan, Vec<Issue>>>; 2],
}

impl<'a> Samples<'a> {
    /// Nothing is compiled before it is needed.
    #[must_use]
    pub const fn of(spec: &'a SyncSpec) -> Self {
        Self { spec, plans: [None, None] }
    }

    /// What the rules make of a test's item, compared with what they must make of it.
    pub fn run(&mut self, test: &MappingTest) -> SampleResult {
        let side = test.direction.read_side();
        match self.map(side, &test.sample) {
            Ok((pair, mapped)) => {
                let differences = differences(pair, &test.sample, &mapped);
                SampleResult { differences, mapped }
            }
            Err(message) => SampleResult {
                differences: vec![SampleDifference {
                    field: "type".to_owned(),
                    expected: test
                        .sample
                        .expected
                        .type_ref
                        .clone()
                        .map_or(Value::Null, Value::from),
                    got: Value::Null,
                    message: Some(message),
                }],
                mapped: Mapped::default(),
            },
        }
    }

    /// What the rules make of an item, and by which pair of types.
    ///
    /// # Errors
    /// Why nothing can be made of it, in words.
    pub fn map(&mut self, side: Side, sample: &Sample) -> Result<(&CompiledPair, Mapped), String> {
        let spec = self.spec;
        let [of_source, of_target] = &mut self.plans;
        let slot = match side {
            Side::Source => of_source,
            Side::Target => of_target,
        };
        let compiled = slot.get_or_insert_with(|| Plan::compile(spec, side));
        let plan = compiled.as_ref().map_err(|issues| {
            let parts: Vec<&str> = issues.iter().map(|issue| issue.message.as_str()).collect();
            format!("the rules cannot be compiled: {}", parts.join("; "))
        })?;
        let pair = pair_of(plan, sample).ok_or_else(|| {
            let known: Vec<&str> =
                plan.pairs().iter().map(|pair| pair.read.name.as_str()).collect();
            format!(
                "type {:?} is not mapped; this configuration maps {}",
                sample.item.type_ref,
                known.join(", ")
            )
        })?;
        let item = item_of(&sample.item, &pair.read);
        let occasion = match sample.occasion {
            SampleOccasion::Create => Occasion::Create,
            SampleOccasion::Update => Occasion::Update,
        };
        let context = MapContext::of(spec, side, "");
        Ok((pair, plan.map_traced_with(pair, &item, occasion, &context)))
    }
}

/// The pair of types: by the expected type where several types of one side meet.
fn pair_of<'p>(plan: &'p Plan, sample: &Sample) -> Option<&'p CompiledPair> {
    let first = plan.pair_named(&sample.item.type_ref)?;
    let Some(wanted) = &sample.expected.type_ref else { return Some(first) };
    let same_read = |pair: &&CompiledPair| pair.read.reference == first.read.reference;
    plan.pairs().iter().filter(same_read).find(|pair| is_named(&pair.write, wanted)).or(Some(first))
}

fn is_named(end: &TypeEnd, name: &str) -> bool {
    end.reference == name || end.name.trim().to_lowercase() == name.trim().to_lowercase()
}

/// The sample as an item of the reading side, its values in canonical form.
fn item_of(sample: &SampleItem, end: &TypeEnd) -> Item {
    let value = |(field, value): (&FieldRef, &Value)| {
        let kind = end.field(field.as_str()).map(compared_as);
        (field.clone(), kind.map_or_else(|| value.clone(), |kind| canonical(value, kind)))
    };
    let status_field = end.fields.iter().find(|field| field.is_status);
    let in_fields =
        || sample.fields.get(&FieldRef::new(status_field?.reference.as_str()))?.as_str();
    let status = sample.status.clone().or_else(|| in_fields().map(str::to_owned));
    let mut item = Item::new(ItemId::new(sample.id.as_str()), &end.reference, &sample.title);
    item.fields = sample.fields.iter().map(value).collect();
    item.status = status;
    item
}

fn differences(pair: &CompiledPair, sample: &Sample, mapped: &Mapped) -> Vec<SampleDifference> {
    let expected = &sample.expected;
    let is_exact = sample.compare == SampleCompare::All;
    let mut found = Vec::new();
    if let Some(wanted) = expected.type_ref.as_ref().filter(|name| !is_named(&pair.write, name)) {
        found.push(different("type", wanted.clone().into(), mapped.type_ref.clone().into(), None));
    }
    let got = mapped.status.clone();
    if (expected.status.is_some() || is_exact) && got != expected.status {
        let message = fault_of(mapped, pair, STATUS_REF);
        found.push(different(
            "status",
            text_or_null(&expected.status),
            text_or_null(&got),
            message,
        ));
    }
    for (field, wanted) in &expected.fields {
        let schema = pair.written_schema(field);
        let got = made(mapped, schema, field);
        let kind = pair.written_type_of(field);
        if !same(wanted, &got, kind) {
            let unwritten = || match (schema, pair.written_field(field)) {
                (None, _) => Some("the type has no such field".to_owned()),
                (Some(schema), None) if !schema.is_status => {
                    Some("no rule writes this field".to_owned())
                }
                _ => None,
            };
            let message = fault_of(mapped, pair, field.as_str()).or_else(unwritten);
            found.push(different(field.as_str(), wanted.clone(), got, message));
        }
    }
    if is_exact {
        found.extend(unexpected(pair, sample, mapped));
    }
    found
}

/// What came out, or failed, although the expected item does not name it.
fn unexpected<'m>(
    pair: &'m CompiledPair,
    sample: &'m Sample,
    mapped: &'m Mapped,
) -> impl Iterator<Item = SampleDifference> + 'm {
    let named = |field: &FieldRef| sample.expected.fields.contains_key(field);
    let values = mapped
        .fields
        .iter()
        .filter(move |(field, value)| !named(field) && !value.is_null())
        .map(|(field, value)| different(field.as_str(), Value::Null, value.clone(), None));
    let is_status = |field: &FieldRef| {
        field.as_str() == STATUS_REF || pair.written_schema(field).is_some_and(|one| one.is_status)
    };
    let faults = mapped
        .faults
        .iter()
        .filter(move |fault| !named(&fault.field) && !is_status(&fault.field))
        .map(|fault| {
            different(fault.field.as_str(), Value::Null, Value::Null, Some(fault.message.clone()))
        });
    values.chain(faults)
}

/// What the rules made for a field; the status where the field is the one of it.
fn made(mapped: &Mapped, schema: Option<&FieldSchema>, field: &FieldRef) -> Value {
    if schema.is_some_and(|schema| schema.is_status) {
        return text_or_null(&mapped.status);
    }
    mapped.fields.get(field).cloned().unwrap_or_default()
}

fn fault_of(mapped: &Mapped, pair: &CompiledPair, field: &str) -> Option<String> {
    let is_status = |name: &FieldRef| {
        name.as_str() == STATUS_REF || pair.written_schema(name).is_some_and(|one| one.is_status)
    };
    let about =
        |name: &FieldRef| name.as_str() == field || (field == STATUS_REF && is_status(name));
    let fault = mapped.faults.iter().find(|fault| about(&fault.field));
    fault.map(|fault| fault.message.clone())
}

fn text_or_null(text: &Option<String>) -> Value {
    text.clone().map_or(Value::Null, Value::String)
}

fn different(
    field: &str,
    expected: Value,
    got: Value,
    message: Option<String>,
) -> SampleDifference {
    SampleDifference { field: field.to_owned(), expected, got, message }
}
