//! Transformations: one value in, one value out, by name.

mod catalogue;
mod chain;
mod date;
mod forms;
mod guard;
pub(crate) mod html;
pub(crate) mod markdown;
mod markup;
mod number;
mod path;
mod priority;
mod shapes;
mod table;
mod text;
mod writer;

use serde_json::Value;
use syncline_domain::FieldType;

use crate::scope::Scope;

pub use catalogue::{ArgInfo, Example, TransformationInfo, catalogue};
pub(crate) use chain::Chain;
pub(crate) use date::read_date;
pub(crate) use forms::parse_forms;
pub(crate) use table::Table;

/// What a step gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Made {
    pub(crate) value: Value,
    pub(crate) warning: Option<String>,
}

impl From<Value> for Made {
    fn from(value: Value) -> Self {
        Self { value, warning: None }
    }
}

impl From<String> for Made {
    fn from(text: String) -> Self {
        Value::String(text).into()
    }
}

/// What a step may look at besides its value.
pub(crate) struct Around<'a> {
    /// How the value is to be read.
    pub(crate) kind: FieldType,
    pub(crate) scope: &'a Scope<'a>,
}

/// A transformation with its arguments built in. Never sees `null` unless it says so in its definition.
pub(crate) type Step =
    Box<dyn Fn(&Value, &Around<'_>) -> Result<Made, String> + Send + Sync + 'static>;

/// The most bytes of text that one step may make.
pub(crate) const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// What a transformation is, does and needs.
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) label: &'static str,
    pub(crate) args: &'static [Arg],
    pub(crate) accepts: &'static [FieldType],
    pub(crate) returns: Returns,
    pub(crate) nulls: Nulls,
    pub(crate) example: fn() -> Example,
    pub(crate) build: fn(&Args) -> Result<Step, String>,
    pub(crate) inverse: Inverse,
}

/// One argument.
pub(crate) struct Arg {
    pub(crate) name: &'static str,
    pub(crate) kind: ArgKind,
    pub(crate) required: bool,
    pub(crate) default: Option<&'static str>,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArgKind {
    Text,
    Count,
    Any,
    Table,
}

impl ArgKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Count => "int",
            Self::Any => "any",
            Self::Table => "object",
        }
    }
}

/// What kind of value comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returns {
    /// The kind that went in; plain text when that was no text.
    Text,
    /// Whatever went in.
    Same,
    /// Always this.
    Kind(FieldType),
}

/// What becomes of `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    Stay,
    /// The step sees them.
    Seen,
}

/// What undoes a transformation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inverse {
    /// Nothing.
    None,
    /// Doing nothing: the conversion between field types is enough.
    Nothing,
    /// Another transformation, without arguments.
    By(&'static str),
    /// The same one without its arguments' tables turned; it looks at the two trackers itself.
    Itself,
    /// The same one with its table turned round.
    Table,
}

/// Arguments by name, checked and completed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(Vec<(&'static str, Value)>);

impl Args {
    pub(crate) const fn new(args: Vec<(&'static str, Value)>) -> Self {
        Self(args)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A text; numbers and booleans are written out.
    pub(crate) fn text(&self, name: &str) -> Result<String, String> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Bool(flag)) => Ok(flag.to_string()),
            // A placeholder of a field that is not set.
            Some(Value::Null) => Ok(String::new()),
            Some(_) => Err(format!("argument {name} must be a text")),
            None => Err(format!("argument {name} is missing")),
        }
    }

    /// A text, if given.
    pub(crate) fn text_if_given(&self, name: &str) -> Result<Option<String>, String> {
        self.get(name).map(|_| self.text(name)).transpose()
    }

    /// A whole number from 0 up, also as text.
    pub(crate) fn count(&self, name: &str) -> Result<usize, String> {
        let whole = match self.get(name) {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
            None => return Err(format!("argument {name} is missing")),
        };
        whole
            .and_then(|count| usize::try_from(count).ok())
            .ok_or_else(|| format!("argument {name} must be a whole number of 0 or more"))
    }
}

/// Reads a value as text; a value that has no one text is refused.
pub(crate) fn text_of(value: &Value) -> Result<String, String> {
    crate::convert::plain_text(value).ok_or_else(|| {
        format!("takes text, not {}; use concat or toString first", crate::convert::what_is(value))
    })
}

/// Refuses text that grew beyond all measure.
pub(crate) fn within_size(text: String) -> Result<String, String> {
    if text.len() > MAX_TEXT_BYTES {
        Err("makes more than 4 MiB of text; shorten the input first".to_owned())
    } else {
        Ok(text)
    }
}
