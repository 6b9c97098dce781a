//! HTML, Markdown and text: what goes in, what must come out.

use crate::common::{converted, through};
use serde_json::{Value, json};
use syncline_domain::FieldType::{Html, Markdown, String as Text};

fn strip(html: &str) -> String {
    let made = through(json!("stripHtml"), Html, Text, &json!(html)).unwrap();
    made.as_str().unwrap_or_default().to_owned()
}

#[test]
fn html_becomes_text() {
    for (html, text) in [
        ("plain", "plain"),
        ("a  \n b", "a b"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("Fish &amp; chips &lt;b&gt; &#x1F600; &nbsp;&eacute;", "Fish & chips <b> 😀  é"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "a\nb\nc"),
        ("<table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td>2</td></tr></table>", "k\tv\n1\t2"),
        ("see <a href=\"https://x.example\">the page</a>.", "see the page."),
        ("<pre>  a\n    b</pre>end", "  a\n    b\nend"),
        ("before<script>alert(1)</script><style>p{}</style><!-- no -->after", "beforeafter"),
        ("<img src=\"x.png\" alt=\"a chart\"> shows", "a chart shows"),
        ("<p dir=\"rtl\">שלום <b>עולם</b></p>", "שלום עולם"),
        ("<p>👩‍👩‍👧‍👦 family</p>", "👩‍👩‍👧‍👦 family"),
        ("<p>un<b>closed <i>tags", "unclosed tags"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("", ""),
        ("<p></p>", ""),
    ] {
        assert_eq!(strip(html), text, "{html}");
    }
}

#[test]
fn text_becomes_html_and_comes_back() {
    for (text, html) in [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("one\r\ntwo\n\nthree", "one<br>two<br><br>three"),
        ("a  b", "a &nbsp;b"),
        (" x", "&nbsp;x"),
        ("\"quoted\" 'too'", "\"quoted\" 'too'"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ] {
        let made = through(json!("textToHtml"), Text, Html, &json!(text)).unwrap();
        assert_eq!(made, json!(html), "{text:?}");
        assert_eq!(
            converted(Text, Html, json!(text)),
            Ok(json!(html)),
            "a direct rule does the same"
        );
        assert_eq!(strip(html), text.replace("\r\n", "\n").trim_end(), "{html}");
    }
}

#[test]
fn markdown_becomes_html() {
    let html = |markdown: &str| {
        through(json!("markdownToHtml"), Markdown, Html, &json!(markdown)).unwrap()
    };
    for (markdown, expected) in [
        ("# Title\n\nText", "<h1>Title</h1>\n<p>Text</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        ("~~gone~~", "<p><del>gone</del></p>"),
        ("[x](https://x.example)", "<p><a href=\"https://x.example\">x</a></p>"),
        ("![chart](c.png)", "<p><img alt=\"chart\" src=\"c.png\"></p>"),
    ] {
        let made = html(markdown);
        let made = made.as_str().unwrap();
        // Attribute order is the parser's own.
        if expected.contains("<img") {
            assert!(made.contains("alt=\"chart\"") && made.contains("src=\"c.png\""), "{made}");
        } else {
            assert_eq!(made, expected, "{markdown}");
        }
    }
    let table = html("| a | b |\n|---|---|\n| 1 | 2 |");
    assert!(table.as_str().unwrap().contains("<td>1</td>"), "{table}");
}

#[test]
fn nothing_active_passes_through_markdown() {
    for markdown in [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "<a href=\" java\nscript:alert(1)\">x</a>",
        "<iframe src=\"https://x.example\"></iframe>",
        "<svg onload=alert(1)>",
        "<p style=\"position:fixed\">x</p>",
    ] {
        let made = through(json!("markdownToHtml"), Markdown, Html, &json!(markdown)).unwrap();
        let made = made.as_str().unwrap_or_default();
        for bad in ["<script", "onerror", "javascript:", "<iframe", "<svg", "onload", "style="] {
            assert!(!made.contains(bad), "{markdown} gave {made}");
        }
    }
    let kept = through(
        json!("markdownToHtml"),
        Markdown,
        Html,
        &json!("<details><summary>s</summary>x</details>"),
    );
    assert!(kept.unwrap().as_str().unwrap().contains("<summary>s</summary>"));
}

#[test]
fn html_becomes_markdown() {
    for (html, markdown) in [
        ("<h2>Title</h2><p>a <b>b</b> <i>c</i></p>", "## Title\n\na **b** *c*"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<a href=\"https://x.example\">x</a>", "[x](https://x.example)"),
        ("<pre><code>let a = 1;\n</code></pre>", "```\nlet a = 1;\n```"),
        ("<img src=\"c.png\" alt=\"chart\">", "![chart](c.png)"),
        ("<script>alert(1)</script>ok", "ok"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("one<br />\ntwo", "one  \ntwo"),
        ("a <del>b </del>c <s>d</s>", "a ~~b~~ c ~~d~~"),
        ("<pre>x\n  y</pre>", "```\nx\n  y\n```"),
        (
            "<table><tr><td>k</td><td>v</td></tr><tr><td>1</td><td>2</td></tr></table>",
            "| k | v |\n| - | - |\n| 1 | 2 |",
        ),
        (
            "<ul><li><input type=\"checkbox\" disabled checked> a</li><li><input type=\"checkbox\"> b</li></ul>",
            "- [x] a\n- [ ] b",
        ),
        (
            "1 * 2 _x_ # <a href=\"https://e.x/?a=1&amp;b=2\">l[i]nk</a>",
            "1 \\* 2 \\_x\\_ # [l\\[i\\]nk](https://e.x/?a=1&b=2)",
        ),
    ] {
        assert_eq!(converted(Html, Markdown, json!(html)), Ok(json!(markdown)), "{html}");
    }
    let table =
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>";
    assert_eq!(converted(Html, Markdown, json!(table)), Ok(json!("| a |\n| - |\n| 1 |")));
}

#[test]
fn markdown_becomes_text() {
    let text = |markdown: &str| {
        through(json!("markdownToText"), Markdown, Text, &json!(markdown)).unwrap()
    };
    assert_eq!(text("# Title\n\n- **a**\n- [b](https://x.example)"), json!("Title\na\nb"));
    assert_eq!(text("```\nx  y\n```"), json!("x  y"));
}

#[test]
fn cutting_keeps_html_well_formed_and_graphemes_whole() {
    let cut = |html: &str, n: usize| {
        through(json!({"name": "truncate", "args": [n]}), Html, Html, &json!(html)).unwrap()
    };
    for (html, n, expected) in [
        ("<p>Hello <b>world</b></p>", 8, "<p>Hello <b>wo</b></p>"),
        ("<p>Hello</p>", 50, "<p>Hello</p>"),
        ("<p>a</p><p>b</p>", 1, "<p>a</p>"),
        ("<p>a &amp; b &lt; c</p>", 5, "<p>a &amp; b</p>"),
        ("<p>👩‍👩‍👧‍👦👩‍👩‍👧‍👦</p>", 1, "<p>👩‍👩‍👧‍👦</p>"),
        ("<b>x<b>y</b>z</b>", 1, "<b>x</b>"),
        ("<a href=\"?a=1&amp;b=&quot;2\">link</a>", 2, "<a href=\"?a=1&amp;b=&quot;2\">li</a>"),
        ("one<br>two", 3, "one"),
        ("<p>abc</p>", 0, ""),
    ] {
        assert_eq!(cut(html, n), json!(expected), "{html} at {n}");
    }
    assert_eq!(
        through(json!("toUpperCase"), Html, Html, &json!("<p class=\"x\">a &amp; b</p>")),
        Ok(json!("<p class=\"x\">A &amp; B</p>"))
    );
}

#[test]
fn nesting_beyond_reason_is_refused_or_flattened_but_never_crashes() {
    let deep = format!("{}x{}", "<div>".repeat(1_000), "</div>".repeat(1_000));
    assert_eq!(converted(Html, Text, json!(deep)), Ok(json!("x")));
    assert_eq!(converted(Html, Markdown, json!(deep)), Ok(json!("x")));
    let deeper = "<div>".repeat(100_000);
    assert!(converted(Html, Text, json!(deeper)).unwrap_err().contains("inside one another"));
    let quotes = json!("> ".repeat(20_000));
    assert!(
        converted(Markdown, Html, quotes.clone()).is_ok()
            || converted(Markdown, Html, quotes).is_err()
    );
    let many = json!("<br>".repeat(20_000) + "x");
    assert_eq!(converted(Html, Text, many), Ok(json!("x")));
}

#[test]
fn an_html_source_of_null_is_null() {
    assert_eq!(converted(Html, Text, Value::Null), Ok(Value::Null));
}

#[test]
fn shapes_made_to_hurt_are_refused_at_once() {
    let reopened = format!(
        "<p>{}</p>{}",
        (0..3_000).map(|n| format!("<b x={n}>")).collect::<String>(),
        "<p>x</p>".repeat(50_000)
    );
    let attributes =
        format!("<a x=\">\" {}>x</a>", (0..50_000).map(|n| format!("a{n} ")).collect::<String>());
    let glued = format!("<a {}>x</a>", "b=\"1\"".repeat(50_000));
    for html in [reopened, attributes, glued] {
        let fault = converted(Html, Text, json!(html)).unwrap_err();
        assert!(fault.contains("simplify"), "{fault}");
    }
    // A picture in the text and a long plain text are no such shapes.
    let picture = format!(
        "<p>x<img alt=\"\" src=\"data:image/png;base64,{}\"></p>",
        "iVBOR/w0 KGgo=".repeat(20_000)
    );
    assert_eq!(converted(Html, Text, json!(picture)), Ok(json!("x")));
    let log = format!("<pre>{}</pre>", "one two/three 'four' ".repeat(20_000));
    assert!(converted(Html, Text, json!(log)).is_ok());
}

/// What a two-way pair does to a text that nobody edits: it may be rewritten once, then it rests.
#[test]
fn a_text_that_goes_round_settles() {
    for markdown in [
        "# Title\n\nSome *soft* and **loud** text, `code`, [a link](https://x.example \"t\") and ~~gone~~.",
        "- one\n- two\n  - nested\n    more\n\n1. first\n2. second",
        "```rust\nfn main() { println!(\"<b>\"); }\n```\n\n    indented code",
        "> quoted\n> twice\n\n> > deeper",
        "| a | b |\n|---|:-:|\n| 1 | x \\| y |",
        "a * b * c, snake_case_name, 2 \\* 3, <https://x.example>, a & b, 1 < 2",
        "line one  \nline two\nline three",
        "- [ ] open\n- [x] done",
        "שלום **עולם**, 日本語 *テキスト*, 👩‍👩‍👧‍👦",
        "***\n\n![image](a.png)\n\n###### deep",
        "1986\\. A great year\n\n\\# no title\n\n\\- no list",
    ] {
        let round = |text: &Value| {
            let html = converted(Markdown, Html, text.clone()).unwrap();
            converted(Html, Markdown, html).unwrap()
        };
        let once = round(&json!(markdown));
        let twice = round(&once);
        assert_eq!(round(&twice), twice, "{markdown}");
        assert_eq!(once, twice, "{markdown}");
    }
}

#[test]
fn long_runs_of_signs_in_markdown_end() {
    for sign in [
        "[", "*a ", "![", "`", "> ", "- ", "<", "_", "~~", "|", "[a](", "<a ", "&", "* * ", "    ",
        "\\", "#", "1. ", "[^", "<!--",
    ] {
        let markdown = json!(sign.repeat(8_000));
        for to in [Html, Text] {
            let made = through(
                json!(if to == Html { "markdownToHtml" } else { "markdownToText" }),
                Markdown,
                to,
                &markdown,
            );
            assert!(made.is_ok() || made.unwrap_err().contains("simplify"), "{sign}");
        }
        let html = json!(sign.repeat(8_000));
        let made = converted(Html, Markdown, html);
        assert!(made.is_ok() || made.unwrap_err().contains("simplify"), "{sign}");
    }
}
