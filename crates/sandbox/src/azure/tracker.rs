//! The sandbox as a whole: locks, permission, and the control side.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::{Map, Value, json};

use super::options::AzureDevOpsOptions;
use super::patch::{Op, Place, Verb};
use super::present::{self, Show};
use super::saving::{self, Actor, Aliases};
use super::site::Site;
use super::store::Store;
use super::{access, fields as f, page, routes, seed};
use crate::shared::faults::FaultRule;
use crate::shared::http::{Reply, Request};
use crate::shared::json::put;
use crate::shared::options::SandboxOptions;
use crate::shared::running::{self, RunningSandbox, SandboxError};
use crate::shared::tracker::{Call, Edit, Edited, ItemSummary, SandboxInfo, Tracker};

/// A sandbox Azure DevOps. It holds nothing until it is started.
pub struct AzureDevOps;

impl AzureDevOps {
    /// Starts one with the usual names and rules. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SandboxError::Listen`] when the address cannot be listened on.
    pub async fn start(options: SandboxOptions) -> Result<RunningSandbox, SandboxError> {
        Self::start_with(options, AzureDevOpsOptions::default()).await
    }

    /// Starts one with names and rules of your own. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SandboxError::Listen`] when the address cannot be listened on.
    pub async fn start_with(
        options: SandboxOptions,
        azure: AzureDevOpsOptions,
    ) -> Result<RunningSandbox, SandboxError> {
        running::start(options, |base, world, common| {
            let site = Site::new(&base, world, common, azure);
            let store = RwLock::new(seed::store(&site));
            Arc::new(Organization { site, store })
        })
    }
}

struct Organization {
    site: Site,
    store: RwLock<Store>,
}

impl Organization {
    fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tracker for Organization {
    fn handle(&self, request: &Request, call: &Call) -> Reply {
        if !access::authorised(&self.site, request) {
            return access::refusal(request);
        }
        let answer = routes::Cx::new(&self.site, request, call).and_then(|cx| {
            if cx.reads() {
                routes::read(&cx, &self.read())
            } else {
                routes::write(&cx, &mut self.write())
            }
        });
        answer.unwrap_or_else(|error| error.reply())
    }

    fn fault(&self, status: u16, rule: &FaultRule) -> Reply {
        let (key, message) = match status {
            401 => return access::unauthorised(),
            403 => ("PermissionDeniedException", "TF401027: You need the permission to do that."),
            429 => (
                "RequestBlockedException",
                "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'User'.",
            ),
            409 => (
                "WorkItemRevisionMismatchException",
                "TF26071: This work item has been changed by someone else since you opened it.",
            ),
            _ => (
                "TeamFoundationServiceUnavailableException",
                "TF400898: An internal error occurred.",
            ),
        };
        let reply = super::errors::ApiError::new(status, key, message).reply();
        match (status, rule.retry_after) {
            (429, seconds) => throttled(reply, seconds.unwrap_or(1)),
            (_, Some(seconds)) => reply.with("Retry-After", seconds.to_string()),
            _ => reply,
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
        let mut metadata = Map::new();
        metadata.insert("api_version".into(), json!("7.1"));
        SandboxInfo {
            connector_type: "azuredevops".into(),
            name: "Azure DevOps (sandbox)".into(),
            base_url: self.site.collection.clone(),
            endpoint: self.site.options.project.clone(),
            auth_type: "pat".into(),
            credentials: [("token".to_owned(), self.site.options.token.clone())].into(),
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
        let mut store = self.write();
        let ops = operations(&edit.fields);
        let show = Show::all();
        let none = Aliases::new();
        let id = match &edit.item_id {
            Some(id) => id.as_text().parse().map_err(|_| "the item_id is no number".to_owned())?,
            None => {
                let kind = edit.item_type.as_deref().unwrap_or("Bug");
                saving::create(&self.site, &mut store, &actor, kind, &ops, &none, &show)
                    .map_err(|e| e.message)?
                    .0
            }
        };
        if edit.item_id.is_some() && !ops.is_empty() {
            saving::update(&self.site, &mut store, &actor, id, &ops, &none, &show)
                .map_err(|e| e.message)?;
        }
        if let Some(text) = &edit.comment {
            saving::comment(&self.site, &mut store, &actor, id, text, false)
                .map_err(|e| e.message)?;
        }
        let version = store.any(id).map(|item| item.rev().to_string());
        Ok(Edited { item_id: id.to_string(), version: version.ok_or("there is no such item")? })
    }

    fn remove(&self, id: &str, destroy: bool) -> bool {
        let Ok(id) = id.parse() else { return false };
        saving::delete(&self.site, &mut self.write(), &Actor::person(1), id, destroy).is_ok()
    }

    fn forbid(&self, id: &str, forbidden: bool) -> bool {
        let Ok(id) = id.parse() else { return false };
        let mut store = self.write();
        let there = store.any(id).is_some();
        if there && forbidden {
            store.forbidden.insert(id);
        } else {
            store.forbidden.remove(&id);
        }
        there
    }

    fn items(&self) -> Vec<ItemSummary> {
        let store = self.read();
        let short = |item: &super::model::Item| ItemSummary {
            id: item.id.to_string(),
            item_type: item.text(f::TYPE).to_owned(),
            title: item.text(f::TITLE).to_owned(),
            status: item.text(f::STATE).to_owned(),
            version: item.rev().to_string(),
            url: self.site.page_url(item.id),
        };
        store.starting_at(0).filter(|item| item.deleted.is_none()).map(short).collect()
    }

    fn item(&self, id: &str) -> Option<Value> {
        let store = self.read();
        let item = store.any(id.parse().ok()?)?;
        let mut shown = present::item(&self.site, &store, item, &Show::all());
        let comments = item.comments.iter().filter(|comment| !comment.deleted);
        put(
            &mut shown,
            "comments",
            comments.map(|one| present::comment(&self.site, item.id, one, false)).collect(),
        );
        Some(shown)
    }

    fn reset(&self) {
        *self.write() = seed::store(&self.site);
    }
}

fn throttled(reply: Reply, seconds: u64) -> Reply {
    reply
        .with("Retry-After", seconds.to_string())
        .with("X-RateLimit-Resource", "Core")
        .with("X-RateLimit-Delay", "5.000")
        .with("X-RateLimit-Limit", "200")
        .with("X-RateLimit-Remaining", "0")
}

fn operations(fields: &Map<String, Value>) -> Vec<Op> {
    let one = |(name, value): (&String, &Value)| Op {
        verb: Verb::Add,
        place: Place::Field(name.clone()),
        value: value.clone(),
    };
    fields.iter().map(one).collect()
}
