//! Images inside of texts: each is stored once on the other side, and the copy's texts name it there.
//!
//! The item itself is written first, with the addresses that its images had; they are moved once it is in step, and its
//! copy is written once more. So a process may die anywhere, and what was not moved keeps an address that says where it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use syncline_domain::ports::{ConnectorError, Write, WriteKind};
use syncline_domain::{
    Fields, ImageMarkup, ImageSource, InlineImage, Item, ItemId, NewComment, Pair, TextFormat,
};

use super::memo::{self, Memo};
use super::moving::{self, Unmoved};
use super::{Memos, Trouble, tell};
use crate::course::Course;
use crate::error::Stop;
use crate::images::{addresses, holds_data, native, replaced};
use crate::page::Page;
use crate::pass::Pass;

/// Moves the images in the fields of some items.
pub(super) async fn copy(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    pairs: &[Pair],
    memos: &mut Memos,
) -> Result<(), Stop> {
    let item_of = |pair: &Pair| pair.item(pass.read).cloned().unwrap_or_default();
    let shows = |pair: &&Pair| page.illustrated.contains_key(&item_of(pair));
    let pairs: Vec<Pair> = pairs.iter().filter(shows).cloned().collect();
    let copies: Vec<ItemId> =
        pairs.iter().filter_map(|pair| pair.item(pass.write).cloned()).collect();
    if copies.is_empty() {
        return Ok(());
    }
    let read = match pass.writer.fetch(&copies).await {
        Ok(read) => read,
        Err(error) => {
            for pair in &pairs {
                let error = error.clone();
                tell(
                    course,
                    pass,
                    page,
                    Trouble { item: item_of(pair), error, on_writing_side: true },
                )?;
            }
            return Ok(());
        }
    };
    let read: HashMap<ItemId, Item> =
        read.into_iter().map(|item| (item.id.clone(), item)).collect();
    for pair in &pairs {
        let Some(copy) = pair.item(pass.write).and_then(|id| read.get(id)) else { continue };
        let memo = memos.entry(pair.id).or_default();
        if let Err(trouble) = of_item(course, pass, page, (pair, copy), memo).await? {
            tell(course, pass, page, trouble)?;
        }
        course.may_go_on().await?;
    }
    Ok(())
}

type Done = Result<Result<(), Trouble>, Stop>;

async fn of_item(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    (pair, copy): (&Pair, &Item),
    memo: &mut Memo,
) -> Done {
    let item = pair.item(pass.read).cloned().unwrap_or_default();
    let keeps_data = pass.writer.image_markup(None) == Some(ImageMarkup::Html);
    if page.illustrated.get(&item) == Some(&true) && !keeps_data {
        page.remark(&item, "an image that is part of its text was not copied: it has no address");
    }
    let named: BTreeSet<String> = texts(pass, copy).flat_map(|(_, _, named)| named).collect();
    let is_done = |name: &String| memo.images.iter().any(|one| one.name() == name && one.is_named);
    let open: Vec<String> = named.into_iter().filter(|name| !is_done(name)).collect();
    let moved = match moved(course, pass, page, pair, open, memo).await? {
        Ok(moved) => moved,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let names: BTreeSet<&str> = moved.names.values().map(String::as_str).collect();
    if names.is_empty() {
        return Ok(Ok(()));
    }
    // Hanging a file on the copy gave it another revision.
    let now = match pass.writer.fetch(std::slice::from_ref(&copy.id)).await {
        Ok(read) => read.into_iter().next(),
        Err(error) => return Ok(Err(Trouble { item, error, on_writing_side: true })),
    };
    let Some(now) = now else { return Ok(Ok(())) };
    let fields: Fields = texts(pass, &now)
        .filter(|(_, _, named)| named.iter().any(|name| names.contains(name.as_str())))
        .map(|(field, text, _)| (field.clone(), text.into()))
        .collect();
    if !fields.is_empty() {
        let kind = WriteKind::Update { id: now.id.clone(), expected: Some(now.version.clone()) };
        let op_id = course.parts.ids.op_id();
        let write = Write { op_id, kind, status: None, fields, marker: None };
        // The tracker is given the addresses of its own images. It may be sent twice without harm and needs no intent.
        match pass.writer.apply(&[write]).await.into_iter().next() {
            Some(Ok(shown)) => {
                let is_ours = (&now.fields, &now.status) == (&copy.fields, &copy.status);
                if is_ours {
                    page.rewritten(pass, pair, &copy.version, shown.version);
                }
            }
            Some(Err(error)) => return Ok(Err(Trouble { item, error, on_writing_side: true })),
            None => {}
        }
    }
    let mut grew = false;
    for image in memo.images.iter_mut().filter(|image| names.contains(image.name())) {
        grew |= !image.is_named;
        image.is_named = true;
    }
    if grew {
        memo::put(course, vec![(pair.id, memo.clone())]).await?;
    }
    Ok(Ok(()))
}

/// The texts of an item that may show images, with the addresses in them.
fn texts<'a>(
    pass: &'a Pass,
    item: &'a Item,
) -> impl Iterator<Item = (&'a syncline_domain::FieldRef, &'a str, BTreeSet<String>)> {
    item.fields.iter().filter_map(|(field, value)| {
        let (text, markup) = (value.as_str()?, pass.writer.image_markup(Some(field))?);
        Some((field, text, addresses(text, markup)))
    })
}

/// Images of the reading side, by the addresses under which they were asked for: their common names.
#[derive(Default)]
struct Moved {
    /// Those that are on the other side.
    names: BTreeMap<String, String>,
    /// Those that cannot be moved.
    left: BTreeMap<String, String>,
}

/// Sees to it that what the reading side keeps of these images is on the other side.
async fn moved(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    pair: &Pair,
    open: Vec<String>,
    memo: &mut Memo,
) -> Result<Result<Moved, Trouble>, Stop> {
    let item = &pair.item(pass.read).cloned().unwrap_or_default();
    let copy = &pair.item(pass.write).cloned().unwrap_or_default();
    let trouble = |error: ConnectorError, on_writing_side| {
        Ok(Err(Trouble { item: item.clone(), error, on_writing_side }))
    };
    let mut moved = Moved::default();
    if open.is_empty() {
        return Ok(Ok(moved));
    }
    let found = match pass.reader.inline_images(item, &open).await {
        Ok(found) => found,
        Err(error) => return trouble(error, false),
    };
    for (address, source) in open.into_iter().zip(found) {
        let image = match source {
            ImageSource::Elsewhere => continue,
            ImageSource::Locked(why) => {
                page.remark(
                    item,
                    &format!("the image {address:?} in its text was not copied: {why}"),
                );
                continue;
            }
            ImageSource::Here(image) => *image,
        };
        let name = image.file.url.clone();
        if native(&memo.images, pass.write, &name).is_none() {
            match moving::one(course, pass, (item, copy), &image, memo).await {
                // At once: an image that nobody knows of would be moved a second time.
                Ok(wrong) => {
                    memo::put(course, vec![(pair.id, memo.clone())]).await?;
                    if let Some(wrong) = wrong {
                        page.remark(item, &half_moved(&image, &wrong));
                    }
                }
                Err(Unmoved::Refused(why)) => {
                    page.remark(item, &refusal(&image, &why));
                    moved.left.insert(address, name);
                    continue;
                }
                Err(Unmoved::Failed(error, on_writing_side)) => {
                    return trouble(error, on_writing_side);
                }
            }
        }
        moved.names.insert(address, name);
    }
    Ok(Ok(moved))
}

fn half_moved(image: &InlineImage, wrong: &str) -> String {
    format!("the image {:?} in its text was copied, but {wrong}", image.file.name)
}

fn refusal(image: &InlineImage, why: &str) -> String {
    format!("the image {:?} in its text was not copied: {why}", image.file.name)
}

/// Moves the images of comments about to be written to the copy of an item, and lets the comments name them there.
///
/// # Errors
/// Why the run stops; the inner error is about this item.
pub(crate) async fn of_comments(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    pair: &Pair,
    mut comments: Vec<&mut NewComment>,
    memo: &mut Memo,
) -> Done {
    let item = &pair.item(pass.read).cloned().unwrap_or_default();
    let keeps_data = pass.writer.image_markup(None) == Some(ImageMarkup::Html);
    if !keeps_data && comments.iter().any(|comment| holds_data(&comment.body)) {
        page.remark(item, "an image that is part of a comment was not copied: it has no address");
    }
    let mut open = BTreeSet::new();
    for comment in &comments {
        let markup = markup_of(pass, comment.format);
        open.extend(markup.map(|markup| addresses(&comment.body, markup)).unwrap_or_default());
    }
    let open = open.into_iter().collect();
    let moved = match moved(course, pass, page, pair, open, memo).await? {
        Ok(moved) => moved,
        Err(trouble) => return Ok(Err(trouble)),
    };
    // What could not be moved is named so that anybody may find it.
    let address = |old: &str| {
        let copied = moved.names.get(old).and_then(|name| native(&memo.images, pass.write, name));
        copied.map(ToOwned::to_owned).or_else(|| moved.left.get(old).cloned())
    };
    for comment in &mut comments {
        if let Some(markup) = markup_of(pass, comment.format) {
            comment.body = replaced(&comment.body, markup, address);
        }
    }
    for image in &mut memo.images {
        image.is_named |= moved.names.values().any(|name| name == image.name());
    }
    Ok(Ok(()))
}

/// How a comment of the reading side names images.
fn markup_of(pass: &Pass, format: TextFormat) -> Option<ImageMarkup> {
    let of_tracker = pass.reader.image_markup(None)?;
    match format {
        TextFormat::Html => Some(ImageMarkup::Html),
        TextFormat::Markdown => Some(ImageMarkup::Markdown),
        TextFormat::Text => Some(of_tracker).filter(|markup| *markup == ImageMarkup::Textile),
    }
}
