//! `list_info`: paging, sorting, columns.

use serde_json::{Value, json};

use super::answers::{self, Answer, invalid};
use super::criteria::{self, Criterion};
use super::model::{Desk, Ticket};
use super::present::{self, Columns};
use super::schema::SORTABLE;
use super::site::Site;
use crate::shared::http::Reply;
use crate::shared::json::put;

/// Rows of a page unless the caller names a number.
const ROWS: usize = 10;

/// Where a page begins and how long it is.
pub(crate) struct Page {
    /// From 1.
    start: usize,
    rows: usize,
    total_wanted: bool,
}

impl Page {
    pub(crate) fn read(site: &Site, info: &Value) -> Answer<Self> {
        let number = |key: &str| -> Answer<Option<usize>> {
            match info.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => {
                    text.parse().map(Some).map_err(|_| invalid(key, "Invalid Input"))
                }
                Some(other) => {
                    let number = other.as_u64().and_then(|number| usize::try_from(number).ok());
                    number.map(Some).ok_or_else(|| invalid(key, "Invalid Input"))
                }
            }
        };
        let rows = number("row_count")?.unwrap_or(ROWS);
        if rows == 0 || rows > site.options.most_rows {
            return Err(invalid(
                "row_count",
                format!("The value must be between 1 and {}", site.options.most_rows),
            ));
        }
        let total_wanted = info.get("get_total_count").and_then(Value::as_bool).unwrap_or(false);
        Ok(Self { start: number("start_index")?.unwrap_or(1).max(1), rows, total_wanted })
    }

    /// Cuts the page out.
    fn cut<T>(&self, mut found: impl Iterator<Item = T>) -> Cut<T> {
        let skipped = found.by_ref().take(self.start.saturating_sub(1)).count();
        let rows: Vec<T> = found.by_ref().take(self.rows).collect();
        let rest = if self.total_wanted { found.count() } else { found.take(1).count() };
        let total = skipped.saturating_add(rows.len()).saturating_add(rest);
        Cut { rows, more: rest > 0, total: self.total_wanted.then_some(total) }
    }

    fn info(&self, more: bool, total: Option<usize>, shown: usize) -> Value {
        let mut info =
            json!({ "has_more_rows": more, "start_index": self.start, "row_count": shown });
        if let Some(total) = total {
            put(&mut info, "total_count", json!(total));
        }
        info
    }
}

/// A page that was cut out of what was found.
struct Cut<T> {
    rows: Vec<T>,
    more: bool,
    /// How many were found in all, if the caller wanted to know.
    total: Option<usize>,
}

/// A page of any ready rows.
pub(crate) fn plain(site: &Site, key: &str, rows: Vec<Value>, asked: &Value) -> Answer<Reply> {
    let page = Page::read(site, asked.get("list_info").unwrap_or(&Value::Null))?;
    let Cut { rows, more, total } = page.cut(rows.into_iter());
    let info = page.info(more, total, rows.len());
    Ok(answers::list(key, rows, info))
}

/// A page of requests.
pub(crate) fn requests(site: &Site, desk: &Desk, asked: &Value) -> Answer<Reply> {
    let none = Value::Null;
    let info = asked.get("list_info").unwrap_or(&none);
    let page = Page::read(site, info)?;
    let sort = info.get("sort_field").and_then(Value::as_str).unwrap_or("id");
    if !SORTABLE.contains(&sort) {
        return Err(invalid("sort_field", "Invalid sort field"));
    }
    let order = info.get("sort_order").and_then(Value::as_str);
    let descending = order.map_or(sort == "id", |word| word.eq_ignore_ascii_case("desc"));
    let wanted = match criteria::read(info.get("search_criteria").unwrap_or(&none))? {
        Criterion::Always => criteria::read_simple(info.get("search_fields").unwrap_or(&none))?,
        given => given,
    };
    let until = site.now().saturating_sub(site.world.search_lag_ms());
    let fits = |ticket: &&Ticket| {
        ticket.trashed.is_none()
            && !desk.forbidden.contains(&ticket.no)
            && created_at(ticket) <= until
            && wanted.holds(site, ticket)
    };
    let from = wanted.changed_from().unwrap_or(i64::MIN);
    let Cut { rows: found, more, total } = match (sort, descending) {
        ("last_updated_time", false) => page.cut(desk.changed_since(from).filter(fits)),
        ("last_updated_time", true) => page.cut(desk.changed_since(from).rev().filter(fits)),
        ("id", false) => page.cut(desk.all().filter(fits)),
        ("id", true) => page.cut(desk.all().rev().filter(fits)),
        _ => {
            let mut all: Vec<&Ticket> = desk.changed_since(from).filter(fits).collect();
            all.sort_by(|a, b| {
                let order = criteria::sort_order(site, sort, a, b).then(a.no.cmp(&b.no));
                if descending { order.reverse() } else { order }
            });
            page.cut(all.into_iter())
        }
    };
    let columns = columns(info);
    let rows: Vec<Value> =
        found.into_iter().map(|ticket| present::request(site, ticket, &columns)).collect();
    let info = page.info(more, total, rows.len());
    Ok(answers::list("requests", rows, info))
}

fn created_at(ticket: &Ticket) -> i64 {
    ticket.fields.get(super::fields::CREATED_TIME).and_then(|val| val.as_time()).unwrap_or(0)
}

fn columns(info: &Value) -> Columns {
    let named =
        info.get("fields_required").or_else(|| info.get("fields")).and_then(Value::as_array);
    match named {
        Some(keys) => {
            Columns::Named(keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect())
        }
        None => Columns::Usual,
    }
}
