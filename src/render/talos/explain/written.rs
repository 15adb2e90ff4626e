//! Which leaves follow from which value of the spec, found by changing one value after the other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::leaf::{Address, each};
use super::trace::Traced;
use crate::catalog::Catalog;
use crate::model::LeafPath;
use crate::render::talos::documents;
use crate::spec::Checked;
use crate::spec::variant::{Scalar, cluster_of, scalars, variants};
use crate::yaml::{Node as Tree, OwnedStep};

/// The leaves of a configuration.
pub(super) type Leaves = BTreeMap<Address, Value>;

/// A value of the spec, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// Where it stands.
    pub(super) scalar: Scalar,
    /// The same for people: `spec.nodes[talos-1].address`.
    pub(super) key: LeafPath,
    /// The class that it belongs to.
    pub(super) class: Option<String>,
    /// What follows from it, and in how many of a thousand experiments it does.
    pub(super) leaves: BTreeMap<Address, usize>,
}

/// Experiments with the spec of one node.
pub(super) struct Laboratory<'a> {
    pub(super) tree: &'a Tree,
    pub(super) checked: &'a Checked,
    pub(super) catalog: &'a Catalog,
    /// The node's position in the spec.
    pub(super) position: usize,
    /// What is rendered of the spec as it is.
    pub(super) leaves: &'a Leaves,
}

/// Sections of the spec that reach machines, beside the node and its class. Patches are layers of their own.
const SECTIONS: [&[&str]; 5] = [
    &["metadata"],
    &["spec", "kubernetes"],
    &["spec", "distribution"],
    &["spec", "network"],
    &["spec", "controlPlane"],
];

/// What decides which documents there are at all, so that everything would follow from it.
const DECISIONS: [&str; 3] = ["role", "class", "patches"];

impl Laboratory<'_> {
    /// Returns every value that something follows from, the narrowest effect first.
    pub(super) fn written(&self) -> Vec<Written> {
        let own = [key("spec"), key("nodes"), OwnedStep::Index(self.position)];
        let class = self.class();
        let of_class = class
            .iter()
            .map(|class| vec![key("spec"), key("classes"), key(class)]);
        let sections = SECTIONS.map(|section| section.iter().map(|step| key(step)).collect());
        let places = [own.to_vec()].into_iter().chain(of_class).chain(sections);
        let scalars = places.flat_map(|place| scalars(self.tree, &place));
        let mut written: Vec<_> = scalars
            .filter(|scalar| !scalar.way.iter().any(is_decision))
            .filter_map(|scalar| self.experiment(scalar))
            .collect();
        // Of two with effects as narrow the one of the narrower scope, which was looked at first.
        written.sort_by_key(|written| written.leaves.len());
        written
    }

    fn class(&self) -> Option<String> {
        let node = self
            .tree
            .get("spec")?
            .get("nodes")?
            .items()
            .get(self.position)?;
        Some(node.get("class")?.as_str()?.to_owned())
    }

    /// Everything that is otherwise with one of the other values; no single one need reach all of it, as a
    /// port does not reach what follows from the host before it.
    fn experiment(&self, scalar: Scalar) -> Option<Written> {
        let differences: Vec<_> = variants(self.tree, &scalar)
            .into_iter()
            .filter_map(|tree| self.difference(&tree))
            .collect();
        let tried = differences.len();
        let mut leaves: BTreeMap<_, usize> = BTreeMap::new();
        for address in differences.into_iter().flatten() {
            *leaves.entry(address).or_default() += 1;
        }
        let shares = leaves.values_mut();
        shares.for_each(|changed| *changed = *changed * 1000 / tried);
        (!leaves.is_empty()).then(|| Written {
            key: self.for_people(&scalar.way),
            class: match scalar.way.as_slice() {
                [_, OwnedStep::Key(section), OwnedStep::Key(class), ..] if section == "classes" => {
                    Some(class.clone())
                }
                _ => None,
            },
            scalar,
            leaves,
        })
    }

    /// What is otherwise when the spec is this; nothing when no cluster can be made of it.
    fn difference(&self, tree: &Tree) -> Option<Vec<Address>> {
        let Checked { source, files, .. } = self.checked;
        let cluster = cluster_of(tree, source, self.catalog, files)?;
        let node = cluster.nodes.get(self.position)?;
        let others = leaves(&documents(&cluster, self.catalog, &node.name).ok()?);
        let is_other = |(address, value): &(&Address, &Value)| others.get(*address) != Some(*value);
        let found = self.leaves.iter().filter(is_other);
        Some(found.map(|(address, _)| address.clone()).collect())
    }

    /// Names nodes by their names.
    fn for_people(&self, way: &[OwnedStep]) -> LeafPath {
        let mut path = LeafPath::default();
        let mut tree = Some(self.tree);
        for step in way {
            (path, tree) = match step {
                OwnedStep::Key(key) => (path.key(key), tree.and_then(|tree| tree.get(key))),
                OwnedStep::Index(index) => {
                    let item = tree.and_then(|tree| tree.items().get(*index));
                    let name = item.and_then(|item| item.get("name")?.as_str());
                    (path.entry(name.unwrap_or(&index.to_string())), item)
                }
            };
        }
        path
    }
}

fn key(text: &str) -> OwnedStep {
    OwnedStep::Key(text.to_owned())
}

fn is_decision(step: &OwnedStep) -> bool {
    matches!(step, OwnedStep::Key(key) if DECISIONS.contains(&key.as_str()))
}

/// Returns the leaves of documents.
pub(super) fn leaves(documents: &[Value]) -> Leaves {
    let mut traced = Traced::default();
    traced.lay(documents);
    let mut leaves = Leaves::new();
    for (document, trace) in traced.iter() {
        each(document, trace, &mut |address, value, _| {
            leaves.insert(address, value.clone());
        });
    }
    leaves
}
