//! Crontab semantics, due instants, one leader, jobs out.
