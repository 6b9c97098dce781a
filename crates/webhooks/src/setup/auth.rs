//! Where the proof goes, and what it is worth.

use syncline_domain::WebhookAuth;

/// Whether a tracker can sign in a way; `None` for trackers that nobody knows.
fn can(connector_type: &str, auth: WebhookAuth) -> Option<bool> {
    let able: &[WebhookAuth] = match connector_type {
        "azuredevops" | "servicedeskplus" => {
            &[WebhookAuth::Basic, WebhookAuth::HeaderToken, WebhookAuth::UrlToken]
        }
        "redmine" => &[WebhookAuth::Hmac, WebhookAuth::Basic, WebhookAuth::UrlToken],
        "github" | "jira" => &[WebhookAuth::Hmac, WebhookAuth::UrlToken],
        "gitlab" => &[
            WebhookAuth::GitlabToken,
            WebhookAuth::Standard,
            WebhookAuth::HeaderToken,
            WebhookAuth::UrlToken,
        ],
        _ => return None,
    };
    Some(able.contains(&auth))
}

/// Where the proof goes.
pub(super) fn steps(connector_type: &str, auth: WebhookAuth, header_name: &str) -> Vec<String> {
    let own = |step: &str| vec![step.to_owned()];
    match (auth, connector_type) {
        (WebhookAuth::Hmac, "azuredevops" | "servicedeskplus") => own(
            "A signature has to be computed for every body, and this tracker cannot do that. Let a relay of your own \
             add it, or register the webhook with auth_mode basic or header-token.",
        ),
        (WebhookAuth::Hmac, "github" | "jira" | "redmine") => {
            own("Set Secret to the webhook's secret.")
        }
        (WebhookAuth::Hmac, _) => own(
            "Send the header X-Hub-Signature-256 (or X-Webhook-Signature): sha256= and the hex of the HMAC-SHA256 of \
             the body's bytes under the secret. With a shell: \
             openssl dgst -sha256 -hmac \"$SECRET\" -r < body.json",
        ),
        (WebhookAuth::Standard, "gitlab") => own(
            "Set the signing token to the webhook's secret (whsec_...). GitLab has it from 2026 on, where the \
             administrator switched it on.",
        ),
        (WebhookAuth::Standard, _) => own(
            "Sign as Standard Webhooks describes: webhook-id, webhook-timestamp and webhook-signature, under the \
             secret (whsec_...).",
        ),
        (WebhookAuth::GitlabToken, _) => own("Set Secret token to the webhook's secret."),
        (WebhookAuth::Basic, "redmine") => own(
            "Put syncline: and the webhook's secret before the host: https://syncline:SECRET@host/...",
        ),
        (WebhookAuth::Basic, _) => own(
            "Set the basic authentication's user name to syncline and its password to the webhook's secret.",
        ),
        (WebhookAuth::HeaderToken, "azuredevops") => vec![format!(
            "Add to HTTP headers the line {header_name}: and the webhook's secret after it. Everybody who may see the \
             subscription can read it there; the password of basic authentication is hidden."
        )],
        (WebhookAuth::HeaderToken, _) => {
            vec![format!(
                "Add the request header {header_name} with the webhook's secret as its value."
            )]
        }
        (WebhookAuth::UrlToken, _) => {
            own("Nothing more: the address is the secret. Keep it to yourself.")
        }
    }
}

/// What one should know of the way that was chosen.
pub(super) fn warnings(connector_type: &str, auth: WebhookAuth, full_url: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    if can(connector_type, auth) == Some(false) {
        let best = super::recommended_auth(connector_type);
        warnings.push(format!(
            "{connector_type} cannot prove itself by {auth}; without something in between, every request will be \
             rejected. Use {best}."
        ));
    }
    if !matches!(auth, WebhookAuth::Hmac | WebhookAuth::Standard) {
        warnings.push(format!(
            "{auth} proves the sender, not the body. What a request says is only a hint: items are read from the \
             tracker anew."
        ));
    }
    if auth == WebhookAuth::UrlToken {
        warnings.push(
            "The address is the secret: keep it out of logs of proxies, and register a new webhook should it leak."
                .to_owned(),
        );
    }
    if full_url.starts_with("http://") {
        warnings.push(
            "The address has no TLS: whoever listens on the way can read what proves the sender. Put a proxy with \
             HTTPS in front and set PUBLIC_URL."
                .to_owned(),
        );
    }
    if connector_type == "redmine" || connector_type == "servicedeskplus" {
        warnings.push(
            "This tracker sends each message once: one that is lost does not come again. Keep a schedule beside it."
                .to_owned(),
        );
    }
    if connector_type == "github" || connector_type == "gitlab" {
        warnings.push(
            "What could not be delivered is not sent again by itself. Keep a schedule beside it."
                .to_owned(),
        );
    }
    warnings
}
