//! Computed rules: minijinja expressions, compiled once, run with limits.
//!
//! Limits: [`FUEL`] steps (data that is made counts too), [`MAX_DEPTH`] levels, [`MAX_SOURCE_BYTES`] of source in
//! [`MAX_PARTS`] parts, [`MAX_RESULT_BYTES`] of result. There is no loader, so nothing can be included. A name that does not exist is an
//! error as soon as it is used for more than a test.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};
use syncline_domain::{FieldRef, FieldType};

use crate::scope::{ITEM_KEYS, Scope, Typed};

const FUEL: u64 = 50_000;
const MAX_DEPTH: usize = 64;
const MAX_SOURCE_BYTES: usize = 4 * 1024;
/// The engine's compiler calls itself for each level of a long chain of operators.
const MAX_PARTS: usize = 400;
const MAX_RESULT_BYTES: usize = 64 * 1024;
const RESULT: &str = "__result";
const NAMES: &[&str] = &["item", "fields", "value", "values", "context"];

/// All expressions of a plan.
pub(crate) struct Expressions {
    env: Environment<'static>,
    count: usize,
}

/// Names one expression inside its [`Expressions`].
#[derive(Clone, Debug)]
pub(crate) struct ExpressionId(String);

impl Expressions {
    pub(crate) fn new() -> Self {
        let mut env = Environment::new();
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(MAX_DEPTH);
        env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        Self { env, count: 0 }
    }

    /// Compiles an expression.
    pub(crate) fn add(&mut self, text: &str) -> Result<ExpressionId, String> {
        let source = checked(&self.env, text)?;
        self.count += 1;
        let name = format!("expression-{}", self.count);
        // `set` keeps the typed value, which rendering would turn into text.
        self.env
            .add_template_owned(name.clone(), format!("{{% set {RESULT} = ({source}) %}}"))
            .map_err(|fault| in_words(&fault))?;
        Ok(ExpressionId(name))
    }

    /// Runs an expression over the item of `scope`; `values` are the rule's sources.
    pub(crate) fn eval(
        &self,
        id: &ExpressionId,
        scope: &Scope<'_>,
        values: Vec<Typed>,
    ) -> Result<Value, String> {
        let template = self.env.get_template(&id.0).map_err(|fault| in_words(&fault))?;
        let root = scope.expression_root.get_or_init(|| root(scope));
        let values: Vec<Value> =
            values.into_iter().map(|typed| whole_person(typed.value, typed.kind)).collect();
        let value = Serde(values.first().unwrap_or(&Value::Null));
        let all = Serde(&values);
        let done = template
            .render_captured(minijinja::context! { value => value, values => all, ..root.clone() })
            .map_err(|fault| in_words(&fault))?;
        let result = done.state().lookup(RESULT).unwrap_or_default();
        if result.is_undefined() {
            return Err(
                "the expression gives nothing; it names something that does not exist".to_owned()
            );
        }
        let result = serde_json::to_value(&result)
            .map_err(|fault| format!("the expression's result is no value: {fault}"))?;
        within_size(result)
    }
}

impl std::fmt::Debug for Expressions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expressions").field("count", &self.count).finish()
    }
}

/// Whether a text is an expression that rules may use.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    Expressions::new().add(text).map(|_| ())
}

/// The expression with `$context.` made plain, once it is known to be one expression over known names.
fn checked(env: &Environment<'_>, text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the expression is empty; write one such as fields[\"System.Title\"] ~ \"!\""
            .to_owned());
    }
    if text.len() > MAX_SOURCE_BYTES {
        return Err("the expression is longer than 4 KiB; make it shorter".to_owned());
    }
    if parts(text) > MAX_PARTS {
        return Err(format!(
            "the expression has more than {MAX_PARTS} names, signs and values; make it simpler"
        ));
    }
    let source = plain_context(text);
    let unknown: Vec<String> = {
        let expression = env.compile_expression(&source).map_err(|fault| in_words(&fault))?;
        let mut names: Vec<String> = expression
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !NAMES.contains(&name.as_str()))
            .filter(|name| !env.globals().any(|(global, _)| global == name))
            .collect();
        names.sort();
        names
    };
    if let Some(fault) = unknown_helper(env, &source) {
        return Err(format!("{fault}; see the expression language's list of built-ins"));
    }
    match unknown.first() {
        None => Ok(source),
        Some(name) => {
            Err(format!("{name:?} is unknown in an expression; use one of {}", NAMES.join(", ")))
        }
    }
}

/// `$context.x` outside of quotes becomes `context.x`.
fn plain_context(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, sign, is_quoted) in signs(text) {
        let starts_context =
            sign == '$' && text.get(at..).is_some_and(|rest| rest.starts_with("$context"));
        if is_quoted || !starts_context {
            out.push(sign);
        }
    }
    out
}

/// How many names, signs and values a text has: no tree built from it is deeper.
fn parts(text: &str) -> usize {
    let mut in_word = false;
    let mut count = 0;
    for (_, sign, is_quoted) in signs(text) {
        let is_word = is_quoted || sign.is_alphanumeric() || sign == '_';
        let starts = if is_word { !in_word } else { !sign.is_whitespace() };
        count += usize::from(starts);
        in_word = is_word;
    }
    count
}

/// The first filter or test in `source` that does not exist. The engine itself would only find it when it runs.
fn unknown_helper(env: &Environment<'_>, source: &str) -> Option<String> {
    let code: String =
        signs(source).map(|(_, sign, is_quoted)| if is_quoted { '"' } else { sign }).collect();
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    let name_at = |rest: &str| -> String {
        rest.trim_start().chars().take_while(|sign| is_part(*sign)).collect()
    };
    let mut state = env.empty_state();
    for (at, _) in code.match_indices('|') {
        let name = name_at(code.get(at + 1..).unwrap_or_default());
        let fault = state.apply_filter(&name, &[]).err();
        if fault.is_some_and(|fault| fault.kind() == minijinja::ErrorKind::UnknownFilter) {
            return Some(format!("there is no filter {name:?}"));
        }
    }
    for (at, _) in code.match_indices(" is ") {
        let mut name = name_at(code.get(at + 4..).unwrap_or_default());
        if name == "not" {
            name = name_at(
                code.get(at + 4..).unwrap_or_default().trim_start().get(3..).unwrap_or_default(),
            );
        }
        let fault = state.perform_test(&name, &[]).err();
        if fault.is_some_and(|fault| fault.kind() == minijinja::ErrorKind::UnknownTest) {
            return Some(format!("there is no test {name:?}"));
        }
    }
    None
}

/// Every sign with its place, and whether it lies inside quotes (which count as quoted themselves).
fn signs(text: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let mut quote = None;
    let mut escaped = false;
    text.char_indices().map(move |(at, sign)| match quote {
        Some(open) => {
            if !escaped && sign == open {
                quote = None;
            }
            escaped = !escaped && sign == '\\';
            (at, sign, true)
        }
        None => {
            let opens = sign == '"' || sign == '\'';
            if opens {
                quote = Some(sign);
            }
            (at, sign, opens)
        }
    })
}

fn root(scope: &Scope<'_>) -> minijinja::Value {
    let item: Map<String, Value> = ITEM_KEYS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), Value::String(scope.item_fact(key)?))))
        .collect();
    // Every field of the type is there: a field that is not set is none, a field that does not exist is undefined.
    let mut fields: Map<String, Value> = scope
        .read
        .fields
        .iter()
        .map(|field| {
            let value = scope.field(&FieldRef::new(field.reference.as_str()), field.is_status);
            (field.reference.clone(), whole_person(value, field.field_type))
        })
        .collect();
    for (reference, value) in &scope.item.fields {
        fields.entry(reference.as_str()).or_insert_with(|| value.clone());
    }
    minijinja::context! {
        item => Serde(item),
        fields => Serde(fields),
        context => Serde(scope.context),
    }
}

/// A person with all four parts, so that an address nobody told is none and no error.
fn whole_person(mut value: Value, kind: FieldType) -> Value {
    if let (FieldType::Identity, Value::Object(parts)) = (kind, &mut value) {
        for part in ["id", "name", "email", "login"] {
            parts.entry(part).or_insert(Value::Null);
        }
    }
    value
}

fn within_size(value: Value) -> Result<Value, String> {
    let size = match &value {
        Value::String(text) => text.len(),
        Value::Array(_) | Value::Object(_) => value.to_string().len(),
        _ => 0,
    };
    if size > MAX_RESULT_BYTES {
        return Err("the expression makes more than 64 KiB; cut the text first".to_owned());
    }
    Ok(value)
}

fn in_words(fault: &minijinja::Error) -> String {
    use minijinja::ErrorKind;
    match fault.kind() {
        ErrorKind::OutOfFuel => {
            "the expression takes too many steps; make it simpler or its input shorter".to_owned()
        }
        ErrorKind::UndefinedError => {
            "the expression uses something that does not exist; check its field references"
                .to_owned()
        }
        kind => match fault.detail() {
            Some(detail) => format!("the expression does not work: {kind}: {detail}"),
            None => format!("the expression does not work: {kind}"),
        },
    }
}
