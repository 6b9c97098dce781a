//! Plain HTML pages for people who follow a ticket's link.

/// Text made safe for HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// What a ticket page shows.
pub(crate) struct TicketPage {
    /// The heading, plain text.
    pub(crate) title: String,
    /// Where the list of tickets is.
    pub(crate) back: String,
    /// Label and plain-text value of each field, in order.
    pub(crate) rows: Vec<(String, String)>,
    /// Label and HTML of each long text; shown as source text, never as markup.
    pub(crate) texts: Vec<(String, String)>,
    /// Author, time and text of each comment.
    pub(crate) comments: Vec<(String, String, String)>,
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;\
color:#1b1f24;background:#fff}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;\
border-bottom:1px solid #d8dee4;vertical-align:top}pre{white-space:pre-wrap;background:#f6f8fa;padding:.8rem}";

/// A whole page around `body`, which is HTML already.
pub(crate) fn shell(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>",
        escape(title)
    )
}

/// The page of one ticket.
pub(crate) fn ticket(page: &TicketPage) -> String {
    let mut body = format!(
        "<p><a href=\"{}\">All tickets</a></p><h1>{}</h1><table>",
        escape(&page.back),
        escape(&page.title)
    );
    for (label, value) in &page.rows {
        body.push_str(&format!("<tr><th>{}</th><td>{}</td></tr>", escape(label), escape(value)));
    }
    body.push_str("</table>");
    for (label, text) in &page.texts {
        body.push_str(&format!("<h2>{}</h2><pre>{}</pre>", escape(label), escape(text)));
    }
    body.push_str(&format!("<h2>Comments ({})</h2>", page.comments.len()));
    for (author, at, text) in &page.comments {
        let (author, at, text) = (escape(author), escape(at), escape(text));
        body.push_str(&format!("<h3>{author}, {at}</h3><pre>{text}</pre>"));
    }
    shell(&page.title, &body)
}

/// A list of tickets: address, id, title, status.
pub(crate) fn list(title: &str, rows: &[(String, String, String, String)]) -> String {
    let mut body = format!("<h1>{}</h1><table>", escape(title));
    for (href, id, text, status) in rows {
        body.push_str(&format!(
            "<tr><td>{}</td><td><a href=\"{}\">{}</a></td><td>{}</td></tr>",
            escape(id),
            escape(href),
            escape(text),
            escape(status)
        ));
    }
    body.push_str("</table>");
    shell(title, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_text_never_becomes_markup() {
        let page = TicketPage {
            title: "<script>alert(1)</script>".into(),
            back: "/".into(),
            rows: vec![("a\"b".into(), "<b>".into())],
            texts: vec![("Description".into(), "<img src=x onerror=1>".into())],
            comments: vec![("Ana".into(), "now".into(), "<i>".into())],
        };
        let html = ticket(&page);
        for raw in ["<script>", "<b>", "<img", "<i>"] {
            assert!(!html.contains(raw), "{raw} is in the page");
        }
    }
}
