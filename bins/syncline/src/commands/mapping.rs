//! `syncline mapping test`.

use serde_json::{Value, json};
use syncline_app::{Caller, MappingTestLine, TestReport};

use super::config_named;
use crate::cli::MappingCommand;
use crate::output::{Output, table};
use crate::wiring::House;

pub(crate) async fn run(house: &House, command: MappingCommand, out: Output) -> anyhow::Result<()> {
    let MappingCommand::Test { config } = command;
    let id = config_named(house, &config).await?;
    let report = house.app.asked_mapping_tests(&Caller::command_line(), id, None).await?;
    out.show(&in_json(&report), || in_words(&report));
    match report.failing().count() {
        0 => Ok(()),
        1 => anyhow::bail!("1 mapping test fails"),
        failing => anyhow::bail!("{failing} mapping tests fail"),
    }
}

fn in_json(report: &TestReport) -> Value {
    let line = |line: &MappingTestLine| {
        json!({
            "id": line.id, "name": line.name, "direction": line.direction,
            "passed": line.result.passed(), "differences": line.result.differences
        })
    };
    let failed = report.failing().count();
    json!({
        "sync_config_id": report.config_id, "passed": report.lines.len().saturating_sub(failed),
        "failed": failed, "results": report.lines.iter().map(line).collect::<Vec<_>>()
    })
}

fn in_words(report: &TestReport) -> String {
    if report.lines.is_empty() {
        return format!("{} has no mapping tests", report.config_name);
    }
    let rows = report.lines.iter().flat_map(rows_of).collect();
    let failed = report.failing().count();
    let passed = report.lines.len().saturating_sub(failed);
    let rows = table(&["test", "direction", "result", "field", "expected", "got"], rows);
    format!("{rows}\n{passed} passed, {failed} failed")
}

/// A line for a test that passes, else one for each difference.
fn rows_of(line: &MappingTestLine) -> Vec<Vec<String>> {
    let start =
        |result: &str| vec![line.name.clone(), line.direction.to_string(), result.to_owned()];
    if line.result.passed() {
        let mut row = start("passed");
        row.extend([String::new(), String::new(), String::new()]);
        return vec![row];
    }
    let differences = line.result.differences.iter();
    differences
        .map(|difference| {
            let mut row = start("FAILED");
            let got = difference.message.clone().unwrap_or_else(|| cell(&difference.got));
            row.extend([difference.field.clone(), cell(&difference.expected), got]);
            row
        })
        .collect()
}

fn cell(value: &Value) -> String {
    const MOST: usize = 40;
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    };
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}\u{2026}", text.get(..at).unwrap_or(&text)),
        None => text,
    }
}
