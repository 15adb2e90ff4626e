//! The path of a value in a document: `machine.sysctls."vm.max_map_count"`, `machine.disks[0]`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One step down a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an entry of a list: its position, or what it is known by, such as `name=eth0`.
    Entry(String),
}

/// The path of a value in a document; the empty path is the document itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeafPath(Vec<Step>);

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a path such as `machine.sysctls.\"vm.max_map_count\"`, found `{0}`")]
pub struct ParseLeafPathError(String);

impl LeafPath {
    /// Returns the path one key further down.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// Returns the path of an entry of the list.
    #[must_use]
    pub fn entry(&self, entry: &str) -> Self {
        self.with(Step::Entry(entry.to_owned()))
    }

    /// Returns the path with a key before it.
    #[must_use]
    pub fn below(&self, key: &str) -> Self {
        let mut steps = vec![Step::Key(key.to_owned())];
        steps.extend(self.0.iter().cloned());
        Self(steps)
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Tells whether this is the document itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Tells whether the path is the other or below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Tells whether the path is a pattern's place or below it. A pattern is keys joined by dots;
    /// `*` stands for any key or entry.
    pub fn matches(&self, pattern: &str) -> bool {
        if pattern.is_empty() {
            return true;
        }
        let mut steps = self.0.iter();
        pattern.split('.').all(|part| match steps.next() {
            Some(Step::Key(key)) => part == "*" || part == key,
            Some(Step::Entry(_)) => part == "*",
            None => false,
        })
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || "-_/$:@%+".contains(c))
}

impl fmt::Display for LeafPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Entry(entry) => write!(f, "[{entry}]")?,
                Step::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    if is_plain(key) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Serialize for LeafPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for LeafPath {
    type Err = ParseLeafPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseLeafPathError(text.to_owned());
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (entry, after) = inside.split_once(']').ok_or_else(wrong)?;
                steps.push(Step::Entry(entry.to_owned()));
                rest = after;
                continue;
            }
            if !steps.is_empty() {
                rest = rest.strip_prefix('.').ok_or_else(wrong)?;
            }
            let (key, after) = if let Some(inside) = rest.strip_prefix('"') {
                quoted(inside).ok_or_else(wrong)?
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                (key.to_owned(), after)
            };
            if key.is_empty() && !rest.starts_with('"') {
                return Err(wrong());
            }
            steps.push(Step::Key(key));
            rest = after;
        }
        Ok(Self(steps))
    }
}

/// Reads up to the closing quotation mark; returns the text and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Some((key, &text[position + 1..])),
            '\\' => key.push(characters.next()?.1),
            other => key.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let root = LeafPath::default();
        for (path, text) in [
            (root.clone(), ""),
            (root.key("machine").key("install"), "machine.install"),
            (
                root.key("machine").key("sysctls").key("vm.max_map_count"),
                "machine.sysctls.\"vm.max_map_count\"",
            ),
            (root.key("a").entry("0").key("b"), "a[0].b"),
            (root.key("a").entry("name=eth0"), "a[name=eth0]"),
            (root.key("").key("a\"b\\c"), "\"\".\"a\\\"b\\\\c\""),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_path() {
        for text in ["a..b", ".a", "a.", "a[0", "\"a", "a[0]b", "a\"b\"c."] {
            assert!(text.parse::<LeafPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_match_the_place_and_what_is_below() {
        let path: LeafPath = "machine.registries.config.\"ghcr.io\".auth.username"
            .parse()
            .expect("a path");
        assert!(path.matches(""));
        assert!(path.matches("machine.registries.config.*.auth"));
        assert!(!path.matches("machine.registries.mirrors"));
        assert!(!path.matches("machine.registries.config.*.auth.username.more"));
    }
}
