//! The files of machine configurations in a repository.

use camino::Utf8PathBuf;

use super::TalosRenderError;
use super::layers::documents_of;
use crate::catalog::Catalog;
use crate::model::FileTree;
use crate::render::marker::SENTENCE;
use crate::spec::cluster::{Cluster, Node, Role};
use crate::yaml;

const SECOND_LINE: &str = "Key material is left out: `homelab nodes config` prints the whole, joined with the secrets bundle.";

/// The folder of machine configurations in a repository.
pub const FOLDER: &str = "infrastructure/talos";

/// Returns where a node's configuration lies in a repository.
pub fn path(node: &Node) -> Utf8PathBuf {
    let role = match node.role {
        Role::ControlPlane => "controlplane",
        Role::Worker => "worker",
    };
    format!("{FOLDER}/{role}/{}.yaml", node.name).into()
}

/// Renders the configuration of every node.
pub fn render(cluster: &Cluster, catalog: &Catalog) -> Result<FileTree, TalosRenderError> {
    let mut tree = FileTree::default();
    for node in &cluster.nodes {
        let documents = documents_of(cluster, catalog, node)?;
        let content = yaml::emit_documents(&documents);
        let text = format!("# {SENTENCE}\n# {SECOND_LINE}\n{content}");
        tree.add(path(node), text);
    }
    Ok(tree)
}
