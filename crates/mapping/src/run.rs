//! One item on its way through the rules of a pair.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use serde_json::Value;
use syncline_domain::{FieldRef, FieldType, Identity, Item, When, canonical};

use crate::context::MapContext;
use crate::convert::{by_table, convert, plain_text, shown};
use crate::people::somebody;
use crate::plan::{CompiledPair, Plan, compared_as};
use crate::preflight::{as_it_is, preflight};
use crate::rules::{How, Rule};
use crate::scope::{Scope, Systems, Typed};
use crate::trace::{MapFault, MapWarning, Mapped, Occasion, TraceLine, TraceStep};

/// One item on its way through the rules.
pub(crate) struct Run<'a> {
    plan: &'a Plan,
    pair: &'a CompiledPair,
    occasion: Occasion,
    scope: Scope<'a>,
    is_traced: bool,
    out: Mapped,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        pair: &'a CompiledPair,
        item: &'a Item,
        occasion: Occasion,
        context: &'a MapContext,
    ) -> Self {
        Self {
            plan,
            pair,
            occasion,
            scope: Scope {
                item,
                context,
                read: &pair.read,
                people: &plan.people,
                systems: Systems { read: &plan.read_system, written: &plan.written_system },
                expression_root: OnceCell::new(),
            },
            is_traced: false,
            out: Mapped { type_ref: pair.write.reference.clone(), ..Mapped::default() },
        }
    }

    pub(crate) const fn traced(mut self) -> Self {
        self.is_traced = true;
        self
    }

    pub(crate) fn map(mut self) -> Mapped {
        let pair = self.pair;
        for rule in &pair.rules {
            if rule.acts_on(self.occasion) {
                self.apply(rule);
            }
        }
        self.status_by_rules();
        self.required_fields();
        self.out
    }

    /// The trace of these fields, and of the status.
    pub(crate) fn trace_of(mut self, fields: &BTreeSet<&FieldRef>) -> Vec<TraceLine> {
        self.is_traced = true;
        let pair = self.pair;
        for rule in &pair.rules {
            let asked = rule.target.is_status || fields.contains(&rule.target_ref);
            if asked && rule.acts_on(self.occasion) {
                self.apply(rule);
            }
        }
        self.status_by_rules();
        self.out.trace
    }

    fn apply(&mut self, rule: &Rule) {
        let mut steps = self.is_traced.then(Vec::new);
        let values: Vec<Typed> = rule
            .sources
            .iter()
            .map(|source| Typed {
                value: self.scope.field(&source.reference, source.is_status),
                kind: source.kind,
            })
            .collect();
        let input = self.is_traced.then(|| input_shown(&values));
        let made = self.make(rule, values, &mut steps);
        if let Some(input) = input {
            self.out.trace.push(TraceLine {
                field: rule.target_ref.clone(),
                rule: rule.in_words.clone(),
                input,
                steps: steps.unwrap_or_default(),
                output: made.as_ref().ok().cloned().flatten().unwrap_or(Value::Null),
                error: made.as_ref().err().cloned(),
            });
        }
        match made {
            Ok(Some(value)) => self.put(rule, value),
            Ok(None) => {}
            Err(message) => self.out.faults.push(MapFault {
                field: rule.target_ref.clone(),
                rule: rule.in_words.clone(),
                message,
            }),
        }
    }

    fn put(&mut self, rule: &Rule, value: Value) {
        if rule.target.is_status {
            self.out.status = plain_text(&value);
        } else if !value.is_null() || self.occasion == Occasion::Update {
            self.out.fields.insert(rule.target_ref.clone(), value);
        }
    }

    /// The value for the rule's field; `None` leaves the field alone.
    fn make(
        &mut self,
        rule: &Rule,
        values: Vec<Typed>,
        steps: &mut Option<Vec<TraceStep>>,
    ) -> Result<Option<Value>, String> {
        let had_value = values.iter().any(|typed| !typed.value.is_null());
        let mut typed = self.run_how(rule, values, steps)?;
        let mut speaks_target = rule.how.speaks_target();
        if let (true, false, Some(default)) = (typed.value.is_null(), had_value, &rule.default) {
            let value = default.fill(&self.scope, &nothing(), rule.target.field_type)?;
            note(steps, "default", Value::Null, &value);
            typed = Typed { value, kind: as_it_is(&rule.target) };
            speaks_target = true;
        }
        if rule.target.field_type == FieldType::Identity {
            let Some(person) = self.person(rule, &typed.value, speaks_target)? else {
                return Ok(None);
            };
            if person != typed.value {
                note(steps, "people", Value::Null, &person);
            }
            typed.value = person;
        }
        self.fitted(rule, typed, steps).map(Some)
    }

    /// The value as the target field holds it.
    fn fitted(
        &self,
        rule: &Rule,
        typed: Typed,
        steps: &mut Option<Vec<TraceStep>>,
    ) -> Result<Value, String> {
        let before = steps.is_some().then(|| typed.value.clone());
        // A person was made canonical when the user map was asked.
        let is_person = rule.target.field_type == FieldType::Identity && typed.value.is_object();
        let value = if is_person && !rule.target.is_multiple {
            typed.value
        } else {
            convert(typed.value, typed.kind, &rule.target)?
        };
        if before.is_some_and(|before| before != value) {
            let kind = Value::String(rule.target.field_type.to_string());
            note(steps, "convert", kind, &value);
        }
        let value = preflight(value, &rule.target, &self.pair.write.statuses)?;
        let is_empty = match &value {
            // A create without a value is found once all rules have run.
            Value::Null => self.occasion == Occasion::Update,
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        };
        if is_empty && rule.target.is_required && !rule.target.is_status {
            return Err(format!(
                "the source has no value and {} must have one; set a default_value",
                rule.target.name
            ));
        }
        Ok(made_canonical(value, compared_as(&rule.target)))
    }

    fn run_how(
        &mut self,
        rule: &Rule,
        values: Vec<Typed>,
        steps: &mut Option<Vec<TraceStep>>,
    ) -> Result<Typed, String> {
        let first = |values: Vec<Typed>| values.into_iter().next().unwrap_or_else(nothing);
        match &rule.how {
            How::Direct => Ok(first(values)),
            How::Transform(chain) => {
                let made = chain.run(values, &self.scope, steps)?;
                for message in made.warnings {
                    self.out.warnings.push(MapWarning { field: rule.target_ref.clone(), message });
                }
                Ok(made.typed)
            }
            How::Constant(blank) => {
                let value = blank.fill(&self.scope, &first(values), rule.target.field_type)?;
                note(steps, "constant", Value::Null, &value);
                Ok(Typed { value, kind: as_it_is(&rule.target) })
            }
            How::Computed(id) => {
                let value = self.plan.expressions.eval(id, &self.scope, values)?;
                note(steps, "computed", Value::Null, &value);
                Ok(Typed { value, kind: as_it_is(&rule.target) })
            }
            How::Table(table) => {
                let value = by_table(&first(values).value, table)?;
                note(steps, "value_map", Value::Null, &value);
                Ok(Typed { value, kind: FieldType::Picklist })
            }
        }
    }

    /// Whom the writing side should look for; the engine asks its tracker for the account afterwards. `None` when
    /// nothing is known by which to look: then the field is left alone, with a warning.
    fn person(
        &mut self,
        rule: &Rule,
        value: &Value,
        speaks_target: bool,
    ) -> Result<Option<Value>, String> {
        if let Value::Array(parts) = value {
            let mut people = Vec::with_capacity(parts.len());
            for part in parts {
                people.extend(self.person(rule, part, speaks_target)?);
            }
            return Ok(Some(Value::Array(people)));
        }
        if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return Ok(Some(Value::Null));
        }
        let who = Identity::from_value(value)
            .filter(|who| who.key().is_some())
            .ok_or_else(|| format!("{} names no person", shown(value)))?;
        let wanted = match value {
            Value::String(text) if speaks_target => somebody(text),
            _ if speaks_target => Some(who),
            _ => self.plan.people.wanted(&who),
        };
        if wanted.is_none() {
            self.out.warnings.push(MapWarning {
                field: rule.target_ref.clone(),
                message: format!(
                    "nothing is known of {} by which to find the account; add an entry or a default to the user map",
                    shown(value)
                ),
            });
        }
        Ok(wanted.map(|who| who.to_value()))
    }

    fn status_by_rules(&mut self) {
        let Some(map) = &self.pair.statuses else {
            return;
        };
        let Some(read) = self.scope.status() else {
            return;
        };
        let field = FieldRef::new(syncline_domain::STATUS_REF);
        let written = map.written(&read).map(str::to_owned);
        if written.is_none() {
            self.out.warnings.push(MapWarning {
                field: field.clone(),
                message: match map.paused(&read) {
                    Some(why) => format!("the mapping of status {read:?} is paused: {why}"),
                    None => format!(
                        "status {read:?} has no status mapping; the copy's status stays as it is"
                    ),
                },
            });
        }
        if self.is_traced {
            let output = written.clone().map_or(Value::Null, Value::String);
            self.out.trace.push(TraceLine {
                field,
                rule: "status mapping".to_owned(),
                input: Value::String(read),
                steps: vec![TraceStep {
                    name: "status".to_owned(),
                    args: Value::Null,
                    output: output.clone(),
                }],
                output,
                error: None,
            });
        }
        self.out.status = written;
    }

    /// A create without a field that the tracker requires is refused before it is sent.
    fn required_fields(&mut self) {
        if self.occasion != Occasion::Create {
            return;
        }
        for field in &self.pair.write.fields {
            if !field.is_required || field.is_readonly || field.is_status {
                continue;
            }
            let reference = FieldRef::new(field.reference.as_str());
            let has_fault = |fault: &MapFault| fault.field == reference;
            if self.out.fields.contains_key(&reference) || self.out.faults.iter().any(has_fault) {
                continue;
            }
            let mapped = self
                .pair
                .written
                .iter()
                .any(|written| written.field == reference && written.when != When::UpdateOnly);
            let message = if mapped {
                format!(
                    "{} is required and the source has no value; set a default_value",
                    field.name
                )
            } else {
                format!(
                    "{} is required on the other side; map it or give it a constant",
                    field.name
                )
            };
            self.out.faults.push(MapFault {
                field: reference,
                rule: "required field".to_owned(),
                message,
            });
        }
    }
}

fn note(steps: &mut Option<Vec<TraceStep>>, name: &str, args: Value, output: &Value) {
    if let Some(steps) = steps {
        steps.push(TraceStep { name: name.to_owned(), args, output: output.clone() });
    }
}

/// As [`canonical`], without a copy where conversion left nothing to do.
fn made_canonical(value: Value, kind: FieldType) -> Value {
    let is_done = match (&value, kind) {
        (Value::String(_), FieldType::DateTime) | (Value::Object(_), FieldType::Identity) => true,
        (Value::String(text), kind) => kind != FieldType::Identity && !text.contains('\r'),
        (other, _) => other.is_null() || other.is_boolean(),
    };
    if is_done { value } else { canonical(&value, kind) }
}

const fn nothing() -> Typed {
    Typed { value: Value::Null, kind: FieldType::String }
}

fn input_shown(values: &[Typed]) -> Value {
    match values {
        [] => Value::Null,
        [only] => only.value.clone(),
        several => several.iter().map(|typed| typed.value.clone()).collect(),
    }
}
