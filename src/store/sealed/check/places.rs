//! On which line of a text a value stands.
//!
//! The formats' readers keep data, not places, so the text is read once more, and only when there is
//! something to point at. Where that fails, the first line is named.

use sops_rs::{Format, Step, ValuePath};

use crate::yaml;

/// Returns the line of a value, counted from 1.
pub(super) fn line(format: Format, text: &str, path: &ValuePath) -> usize {
    let found = match format {
        Format::Yaml | Format::Json => yaml::line_of(text, path.document_index(), &steps(path)),
        Format::Dotenv => line_of_key(text, path, "="),
        Format::Ini => line_of_ini(text, path),
        _ => None,
    };
    found.unwrap_or(1)
}

/// Returns the line on which a document begins, counted from 1.
pub(super) fn document_line(text: &str, index: usize) -> usize {
    yaml::line_of(text, index, &[]).unwrap_or(1)
}

fn steps(path: &ValuePath) -> Vec<yaml::Step<'_>> {
    let steps = path.steps().iter();
    steps
        .map(|step| match step {
            Step::Key(key) => yaml::Step::Key(key),
            Step::Index(index) => yaml::Step::Index(*index),
        })
        .collect()
}

fn last_key(path: &ValuePath) -> Option<&str> {
    path.steps().iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    })
}

fn line_of_key(text: &str, path: &ValuePath, separator: &str) -> Option<usize> {
    let key = last_key(path)?;
    let is_key = |line: &str| {
        line.split_once(separator)
            .is_some_and(|(name, _)| name.trim() == key)
    };
    Some(text.lines().position(is_key)? + 1)
}

fn line_of_ini(text: &str, path: &ValuePath) -> Option<usize> {
    let (Step::Key(section), key) = (path.steps().first()?, last_key(path)?) else {
        return None;
    };
    let mut current = "DEFAULT";
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let header = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = header {
            current = name.trim();
        }
        let name = line.split_once(['=', ':']).map(|(name, _)| name.trim());
        if current == section && name == Some(key) {
            return Some(index + 1);
        }
    }
    None
}
