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
            lines.push(Check::passed("sign in", "the key or token is accepted"));
            lines.push(portal(api));
            let rows = answer.rows("requests");
            lines.push(Check::passed("read requests", found(rows.len())));
        }
        Err(error) => {
            lines.push(failed(api, &error));
            return lines;
        }
    }
    lines.push(describe(api).await);
    lines.push(statuses(api).await);
    lines.push(Check::passed(
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
        "" => Check::passed("portal", "the default portal"),
        portal => Check::passed("portal", format!("{portal:?} is there")),
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
            Check::advised("portal", error.detail.as_str(), advice)
        }
        ErrorKind::Permission => Check::failed("read requests", error),
        _ => Check::failed("sign in", error),
    }
}

async fn describe(api: &Api) -> Check {
    match api.get("requests/_metainfo").await {
        Ok(_) => Check::passed("describe fields", "the fields are described"),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Permission) => {
            Check::passed(
                "describe fields",
                "this build does not describe its fields; the usual ones are offered",
            )
        }
        Err(error) => Check::failed("describe fields", &error),
    }
}

async fn statuses(api: &Api) -> Check {
    match api.list("statuses", json!({ "row_count": 1, "start_index": 1 })).await {
        Ok(_) => Check::passed("read statuses", "statuses can be listed"),
        Err(error) => Check::advised(
            "read statuses",
            error.detail,
            "give the account or token the right to read the setup (statuses, priorities)",
        ),
    }
}
