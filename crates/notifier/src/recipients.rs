//! The recipients of a setting, checked when somebody enters them.

use syncline_domain::{ChannelKind, FieldFault};
use syncline_outbound::{Failure, Outbound, OutboundError};

use crate::recipient::{Place, Recipient};

/// Most recipients of a setting.
pub const MAX_RECIPIENTS: usize = 50;

/// What a recipient may be, beyond its form.
#[derive(Clone, Copy)]
pub struct RecipientRules<'a> {
    /// Knows which addresses are ever called.
    pub outbound: &'a Outbound,
    /// Whether mail may go to domains without a dot, such as `localhost`: where the mail server is this machine.
    pub dotless_domains: bool,
}

/// Reads the recipients of a setting, without repetitions, in their order.
///
/// # Errors
/// All faults at once, each with its place in the list (`/recipients/0`).
pub fn check_recipients(
    kind: ChannelKind,
    texts: &[String],
    rules: RecipientRules<'_>,
) -> Result<Vec<Recipient>, Vec<FieldFault>> {
    let whole = |message: String| vec![FieldFault::new("/recipients", message)];
    if texts.is_empty() {
        return Err(whole("name at least one recipient".to_owned()));
    }
    if texts.len() > MAX_RECIPIENTS {
        return Err(whole(format!("at most {MAX_RECIPIENTS} recipients; use a list or group")));
    }
    let mut recipients: Vec<Recipient> = Vec::with_capacity(texts.len());
    let mut faults = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match check_recipient(kind, text, rules) {
            Ok(new) if recipients.iter().any(|known| known.hash() == new.hash()) => {}
            Ok(new) => recipients.push(new),
            Err(why) => faults.push(FieldFault::new(format!("/recipients/{index}"), why)),
        }
    }
    if faults.is_empty() { Ok(recipients) } else { Err(faults) }
}

fn check_recipient(
    kind: ChannelKind,
    text: &str,
    rules: RecipientRules<'_>,
) -> Result<Recipient, String> {
    let recipient = Recipient::parse(kind, text)?;
    if recipient.is_dotless() && !rules.dotless_domains {
        return Err("the mail domain has no dot; it looks like example.com".to_owned());
    }
    match recipient.place() {
        Place::Mailbox(_) => Ok(recipient),
        Place::Url(url) => match rules.outbound.check_url(url) {
            Ok(()) => Ok(recipient),
            Err(error) => Err(refusal(&error)),
        },
    }
}

fn refusal(error: &OutboundError) -> String {
    let advice = match &error.failure {
        Failure::Refused(refused) if refused.class.is_never_reached() => None,
        _ => error.advice(),
    };
    match advice {
        Some(advice) => format!("{}; {advice}", error.failure),
        None => error.failure.to_string(),
    }
}
