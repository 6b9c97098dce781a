//! The calls to Azure DevOps: addresses, headers, and what every answer is checked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, FileSink, FileSource};
use syncline_outbound::{Client, Expect, Method, OutboundError, Request, Response, Url};

use super::config::{Config, segment};
use super::errors::{self, Effect};
use super::wire::{
    AttachmentReference, BatchAnswer, BatchEntry, CommentPage, ConnectionData, Deleted,
    FieldDefinition, Listed, PatchOp, Project, QueryAnswer, State, TypeField, WireComment,
    WireUpdate, WorkItem, WorkItemType,
};
use crate::oauth::TokenSource;

/// The only content type in which a single work item is written.
const JSON_PATCH: &str = "application/json-patch+json";
/// What we want back: without it some servers answer pages.
const JSON: &str = "application/json";
/// Comments a page.
const COMMENTS: &str = "200";
/// Updates a page.
pub(super) const UPDATES: usize = 200;

/// How calls are signed.
pub(super) enum SignIn {
    /// A personal access token: basic authentication with an empty user name.
    Pat(SecretString),
    /// A token that somebody else renews.
    Bearer(SecretString),
    /// Tokens that we renew.
    OAuth(Box<TokenSource>),
}

/// The tracker's calls.
pub(super) struct Api {
    pub(super) config: Config,
    pub(super) client: Client,
    pub(super) sign_in: SignIn,
}

/// Why a call for many items gave none.
pub(super) enum Failed {
    /// The answer is too large: ask for less.
    TooLarge(ConnectorError),
    /// Anything else.
    Error(ConnectorError),
}

impl Api {
    /// Runs a flat query; `top` caps the answer.
    pub(super) async fn query(
        &self,
        wiql: &str,
        top: usize,
    ) -> Result<QueryAnswer, ConnectorError> {
        let request = self
            .request(Method::POST, &self.config.wit_url("wiql"))?
            .query("timePrecision", "true")
            .query("$top", &top.to_string())
            .json(&json!({ "query": wiql }))
            .as_read();
        self.read(request).await
    }

    /// Reads up to 200 items; those that are gone or hidden are left out.
    pub(super) async fn items(
        &self,
        ids: &[u64],
        fields: &[String],
    ) -> Result<Vec<WorkItem>, Failed> {
        let mut body = json!({ "ids": ids, "errorPolicy": "omit" });
        if let (false, Some(map)) = (fields.is_empty(), body.as_object_mut()) {
            map.insert("fields".to_owned(), json!(fields));
        }
        let url = self.config.wit_url("workitemsbatch");
        let request =
            self.request(Method::POST, &url).map_err(Failed::Error)?.json(&body).as_read();
        let response = match self.send(request).await {
            Ok(response) => response,
            Err(Refusal::Outbound(error)) if error.is_too_large() => {
                return Err(Failed::TooLarge(error.into_connector_error(false)));
            }
            Err(refusal) => return Err(Failed::Error(refusal.into_error(Effect::None))),
        };
        let all: Listed<Option<WorkItem>> =
            judged(&response, Effect::None).map_err(Failed::Error)?;
        Ok(all.value.into_iter().flatten().collect())
    }

    /// Whether the item can be read: `errorPolicy=omit` makes a missing one a null.
    pub(super) async fn is_readable(&self, id: u64) -> Result<bool, ConnectorError> {
        let request = self
            .request(Method::GET, &self.config.wit_url("workitems"))?
            .query("ids", &id.to_string())
            .query("fields", "System.Id")
            .query("errorPolicy", "omit");
        let all = self.read::<Listed<Option<WorkItem>>>(request).await;
        match all {
            Ok(all) => Ok(all.value.into_iter().flatten().any(|item| item.id == id)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the item lies in the recycle bin.
    pub(super) async fn is_in_recycle_bin(&self, id: u64) -> Result<bool, ConnectorError> {
        let request =
            self.request(Method::GET, &self.config.wit_url(&format!("recyclebin/{id}")))?;
        match self.read::<Value>(request).await {
            Ok(found) => Ok(found.get("id").is_some()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One item with its relations.
    pub(super) async fn item_with_relations(&self, id: u64) -> Result<WorkItem, ConnectorError> {
        let request = self
            .request(Method::GET, &self.config.wit_url(&format!("workitems/{id}")))?
            .query("$expand", "relations");
        self.read(request).await
    }

    /// Makes an item.
    pub(super) async fn create(
        &self,
        type_ref: &str,
        ops: &[PatchOp],
    ) -> Result<WorkItem, ConnectorError> {
        let url = self.config.wit_url(&format!("workitems/${}", segment(type_ref)));
        self.write(self.patch_request(Method::POST, &url, ops)?).await
    }

    /// Asks whether an item could be made, without making it; the answer shows it as it would be.
    pub(super) async fn validate(
        &self,
        type_ref: &str,
        ops: &[PatchOp],
    ) -> Result<Value, ConnectorError> {
        let url = self.config.wit_url(&format!("workitems/${}", segment(type_ref)));
        let request = self.patch_request(Method::POST, &url, ops)?.query("validateOnly", "true");
        self.read(request.as_read()).await
    }

    /// Changes an item.
    pub(super) async fn update(
        &self,
        id: u64,
        ops: &[PatchOp],
    ) -> Result<WorkItem, ConnectorError> {
        let url = self.config.wit_url(&format!("workitems/{id}"));
        self.write(self.patch_request(Method::PATCH, &url, ops)?).await
    }

    /// Sends several creates and updates at once. Each is judged by its own code.
    pub(super) async fn batch(
        &self,
        entries: &[BatchEntry<'_>],
    ) -> Result<Vec<BatchAnswer>, ConnectorError> {
        let url = self.config.organisation_url("wit/$batch");
        let request = self.request(Method::PATCH, &url)?.json(&entries);
        let answer: Listed<BatchAnswer> = self.write(request).await?;
        Ok(answer.value)
    }

    /// The address of an entry that makes an item.
    pub(super) fn create_uri(&self, type_ref: &str) -> String {
        let (project, kind) = (segment(&self.config.project), segment(type_ref));
        format!("/{project}/_apis/wit/workitems/${kind}?api-version={}", self.config.api_version)
    }

    /// The address of an entry that changes an item.
    pub(super) fn update_uri(&self, id: u64) -> String {
        format!("/_apis/wit/workitems/{id}?api-version={}", self.config.api_version)
    }

    /// Puts an item into the recycle bin; the answer is the item as it was, where the server sends it.
    pub(super) async fn delete(&self, id: u64) -> Result<Option<WorkItem>, ConnectorError> {
        let request =
            self.request(Method::DELETE, &self.config.wit_url(&format!("workitems/{id}")))?;
        let response =
            self.send(request).await.map_err(|refusal| refusal.into_error(Effect::Write))?;
        if response.status == 204 || (response.is_success() && response.body.is_empty()) {
            return Ok(None);
        }
        judged::<Deleted>(&response, Effect::Write).map(|deleted| deleted.resource)
    }

    /// Who we are.
    pub(super) async fn connection(&self) -> Result<ConnectionData, ConnectorError> {
        // This resource has only ever been a preview and takes no plain version.
        let url = parsed(&self.config.organisation_url("connectionData"))?;
        self.read(Request::get(url).header("Accept", JSON).query("api-version", "7.1-preview.1"))
            .await
    }

    /// A page of the projects that we may see.
    pub(super) async fn projects(
        &self,
        top: usize,
        skip: usize,
    ) -> Result<Vec<Project>, ConnectorError> {
        let request = self
            .request(Method::GET, &self.config.organisation_url("projects"))?
            .query("$top", &top.to_string())
            .query("$skip", &skip.to_string());
        Ok(self.read::<Listed<Project>>(request).await?.value)
    }

    /// All fields with their types.
    pub(super) async fn fields(&self) -> Result<Vec<FieldDefinition>, ConnectorError> {
        let request = self.request(Method::GET, &self.config.wit_url("fields"))?;
        Ok(self.read::<Listed<FieldDefinition>>(request).await?.value)
    }

    /// All types.
    pub(super) async fn types(&self) -> Result<Vec<WorkItemType>, ConnectorError> {
        let request = self.request(Method::GET, &self.config.wit_url("workitemtypes"))?;
        Ok(self.read::<Listed<WorkItemType>>(request).await?.value)
    }

    /// The fields of a type, with what they demand and allow.
    pub(super) async fn type_fields(
        &self,
        type_name: &str,
    ) -> Result<Vec<TypeField>, ConnectorError> {
        let url = self.config.wit_url(&format!("workitemtypes/{}/fields", segment(type_name)));
        let request = self.request(Method::GET, &url)?.query("$expand", "all");
        Ok(self.read::<Listed<TypeField>>(request).await?.value)
    }

    /// The states of a type.
    pub(super) async fn type_states(&self, type_name: &str) -> Result<Vec<State>, ConnectorError> {
        let url = self.config.wit_url(&format!("workitemtypes/{}/states", segment(type_name)));
        Ok(self.read::<Listed<State>>(self.request(Method::GET, &url)?).await?.value)
    }

    /// A page of the changes of an item, oldest first.
    pub(super) async fn updates(
        &self,
        id: u64,
        skip: usize,
    ) -> Result<Vec<WireUpdate>, ConnectorError> {
        let request = self
            .request(Method::GET, &self.config.wit_url(&format!("workItems/{id}/updates")))?
            .query("$top", &UPDATES.to_string())
            .query("$skip", &skip.to_string());
        Ok(self.read::<Listed<WireUpdate>>(request).await?.value)
    }

    /// A page of comments, oldest first.
    pub(super) async fn comments(
        &self,
        id: u64,
        after: Option<&str>,
    ) -> Result<CommentPage, ConnectorError> {
        let mut request = self
            .comment_request(Method::GET, &format!("workItems/{id}/comments"))?
            .query("$top", COMMENTS)
            .query("order", "asc");
        if let Some(token) = after {
            request = request.query("continuationToken", token);
        }
        self.read(request).await
    }

    /// Adds a comment, or replaces the text of one.
    pub(super) async fn put_comment(
        &self,
        id: u64,
        comment: Option<&str>,
        format: &str,
        text: &str,
    ) -> Result<WireComment, ConnectorError> {
        let (method, path) = match comment {
            None => (Method::POST, format!("workItems/{id}/comments")),
            Some(comment) => {
                (Method::PATCH, format!("workItems/{id}/comments/{}", segment(comment)))
            }
        };
        let request = self
            .comment_request(method, &path)?
            .query("format", format)
            .json(&json!({ "text": text }));
        self.write(request).await
    }

    /// Removes a comment. The server keeps it and no longer lists it.
    pub(super) async fn delete_comment(
        &self,
        id: u64,
        comment: &str,
    ) -> Result<(), ConnectorError> {
        let path = format!("workItems/{id}/comments/{}", segment(comment));
        let request = self.comment_request(Method::DELETE, &path)?;
        let response =
            self.send(request).await.map_err(|refusal| refusal.into_error(Effect::Write))?;
        if response.is_success() && response.body.is_empty() {
            return Ok(());
        }
        judged::<Value>(&response, Effect::Write).map(drop)
    }

    /// Stores a file that hangs on nothing yet.
    pub(super) async fn upload(
        &self,
        name: &str,
        file: Arc<dyn FileSource>,
    ) -> Result<AttachmentReference, ConnectorError> {
        let request = self
            .request(Method::POST, &self.config.wit_url("attachments"))?
            .query("fileName", name)
            .query("uploadType", "Simple")
            .file_body("application/octet-stream", file);
        self.write(request).await
    }

    /// The bytes of a file of this id and name, at most `limit` of them.
    pub(super) async fn download(
        &self,
        (id, name): (&str, &str),
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> Result<(), ConnectorError> {
        let request = self
            .request(Method::GET, &self.config.wit_url(&format!("attachments/{}", segment(id))))?
            .query("fileName", name)
            .query("download", "true")
            .header("Accept", "application/octet-stream")
            .cap(usize::try_from(limit).unwrap_or(usize::MAX))
            .save_to(into);
        let response = match self.send(request).await {
            Ok(response) => response,
            Err(Refusal::Outbound(error)) if error.is_too_large() => {
                let text = format!("the file {name:?} is larger than {limit} bytes");
                return Err(ConnectorError::new(ErrorKind::Invalid, text));
            }
            Err(refusal) => return Err(refusal.into_error(Effect::None)),
        };
        if response.status == 203 || response.is_redirect() {
            return Err(errors::signed_out());
        }
        if !response.is_success() {
            return Err(errors::refused(
                response.status,
                &response.body,
                response.retry_after,
                Effect::None,
            ));
        }
        Ok(())
    }

    fn comment_request(&self, method: Method, path: &str) -> Result<Request, ConnectorError> {
        let url = parsed(&self.config.wit_url(path))?;
        let version = &self.config.comments_version;
        Ok(Request::new(method, url).header("Accept", JSON).query("api-version", version))
    }

    fn patch_request(
        &self,
        method: Method,
        url: &str,
        ops: &[PatchOp],
    ) -> Result<Request, ConnectorError> {
        Ok(self.request(method, url)?.header("Content-Type", JSON_PATCH).json(&ops))
    }

    fn request(&self, method: Method, url: &str) -> Result<Request, ConnectorError> {
        let version = &self.config.api_version;
        Ok(Request::new(method, parsed(url)?).header("Accept", JSON).query("api-version", version))
    }

    async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T, ConnectorError> {
        let response =
            self.send(request).await.map_err(|refusal| refusal.into_error(Effect::None))?;
        judged(&response, Effect::None)
    }

    async fn write<T: DeserializeOwned>(&self, request: Request) -> Result<T, ConnectorError> {
        let response =
            self.send(request).await.map_err(|refusal| refusal.into_error(Effect::Write))?;
        judged(&response, Effect::Write)
    }

    /// Signs and sends. A refused token that can be renewed is renewed once; nothing was done with the old one.
    async fn send(&self, request: Request) -> Result<Response, Refusal> {
        // The body is judged here, not by its label: a sign-in page must not pass for an answer.
        let request = request.header("X-TFS-FedAuthRedirect", "Suppress").expect(Expect::Bytes);
        let request = match &self.sign_in {
            SignIn::OAuth(_) => request,
            SignIn::Pat(token) => request.basic("", token.expose_secret()),
            SignIn::Bearer(token) => request.bearer(token.expose_secret()),
        };
        let SignIn::OAuth(source) = &self.sign_in else {
            return Ok(self.client.send(request).await?);
        };
        let token = source.token().await?;
        let response = self.client.send(request.clone().bearer(token.expose_secret())).await?;
        if !is_signed_out(&response) {
            return Ok(response);
        }
        let token = source.instead_of(&token).await?;
        Ok(self.client.send(request.bearer(token.expose_secret())).await?)
    }
}

/// Why there is no answer to judge.
enum Refusal {
    Outbound(OutboundError),
    Connector(ConnectorError),
}

impl Refusal {
    fn into_error(self, effect: Effect) -> ConnectorError {
        match self {
            Self::Outbound(error) => error.into_connector_error(effect == Effect::Write),
            Self::Connector(error) => error,
        }
    }
}

impl From<OutboundError> for Refusal {
    fn from(error: OutboundError) -> Self {
        Self::Outbound(error)
    }
}

impl From<ConnectorError> for Refusal {
    fn from(error: ConnectorError) -> Self {
        Self::Connector(error)
    }
}

/// The entry of a batch for these operations; inside a batch a create is a PATCH, too.
pub(super) fn entry(uri: String, ops: &[PatchOp]) -> BatchEntry<'_> {
    BatchEntry {
        method: "PATCH",
        uri,
        headers: BTreeMap::from([("Content-Type", JSON_PATCH)]),
        body: ops,
    }
}

fn parsed(url: &str) -> Result<Url, ConnectorError> {
    Url::parse(url).map_err(|error| {
        ConnectorError::new(ErrorKind::Invalid, format!("{url:?} is no address: {error}"))
    })
}

fn is_signed_out(response: &Response) -> bool {
    matches!(response.status, 401 | 203)
        || response.is_redirect()
        || (response.is_success() && is_page(response))
}

/// Whether this is a page for people. A JSON answer with a wrong label is none.
fn is_page(response: &Response) -> bool {
    response.is_html()
        && response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// The answer, if it is one.
fn judged<T: DeserializeOwned>(response: &Response, effect: Effect) -> Result<T, ConnectorError> {
    if response.status == 401 {
        return Err(errors::refused(401, json_body(response), response.retry_after, effect));
    }
    if is_signed_out(response) {
        return Err(errors::signed_out());
    }
    if !response.is_success() {
        return Err(errors::refused(
            response.status,
            json_body(response),
            response.retry_after,
            effect,
        ));
    }
    if !response.is_json() {
        return Err(errors::broken(
            format!("with {:?} instead of json", response.content_type()),
            effect,
        ));
    }
    response.json().map_err(|error| {
        errors::broken(format!("something else than expected: {}", error.failure), effect)
    })
}

fn json_body(response: &Response) -> &[u8] {
    if response.is_json() { &response.body } else { &[] }
}
