//! The layers of a node's configuration, and what they come to.

use std::fmt;

use serde_json::Value;

use super::{
    Contract, TalosRenderError, base, components, forms, merge_documents, node, schematic,
};
use crate::catalog::Catalog;
use crate::model::NodeName;
use crate::render::reference::references;
use crate::spec::cluster::{Cluster, Patch, Role};

/// Documents to be merged over those of the layers before, and where they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Where the documents come from.
    pub origin: Origin,
    /// The documents, each whole or a patch.
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
        /// The line of `homelab.yaml` it stands in, 1-based.
        line: usize,
    },
}

/// For which nodes a patch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every node.
    All,
    /// The nodes of one role.
    Role(Role),
    /// One node.
    Node,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generator => f.write_str("the generated base"),
            Self::Node => f.write_str("the node's own settings"),
            Self::Component(name) => write!(f, "what component `{name}` asks of machines"),
            Self::Patch { scope, line } => {
                let nodes = match scope {
                    Scope::All => "all nodes",
                    Scope::Role(Role::ControlPlane) => "control planes",
                    Scope::Role(Role::Worker) => "workers",
                    Scope::Node => "this node",
                };
                write!(f, "the patch for {nodes} in line {line} of homelab.yaml")
            }
        }
    }
}

/// Returns the layers of a node's configuration, the widest first.
pub fn layers(
    cluster: &Cluster,
    catalog: &Catalog,
    name: &NodeName,
) -> Result<Vec<Layer>, TalosRenderError> {
    let node = cluster
        .node(name.as_str())
        .ok_or_else(|| TalosRenderError::UnknownNode(name.clone()))?;
    let contract = Contract::try_from(&node.version)?;
    let image =
        schematic::installer_image(&components::schematic(cluster, catalog)?, &node.version);
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
    let by_role = match node.role {
        Role::ControlPlane => &cluster.patches.control_plane,
        Role::Worker => &cluster.patches.worker,
    };
    layers.extend(patches(Scope::All, &cluster.patches.all));
    layers.extend(patches(Scope::Role(node.role), by_role));
    layers.extend(patches(Scope::Node, &node.patches));
    Ok(layers)
}

fn patches(scope: Scope, patches: &[Patch]) -> impl Iterator<Item = Layer> {
    patches.iter().map(move |patch| Layer {
        origin: Origin::Patch {
            scope,
            line: patch.line,
        },
        documents: vec![patch.content.clone()],
    })
}

/// Returns a node's configuration: its layers, merged by Talos' rules, with references in place
/// of key material.
pub fn documents(
    cluster: &Cluster,
    catalog: &Catalog,
    name: &NodeName,
) -> Result<Vec<Value>, TalosRenderError> {
    let mut documents = Vec::new();
    for layer in layers(cluster, catalog, name)? {
        references(&layer.documents).map_err(|source| TalosRenderError::Reference {
            origin: layer.origin.clone(),
            source,
        })?;
        documents = merge_documents(documents, &layer.documents).map_err(|source| {
            TalosRenderError::Merge {
                node: name.clone(),
                origin: layer.origin,
                source,
            }
        })?;
    }
    Ok(documents)
}
