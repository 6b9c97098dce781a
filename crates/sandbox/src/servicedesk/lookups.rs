//! Lookup tables: statuses, priorities and the like.

use serde_json::{Value, json};

use super::fields as f;
use super::options::Flavour;

/// A lookup table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Status,
    Priority,
    Urgency,
    Impact,
    Level,
    Mode,
    Category,
    Subcategory,
    Group,
    Site,
    RequestType,
    Template,
    ClosureCode,
}

/// All tables: what they are, the path, the entity, the rows.
const TABLES: &[(Table, &str, &str, &[&str])] = &[
    (
        Table::Status,
        "statuses",
        "status",
        &["Open", "On Hold", "Resolved", "Closed", "Cancelled", "In Progress"],
    ),
    (Table::Priority, "priorities", "priority", &["Low", "Normal", "Medium", "High", "Urgent"]),
    (Table::Urgency, "urgencies", "urgency", &["Low", "Normal", "High", "Urgent"]),
    (
        Table::Impact,
        "impacts",
        "impact",
        &["Affects User", "Affects Group", "Affects Department", "Affects Business"],
    ),
    (Table::Level, "levels", "level", &["Tier 1", "Tier 2", "Tier 3", "Tier 4"]),
    (Table::Mode, "modes", "mode", &["E-Mail", "Phone Call", "Web Form"]),
    (
        Table::Category,
        "categories",
        "category",
        &[
            "General",
            "Checkout",
            "Search",
            "Account",
            "Catalogue",
            "Orders",
            "Mail",
            "Warehouse",
            "Reports",
            "App",
        ],
    ),
    (Table::Subcategory, "subcategories", "subcategory", &["Display", "Data", "Performance"]),
    (Table::Group, "groups", "group", &["Web shop", "Warehouse", "Mobile"]),
    (Table::Site, "sites", "site", &["Base Site"]),
    (
        Table::RequestType,
        "request_types",
        "request_type",
        &["Incident", "Request For Information", "Service Request"],
    ),
    (
        Table::Template,
        "request_templates",
        "request_template",
        &["Default Request", "Web shop bug", "Access request"],
    ),
    (Table::ClosureCode, "closure_codes", "closure_code", &["success", "failure", "postponed"]),
];

/// Internal name, colour, in progress, stops the timer: of each status.
const STATUS_FLAGS: &[(&str, &str, bool, bool)] = &[
    ("Open", "#0066ff", true, false),
    ("Onhold", "#ff0000", true, true),
    ("Resolved", "#00ff66", false, true),
    ("Closed", "#006600", false, true),
    ("Cancelled", "#999999", false, true),
    ("In Progress", "#00ffcc", true, false),
];

/// What each template demands beyond the subject, and whether it is for services.
const TEMPLATES: &[(&[u16], bool)] =
    &[(&[], false), (&[f::CATEGORY, f::PRIORITY], false), (&[f::REQUESTER], true)];

impl Table {
    fn entry(
        self,
    ) -> Option<&'static (Table, &'static str, &'static str, &'static [&'static str])> {
        TABLES.iter().find(|entry| entry.0 == self)
    }

    /// The rows' names, by number.
    pub(crate) fn names(self) -> &'static [&'static str] {
        self.entry().map_or(&[], |entry| entry.3)
    }

    /// `status`, `priority`, ...
    pub(crate) fn entity(self) -> &'static str {
        self.entry().map_or("", |entry| entry.2)
    }

    /// The table behind a path such as `statuses`.
    pub(crate) fn by_path(path: &str) -> Option<Self> {
        TABLES.iter().find(|entry| entry.1 == path).map(|entry| entry.0)
    }

    /// A row's number by name, without regard to case.
    pub(crate) fn by_name(self, name: &str) -> Option<u32> {
        (0u32..)
            .zip(self.names())
            .find(|(_, had)| had.eq_ignore_ascii_case(name.trim()))
            .map(|(no, _)| no)
    }

    /// A row's name.
    pub(crate) fn name(self, row: u32) -> &'static str {
        usize::try_from(row).ok().and_then(|at| self.names().get(at)).copied().unwrap_or("")
    }

    /// A row's id: long on the cloud, short on premises.
    pub(crate) fn id(self, flavour: Flavour, row: u32) -> String {
        let table = TABLES.iter().position(|entry| entry.0 == self).unwrap_or(0);
        match flavour {
            Flavour::Cloud => format!(
                "100001000000{:06}",
                table * 100 + 1_000 + usize::try_from(row).unwrap_or(0)
            ),
            Flavour::OnPremises => (row + 1).to_string(),
        }
    }

    /// A row's number by id.
    pub(crate) fn by_id(self, flavour: Flavour, id: &str) -> Option<u32> {
        (0u32..).zip(self.names()).map(|(no, _)| no).find(|no| self.id(flavour, *no) == id)
    }

    /// A row inside a request: short, except for statuses.
    pub(crate) fn shown(self, flavour: Flavour, row: u32) -> Value {
        match self {
            Self::Status => {
                let flags = usize::try_from(row).ok().and_then(|at| STATUS_FLAGS.get(at));
                let (internal, color, in_progress, stop) =
                    flags.copied().unwrap_or(("", "", true, false));
                json!({ "id": self.id(flavour, row), "name": self.name(row), "internal_name": internal,
                    "color": color, "in_progress": in_progress, "stop_timer": stop })
            }
            Self::Template => {
                json!({ "id": self.id(flavour, row), "name": self.name(row), "is_service_template": is_service(row) })
            }
            _ => json!({ "id": self.id(flavour, row), "name": self.name(row) }),
        }
    }
}

/// Whether a status means that nobody works on the request any more.
pub(crate) fn is_done(status: u32) -> bool {
    usize::try_from(status).ok().and_then(|at| STATUS_FLAGS.get(at)).is_some_and(|flags| !flags.2)
}

/// Whether a template is for service requests.
pub(crate) fn is_service(template: u32) -> bool {
    usize::try_from(template)
        .ok()
        .and_then(|at| TEMPLATES.get(at))
        .is_some_and(|template| template.1)
}

/// The fields that a template demands beyond the subject.
pub(crate) fn mandatory(template: u32) -> &'static [u16] {
    usize::try_from(template)
        .ok()
        .and_then(|at| TEMPLATES.get(at))
        .map_or(&[], |template| template.0)
}

/// Numbers of statuses that have a meaning of their own.
pub(crate) const OPEN: u32 = 0;
/// Resolved.
pub(crate) const RESOLVED: u32 = 2;
/// Closed.
pub(crate) const CLOSED: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_id_in_both_flavours() {
        for flavour in [Flavour::Cloud, Flavour::OnPremises] {
            for (table, path, _, names) in TABLES {
                assert_eq!(Table::by_path(path), Some(*table));
                for (no, name) in (0u32..).zip(*names) {
                    let id = table.id(flavour, no);
                    assert_eq!(table.by_id(flavour, &id), Some(no));
                    assert_eq!(table.by_name(&name.to_uppercase()), Some(no));
                    assert_eq!(id.len() == 18, flavour == Flavour::Cloud, "{id}");
                }
            }
        }
        assert_eq!(STATUS_FLAGS.len(), Table::Status.names().len());
        assert_eq!(TEMPLATES.len(), Table::Template.names().len());
    }
}
