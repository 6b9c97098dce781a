//! Runs a plan over the store.

use std::cmp::Ordering;

use super::compile::{Compare, Plan, Test};
use crate::azure::fields as f;
use crate::azure::model::Item;
use crate::azure::present::any_value;
use crate::azure::store::Store;
use crate::shared::record::Val;

/// Which items a query may see at all.
pub(crate) struct Sight {
    /// Items created after this, in milliseconds, are not in the index yet.
    pub(crate) indexed_until: i64,
    /// The caller looks at no more ids than this.
    pub(crate) most: usize,
}

/// The ids that match, in the wished order: at least the first `most` of them.
pub(crate) fn run(store: &Store, plan: &Plan, sight: &Sight) -> Vec<u32> {
    let by_id = match plan.order.as_slice() {
        [] => true,
        [(field, false)] => field.no == f::ID,
        _ => false,
    };
    let hits = |item: &&Item| hit(store, plan, sight, item);
    let mut found: Vec<u32> = match plan.changed_from {
        Some(from) if plan.first_id == 0 => {
            let mut ids: Vec<u32> =
                store.changed_since(from).filter(hits).map(|item| item.id).collect();
            ids.sort_unstable();
            ids
        }
        _ => {
            let most = if by_id { sight.most } else { usize::MAX };
            store.starting_at(plan.first_id).filter(hits).map(|item| item.id).take(most).collect()
        }
    };
    if !by_id {
        sort(store, plan, &mut found);
    }
    found
}

fn sort(store: &Store, plan: &Plan, found: &mut [u32]) {
    found.sort_by(|a, b| {
        let (Some(a), Some(b)) = (store.any(*a), store.any(*b)) else { return Ordering::Equal };
        for (field, descends) in &plan.order {
            let order = order(
                any_value(store, a, field.no).as_ref(),
                any_value(store, b, field.no).as_ref(),
            );
            let order = if *descends { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        a.id.cmp(&b.id)
    });
}

fn hit(store: &Store, plan: &Plan, sight: &Sight, item: &Item) -> bool {
    if item.deleted.is_some()
        || item.created_at() > sight.indexed_until
        || store.forbidden.contains(&item.id)
    {
        return false;
    }
    match plan.as_of {
        None => holds(store, &plan.test, item),
        Some(at) => item.at_time(at).is_some_and(|past| holds(store, &plan.test, &past)),
    }
}

/// Whether an item meets a condition.
pub(crate) fn holds(store: &Store, test: &Test, item: &Item) -> bool {
    match test {
        Test::Always => true,
        Test::All(list) => list.iter().all(|one| holds(store, one, item)),
        Test::Any(list) => list.iter().any(|one| holds(store, one, item)),
        Test::Not(inner) => !holds(store, inner, item),
        Test::Empty(no) => any_value(store, item, *no).is_none(),
        Test::Number(no, compare, wanted) => number(store, item, *no)
            .is_some_and(|had| had.partial_cmp(wanted).is_some_and(|order| meets(*compare, order))),
        Test::Time(no, compare, low, high) => {
            let at = match *no {
                f::CHANGED_DATE => Some(item.changed_at()),
                _ => any_value(store, item, *no).and_then(|val| val.as_time()),
            };
            at.is_some_and(|at| within(*compare, at, *low, *high))
        }
        Test::Text(no, compare, wanted) => {
            let had = item.text(*no);
            !had.is_empty() && meets(*compare, lower(had).cmp(wanted.chars()))
        }
        Test::Bool(no, wanted) => {
            any_value(store, item, *no).unwrap_or(Val::Bool(false)) == Val::Bool(*wanted)
        }
        Test::Who(no, wanted) => {
            item.get(*no).and_then(|val| val.as_ref_no()).is_some_and(|who| wanted.contains(&who))
        }
        Test::Contains(no, part) => item.text(*no).to_lowercase().contains(part.as_str()),
        Test::Words(no, words) => {
            let text = item.text(*no).to_lowercase();
            let mut parts = text.split(|c: char| !c.is_alphanumeric());
            words.iter().all(|word| parts.clone().any(|part| part == word))
                && parts.next().is_some()
        }
        Test::Tag(tag) => item.text(f::TAGS).split("; ").any(|had| had.to_lowercase() == *tag),
        Test::Under(no, root) => under(&item.text(*no).to_lowercase(), root),
        Test::Ever(no, wanted) => {
            let past = item.revisions.iter().flat_map(|rev| rev.undo.iter());
            let old =
                past.filter(|(had, _)| had == no).filter_map(|(_, val)| val.as_ref()?.as_text());
            old.chain([item.text(*no)]).any(|text| text.to_lowercase() == *wanted)
        }
        Test::SameAs(no, compare, other) => {
            let (a, b) = (any_value(store, item, *no), any_value(store, item, *other));
            a.is_some() && b.is_some() && meets(*compare, order(a.as_ref(), b.as_ref()))
        }
    }
}

/// The small letters of a text, without a copy.
fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

fn under(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

fn number(store: &Store, item: &Item, no: u16) -> Option<f64> {
    match no {
        f::ID => Some(f64::from(item.id)),
        _ => match any_value(store, item, no)? {
            Val::Int(number) => i32::try_from(number).ok().map(f64::from),
            Val::Num(number) => Some(number),
            _ => None,
        },
    }
}

fn meets(compare: Compare, order: Ordering) -> bool {
    match compare {
        Compare::Equal => order.is_eq(),
        Compare::Less => order.is_lt(),
        Compare::LessOrEqual => order.is_le(),
        Compare::Greater => order.is_gt(),
        Compare::GreaterOrEqual => order.is_ge(),
    }
}

fn within(compare: Compare, at: i64, low: i64, high: i64) -> bool {
    match compare {
        Compare::Equal => (low..=high).contains(&at),
        Compare::Less => at < low,
        Compare::LessOrEqual => at <= high,
        Compare::Greater => at > high,
        Compare::GreaterOrEqual => at >= low,
    }
}

/// The order of two values of one field; nothing comes first.
fn order(a: Option<&Val>, b: Option<&Val>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(Val::Text(a)), Some(Val::Text(b))) => lower(a).cmp(lower(b)),
        (Some(Val::Int(a)), Some(Val::Int(b))) | (Some(Val::Time(a)), Some(Val::Time(b))) => {
            a.cmp(b)
        }
        (Some(Val::Num(a)), Some(Val::Num(b))) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Some(Val::Bool(a)), Some(Val::Bool(b))) => a.cmp(b),
        (Some(Val::Ref(a)), Some(Val::Ref(b))) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
