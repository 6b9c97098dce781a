//! Reading what people send about notifications.

use secrecy::SecretString;
use serde_json::{Map, Value};
use syncline_domain::{ChannelKind, FieldFault, NotificationEvent, StoredRecipient};

use super::{Address, RecipientRules};
use crate::input::{Body, kind_of};

/// One setting notifies at most this many recipients.
const RECIPIENTS_MAX: usize = 50;
/// The longest address.
const ADDRESS_MAX: usize = 2_000;

/// A recipient as it will be kept.
pub(super) enum Kept {
    /// One that was there already.
    Old(StoredRecipient),
    /// One to be sealed where it is a secret.
    New(Address),
}

impl Kept {
    fn hash(&self) -> &str {
        match self {
            Self::Old(old) => &old.hash,
            Self::New(new) => &new.hash,
        }
    }
}

/// Settings of a channel: what is shown, and its secret, which is not. `Some(None)` takes the secret away.
#[derive(Default)]
pub(super) struct ChannelSettings {
    /// All of it, as it came, for the rules only.
    pub(super) given: Map<String, Value>,
    pub(super) shown: Option<Map<String, Value>>,
    pub(super) secret: Option<Option<SecretString>>,
}

/// `event_triggers`: words, each once.
pub(super) fn events(body: &mut Body) -> Option<Vec<NotificationEvent>> {
    let parts = body.list("event_triggers")?;
    if parts.is_empty() {
        body.fault("event_triggers", "it is empty; name at least one event");
        return None;
    }
    let mut events: Vec<NotificationEvent> = Vec::new();
    for (index, part) in parts.iter().enumerate().take(NotificationEvent::ALL.len() * 4) {
        match part.as_str().map(str::parse::<NotificationEvent>) {
            Some(Ok(event)) if events.contains(&event) => {}
            Some(Ok(event)) => events.push(event),
            Some(Err(unknown)) => {
                body.fault(&format!("event_triggers/{index}"), unknown.to_string());
            }
            None => {
                let text = format!("this is {}; send a text", kind_of(part));
                body.fault(&format!("event_triggers/{index}"), text);
            }
        }
    }
    Some(events)
}

/// `settings`, its secret taken out.
pub(super) fn settings(body: &mut Body) -> ChannelSettings {
    let Some(given) = body.object("settings") else { return ChannelSettings::default() };
    let mut shown = given.clone();
    let secret = match shown.remove("secret") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(Value::String(text)) if text.len() <= ADDRESS_MAX => {
            Some((!text.is_empty()).then(|| SecretString::from(text)))
        }
        Some(other) => {
            let text = format!("this is {} or too long; send a short text", kind_of(&other));
            body.fault("settings/secret", text);
            None
        }
    };
    known_settings(body, &mut shown);
    if serde_json::to_string(&shown).map_or(0, |text| text.len()) > 10_000 {
        body.fault("settings", "it is larger than 10000 characters; shorten it");
    }
    ChannelSettings { given, shown: Some(shown), secret }
}

/// The settings that the notifier reads: a wrong one would be as good as none, and nobody would notice.
fn known_settings(body: &mut Body, shown: &mut Map<String, Value>) {
    if let Some(given) = shown.get("max_per_hour").filter(|given| !given.is_null())
        && !given.as_u64().is_some_and(|most| (1..=10_000).contains(&most))
    {
        body.fault("settings/max_per_hour", "use a whole number from 1 to 10000");
    }
    let only = shown.get("only_changes").filter(|given| !given.is_null());
    match only.map(|given| (given.as_bool(), given.as_i64())) {
        None | Some((Some(_), _)) => {}
        Some((None, Some(flag @ (0 | 1)))) => {
            shown.insert("only_changes".to_owned(), Value::Bool(flag == 1));
        }
        Some(_) => body.fault("settings/only_changes", "use true or false"),
    }
}

/// Faults of `settings` for requests that name no recipients.
pub(super) fn check_settings(
    body: &mut Body,
    rules: &dyn RecipientRules,
    kind: ChannelKind,
    settings: &ChannelSettings,
) {
    let faults = rules.check_settings(kind, &settings.given);
    body.faults_below("", faults);
}

/// `recipients`: texts, each address once. One that is written as it was shown stays the one that it was.
pub(super) fn recipients(
    body: &mut Body,
    rules: &dyn RecipientRules,
    kind: ChannelKind,
    settings: &ChannelSettings,
    old: &[StoredRecipient],
) -> Option<Vec<Kept>> {
    let texts = written(body)?;
    let whole = texts.iter().all(Option::is_some) && !texts.is_empty();
    let mut known: Vec<&StoredRecipient> = old.iter().filter(|one| one.sealed.is_some()).collect();
    let mut kept: Vec<Option<Kept>> = Vec::with_capacity(texts.len());
    let (mut fresh, mut places) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        match known.iter().position(|one| one.shown == *text) {
            Some(at) => kept.push(Some(Kept::Old(known.remove(at).clone()))),
            None => {
                kept.push(None);
                fresh.push(text.clone());
                places.push(index);
            }
        }
    }
    let faults = if fresh.is_empty() {
        rules.check_settings(kind, &settings.given)
    } else {
        rules.check(kind, &fresh, &settings.given)
    };
    let good = faults.is_empty();
    body.faults_below("", faults.into_iter().map(|fault| moved(fault, &places)).collect());
    if !whole || !good || !body.faults().is_empty() {
        return None;
    }
    let mut addresses = fresh.iter().map(|text| Kept::New(rules.address(kind, text)));
    let all = kept.into_iter().filter_map(|one| one.or_else(|| addresses.next()));
    Some(each_once(body, all.collect()))
}

/// Faults were found in the list of new recipients only: their places are those of the whole list.
fn moved(fault: FieldFault, places: &[usize]) -> FieldFault {
    let index = fault
        .path
        .trim_start_matches('/')
        .strip_prefix("recipients/")
        .and_then(|text| text.parse::<usize>().ok());
    match index.and_then(|index| places.get(index)) {
        Some(place) => FieldFault::new(format!("recipients/{place}"), fault.message),
        None => fault,
    }
}

fn each_once(body: &mut Body, all: Vec<Kept>) -> Vec<Kept> {
    let mut seen = std::collections::BTreeSet::new();
    let before = all.len();
    let once: Vec<Kept> =
        all.into_iter().filter(|one| seen.insert(one.hash().to_owned())).collect();
    if once.len() < before {
        body.warn("/recipients names an address twice; it is notified once");
    }
    once
}

/// The texts of `recipients`, checked for what no address may be.
pub(super) fn texts(body: &mut Body) -> Option<Vec<String>> {
    let texts: Option<Vec<String>> = written(body)?.into_iter().collect();
    texts.filter(|texts| !texts.is_empty())
}

/// One place for each of `recipients`, empty where it cannot be an address; all such faults are kept.
fn written(body: &mut Body) -> Option<Vec<Option<String>>> {
    let parts = body.list("recipients")?;
    if parts.is_empty() {
        body.fault("recipients", "it is empty; name at least one recipient");
    }
    if parts.len() > RECIPIENTS_MAX {
        let text = format!("it names more than {RECIPIENTS_MAX} recipients; use a second setting");
        body.fault("recipients", text);
        return None;
    }
    let mut texts = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let fault = match part {
            Value::String(text) if text.len() > ADDRESS_MAX => "it is too long; shorten it",
            Value::String(text) if text.chars().any(char::is_control) => {
                "it holds control characters; leave them out"
            }
            Value::String(text) if text.trim().is_empty() => "it is empty; leave it out",
            Value::String(text) => {
                texts.push(Some(text.trim().to_owned()));
                continue;
            }
            _ => "this is no text; send an address",
        };
        texts.push(None);
        body.fault(&format!("recipients/{index}"), fault);
    }
    Some(texts)
}
