//! Copies that people made by hand before: found by the value of one field, and never by a coin.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;
use syncline_domain::ports::{ConnectorError, StoreExt as _};
use syncline_domain::{Item, ItemId, MatchExisting, OnMany, Side};

use crate::course::Course;
use crate::error::Stop;
use crate::outcome::Verdict;
use crate::pass::{Pass, value_of};
use crate::plan::Open;

/// What the look-up found for an item without a pair.
pub(crate) enum Found {
    /// Nothing: a copy is to be made.
    Nothing(Box<Open>),
    /// One item: the two are joined.
    One(Box<Open>, Box<Item>),
    /// Several, or the look-up failed.
    Settled(Box<Open>, Verdict),
}

/// Looks all of `opens` up.
pub(crate) async fn look_up(
    course: &Course,
    pass: &Pass,
    opens: Vec<Open>,
) -> Result<Vec<Found>, Stop> {
    let by = pass.spec.config.options.match_existing.as_ref();
    let Some(by) = by.filter(|_| pass.read == Side::Source && !opens.is_empty()) else {
        return Ok(opens.into_iter().map(|open| Found::Nothing(Box::new(open))).collect());
    };
    let answers: Vec<(Open, Result<Vec<Item>, ConnectorError>)> = stream::iter(opens)
        .map(|open| async move {
            let hits = ask(pass, by, &open).await;
            (open, hits)
        })
        .buffered(pass.concurrency())
        .collect()
        .await;
    let taken = paired(course, pass, &answers).await?;
    choose(pass, by, answers, taken)
}

async fn ask(pass: &Pass, by: &MatchExisting, open: &Open) -> Result<Vec<Item>, ConnectorError> {
    let value = value_of(&open.item, &by.source_field);
    if key(&value).is_none() {
        return Ok(Vec::new());
    }
    let hits = pass.writer.find_equal(&open.mapped.type_ref, &by.target_field, &value).await?;
    let equal = |item: &Item| key(&value_of(item, &by.target_field)) == key(&value);
    Ok(hits.into_iter().filter(equal).collect())
}

/// The normalised form in which values are compared: without letter case and outer or repeated blanks.
fn key(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

async fn paired(
    course: &Course,
    pass: &Pass,
    answers: &[(Open, Result<Vec<Item>, ConnectorError>)],
) -> Result<BTreeSet<ItemId>, Stop> {
    let hits: Vec<ItemId> = answers
        .iter()
        .filter_map(|(_, hits)| hits.as_ref().ok())
        .flatten()
        .map(|item| item.id.clone())
        .collect();
    if hits.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (config, write) = (pass.spec.config.id, pass.write);
    let pairs = course
        .parts
        .store
        .view("page_matches", move |tx| tx.pairs_by_items(config, write, &hits))
        .await?;
    Ok(pairs.iter().filter_map(|pair| pair.item(write).cloned()).collect())
}

fn choose(
    pass: &Pass,
    by: &MatchExisting,
    answers: Vec<(Open, Result<Vec<Item>, ConnectorError>)>,
    taken: BTreeSet<ItemId>,
) -> Result<Vec<Found>, Stop> {
    // An item that two of this page would be joined with is nobody's until a person has looked.
    let mut wanted: BTreeMap<ItemId, usize> = BTreeMap::new();
    for item in answers.iter().filter_map(|(_, hits)| hits.as_ref().ok()).flatten() {
        *wanted.entry(item.id.clone()).or_default() += 1;
    }
    let mut found = Vec::with_capacity(answers.len());
    for (open, hits) in answers {
        let open = Box::new(open);
        found.push(match hits {
            Err(error) if error.kind.stops_run() => {
                return Err(Stop::Connector { side: pass.write, error });
            }
            Err(error) => Found::Settled(open, Verdict::refused(&error)),
            Ok(hits) => {
                let free: Vec<Item> =
                    hits.into_iter().filter(|item| !taken.contains(&item.id)).collect();
                let contested =
                    free.iter().any(|item| wanted.get(&item.id).is_some_and(|n| *n > 1));
                match (free.len(), contested) {
                    (0, _) => Found::Nothing(open),
                    (1, false) => match free.into_iter().next() {
                        Some(item) => Found::One(open, Box::new(item)),
                        None => Found::Nothing(open),
                    },
                    _ => Found::Settled(open, several(by, &free)),
                }
            }
        });
    }
    Ok(found)
}

fn several(by: &MatchExisting, hits: &[Item]) -> Verdict {
    let ids: Vec<String> = hits.iter().take(5).map(|item| item.id.to_string()).collect();
    let why = format!(
        "several items may be its copy ({} in {:?}); pair the right one by hand",
        ids.join(", "),
        by.target_field.as_str()
    );
    match by.on_many {
        OnMany::Ask => Verdict::conflicted(why),
        OnMany::Skip => Verdict::filtered(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_without_case_and_blanks() {
        assert_eq!(key(&json!("  Broken  Lamp ")), key(&json!("broken lamp")));
        assert_eq!(key(&json!(" ")), None);
        assert_eq!(key(&json!(42)), Some("42".to_owned()));
    }
}
