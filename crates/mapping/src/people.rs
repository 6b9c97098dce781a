//! Who is who on the two sides, as far as it can be said without asking a tracker.

use std::collections::HashMap;

use syncline_domain::{Identity, Side, UserMap, UserMatch};

/// A user map, turned to the side that is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    by_hand: HashMap<String, Identity>,
    order: Vec<UserMatch>,
    stand_in: Option<Identity>,
}

impl People {
    pub(crate) fn compile(map: &UserMap, read_side: Side) -> Self {
        let mut by_hand = HashMap::new();
        for entry in &map.entries {
            let (read, written) = match read_side {
                Side::Source => (&entry.source, &entry.target),
                Side::Target => (&entry.target, &entry.source),
            };
            if let Some(who) = somebody(written) {
                by_hand.entry(key(read)).or_insert(who);
            }
        }
        let order = if map.by.is_empty() {
            vec![UserMatch::Email, UserMatch::Login, UserMatch::Name]
        } else {
            map.by.clone()
        };
        Self {
            by_hand,
            order,
            // The stand-in is an account of the target; nothing is known about one on the source.
            stand_in: match read_side {
                Side::Source => map.default.as_deref().and_then(somebody),
                Side::Target => None,
            },
        }
    }

    /// By what the writing side looks people up, best first.
    pub(crate) fn order(&self) -> &[UserMatch] {
        &self.order
    }

    /// Who stands in for people nobody finds.
    pub(crate) const fn stand_in(&self) -> Option<&Identity> {
        self.stand_in.as_ref()
    }

    /// Whom the writing side should look for: the person named by hand, else what the map allows to look by, else the
    /// stand-in. `None` when there is nothing to look by.
    pub(crate) fn wanted(&self, read: &Identity) -> Option<Identity> {
        self.named_by_hand(read)
            .cloned()
            .or_else(|| self.hints(read))
            .or_else(|| self.stand_in.clone())
    }

    fn named_by_hand(&self, read: &Identity) -> Option<&Identity> {
        if self.by_hand.is_empty() {
            return None;
        }
        [&read.email, &read.login, &read.name, &read.id]
            .into_iter()
            .flatten()
            .find_map(|text| self.by_hand.get(&key(text)))
    }

    /// The reading side's own id means nothing on the other side and is left out.
    fn hints(&self, read: &Identity) -> Option<Identity> {
        let allowed = |by: UserMatch, part: &Option<String>| {
            part.as_ref()
                .filter(|text| self.order.contains(&by) && !text.trim().is_empty())
                .cloned()
        };
        let who = Identity {
            id: None,
            name: allowed(UserMatch::Name, &read.name),
            email: allowed(UserMatch::Email, &read.email),
            login: allowed(UserMatch::Login, &read.login),
        };
        who.key().map(|_| who)
    }
}

/// A person written by hand: an address, or a text that may be a sign-in name or a shown name.
pub(crate) fn somebody(text: &str) -> Option<Identity> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(if text.contains('@') {
        Identity {
            email: Some(text.to_owned()),
            login: Some(text.to_owned()),
            ..Identity::default()
        }
    } else {
        Identity {
            login: Some(text.to_owned()),
            name: Some(text.to_owned()),
            ..Identity::default()
        }
    })
}

fn key(text: &str) -> String {
    text.trim().to_lowercase()
}
