//! Bringing the secrets of automation under the current key, row by row, while everything runs.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::{Place, Sealer, Store, StoreExt as _, Tx, WebhookFilter};
use syncline_domain::{Fault, Timestamp};
use syncline_vault::reseal;

/// The key under which the mail password is stored.
const SMTP_PASS: &str = "smtp_pass";

/// Everything sealed beside the credentials of connectors.
///
/// # Errors
/// What the store answers.
pub(crate) fn sealed_by_automation(tx: &mut dyn Tx) -> Result<Vec<Vec<u8>>, Fault> {
    let mut all = Vec::new();
    for webhook in tx.webhooks(&WebhookFilter::default())? {
        all.push(webhook.sealed_secret);
        all.extend(webhook.old_secrets.into_iter().map(|old| old.sealed));
    }
    for setting in tx.notifications()? {
        all.extend(setting.sealed_secret);
        all.extend(setting.recipients.into_iter().filter_map(|recipient| recipient.sealed));
    }
    all.extend(smtp_password(tx)?);
    Ok(all)
}

/// Brings webhooks, notification settings and the mail password under the current key; answers how many rows moved.
///
/// # Errors
/// What the store answers, and [`Fault::Conflict`] for a value that does not open.
pub(crate) async fn reseal_automation(
    store: &dyn Store,
    sealer: Arc<dyn Sealer>,
    now: Timestamp,
) -> Result<usize, Fault> {
    let (webhooks, settings) = store
        .view("sealed by automation", |tx| {
            let webhooks = tx.webhooks(&WebhookFilter::default())?;
            let webhooks: Vec<_> = webhooks.into_iter().map(|webhook| webhook.id).collect();
            let settings: Vec<_> =
                tx.notifications()?.into_iter().map(|setting| setting.id).collect();
            Ok((webhooks, settings))
        })
        .await?;
    let mut moved = 0;
    for id in webhooks {
        let sealer = Arc::clone(&sealer);
        let changed = store
            .tx("reseal a webhook", move |tx| {
                let Some(mut webhook) = tx.webhook(id)? else { return Ok(false) };
                let place = Place::webhook_secret(id);
                let mut changed = renew(sealer.as_ref(), &place, &mut webhook.sealed_secret)?;
                for old in &mut webhook.old_secrets {
                    changed |= renew(sealer.as_ref(), &place, &mut old.sealed)?;
                }
                if changed {
                    tx.update_webhook(&webhook)?;
                }
                Ok(changed)
            })
            .await?;
        moved += usize::from(changed);
    }
    for id in settings {
        let sealer = Arc::clone(&sealer);
        let changed = store
            .tx("reseal a notification setting", move |tx| {
                let Some(mut setting) = tx.notification(id)? else { return Ok(false) };
                let mut changed = false;
                if let Some(secret) = &mut setting.sealed_secret {
                    changed |= renew(sealer.as_ref(), &Place::notification_secret(id), secret)?;
                }
                for recipient in &mut setting.recipients {
                    if let Some(address) = &mut recipient.sealed {
                        changed |= renew(sealer.as_ref(), &Place::recipients(id), address)?;
                    }
                }
                if changed {
                    tx.update_notification(&setting)?;
                }
                Ok(changed)
            })
            .await?;
        moved += usize::from(changed);
    }
    let changed =
        store.tx("reseal the mail password", move |tx| mail(tx, sealer.as_ref(), now)).await?;
    Ok(moved + usize::from(changed))
}

fn mail(tx: &mut dyn Tx, sealer: &dyn Sealer, now: Timestamp) -> Result<bool, Fault> {
    let Some(mut sealed) = smtp_password(tx)? else { return Ok(false) };
    if !renew(sealer, &Place::smtp_password(), &mut sealed)? {
        return Ok(false);
    }
    let value = json!({"sealed": hex::encode(sealed)}).to_string();
    tx.put_setting(SMTP_PASS, Some(&value), now)?;
    Ok(true)
}

fn smtp_password(tx: &mut dyn Tx) -> Result<Option<Vec<u8>>, Fault> {
    let settings = tx.settings()?;
    let stored = settings.get(SMTP_PASS).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let sealed = stored.as_ref().and_then(|value| value.get("sealed")).and_then(Value::as_str);
    Ok(sealed.and_then(|text| hex::decode(text).ok()))
}

/// Seals anew what an older key sealed; true when it did.
fn renew(sealer: &dyn Sealer, place: &Place, sealed: &mut Vec<u8>) -> Result<bool, Fault> {
    let fresh =
        reseal(sealer, place, sealed).map_err(|error| Fault::Conflict(error.to_string()))?;
    let Some(fresh) = fresh else { return Ok(false) };
    *sealed = fresh;
    Ok(true)
}
