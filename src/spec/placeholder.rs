//! What a preset left in a spec for its owner to replace, with the line where it stands.
//!
//! A preset is valid as it is, so `homelab validate` only warns; a real cluster minds: it would read
//! nobody's repository and send its certificates' warnings to nobody.

use serde::Serialize;

use super::code::Code;
use super::diagnostic::Diagnostic;
use crate::yaml::{self, Limits, Node, Span};

/// A value that a preset left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placeholder {
    /// Where it is in the spec, such as `spec.gitops.flux.url`.
    pub path: String,
    /// What stands there.
    pub value: String,
    /// Its line, 1-based.
    pub line: usize,
    /// Its place in the file.
    #[serde(skip)]
    pub span: Span,
}

/// Where the repository's URL is.
const GIT_URL: &str = "spec.gitops.flux.url";
/// Names that are reserved for examples (RFC 2606) and so never anybody's.
const RESERVED: &[&str] = &["example.org", "example.com", "example.net"];

impl Placeholder {
    /// Tells whether it is the Git repository's URL.
    pub fn is_git_url(&self) -> bool {
        self.path == GIT_URL
    }

    /// Words it as a finding.
    pub fn diagnostic(&self) -> Diagnostic {
        let message = format!("`{}` is still the preset's: `{}`", self.path, self.value);
        Diagnostic::new(Code::PresetValue, self.span, message)
            .label("write your own here")
            .help("`render` and `rehearse` do with it; `bootstrap` refuses to begin")
    }
}

/// Finds what a preset left, in the order of the file.
pub fn placeholders(source: &str) -> Vec<Placeholder> {
    let Some(root) = yaml::parse_node(source, &Limits::default()).node else {
        return Vec::new();
    };
    let mut found = Vec::new();
    walk(&root, "", source, &mut found);
    found
}

/// Tells whether a repository's URL is one of examples and presets.
pub fn is_placeholder_url(url: &str) -> bool {
    url.contains("/me/") || url.contains(":me/") || is_reserved(url)
}

fn walk(node: &Node, path: &str, source: &str, found: &mut Vec<Placeholder>) {
    if let Some(text) = node.as_str()
        && is_left(path, text)
    {
        found.push(Placeholder {
            path: path.to_owned(),
            value: text.to_owned(),
            line: node.span.position(source).0,
            span: node.span,
        });
    }
    for entry in node.entries() {
        let path = match path {
            "" => entry.key.clone(),
            path => format!("{path}.{}", entry.key),
        };
        walk(&entry.value, &path, source, found);
    }
    for (index, item) in node.items().iter().enumerate() {
        walk(item, &format!("{path}[{index}]"), source, found);
    }
}

fn is_left(path: &str, text: &str) -> bool {
    if path == GIT_URL {
        return is_placeholder_url(text);
    }
    let is_email = path.rsplit('.').next() == Some("email") && is_reserved(text);
    is_email || text.starts_with("CHANGE-ME")
}

fn is_reserved(text: &str) -> bool {
    RESERVED.iter().any(|name| text.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::preset::{Choices, Preset};

    #[test]
    fn a_preset_as_it_stands_names_its_repository_and_its_address() {
        let text = Preset::TalosHa.text();
        let found = placeholders(text);
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.path.as_str(), it.value.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("spec.nodes[0].disk.serial", "CHANGE-ME-1"),
                ("spec.nodes[1].disk.serial", "CHANGE-ME-2"),
                ("spec.nodes[2].disk.serial", "CHANGE-ME-3"),
                (GIT_URL, "ssh://git@github.com/me/homelab.git"),
                ("spec.components.cert-manager.email", "me@example.org"),
            ]
        );
        for it in found {
            let line = text.lines().nth(it.line - 1).expect("a line of the file");
            assert!(line.contains(&it.value), "{line}");
        }
    }

    #[test]
    fn machines_that_nobody_described_yet_are_named_and_what_was_chosen_is_not() {
        let choices = Choices {
            nodes: vec![(
                "one".parse().expect("a name"),
                "192.168.1.5".parse().expect("an address"),
            )],
            git_url: Some("ssh://git@git.lan/somebody/homelab.git".to_owned()),
            ..Choices::default()
        };
        let text = Preset::OneNode.instantiate(&choices).expect("valid");
        let told: Vec<_> = placeholders(&text).into_iter().map(|it| it.path).collect();
        assert_eq!(told, ["spec.nodes[0].disk.serial"]);
    }

    #[test]
    fn a_file_that_is_no_yaml_holds_none() {
        assert!(placeholders("{").is_empty());
    }
}
