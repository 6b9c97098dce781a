//! The writes of a page: sent, answered, and planned anew where a copy had moved on.

use std::sync::Arc;

use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ErrorType, ItemState};

use crate::choose::{copy_of, decide, look_at_copies, lost_copy, verdict_of};
use crate::course::Course;
use crate::deletes::{Lost, judge};
use crate::error::Stop;
use crate::hanging;
use crate::outcome::{RetryMove, Verdict, error_of};
use crate::page::Page;
use crate::pass::Pass;
use crate::people;
use crate::plan::{Open, Planned};
use crate::record::{Fact, put_facts};
use crate::retry::backoff;
use crate::reviewed;
use crate::write::{Answer, send};

/// How often a write is planned anew because its copy had moved on.
const TRIES: u32 = 3;

/// Writes what was planned; a copy that moved on meanwhile is read and planned again.
pub(crate) async fn perform(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    mut planned: Vec<Planned>,
) -> Result<(), Stop> {
    let mut stop = None;
    while !planned.is_empty() && stop.is_none() {
        let batch = Arc::new(planned);
        let sent = send(course, pass, &batch).await?;
        stop = sent.stop;
        let mut again = Again::default();
        for (at, answer) in sent.answers {
            let Some(one) = batch.get(at) else { continue };
            take_answer(course, pass, page, one, answer, &mut again);
        }
        planned = replan(course, pass, page, again).await?;
    }
    links(course, pass, page).await?;
    match stop {
        Some(stop) => Err(stop),
        // A plan holds nothing of what hangs on items: the next run carries it.
        None if course.reviewed().is_some() => Ok(()),
        None => hanging::carry(course, pass, page).await,
    }
}

/// Items whose write was refused, and that may be planned anew.
#[derive(Default)]
struct Again {
    /// Their copies had moved on.
    moved: Vec<Open>,
    /// Their copies were not there.
    lost: Vec<Lost>,
    /// The tracker may not know somebody whom nobody had asked for.
    unknown: Vec<(Open, ConnectorError)>,
}

/// Joined items get their pair before their comments are copied.
async fn links(course: &Course, pass: &Pass, page: &mut Page) -> Result<(), Stop> {
    page.leave_open(pass);
    let (links, moves): (Vec<_>, Vec<_>) =
        std::mem::take(&mut page.moves).into_iter().partition(Fact::is_new_pair);
    page.moves = moves;
    if links.is_empty() {
        return Ok(());
    }
    let now = course.now();
    put_facts(course, pass, "record_links", links, now).await
}

fn take_answer(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    one: &Planned,
    answer: Answer,
    again: &mut Again,
) {
    let id = &one.open.item.id;
    let copy = copy_of(pass, &one.open);
    let mapped = || one.open.mapped.fields.clone();
    match answer {
        Answer::Done(item) => {
            course.wrote(one);
            if let Some(reviewed) = course.reviewed() {
                reviewed.note_own(pass.write, &item.id, &item.version);
            }
            let mut verdict = page.recovered.relabel(pass.read, id, verdict_of(one));
            if let Some(kept) = kept_status(one.status.as_deref(), item.status.as_deref()) {
                log::warn!(execution_id = course.execution.id.0, item = id.as_str(); "{kept}");
                let before =
                    verdict.rule.take().map_or_else(String::new, |rule| format!("{rule}; "));
                verdict = verdict.by_rule(format!("{before}{kept}"));
            }
            if let (ItemState::Conflicted, Some(memory)) = (verdict.state, &one.open.memory) {
                course.tell_conflicted(memory.pair.id);
            }
            page.settle(course, pass, (id, Some(item.id)), verdict, mapped());
        }
        Answer::NotSent => {}
        Answer::Refused(error) if error.kind.stops_run() => {}
        // What is planned anew would not be what the plan says.
        Answer::Refused(error) if course.reviewed().is_some() && is_planned_anew(one, &error) => {
            let why =
                format!("the {} item was changed or deleted since the plan was made", pass.write);
            page.settle(course, pass, (id, copy), reviewed::refused(why), mapped());
        }
        Answer::Refused(error) if error.kind == ErrorKind::VersionConflict && !one.is_create() => {
            again.moved.push(one.open.clone());
        }
        Answer::Refused(error)
            if error.kind == ErrorKind::Invalid
                && !one.open.people.is_empty()
                && course.reviewed().is_none() =>
        {
            again.unknown.push((one.open.clone(), error));
        }
        Answer::Refused(error) if error.kind == ErrorKind::Ambiguous => {
            course.lose_track(pass.read, id, copy.as_ref());
            let wait = backoff(0).max(pass.writer_can.search_lag);
            let verdict = Verdict::waiting(
                "nobody knows whether the write happened; the next run looks",
                Some(error_of(&error)),
                RetryMove::Later(course.now().after(wait)),
            );
            page.settle(course, pass, (id, copy), verdict, mapped());
        }
        Answer::Refused(error) if error.kind == ErrorKind::NotFound && !one.is_create() => {
            again.lost.push(lost_copy(pass, &one.open));
        }
        Answer::Refused(error) => {
            page.settle(course, pass, (id, copy), Verdict::refused(&error), mapped());
        }
    }
}

/// Whether a refusal has an item planned anew, for another look or as deleted.
fn is_planned_anew(one: &Planned, error: &ConnectorError) -> bool {
    !one.is_create() && matches!(error.kind, ErrorKind::VersionConflict | ErrorKind::NotFound)
}

/// A tracker may take a write and keep the item in another status; then the item's row says so.
fn kept_status(wanted: Option<&str>, shown: Option<&str>) -> Option<String> {
    let (wanted, shown) = (wanted?, shown?);
    (wanted != shown).then(|| {
        format!(
            "the tracker kept the status {shown} where {wanted} was written; check its workflow"
        )
    })
}

async fn replan(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    again: Again,
) -> Result<Vec<Planned>, Stop> {
    judge(course, pass, page, again.lost).await?;
    let mut planned = Vec::new();
    let mut opens = named_anew(course, pass, page, again.unknown, &mut planned).await?;
    for mut open in again.moved {
        open.tries += 1;
        if open.tries < TRIES {
            opens.push(open);
            continue;
        }
        let copy = copy_of(pass, &open);
        let verdict = Verdict::wrong(
            ErrorType::Conflict,
            "its copy was changed again and again while it was written; it is tried again later",
        );
        page.settle(course, pass, (&open.item.id, copy), verdict, open.mapped.fields);
    }
    let looked = look_at_copies(course, pass, page, opens).await?;
    for open in looked {
        decide(course, pass, page, open, &mut planned, &mut Vec::new());
    }
    Ok(planned)
}

async fn ask_after_refusal(
    course: &Course,
    pass: &Pass,
    open: &mut Open,
    error: &ConnectorError,
) -> Result<bool, Stop> {
    people::ask_after_refusal(&mut *course.people.lock().await, pass, open, error).await
}

/// Plans items anew whose write was refused for a person whom the tracker does not know; other refusals stand. Items
/// whose copies must be looked at first come back.
async fn named_anew(
    course: &Course,
    pass: &Pass,
    page: &mut Page,
    refused: Vec<(Open, ConnectorError)>,
    planned: &mut Vec<Planned>,
) -> Result<Vec<Open>, Stop> {
    let mut to_look = Vec::new();
    for (mut open, error) in refused {
        open.tries += 1;
        let is_new =
            open.tries < TRIES && ask_after_refusal(course, pass, &mut open, &error).await?;
        if is_new {
            decide(course, pass, page, open, planned, &mut to_look);
        } else {
            let copy = copy_of(pass, &open);
            let verdict = Verdict::refused(&error);
            page.settle(course, pass, (&open.item.id, copy), verdict, open.mapped.fields);
        }
    }
    Ok(to_look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_was_not_taken_is_told() {
        assert_eq!(kept_status(Some("Closed"), Some("Closed")), None);
        assert_eq!(kept_status(None, Some("New")), None);
        let told = kept_status(Some("Closed"), Some("New")).unwrap();
        assert!(told.contains("New") && told.contains("Closed"), "{told}");
    }
}
