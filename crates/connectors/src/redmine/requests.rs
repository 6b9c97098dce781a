//! The calls to Redmine: addresses, headers, and what every answer is checked for.

use std::sync::Arc;

use futures_util::lock::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use syncline_domain::Timestamp;
use syncline_domain::ports::{Clock, ConnectorError, ErrorKind, FileSink, FileSource};
use syncline_outbound::{Client, Expect, Failure, Method, OutboundError, Request, Response, Url};

use super::config::Config;
use super::errors;
use super::lists::Lists;
use super::people::People;
use super::wire::{Issue, IssuePage, OneIssue, OneUpload};

/// The most issues that Redmine lists at once, whatever is asked for.
pub(super) const PAGE: usize = 100;

/// How calls are signed.
pub(super) enum SignIn {
    /// An API access key.
    Key(SecretString),
    /// Account and password.
    Basic(String, SecretString),
}

/// The tracker's calls, with what is remembered between them.
pub(super) struct Api {
    pub(super) config: Config,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lists: Lists,
    pub(super) people: People,
    client: Client,
    sign_in: SignIn,
    /// Held by the one write that is on its way.
    writing: Mutex<()>,
}

/// Parameters of a list.
pub(super) type Params = Vec<(String, String)>;

/// A page of issues and how it came about.
pub(super) struct Listed {
    pub(super) issues: Vec<Issue>,
    /// How many there are in all.
    pub(super) total: u64,
}

impl Listed {
    /// Whether there are more behind this page.
    pub(super) fn has_more(&self) -> bool {
        u64::try_from(self.issues.len()).is_ok_and(|shown| shown < self.total)
    }
}

impl Api {
    /// Does no I/O.
    pub(super) fn new(
        config: Config,
        client: Client,
        sign_in: SignIn,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (lists, people) = (Lists::default(), People::default());
        Self { config, clock, lists, people, client, sign_in, writing: Mutex::new(()) }
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        params: &[(&str, &str)],
    ) -> Result<T, ConnectorError> {
        self.dated(path, params).await.map(|(read, _)| read)
    }

    /// Reads something, with the server's time.
    pub(super) async fn dated<T: DeserializeOwned>(
        &self,
        path: &str,
        params: &[(&str, &str)],
    ) -> Result<(T, Option<Timestamp>), ConnectorError> {
        let mut request = self.request(Method::GET, path)?;
        for (name, value) in params {
            request = request.query(name, value);
        }
        let response = self.send(request).await?;
        Ok((json(&response, false)?, date(&response)))
    }

    /// A page of issues; asks for fewer when the answer is too large.
    pub(super) async fn list(
        &self,
        params: &[(String, String)],
        offset: usize,
        limit: usize,
    ) -> Result<Listed, ConnectorError> {
        let mut limit = limit.clamp(1, PAGE);
        loop {
            let mut request = self.request(Method::GET, "issues.json")?;
            for (name, value) in params {
                request = request.query(name, value);
            }
            let request =
                request.query("offset", &offset.to_string()).query("limit", &limit.to_string());
            match self.client.send(request).await {
                Err(error) if error.is_too_large() && limit > 1 => limit /= 2,
                Err(error) => return Err(failed(error, false)),
                Ok(response) => {
                    let response = judged(response, false)?;
                    let page: IssuePage = json(&response, false)?;
                    return Ok(Listed { issues: page.issues, total: page.total_count });
                }
            }
        }
    }

    /// An issue with what hangs on it.
    pub(super) async fn issue(&self, id: u64, include: &str) -> Result<Issue, ConnectorError> {
        let path = format!("issues/{id}.json");
        match self.get::<OneIssue>(&path, &[("include", include)]).await {
            Ok(one) => Ok(one.issue),
            Err(error) if error.kind == ErrorKind::NotFound => Err(errors::no_issue(id)),
            Err(error) => Err(error),
        }
    }

    /// Makes an issue; the answer shows it.
    pub(super) async fn create(&self, body: &Value) -> Result<Issue, ConnectorError> {
        let request = self.request(Method::POST, "issues.json")?.json(body);
        let response = self.send(request).await?;
        json::<OneIssue>(&response, true).map(|one| one.issue)
    }

    /// Changes something; the answer is empty and proves nothing.
    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<(), ConnectorError> {
        let request = self.request(Method::PUT, path)?.json(body).expect(Expect::Nothing);
        self.send(request).await.map(drop)
    }

    /// Makes something whose answer nobody needs.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<(), ConnectorError> {
        let request = self.request(Method::POST, path)?.json(body).expect(Expect::Nothing);
        self.send(request).await.map(drop)
    }

    /// Deletes an issue; logged time stays with the project.
    pub(super) async fn delete_issue(&self, id: u64) -> Result<(), ConnectorError> {
        let request = self
            .request(Method::DELETE, &format!("issues/{id}.json"))?
            .query("todo", "nullify")
            .expect(Expect::Nothing);
        self.send(request).await.map(drop)
    }

    /// Leaves a file with Redmine; the answer is the token by which an issue takes it over.
    pub(super) async fn upload(
        &self,
        name: &str,
        file: Arc<dyn FileSource>,
    ) -> Result<String, ConnectorError> {
        // A file that no issue takes over is thrown away, so that this may be repeated.
        let request = self
            .request(Method::POST, "uploads.json")?
            .query("filename", name)
            .file_body("application/octet-stream", file)
            .as_read();
        let response = self.send(request).await?;
        json::<OneUpload>(&response, false).map(|one| one.upload.token)
    }

    /// The bytes of a file of this id and name.
    pub(super) async fn download(
        &self,
        (id, name): (&str, &str),
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> Result<(), ConnectorError> {
        let too_large = || {
            let text = format!("the file {name:?} is larger than {limit} bytes");
            ConnectorError::new(ErrorKind::Invalid, text)
        };
        let cap = usize::try_from(limit).unwrap_or(usize::MAX);
        let path = format!("attachments/download/{id}/{}", segment(name));
        let request = self.request(Method::GET, &path)?.save_to(into).cap(cap);
        let response = match self.client.send(request).await {
            Err(error) if error.is_too_large() => return Err(too_large()),
            other => other.map_err(|error| failed(error, false))?,
        };
        judged(response, false).map(drop)
    }

    fn request(&self, method: Method, path: &str) -> Result<Request, ConnectorError> {
        let url = Url::parse(&self.config.url(path)).map_err(|error| {
            ConnectorError::new(ErrorKind::Invalid, format!("the base url is none: {error}"))
        })?;
        let request = Request::new(method, url);
        Ok(match &self.sign_in {
            SignIn::Key(key) => request.secret_header("X-Redmine-API-Key", key.expose_secret()),
            SignIn::Basic(user, password) => request.basic(user, password.expose_secret()),
        })
    }

    /// Writes go one after another: two at once lock each other out of Redmine's tables (subtasks are kept as nested
    /// sets, and SQLite takes one writer), and the loser gets a 500 of which nobody knows what it did.
    async fn send(&self, request: Request) -> Result<Response, ConnectorError> {
        let write = request.is_write();
        let _turn = if write { Some(self.writing.lock().await) } else { None };
        let response = self.client.send(request).await.map_err(|error| failed(error, write))?;
        judged(response, write)
    }
}

fn failed(error: OutboundError, write: bool) -> ConnectorError {
    match error.failure {
        Failure::ContentType { html: true, .. } if !write => errors::signed_out(),
        _ => error.into_connector_error(write),
    }
}

fn judged(response: Response, write: bool) -> Result<Response, ConnectorError> {
    if response.is_success() {
        return Ok(response);
    }
    if response.is_redirect() {
        let to_sign_in = response.location().is_some_and(|place| place.contains("/login"));
        return Err(match to_sign_in {
            true => errors::signed_out(),
            false => response.status_error(write),
        });
    }
    Err(errors::refused(response.status, &response.body, response.retry_after, write))
}

fn json<T: DeserializeOwned>(response: &Response, write: bool) -> Result<T, ConnectorError> {
    if response.is_html() {
        return Err(if write { errors::broken("a web page", true) } else { errors::signed_out() });
    }
    response.json().map_err(|error| errors::broken(error.failure, write))
}

fn date(response: &Response) -> Option<Timestamp> {
    let text = response.header("date")?;
    chrono::DateTime::parse_from_rfc2822(text).ok().map(Timestamp::from)
}

/// One path segment, escaped.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
