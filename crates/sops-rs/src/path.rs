//! Where a value stands in a file: for messages, and for those who ask for one value.

use std::fmt;
use std::str::FromStr;

/// The place of a value: the document, then keys and positions.
///
/// Its text is `stringData.password`, `users[2].name`, or `document 2: kind` where a file has
/// several documents. It is read from that, and from the notation of `sops`, which knows no
/// escapes: a quoted key ends at the first quote that a bracket follows.
///
/// ```
/// use sops_rs::ValuePath;
///
/// let path: ValuePath = r#"["users"][2]["full name"]"#.parse()?;
/// assert_eq!(path.to_string(), r#"users[2]["full name"]"#);
/// assert_eq!(path, r#"users[2]["full name"]"#.parse()?);
/// # Ok::<(), sops_rs::PathError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValuePath {
    document: usize,
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a mapping.
    Key(String),
    /// Into a list, counted from 0; comments do not count.
    Index(usize),
}

/// A text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a path: {problem}")]
pub struct PathError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl ValuePath {
    /// The root of a document, counted from 0.
    pub fn document(index: usize) -> Self {
        Self {
            document: index,
            steps: Vec::new(),
        }
    }

    pub(crate) fn push_key(&mut self, key: &str) {
        self.steps.push(Step::Key(key.to_owned()));
    }

    pub(crate) fn push_index(&mut self, index: usize) {
        self.steps.push(Step::Index(index));
    }

    pub(crate) fn pop(&mut self) {
        self.steps.pop();
    }

    /// Returns the number of the document in its file, counted from 0.
    pub fn document_index(&self) -> usize {
        self.document
    }

    /// Returns the steps from the document's root.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the path of something inside.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.steps.push(step);
        path
    }

    /// Returns the path without its last step, and that step; `None` at the root.
    pub fn split_last(&self) -> Option<(Self, &Step)> {
        let (last, steps) = self.steps.split_last()?;
        let steps = steps.to_vec();
        let document = self.document;
        Some((Self { document, steps }, last))
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.document > 0 {
            write!(f, "document {}: ", self.document + 1)?;
        }
        if self.steps.is_empty() {
            return f.write_str("(top level)");
        }
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_bare(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(f, "{dot}{key}")?;
                }
                Step::Key(key) if key.chars().any(char::is_control) => write!(f, "[{key:?}]")?,
                Step::Key(key) if key.contains("\"]") => write!(f, "['{key}']")?,
                Step::Key(key) => write!(f, "[\"{key}\"]")?,
            }
        }
        Ok(())
    }
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_bare_char)
}

fn is_bare_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

impl FromStr for ValuePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        read(text).map_err(|problem| PathError {
            text: text.to_owned(),
            problem,
        })
    }
}

fn read(text: &str) -> Result<ValuePath, &'static str> {
    let (document, mut rest) = read_document(text.trim())?;
    let mut path = ValuePath::document(document);
    if rest.is_empty() || rest == "(top level)" {
        return Ok(path);
    }
    let mut first = true;
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => read_bracket(inside)?,
            None => read_bare(rest, first)?,
        };
        path.steps.push(step);
        rest = after;
        first = false;
    }
    Ok(path)
}

/// The `document 2: ` that a path may start with.
fn read_document(text: &str) -> Result<(usize, &str), &'static str> {
    let Some((number, rest)) = text
        .strip_prefix("document ")
        .and_then(|rest| rest.split_once(':'))
    else {
        return Ok((0, text));
    };
    let number: usize = number
        .trim()
        .parse()
        .map_err(|_| "the number of the document is none")?;
    let index = number
        .checked_sub(1)
        .ok_or("documents are counted from 1")?;
    Ok((index, rest.trim_start()))
}

fn read_bracket(inside: &str) -> Result<(Step, &str), &'static str> {
    for (quote, end) in [('"', "\"]"), ('\'', "']")] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (key, rest) = quoted.split_once(end).ok_or("a quoted key is not closed")?;
            return Ok((Step::Key(key.to_owned()), rest));
        }
    }
    let (index, rest) = inside.split_once(']').ok_or("a bracket is not closed")?;
    let index = index
        .parse()
        .map_err(|_| "expected a quoted key or a number in brackets")?;
    Ok((Step::Index(index), rest))
}

fn read_bare(text: &str, first: bool) -> Result<(Step, &str), &'static str> {
    let text = match text.strip_prefix('.') {
        Some(after) if !first => after,
        None if first => text,
        _ => return Err("expected `.key` or `[…]`"),
    };
    let end = text.find(|c| !is_bare_char(c)).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if key.is_empty() {
        return Err(
            "a key with other characters than letters, digits, `_` and `-` must be quoted: `[\"a.b\"]`",
        );
    }
    Ok((Step::Key(key.to_owned()), rest))
}

#[cfg(test)]
mod tests {
    use super::{Step, ValuePath};

    #[test]
    fn reads_like_a_person_would_write_it() {
        let mut path = ValuePath::document(0);
        assert_eq!(path.to_string(), "(top level)");
        path.push_key("users");
        path.push_index(2);
        path.push_key("full-name");
        assert_eq!(path.to_string(), "users[2].full-name");
        path.push_key("a.b c");
        assert_eq!(path.to_string(), "users[2].full-name[\"a.b c\"]");

        let mut second = ValuePath::document(1);
        second.push_key("kind");
        assert_eq!(second.to_string(), "document 2: kind");
    }

    #[test]
    fn is_read_from_both_notations() {
        let parsed = |text: &str| text.parse::<ValuePath>().unwrap();
        let key = |key: &str| Step::Key(key.to_owned());
        assert_eq!(
            parsed(r#"["a"]['b.c'][0]"#).steps(),
            [key("a"), key("b.c"), Step::Index(0)]
        );
        assert_eq!(parsed("a.b-c[0].d"), parsed(r#"["a"]["b-c"][0]["d"]"#));
        assert_eq!(parsed(r#"["a\"]["b"]"#).steps(), [key("a\\"), key("b")]);
        for text in ["", "document 3: a.b", r#"a["x.y"][1]"#, r#"['a"]b'].c"#] {
            assert_eq!(parsed(&parsed(text).to_string()), parsed(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_says_why() {
        let problem = |text: &str| text.parse::<ValuePath>().unwrap_err().to_string();
        assert_eq!(
            problem("[a]"),
            "`[a]` is not a path: expected a quoted key or a number in brackets"
        );
        assert_eq!(
            problem(r#"["a"#),
            r#"`["a` is not a path: a quoted key is not closed"#
        );
        assert_eq!(
            problem("a[0]b"),
            "`a[0]b` is not a path: expected `.key` or `[…]`"
        );
        assert_eq!(
            problem("document 0: a"),
            "`document 0: a` is not a path: documents are counted from 1"
        );
        assert!(problem("a..b").contains("must be quoted"));
    }
}
