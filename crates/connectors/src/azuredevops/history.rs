//! What our own account changed of an item, out of its updates.

use syncline_domain::ports::{ConnectorError, OwnChange};
use syncline_domain::{FieldRef, Identity, STATUS_REF};

use super::convert::{STATE, field_value, person};
use super::requests::{Api, UPDATES};
use super::wire::WireUpdate;

/// More pages than an item can have updates for; a server that never ends is left there.
const MOST_PAGES: usize = 1_000;

/// What `me` changed after a revision; `None` when somebody changed the item then whom nothing tells from us.
pub(super) async fn own_changes(
    api: &Api,
    me: &Identity,
    id: u64,
    after: u64,
) -> Result<Option<Vec<OwnChange>>, ConnectorError> {
    let mut own = Vec::new();
    for page in 0..MOST_PAGES {
        let updates = api.updates(id, page.saturating_mul(UPDATES)).await?;
        let is_last = updates.len() < UPDATES;
        for update in updates.into_iter().filter(|update| update.rev > after) {
            match is_same(me, person(&update.revised_by).as_ref()) {
                Some(true) => own.push(change(update)),
                Some(false) => {}
                None => return Ok(None),
            }
        }
        if is_last {
            break;
        }
    }
    Ok(Some(own))
}

/// Whether two accounts are one: by their ids, else by their names for signing in; `None` when they share neither.
fn is_same(me: &Identity, other: Option<&Identity>) -> Option<bool> {
    let other = other?;
    if let (Some(mine), Some(id)) = (&me.id, &other.id)
        && mine.eq_ignore_ascii_case(id)
    {
        return Some(true);
    }
    let (mine, login) = (me.login.as_ref()?, other.login.as_ref()?);
    Some(mine.to_lowercase() == login.to_lowercase())
}

fn change(update: WireUpdate) -> OwnChange {
    let mut all = OwnChange::new();
    for (name, change) in update.fields {
        let value = field_value(&name, &change.new_value);
        if name == STATE {
            all.insert(STATUS_REF.into(), Some(value.clone()));
        }
        all.insert(FieldRef::from(name.as_str()), Some(value));
    }
    all
}
