//! Changes as people read them: a unified diff.

use std::str;

use camino::Utf8Path;
use similar::TextDiff;

use super::{Change, Comparison};

/// Returns all changes as one unified diff, which `patch -p1` and `git apply` read.
pub fn unified_diff(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (path, change) in &comparison.changes {
        let old = name("a", path.as_str(), change.before.as_ref());
        let new = name("b", path.as_str(), change.after.as_ref());
        text += &one(change, &old, &new);
    }
    text
}

/// Returns the difference of two texts of one file as a unified diff.
pub fn text_diff(path: &Utf8Path, old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string()
}

fn name(side: &str, path: &str, content: Option<&Vec<u8>>) -> String {
    match content {
        Some(_) => format!("{side}/{path}"),
        None => "/dev/null".to_owned(),
    }
}

fn one(change: &Change, old: &str, new: &str) -> String {
    let side = |content: &Option<Vec<u8>>| {
        str::from_utf8(content.as_deref().unwrap_or_default()).map(str::to_owned)
    };
    match (side(&change.before), side(&change.after)) {
        (Ok(before), Ok(after)) if before == after => {
            format!("{new}: the permission to be executed differs\n")
        }
        (Ok(before), Ok(after)) => TextDiff::from_lines(before.as_str(), after.as_str())
            .unified_diff()
            .context_radius(3)
            .header(old, new)
            .to_string(),
        _ => format!("Binary files {old} and {new} differ\n"),
    }
}
