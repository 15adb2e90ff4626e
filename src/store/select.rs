//! From what was named on a command line to files: files themselves, directories, patterns.
//!
//! In directories and patterns only what Git would take counts: `.gitignore` files are read here, with
//! or without a repository. Links found on the way are not followed, repositories within are passed over.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use globset::{GlobBuilder, GlobMatcher};
use ignore::{DirEntry, WalkBuilder};

use super::original::{is_successor, sweep};

/// What was named, as files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The files, sorted, each once.
    pub files: Vec<Selected>,
    /// Whatever could not be looked at.
    pub problems: Vec<Unseen>,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Its path, as well as it can be said; the directory that was walked where it is not known.
    pub path: Utf8PathBuf,
    /// Why, in a sentence.
    pub reason: String,
}

/// A file and why it is here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selected {
    /// Its path.
    pub path: Utf8PathBuf,
    /// Why it is here.
    pub origin: Origin,
}

/// Why a file was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Somebody named it: whatever is wrong with it is an error.
    Named,
    /// It lies in a directory or matches a pattern: what does not fit is passed over.
    Found,
}

/// Why nothing can be selected.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// A pattern is none.
    #[error("`{pattern}` is not a pattern of file names: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        problem: String,
    },
    /// A pattern matches nothing.
    #[error("no file matches `{0}`")]
    NoMatch(String),
}

/// Selects files by name: a directory stands for what is in it, `*`, `?`, `[…]`, `{…}` and `**` for
/// what they match. Names are relative to `base`.
pub fn select(base: &Utf8Path, names: &[Utf8PathBuf]) -> Result<Selection, SelectError> {
    let mut found = Found::default();
    for name in names {
        let path = named(base, name);
        if path.is_dir() {
            found.walk(&path, None);
        } else if is_pattern(name) && path.symlink_metadata().is_err() {
            let before = found.files.len();
            found.walk(
                &pattern_root(&path),
                Some(&matcher(name.as_str(), path.as_str())?),
            );
            if found.files.len() == before {
                return Err(SelectError::NoMatch(name.to_string()));
            }
        } else {
            found.add(path, Origin::Named);
        }
    }
    Ok(found.into_selection())
}

/// Returns the path of a name relative to a base, as short as it can be said.
pub fn named(base: &Utf8Path, name: &Utf8Path) -> Utf8PathBuf {
    let path = base.join(name);
    let clean: Utf8PathBuf = path
        .components()
        .filter(|component| component.as_str() != ".")
        .collect();
    if clean.as_str().is_empty() {
        Utf8PathBuf::from(".")
    } else {
        clean
    }
}

/// Files by path; one that is named and found is named.
#[derive(Default)]
struct Found {
    files: BTreeSet<Selected>,
    problems: Vec<Unseen>,
}

impl Found {
    fn add(&mut self, path: Utf8PathBuf, origin: Origin) {
        self.files.insert(Selected { path, origin });
    }

    fn walk(&mut self, directory: &Utf8Path, pattern: Option<&GlobMatcher>) {
        let mut walk = WalkBuilder::new(directory);
        walk.hidden(false)
            .ignore(false)
            .require_git(false)
            .filter_entry(|entry| entry.depth() == 0 || !is_other_repository(entry));
        for entry in walk.build() {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    self.found(&entry, pattern);
                }
                Ok(_) => {}
                Err(error) => self.problems.push(Unseen {
                    path: directory.to_owned(),
                    reason: error.to_string(),
                }),
            }
        }
    }

    fn found(&mut self, entry: &DirEntry, pattern: Option<&GlobMatcher>) {
        let Some(path) = Utf8Path::from_path(entry.path()) else {
            let path = Utf8PathBuf::from(entry.path().to_string_lossy().into_owned());
            let reason = format!("the name of `{path}` is not UTF-8; it was not looked at");
            return self.problems.push(Unseen { path, reason });
        };
        let path = path.strip_prefix(".").unwrap_or(path);
        if path.file_name().is_some_and(is_successor) {
            sweep(path);
        } else if pattern.is_none_or(|pattern| pattern.is_match(path)) {
            self.add(path.to_owned(), Origin::Found);
        }
    }

    fn into_selection(self) -> Selection {
        let mut files: Vec<Selected> = self.files.into_iter().collect();
        files.dedup_by(|next, kept| next.path == kept.path);
        Selection {
            files,
            problems: self.problems,
        }
    }
}

/// Tells whether an entry is Git's own folder, or a repository of its own.
fn is_other_repository(entry: &DirEntry) -> bool {
    entry.file_name() == ".git" || entry.path().join(".git").exists()
}

fn is_pattern(name: &Utf8Path) -> bool {
    name.as_str().contains(['*', '?', '[', '{'])
}

/// The directory that a pattern's fixed part names.
fn pattern_root(pattern: &Utf8Path) -> Utf8PathBuf {
    let fixed: Utf8PathBuf = pattern
        .components()
        .take_while(|component| !is_pattern(Utf8Path::new(component.as_str())))
        .collect();
    if fixed.as_str().is_empty() {
        Utf8PathBuf::from(".")
    } else {
        fixed
    }
}

fn matcher(name: &str, path: &str) -> Result<GlobMatcher, SelectError> {
    let glob = GlobBuilder::new(path).literal_separator(true).build();
    let glob = glob.map_err(|error| SelectError::Pattern {
        pattern: name.to_owned(),
        problem: error.kind().to_string(),
    })?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            for (name, content) in files {
                let path = folder.root().join(name);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, content).unwrap();
            }
            folder
        }

        fn root(&self) -> &Utf8Path {
            Utf8Path::from_path(self.0.path()).unwrap()
        }

        fn select(&self, names: &[&str]) -> Vec<String> {
            let names: Vec<_> = names.iter().map(Utf8PathBuf::from).collect();
            let selection = select(self.root(), &names).unwrap();
            assert_eq!(selection.problems, []);
            let files = selection.files.iter();
            files
                .map(|file| file.path.strip_prefix(self.root()).unwrap().to_string())
                .collect()
        }
    }

    #[test]
    fn directories_hold_what_git_would_take() {
        let folder = Folder::with(&[
            (".gitignore", "*.log\n/out/\n!keep.log\n"),
            ("a/.gitignore", "local*\n"),
            ("a/b.yaml", ""),
            ("a/local.yaml", ""),
            ("a/x.log", ""),
            ("a/keep.log", ""),
            ("out/y", ""),
            (".hidden/z", ""),
            (".git/config", ""),
            ("other/.git/config", ""),
            ("other/file", ""),
            ("a/.homelab-Xy12.tmp", ""),
        ]);
        let expected = [
            ".gitignore",
            ".hidden/z",
            "a/.gitignore",
            "a/b.yaml",
            "a/keep.log",
        ];
        assert_eq!(folder.select(&["."]), expected);
        assert_eq!(
            folder.select(&["a"]),
            ["a/.gitignore", "a/b.yaml", "a/keep.log"]
        );
        assert!(!folder.root().join("a/.homelab-Xy12.tmp").exists());
    }

    #[test]
    fn what_is_named_counts_even_if_git_ignores_it() {
        let folder = Folder::with(&[(".gitignore", "*\n"), ("a.yaml", ""), ("b/c.yaml", "")]);
        assert_eq!(folder.select(&["a.yaml", "."]), ["a.yaml"]);
        assert_eq!(folder.select(&["none.yaml"]), ["none.yaml"]);
    }

    #[test]
    fn patterns_match_within_directories_and_through_them() {
        let folder = Folder::with(&[
            ("a/x.sops.yaml", ""),
            ("a/b/y.sops.yaml", ""),
            ("a/b/y.txt", ""),
            ("z.sops.yaml", ""),
        ]);
        assert_eq!(folder.select(&["*.sops.yaml"]), ["z.sops.yaml"]);
        assert_eq!(
            folder.select(&["a/*/*.{sops.yaml,md}"]),
            ["a/b/y.sops.yaml"]
        );
        let all = ["a/b/y.sops.yaml", "a/x.sops.yaml", "z.sops.yaml"];
        assert_eq!(folder.select(&["**/*.sops.yaml"]), all);
    }

    #[test]
    fn patterns_that_match_nothing_are_told() {
        let folder = Folder::with(&[("[odd].yaml", "")]);
        let refused = |name: &str| select(folder.root(), &[name.into()]).unwrap_err();
        assert_eq!(refused("*.json").to_string(), "no file matches `*.json`");
        assert!(matches!(refused("a[.json"), SelectError::Pattern { .. }));
        // A file of that very name is no pattern.
        assert_eq!(folder.select(&["[odd].yaml"]), ["[odd].yaml"]);
    }
}
