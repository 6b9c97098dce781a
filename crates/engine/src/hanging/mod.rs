//! What hangs on an item beside its fields: comments, links and files, carried once the item itself is in step.
//!
//! Only items that were changed are looked at, and their pairs know no revision of the reading side until everything
//! that hangs on them is done with: whatever ends the run before, the next one looks again.
//!
//! Files: `images` (inside of texts; comments ask for theirs), `links`, `files`, `moving` (one image on its way), `fetch`
//! and `spool` (bytes of a file on their way), `memo` (what was carried before); comments have a room of their own.

mod fetch;
mod files;
mod images;
mod links;
mod memo;
mod moving;
mod spool;

use std::collections::HashMap;

use syncline_domain::ports::{ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{ItemId, Pair, PairId, PairState};

use crate::comments;
use crate::course::Course;
use crate::error::Stop;
use crate::outcome::error_of;
use crate::page::{Page, at};
use crate::pass::Pass;
pub(crate) use images::of_comments;
pub(crate) use memo::Memo;
pub(crate) use memo::images_of;

/// Carries what hangs on the page's items.
///
/// # Errors
/// Why the run stops; what was carried until then is recorded, or found by the next look.
pub(crate) async fn carry(course: &Course, pass: &Pass, page: &mut Page) -> Result<(), Stop> {
    let items = if pass.carries_more() { page.carriers() } else { Vec::new() };
    if items.is_empty() {
        return Ok(());
    }
    let (pairs, mut memos) = known(course, pass, items).await?;
    if pass.moves_images() {
        images::copy(course, pass, page, &pairs, &mut memos).await?;
    }
    if pass.copies_comments() {
        comments::copy(course, pass, page, &pairs, &mut memos).await?;
    }
    if pass.copies_links() {
        links::copy(course, pass, page, &pairs, &mut memos).await?;
    }
    if pass.copies_files() {
        files::copy(course, pass, page, &pairs, &mut memos).await?;
    }
    for pair in &pairs {
        page.carried(pass, pair);
    }
    Ok(())
}

pub(crate) type Memos = HashMap<PairId, Memo>;

async fn known(
    course: &Course,
    pass: &Pass,
    items: Vec<ItemId>,
) -> Result<(Vec<Pair>, Memos), Stop> {
    let (config, read) = (pass.spec.config.id, pass.read);
    let with_memos = pass.copies_links() || pass.copies_files();
    let known = course.parts.store.view("page_hanging", move |tx| {
        let mut pairs = tx.pairs_by_items(config, read, &items)?;
        pairs.retain(|pair| pair.state == PairState::Active);
        let ids: Vec<PairId> = pairs.iter().map(|pair| pair.id).collect();
        let rows = if with_memos { tx.bases(&ids)? } else { Vec::new() };
        Ok((pairs, memo::of_rows(&rows)))
    });
    Ok(known.await?)
}

/// What could not be carried for one item.
pub(crate) struct Trouble {
    pub(crate) item: ItemId,
    pub(crate) error: ConnectorError,
    pub(crate) on_writing_side: bool,
}

/// Tells of trouble on the item's row; trouble that concerns every item ends the run.
pub(crate) fn tell(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    trouble: Trouble,
) -> Result<(), Stop> {
    let Trouble { item, error, on_writing_side } = trouble;
    page.spoil(course, pass, &item, error_of(&error));
    if !error.kind.stops_run() {
        return Ok(());
    }
    Err(at(if on_writing_side { pass.write } else { pass.read }, error))
}

/// Whether the tracker refuses this for good: told on the item's row, and no failure of the item.
const fn is_refusal(error: &ConnectorError) -> bool {
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::Permission | ErrorKind::NotFound)
}
