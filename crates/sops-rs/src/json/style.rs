//! How people laid out the members of a container, for those that join them.

use std::borrow::Cow;

use super::emit::{Form, Lines, Spelling, step};
use super::sketch::Sketch;
use crate::layout::Indent;
use crate::rewrite::line_break;

/// What holds for the whole text.
pub(super) struct TextStyle<'t> {
    text: &'t str,
    line_break: &'static str,
    /// One step of indentation.
    step: Cow<'t, str>,
    colon: &'t str,
    /// What stands behind the commas of a line.
    gap: &'t str,
}

/// What stands around the members of one container.
pub(super) struct Style<'t> {
    /// Between a member and the comma behind it.
    pub(super) before_comma: &'t str,
    /// Between a comma, or the opening bracket, and a member.
    pub(super) before_member: Cow<'t, str>,
    colon: &'t str,
    /// What the lines within a member begin with, line break included; `None` where the container
    /// is on one line.
    margin: Option<Cow<'t, str>>,
}

impl<'t> TextStyle<'t> {
    pub(super) fn of(text: &'t str, sketch: &Sketch, indent: Indent) -> Self {
        let root = sketch.value(0);
        let members = sketch.children(0);
        let colon = members.first().and_then(|&first| sketch.colon(text, first));
        let colon = colon.filter(|colon| !colon.contains('\n')).unwrap_or(": ");
        let opening = &text[root.start + 1
            ..members
                .first()
                .map_or(root.end - 1, |&member| sketch.span(member).start)];
        let base = indentation(text, root.start);
        let own = own_line(opening).filter(|_| !members.is_empty());
        let own = own.and_then(|line| line.trim_start_matches(['\r', '\n']).strip_prefix(base));
        Self {
            text,
            line_break: line_break(text),
            step: own.map_or_else(|| step(indent).into(), Cow::Borrowed),
            colon,
            gap: if colon.ends_with(' ') { " " } else { "" },
        }
    }

    /// How the members of a container are laid out.
    pub(super) fn of_container(
        &self,
        sketch: &Sketch,
        spot: usize,
        members: &[usize],
    ) -> Style<'t> {
        let text = self.text;
        let value = sketch.value(spot);
        let first = members
            .first()
            .map_or(value.end - 1, |&first| sketch.span(first).start);
        let opening = &text[value.start + 1..first];
        let (mut before_comma, mut before_member) = ("", Cow::Borrowed(self.gap));
        if let [.., last_but_one, last] = members {
            let between = &text[sketch.span(*last_but_one).end..sketch.span(*last).start];
            let (before, behind) = between.split_once(',').unwrap_or_default();
            before_comma = own_line(before).unwrap_or(before);
            before_member = Cow::Borrowed(own_line(behind).unwrap_or(behind));
        }
        if let Some(line) = own_line(opening)
            && !before_comma.contains('\n')
        {
            before_member = match members {
                [] => {
                    let base = indentation(text, value.start);
                    Cow::Owned(format!("{}{base}{}", self.line_break, self.step))
                }
                _ => Cow::Borrowed(line),
            };
        }
        let margin = match (before_comma.contains('\n'), before_member.contains('\n')) {
            (_, true) => Some(before_member.clone()),
            (true, false) => Some(Cow::Borrowed(before_comma)),
            (false, false) => None,
        };
        let colon = members.first().and_then(|&first| sketch.colon(text, first));
        let colon = colon.filter(|colon| !colon.contains('\n'));
        Style {
            before_comma,
            before_member,
            colon: colon.unwrap_or(self.colon),
            margin,
        }
    }

    /// How something is printed that becomes a member.
    pub(super) fn form<'f>(&'f self, style: &'f Style<'t>, comma: &'f str) -> Form<'f> {
        let lines = style.margin.as_deref().map(|margin| Lines {
            margin,
            step: &self.step,
        });
        Form {
            colon: style.colon,
            comma: if lines.is_some() { "," } else { comma },
            lines,
            spelling: Spelling::Exact,
        }
    }
}

impl Style<'_> {
    /// The comma between two members, with what stands around it.
    pub(super) fn comma(&self) -> String {
        format!("{},{}", self.before_comma, self.before_member)
    }
}

/// The last line break of white space and what follows it; empty lines are left out.
fn own_line(white: &str) -> Option<&str> {
    let start = white.rfind('\n')?;
    let is_windows = white[..start].ends_with('\r');
    Some(&white[start - usize::from(is_windows)..])
}

/// The white space that the line of a place begins with.
fn indentation(text: &str, place: usize) -> &str {
    let start = text[..place].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..place].trim_start_matches('\u{feff}');
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
