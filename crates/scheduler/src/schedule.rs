//! An expression with the zone whose clocks it is read on.

use std::fmt;

use chrono_tz::Tz;
use syncline_domain::Timestamp;
use thiserror::Error;

use crate::cron::{CronError, CronExpr};
use crate::zone::{ZoneError, parse_zone};

/// A crontab expression and the zone whose clocks it is read on.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The expression.
    pub cron: CronExpr,
    /// The zone.
    pub zone: Tz,
}

/// Which of the two texts of a schedule is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// The expression.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// The zone.
    #[error(transparent)]
    Zone(#[from] ZoneError),
}

impl Schedule {
    /// Reads both texts.
    ///
    /// # Errors
    /// [`ScheduleError`] of the expression first, then of the zone.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, ScheduleError> {
        Ok(Self { cron: CronExpr::parse(cron)?, zone: parse_zone(zone)? })
    }

    /// The first instant strictly after `instant`; see [`CronExpr::next_after`].
    #[must_use]
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.cron.next_after(instant, self.zone)
    }

    /// The instants after `from`, in order.
    pub fn upcoming(&self, from: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.cron.upcoming(self.zone, from)
    }

    /// What the expression says, as an English sentence; the zone is not part of it.
    #[must_use]
    pub fn describe(&self) -> String {
        self.cron.describe()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cron, self.zone)
    }
}
