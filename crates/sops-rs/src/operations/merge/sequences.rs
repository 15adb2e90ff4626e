//! Lists of three sides.

use super::Merger;
use crate::path::Step;
use crate::tree::{Element, Value};

impl Merger {
    /// Lists merge if the stretches that the two sides changed do not touch; where both only
    /// replaced elements, they merge one by one.
    pub(super) fn sequence(
        &mut self,
        base: &[Element],
        ours: &[Element],
        theirs: &[Element],
    ) -> Value {
        if base.len() == ours.len() && base.len() == theirs.len() {
            return self.elements(base, ours, theirs);
        }
        let (our, their) = (Stretch::of(base, ours), Stretch::of(base, theirs));
        let merged = if our.end < their.start {
            spliced(base, &[(our, ours), (their, theirs)])
        } else if their.end < our.start {
            spliced(base, &[(their, theirs), (our, ours)])
        } else {
            self.conflict();
            self.chosen(ours, theirs).to_vec()
        };
        Value::Sequence(merged)
    }

    fn elements(&mut self, base: &[Element], ours: &[Element], theirs: &[Element]) -> Value {
        let mut index = 0;
        let sides = base.iter().zip(ours).zip(theirs);
        let merged = sides.map(|((base, ours), theirs)| {
            let [b, o, t] = [base, ours, theirs].map(|element| match element {
                Element::Value(value) => Some(value),
                Element::Comment(_) => None,
            });
            if b.is_none() || o.is_none() || t.is_none() {
                let changed = !same_element(ours, base);
                return if changed {
                    ours.clone()
                } else {
                    theirs.clone()
                };
            }
            self.path = self.path.join(Step::Index(index));
            index += 1;
            let value = self.entry([b, o, t]).unwrap_or(Value::Null);
            self.path.pop();
            Element::Value(value)
        });
        Value::Sequence(merged.collect())
    }
}

/// The part of a common list that one side changed.
#[derive(Clone, Copy)]
struct Stretch {
    start: usize,
    end: usize,
    /// How many elements at the end of the side's list are the common ones.
    rest: usize,
}

impl Stretch {
    fn of(base: &[Element], side: &[Element]) -> Self {
        let same = |(a, b): &(&Element, &Element)| same_element(a, b);
        let start = base.iter().zip(side).take_while(same).count();
        let ends = base[start..].iter().rev().zip(side[start..].iter().rev());
        let rest = ends.take_while(same).count();
        let end = base.len() - rest;
        Self { start, end, rest }
    }
}

/// The common list with both changed stretches.
fn spliced(base: &[Element], parts: &[(Stretch, &[Element])]) -> Vec<Element> {
    let (mut merged, mut position) = (Vec::new(), 0);
    for (stretch, side) in parts {
        merged.extend_from_slice(&base[position..stretch.start]);
        merged.extend_from_slice(&side[stretch.start..side.len() - stretch.rest]);
        position = stretch.end;
    }
    merged.extend_from_slice(&base[position..]);
    merged
}

fn same_element(a: &Element, b: &Element) -> bool {
    match (a, b) {
        (Element::Comment(a), Element::Comment(b)) => a == b,
        (Element::Value(a), Element::Value(b)) => a.is_same_as(b),
        _ => false,
    }
}
