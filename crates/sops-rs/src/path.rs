//! Where in a tree a value stands, for messages.

use std::fmt;

/// The place of a value: the document, then keys and positions.
///
/// Its text is `stringData.password`, `users[2].name`, or `document 2: kind` where a file has
/// several documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValuePath {
    document: usize,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl ValuePath {
    /// The root of a document, counted from 0.
    pub(crate) fn document(index: usize) -> Self {
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
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_bare(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::ValuePath;

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
}
