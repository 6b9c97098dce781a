//! HTML, cut into its blocks: as far as that is safe without understanding it.

/// Elements that end a block, and those that have no end tag.
const ENDS: &[&str] = &[
    "/p",
    "/div",
    "/li",
    "/h1",
    "/h2",
    "/h3",
    "/h4",
    "/h5",
    "/h6",
    "/blockquote",
    "/tr",
    "/ul",
    "/ol",
    "/table",
    "br",
    "hr",
    "ul",
    "ol",
    "table",
    "tbody",
    "/tbody",
];
const VOID: &[&str] = &["br", "hr", "img", "input", "wbr", "col"];

/// Whether blanks and line ends mean nothing in this text, so that it may be cut at them.
pub(super) fn can_be_cut(html: &str) -> bool {
    let lower = html.to_lowercase();
    !["<pre", "<textarea", "<script", "<style", "<!--"].iter().any(|tag| lower.contains(tag))
        && is_balanced(html)
}

/// The blocks, without outer blanks; none is empty.
pub(super) fn cut(html: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = html;
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|text| text.find(['>', '\n'])) {
        let end = from.saturating_add(at).saturating_add(1);
        let Some(piece) = rest.get(..end) else { break };
        let ends = piece.ends_with('\n') && !is_inside_tag(piece)
            || name_of_last_tag(piece).is_some_and(|name| ENDS.contains(&name.as_str()));
        if ends {
            blocks.push(piece.trim());
            rest = rest.get(end..).unwrap_or_default();
            from = 0;
        } else {
            from = end;
        }
    }
    blocks.push(rest.trim());
    blocks.retain(|block| !block.is_empty());
    blocks
}

fn is_inside_tag(piece: &str) -> bool {
    piece.rfind('<') > piece.rfind('>')
}

/// The name of the tag that the piece ends with, such as `/p`.
fn name_of_last_tag(piece: &str) -> Option<String> {
    let inner = piece.strip_suffix('>')?;
    let tag = inner.get(inner.rfind('<')?.saturating_add(1)..)?;
    Some(name(tag))
}

fn name(tag: &str) -> String {
    let ends = |letter: char| letter.is_whitespace() || letter == '>';
    let word = tag.trim_start().split(ends).next().unwrap_or_default();
    let word = if word.len() > 1 { word.trim_end_matches('/') } else { word };
    word.to_lowercase()
}

/// Whether each element that is opened is closed, in order.
pub(super) fn is_balanced(html: &str) -> bool {
    let mut open: Vec<String> = Vec::new();
    for tag in html.split('<').skip(1) {
        let Some(inner) = tag.split('>').next().filter(|inner| inner.len() < tag.len()) else {
            return false;
        };
        let name = name(inner);
        match name.strip_prefix('/') {
            Some(closed) if VOID.contains(&closed) => {}
            Some(closed) => {
                if open.pop().as_deref() != Some(closed) {
                    return false;
                }
            }
            None if VOID.contains(&name.as_str()) || inner.trim_end().ends_with('/') => {}
            None => open.push(name),
        }
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_after_its_blocks() {
        for (html, wanted) in [
            ("<p>a</p><p>b <b>c</b></p>", vec!["<p>a</p>", "<p>b <b>c</b></p>"]),
            ("a<br>b<BR/>c", vec!["a<br>", "b<BR/>", "c"]),
            (
                "<div>a</div>\n\n<div\nclass='x'>b</div>",
                vec!["<div>a</div>", "<div\nclass='x'>b</div>"],
            ),
            ("<ul><li>a</li></ul>", vec!["<ul>", "<li>a</li>", "</ul>"]),
            ("plain\ntext", vec!["plain", "text"]),
            ("", vec![]),
        ] {
            assert_eq!(cut(html), wanted, "{html}");
        }
    }

    #[test]
    fn what_is_not_closed_in_order_is_not_touched() {
        for (html, wanted) in [
            ("<p>a <i>b</i><br></p>", true),
            ("<p>a", false),
            ("<p><b>a</p></b>", false),
            ("a < b", false),
            ("<img src=x /> text", true),
        ] {
            assert_eq!(is_balanced(html), wanted, "{html}");
        }
    }
}
