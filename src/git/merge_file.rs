//! Git's own merge of lines, for a driver that cannot do better.

use std::process::Command;

use camino::Utf8Path;

use super::index::IndexError;

/// Merges ours, the common version and theirs into ours; returns how many conflicts were marked.
pub fn merge_file([ours, base, theirs]: [&Utf8Path; 3]) -> Result<u32, IndexError> {
    let labels = ["-L", "ours", "-L", "base", "-L", "theirs"];
    let output = Command::new("git")
        .arg("merge-file")
        .args(labels)
        .arg("--")
        .args([ours, base, theirs])
        .output()
        .map_err(IndexError::Run)?;
    // It exits with the number of conflicts, 127 at most; more, or a signal, is a failure.
    match output.status.code() {
        Some(code @ 0..=127) => Ok(code.unsigned_abs()),
        _ => Err(IndexError::failed("merge-file", &output.stderr)),
    }
}
