//! Reading a mapping test from a body.

use serde_json::{Map, Value};
use syncline_domain::{
    ExpectedItem, Fault, FieldRef, Fields, LARGEST_MAPPING_TEST, Sample, SampleCompare, SampleItem,
    SampleOccasion, TestDirection,
};

use crate::AppError;
use crate::input::Body;
use crate::runs::item_id;

/// A mapping test as somebody wants it.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) direction: TestDirection,
    pub(super) sample: Sample,
}

/// Reads a whole mapping test; the warnings are about unknown fields.
pub(super) fn whole(body: Value) -> Result<(Draft, Vec<String>), AppError> {
    let mut body = Body::new(body)?;
    let name = body.required_name("name");
    let direction = body.required_word::<TestDirection>("direction");
    let item = if body.missing("item") { None } else { item(&mut body) };
    let expected = if body.missing("expected") { None } else { expected(&mut body) };
    let (occasion, compare) = how(&mut body);
    let warnings = body.finish()?;
    let (Some(name), Some(direction), Some(item), Some(expected)) =
        (name, direction, item, expected)
    else {
        return Err(AppError::invalid("", "the body is incomplete"));
    };
    let sample = Sample { item, expected, occasion, compare, captured_from: None };
    must_fit(&sample)?;
    Ok((Draft { name, direction, sample }, warnings))
}

/// For which write, and what is compared.
pub(super) fn how(body: &mut Body) -> (SampleOccasion, SampleCompare) {
    let occasion = body.word("occasion").unwrap_or(SampleOccasion::Create);
    (occasion, body.word("compare").unwrap_or(SampleCompare::Named))
}

/// What is kept of a sample has a limit.
pub(super) fn must_fit(sample: &Sample) -> Result<(), Fault> {
    let size = |value: Result<String, _>| value.map_or(usize::MAX, |text: String| text.len());
    let item = size(serde_json::to_string(&sample.item));
    let expected = size(serde_json::to_string(&sample.expected));
    if item.saturating_add(expected) <= LARGEST_MAPPING_TEST {
        return Ok(());
    }
    let place = if item >= expected { "/item/fields" } else { "/expected/fields" };
    Err(Fault::invalid(
        place,
        format!(
            "a mapping test holds at most {LARGEST_MAPPING_TEST} bytes; leave out fields that no rule reads"
        ),
    ))
}

fn item(body: &mut Body) -> Option<SampleItem> {
    let mut part = nested(body, "item")?;
    let id = item_id(&mut part, "id").map_or_else(|| "sample".to_owned(), |id| id.into_string());
    let type_ref = part.required_name("type");
    let item = SampleItem {
        id,
        title: part.text("title").unwrap_or_default(),
        status: part.text("status"),
        fields: fields(&mut part),
        type_ref: String::new(),
    };
    body.absorb(part);
    Some(SampleItem { type_ref: type_ref?, ..item })
}

fn expected(body: &mut Body) -> Option<ExpectedItem> {
    let mut part = nested(body, "expected")?;
    let expected = ExpectedItem {
        type_ref: part.name("type"),
        status: part.text("status"),
        fields: fields(&mut part),
    };
    if part.faults().is_empty() && expected == ExpectedItem::default() {
        part.fault("", "name a type, a status or fields that must come out");
    }
    body.absorb(part);
    Some(expected)
}

fn nested(body: &mut Body, name: &str) -> Option<Body> {
    let map: Map<String, Value> = body.object(name)?;
    let at = body.path(name);
    Body::nested(Value::Object(map), &at).ok()
}

fn fields(body: &mut Body) -> Fields {
    let map = body.object("fields").unwrap_or_default();
    map.into_iter().map(|(field, value)| (FieldRef::new(field), value)).collect()
}
