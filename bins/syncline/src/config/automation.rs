//! What the environment says about jobs, schedules, webhooks and mail.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_app::{Limits, SettingsSource};
use syncline_notifier::{SmtpConfig, SmtpSettings, SmtpTls};

use super::Variables;

/// Which part of the work a process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything.
    #[default]
    All,
    /// Only what people and trackers ask for over HTTP.
    Api,
    /// Only jobs, messages and upkeep, beside health checks.
    Worker,
    /// Only schedules, beside health checks.
    Scheduler,
}

impl Role {
    pub(crate) const fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    pub(crate) const fn schedules(self) -> bool {
        matches!(self, Self::All | Self::Scheduler)
    }
}

/// How this process automates.
#[derive(Clone, Debug)]
pub struct AutomationConfig {
    /// `--role`.
    pub role: Role,
    /// `SCHEDULER_ENABLED`.
    pub scheduler_enabled: bool,
    /// `JOB_LEASE_SECONDS`: how long a process that says nothing keeps its jobs and runs.
    pub job_lease: Duration,
    /// `MAX_QUEUE_SIZE`: how many jobs may wait.
    pub max_queue: u64,
    /// `WEBHOOK_RATE_LIMIT`: proven requests a minute and webhook; any number when absent.
    pub webhook_rate_limit: Option<u32>,
    /// `WEBHOOK_SETTLE_SECONDS`: how far apart runs of one item begin that its events cause.
    pub webhook_settle: Duration,
    /// The bytes of `SMTP_CA_FILE`.
    pub smtp_ca: Option<Vec<u8>>,
    /// Settings that the environment decides.
    pub settings: SettingsSource,
}

pub(super) fn read(variables: &Variables, keep: &mut impl FnMut(String)) -> AutomationConfig {
    let mut settings = BTreeMap::new();
    if let Some(jobs) = number(variables, "MAX_CONCURRENT_JOBS", 1, 1_000, keep) {
        settings.insert("max_concurrent_syncs".to_owned(), json!(jobs));
    }
    if let Some(jobs) = number(variables, "JOB_HISTORY_LIMIT", 0, 1_000_000, keep) {
        settings.insert("job_history_limit".to_owned(), json!(jobs));
    }
    if let Some(hours) = number(variables, "DISCOVERY_INTERVAL_HOURS", 0, 8_760, keep) {
        settings.insert("discovery_interval_hours".to_owned(), json!(hours));
    }
    let smtp_ca = read_file(variables, "SMTP_CA_FILE", keep);
    read_smtp(variables, smtp_ca.clone(), &mut settings, keep);
    AutomationConfig {
        role: Role::All,
        scheduler_enabled: flag(variables, "SCHEDULER_ENABLED", keep).unwrap_or(true),
        job_lease: Duration::from_secs(
            number(variables, "JOB_LEASE_SECONDS", 3, 3_600, keep).unwrap_or(30),
        ),
        max_queue: number(variables, "MAX_QUEUE_SIZE", 1, 10_000_000, keep).unwrap_or(10_000),
        webhook_rate_limit: number(variables, "WEBHOOK_RATE_LIMIT", 1, 10_000_000, keep)
            .and_then(|limit| u32::try_from(limit).ok()),
        webhook_settle: number(variables, "WEBHOOK_SETTLE_SECONDS", 0, 3_600, keep)
            .map_or(Limits::default().settle, Duration::from_secs),
        smtp_ca,
        settings: SettingsSource(settings),
    }
}

fn number(
    variables: &Variables,
    name: &str,
    least: u64,
    most: u64,
    keep: &mut impl FnMut(String),
) -> Option<u64> {
    let text = variables.get(name)?;
    let number = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        keep(format!("{name}: {text:?} cannot be used; use a whole number from {least} to {most}"));
    }
    number
}

fn flag(variables: &Variables, name: &str, keep: &mut impl FnMut(String)) -> Option<bool> {
    let text = variables.get(name)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => {
            keep(format!("{name}: {text:?} cannot be used; use true or false"));
            None
        }
    }
}

fn read_file(variables: &Variables, name: &str, keep: &mut impl FnMut(String)) -> Option<Vec<u8>> {
    let path = variables.get(name)?;
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            keep(format!("{name}: {path}: {error}"));
            None
        }
    }
}

/// The mail server is checked as a whole, so that a wrong variable is named at the start and not when mail goes out.
fn read_smtp(
    variables: &Variables,
    ca_pem: Option<Vec<u8>>,
    settings: &mut BTreeMap<String, Value>,
    keep: &mut impl FnMut(String),
) {
    let mut put = |key: &str, value: Value| settings.insert(key.to_owned(), value);
    let text = |name: &str| variables.get(name);
    let secure = flag(variables, "SMTP_SECURE", keep);
    let port = number(variables, "SMTP_PORT", 1, 65_535, keep);
    let tls = text("SMTP_TLS");
    let word = match tls.as_deref() {
        None | Some("required") => None,
        Some("opportunistic") => Some(SmtpTls::Opportunistic),
        Some("none") => Some(SmtpTls::None),
        Some(other) => {
            keep(format!(
                "SMTP_TLS: {other:?} cannot be used; use required, opportunistic or none"
            ));
            return;
        }
    };
    let named = [
        ("smtp_host", text("SMTP_HOST")),
        ("smtp_tls", tls),
        ("smtp_user", text("SMTP_USER")),
        ("smtp_pass", text("SMTP_PASS")),
        ("smtp_from", text("SMTP_FROM")),
    ];
    for (key, value) in named {
        value.map(|value| put(key, json!(value)));
    }
    secure.map(|secure| put("smtp_secure", json!(secure)));
    port.map(|port| put("smtp_port", json!(port)));
    let Some(host) = text("SMTP_HOST") else { return };
    let checked = SmtpConfig::new(SmtpSettings {
        host,
        port: port.and_then(|port| u16::try_from(port).ok()),
        secure: secure.unwrap_or(false),
        tls: word,
        ca_pem,
        user: text("SMTP_USER"),
        password: text("SMTP_PASS").map(secrecy::SecretString::from),
        from: text("SMTP_FROM"),
    });
    if let Err(error) = checked {
        keep(error.to_string());
    }
}
