//! Files. Each is copied once, and its size is checked on both ways.
//!
//! A file that is there already under the same name and size is taken for the copy: so a copy whose answer was lost is not
//! made twice. What somebody takes away on one side stays on the other, and is not hung up again.

use std::collections::BTreeSet;

use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{Attachment, ItemId, Pair, Side};

use super::memo::{self, FilePair, Memo};
use super::{Memos, Trouble, is_refusal, tell};
use crate::course::Course;
use crate::error::Stop;
use crate::page::Page;
use crate::pass::Pass;

/// Carries the files of some items, one item after the other: a file is in memory while it is on its way.
pub(super) async fn copy(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    pairs: &[Pair],
    memos: &mut Memos,
) -> Result<(), Stop> {
    for pair in pairs {
        let memo = memos.entry(pair.id).or_default();
        let before = memo.files.len();
        let done = of_item(course, pass, page, pair, memo).await;
        if memo.files.len() > before {
            memo::put(course, vec![(pair.id, memo.clone())]).await?;
        }
        if let Err(trouble) = done {
            tell(course, pass, page, trouble)?;
        }
        course.may_go_on().await?;
    }
    Ok(())
}

async fn of_item(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    pair: &Pair,
    memo: &mut Memo,
) -> Result<(), Trouble> {
    let item = pair.item(pass.read).cloned().unwrap_or_default();
    let copy = pair.item(pass.write).cloned().unwrap_or_default();
    let trouble = |on_writing_side| {
        let item = item.clone();
        move |error| Trouble { item, error, on_writing_side }
    };
    let files = pass.reader.attachments(&item).await.map_err(trouble(false))?;
    let is_new = |file: &Attachment| !memo.files.iter().any(|known| known.id(pass.read) == file.id);
    let new: Vec<Attachment> = files.into_iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(());
    }
    let there = pass.writer.attachments(&copy).await.map_err(trouble(true))?;
    let taken: BTreeSet<String> =
        memo.files.iter().map(|known| known.id(pass.write).to_owned()).collect();
    let mut free: Vec<Attachment> =
        there.into_iter().filter(|file| !taken.contains(&file.id)).collect();
    for file in new {
        if let Some(at) = free.iter().position(|other| is_alike(&file, other)) {
            let other = free.swap_remove(at);
            memo.files.push(pair_of(pass.read, &file.id, &other.id));
            continue;
        }
        match one(course, pass, (&item, &copy), &file).await {
            Ok(Ok(made)) => memo.files.push(made),
            Ok(Err(refused)) => page.remark(&item, &refused),
            Err((error, on_writing_side)) => return Err(trouble(on_writing_side)(error)),
        }
    }
    Ok(())
}

fn is_alike(one: &Attachment, other: &Attachment) -> bool {
    let sizes = one.size.zip(other.size);
    one.name == other.name && sizes.is_none_or(|(one, other)| one == other)
}

pub(super) fn pair_of(read: Side, file: &str, copy: &str) -> FilePair {
    let (source, target) = match read {
        Side::Source => (file, copy),
        Side::Target => (copy, file),
    };
    FilePair { source: source.to_owned(), target: target.to_owned() }
}

/// What one file led to: the pair, or why it is not carried, or why nothing more is (and whether the writing side said so).
type Carried = Result<Result<FilePair, String>, (ConnectorError, bool)>;

async fn one(
    course: &Course,
    pass: &Pass,
    (item, copy): (&ItemId, &ItemId),
    file: &Attachment,
) -> Carried {
    let limit = pass.spec.config.options.attachments_max_bytes;
    let refused = |why: &str| Ok(Err(format!("its file {:?} was not copied: {why}", file.name)));
    if file.size.is_some_and(|size| size > limit) {
        return refused(&format!("it is larger than {limit} bytes (attachments_max_bytes)"));
    }
    let bytes = match pass.reader.download(item, file, limit).await {
        Ok(bytes) => bytes,
        Err(error) if is_refusal(&error) => return refused(&error.detail),
        Err(error) => return Err((error, false)),
    };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if file.size.is_some_and(|told| told != size) {
        let text = format!("{} of {:?} bytes of the file {:?} came", size, file.size, file.name);
        return Err((ConnectorError::new(ErrorKind::Protocol, text), false));
    }
    let kind = file.content_type.as_deref().unwrap_or("application/octet-stream");
    if course.may_go_on().await.is_err() {
        return refused("the run is ending; the next one goes on");
    }
    match pass.writer.attach(copy, &file.name, kind, bytes).await {
        Ok(made) if made.size.is_some_and(|took| took != size) => {
            refused(&format!("the other tracker took {:?} of its {size} bytes", made.size))
        }
        Ok(made) => Ok(Ok(pair_of(pass.read, &file.id, &made.id))),
        Err(error) if is_refusal(&error) => refused(&error.detail),
        Err(error) => Err((error, true)),
    }
}
