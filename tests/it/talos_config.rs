//! Every shape of cluster makes configurations that Talos takes.

use homelab::catalog::{Catalog, Component};
use homelab::render::talos::{documents, path};
use homelab::spec::cluster::{Cluster, DiskSelector, NicSelector, SelectedComponent, VipProvider};
use serde_json::json;

use crate::support::clusters::{joined, talos};
use crate::support::{Case, Oracle, TestEnv, oracle, realparts};

pub fn tests() -> Vec<Case> {
    vec![
        Case::new(
            "every_shape_of_cluster_validates",
            every_shape_of_cluster_validates,
        )
        .parts(&["talos-oracle"]),
        Case::new(
            "talosctl_validates_rendered_files",
            talosctl_validates_rendered_files,
        )
        .parts(&["talosctl"]),
    ]
}

/// Clusters that differ in what reaches machine configurations.
fn shapes() -> Vec<(&'static str, Cluster, Catalog)> {
    let plain = || Catalog::default();
    let with = |change: fn(&mut Cluster)| {
        let mut cluster = talos();
        change(&mut cluster);
        cluster
    };
    let mut selected = talos();
    selected.components.push(SelectedComponent {
        name: "net".to_owned(),
        version: "1".to_owned(),
        chart_url: None,
        options: serde_json::Map::new(),
        values: serde_json::Map::new(),
    });
    vec![
        (
            "this repository",
            this_repository(),
            Catalog::embedded().expect("it is well formed"),
        ),
        ("plain", talos(), plain()),
        (
            "no virtual IP",
            with(|c| {
                c.control_plane.vip = None;
                "192.168.1.101".clone_into(&mut c.control_plane.endpoint.host);
            }),
            plain(),
        ),
        (
            "virtual IP of Talos",
            with(|c| {
                c.control_plane.vip.as_mut().expect("there is one").provider = VipProvider::Talos;
            }),
            plain(),
        ),
        (
            "links and disks otherwise chosen",
            with(|c| {
                for node in &mut c.nodes {
                    node.nic = NicSelector::Name("enp1s0".to_owned());
                    node.disk = DiskSelector::Wwid("naa.5002538e4084d7a1".to_owned());
                    node.labels.insert("zone".to_owned(), "attic".to_owned());
                }
            }),
            plain(),
        ),
        (
            "IPv6 only",
            with(|c| {
                c.network.nodes = "fd00:1::/64".parse().expect("a network");
                c.network.gateway = Some("fd00:1::1".parse().expect("an address"));
                c.network.nameservers = vec!["fd00:1::1".parse().expect("an address")];
                c.network.pods = vec!["fd00:42::/56".parse().expect("a network")];
                c.network.services = vec!["fd00:43::/112".parse().expect("a network")];
                let vip = c.control_plane.vip.as_mut().expect("there is one");
                vip.address = "fd00:1::100".parse().expect("an address");
                "fd00:1::100".clone_into(&mut c.control_plane.endpoint.host);
                for (index, node) in c.nodes.iter_mut().enumerate() {
                    node.address = format!("fd00:1::{}", index + 10)
                        .parse()
                        .expect("an address");
                }
            }),
            plain(),
        ),
        (
            "nothing that can be left out",
            with(|c| {
                c.network.gateway = None;
                c.network.nameservers.clear();
                c.network.time_servers.clear();
                c.control_plane.schedulable = false;
            }),
            plain(),
        ),
        (
            "the whole catalogue",
            whole_catalogue(),
            Catalog::embedded().expect("it is well formed"),
        ),
        (
            "a network plugin",
            selected,
            Catalog::new([network_plugin()]),
        ),
    ]
}

/// What `homelab.yaml` at the root of this repository describes.
fn this_repository() -> Cluster {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/homelab.yaml");
    let text = std::fs::read_to_string(file).expect("it is there");
    let catalog = Catalog::embedded().expect("it is well formed");
    homelab::spec::load("homelab.yaml", &text, &catalog)
        .cluster
        .expect("it is valid")
}

/// Every component of the catalogue; their options do not reach machines.
fn whole_catalogue() -> Cluster {
    let mut cluster = talos();
    for component in Catalog::embedded().expect("it is well formed").iter() {
        cluster.components.push(SelectedComponent {
            name: component.name.clone(),
            version: component.catalog_version().to_owned(),
            chart_url: None,
            options: serde_json::Map::new(),
            values: serde_json::Map::new(),
        });
    }
    cluster
}

/// A component that asks of machines what network plugins ask.
fn network_plugin() -> Component {
    serde_json::from_value(json!({
        "name": "net",
        "summary": "A network plugin",
        "category": "network",
        "version": "1",
        "namespace": {"name": "kube-system", "podSecurity": "privileged"},
        "nodes": {"talos": {
            "extensions": ["siderolabs/iscsi-tools"],
            "kernelArgs": ["quiet"],
            "patches": [{"machine": {"sysctls": {"net.core.bpf_jit_enable": "1"}}}],
            "controlPlanePatches": [{"cluster": {"network": {"cni": {"name": "none"}}, "proxy": {"disabled": true}}}],
        }},
    }))
    .expect("a component")
}

fn every_shape_of_cluster_validates() {
    let mut oracle = Oracle::start();
    for (shape, cluster, catalog) in shapes() {
        for node in &cluster.nodes {
            let documents = documents(&cluster, &catalog, &node.name).expect("renders");
            let text = joined(&documents);
            let question = json!({"config": text, "mode": "metal", "strict": true});
            let answer = oracle.ask("validate", question);
            assert_eq!(answer.error(), None, "{shape}, {}", node.name);
            assert_eq!(
                answer.warnings(),
                Vec::<&str>::new(),
                "{shape}, {}",
                node.name
            );
            // Nothing of ours is lost or changed when Talos stores it.
            assert_eq!(
                oracle.recode(&text),
                oracle::documents(&text),
                "{shape}, {}",
                node.name
            );
        }
    }
}

fn talosctl_validates_rendered_files() {
    let env = TestEnv::new();
    for (shape, cluster, catalog) in shapes() {
        for node in [cluster.nodes.first(), cluster.nodes.last()]
            .into_iter()
            .flatten()
        {
            let documents = documents(&cluster, &catalog, &node.name).expect("renders");
            let file = path(node);
            env.write(&file, joined(&documents));
            let run = env.program(
                realparts::program("talosctl", "talosctl"),
                [
                    "validate",
                    "--mode",
                    "metal",
                    "--strict",
                    "--config",
                    file.as_str(),
                ],
            );
            let run = run.run();
            assert_eq!(run.code, Some(0), "{shape}: {}", run.stderr);
        }
    }
}
