//! What Git tracks and what it is about to commit, asked of the user's own `git`.
//!
//! Without a repository, or without `git`, nothing is tracked.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

/// Why Git does not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be run.
    #[error("cannot run `git`")]
    Run(#[source] std::io::Error),
    /// It refuses.
    #[error("`git {command}` failed: {message}")]
    Failed {
        /// What was asked.
        command: String,
        /// What it said first.
        message: String,
    },
    /// It names something that is not UTF-8.
    #[error("`git {command}` answered with something that is not UTF-8")]
    NotText {
        /// What was asked.
        command: String,
    },
}

impl IndexError {
    /// A refusal, in the first line of what `git` said.
    pub(super) fn failed(command: &str, said: &[u8]) -> Self {
        let said = String::from_utf8_lossy(said);
        Self::Failed {
            command: command.to_owned(),
            message: said.lines().next().unwrap_or("no reason given").to_owned(),
        }
    }
}

/// Returns the top directory of the repository that a directory lies in; `None` outside of one.
pub fn top(directory: &Utf8Path) -> Option<Utf8PathBuf> {
    let text = text(directory, &["rev-parse", "--show-toplevel"]).ok()?;
    Some(Utf8PathBuf::from(text.trim_end_matches('\n')))
}

/// Returns those of the files that Git tracks, each by its name in its directory.
pub fn tracked(files: &[Utf8PathBuf]) -> Vec<Utf8PathBuf> {
    let mut folders = BTreeMap::<Utf8PathBuf, Vec<&Utf8PathBuf>>::new();
    for file in files {
        let folder = file.parent().filter(|folder| !folder.as_str().is_empty());
        let folder = folder.unwrap_or(Utf8Path::new("."));
        folders.entry(folder.to_owned()).or_default().push(file);
    }
    let mut found = Vec::new();
    for (folder, files) in folders {
        let known = all_tracked(&folder).unwrap_or_default();
        let known: BTreeSet<Utf8PathBuf> = known.into_iter().collect();
        let is_known = |file: &&&Utf8PathBuf| {
            let name = file.file_name().unwrap_or_default();
            known.contains(Utf8Path::new(name))
        };
        found.extend(files.iter().filter(is_known).map(|file| (*file).clone()));
    }
    found
}

/// Returns every file that Git tracks below a directory, relative to it.
pub fn all_tracked(directory: &Utf8Path) -> Result<Vec<Utf8PathBuf>, IndexError> {
    Ok(names(&run(directory, &["ls-files", "-z"])?))
}

/// Returns those of the files, relative to a directory, that the last commit or the next one holds,
/// whether they are there or not.
pub fn remembered(directory: &Utf8Path, files: &[&Utf8Path]) -> Vec<Utf8PathBuf> {
    let asked = |command: &[&str]| {
        let files = files.iter().map(|file| file.as_str());
        let arguments: Vec<&str> = command.iter().copied().chain(files).collect();
        // Without a repository, or before its first commit, it holds nothing.
        run(directory, &arguments).map_or_else(|_| Vec::new(), |listed| names(&listed))
    };
    let staged = asked(&["--literal-pathspecs", "ls-files", "-z", "--"]);
    let committed = asked(&["ls-tree", "-z", "--name-only", "HEAD", "--"]);
    let known: BTreeSet<Utf8PathBuf> = staged.into_iter().chain(committed).collect();
    let files = files.iter().filter(|file| known.contains(**file));
    files.map(|file| (*file).to_owned()).collect()
}

/// Returns the files that the next commit adds or changes, relative to the repository's top.
pub fn staged(directory: &Utf8Path) -> Result<Vec<Utf8PathBuf>, IndexError> {
    let arguments = [
        "diff",
        "--cached",
        "--name-only",
        "-z",
        "--diff-filter=ACMRT",
    ];
    Ok(names(&run(directory, &arguments)?))
}

/// Returns the contents of an object: `HEAD:file`, `:file` for what is staged.
pub fn content(directory: &Utf8Path, object: &str) -> Result<Vec<u8>, IndexError> {
    run(directory, &["cat-file", "blob", object])
}

/// Runs `git` and returns what it prints, as text.
pub fn text(directory: &Utf8Path, arguments: &[&str]) -> Result<String, IndexError> {
    let bytes = run(directory, arguments)?;
    String::from_utf8(bytes).map_err(|_| IndexError::NotText {
        command: arguments.join(" "),
    })
}

/// A name that is not UTF-8 is shown as well as it can be; nothing is found under it.
fn names(listed: &[u8]) -> Vec<Utf8PathBuf> {
    let names = listed.split(|byte| *byte == 0);
    let names = names.filter(|name| !name.is_empty());
    names
        .map(|name| Utf8PathBuf::from(String::from_utf8_lossy(name).into_owned()))
        .collect()
}

fn run(directory: &Utf8Path, arguments: &[&str]) -> Result<Vec<u8>, IndexError> {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(arguments)
        .output()
        .map_err(IndexError::Run)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(IndexError::failed(&arguments.join(" "), &output.stderr))
}
