//! Steps over area paths and people.

use std::collections::HashMap;

use serde_json::Value;
use syncline_domain::Identity;

use super::{Args, Around, Made, Step, text_of};
use crate::convert::{plain_text, shown};
use crate::people::somebody;

/// What divides the parts of an area or iteration path.
const DIVIDERS: [char; 2] = ['\\', '/'];

pub(super) fn project_of(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| {
        let text = text_of(value)?;
        let path = text.trim_start_matches(DIVIDERS);
        let project = path.split(DIVIDERS).next().unwrap_or_default();
        Ok(project.to_owned().into())
    }))
}

pub(super) fn replace_project(args: &Args) -> Result<Step, String> {
    let new = args.text("new")?;
    Ok(Box::new(move |value, _| {
        let text = text_of(value)?;
        let path = text.trim_start_matches(DIVIDERS);
        let start = text.len() - path.len();
        let end = path.find(DIVIDERS).unwrap_or(path.len());
        let (lead, rest) = (text.get(..start), path.get(end..));
        Ok(format!("{}{new}{}", lead.unwrap_or_default(), rest.unwrap_or_default()).into())
    }))
}

pub(super) fn user_name(_: &Args) -> Result<Step, String> {
    Ok(Box::new(|value, _| {
        let who = Identity::from_value(value)
            .ok_or_else(|| format!("{} names no person", shown(value)))?;
        let local = who
            .email
            .as_deref()
            .and_then(|address| address.split_once('@'))
            .map(|(local, _)| local.to_owned())
            .filter(|local| !local.is_empty());
        local
            .or(who.login)
            .map(Made::from)
            .ok_or_else(|| format!("{} has no e-mail address", shown(value)))
    }))
}

/// The person of the other side, by the table given, else by the configuration's user map.
pub(super) fn user_map(args: &Args) -> Result<Step, String> {
    let table: Option<HashMap<String, Identity>> = match args.get("table") {
        None => None,
        Some(Value::Object(entries)) => Some(
            entries
                .iter()
                .filter_map(|(from, to)| {
                    Some((from.trim().to_lowercase(), somebody(&plain_text(to)?)?))
                })
                .collect(),
        ),
        Some(_) => return Err("the table must be an object from person to person".to_owned()),
    };
    Ok(Box::new(move |value, around: &Around<'_>| {
        let who = Identity::from_value(value)
            .filter(|who| who.key().is_some())
            .ok_or_else(|| format!("{} names no person", shown(value)))?;
        let found = match &table {
            None => around.scope.people.wanted(&who),
            Some(table) => [&who.email, &who.login, &who.name, &who.id]
                .into_iter()
                .flatten()
                .find_map(|text| table.get(&text.trim().to_lowercase()))
                .or_else(|| table.get("*"))
                .cloned(),
        };
        found
            .map(|who| Made::from(who.to_value()))
            .ok_or_else(|| format!("{} is not in the user map; add an entry", shown(value)))
    }))
}
