//! What the tracker accepts, and how it rewrites what it accepts.

use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{
    FieldRef, FieldSchema, FieldType, Fields, Identity, Timestamp, TypeSchema, canonical,
};

/// Rewrites a value on its way in; the first argument is the field.
pub type Rewrite = Arc<dyn Fn(&FieldRef, &Value) -> Value + Send + Sync>;

/// How a tracker rewrites values on their way in.
#[derive(Clone, Default)]
pub struct Quirks {
    /// Cuts white space around texts.
    pub trim_text: bool,
    /// Drops scripts from HTML and writes tags in lower case.
    pub sanitise_html: bool,
    /// Cuts instants to whole seconds.
    pub whole_seconds: bool,
    /// Shows texts with `\r\n` line ends.
    pub crlf: bool,
    /// Ignores these fields without a word, as a tracker does for an account that may not set them.
    pub ignores: Vec<FieldRef>,
    /// Takes writes that ask for one of these statuses, and leaves items in the status that they have.
    pub keeps_out_of: Vec<String>,
    /// Lets writes name people unasked, and refuses an unknown one for its item alone.
    pub judges_people: bool,
    /// Texts name the files of their own item by name, as Textile does, and not by address in HTML.
    pub textile_images: bool,
    /// Keeps files that it is given with their first byte changed, as a picture service does or a broken store.
    pub spoils_files: bool,
    /// Anything else.
    pub rewrite: Option<Rewrite>,
}

impl Quirks {
    /// All the habits at once.
    #[must_use]
    pub fn all() -> Self {
        Self {
            trim_text: true,
            sanitise_html: true,
            whole_seconds: true,
            crlf: true,
            rewrite: None,
            ..Self::default()
        }
    }

    fn apply(&self, field: &FieldSchema, value: Value) -> Value {
        let value = match (field.field_type, value) {
            (FieldType::DateTime, Value::String(text)) if self.whole_seconds => {
                Value::String(cut_seconds(&text))
            }
            (FieldType::String | FieldType::Html | FieldType::Markdown, Value::String(text)) => {
                Value::String(self.text(field.field_type, text))
            }
            (_, other) => other,
        };
        match &self.rewrite {
            Some(rewrite) => rewrite(&FieldRef::new(field.reference.clone()), &value),
            None => value,
        }
    }

    fn text(&self, kind: FieldType, mut text: String) -> String {
        if self.sanitise_html && kind == FieldType::Html {
            text = sanitise(&text);
        }
        if self.trim_text {
            text = text.trim().to_owned();
        }
        if self.crlf {
            text = text.replace('\n', "\r\n");
        }
        text
    }
}

/// Checks and rewrites the values of one write: the values to set (null clears) and the status to set.
pub(super) fn accept(
    kind: &TypeSchema,
    quirks: &Quirks,
    fields: &Fields,
    status: Option<&str>,
) -> Result<(Fields, Option<String>), ConnectorError> {
    let mut accepted = Fields::new();
    let mut status = status.map(str::to_owned);
    for (reference, value) in fields {
        if quirks.ignores.contains(reference) {
            continue;
        }
        let field = field_of(kind, reference)?;
        let value = canonical(value, field.field_type);
        check(field, &value)?;
        if field.is_status {
            status = value.as_str().map(str::to_owned).or(status);
        }
        accepted.insert(reference.clone(), quirks.apply(field, value));
    }
    if let Some(word) = &status {
        check_status(kind, word)?;
    }
    status = status.filter(|word| !quirks.keeps_out_of.contains(word));
    if let Some(word) = &status
        && let Some(field) = kind.fields.iter().find(|field| field.is_status)
    {
        let reference = FieldRef::new(field.reference.clone());
        accepted.insert(reference, Value::String(word.clone()));
    }
    Ok((accepted, status))
}

/// Refuses an item in which a required field is empty.
pub(super) fn complete(kind: &TypeSchema, fields: &Fields) -> Result<(), ConnectorError> {
    for field in kind.fields.iter().filter(|field| field.is_required) {
        let value = fields.get(&FieldRef::new(field.reference.clone()));
        if value.is_none_or(|value| value.is_null() || value.as_str() == Some("")) {
            return Err(invalid(field, "must not be empty"));
        }
    }
    Ok(())
}

fn field_of<'a>(
    kind: &'a TypeSchema,
    reference: &FieldRef,
) -> Result<&'a FieldSchema, ConnectorError> {
    let found = kind.fields.iter().find(|field| field.reference == reference.as_str());
    found.ok_or_else(|| {
        ConnectorError::new(
            ErrorKind::Invalid,
            format!("type {} has no field {reference}", kind.name),
        )
        .on_field(reference.clone())
    })
}

fn invalid(field: &FieldSchema, why: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Invalid, format!("{} {why}", field.name))
        .on_field(field.reference.as_str())
}

fn check(field: &FieldSchema, value: &Value) -> Result<(), ConnectorError> {
    if field.is_readonly {
        return Err(invalid(field, "is read-only"));
    }
    if value.is_null() {
        return match field.is_required {
            true => Err(invalid(field, "must not be empty")),
            false => Ok(()),
        };
    }
    if !fits(field.field_type, value) {
        return Err(invalid(field, &format!("must be of type {}", field.field_type)));
    }
    let text = value.as_str().unwrap_or_default();
    if !field.allowed_values.is_empty() && !field.allowed_values.iter().any(|word| word == text) {
        return Err(invalid(field, "has no such value"));
    }
    let longest = field.max_length.and_then(|most| usize::try_from(most).ok());
    if longest.is_some_and(|most| text.chars().count() > most) {
        return Err(invalid(field, "is too long"));
    }
    Ok(())
}

fn fits(kind: FieldType, value: &Value) -> bool {
    match kind {
        FieldType::String | FieldType::Html | FieldType::Markdown | FieldType::Picklist => {
            value.is_string()
        }
        FieldType::Int => value.is_i64() || value.is_u64(),
        FieldType::Double => value.is_number(),
        FieldType::Boolean => value.is_boolean(),
        FieldType::Array => value.is_array(),
        FieldType::Identity => Identity::from_value(value).is_some(),
        FieldType::DateTime => value.as_str().is_some_and(|text| {
            Timestamp::parse(text).is_ok() || (text.len() == 10 && text.matches('-').count() == 2)
        }),
    }
}

fn check_status(kind: &TypeSchema, word: &str) -> Result<(), ConnectorError> {
    if kind.statuses.iter().any(|status| status.value == word) {
        return Ok(());
    }
    Err(ConnectorError::new(
        ErrorKind::Invalid,
        format!("type {} has no status {word:?}", kind.name),
    )
    .on_field(syncline_domain::STATUS_REF))
}

fn cut_seconds(text: &str) -> String {
    match Timestamp::parse(text) {
        Ok(at) => Timestamp::from_secs(at.secs()).to_iso(),
        Err(_) => text.to_owned(),
    }
}

fn sanitise(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let close = rest.find('>').map_or(rest.len(), |at| at + 1);
        let tag = rest[..close].to_lowercase();
        rest = &rest[close..];
        if tag.starts_with("<script") {
            let end = rest.to_lowercase().find("</script>");
            rest = end.map_or("", |at| &rest[at + "</script>".len()..]);
        } else {
            out.push_str(&tag);
        }
    }
    out.push_str(rest);
    out
}
