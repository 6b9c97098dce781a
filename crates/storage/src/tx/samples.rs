//! Tables `mapping_tests` and `rules_copies`: samples kept with a configuration, and the rules that runs went by.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use syncline_domain::ports::SampleTx;
use syncline_domain::{ConfigId, Fault, MappingTest, MappingTestId, RulesCopy, Sample, Timestamp};

use super::{DbTx, touched};
use crate::convert::{CHUNK, all, count, from_json, to_json, word};
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::{mapping_tests, rules_copies};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = mapping_tests)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    name: String,
    direction: String,
    sample: String,
    created_at_us: i64,
    updated_at_us: i64,
}

/// A sample; versioned, since it outlives the program that stored it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Body {
    /// The first form.
    #[serde(rename = "1")]
    V1(Sample),
}

impl Row {
    fn new(test: &MappingTest) -> Result<Self, Fault> {
        Ok(Self {
            id: 0,
            config_id: test.config_id.0,
            name: test.name.clone(),
            direction: test.direction.as_str().to_owned(),
            sample: to_json(&Body::V1(test.sample.clone()))?,
            created_at_us: test.created_at.micros(),
            updated_at_us: test.updated_at.micros(),
        })
    }

    fn into_domain(self) -> Result<MappingTest, Fault> {
        let Body::V1(sample) = from_json(&self.sample, "mapping test")?;
        Ok(MappingTest {
            id: MappingTestId(self.id),
            config_id: ConfigId(self.config_id),
            name: self.name,
            direction: word(&self.direction)?,
            sample,
            created_at: Timestamp::from_micros(self.created_at_us),
            updated_at: Timestamp::from_micros(self.updated_at_us),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = rules_copies)]
struct CopyRow {
    config_id: i64,
    config_version: i64,
    digest: String,
    first_used_at_us: i64,
    body: String,
}

impl CopyRow {
    fn into_domain(self) -> Result<RulesCopy, Fault> {
        Ok(RulesCopy {
            config_id: ConfigId(self.config_id),
            config_version: self.config_version,
            digest: self.digest,
            first_used_at: Timestamp::from_micros(self.first_used_at_us),
            body: from_json(&self.body, "copy of rules")?,
        })
    }
}

impl SampleTx for DbTx<'_> {
    fn insert_mapping_test(&mut self, test: &MappingTest) -> Result<MappingTestId, Fault> {
        let row = Row::new(test)?;
        self.write()?.guarded(|db| {
            let id: i64 = on_db!(db, c => diesel::insert_into(mapping_tests::table)
                .values(&row)
                .returning(mapping_tests::id)
                .get_result(c))
            .or_fault()?;
            Ok(MappingTestId(id))
        })
    }

    fn mapping_test(&mut self, id: MappingTestId) -> Result<Option<MappingTest>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => mapping_tests::table
            .find(id.0)
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn mapping_tests(&mut self, config: ConfigId) -> Result<Vec<MappingTest>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c => mapping_tests::table
            .filter(mapping_tests::config_id.eq(config.0))
            .order(mapping_tests::id)
            .select(Row::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn count_mapping_tests(&mut self, config: ConfigId) -> Result<u64, Fault> {
        let rows: i64 = on_db!(self.read(), c => mapping_tests::table
            .filter(mapping_tests::config_id.eq(config.0))
            .count()
            .get_result(c))
        .or_fault()?;
        Ok(count(rows))
    }

    fn update_mapping_test(&mut self, test: &MappingTest) -> Result<(), Fault> {
        let row = Row::new(test)?;
        let set = (
            mapping_tests::name.eq(row.name),
            mapping_tests::direction.eq(row.direction),
            mapping_tests::sample.eq(row.sample),
            mapping_tests::updated_at_us.eq(row.updated_at_us),
        );
        let id = test.id;
        let rows = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::update(mapping_tests::table.find(id.0)).set(set).execute(c))
                .or_fault()
        })?;
        touched(rows, "mapping test", id)
    }

    fn delete_mapping_test(&mut self, id: MappingTestId) -> Result<(), Fault> {
        let rows = on_db!(self.write()?, c =>
            diesel::delete(mapping_tests::table.find(id.0)).execute(c))
        .or_fault()?;
        touched(rows, "mapping test", id)
    }

    fn keep_rules(&mut self, copy: &RulesCopy) -> Result<(), Fault> {
        let newest: Option<String> = on_db!(self.read(), c => rules_copies::table
            .filter(rules_copies::config_id.eq(copy.config_id.0))
            .filter(rules_copies::config_version.eq(copy.config_version))
            .order(rules_copies::id.desc())
            .select(rules_copies::digest)
            .first(c)
            .optional())
        .or_fault()?;
        if newest.as_deref() == Some(copy.digest.as_str()) {
            return Ok(());
        }
        let row = CopyRow {
            config_id: copy.config_id.0,
            config_version: copy.config_version,
            digest: copy.digest.clone(),
            first_used_at_us: copy.first_used_at.micros(),
            body: to_json(&copy.body)?,
        };
        self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(rules_copies::table).values(&row).execute(c))
                .or_fault()?;
            Ok(())
        })
    }

    fn rules_copy(
        &mut self,
        config: ConfigId,
        version: i64,
        at: Timestamp,
    ) -> Result<Option<RulesCopy>, Fault> {
        // A version has one copy, or a few where a tracker's fields changed meanwhile.
        let rows: Vec<CopyRow> = on_db!(self.read(), c => rules_copies::table
            .filter(rules_copies::config_id.eq(config.0))
            .filter(rules_copies::config_version.eq(version))
            .order(rules_copies::id)
            .select(CopyRow::as_select())
            .load(c))
        .or_fault()?;
        let used = rows.iter().rposition(|row| row.first_used_at_us <= at.micros()).unwrap_or(0);
        rows.into_iter().nth(used).map(CopyRow::into_domain).transpose()
    }

    fn prune_rules(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        // The newest of each configuration that is old enough was still in use then, or is so now.
        let old: Vec<(i64, i64)> = on_db!(&mut *db, c => rules_copies::table
            .filter(rules_copies::first_used_at_us.lt(before.micros()))
            .order(rules_copies::first_used_at_us)
            .select((rules_copies::config_id, rules_copies::id))
            .load(c))
        .or_fault()?;
        let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
        for (config, id) in &old {
            let known = newest.entry(*config).or_insert(*id);
            *known = (*known).max(*id);
        }
        let replaced = old.into_iter().filter(|(config, id)| newest.get(config) != Some(id));
        let ids: Vec<i64> = replaced.map(|(_, id)| id).take(limit).collect();
        for chunk in ids.chunks(CHUNK) {
            on_db!(&mut *db, c => diesel::delete(rules_copies::table
                .filter(rules_copies::id.eq_any(chunk)))
            .execute(c))
            .or_fault()?;
        }
        Ok(count(ids.len()))
    }
}
