//! Running mapping tests: when somebody asks, and when rules or a tracker's fields have changed.

use std::collections::BTreeSet;

use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, ConnectorId, Fault, MappingTest, MappingTestId, Role, SyncSpec, TestDirection,
};
use syncline_mapping::{SampleResult, Samples};

use crate::{App, AppError, Caller};

/// What became of one mapping test.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingTestLine {
    /// The test.
    pub id: MappingTestId,
    /// What people call it.
    pub name: String,
    /// Which way it goes.
    pub direction: TestDirection,
    /// What came out, and what is not as expected.
    pub result: SampleResult,
}

impl MappingTestLine {
    /// What is wrong, in one sentence; `None` when the test passes.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let first = self.result.differences.first()?;
        let more = match self.result.differences.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let why = first.message.as_ref().map_or(String::new(), |message| format!(": {message}"));
        let (expected, got) = (in_short(&first.expected), in_short(&first.got));
        Some(format!(
            "mapping test {:?} fails: {} must be {expected} and is {got}{why}{more}",
            self.name, first.field
        ))
    }
}

/// What became of the mapping tests of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct TestReport {
    /// The configuration.
    pub config_id: ConfigId,
    /// What it is called.
    pub config_name: String,
    /// One line a test, by id.
    pub lines: Vec<MappingTestLine>,
}

impl TestReport {
    /// Those that fail.
    pub fn failing(&self) -> impl Iterator<Item = &MappingTestLine> {
        self.lines.iter().filter(|line| !line.result.passed())
    }
}

impl App {
    /// Runs the mapping tests of a configuration by its present rules and its trackers' fields as they were discovered
    /// last. Asks no tracker, writes nothing, and asks nobody's leave: for guards inside the program.
    ///
    /// # Errors
    /// [`Fault::NotFound`], and what the store answers.
    pub async fn run_mapping_tests(&self, id: ConfigId) -> Result<TestReport, AppError> {
        Ok(self.store().view("run mapping tests", move |tx| report(tx, id)).await?)
    }

    /// The same for somebody who asks; of some tests only when they are named.
    ///
    /// # Errors
    /// [`Fault::NotFound`], also for a named test that is not there.
    pub async fn asked_mapping_tests(
        &self,
        caller: &Caller,
        id: ConfigId,
        only: Option<Vec<MappingTestId>>,
    ) -> Result<TestReport, AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see(id)?;
        let mut report = self.run_mapping_tests(id).await?;
        if let Some(wanted) = only {
            for id in &wanted {
                if !report.lines.iter().any(|line| line.id == *id) {
                    return Err(Fault::no_such("mapping test", id).into());
                }
            }
            let wanted: BTreeSet<MappingTestId> = wanted.into_iter().collect();
            report.lines.retain(|line| wanted.contains(&line.id));
        }
        Ok(report)
    }

    /// The reports of all configurations in the caller's sight that use a connector and have a test that fails.
    pub(crate) async fn failing_tests_of(
        &self,
        caller: &Caller,
        connector: ConnectorId,
    ) -> Result<Vec<TestReport>, AppError> {
        let caller = caller.clone();
        Ok(self
            .store()
            .view("mapping tests of connector", move |tx| {
                let mut reports = Vec::new();
                for config in tx.configs()? {
                    let uses = config.source_connector_id == connector
                        || config.target_connector_id == connector;
                    if uses && caller.sees(config.id) && tx.count_mapping_tests(config.id)? > 0 {
                        reports.push(report(tx, config.id)?);
                    }
                }
                reports.retain(|report| report.failing().next().is_some());
                Ok(reports)
            })
            .await?)
    }
}

fn report(tx: &mut dyn Tx, id: ConfigId) -> Result<TestReport, Fault> {
    let spec = syncline_engine::spec::load(tx, id)?;
    let tests = tx.mapping_tests(id)?;
    Ok(TestReport {
        config_id: id,
        config_name: spec.config.name.clone(),
        lines: lines(&spec, tests),
    })
}

fn lines(spec: &SyncSpec, tests: Vec<MappingTest>) -> Vec<MappingTestLine> {
    let mut samples = Samples::of(spec);
    tests
        .into_iter()
        .map(|test| {
            let result = samples.run(&test);
            MappingTestLine { id: test.id, name: test.name, direction: test.direction, result }
        })
        .collect()
}

/// A warning for each test that fails by the rules that are being saved.
///
/// # Errors
/// What the store answers.
pub(crate) fn warnings(tx: &mut dyn Tx, id: ConfigId) -> Result<Vec<String>, Fault> {
    if tx.count_mapping_tests(id)? == 0 {
        return Ok(Vec::new());
    }
    Ok(report(tx, id)?.failing().filter_map(MappingTestLine::failure).collect())
}

/// The names of the tests that fail.
///
/// # Errors
/// What the store answers.
pub(crate) fn failures(tx: &mut dyn Tx, id: ConfigId) -> Result<Vec<String>, Fault> {
    if tx.count_mapping_tests(id)? == 0 {
        return Ok(Vec::new());
    }
    Ok(report(tx, id)?.failing().map(|line| line.name.clone()).collect())
}

/// A value in a sentence.
fn in_short(value: &serde_json::Value) -> String {
    const MOST: usize = 80;
    let text = match value {
        serde_json::Value::Null => return "nothing".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
