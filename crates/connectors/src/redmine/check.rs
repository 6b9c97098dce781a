//! Trying everything a sync needs, one line each.

use std::time::Duration;

use syncline_domain::Timestamp;
use syncline_domain::ports::{Check, ConnectorError, ErrorKind};

use super::fields::ListKind;
use super::filter::scope;
use super::lists;
use super::people;
use super::requests::Api;
use super::rights::{self, Rights};
use super::schema;
use super::wire::{IssuePage, Project, User};
use crate::shared::nearest::did_you_mean;

/// Clocks may differ by this much before it is worth a word; change times are always the server's.
const SKEW: Duration = Duration::from_secs(120);
/// What a sync in both directions needs: Redmine's word and what its role page says.
const NEEDED: [(&str, &str); 3] = [
    ("add_issues", "Add issues"),
    ("edit_issues", "Edit issues"),
    ("add_issue_notes", "Add notes"),
];
const CLOSED: u64 = 5;
const ARCHIVED: u64 = 9;

/// All lines. A step that makes the others pointless ends the list.
pub(super) async fn run(api: &Api) -> Vec<Check> {
    let mut lines = Vec::new();
    let user = match people::current(api, "memberships").await {
        Ok(user) => user,
        Err(error) => return vec![not_signed_in(&error)],
    };
    lines.push(Check::passed("sign in", signed_in(&user)));
    let line = project(api).await;
    let go_on = line.ok;
    lines.push(line);
    if !go_on {
        return lines;
    }
    let (line, server_time) = read_issues(api).await;
    lines.push(line);
    lines.push(write_issues(api, &user).await);
    lines.push(custom_fields(api).await);
    lines.extend(server_time.map(|server| clock(api.clock.now(), server)));
    lines
}

fn signed_in(user: &User) -> String {
    let who = people::of_user(user);
    let name = who.name.or(who.login).unwrap_or_else(|| "an account without a name".to_owned());
    match user.admin {
        Some(true) => format!("signed in as {name}, an administrator"),
        _ => format!("signed in as {name}"),
    }
}

/// With REST switched off every call looks as if nobody had signed in.
fn not_signed_in(error: &ConnectorError) -> Check {
    let mut line = Check::failed("sign in", error);
    if matches!(error.kind, ErrorKind::Auth | ErrorKind::Permission) {
        let advice = line.what_to_do.unwrap_or_default();
        let rest = "see that Administration > Settings > API has the REST web service enabled";
        line.what_to_do = Some(format!("{advice}; {rest}"));
    }
    line
}

async fn project(api: &Api) -> Check {
    const NAME: &str = "project";
    let Some(wanted) = api.config.project.as_deref() else {
        return match lists::list(api, ListKind::Projects, "", true).await {
            Ok(all) => Check::passed(NAME, format!("all {} that the account sees", all.len())),
            Err(error) => Check::failed(NAME, &error),
        };
    };
    match schema::project(api, wanted).await {
        Ok(project) => judged(&project),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Permission) => {
            unknown(api, wanted, &error).await
        }
        Err(error) => Check::failed(NAME, &error),
    }
}

fn judged(project: &Project) -> Check {
    const NAME: &str = "project";
    let name = &project.name;
    let failed = |text: String, advice: &str| Check::advised(NAME, text, advice);
    let has_issues = project
        .enabled_modules
        .as_ref()
        .is_none_or(|all| all.is_empty() || all.iter().any(|one| one.name == "issue_tracking"));
    match project.status {
        Some(CLOSED) => failed(format!("{name:?} is closed: read-only"), "reopen the project"),
        Some(ARCHIVED) => failed(format!("{name:?} is archived"), "unarchive the project"),
        _ if !has_issues => failed(
            format!("{name:?} has no issue tracking"),
            "enable the module in the project's settings",
        ),
        _ => Check::passed(NAME, format!("found {name:?} ({})", project.identifier)),
    }
}

async fn unknown(api: &Api, wanted: &str, error: &ConnectorError) -> Check {
    let Ok(all) = lists::list(api, ListKind::Projects, "", true).await else {
        return Check::failed("project", error);
    };
    let known: Vec<&str> = all.iter().map(|one| one.identifier.as_str()).collect();
    // People like to enter the name in place of the identifier.
    let by_name = all.iter().find(|one| one.name.eq_ignore_ascii_case(wanted));
    let advice = match by_name {
        Some(one) => format!("enter its identifier {:?} as endpoint", one.identifier),
        None => did_you_mean(wanted, &known),
    };
    let text = format!("there is no project {wanted:?} among the {} that we see", all.len());
    Check::advised("project", text, advice)
}

async fn read_issues(api: &Api) -> (Check, Option<Timestamp>) {
    const NAME: &str = "read issues";
    let scope = scope(&api.config);
    let mut params = vec![("status_id", "*"), ("limit", "1")];
    params.extend(scope.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    match api.dated::<IssuePage>("issues.json", &params).await {
        Ok((page, date)) => {
            let text = match page.total_count {
                0 => "lists work; no issue is visible to the account yet".to_owned(),
                total => format!("{total} issues are visible"),
            };
            (Check::passed(NAME, text), date)
        }
        Err(error) => (Check::failed(NAME, &error), None),
    }
}

/// Nothing is written to find out: the account's roles tell.
async fn write_issues(api: &Api, user: &User) -> Check {
    const NAME: &str = "write issues";
    let rights = match rights::of_user(api, user).await {
        Ok(rights) => rights,
        Err(error) => return Check::failed(NAME, &error),
    };
    let lacks = |(word, _): &&(&'static str, &'static str)| rights.allow(word) == Some(false);
    let missing: Vec<&str> = NEEDED.iter().filter(lacks).map(|(_, label)| *label).collect();
    if !missing.is_empty() {
        let text = format!("the account's roles lack: {}", missing.join(", "));
        let advice = "add them to the role, unless this connector is only read from".to_owned();
        return Check::advised(NAME, text, advice);
    }
    Check::passed(
        NAME,
        match rights {
            Rights::Everything => "an administrator may",
            Rights::Some(_) => "the account's roles allow it",
            Rights::Unknown => "the account's roles do not tell; the first write will",
        },
    )
}

async fn custom_fields(api: &Api) -> Check {
    const NAME: &str = "custom fields";
    match lists::custom(api).await.as_deref() {
        Ok(Some(all)) => Check::passed(NAME, format!("{} with their formats", all.len())),
        Ok(None) => Check::passed(
            NAME,
            "only an administrator can read their formats; they are taken from issues, as text",
        ),
        Err(error) => Check::failed(NAME, error),
    }
}

fn clock(ours: Timestamp, theirs: Timestamp) -> Check {
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
    fn a_project_that_cannot_be_written_says_why() {
        let project = |status| Project { status: Some(status), ..Project::default() };
        assert!(judged(&project(1)).ok);
        assert!(judged(&project(CLOSED)).message.contains("closed"));
        assert!(judged(&project(ARCHIVED)).message.contains("archived"));
        let mut bare = project(1);
        bare.enabled_modules = Some(vec![Named::default()]);
        assert!(judged(&bare).message.contains("issue tracking"));
    }

    #[test]
    fn a_clock_that_is_off_is_told() {
        let at = Timestamp::from_secs(1_000_000);
        assert!(clock(at, at.after(Duration::from_secs(5))).ok);
        let late = clock(at, at.after(Duration::from_secs(500)));
        assert!(!late.ok && late.message.contains("behind"), "{late:?}");
    }

    use super::super::wire::Named;
}
