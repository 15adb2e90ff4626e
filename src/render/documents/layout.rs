//! The repository as a tree, with a word about each folder.

use std::collections::BTreeMap;

use camino::Utf8Path;

use crate::model::FileTree;

/// What people find that is not rendered.
const OWN: [&str; 4] = ["homelab.yaml", ".sops.yaml", ".sops/", "components/"];
const DEPTH: usize = 3;

/// Returns the tree of folders.
pub(super) fn picture(name: &str, tree: &FileTree) -> String {
    let mut root = Folder::default();
    for entry in OWN {
        root.add(Utf8Path::new(entry));
    }
    for (path, _) in tree.iter() {
        match path.parent() {
            Some(folder) if !folder.as_str().is_empty() => root.add(folder),
            _ => root.add(path),
        }
    }
    // The documents themselves come last and are not in the tree yet.
    root.add(Utf8Path::new("bootstrap/vm"));
    root.add(Utf8Path::new("docs"));
    let mut lines = Vec::new();
    root.lines("", "", DEPTH, &mut lines);
    let width = lines
        .iter()
        .map(|(left, _)| left.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = format!("```\n{name}/\n");
    for (left, note) in lines {
        let line = format!("{left:width$}  {note}");
        text += line.trim_end();
        text.push('\n');
    }
    text + "```\n"
}

#[derive(Default)]
struct Folder(BTreeMap<String, Folder>);

impl Folder {
    fn add(&mut self, path: &Utf8Path) {
        let mut folder = self;
        for part in path {
            folder = folder.0.entry(part.to_owned()).or_default();
        }
    }

    fn lines(
        &self,
        path: &str,
        indent: &str,
        depth: usize,
        lines: &mut Vec<(String, &'static str)>,
    ) {
        if depth == 0 {
            return;
        }
        let last = self.0.len().saturating_sub(1);
        for (number, (name, folder)) in self.0.iter().enumerate() {
            let (branch, below) = if number == last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            let full = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}/{name}")
            };
            lines.push((format!("{indent}{branch}{name}"), note(&full)));
            folder.lines(&full, &format!("{indent}{below}"), depth - 1, lines);
        }
    }
}

fn note(path: &str) -> &'static str {
    match path {
        "homelab.yaml" => "the one file that people edit",
        ".sops.yaml" => "who may open encrypted files",
        ".sops" => "the private key, never in Git",
        "components" => "your own components, if you have any",
        ".github/workflows" => "checks on every change",
        "renovate.json5" => "finds new versions",
        "bootstrap" => "before Git takes over",
        "bootstrap/manifests" => "what is applied first, for review",
        "bootstrap/talos" => "machine configurations by hand",
        "bootstrap/vm" => "a node as a virtual machine",
        "cluster" => "what Flux reconciles",
        "cluster/apps" => "applications",
        "cluster/config" => "namespaces and settings",
        "cluster/core" => "components",
        "cluster/flux" => "where Flux starts",
        "cluster/secrets" => "encrypted secrets",
        "docs" => "this page",
        "infrastructure/talos" => "machine configurations, secrets left out",
        "scripts/sops" => "encrypt and decrypt files",
        _ => "",
    }
}
