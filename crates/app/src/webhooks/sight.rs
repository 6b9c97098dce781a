//! Which webhooks a caller sees, and how.

use syncline_domain::ports::{StoreExt as _, Tx, WebhookFilter};
use syncline_domain::{Fault, Role, Webhook, WebhookAuth, WebhookId};

use crate::configs::must_config;
use crate::{App, AppError, Caller};

/// A webhook as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookView {
    /// The row. Its sealed parts are not for showing.
    pub webhook: Webhook,
    /// The last part of its address, hidden where it is a secret and the caller no admin.
    pub shown_token: String,
    /// Its whole address, hidden as the token is.
    pub full_url: String,
    /// The configuration's name.
    pub config_name: String,
    /// The connector's name.
    pub connector_name: String,
    /// The connector's kind.
    pub connector_type: String,
}

impl App {
    /// Webhooks in the caller's sight, by id.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a configuration out of sight.
    pub async fn webhooks(
        &self,
        caller: &Caller,
        mut filter: WebhookFilter,
    ) -> Result<Vec<WebhookView>, AppError> {
        if let Some(id) = filter.config_id {
            caller.must_see(id)?;
        }
        filter.scope.clone_from(&caller.scope);
        let (caller, url) = (caller.clone(), self.automation().public_url.clone());
        Ok(self
            .store()
            .view("webhooks", move |tx| {
                if let Some(id) = filter.config_id {
                    must_config(tx, id)?;
                }
                let rows = tx.webhooks(&filter)?;
                rows.into_iter().map(|row| viewed(tx, &caller, &url, row)).collect()
            })
            .await?)
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<WebhookView, AppError> {
        let (caller, url) = (caller.clone(), self.automation().public_url.clone());
        let found = self.store().view("webhook", move |tx| {
            let row = seen(tx, &caller, id)?;
            viewed(tx, &caller, &url, row)
        });
        Ok(found.await?)
    }
}

/// A webhook in the caller's sight.
///
/// # Errors
/// [`Fault::NotFound`], the same for one out of sight and one that does not exist.
pub(super) fn seen(tx: &mut dyn Tx, caller: &Caller, id: WebhookId) -> Result<Webhook, Fault> {
    let found = tx.webhook(id)?.filter(|row| caller.sees(row.config_id));
    found.ok_or_else(|| Fault::no_such("webhook", id))
}

/// The address that ends in a token.
pub(super) fn full_url(public_url: &str, token: &str) -> String {
    format!("{}/api/webhooks/receive/{token}", public_url.trim_end_matches('/'))
}

pub(super) fn viewed(
    tx: &mut dyn Tx,
    caller: &Caller,
    public_url: &str,
    webhook: Webhook,
) -> Result<WebhookView, Fault> {
    let connector = tx.connector(webhook.connector_id)?;
    let config = tx.config(webhook.config_id)?;
    let hidden = webhook.auth == WebhookAuth::UrlToken && caller.role < Role::Admin;
    let shown_token = if hidden { "webhook_***".to_owned() } else { webhook.token.clone() };
    Ok(WebhookView {
        full_url: full_url(public_url, &shown_token),
        shown_token,
        config_name: config.map_or(String::new(), |config| config.name),
        connector_name: connector.as_ref().map_or(String::new(), |row| row.name.clone()),
        connector_type: connector.map_or(String::new(), |row| row.settings.connector_type),
        webhook,
    })
}
