//! Mapping tests, and copies of the rules that runs went by.

use std::collections::BTreeMap;

use syncline_domain::ports::SampleTx;
use syncline_domain::{ConfigId, Fault, MappingTest, MappingTestId, RulesCopy, Timestamp};

use super::tables::Tables;
use super::{MemTx, count};

fn name_is_free(tables: &Tables, test: &MappingTest, id: MappingTestId) -> Result<(), Fault> {
    let taken = tables
        .mapping_tests
        .all()
        .any(|row| row.config_id == test.config_id && row.name == test.name && row.id != id);
    if taken { Err(Fault::Conflict(format!("the name {:?} is taken", test.name))) } else { Ok(()) }
}

impl SampleTx for MemTx<'_> {
    fn insert_mapping_test(&mut self, test: &MappingTest) -> Result<MappingTestId, Fault> {
        let tables = self.write()?;
        tables.config_there(Some(test.config_id))?;
        name_is_free(tables, test, MappingTestId(0))?;
        let row = |id| MappingTest { id: MappingTestId(id), ..test.clone() };
        Ok(MappingTestId(tables.mapping_tests.add(row)))
    }

    fn mapping_test(&mut self, id: MappingTestId) -> Result<Option<MappingTest>, Fault> {
        Ok(self.tables.mapping_tests.get(id.0).cloned())
    }

    fn mapping_tests(&mut self, config: ConfigId) -> Result<Vec<MappingTest>, Fault> {
        let rows = self.tables.mapping_tests.all().filter(|row| row.config_id == config);
        Ok(rows.cloned().collect())
    }

    fn count_mapping_tests(&mut self, config: ConfigId) -> Result<u64, Fault> {
        Ok(count(self.tables.mapping_tests.all().filter(|row| row.config_id == config)))
    }

    fn update_mapping_test(&mut self, test: &MappingTest) -> Result<(), Fault> {
        let tables = self.write()?;
        name_is_free(tables, test, test.id)?;
        match tables.mapping_tests.get_mut(test.id.0) {
            Some(row) => {
                *row = MappingTest {
                    config_id: row.config_id,
                    created_at: row.created_at,
                    ..test.clone()
                };
                Ok(())
            }
            None => Err(Fault::no_such("mapping test", test.id)),
        }
    }

    fn delete_mapping_test(&mut self, id: MappingTestId) -> Result<(), Fault> {
        match self.write()?.mapping_tests.remove(id.0) {
            Some(_) => Ok(()),
            None => Err(Fault::no_such("mapping test", id)),
        }
    }

    fn keep_rules(&mut self, copy: &RulesCopy) -> Result<(), Fault> {
        let tables = self.write()?;
        let of_version = |row: &&(i64, RulesCopy)| {
            row.1.config_id == copy.config_id && row.1.config_version == copy.config_version
        };
        let newest = tables.rules_copies.all().rev().find(of_version);
        if newest.is_some_and(|(_, known)| known.digest == copy.digest) {
            return Ok(());
        }
        tables.config_there(Some(copy.config_id))?;
        tables.rules_copies.add(|id| (id, copy.clone()));
        Ok(())
    }

    fn rules_copy(
        &mut self,
        config: ConfigId,
        version: i64,
        at: Timestamp,
    ) -> Result<Option<RulesCopy>, Fault> {
        let rows = self.tables.rules_copies.all().map(|(_, copy)| copy);
        let mut known = rows.filter(|row| row.config_id == config && row.config_version == version);
        let Some(mut found) = known.next() else { return Ok(None) };
        for row in known.filter(|row| row.first_used_at <= at) {
            found = row;
        }
        Ok(Some(found.clone()))
    }

    fn prune_rules(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let mut newest: BTreeMap<ConfigId, i64> = BTreeMap::new();
        for (id, copy) in tables.rules_copies.all().filter(|row| row.1.first_used_at < before) {
            newest.insert(copy.config_id, *id);
        }
        let replaced = |row: &(i64, RulesCopy)| {
            row.1.first_used_at < before && newest.get(&row.1.config_id) != Some(&row.0)
        };
        Ok(tables.rules_copies.prune(limit, replaced))
    }
}
