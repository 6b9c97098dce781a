//! What must hold after a sync, as the trackers tell it.

use std::collections::{BTreeMap, BTreeSet};

use syncline_domain::ConfigId;
use syncline_sandbox::{EffectOp, ItemSummary, RunningSandbox};

use crate::Stage;

/// The bugs of a sandbox.
#[must_use]
pub fn bugs(source: &RunningSandbox) -> Vec<ItemSummary> {
    source.items().into_iter().filter(|item| item.item_type == "Bug").collect()
}

/// How many items the API's callers have made.
#[must_use]
pub fn creates(target: &RunningSandbox) -> usize {
    target.effects().iter().filter(|effect| effect.op == EffectOp::Create).count()
}

/// How many writes have reached a tracker, whatever they changed.
#[must_use]
pub fn writes(target: &RunningSandbox) -> usize {
    target.effects().len()
}

/// At most one copy of each bug: nothing was made twice, whatever is still missing.
///
/// # Panics
/// When there is a copy too many.
pub fn no_duplicates(source: &RunningSandbox, target: &RunningSandbox) {
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for bug in bugs(source) {
        *left.entry(bug.title).or_default() += 1;
    }
    for copy in target.items() {
        let count = left.get_mut(&copy.title);
        let count = count.unwrap_or_else(|| panic!("nobody asked for {:?}", copy.title));
        *count = count.checked_sub(1).unwrap_or_else(|| panic!("{:?} was made twice", copy.title));
    }
}

/// Each bug has exactly one copy with its title, made once and paired with it, on a target that was empty.
///
/// # Panics
/// When that is not so.
pub async fn mirrors(
    stage: &Stage,
    config: ConfigId,
    source: &RunningSandbox,
    target: &RunningSandbox,
) {
    let (bugs, copies) = (bugs(source), target.items());
    let sorted = |items: &[ItemSummary]| {
        let mut titles: Vec<String> = items.iter().map(|item| item.title.clone()).collect();
        titles.sort();
        titles
    };
    assert_eq!(sorted(&bugs), sorted(&copies), "one copy of each bug, under its title");
    assert_eq!(creates(target), bugs.len(), "each copy was made once");
    let pairs = stage.pairs(config).await;
    let title_of: BTreeMap<&str, &str> =
        copies.iter().map(|item| (item.id.as_str(), item.title.as_str())).collect();
    let paired: BTreeMap<&str, &str> = pairs
        .iter()
        .map(|pair| (pair.source_item_id.as_str(), pair.target_item_id.as_ref().unwrap().as_str()))
        .collect();
    assert_eq!(paired.len(), bugs.len(), "one pair for each bug");
    assert_eq!(paired.values().collect::<BTreeSet<_>>().len(), bugs.len(), "no copy is shared");
    for bug in &bugs {
        let copy = paired.get(bug.id.as_str()).copied().unwrap_or_default();
        assert_eq!(title_of.get(copy), Some(&bug.title.as_str()), "the copy of {}", bug.id);
    }
}
