//! The list of all transformations: what each is called, takes, gives and looks like.

use serde::Serialize;
use serde_json::{Value, json};
use syncline_domain::FieldType;

use super::Inverse::{By, Itself, Nothing, Table as TurnTable};
use super::Nulls::{Seen, Stay};
use super::Returns::{Kind, Same, Text};
use super::{Arg, ArgKind, Definition, Inverse, date, number, path, priority, text};

/// A transformation, as people and forms see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransformationInfo {
    /// Its name in rules.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// Its name for people.
    pub label: &'static str,
    /// Its arguments, in order.
    pub args: Vec<ArgInfo>,
    /// The field types it takes.
    pub accepts: Vec<FieldType>,
    /// The field type it gives; `None`: the one it took.
    pub returns: Option<FieldType>,
    /// One use of it; tests run every example.
    pub example: Example,
}

/// An argument of a transformation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArgInfo {
    /// Its name.
    pub name: &'static str,
    /// `string`, `int`, `object` or `any`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// A rule without it is refused.
    pub required: bool,
    /// What it is when it is not given.
    pub default: Value,
}

/// One use of a transformation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// The transformation as a rule says it.
    pub transformation: Value,
    /// What goes in; a list for several source fields.
    pub input: Value,
    /// What comes out.
    pub output: Value,
}

/// All transformations.
#[must_use]
pub fn catalogue() -> Vec<TransformationInfo> {
    DEFINITIONS
        .iter()
        .map(|definition| TransformationInfo {
            name: definition.name,
            aliases: definition.aliases,
            label: definition.label,
            args: definition.args.iter().map(info).collect(),
            accepts: definition.accepts.to_vec(),
            returns: match definition.returns {
                Kind(kind) => Some(kind),
                Text | Same => None,
            },
            example: (definition.example)(),
        })
        .collect()
}

fn info(arg: &Arg) -> ArgInfo {
    ArgInfo {
        name: arg.name,
        kind: arg.kind.word(),
        required: arg.required,
        default: arg
            .default
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or(Value::Null),
    }
}

/// The transformation of a name or alias.
pub(super) fn find(name: &str) -> Option<&'static Definition> {
    DEFINITIONS
        .iter()
        .find(|definition| definition.name == name || definition.aliases.contains(&name))
}

/// Every name and alias.
pub(super) fn known_names() -> impl Iterator<Item = &'static str> {
    DEFINITIONS.iter().flat_map(|definition| {
        std::iter::once(definition.name).chain(definition.aliases.iter().copied())
    })
}

const ANY: &[FieldType] = FieldType::ALL;
/// Everything that has one text.
const TEXT: &[FieldType] = &[
    FieldType::String,
    FieldType::Html,
    FieldType::Markdown,
    FieldType::Int,
    FieldType::Double,
    FieldType::DateTime,
    FieldType::Boolean,
    FieldType::Identity,
    FieldType::Picklist,
];
const NUMBERS: &[FieldType] =
    &[FieldType::Int, FieldType::Double, FieldType::String, FieldType::Picklist];
const WORDS: &[FieldType] = &[FieldType::String, FieldType::Picklist];
const DATES: &[FieldType] = &[FieldType::DateTime, FieldType::String];
const PEOPLE: &[FieldType] = &[FieldType::Identity, FieldType::String, FieldType::Picklist];
const MARKED: &[FieldType] = &[FieldType::Html, FieldType::String, FieldType::Markdown];

const fn needed(name: &'static str, kind: ArgKind) -> Arg {
    Arg { name, kind, required: true, default: None }
}

const fn optional(name: &'static str, kind: ArgKind, default: Option<&'static str>) -> Arg {
    Arg { name, kind, required: false, default }
}

const ZONE: Arg = optional("zone", ArgKind::Text, Some("\"UTC\""));
const TABLE: Arg = needed("table", ArgKind::Table);
const TABLE_IF_GIVEN: Arg = optional("table", ArgKind::Table, None);

macro_rules! definitions {
    ($($name:literal $(| $alias:literal)* => $label:literal, ($($arg:expr),*), $accepts:ident -> $returns:expr,
       $nulls:ident, $inverse:expr, $build:path, $given:tt : $input:tt => $output:tt;)*) => {
        &[$(Definition {
            name: $name,
            aliases: &[$($alias),*],
            label: $label,
            args: &[$($arg),*],
            accepts: $accepts,
            returns: $returns,
            nulls: $nulls,
            example: || Example {
                transformation: json!($given),
                input: json!($input),
                output: json!($output),
            },
            build: $build,
            inverse: $inverse,
        },)*]
    };
}

const DEFINITIONS: &[Definition] = definitions! {
    "none" => "Keep as it is", (), ANY -> Same, Stay, Nothing, text::none,
        "none": "Login fails" => "Login fails";
    "toUpperCase" | "uppercase" => "Upper case", (), TEXT -> Text, Stay, Inverse::None, text::upper,
        "toUpperCase": "Straße 5" => "STRASSE 5";
    "toLowerCase" | "lowercase" => "Lower case", (), TEXT -> Text, Stay, Inverse::None, text::lower,
        "toLowerCase": "HIGH" => "high";
    "trim" => "Trim outer blanks", (), TEXT -> Text, Stay, Inverse::None, text::trim,
        "trim": "  Login fails " => "Login fails";
    "truncate" => "Cut after n characters", (needed("n", ArgKind::Count)), TEXT -> Text, Stay, Inverse::None,
        text::truncate, {"name": "truncate", "args": [5]}: "Login fails" => "Login";
    "replace" => "Replace text", (needed("search", ArgKind::Text), needed("replacement", ArgKind::Text)),
        TEXT -> Text, Stay, Inverse::None, text::replace,
        {"name": "replace", "args": ["a.b", "x"]}: "a.b and acb" => "x and acb";
    "regexReplace" => "Replace by pattern",
        (needed("pattern", ArgKind::Text), needed("replacement", ArgKind::Text)),
        TEXT -> Text, Stay, Inverse::None, text::regex_replace,
        {"name": "regexReplace", "args": ["#(\\d+)", "BUG-$1"]}: "see #42" => "see BUG-42";
    "concat" => "Join several fields", (optional("separator", ArgKind::Text, Some("\" \""))),
        ANY -> Text, Stay, Inverse::None, text::concat,
        {"name": "concat", "args": [" / "]}: ["Web", "Login"] => "Web / Login";
    "split" => "Split into a list", (needed("delimiter", ArgKind::Text)),
        TEXT -> Kind(FieldType::Array), Stay, Inverse::None, text::split,
        {"name": "split", "args": [";"]}: "login; web" => ["login", "web"];
    "prefix" => "Put before", (needed("s", ArgKind::Text)), TEXT -> Text, Stay, Inverse::None, text::prefix,
        {"name": "prefix", "args": ["[SD] "]}: "Login fails" => "[SD] Login fails";
    "suffix" => "Put after", (needed("s", ArgKind::Text)), TEXT -> Text, Stay, Inverse::None, text::suffix,
        {"name": "suffix", "args": [" (imported)"]}: "Login fails" => "Login fails (imported)";
    "defaultValue" | "default_value" => "Value when there is none", (needed("v", ArgKind::Any)),
        ANY -> Same, Seen, Nothing, text::default_value,
        {"name": "defaultValue", "args": ["Medium"]}: null => "Medium";
    "valueMap" | "severity_map" | "state_map" => "Look up in a table", (TABLE),
        ANY -> Kind(FieldType::Picklist), Stay, TurnTable, priority::value_map,
        {"name": "valueMap", "args": {"table": {"Open": "New", "*": "Other"}}}: "Open" => "New";
    "priority_map" => "Priority by table or by the two trackers", (TABLE_IF_GIVEN),
        ANY -> Kind(FieldType::Picklist), Stay, Itself, priority::priority_map,
        {"name": "priority_map", "args": {"table": {"1": "Urgent"}}}: 1 => "Urgent";
    "toNumber" => "To a number", (), NUMBERS -> Kind(FieldType::Double), Stay, Nothing, number::to_number,
        "toNumber": "12.5" => 12.5;
    "toString" => "To text", (), ANY -> Kind(FieldType::String), Stay, Nothing, text::to_string,
        "toString": 42 => "42";
    "toBoolean" => "To true or false", (), ANY -> Kind(FieldType::Boolean), Stay, Inverse::None, number::to_bool,
        "toBoolean": "yes" => true;
    "formatDateISO" | "date_to_iso" => "Date and time, ISO-8601", (),
        DATES -> Kind(FieldType::DateTime), Stay, Inverse::None, date::iso,
        "formatDateISO": "2026-02-12T09:00:00+01:00" => "2026-02-12T08:00:00.000Z";
    "formatDateShort" => "Date only", (ZONE), DATES -> Kind(FieldType::DateTime), Stay, Inverse::None, date::short,
        {"name": "formatDateShort", "args": ["Europe/Berlin"]}: "2026-02-12T23:30:00Z" => "2026-02-13";
    "parseDate" => "Read a date", (needed("format", ArgKind::Text), ZONE),
        TEXT -> Kind(FieldType::DateTime), Stay, Inverse::None, date::parse,
        {"name": "parseDate", "args": ["%d.%m.%Y %H:%M", "Europe/Berlin"]}: "12.02.2026 09:00" => "2026-02-12T08:00:00.000Z";
    "azurePriorityToText" => "Azure priority to words", (),
        NUMBERS -> Kind(FieldType::Picklist), Stay, By("textToAzurePriority"), priority::azure_to_text,
        "azurePriorityToText": 1 => "Critical";
    "textToAzurePriority" => "Words to Azure priority", (),
        WORDS -> Kind(FieldType::Int), Stay, By("azurePriorityToText"), priority::text_to_azure,
        "textToAzurePriority": "Medium" => 3;
    "azureToServiceDeskPriority" => "Azure priority to ServiceDesk", (),
        NUMBERS -> Kind(FieldType::Picklist), Stay, By("serviceDeskToAzurePriority"),
        priority::azure_to_service_desk, "azureToServiceDeskPriority": 1 => "Urgent";
    "serviceDeskToAzurePriority" => "ServiceDesk priority to Azure", (),
        WORDS -> Kind(FieldType::Int), Stay, By("azureToServiceDeskPriority"),
        priority::service_desk_to_azure, "serviceDeskToAzurePriority": "Normal" => 3;
    "stripHtml" | "html_to_text" => "HTML to text", (),
        MARKED -> Kind(FieldType::String), Stay, By("textToHtml"), text::strip_html,
        "stripHtml": "<p>Fish &amp; <b>chips</b></p><p>twice</p>" => "Fish & chips\ntwice";
    "textToHtml" | "text_to_html" => "Text to HTML", (),
        TEXT -> Kind(FieldType::Html), Stay, By("stripHtml"), text::text_to_html,
        "textToHtml": "1 < 2\nok" => "1 &lt; 2<br>ok";
    "markdownToText" => "Markdown to text", (),
        MARKED -> Kind(FieldType::String), Stay, Inverse::None, text::markdown_to_text,
        "markdownToText": "**Login** `fails`" => "Login fails";
    "markdownToHtml" => "Markdown to HTML", (),
        MARKED -> Kind(FieldType::Html), Stay, By("htmlToMarkdown"), text::markdown_to_html,
        "markdownToHtml": "**Login** fails" => "<p><strong>Login</strong> fails</p>";
    "htmlToMarkdown" => "HTML to Markdown", (),
        MARKED -> Kind(FieldType::Markdown), Stay, By("markdownToHtml"), text::html_to_markdown,
        "htmlToMarkdown": "<p><b>Login</b> fails</p>" => "**Login** fails";
    "extractProjectFromPath" => "Project of a path", (),
        WORDS -> Kind(FieldType::String), Stay, Inverse::None, path::project_of,
        "extractProjectFromPath": "Shop\\Web\\Login" => "Shop";
    "replaceProjectInPath" => "Other project in a path", (needed("new", ArgKind::Text)),
        WORDS -> Kind(FieldType::String), Stay, Inverse::None, path::replace_project,
        {"name": "replaceProjectInPath", "args": ["Store"]}: "Shop\\Web" => "Store\\Web";
    "emailToUsername" => "Name before the @", (),
        PEOPLE -> Kind(FieldType::String), Stay, Inverse::None, path::user_name,
        "emailToUsername": "ada.l@example.org" => "ada.l";
    "userMap" => "Person of the other side", (TABLE_IF_GIVEN),
        PEOPLE -> Kind(FieldType::Identity), Stay, Itself, path::user_map,
        {"name": "userMap", "args": {"table": {"ada@a.org": "ada@b.org"}}}: "ada@a.org" => {"email": "ada@b.org", "login": "ada@b.org"};
};
