//! The sources of leaves, and how each leaf gets its own.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::leaf::{Address, Leaf, each};
use super::patch_place;
use super::trace::Traced;
use super::written::{Laboratory, Leaves, Written, leaves};
use crate::catalog::Catalog;
use crate::model::{LeafPath, NodeName};
use crate::render::hidden::shown;
use crate::render::talos::layers::{lay, layers, patches};
use crate::render::talos::{Contract, Origin, TalosRenderError};
use crate::spec::Checked;
use crate::spec::cluster::{Cluster, Node, Patch};
use crate::yaml::{self, Limits, Node as Tree, Span};

/// Where a leaf comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Source {
    /// Talos' own generator writes it for every cluster.
    Generator {
        /// Under which contract.
        contract: String,
    },
    /// It is written for every machine, whatever the spec says.
    Machine,
    /// A value of the spec.
    Spec {
        /// Which.
        key: LeafPath,
        /// Where it stands.
        #[serde(flatten)]
        place: Place,
    },
    /// A value of a class.
    Class {
        /// The class.
        class: String,
        /// Which value.
        key: LeafPath,
        /// Where it stands.
        #[serde(flatten)]
        place: Place,
    },
    /// What a component asks of machines.
    Component {
        /// The component.
        component: String,
        /// Where it was chosen, when it was written.
        #[serde(flatten)]
        place: Option<Place>,
    },
    /// The owner's own change.
    Patch {
        /// For which nodes it is.
        scope: String,
        /// Where it stands.
        #[serde(flatten)]
        place: Place,
    },
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, relative to the repository's root.
    pub file: Utf8PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

/// Returns every leaf of a node's configuration with its source, in the order of the configuration.
pub fn explain(
    checked: &Checked,
    catalog: &Catalog,
    name: &NodeName,
) -> Result<Vec<Leaf>, TalosRenderError> {
    let unknown = || TalosRenderError::UnknownNode(name.clone());
    let cluster = checked.cluster.as_ref().ok_or_else(unknown)?;
    let position = cluster.nodes.iter().position(|node| node.name == *name);
    let position = position.ok_or_else(unknown)?;
    let layers = layers(cluster, catalog, name)?;
    let origins: Vec<_> = layers.iter().map(|layer| layer.origin.clone()).collect();
    let mut traced = Traced::default();
    let documents = lay(name, layers, |documents| traced.lay(documents))?;
    let tree = yaml::parse_node(&checked.source, &Limits::default()).node;
    let tree = tree.unwrap_or_default();
    let attribution = Attribution {
        checked,
        cluster,
        node: cluster.nodes.get(position).ok_or_else(unknown)?,
        origins: &origins,
        written: written(&tree, checked, catalog, position, &leaves(&documents)),
        tree: &tree,
    };
    let mut found = Vec::new();
    for (document, trace) in traced.iter() {
        each(document, trace, &mut |address, value, layer| {
            found.push(Leaf {
                source: attribution.source(&address, value, layer),
                value: shown(&address.path, value),
                address,
            });
        });
    }
    Ok(found)
}

fn written(
    tree: &Tree,
    checked: &Checked,
    catalog: &Catalog,
    position: usize,
    leaves: &Leaves,
) -> Vec<Written> {
    let laboratory = Laboratory {
        tree,
        checked,
        catalog,
        position,
        leaves,
    };
    laboratory.written()
}

/// What is known about the layers and the spec.
struct Attribution<'a> {
    checked: &'a Checked,
    cluster: &'a Cluster,
    node: &'a Node,
    origins: &'a [Origin],
    written: Vec<Written>,
    tree: &'a Tree,
}

impl Attribution<'_> {
    fn source(&self, address: &Address, value: &serde_json::Value, layer: usize) -> Source {
        match self.origins.get(layer) {
            Some(Origin::Component(component)) => Source::Component {
                component: component.clone(),
                place: self.chosen(component).map(|span| self.place(None, span)),
            },
            Some(Origin::Patch { scope, .. }) => match self.patch(layer) {
                Some(patch) => Source::Patch {
                    scope: scope.to_string(),
                    place: self.place(
                        patch.file.as_deref(),
                        patch_place::find(patch, &address.path, value),
                    ),
                },
                None => Source::Machine,
            },
            origin => self.behind(address).unwrap_or_else(|| match origin {
                Some(Origin::Generator) => Source::Generator {
                    contract: Contract::try_from(&self.node.version)
                        .map_or_else(|_| String::new(), |contract| contract.to_string()),
                },
                _ => Source::Machine,
            }),
        }
    }

    /// The value from which it follows the most often, and of those the one with the narrowest effect: two
    /// values may get into one another's way.
    fn behind(&self, address: &Address) -> Option<Source> {
        let share = |written: &&Written| written.leaves.get(address).copied().unwrap_or_default();
        let most = self.written.iter().map(|written| share(&written)).max();
        let most = most.filter(|most| *most > 0)?;
        let written = self.written.iter().find(|written| share(written) == most)?;
        let place = self.place(None, written.scalar.span);
        let key = written.key.clone();
        Some(match written.class.clone() {
            Some(class) => Source::Class { class, key, place },
            None => Source::Spec { key, place },
        })
    }

    /// Patches are the last layers.
    fn patch(&self, layer: usize) -> Option<&Patch> {
        let is_patch = |origin: &Origin| matches!(origin, Origin::Patch { .. });
        let first = self.origins.iter().position(is_patch)?;
        let (_, patch) = patches(self.cluster, self.node).nth(layer.checked_sub(first)?)?;
        Some(patch)
    }

    /// Where a component was chosen.
    fn chosen(&self, component: &str) -> Option<Span> {
        let spec = self.tree.get("spec")?;
        let sections = ["components", "apps"].into_iter();
        let mut entries = sections.filter_map(|section| spec.get(section)?.entry(component));
        Some(entries.next()?.key_span)
    }

    fn place(&self, file: Option<&Utf8Path>, span: Span) -> Place {
        let texts: &BTreeMap<_, _> = &self.checked.files;
        let text = match file {
            Some(file) => texts.get(file).map_or("", String::as_str),
            None => &self.checked.source,
        };
        let (line, column) = span.position(text);
        Place {
            file: file.map_or_else(
                || self.checked.source_name.clone().into(),
                Utf8Path::to_owned,
            ),
            line,
            column,
        }
    }
}
