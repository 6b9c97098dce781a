//! Crontab semantics, due instants, one leader, jobs out.
//!
//! # What is here
//! - [`CronExpr`]: an expression of crontab(5), read strictly, refused with the field and the reason ([`CronError`]),
//!   told in English, and asked for its next instant in a time zone.
//! - [`Schedule`]: an expression with its zone; [`parse_zone`] reads a zone and offers a near one for a wrong one.
//!
//! # How an instant is found
//! The fields become explicit lists of numbers. The `cron` crate finds the next match of lists in a time without zones;
//! where neither day field starts with `*`, it is asked twice, and the earlier answer counts. Then the rules of
//! Debian's cron for clock changes map that local time to an instant: a job whose minute or hour starts with `*`
//! follows real time through a change; any other runs once for each time on the clock, the first time it is shown, or
//! at the first minute after a gap that swallowed it. Debian treats changes of three hours and more as corrections of a
//! wrong clock; a calendar day that a zone skips is not one, so that rule is not kept.
//!
//! # Invariants
//! - Invariant: the next instant is strictly later than the one asked about
//!   (`the_next_instant_is_later_and_matches_the_fields`).
//! - Invariant: what is read, shown and read again is equal (`the_normalised_text_reads_back_as_the_same_expression`).
//! - Invariant: two independent implementations agree (`tests/scheduler/differential.rs`).
//!
//! # What is deliberately absent
//! Seconds, years, `L`, `W`, `#`, `?`, `H`, `@reboot`: crontab's five fields and its nicknames are all there is. The
//! machine's clock: every question names its instant.
//!
//! ```
//! use syncline_domain::Timestamp;
//! use syncline_scheduler::Schedule;
//!
//! let schedule = Schedule::parse("0 9 * * mon-fri", "Europe/Berlin")?;
//! assert_eq!(schedule.describe(), "At 09:00, Monday to Friday.");
//! assert_eq!(schedule.cron.to_string(), "0 9 * * 1-5");
//!
//! // Friday's run in winter time, Monday's in summer time.
//! let friday = Timestamp::parse("2026-03-27T00:00:00Z")?;
//! let next: Vec<String> = schedule.upcoming(friday).take(2).map(|at| at.to_iso_secs()).collect();
//! assert_eq!(next, ["2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cron;
mod describe;
mod runner;
mod schedule;
mod zone;

pub use self::cron::{CronError, CronExpr, Field, FieldFault};
pub use chrono_tz::Tz;
pub use runner::{LEADER_LEASE, LEADER_TTL, RUNNING_SETTING, Scheduler};
pub use schedule::{Schedule, ScheduleError};
pub use zone::{ZoneError, parse_zone};
