//! The people of the sandboxes: the same in both trackers, so that user mapping has work to do.

use super::text::guid;

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The name that is shown.
    pub(crate) name: String,
    /// Mail address, which is the account's unique name, too.
    pub(crate) mail: String,
    /// A stable GUID.
    pub(crate) guid: String,
    /// Whether tickets can be assigned to this account as to a technician.
    pub(crate) technician: bool,
}

impl Person {
    fn new(name: &str, mail: &str, technician: bool) -> Self {
        Self { name: name.into(), mail: mail.into(), guid: guid(mail), technician }
    }

    /// `Name <mail>`: how both trackers' texts name a person.
    pub(crate) fn long_name(&self) -> String {
        format!("{} <{}>", self.name, self.mail)
    }
}

/// The number of the account that API callers act as.
pub(crate) const SERVICE: u32 = 0;

/// All accounts; the position is the number that records refer to.
pub(crate) struct People(Vec<Person>);

impl People {
    pub(crate) fn seeded() -> Self {
        Self(vec![
            Person::new("Sync Service", "sync@demo.example", true),
            Person::new("Ana Sousa", "ana.sousa@demo.example", true),
            Person::new("Bernd Köhler", "bernd.koehler@demo.example", true),
            Person::new("Chiara Rossi", "chiara.rossi@demo.example", true),
            Person::new("Dmytro Shevchenko", "dmytro.shevchenko@demo.example", true),
            Person::new("Elif Yılmaz", "elif.yilmaz@demo.example", true),
            Person::new("Fatima Zahra", "fatima.zahra@demo.example", false),
            Person::new("Grace O'Neill", "grace.oneill@demo.example", false),
            Person::new("田中 宏", "hiroshi.tanaka@demo.example", false),
        ])
    }

    pub(crate) fn get(&self, no: u32) -> Option<&Person> {
        self.0.get(usize::try_from(no).ok()?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Person)> {
        (0u32..).zip(self.0.iter())
    }

    /// Finds an account by mail, by `Name <mail>`, by id or by name; a name must be unique.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let text = text.trim();
        let mail = match (text.rfind('<'), text.strip_suffix('>')) {
            (Some(open), Some(closed)) => closed.get(open..).unwrap_or("").trim_start_matches('<'),
            _ => text,
        };
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        if let Some((no, _)) = self.iter().find(|(_, p)| same(&p.mail, mail) || p.guid == mail) {
            return Some(no);
        }
        let mut named = self.iter().filter(|(_, p)| same(&p.name, text));
        match (named.next(), named.next()) {
            (Some((no, _)), None) => Some(no),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_found_by_what_callers_send() {
        let people = People::seeded();
        for text in [
            "ana.sousa@demo.example",
            "ANA.SOUSA@demo.example",
            "Ana Sousa",
            "x <ana.sousa@demo.example>",
        ] {
            assert_eq!(people.find(text), Some(1), "{text}");
        }
        assert_eq!(people.find("nobody@demo.example"), None);
        assert_eq!(people.find(""), None);
    }
}
