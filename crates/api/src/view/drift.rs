//! Paused rows of rules, and the proposed edits.

use serde::Serialize;
use serde_json::Value;
use syncline_app::{ConfigDrift, DriftApplied, PausedRow, Proposal, ProposedChange};
use utoipa::ToSchema;

/// What is paused in a configuration because a tracker changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct DriftList {
    total: usize,
    count: usize,
    drift: Vec<DriftRow>,
}

/// A row that is paused.
#[derive(Serialize, ToSchema)]
struct DriftRow {
    id: i64,
    mapping: DriftMapping,
    /// The row in words.
    what: String,
    reason: String,
    since: String,
    causes: Vec<DriftCause>,
    /// The likeliest edit; null when nothing can be proposed.
    #[schema(nullable)]
    proposal: Option<ProposalView>,
}

/// Which row.
#[derive(Serialize, ToSchema)]
struct DriftMapping {
    /// type, field or status
    kind: String,
    id: i64,
}

/// One reason of a pause.
#[derive(Serialize, ToSchema)]
struct DriftCause {
    /// source or target
    side: String,
    /// type_removed, field_removed, status_removed, type_changed, became_read_only or values_removed
    kind: String,
    message: String,
}

/// An edit that passes the checks of a save.
#[derive(Serialize, ToSchema)]
struct ProposalView {
    says: String,
    /// 0 to 1.
    confidence: f64,
    /// The exact changes of the row; none when it may go on as it is.
    changes: Vec<DriftChangeView>,
    /// Rules that the edit cannot take along.
    left_out: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct DriftChangeView {
    /// The key in the row.
    at: String,
    #[schema(value_type = Value)]
    from: Value,
    #[schema(value_type = Value)]
    to: Value,
    from_name: Option<String>,
    to_name: Option<String>,
}

/// A proposed edit was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct DriftDone {
    message: String,
    changes: Vec<DriftChangeView>,
}

impl From<ConfigDrift> for DriftList {
    fn from(found: ConfigDrift) -> Self {
        let drift: Vec<DriftRow> = found.rows.into_iter().map(DriftRow::from).collect();
        Self { total: drift.len(), count: drift.len(), drift }
    }
}

impl From<PausedRow> for DriftRow {
    fn from(row: PausedRow) -> Self {
        let causes = row.pause.causes.iter().map(|cause| DriftCause {
            side: cause.side.to_string(),
            kind: cause.loss.word().to_owned(),
            message: cause.to_string(),
        });
        Self {
            id: row.pause.id.0,
            mapping: DriftMapping {
                kind: row.pause.mapping.kind().to_owned(),
                id: row.pause.mapping.id(),
            },
            what: row.what,
            reason: row.pause.reason(),
            since: row.pause.paused_at.to_iso(),
            causes: causes.collect(),
            proposal: row.proposal.map(ProposalView::from),
        }
    }
}

impl From<Proposal> for ProposalView {
    fn from(proposal: Proposal) -> Self {
        Self {
            says: proposal.says,
            confidence: proposal.confidence,
            changes: proposal.changes.into_iter().map(DriftChangeView::from).collect(),
            left_out: proposal.left_out,
        }
    }
}

impl From<ProposedChange> for DriftChangeView {
    fn from(change: ProposedChange) -> Self {
        let ProposedChange { at, from, to, from_name, to_name } = change;
        Self { at, from, to, from_name, to_name }
    }
}

impl From<DriftApplied> for DriftDone {
    fn from(done: DriftApplied) -> Self {
        Self {
            message: format!("done: {}", done.proposal.says),
            changes: done.proposal.changes.into_iter().map(DriftChangeView::from).collect(),
        }
    }
}
