//! Stand-ins for what is about people: a sample that is kept must not tell who wrote what.
//!
//! Every word of a text is replaced by letters in the same number and case, digits by digits; punctuation, markup and
//! line ends stay, so that rules that cut, split, search for signs or count still act as they did. Words that the rules
//! themselves name stay, and so do values out of a list that a tracker or a rule gives. Names and addresses of people are
//! always replaced, wherever they are found. Numbers, times and yes-or-no values stay unless they are named.
//!
//! One salt gives one word one stand-in. Where the salt is thrown away nobody can look words up by trying them.

mod markup;
mod text;

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use syncline_domain::{
    FieldRef, FieldSchema, FieldType, Identity, Item, SampleItem, Side, SyncSpec, TypePair,
};

use text::Words;

/// How to mask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskOptions {
    /// Leave everything but secrets as it is.
    pub keep: bool,
    /// Fields that are replaced whatever they are.
    pub fields: BTreeSet<FieldRef>,
    /// Gives one word one stand-in.
    pub salt: String,
}

/// An item as a mapping test keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Masked {
    /// The item: only fields that rules read or name.
    pub item: SampleItem,
    /// Fields of which something was replaced; `status` and `title` are among them where they were.
    pub changed: BTreeSet<String>,
}

/// Makes a sample of an item of one side, by the rules between two types.
#[must_use]
pub fn masked_sample(
    spec: &SyncSpec,
    pair: &TypePair,
    side: Side,
    item: &Item,
    options: &MaskOptions,
) -> Masked {
    let end = pair.end(side);
    let named = read_fields(pair, side);
    let mask = Mask::of(spec, pair, side, item, options);
    let mut changed = BTreeSet::new();
    let mut fields = syncline_domain::Fields::new();
    for (field, value) in item.fields.iter().filter(|(field, _)| named.contains(field.as_str())) {
        let made = mask.field(end.field(field.as_str()), field, value);
        if made != *value {
            changed.insert(field.as_str().to_owned());
        }
        fields.insert(field.clone(), made);
    }
    let title = mask.title(&item.title);
    if title != item.title {
        changed.insert("title".to_owned());
    }
    let item = SampleItem {
        id: item.id.as_str().to_owned(),
        type_ref: item.type_ref.clone(),
        title,
        status: item.status.clone(),
        fields,
    };
    Masked { item, changed }
}

/// The fields of one side that the rules of a pair read or name.
fn read_fields(pair: &TypePair, side: Side) -> BTreeSet<&str> {
    let text: String = pair.fields.iter().map(|rule| rule.text() + "\n").collect();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for rule in &pair.fields {
        match side {
            Side::Source => {
                named.extend(rule.sources.iter().map(|field| field.reference.as_str()));
            }
            Side::Target => drop(named.insert(&rule.target.reference)),
        }
    }
    let known = pair.end(side).fields.iter();
    let more = known.filter(|field| field.is_status || text.contains(&field.reference));
    named.extend(more.map(|field| field.reference.as_str()));
    named
}

struct Mask<'a> {
    options: &'a MaskOptions,
    words: Words,
    /// Whole values that trackers and rules give.
    known: BTreeSet<String>,
}

impl<'a> Mask<'a> {
    fn of(
        spec: &SyncSpec,
        pair: &TypePair,
        side: Side,
        item: &Item,
        options: &'a MaskOptions,
    ) -> Self {
        let mut known = BTreeSet::new();
        let mut said = String::new();
        for rule in &pair.fields {
            let parts = [&rule.transformation, &rule.constant_value, &rule.value_map];
            parts.into_iter().flatten().for_each(|part| collect(part, &mut known));
            rule.default_value.iter().for_each(|part| collect(part, &mut known));
            said.push_str(&rule.text());
            said.push('\n');
            for field in rule.sources.iter().chain([&rule.target]) {
                known.extend(field.allowed_values.iter().cloned());
            }
        }
        for status in [Side::Source, Side::Target].iter().flat_map(|one| &pair.end(*one).statuses) {
            known.extend([status.name.clone(), status.value.clone()]);
        }
        let people = people_of(pair, side, item);
        let words = Words::new(&options.salt, text::words_of(&said), people);
        // A name is a name also where somebody made a list of names.
        known.retain(|value| !words.names_somebody(value) && !text::has_address(value));
        known.retain(|value| !spec.user_map.entries.iter().any(|entry| entry.source == *value));
        Self { options, words, known }
    }

    fn field(&self, schema: Option<&FieldSchema>, field: &FieldRef, value: &Value) -> Value {
        if self.options.fields.contains(field) || is_secret(field, schema) {
            return self.all(value);
        }
        if self.options.keep {
            return self.without_secrets(value);
        }
        let kind = schema.map_or(FieldType::String, |schema| schema.field_type);
        match (kind, value) {
            (_, Value::String(text))
                if kind != FieldType::Identity && self.known.contains(text) =>
            {
                value.clone()
            }
            (FieldType::DateTime | FieldType::Int | FieldType::Double | FieldType::Boolean, _) => {
                value.clone()
            }
            _ => self.value(kind, value),
        }
    }

    fn value(&self, kind: FieldType, value: &Value) -> Value {
        match value {
            Value::String(text) if kind == FieldType::Identity => self.person_text(text).into(),
            Value::String(text) if self.known.contains(text) => value.clone(),
            Value::String(text) => self.text(kind, text).into(),
            Value::Array(parts) => parts.iter().map(|part| self.value(kind, part)).collect(),
            Value::Object(map) => self.object(kind, map),
            other => other.clone(),
        }
    }

    fn object(&self, kind: FieldType, map: &Map<String, Value>) -> Value {
        let is_person = kind == FieldType::Identity;
        let part = |(key, value): (&String, &Value)| {
            let made = match value {
                Value::String(text) if is_person => self.person_text(text).into(),
                other => self.value(kind, other),
            };
            (key.clone(), made)
        };
        Value::Object(map.iter().map(part).collect())
    }

    fn text(&self, kind: FieldType, text: &str) -> String {
        match kind {
            FieldType::Html | FieldType::Markdown => markup::mask(&self.words, text),
            _ if text::is_plain(text) => text.to_owned(),
            _ => self.words.mask(text),
        }
    }

    fn title(&self, title: &str) -> String {
        if self.options.keep { self.words.without_secrets(title) } else { self.words.mask(title) }
    }

    fn person_text(&self, text: &str) -> String {
        self.words.mask_all(text)
    }

    /// Everything, whatever it is.
    fn all(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.words.mask_all(text).into(),
            Value::Array(parts) => parts.iter().map(|part| self.all(part)).collect(),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, part)| (key.clone(), self.all(part))).collect())
            }
            Value::Number(number) => {
                let masked = self.words.mask_all(&number.to_string());
                serde_json::from_str(&masked).unwrap_or_else(|_| Value::from(0))
            }
            other => other.clone(),
        }
    }

    fn without_secrets(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.words.without_secrets(text).into(),
            Value::Array(parts) => parts.iter().map(|part| self.without_secrets(part)).collect(),
            Value::Object(map) => {
                let part =
                    |(key, part): (&String, &Value)| (key.clone(), self.without_secrets(part));
                Value::Object(map.iter().map(part).collect())
            }
            other => other.clone(),
        }
    }
}

/// Every text inside a JSON value, keys included.
fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(into.insert(text.clone())),
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, into)),
        Value::Object(map) => {
            for (key, part) in map {
                into.insert(key.clone());
                collect(part, into);
            }
        }
        _ => {}
    }
}

/// The words of everybody whom the item names.
fn people_of(pair: &TypePair, side: Side, item: &Item) -> BTreeSet<String> {
    let mut people = BTreeSet::new();
    let mut add = |who: &Identity| {
        let parts = [&who.name, &who.email, &who.login];
        parts.into_iter().flatten().for_each(|text| people.extend(text::words_of(text)));
    };
    item.created_by.iter().chain(&item.changed_by).for_each(&mut add);
    for (field, value) in &item.fields {
        let schema = pair.end(side).field(field.as_str());
        let is_person = schema.is_some_and(|one| one.field_type == FieldType::Identity);
        let alone = std::slice::from_ref(value);
        let parts = value.as_array().map_or(alone, Vec::as_slice);
        let looks_like_one =
            |part: &Value| part.get("email").is_some() || part.get("login").is_some();
        for part in parts.iter().filter(|part| is_person || looks_like_one(part)) {
            Identity::from_value(part).iter().for_each(&mut add);
        }
    }
    people
}

/// Whether a field is one for secrets, by its name.
fn is_secret(field: &FieldRef, schema: Option<&FieldSchema>) -> bool {
    let name = schema.map_or("", |schema| schema.name.as_str());
    [field.as_str(), name].into_iter().any(|name| {
        let plain: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        text::SECRET_WORDS.iter().any(|word| plain.contains(word))
    })
}
