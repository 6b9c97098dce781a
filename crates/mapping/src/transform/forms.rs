//! From the JSON of a rule to named, checked steps: a name, an object with arguments, or a chain.

use serde_json::{Map, Value};
use syncline_domain::FieldFault;

use super::catalogue::{find, known_names};
use super::{Arg, ArgKind, Definition};

/// The most steps a chain may have.
const MAX_STEPS: usize = 32;

/// One step as it was written, its name and arguments checked.
pub(crate) struct Written {
    pub(super) definition: &'static Definition,
    pub(super) args: Vec<(&'static str, Value)>,
    pub(super) path: String,
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
