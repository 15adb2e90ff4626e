//! The generated base of machine configurations equals what Talos' own generator makes.

use homelab::catalog::Catalog;
use homelab::model::Version;
use homelab::pki::SecretsBundle;
use homelab::render::talos::layers;
use homelab::spec::cluster::{Cluster, DiskSelector, Distribution};
use serde_json::{Value, json};

use crate::support::clusters::{self, joined, talos};
use crate::support::{Case, Oracle, oracle};

pub fn tests() -> Vec<Case> {
    let case = |name, body: fn()| Case::new(name, body).parts(&["talos-oracle"]);
    vec![case(
        "generated_base_equals_the_real_one",
        generated_base_equals_the_real_one,
    )]
}

/// Sets of options, every combination of which is generated.
fn option_sets() -> Vec<Cluster> {
    let endpoints = ["192.168.1.100", "api.homelab.local", "fd00::100"];
    let vips = [None, Some("192.168.1.100"), Some("192.168.1.99")];
    let domains = ["cluster.local", "k8s.example.org"];
    let subnets = [
        (vec!["10.244.0.0/16"], vec!["10.96.0.0/12"]),
        (
            vec!["10.42.0.0/16", "fd00:42::/56"],
            vec!["10.43.0.0/16", "fd00:43::/112"],
        ),
    ];
    let disks = [None, Some("/dev/nvme0n1")];
    let images = [vec![], vec!["siderolabs/iscsi-tools".to_owned()]];
    let versions = [Version::new(1, 36, 4), Version::new(1, 35, 0)];
    let mut sets = Vec::new();
    for (endpoint, vip, domain) in product3(&endpoints, &vips, &domains) {
        for ((pods, services), disk, extensions) in product3(&subnets, &disks, &images) {
            for (version, schedulable) in product2(&versions, &[true, false]) {
                let mut cluster = talos();
                (*endpoint).clone_into(&mut cluster.control_plane.endpoint.host);
                let mut announced = cluster.control_plane.vip.take().expect("there is one");
                cluster.control_plane.vip = vip.map(|address| {
                    announced.address = address.parse().expect("an address");
                    announced
                });
                cluster.control_plane.schedulable = *schedulable;
                (*domain).clone_into(&mut cluster.network.cluster_domain);
                cluster.network.pods = pods
                    .iter()
                    .map(|net| net.parse().expect("a network"))
                    .collect();
                cluster.network.services = services
                    .iter()
                    .map(|net| net.parse().expect("a network"))
                    .collect();
                for node in &mut cluster.nodes {
                    if let Some(disk) = disk {
                        node.disk = DiskSelector::Path((*disk).to_owned());
                    }
                }
                let Distribution::Talos(talos) = &mut cluster.distribution;
                talos.extensions.clone_from(extensions);
                cluster.kubernetes = version.clone();
                sets.push(cluster);
            }
        }
    }
    sets
}

fn product2<'a, A, B>(a: &'a [A], b: &'a [B]) -> Vec<(&'a A, &'a B)> {
    a.iter()
        .flat_map(|a| b.iter().map(move |b| (a, b)))
        .collect()
}

fn product3<'a, A, B, C>(a: &'a [A], b: &'a [B], c: &'a [C]) -> Vec<(&'a A, &'a B, &'a C)> {
    let pairs = product2(a, b);
    pairs
        .into_iter()
        .flat_map(|(a, b)| c.iter().map(move |c| (a, b, c)))
        .collect()
}

fn generated_base_equals_the_real_one() {
    let mut oracle = Oracle::start();
    let sets = option_sets();
    assert_eq!(sets.len(), 576);
    for cluster in sets {
        let answer = oracle.ask("config", real_generator_options(&cluster));
        for (node, file) in [
            ("talos-1", "controlplane.yaml"),
            ("worker-1", "worker.yaml"),
        ] {
            let mut real = oracle::documents(answer.file(file));
            if let DiskSelector::Serial(_) = cluster.nodes[0].disk {
                // The generator always names a disk; a selector is particular to the node.
                real[0]["machine"]["install"]
                    .as_object_mut()
                    .expect("a mapping")
                    .remove("disk");
            }
            let name = clusters::name(node);
            let layers = layers(&cluster, &Catalog::default(), &name).expect("renders");
            let ours = oracle::documents(&joined(&layers[0].documents));
            assert_eq!(ours, real, "{cluster:?}");
        }
    }
}

/// The same wishes in the words of `talosctl gen config`; what it has no flag for goes in as patches.
fn real_generator_options(cluster: &Cluster) -> Value {
    let host = &cluster.control_plane.endpoint.host;
    let bracketed = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let mut sans = vec![host.clone()];
    if let Some(vip) = &cluster.control_plane.vip {
        let address = vip.address.to_string();
        if !sans.contains(&address) {
            sans.push(address);
        }
    }
    let Distribution::Talos(talos) = &cluster.distribution;
    let schematic = match talos.extensions.as_slice() {
        [] => "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba",
        _ => "c9078f9419961640c712a8bf2bb9174933dfcf1da383fd8ea2b7dc21493f8bac",
    };
    let subnets = json!({"cluster": {"network": {
        "podSubnets": cluster.network.pods,
        "serviceSubnets": cluster.network.services,
    }}});
    let scheduling = json!({"cluster": {"allowSchedulingOnControlPlanes": true}});
    let disk = match &cluster.nodes[0].disk {
        DiskSelector::Path(path) => path.as_str(),
        _ => "/dev/sda",
    };
    json!({
        "secrets": SecretsBundle::throwaway().to_yaml().expose(),
        "cluster": cluster.name.as_str(),
        "endpoint": format!("https://{bracketed}:6443"),
        "contract": "v1.13",
        "kubernetes": cluster.kubernetes.bare(),
        "sans": sans,
        "dns_domain": cluster.network.cluster_domain,
        "disk": disk,
        "image": format!("factory.talos.dev/metal-installer/{schematic}:v1.13.9"),
        "patches": [format!("{subnets}\n")],
        "patches_control_plane": if cluster.control_plane.schedulable { vec![format!("{scheduling}\n")] } else { vec![] },
    })
}
