//! Files of this repository that are made from the code.
//!
//! Each is compared with what the code says now; `scripts/generate` (the same tests with
//! `UPDATE=1`) writes them anew.

use camino::Utf8Path;

/// Fails unless the file holds this text; writes it instead where `UPDATE=1` is set.
#[track_caller]
pub fn is_current(path: &str, text: &str) {
    let file = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if committed == text {
        return;
    }
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).expect("the repository can be written to");
        }
        std::fs::write(&file, text).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let difference = similar::TextDiff::from_lines(committed.as_str(), text)
        .unified_diff()
        .header("committed", "generated")
        .to_string();
    panic!("{path} is stale: run `scripts/generate`\n{difference}");
}
