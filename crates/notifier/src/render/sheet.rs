//! The words for every kind of news. The two published templates are here; the rest follows their manner.

use std::time::Duration;

use crate::clean::line;
use crate::links::Links;
use crate::message::{Message, News, RunFacts};
use crate::render::times::{Zone, span};

/// Most characters of a subject.
const SUBJECT: usize = 200;
/// Most characters of a name.
const NAME: usize = 160;
/// Most characters of an error.
const WORDS: usize = 1_000;
/// Most lines of a list.
const LINES: usize = 40;

/// A message in words, before any layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// One line that says it all.
    pub(crate) subject: String,
    /// The heading.
    pub(crate) title: &'static str,
    /// Whether this is good news.
    pub(crate) tone: Tone,
    /// Labels and values.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// A list below them.
    pub(crate) lines: Vec<String>,
    /// Where to find out more: label, address.
    pub(crate) link: Option<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Notice,
}

impl Tone {
    const fn mark(self) -> char {
        match self {
            Self::Good => '✓',
            Self::Bad => '✗',
            Self::Notice => '⚠',
        }
    }
}

/// Puts a message into words.
pub(crate) fn sheet(message: &Message, links: &Links) -> Sheet {
    let cx = Context { message, links, zone: Zone::named(&message.zone) };
    match &message.news {
        News::SyncCompleted(run) => cx.completed(run),
        News::SyncFailed(run) => cx.failed(run),
        News::SyncRecovered { run, failing_since } => {
            let mut sheet = cx.of_config(Tone::Good, "Sync Recovered");
            sheet.facts.extend(run_facts(run));
            if let Some(since) = failing_since {
                sheet.facts.push(("Failing Since", cx.zone.show(*since)));
            }
            cx.open_run(sheet, run.execution_id)
        }
        News::ConflictDetected { execution_id, conflicts, fields, one } => {
            let mut sheet = cx.of_config(Tone::Notice, "Conflicts Detected");
            sheet.facts.push(("Execution ID", execution_id.to_string()));
            sheet.facts.push(("Conflicts", conflicts.to_string()));
            if !fields.is_empty() {
                sheet.facts.push(("Fields", line(&fields.join(", "), WORDS)));
            }
            if let Some(one) = one {
                sheet.facts.extend([
                    ("Item", line(&one.item, NAME)),
                    ("Source Value", line(&one.source_value, WORDS)),
                    ("Target Value", line(&one.target_value, WORDS)),
                ]);
            }
            let about_item = fields.is_empty() && one.is_some();
            let asked = if about_item {
                "Please decide what becomes of the item."
            } else {
                "Please choose the values to keep."
            };
            sheet.facts.push(("Action Required", asked.to_owned()));
            let link = match one {
                Some(one) => ("Open the conflict", links.conflict(one.conflict_id)),
                None => ("Open the conflicts", links.conflicts()),
            };
            Sheet { link: Some(link), ..sheet }
        }
        News::CredentialExpiring { connector_id, connector, expires_at } => {
            let mut sheet = titled(Tone::Notice, "Credential Expiring", connector);
            sheet.facts = vec![
                ("Connector", line(connector, NAME)),
                ("Expires", cx.zone.show(*expires_at)),
                ("Action Required", "Please enter a new credential before then.".to_owned()),
            ];
            Sheet { link: Some(("Open the connector", links.connector(*connector_id))), ..sheet }
        }
        News::QueueBacklog { waiting, oldest_secs } => {
            let mut sheet =
                titled(Tone::Notice, "Queue Backlog", &format!("{waiting} jobs waiting"));
            sheet.facts = vec![
                ("Jobs Waiting", waiting.to_string()),
                ("Longest Wait", span(Duration::from_secs(*oldest_secs))),
            ];
            Sheet { link: Some(("Open the queue", links.jobs())), ..sheet }
        }
        News::SchemaDrift { connector_id, connector, changes } => {
            let mut sheet = titled(Tone::Notice, "Schema Drift", connector);
            sheet.facts = vec![("Connector", line(connector, NAME))];
            sheet.lines = listed(changes.iter().map(|change| line(change, NAME)).collect());
            Sheet { link: Some(("Open the connector", links.connector(*connector_id))), ..sheet }
        }
        News::CensusDrift { drifts, lines } => {
            let what = message.config.as_ref().map_or("", |config| config.name.as_str());
            let mut sheet = titled(Tone::Notice, "Census Drift", what);
            sheet.facts = vec![("Drifts", drifts.to_string())];
            sheet.lines = listed(lines.iter().map(|text| line(text, NAME)).collect());
            let link = message.config.as_ref().map(|config| links.config(config.id));
            Sheet { link: link.map(|link| ("Open the configuration", link)), ..sheet }
        }
        News::ChannelDisabled { channel, recipient, failing_since, reason } => {
            let mut sheet = titled(Tone::Bad, "Notifications Disabled", recipient);
            sheet.facts = vec![
                ("Channel", channel.to_string()),
                ("Recipient", line(recipient, NAME)),
                ("Error", line(reason, WORDS)),
            ];
            if let Some(since) = failing_since {
                sheet.facts.push(("Failing Since", cx.zone.show(*since)));
            }
            let advice = "Please check the recipient and activate the setting again.";
            sheet.facts.push(("Action Required", advice.to_owned()));
            Sheet { link: Some(("Open the settings", links.notifications())), ..sheet }
        }
        News::Test => {
            let mut sheet = titled(Tone::Good, "Test Notification", "this channel works");
            sheet.facts = vec![("Sent", cx.zone.show(message.at))];
            sheet
        }
        News::Digest { messages } => cx.digest(messages),
    }
}

struct Context<'a> {
    message: &'a Message,
    links: &'a Links,
    zone: Zone,
}

impl Context<'_> {
    fn completed(&self, run: &RunFacts) -> Sheet {
        let mut sheet = self.of_config(Tone::Good, "Sync Completed");
        sheet.title = "Sync Completed Successfully";
        sheet.facts.extend(run_facts(run));
        sheet.facts.extend([
            ("Started", self.zone.show(run.started_at)),
            ("Completed", self.zone.show(run.ended_at)),
            ("Duration", span(run.ended_at.since(run.started_at))),
        ]);
        self.open_run(sheet, run.execution_id)
    }

    fn failed(&self, run: &RunFacts) -> Sheet {
        let mut sheet = self.of_config(Tone::Bad, "Sync Failed");
        let error = match run.error.as_deref().map(|error| line(error, WORDS)) {
            Some(error) if !error.is_empty() => error,
            _ => format!("{} items failed", run.items_failed),
        };
        let advice = "Please check the execution logs for more details.";
        sheet.facts.extend(run_facts(run));
        sheet.facts.extend([("Error", error), ("Action Required", advice.to_owned())]);
        self.open_run(sheet, run.execution_id)
    }

    /// Equal lines are told once, with their number: a recipient is spared ten mails and also ten lines.
    fn digest(&self, messages: &[Message]) -> Sheet {
        let mut told: Vec<(String, u64, String)> = Vec::new();
        for message in messages {
            let subject = sheet(message, self.links).subject;
            let when = self.zone.show(message.at);
            match told.iter_mut().find(|(known, ..)| *known == subject) {
                Some((_, count, last)) => {
                    *count += 1;
                    *last = when;
                }
                None => told.push((subject, 1, when)),
            }
        }
        let lines = told.into_iter().map(|(subject, count, when)| match count {
            1 => format!("{when}: {subject}"),
            n => format!("{when}: {subject} ({n} times)"),
        });
        let about = self.config_name().unwrap_or_else(|| "several configurations".to_owned());
        let count = messages.len();
        Sheet {
            subject: line(&format!("{count} Notifications: {about}"), SUBJECT),
            title: "Several Notifications",
            tone: Tone::Notice,
            facts: vec![("Messages", count.to_string())],
            lines: listed(lines.collect()),
            link: self.config_link(),
        }
    }

    fn of_config(&self, tone: Tone, title: &'static str) -> Sheet {
        let name = self.config_name().unwrap_or_else(|| "all configurations".to_owned());
        let mut sheet = titled(tone, title, &name);
        sheet.facts = vec![("Configuration", name)];
        sheet.link = self.config_link();
        sheet
    }

    fn config_name(&self) -> Option<String> {
        self.message.config.as_ref().map(|config| line(&config.name, NAME))
    }

    fn config_link(&self) -> Option<(&'static str, String)> {
        let config = self.message.config.as_ref()?;
        Some(("Open the configuration", self.links.config(config.id)))
    }

    fn open_run(&self, sheet: Sheet, id: syncline_domain::ExecutionId) -> Sheet {
        Sheet { link: Some(("Open the execution", self.links.execution(id))), ..sheet }
    }
}

fn titled(tone: Tone, title: &'static str, what: &str) -> Sheet {
    Sheet {
        subject: line(&format!("{} {title}: {what}", tone.mark()), SUBJECT),
        title,
        tone,
        facts: Vec::new(),
        lines: Vec::new(),
        link: None,
    }
}

fn run_facts(run: &RunFacts) -> [(&'static str, String); 3] {
    [
        ("Execution ID", run.execution_id.to_string()),
        ("Items Synced", run.items_synced.to_string()),
        ("Items Failed", run.items_failed.to_string()),
    ]
}

fn listed(mut lines: Vec<String>) -> Vec<String> {
    if let Some(more) = lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        lines.truncate(LINES);
        lines.push(format!("and {more} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::has_controls;
    use crate::samples;

    fn of(message: &Message) -> Sheet {
        sheet(message, &Links::new("https://sync.example/"))
    }

    #[test]
    fn subjects_begin_with_a_mark_and_name_what_it_is_about() {
        let subjects: Vec<String> = samples::all().iter().map(|m| of(m).subject).collect();
        assert_eq!(
            subjects,
            [
                "✓ Sync Completed: Azure Bugs to ServiceDesk",
                "✗ Sync Failed: Azure Bugs to ServiceDesk",
                "✓ Sync Recovered: Azure Bugs to ServiceDesk",
                "⚠ Conflicts Detected: Azure Bugs to ServiceDesk",
                "⚠ Conflicts Detected: Azure Bugs to ServiceDesk",
                "⚠ Credential Expiring: Azure",
                "⚠ Queue Backlog: 1200 jobs waiting",
                "⚠ Schema Drift: Azure",
                "⚠ Census Drift: Azure Bugs to ServiceDesk",
                "✗ Notifications Disabled: https://example.com/…1234",
                "✓ Test Notification: this channel works",
                "3 Notifications: Azure Bugs to ServiceDesk",
            ]
        );
    }

    #[test]
    fn a_digest_tells_equal_news_once() {
        let sheet = of(&samples::all().pop().unwrap());
        assert_eq!(
            sheet.lines,
            [
                "2026-02-12 08:02:30: ✓ Sync Completed: Azure Bugs to ServiceDesk",
                "2026-02-12 08:02:30: ✗ Sync Failed: Azure Bugs to ServiceDesk (2 times)",
            ]
        );
    }

    #[test]
    fn long_lists_say_how_much_is_left_out() {
        let changes = (0..45).map(|n| format!("field {n}")).collect();
        let news = News::SchemaDrift { connector_id: 1.into(), connector: "A".to_owned(), changes };
        let sheet = of(&samples::about("x", news));
        assert_eq!((sheet.lines.len(), sheet.lines[40].as_str()), (41, "and 5 more"));
    }

    #[test]
    fn a_failure_without_words_is_told_by_its_count() {
        let run = RunFacts { items_failed: 7, error: Some("\r\n".to_owned()), ..samples::run() };
        let sheet = of(&samples::about("x", News::SyncFailed(run)));
        assert!(sheet.facts.contains(&("Error", "7 items failed".to_owned())));
    }

    #[test]
    fn names_of_users_are_one_line_and_read_as_no_template() {
        for name in
            ["a\r\nBcc: x@y.test", "\0\u{1b}[2J{{7*7}}", "${x}{% raw %}", &"long ".repeat(99)]
        {
            for message in samples::all() {
                let message = samples::about(name, message.news);
                let sheet = of(&message);
                let facts = sheet.facts.iter().map(|(_, value)| value.as_str());
                let all =
                    facts.chain(sheet.lines.iter().map(String::as_str)).chain([&*sheet.subject]);
                for part in all {
                    assert!(!has_controls(part), "{part:?}");
                }
                assert!(sheet.subject.chars().count() <= SUBJECT);
            }
        }
        let run = samples::run();
        let sheet = of(&samples::about("{{7*7}} ${7*7} {% x %}", News::SyncCompleted(run)));
        assert_eq!(sheet.subject, "✓ Sync Completed: {{7*7}} ${7*7} {% x %}");
    }
}
