//! The work items that the sandbox starts with.

use std::sync::Arc;

use serde_json::{Map, json};

use super::fields as f;
use super::model::{Comment, Node};
use super::schema;
use super::site::Site;
use super::store::{Draft, Store};
use crate::shared::record::Val;
use crate::shared::seedtext::{self, SeedText};
use crate::shared::text::{mix, pick, short_iso};

const HOUR: i64 = 3_600_000;
const AREAS: &[&str] = &[
    "Checkout",
    "Search",
    "Account",
    "Catalogue",
    "Orders",
    "Mail",
    "Warehouse",
    "Reports",
    "App",
];

/// A fresh store with as many items as asked for, all in the past.
pub(crate) fn store(site: &Site) -> Store {
    let mut store = Store::default();
    trees(site, &mut store);
    let count = site.common.items;
    let start =
        site.now().saturating_sub(site.now().rem_euclid(1_000)).saturating_sub(90 * 24 * HOUR);
    let span = 80 * 24 * HOUR;
    let step = span / i64::try_from(count).unwrap_or(i64::MAX).max(1);
    for index in 0..count {
        let offset = i64::try_from(index).unwrap_or(0).saturating_mul(step);
        // Whole minutes make some items share an instant, as imports do.
        let at = start.saturating_add(offset).div_euclid(60_000).saturating_mul(60_000);
        item(site, &mut store, index, at);
    }
    store
}

fn trees(site: &Site, store: &mut Store) {
    let project = &site.options.project;
    let node = |id: i64, path: String| Node { id, path: Arc::from(path), attributes: Map::new() };
    store.areas.push(node(1, project.clone()));
    store.iterations.push(node(2, project.clone()));
    for (id, name) in (10..).zip(AREAS) {
        store.areas.push(node(id, format!("{project}\\{name}")));
    }
    for (id, number) in (50..).zip(1..=4) {
        let from = site
            .now()
            .saturating_sub(60 * 24 * HOUR)
            .saturating_add(i64::from(number) * 14 * 24 * HOUR);
        let mut sprint = node(id, format!("{project}\\Sprint {number}"));
        sprint
            .attributes
            .insert("startDate".into(), json!(short_iso(from.div_euclid(24 * HOUR) * 24 * HOUR)));
        store.iterations.push(sprint);
    }
}

fn item(site: &Site, store: &mut Store, index: usize, at: i64) {
    let number = u64::try_from(index).unwrap_or(0);
    let chance = mix(site.common.seed ^ number.wrapping_mul(77));
    let text = seedtext::bug(site.common.seed, index);
    let kind = match index % 10 {
        7 => "User Story",
        9 => "Task",
        _ => "Bug",
    };
    let reporter = pick(&[6, 7, 8, 1, 2], chance >> 4);
    let draft = first(site, store, kind, &text, reporter, at, chance);
    let id = store.insert(draft, reporter, at);
    if let Some(said) = seedtext::comment(site.common.seed, index) {
        comment(store, id, said, pick(&[1, 2, 3, 6], chance >> 12), at.saturating_add(2 * HOUR));
    }
    if !chance.is_multiple_of(3) {
        advance(store, id, kind, chance, at.saturating_add(5 * HOUR));
    }
}

fn first(
    site: &Site,
    store: &mut Store,
    kind: &str,
    text: &SeedText,
    by: u32,
    at: i64,
    chance: u64,
) -> Draft {
    let mut draft = Draft::default();
    let project = site.options.project.clone();
    let words = [
        (f::TEAM_PROJECT, project.clone()),
        (f::AREA_PATH, format!("{project}\\{}", text.part)),
        (f::ITERATION_PATH, pick(&["", "\\Sprint 1", "\\Sprint 2"], chance >> 20).to_owned()),
        (f::TYPE, kind.to_owned()),
        (f::STATE, "New".to_owned()),
        (f::REASON, "New".to_owned()),
    ];
    for (no, word) in words {
        let word = if no == f::ITERATION_PATH { format!("{project}{word}") } else { word };
        let val = store.word(&word);
        draft.set(no, Some(val));
    }
    draft.set(f::TITLE, Some(Val::text(&text.title)));
    draft.set(f::CREATED_DATE, Some(Val::Time(at)));
    draft.set(f::CREATED_BY, Some(Val::Ref(by)));
    draft.set(f::STATE_CHANGE_DATE, Some(Val::Time(at)));
    draft.set(f::PRIORITY, Some(Val::Int(text.priority)));
    draft.set(f::COMMENT_COUNT, Some(Val::Int(0)));
    details(store, &mut draft, kind, text, chance);
    draft
}

/// What differs from type to type and from item to item.
fn details(store: &mut Store, draft: &mut Draft, kind: &str, text: &SeedText, chance: u64) {
    draft.set(f::DESCRIPTION, Some(store.word(&text.problem_html)));
    if kind == "Bug" {
        draft.set(f::REPRO_STEPS, Some(store.word(&text.steps_html)));
        let severity = pick(
            &["2 - High", "3 - Medium", "3 - Medium", "1 - Critical", "4 - Low"],
            chance >> 24,
        );
        draft.set(f::SEVERITY, Some(store.word(severity)));
    }
    if kind != "Task" {
        draft.set(f::VALUE_AREA, Some(store.word("Business")));
    }
    if !chance.is_multiple_of(4) {
        draft.set(f::ASSIGNED_TO, Some(Val::Ref(pick(&[1, 2, 3, 4, 5], chance >> 28))));
    }
    let tags = pick(&["", "customer", "customer; regression", "performance", ""], chance >> 32);
    if !tags.is_empty() {
        draft.set(f::TAGS, Some(store.word(tags)));
        for tag in tags.split("; ") {
            store.tags.entry(tag.to_owned()).or_insert_with(|| tag.to_owned());
        }
    }
}

fn comment(store: &mut Store, id: u32, text: &str, by: u32, at: i64) {
    let said = Comment {
        id: store.next_comment(),
        text: text.to_owned(),
        markdown: false,
        by,
        at,
        modified_by: by,
        modified_at: at,
        version: 1,
        deleted: false,
    };
    let mut draft = Draft::default();
    draft.set(f::HISTORY, Some(store.word(text)));
    draft.set(f::COMMENT_COUNT, Some(Val::Int(1)));
    store.save(id, draft, by, at);
    if let Some(item) = store.any_mut(id) {
        item.comments.push(said);
    }
}

/// Moves an item on from its first state.
fn advance(store: &mut Store, id: u32, kind: &str, chance: u64, at: i64) {
    let wanted = match (kind, chance % 5) {
        (_, 0 | 1) => "Active",
        ("Task", _) | (_, 4) => "Closed",
        _ => "Resolved",
    };
    let Some(state) = schema::find_type(kind).and_then(|kind| kind.state(wanted)) else { return };
    let by = pick(&[1, 2, 3, 4, 5], chance >> 36);
    let mut draft = Draft::default();
    draft.set(f::STATE, Some(store.word(state.name)));
    draft.set(f::REASON, Some(store.word(state.reason)));
    draft.set(f::STATE_CHANGE_DATE, Some(Val::Time(at)));
    if wanted != "Active" {
        draft.set(f::RESOLVED_DATE, Some(Val::Time(at)));
        draft.set(f::RESOLVED_BY, Some(Val::Ref(by)));
    }
    if wanted == "Closed" {
        draft.set(f::CLOSED_DATE, Some(Val::Time(at)));
        draft.set(f::CLOSED_BY, Some(Val::Ref(by)));
    }
    store.save(id, draft, by, at);
}
