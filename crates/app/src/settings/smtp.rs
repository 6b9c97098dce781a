//! The mail server, as settings and the environment say.

use secrecy::SecretString;
use serde_json::{Value, json};
use syncline_domain::Fault;
use syncline_domain::ports::{Place, Sealer, StoreExt as _};

use super::Settings;
use super::known::SMTP_PASS;
use crate::{App, AppError};

/// How to reach the mail server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS from the first byte; else STARTTLS.
    pub secure: bool,
    /// Whether STARTTLS must be there: `required`, `opportunistic` or `none`.
    pub tls: String,
    /// The name to sign in with.
    pub user: Option<String>,
    /// The password to sign in with.
    pub pass: Option<SecretString>,
    /// Who mails come from, as it was written.
    pub from: Option<String>,
}

impl App {
    /// The mail server; `None` while nobody named one.
    ///
    /// # Errors
    /// [`Fault::Conflict`] when the stored password does not open, and what the store answers.
    pub async fn smtp(&self) -> Result<Option<SmtpSettings>, AppError> {
        let environment = self.environment().clone();
        let settings = self.store().view("settings", move |tx| environment.in_force(tx)).await?;
        let Some(host) = settings.text("smtp_host").map(str::to_owned) else { return Ok(None) };
        let text = |key: &str| settings.text(key).map(str::to_owned);
        Ok(Some(SmtpSettings {
            host,
            port: u16::try_from(settings.number("smtp_port")).unwrap_or(587),
            secure: settings.value("smtp_secure").as_bool().unwrap_or(false),
            tls: text("smtp_tls").unwrap_or_else(|| "required".to_owned()),
            user: text("smtp_user"),
            pass: password(&settings, self.sealer().as_ref())?,
            from: text("smtp_from"),
        }))
    }
}

/// The form in which a password goes to the store.
pub(super) fn sealed(sealer: &dyn Sealer, plain: &str) -> Result<Value, AppError> {
    Ok(json!({"sealed": hex::encode(sealer.seal(&Place::smtp_password(), plain.as_bytes())?)}))
}

fn password(settings: &Settings, sealer: &dyn Sealer) -> Result<Option<SecretString>, AppError> {
    let value = settings.value(SMTP_PASS);
    if let Some(plain) = value.as_str() {
        return Ok((!plain.is_empty()).then(|| SecretString::from(plain.to_owned())));
    }
    let Some(text) = value.get("sealed").and_then(Value::as_str) else { return Ok(None) };
    let unreadable =
        || Fault::Conflict("the stored smtp_pass is unreadable; enter it again".into());
    let bytes = hex::decode(text).map_err(|_| unreadable())?;
    let plain = sealer.open(&Place::smtp_password(), &bytes)?;
    let plain = String::from_utf8(plain).map_err(|_| unreadable())?;
    Ok(Some(SecretString::from(plain)))
}
