//! Links. One whose other end has no copy yet is made when that one is looked at: both ends of a link show it.
//!
//! Links are only ever added. One that somebody took away on one side stays on the other, and is not made again.

use std::collections::{BTreeSet, HashMap};

use futures_util::StreamExt as _;
use futures_util::stream;
use syncline_domain::ports::{Connector, ConnectorError, StoreExt as _};
use syncline_domain::{
    ItemId, ItemLink, LinkKind, LinkWords, Pair, PairState, link_kind, nearest_link,
};

use super::memo::{self, Memo};
use super::{Memos, Trouble, is_refusal, tell};
use crate::course::Course;
use crate::error::Stop;
use crate::page::Page;
use crate::pass::Pass;

/// Carries the links of some items.
pub(super) async fn copy(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    pairs: &[Pair],
    memos: &mut Memos,
) -> Result<(), Stop> {
    let mut found = Vec::new();
    // Owned, since a borrowed item would make a future that cannot leave its thread.
    let mut read = stream::iter(pairs.to_vec())
        .map(|pair| async move {
            let links = pass.reader.links(&item_of(pass, &pair)).await;
            (pair, links)
        })
        .buffered(pass.concurrency());
    while let Some((pair, links)) = read.next().await {
        match links {
            Ok(links) if links.is_empty() => {}
            Ok(links) => found.push((pair, links)),
            Err(error) => {
                let item = item_of(pass, &pair);
                tell(course, pass, page, Trouble { item, error, on_writing_side: false })?;
            }
        }
    }
    let ends = other_ends(course, pass, &found).await?;
    let mut grown = Vec::new();
    let mut stop = None;
    for (pair, links) in found {
        let memo = memos.entry(pair.id).or_default();
        let wanted = wanted(pass, memo, &ends, links);
        if wanted.is_empty() {
            continue;
        }
        let before = memo.links.len();
        let troubles = add(pass, page, &pair, wanted, memo).await;
        if memo.links.len() > before {
            grown.push((pair.id, memo.clone()));
        }
        for trouble in troubles {
            stop = stop.or(tell(course, pass, page, trouble).err());
        }
        if stop.is_some() {
            break;
        }
    }
    memo::put(course, grown).await?;
    stop.map_or(Ok(()), Err)
}

fn item_of(pass: &Pass, pair: &Pair) -> ItemId {
    pair.item(pass.read).cloned().unwrap_or_default()
}

/// The pairs of the items at the other ends, by the item of the reading side.
async fn other_ends(
    course: &Course,
    pass: &Pass,
    found: &[(Pair, Vec<ItemLink>)],
) -> Result<HashMap<ItemId, Pair>, Stop> {
    let others: BTreeSet<ItemId> =
        found.iter().flat_map(|(_, links)| links).map(|link| link.other.clone()).collect();
    if others.is_empty() {
        return Ok(HashMap::new());
    }
    let (config, read) = (pass.spec.config.id, pass.read);
    let others: Vec<ItemId> = others.into_iter().collect();
    let pairs =
        course.parts.store.view("link_ends", move |tx| tx.pairs_by_items(config, read, &others));
    let active = pairs.await?.into_iter().filter(|pair| pair.state == PairState::Active);
    Ok(active.filter_map(|pair| Some((pair.item(read)?.clone(), pair))).collect())
}

/// A link to be made on the writing side.
struct Wanted {
    kind: LinkKind,
    /// The item at its other end, on the writing side.
    other: ItemId,
    /// Its name in the memory of the pair.
    name: String,
}

fn wanted(
    pass: &Pass,
    memo: &Memo,
    ends: &HashMap<ItemId, Pair>,
    links: Vec<ItemLink>,
) -> Vec<Wanted> {
    let words = pass.reader.link_words();
    let wanted = links.into_iter().filter_map(|link| {
        let end = ends.get(&link.other)?;
        let kind = link_kind(words, &link.relation);
        let name = format!("{} {}", kind.as_str(), end.source_item_id);
        let other = end.item(pass.write)?.clone();
        (!memo.links.contains(&name)).then_some(Wanted { kind, other, name })
    });
    wanted.collect()
}

/// Adds links that are not there; the answer is what went wrong.
async fn add(
    pass: &Pass,
    page: &mut Page,
    pair: &Pair,
    wanted: Vec<Wanted>,
    memo: &mut Memo,
) -> Vec<Trouble> {
    let item = item_of(pass, pair);
    let trouble = |error| Trouble { item: item.clone(), error, on_writing_side: true };
    let copy = pair.item(pass.write).cloned().unwrap_or_default();
    let words = pass.writer.link_words();
    let there = match pass.writer.links(&copy).await {
        Ok(there) => there,
        Err(error) => return vec![trouble(error)],
    };
    for want in wanted {
        let Some((kind, word)) = nearest_link(words, want.kind) else { continue };
        if is_there(words, &there, kind, &want.other) {
            memo.links.insert(want.name);
            continue;
        }
        match add_one(pass.writer.as_ref(), &copy, word, &want.other).await {
            Ok(()) => drop(memo.links.insert(want.name)),
            Err(error) if is_refusal(&error) => {
                let text =
                    format!("its link {word:?} to {} was refused: {}", want.other, error.detail);
                page.remark(&item, &text);
            }
            Err(error) => return vec![trouble(error)],
        }
    }
    Vec::new()
}

async fn add_one(
    writer: &dyn Connector,
    copy: &ItemId,
    word: &str,
    other: &ItemId,
) -> Result<(), ConnectorError> {
    let link = ItemLink { relation: word.to_owned(), other: other.clone(), link_id: None };
    writer.add_link(copy, &link).await
}

/// Whether such a link is there. For a mere relation any link between the two will do: the other tracker may have had no
/// word for what it is.
fn is_there(words: LinkWords, there: &[ItemLink], kind: LinkKind, other: &ItemId) -> bool {
    there.iter().any(|link| {
        link.other == *other
            && (kind == LinkKind::Related || link_kind(words, &link.relation) == kind)
    })
}
