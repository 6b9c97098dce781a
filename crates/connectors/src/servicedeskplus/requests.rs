//! The calls to ServiceDesk Plus: addresses, headers, `input_data`, and what every answer is checked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use syncline_domain::ports::{ConnectorError, ErrorKind, FileSink, FileSource};
use syncline_domain::{Attachment, ItemId};
use syncline_outbound::{Client, Expect, Method, OutboundError, Request, Response, Url};

use super::config::{Config, Flavour, segment};
use super::errors::{self, Effect};
use super::wire::Answer;
use crate::oauth::TokenSource;

/// The versioned media type; without it some builds answer pages.
const ACCEPT: &str = "application/vnd.manageengine.sdp.v3+json";
/// Rows of a list page; one more is refused.
pub(super) const ROWS: usize = 100;

/// How calls are signed.
pub(super) enum SignIn {
    /// A technician's key; older builds know it by another header.
    Key {
        /// The key.
        key: SecretString,
        /// The older header has proved to be the right one.
        is_old: AtomicBool,
    },
    /// Tokens that we renew.
    OAuth(Box<TokenSource>),
}

/// The tracker's calls.
pub(super) struct Api {
    pub(super) config: Config,
    pub(super) client: Client,
    pub(super) sign_in: SignIn,
    /// The other flavour's key for notes has proved to be the right one.
    pub(super) is_other_note_key: AtomicBool,
}

impl Api {
    /// A page of a list; `info` is what `list_info` holds.
    pub(super) async fn list(&self, path: &str, info: Value) -> Result<Answer, ConnectorError> {
        let input = json!({ "list_info": info }).to_string();
        let request = self.request(Method::GET, path)?.query("input_data", &input);
        self.call(request, Effect::None).await
    }

    /// One entity, or whatever lies at the path.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, ConnectorError> {
        self.call(self.request(Method::GET, path)?, Effect::None).await
    }

    /// A write; `input` becomes the one form field that the product reads.
    pub(super) async fn write(
        &self,
        method: Method,
        path: &str,
        input: &Value,
    ) -> Result<Answer, ConnectorError> {
        let text = input.to_string();
        let request = self.request(method, path)?.form(&[("input_data", text.as_str())]);
        self.call(request, Effect::Write).await
    }

    /// Makes a request. One that the answer shows with an id was made, whatever else the answer complains about: to call
    /// that a failure would make it twice.
    pub(super) async fn create(
        &self,
        entity: &Map<String, Value>,
    ) -> Result<Answer, ConnectorError> {
        let text = json!({ "request": entity }).to_string();
        let request =
            self.request(Method::POST, "requests")?.form(&[("input_data", text.as_str())]);
        let response =
            self.send(request).await.map_err(|refusal| refusal.into_error(Effect::Write))?;
        match self.rest_if_asked(judged(&response, Effect::Write)) {
            Ok(answer) => Ok(answer),
            Err(error) if error.kind == ErrorKind::Invalid => match response.json::<Answer>() {
                Ok(answer) if answer.made_a_request() => {
                    log::warn!(error:%; "a request was made with a warning");
                    Ok(answer)
                }
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// A write without a body.
    pub(super) async fn command(
        &self,
        method: Method,
        path: &str,
    ) -> Result<Answer, ConnectorError> {
        self.call(self.request(method, path)?, Effect::Write).await
    }

    /// One request, whole.
    pub(super) async fn one(&self, id: &str) -> Result<Map<String, Value>, ConnectorError> {
        let mut answer = self.get(&format!("requests/{}", segment(id))).await?;
        answer
            .entity("request")
            .ok_or_else(|| errors::broken("no request where one was asked for", Effect::None))
    }

    /// Sends a file; on the cloud the path has another name on some builds.
    pub(super) async fn upload(
        &self,
        id: &str,
        name: &str,
        content_type: &str,
        file: Arc<dyn FileSource>,
    ) -> Result<Answer, ConnectorError> {
        let send = |method, path: &str| {
            let path = format!("requests/{}/{path}", segment(id));
            let request = self.request(method, &path)?;
            Ok::<Request, ConnectorError>(request.form_file(
                "input_file",
                name,
                content_type,
                Arc::clone(&file),
            ))
        };
        let first = self.call(send(Method::PUT, "upload")?, Effect::Write).await;
        match first {
            Err(error)
                if self.config.flavour == Flavour::Cloud
                    && matches!(error.kind, ErrorKind::NotFound | ErrorKind::Protocol) =>
            {
                self.call(send(Method::POST, "_uploads")?, Effect::Write).await
            }
            other => other,
        }
    }

    /// The bytes of a file, at most `limit` of them.
    pub(super) async fn download(
        &self,
        id: &ItemId,
        file: &Attachment,
        limit: u64,
        into: Arc<dyn FileSink>,
    ) -> Result<(), ConnectorError> {
        let (id, file, name) = (segment(id.as_str()), segment(&file.id), &file.name);
        let path = format!("requests/{id}/attachments/{file}/download");
        let cap = usize::try_from(limit).unwrap_or(usize::MAX);
        let request =
            self.request(Method::GET, &path)?.header("Accept", "*/*").cap(cap).save_to(into);
        let response = match self.send(request).await {
            Err(Refusal::Outbound(error)) if error.is_too_large() => {
                let text = format!("the file {name:?} is larger than {limit} bytes");
                return Err(ConnectorError::new(ErrorKind::Invalid, text));
            }
            other => other.map_err(|refusal| refusal.into_error(Effect::None))?,
        };
        if response.is_redirect() {
            return Err(errors::signed_out());
        }
        if !response.is_success() {
            judged(&response, Effect::None)?;
        }
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> Result<Request, ConnectorError> {
        let url = self.config.api_url(path);
        let url = Url::parse(&url).map_err(|error| {
            ConnectorError::new(ErrorKind::Invalid, format!("{url:?} is no address: {error}"))
        })?;
        Ok(Request::new(method, url).header("Accept", ACCEPT).expect(Expect::Bytes))
    }

    async fn call(&self, request: Request, effect: Effect) -> Result<Answer, ConnectorError> {
        let response = self.send(request).await.map_err(|refusal| refusal.into_error(effect))?;
        self.rest_if_asked(judged(&response, effect))
    }

    /// The throttle speaks in the body, where only we can read it; every further call would make the block longer.
    fn rest_if_asked(
        &self,
        judged: Result<Answer, ConnectorError>,
    ) -> Result<Answer, ConnectorError> {
        if let Err(ConnectorError {
            kind: ErrorKind::RateLimited, retry_after: Some(wait), ..
        }) = &judged
        {
            self.client.pause(*wait);
        }
        judged
    }

    /// Signs and sends. With a refused credential nothing was done, so another try is safe: once with the older
    /// header, or once with a new token.
    async fn send(&self, request: Request) -> Result<Response, Refusal> {
        match &self.sign_in {
            SignIn::Key { key, is_old } => self.send_with_key(request, key, is_old).await,
            SignIn::OAuth(source) => self.send_with_token(request, source).await,
        }
    }

    async fn send_with_key(
        &self,
        request: Request,
        key: &SecretString,
        is_old: &AtomicBool,
    ) -> Result<Response, Refusal> {
        let signed = |old: bool| {
            let name = if old { "TECHNICIAN_KEY" } else { "authtoken" };
            request.clone().secret_header(name, key.expose_secret())
        };
        let old = is_old.load(Ordering::Relaxed);
        let response = self.client.send(signed(old)).await?;
        if response.status != 401 || old {
            return Ok(response);
        }
        let again = self.client.send(signed(true)).await?;
        if again.status != 401 {
            is_old.store(true, Ordering::Relaxed);
        }
        Ok(again)
    }

    async fn send_with_token(
        &self,
        request: Request,
        source: &TokenSource,
    ) -> Result<Response, Refusal> {
        let signed = |token: &SecretString| {
            let value = format!("Zoho-oauthtoken {}", token.expose_secret());
            request.clone().secret_header("Authorization", &value)
        };
        let token = source.token().await?;
        let response = self.client.send(signed(&token)).await?;
        if response.status != 401 {
            return Ok(response);
        }
        let token = source.instead_of(&token).await?;
        Ok(self.client.send(signed(&token)).await?)
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

/// The answer, if it is one.
fn judged(response: &Response, effect: Effect) -> Result<Answer, ConnectorError> {
    let is_page = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    if response.is_redirect() || (response.is_success() && is_page && response.is_html()) {
        return Err(errors::signed_out());
    }
    if response.is_success() && response.is_html() {
        return Err(errors::broken("json that is labelled as a web page", effect));
    }
    errors::judge(response.status, &response.body, effect, response.retry_after)
}
