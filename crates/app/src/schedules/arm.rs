//! Giving a configuration its schedule, taking it away, and telling when it would run.

use serde_json::{Value, json};
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ConfigId, Fault, FieldFault, Role, SyncConfig, Timestamp, TriggerType};
use syncline_scheduler::{CronExpr, Schedule, parse_zone};

use crate::configs::must_config;
use crate::connectors::Saved;
use crate::input::Body;
use crate::{App, AppError, Caller, audit};

/// A configuration that has a schedule now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Armed {
    /// When it runs next; `None` when its schedule ends before the calendar does.
    pub next: Option<Timestamp>,
    /// The zone whose clocks count.
    pub timezone: String,
}

/// When something runs, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// Whether anything is going to run: false for a configuration that is inactive or has another trigger.
    pub scheduled: bool,
    /// The expression, normalised; `None` when there is none.
    pub cron: Option<String>,
    /// What it says, as a sentence.
    pub description: Option<String>,
    /// The zone whose clocks count.
    pub timezone: String,
    /// The next instants.
    pub instants: Vec<Timestamp>,
}

impl App {
    /// Schedules a configuration: its trigger becomes `scheduled`, and its next instant is known at once.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Invalid`] naming `schedule_cron` or `timezone`; [`Fault::Conflict`] for an
    /// inactive configuration.
    pub async fn schedule(
        &self,
        caller: &Caller,
        id: ConfigId,
        body: Value,
    ) -> Result<Saved<Armed>, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let mut body = Body::new(body)?;
        let cron = if body.missing("schedule_cron") { None } else { body.text("schedule_cron") };
        let zone = body.name("timezone");
        for fault in faults(cron.as_deref(), zone.as_deref()) {
            body.fault(&fault.path, fault.message);
        }
        let warnings = body.finish()?;
        let cron = cron.unwrap_or_default();
        let (caller, now) = (caller.clone(), self.now());
        let armed = self
            .store()
            .tx("schedule", move |tx| {
                let mut config = must_config(tx, id)?;
                must_be_active(&config)?;
                config.trigger_type = TriggerType::Scheduled;
                config.schedule_cron = Some(cron.trim().to_owned());
                config.timezone = zone.clone().unwrap_or(config.timezone);
                config.updated_at = now;
                arm(&mut config, None, now);
                tx.update_config(&config)?;
                let details = json!({
                    "schedule_cron": config.schedule_cron, "timezone": config.timezone,
                    "next_sync_at": config.next_sync_at,
                });
                audit::record(tx, &caller, now, "schedule.set", &format!("config/{id}"), details)?;
                Ok(Armed { next: config.next_sync_at, timezone: config.timezone })
            })
            .await?;
        Ok(Saved { id: armed, warnings })
    }

    /// Takes the schedule away: the trigger becomes `manual`. The expression stays where it is, for another day.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn unschedule(&self, caller: &Caller, id: ConfigId) -> Result<(), AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("unschedule", move |tx| {
                let mut config = must_config(tx, id)?;
                config.trigger_type = TriggerType::Manual;
                config.next_sync_at = None;
                config.updated_at = now;
                tx.update_config(&config)?;
                let target = format!("config/{id}");
                audit::record(tx, &caller, now, "schedule.clear", &target, json!({}))
            })
            .await?;
        Ok(())
    }

    /// When a configuration runs next.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn next_runs(
        &self,
        caller: &Caller,
        id: ConfigId,
        count: usize,
    ) -> Result<Upcoming, AppError> {
        caller.must_see(id)?;
        let config = self.store().view("config", move |tx| must_config(tx, id)).await?;
        let schedule = schedule_of(&config);
        let scheduled = schedule.is_some() && may_run(&config);
        let first = config.next_sync_at.filter(|_| scheduled);
        let instants = match (&schedule, first) {
            // What the store says comes first: it is what will happen.
            (Some(schedule), Some(first)) => {
                std::iter::once(first).chain(schedule.upcoming(first)).take(count).collect()
            }
            (Some(schedule), None) if scheduled => {
                schedule.upcoming(self.now()).take(count).collect()
            }
            _ => Vec::new(),
        };
        Ok(Upcoming {
            scheduled,
            cron: schedule.as_ref().map(|known| known.cron.to_string()),
            description: schedule.as_ref().map(Schedule::describe),
            timezone: config.timezone,
            instants,
        })
    }

    /// What is wrong with an expression (`cron`) and a zone (`timezone`).
    #[must_use]
    pub fn schedule_faults(cron: &str, zone: &str) -> Vec<FieldFault> {
        let mut wrong = faults(Some(cron), Some(zone));
        for fault in &mut wrong {
            fault.path = fault.path.trim_start_matches("schedule_").to_owned();
        }
        wrong
    }

    /// When an expression would run, nothing saved.
    ///
    /// # Errors
    /// [`Fault::Invalid`] naming `cron` or `timezone`.
    pub fn preview_schedule(
        &self,
        cron: &str,
        zone: &str,
        from: Option<Timestamp>,
        count: usize,
    ) -> Result<Upcoming, AppError> {
        let wrong = Self::schedule_faults(cron, zone);
        let schedule = match Schedule::parse(cron, zone) {
            Ok(schedule) if wrong.is_empty() => schedule,
            _ => return Err(wrong.into()),
        };
        let from = from.unwrap_or_else(|| self.now());
        Ok(Upcoming {
            scheduled: false,
            cron: Some(schedule.cron.to_string()),
            description: Some(schedule.describe()),
            timezone: schedule.zone.name().to_owned(),
            instants: schedule.upcoming(from).take(count).collect(),
        })
    }
}

/// Sets a configuration's next instant, or none. What stands is kept while the schedule stays as it was: an instant
/// that is due and not yet decided on must not be passed over because somebody changed the description.
pub(crate) fn arm(config: &mut SyncConfig, before: Option<&SyncConfig>, now: Timestamp) {
    let Some(schedule) = schedule_of(config).filter(|_| may_run(config)) else {
        config.next_sync_at = None;
        return;
    };
    let kept = before.filter(|old| {
        may_run(old) && old.schedule_cron == config.schedule_cron && old.timezone == config.timezone
    });
    config.next_sync_at =
        kept.and_then(|old| old.next_sync_at).or_else(|| schedule.next_after(now));
}

/// Refuses work for a configuration that is switched off.
pub(crate) fn must_be_active(config: &SyncConfig) -> Result<(), Fault> {
    if config.is_active {
        return Ok(());
    }
    Err(Fault::Conflict(format!(
        "sync configuration {} is inactive; set its is_active to true first",
        config.id
    )))
}

fn may_run(config: &SyncConfig) -> bool {
    config.is_active && config.trigger_type == TriggerType::Scheduled
}

fn schedule_of(config: &SyncConfig) -> Option<Schedule> {
    Schedule::parse(config.schedule_cron.as_deref()?, &config.timezone).ok()
}

fn faults(cron: Option<&str>, zone: Option<&str>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    if let Some(Err(error)) = cron.map(CronExpr::parse) {
        faults.push(FieldFault::new("schedule_cron", error.to_string()));
    }
    if let Some(Err(error)) = zone.map(parse_zone) {
        faults.push(FieldFault::new("timezone", error.to_string()));
    }
    faults
}
