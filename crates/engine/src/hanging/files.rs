//! Files. Each is copied once, through the disk where it is large, and the copy is read back and compared by hash.
//!
//! A file that is there already under the same name and with the same bytes is taken for the copy: so a copy whose answer
//! was lost is not made twice. What somebody takes away on one side stays on the other, and is not hung up again.

use std::collections::BTreeSet;

use syncline_domain::ports::ConnectorError;
use syncline_domain::{Attachment, ItemId, Pair, Side};

use super::fetch::{Unread, fetch, glance, verify};
use super::memo::{self, FilePair, Memo};
use super::spool::Print;
use super::{Memos, Trouble, is_refusal, tell};
use crate::course::Course;
use crate::error::Stop;
use crate::page::Page;
use crate::pass::Pass;

/// Carries the files of some items, one after the other.
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
        match one(course, pass, (&item, &copy), &file, &mut free).await {
            Ok(Ok((made, wrong))) => {
                memo.files.push(made);
                if let Some(wrong) = wrong {
                    page.remark(&item, &wrong);
                }
            }
            Ok(Err(refused)) => page.remark(&item, &refused),
            Err((error, on_writing_side)) => return Err(trouble(on_writing_side)(error)),
        }
    }
    Ok(())
}

pub(super) fn pair_of(read: Side, file: &str, copy: &str) -> FilePair {
    let (source, target) = match read {
        Side::Source => (file, copy),
        Side::Target => (copy, file),
    };
    FilePair { source: source.to_owned(), target: target.to_owned() }
}

/// What one file led to: its copy (and what is wrong with it), or why it is not carried, or why nothing more is (and
/// whether the writing side said so).
type Carried = Result<Result<(FilePair, Option<String>), String>, (ConnectorError, bool)>;

async fn one(
    course: &Course,
    pass: &Pass,
    (item, copy): (&ItemId, &ItemId),
    file: &Attachment,
    free: &mut Vec<Attachment>,
) -> Carried {
    let refused = |why: &str| Ok(Err(format!("its file {:?} was not copied: {why}", file.name)));
    let fetched = match fetch(pass, item, file).await {
        Ok(fetched) => fetched,
        Err(Unread::Refused(why)) => return refused(&why),
        Err(Unread::Failed(error)) => return Err((error, false)),
    };
    let there = copy_there(pass, copy, file, &fetched.print, free).await;
    if let Some(other) = there.map_err(|error| (error, true))? {
        return Ok(Ok((pair_of(pass.read, &file.id, &other.id), None)));
    }
    let kind = file.content_type.as_deref().unwrap_or("application/octet-stream");
    if course.may_go_on().await.is_err() {
        return refused("the run is ending; the next one goes on");
    }
    match pass.writer.attach(copy, &file.name, kind, fetched.file).await {
        Ok(made) => {
            let wrong = verify(pass.writer.as_ref(), (copy, &made), &fetched.print).await;
            let told = wrong.map(|why| format!("its file {:?} was copied, but {why}", file.name));
            Ok(Ok((pair_of(pass.read, &file.id, &made.id), told)))
        }
        Err(error) if is_refusal(&error) => refused(&error.detail),
        Err(error) => Err((error, true)),
    }
}

/// The file among those without a pair that has the same name and bytes. One that may not be read counts by its size.
async fn copy_there(
    pass: &Pass,
    copy: &ItemId,
    file: &Attachment,
    print: &Print,
    free: &mut Vec<Attachment>,
) -> Result<Option<Attachment>, ConnectorError> {
    let may_be = |other: &Attachment| {
        other.name == file.name && other.size.is_none_or(|size| size == print.size)
    };
    for at in 0..free.len() {
        let Some(other) = free.get(at).filter(|other| may_be(other)) else { continue };
        let is_it = match glance(pass.writer.as_ref(), (copy, other), print.size).await? {
            Some(shown) => shown == *print,
            None => other.size == Some(print.size),
        };
        if is_it {
            return Ok(Some(free.swap_remove(at)));
        }
    }
    Ok(None)
}
