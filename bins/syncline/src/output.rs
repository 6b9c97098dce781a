//! What commands print: a table or a line for people, JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// The width of a table that goes to a file or a pipe.
const WIDTH: u16 = 140;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// A line for people.
    pub(crate) fn say(self, line: impl AsRef<str>) {
        if !self.json {
            print(line.as_ref());
        }
    }

    /// Text or JSON, whatever was asked for.
    pub(crate) fn show(self, json: &Value, text: impl FnOnce() -> String) {
        if self.json {
            print(&format!("{json:#}"));
        } else {
            print(&text());
        }
    }

    /// Text as it is, whatever was asked for.
    pub(crate) fn raw(self, text: &str) {
        print(text);
    }
}

/// Whoever reads may have seen enough (`| head`): then nothing is lost by not printing.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// A table as wide as the terminal.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return "nothing here yet".to_owned();
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.to_vec());
    if !std::io::stdout().is_terminal() {
        table.set_width(WIDTH);
    }
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}
