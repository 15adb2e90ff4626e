//! The allow-list: what a check passes over because somebody looked at it.
//!
//! One line each in `.homelab/secrets-allow`: a code, then a pattern as in `.gitignore`, relative to the
//! repository's root. Every line names its code, so that a folder of public test keys does not hide a
//! forgotten plaintext; a line that nothing needs any more is found as well.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::finding::{Code, Finding};

/// Where the list lies in a repository.
pub const ALLOW_FILE: &str = ".homelab/secrets-allow";

/// The list.
#[derive(Debug, Default)]
pub struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    line: usize,
    code: Code,
    pattern: String,
    matcher: Gitignore,
}

/// A line that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowError {
    /// It is not a code and a pattern.
    #[error(
        "`{ALLOW_FILE}` line {line}: expected a code and a pattern, such as `private-key tests/**`"
    )]
    Form {
        /// The line, counted from 1.
        line: usize,
    },
    /// Nothing is found under this code.
    #[error(
        "`{ALLOW_FILE}` line {line}: there is no code `{code}`; the codes are {}",
        Code::ALL.map(Code::name).join(", ")
    )]
    Code {
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        code: String,
    },
}

impl AllowList {
    /// Reads a list.
    pub fn parse(text: &str) -> Result<Self, AllowError> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            entries.push(Entry::parse(line, line_number)?);
        }
        Ok(Self { entries })
    }

    /// Leaves out the findings that are allowed, and adds one for each line that was not needed. Only
    /// a check of the whole repository can tell that.
    pub fn apply(&self, findings: Vec<Finding>, scope: Scope) -> Vec<Finding> {
        let mut needed = BTreeSet::new();
        let mut kept = Vec::new();
        for finding in findings {
            match self.entry_for(&finding) {
                Some(entry) => {
                    needed.insert(entry.line);
                }
                None => kept.push(finding),
            }
        }
        if scope == Scope::Repository {
            let idle = self.entries.iter();
            let idle = idle.filter(|entry| !needed.contains(&entry.line));
            kept.extend(idle.map(Entry::unused));
        }
        kept
    }

    fn entry_for(&self, finding: &Finding) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.code == finding.code && entry.matches(&finding.file))
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Repository,
    /// Some of it.
    Part,
}

impl Entry {
    fn parse(text: &str, line: usize) -> Result<Self, AllowError> {
        let form = AllowError::Form { line };
        let Some((code, pattern)) = text.split_once(char::is_whitespace) else {
            return Err(form);
        };
        let pattern = pattern.trim();
        let unknown = || AllowError::Code {
            line,
            code: code.to_owned(),
        };
        Ok(Self {
            line,
            code: Code::from_name(code).ok_or_else(unknown)?,
            pattern: pattern.to_owned(),
            matcher: matcher(pattern).ok_or(form)?,
        })
    }

    fn matches(&self, file: &Utf8Path) -> bool {
        let found = self.matcher.matched_path_or_any_parents(file, false);
        found.is_ignore()
    }

    fn unused(&self) -> Finding {
        Finding {
            code: Code::UnusedAllowance,
            file: Utf8PathBuf::from(ALLOW_FILE),
            line: self.line,
            message: format!("nothing needs `{} {}` any more", self.code, self.pattern),
            remedy: "delete the line".to_owned(),
        }
    }
}

fn matcher(pattern: &str) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    builder.add_line(None, pattern).ok()?;
    let matcher = builder.build().ok()?;
    (!matcher.is_empty()).then_some(matcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: Code, file: &str) -> Finding {
        Finding {
            code,
            file: file.into(),
            line: 1,
            message: String::new(),
            remedy: String::new(),
        }
    }

    fn left(list: &str, scope: Scope, findings: Vec<Finding>) -> Vec<String> {
        let list = AllowList::parse(list).unwrap();
        let left = list.apply(findings, scope).into_iter();
        left.map(|it| format!("{} {}:{}", it.code, it.file, it.line))
            .collect()
    }

    #[test]
    fn only_the_named_code_in_the_named_place_is_allowed() {
        let findings = || {
            vec![
                finding(Code::PrivateKey, "tests/data/deep/a.key"),
                finding(Code::PrivateKey, "src/a.key"),
                finding(Code::Plaintext, "tests/data/a.key"),
            ]
        };
        let list = "# public keys of other projects\n\nprivate-key tests/data/\n";
        let expected = ["private-key src/a.key:1", "plaintext tests/data/a.key:1"];
        assert_eq!(left(list, Scope::Repository, findings()), expected);
        let list = "private-key *.key\nplaintext /tests/**/*.key\n";
        assert_eq!(left(list, Scope::Repository, findings()), [""; 0]);
    }

    #[test]
    fn a_line_that_nothing_needs_is_found_when_all_was_looked_at() {
        let list = "\nprivate-key tests/\n";
        let expected = ["unused-allowance .homelab/secrets-allow:2"];
        assert_eq!(left(list, Scope::Repository, Vec::new()), expected);
        assert_eq!(left(list, Scope::Part, Vec::new()), [""; 0]);
    }

    #[test]
    fn lines_that_say_nothing_are_refused() {
        let refused = |text: &str| AllowList::parse(&format!("# first\n{text}\n")).unwrap_err();
        for text in ["tests/", "private-key "] {
            assert_eq!(refused(text), AllowError::Form { line: 2 }, "{text}");
        }
        let message = refused("privat-key tests/").to_string();
        let start = "`.homelab/secrets-allow` line 2: there is no code `privat-key`; the codes are plaintext, ";
        assert!(message.starts_with(start), "{message}");
        assert!(message.contains(", private-key, "), "{message}");
    }
}
