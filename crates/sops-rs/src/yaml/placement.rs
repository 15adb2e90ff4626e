//! Which container a comment belongs to, and before which entry it stands.
//!
//! `sops` encrypts a comment under the path of its container, and takes the container from
//! go-yaml, which attaches comments to nodes by lines and columns. The rules here arrive at the
//! same places from the events alone.

use super::comment_groups::{Belongs, Group, Line, Surroundings, split};
use super::frame::{Contents, Frame};
use std::borrow::Cow;

use super::load::{Builder, LastKind};
use super::parse::{Event, EventKind, Place};
use crate::tree::Comment;

/// A comment and where it stands.
pub(super) struct Note<'a> {
    pub(super) text: Cow<'a, str>,
    same_line: bool,
    at: Place,
}

impl Note<'_> {
    pub(super) fn comment(&self) -> Comment {
        Comment::new(self.text.as_ref())
    }
}

/// The comments that events begin with.
pub(super) fn comments<'a>(events: &'a [Event<'_>]) -> Vec<Note<'a>> {
    let notes = events.iter().map_while(|event| match &event.kind {
        EventKind::Comment { text, same_line } => Some(Note {
            text: Cow::Borrowed(text),
            same_line: *same_line,
            at: event.at,
        }),
        _ => None,
    });
    notes.collect()
}

/// What comes after a run of comments.
pub(super) struct Ahead {
    /// How many containers end first.
    closes: usize,
    next: Next,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Container,
    Scalar,
    Nothing,
}

impl Ahead {
    pub(super) fn of(events: &[Event<'_>]) -> Self {
        let mut closes = 0;
        for event in events {
            let next = match event.kind {
                EventKind::Comment { .. } => continue,
                EventKind::End => {
                    closes += 1;
                    continue;
                }
                EventKind::Start { .. } => Next::Container,
                EventKind::Scalar(_) | EventKind::Alias(_) => Next::Scalar,
                EventKind::DocumentStart | EventKind::DocumentEnd => Next::Nothing,
            };
            return Self { closes, next };
        }
        Self {
            closes,
            next: Next::Nothing,
        }
    }
}

impl Builder<'_> {
    /// Places a run of comments inside a document.
    pub(super) fn place(&mut self, run: &[Note<'_>], ahead: &Ahead) {
        let on_line = run.iter().take_while(|note| note.same_line).count();
        let (on_line, own_lines) = run.split_at(on_line);
        for note in on_line {
            if self.frames.is_empty() {
                self.inside_next.push(note.comment());
            } else {
                self.place_on_line(note, ahead);
            }
        }
        if !own_lines.is_empty() {
            self.place_own_lines(own_lines, ahead);
        }
    }

    /// A comment behind something on its line.
    fn place_on_line(&mut self, note: &Note<'_>, ahead: &Ahead) {
        let mut comment = note.comment();
        let Some(last) = self.last else {
            return self.inside_next.push(comment);
        };
        let block_header = note.at.start < last.at.start;
        let adjacent = block_header || !self.breaks_line(last.at.end, note.at.start);
        match last.is {
            LastKind::Key if ahead.next == Next::Container && !adjacent => {
                self.inside_next.push(comment);
            }
            LastKind::Key => self.top().extend([comment]),
            _ if !adjacent => self.inside_next.push(comment),
            LastKind::FlowEnd if matches!(self.top().contents, Contents::Mapping { .. }) => {
                self.top().insert_into_last(comment);
            }
            LastKind::Opening if self.top().flow => self.top().extend([comment]),
            LastKind::Opening | LastKind::BlockEnd => self.inside_next.push(comment),
            LastKind::Scalar { empty: true, .. } => self.top().insert_before_last(comment),
            LastKind::Scalar { .. } | LastKind::FlowEnd => {
                comment.inline = true;
                self.top().insert_before_last(comment);
            }
        }
    }

    /// Comments on lines of their own.
    fn place_own_lines(&mut self, run: &[Note<'_>], ahead: &Ahead) {
        let comments = run.iter().map(Note::comment);
        let Some(top) = self.frames.last() else {
            return self.inside_next.extend(comments);
        };
        let opens = ahead.next == Next::Container && ahead.closes == 0;
        if opens && (top.awaits_value() || self.follows_dash(run[0].at)) {
            self.inside_next.extend(comments);
        } else if top.awaits_value() || top.flow {
            self.top().extend(comments);
        } else {
            self.place_groups(run, ahead);
        }
    }

    /// Comments between two entries of blocks, of which some may end in between.
    fn place_groups(&mut self, run: &[Note<'_>], ahead: &Ahead) {
        let groups = split(&self.lines(run), self.surroundings(run, ahead));
        let ends = self.ends(&groups, ahead);
        let mut rest = run;
        for (position, group) in groups.iter().enumerate() {
            let (notes, others) = rest.split_at(group.lines);
            rest = others;
            let home = match group.belongs {
                Belongs::Before => self.frames.len() - 1,
                Belongs::Here => ends
                    .iter()
                    .find(|(_, mark)| mark.is_some_and(|mark| mark >= position))
                    .map_or_else(|| self.next_home(ahead), |(frame, _)| self.end_home(*frame)),
                Belongs::After => self.next_home(ahead),
            };
            let comments = notes.iter().map(Note::comment);
            if home == self.frames.len() - 1 {
                self.top().extend(comments);
            } else {
                self.frames[home].deferred.extend(comments);
            }
        }
    }

    fn lines(&self, run: &[Note<'_>]) -> Vec<Line> {
        let mut from = self.last.map_or(0, |last| self.content_end(last.at));
        let lines = run.iter().map(|note| {
            let after_gap = self.newlines(from, note.at.start) > 1;
            from = note.at.end;
            Line {
                column: note.at.column,
                after_gap,
            }
        });
        lines.collect()
    }

    fn surroundings(&self, run: &[Note<'_>], ahead: &Ahead) -> Surroundings {
        let after = run.last().map_or(0, |note| note.at.end);
        let rest = self.text.get(after..).unwrap_or_default();
        let white = rest.len() - rest.trim_start().len();
        let next = match ahead.next {
            Next::Nothing if rest.trim_start().is_empty() => None,
            Next::Nothing => Some(0),
            _ => Some(self.frames[self.frames.len() - 1 - ahead.closes].column),
        };
        let innermost = self.frames.iter().rev().find(|frame| frame.indents());
        let empty = LastKind::Scalar {
            block: false,
            empty: true,
        };
        Surroundings {
            indent: innermost.map_or(0, |frame| frame.column),
            after_key: self.last.is_some_and(|last| last.is == empty),
            next,
            gap_after: self.newlines(after, after + white) > 1,
        }
    }

    /// The blocks that end after the run, innermost first, each with the group that go-yaml takes
    /// its end to: the first of those that stand at its own indentation.
    fn ends(&self, groups: &[Group], ahead: &Ahead) -> Vec<(usize, Option<usize>)> {
        let mut mark = None;
        let open = self.frames.len();
        let ending = (open - ahead.closes.min(open)..open).rev();
        let blocks = ending.filter(|&frame| self.frames[frame].indents());
        blocks
            .map(|frame| {
                let column = self.frames[frame].column;
                let found = groups.iter().position(|group| group.column == column);
                mark = found.or(mark);
                (frame, mark)
            })
            .collect()
    }

    /// Where a comment at the end of a block goes: into a mapping, or after a list.
    fn end_home(&self, frame: usize) -> usize {
        match self.frames[frame].contents {
            Contents::Mapping { .. } => frame,
            Contents::Sequence(_) => frame.saturating_sub(1),
        }
    }

    /// Where the next entry goes; at the end of a document, its mapping.
    fn next_home(&self, ahead: &Ahead) -> usize {
        match ahead.next {
            Next::Nothing => 0,
            _ => self.frames.len() - 1 - ahead.closes,
        }
    }

    /// The end of content, without the empty lines that a block scalar's span may take in.
    fn content_end(&self, at: Place) -> usize {
        let content = self.text.get(at.start..at.end).unwrap_or_default();
        at.start + content.trim_end().len()
    }

    fn newlines(&self, from: usize, to: usize) -> usize {
        let between = self.text.get(from..to).unwrap_or_default();
        between.bytes().filter(|&byte| byte == b'\n').count()
    }

    fn breaks_line(&self, from: usize, to: usize) -> bool {
        self.text
            .get(from..to)
            .is_some_and(|text| text.contains('\n'))
    }

    /// Tells whether a dash opened the entry that the comment stands in.
    fn follows_dash(&self, at: Place) -> bool {
        let from = self.last.map_or(0, |last| last.at.end.max(last.at.start));
        let Some(between) = self.text.get(from..at.start) else {
            return false;
        };
        between.lines().any(|line| is_dash(line.trim_start()))
    }

    /// Finds the column of a block sequence's dashes: the parser reports that of its first value
    /// where the dashes stand under the key.
    pub(super) fn find_dash(&self, frame: &mut Frame, at: Place) {
        let Some(parent) = self.frames.last().filter(|parent| parent.awaits_value()) else {
            return;
        };
        let before = &self.text[..at.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let lines = self.text[line_start..]
            .lines()
            .take(1)
            .chain(before[..line_start].lines().rev());
        let dashes = lines
            .map(|line| (line.len() - line.trim_start().len(), line.trim_start()))
            .find(|(_, line)| is_dash(line));
        if let Some((column, _)) = dashes
            && column == parent.column
        {
            frame.column = column;
            frame.indentless = true;
        }
    }
}

fn is_dash(line: &str) -> bool {
    line == "-" || line.starts_with("- ") || line.starts_with("-\t")
}
