//! `syncline keys`.

use serde_json::{Value, json};
use syncline_app::{Caller, NewKey};
use syncline_domain::{ApiKey, ConfigId, Timestamp};

use crate::cli::KeysCommand;
use crate::output::{Output, table};
use crate::wiring::House;

pub(crate) async fn run(house: &House, command: KeysCommand, out: Output) -> anyhow::Result<()> {
    let caller = Caller::command_line();
    match command {
        KeysCommand::Create { name, role, expires, configs } => {
            let expires_at = expires.as_deref().map(expiry).transpose()?;
            let config_scope =
                (!configs.is_empty()).then(|| configs.into_iter().map(ConfigId).collect());
            let new = NewKey { name, role: role.parse()?, config_scope, expires_at };
            let made = house.app.create_key(&caller, new).await?;
            let json = json!({"id": made.key.id, "name": made.key.name, "role": made.key.role, "key": made.text});
            out.show(&json, || {
                format!(
                    "{}\nThis is key {} ({}). It is shown only now; send it as `Authorization: Bearer ...`.",
                    made.text, made.key.name, made.key.role
                )
            });
        }
        KeysCommand::List => {
            let keys = house.app.keys(&caller).await?;
            let json: Vec<Value> = keys.iter().map(row).collect();
            out.show(&json!({"keys": json}), || {
                let rows = keys.iter().map(|key| {
                    vec![
                        key.id.to_string(),
                        key.name.clone(),
                        format!("{}…", key.prefix),
                        key.role.to_string(),
                        state(key),
                        key.last_used_at.map_or("never".to_owned(), |at| at.to_string()),
                    ]
                });
                table(&["id", "name", "key", "role", "state", "last used"], rows.collect())
            });
        }
        KeysCommand::Revoke { key } => {
            let revoked = house.app.revoke_key(&caller, &key).await?;
            out.show(&row(&revoked), || format!("key {} is revoked", revoked.name));
        }
    }
    Ok(())
}

fn expiry(text: &str) -> anyhow::Result<Timestamp> {
    Timestamp::parse(text).map_err(|_| {
        anyhow::anyhow!("--expires: {text:?} is no time; use one such as 2027-01-01T00:00:00Z")
    })
}

fn row(key: &ApiKey) -> Value {
    json!({
        "id": key.id, "name": key.name, "prefix": key.prefix, "role": key.role,
        "config_scope": key.config_scope, "created_at": key.created_at, "expires_at": key.expires_at,
        "last_used_at": key.last_used_at, "revoked_at": key.revoked_at
    })
}

fn state(key: &ApiKey) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("until {at}"),
        (None, None) => "lives".to_owned(),
    }
}
