//! The text part of a mail.

use crate::render::Sheet;

/// Lays a sheet out as plain text with `\n` line ends.
pub(crate) fn text(sheet: &Sheet, why: &str) -> String {
    let mut out = format!("{}\n", sheet.title);
    for (label, value) in &sheet.facts {
        out.push_str(&format!("{label}: {value}\n"));
    }
    if !sheet.lines.is_empty() {
        out.push('\n');
    }
    for line in &sheet.lines {
        out.push_str(&format!("- {line}\n"));
    }
    if let Some((label, url)) = &sheet.link {
        out.push_str(&format!("\n{label}: {url}\n"));
    }
    out.push_str(&format!("\n-- \n{why}\n"));
    out
}

#[cfg(test)]
mod tests {
    use crate::links::Links;
    use crate::render::{sheet, text};
    use crate::samples;

    #[test]
    fn the_two_published_templates_come_out_to_the_letter() {
        let links = Links::new("https://sync.example");
        assert_eq!(
            text(&sheet(&samples::completed(), &links), "Why."),
            "Sync Completed Successfully\n\
             Configuration: Azure Bugs to ServiceDesk\n\
             Execution ID: 45\n\
             Items Synced: 10\n\
             Items Failed: 0\n\
             Started: 2026-02-12 08:00:00\n\
             Completed: 2026-02-12 08:02:30\n\
             Duration: 2m 30s\n\
             \n\
             Open the execution: https://sync.example/executions/45\n\
             \n-- \nWhy.\n"
        );
        assert_eq!(
            text(&sheet(&samples::failed(), &links), "Why."),
            "Sync Failed\n\
             Configuration: Azure Bugs to ServiceDesk\n\
             Execution ID: 46\n\
             Items Synced: 3\n\
             Items Failed: 7\n\
             Error: Failed to connect to target connector\n\
             Action Required: Please check the execution logs for more details.\n\
             \n\
             Open the execution: https://sync.example/executions/46\n\
             \n-- \nWhy.\n"
        );
    }
}
