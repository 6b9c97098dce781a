//! The bytes of a mail.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message as Mime};
use ring::digest;
use syncline_domain::Timestamp;

use crate::links::Links;
use crate::message::Message;
use crate::render::{html, sheet, text};

/// Why somebody gets this, at the foot of each mail.
const WHY: &str = "You receive this because a notification setting of Syncline names this address.";

/// Marks a mail as written by a program (RFC 3834, and what Exchange reads), so that no absence note answers it.
const AUTOMATIC: [(HeaderName, &str); 2] = [
    (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
    (HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"),
];

/// A mail that is ready to be sent.
pub(crate) struct Letter {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) bytes: Vec<u8>,
}

/// Writes the mail for one recipient, text and HTML, in seven bits.
///
/// # Errors
/// What the library says when it cannot put it together.
pub(crate) fn write(
    message: &Message,
    links: &Links,
    from: &Mailbox,
    to: &Address,
    key: &str,
    now: Timestamp,
) -> Result<Letter, lettre::error::Error> {
    let sheet = sheet(message, links);
    let since = Duration::from_secs(u64::try_from(now.secs()).unwrap_or(0));
    let mut mime = Mime::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(&sheet.subject)
        .date(SystemTime::UNIX_EPOCH + since)
        .message_id(Some(message_id(key, from.email.domain())));
    for (name, value) in AUTOMATIC {
        mime = mime.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let parts = MultiPart::alternative_plain_html(text(&sheet, WHY), html(&sheet, WHY));
    let mime = mime.multipart(parts)?;
    Ok(Letter { from: from.email.clone(), to: to.clone(), bytes: mime.formatted() })
}

/// The same for every attempt with one key, so that a mailbox sees that a repetition is one.
fn message_id(key: &str, domain: &str) -> String {
    let hash = hex::encode(digest::digest(&digest::SHA256, key.as_bytes()));
    format!("<{}@{domain}>", hash.get(..40).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::News;
    use crate::samples;

    fn letter(name: &str, key: &str) -> String {
        let message = samples::about(name, News::SyncCompleted(samples::run()));
        let from = "Syncline <noreply@example.com>".parse().unwrap();
        let to = "team@example.com".parse().unwrap();
        let links = Links::new("https://sync.example");
        let now = Timestamp::from_secs(1_770_883_350);
        let letter = write(&message, &links, &from, &to, key, now).unwrap();
        String::from_utf8(letter.bytes).unwrap()
    }

    /// The names of the headers of the whole mail.
    fn header_names(mail: &str) -> Vec<&str> {
        let head = mail.split("\r\n\r\n").next().unwrap();
        let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        lines.map(|line| line.split(':').next().unwrap()).collect()
    }

    const HEADERS: [&str; 9] = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Type",
    ];

    #[test]
    fn the_same_key_gives_the_same_message_id() {
        let id = |key| {
            let mail = letter("x", key);
            mail.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned).unwrap()
        };
        assert_eq!(id("execution/45/sync_failed to a"), id("execution/45/sync_failed to a"));
        assert_ne!(id("execution/45/sync_failed to a"), id("execution/45/sync_failed to b"));
        assert!(id("k").ends_with("@example.com>"));
        assert!(letter("x", "k").contains("Date: Thu, 12 Feb 2026 08:02:30 +0000"));
    }

    proptest! {
        #[test]
        fn no_name_adds_a_header_or_ends_the_program(name in any::<String>(), key in any::<String>()) {
            let mail = letter(&name, &key);
            prop_assert_eq!(header_names(&mail), HEADERS);
        }

        #[test]
        fn no_injection_works(start in "[a-z]{0,3}", end in "(\r\n|\n|\r|\0|\u{85}|\u{2028}){1,3}", tail in "(Bcc: x@y.test|\r\n\r\n<b>|From: me)") {
            let mail = letter(&format!("{start}{end}{tail}"), "k");
            prop_assert_eq!(header_names(&mail), HEADERS);
            prop_assert!(mail.is_ascii());
        }
    }
}
