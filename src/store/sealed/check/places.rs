//! On which lines of a text its values stand.
//!
//! The formats' readers keep data, not places, so the text is read once more, only when there is
//! something to point at, and then for all values. Where that fails, the first line is named.

use std::ops::ControlFlow;

use indexmap::IndexMap;
use sops_rs::{Format, Step, ValuePath};

use crate::yaml::{self, OwnedStep};

/// The lines of a text's values, counted from 1. Of a key that is there twice, the second counts.
#[derive(Default)]
pub(super) struct Places(IndexMap<ValuePath, usize>);

impl Places {
    /// Finds the values of a text.
    pub(super) fn of(format: Format, text: &str) -> Self {
        let mut places = Self::default();
        match format {
            Format::Yaml | Format::Json => places.read_yaml(text),
            Format::Dotenv => places.read_dotenv(text),
            Format::Ini => places.read_ini(text),
            _ => {}
        }
        places
    }

    /// Returns the line of a value.
    pub(super) fn line(&self, path: &ValuePath) -> usize {
        self.0.get(path).copied().unwrap_or(1)
    }

    /// Returns the line on which a document begins.
    pub(super) fn document_line(&self, index: usize) -> usize {
        self.line(&ValuePath::document(index))
    }

    fn read_yaml(&mut self, text: &str) {
        yaml::each_line(text, |document, way, line| {
            let steps = way.iter().map(|step| match step {
                OwnedStep::Key(key) => Step::Key(key.clone()),
                OwnedStep::Index(index) => Step::Index(*index),
            });
            let path = steps.fold(ValuePath::document(document), |path, step| path.join(step));
            self.0.insert(path, line);
            ControlFlow::Continue(())
        });
    }

    fn read_dotenv(&mut self, text: &str) {
        for (index, line) in text.lines().enumerate() {
            if let Some((key, _)) = line.split_once('=') {
                self.0.insert(flat([key]), index + 1);
            }
        }
    }

    fn read_ini(&mut self, text: &str) {
        let mut section = "DEFAULT";
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let header = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            if let Some(name) = header {
                section = name;
            } else if let Some((key, _)) = line.split_once(['=', ':']) {
                self.0.insert(flat([section, key]), index + 1);
            }
        }
    }
}

fn flat<const N: usize>(keys: [&str; N]) -> ValuePath {
    let keys = keys.map(|key| Step::Key(key.trim().to_owned()));
    let root = ValuePath::default();
    keys.into_iter().fold(root, |path, key| path.join(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: Format, text: &str, path: &str) -> usize {
        Places::of(format, text).line(&path.parse().unwrap())
    }

    #[test]
    fn values_of_every_format_have_their_line() {
        let yaml = "a: 1\nb:\n  - x\n  - {y: 1}\n---\nc: 2\n";
        assert_eq!(line(Format::Yaml, yaml, "b[1].y"), 4);
        assert_eq!(line(Format::Yaml, yaml, "document 2: c"), 6);
        assert_eq!(Places::of(Format::Yaml, yaml).document_line(1), 6);
        assert_eq!(line(Format::Json, "{\n\"a\": 1,\n\"a\": 2}", "a"), 3);
        assert_eq!(line(Format::Dotenv, "# A=1\nA=1\nB = 2\n", "B"), 3);
        let ini = "top = 1\n[one]\na = 1\n[ two ]\na: 2\n";
        assert_eq!(line(Format::Ini, ini, "DEFAULT.top"), 1);
        assert_eq!(line(Format::Ini, ini, "one.a"), 3);
        assert_eq!(line(Format::Ini, ini, "two.a"), 5);
        assert_eq!(line(Format::Yaml, yaml, "none"), 1);
    }
}
