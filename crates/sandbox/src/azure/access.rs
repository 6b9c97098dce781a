//! Who may call, and with which version of the API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::errors::{Answer, ApiError};
use super::site::Site;
use crate::shared::html::shell;
use crate::shared::http::{Reply, Request};

/// The newest version that is served, as major and minor.
const NEWEST: (u32, u32) = (7, 2);

/// Whether the request carries the sandbox's token, as a PAT or as a bearer token.
pub(crate) fn authorised(site: &Site, request: &Request) -> bool {
    let Some((scheme, sent)) =
        request.header("authorization").and_then(|value| value.split_once(' '))
    else {
        return false;
    };
    let sent = sent.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return sent == site.options.token;
    }
    let decoded = STANDARD.decode(sent).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    scheme.eq_ignore_ascii_case("basic")
        && decoded
            .and_then(|pair| pair.split_once(':').map(|(_, token)| token == site.options.token))
            == Some(true)
}

/// How a refused caller is answered: 401 where the caller asked for no redirect or sent a
/// credential, else the sign-in page with a success status.
pub(crate) fn refusal(request: &Request) -> Reply {
    let suppressed = request
        .header("x-tfs-fedauthredirect")
        .is_some_and(|value| value.eq_ignore_ascii_case("suppress"));
    if suppressed || request.header("authorization").is_some() {
        return unauthorised();
    }
    sign_in()
}

/// 401 with the challenge that the real service sends.
pub(crate) fn unauthorised() -> Reply {
    let page = shell("Access Denied", "<h1>401 - Uh-oh, you do not have access.</h1>");
    Reply::html(401, page)
        .with("WWW-Authenticate", "Bearer")
        .with("WWW-Authenticate", "Basic realm=\"http://127.0.0.1/\"")
}

/// The sign-in page, which looks like success.
pub(crate) fn sign_in() -> Reply {
    Reply::html(203, shell("Azure DevOps Services | Sign In", "<h1>Sign in to your account</h1>"))
}

/// A version as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Whether `-preview` was asked for.
    pub(crate) preview: bool,
}

/// Reads `api-version` from the query or from the `Accept` header.
pub(crate) fn version(request: &Request) -> Answer<Option<Version>> {
    let from_accept = || {
        let accept = request.header("accept")?;
        accept.split(';').find_map(|part| part.trim().strip_prefix("api-version="))
    };
    match request.query("api-version").or_else(from_accept) {
        None => Ok(None),
        Some(text) => read_version(text.trim()).map(Some),
    }
}

fn read_version(text: &str) -> Answer<Version> {
    let (number, preview) = match text.split_once('-') {
        None => (text, false),
        Some((number, rest))
            if rest == "preview"
                || rest.strip_prefix("preview.").is_some_and(|n| n.parse::<u8>().is_ok()) =>
        {
            (number, true)
        }
        Some(_) => return Err(out_of_range(text)),
    };
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let parsed = major.parse::<u32>().ok().zip(minor.parse::<u32>().ok());
    match parsed {
        Some(version) if version.0 >= 1 && version <= NEWEST => Ok(Version { preview }),
        _ => Err(out_of_range(text)),
    }
}

fn out_of_range(text: &str) -> ApiError {
    let message = format!(
        "The requested version \"{text}\" of the resource is not served. The newest one is 7.2."
    );
    ApiError::new(400, "VssVersionOutOfRangeException", message)
}

/// The version of a resource that has left preview; every call must name one.
pub(crate) fn released(request: &Request) -> Answer<()> {
    if version(request)?.is_some() {
        return Ok(());
    }
    let message = format!(
        "No api-version was supplied for the \"{}\" request. The version must be supplied either as part of the Accept header (e.g. \"application/json; api-version=1.0\") or as a query parameter (e.g. \"?api-version=1.0\").",
        request.method
    );
    Err(ApiError::new(400, "VssVersionNotSpecifiedException", message))
}

/// The version of a resource that is still in preview.
pub(crate) fn preview(request: &Request) -> Answer<()> {
    released(request)?;
    match version(request)? {
        Some(version) if !version.preview => {
            let message = "The requested version of the resource is under preview. The -preview flag must be supplied in the api-version for such requests. For example: \"7.1-preview\"";
            Err(ApiError::new(400, "VssInvalidPreviewVersionException", message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_and_without_preview() {
        for (text, preview) in [
            ("7.1", Some(false)),
            ("7.1-preview.4", Some(true)),
            ("5.0-preview", Some(true)),
            ("9.0", None),
            ("7.1-beta", None),
            ("x", None),
        ] {
            assert_eq!(read_version(text).ok().map(|version| version.preview), preview, "{text}");
        }
    }
}
