//! Which fields speak both ways: a field of the writing side, and the one of the reading side that its values travel
//! back to.

use std::collections::HashMap;

use serde_json::Value;
use syncline_domain::{
    ConflictResolution, ExecutionId, FieldFault, FieldRef, Item, STATUS_REF, Side, SyncSpec,
    TypeMappingId, When,
};
use syncline_mapping::{CompiledPair, MapContext, Mapped, Occasion, Plan, WrittenField};

/// A field's other end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Twin {
    /// The field on the reading side.
    pub(crate) field: FieldRef,
    /// The rules' own word on who wins, the source's rule first.
    pub(crate) resolution: Option<ConflictResolution>,
}

/// The fields that speak both ways; none in a one-way configuration.
#[derive(Default)]
pub(crate) struct Twins {
    by_pair: HashMap<TypeMappingId, HashMap<FieldRef, Twin>>,
    statuses: HashMap<TypeMappingId, bool>,
    back: Option<(Plan, MapContext)>,
}

impl Twins {
    /// Looks at the rules of the other direction.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of(
        spec: &SyncSpec,
        plan: &Plan,
        run: ExecutionId,
    ) -> Result<Self, Vec<FieldFault>> {
        let read = plan.read_side();
        let back = crate::pass::compile(spec, read.other())?;
        let mut twins = Self::default();
        for pair in plan.pairs() {
            let Some(other) = back.pairs().iter().find(|other| other.id() == pair.id()) else {
                continue;
            };
            let found = pair
                .written()
                .iter()
                .filter_map(|written| Some((written.field.clone(), twin(read, written, other)?)));
            twins.by_pair.insert(pair.id(), found.collect());
            twins.statuses.insert(pair.id(), pair.writes_status() && other.writes_status());
        }
        twins.back = Some((back, MapContext::of(spec, read.other(), run)));
        Ok(twins)
    }

    /// The other end of a field that a rule writes.
    pub(crate) fn of_field(&self, rules: &CompiledPair, field: &FieldRef) -> Option<Twin> {
        if field.as_str() == STATUS_REF {
            let both = self.statuses.get(&rules.id()).is_some_and(|both| *both);
            return both.then(|| Twin { field: field.clone(), resolution: None });
        }
        self.by_pair.get(&rules.id())?.get(field).cloned()
    }

    /// What the rules of the other direction make of an item of the writing side.
    pub(crate) fn map_back(&self, rules: &CompiledPair, there: &Item) -> Option<Mapped> {
        let (plan, context) = self.back.as_ref()?;
        let pair = plan.pairs().iter().find(|pair| pair.id() == rules.id())?;
        Some(plan.map_with(pair, there, Occasion::Update, context))
    }
}

/// What the rules made for a field; `None` where they made nothing or failed.
pub(crate) fn made_for(mapped: &Mapped, field: &FieldRef) -> Option<Value> {
    if mapped.faults.iter().any(|fault| fault.field == *field) {
        return None;
    }
    match field.as_str() {
        STATUS_REF => mapped.status.clone().map(Value::String),
        _ => mapped.fields.get(field).cloned(),
    }
}

fn twin(read: Side, written: &WrittenField, other: &CompiledPair) -> Option<Twin> {
    let [_] = written.sources.as_slice() else { return None };
    let back = other.written().iter().find(|back| {
        back.when != When::CreateOnly
            && back.sources == [written.field.clone()]
            && written.sources.contains(&back.field)
    })?;
    let (first, second) = match read {
        Side::Source => (written, back),
        Side::Target => (back, written),
    };
    Some(Twin {
        field: back.field.clone(),
        resolution: first.conflict_resolution.or(second.conflict_resolution),
    })
}
