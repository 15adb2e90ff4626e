//! Changing a file that a person wrote: comments, order and style of everything else stay.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};
use yaml_edit::path::{PathError, YamlPath};
use yaml_edit::{Document, YamlFile};

/// A YAML text that is being edited; displays as the edited text.
pub struct Editor(YamlFile);

/// Why an edit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The text is no YAML.
    #[error("the text to edit is not valid YAML: {0}")]
    Parse(String),
    /// The text holds no document.
    #[error("the text to edit is empty")]
    Empty,
    /// The path leads nowhere.
    #[error("`{path}` cannot be set")]
    Path {
        /// The path as asked for.
        path: String,
        /// What is in its way.
        #[source]
        source: PathError,
    },
}

impl Editor {
    /// Takes a text to edit.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        YamlFile::from_str(text)
            .map(Self)
            .map_err(|error| EditError::Parse(error.to_string()))
    }

    /// Sets the value at a path of keys joined by dots.
    pub fn set(&self, path: &str, value: &Value) -> Result<(), EditError> {
        let document = self.0.documents().next().ok_or(EditError::Empty)?;
        let holder = Document::from_str(&super::emit(&json!({ "value": value })))
            .map_err(|error| EditError::Parse(error.to_string()))?;
        holder
            .try_get_path("value")
            .and_then(|node| document.try_set_path(path, node))
            .map_err(|source| EditError::Path {
                path: path.to_owned(),
                source,
            })
    }
}

impl fmt::Display for Editor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, path: &str, value: &Value) -> String {
        let editor = Editor::parse(text).expect("valid YAML");
        editor.set(path, value).expect("a path that exists");
        editor.to_string()
    }

    #[test]
    fn keeps_comments_order_and_style_of_everything_else() {
        let text = "# head\nkind: Cluster # what\nmetadata: {name: old}\nspec:\n  # why\n  b: [1,  2]\n  a: 1\n";
        assert_eq!(
            edited(text, "metadata.name", &json!("new")),
            "# head\nkind: Cluster # what\nmetadata: {name: new}\nspec:\n  # why\n  b: [1,  2]\n  a: 1\n"
        );
    }

    #[test]
    fn replaces_a_list_of_mappings() {
        let text = "spec:\n  # the machines\n  nodes:\n    - name: one\n      nic: {mac: x}\n    - name: two\n  after: true\n";
        let nodes = json!([{"name": "three", "nic": {"mac": "52:54:00:00:00:01"}}]);
        let result = edited(text, "spec.nodes", &nodes);
        assert_eq!(
            crate::yaml::parse(&result).expect("valid"),
            json!({"spec": {"nodes": nodes, "after": true}}),
            "{result}"
        );
        assert!(result.contains("  # the machines\n  nodes:\n"), "{result}");
    }
}
