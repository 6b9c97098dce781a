//! Which items on a tracker are the outcome of writes whose answers were lost: pure, and never by a coin.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use syncline_domain::{FieldRef, FieldType, Fields, IntentId, Item, ItemId, Timestamp};

use crate::merge::alike;
use crate::pass::value_of;

/// A create without a recorded outcome.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) intent: IntentId,
    pub(crate) status: Option<String>,
    pub(crate) fields: Fields,
}

/// What is known about a lost create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It made this item.
    Made(ItemId),
    /// No item looks like it.
    Nowhere,
    /// More items look like it than creates were lost: a person must choose.
    Doubtful(Vec<ItemId>),
}

/// How the values of a planned item are compared with those of a candidate.
pub(crate) trait Compare {
    /// The type of a field's values.
    fn field_type(&self, field: &FieldRef) -> FieldType;
}

/// Matches lost creates with candidates: made by our own account since, and in no pair.
///
/// Creates that planned the same are one group. A group adopts its candidates one each as long as there are not more
/// of them than lost creates, and no other group lays claim to them. Candidates that show all planned values go first;
/// then those that show all planned texts, since trackers rewrite other values, and a create may have been cut off
/// before its last step; then those that have the planned title.
pub(crate) fn match_up(
    compare: &dyn Compare,
    lost: &[Lost],
    candidates: &[Item],
) -> BTreeMap<IntentId, Fate> {
    let mut fates = BTreeMap::new();
    let mut free: Vec<&Item> = candidates.iter().collect();
    for likeness in [Likeness::Whole, Likeness::Texts, Likeness::Title] {
        let open: Vec<&Lost> = lost.iter().filter(|one| !fates.contains_key(&one.intent)).collect();
        let groups = groups(&open);
        let hits: Vec<Vec<&Item>> =
            groups.iter().map(|group| hits_of(compare, group, &free, likeness)).collect();
        for (at, (group, found)) in groups.iter().zip(&hits).enumerate() {
            let contested = hits.iter().enumerate().any(|(other, theirs)| {
                other != at && theirs.iter().any(|item| found.iter().any(|one| one.id == item.id))
            });
            judge(group, found, contested, &mut fates);
        }
        free.retain(|item| !hits.iter().flatten().any(|hit| hit.id == item.id));
    }
    for one in lost {
        fates.entry(one.intent).or_insert(Fate::Nowhere);
    }
    fates
}

/// Creates that planned the same.
fn groups<'a>(open: &[&'a Lost]) -> Vec<Vec<&'a Lost>> {
    let mut groups: Vec<Vec<&Lost>> = Vec::new();
    for one in open {
        let alike = groups.iter_mut().find(|group| {
            group
                .first()
                .is_some_and(|first| first.fields == one.fields && first.status == one.status)
        });
        match alike {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

fn hits_of<'a>(
    compare: &dyn Compare,
    group: &[&Lost],
    free: &[&'a Item],
    likeness: Likeness,
) -> Vec<&'a Item> {
    let Some(first) = group.first() else { return Vec::new() };
    free.iter().copied().filter(|item| is_like(compare, first, item, likeness)).collect()
}

fn judge(group: &[&Lost], hits: &[&Item], contested: bool, fates: &mut BTreeMap<IntentId, Fate>) {
    if contested || hits.len() > group.len() {
        let ids: Vec<ItemId> = hits.iter().map(|item| item.id.clone()).collect();
        fates.extend(group.iter().map(|one| (one.intent, Fate::Doubtful(ids.clone()))));
    } else {
        let made = group.iter().zip(hits);
        fates.extend(made.map(|(one, item)| (one.intent, Fate::Made(item.id.clone()))));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Whole,
    Texts,
    Title,
}

fn is_like(compare: &dyn Compare, lost: &Lost, item: &Item, likeness: Likeness) -> bool {
    if likeness == Likeness::Title {
        return lost.fields.iter().any(|(field, planned)| {
            compare.field_type(field) == FieldType::String
                && shows(planned, &Value::String(item.title.clone()), FieldType::String)
        });
    }
    let status_as_planned = lost.status.is_none()
        || lost.status.as_deref().map(str::to_lowercase)
            == item.status.as_deref().map(str::to_lowercase);
    let mut texts = 0_usize;
    let fields_alike = lost.fields.iter().all(|(field, planned)| {
        let kind = compare.field_type(field);
        let is_text = matches!(kind, FieldType::String | FieldType::Html | FieldType::Markdown);
        texts += usize::from(is_text && !planned.is_null());
        (likeness == Likeness::Texts && !is_text) || shows(planned, &value_of(item, field), kind)
    });
    match likeness {
        Likeness::Whole => fields_alike && status_as_planned,
        Likeness::Texts | Likeness::Title => fields_alike && texts > 0,
    }
}

/// Whether a tracker that was given `planned` may show `now`.
pub(crate) fn shows(planned: &Value, now: &Value, kind: FieldType) -> bool {
    if alike(planned, now, kind) {
        return true;
    }
    match (kind, planned, now) {
        (
            FieldType::String | FieldType::Html | FieldType::Markdown,
            Value::String(planned),
            Value::String(now),
        ) => words(planned) == words(now),
        (FieldType::DateTime, Value::String(planned), Value::String(now)) => cut(planned, now),
        _ => false,
    }
}

/// Whether an instant is another one as a tracker keeps it that knows no parts of a second, no seconds, or days alone.
fn cut(planned: &str, now: &str) -> bool {
    let date = |text: &str| text.trim().get(..10).map(str::to_owned);
    let (Ok(exact), Ok(kept)) = (Timestamp::parse(planned), Timestamp::parse(now)) else {
        let is_date = planned.trim().len() == 10 || now.trim().len() == 10;
        return is_date && date(planned).is_some() && date(planned) == date(now);
    };
    let second = Duration::from_secs(1);
    (exact.since(kept) < second && kept.since(exact) < second)
        || kept.secs() == exact.secs().div_euclid(60).saturating_mul(60)
}

/// The words of a text, without markup: what is left when a tracker has rewritten tags, entities and blanks.
pub(crate) fn words(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if inside => {}
            _ => bare.push(letter),
        }
    }
    let bare = bare
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    bare.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use syncline_domain::Version;

    struct Types;

    impl Compare for Types {
        fn field_type(&self, field: &FieldRef) -> FieldType {
            match field.as_str() {
                "title" => FieldType::String,
                "text" => FieldType::Html,
                _ => FieldType::Int,
            }
        }
    }

    fn fields(title: &str, size: i64) -> Fields {
        Fields::from([("title".into(), json!(title)), ("size".into(), json!(size))])
    }

    fn lost(id: i64, title: &str, size: i64) -> Lost {
        Lost { intent: IntentId(id), status: None, fields: fields(title, size) }
    }

    fn item(id: &str, title: &str, size: i64) -> Item {
        Item {
            id: ItemId::new(id),
            type_ref: "bug".to_owned(),
            title: title.to_owned(),
            url: String::new(),
            status: None,
            version: Version::new("1"),
            created_at: Timestamp::EPOCH,
            changed_at: Timestamp::EPOCH,
            created_by: None,
            changed_by: None,
            fields: fields(title, size),
        }
    }

    fn fate(fates: &BTreeMap<IntentId, Fate>, id: i64) -> Fate {
        fates.get(&IntentId(id)).cloned().unwrap()
    }

    #[test]
    fn equal_creates_adopt_equal_items_one_each() {
        let fates = match_up(
            &Types,
            &[lost(1, "a", 1), lost(2, "a", 1), lost(3, "b", 1)],
            &[item("x", "a", 1), item("y", "a", 1)],
        );
        assert_eq!(fate(&fates, 1), Fate::Made("x".into()));
        assert_eq!(fate(&fates, 2), Fate::Made("y".into()));
        assert_eq!(fate(&fates, 3), Fate::Nowhere);
    }

    #[test]
    fn more_candidates_than_creates_go_to_a_person() {
        let fates = match_up(&Types, &[lost(1, "a", 1)], &[item("x", "a", 1), item("y", "a", 1)]);
        assert_eq!(fate(&fates, 1), Fate::Doubtful(vec!["x".into(), "y".into()]));
    }

    #[test]
    fn a_create_whose_last_step_was_cut_off_is_known_by_its_texts() {
        let fates = match_up(&Types, &[lost(1, "a", 5)], &[item("x", "a", 0)]);
        assert_eq!(fate(&fates, 1), Fate::Made("x".into()));
        let fates = match_up(&Types, &[lost(1, "a", 5)], &[item("x", "other", 5)]);
        assert_eq!(fate(&fates, 1), Fate::Nowhere);
    }

    #[test]
    fn whole_likeness_goes_before_likeness_of_texts() {
        let fates = match_up(
            &Types,
            &[lost(1, "a", 5), lost(2, "a", 6)],
            &[item("x", "a", 6), item("y", "a", 0)],
        );
        assert_eq!(fate(&fates, 2), Fate::Made("x".into()));
        assert_eq!(fate(&fates, 1), Fate::Made("y".into()));
    }

    #[test]
    fn an_instant_is_known_in_a_coarser_form() {
        let planned = json!("2026-03-05T04:05:06.789Z");
        for (now, is_known) in [
            ("2026-03-05T04:05:06.000Z", true),
            ("2026-03-05T04:05:07Z", true),
            ("2026-03-05T04:05:00Z", true),
            ("2026-03-05", true),
            ("2026-03-05T04:05:08Z", false),
            ("2026-03-06", false),
        ] {
            assert_eq!(shows(&planned, &json!(now), FieldType::DateTime), is_known, "{now}");
        }
    }

    #[test]
    fn rewritten_markup_is_looked_through() {
        let (planned, now) = (json!("a &amp; b\n"), json!("<p>a&nbsp;&amp; b</p>"));
        assert!(shows(&planned, &now, FieldType::Html));
        assert!(!shows(&json!("a"), &json!("b"), FieldType::Html));
    }
}
