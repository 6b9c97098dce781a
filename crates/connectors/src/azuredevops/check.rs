//! Trying everything a sync needs, one line each.

use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{Check, Clock, ConnectorError, ErrorKind};
use syncline_domain::{Identity, Timestamp};

use super::convert::person;
use super::filter::quote;
use super::patch;
use super::requests::Api;
use super::wire::{ConnectedUser, Project};

/// Projects a page.
const PROJECTS: usize = 500;
/// The most projects that are looked through for a name.
const MOST_PROJECTS: usize = 10_000;
/// Clocks may differ by this much before it is worth a word; times are always the server's.
const SKEW: Duration = Duration::from_secs(120);

/// All lines. A step that makes the others pointless ends the list.
pub(super) async fn run(api: &Api, clock: &dyn Clock) -> Vec<Check> {
    let mut lines = Vec::new();
    let signed_in = sign_in(api).await;
    let go_on = signed_in.ok;
    lines.push(signed_in);
    if !go_on {
        return lines;
    }
    let project = project(api).await;
    let go_on = project.ok;
    lines.push(project);
    if !go_on {
        return lines;
    }
    let (read, server_time) = read_items(api).await;
    lines.push(read);
    lines.push(write_items(api).await);
    lines.extend(server_time.map(|server| clock_line(clock.now(), server)));
    lines.push(Check::passed(
        "token expiry",
        "azure devops does not tell when a token ends; note the date where it was made",
    ));
    lines
}

/// The account we act as.
pub(super) async fn whoami(api: &Api) -> Result<Identity, ConnectorError> {
    let data = api.connection().await?;
    data.authenticated_user.as_ref().and_then(account).ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, "azure devops did not say whose token this is")
    })
}

fn account(user: &ConnectedUser) -> Option<Identity> {
    let name = user.custom_display_name.clone().or_else(|| user.provider_display_name.clone());
    let account =
        user.properties.get("Account").and_then(|value| value.get("$value").or(Some(value)));
    let wire = json!({ "id": user.id, "displayName": name, "uniqueName": account });
    person(&wire)
}

async fn sign_in(api: &Api) -> Check {
    match whoami(api).await {
        Ok(who) => Check::passed("sign in", format!("signed in as {}", shown(&who))),
        Err(error) if error.kind == ErrorKind::Auth || error.kind == ErrorKind::Unavailable => {
            Check::failed("sign in", &error)
        }
        // A server without this resource can still be used; the next lines tell whether the token is good.
        Err(_) => match api.projects(1, 0).await {
            Ok(_) => Check::passed("sign in", "the token is accepted"),
            Err(error) if error.kind == ErrorKind::Permission => {
                Check::passed("sign in", "the token is accepted")
            }
            Err(error) => Check::failed("sign in", &error),
        },
    }
}

fn shown(who: &Identity) -> String {
    let name = who
        .name
        .clone()
        .or_else(|| who.login.clone())
        .unwrap_or_else(|| "an account without a name".to_owned());
    match &who.email {
        Some(email) if *email != name => format!("{name} <{email}>"),
        _ => name,
    }
}

async fn project(api: &Api) -> Check {
    let wanted = api.config.project.as_str();
    let all = match all_projects(api).await {
        Ok(all) => all,
        Err(error) if error.kind == ErrorKind::Permission => {
            return Check::passed(
                "project",
                "the token may not list projects; the next line shows whether this one can be read",
            );
        }
        Err(error) => return Check::failed("project", &error),
    };
    if all.iter().any(|project| {
        project.name.eq_ignore_ascii_case(wanted) || project.id.eq_ignore_ascii_case(wanted)
    }) {
        return Check::passed("project", format!("found {wanted:?}"));
    }
    let advice = match nearest(wanted, &all) {
        Some(name) => format!("did you mean {name:?}? correct endpoint"),
        None => "correct endpoint, or give the account access to the project".to_owned(),
    };
    let text =
        format!("there is no project {wanted:?} among the {} that the account sees", all.len());
    Check::advised("project", text, advice)
}

async fn all_projects(api: &Api) -> Result<Vec<Project>, ConnectorError> {
    let mut all = Vec::new();
    loop {
        let page = api.projects(PROJECTS, all.len()).await?;
        let is_last = page.len() < PROJECTS;
        all.extend(page);
        if is_last || all.len() >= MOST_PROJECTS {
            return Ok(all);
        }
    }
}

fn nearest<'a>(wanted: &str, all: &'a [Project]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let names = all.iter().map(|project| project.name.as_str());
    names.min_by_key(|name| strsim::damerau_levenshtein(&wanted, &name.to_lowercase()))
}

async fn read_items(api: &Api) -> (Check, Option<Timestamp>) {
    let mut condition = "[System.TeamProject] = @project".to_owned();
    if let Some(area) = &api.config.area_path {
        condition.push_str(&format!(" AND [System.AreaPath] UNDER {}", quote(area)));
    }
    let wiql = format!(
        "SELECT [System.Id] FROM WorkItems WHERE {condition} ORDER BY [System.ChangedDate] DESC"
    );
    match api.query(&wiql, 1).await {
        Ok(answer) => {
            let text = if answer.work_items.is_empty() {
                "queries work; no work item is visible to the account yet"
            } else {
                "queries work and find work items"
            };
            let at = answer.as_of.as_deref().and_then(|text| Timestamp::parse(text).ok());
            (Check::passed("read work items", text), at)
        }
        Err(error) => (Check::failed("read work items", &error), None),
    }
}

/// A create that is only validated: a rule that refuses it is as good as a success, a permission that is missing shows.
async fn write_items(api: &Api) -> Check {
    const NAME: &str = "write work items";
    let types = match api.types().await {
        Ok(types) => types,
        Err(error) => return Check::failed(NAME, &error),
    };
    let Some(kind) = types.iter().find(|kind| !kind.is_disabled) else {
        let error = ConnectorError::new(ErrorKind::Invalid, "the project has no work item type");
        return Check::failed(NAME, &error);
    };
    let mut ops = patch::titled("Syncline asks whether it may write");
    ops.extend(api.config.area_path.as_deref().map(patch::in_area));
    match api.validate(&kind.name, &ops).await {
        Ok(_) => Check::passed(NAME, format!("a new {} would be accepted", kind.name)),
        Err(error) if error.kind == ErrorKind::Invalid => Check::passed(
            NAME,
            format!("allowed, as far as can be told without writing ({})", error.detail),
        ),
        Err(error) => Check::failed(NAME, &error),
    }
}

fn clock_line(ours: Timestamp, theirs: Timestamp) -> Check {
    let (gap, word) = if ours > theirs {
        (ours.since(theirs), "ahead of")
    } else {
        (theirs.since(ours), "behind")
    };
    if gap <= SKEW {
        return Check::passed("clock", format!("{} s apart from the server's", gap.as_secs()));
    }
    let text = format!("this machine's clock is {} s {word} the server's", gap.as_secs());
    Check::advised("clock", text, "set this machine's clock, best by NTP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_project_is_named() {
        let project = |name: &str| Project { id: String::new(), name: name.to_owned() };
        let all = [project("Billing"), project("Web Shop"), project("Warehouse")];
        assert_eq!(nearest("webshop", &all), Some("Web Shop"));
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_clock_that_is_off_is_told() {
        let at = Timestamp::from_secs(1_000_000);
        assert!(clock_line(at, at.after(Duration::from_secs(5))).ok);
        let late = clock_line(at, at.after(Duration::from_secs(500)));
        assert!(!late.ok && late.message.contains("behind"), "{late:?}");
    }
}
