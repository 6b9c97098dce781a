//! Trying everything a sync needs, one line each.

use serde_json::json;
use syncline_domain::ports::{Check, ConnectorError, ErrorKind};

use super::requests::Api;

/// All lines. A step that makes the others pointless ends the list.
pub(super) async fn run(api: &Api) -> Vec<Check> {
    let mut lines = Vec::new();
    let info = json!({ "row_count": 1, "start_index": 1, "sort_field": "last_updated_time", "sort_order": "desc" });
    match api.list("requests", info).await {
        Ok(mut answer) => {
            lines.push(good("sign in", "the key or token is accepted"));
            lines.push(portal(api));
            let rows = answer.rows("requests");
            lines.push(good("read requests", found(rows.len())));
        }
        Err(error) => {
            lines.push(failed(api, &error));
            return lines;
        }
    }
    lines.push(describe(api).await);
    lines.push(statuses(api).await);
    lines.push(good(
        "write requests",
        "cannot be told without writing; the account needs a role that may add and edit requests",
    ));
    lines
}

fn found(count: usize) -> &'static str {
    if count == 0 {
        "lists work; no request is visible to the account yet"
    } else {
        "lists work and show requests"
    }
}

fn portal(api: &Api) -> Check {
    match api.config.portal.as_str() {
        "" => good("portal", "the default portal"),
        portal => good("portal", &format!("{portal:?} is there")),
    }
}

/// Which step it was that failed.
fn failed(api: &Api, error: &ConnectorError) -> Check {
    match error.kind {
        ErrorKind::NotFound => {
            let advice = if api.config.portal.is_empty() {
                "check the host, and whether its api is version 3"
            } else {
                "correct the portal's name in endpoint, or leave it empty for the default portal"
            };
            line("portal", false, &error.detail, Some(advice.to_owned()))
        }
        ErrorKind::Permission => bad("read requests", error),
        _ => bad("sign in", error),
    }
}

async fn describe(api: &Api) -> Check {
    match api.get("requests/_metainfo").await {
        Ok(_) => good("describe fields", "the fields are described"),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Permission) => good(
            "describe fields",
            "this build does not describe its fields; the usual ones are offered",
        ),
        Err(error) => bad("describe fields", &error),
    }
}

async fn statuses(api: &Api) -> Check {
    match api.list("statuses", json!({ "row_count": 1, "start_index": 1 })).await {
        Ok(_) => good("read statuses", "statuses can be listed"),
        Err(error) => line(
            "read statuses",
            false,
            &error.detail,
            Some(
                "give the account or token the right to read the setup (statuses, priorities)"
                    .to_owned(),
            ),
        ),
    }
}

fn good(name: &str, message: &str) -> Check {
    line(name, true, message, None)
}

fn bad(name: &str, error: &ConnectorError) -> Check {
    line(name, false, &error.detail, error.what_to_do.clone())
}

fn line(name: &str, ok: bool, message: &str, what_to_do: Option<String>) -> Check {
    Check { name: name.to_owned(), ok, message: message.to_owned(), what_to_do }
}
