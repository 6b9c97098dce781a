//! Placeholders inside arguments and constants: `{field.<reference>}`, `{item.<key>}`, `{value}`, `$context.<key>`.

use serde_json::Value;
use syncline_domain::{FieldRef, FieldType, TypeEnd};

use crate::context::MapContext;
use crate::convert::text_as_is;
use crate::scope::{ITEM_KEYS, Scope, Typed};
use crate::transform::html;

/// The most bytes that filling in placeholders may make.
const MAX_FILLED_BYTES: usize = 1024 * 1024;

/// A JSON value in which texts may have placeholders.
#[derive(Clone, Debug)]
pub(crate) enum Blank {
    Fixed(Value),
    Text(Template),
    List(Vec<Blank>),
}

/// A text with at least one placeholder.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Field { reference: FieldRef, kind: FieldType, is_status: bool },
    Item(String),
    Context(String),
    Value,
}

impl Blank {
    /// Finds the placeholders; names that nothing has are refused.
    pub(crate) fn parse(value: &Value, read: &TypeEnd) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(match Template::parse(text, read)? {
                Some(template) => Self::Text(template),
                None => Self::Fixed(value.clone()),
            }),
            Value::Array(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| Self::parse(part, read))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(if parts.iter().all(Self::is_fixed) {
                    Self::Fixed(value.clone())
                } else {
                    Self::List(parts)
                })
            }
            other => Ok(Self::Fixed(other.clone())),
        }
    }

    pub(crate) const fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    /// The value with every placeholder filled in: plain text is escaped where HTML is made, HTML stripped where text is.
    pub(crate) fn fill(
        &self,
        scope: &Scope<'_>,
        value: &Typed,
        into: FieldType,
    ) -> Result<Value, String> {
        match self {
            Self::Fixed(fixed) => Ok(fixed.clone()),
            Self::Text(template) => template.fill(scope, value, into),
            Self::List(parts) => parts
                .iter()
                .map(|part| part.fill(scope, value, into))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
        }
    }
}

impl Template {
    fn parse(text: &str, read: &TypeEnd) -> Result<Option<Self>, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '$']) {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            match placeholder(from, read)? {
                Some((part, after)) => {
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(part);
                    rest = after;
                }
                None => {
                    let mut chars = from.chars();
                    literal.extend(chars.next());
                    rest = chars.as_str();
                }
            }
        }
        if parts.is_empty() {
            return Ok(None);
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Some(Self(parts)))
    }

    fn fill(&self, scope: &Scope<'_>, value: &Typed, into: FieldType) -> Result<Value, String> {
        if let [only] = self.0.as_slice() {
            let typed = only.typed(scope, value);
            return match typed.value {
                Value::String(_) => fitted(&typed, into).map(Value::String),
                other => Ok(other),
            };
        }
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                _ => out.push_str(&fitted(&part.typed(scope, value), into)?),
            }
            if out.len() > MAX_FILLED_BYTES {
                return Err(
                    "filling in the placeholders makes more than 1 MiB of text; use a shorter field".to_owned(),
                );
            }
        }
        Ok(Value::String(out))
    }
}

impl Part {
    fn typed(&self, scope: &Scope<'_>, value: &Typed) -> Typed {
        let (value, kind) = match self {
            Self::Text(text) => (Value::String(text.clone()), FieldType::String),
            Self::Field { reference, kind, is_status } => {
                (scope.field(reference, *is_status), *kind)
            }
            Self::Item(key) => {
                (scope.item_fact(key).map_or(Value::Null, Value::String), FieldType::String)
            }
            Self::Context(key) => {
                let text = scope.context.get(key).map(str::to_owned);
                (text.map_or(Value::Null, Value::String), FieldType::String)
            }
            Self::Value => return value.clone(),
        };
        Typed { value, kind }
    }
}

/// The text of a value where text of kind `into` is made; nothing for `null`.
fn fitted(typed: &Typed, into: FieldType) -> Result<String, String> {
    if typed.value.is_null() {
        return Ok(String::new());
    }
    let text = text_as_is(&typed.value)?;
    match (typed.kind, into) {
        (FieldType::Html, FieldType::Html | FieldType::Markdown) => Ok(text),
        (FieldType::Html, _) => html::to_text(&text),
        (_, FieldType::Html) => Ok(html::escape(&text)),
        _ => Ok(text),
    }
}

/// The placeholder at the start of `text` and what follows it; `None` when the sign is an ordinary one.
fn placeholder<'t>(text: &'t str, read: &TypeEnd) -> Result<Option<(Part, &'t str)>, String> {
    if let Some(rest) = text.strip_prefix("$context.") {
        let end = rest
            .find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'))
            .unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        return Ok(Some((context_part(key)?, after)));
    }
    let Some(inside) = text.strip_prefix('{') else {
        return Ok(None);
    };
    let Some((name, after)) = inside.split_once('}') else {
        return Ok(None);
    };
    let part = if let Some(reference) = name.strip_prefix("field.") {
        field_part(reference, read)?
    } else if let Some(key) = name.strip_prefix("item.") {
        item_part(key)?
    } else if let Some(key) = name.strip_prefix("context.") {
        context_part(key)?
    } else if name == "value" {
        Part::Value
    } else {
        return Ok(None);
    };
    Ok(Some((part, after)))
}

fn field_part(reference: &str, read: &TypeEnd) -> Result<Part, String> {
    let field = read.field(reference).ok_or_else(|| {
        format!(
            "{{field.{reference}}} names no field of type {:?}; use the reference of one of its fields",
            read.name
        )
    })?;
    Ok(Part::Field {
        reference: FieldRef::new(reference),
        kind: field.field_type,
        is_status: field.is_status,
    })
}

fn item_part(key: &str) -> Result<Part, String> {
    if ITEM_KEYS.contains(&key) {
        Ok(Part::Item(key.to_owned()))
    } else {
        Err(format!("{{item.{key}}} is unknown; use one of {}", ITEM_KEYS.join(", ")))
    }
}

fn context_part(key: &str) -> Result<Part, String> {
    if MapContext::KEYS.contains(&key) {
        Ok(Part::Context(key.to_owned()))
    } else {
        Err(format!("$context.{key} is unknown; use one of {}", MapContext::KEYS.join(", ")))
    }
}
