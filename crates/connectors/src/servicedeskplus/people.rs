//! Accounts. The lists of technicians and requesters are short on most portals: the first page of each is read once,
//! and answers for everybody; only a list that goes on is asked for people one by one.

use futures_util::lock::Mutex;
use serde_json::{Value, json};
use syncline_domain::Identity;
use syncline_domain::ports::{ConnectorError, ErrorKind};

use super::convert::person;
use super::requests::{Api, ROWS};

/// Technicians first, since only they can be given work.
const LISTS: [&str; 2] = ["technicians", "users"];

/// The lists as far as they were read.
#[derive(Default)]
pub(super) struct Directory(Mutex<[Option<List>; 2]>);

/// A list of accounts, or its first page.
#[derive(Clone)]
struct List {
    people: Vec<Identity>,
    is_whole: bool,
}

impl List {
    /// Not every build lets a technician look others up; the product itself judges the address then.
    const fn hidden() -> Self {
        Self { people: Vec::new(), is_whole: true }
    }

    /// The one person who is meant; of two with one name nobody can say which.
    fn only(&self, mark: &Mark<'_>) -> Option<Identity> {
        let mut hits = self.people.iter().filter(|one| mark.fits(one));
        hits.next().filter(|_| hits.next().is_none()).cloned()
    }
}

/// By what somebody is looked for.
#[derive(Clone, Copy)]
enum Mark<'a> {
    Email(&'a str),
    Name(&'a str),
}

impl<'a> Mark<'a> {
    /// The address, which names a person best, else the name.
    fn of(who: &'a Identity) -> Option<Self> {
        match (&who.email, &who.name) {
            (Some(email), _) => Some(Self::Email(email.trim())),
            (None, Some(name)) => Some(Self::Name(name.trim())),
            (None, None) => None,
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Email(_) => "email_id",
            Self::Name(_) => "name",
        }
    }

    const fn text(self) -> &'a str {
        match self {
            Self::Email(text) | Self::Name(text) => text,
        }
    }

    fn fits(self, who: &Identity) -> bool {
        let have = match self {
            Self::Email(_) => &who.email,
            Self::Name(_) => &who.name,
        };
        have.as_ref().is_some_and(|have| have.trim().to_lowercase() == self.text().to_lowercase())
    }
}

impl Directory {
    /// The account that is meant, by address or by name.
    pub(super) async fn account(
        &self,
        api: &Api,
        who: &Identity,
    ) -> Result<Option<Identity>, ConnectorError> {
        let Some(mark) = Mark::of(who) else { return Ok(None) };
        for (at, path) in LISTS.into_iter().enumerate() {
            let list = self.list(api, at, path).await?;
            // An address is one person's; whether a name is, the whole list tells.
            let is_enough = list.is_whole || matches!(mark, Mark::Email(_));
            let mut found = list.only(&mark).filter(|_| is_enough);
            if found.is_none() && !list.is_whole {
                let search = json!({ mark.field(): mark.text() });
                found = read(api, path, Some(search)).await?.only(&mark);
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A list, read when it is first needed: whoever comes meanwhile waits for it.
    async fn list(&self, api: &Api, at: usize, path: &str) -> Result<List, ConnectorError> {
        let mut known = self.0.lock().await;
        if let Some(Some(list)) = known.get(at) {
            return Ok(list.clone());
        }
        let list = read(api, path, None).await?;
        if let Some(slot) = known.get_mut(at) {
            *slot = Some(list.clone());
        }
        Ok(list)
    }
}

async fn read(api: &Api, path: &str, search: Option<Value>) -> Result<List, ConnectorError> {
    let mut info = json!({ "row_count": ROWS, "start_index": 1 });
    if let (Some(search), Some(info)) = (search, info.as_object_mut()) {
        info.insert("search_fields".to_owned(), search);
    }
    let mut answer = match api.list(path, info).await {
        Ok(answer) => answer,
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Permission) => {
            return Ok(List::hidden());
        }
        Err(error) => return Err(error),
    };
    let has_more = answer.has_more();
    let rows = answer.rows(path);
    // Not every build says whether there is more.
    let is_whole = !has_more && rows.len() < ROWS;
    let people = rows.into_iter().filter_map(|row| person(&Value::Object(row))).collect();
    Ok(List { people, is_whole })
}
