//! Listing, making, changing and deleting mapping tests.

use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{ConfigId, Fault, MOST_MAPPING_TESTS, MappingTest, MappingTestId, Role};

use super::read;
use crate::configs::must_config;
use crate::connectors::Saved;
use crate::{App, AppError, Caller, audit};

impl App {
    /// The mapping tests of a configuration, by id.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn mapping_tests(
        &self,
        caller: &Caller,
        id: ConfigId,
    ) -> Result<Vec<MappingTest>, AppError> {
        caller.must_see(id)?;
        Ok(self
            .store()
            .view("mapping tests", move |tx| {
                must_config(tx, id)?;
                tx.mapping_tests(id)
            })
            .await?)
    }

    /// One mapping test.
    ///
    /// # Errors
    /// [`Fault::NotFound`], also for one of another configuration.
    pub async fn mapping_test(
        &self,
        caller: &Caller,
        config: ConfigId,
        id: MappingTestId,
    ) -> Result<MappingTest, AppError> {
        caller.must_see(config)?;
        Ok(self.store().view("mapping test", move |tx| must_test(tx, config, id)).await?)
    }

    /// Keeps a sample with a configuration.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault at once, [`Fault::Conflict`] for a taken name and for one test too many.
    pub async fn create_mapping_test(
        &self,
        caller: &Caller,
        config: ConfigId,
        body: Value,
    ) -> Result<Saved<MappingTestId>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(config)?;
        let (draft, warnings) = read::whole(body)?;
        let now = self.now();
        let test = MappingTest {
            id: MappingTestId::default(),
            config_id: config,
            name: draft.name,
            direction: draft.direction,
            sample: draft.sample,
            created_at: now,
            updated_at: now,
        };
        let id = self.keep_mapping_test(caller, test, "mapping_test.create").await?;
        Ok(Saved { id, warnings })
    }

    /// Replaces a mapping test.
    ///
    /// # Errors
    /// As [`App::create_mapping_test`]; [`Fault::NotFound`].
    pub async fn put_mapping_test(
        &self,
        caller: &Caller,
        config: ConfigId,
        id: MappingTestId,
        body: Value,
    ) -> Result<Saved<MappingTestId>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(config)?;
        let known = self.store().view("mapping test", move |tx| must_test(tx, config, id)).await?;
        let (draft, warnings) = read::whole(body)?;
        let (caller, now) = (caller.clone(), self.now());
        let mut sample = draft.sample;
        sample.captured_from.clone_from(&known.sample.captured_from);
        let test = MappingTest {
            name: draft.name,
            direction: draft.direction,
            sample,
            updated_at: now,
            ..known
        };
        self.store()
            .tx("mapping test update", move |tx| {
                must_test(tx, config, id)?;
                tx.update_mapping_test(&test).map_err(|fault| taken(fault, &test.name))?;
                let details = json!({"mapping_test_id": id, "name": test.name});
                let target = format!("config/{config}");
                audit::record(tx, &caller, now, "mapping_test.update", &target, details)
            })
            .await?;
        Ok(Saved { id, warnings })
    }

    /// Deletes a mapping test.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn delete_mapping_test(
        &self,
        caller: &Caller,
        config: ConfigId,
        id: MappingTestId,
    ) -> Result<(), AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(config)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("mapping test delete", move |tx| {
                let test = must_test(tx, config, id)?;
                tx.delete_mapping_test(id)?;
                let details = json!({"mapping_test_id": id, "name": test.name});
                let target = format!("config/{config}");
                audit::record(tx, &caller, now, "mapping_test.delete", &target, details)
            })
            .await?;
        Ok(())
    }

    /// Stores a new test, if there is room for it.
    pub(super) async fn keep_mapping_test(
        &self,
        caller: &Caller,
        test: MappingTest,
        action: &'static str,
    ) -> Result<MappingTestId, AppError> {
        let (caller, now, config) = (caller.clone(), self.now(), test.config_id);
        Ok(self
            .store()
            .tx("mapping test create", move |tx| {
                must_config(tx, config)?;
                let kept = usize::try_from(tx.count_mapping_tests(config)?).unwrap_or(usize::MAX);
                if kept >= MOST_MAPPING_TESTS {
                    return Err(Fault::Conflict(format!(
                        "this configuration has {kept} mapping tests, the most there may be; delete some first"
                    )));
                }
                let id = tx.insert_mapping_test(&test).map_err(|fault| taken(fault, &test.name))?;
                let details = json!({"mapping_test_id": id, "name": test.name});
                audit::record(tx, &caller, now, action, &format!("config/{config}"), details)?;
                Ok(id)
            })
            .await?)
    }
}

/// A clash of names, in words.
fn taken(fault: Fault, name: &str) -> Fault {
    match fault {
        Fault::Conflict(_) => Fault::Conflict(format!(
            "this configuration has a mapping test {name:?} already; choose another name"
        )),
        other => other,
    }
}

fn must_test(tx: &mut dyn Tx, config: ConfigId, id: MappingTestId) -> Result<MappingTest, Fault> {
    must_config(tx, config)?;
    let found = tx.mapping_test(id)?.filter(|test| test.config_id == config);
    found.ok_or_else(|| Fault::no_such("mapping test", id))
}
