//! The sandbox as a whole: locks, permission, and the control side.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::{Map, Value, json};

use super::answers::failed;
use super::lookups::Table;
use super::model::{Desk, Ticket};
use super::options::ServiceDeskOptions;
use super::present::{self, Columns};
use super::saving::{self, Actor};
use super::site::Site;
use super::{access, fields as f, page, routes, seed};
use crate::shared::faults::FaultRule;
use crate::shared::http::{Reply, Request};
use crate::shared::json::put;
use crate::shared::options::SandboxOptions;
use crate::shared::running::{self, RunningSandbox, SandboxError};
use crate::shared::tracker::{Call, Edit, Edited, ItemSummary, SandboxInfo, Tracker};

/// A sandbox ServiceDesk Plus. It holds nothing until it is started.
pub struct ServiceDeskPlus;

impl ServiceDeskPlus {
    /// Starts the product on premises with the usual rules. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SandboxError::Listen`] when the address cannot be listened on.
    pub async fn start(options: SandboxOptions) -> Result<RunningSandbox, SandboxError> {
        Self::start_with(options, ServiceDeskOptions::default()).await
    }

    /// Starts either product with rules of your own. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SandboxError::Listen`] when the address cannot be listened on.
    pub async fn start_with(
        options: SandboxOptions,
        desk: ServiceDeskOptions,
    ) -> Result<RunningSandbox, SandboxError> {
        running::start(options, |base, world, common| {
            let site = Site::new(base, world, common, desk);
            let desk = RwLock::new(seed::desk(&site));
            Arc::new(Portal { site, desk })
        })
    }
}

struct Portal {
    site: Site,
    desk: RwLock<Desk>,
}

impl Portal {
    fn read(&self) -> RwLockReadGuard<'_, Desk> {
        self.desk.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Desk> {
        self.desk.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn credentials(&self) -> BTreeMap<String, String> {
        let options = &self.site.options;
        let pairs: &[(&str, &String)] = if self.site.cloud() {
            &[
                ("client_id", &options.client_id),
                ("client_secret", &options.client_secret),
                ("refresh_token", &options.refresh_token),
            ]
        } else {
            &[("apiKey", &options.api_key)]
        };
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).clone())).collect()
    }
}

impl Tracker for Portal {
    fn handle(&self, request: &Request, _: &Call) -> Reply {
        if request.segments().as_slice() == ["oauth", "v2", "token"] && self.site.cloud() {
            return access::token(&self.site, request);
        }
        if let Err(refusal) = routes::admitted(&self.site, request) {
            return refusal;
        }
        let answer = routes::Cx::new(&self.site, request).and_then(|cx| {
            if cx.reads() {
                routes::read(&cx, &self.read())
            } else {
                routes::write(&cx, &mut self.write())
            }
        });
        answer.unwrap_or_else(|failure| failure.reply())
    }

    fn fault(&self, status: u16, rule: &FaultRule) -> Reply {
        let reply = match status {
            401 => access::refusal(),
            _ => failed(status, 4000, "", "scripted failure").reply(),
        };
        match rule.retry_after.or((status == 429).then_some(1)) {
            Some(seconds) => reply.with("Retry-After", seconds.to_string()),
            None => reply,
        }
    }

    fn sign_in(&self) -> Reply {
        access::sign_in()
    }

    fn page(&self, request: &Request) -> Option<Reply> {
        page::serve(&self.site, &self.read(), request)
    }

    fn route(&self, request: &Request) -> String {
        routes::name(request)
    }

    fn info(&self) -> SandboxInfo {
        let cloud = self.site.cloud();
        let mut metadata = Map::new();
        metadata.insert("flavour".into(), json!(if cloud { "cloud" } else { "onprem" }));
        if cloud {
            metadata.insert("accounts_url".into(), json!(self.site.base));
        }
        SandboxInfo {
            connector_type: "servicedeskplus".into(),
            name: format!("ServiceDesk Plus {}(sandbox)", if cloud { "Cloud " } else { "" }),
            base_url: self.site.base.clone(),
            endpoint: if cloud { self.site.options.portal.clone() } else { String::new() },
            auth_type: if cloud { "oauth" } else { "apikey" }.into(),
            credentials: self.credentials(),
            metadata,
            items: self.read().count(),
        }
    }

    fn edit(&self, edit: &Edit) -> Result<Edited, String> {
        let who = match &edit.as_user {
            Some(name) => self
                .site
                .people
                .find(name)
                .ok_or_else(|| format!("there is no account {name:?}"))?,
            None => 1,
        };
        let actor = Actor::person(who);
        let mut desk = self.write();
        let fields = friendly(&edit.fields, edit.item_type.as_deref());
        let no = match &edit.item_id {
            Some(id) => {
                self.site.request_no(&id.as_text()).ok_or("the item_id is no request id")?
            }
            None => saving::create(&self.site, &mut desk, actor, &fields).map_err(|e| told(&e))?,
        };
        if edit.item_id.is_some() && !fields.is_empty() {
            saving::update(&self.site, &mut desk, actor, no, &fields).map_err(|e| told(&e))?;
        }
        if let Some(text) = &edit.comment {
            saving::add_note(&self.site, &mut desk, actor, no, text, true).map_err(|e| told(&e))?;
        }
        let ticket = desk.any(no).ok_or("there is no such request")?;
        Ok(Edited { item_id: self.site.request_id(no), version: ticket.changed.to_string() })
    }

    fn remove(&self, id: &str, destroy: bool) -> bool {
        let Some(no) = self.site.request_no(id) else { return false };
        let mut desk = self.write();
        let actor = Actor::person(1);
        if destroy {
            saving::destroy(&self.site, &mut desk, actor, no).is_ok()
        } else {
            saving::trash(&self.site, &mut desk, actor, no, true).is_ok()
        }
    }

    fn forbid(&self, id: &str, forbidden: bool) -> bool {
        let Some(no) = self.site.request_no(id) else { return false };
        let mut desk = self.write();
        let there = desk.any(no).is_some();
        if there && forbidden {
            desk.forbidden.insert(no);
        } else {
            desk.forbidden.remove(&no);
        }
        there
    }

    fn items(&self) -> Vec<ItemSummary> {
        let name = |table: Table, ticket: &Ticket, no: u16| {
            ticket.reference(no).map(|row| table.name(row).to_owned()).unwrap_or_default()
        };
        let short = |ticket: &Ticket| ItemSummary {
            id: self.site.request_id(ticket.no),
            item_type: name(Table::RequestType, ticket, f::REQUEST_TYPE),
            title: ticket.text(f::SUBJECT).to_owned(),
            status: name(Table::Status, ticket, f::STATUS),
            version: ticket.changed.to_string(),
            url: self.site.page_url(ticket.no),
        };
        self.read().all().filter(|ticket| ticket.trashed.is_none()).map(short).collect()
    }

    fn item(&self, id: &str) -> Option<Value> {
        let desk = self.read();
        let ticket = desk.any(self.site.request_no(id)?)?;
        let mut shown = present::request(&self.site, ticket, &Columns::All);
        let notes = ticket.notes.iter().map(|note| present::note(&self.site, ticket.no, note));
        put(&mut shown, "notes", notes.collect());
        Some(shown)
    }

    fn reset(&self) {
        access::forget(&self.site);
        *self.write() = seed::desk(&self.site);
    }
}

fn told(failure: &super::answers::Failure) -> String {
    format!("{} ({}) {:?}", failure.message, failure.code, failure.fields)
}

/// Edits may name lookups and people by plain text: `"status": "On Hold"`.
fn friendly(fields: &Map<String, Value>, item_type: Option<&str>) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in fields {
        let kind = super::schema::find(key).map(|field| field.kind);
        let wrapped = match (kind, value) {
            (Some(super::schema::Kind::Lookup(_)), Value::String(name)) => json!({ "name": name }),
            (Some(super::schema::Kind::Who), Value::String(mail)) if mail.contains('@') => {
                json!({ "email_id": mail })
            }
            (Some(super::schema::Kind::Who), Value::String(name)) => json!({ "name": name }),
            _ => value.clone(),
        };
        out.insert(key.clone(), wrapped);
    }
    if let Some(name) = item_type {
        out.insert("request_type".into(), json!({ "name": name }));
    }
    out
}
