//! How a run of comment lines between two values falls into groups, as go-yaml sees it.
//!
//! A group either belongs to what stands before it (a foot), or to what follows (a head). Empty
//! lines and changes of indentation decide; the order in which they are asked is go-yaml's.

/// A comment on a line of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) column: usize,
    /// Whether an empty line stands before it.
    pub(super) after_gap: bool,
}

/// What the run stands between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// The indentation of the innermost block before the run.
    pub(super) indent: usize,
    /// Whether a key without a value stands before it.
    pub(super) after_key: bool,
    /// The column of what follows; `None` at the end of the file.
    pub(super) next: Option<usize>,
    /// Whether an empty line stands between the run and what follows.
    pub(super) gap_after: bool,
}

/// Consecutive lines of a run that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) lines: usize,
    pub(super) column: usize,
    pub(super) belongs: Belongs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    /// To the value right before the run.
    Before,
    /// To whichever container ends at its place.
    Here,
    /// To what follows.
    After,
}

/// Splits a run into groups.
pub(super) fn split(lines: &[Line], around: Surroundings) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut open: Option<Group> = None;
    let mut first_gap = lines.first().is_some_and(|line| !line.after_gap);
    // Once a group is closed, the next one no longer touches the value before the run.
    let mut touching = true;
    for (position, line) in lines.iter().enumerate() {
        if let Some(group) = &mut open {
            group.lines += 1;
        } else {
            let belongs = Belongs::After;
            open = Some(Group {
                lines: 1,
                column: line.column,
                belongs,
            });
        }
        let following = lines.get(position + 1);
        let gap = following.map_or(around.gap_after || around.next.is_none(), |next| {
            next.after_gap
        });
        let column = following.map_or(around.next, |next| Some(next.column));
        let Some(group) = open else { continue };
        let dedented = group.column < around.indent;
        let adjacent = touching && groups.is_empty() && !around.after_key;
        if gap && first_gap && (adjacent || dedented) {
            let belongs = if dedented || !touching {
                Belongs::Here
            } else {
                Belongs::Before
            };
            groups.push(Group { belongs, ..group });
            (open, touching) = (None, false);
        } else if column.is_some_and(|column| column < around.indent && column != group.column) {
            let belongs = if touching {
                Belongs::Before
            } else {
                Belongs::Here
            };
            groups.push(Group { belongs, ..group });
            (open, touching) = (None, false);
        }
        first_gap &= !gap;
    }
    groups.extend(open);
    groups
}

#[cfg(test)]
mod tests {
    use super::Belongs::{After, Before, Here};
    use super::{Belongs, Line, Surroundings, split};

    fn belongs(lines: &[(usize, bool)], around: Surroundings) -> Vec<(usize, Belongs)> {
        let line = |&(column, after_gap)| Line { column, after_gap };
        let lines: Vec<Line> = lines.iter().map(line).collect();
        let groups = split(&lines, around);
        groups
            .iter()
            .map(|group| (group.lines, group.belongs))
            .collect()
    }

    /// Inside a mapping at column 4, before a key at column 0; what go-yaml 3.0.4 does.
    #[test]
    fn empty_lines_and_indentation_decide() {
        let before_key = Surroundings {
            indent: 4,
            after_key: false,
            next: Some(0),
            gap_after: false,
        };
        let at_end = Surroundings {
            next: None,
            ..before_key
        };
        assert_eq!(belongs(&[(2, true)], before_key), [(1, Before)]);
        assert_eq!(belongs(&[(2, true)], at_end), [(1, After)]);
        assert_eq!(belongs(&[(2, false)], at_end), [(1, Here)]);
        assert_eq!(
            belongs(&[(2, true), (0, true)], before_key),
            [(1, Before), (1, After)]
        );
        assert_eq!(
            belongs(&[(2, false), (2, true)], before_key),
            [(1, Here), (1, Here)]
        );
        assert_eq!(
            belongs(&[(2, false), (2, false)], before_key),
            [(2, Before)]
        );
        assert_eq!(
            belongs(&[(4, false), (0, false)], before_key),
            [(1, Before), (1, After)]
        );
    }
}
