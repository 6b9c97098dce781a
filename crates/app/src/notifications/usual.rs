//! For programs that send no messages: addresses are judged by their shape, and trying one says that nothing is sent.

use serde_json::{Map, Value};
use syncline_domain::ports::BoxFuture;
use syncline_domain::{ChannelKind, ErrorType, FieldFault, FieldType, fingerprint};

use super::{Address, ChannelTest, ChannelTester, RecipientRules, TestLine};
use crate::{RemoteFault, SmtpSettings};

/// Judges shapes, sends nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoChannels;

impl RecipientRules for NoChannels {
    fn check(
        &self,
        kind: ChannelKind,
        recipients: &[String],
        _: &Map<String, Value>,
    ) -> Vec<FieldFault> {
        let judged = recipients.iter().enumerate().filter_map(|(index, recipient)| {
            let wrong = match kind {
                ChannelKind::Email => (!is_mail(recipient))
                    .then_some("it is no mail address; use one such as ops@example.com"),
                _ => (!is_url(recipient)).then_some(
                    "it is no https address; use one such as https://hooks.example.com/x",
                ),
            };
            wrong.map(|text| FieldFault::new(format!("recipients/{index}"), text))
        });
        judged.collect()
    }

    fn address(&self, kind: ChannelKind, recipient: &str) -> Address {
        let text = recipient.trim().to_owned();
        let is_secret = kind != ChannelKind::Email;
        let name = if is_secret { text.clone() } else { text.to_lowercase() };
        let shown = if is_secret { masked(&text) } else { text.clone() };
        Address {
            hash: fingerprint(&Value::String(format!("{kind}:{name}")), FieldType::Picklist),
            text,
            shown,
            is_secret,
        }
    }
}

impl ChannelTester for NoChannels {
    fn test(&self, test: ChannelTest) -> BoxFuture<'_, Vec<TestLine>> {
        let line = |recipient: String| TestLine {
            recipient: self.address(test.kind, &recipient).shown,
            outcome: Err(nobody_sends()),
        };
        let lines = test.recipients.into_iter().map(line).collect();
        Box::pin(std::future::ready(lines))
    }

    fn connect(&self, _: SmtpSettings) -> BoxFuture<'_, Result<String, RemoteFault>> {
        Box::pin(std::future::ready(Err(nobody_sends())))
    }
}

fn nobody_sends() -> RemoteFault {
    RemoteFault {
        error_type: ErrorType::Unknown,
        message: "this program sends no messages".to_owned(),
        what_to_do: "use a program that was put together with channels".to_owned(),
    }
}

/// One `@`, something before it, a host with a dot after it, nothing that a header could stumble over.
fn is_mail(text: &str) -> bool {
    let fine = |text: &str| {
        !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '@')
    };
    let Some((name, host)) = text.trim().split_once('@') else { return false };
    let dotted = host.split('.').count() > 1 && host.split('.').all(|part| !part.is_empty());
    text.len() <= 254 && fine(name) && fine(host) && dotted
}

fn is_url(text: &str) -> bool {
    let rest = text.trim().strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty()
        && text.len() <= 2_000
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
}

/// Scheme and host; the rest of such an address is its secret.
fn masked(url: &str) -> String {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("https://{host}/***")
}
