//! From the JSON of a rule to steps that run: a name, an object with arguments, or a chain.

use serde_json::{Map, Value, json};
use syncline_domain::{FieldFault, FieldType, TypeEnd};

use super::catalogue::{find, known_names};
use super::{Arg, ArgKind, Args, Around, Definition, Inverse, Nulls, Returns, Step, Table, html};
use crate::convert::plain_text;
use crate::scope::{Scope, Typed};
use crate::template::Blank;
use crate::trace::TraceStep;

/// The most steps a chain may have.
const MAX_STEPS: usize = 32;

/// One step as it was written, its name and arguments checked.
pub(crate) struct Written {
    definition: &'static Definition,
    args: Vec<(&'static str, Value)>,
    path: String,
}

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

/// Reads all forms. Paths in faults start at `path`.
pub(crate) fn parse_forms(value: &Value, path: &str) -> Result<Vec<Written>, Vec<FieldFault>> {
    let parts = match value {
        Value::Array(parts) => Some((parts, path.to_owned())),
        Value::Object(map) => match map.get("chain") {
            Some(Value::Array(parts)) => Some((parts, format!("{path}/chain"))),
            Some(_) => {
                return Err(vec![FieldFault::new(
                    format!("{path}/chain"),
                    "a chain is a list of transformations; use [\"trim\", {\"name\": ...}]",
                )]);
            }
            None => None,
        },
        _ => None,
    };
    let Some((parts, path)) = parts else {
        return parse_one(value, path).map(|step| vec![step]);
    };
    if parts.is_empty() || parts.len() > MAX_STEPS {
        return Err(vec![FieldFault::new(
            path,
            format!("a chain has 1 to {MAX_STEPS} steps, not {}", parts.len()),
        )]);
    }
    let mut steps = Vec::with_capacity(parts.len());
    let mut faults = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        match parse_one(part, &format!("{path}/{at}")) {
            Ok(step) => steps.push(step),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(steps) } else { Err(faults) }
}

fn parse_one(value: &Value, path: &str) -> Result<Written, Vec<FieldFault>> {
    let one = |path: String, message: String| vec![FieldFault::new(path, message)];
    let (name, args, name_path) = match value {
        Value::String(name) => (name.as_str(), None, path.to_owned()),
        Value::Object(map) => {
            if let Some(extra) = map.keys().find(|key| *key != "name" && *key != "args") {
                return Err(one(
                    format!("{path}/{extra}"),
                    "a transformation has name and args only; put arguments inside args".to_owned(),
                ));
            }
            match map.get("name") {
                Some(Value::String(name)) => {
                    (name.as_str(), map.get("args"), format!("{path}/name"))
                }
                _ => {
                    return Err(one(
                        format!("{path}/name"),
                        "name the transformation, such as \"trim\"".to_owned(),
                    ));
                }
            }
        }
        _ => {
            return Err(one(
                path.to_owned(),
                "a transformation is a name, {\"name\", \"args\"} or {\"chain\": [...]}".to_owned(),
            ));
        }
    };
    let definition = find(name).ok_or_else(|| {
        one(name_path, format!("there is no transformation {name:?}{}", did_you_mean(name)))
    })?;
    let args_path = format!("{path}/args");
    let args = named_args(definition, args, &args_path)?;
    Ok(Written { definition, args, path: path.to_owned() })
}

fn did_you_mean(name: &str) -> String {
    let nearest = known_names()
        .map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase()), known))
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match nearest {
        Some((score, known)) if score > 0.8 => format!("; did you mean {known:?}?"),
        _ => "; GET /api/transformations lists them all".to_owned(),
    }
}

fn named_args(
    definition: &'static Definition,
    given: Option<&Value>,
    path: &str,
) -> Result<Vec<(&'static str, Value)>, Vec<FieldFault>> {
    let mut named: Vec<(&'static str, Value)> = Vec::new();
    let mut faults = Vec::new();
    match given {
        None | Some(Value::Null) => {}
        Some(Value::Array(parts)) => {
            if parts.len() > definition.args.len() {
                faults.push(FieldFault::new(
                    format!("{path}/{}", definition.args.len()),
                    format!(
                        "{} takes {} arguments, not {}",
                        definition.name,
                        definition.args.len(),
                        parts.len()
                    ),
                ));
            }
            for (arg, part) in definition.args.iter().zip(parts) {
                named.push((arg.name, part.clone()));
            }
        }
        Some(Value::Object(map)) => {
            named = args_from_object(definition, map, path, &mut faults);
        }
        Some(_) => {
            faults.push(FieldFault::new(path, "args is a list in order, or an object by name"))
        }
    }
    for arg in definition.args {
        check_arg(definition, arg, &mut named, path, &mut faults);
    }
    if faults.is_empty() { Ok(named) } else { Err(faults) }
}

fn args_from_object(
    definition: &'static Definition,
    map: &Map<String, Value>,
    path: &str,
    faults: &mut Vec<FieldFault>,
) -> Vec<(&'static str, Value)> {
    // A transformation whose one argument is a table takes the table itself for its arguments, too.
    if let [only] = definition.args
        && only.kind == ArgKind::Table
        && !map.get(only.name).is_some_and(Value::is_object)
    {
        return vec![(only.name, Value::Object(map.clone()))];
    }
    let mut named = Vec::new();
    for (name, value) in map {
        match definition.args.iter().find(|arg| arg.name == name) {
            Some(arg) => named.push((arg.name, value.clone())),
            None => faults.push(FieldFault::new(
                format!("{path}/{name}"),
                format!("{} has no argument {name:?}{}", definition.name, arg_names(definition)),
            )),
        }
    }
    named
}

fn arg_names(definition: &Definition) -> String {
    let names: Vec<&str> = definition.args.iter().map(|arg| arg.name).collect();
    if names.is_empty() {
        "; it takes none".to_owned()
    } else {
        format!("; it takes {}", names.join(", "))
    }
}

fn check_arg(
    definition: &Definition,
    arg: &'static Arg,
    named: &mut Vec<(&'static str, Value)>,
    path: &str,
    faults: &mut Vec<FieldFault>,
) {
    let Some((_, value)) = named.iter().find(|(name, _)| *name == arg.name) else {
        match arg.default {
            Some(default) => {
                let default = serde_json::from_str(default).unwrap_or(Value::Null);
                named.push((arg.name, default));
            }
            None if arg.required => faults.push(FieldFault::new(
                format!("{path}/{}", arg.name),
                format!("{} needs the argument {}", definition.name, arg.name),
            )),
            None => {}
        }
        return;
    };
    let fits = match arg.kind {
        ArgKind::Any => true,
        ArgKind::Text => value.is_string() || value.is_number() || value.is_boolean(),
        ArgKind::Count => value.is_number() || value.is_string(),
        ArgKind::Table => value.is_object(),
    };
    if !fits {
        faults.push(FieldFault::new(
            format!("{path}/{}", arg.name),
            format!("{} takes {} as {}", definition.name, arg.name, arg.kind.word()),
        ));
    }
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
                return Some(format!("{} does not take a {kind} value", link.definition.name));
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
        let first = values.first().map_or(Value::Null, |one| one.value.clone());
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
                    args: link.args.clone(),
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

    fn run(
        &self,
        typed: &mut Typed,
        first: &Value,
        scope: &Scope<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<(), String> {
        let around = Around { kind: typed.kind, scope };
        let made = match &self.run {
            Run::Ready(step) => step(&typed.value, &around),
            Run::Late(blanks) => fill(blanks, scope, first)
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

fn fill(
    blanks: &[(&'static str, Blank)],
    scope: &Scope<'_>,
    first: &Value,
) -> Result<Args, String> {
    blanks
        .iter()
        .map(|(name, blank)| Ok((*name, blank.fill(scope, first, FieldType::String)?)))
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
