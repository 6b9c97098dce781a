//! Items that came back: their pairs live again.

use syncline_domain::{Item, Pair, PairState};

use crate::course::Course;
use crate::error::Stop;
use crate::page::Page;
use crate::pass::Pass;

/// Wakes the pairs of items that were deleted on the reading side once and are there again.
pub(crate) async fn revive(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    items: &[Item],
) -> Result<(), Stop> {
    let is_back = |item: &&Item| {
        let memory = page.known.pair(&item.id);
        let tombstone = memory.and_then(|memory| memory.tombstone());
        tombstone.is_some_and(|tombstone| tombstone.deleted_side == pass.read)
    };
    let back: Vec<_> = items.iter().filter(is_back).map(|item| item.id.clone()).collect();
    if back.is_empty() {
        return Ok(());
    }
    let pairs: Vec<Pair> = back.iter().filter_map(|id| page.known.revive(id)).collect();
    if !course.is_live() {
        return Ok(());
    }
    course
        .fenced("revive_pairs", move |tx| {
            for pair in &pairs {
                tx.update_pair(&Pair { state: PairState::Active, ..pair.clone() })?;
                tx.clear_tombstone(pair.id)?;
            }
            Ok(())
        })
        .await
}
