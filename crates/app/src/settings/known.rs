//! Which settings there are, what they may be, and what they are when nobody says.

use serde_json::{Value, json};
use syncline_domain::ConflictResolution;

use crate::input::kind_of;

/// A setting that there is.
pub(super) struct Known {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) description: &'static str,
}

/// What a setting may be.
pub(super) enum Kind {
    Int {
        least: i64,
        most: i64,
        default: i64,
    },
    Flag {
        default: bool,
    },
    Word {
        words: &'static [&'static str],
        default: &'static str,
    },
    Resolution,
    /// Empty when nobody says.
    Text,
    /// Sealed in the store, and never shown.
    Secret,
}

/// The longest text of a setting.
const TEXT_MAX: usize = 500;

const fn days(key: &'static str, default: i64, description: &'static str) -> Known {
    Known { key, kind: Kind::Int { least: 1, most: 3_650, default }, description }
}

pub(super) const MAX_CONCURRENT: &str = "max_concurrent_syncs";
pub(super) const BATCH: &str = "sync_batch_size";
pub(super) const EXECUTION_DAYS: &str = "execution_retention_days";
pub(super) const DELIVERY_DAYS: &str = "delivery_retention_days";
pub(super) const JOB_DAYS: &str = "job_retention_days";
pub(super) const AUDIT_DAYS: &str = "audit_retention_days";
pub(super) const JOB_HISTORY: &str = "job_history_limit";
pub(super) const DISCOVERY: &str = "discovery_interval_hours";
pub(super) const RESOLUTION: &str = "conflict_resolution_default";
pub(super) const SMTP_PASS: &str = "smtp_pass";

/// Every setting, in the order in which people see them.
pub(super) const KNOWN: [Known; 16] = [
    Known {
        key: MAX_CONCURRENT,
        kind: Kind::Int { least: 1, most: 1_000, default: 3 },
        description: "jobs that a worker runs at once (MAX_CONCURRENT_JOBS)",
    },
    Known {
        key: BATCH,
        kind: Kind::Int { least: 1, most: 500, default: 200 },
        description: "items that a run reads and works on as one page; trackers that give fewer at once give fewer",
    },
    days(EXECUTION_DAYS, 90, "ended runs and their item outcomes are deleted after this many days"),
    days(
        DELIVERY_DAYS,
        30,
        "webhook deliveries are deleted after this many days; a sender that repeats one later is not recognised",
    ),
    days(
        JOB_DAYS,
        30,
        "ended jobs beyond job_history_limit are deleted after this many days, and with them what became of schedule \
         instants and sent messages",
    ),
    days(AUDIT_DAYS, 365, "lines of the audit trail are deleted after this many days"),
    Known {
        key: JOB_HISTORY,
        kind: Kind::Int { least: 0, most: 1_000_000, default: 100 },
        description: "this many ended jobs are always kept (JOB_HISTORY_LIMIT)",
    },
    Known {
        key: DISCOVERY,
        kind: Kind::Int { least: 0, most: 8_760, default: 24 },
        description: "each connector is discovered again after this many hours; 0 turns it off (DISCOVERY_INTERVAL_HOURS)",
    },
    Known {
        key: RESOLUTION,
        kind: Kind::Resolution,
        description: "the conflict_resolution of configurations that are made without one",
    },
    Known {
        key: "smtp_host",
        kind: Kind::Text,
        description: "the mail server; without one no mail is sent (SMTP_HOST)",
    },
    Known {
        key: "smtp_port",
        kind: Kind::Int { least: 1, most: 65_535, default: 587 },
        description: "the mail server's port (SMTP_PORT)",
    },
    Known {
        key: "smtp_secure",
        kind: Kind::Flag { default: false },
        description: "true: TLS from the first byte; false: STARTTLS (SMTP_SECURE)",
    },
    Known {
        key: "smtp_tls",
        kind: Kind::Word { words: &["required", "opportunistic", "none"], default: "required" },
        description: "whether STARTTLS must be there when smtp_secure is false (SMTP_TLS)",
    },
    Known {
        key: "smtp_user",
        kind: Kind::Text,
        description: "the name to sign in with at the mail server (SMTP_USER)",
    },
    Known {
        key: SMTP_PASS,
        kind: Kind::Secret,
        description: "the password to sign in with at the mail server; never shown (SMTP_PASS)",
    },
    Known {
        key: "smtp_from",
        kind: Kind::Text,
        description: "who mails come from, such as Syncline <sync@example.com> (SMTP_FROM)",
    },
];

impl Known {
    pub(super) fn named(key: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.key == key)
    }

    pub(super) const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }

    /// The word for what kind of value it is.
    pub(super) const fn value_type(&self) -> &'static str {
        match self.kind {
            Kind::Int { .. } => "int",
            Kind::Flag { .. } => "bool",
            Kind::Word { .. } | Kind::Resolution => "word",
            Kind::Text => "text",
            Kind::Secret => "secret",
        }
    }

    pub(super) fn default_value(&self) -> Value {
        match self.kind {
            Kind::Int { default, .. } => json!(default),
            Kind::Flag { default } => json!(default),
            Kind::Word { default, .. } => json!(default),
            Kind::Resolution => json!(ConflictResolution::LastWriteWins),
            Kind::Text => json!(""),
            Kind::Secret => Value::Null,
        }
    }

    /// Judges a value and answers it in its one form.
    pub(super) fn checked(&self, value: &Value) -> Result<Value, String> {
        let wrong = |wanted: &str| Err(format!("this is {}; send {wanted}", kind_of(value)));
        match &self.kind {
            Kind::Int { least, most, .. } => match value.as_i64() {
                Some(n) if (*least..=*most).contains(&n) => Ok(json!(n)),
                Some(n) => Err(format!("{n} is out of range; use {least} to {most}")),
                None => wrong("a whole number"),
            },
            Kind::Flag { .. } => match (value.as_bool(), value.as_i64()) {
                (Some(flag), _) => Ok(json!(flag)),
                (None, Some(n @ (0 | 1))) => Ok(json!(n == 1)),
                _ => wrong("true or false"),
            },
            Kind::Word { words, .. } => match value.as_str() {
                Some(word) if words.contains(&word) => Ok(json!(word)),
                Some(_) => Err(format!("use one of {}", words.join(", "))),
                None => wrong("a text"),
            },
            Kind::Resolution => match value.as_str().map(str::parse::<ConflictResolution>) {
                Some(Ok(word)) => Ok(json!(word)),
                Some(Err(unknown)) => Err(unknown.to_string()),
                None => wrong("a text"),
            },
            Kind::Text | Kind::Secret => match value.as_str() {
                Some(text) if text.chars().count() > TEXT_MAX => {
                    Err(format!("it is longer than {TEXT_MAX} characters; shorten it"))
                }
                Some(text) if text.chars().any(char::is_control) => {
                    Err("it holds control characters; leave them out".to_owned())
                }
                Some(text) if self.is_secret() => Ok(json!(text)),
                Some(text) => Ok(json!(text.trim())),
                None => wrong("a text"),
            },
        }
    }
}
