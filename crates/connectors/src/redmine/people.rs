//! Accounts: issues show only ids and names of people; addresses and sign-in names are looked up and kept for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::lock::Mutex;
use syncline_domain::Identity;
use syncline_domain::ports::{ConnectorError, ErrorKind};

use super::requests::{Api, segment};
use super::wire::{Memberships, Named, OneUser, User, Users};

/// How long what is known of people is believed.
const FRESH: Duration = Duration::from_secs(900);
/// Accounts an administrator reads at once; larger servers are asked by name.
const MOST_ACCOUNTS: usize = 2_000;
/// Members whose addresses are looked up one by one.
const MOST_MEMBERS: usize = 300;
const PAGE: usize = 100;

/// What is known beyond id and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    name: Option<String>,
    login: Option<String>,
    email: Option<String>,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct People(Mutex<Known>);

#[derive(Default)]
struct Known {
    at: Duration,
    /// Whether an administrator's list was read: `None` when not tried yet.
    bulk: Option<Bulk>,
    accounts: BTreeMap<u64, Account>,
    members: Option<Vec<Named>>,
    me: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bulk {
    /// All accounts are known.
    Whole,
    /// There are more than we read.
    Partial,
    /// We are no administrator.
    Refused,
}

/// Accounts by id, for the conversion of issues.
pub(super) type Accounts = BTreeMap<u64, Account>;

/// The account we act as.
pub(super) async fn current(api: &Api, include: &str) -> Result<User, ConnectorError> {
    let one: OneUser = api.get("users/current.json", &[("include", include)]).await?;
    Ok(one.user)
}

/// What is known of these people; those who are hidden from us are absent.
pub(super) async fn accounts(api: &Api, ids: &BTreeSet<u64>) -> Result<Accounts, ConnectorError> {
    if ids.is_empty() {
        return Ok(Accounts::new());
    }
    let mut known = known(api).await;
    if ids.iter().any(|id| !known.accounts.contains_key(id)) {
        bulk(api, &mut known).await?;
    }
    for id in ids {
        look_up(api, &mut known, *id).await?;
    }
    let some = ids.iter().filter_map(|id| Some((*id, known.accounts.get(id)?.clone())));
    Ok(some.collect())
}

/// A person as an issue names him, with what else is known.
pub(super) fn identity(named: &Named, accounts: &Accounts) -> Identity {
    let account = accounts.get(&named.id).cloned().unwrap_or_default();
    Identity {
        id: Some(named.id.to_string()),
        name: Some(named.name.clone()).filter(|name| !name.is_empty()).or(account.name),
        email: account.email,
        login: account.login,
    }
}

/// An account as a person.
pub(super) fn of_user(user: &User) -> Identity {
    let account = account(user);
    Identity {
        id: Some(user.id.to_string()),
        name: account.name,
        email: account.email,
        login: account.login,
    }
}

/// The account meant by what another tracker knows of a person: by address, then sign-in name, then shown name.
///
/// Two accounts that fit equally well are none.
pub(super) async fn resolve(api: &Api, who: &Identity) -> Result<Option<Identity>, ConnectorError> {
    if let Some(found) = called_so(api, who).await? {
        return Ok(Some(found));
    }
    let candidates = candidates(api).await?;
    if let Some(found) = pick(&candidates, who) {
        return Ok(Some(found));
    }
    let is_partial = known(api).await.bulk == Some(Bulk::Partial);
    if !is_partial {
        return Ok(None);
    }
    for word in [&who.email, &who.login, &who.name].into_iter().flatten() {
        let users: Users = api.get("users.json", &[("name", word), ("limit", "100")]).await?;
        let some: Vec<Identity> = users.users.iter().map(of_user).collect();
        if let Some(found) = pick(&some, who) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The id of the account that an identity means on this server.
///
/// An id alone is believed; an id that comes with other marks is believed only when they fit, since it may be that of
/// another server.
pub(super) async fn id_of(api: &Api, who: &Identity) -> Result<Option<u64>, ConnectorError> {
    let id: Option<u64> = who.id.as_deref().and_then(|id| id.parse().ok());
    let has_more = who.name.is_some() || who.email.is_some() || who.login.is_some();
    if !has_more {
        return Ok(id);
    }
    let candidates = candidates(api).await?;
    let fits = |one: &&Identity| {
        one.id.as_deref() == who.id.as_deref()
            && (alike(&one.email, &who.email)
                || alike(&one.login, &who.login)
                || alike(&one.name, &who.name))
    };
    if id.is_some() && candidates.iter().any(|one| fits(&one)) {
        return Ok(id);
    }
    let found = resolve(api, who).await?;
    Ok(found.and_then(|found| found.id).and_then(|id| id.parse().ok()))
}

fn pick(candidates: &[Identity], who: &Identity) -> Option<Identity> {
    let by = |same: &dyn Fn(&Identity) -> bool| {
        let mut hits = candidates.iter().filter(|one| same(one));
        let first = hits.next()?;
        hits.all(|other| other.id == first.id).then(|| first.clone())
    };
    by(&|one| alike(&one.email, &who.email))
        .or_else(|| by(&|one| alike(&one.login, &who.login)))
        .or_else(|| by(&|one| alike(&one.name, &who.name)))
}

fn alike(one: &Option<String>, other: &Option<String>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            !one.trim().is_empty() && one.trim().to_lowercase() == other.trim().to_lowercase()
        }
        _ => false,
    }
}

/// The member who is called so and has the same address or sign-in name. Where each account is a request of its own, he
/// is asked for before all the others are.
async fn called_so(api: &Api, who: &Identity) -> Result<Option<Identity>, ConnectorError> {
    let mut known = known(api).await;
    bulk(api, &mut known).await?;
    if known.bulk != Some(Bulk::Refused) {
        return Ok(None);
    }
    members(api, &mut known).await?;
    let members = known.members.clone().unwrap_or_default();
    for member in members.iter().filter(|one| alike(&Some(one.name.clone()), &who.name)) {
        look_up(api, &mut known, member.id).await?;
        let found = identity(member, &known.accounts);
        if alike(&found.email, &who.email) || alike(&found.login, &who.login) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Everybody whom an issue could be given to, as far as we see.
async fn candidates(api: &Api) -> Result<Vec<Identity>, ConnectorError> {
    let mut known = known(api).await;
    bulk(api, &mut known).await?;
    members(api, &mut known).await?;
    if known.me.is_none() && known.bulk != Some(Bulk::Whole) {
        let me = current(api, "").await?;
        known.accounts.insert(me.id, account(&me));
        known.me = Some(me.id);
    }
    let members = known.members.clone().unwrap_or_default();
    if known.bulk == Some(Bulk::Refused) {
        for member in members.iter().take(MOST_MEMBERS) {
            look_up(api, &mut known, member.id).await?;
        }
    }
    let mut all: BTreeMap<u64, Identity> =
        members.iter().map(|member| (member.id, identity(member, &known.accounts))).collect();
    for (id, account) in &known.accounts {
        let named = Named { id: *id, ..Named::default() };
        if *account != Account::default() {
            all.entry(*id).or_insert_with(|| identity(&named, &known.accounts));
        }
    }
    Ok(all.into_values().collect())
}

async fn known(api: &Api) -> futures_util::lock::MutexGuard<'_, Known> {
    let mut known = api.people.0.lock().await;
    let now = api.clock.monotonic();
    if now.saturating_sub(known.at) >= FRESH {
        *known = Known { at: now, ..Known::default() };
    }
    known
}

/// Reads all accounts once, if we are an administrator.
async fn bulk(api: &Api, known: &mut Known) -> Result<(), ConnectorError> {
    if known.bulk.is_some() {
        return Ok(());
    }
    let mut read = 0_usize;
    loop {
        let (offset, limit) = (read.to_string(), PAGE.to_string());
        let params = [("offset", offset.as_str()), ("limit", limit.as_str())];
        let page: Users = match api.get("users.json", &params).await {
            Ok(page) => page,
            Err(error) if matches!(error.kind, ErrorKind::Permission | ErrorKind::NotFound) => {
                known.bulk = Some(Bulk::Refused);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let is_last = page.users.is_empty();
        read = read.saturating_add(page.users.len());
        known.accounts.extend(page.users.iter().map(|user| (user.id, account(user))));
        if is_last || u64::try_from(read).is_ok_and(|read| read >= page.total_count) {
            known.bulk = Some(Bulk::Whole);
            return Ok(());
        }
        if read >= MOST_ACCOUNTS {
            known.bulk = Some(Bulk::Partial);
            return Ok(());
        }
    }
}

/// Reads one account unless it is known; groups and hidden accounts are known as empty.
async fn look_up(api: &Api, known: &mut Known, id: u64) -> Result<(), ConnectorError> {
    if known.accounts.contains_key(&id) {
        return Ok(());
    }
    let account = match api.get::<OneUser>(&format!("users/{id}.json"), &[]).await {
        Ok(one) => account(&one.user),
        Err(error) if matches!(error.kind, ErrorKind::Permission | ErrorKind::NotFound) => {
            Account::default()
        }
        Err(error) => return Err(error),
    };
    known.accounts.insert(id, account);
    Ok(())
}

async fn members(api: &Api, known: &mut Known) -> Result<(), ConnectorError> {
    let Some(project) = api.config.project.as_deref().filter(|_| known.members.is_none()) else {
        return Ok(());
    };
    known.members = Some(read_members(api, project).await?);
    Ok(())
}

/// People and groups of a project.
pub(super) async fn read_members(api: &Api, project: &str) -> Result<Vec<Named>, ConnectorError> {
    let path = format!("projects/{}/memberships.json", segment(project));
    let mut members = Vec::new();
    let mut read = 0_usize;
    while members.len() < MOST_ACCOUNTS {
        let (offset, limit) = (read.to_string(), PAGE.to_string());
        let params = [("offset", offset.as_str()), ("limit", limit.as_str())];
        let page: Memberships = match api.get(&path, &params).await {
            Ok(page) => page,
            Err(error) if matches!(error.kind, ErrorKind::Permission | ErrorKind::NotFound) => {
                break;
            }
            Err(error) => return Err(error),
        };
        let is_last = page.memberships.is_empty();
        read = read.saturating_add(page.memberships.len());
        members.extend(page.memberships.into_iter().filter_map(|one| one.user.or(one.group)));
        if is_last || u64::try_from(read).is_ok_and(|read| read >= page.total_count) {
            break;
        }
    }
    Ok(members)
}

fn account(user: &User) -> Account {
    let name = format!("{} {}", user.firstname, user.lastname).trim().to_owned();
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    Account {
        name: Some(name).filter(|name| !name.is_empty()),
        login: filled(&user.login),
        email: filled(&user.mail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, name: &str, email: &str, login: &str) -> Identity {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Identity { id: filled(id), name: filled(name), email: filled(email), login: filled(login) }
    }

    #[test]
    fn the_best_mark_decides_and_doubt_finds_nobody() {
        let all = [
            person("1", "Ada L.", "ada@example.org", "ada"),
            person("2", "Bob", "", "bob"),
            person("3", "Bob", "bob@example.org", "bob2"),
        ];
        for (who, id) in [
            (person("9", "Bob", "ADA@example.org", ""), Some("1")),
            (person("", "x", "", "Bob2"), Some("3")),
            (person("", "ada l.", "", ""), Some("1")),
            (person("", "Bob", "", ""), None),
            (person("2", "", "", ""), None),
        ] {
            let found = pick(&all, &who).and_then(|found| found.id);
            assert_eq!(found.as_deref(), id, "{who:?}");
        }
    }
}
