//! Mail by SMTP.
//!
//! `config` checks what the operator set, `session` is one connection and its conversation, `letter` makes the bytes of
//! a mail, `explain` turns failures into ours, `channel` keeps connections and sends.

mod channel;
mod config;
mod explain;
mod letter;
mod session;

pub use channel::{MailChannel, SmtpCheck};
pub use config::{SmtpConfig, SmtpConfigError, SmtpSettings, SmtpTls};
