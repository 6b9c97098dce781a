//! What a deletion comes to when the other item was edited meanwhile, and how an item is closed. Pure.

use serde_json::Value;
use syncline_domain::{
    ConflictResolution, FieldRef, Item, Side, StatusCategory, StatusSchema, SyncSpec, TypePair,
    same,
};

use crate::adopt::Compare as _;
use crate::known::PairMemory;
use crate::pass::value_of;
use crate::recover::Types;

/// What there is to know about a deletion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// The item that is left was edited since both were in step.
    pub(super) edited: bool,
    /// Both sides may speak.
    pub(super) two_way: bool,
    /// The side on which the item was deleted.
    pub(super) deleted: Side,
    /// Who wins a conflict.
    pub(super) resolution: ConflictResolution,
    /// Edits on the target of a one-way configuration stay.
    pub(super) keeps_target: bool,
}

/// What becomes of the item that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It follows the policy.
    Go,
    /// It stays, and the pair is taken apart.
    Keep,
    /// A person decides.
    Ask,
}

/// Decides. An edit is worth as much as a deletion: where both happened, the configured word decides, and where that
/// needs the time of the deletion, which no tracker tells reliably, a person does.
pub(super) const fn fate(question: &Question) -> Fate {
    if !question.edited {
        return Fate::Go;
    }
    if !question.two_way {
        return match (question.deleted, question.keeps_target) {
            (Side::Source, false) => Fate::Go,
            (Side::Source, true) => Fate::Keep,
            (Side::Target, _) => Fate::Ask,
        };
    }
    match (question.resolution, question.deleted) {
        (ConflictResolution::SourcePriority, Side::Source)
        | (ConflictResolution::TargetPriority, Side::Target) => Fate::Go,
        (ConflictResolution::SourcePriority, Side::Target)
        | (ConflictResolution::TargetPriority, Side::Source) => Fate::Keep,
        (
            ConflictResolution::LastWriteWins
            | ConflictResolution::Merge
            | ConflictResolution::Manual,
            _,
        ) => Fate::Ask,
    }
}

/// A value that is not what both sides agreed on last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    pub(crate) field: FieldRef,
    pub(crate) base: Value,
    pub(crate) now: Value,
}

/// What was edited on the side that is left, of all values that the configuration knows of.
pub(super) fn edits(spec: &SyncSpec, memory: &PairMemory, side: Side, item: &Item) -> Vec<Edit> {
    if item.version == *memory.pair.version(side) {
        return Vec::new();
    }
    let types = Types { spec, side, type_ref: &item.type_ref };
    let edit = |(field, base): &(FieldRef, Value)| {
        let now = value_of(item, field);
        let is_news = !same(base, &now, types.field_type(field));
        is_news.then(|| Edit { field: field.clone(), base: base.clone(), now })
    };
    let mut edits: Vec<Edit> = memory.bases_of(side).iter().filter_map(edit).collect();
    edits.sort_by(|one, other| one.field.cmp(&other.field));
    edits
}

/// The status by which an item of `side` is closed: what the mappings make of a removed or finished item of the other
/// side, else a status of its own that means finished.
pub(super) fn closing_status(types: &TypePair, side: Side) -> Option<&StatusSchema> {
    use StatusCategory::{Completed, Removed, Resolved};
    let mapped = |category| {
        types.statuses.iter().find_map(|(source, target)| {
            let (own, other) = match side {
                Side::Source => (source, target),
                Side::Target => (target, source),
            };
            (other.category == category && own.category != StatusCategory::Proposed).then_some(own)
        })
    };
    let own = |category| types.end(side).statuses.iter().find(|one| one.category == category);
    [Removed, Completed, Resolved]
        .into_iter()
        .find_map(mapped)
        .or_else(|| [Completed, Removed, Resolved].into_iter().find_map(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConflictResolution::{LastWriteWins, Manual, Merge, SourcePriority, TargetPriority};

    #[test]
    fn an_edit_against_a_deletion_by_table() {
        let two_way = |deleted, resolution| Question {
            edited: true,
            two_way: true,
            deleted,
            resolution,
            keeps_target: false,
        };
        for (resolution, of_source, of_target) in [
            (SourcePriority, Fate::Go, Fate::Keep),
            (TargetPriority, Fate::Keep, Fate::Go),
            (LastWriteWins, Fate::Ask, Fate::Ask),
            (Merge, Fate::Ask, Fate::Ask),
            (Manual, Fate::Ask, Fate::Ask),
        ] {
            assert_eq!(fate(&two_way(Side::Source, resolution)), of_source, "{resolution}");
            assert_eq!(fate(&two_way(Side::Target, resolution)), of_target, "{resolution}");
            let quiet = Question { edited: false, ..two_way(Side::Target, resolution) };
            assert_eq!(fate(&quiet), Fate::Go, "{resolution}");
        }
        let one_way = |deleted, keeps_target| Question {
            two_way: false,
            keeps_target,
            ..two_way(deleted, Manual)
        };
        assert_eq!(fate(&one_way(Side::Source, false)), Fate::Go);
        assert_eq!(fate(&one_way(Side::Source, true)), Fate::Keep);
        assert_eq!(fate(&one_way(Side::Target, false)), Fate::Ask);
    }
}
