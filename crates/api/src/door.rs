//! Who comes in: a key, or nobody at all on a laptop.
//!
//! Anonymous access is for the first day on one's own machine. It ends with the first key, with an address that others
//! can reach, and with any sign of a proxy in between.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HOST, ORIGIN};
use syncline_app::Caller;
use syncline_domain::Role;
use url::Url;

use crate::ApiState;
use crate::error::ApiError;
use crate::status;
use crate::tries;

/// Headers by which a proxy shows itself.
const PROXY_SIGNS: [&str; 3] = ["forwarded", "x-real-ip", "via"];

/// One text for all bad keys: a stranger does not learn which keys there were.
const NO_KEY: &str = "the API key is malformed, unknown, revoked or has run out; \
                      send Authorization: Bearer sk_... with a key that works";

/// The caller of a request.
pub(crate) async fn let_in(state: &ApiState, req: &HttpRequest) -> Result<Caller, ApiError> {
    match bearer(req) {
        Some(Ok(key)) => match state.app.caller_of_key(&key).await? {
            Some(caller) => Ok(caller),
            None => Err(wrong_key(state, req)),
        },
        Some(Err(())) => Err(wrong_key(state, req)),
        None => anonymous(state, req).await,
    }
}

fn wrong_key(state: &ApiState, req: &HttpRequest) -> ApiError {
    tries::note(req, state.app.clock().as_ref()).err().unwrap_or_else(|| refused(NO_KEY))
}

fn bearer(req: &HttpRequest) -> Option<Result<String, ()>> {
    let text = req.headers().get(AUTHORIZATION)?.to_str();
    let key = text.ok().and_then(|text| text.split_once(' ')).and_then(|(scheme, key)| {
        (scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()).then(|| key.trim())
    });
    Some(key.map(str::to_owned).ok_or(()))
}

async fn anonymous(state: &ApiState, req: &HttpRequest) -> Result<Caller, ApiError> {
    if !state.anonymous_possible {
        return Err(refused("this server takes API keys only; send Authorization: Bearer sk_..."));
    }
    if let Some(sign) = proxy_sign(req) {
        return Err(refused(&format!(
            "the request came through a proxy ({sign}), and anonymous access is for this machine only; \
             make a key with `syncline keys create` and send it"
        )));
    }
    if !loopback_host(req) {
        return Err(refused(
            "the Host header names no loopback address; use http://localhost or an API key",
        ));
    }
    if cross_site(req) {
        return Err(ApiError::new(
            status::FORBIDDEN,
            "a page of another site may not use this server; open its own address instead",
        ));
    }
    if state.app.has_keys().await? {
        return Err(refused(
            "an API key exists, so everybody needs one; send Authorization: Bearer sk_...",
        ));
    }
    Ok(Caller {
        actor: Caller::ANONYMOUS.to_owned(),
        role: Role::Admin,
        scope: None,
        request_id: None,
    })
}

fn refused(message: &str) -> ApiError {
    ApiError::new(status::UNAUTHORIZED, message)
}

fn proxy_sign(req: &HttpRequest) -> Option<String> {
    req.headers()
        .keys()
        .map(|name| name.as_str())
        .find(|name| PROXY_SIGNS.contains(name) || name.starts_with("x-forwarded-"))
        .map(str::to_owned)
}

fn loopback_host(req: &HttpRequest) -> bool {
    let host = req
        .headers()
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
        .or_else(|| req.uri().authority().map(ToString::to_string));
    host.is_some_and(|host| is_loopback(&host))
}

/// Whether `host[:port]` names this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

fn cross_site(req: &HttpRequest) -> bool {
    let header = |name: &str| req.headers().get(name).and_then(|value| value.to_str().ok());
    if matches!(header("sec-fetch-site"), Some("cross-site" | "same-site")) {
        return true;
    }
    let Some(origin) = header(ORIGIN.as_str()) else { return false };
    let (Ok(origin), Some(host)) = (Url::parse(origin), header(HOST.as_str())) else { return true };
    let Ok(own) = Url::parse(&format!("{}://{host}", origin.scheme())) else { return true };
    (origin.host_str(), origin.port_or_known_default())
        != (own.host_str(), own.port_or_known_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for yes in ["localhost:3000", "127.0.0.1", "127.8.8.8:1", "[::1]:3000", "app.localhost"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in ["example.com", "localhost.evil.com", "10.0.0.1:3000", "", "127.0.0.1.evil.com"] {
            assert!(!is_loopback(no), "{no}");
        }
    }

    #[test]
    fn pages_of_other_sites_and_proxies_are_seen() {
        let request = |headers: &[(&'static str, &'static str)]| {
            let mut request = TestRequest::get().insert_header(("host", "localhost:3000"));
            for header in headers {
                request = request.insert_header(*header);
            }
            request.to_http_request()
        };
        assert!(!cross_site(&request(&[])));
        assert!(!cross_site(&request(&[("origin", "http://localhost:3000")])));
        for origin in ["http://evil.example", "http://localhost:8080", "null"] {
            assert!(cross_site(&request(&[("origin", origin)])), "{origin}");
        }
        assert!(cross_site(&request(&[("sec-fetch-site", "cross-site")])));
        for sign in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] {
            assert_eq!(proxy_sign(&request(&[(sign, "x")])).as_deref(), Some(sign));
        }
        assert_eq!(proxy_sign(&request(&[])), None);
    }
}
