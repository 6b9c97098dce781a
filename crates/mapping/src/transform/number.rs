//! Steps to numbers and truth values.

use serde_json::Value;

use super::{Args, Made, Step};
use crate::convert::{parse_decimal, shown, to_boolean};

pub(super) fn to_number(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| match value {
        Value::Number(_) => Ok(value.clone().into()),
        Value::String(text) => {
            parse_decimal(text).map(|number| Made::from(Value::Number(number))).ok_or_else(|| {
                format!(
                    "{} is no decimal number; take out everything but digits, sign and point",
                    shown(value)
                )
            })
        }
        other => Err(format!("{} is no decimal number", shown(other))),
    }))
}

pub(super) fn to_bool(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| to_boolean(value).map(|flag| Value::Bool(flag).into())))
}
