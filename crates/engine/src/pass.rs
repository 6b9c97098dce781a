//! One direction of a run: which side is read, which is written, and by which compiled rules.

use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{Capabilities, ChangeQuery, Connector, PortableFilter};
use syncline_domain::{
    ConflictResolution, ConnectorId, Direction, ExecutionId, Fault, FieldFault, FieldRef, Item,
    MappingType, RunDirection, STATUS_REF, Side, SyncSpec, TargetEdits, Timestamp,
};
use syncline_mapping::{CompiledPair, Issue, MapContext, Plan, WrittenField};

use crate::merge::Policy;
use crate::twins::Twins;

/// One direction of a run.
pub(crate) struct Pass {
    pub(crate) spec: Arc<SyncSpec>,
    pub(crate) read: Side,
    pub(crate) write: Side,
    pub(crate) reader: Arc<dyn Connector>,
    pub(crate) writer: Arc<dyn Connector>,
    pub(crate) reader_can: Capabilities,
    pub(crate) writer_can: Capabilities,
    pub(crate) plan: Plan,
    pub(crate) context: MapContext,
    /// The fields that speak both ways.
    pub(crate) twins: Twins,
    /// The run; for a decision that is carried out between runs, the one that found the conflict.
    pub(crate) run: ExecutionId,
    pub(crate) query: ChangeQuery,
    /// Under what bases keep the status.
    pub(crate) status: FieldRef,
    /// Both sides may speak.
    pub(crate) two_way: bool,
    /// Everything is read, whatever the cursor says.
    pub(crate) full: bool,
    /// Every item is mapped and compared field by field, however quiet it looks: its rules may have changed, or somebody
    /// wants to see what they make.
    pub(crate) is_thorough: bool,
    /// The other direction was walked in the same run.
    pub(crate) is_second: bool,
}

impl Pass {
    /// Whether comments of the reading side are copied.
    pub(crate) fn copies_comments(&self) -> bool {
        self.spec.config.options.sync_comments
            && self.reader_can.comments
            && self.writer_can.comments
    }

    /// Whether links between items are carried.
    pub(crate) fn copies_links(&self) -> bool {
        self.spec.config.options.sync_links && self.reader_can.links && self.writer_can.links
    }

    /// Whether files are carried.
    pub(crate) fn copies_files(&self) -> bool {
        self.spec.config.options.sync_attachments
            && self.reader_can.attachments
            && self.writer_can.attachments
    }

    /// Whether images inside of texts are carried.
    pub(crate) fn moves_images(&self) -> bool {
        self.copies_files() && self.spec.config.options.sync_inline_images
    }

    /// Whether anything is carried beside fields.
    pub(crate) fn carries_more(&self) -> bool {
        self.copies_comments() || self.copies_links() || self.copies_files()
    }

    /// Prepares a pass that reads `read`.
    ///
    /// # Errors
    /// [`Fault::Invalid`] when rules or filter cannot be used.
    pub(crate) fn prepare(
        spec: &Arc<SyncSpec>,
        read: Side,
        ends: [&Arc<dyn Connector>; 2],
        run: ExecutionId,
        full: bool,
    ) -> Result<Self, Fault> {
        let plan = compile(spec, read).map_err(Fault::Invalid)?;
        let query = query(spec, read, &plan).map_err(Fault::Invalid)?;
        let two_way = spec.config.direction == Direction::Bidirectional;
        let twins = match two_way {
            true => Twins::of(spec, &plan, run).map_err(Fault::Invalid)?,
            false => Twins::default(),
        };
        let [source, target] = ends;
        let (reader, writer) = match read {
            Side::Source => (Arc::clone(source), Arc::clone(target)),
            Side::Target => (Arc::clone(target), Arc::clone(source)),
        };
        Ok(Self {
            read,
            write: read.other(),
            reader_can: reader.capabilities(),
            writer_can: writer.capabilities(),
            reader,
            writer,
            context: MapContext::of(spec, read, run),
            query,
            two_way,
            twins,
            run,
            full: full || spec.config.needs_full || !spec.config.options.sync_only_changed,
            status: FieldRef::new(STATUS_REF),
            is_thorough: true,
            is_second: false,
            plan,
            spec: Arc::clone(spec),
        })
    }

    pub(crate) fn reader_id(&self) -> ConnectorId {
        self.spec.config.connector(self.read)
    }

    pub(crate) fn writer_id(&self) -> ConnectorId {
        self.spec.config.connector(self.write)
    }

    /// Items of a page, and of a fetch, as far as the tracker gives them.
    pub(crate) fn page_size(&self) -> usize {
        self.reader_can.fetch_batch.clamp(1, 500)
    }

    /// Calls in flight at once.
    pub(crate) fn concurrency(&self) -> usize {
        usize::try_from(self.spec.config.options.concurrency).unwrap_or(1).clamp(1, 32)
    }

    /// The rules between an item and a copy of this type. A copy of which nobody knows the type is taken for one of
    /// the type that items of this type get.
    pub(crate) fn rules_between(&self, read: &str, written: &str) -> Option<&CompiledPair> {
        self.plan
            .pair_between(read, written)
            .or_else(|| self.plan.pair_for(read).filter(|_| written.is_empty()))
    }

    /// Why items of these two types wait, where the pair of types is paused.
    pub(crate) fn types_paused(&self, read: &str, written: &str) -> Option<&str> {
        let paused = match self.read {
            Side::Source => self.spec.paused_between(read, written),
            Side::Target => self.spec.paused_between(written, read),
        };
        paused.map(|pair| pair.reason.as_str())
    }

    /// Why a new item of this type waits: the pair of types that it would follow is paused.
    pub(crate) fn type_paused(&self, read: &str) -> Option<&str> {
        let paused = self.spec.paused_on(self.read, read)?;
        let usual = self.plan.pair_for(read);
        usual.is_none_or(|usual| paused.id < usual.id()).then_some(paused.reason.as_str())
    }

    /// Why a field of the writing side gets no value: the rule that would write it is paused.
    pub(crate) fn field_paused(&self, rules: &CompiledPair, field: &FieldRef) -> Option<&str> {
        let pair = self.spec.types.iter().find(|pair| pair.id == rules.id())?;
        let mut paused = pair.paused.fields.iter();
        let one = paused.find(|one| one.writes(self.write, field.as_str()))?;
        Some(one.reason.as_str())
    }

    /// By what is decided about a field that speaks both ways; who changed what when is told by `times`.
    pub(crate) fn policy_both_ways(
        &self,
        own: Option<ConflictResolution>,
        times: (Timestamp, Option<Timestamp>),
    ) -> Policy {
        let config = &self.spec.config;
        Policy::TwoWay {
            resolution: own.unwrap_or(config.conflict_resolution),
            read: self.read,
            read_changed_at: times.0,
            write_changed_at: times.1,
            tie_seconds: config.options.tie_window_seconds,
        }
    }

    /// By what is decided about a field that speaks one way only, whatever the way of the configuration.
    pub(crate) fn policy_one_way(&self) -> Policy {
        Policy::OneWay(match self.write {
            Side::Target => self.spec.config.options.target_edits,
            Side::Source => TargetEdits::Overwrite,
        })
    }

    /// Whether the value may depend on more than the rule's source fields.
    pub(crate) fn is_open_ended(&self, written: &WrittenField) -> bool {
        let mut rules = self.spec.types.iter().flat_map(|pair| &pair.fields);
        rules
            .find(|rule| rule.id == written.rule_id)
            .is_none_or(|rule| rule.mapping_type == MappingType::Computed)
    }

    /// The marker's field, where the user named one for the side that is written.
    pub(crate) fn marker_field(&self) -> Option<&FieldRef> {
        let field = self.spec.config.options.external_id_field.as_ref();
        field.filter(|_| self.write == Side::Target)
    }
}

/// The sides that are read, in order.
pub(crate) const fn reading_sides(direction: RunDirection) -> &'static [Side] {
    match direction {
        RunDirection::SourceToTarget => &[Side::Source],
        RunDirection::TargetToSource => &[Side::Target],
        RunDirection::Bidirectional => &[Side::Source, Side::Target],
    }
}

/// Compiles the rules for one reading side.
pub(crate) fn compile(spec: &SyncSpec, read: Side) -> Result<Plan, Vec<FieldFault>> {
    Plan::compile(spec, read).map_err(|issues| {
        issues
            .into_iter()
            .filter(Issue::is_error)
            .map(|issue| FieldFault::new(issue.path, issue.message))
            .collect()
    })
}

/// What a walk asks the tracker for.
pub(crate) fn query(
    spec: &SyncSpec,
    read: Side,
    plan: &Plan,
) -> Result<ChangeQuery, Vec<FieldFault>> {
    let (filter, path) = match read {
        Side::Source => (&spec.config.sync_filter, "/sync_filter"),
        Side::Target => (&spec.config.target_filter, "/target_filter"),
    };
    let (portable, native) = match filter {
        Some(filter) => PortableFilter::split(filter).map_err(|faults| {
            faults
                .into_iter()
                .map(|fault| FieldFault::new(format!("{path}{}", fault.path), fault.message))
                .collect::<Vec<_>>()
        })?,
        None => (PortableFilter::default(), None),
    };
    Ok(ChangeQuery {
        types: types(spec, read, plan)?,
        native,
        portable,
        fields: needed(spec, read, plan),
    })
}

/// The types that are walked: paused ones, too, as far as they are there, so that their items are told of.
fn types(spec: &SyncSpec, read: Side, plan: &Plan) -> Result<Vec<String>, Vec<FieldFault>> {
    let mut types = plan.types();
    for pair in spec.paused_types.iter().filter(|pair| !pair.gone.contains(&read)) {
        let name = &pair.end(read).reference;
        if !types.contains(name) {
            types.push(name.clone());
        }
    }
    match spec.paused_types.first() {
        // A walk over no type would be one over all.
        Some(pair) if types.is_empty() => {
            let message = format!("every mapping of types is paused: {}", pair.reason);
            Err(vec![FieldFault::new("/type_mappings", message)])
        }
        _ => Ok(types),
    }
}

/// The fields that the rules read; empty (all) when some rule may read any.
fn needed(spec: &SyncSpec, read: Side, plan: &Plan) -> Vec<FieldRef> {
    let computed = spec
        .types
        .iter()
        .flat_map(|pair| &pair.fields)
        .any(|rule| rule.mapping_type == MappingType::Computed);
    if computed {
        return Vec::new();
    }
    let mut fields: Vec<FieldRef> = plan
        .pairs()
        .iter()
        .flat_map(CompiledPair::written)
        .flat_map(|written| written.sources.iter().cloned())
        .collect();
    if let (Side::Source, Some(by)) = (read, &spec.config.options.match_existing) {
        fields.push(by.source_field.clone());
    }
    fields.sort();
    fields.dedup();
    fields
}

/// A value of an item; the status under [`STATUS_REF`]. Absent and null are the same.
pub(crate) fn value_of(item: &Item, field: &FieldRef) -> Value {
    if field.as_str() == STATUS_REF {
        return item.status.clone().map_or(Value::Null, Value::String);
    }
    item.fields.get(field).cloned().unwrap_or(Value::Null)
}

/// As [`value_of`], for a field of the reading side that may be the tracker's status field.
pub(crate) fn input_of(rules: &CompiledPair, item: &Item, field: &FieldRef) -> Value {
    let is_status = rules.read_schema(field).is_some_and(|schema| schema.is_status);
    match item.fields.get(field) {
        Some(value) => value.clone(),
        None if is_status => value_of(item, &FieldRef::new(STATUS_REF)),
        None => value_of(item, field),
    }
}
