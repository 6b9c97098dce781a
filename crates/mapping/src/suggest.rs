//! Which fields and statuses of two types probably belong together.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;
use syncline_domain::{FieldSchema, FieldType, StatusSchema, TypeEnd};

use crate::fit::{Fit, fit, given_kind, transformation_between};

/// From here on a suggestion is called sure.
const HIGH_CONFIDENCE: f64 = 0.85;
const SAME_NAME: f64 = 1.0;
const SAME_REFERENCE: f64 = 0.9;
const SYNONYM: f64 = 0.85;
const NAME_INSIDE: f64 = 0.7;
const SAME_CATEGORY: f64 = 0.8;
/// Shorter names lie inside others by chance.
const SHORTEST_INSIDE: usize = 4;

/// Words for one thing, written as [`plain`] writes them; the number says how likely people map it, 0 to 100.
const SYNONYMS: &[(i32, &[&str])] = &[
    (100, &["title", "subject", "summary", "shortdescription", "headline"]),
    (95, &["description", "body", "details", "content"]),
    (95, &["state", "status"]),
    (90, &["priority"]),
    (90, &["assignedto", "assignee", "assignees", "technician", "owner", "assigned"]),
    (80, &["createdby", "requester", "author", "reporter", "openedby", "caller", "submittedby"]),
    (80, &["tags", "labels", "keywords"]),
    (75, &["duedate", "due", "dueby", "duebytime", "targetdate"]),
    (75, &["severity", "impact"]),
    (70, &["areapath", "area", "category", "component", "components", "module"]),
    (
        70,
        &[
            "iterationpath",
            "iteration",
            "milestone",
            "sprint",
            "fixedversion",
            "fixversion",
            "fixversions",
            "targetversion",
        ],
    ),
    (65, &["resolution", "resolvedreason", "closurecode"]),
    (65, &["storypoints", "effort", "weight"]),
    (60, &["originalestimate", "estimatedhours", "timeestimate", "estimate"]),
    (60, &["completedwork", "spenthours", "timespent"]),
    (60, &["startdate", "start", "scheduledstarttime"]),
    (60, &["reprosteps", "stepstoreproduce"]),
    (55, &["percentcomplete", "doneratio", "progress"]),
    (40, &["workitemtype", "type", "tracker", "issuetype", "requesttype"]),
    (35, &["createddate", "created", "createdat", "createdon", "createdtime", "openedat"]),
    (35, &["changeddate", "updated", "updatedat", "updatedon", "lastupdatedtime", "modified"]),
    (30, &["closeddate", "closedat", "closedon", "resolveddate", "completedtime"]),
];
const SCORE_REQUIRED: i32 = 85;
const SCORE_WRITABLE: i32 = 30;
const SCORE_READONLY: i32 = 10;

/// What [`suggest`] found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Suggestions {
    /// Pairs of fields, surest first; each field stands in at most one.
    pub field_mappings: Vec<FieldSuggestion>,
    /// A target status for each source status that has a likely one.
    pub status_mappings: Vec<StatusSuggestion>,
    /// How much was found.
    pub summary: SuggestionSummary,
}

/// Two fields that probably belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldSuggestion {
    /// Reference of the source field.
    pub source_field: String,
    /// Reference of the target field.
    pub suggested_target_field: String,
    /// 0 to 1.
    pub confidence: f64,
    /// The types differ, so that the value has to be turned into another form.
    pub requires_transformation: bool,
    /// The transformation for it, in one of the forms that rules take. Without one a direct rule converts.
    pub suggested_transformation: Option<Value>,
}

/// Two statuses that probably belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusSuggestion {
    /// Value of the source status.
    pub source_status: String,
    /// Value of the target status.
    pub suggested_target_status: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// Counts over [`Suggestions`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SuggestionSummary {
    /// Fields of the source type.
    pub total_source_fields: usize,
    /// Those with a suggestion.
    pub mapped_fields: usize,
    /// Those with a confidence of 0.85 or more.
    pub high_confidence_fields: usize,
    /// Statuses of the source type.
    pub total_source_statuses: usize,
    /// Those with a suggestion.
    pub mapped_statuses: usize,
    /// Those with a confidence of 0.85 or more.
    pub high_confidence_statuses: usize,
}

/// Suggests pairs of fields and statuses between two types. Read-only target fields are never suggested.
#[must_use]
pub fn suggest(source: &TypeEnd, target: &TypeEnd) -> Suggestions {
    let field_mappings = fields(source, target);
    let status_mappings = statuses(&source.statuses, &target.statuses);
    let sure = |confidence: f64| confidence >= HIGH_CONFIDENCE;
    let summary = SuggestionSummary {
        total_source_fields: source.fields.len(),
        mapped_fields: field_mappings.len(),
        high_confidence_fields: field_mappings.iter().filter(|m| sure(m.confidence)).count(),
        total_source_statuses: source.statuses.len(),
        mapped_statuses: status_mappings.len(),
        high_confidence_statuses: status_mappings.iter().filter(|m| sure(m.confidence)).count(),
    };
    Suggestions { field_mappings, status_mappings, summary }
}

/// How likely people want to map a field: 0 to 100.
#[must_use]
pub fn suggestion_score(field: &FieldSchema) -> i32 {
    let names = Names::of(field);
    let known =
        SYNONYMS.iter().filter(|(_, words)| names.any_of(words)).map(|(score, _)| *score).max();
    match known {
        Some(score) => score,
        None if field.is_readonly => SCORE_READONLY,
        None if field.is_required => SCORE_REQUIRED,
        None => SCORE_WRITABLE,
    }
}

/// A field's names without letter case, blanks and signs.
struct Names {
    name: String,
    reference: String,
    last: String,
}

impl Names {
    fn of(field: &FieldSchema) -> Self {
        let last = field.reference.rsplit(['.', '/']).next().unwrap_or_default();
        Self {
            name: plain(&field.name),
            reference: field.reference.trim().to_lowercase(),
            last: plain(last),
        }
    }

    fn any_of(&self, words: &[&str]) -> bool {
        words.contains(&self.name.as_str()) || words.contains(&self.last.as_str())
    }
}

fn fields(source: &TypeEnd, target: &TypeEnd) -> Vec<FieldSuggestion> {
    let reads: Vec<(&FieldSchema, Names)> = with_names(&source.fields);
    let writes: Vec<(&FieldSchema, Names)> =
        with_names(&target.fields).into_iter().filter(|(field, _)| !field.is_readonly).collect();
    let mut candidates = Vec::new();
    for (from, (read, read_names)) in reads.iter().enumerate() {
        for (to, (write, write_names)) in writes.iter().enumerate() {
            let fit = likeness(given_kind(read), given_kind(write));
            if let Some(confidence) = confidence(read_names, write_names, fit) {
                candidates.push((confidence, fit, from, to));
            }
        }
    }
    // Surest first; among equals the better fit, then the trackers' own order.
    candidates.sort_by(|left, right| {
        right
            .0
            .total_cmp(&left.0)
            .then(right.1.cmp(&left.1))
            .then((left.2, left.3).cmp(&(right.2, right.3)))
    });
    let (mut used_from, mut used_to) = (HashSet::new(), HashSet::new());
    let mut found = Vec::new();
    for (confidence, _, from, to) in candidates {
        if used_from.contains(&from) || used_to.contains(&to) {
            continue;
        }
        if let (Some((read, names)), Some((write, _))) = (reads.get(from), writes.get(to)) {
            used_from.insert(from);
            used_to.insert(to);
            found.push(field_suggestion(read, write, names, confidence));
        }
    }
    found
}

/// As [`fit`], but two fields of words are alike whatever their words are.
const fn likeness(from: FieldType, to: FieldType) -> Fit {
    match (from, to) {
        (FieldType::String | FieldType::Picklist, FieldType::String | FieldType::Picklist)
        | (FieldType::Int | FieldType::Double, FieldType::Int | FieldType::Double) => Fit::Always,
        _ => fit(from, to),
    }
}

fn with_names(fields: &[FieldSchema]) -> Vec<(&FieldSchema, Names)> {
    fields.iter().map(|field| (field, Names::of(field))).collect()
}

fn field_suggestion(
    read: &FieldSchema,
    write: &FieldSchema,
    names: &Names,
    confidence: f64,
) -> FieldSuggestion {
    let is_priority = names.any_of(&["priority"]);
    let differs = given_kind(read) != given_kind(write);
    FieldSuggestion {
        source_field: read.reference.clone(),
        suggested_target_field: write.reference.clone(),
        confidence,
        requires_transformation: differs,
        suggested_transformation: differs
            .then(|| transformation_between(read, write, is_priority))
            .flatten(),
    }
}

/// How sure it is that two fields are one: by name, by reference, by synonyms.
pub(crate) fn field_confidence(left: &FieldSchema, right: &FieldSchema) -> Option<f64> {
    let fit = likeness(given_kind(left), given_kind(right));
    confidence(&Names::of(left), &Names::of(right), fit)
}

fn confidence(read: &Names, write: &Names, fit: Fit) -> Option<f64> {
    if fit == Fit::Never {
        return None;
    }
    if !read.name.is_empty() && read.name == write.name {
        return Some(SAME_NAME);
    }
    if read.reference == write.reference {
        return Some(SAME_REFERENCE);
    }
    let synonyms = SYNONYMS.iter().any(|(_, words)| read.any_of(words) && write.any_of(words));
    if synonyms {
        return Some(SYNONYM);
    }
    let inside =
        |short: &str, long: &str| short.chars().count() >= SHORTEST_INSIDE && long.contains(short);
    (fit == Fit::Always && (inside(&read.name, &write.name) || inside(&write.name, &read.name)))
        .then_some(NAME_INSIDE)
}

fn statuses(source: &[StatusSchema], target: &[StatusSchema]) -> Vec<StatusSuggestion> {
    source
        .iter()
        .filter_map(|read| {
            let same_name = |write: &&StatusSchema| {
                let name = plain(&read.name);
                !name.is_empty() && name == plain(&write.name)
            };
            let (write, confidence) = match target.iter().find(same_name) {
                Some(write) => (write, SAME_NAME),
                None => {
                    (target.iter().find(|write| write.category == read.category)?, SAME_CATEGORY)
                }
            };
            Some(StatusSuggestion {
                source_status: read.value.clone(),
                suggested_target_status: write.value.clone(),
                confidence,
            })
        })
        .collect()
}

/// Letters and digits only, in lower case.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
