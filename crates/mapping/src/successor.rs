//! What most likely took the place of something that a tracker no longer has.

use std::collections::BTreeSet;

use serde_json::Value;
use syncline_domain::{FieldSchema, StatusSchema, TypeEnd};

use crate::fit::{Fit, fit, given_kind, transformation_between};
use crate::status::key;
use crate::suggest::{field_confidence, plain};

/// The least likeness of two names that is worth a proposal.
const LIKE: f64 = 0.4;
/// What a likeness of names alone is worth at most.
const MOST_LIKE: f64 = 0.8;
/// The one that is left, of the same kind.
const ONLY_ONE: f64 = 0.6;

/// One of several candidates, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Successor {
    /// Its place among the candidates.
    pub at: usize,
    /// 0 to 1.
    pub confidence: f64,
}

/// The field that most likely took the place of `gone`: of the same kind, with a similar name or reference, or with the
/// same list of values.
#[must_use]
pub fn field_successor(gone: &FieldSchema, among: &[&FieldSchema]) -> Option<Successor> {
    best(among, |field| {
        if given_kind(gone) != given_kind(field) || gone.is_status != field.is_status {
            return None;
        }
        let named = field_confidence(gone, field);
        let likeness = like(&gone.name, &field.name).max(like(&gone.reference, &field.reference));
        let listed = shared(&gone.allowed_values, &field.allowed_values);
        named.into_iter().chain(worth(likeness)).chain(worth(listed)).reduce(f64::max)
    })
}

/// The status that most likely took the place of `gone`: with a similar name, or the only one of its category.
#[must_use]
pub fn status_successor(gone: &StatusSchema, among: &[&StatusSchema]) -> Option<Successor> {
    let alone = among.iter().filter(|status| status.category == gone.category).count() == 1;
    best(among, |status| {
        if plain(&gone.name) == plain(&status.name) {
            return Some(1.0);
        }
        let same = status.category == gone.category;
        let named = worth(like(&gone.name, &status.name)).filter(|_| same);
        named.into_iter().chain((same && alone).then_some(ONLY_ONE)).reduce(f64::max)
    })
}

/// The type that most likely took the place of `gone`: with a similar name or much the same fields.
#[must_use]
pub fn type_successor(gone: &TypeEnd, among: &[&TypeEnd]) -> Option<Successor> {
    let fields = |end: &TypeEnd| -> Vec<String> {
        end.fields.iter().map(|field| field.reference.clone()).collect()
    };
    best(among, |end| {
        if plain(&gone.name) == plain(&end.name) {
            return Some(1.0);
        }
        // All types of a tracker have most of their fields in common: that alone says little.
        let fits = shared(&fields(gone), &fields(end)) >= 0.5;
        worth(like(&gone.name, &end.name)).filter(|_| fits)
    })
}

/// The value of a list that most likely took the place of `gone`.
#[must_use]
pub fn value_successor(gone: &str, among: &[&str]) -> Option<Successor> {
    let alone = among.len() == 1;
    best(among, |value| {
        let named = worth(like(gone, value));
        named.into_iter().chain(alone.then_some(ONLY_ONE)).reduce(f64::max)
    })
}

/// How values of one field go into another by a rule that only hands them on.
#[derive(Clone, Debug, PartialEq)]
pub enum Passage {
    /// As they are; some may be refused.
    AsTheyAre,
    /// Through this transformation, in one of the forms that rules take.
    Through(Value),
    /// Not at all.
    Never,
}

/// How values of `from` go into `to`.
#[must_use]
pub fn passage(from: &FieldSchema, to: &FieldSchema) -> Passage {
    let (given, taken) = (given_kind(from), given_kind(to));
    let through = || transformation_between(from, to, false).map(Passage::Through);
    match fit(given, taken) {
        _ if given == taken => Passage::AsTheyAre,
        Fit::Always | Fit::Sometimes => through().unwrap_or(Passage::AsTheyAre),
        Fit::Never => through().unwrap_or(Passage::Never),
    }
}

/// The surest; the first of equals.
fn best<T>(among: &[T], sure: impl Fn(&T) -> Option<f64>) -> Option<Successor> {
    let mut found: Option<Successor> = None;
    for (at, one) in among.iter().enumerate() {
        let Some(confidence) = sure(one) else { continue };
        if found.is_none_or(|best| confidence > best.confidence) {
            found = Some(Successor { at, confidence });
        }
    }
    found
}

fn worth(likeness: f64) -> Option<f64> {
    (likeness >= LIKE).then(|| (likeness * MOST_LIKE * 100.0).round() / 100.0)
}

/// How much of their pairs of letters two names share, 0 to 1; a name within the other is like it.
fn like(left: &str, right: &str) -> f64 {
    let (left, right) = (plain(left), plain(right));
    if left == right {
        return if left.is_empty() { 0.0 } else { 1.0 };
    }
    let pairs =
        |text: &str| -> BTreeSet<(char, char)> { text.chars().zip(text.chars().skip(1)).collect() };
    let (one, other) = (pairs(&left), pairs(&right));
    let within = |short: &str, long: &str| short.chars().count() >= 4 && long.contains(short);
    let inside = if within(&left, &right) || within(&right, &left) { 0.75 } else { 0.0 };
    ratio(one.intersection(&other).count() * 2, one.len() + other.len()).max(inside)
}

/// How many of all words both lists have, 0 to 1.
fn shared(left: &[String], right: &[String]) -> f64 {
    let words =
        |list: &[String]| -> BTreeSet<String> { list.iter().map(|word| key(word)).collect() };
    let (left, right) = (words(left), words(right));
    ratio(left.intersection(&right).count(), left.union(&right).count())
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

#[cfg(test)]
mod tests {
    use syncline_domain::{FieldType, StatusCategory};

    use super::*;

    fn field(name: &str, reference: &str, kind: FieldType) -> FieldSchema {
        FieldSchema::plain(name, reference, kind)
    }

    #[test]
    fn a_renamed_field_is_found_by_its_name_or_reference_and_kind() {
        let gone = field("Severity", "cf_1", FieldType::Picklist);
        let others = [
            field("Severity note", "cf_2", FieldType::String),
            field("Title", "title", FieldType::Picklist),
            field("Severity level", "cf_9", FieldType::Picklist),
        ];
        let refs: Vec<&FieldSchema> = others.iter().collect();
        let found = field_successor(&gone, &refs).unwrap();
        assert_eq!(found.at, 2);
        assert!(found.confidence >= 0.6 && found.confidence < 1.0, "{found:?}");
        let same = field("Severity", "cf_77", FieldType::Picklist);
        assert_eq!(
            field_successor(&gone, &[refs[0], &same]),
            Some(Successor { at: 1, confidence: 1.0 })
        );
        assert_eq!(field_successor(&gone, &refs[..2]), None, "nothing is like it");
    }

    #[test]
    fn a_list_with_the_same_words_is_the_same_list() {
        let words = |of: &[&str]| of.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let listed = |name: &str, of: &[&str]| FieldSchema {
            allowed_values: words(of),
            ..field(name, name, FieldType::Picklist)
        };
        let gone = listed("Urgency", &["Low", "Normal", "High"]);
        let (one, other) =
            (listed("Team", &["A", "B"]), listed("Prio", &["Low", "normal", "High"]));
        assert_eq!(field_successor(&gone, &[&one, &other]).unwrap().at, 1);
    }

    #[test]
    fn a_renamed_status_is_one_like_it_or_the_only_one_of_its_category() {
        let status = |name: &str, category| StatusSchema {
            name: name.to_owned(),
            value: name.to_owned(),
            category,
        };
        let gone = status("Resolved", StatusCategory::Resolved);
        let done = status("Done", StatusCategory::Resolved);
        let fixed = status("Resolved (fixed)", StatusCategory::Resolved);
        let open = status("Resolved soon", StatusCategory::InProgress);
        assert_eq!(status_successor(&gone, &[&open, &done]).unwrap().at, 1);
        assert_eq!(status_successor(&gone, &[&done, &fixed]).unwrap().at, 1);
        assert_eq!(status_successor(&gone, &[&open]), None);
    }

    #[test]
    fn a_value_under_a_new_name_is_found() {
        assert_eq!(value_successor("Critical", &["Minor", "Critical (P1)"]).unwrap().at, 1);
        assert_eq!(value_successor("Critical", &["Urgent"]).unwrap().at, 0, "the only new one");
        assert_eq!(value_successor("Critical", &["Urgent", "Low"]), None);
    }
}
