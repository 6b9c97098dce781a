//! Steps in a row: compiled, run, turned round.

use serde_json::{Value, json};
use syncline_domain::{FieldFault, FieldType, TypeEnd};

use super::forms::Written;
use super::{Args, Around, Definition, Inverse, Nulls, Returns, Step, Table, html};
use crate::convert::plain_text;
use crate::scope::{Scope, Typed};
use crate::template::Blank;
use crate::trace::TraceStep;

/// Steps, ready to run.
pub(crate) struct Chain(Vec<Link>);

struct Link {
    definition: &'static Definition,
    args: Value,
    run: Run,
}

enum Run {
    Ready(Step),
    /// Some argument has placeholders: the step is built for each item.
    Late(Vec<(&'static str, Blank)>),
}

/// What a chain made of its values.
pub(crate) struct ChainMade {
    pub(crate) typed: Typed,
    pub(crate) warnings: Vec<String>,
}

impl Chain {
    /// Builds every step that can be built now; arguments with placeholders are checked and wait for an item.
    pub(crate) fn compile(steps: Vec<Written>, read: &TypeEnd) -> Result<Self, Vec<FieldFault>> {
        let mut links = Vec::with_capacity(steps.len());
        let mut faults = Vec::new();
        for step in steps {
            let path = format!("{}/args", step.path);
            match Link::compile(step, read) {
                Ok(link) => links.push(link),
                Err(message) => faults.push(FieldFault::new(path, message)),
            }
        }
        if faults.is_empty() { Ok(Self(links)) } else { Err(faults) }
    }

    /// The chain that leads back, as JSON; `None` where a step has no way back.
    pub(crate) fn inverse(steps: &[Written]) -> Option<Value> {
        let mut back = Vec::new();
        for step in steps.iter().rev() {
            match step.definition.inverse {
                Inverse::None => return None,
                Inverse::Nothing => {}
                Inverse::By(name) => back.push(json!(name)),
                Inverse::Itself if step.args.is_empty() => back.push(json!(step.definition.name)),
                Inverse::Itself | Inverse::Table => {
                    let (name, table) = step.args.first()?;
                    let table = Table::turned(table)?;
                    back.push(json!({"name": step.definition.name, "args": {*name: table}}));
                }
            }
        }
        Some(if back.is_empty() { json!("none") } else { json!({ "chain": back }) })
    }

    /// The kind of what comes out when `kind` goes in.
    pub(crate) fn kind_after(&self, kind: FieldType) -> FieldType {
        self.0.iter().fold(kind, |kind, link| returned(link.definition.returns, kind))
    }

    /// The first step that does not take what reaches it, in words.
    pub(crate) fn misfit(&self, kind: FieldType) -> Option<String> {
        let mut kind = kind;
        for link in &self.0 {
            if !link.definition.accepts.contains(&kind) {
                return Some(format!("{} does not take {kind} values", link.definition.name));
            }
            kind = returned(link.definition.returns, kind);
        }
        None
    }

    /// The last look-up gave something of the writing side.
    pub(crate) fn speaks_target(&self) -> bool {
        self.0.last().is_some_and(|link| matches!(link.definition.name, "userMap" | "valueMap"))
    }

    /// In words, such as `trim, truncate`.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|link| link.definition.name).collect();
        names.join(", ")
    }

    /// Runs the steps over the source values; `steps` collects what happened when it is there.
    pub(crate) fn run(
        &self,
        mut values: Vec<Typed>,
        scope: &Scope<'_>,
        steps: &mut Option<Vec<TraceStep>>,
    ) -> Result<ChainMade, String> {
        let needs_first = self.0.iter().any(|link| matches!(link.run, Run::Late(_)));
        let first = match values.first() {
            Some(first) if needs_first => first.clone(),
            _ => Typed { value: Value::Null, kind: FieldType::String },
        };
        let mut warnings = Vec::new();
        for link in &self.0 {
            if link.definition.name == "concat" {
                values = vec![joinable(values)];
            }
            for typed in &mut values {
                if typed.value.is_null() && link.definition.nulls == Nulls::Stay {
                    continue;
                }
                link.run(typed, &first, scope, &mut warnings)?;
            }
            if let (Some(steps), Some(now)) = (steps.as_mut(), values.first()) {
                steps.push(TraceStep {
                    name: link.definition.name.to_owned(),
                    args: link.args_shown(scope, &first, now.kind),
                    output: now.value.clone(),
                });
            }
        }
        let typed = values
            .into_iter()
            .next()
            .unwrap_or(Typed { value: Value::Null, kind: FieldType::String });
        Ok(ChainMade { typed, warnings })
    }
}

impl Link {
    fn compile(step: Written, read: &TypeEnd) -> Result<Self, String> {
        let Written { definition, args, .. } = step;
        let shown = Value::Object(
            args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        );
        let blanks = args
            .iter()
            .map(|(name, value)| Ok((*name, Blank::parse(value, read)?)))
            .collect::<Result<Vec<_>, String>>()?;
        let run = if blanks.iter().all(|(_, blank)| blank.is_fixed()) {
            Run::Ready((definition.build)(&Args::new(args))?)
        } else {
            Run::Late(blanks)
        };
        Ok(Self { definition, args: shown, run })
    }

    /// The arguments for a trace, placeholders filled in.
    fn args_shown(&self, scope: &Scope<'_>, first: &Typed, kind: FieldType) -> Value {
        let Run::Late(blanks) = &self.run else {
            return self.args.clone();
        };
        blanks
            .iter()
            .map(|(name, blank)| {
                let filled = blank.fill(scope, first, kind).unwrap_or(Value::Null);
                ((*name).to_owned(), filled)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn run(
        &self,
        typed: &mut Typed,
        first: &Typed,
        scope: &Scope<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<(), String> {
        let around = Around { kind: typed.kind, scope };
        let made = match &self.run {
            Run::Ready(step) => step(&typed.value, &around),
            Run::Late(blanks) => fill(blanks, scope, first, typed.kind)
                .and_then(|args| (self.definition.build)(&args))
                .and_then(|step| step(&typed.value, &around)),
        }
        .map_err(|message| format!("{}: {message}", self.definition.name))?;
        warnings.extend(made.warning);
        typed.value = made.value;
        typed.kind = returned(self.definition.returns, typed.kind);
        Ok(())
    }
}

/// Arguments for a step over a value of kind `kind`: what is filled into HTML is escaped.
fn fill(
    blanks: &[(&'static str, Blank)],
    scope: &Scope<'_>,
    first: &Typed,
    kind: FieldType,
) -> Result<Args, String> {
    blanks
        .iter()
        .map(|(name, blank)| Ok((*name, blank.fill(scope, first, kind)?)))
        .collect::<Result<Vec<_>, String>>()
        .map(Args::new)
}

const fn returned(returns: Returns, kind: FieldType) -> FieldType {
    match (returns, kind) {
        (Returns::Kind(kind), _) | (Returns::Same, kind) => kind,
        (Returns::Text, FieldType::Html | FieldType::Markdown) => kind,
        (Returns::Text, _) => FieldType::String,
    }
}

/// The list that `concat` joins. Once one part is HTML the others are made HTML, so that no sign changes its meaning.
fn joinable(values: Vec<Typed>) -> Typed {
    let is_html = values.iter().any(|typed| typed.kind == FieldType::Html);
    let mut values = values;
    if values.len() == 1 {
        return values.remove(0);
    }
    let parts = values
        .into_iter()
        .map(|typed| match plain_text(&typed.value) {
            Some(text) if is_html && typed.kind != FieldType::Html => {
                Value::String(html::from_text(&text))
            }
            _ => typed.value,
        })
        .collect::<Vec<_>>();
    let all_null = parts.iter().all(Value::is_null);
    Typed {
        value: if all_null { Value::Null } else { Value::Array(parts) },
        kind: if is_html { FieldType::Html } else { FieldType::String },
    }
}
