//! The repository around the code: every dependency has a reason, every part that continuous
//! integration builds has a recipe.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::support::{Case, cases};

pub fn tests() -> Vec<Case> {
    cases![
        every_direct_dependency_has_a_reason,
        parts_of_continuous_integration_have_recipes,
        links_in_the_documentation_lead_somewhere,
    ]
}

fn read(path: &str) -> String {
    let path = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn every_direct_dependency_has_a_reason() {
    let manifests = [
        "Cargo.toml",
        "crates/sops-rs/Cargo.toml",
        "crates/talos-api/Cargo.toml",
    ];
    let used: BTreeSet<String> = manifests
        .iter()
        .flat_map(|manifest| dependencies(&read(manifest)))
        .collect();
    let explained: BTreeSet<String> = read("docs/dependencies.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .filter(|(name, _)| *name != "crate")
        .map(|(name, reason)| {
            assert!(reason.len() > 20, "`{name}` has no real reason");
            name.to_owned()
        })
        .collect();
    let missing: Vec<_> = used.difference(&explained).collect();
    let unused: Vec<_> = explained.difference(&used).collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "docs/dependencies.md lacks {missing:?} and explains {unused:?}, which nothing uses"
    );
}

/// The names in the dependency tables of a manifest (not in the workspace's, which only pins).
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.starts_with("[workspace");
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
            names.push(line[..end].to_owned());
        }
    }
    names
}

fn parts_of_continuous_integration_have_recipes() {
    let list = read("tests/realparts/ci-parts");
    let parts: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!parts.is_empty());
    for part in parts {
        read(&format!("tests/realparts/recipes/{part}/recipe"));
    }
}

fn links_in_the_documentation_lead_somewhere() {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    crate::support::env::walk(&root.join("docs"), &mut |file| pages.push(file));
    let mut named = 0;
    for page in pages.iter().filter(|page| page.extension() == Some("md")) {
        let Ok(text) = std::fs::read_to_string(page) else {
            continue;
        };
        let folder = page.parent().expect("a page lies in a folder");
        for target in relative_links(&text) {
            assert!(folder.join(&target).exists(), "{page} links to {target}");
        }
        for place in places(&text) {
            assert!(root.join(place).exists(), "{page} names {place}");
            named += 1;
        }
    }
    assert!(named > 100, "only {named} places are named");
}

/// Files and folders of the source that a page names in full, alone or as a command.
fn places(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let of_source = move |name: &&str| {
        let folders = [
            "src/", "tests/", "crates/", "scripts/", "benches/", "catalog/",
        ];
        folders.iter().any(|folder| name.starts_with(folder)) && name.chars().all(is_path)
    };
    let spans = text.split('`').skip(1).step_by(2);
    let words = spans.filter_map(|span| span.split_whitespace().next());
    words.filter(of_source)
}

/// The targets of `[text](target)` that are files, without their fragments.
fn relative_links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default().to_owned())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.contains(' '))
        .collect()
}
