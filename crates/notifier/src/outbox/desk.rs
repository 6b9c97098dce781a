//! Finding the channel and the opened address for a stored message.

use std::sync::Arc;

use syncline_domain::ports::{BoxFuture, Place, Sealer};
use syncline_domain::{ChannelKind, NotificationSetting};

use crate::channel::Channel;
use crate::recipient::Recipient;
use crate::webhook::SigningSecret;

/// The channels there are now. Asked for each batch, so that changed mail settings count at once.
pub trait ChannelDesk: Send + Sync {
    /// The channel of this kind.
    ///
    /// # Errors
    /// Why there is none, for the person who reads it beside the message: `SMTP not configured ...`.
    fn channel(&self, kind: ChannelKind) -> BoxFuture<'_, Result<Arc<dyn Channel>, String>>;
}

/// What people read where mail should go out and cannot.
pub const NO_SMTP: &str = "SMTP not configured; set SMTP_HOST, or smtp_host in the settings";

/// The recipient of `setting` with this hash, opened.
///
/// # Errors
/// Why it cannot be had: it was taken out of the setting, or does not open.
pub(super) fn recipient_of(
    sealer: &dyn Sealer,
    setting: &NotificationSetting,
    hash: &str,
) -> Result<Recipient, String> {
    let stored = setting.recipients.iter().find(|stored| stored.hash == hash);
    let stored = stored.ok_or("the recipient is not in the setting any more")?;
    let address = match &stored.sealed {
        None => stored.shown.clone(),
        Some(sealed) => open(sealer, &Place::recipients(setting.id), sealed)?,
    };
    let recipient = Recipient::parse(setting.channel, &address)?;
    let Some(sealed) = &setting.sealed_secret else { return Ok(recipient) };
    let secret = open(sealer, &Place::notification_secret(setting.id), sealed)?;
    let secret = SigningSecret::parse(&secret).map_err(|error| error.to_string())?;
    Ok(recipient.signed_with(secret))
}

fn open(sealer: &dyn Sealer, place: &Place, sealed: &[u8]) -> Result<String, String> {
    let plain = sealer.open(place, sealed).map_err(|error| error.to_string())?;
    String::from_utf8(plain).map_err(|_| "a sealed value is no text; enter it again".to_owned())
}
