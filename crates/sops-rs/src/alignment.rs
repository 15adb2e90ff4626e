//! What stays, goes and comes from one list of named things to another.
//!
//! Names are keys and sections; comments have none and are paired by their order. Things that
//! changed places, and names that occur twice among those that came or went, are given up on.

use std::collections::BTreeSet;

/// One step from the old list to the new one, in the order of both; numbers are positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It stays, perhaps with another value.
    Keep(usize, usize),
    /// It goes.
    Remove(usize),
    /// It is new.
    Insert(usize),
}

/// Returns the steps. The reserved names may stand anywhere in the old list: where they are not the
/// same in the same place, the old ones go and the new ones come.
pub(crate) fn align(
    old: &[Option<&str>],
    new: &[Option<&str>],
    reserved: impl Fn(&str) -> bool,
) -> Option<Vec<Step>> {
    // What both begin and end with stays; only between does it matter what is called how.
    let pairs = old.iter().zip(new);
    let first = pairs.take_while(|(old, new)| old == new).count();
    let ends = old[first..].iter().rev().zip(new[first..].iter().rev());
    let rest = ends.take_while(|(old, new)| old == new).count();
    let (old_end, new_end) = (old.len() - rest, new.len() - rest);
    let (from, to) = (&old[first..old_end], &new[first..new_end]);
    let mut steps = Vec::with_capacity(old.len().max(new.len()));
    steps.extend((0..first).map(|at| Step::Keep(at, at)));
    let middle = middle(from, to, |_| true).or_else(|| middle(from, to, |name| !reserved(name)));
    steps.extend(middle?.into_iter().map(|step| match step {
        Step::Keep(from, to) => Step::Keep(first + from, first + to),
        Step::Remove(from) => Step::Remove(first + from),
        Step::Insert(to) => Step::Insert(first + to),
    }));
    steps.extend((0..rest).map(|at| Step::Keep(old_end + at, new_end + at)));
    Some(steps)
}

fn middle(
    old: &[Option<&str>],
    new: &[Option<&str>],
    may_stay: impl Fn(&str) -> bool,
) -> Option<Vec<Step>> {
    let (had, has) = (names(old, &may_stay)?, names(new, &may_stay)?);
    let mut steps = Vec::new();
    let (mut from, mut to) = (0, 0);
    loop {
        let step = match (old.get(from), new.get(to)) {
            (Some(Some(gone)), _) if !has.contains(gone) => Step::Remove(from),
            (_, Some(Some(come))) if !had.contains(come) => Step::Insert(to),
            (Some(one), Some(other)) if one == other => Step::Keep(from, to),
            (Some(None), _) => Step::Remove(from),
            (_, Some(None)) => Step::Insert(to),
            (None, None) => return Some(steps),
            _ => return None,
        };
        from += usize::from(!matches!(step, Step::Insert(_)));
        to += usize::from(!matches!(step, Step::Remove(_)));
        steps.push(step);
    }
}

/// The names that may stay; `None` if one occurs twice.
fn names<'n>(
    list: &[Option<&'n str>],
    may_stay: impl Fn(&str) -> bool,
) -> Option<BTreeSet<&'n str>> {
    let mut seen = BTreeSet::new();
    let mut names = list.iter().flatten().filter(|name| may_stay(name));
    names.all(|name| seen.insert(*name)).then_some(seen)
}

#[cfg(test)]
mod tests {
    use super::{Step, align};

    fn steps(old: &str, new: &str) -> Option<String> {
        let list = |text: &'static str| -> Vec<Option<&'static str>> {
            let words = text.split_whitespace();
            words.map(|word| (word != "#").then_some(word)).collect()
        };
        let (old, new) = (list(old.to_owned().leak()), list(new.to_owned().leak()));
        let steps = align(&old, &new, |name| name == "sops")?;
        let show = |step: &Step| match step {
            Step::Keep(from, to) => format!("{from}={to}"),
            Step::Remove(from) => format!("-{from}"),
            Step::Insert(to) => format!("+{to}"),
        };
        Some(steps.iter().map(show).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn names_pair_with_themselves_and_comments_by_their_order() {
        let cases = [
            ("", "", Some("")),
            ("a b", "a b", Some("0=0 1=1")),
            ("a a", "a a", Some("0=0 1=1")),
            ("a b", "a b sops", Some("0=0 1=1 +2")),
            ("a b c", "a c", Some("0=0 -1 2=1")),
            ("a b", "a x b", Some("0=0 +1 1=2")),
            ("a b", "x b", Some("-0 +0 1=1")),
            ("# a # b", "# a # # b", Some("0=0 1=1 2=2 +3 3=4")),
            ("# a # b", "a b", Some("-0 1=0 -2 3=1")),
            ("a sops b", "a b sops", Some("0=0 -1 2=1 +2")),
            ("a b", "b a", None),
            ("a a", "a a sops", Some("0=0 1=1 +2")),
            ("a x x", "a x y x", Some("0=0 1=1 +2 2=3")),
            ("a x x b", "a b sops", None),
        ];
        for (old, new, expected) in cases {
            assert_eq!(steps(old, new).as_deref(), expected, "{old} -> {new}");
        }
    }
}
