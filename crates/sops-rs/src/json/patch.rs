//! From one text to another that holds a changed tree, touching only what changed.
//!
//! White space, and the spelling of every key and every value that stays, are those of the text. A
//! member that comes takes the comma before it along, and one that goes, too: so what was added can
//! be taken away again without a trace. Comments have no place in JSON.

use zeroize::Zeroizing;

use super::emit::{emit_inside, emit_member};
use super::sketch::Sketch;
use super::style::{Style, TextStyle};
use crate::alignment::{Step, align};
use crate::layout::Indent;
use crate::metadata::SOPS;
use crate::rewrite::Rewrite;
use crate::tree::{Element, Mapping, Tree, Value};

/// Changes a text that holds the tree `old` into one that should hold `new`; `None` where that takes
/// more than replacing, adding and removing values.
pub(crate) fn emit_like(
    text: &str,
    old: &Tree,
    new: &Tree,
    indent: Indent,
) -> Option<Zeroizing<String>> {
    let ([old], [new]) = (old.documents.as_slice(), new.documents.as_slice()) else {
        return None;
    };
    let sketch = Sketch::of(text)?;
    let mut patch = Patch {
        style: TextStyle::of(text, &sketch, indent),
        sketch: &sketch,
        rewrite: Rewrite::new(text),
    };
    let (old, new) = (members(old), members(new));
    let steps = align(&keys(&old), &keys(&new), |key| key == SOPS)?;
    patch.container(0, &steps, &old, &new)?;
    patch.rewrite.finish()
}

struct Patch<'t, 's> {
    style: TextStyle<'t>,
    sketch: &'s Sketch,
    rewrite: Rewrite<'t>,
}

/// A member of an object or an element of an array, which has no key.
#[derive(Clone, Copy)]
struct Member<'e> {
    key: Option<&'e str>,
    value: &'e Value,
}

impl<'t> Patch<'t, '_> {
    fn container(
        &mut self,
        spot: usize,
        steps: &[Step],
        old: &[Member<'_>],
        new: &[Member<'_>],
    ) -> Option<()> {
        let spots = self.sketch.children(spot);
        if spots.len() != old.len() {
            return None;
        }
        let style = self.style.of_container(self.sketch, spot, &spots);
        if !steps.iter().any(|step| matches!(step, Step::Keep(..))) {
            return self.only_new_or_gone(spot, &spots, new, &style);
        }
        // The end of what stands before, once something does; until then new members wait.
        let (mut end, mut waiting) = (None, Vec::new());
        for step in steps {
            match *step {
                Step::Keep(from, to) => {
                    let span = self.sketch.span(spots[from]);
                    for member in waiting.drain(..) {
                        let text = self.printed(member, &style);
                        self.rewrite.insert(span.start, &text)?;
                        self.rewrite.insert(span.start, &style.comma())?;
                    }
                    self.value(spots[from], old[from].value, new[to].value, &style)?;
                    end = Some(span.end);
                }
                Step::Remove(from) => {
                    let span = self.sketch.span(spots[from]);
                    let gone = match (end, spots.get(from + 1)) {
                        (Some(before), _) => {
                            end = Some(span.end);
                            before..span.end
                        }
                        (None, Some(&next)) => span.start..self.sketch.span(next).start,
                        (None, None) => return None,
                    };
                    self.rewrite.remove(gone)?;
                }
                Step::Insert(to) => match end {
                    None => waiting.push(new[to]),
                    Some(end) => {
                        let text = self.printed(new[to], &style);
                        self.rewrite.insert(end, &style.comma())?;
                        self.rewrite.insert(end, &text)?;
                    }
                },
            }
        }
        Some(())
    }

    /// A container of which nothing stays.
    fn only_new_or_gone(
        &mut self,
        spot: usize,
        spots: &[usize],
        new: &[Member<'_>],
        style: &Style<'t>,
    ) -> Option<()> {
        let start = self.sketch.value(spot).start + 1;
        match (spots.last(), new) {
            (Some(&last), []) => self.rewrite.remove(start..self.sketch.span(last).end),
            (None, new) => {
                for (position, member) in new.iter().enumerate() {
                    let text = self.printed(*member, style);
                    match position {
                        0 if style.before_member.contains('\n') => {
                            self.rewrite.insert(start, &style.before_member)?;
                        }
                        0 => {}
                        _ => self.rewrite.insert(start, &style.comma())?,
                    }
                    self.rewrite.insert(start, &text)?;
                }
                Some(())
            }
            (Some(_), _) => None,
        }
    }

    /// Changes a value in its place, or writes it anew where that cannot be.
    fn value(&mut self, spot: usize, old: &Value, new: &Value, style: &Style<'t>) -> Option<()> {
        let mark = self.rewrite.mark();
        let done = match (old, new) {
            (Value::Mapping(old), Value::Mapping(new)) => {
                let (old, new) = (members(old), members(new));
                self.inner(spot, align(&keys(&old), &keys(&new), |_| false), &old, &new)
            }
            (Value::Sequence(old), Value::Sequence(new)) => {
                let (steps, old, new) = elements(old, new);
                self.inner(spot, Some(steps), &old, &new)
            }
            _ if old.is_same_as(new) => return Some(()),
            _ => None,
        };
        if done.is_some() {
            return done;
        }
        self.rewrite.undo(&mark);
        let key = None;
        let text = self.printed(Member { key, value: new }, style);
        self.rewrite.replace(self.sketch.value(spot), &text)
    }

    /// Changes what is in a container, unless it was empty or is now.
    fn inner(
        &mut self,
        spot: usize,
        steps: Option<Vec<Step>>,
        old: &[Member<'_>],
        new: &[Member<'_>],
    ) -> Option<()> {
        match (old.is_empty(), new.is_empty()) {
            (true, true) => Some(()),
            (false, false) => self.container(spot, &steps?, old, new),
            _ => None,
        }
    }

    fn printed(&self, member: Member<'_>, style: &Style<'t>) -> Zeroizing<String> {
        let comma = style.comma();
        let form = self.style.form(style, &comma);
        match member.key {
            Some(key) => emit_member(key, member.value, form),
            None => emit_inside(member.value, form),
        }
    }
}

fn members(mapping: &Mapping) -> Vec<Member<'_>> {
    let members = mapping.entries().map(|entry| Member {
        key: Some(&entry.key),
        value: &entry.value,
    });
    members.collect()
}

fn keys<'e>(members: &[Member<'e>]) -> Vec<Option<&'e str>> {
    members.iter().map(|member| member.key).collect()
}

/// Pairs the elements of two arrays. A comment among the new ones was an element while it was
/// encrypted. Of arrays of different lengths, what both begin and end with stays; between, elements
/// are replaced one by one, and the longer one's others are new or gone.
fn elements<'e>(
    old: &'e [Element],
    new: &'e [Element],
) -> (Vec<Step>, Vec<Member<'e>>, Vec<Member<'e>>) {
    let values = |elements: &'e [Element]| -> Vec<Member<'e>> {
        let values = elements.iter().filter_map(|element| match element {
            Element::Value(value) => Some(Member { key: None, value }),
            Element::Comment(_) => None,
        });
        values.collect()
    };
    let (olds, news) = (values(old), values(new));
    if old.len() == new.len() {
        let mut to = 0;
        let pairs = new.iter().enumerate().map(|(from, element)| match element {
            Element::Comment(_) => Step::Remove(from),
            Element::Value(_) => {
                to += 1;
                Step::Keep(from, to - 1)
            }
        });
        return (pairs.collect(), olds, news);
    }
    let same = |(old, new): &(&Member<'_>, &Member<'_>)| old.value.is_same_as(new.value);
    let first = olds.iter().zip(&news).take_while(same).count();
    let ends = olds[first..].iter().rev().zip(news[first..].iter().rev());
    let rest = ends.take_while(same).count();
    let (from, to) = (olds.len() - rest, news.len() - rest);
    let paired = from.min(to);
    let steps = (0..paired)
        .map(|at| Step::Keep(at, at))
        .chain((paired..from).map(Step::Remove))
        .chain((paired..to).map(Step::Insert))
        .chain((0..rest).map(|at| Step::Keep(from + at, to + at)));
    (steps.collect(), olds, news)
}
