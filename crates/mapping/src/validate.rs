//! What is wrong with a whole configuration, found without asking a tracker.

use syncline_domain::{
    Direction, FieldRule, FieldSchema, MapDirection, MappingType, Side, StatusSchema, SyncSpec,
    TypeEnd, TypePair, When,
};

use crate::compile;
use crate::convert::{convert, plain_text};
use crate::fit::{Fit, fit, given_kind};
use crate::issue::Issue;
use crate::preflight::{as_it_is, listed, preflight};
use crate::round_trip;
use crate::status::key;
use crate::transform::{Chain, parse_forms};

/// Finds everything that would go wrong in a run, and what may surprise: errors first.
///
/// Nothing found means that every rule compiles for every direction of the configuration, that each required target
/// field has a rule, and that constants and tables give values that the target takes.
#[must_use]
pub fn validate(spec: &SyncSpec) -> Vec<Issue> {
    let mut issues = Vec::new();
    if spec.types.is_empty() && spec.paused_types.is_empty() {
        issues.push(Issue::error(
            "/type_mappings",
            "no types are mapped, so nothing is synced; add a type mapping",
        ));
    }
    let both_ways = spec.config.direction == Direction::Bidirectional;
    let sides: &[Side] = if both_ways { &[Side::Source, Side::Target] } else { &[Side::Source] };
    for side in sides {
        match compile::plan(spec, *side) {
            Ok(plan) => issues.extend(plan.warnings),
            Err(found) => issues.extend(found),
        }
    }
    for (at, pair) in spec.types.iter().enumerate() {
        let path = format!("/type_mappings/{at}");
        for (number, rule) in pair.fields.iter().enumerate() {
            let path = format!("{path}/field_mappings/{number}");
            issues.extend(check_fields(rule, pair, &path));
            issues.extend(check_values(rule, pair, &path));
        }
        required(pair, Side::Source, &path, &mut issues);
        if both_ways {
            required(pair, Side::Target, &path, &mut issues);
        }
        status_rules(pair, both_ways, &path, &mut issues);
    }
    option_fields(spec, &mut issues);
    issues.extend(round_trip::issues(spec));
    issues.sort_by_key(|issue| issue.severity);
    let mut seen = std::collections::HashSet::new();
    issues.retain(|issue| seen.insert((issue.path.clone(), issue.message.clone())));
    issues
}

/// Fields that the options name have to exist.
fn option_fields(spec: &SyncSpec, issues: &mut Vec<Issue>) {
    let options = &spec.config.options;
    let mut named = Vec::new();
    if let Some(field) = &options.external_id_field {
        named.push(("external_id_field", Side::Target, field));
    }
    if let Some(matching) = &options.match_existing {
        named.push(("match_existing/source_field", Side::Source, &matching.source_field));
        named.push(("match_existing/target_field", Side::Target, &matching.target_field));
    }
    for (key, side, field) in named {
        for pair in &spec.types {
            let end = pair.end(side);
            let message = match end.field(field.as_str()) {
                None => format!(
                    "{field} is no field of {:?}; use the reference of one of its fields",
                    end.name
                ),
                Some(known) if key == "external_id_field" && known.is_readonly => {
                    format!(
                        "{} is read-only and cannot hold our marker; use another field",
                        known.name
                    )
                }
                Some(_) => continue,
            };
            issues.push(Issue::error(format!("/options/{key}"), message).on(field.as_str()));
        }
    }
}

/// Fields that discovery no longer finds, and types that do not go together.
fn check_fields(rule: &FieldRule, pair: &TypePair, path: &str) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut gone = |field: &FieldSchema, end: &TypeEnd, key: &str| {
        if end.field(&field.reference).is_none() {
            issues.push(
                Issue::error(
                    format!("{path}/{key}"),
                    format!(
                        "{} is no field of {:?} any more; discover again or map another field",
                        field.name, end.name
                    ),
                )
                .on(field.reference.clone()),
            );
        }
    };
    for field in &rule.sources {
        gone(field, &pair.source, "source_field_ids");
    }
    gone(&rule.target, &pair.target, "target_field_id");
    issues.extend(type_clash(rule, pair, path));
    issues
}

fn type_clash(rule: &FieldRule, pair: &TypePair, path: &str) -> Option<Issue> {
    let (read, write) = match rule.direction {
        MapDirection::Backward => (&rule.target, rule.sources.first()?),
        MapDirection::Both | MapDirection::Forward => (rule.sources.first()?, &rule.target),
    };
    let mut kind = given_kind(read);
    let mut misfit = None;
    match rule.mapping_type {
        MappingType::Direct => {}
        MappingType::Transformation => {
            let steps = parse_forms(rule.transformation.as_ref()?, "").ok()?;
            let end = match rule.direction {
                MapDirection::Backward => &pair.target,
                MapDirection::Both | MapDirection::Forward => &pair.source,
            };
            let chain = Chain::compile(steps, end).ok()?;
            misfit = chain.misfit(kind);
            kind = chain.kind_after(kind);
        }
        MappingType::Constant | MappingType::Computed | MappingType::ValueMap => return None,
    }
    if write.is_status {
        return None;
    }
    let issue = match (fit(kind, given_kind(write)), misfit) {
        (Fit::Never, _) => Issue::error(
            path,
            format!(
                "{kind} values never fit the {} field {}; add a transformation or map another field",
                write.field_type, write.name
            ),
        ),
        (_, Some(misfit)) => Issue::warning(format!("{path}/transformation"), misfit),
        (Fit::Sometimes, None) if rule.mapping_type == MappingType::Direct => {
            return words_missing(read, write, path);
        }
        (Fit::Sometimes | Fit::Always, None) => return None,
    };
    Some(issue.on(write.reference.clone()))
}

/// A direct rule between lists of words: words that the target does not have. Other doubtful types are named.
fn words_missing(read: &FieldSchema, write: &FieldSchema, path: &str) -> Option<Issue> {
    if read.allowed_values.is_empty() || write.allowed_values.is_empty() {
        return (given_kind(read) != given_kind(write)).then(|| {
            Issue::warning(
                path,
                format!(
                    "not all {} values fit the {} field {}; items whose value does not will fail",
                    read.field_type, write.field_type, write.name
                ),
            )
            .on(write.reference.clone())
        });
    }
    let missing: Vec<String> = read
        .allowed_values
        .iter()
        .filter(|word| !write.allowed_values.iter().any(|known| key(known) == key(word)))
        .cloned()
        .collect();
    (!missing.is_empty()).then(|| {
        Issue::warning(
            path,
            format!("{} does not take {}; use a value map", write.name, listed(&missing)),
        )
        .on(write.reference.clone())
    })
}

/// Values that the rule itself names have to fit the field that is written.
fn check_values(rule: &FieldRule, pair: &TypePair, path: &str) -> Vec<Issue> {
    let (write, statuses) = match rule.direction {
        MapDirection::Backward => match rule.sources.first() {
            Some(write) => (write, &pair.source.statuses),
            None => return Vec::new(),
        },
        MapDirection::Both | MapDirection::Forward => (&rule.target, &pair.target.statuses),
    };
    let mut named: Vec<(String, serde_json::Value)> = Vec::new();
    if rule.mapping_type == MappingType::Constant {
        named.extend(rule.constant_value.clone().map(|v| ("constant_value".to_owned(), v)));
    }
    if rule.mapping_type == MappingType::ValueMap
        && let Some(serde_json::Value::Object(entries)) = &rule.value_map
    {
        for (from, to) in entries {
            let from = from.replace('~', "~0").replace('/', "~1");
            named.push((format!("value_map/{from}"), to.clone()));
        }
    }
    named.extend(rule.default_value.clone().map(|v| ("default_value".to_owned(), v)));
    named
        .into_iter()
        .filter(|(_, value)| !has_placeholder(value))
        .filter_map(|(at, value)| {
            let fault = convert(value, as_it_is(write), write)
                .and_then(|value| preflight(value, write, statuses))
                .err()?;
            Some(Issue::error(format!("{path}/{at}"), fault).on(write.reference.clone()))
        })
        .chain(words_not_in_table(rule, path))
        .collect()
}

fn has_placeholder(value: &serde_json::Value) -> bool {
    plain_text(value).is_some_and(|text| text.contains('{') || text.contains("$context."))
        || value.is_array()
}

fn words_not_in_table(rule: &FieldRule, path: &str) -> Option<Issue> {
    let table = rule.value_map.as_ref()?.as_object()?;
    if rule.mapping_type != MappingType::ValueMap
        || rule.direction == MapDirection::Backward
        || table.contains_key("*")
    {
        return None;
    }
    let missing: Vec<String> = rule
        .sources
        .first()?
        .allowed_values
        .iter()
        .filter(|word| !table.keys().any(|known| key(known) == key(word)))
        .cloned()
        .collect();
    (!missing.is_empty()).then(|| {
        Issue::warning(
            format!("{path}/value_map"),
            format!(
                "the table has no entry for {}; add them, or \"*\" for the rest",
                listed(&missing)
            ),
        )
        .on(rule.target.reference.clone())
    })
}

/// Required fields of the side that is written need a rule that acts on creates.
fn required(pair: &TypePair, read_side: Side, path: &str, issues: &mut Vec<Issue>) {
    let written = pair.end(read_side.other());
    for field in &written.fields {
        if !field.is_required || field.is_readonly || field.is_status {
            continue;
        }
        let has_rule = pair.fields.iter().any(|rule| {
            let (reference, acts) = match read_side {
                Side::Source => {
                    (Some(rule.target.reference.as_str()), rule.direction != MapDirection::Backward)
                }
                Side::Target => (
                    rule.sources.first().map(|field| field.reference.as_str()),
                    rule.direction != MapDirection::Forward,
                ),
            };
            acts && rule.when != When::UpdateOnly && reference == Some(field.reference.as_str())
        });
        if has_rule {
            continue;
        }
        let text = format!(
            "{} is required on {:?} and no rule gives it a value; map a field or add a constant",
            field.name, written.name
        );
        let path = format!("{path}/field_mappings");
        // Items of a two-way configuration may all be born on the source.
        let issue = match read_side {
            Side::Source => Issue::error(path, text),
            Side::Target => Issue::warning(path, text),
        };
        issues.push(issue.on(field.reference.clone()));
    }
}

fn status_rules(pair: &TypePair, both_ways: bool, path: &str, issues: &mut Vec<Issue>) {
    let path = format!("{path}/status_mappings");
    if pair.statuses.is_empty() && pair.paused.statuses.is_empty() {
        let by_rule = pair.fields.iter().any(|rule| rule.target.is_status);
        if !by_rule && !pair.source.statuses.is_empty() && !pair.target.statuses.is_empty() {
            issues.push(Issue::warning(
                path,
                "no status is mapped; copies keep the status that the target gives them",
            ));
        }
        return;
    }
    let paused = || pair.paused.statuses.iter();
    let sources = || {
        let active = pair.statuses.iter().map(|(source, _)| source);
        active.chain(paused().map(|rule| &rule.source))
    };
    let targets = || {
        let active = pair.statuses.iter().map(|(_, target)| target);
        active.chain(paused().map(|rule| &rule.target))
    };
    unmapped(&pair.source.statuses, sources().collect(), &path, issues);
    if both_ways {
        unmapped(&pair.target.statuses, targets().collect(), &path, issues);
    }
    for (at, (source, target)) in pair.statuses.iter().enumerate() {
        let path = format!("{path}/{at}");
        for (status, end) in [(source, &pair.source), (target, &pair.target)] {
            if !end.statuses.is_empty()
                && !end.statuses.iter().any(|known| key(&known.value) == key(&status.value))
            {
                issues.push(
                    Issue::error(
                        path.clone(),
                        format!(
                            "{} is no status of {:?} any more; discover again or map another",
                            status.name, end.name
                        ),
                    )
                    .on(status.value.clone()),
                );
            }
        }
        let earlier = pair.statuses.iter().take(at);
        if earlier.clone().any(|(before, other)| {
            key(&before.value) == key(&source.value) && key(&other.value) != key(&target.value)
        }) {
            issues.push(
                Issue::warning(
                    path,
                    format!(
                        "{} is mapped already; the first mapping decides, this one only counts as equal",
                        source.name
                    ),
                )
                .on(source.value.clone()),
            );
        }
    }
}

fn unmapped(all: &[StatusSchema], mapped: Vec<&StatusSchema>, path: &str, issues: &mut Vec<Issue>) {
    for status in all {
        if !mapped.iter().any(|known| key(&known.value) == key(&status.value)) {
            issues.push(
                Issue::warning(
                    path,
                    format!(
                        "status {} is not mapped; items that reach it keep their status on the other side",
                        status.name
                    ),
                )
                .on(status.value.clone()),
            );
        }
    }
}
