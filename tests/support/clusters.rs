//! Valid clusters made by hand, for tests below the specification.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use homelab::model::{NodeName, Version};
use homelab::pki::SecretsBundle;
use homelab::render::reference::join;
use homelab::spec::cluster::{
    Arch, Cluster, ControlPlane, DiskSelector, Distribution, Endpoint, Flux, GitAuth, GitOps,
    Image, Links, Network, NicSelector, Node, Patches, Registries, Role, Secrets, Settings, Talos,
    Vip, VipProvider,
};
use serde_json::Value;

/// Three control planes behind a virtual IP of kube-vip, and a worker.
pub fn talos() -> Cluster {
    Cluster {
        name: name("homelab"),
        kubernetes: Version::new(1, 36, 4),
        distribution: Distribution::Talos(Talos {
            version: Version::new(1, 13, 9),
            factory: "factory.talos.dev".to_owned(),
            discovery: true,
            kube_span: false,
            registries: Registries::default(),
        }),
        network: network(),
        control_plane: ControlPlane {
            endpoint: Endpoint {
                host: "192.168.1.100".to_owned(),
                port: 6443,
            },
            vip: Some(Vip {
                address: "192.168.1.100".parse().unwrap(),
                provider: VipProvider::KubeVip,
            }),
            schedulable: true,
            sans: Vec::new(),
        },
        nodes: vec![
            node("talos-1", Role::ControlPlane, 101),
            node("talos-2", Role::ControlPlane, 102),
            node("talos-3", Role::ControlPlane, 103),
            node("worker-1", Role::Worker, 111),
        ],
        patches: Patches::default(),
        secrets: Secrets::default(),
        gitops: GitOps::Flux(Flux {
            url: "https://example.org/homelab.git".to_owned(),
            branch: "main".to_owned(),
            auth: GitAuth::None,
        }),
        components: Vec::new(),
        apps: Vec::new(),
    }
}

fn network() -> Network {
    Network {
        nodes: "192.168.1.0/24".parse().unwrap(),
        gateway: Some("192.168.1.1".parse().unwrap()),
        nameservers: vec!["192.168.1.1".parse().unwrap()],
        time_servers: vec!["time.cloudflare.com".to_owned()],
        pods: vec!["10.42.0.0/16".parse().unwrap()],
        services: vec!["10.43.0.0/16".parse().unwrap()],
        domain: Some("homelab.local".to_owned()),
        cluster_domain: "cluster.local".to_owned(),
        without_cni: false,
        load_balancer: None,
    }
}

/// A machine of this name and role at `192.168.1.<last>`.
pub fn node(node_name: &str, role: Role, last: u8) -> Node {
    Node {
        name: name(node_name),
        role,
        version: Version::new(1, 13, 9),
        address: format!("192.168.1.{last}").parse().unwrap(),
        arch: Arch::Amd64,
        disk: DiskSelector::Serial(format!("S4EVNX0R{last}")),
        nic: NicSelector::Mac(format!("52:54:00:00:00:{last:02x}").parse().unwrap()),
        links: Links::default(),
        image: Image::default(),
        labels: BTreeMap::new(),
        settings: Settings::default(),
        patches: Vec::new(),
    }
}

/// A name that is known to be valid.
pub fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

/// The documents as text, joined with the published throw-away bundle.
pub fn joined(documents: &[Value]) -> String {
    static BUNDLE: OnceLock<SecretsBundle> = OnceLock::new();
    match join(documents, BUNDLE.get_or_init(SecretsBundle::throwaway)) {
        Ok(text) => text.expose().clone(),
        Err(error) => panic!("{error}"),
    }
}
