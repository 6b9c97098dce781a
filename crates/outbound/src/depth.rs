//! How deep a JSON text is nested, found without building anything.

/// Whether `json` opens `limit` or more brackets inside one another. Text that is no JSON is judged all the same.
pub(crate) fn reaches(json: &[u8], limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    for byte in json {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth >= limit {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_do_not_count_and_closed_ones_are_forgotten() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(!reaches(deep(127).as_bytes(), 128));
        assert!(reaches(deep(128).as_bytes(), 128));
        assert!(reaches(deep(10_000).as_bytes(), 128));
        assert!(!reaches(format!("{:?}", "[{".repeat(500)).as_bytes(), 3));
        assert!(!reaches(br#"{"a":"\"[[[["}"#, 2));
        assert!(!reaches("[[],[],[],[]]".as_bytes(), 3));
    }

    #[test]
    fn the_parser_takes_everything_that_passes() {
        let deepest = format!("{}{}", "[".repeat(127), "]".repeat(127));
        assert!(!reaches(deepest.as_bytes(), 128));
        assert!(serde_json::from_str::<serde_json::Value>(&deepest).is_ok());
    }
}
