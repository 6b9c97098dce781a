//! Three-way merge of long text by lines, and of HTML by its blocks: only lines that both sides changed clash.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use syncline_domain::FieldType;

use super::blocks;
use crate::adopt::words;

/// The texts of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a> {
    /// What the rules made of the reading side when both were in step.
    pub(super) agreed: &'a str,
    /// What they make of it now.
    pub(super) mapped: &'a str,
    /// What the writing side showed when both were in step.
    pub(super) base: &'a str,
    /// What it shows now.
    pub(super) now: &'a str,
}

/// The text with the changes of both sides; `None` where lines clash, or where nobody can tell which line is which.
pub(super) fn merge(texts: Texts<'_>, kind: FieldType) -> Option<String> {
    if kind == FieldType::Html {
        return merge_html(texts);
    }
    let [agreed, mapped, base, now] =
        [texts.agreed, texts.mapped, texts.base, texts.now].map(unix_lines);
    let split = |text: &'_ str| text.trim_end().split('\n').map(str::to_owned).collect::<Vec<_>>();
    let [agreed, mapped, base, now] = [agreed, mapped, base, now].map(|text| split(&text));
    let merged = diff3(&refs(&agreed), &refs(&mapped), &refs(&base), &refs(&now))?;
    Some(merged.join("\n"))
}

fn merge_html(texts: Texts<'_>) -> Option<String> {
    let all = [texts.agreed, texts.mapped, texts.base, texts.now];
    if all.iter().any(|text| !blocks::can_be_cut(text)) {
        return None;
    }
    let [agreed, mapped, base, now] = all.map(blocks::cut);
    let merged = diff3(&agreed, &mapped, &base, &now)?;
    let between =
        if [texts.mapped, texts.now].iter().any(|text| text.contains('\n')) { "\n" } else { "" };
    let merged = merged.join(between);
    blocks::is_balanced(&merged).then_some(merged)
}

fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn refs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// Where each line of `base` is in `side`, as far as it is there unchanged.
fn found(base: &[&str], side: &[&str]) -> Vec<Option<usize>> {
    let mut places = vec![None; base.len()];
    for op in capture_diff_slices(Algorithm::Myers, base, side) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            for at in 0..len {
                if let Some(place) = places.get_mut(old_index.saturating_add(at)) {
                    *place = Some(new_index.saturating_add(at));
                }
            }
        }
    }
    places
}

/// The classical three-way merge. The two bases are one text in two spellings: line by line they say the same.
fn diff3<'a>(
    agreed: &[&'a str],
    ours: &[&'a str],
    base: &[&'a str],
    theirs: &[&'a str],
) -> Option<Vec<&'a str>> {
    let same_words = |(left, right): (&&str, &&str)| left == right || words(left) == words(right);
    if agreed.len() != base.len() || !agreed.iter().zip(base).all(same_words) {
        return None;
    }
    let (in_ours, in_theirs) = (found(agreed, ours), found(base, theirs));
    let steady = in_ours.iter().zip(&in_theirs).enumerate();
    let mut anchors: Vec<(usize, usize, usize)> =
        steady.filter_map(|(at, (left, right))| Some((at, (*left)?, (*right)?))).collect();
    anchors.push((base.len(), ours.len(), theirs.len()));
    let mut merged = Vec::with_capacity(theirs.len().max(ours.len()));
    let (mut line, mut left, mut right) = (0, 0, 0);
    for (next_line, next_left, next_right) in anchors {
        let our_part = ours.get(left..next_left)?;
        let their_part = theirs.get(right..next_right)?;
        let we_changed = our_part != agreed.get(line..next_line)?;
        let they_changed = their_part != base.get(line..next_line)?;
        match (we_changed, they_changed) {
            (true, true) if our_part != their_part => return None,
            (true, false) => merged.extend_from_slice(our_part),
            _ => merged.extend_from_slice(their_part),
        }
        merged.extend(theirs.get(next_right));
        (line, left, right) = (next_line + 1, next_left + 1, next_right + 1);
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merged(kind: FieldType, base: &str, ours: &str, theirs: &str) -> Option<String> {
        let merged = merge(Texts { agreed: base, mapped: ours, base, now: theirs }, kind);
        let mirrored = merge(Texts { agreed: base, mapped: theirs, base, now: ours }, kind);
        assert_eq!(merged, mirrored, "either side may be read first");
        merged
    }

    #[test]
    fn lines_by_table() {
        for (case, base, ours, theirs, wanted) in [
            ("ends", "a\nb\nc", "A\nb\nc", "a\nb\nC", Some("A\nb\nC")),
            ("insert and remove", "a\nb\nc\nd", "x\na\nb\nc\nd", "a\nb\nc", Some("x\na\nb\nc")),
            ("the same on both", "a\nb", "a\nB", "a\nB", Some("a\nB")),
            ("one line", "a", "b", "c", None),
            ("the same line", "a\nb\nc", "a\nX\nc", "a\nY\nc", None),
            ("neighbours", "a\nb", "A\nb", "a\nB", None),
            ("both appended", "a", "a\nb", "a\nc", None),
            ("removed and changed", "a\nb\nc", "a\nc", "a\nB\nc", None),
            ("line ends", "a\r\nb\r\nc", "A\nb\nc", "a\r\nb\r\nC\r\n", Some("A\nb\nC")),
            ("all removed", "a\nb\nc", "", "a\nb\nC", None),
        ] {
            assert_eq!(
                merged(FieldType::Markdown, base, ours, theirs).as_deref(),
                wanted,
                "{case}"
            );
        }
    }

    #[test]
    fn html_by_table() {
        for (case, base, ours, theirs, wanted) in [
            (
                "paragraphs",
                "<p>a</p><p>b</p><p>c</p>",
                "<p>A</p><p>b</p><p>c</p>",
                "<p>a</p><p>b</p><p><b>c</b></p>",
                Some("<p>A</p><p>b</p><p><b>c</b></p>"),
            ),
            (
                "only markup was changed",
                "<div>a</div><div>b</div><div>c</div>",
                "<div><i>a</i></div><div>b</div><div>c</div>",
                "<div>a</div><div>b</div><div>d</div>",
                Some("<div><i>a</i></div><div>b</div><div>d</div>"),
            ),
            ("one block", "<p>a</p>", "<p>b</p>", "<p>c</p>", None),
            (
                "lists stay whole",
                "<ul><li>a</li><li>b</li></ul><p>c</p>",
                "<p>a</p><p>b</p><p>c</p>",
                "<ul><li>a</li><li>b</li></ul><p>c</p><p>d</p>",
                Some("<p>a</p><p>b</p><p>c</p><p>d</p>"),
            ),
            (
                "preformatted",
                "<pre>a\nb\nc</pre>",
                "<pre>A\nb\nc</pre>",
                "<pre>a\nb\nC</pre>",
                None,
            ),
        ] {
            assert_eq!(merged(FieldType::Html, base, ours, theirs).as_deref(), wanted, "{case}");
        }
    }

    #[test]
    fn a_tracker_with_its_own_spelling_keeps_it() {
        let texts = Texts {
            agreed: "<P>a</P>\n<P>b</P>\n<P>c</P>",
            mapped: "<P>A</P>\n<P>b</P>\n<P>c</P>",
            base: "<p>a</p>\n<p>b</p>\n<p>c</p>",
            now: "<p>a</p>\n<p>b</p>\n<p>C</p>",
        };
        let merged = merge(texts, FieldType::Html);
        assert_eq!(merged.as_deref(), Some("<P>A</P>\n<p>b</p>\n<p>C</p>"));
        let strange = Texts { base: "<p>a b</p><p>c</p>", ..texts };
        assert_eq!(merge(strange, FieldType::Html), None, "nobody can tell which line is which");
    }

    proptest! {
        #[test]
        fn an_edit_of_one_side_is_never_lost_and_the_sides_may_be_swapped(
            base in proptest::collection::vec("[a-d]{1,2}", 1..12),
            ours in proptest::collection::vec("[a-f]{1,2}", 1..12),
            theirs in proptest::collection::vec("[a-f]{1,2}", 1..12),
        ) {
            let [base, ours, theirs] = [base, ours, theirs].map(|lines| lines.join("\n"));
            prop_assert_eq!(merged(FieldType::String, &base, &ours, &base), Some(ours.clone()));
            prop_assert_eq!(merged(FieldType::String, &base, &ours, &ours), Some(ours.clone()));
            if let Some(both) = merged(FieldType::String, &base, &ours, &theirs) {
                let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
                let known: Vec<String> = [&ours, &theirs].into_iter().flat_map(|text| lines(text)).collect();
                prop_assert!(lines(&both).iter().all(|line| known.contains(line)));
                let added = |text: &str| {
                    let old = lines(&base);
                    lines(text).into_iter().filter(move |line| !old.contains(line)).collect::<Vec<_>>()
                };
                for line in added(&ours).into_iter().chain(added(&theirs)) {
                    prop_assert!(lines(&both).contains(&line), "{} is lost", line);
                }
            }
        }
    }
}
