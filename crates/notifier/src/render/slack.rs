//! The body for a Slack incoming webhook: blocks, with a plain text for notifications on phones.

use serde_json::{Value, json};

use crate::clean::cut;
use crate::render::Sheet;

/// Most characters of a header block.
const HEADER: usize = 150;
/// Most fields of a section.
const FIELDS: usize = 10;
/// Most characters of a value, so that its escaped form stays below the 2,000 of a field.
const VALUE: usize = 350;
/// Most characters of a list, so that its escaped form stays below the 3,000 of a section.
const LIST: usize = 550;

/// Lays a sheet out.
///
/// Invariant: no text of strangers can mention a channel or a person: `&`, `<` and `>` are escaped, and `verbatim`
/// keeps Slack from finding names and addresses in it by itself.
pub(crate) fn slack(sheet: &Sheet) -> Value {
    let subject = escape(&cut(&sheet.subject, HEADER));
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": cut(&sheet.subject, HEADER), "emoji": false},
    })];
    for facts in sheet.facts.chunks(FIELDS) {
        let fields: Vec<Value> = facts
            .iter()
            .map(|(label, value)| marked(&format!("*{label}:*\n{}", escape(&cut(value, VALUE)))))
            .collect();
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    if !sheet.lines.is_empty() {
        let list: Vec<String> = sheet.lines.iter().map(|line| format!("• {line}")).collect();
        blocks.push(section(&escape(&cut(&list.join("\n"), LIST))));
    }
    if let Some((label, url)) = &sheet.link {
        blocks.push(section(&format!("<{}|{label}>", escape(url))));
    }
    json!({"text": subject, "blocks": blocks})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": marked(text)})
}

fn marked(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// The three characters that Slack's markup knows.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::links::Links;
    use crate::message::{News, RunFacts};
    use crate::render::{sheet, slack};
    use crate::samples;

    #[test]
    fn nobody_is_pinged_by_the_name_of_a_configuration() {
        let run = RunFacts {
            error: Some("<!here> & <@U1> <http://evil|ok>".to_owned()),
            ..samples::run()
        };
        let message = samples::about("<!channel> @here", News::SyncFailed(run));
        let body = slack(&sheet(&message, &Links::new("https://sync.example")));
        let fields = body["blocks"][1]["fields"].as_array().unwrap();
        assert_eq!(fields[0]["text"], "*Configuration:*\n&lt;!channel&gt; @here");
        assert_eq!(
            fields[4]["text"],
            "*Error:*\n&lt;!here&gt; &amp; &lt;@U1&gt; &lt;http://evil|ok&gt;"
        );
        assert_eq!(body["text"], "✗ Sync Failed: &lt;!channel&gt; @here");
        assert_eq!(
            body["blocks"][2]["text"]["text"],
            "<https://sync.example/executions/45|Open the execution>"
        );
        for field in fields {
            assert_eq!((&field["type"], &field["verbatim"]), (&"mrkdwn".into(), &true.into()));
        }
    }

    #[test]
    fn slacks_limits_hold_for_the_worst_of_texts() {
        for message in samples::all() {
            let mut message = samples::about(&"&".repeat(5_000), message.news);
            if let News::SchemaDrift { changes, .. } | News::CensusDrift { lines: changes, .. } =
                &mut message.news
            {
                *changes = vec!["<".repeat(500); 500];
            }
            if let News::SyncFailed(run) = &mut message.news {
                run.error = Some("&".repeat(90_000));
            }
            let body = slack(&sheet(&message, &Links::new("https://sync.example")));
            let blocks = body["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50);
            for block in blocks {
                let length =
                    |text: &serde_json::Value| text["text"].as_str().unwrap().chars().count();
                match block["type"].as_str().unwrap() {
                    "header" => assert!(length(&block["text"]) <= 150),
                    _ => {
                        let fields = block["fields"].as_array();
                        assert!(
                            fields.is_none_or(
                                |f| f.len() <= 10 && f.iter().all(|f| length(f) <= 2_000)
                            )
                        );
                        assert!(block.get("text").is_none_or(|text| length(text) <= 3_000));
                    }
                }
            }
        }
    }
}
