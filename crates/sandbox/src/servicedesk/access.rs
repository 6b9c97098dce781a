//! Who may call: the technician's key on premises, OAuth access tokens on the cloud.

use std::collections::VecDeque;
use std::sync::PoisonError;

use serde_json::json;

use super::answers::failed;
use super::site::Site;
use crate::shared::html::shell;
use crate::shared::http::{Reply, Request};

/// The span in which token making is counted, in milliseconds.
const SPAN: i64 = 600_000;

/// Access tokens that are alive, and when tokens were made.
#[derive(Default)]
pub(crate) struct Tokens {
    alive: VecDeque<(String, i64)>,
    made: VecDeque<i64>,
    count: u64,
}

/// Whether the request carries a good credential.
pub(crate) fn authorised(site: &Site, request: &Request) -> bool {
    if !site.cloud() {
        let key = request.header("authtoken").or_else(|| request.header("technician_key"));
        return key == Some(site.options.api_key.as_str());
    }
    let Some((scheme, token)) =
        request.header("authorization").and_then(|value| value.split_once(' '))
    else {
        return false;
    };
    let known =
        scheme.eq_ignore_ascii_case("zoho-oauthtoken") || scheme.eq_ignore_ascii_case("bearer");
    let tokens = site.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    known && tokens.alive.iter().any(|(had, until)| had == token.trim() && *until > site.now())
}

/// The answer to a bad credential.
pub(crate) fn refusal() -> Reply {
    failed(401, 401, "", "UNAUTHORISED: the credential is missing, wrong or expired").reply()
}

/// The sign-in page, which looks like success.
pub(crate) fn sign_in() -> Reply {
    Reply::html(200, shell("ManageEngine ServiceDesk Plus", "<h1>Log in</h1>"))
}

/// Whether the versioned `Accept` header is there, as far as it is demanded.
pub(crate) fn accepts(site: &Site, request: &Request) -> bool {
    let accept = request.header("accept").unwrap_or("");
    !site.options.strict_accept
        || accept.contains("application/vnd.manageengine.sdp.v3+json")
        || accept.contains("application/v3+json")
}

/// The answer to a missing `Accept` header.
pub(crate) fn not_acceptable() -> Reply {
    Reply::html(415, shell("415", "<h1>HTTP Status 415 - Unsupported Media Type</h1>"))
}

/// `POST /oauth/v2/token`: refreshes an access token. Errors come with HTTP 200.
pub(crate) fn token(site: &Site, request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let sent = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.or_else(|| request.query(name)).unwrap_or("").to_owned()
    };
    let error = |word: &str| Reply::json(200, &json!({ "error": word }));
    if sent("grant_type") != "refresh_token" {
        return error("unsupported_grant_type");
    }
    if sent("client_id") != site.options.client_id {
        return error("invalid_client");
    }
    if sent("client_secret") != site.options.client_secret {
        return error("invalid_client_secret");
    }
    if sent("refresh_token") != site.options.refresh_token {
        return error("invalid_code");
    }
    match make(site) {
        Some(token) => Reply::json(
            200,
            &json!({
                "access_token": token,
                "scope": "SDPOnDemand.requests.ALL SDPOnDemand.setup.READ",
                "api_domain": site.base,
                "token_type": "Bearer",
                "expires_in": site.options.token_seconds,
            }),
        ),
        None => Reply::json(
            200,
            &json!({
                "error": "Access Denied",
                "error_description": "You have made too many requests continuously. Please try again after some time.",
                "status": "failure",
            }),
        ),
    }
}

fn make(site: &Site) -> Option<String> {
    let now = site.now();
    let mut tokens = site.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.made.retain(|at| now.saturating_sub(*at) < SPAN);
    if tokens.made.len() >= site.options.tokens_per_ten_minutes {
        return None;
    }
    tokens.made.push_back(now);
    tokens.count = tokens.count.saturating_add(1);
    let token =
        format!("1000.sandbox{:08}.{:016x}", tokens.count, crate::shared::text::mix(tokens.count));
    let until = now.saturating_add(i64::from(site.options.token_seconds).saturating_mul(1_000));
    tokens.alive.retain(|(_, until)| *until > now);
    tokens.alive.push_back((token.clone(), until));
    Some(token)
}

/// Forgets all tokens.
pub(crate) fn forget(site: &Site) {
    *site.tokens.lock().unwrap_or_else(PoisonError::into_inner) = Tokens::default();
}
