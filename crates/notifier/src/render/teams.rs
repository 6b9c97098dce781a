//! The body for a Microsoft Teams workflow ("when a webhook request is received"): an Adaptive Card 1.4 in a message.

use serde_json::{Value, json};

use crate::clean::cut;
use crate::render::Sheet;
use crate::render::sheet::Tone;

/// Most characters of a value; with at most [`LINES`] lines a card stays well below the 28 KB that Teams takes.
const VALUE: usize = 300;
/// Most lines of a list.
const LINES: usize = 20;

/// Lays a sheet out.
///
/// Text runs are used throughout: in a text block Teams would read Markdown links and date functions into names.
pub(crate) fn teams(sheet: &Sheet) -> Value {
    let colour = match sheet.tone {
        Tone::Good => "good",
        Tone::Bad => "attention",
        Tone::Notice => "warning",
    };
    let heading = json!({
        "type": "TextRun", "text": cut(&sheet.subject, VALUE), "weight": "bolder", "size": "large", "color": colour,
    });
    let mut body = vec![rich(vec![heading])];
    body.extend(sheet.facts.iter().map(|(label, value)| {
        let label = json!({"type": "TextRun", "text": format!("{label}: "), "weight": "bolder"});
        rich(vec![label, run(&cut(value, VALUE))])
    }));
    let shown = sheet.lines.iter().take(LINES);
    body.extend(shown.map(|line| rich(vec![run(&format!("• {}", cut(line, VALUE)))])));
    if let Some(more) = sheet.lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        body.push(rich(vec![run(&format!("and {more} more"))]));
    }
    let actions: Vec<Value> = sheet
        .link
        .iter()
        .map(|(label, url)| json!({"type": "Action.OpenUrl", "title": label, "url": url}))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "fallbackText": cut(&sheet.subject, VALUE),
                "body": body,
                "actions": actions,
            },
        }],
    })
}

fn rich(inlines: Vec<Value>) -> Value {
    json!({"type": "RichTextBlock", "inlines": inlines, "spacing": "small"})
}

fn run(text: &str) -> Value {
    json!({"type": "TextRun", "text": text})
}

#[cfg(test)]
mod tests {
    use crate::links::Links;
    use crate::message::News;
    use crate::render::{sheet, teams};
    use crate::samples;

    #[test]
    fn the_card_is_in_the_envelope_that_workflows_expect() {
        let body = teams(&sheet(&samples::completed(), &Links::new("https://sync.example")));
        let attachment = &body["attachments"][0];
        assert_eq!(body["type"], "message");
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        let card = &attachment["content"];
        assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
        assert_eq!(card["body"][3]["inlines"][0]["text"], "Items Synced: ");
        assert_eq!(card["body"][3]["inlines"][1]["text"], "10");
        assert_eq!(card["actions"][0]["url"], "https://sync.example/executions/45");
    }

    #[test]
    fn texts_of_strangers_are_runs_and_the_card_fits() {
        for message in samples::all() {
            let mut message =
                samples::about("[click](https://evil.test) {{DATE(2026)}}", message.news);
            if let News::SchemaDrift { changes, .. } | News::CensusDrift { lines: changes, .. } =
                &mut message.news
            {
                *changes = vec!["漢".repeat(500); 500];
            }
            let body = teams(&sheet(&message, &Links::new("https://sync.example")));
            let text = body.to_string();
            assert!(!text.contains("\"TextBlock\""), "{text}");
            assert!(text.len() < 28 * 1_024, "{} bytes", text.len());
        }
    }
}
