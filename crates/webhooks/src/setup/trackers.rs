//! Where each tracker hides its webhooks.

use syncline_domain::WebhookAuth;

/// What is peculiar to a tracker.
pub(super) struct Tracker {
    /// The best that it can do.
    pub(super) recommended: WebhookAuth,
    /// Until the address.
    pub(super) before: &'static [&'static str],
    /// After the address.
    pub(super) after: &'static [&'static str],
}

/// What is known of a kind.
pub(super) fn tracker(connector_type: &str) -> Tracker {
    match connector_type {
        "azuredevops" => AZURE,
        "servicedeskplus" => SERVICEDESK,
        "redmine" => REDMINE,
        "github" => GITHUB,
        "gitlab" => GITLAB,
        "jira" => JIRA,
        _ => OTHER,
    }
}

const AZURE: Tracker = Tracker {
    recommended: WebhookAuth::Basic,
    before: &[
        "Open Project settings, then Service hooks, and create a subscription of the kind Web Hooks. One subscription \
         is one event: make one for each event below, all with the same address and secret.",
    ],
    after: &[
        "Leave \"Resource details to send\" at All, since the work item's number is in there, and set both message \
         settings to None. Only the number is used; the work item is fetched from Azure DevOps anew.",
    ],
};

const SERVICEDESK: Tracker = Tracker {
    recommended: WebhookAuth::HeaderToken,
    before: &[
        "Add a webhook: Admin, Integrations, Webhooks on premises; Setup, Automation, Custom Actions, Webhooks in the \
         cloud. Choose POST.",
    ],
    after: &[
        "Set the body to {\"event\": \"request.updated\", \"request_id\": \"$RequestID\"}, with the placeholder that \
         the $ menu offers for the request's own id (not the shown number). Leave free text such as the subject out: \
         quotes in it would break the JSON.",
        "Let a trigger for requests run the webhook; a second one with \"request.created\" tells new requests apart.",
    ],
};

const REDMINE: Tracker = Tracker {
    recommended: WebhookAuth::Hmac,
    before: &[
        "Redmine 7 and newer: let an administrator enable webhooks in the settings and give your role the permission \
         to use them, then open My account, Webhooks, and add one for the projects in question. It tells only what \
         your account may see.",
        "Redmine before 7 has no webhooks. Run the sync by schedule, or let a plug-in or a script send \
         {\"event\": \"issue.updated\", \"item_id\": \"12\"} with the proof below; a plug-in that cannot sign goes with \
         url-token.",
    ],
    after: &[],
};

const GITHUB: Tracker = Tracker {
    recommended: WebhookAuth::Hmac,
    before: &["Open the repository's Settings, Webhooks, and add a webhook."],
    after: &["Set the content type to application/json."],
};

const GITLAB: Tracker = Tracker {
    recommended: WebhookAuth::GitlabToken,
    before: &["Open the project's Settings, Webhooks, and add a webhook."],
    after: &[],
};

const JIRA: Tracker = Tracker {
    recommended: WebhookAuth::Hmac,
    before: &[
        "Open Jira's settings, System, WebHooks, and create one. The address must be reachable from outside by HTTPS \
         with a certificate of a public authority.",
    ],
    after: &["Name the project in the JQL filter, such as project = ABC."],
};

const OTHER: Tracker = Tracker {
    recommended: WebhookAuth::Hmac,
    before: &[
        "Let the tracker, or a script beside it, send a POST with the JSON body {\"event\": \"workitem.updated\", \
         \"item_id\": \"12\"} whenever an item changes; \"delivery_id\" may name the message, so that a repeated one is \
         recognised.",
    ],
    after: &[],
};

/// Which events to choose there.
pub(super) fn events_step(connector_type: &str, event_types: &[String]) -> String {
    let wanted: Vec<&str> = OURS
        .iter()
        .filter(|word| event_types.iter().any(|event| event == "*" || event == *word))
        .copied()
        .collect();
    let mut theirs: Vec<&str> = Vec::new();
    for word in &wanted {
        let name = their_event(connector_type, word);
        if !name.is_empty() && !theirs.contains(&name) {
            theirs.push(name);
        }
    }
    if theirs.is_empty() {
        return format!(
            "This tracker tells none of {} by itself; subscribe to others",
            wanted.join(", ")
        );
    }
    format!("Choose these events: {}", theirs.join(", "))
}

const OURS: [&str; 5] = [
    "workitem.created",
    "workitem.updated",
    "workitem.deleted",
    "workitem.restored",
    "workitem.commented",
];

fn their_event(connector_type: &str, word: &str) -> &'static str {
    match (connector_type, word) {
        ("azuredevops", "workitem.created") => "Work item created",
        ("azuredevops", "workitem.updated") => "Work item updated",
        ("azuredevops", "workitem.deleted") => "Work item deleted",
        ("azuredevops", "workitem.restored") => "Work item restored",
        ("azuredevops", "workitem.commented") => "Work item commented on",
        ("servicedeskplus", "workitem.created") => "request created",
        ("servicedeskplus", "workitem.updated") => "request edited",
        ("servicedeskplus", "workitem.deleted") => "request deleted",
        ("servicedeskplus", "workitem.commented") => "note added, reply received",
        ("redmine", "workitem.created") => "Issue created",
        ("redmine", "workitem.updated" | "workitem.commented") => "Issue updated",
        ("redmine", "workitem.deleted") => "Issue deleted",
        ("github", "workitem.commented") => "Issue comments",
        ("github", "workitem.created" | "workitem.updated" | "workitem.deleted") => "Issues",
        ("gitlab", "workitem.commented") => "Comments, Confidential comments",
        ("gitlab", "workitem.created" | "workitem.updated") => {
            "Issues events, Confidential issues events"
        }
        ("jira", "workitem.created") => "Issue created",
        ("jira", "workitem.updated") => "Issue updated",
        ("jira", "workitem.deleted") => "Issue deleted",
        ("jira", "workitem.commented") => "Comment created, updated, deleted",
        ("azuredevops" | "servicedeskplus" | "redmine" | "github" | "gitlab" | "jira", _) => "",
        (_, "workitem.created") => "workitem.created",
        (_, "workitem.updated") => "workitem.updated",
        (_, "workitem.deleted") => "workitem.deleted",
        (_, "workitem.restored") => "workitem.restored",
        _ => "workitem.commented",
    }
}
