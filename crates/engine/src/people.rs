//! Who a person of the reading side is on the writing side: asked once per person, remembered for a day.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;
use syncline_domain::{ConfigId, FieldRef, Identity, Side, SyncConfig};
use syncline_mapping::{MapWarning, Mapped};

use crate::error::Stop;
use crate::pass::Pass;

/// How many people are remembered; beyond that they are asked for again.
const MOST: usize = 10_000;

/// How long an account that was found stands for the runs that follow.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// The answers so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    known: HashMap<(Side, String), Option<Identity>>,
}

/// Accounts that earlier runs of this process found, by configuration and the version of its rules.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    found: Mutex<HashMap<ConfigId, Found>>,
}

#[derive(Debug)]
struct Found {
    version: i64,
    since: Duration,
    people: People,
}

impl Accounts {
    /// What is remembered for a run that begins at `now` (monotonic).
    pub(crate) fn of(&self, config: &SyncConfig, now: Duration) -> People {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found
            .get(&config.id)
            .filter(|found| found.version == config.version)
            .filter(|found| now.saturating_sub(found.since) < KEPT)
            .map_or_else(People::default, |found| found.people.clone())
    }

    /// Remembers whom a run found; whom it did not find is asked for again, for the account may have been made since.
    pub(crate) fn keep(&self, config: &SyncConfig, now: Duration, mut people: People) {
        people.known.retain(|_, account| account.is_some());
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let since = found
            .get(&config.id)
            .filter(|old| old.version == config.version && now.saturating_sub(old.since) < KEPT)
            .map_or(now, |old| old.since);
        found.insert(config.id, Found { version: config.version, since, people });
    }
}

/// Puts accounts of the writing side in place of the people that the rules named.
///
/// A person whom nobody finds is replaced by the stand-in; without one the field is left alone.
pub(crate) async fn resolve(
    people: &mut People,
    pass: &Pass,
    mapped: &mut [&mut Mapped],
) -> Result<(), Stop> {
    let mut wanted: BTreeMap<String, Identity> = BTreeMap::new();
    for one in mapped.iter() {
        for field in person_fields(pass, one) {
            for who in one.fields.get(&field).map(persons).unwrap_or_default() {
                wanted.insert(name_of(&who), who);
            }
        }
    }
    wanted.retain(|name, _| !people.known.contains_key(&(pass.write, name.clone())));
    if people.known.len().saturating_add(wanted.len()) > MOST {
        people.known.clear();
    }
    ask(people, pass, wanted).await?;
    for one in mapped.iter_mut() {
        for field in person_fields(pass, one) {
            replace(people, pass, one, &field);
        }
    }
    Ok(())
}

async fn ask(
    people: &mut People,
    pass: &Pass,
    wanted: BTreeMap<String, Identity>,
) -> Result<(), Stop> {
    let mut answers = stream::iter(wanted)
        .map(|(name, who)| async move {
            let found = match pass.writer.resolve_identity(&who).await {
                Ok(None) => match pass.plan.identity_default() {
                    Some(stand_in) => pass.writer.resolve_identity(stand_in).await,
                    None => Ok(None),
                },
                answer => answer,
            };
            (name, found)
        })
        .buffer_unordered(pass.concurrency());
    while let Some((name, found)) = answers.next().await {
        let found = match found {
            Ok(found) => found,
            Err(error) if error.kind.stops_run() => {
                return Err(Stop::Connector { side: pass.write, error });
            }
            Err(error) => {
                log::warn!(side = pass.write.as_str(); "a person could not be looked up: {error}");
                None
            }
        };
        people.known.insert((pass.write, name), found);
    }
    Ok(())
}

fn person_fields(pass: &Pass, mapped: &Mapped) -> Vec<FieldRef> {
    pass.plan
        .pairs()
        .iter()
        .filter(|rules| rules.written_type() == mapped.type_ref)
        .flat_map(|rules| rules.written())
        .filter(|written| written.is_identity())
        .map(|written| written.field.clone())
        .collect()
}

fn persons(value: &Value) -> Vec<Identity> {
    match value {
        Value::Array(parts) => parts.iter().filter_map(Identity::from_value).collect(),
        other => Identity::from_value(other).into_iter().collect(),
    }
}

fn name_of(who: &Identity) -> String {
    who.to_value().to_string()
}

fn replace(people: &People, pass: &Pass, mapped: &mut Mapped, field: &FieldRef) {
    let found = |value: &Value| {
        let who = Identity::from_value(value)?;
        let known = people.known.get(&(pass.write, name_of(&who)))?;
        known.as_ref().map(Identity::to_value)
    };
    let replaced = match mapped.fields.get(field) {
        None | Some(Value::Null) => return,
        Some(Value::Array(parts)) => Some(Value::Array(parts.iter().filter_map(found).collect())),
        Some(value) => found(value),
    };
    match replaced {
        Some(value) => drop(mapped.fields.insert(field.clone(), value)),
        None => {
            let left_out = mapped.fields.remove(field).unwrap_or_default();
            let who = Identity::from_value(&left_out).and_then(|who| who.key());
            mapped.warnings.push(MapWarning {
                field: field.clone(),
                message: format!(
                    "nobody there is {}; the field is left alone (name the account in the user map)",
                    who.unwrap_or_default()
                ),
            });
        }
    }
}
