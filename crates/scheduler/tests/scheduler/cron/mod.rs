//! Crontab expressions, seen from outside.

mod clock_changes;
mod describe;
mod facts;
mod invalid;
mod properties;
