//! Who a person of the reading side is on the writing side: asked once per person, remembered for a while.
//!
//! Only a field with news has its people looked at: a new copy's, or one whose value was changed. Where the writing
//! tracker judges people by itself they are taken at their word (nobody is asked); a write that it refuses for such a
//! person is planned anew once the account was asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, FieldRef, Identity, Side, SyncConfig};
use syncline_mapping::{CompiledPair, MapWarning, Mapped, WrittenField};

use crate::error::Stop;
use crate::pass::Pass;
use crate::plan::Open;
use crate::stance::{input_changed, rules_moved};

/// How many people are remembered; beyond that they are asked for again.
const MOST: usize = 10_000;

/// How long an account that was found stands for the runs that follow.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// How long it stands that nobody was found: the account may be made at any time.
const KEPT_ABSENT: Duration = Duration::from_secs(15 * 60);

/// The answers so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    known: HashMap<(Side, String), Account>,
    /// When the run began that asks (monotonic).
    now: Duration,
}

/// What is known of a person on the writing side.
#[derive(Clone, Debug)]
struct Account {
    /// Whom writes name; nobody when there is no such account and no stand-in.
    identity: Option<Identity>,
    ground: Ground,
    since: Duration,
}

/// What an account is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    /// The person was taken at the word.
    Word,
    /// The tracker was asked, and knows the person.
    Answer,
    /// The tracker does not know the person; the stand-in was taken at the word.
    AbsentByWord,
    /// The tracker does not know the person, and knows the stand-in or has none.
    Absent,
}

/// Whether the tracker must be asked about somebody whom it would judge by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// A preview, or a pair made by hand, sends no write that could be refused.
    Always,
    /// Only where a write may not name somebody unasked.
    WhereNeeded,
}

/// Accounts that earlier runs of this process found, by configuration and the version of its rules.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    found: Mutex<HashMap<ConfigId, (i64, People)>>,
}

impl Accounts {
    /// What is remembered for a run that begins at `now` (monotonic).
    pub(crate) fn of(&self, config: &SyncConfig, now: Duration) -> People {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match found.get(&config.id) {
            Some((version, people)) if *version == config.version => &people.known,
            _ => return People { now, ..People::default() },
        };
        let stands = |account: &Account| {
            let kept = if account.identity.is_some() { KEPT } else { KEPT_ABSENT };
            now.saturating_sub(account.since) < kept
        };
        let known = known.iter().filter(|(_, account)| stands(account));
        People { known: known.map(|(name, one)| (name.clone(), one.clone())).collect(), now }
    }

    /// Remembers whom a run found, and whom it did not.
    pub(crate) fn keep(&self, config: &SyncConfig, people: People) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(config.id, (config.version, people));
    }
}

/// Puts accounts of the writing side in place of the people that the rules named.
///
/// A person whom nobody finds is replaced by the stand-in; without one the field is left alone. A field whose value the
/// copy has already is passed over.
pub(crate) async fn resolve(
    people: &mut People,
    pass: &Pass,
    opens: &mut [Open],
    asking: Asking,
) -> Result<(), Stop> {
    let mut wanted: BTreeMap<String, Identity> = BTreeMap::new();
    for open in opens.iter_mut() {
        set_apart(pass, open, asking);
        for who in open.people.values().flat_map(persons) {
            wanted.insert(name_of(&who), who);
        }
    }
    wanted.retain(|name, _| !people.known.contains_key(&(pass.write, name.clone())));
    if people.known.len().saturating_add(wanted.len()) > MOST {
        people.known.clear();
    }
    ask(people, pass, wanted, asking).await?;
    for open in opens.iter_mut() {
        replace_all(people, pass, open);
    }
    Ok(())
}

/// Asks for the person for whom the tracker refused a write. True when the item is to be planned anew; otherwise the
/// refusal is about something else.
pub(crate) async fn ask_after_refusal(
    people: &mut People,
    pass: &Pass,
    open: &mut Open,
    error: &ConnectorError,
) -> Result<bool, Stop> {
    let Some(field) = blamed(open, error) else { return Ok(false) };
    let used = open.mapped.fields.get(&field).cloned();
    // Another item may have been refused for the same person before.
    name_again(people, pass, open);
    if open.mapped.fields.get(&field) != used.as_ref() {
        return Ok(true);
    }
    let named = open.people.get(&field).map(persons).unwrap_or_default();
    let named: BTreeMap<String, Identity> =
        named.into_iter().map(|who| (name_of(&who), who)).collect();
    let by_word = |name: &str| {
        matches!(people.ground(pass, name), None | Some(Ground::Word | Ground::AbsentByWord))
    };
    let doubtful = named.iter().filter(|(name, _)| by_word(name));
    let doubtful = doubtful.map(|(name, who)| (name.clone(), who.clone())).collect();
    look_up(people, pass, doubtful, Asking::WhereNeeded).await?;
    if named.keys().all(|name| people.ground(pass, name) == Some(Ground::Answer)) {
        return Ok(false);
    }
    name_again(people, pass, open);
    Ok(open.mapped.fields.get(&field) != used.as_ref())
}

/// Puts accounts in place of an item's people once more.
fn name_again(people: &People, pass: &Pass, open: &mut Open) {
    for (field, value) in &open.people {
        open.mapped.fields.insert(field.clone(), value.clone());
    }
    let named_again = |warning: &MapWarning| open.people.contains_key(&warning.field);
    open.mapped.warnings.retain(|warning| !named_again(warning));
    replace_all(people, pass, open);
}

/// The field with a person for which a write was refused.
fn blamed(open: &Open, error: &ConnectorError) -> Option<FieldRef> {
    if error.kind != ErrorKind::Invalid {
        return None;
    }
    if let Some(field) = &error.field {
        return open.people.contains_key(field).then(|| field.clone());
    }
    let is_told = |who: &Identity| {
        [&who.email, &who.login, &who.name]
            .into_iter()
            .flatten()
            .any(|text| !text.trim().is_empty() && error.detail.contains(text.as_str()))
    };
    let mut fields = open.people.keys();
    fields
        .find(|field| {
            let used = open.mapped.fields.get(field).map(persons).unwrap_or_default();
            used.iter().any(is_told)
        })
        .cloned()
}

/// Takes the people of an item out of its values, and passes over those whom the copy has already.
fn set_apart(pass: &Pass, open: &mut Open, asking: Asking) {
    let Some(rules) = pass.rules_between(&open.item.type_ref, &open.mapped.type_ref) else {
        return;
    };
    for written in rules.written().iter().filter(|written| written.is_identity()) {
        if asking == Asking::WhereNeeded && is_settled(pass, rules, open, written) {
            open.mapped.fields.remove(&written.field);
        } else if let Some(value) = open.mapped.fields.get(&written.field)
            && !value.is_null()
        {
            open.people.insert(written.field.clone(), value.clone());
        }
    }
}

/// Whether the copy has a person for this field and nobody changed the original's.
fn is_settled(pass: &Pass, rules: &CompiledPair, open: &Open, written: &WrittenField) -> bool {
    let Some(memory) = &open.memory else { return false };
    let has_one = memory.base(pass.write, &written.field).is_some_and(|base| !base.is_null());
    has_one
        && memory.conflicts.is_empty()
        && !rules_moved(pass)
        && !pass.is_open_ended(written)
        && written
            .sources
            .iter()
            .all(|field| !input_changed(pass, rules, &open.item, memory, field))
}

async fn ask(
    people: &mut People,
    pass: &Pass,
    wanted: BTreeMap<String, Identity>,
    asking: Asking,
) -> Result<(), Stop> {
    let mut doubtful = BTreeMap::new();
    for (name, who) in wanted {
        let named = match asking {
            Asking::WhereNeeded => pass.writer.named_unasked(&who),
            Asking::Always => None,
        };
        match named {
            Some(named) => people.remember(pass, name, Some(named), Ground::Word),
            None => drop(doubtful.insert(name, who)),
        }
    }
    look_up(people, pass, doubtful, asking).await
}

/// Asks the tracker for these people; for those whom it does not know, for the stand-in.
async fn look_up(
    people: &mut People,
    pass: &Pass,
    wanted: BTreeMap<String, Identity>,
    asking: Asking,
) -> Result<(), Stop> {
    let mut answers = stream::iter(wanted)
        .map(|(name, who)| async move {
            let found = match pass.writer.resolve_identity(&who).await {
                Ok(None) => stand_in(pass, asking).await,
                answer => answer.map(|found| (found, Ground::Answer)),
            };
            (name, found)
        })
        .buffer_unordered(pass.concurrency());
    while let Some((name, found)) = answers.next().await {
        let (found, ground) = match found {
            Ok(found) => found,
            Err(error) if error.kind.stops_run() => {
                return Err(Stop::Connector { side: pass.write, error });
            }
            Err(error) => {
                log::warn!(side = pass.write.as_str(); "a person could not be looked up: {error}");
                (None, Ground::Absent)
            }
        };
        people.remember(pass, name, found, ground);
    }
    Ok(())
}

/// Who is named in place of somebody unknown.
async fn stand_in(
    pass: &Pass,
    asking: Asking,
) -> Result<(Option<Identity>, Ground), ConnectorError> {
    let Some(stand_in) = pass.plan.identity_default() else { return Ok((None, Ground::Absent)) };
    match pass.writer.named_unasked(stand_in).filter(|_| asking == Asking::WhereNeeded) {
        Some(named) => Ok((Some(named), Ground::AbsentByWord)),
        None => Ok((pass.writer.resolve_identity(stand_in).await?, Ground::Absent)),
    }
}

impl People {
    fn ground(&self, pass: &Pass, name: &str) -> Option<Ground> {
        self.known.get(&(pass.write, name.to_owned())).map(|account| account.ground)
    }

    fn remember(&mut self, pass: &Pass, name: String, identity: Option<Identity>, ground: Ground) {
        let account = Account { identity, ground, since: self.now };
        self.known.insert((pass.write, name), account);
    }
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

fn replace_all(people: &People, pass: &Pass, open: &mut Open) {
    for field in open.people.keys() {
        replace(people, pass, &mut open.mapped, field);
    }
}

fn replace(people: &People, pass: &Pass, mapped: &mut Mapped, field: &FieldRef) {
    let found = |value: &Value| {
        let who = Identity::from_value(value)?;
        let known = people.known.get(&(pass.write, name_of(&who)))?;
        known.identity.as_ref().map(Identity::to_value)
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
