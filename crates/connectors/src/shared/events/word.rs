//! Other people's words for events.

use syncline_domain::EventType;

const COMMENTED: [&str; 8] =
    ["comment", "comments", "commented", "note", "notes", "reply", "replied", "conversation"];
const DELETED: [&str; 8] =
    ["deleted", "delete", "removed", "remove", "destroyed", "destroy", "trashed", "trash"];
const RESTORED: [&str; 4] = ["restored", "restore", "undeleted", "untrashed"];
const CREATED: [&str; 9] =
    ["created", "create", "opened", "open", "added", "add", "new", "insert", "submitted"];
const UPDATED: [&str; 21] = [
    "updated",
    "update",
    "edited",
    "edit",
    "changed",
    "change",
    "modified",
    "closed",
    "close",
    "reopened",
    "reopen",
    "resolved",
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "milestoned",
    "demilestoned",
    "approved",
    "rejected",
    "transitioned",
];

/// Our word for an event such as `issues.opened`, `jira:issue_updated` or `Request Created`.
pub(crate) fn event_word(theirs: &str) -> Option<EventType> {
    if let Ok(ours) = theirs.parse() {
        return Some(ours);
    }
    let lower = theirs.to_ascii_lowercase();
    let has = |words: &[&str]| {
        lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| words.contains(&part))
    };
    let sets: [(&[&str], EventType); 5] = [
        // First: whatever happens to a comment happens to the item's comments.
        (&COMMENTED, EventType::Commented),
        (&DELETED, EventType::Deleted),
        (&RESTORED, EventType::Restored),
        (&CREATED, EventType::Created),
        (&UPDATED, EventType::Updated),
    ];
    sets.iter().find(|(words, _)| has(words)).map(|(_, event)| *event)
}

/// The same; an event that we have no word for changed something.
pub(crate) fn event_word_or_updated(theirs: &str) -> EventType {
    event_word(theirs).unwrap_or(EventType::Updated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_words_are_understood() {
        let cases = [
            ("workitem.restored", Some(EventType::Restored)),
            ("issues.opened", Some(EventType::Created)),
            ("issues.reopened", Some(EventType::Updated)),
            ("issue_comment.deleted", Some(EventType::Commented)),
            ("jira:issue_created", Some(EventType::Created)),
            ("jira:issue_updated", Some(EventType::Updated)),
            ("jira:issue_deleted", Some(EventType::Deleted)),
            ("comment_created", Some(EventType::Commented)),
            ("issue.updated", Some(EventType::Updated)),
            ("Request Created", Some(EventType::Created)),
            ("request.note_added", Some(EventType::Commented)),
            ("git.push", None),
            ("", None),
        ];
        for (theirs, ours) in cases {
            assert_eq!(event_word(theirs), ours, "{theirs}");
        }
        assert_eq!(event_word_or_updated("request.picked_up"), EventType::Updated);
    }
}
