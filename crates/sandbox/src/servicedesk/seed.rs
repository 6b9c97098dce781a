//! The requests that the sandbox starts with.

use super::fields as f;
use super::lookups::{self, Table};
use super::model::{Desk, Note};
use super::site::Site;
use crate::shared::record::{Record, Val};
use crate::shared::seedtext::{self, SeedText};
use crate::shared::text::{mix, pick};

const HOUR: i64 = 3_600_000;

/// A fresh desk with as many requests as asked for, all in the past.
pub(crate) fn desk(site: &Site) -> Desk {
    let mut desk = Desk::default();
    let count = site.common.items;
    let now = site.now().saturating_sub(site.now().rem_euclid(1_000));
    let start = now.saturating_sub(90 * 24 * HOUR);
    let step = (80 * 24 * HOUR) / i64::try_from(count).unwrap_or(i64::MAX).max(1);
    for index in 0..count {
        let offset = i64::try_from(index).unwrap_or(0).saturating_mul(step);
        let at = start.saturating_add(offset).div_euclid(60_000).saturating_mul(60_000);
        request(site, &mut desk, index, at);
    }
    desk
}

fn request(site: &Site, desk: &mut Desk, index: usize, at: i64) {
    let seed = site.common.seed;
    let number = u64::try_from(index).unwrap_or(0);
    let chance = mix(seed ^ number.wrapping_mul(91));
    let text = seedtext::bug(seed, index);
    let fields = fields(site, desk, &text, chance, at);
    let no = desk.insert(fields, at);
    if let Some(said) = seedtext::comment(seed, index) {
        let later = at.saturating_add(2 * HOUR);
        let note = Note {
            no: desk.next_part(),
            html: said.into(),
            public: true,
            by: pick(&[1, 2, 3], chance >> 32),
            at: later,
            changed: None,
        };
        desk.change(no, later, |ticket| ticket.notes.push(note));
    }
}

fn fields(site: &Site, desk: &mut Desk, text: &SeedText, chance: u64, at: i64) -> Record {
    let row = |table: Table, name: &str| table.by_name(name).map(Val::Ref);
    let priority = pick(
        &["Urgent", "Urgent", "High", "Normal", "Low"],
        u64::try_from(text.priority).unwrap_or(3),
    );
    let status =
        pick(&["Open", "Open", "In Progress", "On Hold", "Resolved", "Closed"], chance >> 8);
    let status = Table::Status.by_name(status).unwrap_or(lookups::OPEN);
    let requester = Some(Val::Ref(pick(&[6, 7, 8], chance >> 16)));
    let technician = Val::Ref(pick(&[1, 2, 3, 4, 5], chance >> 24));
    let done = lookups::is_done(status).then_some(Val::Time(at.saturating_add(5 * HOUR)));
    let values = [
        (f::SUBJECT, Some(Val::text(&text.title))),
        (f::DESCRIPTION, Some(desk.word(&text.problem_html))),
        (f::STATUS, Some(Val::Ref(status))),
        (f::PRIORITY, row(Table::Priority, priority)),
        (f::CATEGORY, row(Table::Category, text.part)),
        (f::REQUEST_TYPE, Some(Val::Ref(0))),
        (f::TEMPLATE, Some(Val::Ref(0))),
        (f::SITE, Some(Val::Ref(0))),
        (f::REQUESTER, requester.clone()),
        (f::CREATED_BY, requester),
        (f::TECHNICIAN, (!chance.is_multiple_of(4)).then_some(technician)),
        (f::CREATED_TIME, Some(Val::Time(at))),
        (f::DUE_BY_TIME, Some(Val::Time(at.saturating_add(72 * HOUR)))),
        (f::RESOLVED_TIME, done.clone()),
        (f::COMPLETED_TIME, done),
        (f::LAST_UPDATED_TIME, (!site.options.null_last_updated).then_some(Val::Time(at))),
    ];
    let mut fields = Record::default();
    for (no, val) in values {
        fields.put(no, val);
    }
    fields
}
