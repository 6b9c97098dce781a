//! The fields of a request and its templates.

use super::fields as f;
use super::lookups::Table;

/// A field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line of text.
    Text,
    /// HTML.
    Html,
    /// Whole number.
    Int,
    /// Yes or no.
    Bool,
    /// Instant.
    Time,
    /// A person.
    Who,
    /// A row of a lookup table.
    Lookup(Table),
}

/// One field of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// The number that records use.
    pub(crate) no: u16,
    /// `subject`, or `udf_char1` for a user-defined one.
    pub(crate) key: &'static str,
    /// What people see.
    pub(crate) label: &'static str,
    /// The type.
    pub(crate) kind: Kind,
    /// Whether list rows carry it unasked.
    pub(crate) in_rows: bool,
    /// Whether callers may not write it.
    pub(crate) read_only: bool,
}

impl Field {
    /// Whether it is a user-defined one, which lives in `udf_fields`.
    pub(crate) fn is_udf(&self) -> bool {
        self.key.starts_with("udf_")
    }
}

const fn field(no: u16, key: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { no, key, label, kind, in_rows: false, read_only: false }
}

const fn row(no: u16, key: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { in_rows: true, ..field(no, key, label, kind) }
}

const fn fixed(no: u16, key: &'static str, label: &'static str) -> Field {
    Field { read_only: true, ..field(no, key, label, Kind::Time) }
}

/// All fields, in the order of their numbers.
pub(crate) const FIELDS: &[Field] = &[
    row(f::SUBJECT, "subject", "Subject", Kind::Text),
    field(f::DESCRIPTION, "description", "Description", Kind::Html),
    row(f::REQUESTER, "requester", "Requester", Kind::Who),
    row(f::TECHNICIAN, "technician", "Technician", Kind::Who),
    row(f::STATUS, "status", "Status", Kind::Lookup(Table::Status)),
    row(f::PRIORITY, "priority", "Priority", Kind::Lookup(Table::Priority)),
    field(f::URGENCY, "urgency", "Urgency", Kind::Lookup(Table::Urgency)),
    field(f::IMPACT, "impact", "Impact", Kind::Lookup(Table::Impact)),
    field(f::LEVEL, "level", "Level", Kind::Lookup(Table::Level)),
    field(f::MODE, "mode", "Mode", Kind::Lookup(Table::Mode)),
    field(f::CATEGORY, "category", "Category", Kind::Lookup(Table::Category)),
    field(f::SUBCATEGORY, "subcategory", "Subcategory", Kind::Lookup(Table::Subcategory)),
    row(f::GROUP, "group", "Group", Kind::Lookup(Table::Group)),
    row(f::SITE, "site", "Site", Kind::Lookup(Table::Site)),
    row(f::REQUEST_TYPE, "request_type", "Request Type", Kind::Lookup(Table::RequestType)),
    row(f::TEMPLATE, "template", "Template", Kind::Lookup(Table::Template)),
    Field { in_rows: true, ..fixed(f::CREATED_TIME, "created_time", "Created Date") },
    Field {
        in_rows: true,
        ..fixed(f::LAST_UPDATED_TIME, "last_updated_time", "Last Updated Time")
    },
    row(f::DUE_BY_TIME, "due_by_time", "DueBy Date", Kind::Time),
    field(f::FIRST_RESPONSE_DUE, "first_response_due_by_time", "Response DueBy Date", Kind::Time),
    fixed(f::RESOLVED_TIME, "resolved_time", "Resolved Date"),
    fixed(f::COMPLETED_TIME, "completed_time", "Completed Date"),
    Field { read_only: true, ..field(f::CREATED_BY, "created_by", "Created By", Kind::Who) },
    field(f::IMPACT_DETAILS, "impact_details", "Impact Details", Kind::Text),
    field(f::RESOLUTION, "resolution", "Resolution", Kind::Html),
    field(f::CLOSURE_CODE, "closure_code", "Closure Code", Kind::Lookup(Table::ClosureCode)),
    field(f::CLOSURE_COMMENTS, "closure_comments", "Closure Comments", Kind::Text),
    field(f::UPDATE_REASON, "update_reason", "Update Reason", Kind::Text),
    field(
        f::STATUS_CHANGE_COMMENTS,
        "status_change_comments",
        "Status Change Comments",
        Kind::Text,
    ),
    field(f::SCHEDULED_START, "scheduled_start_time", "Scheduled Start Time", Kind::Time),
    field(f::SCHEDULED_END, "scheduled_end_time", "Scheduled End Time", Kind::Time),
    field(f::UDF_CHAR1, "udf_char1", "External Id", Kind::Text),
    field(f::UDF_CHAR2, "udf_char2", "Team", Kind::Text),
    field(f::UDF_LONG1, "udf_long1", "Orders Hit", Kind::Int),
    field(f::UDF_DATE1, "udf_date1", "Promised Until", Kind::Time),
    field(f::UDF_BOOL1, "udf_bool1", "Customer Told", Kind::Bool),
];

/// A field by key.
pub(crate) fn find(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.key == key)
}

/// A field by number.
pub(crate) fn by_no(no: u16) -> Option<&'static Field> {
    FIELDS.get(usize::from(no))
}

/// Fields that lists can be sorted by.
pub(crate) const SORTABLE: &[&str] = &[
    "created_time",
    "due_by_time",
    "first_response_due_by_time",
    "last_updated_time",
    "scheduled_start_time",
    "scheduled_end_time",
    "subject",
    "id",
    "priority",
    "status",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_sits_at_its_number() {
        for (at, field) in FIELDS.iter().enumerate() {
            assert_eq!(usize::from(field.no), at, "{}", field.key);
        }
    }
}
