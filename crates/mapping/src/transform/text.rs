//! Steps over text.

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use syncline_domain::FieldType;
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    Args, Around, MAX_TEXT_BYTES, Made, Step, html, markdown, markup, text_of, within_size,
};
use crate::convert::joined;

/// The most bytes a pattern may have.
const MAX_PATTERN_BYTES: usize = 1024;
/// The most memory a compiled pattern may take, in bytes.
const MAX_PATTERN_MEMORY: usize = 1024 * 1024;

pub(super) fn none(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| Ok(value.clone().into())))
}

pub(super) fn upper(_: &Args) -> Result<Step, String> {
    Ok(cased(str::to_uppercase))
}

pub(super) fn lower(_: &Args) -> Result<Step, String> {
    Ok(cased(str::to_lowercase))
}

fn cased(change: fn(&str) -> String) -> Step {
    Box::new(move |value, around| {
        let text = text_of(value)?;
        Ok(match around.kind {
            FieldType::Html => markup::map_text(&text, change)?.into(),
            _ => change(&text).into(),
        })
    })
}

pub(super) fn trim(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| Ok(text_of(value)?.trim().to_owned().into())))
}

pub(super) fn truncate(args: &Args) -> Result<Step, String> {
    let most = args.count("n")?;
    Ok(Box::new(move |value, around: &Around<'_>| {
        let text = text_of(value)?;
        Ok(if around.kind == FieldType::Html {
            markup::truncate(&text, most)?.into()
        } else {
            text.graphemes(true).take(most).collect::<String>().into()
        })
    }))
}

pub(super) fn replace(args: &Args) -> Result<Step, String> {
    let search = args.text("search")?;
    let replacement = args.text("replacement")?;
    if search.is_empty() {
        return Err("search is empty; say what to replace".to_owned());
    }
    Ok(Box::new(move |value, _| {
        let text = text_of(value)?;
        let hits = text.matches(search.as_str()).count();
        let grows = replacement.len().saturating_sub(search.len());
        if hits.saturating_mul(grows) > MAX_TEXT_BYTES {
            return Err("makes more than 4 MiB of text; shorten the replacement".to_owned());
        }
        within_size(text.replace(search.as_str(), &replacement)).map(Made::from)
    }))
}

pub(super) fn regex_replace(args: &Args) -> Result<Step, String> {
    let pattern = pattern(&args.text("pattern")?)?;
    let replacement = args.text("replacement")?;
    Ok(Box::new(move |value, _| {
        let text = text_of(value)?;
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for found in pattern.captures_iter(&text) {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(text.get(done..whole.start()).unwrap_or_default());
            found.expand(&replacement, &mut out);
            done = whole.end();
            if out.len() > MAX_TEXT_BYTES {
                return Err("makes more than 4 MiB of text; shorten the replacement".to_owned());
            }
        }
        out.push_str(text.get(done..).unwrap_or_default());
        within_size(out).map(Made::from)
    }))
}

fn pattern(text: &str) -> Result<Regex, String> {
    if text.len() > MAX_PATTERN_BYTES {
        return Err("the pattern is longer than 1 KiB; make it shorter".to_owned());
    }
    RegexBuilder::new(text).size_limit(MAX_PATTERN_MEMORY).build().map_err(|fault| {
        let text = fault.to_string();
        let last = text.lines().last().unwrap_or_default();
        format!("the pattern is no regular expression: {last}")
    })
}

pub(super) fn concat(args: &Args) -> Result<Step, String> {
    let separator = args.text("separator")?;
    Ok(Box::new(move |value, around: &Around<'_>| {
        let separator = match around.kind {
            FieldType::Html => html::from_text_after(&separator, 'x'),
            _ => separator.clone(),
        };
        match value {
            Value::Array(parts) => joined(parts, &separator).and_then(within_size).map(Made::from),
            one => text_of(one).map(Made::from),
        }
    }))
}

pub(super) fn split(args: &Args) -> Result<Step, String> {
    let delimiter = args.text("delimiter")?;
    if delimiter.is_empty() {
        return Err("delimiter is empty; say where to split".to_owned());
    }
    Ok(Box::new(move |value, _| {
        let text = text_of(value)?;
        let parts = text
            .split(delimiter.as_str())
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| Value::String(part.to_owned()))
            .collect();
        Ok(Value::Array(parts).into())
    }))
}

pub(super) fn prefix(args: &Args) -> Result<Step, String> {
    let prefix = args.text("s")?;
    Ok(Box::new(move |value, _| {
        within_size(format!("{prefix}{}", text_of(value)?)).map(Made::from)
    }))
}

pub(super) fn suffix(args: &Args) -> Result<Step, String> {
    let suffix = args.text("s")?;
    Ok(Box::new(move |value, _| {
        within_size(format!("{}{suffix}", text_of(value)?)).map(Made::from)
    }))
}

pub(super) fn default_value(args: &Args) -> Result<Step, String> {
    let default = args.get("v").cloned().unwrap_or(Value::Null);
    Ok(Box::new(move |value, _| {
        Ok(if value.is_null() { default.clone().into() } else { value.clone().into() })
    }))
}

pub(super) fn to_string(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| match value {
        Value::Array(parts) => joined(parts, "; ").map(Made::from),
        other => text_of(other).map(Made::from),
    }))
}

pub(super) fn strip_html(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| html::to_text(&text_of(value)?).map(Made::from)))
}

pub(super) fn text_to_html(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| within_size(html::from_text(&text_of(value)?)).map(Made::from)))
}

pub(super) fn markdown_to_text(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| markdown::to_text(&text_of(value)?).map(Made::from)))
}

pub(super) fn markdown_to_html(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| markdown::to_html(&text_of(value)?).map(Made::from)))
}

pub(super) fn html_to_markdown(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| markdown::from_html(&text_of(value)?).map(Made::from)))
}
