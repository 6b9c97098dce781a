//! The known name that somebody probably meant.

/// Names less alike than this are no help.
const ALIKE: f64 = 0.7;

/// The one of `known` most like `wanted`, if any is alike at all; letter case does not count.
pub(crate) fn nearest<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = wanted.trim().to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}

/// `did you mean ...?` for a name that is not known, or what there is to choose from.
pub(crate) fn did_you_mean(wanted: &str, known: &[&str]) -> String {
    const SHOWN: usize = 12;
    match nearest(wanted, known.iter().copied()) {
        Some(name) => format!("did you mean {name:?}?"),
        None if known.is_empty() => "there is none to choose from".to_owned(),
        None => {
            let some: Vec<&str> = known.iter().copied().take(SHOWN).collect();
            let more = if known.len() > SHOWN { ", ..." } else { "" };
            format!("use one of {}{more}", some.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let known = ["web-shop", "warehouse", "In Progress"];
        for (wanted, found) in [
            ("web-shp", Some("web-shop")),
            ("WAREHOUSE", Some("warehouse")),
            ("in progres", Some("In Progress")),
            ("qqq", None),
        ] {
            assert_eq!(nearest(wanted, known), found, "{wanted}");
        }
        assert_eq!(did_you_mean("zzz", &["a", "b"]), "use one of a, b");
    }
}
