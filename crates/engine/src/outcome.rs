//! How an item leaves a run.

use syncline_domain::ports::ConnectorError;
use syncline_domain::{
    Change, ErrorType, Fields, Item, ItemError, ItemId, ItemOutcome, ItemState, OutcomeId, Side,
    Timestamp,
};

use crate::course::Course;
use crate::pass::Pass;
use crate::reviewed::Draft;

/// What is known of an item before it is settled.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    pub(crate) id: ItemId,
    pub(crate) copy: Option<ItemId>,
    pub(crate) type_ref: String,
    pub(crate) title: String,
}

impl Brief {
    pub(crate) fn of(item: &Item, copy: Option<&ItemId>) -> Self {
        Self {
            id: item.id.clone(),
            copy: copy.cloned(),
            type_ref: item.type_ref.clone(),
            title: item.title.clone(),
        }
    }

    /// An item of which only the id is known.
    pub(crate) fn bare(id: &ItemId) -> Self {
        Self { id: id.clone(), copy: None, type_ref: String::new(), title: id.to_string() }
    }
}

/// What becomes of the record of an item's failures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RetryMove {
    /// Nothing.
    Keep,
    /// The item is well.
    Clear,
    /// It failed once more.
    Fail,
    /// It is to be looked at again at this time; that is no failure.
    Later(Timestamp),
}

/// The state in which an item leaves a run, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) state: ItemState,
    pub(crate) rule: Option<String>,
    pub(crate) error: Option<ItemError>,
    pub(crate) changes: Vec<Change>,
    pub(crate) retry: RetryMove,
    /// Conflicts that the configured strategy settled.
    pub(crate) resolved: u64,
    /// What would be written, in a preview only.
    pub(crate) draft: Option<Box<Draft>>,
}

impl Verdict {
    /// All is well.
    pub(crate) const fn well(state: ItemState) -> Self {
        Self {
            state,
            rule: None,
            error: None,
            changes: Vec::new(),
            retry: RetryMove::Clear,
            resolved: 0,
            draft: None,
        }
    }

    /// A rule leaves it out.
    pub(crate) fn filtered(rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into()), ..Self::well(ItemState::Filtered) }
    }

    /// It could not be synced.
    pub(crate) fn failed(error: ItemError) -> Self {
        Self { error: Some(error), retry: RetryMove::Fail, ..Self::well(ItemState::Failed) }
    }

    /// It could not be synced because of a value.
    pub(crate) fn wrong(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self::failed(ItemError { error_type, message: message.into(), field: None })
    }

    /// A tracker refused it.
    pub(crate) fn refused(error: &ConnectorError) -> Self {
        Self::failed(error_of(error))
    }

    /// It waits.
    pub(crate) fn waiting(
        why: impl Into<String>,
        error: Option<ItemError>,
        retry: RetryMove,
    ) -> Self {
        Self { rule: Some(why.into()), error, retry, ..Self::well(ItemState::Waiting) }
    }

    /// A rule that it needs is paused. Nothing is tried again until then: the end of the pause has everything read.
    pub(crate) fn paused(why: &str) -> Self {
        Self::waiting(format!("paused: {why}"), None, RetryMove::Clear)
    }

    /// A person decides.
    pub(crate) fn conflicted(why: impl Into<String>) -> Self {
        let error = ItemError { error_type: ErrorType::Conflict, message: why.into(), field: None };
        Self { error: Some(error), ..Self::well(ItemState::Conflicted) }
    }

    /// Nobody knows whether the item was written.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.state == ItemState::Waiting
            && matches!(self.retry, RetryMove::Later(_))
            && self.error.is_some()
    }

    pub(crate) fn by_rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    pub(crate) fn drafted(mut self, draft: Option<Box<Draft>>) -> Self {
        self.draft = draft;
        self
    }

    pub(crate) fn with_changes(mut self, changes: Vec<Change>) -> Self {
        self.changes = changes;
        self
    }
}

/// A tracker's answer as an item's error.
pub(crate) fn error_of(error: &ConnectorError) -> ItemError {
    ItemError {
        error_type: error.kind.error_type(),
        message: error.for_people(),
        field: error.field.clone(),
    }
}

/// An item that has left the run.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub(crate) outcome: ItemOutcome,
    pub(crate) item: ItemId,
    pub(crate) retry: RetryMove,
    /// All values the rules make.
    pub(crate) mapped: Fields,
    /// What would be written, in a preview only.
    pub(crate) draft: Option<Box<Draft>>,
}

/// Makes the row of an item that leaves the run.
pub(crate) fn settle(course: &Course, pass: &Pass, brief: Brief, verdict: Verdict) -> Settled {
    let (source_id, target_id) = match pass.read {
        Side::Source => (Some(brief.id.clone()), brief.copy),
        Side::Target => (brief.copy, Some(brief.id.clone())),
    };
    Settled {
        outcome: ItemOutcome {
            id: OutcomeId(0),
            execution_id: course.execution.id,
            side: pass.read,
            source_id,
            target_id,
            type_ref: brief.type_ref,
            title: brief.title,
            state: verdict.state,
            rule: verdict.rule,
            error: verdict.error,
            changes: verdict.changes,
            at: course.now(),
        },
        item: brief.id,
        retry: verdict.retry,
        mapped: Fields::new(),
        draft: verdict.draft,
    }
}
