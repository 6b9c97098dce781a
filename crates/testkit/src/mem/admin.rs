//! Keys, settings, audit, remembered replies.

use std::collections::BTreeMap;

use syncline_domain::ports::{AdminTx, Topic};
use syncline_domain::{ApiKey, ApiKeyId, AuditEntry, AuditId, Fault, RememberedReply, Timestamp};

use super::MemTx;
use super::tables::Tables;

fn key_name_free(tables: &Tables, key: &ApiKey, own: Option<ApiKeyId>) -> Result<(), Fault> {
    let taken = key.revoked_at.is_none()
        && tables.api_keys.all().any(|other| {
            other.name == key.name && other.revoked_at.is_none() && Some(other.id) != own
        });
    if taken {
        return Err(Fault::Conflict(format!("there is a key named {:?} already", key.name)));
    }
    Ok(())
}

impl AdminTx for MemTx<'_> {
    fn insert_api_key(&mut self, key: &ApiKey) -> Result<ApiKeyId, Fault> {
        let tables = self.write()?;
        key_name_free(tables, key, None)?;
        Ok(ApiKeyId(tables.api_keys.add(|id| ApiKey { id: ApiKeyId(id), ..key.clone() })))
    }

    fn api_key_by_hash(&mut self, hash: &str) -> Result<Option<ApiKey>, Fault> {
        let found = self.tables.api_keys.all().find(|key| key.hash == hash);
        Ok(found.cloned())
    }

    fn api_keys(&mut self) -> Result<Vec<ApiKey>, Fault> {
        Ok(self.tables.api_keys.all().cloned().collect())
    }

    fn update_api_key(&mut self, key: &ApiKey) -> Result<(), Fault> {
        let tables = self.write()?;
        key_name_free(tables, key, Some(key.id))?;
        let slot =
            tables.api_keys.get_mut(key.id.0).ok_or_else(|| Fault::no_such("key", key.id))?;
        *slot = key.clone();
        Ok(())
    }

    fn settings(&mut self) -> Result<BTreeMap<String, String>, Fault> {
        let rows = self.tables.settings.all();
        Ok(rows.map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn put_setting(
        &mut self,
        key: &str,
        value: Option<&str>,
        _now: Timestamp,
    ) -> Result<(), Fault> {
        let settings = &mut self.write()?.settings;
        match value {
            Some(text) => settings.put(key.to_owned(), text.to_owned()),
            None => drop(settings.remove(&key.to_owned())),
        }
        // Which of the settings is the scheduler's is no business of the store.
        self.ring(Topic::Schedules);
        Ok(())
    }

    fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), Fault> {
        self.write()?.audit.add(|id| AuditEntry { id: AuditId(id), ..entry.clone() });
        Ok(())
    }

    fn audit(&mut self, before: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, Fault> {
        let rows = self.tables.audit.all().rev();
        Ok(rows
            .filter(|row| before.is_none_or(|before| row.id < before))
            .take(limit)
            .cloned()
            .collect())
    }

    fn prune_audit(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let young = tables.audit.all().find(|row| row.at >= before).map(|row| row.id);
        let is_old = |row: &AuditEntry| young.is_none_or(|young| row.id < young);
        Ok(tables.audit.prune(limit, is_old))
    }

    fn remembered_reply(
        &mut self,
        scope: &str,
        key: &str,
    ) -> Result<Option<RememberedReply>, Fault> {
        let key = (scope.to_owned(), key.to_owned());
        Ok(self.tables.replies.get(&key).cloned())
    }

    fn remember_reply(&mut self, reply: &RememberedReply) -> Result<(), Fault> {
        let key = (reply.scope.clone(), reply.key.clone());
        self.write()?.replies.put(key, reply.clone());
        Ok(())
    }

    fn forget_reply(&mut self, scope: &str, key: &str) -> Result<(), Fault> {
        let key = (scope.to_owned(), key.to_owned());
        self.write()?.replies.remove(&key);
        Ok(())
    }

    fn prune_replies(&mut self, before: Timestamp) -> Result<u64, Fault> {
        let replies = &mut self.write()?.replies;
        let count = |rows: &super::table::Keyed<_, RememberedReply>| rows.all().count();
        let had = count(replies);
        replies.keep(|_: &(String, String), reply| reply.created_at >= before);
        Ok(u64::try_from(had - count(replies)).unwrap_or(u64::MAX))
    }
}
