//! The process of the sandbox project: fields, work item types, states and their rules.

use super::fields as f;

/// A field's type, in the words of the `fields` resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Short text.
    Text,
    /// Whole number.
    Int,
    /// Any number.
    Num,
    /// Instant.
    Time,
    /// HTML.
    Html,
    /// Tags: text with semicolons.
    Tags,
    /// Area or iteration path.
    Path,
    /// The discussion.
    History,
    /// Yes or no.
    Bool,
    /// A person.
    Who,
}

impl Kind {
    /// The `type` that the API shows.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text | Self::Who => "string",
            Self::Int => "integer",
            Self::Num => "double",
            Self::Time => "dateTime",
            Self::Html => "html",
            Self::Tags => "plainText",
            Self::Path => "treePath",
            Self::History => "history",
            Self::Bool => "boolean",
        }
    }
}

/// One field of the collection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// The number that records use.
    pub(crate) no: u16,
    /// `System.Title`.
    pub(crate) reference: &'static str,
    /// `Title`.
    pub(crate) name: &'static str,
    /// The type.
    pub(crate) kind: Kind,
    /// Whether callers may not write it.
    pub(crate) read_only: bool,
    /// Whether it is left out of a work item unless asked for.
    pub(crate) hidden: bool,
    /// Allowed values; empty: any.
    pub(crate) allowed: &'static [&'static str],
}

const fn field(no: u16, reference: &'static str, name: &'static str, kind: Kind) -> Field {
    Field { no, reference, name, kind, read_only: false, hidden: false, allowed: &[] }
}

const fn read_only(no: u16, reference: &'static str, name: &'static str, kind: Kind) -> Field {
    Field { read_only: true, ..field(no, reference, name, kind) }
}

const fn hidden(no: u16, reference: &'static str, name: &'static str, kind: Kind) -> Field {
    Field { hidden: true, ..read_only(no, reference, name, kind) }
}

const fn listed(
    no: u16,
    reference: &'static str,
    name: &'static str,
    kind: Kind,
    allowed: &'static [&'static str],
) -> Field {
    Field { allowed, ..field(no, reference, name, kind) }
}

const SEVERITIES: &[&str] = &["1 - Critical", "2 - High", "3 - Medium", "4 - Low"];
const PRIORITIES: &[&str] = &["1", "2", "3", "4"];
const VALUE_AREAS: &[&str] = &["Architectural", "Business"];
const ACTIVITIES: &[&str] =
    &["Deployment", "Design", "Development", "Documentation", "Requirements", "Testing"];
const TEAMS: &[&str] = &["Backend", "Mobile", "Web", "Warehouse"];

/// All fields, in the order of their numbers.
pub(crate) const FIELDS: &[Field] = &[
    hidden(f::ID, "System.Id", "ID", Kind::Int),
    hidden(f::REV, "System.Rev", "Rev", Kind::Int),
    hidden(f::AREA_ID, "System.AreaId", "Area ID", Kind::Int),
    field(f::AREA_PATH, "System.AreaPath", "Area Path", Kind::Path),
    read_only(f::TEAM_PROJECT, "System.TeamProject", "Team Project", Kind::Text),
    hidden(f::NODE_NAME, "System.NodeName", "Node Name", Kind::Text),
    hidden(f::ITERATION_ID, "System.IterationId", "Iteration ID", Kind::Int),
    field(f::ITERATION_PATH, "System.IterationPath", "Iteration Path", Kind::Path),
    read_only(f::TYPE, "System.WorkItemType", "Work Item Type", Kind::Text),
    field(f::TITLE, "System.Title", "Title", Kind::Text),
    field(f::STATE, "System.State", "State", Kind::Text),
    field(f::REASON, "System.Reason", "Reason", Kind::Text),
    field(f::ASSIGNED_TO, "System.AssignedTo", "Assigned To", Kind::Who),
    read_only(f::CREATED_DATE, "System.CreatedDate", "Created Date", Kind::Time),
    read_only(f::CREATED_BY, "System.CreatedBy", "Created By", Kind::Who),
    read_only(f::CHANGED_DATE, "System.ChangedDate", "Changed Date", Kind::Time),
    read_only(f::CHANGED_BY, "System.ChangedBy", "Changed By", Kind::Who),
    hidden(f::AUTHORIZED_DATE, "System.AuthorizedDate", "Authorized Date", Kind::Time),
    hidden(f::REVISED_DATE, "System.RevisedDate", "Revised Date", Kind::Time),
    hidden(f::WATERMARK, "System.Watermark", "Watermark", Kind::Int),
    read_only(f::COMMENT_COUNT, "System.CommentCount", "Comment Count", Kind::Int),
    field(f::DESCRIPTION, "System.Description", "Description", Kind::Html),
    field(f::HISTORY, "System.History", "History", Kind::History),
    field(f::TAGS, "System.Tags", "Tags", Kind::Tags),
    read_only(f::PARENT, "System.Parent", "Parent", Kind::Int),
    hidden(f::IS_DELETED, "System.IsDeleted", "Is Deleted", Kind::Bool),
    listed(f::PRIORITY, "Microsoft.VSTS.Common.Priority", "Priority", Kind::Int, PRIORITIES),
    listed(f::SEVERITY, "Microsoft.VSTS.Common.Severity", "Severity", Kind::Text, SEVERITIES),
    listed(f::VALUE_AREA, "Microsoft.VSTS.Common.ValueArea", "Value Area", Kind::Text, VALUE_AREAS),
    field(f::STACK_RANK, "Microsoft.VSTS.Common.StackRank", "Stack Rank", Kind::Num),
    listed(f::ACTIVITY, "Microsoft.VSTS.Common.Activity", "Activity", Kind::Text, ACTIVITIES),
    field(
        f::ACCEPTANCE,
        "Microsoft.VSTS.Common.AcceptanceCriteria",
        "Acceptance Criteria",
        Kind::Html,
    ),
    read_only(
        f::STATE_CHANGE_DATE,
        "Microsoft.VSTS.Common.StateChangeDate",
        "State Change Date",
        Kind::Time,
    ),
    field(f::RESOLVED_DATE, "Microsoft.VSTS.Common.ResolvedDate", "Resolved Date", Kind::Time),
    field(f::RESOLVED_BY, "Microsoft.VSTS.Common.ResolvedBy", "Resolved By", Kind::Who),
    field(
        f::RESOLVED_REASON,
        "Microsoft.VSTS.Common.ResolvedReason",
        "Resolved Reason",
        Kind::Text,
    ),
    field(f::CLOSED_DATE, "Microsoft.VSTS.Common.ClosedDate", "Closed Date", Kind::Time),
    field(f::CLOSED_BY, "Microsoft.VSTS.Common.ClosedBy", "Closed By", Kind::Who),
    field(f::REPRO_STEPS, "Microsoft.VSTS.TCM.ReproSteps", "Repro Steps", Kind::Html),
    field(f::SYSTEM_INFO, "Microsoft.VSTS.TCM.SystemInfo", "System Info", Kind::Html),
    field(f::FOUND_IN, "Microsoft.VSTS.Build.FoundIn", "Found In", Kind::Text),
    field(f::STORY_POINTS, "Microsoft.VSTS.Scheduling.StoryPoints", "Story Points", Kind::Num),
    field(
        f::ESTIMATE,
        "Microsoft.VSTS.Scheduling.OriginalEstimate",
        "Original Estimate",
        Kind::Num,
    ),
    field(f::REMAINING, "Microsoft.VSTS.Scheduling.RemainingWork", "Remaining Work", Kind::Num),
    field(f::DUE_DATE, "Microsoft.VSTS.Scheduling.DueDate", "Due Date", Kind::Time),
    field(f::EXTERNAL_ID, "Custom.ExternalId", "External Id", Kind::Text),
    listed(f::TEAM, "Custom.Team", "Team", Kind::Text, TEAMS),
    field(f::BLOCKED, "Custom.Blocked", "Blocked", Kind::Bool),
];

/// A field by reference name or by display name, without regard to case.
pub(crate) fn find(name: &str) -> Option<&'static Field> {
    FIELDS
        .iter()
        .find(|field| field.reference.eq_ignore_ascii_case(name))
        .or_else(|| FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name)))
}

/// A field by its number.
pub(crate) fn by_no(no: u16) -> Option<&'static Field> {
    FIELDS.get(usize::from(no))
}

/// One state of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    /// `Active`.
    pub(crate) name: &'static str,
    /// `Proposed`, `InProgress`, `Resolved`, `Completed` or `Removed`.
    pub(crate) category: &'static str,
    /// Colour of the dot.
    pub(crate) color: &'static str,
    /// The reason that a move into this state gets unless the caller names one.
    pub(crate) reason: &'static str,
}

const fn state(
    name: &'static str,
    category: &'static str,
    color: &'static str,
    reason: &'static str,
) -> State {
    State { name, category, color, reason }
}

/// One work item type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkItemType {
    /// `Bug`.
    pub(crate) name: &'static str,
    /// `Microsoft.VSTS.WorkItemTypes.Bug`.
    pub(crate) reference: &'static str,
    /// For people.
    pub(crate) description: &'static str,
    /// Colour of the card.
    pub(crate) color: &'static str,
    /// Icon name.
    pub(crate) icon: &'static str,
    /// The first one is the initial state.
    pub(crate) states: &'static [State],
    /// Fields beyond the common ones.
    pub(crate) extra: &'static [u16],
    /// Fields that must always be set, beyond those of all types.
    pub(crate) required: &'static [u16],
}

/// Fields that all types have.
const COMMON: &[u16] = &[
    f::ID,
    f::REV,
    f::AREA_ID,
    f::AREA_PATH,
    f::TEAM_PROJECT,
    f::NODE_NAME,
    f::ITERATION_ID,
    f::ITERATION_PATH,
    f::TYPE,
    f::TITLE,
    f::STATE,
    f::REASON,
    f::ASSIGNED_TO,
    f::CREATED_DATE,
    f::CREATED_BY,
    f::CHANGED_DATE,
    f::CHANGED_BY,
    f::AUTHORIZED_DATE,
    f::REVISED_DATE,
    f::WATERMARK,
    f::COMMENT_COUNT,
    f::DESCRIPTION,
    f::HISTORY,
    f::TAGS,
    f::PARENT,
    f::PRIORITY,
    f::STATE_CHANGE_DATE,
    f::CLOSED_DATE,
    f::CLOSED_BY,
    f::RESOLVED_DATE,
    f::RESOLVED_BY,
    f::EXTERNAL_ID,
    f::TEAM,
    f::BLOCKED,
    f::DUE_DATE,
];

/// Fields that must always be set, whatever the type.
const REQUIRED: &[u16] = &[f::AREA_ID, f::ITERATION_ID, f::STATE, f::TITLE];

impl WorkItemType {
    /// The fields of the type.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        COMMON.iter().chain(self.extra).filter_map(|no| by_no(*no))
    }

    /// Whether the type has the field.
    pub(crate) fn has(&self, no: u16) -> bool {
        COMMON.contains(&no) || self.extra.contains(&no)
    }

    /// Whether the field must always be set.
    pub(crate) fn requires(&self, no: u16) -> bool {
        REQUIRED.contains(&no) || self.required.contains(&no)
    }

    /// A state by name, without regard to case.
    pub(crate) fn state(&self, name: &str) -> Option<&'static State> {
        self.states.iter().find(|state| state.name.eq_ignore_ascii_case(name))
    }

    /// The state that new items get.
    pub(crate) fn initial(&self) -> Option<&'static State> {
        self.states.first()
    }
}

const BUG_STATES: &[State] = &[
    state("New", "Proposed", "b2b2b2", "New"),
    state("Active", "InProgress", "007acc", "Approved"),
    state("Resolved", "Resolved", "ff9d00", "Fixed"),
    state("Closed", "Completed", "339933", "Verified"),
];
const STORY_STATES: &[State] = &[
    state("New", "Proposed", "b2b2b2", "New"),
    state("Active", "InProgress", "007acc", "Implementation started"),
    state("Resolved", "Resolved", "ff9d00", "Code complete and unit tests pass"),
    state("Closed", "Completed", "339933", "Acceptance tests pass"),
    state("Removed", "Removed", "ffffff", "Removed from the backlog"),
];
const TASK_STATES: &[State] = &[
    state("New", "Proposed", "b2b2b2", "New"),
    state("Active", "InProgress", "007acc", "Work started"),
    state("Closed", "Completed", "339933", "Completed"),
    state("Removed", "Removed", "ffffff", "Removed from the backlog"),
];

/// All work item types of the project.
pub(crate) const TYPES: &[WorkItemType] = &[
    WorkItemType {
        name: "Bug",
        reference: "Microsoft.VSTS.WorkItemTypes.Bug",
        description: "Describes a divergence between required and actual behaviour.",
        color: "CC293D",
        icon: "icon_insect",
        states: BUG_STATES,
        extra: &[
            f::REPRO_STEPS,
            f::SYSTEM_INFO,
            f::SEVERITY,
            f::VALUE_AREA,
            f::STACK_RANK,
            f::ACTIVITY,
            f::FOUND_IN,
            f::STORY_POINTS,
            f::ESTIMATE,
            f::REMAINING,
            f::RESOLVED_REASON,
            f::ACCEPTANCE,
        ],
        required: &[f::VALUE_AREA],
    },
    WorkItemType {
        name: "User Story",
        reference: "Microsoft.VSTS.WorkItemTypes.UserStory",
        description: "Tracks something that the user will be able to do.",
        color: "009CCC",
        icon: "icon_book",
        states: STORY_STATES,
        extra: &[f::ACCEPTANCE, f::VALUE_AREA, f::STACK_RANK, f::STORY_POINTS, f::RESOLVED_REASON],
        required: &[f::VALUE_AREA],
    },
    WorkItemType {
        name: "Task",
        reference: "Microsoft.VSTS.WorkItemTypes.Task",
        description: "Tracks work that needs to be done.",
        color: "F2CB1D",
        icon: "icon_clipboard",
        states: TASK_STATES,
        extra: &[f::ACTIVITY, f::STACK_RANK, f::ESTIMATE, f::REMAINING],
        required: &[],
    },
    WorkItemType {
        name: "Issue",
        reference: "Microsoft.VSTS.WorkItemTypes.Issue",
        description: "Tracks an obstacle to progress.",
        color: "B4009E",
        icon: "icon_traffic_cone",
        states: TASK_STATES,
        extra: &[f::STACK_RANK],
        required: &[],
    },
];

/// A type by name, without regard to case.
pub(crate) fn find_type(name: &str) -> Option<&'static WorkItemType> {
    TYPES.iter().find(|kind| kind.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_sits_at_its_number_and_every_type_knows_its_fields() {
        for (at, field) in FIELDS.iter().enumerate() {
            assert_eq!(usize::from(field.no), at, "{}", field.reference);
        }
        for kind in TYPES {
            assert!(kind.required.iter().all(|no| kind.has(*no)), "{}", kind.name);
            assert!(kind.fields().count() >= COMMON.len());
        }
    }
}
