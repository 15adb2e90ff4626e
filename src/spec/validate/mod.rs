//! From what people wrote to a valid [`Cluster`]: values parsed, defaults filled in, everything
//! checked across sections.
//!
//! Each check adds to [`Findings`] and none stops another; a part that cannot be made is absent,
//! and then a finding says why.

mod accept;
mod addresses;
mod age_recipient;
mod architectures;
mod capabilities;
mod components;
mod control_plane;
mod disks;
mod distribution;
mod findings;
mod flux_skew;
mod gitops;
mod image_names;
mod images;
mod labels;
mod links;
mod machine;
mod memory;
pub(super) mod missing_secrets;
mod names;
mod network;
mod networks;
mod nodes;
mod not_yet;
mod options;
mod order;
mod patches;
mod registries;
mod releases;
mod secrets;

pub(super) use accept::{Subject, accept};
pub(super) use findings::Findings;

use super::cluster::Cluster;
use super::patch_files::PatchFiles;
use super::raw::RawFile;
use super::structure::LostKey;
use crate::catalog::Catalog;
use crate::yaml::{Node, Span};

/// What the checks look things up in.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The text, for line numbers.
    pub(super) source: &'a str,
    /// The whole tree, for the places of keys.
    pub(super) root: &'a Node,
    /// Keys that were written and are not in the tree.
    pub(super) lost: &'a [LostKey],
    /// The components that this build knows.
    pub(super) catalog: &'a Catalog,
    /// The files of patches.
    pub(super) patch_files: &'a PatchFiles,
}

/// Checks a file whose structure was already checked; returns the cluster when all its parts
/// could be made.
pub(super) fn validate(
    raw: &RawFile,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> Option<Cluster> {
    let name = raw
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.name.as_ref());
    let name = name.and_then(|name| names::host_name(name, "the cluster's name", findings));
    let spec = raw.spec.as_ref()?;
    let kubernetes = spec
        .kubernetes
        .as_ref()
        .and_then(|kubernetes| kubernetes.version.as_ref());
    let kubernetes = kubernetes.and_then(|version| findings.parsed(version));
    let distribution = distribution::distribution(spec, kubernetes.as_ref(), scope, findings);
    let network = network::network(spec, findings);
    let nodes = nodes::nodes(spec, distribution.as_ref(), scope, findings);
    names::check(spec, findings);
    disks::check(spec, findings);
    images::check(spec, findings);
    labels::check(spec, findings);
    memory::check(spec, findings);
    addresses::check(spec, findings);
    let patches = patches::patches(spec, scope, findings);
    let control_plane = control_plane::control_plane(spec, scope, findings);
    let gitops = gitops::gitops(spec, findings);
    let secrets = secrets::secrets(spec, scope, findings);
    let components = components::selection(components::Section::Components, scope, findings);
    let apps = components::selection(components::Section::Apps, scope, findings);
    let (components, apps) = order::ordered(components, apps, scope, findings);
    capabilities::check(spec, &components, &apps, &patches, scope, findings);
    flux_skew::check(&components, kubernetes.as_ref(), scope, findings);
    architectures::check(spec, scope, findings);
    not_yet::check(spec, scope, findings);
    Some(Cluster {
        name: name?,
        kubernetes: kubernetes?,
        distribution: distribution?,
        network: network?,
        control_plane: control_plane?,
        nodes: nodes?,
        patches,
        secrets,
        gitops: gitops?,
        components,
        apps,
    })
}

impl Scope<'_> {
    /// Tells whether a key of a mapping is absent only because what was written is wrong.
    fn lost(self, name: &str, mapping: Span) -> bool {
        self.lost.iter().any(|lost| lost.may_be(name, mapping))
    }

    /// Returns the place of the whole node whose name stands at `name`.
    fn node(self, name: Span) -> Span {
        let nodes = self.root.get("spec").and_then(|spec| spec.get("nodes"));
        let mut items = nodes
            .into_iter()
            .flat_map(Node::items)
            .map(|node| node.span);
        let around = |span: &Span| span.start <= name.start && name.end <= span.end;
        items.find(around).unwrap_or_default()
    }

    /// Returns the place of the Kubernetes version.
    fn kubernetes_version(self) -> Option<Span> {
        let spec = self.root.get("spec")?;
        Some(spec.get("kubernetes")?.get("version")?.span)
    }

    /// Returns the place of a key below `spec`, or the nearest one above it that is there.
    fn key(self, path: &[&str]) -> Span {
        let mut place = Span::new(0, 0);
        let mut node = self.root;
        for name in ["spec"].iter().chain(path) {
            let Some(entry) = node.entry(name) else { break };
            place = entry.key_span;
            node = &entry.value;
        }
        place
    }
}
