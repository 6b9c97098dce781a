//! Lists of numbers in words.

/// "a", "a and b", "a, b and c"; `last` is "and" or "or".
pub(super) fn listed(parts: &[String], last: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

/// Numbers that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u8,
    pub(super) last: u8,
}

/// The runs of a rising list; a run of two counts as two runs of one, since nobody says "5 to 6".
pub(super) fn runs(numbers: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &n in numbers {
        match runs.last_mut() {
            Some(run) if run.last + 1 == n => run.last = n,
            _ => runs.push(Run { first: n, last: n }),
        }
    }
    let split = |run: Run| {
        let pair = run.last == run.first + 1;
        let (head, tail) = if pair { (run.first, Some(run.last)) } else { (run.last, None) };
        std::iter::once(Run { first: run.first, last: head })
            .chain(tail.map(|n| Run { first: n, last: n }))
    };
    runs.into_iter().flat_map(split).collect()
}

/// Runs as "1 to 5, 7 and 9", each number told by `name`.
pub(super) fn told(runs: &[Run], name: impl Fn(u8) -> String, last: &str) -> String {
    let part = |run: &Run| {
        let first = name(run.first);
        if run.first == run.last { first } else { format!("{first} to {}", name(run.last)) }
    };
    listed(&runs.iter().map(part).collect::<Vec<_>>(), last)
}

/// Numbers at equal distances: the first, the distance and the last. None for fewer than two numbers.
pub(super) fn steps(numbers: &[u8]) -> Option<(u8, u8, u8)> {
    let [first, second, ..] = numbers else { return None };
    let step = second - first;
    let even = numbers.windows(2).all(|pair| matches!(pair, [a, b] if b - a == step));
    let last = *numbers.last()?;
    even.then_some((*first, step, last))
}

/// Numbers at equal distances that go on so from one round of `round` numbers to the next: the first and the distance.
pub(super) fn cycle(numbers: &[u8], round: u8) -> Option<(u8, u8)> {
    let (first, step, last) = steps(numbers)?;
    (last + step == first + round).then_some((first, step))
}

/// "2nd", "3rd", "4th", ..., for numbers from 2 to 20.
pub(super) fn ordinal(n: u8) -> String {
    match n {
        2 => "2nd".to_owned(),
        3 => "3rd".to_owned(),
        _ => format!("{n}th"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_three_are_runs() {
        let said = |numbers: &[u8]| told(&runs(numbers), |n| n.to_string(), "and");
        assert_eq!(said(&[1, 2, 3, 5, 6, 9]), "1 to 3, 5, 6 and 9");
        assert_eq!(said(&[4]), "4");
        assert_eq!(said(&[4, 5]), "4 and 5");
        assert_eq!(said(&[0, 1, 2, 3]), "0 to 3");
    }

    #[test]
    fn a_cycle_meets_itself() {
        assert_eq!(cycle(&[5, 20, 35, 50], 60), Some((5, 15)));
        assert_eq!(cycle(&[0, 7, 14], 60), None);
        assert_eq!(cycle(&[0, 30], 60), Some((0, 30)));
        assert_eq!(cycle(&[7], 60), None);
    }
}
