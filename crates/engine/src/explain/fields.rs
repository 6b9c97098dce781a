//! Which fields a question is about.

use syncline_domain::{
    Fault, FieldRef, FieldRule, FieldSchema, MapDirection, Pair, STATUS_REF, Side, SyncSpec,
    TypePair,
};

use crate::pass::compile;

/// A field of the target with the fields of the source that go with it.
pub(super) struct Asked {
    pub(super) field: FieldRef,
    pub(super) sources: Vec<FieldRef>,
    /// The rule that is in force, in words.
    pub(super) rule: String,
}

/// The fields that were asked for; all that rules write when none was named.
pub(super) fn asked(spec: &SyncSpec, pair: &Pair, name: Option<&str>) -> Result<Vec<Asked>, Fault> {
    let types = spec
        .types
        .iter()
        .find(|types| {
            types.source.reference == pair.source_type && types.target.reference == pair.target_type
        })
        .or_else(|| spec.types.iter().find(|t| t.source.reference == pair.source_type));
    let paused = spec.paused_between(&pair.source_type, &pair.target_type);
    if let (Some(paused), None) = (paused, types) {
        let why = format!("the mapping of these types is paused: {}", paused.reason);
        return Err(Fault::Conflict(why));
    }
    let Some(types) = types else {
        return Err(Fault::Conflict(format!(
            "types {:?} and {:?} are not mapped to each other any more; map them to have values explained",
            pair.source_type, pair.target_type
        )));
    };
    let all = all(spec, types);
    let Some(name) = name else { return Ok(all.into_iter().map(|(_, one)| one).collect()) };
    let known = known(&all);
    for fits in [names_target, names_source] {
        let mut found = Vec::new();
        let mut rest = Vec::new();
        for (schemas, one) in all.iter() {
            let list = if fits(schemas, &one.field, name) { &mut found } else { &mut rest };
            list.push(one);
        }
        if !found.is_empty() {
            return Ok(found.into_iter().map(Asked::again).collect());
        }
    }
    Err(Fault::invalid(
        "field",
        format!("no rule of this configuration writes or reads {name:?} here; use one of {known}"),
    ))
}

/// The schemas of a rule's ends.
struct Ends<'a> {
    sources: Vec<&'a FieldSchema>,
    target: Option<&'a FieldSchema>,
}

impl Asked {
    fn again(&self) -> Self {
        Self { field: self.field.clone(), sources: self.sources.clone(), rule: self.rule.clone() }
    }
}

fn all<'a>(spec: &SyncSpec, types: &'a TypePair) -> Vec<(Ends<'a>, Asked)> {
    let mut all: Vec<(Ends<'a>, Asked)> = Vec::new();
    for rule in &types.fields {
        let field = if rule.target.is_status { STATUS_REF } else { rule.target.reference.as_str() };
        let field = FieldRef::new(field);
        let sources = rule.sources.iter().map(|schema| FieldRef::new(schema.reference.as_str()));
        let ends = Ends { sources: rule.sources.iter().collect(), target: Some(&rule.target) };
        match all.iter_mut().find(|(_, one)| one.field == field) {
            // Another rule about the same field: creates and updates, or the way there and the way back.
            Some((known, one)) => {
                one.sources
                    .extend(sources.filter(|s| !one.sources.contains(s)).collect::<Vec<_>>());
                known.sources.extend(ends.sources);
            }
            None => {
                let rule = in_words(spec, types, rule);
                all.push((ends, Asked { sources: sources.collect(), rule, field }));
            }
        }
    }
    for one in &types.paused.fields {
        let field = FieldRef::new(one.rule.target.reference.as_str());
        if all.iter().any(|(_, known)| known.field == field) {
            continue;
        }
        let sources =
            one.rule.sources.iter().map(|schema| FieldRef::new(schema.reference.as_str()));
        let ends =
            Ends { sources: one.rule.sources.iter().collect(), target: Some(&one.rule.target) };
        let rule = format!("paused: {}", one.reason);
        all.push((ends, Asked { sources: sources.collect(), rule, field }));
    }
    let status = FieldRef::new(STATUS_REF);
    if !types.statuses.is_empty() && !all.iter().any(|(_, one)| one.field == status) {
        let ends = Ends {
            sources: types.source.fields.iter().filter(|field| field.is_status).collect(),
            target: types.target.fields.iter().find(|field| field.is_status),
        };
        let sources = vec![status.clone()];
        all.push((ends, Asked { field: status, sources, rule: "status mapping".to_owned() }));
    }
    all
}

/// A rule in words, as runs call it.
fn in_words(spec: &SyncSpec, types: &TypePair, rule: &FieldRule) -> String {
    let (side, field) = match (rule.direction, rule.sources.first()) {
        (MapDirection::Backward, Some(source)) => (Side::Target, source.reference.as_str()),
        _ => (Side::Source, rule.target.reference.as_str()),
    };
    let plan = compile(spec, side).ok();
    let pair = plan.as_ref().and_then(|plan| plan.pairs().iter().find(|p| p.id() == types.id));
    let written = pair.and_then(|pair| pair.written_field(&FieldRef::new(field)));
    written.map(|written| written.rule.clone()).unwrap_or_default()
}

fn names(schema: &FieldSchema, name: &str) -> bool {
    schema.reference == name || schema.name.to_lowercase() == name.to_lowercase()
}

fn names_target(ends: &Ends<'_>, field: &FieldRef, name: &str) -> bool {
    field.as_str() == name
        || (field.as_str() == STATUS_REF && name.eq_ignore_ascii_case("status"))
        || ends.target.is_some_and(|schema| names(schema, name))
}

fn names_source(ends: &Ends<'_>, _field: &FieldRef, name: &str) -> bool {
    ends.sources.iter().any(|schema| names(schema, name))
}

fn known(all: &[(Ends<'_>, Asked)]) -> String {
    let names = all.iter().map(|(_, one)| match one.field.as_str() {
        STATUS_REF => "status",
        other => other,
    });
    names.collect::<Vec<_>>().join(", ")
}
