//! A compact row: field numbers and values, sorted, cheap to clone.
//!
//! A hundred thousand tickets stay small because texts are shared and people and lookups are
//! numbers; JSON is made only for what a request asks for.

use std::sync::Arc;

/// One value of one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Val {
    /// A yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Num(f64),
    /// Text of any format.
    Text(Arc<str>),
    /// An instant in milliseconds since the epoch.
    Time(i64),
    /// The number of a person or of a lookup row; the field says which.
    Ref(u32),
}

impl Val {
    /// A text value.
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    /// The text, if this is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The instant in milliseconds, if this is one.
    pub(crate) fn as_time(&self) -> Option<i64> {
        match self {
            Self::Time(at) => Some(*at),
            _ => None,
        }
    }

    /// The reference, if this is one.
    pub(crate) fn as_ref_no(&self) -> Option<u32> {
        match self {
            Self::Ref(number) => Some(*number),
            _ => None,
        }
    }
}

/// The set fields of one ticket, sorted by field number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Vec<(u16, Val)>);

impl Record {
    /// The value of a field, if set.
    pub(crate) fn get(&self, field: u16) -> Option<&Val> {
        let at = self.0.binary_search_by_key(&field, |(no, _)| *no).ok()?;
        self.0.get(at).map(|(_, val)| val)
    }

    /// Sets or clears a field and hands back what was there.
    pub(crate) fn put(&mut self, field: u16, val: Option<Val>) -> Option<Val> {
        match (self.0.binary_search_by_key(&field, |(no, _)| *no), val) {
            (Ok(at), Some(val)) => {
                self.0.get_mut(at).map(|slot| std::mem::replace(&mut slot.1, val))
            }
            (Ok(at), None) => Some(self.0.remove(at).1),
            (Err(at), Some(val)) => {
                self.0.insert(at, (field, val));
                None
            }
            (Err(_), None) => None,
        }
    }

    /// All set fields in field order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Val)> {
        self.0.iter().map(|(no, val)| (*no, val))
    }

    /// Gives back spare room.
    pub(crate) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn put_gives_back_the_old_value_so_that_it_can_be_undone() {
        let mut record = Record::default();
        assert_eq!(record.put(7, Some(Val::Int(1))), None);
        assert_eq!(record.put(3, Some(Val::text("a"))), None);
        assert_eq!(record.put(7, Some(Val::Int(2))), Some(Val::Int(1)));
        assert_eq!(record.put(7, None), Some(Val::Int(2)));
        assert_eq!(record.get(7), None);
        assert_eq!(record.iter().map(|(no, _)| no).collect::<Vec<_>>(), [3]);
    }
}
