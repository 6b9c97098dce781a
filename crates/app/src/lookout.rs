//! Looks that go on by themselves: trackers are discovered again, and configurations that want it are compared.
//!
//! Each look has its time in the store and, while it goes on, a lease: of several processes one does it. A look that
//! fails is tried again later and holds up no other.

use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{Lease, Rng, StoreExt as _, Tx};
use syncline_domain::{ConfigId, ConnectorId, Fault, Lookout, LookoutSubject, Timestamp};

use crate::{App, AppError, Caller};

/// How long a look keeps others from the same one when its process dies.
const TTL: Duration = Duration::from_secs(15 * 60);
/// After the first failure; twice as long after each further one.
const AGAIN: Duration = Duration::from_secs(15 * 60);
/// While rules that use a connector are paused it is discovered at least this often: what they need may be back.
const SOON: Duration = Duration::from_secs(3_600);
/// The first look at what nobody has looked at yet comes within this.
const FIRST: Duration = Duration::from_secs(3_600);

/// What a round of looks did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedOut {
    /// Looks that succeeded.
    pub done: u64,
    /// Looks that failed and are tried again later.
    pub failed: u64,
}

impl App {
    /// Does every look that is due, one after the other, under the name of this process.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn look_out(&self, holder: &str) -> Result<LookedOut, Fault> {
        let mut round = LookedOut::default();
        for subject in self.due_looks().await? {
            let Some(lease) = self.take_look(subject, holder).await? else { continue };
            let looked = match subject {
                LookoutSubject::Connector(id) => self.discover_again(id).await,
                LookoutSubject::Config(id) => self.census_again(id).await,
            };
            match looked {
                Ok(()) => round.done = round.done.saturating_add(1),
                Err(error) => {
                    round.failed = round.failed.saturating_add(1);
                    self.look_failed(subject, &error).await?;
                }
            }
            self.store().tx("end a look", move |tx| tx.release_lease(&lease)).await?;
        }
        Ok(round)
    }

    /// What is due now; what nobody has looked at yet gets its first time.
    async fn due_looks(&self) -> Result<Vec<LookoutSubject>, Fault> {
        let (environment, now) = (self.environment().clone(), self.now());
        let seed = self.automation().rng.next_u64();
        let (due, timed) = self
            .store()
            .view("due looks", move |tx| {
                let every = environment.in_force(tx)?.discovery_interval();
                let (mut due, mut timed) = (Vec::new(), Vec::new());
                for (at, (subject, every)) in wanted(tx, every)?.into_iter().enumerate() {
                    let chance = seed.rotate_left(u32::try_from(at % 64).unwrap_or(0));
                    match tx.lookout(subject)? {
                        Some(look) if look.due_at <= now => due.push(subject),
                        known => timed.extend(timed_anew(subject, known, every, (now, chance))),
                    }
                }
                Ok((due, timed))
            })
            .await?;
        if !timed.is_empty() {
            let put = move |tx: &mut dyn Tx| timed.iter().try_for_each(|look| tx.put_lookout(look));
            self.store().tx("time looks", put).await?;
        }
        Ok(due)
    }

    /// Takes the look, unless another process has it or has just done it.
    async fn take_look(
        &self,
        subject: LookoutSubject,
        holder: &str,
    ) -> Result<Option<Lease>, Fault> {
        let (holder, now) = (holder.to_owned(), self.now());
        self.store()
            .tx("begin a look", move |tx| {
                if tx.lookout(subject)?.is_none_or(|look| look.due_at > now) {
                    return Ok(None);
                }
                tx.acquire_lease(&lease_name(subject), &holder, now, TTL)
            })
            .await
    }

    async fn discover_again(&self, id: ConnectorId) -> Result<(), AppError> {
        let (_, connector) = self.open_connector(id).await?;
        self.discover_with(&Caller::by_itself(), id, connector.as_ref()).await?;
        Ok(())
    }

    async fn census_again(&self, id: ConfigId) -> Result<(), AppError> {
        let census = self.compare(id).await?;
        self.keep_census(&Caller::by_itself(), id, &census, true).await
    }

    async fn look_failed(&self, subject: LookoutSubject, error: &AppError) -> Result<(), Fault> {
        let (words, now) = (error.message(), self.now());
        let chance = self.automation().rng.next_u64();
        match subject {
            LookoutSubject::Connector(id) => {
                log::warn!(connector_id = id.0; "the connector was not discovered again: {words}");
            }
            LookoutSubject::Config(id) => {
                log::warn!(config_id = id.0; "no census was taken: {words}");
            }
        }
        self.store()
            .tx("a look failed", move |tx| {
                // It may be gone by now.
                let Some(look) = tx.lookout(subject)? else { return Ok(()) };
                let wait = AGAIN.saturating_mul(1_u32 << look.failures.min(6));
                tx.put_lookout(&Lookout {
                    due_at: now.after(spread(wait, chance)),
                    failures: look.failures.saturating_add(1),
                    error: Some(words.clone()),
                    ..look
                })
            })
            .await
    }

    /// When a census was taken last, and what it found.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn last_census(
        &self,
        caller: &Caller,
        id: ConfigId,
    ) -> Result<(u32, Option<Lookout>), AppError> {
        caller.must_see(id)?;
        Ok(self
            .store()
            .view("last census", move |tx| {
                let config = crate::configs::must_config(tx, id)?;
                let look = tx.lookout(LookoutSubject::Config(id))?;
                Ok((config.options.census_every_hours, look))
            })
            .await?)
    }
}

/// A first time for what has none, and a nearer one for what was asked for less often before.
fn timed_anew(
    subject: LookoutSubject,
    known: Option<Lookout>,
    every: Duration,
    (now, chance): (Timestamp, u64),
) -> Option<Lookout> {
    match known {
        Some(look) if look.due_at <= now.after(every).after(every / 10) => None,
        Some(look) => Some(Lookout { due_at: now.after(spread(every, chance)), ..look }),
        None => {
            let wait = Duration::from_micros(chance % micros(every.min(FIRST)).max(1));
            Some(Lookout::first(subject, now.after(wait)))
        }
    }
}

/// Everything that is to be looked at by itself, each with how often.
fn wanted(
    tx: &mut dyn Tx,
    every: Option<Duration>,
) -> Result<Vec<(LookoutSubject, Duration)>, Fault> {
    let mut wanted = Vec::new();
    if let Some(every) = every {
        for row in tx.connectors()? {
            // The first discovery is a person's.
            if row.is_active && !tx.types(row.id)?.is_empty() {
                wanted.push((LookoutSubject::Connector(row.id), every));
            }
        }
    }
    for config in tx.configs()? {
        if let (true, Some(every)) = (config.is_active, hours(config.options.census_every_hours)) {
            wanted.push((LookoutSubject::Config(config.id), every));
        }
    }
    Ok(wanted)
}

/// A discovery ended: the next one has its time.
///
/// # Errors
/// What the store answers.
pub(crate) fn discovered(
    tx: &mut dyn Tx,
    id: ConnectorId,
    every: Option<Duration>,
    (now, chance): (Timestamp, u64),
) -> Result<(), Fault> {
    let mut paused = false;
    for config in tx.configs()? {
        if [config.source_connector_id, config.target_connector_id].contains(&id) {
            paused |= !tx.pauses(config.id)?.is_empty();
        }
    }
    let every = every.unwrap_or(FIRST * 24);
    let wait = if paused { every.min(SOON) } else { every };
    let look = Lookout::first(LookoutSubject::Connector(id), now.after(spread(wait, chance)));
    tx.put_lookout(&Lookout {
        looked_at: Some(now),
        found: Some(json!({"paused": paused})),
        ..look
    })
}

/// No interval for 0.
pub(crate) fn hours(hours: u32) -> Option<Duration> {
    (hours > 0).then(|| Duration::from_secs(u64::from(hours).saturating_mul(3_600)))
}

/// About so long, a twentieth less or more: looks that began together do not stay together.
pub(crate) fn spread(wait: Duration, chance: u64) -> Duration {
    let all = micros(wait);
    let least = all.saturating_sub(all / 20);
    Duration::from_micros(least.saturating_add(chance % (all / 10).max(1)))
}

/// A number for [`spread`].
pub(crate) fn chance(rng: &dyn Rng) -> u64 {
    rng.next_u64()
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

fn lease_name(subject: LookoutSubject) -> String {
    match subject {
        LookoutSubject::Connector(id) => format!("discovery/{id}"),
        LookoutSubject::Config(id) => format!("census/{id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_wait_stays_near_what_was_asked_for() {
        let day = Duration::from_secs(86_400);
        for chance in [0, 1, u64::MAX / 2, u64::MAX] {
            let wait = spread(day, chance);
            assert!(wait >= day * 19 / 20 && wait <= day * 21 / 20, "{wait:?}");
        }
        assert_eq!(hours(0), None);
        assert_eq!(hours(24), Some(day));
    }
}
