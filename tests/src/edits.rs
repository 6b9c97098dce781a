//! Titles that say which item and which edit they belong to, so that a copy tells what has arrived.

use std::collections::BTreeMap;

use syncline_sandbox::{EffectOp, RunningSandbox};

/// The title of an item after an edit; edits are numbered upwards.
#[must_use]
pub fn title(item: &str, edit: u64) -> String {
    format!("item {item} edit {edit}")
}

/// The item and the edit of a title.
#[must_use]
pub fn title_of(text: &str) -> Option<(String, u64)> {
    let (item, edit) = text.strip_prefix("item ")?.split_once(" edit ")?;
    Some((item.to_owned(), edit.parse().ok()?))
}

/// The edits that the copies show, by the item that they are a copy of.
///
/// # Panics
/// When a copy has another title.
#[must_use]
pub fn copies(to: &RunningSandbox) -> BTreeMap<String, Vec<u64>> {
    let mut copies: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for copy in to.items() {
        let (item, edit) = title_of(&copy.title).unwrap_or_else(|| panic!("{}", copy.title));
        copies.entry(item).or_default().push(edit);
    }
    copies
}

/// Nothing was made twice, nothing was written twice, and no older edit came after a newer one.
///
/// # Panics
/// When that is not so.
pub fn each_once_and_in_order(to: &RunningSandbox) {
    let mut made = BTreeMap::new();
    let mut written = BTreeMap::new();
    for effect in to.effects() {
        let title = effect.fields.get("System.Title").and_then(|title| title.as_str());
        let title = title.and_then(title_of);
        match effect.op {
            EffectOp::Create => {
                let (item, edit) = title.unwrap_or_else(|| panic!("{effect:?}"));
                let other = made.insert(item.clone(), effect.item_id.clone());
                assert_eq!(other, None, "item {item} was made twice: {effect:?}");
                written.insert(effect.item_id.clone(), edit);
            }
            EffectOp::Update => {
                assert!(effect.changed, "a write that changes nothing: {effect:?}");
                let Some((_, edit)) = title else { continue };
                let before = written.insert(effect.item_id.clone(), edit);
                assert!(before < Some(edit), "after edit {before:?} came {effect:?}");
            }
            EffectOp::Comment => {}
            EffectOp::Attachment | EffectOp::Delete => panic!("nobody asked for {effect:?}"),
        }
    }
    for (item, copies) in copies(to) {
        assert_eq!(copies.len(), 1, "item {item} has {} copies", copies.len());
    }
}
