//! Priorities between trackers, and tables.

use serde_json::Value;

use super::{Args, Around, Made, Step, Table};
use crate::convert::{parse_decimal, plain_text, shown};

pub(super) fn azure_to_text(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| {
        let word = match azure_number(value)? {
            Some(1) => "Critical",
            Some(2) => "High",
            Some(3) => "Medium",
            Some(4) => "Low",
            _ => return Err(format!("{} is no priority from 1 to 4", shown(value))),
        };
        Ok(word.to_owned().into())
    }))
}

pub(super) fn text_to_azure(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| text_number(value)))
}

pub(super) fn azure_to_service_desk(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| service_desk_word(value)))
}

pub(super) fn service_desk_to_azure(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| text_number(value)))
}

pub(super) fn value_map(args: &Args) -> Result<Step, String> {
    let table = Table::parse(args.get("table").unwrap_or(&Value::Null))?;
    Ok(Box::new(move |value, _| table.look_up(value).map(Made::from)))
}

/// A table where one is given; otherwise the trackers on the two sides decide.
pub(super) fn priority_map(args: &Args) -> Result<Step, String> {
    if args.get("table").is_some() {
        return value_map(args);
    }
    Ok(Box::new(|value, around: &Around<'_>| {
        let systems = around.scope.systems;
        match (systems.read, systems.written) {
            ("azuredevops", "azuredevops") => Ok(value.clone().into()),
            ("azuredevops", "servicedeskplus") => service_desk_word(value),
            ("azuredevops", _) => azure_to_text(&Args::default())?(value, around),
            (_, "azuredevops") => text_number(value),
            (read, written) => {
                Err(format!("no priorities are known from {read} to {written}; give it a table"))
            }
        }
    }))
}

fn service_desk_word(value: &Value) -> Result<Made, String> {
    let word = match azure_number(value)? {
        Some(1) => "Urgent",
        Some(2) => "High",
        Some(3) => "Normal",
        Some(4) => "Low",
        _ => {
            return Ok(Made {
                value: Value::String("Normal".to_owned()),
                warning: Some(format!(
                    "priority {} is none of 1 to 4; Normal was used",
                    shown(value)
                )),
            });
        }
    };
    Ok(word.to_owned().into())
}

fn text_number(value: &Value) -> Result<Made, String> {
    let text =
        plain_text(value).ok_or_else(|| format!("{} is no word for a priority", shown(value)))?;
    let number = match text.trim().to_lowercase().as_str() {
        "critical" | "urgent" => 1,
        "high" => 2,
        "medium" | "normal" => 3,
        "low" => 4,
        _ => {
            return Ok(Made {
                value: Value::from(3),
                warning: Some(format!(
                    "priority {} is none of critical, urgent, high, medium, normal, low; 3 was used",
                    shown(value)
                )),
            });
        }
    };
    Ok(Value::from(number).into())
}

/// The whole number in a value; `None` when it holds something else that is no list or object.
fn azure_number(value: &Value) -> Result<Option<i64>, String> {
    match value {
        Value::Array(_) | Value::Object(_) => Err(format!("{} is no priority", shown(value))),
        Value::Number(number) => Ok(number.as_i64().or_else(|| whole(number))),
        Value::String(text) => {
            Ok(parse_decimal(text).and_then(|number| number.as_i64().or_else(|| whole(&number))))
        }
        Value::Null | Value::Bool(_) => Ok(None),
    }
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    let number = number.as_f64()?;
    (1_i32..=4).find(|small| f64::from(*small) == number).map(i64::from)
}
