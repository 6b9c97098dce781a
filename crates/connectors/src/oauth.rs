//! Access tokens that end: asked for once, kept until shortly before their end, shared by all calls of a connector.
//!
//! Token servers count how often they are asked and lock those out who ask too often, so there is never more than one
//! question under way, and a refused token is renewed once, not once for every call that it was refused to. Failures
//! may come as status 200 with an `error` in the body (Zoho), or as 400 with the same (RFC 6749, 5.2).

use std::sync::Arc;
use std::time::Duration;

use futures_util::lock::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use syncline_domain::ports::{Clock, ConnectorError, ErrorKind};
use syncline_outbound::{Client, Request, Url};

/// A token is renewed this long before its end.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token lasts when its server does not say.
const USUAL: Duration = Duration::from_secs(3_600);

/// What is sent to the token server.
pub(crate) struct Grant {
    /// Its address.
    pub(crate) url: Url,
    /// The form, such as `grant_type=refresh_token`.
    pub(crate) form: Vec<(&'static str, SecretString)>,
}

/// Hands out access tokens.
pub(crate) struct TokenSource {
    client: Client,
    clock: Arc<dyn Clock>,
    held: Mutex<State>,
}

struct State {
    grant: Grant,
    token: Option<Held>,
}

#[derive(Clone)]
struct Held {
    token: SecretString,
    until: Duration,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
    /// Some servers give a new refresh token with each answer and end the old one.
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

impl TokenSource {
    /// Asks nothing yet.
    pub(crate) fn new(client: Client, clock: Arc<dyn Clock>, grant: Grant) -> Self {
        Self { client, clock, held: Mutex::new(State { grant, token: None }) }
    }

    /// A token that still lasts.
    pub(crate) async fn token(&self) -> Result<SecretString, ConnectorError> {
        let mut state = self.held.lock().await;
        match &state.token {
            Some(held) if self.clock.monotonic() < held.until => Ok(held.token.clone()),
            _ => self.renew(&mut state).await,
        }
    }

    /// A token in place of one that was refused; only the first caller who reports it asks the token server.
    pub(crate) async fn instead_of(
        &self,
        refused: &SecretString,
    ) -> Result<SecretString, ConnectorError> {
        let mut state = self.held.lock().await;
        match &state.token {
            Some(held) if held.token.expose_secret() != refused.expose_secret() => {
                Ok(held.token.clone())
            }
            _ => self.renew(&mut state).await,
        }
    }

    async fn renew(&self, state: &mut State) -> Result<SecretString, ConnectorError> {
        state.token = None;
        let asked_at = self.clock.monotonic();
        let answer = self.ask(&state.grant).await?;
        let token = answer.access_token.ok_or_else(|| refused("no access token in its answer"))?;
        let token = SecretString::from(token);
        let lasts = seconds(answer.expires_in.as_ref()).unwrap_or(USUAL).saturating_sub(MARGIN);
        if let Some(next) = answer.refresh_token {
            for (name, value) in &mut state.grant.form {
                if *name == "refresh_token" {
                    *value = SecretString::from(next.clone());
                }
            }
        }
        state.token = Some(Held { token: token.clone(), until: asked_at.saturating_add(lasts) });
        Ok(token)
    }

    async fn ask(&self, grant: &Grant) -> Result<Answer, ConnectorError> {
        let form: Vec<(&str, &str)> =
            grant.form.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
        // A repeated question may cost a second token, never a lost one: it counts as a read.
        let request = Request::post(grant.url.clone()).form(&form).as_read().attempts(2);
        let response =
            self.client.send(request).await.map_err(|error| error.into_connector_error(false))?;
        let answer = response.json::<Answer>();
        if let Ok(Answer { error: Some(error), .. }) = &answer {
            return Err(refused(error));
        }
        match answer {
            Ok(answer) if response.is_success() => Ok(answer),
            Err(error) if response.is_success() => Err(error.into_connector_error(false)),
            _ if (400..404).contains(&response.status) => {
                Err(refused(format!("status {}", response.status)))
            }
            _ => Err(response.status_error(false)),
        }
    }
}

fn seconds(value: Option<&serde_json::Value>) -> Option<Duration> {
    let value = value?;
    let seconds = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))?;
    Some(Duration::from_secs(seconds))
}

fn refused(why: impl std::fmt::Display) -> ConnectorError {
    // The words are the server's error codes, such as `invalid_code`; cut, so that nothing else slips through.
    let why: String = why.to_string().chars().filter(|c| !c.is_control()).take(80).collect();
    ConnectorError::new(ErrorKind::Auth, format!("the token server gave no access token ({why})"))
        .advise("check client id, client secret and refresh token, and that the token server is the one of your region")
}
