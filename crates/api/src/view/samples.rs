//! Mapping tests, and what became of them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use syncline_app::{Captured, MappingTestLine, TestReport};
use syncline_domain::{ExpectedItem, Fields, MappingTest, SampleItem};
use utoipa::ToSchema;

/// A mapping test.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestView {
    id: i64,
    sync_config_id: i64,
    name: String,
    /// source_to_target or target_to_source
    direction: String,
    item: SampleView,
    expected: ExpectedView,
    /// create or update: rules may act on one of them only
    occasion: String,
    /// named: what expected names is compared; all: nothing else may come out
    compare: String,
    /// Where it was captured; null when somebody wrote it.
    captured_from: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
struct SampleView {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: Option<String>,
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

#[derive(Serialize, ToSchema)]
struct ExpectedView {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

fn named(fields: Fields) -> BTreeMap<String, Value> {
    fields.into_iter().map(|(field, value)| (field.into_string(), value)).collect()
}

impl From<MappingTest> for TestView {
    fn from(test: MappingTest) -> Self {
        let SampleItem { id, type_ref, title, status, fields } = test.sample.item;
        let item = SampleView { id, kind: type_ref, title, status, fields: named(fields) };
        let ExpectedItem { type_ref, status, fields } = test.sample.expected;
        Self {
            id: test.id.0,
            sync_config_id: test.config_id.0,
            name: test.name,
            direction: test.direction.to_string(),
            item,
            expected: ExpectedView { kind: type_ref, status, fields: named(fields) },
            occasion: test.sample.occasion.to_string(),
            compare: test.sample.compare.to_string(),
            captured_from: test.sample.captured_from,
            created_at: test.created_at.to_iso(),
            updated_at: test.updated_at.to_iso(),
        }
    }
}

/// The mapping tests of a configuration.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestList {
    count: usize,
    mapping_tests: Vec<TestView>,
}

impl From<Vec<MappingTest>> for TestList {
    fn from(tests: Vec<MappingTest>) -> Self {
        let mapping_tests: Vec<TestView> = tests.into_iter().map(TestView::from).collect();
        Self { count: mapping_tests.len(), mapping_tests }
    }
}

/// One mapping test.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestOne {
    mapping_test: TestView,
}

impl From<MappingTest> for TestOne {
    fn from(test: MappingTest) -> Self {
        Self { mapping_test: test.into() }
    }
}

/// A mapping test was kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestSaved {
    pub(crate) message: String,
    pub(crate) mapping_test_id: i64,
}

/// A mapping test was captured.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestCaptured {
    message: String,
    mapping_test_id: i64,
    mapping_test: TestView,
    /// Fields of which something was replaced by a stand-in.
    masked_fields: Vec<String>,
}

impl From<Captured> for TestCaptured {
    fn from(captured: Captured) -> Self {
        Self {
            message: "mapping test captured".to_owned(),
            mapping_test_id: captured.test.id.0,
            mapping_test: captured.test.into(),
            masked_fields: captured.masked.into_iter().collect(),
        }
    }
}

/// What became of mapping tests.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestRunView {
    passed: usize,
    failed: usize,
    results: Vec<TestLineView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TestLineView {
    id: i64,
    name: String,
    /// source_to_target or target_to_source
    direction: String,
    passed: bool,
    differences: Vec<DifferenceView>,
    /// How each value came about, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>, required = false)]
    trace: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct DifferenceView {
    /// The field of the other side; type and status for these.
    field: String,
    #[schema(value_type = Value)]
    expected: Value,
    #[schema(value_type = Value)]
    got: Value,
    /// Why, where the rules say.
    message: Option<String>,
}

impl TestRunView {
    pub(crate) fn new(report: TestReport, traced: bool) -> Self {
        let failed = report.failing().count();
        Self {
            passed: report.lines.len().saturating_sub(failed),
            failed,
            results: report.lines.into_iter().map(|line| line_view(line, traced)).collect(),
        }
    }
}

fn line_view(line: MappingTestLine, traced: bool) -> TestLineView {
    let differences = line.result.differences;
    let trace = traced.then(|| serde_json::to_value(line.result.mapped.trace).unwrap_or_default());
    TestLineView {
        id: line.id.0,
        name: line.name,
        direction: line.direction.to_string(),
        passed: differences.is_empty(),
        differences: differences
            .into_iter()
            .map(|one| DifferenceView {
                field: one.field,
                expected: one.expected,
                got: one.got,
                message: one.message,
            })
            .collect(),
        trace,
    }
}

/// A configuration whose mapping tests fail since a tracker's fields are others.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailingTests {
    sync_config_id: i64,
    sync_config_name: String,
    results: Vec<TestLineView>,
}

impl From<TestReport> for FailingTests {
    fn from(report: TestReport) -> Self {
        let lines = report.lines.into_iter().filter(|line| !line.result.passed());
        Self {
            sync_config_id: report.config_id.0,
            sync_config_name: report.config_name,
            results: lines.map(|line| line_view(line, false)).collect(),
        }
    }
}
