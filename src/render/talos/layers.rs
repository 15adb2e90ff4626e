//! The layers of a node's configuration, and what they come to.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::{Contract, TalosRenderError, base, components, factory, forms, node, patch_documents};
use crate::catalog::Catalog;
use crate::model::NodeName;
use crate::render::reference::references;
use crate::spec::cluster::{Cluster, Distribution, Node, Patch, Role};

/// What changes the documents of the layers before, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Where the documents come from.
    pub origin: Origin,
    /// Documents to be merged, each whole or a patch; a list among them is one of operations (RFC 6902).
    pub documents: Vec<Value>,
}

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Talos' own generator, told what the spec says about the whole cluster.
    Generator,
    /// What the spec says about the node.
    Node,
    /// What a component asks of machines.
    Component(String),
    /// The owner's own change.
    Patch {
        /// For which nodes it is.
        scope: Scope,
        /// The file it stands in; `homelab.yaml` when there is none.
        file: Option<Utf8PathBuf>,
        /// The line of that file, 1-based.
        line: usize,
    },
}

/// For which nodes a patch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every node.
    All,
    /// The nodes of one role.
    Role(Role),
    /// The nodes of a class.
    Class(String),
    /// One node.
    Node,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generator => f.write_str("the generated base"),
            Self::Node => f.write_str("the node's own settings"),
            Self::Component(name) => write!(f, "what component `{name}` asks of machines"),
            Self::Patch { scope, file, line } => {
                let file = file.as_deref().map_or("homelab.yaml", Utf8Path::as_str);
                write!(f, "the patch for {scope} in line {line} of {file}")
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all nodes"),
            Self::Role(Role::ControlPlane) => f.write_str("control planes"),
            Self::Role(Role::Worker) => f.write_str("workers"),
            Self::Class(name) => write!(f, "class `{name}`"),
            Self::Node => f.write_str("this node"),
        }
    }
}

/// Returns the layers of a node's configuration, the widest first.
pub fn layers(
    cluster: &Cluster,
    catalog: &Catalog,
    name: &NodeName,
) -> Result<Vec<Layer>, TalosRenderError> {
    layers_of(cluster, catalog, named(cluster, name)?)
}

fn named<'a>(cluster: &'a Cluster, name: &NodeName) -> Result<&'a Node, TalosRenderError> {
    let node = cluster.node(name.as_str());
    node.ok_or_else(|| TalosRenderError::UnknownNode(name.clone()))
}

fn layers_of(
    cluster: &Cluster,
    catalog: &Catalog,
    node: &Node,
) -> Result<Vec<Layer>, TalosRenderError> {
    let contract = Contract::try_from(&node.version)?;
    let Distribution::Talos(talos) = &cluster.distribution;
    let image = components::image(cluster, catalog, node)?;
    let image = factory::installer(&talos.factory, &image, &node.version);
    let options = base::Options::new(cluster, node, image.clone());
    let mut layers = vec![
        Layer {
            origin: Origin::Generator,
            documents: base::generate(contract, &options),
        },
        Layer {
            origin: Origin::Node,
            documents: node::documents(contract, cluster, node, &image),
        },
    ];
    for (component, documents) in components::patches(cluster, catalog, node.role)? {
        let origin = Origin::Component(component.to_owned());
        let documents = forms::adapted(contract, documents);
        layers.push(Layer { origin, documents });
    }
    layers.extend(patches(cluster, node).map(|(scope, patch)| patch_layer(scope, patch)));
    Ok(layers)
}

/// The owner's patches for a node, the widest first.
pub(super) fn patches<'a>(
    cluster: &'a Cluster,
    node: &'a Node,
) -> impl Iterator<Item = (Scope, &'a Patch)> {
    let by_role = match node.role {
        Role::ControlPlane => &cluster.patches.control_plane,
        Role::Worker => &cluster.patches.worker,
    };
    let of = |scope: Scope| move |patch| (scope.clone(), patch);
    let own = node.patches.iter().map(|patch| match &patch.class {
        Some(class) => (Scope::Class(class.clone()), patch),
        None => (Scope::Node, patch),
    });
    let all = cluster.patches.all.iter().map(of(Scope::All));
    all.chain(by_role.iter().map(of(Scope::Role(node.role))))
        .chain(own)
}

fn patch_layer(scope: Scope, patch: &Patch) -> Layer {
    Layer {
        origin: Origin::Patch {
            scope,
            file: patch.file.clone(),
            line: patch.line,
        },
        documents: vec![patch.content.clone()],
    }
}

/// Returns a node's configuration: its layers, merged by Talos' rules, with references in place
/// of key material.
pub fn documents(
    cluster: &Cluster,
    catalog: &Catalog,
    name: &NodeName,
) -> Result<Vec<Value>, TalosRenderError> {
    documents_of(cluster, catalog, named(cluster, name)?)
}

/// Returns the configuration of a node of the cluster.
pub(super) fn documents_of(
    cluster: &Cluster,
    catalog: &Catalog,
    node: &Node,
) -> Result<Vec<Value>, TalosRenderError> {
    lay(&node.name, layers_of(cluster, catalog, node)?, |_| ())
}

/// Lays the layers over one another; `after_each` sees what stands after each.
pub(super) fn lay(
    name: &NodeName,
    layers: Vec<Layer>,
    mut after_each: impl FnMut(&[Value]),
) -> Result<Vec<Value>, TalosRenderError> {
    let mut documents = Vec::new();
    for layer in layers {
        references(&layer.documents).map_err(|source| TalosRenderError::Reference {
            origin: layer.origin.clone(),
            source,
        })?;
        for patch in &layer.documents {
            documents =
                patch_documents(documents, patch).map_err(|source| TalosRenderError::Patch {
                    node: name.clone(),
                    origin: layer.origin.clone(),
                    source,
                })?;
        }
        after_each(&documents);
    }
    Ok(documents)
}
