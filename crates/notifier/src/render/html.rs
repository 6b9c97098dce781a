//! The HTML part of a mail: tables and inline styles, which is what mail programs understand.

use minijinja::HtmlEscape;

use crate::render::Sheet;
use crate::render::sheet::Tone;

/// Lays a sheet out as a whole HTML page. Every value is escaped; nothing of it is a template.
pub(crate) fn html(sheet: &Sheet, why: &str) -> String {
    let colour = match sheet.tone {
        Tone::Good => "#1a7f37",
        Tone::Bad => "#b42318",
        Tone::Notice => "#9a6700",
    };
    let rows: String = sheet.facts.iter().map(|(label, value)| row(label, value)).collect();
    let lines: String =
        sheet.lines.iter().map(|line| format!("<li>{}</li>\n", HtmlEscape(line))).collect();
    let list = if lines.is_empty() { lines } else { format!("<ul>\n{lines}</ul>\n") };
    let link = sheet.link.as_ref().map_or_else(String::new, |(label, url)| {
        format!("<p><a href=\"{}\">{}</a></p>\n", HtmlEscape(url), HtmlEscape(label))
    });
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
         <body style=\"font-family:sans-serif;font-size:14px;color:#1f2328\">\n\
         <h2 style=\"color:{colour}\">{title}</h2>\n\
         <table role=\"presentation\" cellpadding=\"4\">\n{rows}</table>\n{list}{link}\
         <p style=\"color:#656d76;font-size:12px\">{why}</p>\n</body>\n</html>\n",
        subject = HtmlEscape(&sheet.subject),
        title = HtmlEscape(sheet.title),
        why = HtmlEscape(why),
    )
}

fn row(label: &str, value: &str) -> String {
    format!(
        "<tr><td style=\"color:#656d76\">{}:</td><td>{}</td></tr>\n",
        HtmlEscape(label),
        HtmlEscape(value)
    )
}

#[cfg(test)]
mod tests {
    use crate::links::Links;
    use crate::message::News;
    use crate::render::{html, sheet};
    use crate::samples;

    #[test]
    fn markup_of_strangers_is_shown_and_not_obeyed() {
        let name = "<script>alert(1)</script> \"&' {{7*7}}";
        let run = samples::run();
        let page = html(
            &sheet(&samples::about(name, News::SyncCompleted(run)), &Links::new("http://x")),
            "Why.",
        );
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;"), "{page}");
        assert!(page.contains("&quot;&amp;&#x27; {{7*7}}"), "{page}");
        assert!(page.contains("<td>2m 30s</td>") && page.contains("executions&#x2f;45"), "{page}");
    }
}
