//! Images of machines: installers, Kubernetes itself, and what a machine is booted with.
//!
//! They are read from the finished configuration, so that what a patch changes is listed as changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::defaults::Defaults;
use super::inventory::{Boot, Images};
use crate::catalog::Catalog;
use crate::render::RenderError;
use crate::render::talos::factory::{Media, Schematic};
use crate::render::talos::{self, Contract, has_own_network, in_older_form};
use crate::spec::cluster::{Arch, Cluster, Distribution, Node, Role};

/// Who needs what Kubernetes consists of.
const KUBERNETES: &str = "Kubernetes";

/// Lists the images of every node; returns what they are booted with.
pub(super) fn list(
    cluster: &Cluster,
    catalog: &Catalog,
    images: &mut Images,
) -> Result<Vec<Boot>, RenderError> {
    let everywhere: BTreeSet<Arch> = cluster.nodes.iter().map(|node| node.arch).collect();
    let mut boots: Vec<Boot> = Vec::new();
    for node in &cluster.nodes {
        let config = Config::new(talos::documents(cluster, catalog, &node.name)?);
        of_machine(node, &config, images);
        if node.role == Role::ControlPlane {
            of_control_plane(node, &config, images);
            of_manifests(node, &config, &everywhere, images);
        }
        let boot = boot(cluster, catalog, node)?;
        let same =
            |other: &&mut Boot| (&other.installer, other.arch) == (&boot.installer, boot.arch);
        match boots.iter_mut().find(same) {
            Some(other) => other.nodes.extend(boot.nodes),
            None => boots.push(boot),
        }
    }
    Ok(boots)
}

/// A finished configuration, read where the contract before 1.14 has its images.
struct Config {
    main: Value,
    has_own_network: bool,
    has_network_policies: bool,
}

impl Config {
    fn new(documents: Vec<Value>) -> Self {
        let policies = |document: &Value| document["kubeNetworkPoliciesEnabled"] == true;
        let has_network_policies = documents.iter().any(policies);
        let has_own_network = has_own_network(&documents);
        let older = in_older_form(Contract::V1_13, documents);
        let main = older
            .into_iter()
            .find(|document| document.get("kind").is_none())
            .unwrap_or_default();
        Self {
            has_network_policies: has_network_policies
                || main.pointer("/cluster/network/cni/flannel/kubeNetworkPoliciesEnabled")
                    == Some(&Value::Bool(true)),
            has_own_network,
            main,
        }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.main.pointer(pointer)?.as_str()
    }

    fn is(&self, pointer: &str) -> bool {
        self.main.pointer(pointer) == Some(&Value::Bool(true))
    }
}

fn of_machine(node: &Node, config: &Config, images: &mut Images) {
    if let Some(image) = config.text("/machine/install/image") {
        images.add(image, node.name.as_str(), [node.arch]);
    }
    if let Some(image) = config.text("/machine/kubelet/image") {
        images.add(image, KUBERNETES, [node.arch]);
    }
    let pause = Defaults::of(&node.version).pause();
    let image = images.add(&pause, KUBERNETES, [node.arch]);
    image.assumed_from = Defaults::stand_in(&node.version);
}

fn of_control_plane(node: &Node, config: &Config, images: &mut Images) {
    for part in ["apiServer", "controllerManager", "scheduler"] {
        if let Some(image) = config.text(&format!("/cluster/{part}/image")) {
            images.add(image, KUBERNETES, [node.arch]);
        }
    }
    let default = Defaults::of(&node.version).etcd;
    let named = config.text("/cluster/etcd/image");
    let image = images.add(named.unwrap_or(default), KUBERNETES, [node.arch]);
    if named.is_none() {
        image.assumed_from = Defaults::stand_in(&node.version);
    }
}

/// What control planes start on every node.
fn of_manifests(node: &Node, config: &Config, everywhere: &BTreeSet<Arch>, images: &mut Images) {
    let mut add = |image: &str| {
        images.add(image, KUBERNETES, everywhere.iter().copied());
    };
    if let Some(image) = config.text("/cluster/proxy/image")
        && !config.is("/cluster/proxy/disabled")
    {
        add(image);
    }
    let named = config.text("/cluster/coreDNS/image");
    if let Some(image) = named.filter(|_| !config.is("/cluster/coreDNS/disabled")) {
        add(image);
    }
    let defaults = Defaults::of(&node.version);
    let mut brought = Vec::new();
    if named.is_none() && !config.is("/cluster/coreDNS/disabled") {
        brought.push(defaults.core_dns());
    }
    if config.has_own_network {
        brought.push(defaults.flannel());
        brought.extend(
            defaults
                .network_policies()
                .filter(|_| config.has_network_policies),
        );
    }
    for image in brought {
        let image = images.add(&image, KUBERNETES, everywhere.iter().copied());
        image.assumed_from = Defaults::stand_in(&node.version);
    }
}

fn boot(cluster: &Cluster, catalog: &Catalog, node: &Node) -> Result<Boot, RenderError> {
    let Distribution::Talos(talos) = &cluster.distribution;
    let image = talos::image(cluster, catalog, node)?;
    let schematic = Schematic::new(&image);
    let id = schematic.id();
    let media = Media {
        factory: &talos.factory,
        id: &id,
        image: &image,
        version: &node.version,
        arch: node.arch,
    };
    let urls = [
        ("iso", media.iso()),
        ("pxe", media.pxe()),
        ("diskImage", media.disk_image()),
        ("uki", Some(media.uki())),
        ("kernel", Some(media.kernel())),
        ("initramfs", Some(media.initramfs())),
        ("cmdline", Some(media.cmdline())),
    ];
    let urls: BTreeMap<_, _> = urls
        .into_iter()
        .filter_map(|(what, url)| Some((what, url?)))
        .collect();
    Ok(Boot {
        nodes: vec![node.name.to_string()],
        schematic: schematic.text().to_owned(),
        factory: talos.factory.clone(),
        version: node.version.to_string(),
        arch: node.arch,
        installer: media.installer(),
        urls,
        id,
    })
}
