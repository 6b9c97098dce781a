//! The compiled form of a configuration's rules, turned to the side that is read.

use std::collections::{BTreeSet, HashMap};

use syncline_domain::{
    ConflictResolution, FieldMappingId, FieldRef, FieldSchema, FieldType, Identity, Item, Side,
    SyncSpec, TypeEnd, TypeMappingId, UserMatch, When,
};

use crate::compile;
use crate::context::MapContext;
use crate::expression::Expressions;
use crate::issue::Issue;
use crate::people::People;
use crate::rules::Rule;
use crate::run::Run;
use crate::status::StatusMap;
use crate::trace::{Mapped, Occasion, TraceLine};

/// All rules of a configuration for one reading side. Compiled once a run, immutable, shared by all items.
#[derive(Debug)]
pub struct Plan {
    pub(crate) read_side: Side,
    pub(crate) pairs: Vec<CompiledPair>,
    pub(crate) by_type: HashMap<String, usize>,
    pub(crate) people: People,
    pub(crate) expressions: Expressions,
    pub(crate) read_system: String,
    pub(crate) written_system: String,
    pub(crate) warnings: Vec<Issue>,
}

/// The rules of one pair of types.
#[derive(Debug)]
pub struct CompiledPair {
    pub(crate) id: TypeMappingId,
    pub(crate) read: TypeEnd,
    pub(crate) write: TypeEnd,
    pub(crate) rules: Vec<Rule>,
    pub(crate) written: Vec<WrittenField>,
    pub(crate) statuses: Option<StatusMap>,
    pub(crate) writes_status: bool,
}

/// A field of the writing side that some rule gives a value.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenField {
    /// The field.
    pub field: FieldRef,
    /// The type by which its values are made canonical and compared; a field of several values is an array.
    pub field_type: FieldType,
    /// On which writes it gets a value; `Always` when different rules serve creates and updates.
    pub when: When,
    /// The rule in the configuration.
    pub rule_id: FieldMappingId,
    /// The rule in words, such as `direct from System.Title`.
    pub rule: String,
    /// The fields of the reading side that the value is made from.
    pub sources: Vec<FieldRef>,
    /// The same rule writes the other way, too.
    pub both_ways: bool,
    /// The rule's own word on who wins a conflict.
    pub conflict_resolution: Option<ConflictResolution>,
}

impl WrittenField {
    /// The value is a person whom the writing side has to find (`Connector::resolve_identity`) before it is written.
    #[must_use]
    pub const fn is_identity(&self) -> bool {
        matches!(self.field_type, FieldType::Identity)
    }
}

impl Plan {
    /// Compiles all rules of `spec` for runs that read `read_side`.
    ///
    /// With [`Side::Target`] rules are turned round where that is possible: direct rules always, tables and
    /// transformations where they have a well-defined inverse. A rule that says `backward` itself is used as it
    /// stands, from its target field to its source field. Rules that cannot be turned are left out, with a warning in
    /// [`Plan::warnings`].
    ///
    /// # Errors
    /// All errors at once when a rule cannot be compiled: an unknown transformation, a missing argument, an
    /// expression that does not parse.
    pub fn compile(spec: &SyncSpec, read_side: Side) -> Result<Self, Vec<Issue>> {
        compile::plan(spec, read_side)
    }

    /// The side that is read.
    #[must_use]
    pub const fn read_side(&self) -> Side {
        self.read_side
    }

    /// What will not happen as one may expect.
    #[must_use]
    pub fn warnings(&self) -> &[Issue] {
        &self.warnings
    }

    /// References of all types that are read.
    #[must_use]
    pub fn types(&self) -> Vec<String> {
        let mut types: Vec<String> = Vec::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            if !types.contains(&pair.read.reference) {
                types.push(pair.read.reference.clone());
            }
        }
        types
    }

    /// All pairs of types.
    #[must_use]
    pub fn pairs(&self) -> &[CompiledPair] {
        &self.pairs
    }

    /// The rules for items of a type of the reading side. `None`: items of this type take no part.
    #[must_use]
    pub fn pair_for(&self, type_ref: &str) -> Option<&CompiledPair> {
        self.by_type.get(type_ref).and_then(|at| self.pairs.get(*at))
    }

    /// As [`Plan::pair_for`], also by the type's shown name without letter case: for samples that people write.
    #[must_use]
    pub fn pair_named(&self, name: &str) -> Option<&CompiledPair> {
        let wanted = name.trim().to_lowercase();
        self.pair_for(name).or_else(|| {
            self.pairs.iter().find(|pair| pair.read.name.trim().to_lowercase() == wanted)
        })
    }

    /// The rules between two types; needed where several types of one side meet one type of the other.
    #[must_use]
    pub fn pair_between(&self, read_type: &str, written_type: &str) -> Option<&CompiledPair> {
        self.pairs
            .iter()
            .find(|pair| pair.read.reference == read_type && pair.write.reference == written_type)
    }

    /// By what people are to be found on the writing side, best first.
    #[must_use]
    pub fn identity_order(&self) -> &[UserMatch] {
        self.people.order()
    }

    /// Who stands in for a person whom the writing side does not find.
    #[must_use]
    pub const fn identity_default(&self) -> Option<&Identity> {
        self.people.stand_in()
    }

    /// Maps an item by the rules of its own type. An item whose type takes no part has one fault.
    #[must_use]
    pub fn map(&self, item: &Item, occasion: Occasion, context: &MapContext) -> Mapped {
        match self.pair_for(&item.type_ref) {
            Some(pair) => self.map_with(pair, item, occasion, context),
            None => no_pair(item),
        }
    }

    /// As [`Plan::map`], by the rules of a pair that the caller chose.
    #[must_use]
    pub fn map_with(
        &self,
        pair: &CompiledPair,
        item: &Item,
        occasion: Occasion,
        context: &MapContext,
    ) -> Mapped {
        Run::new(self, pair, item, occasion, context).map()
    }

    /// As [`Plan::map_with`], and says how each value came about.
    #[must_use]
    pub fn map_traced_with(
        &self,
        pair: &CompiledPair,
        item: &Item,
        occasion: Occasion,
        context: &MapContext,
    ) -> Mapped {
        Run::new(self, pair, item, occasion, context).traced().map()
    }

    /// How the values of these fields come about, by the rules of a pair that the caller chose. The other fields are not
    /// looked at; the status is.
    #[must_use]
    pub fn trace_of(
        &self,
        pair: &CompiledPair,
        item: &Item,
        occasion: Occasion,
        context: &MapContext,
        fields: &BTreeSet<&FieldRef>,
    ) -> Vec<TraceLine> {
        Run::new(self, pair, item, occasion, context).trace_of(fields)
    }

    /// As [`Plan::map`], and says how each value came about.
    #[must_use]
    pub fn map_traced(&self, item: &Item, occasion: Occasion, context: &MapContext) -> Mapped {
        match self.pair_for(&item.type_ref) {
            Some(pair) => Run::new(self, pair, item, occasion, context).traced().map(),
            None => no_pair(item),
        }
    }
}

fn no_pair(item: &Item) -> Mapped {
    use crate::trace::MapFault;
    Mapped {
        faults: vec![MapFault {
            field: FieldRef::new("type"),
            rule: "type mapping".to_owned(),
            message: format!("type {:?} is not mapped; add a type mapping for it", item.type_ref),
        }],
        ..Mapped::default()
    }
}

impl CompiledPair {
    /// The type mapping in the configuration.
    #[must_use]
    pub const fn id(&self) -> TypeMappingId {
        self.id
    }

    /// The type that is read.
    #[must_use]
    pub fn read_type(&self) -> &str {
        &self.read.reference
    }

    /// The type that is written.
    #[must_use]
    pub fn written_type(&self) -> &str {
        &self.write.reference
    }

    /// Every field that some rule writes, in the order of the rules; the status is not among them.
    #[must_use]
    pub fn written(&self) -> &[WrittenField] {
        &self.written
    }

    /// What is known about a field that some rule writes.
    #[must_use]
    pub fn written_field(&self, field: &FieldRef) -> Option<&WrittenField> {
        self.written.iter().find(|written| written.field == *field)
    }

    /// A field of the reading side.
    #[must_use]
    pub fn read_schema(&self, field: &FieldRef) -> Option<&FieldSchema> {
        self.read.field(field.as_str())
    }

    /// A field of the writing side.
    #[must_use]
    pub fn written_schema(&self, field: &FieldRef) -> Option<&FieldSchema> {
        self.write.field(field.as_str())
    }

    /// The type by which values of a field of the writing side are compared; text when the field is unknown.
    #[must_use]
    pub fn written_type_of(&self, field: &FieldRef) -> FieldType {
        self.written_schema(field).map_or(FieldType::String, compared_as)
    }

    /// The type by which values of a field of the reading side are compared; text when the field is unknown.
    #[must_use]
    pub fn read_type_of(&self, field: &FieldRef) -> FieldType {
        self.read_schema(field).map_or(FieldType::String, compared_as)
    }

    /// Some rule may give the copy a status.
    #[must_use]
    pub const fn writes_status(&self) -> bool {
        self.writes_status
    }

    /// Why nothing can be written for a status of the reading side, where every rule that names it is paused.
    #[must_use]
    pub fn status_paused(&self, read_status: &str) -> Option<&str> {
        self.statuses.as_ref()?.paused(read_status)
    }

    /// Whether a status of the reading side and one of the writing side already say the same, so that writing the
    /// mapped status would only move the copy between statuses of equal meaning.
    #[must_use]
    pub fn status_equivalent(&self, read_status: &str, written_status: &str) -> bool {
        self.statuses.as_ref().map_or_else(
            || crate::status::key(read_status) == crate::status::key(written_status),
            |map| map.equivalent(read_status, written_status),
        )
    }
}

/// A field of several values is compared as a set, whatever the values are.
pub(crate) const fn compared_as(field: &FieldSchema) -> FieldType {
    if field.is_multiple && !matches!(field.field_type, FieldType::Identity) {
        FieldType::Array
    } else {
        field.field_type
    }
}
