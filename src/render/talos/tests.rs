use serde_json::{Value, json};

use super::*;
use crate::catalog::Catalog;
use crate::model::Version;
use crate::spec::cluster::{
    Arch, Cluster, ControlPlane, DiskSelector, Distribution, Endpoint, Flux, GitAuth, GitOps,
    Image, Links, Network, NicSelector, Node, Patch, Patches, Registries, Role, Secrets,
    SelectedComponent, Settings, Talos, Vip, VipProvider,
};

fn node(name: &str, role: Role, last: u8) -> Node {
    Node {
        name: name.parse().expect("a name"),
        role,
        version: Version::new(1, 13, 9),
        address: format!("192.168.1.{last}").parse().expect("an address"),
        arch: Arch::Amd64,
        disk: DiskSelector::Serial(format!("S4EVNX0R{last}")),
        nic: NicSelector::Mac(
            format!("52:54:00:00:00:{last}")
                .parse()
                .expect("an address"),
        ),
        links: Links::default(),
        image: Image {
            extensions: vec!["siderolabs/iscsi-tools".to_owned()],
            kernel_args: vec!["console=ttyS0".to_owned()],
            ..Image::default()
        },
        labels: [("zone".to_owned(), "attic".to_owned())].into(),
        settings: Settings::default(),
        patches: Vec::new(),
    }
}

pub(super) fn cluster() -> Cluster {
    Cluster {
        name: "homelab".parse().expect("a name"),
        kubernetes: Version::new(1, 36, 4),
        distribution: Distribution::Talos(Talos {
            version: Version::new(1, 13, 9),
            factory: "factory.talos.dev".to_owned(),
            discovery: true,
            kube_span: false,
            registries: Registries::default(),
        }),
        network: Network {
            nodes: "192.168.1.0/24".parse().expect("a network"),
            gateway: Some("192.168.1.1".parse().expect("an address")),
            nameservers: vec!["192.168.1.1".parse().expect("an address")],
            time_servers: vec!["time.cloudflare.com".to_owned()],
            pods: vec!["10.42.0.0/16".parse().expect("a network")],
            services: vec!["10.43.0.0/16".parse().expect("a network")],
            domain: None,
            cluster_domain: "cluster.local".to_owned(),
            without_cni: false,
            load_balancer: None,
        },
        control_plane: ControlPlane {
            endpoint: Endpoint {
                host: "192.168.1.100".to_owned(),
                port: 6443,
            },
            vip: Some(Vip {
                address: "192.168.1.100".parse().expect("an address"),
                provider: VipProvider::Talos,
            }),
            schedulable: true,
            sans: Vec::new(),
        },
        nodes: vec![
            node("talos-1", Role::ControlPlane, 11),
            node("worker-1", Role::Worker, 21),
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

fn rendered(cluster: &Cluster, file: &str) -> String {
    let tree = render(cluster, &Catalog::default()).expect("renders");
    let file = tree
        .get(format!("infrastructure/talos/{file}"))
        .expect("is there");
    String::from_utf8(file.bytes.clone()).expect("is text")
}

#[test]
fn a_control_plane_is_rendered_whole() {
    insta::assert_snapshot!(
        "control_plane",
        rendered(&cluster(), "controlplane/talos-1.yaml")
    );
}

#[test]
fn a_worker_is_rendered_whole_and_holds_no_key_of_an_authority() {
    let text = rendered(&cluster(), "worker/worker-1.yaml");
    for key in [
        "certs.os.key",
        "certs.k8s.key",
        "certs.etcd",
        "serviceaccount",
        "secretbox",
    ] {
        assert!(!text.contains(key), "{key}");
    }
    insta::assert_snapshot!("worker", text);
}

#[test]
fn patches_apply_from_the_widest_scope_to_the_narrowest() {
    let patch = |line, value: &str| Patch {
        content: json!({"machine": {"sysctls": {"x": value}, "env": {value: "set"}}}),
        line,
        ..Patch::default()
    };
    let mut cluster = cluster();
    cluster.patches.all = vec![patch(1, "all")];
    cluster.patches.control_plane = vec![patch(2, "role")];
    cluster.patches.worker = vec![patch(3, "other-role")];
    cluster.nodes[0].patches = vec![patch(4, "node")];
    let name = cluster.nodes[0].name.clone();
    let documents = documents(&cluster, &Catalog::default(), &name).expect("renders");
    assert_eq!(documents[0]["machine"]["sysctls"], json!({"x": "node"}));
    assert_eq!(
        documents[0]["machine"]["env"],
        json!({"all": "set", "role": "set", "node": "set"})
    );
    let origins: Vec<_> = layers(&cluster, &Catalog::default(), &name)
        .expect("renders")
        .iter()
        .map(|layer| layer.origin.to_string())
        .collect();
    assert_eq!(
        origins,
        [
            "the generated base",
            "the node's own settings",
            "the patch for all nodes in line 1 of homelab.yaml",
            "the patch for control planes in line 2 of homelab.yaml",
            "the patch for this node in line 4 of homelab.yaml",
        ]
    );
}

#[test]
fn unknown_kinds_and_fields_of_patches_pass_untouched() {
    let mut cluster = cluster();
    let unknown = json!({"apiVersion": "v1beta1", "kind": "FromTheFuture", "name": "x", "a": [1]});
    cluster.patches.all = vec![
        Patch {
            content: unknown.clone(),
            line: 1,
            ..Patch::default()
        },
        Patch {
            content: json!({"machine": {"future": {"field": 1}}}),
            line: 2,
            ..Patch::default()
        },
    ];
    let name = cluster.nodes[0].name.clone();
    let documents = documents(&cluster, &Catalog::default(), &name).expect("renders");
    assert_eq!(documents.last(), Some(&unknown));
    assert_eq!(documents[0]["machine"]["future"], json!({"field": 1}));
}

#[test]
fn a_patch_that_cannot_be_merged_names_node_line_and_place() {
    let mut cluster = cluster();
    cluster.patches.all = vec![Patch {
        content: json!({"machine": {"install": [1]}}),
        line: 7,
        ..Patch::default()
    }];
    let error = render(&cluster, &Catalog::default()).expect_err("refused");
    let cause = std::error::Error::source(&error)
        .expect("has a cause")
        .to_string();
    assert_eq!(
        format!("{error}: {cause}"),
        "cannot apply the patch for all nodes in line 7 of homelab.yaml to the configuration of node \
         `talos-1`: `machine.install` is a mapping, and a list cannot be merged into it"
    );
}

#[test]
fn a_patch_may_refer_to_a_secret_and_a_malformed_reference_is_named_by_line() {
    let render = |reference: &str| {
        let mut cluster = cluster();
        let auth = json!({"password": {"secretRef": reference}});
        let content = json!({
            "apiVersion": "v1alpha1", "kind": "RegistryAuthConfig", "name": "ghcr.io",
            "password": auth["password"],
        });
        cluster.patches.all = vec![Patch {
            content,
            line: 9,
            ..Patch::default()
        }];
        render(&cluster, &Catalog::default())
    };
    let tree =
        render("cluster/secrets/registry/login.sops.yaml#stringData.password").expect("renders");
    let file = tree
        .get("infrastructure/talos/worker/worker-1.yaml")
        .expect("is there");
    let text = String::from_utf8_lossy(&file.bytes);
    assert!(
        text.contains("secretRef: cluster/secrets/registry/login.sops.yaml#stringData.password")
    );
    let error = render("no-path").expect_err("refused");
    let cause = std::error::Error::source(&error)
        .expect("has a cause")
        .to_string();
    assert_eq!(
        format!("{error}: {cause}"),
        "the patch for all nodes in line 9 of homelab.yaml is wrong: expected a secret reference such as \
         `cluster/secrets/app/login.sops.yaml#data.token`, found `no-path`"
    );
}

#[test]
fn every_node_gets_the_form_of_its_own_release() {
    let mut cluster = cluster();
    cluster.nodes[1].version = Version::new(1, 11, 6);
    let of = |name: &str| {
        documents(
            &cluster,
            &Catalog::default(),
            &name.parse().expect("a name"),
        )
        .expect("renders")
    };
    let (new, old) = (of("talos-1"), of("worker-1"));
    assert_eq!(new[0]["machine"].get("network"), None);
    assert!(new.iter().any(|document| document["kind"] == "LinkConfig"));
    assert_eq!(old.len(), 1);
    assert_eq!(
        old[0]["machine"]["network"],
        json!({
            "hostname": "worker-1",
            "interfaces": [{
                "deviceSelector": {"permanentAddr": "52:54:00:00:00:21"},
                "addresses": ["192.168.1.21/24"],
                "routes": [{"network": "0.0.0.0/0", "gateway": "192.168.1.1"}],
            }],
            "nameservers": ["192.168.1.1"],
        })
    );
    let image = old[0]["machine"]["install"]["image"]
        .as_str()
        .expect("text");
    assert!(image.ends_with(":v1.11.6"), "{image}");
}

#[test]
fn too_old_a_release_is_refused_by_name() {
    let mut cluster = cluster();
    cluster.nodes[0].version = Version::new(1, 9, 6);
    let error = render(&cluster, &Catalog::default()).expect_err("refused");
    assert!(
        error
            .to_string()
            .starts_with("Talos v1.9.6 is not supported"),
        "{error}"
    );
}

#[test]
fn components_change_the_image_and_the_configuration() {
    let component = json!({
        "name": "storage", "summary": "s", "category": "storage", "version": "1",
        "namespace": {"name": "s", "podSecurity": "privileged"},
        "nodes": {"talos": {
            "extensions": ["siderolabs/util-linux-tools", "siderolabs/iscsi-tools"],
            "kernelArgs": ["console=ttyS0", "quiet"],
            "patches": [{"machine": {"sysctls": {"vm.overcommit_memory": "1"}}}],
            "controlPlanePatches": [{"cluster": {"proxy": {"disabled": true}}}],
        }},
    });
    let catalog = Catalog::new([serde_json::from_value(component).expect("a component")]);
    let mut cluster = cluster();
    cluster.components = vec![SelectedComponent {
        name: "storage".to_owned(),
        version: "1".to_owned(),
        chart_url: None,
        options: serde_json::Map::new(),
        values: serde_json::Map::new(),
    }];
    let of = |name: &str| {
        documents(&cluster, &catalog, &name.parse().expect("a name")).expect("renders")
    };
    let (control_plane, worker) = (of("talos-1"), of("worker-1"));
    let both = Image {
        extensions: vec![
            "siderolabs/iscsi-tools".to_owned(),
            "siderolabs/util-linux-tools".to_owned(),
        ],
        kernel_args: vec!["console=ttyS0".to_owned(), "quiet".to_owned()],
        ..Image::default()
    };
    let id = factory::Schematic::new(&both).id();
    let image = format!("factory.talos.dev/metal-installer/{id}:v1.13.9");
    for documents in [&control_plane, &worker] {
        assert_eq!(documents[0]["machine"]["install"]["image"], json!(image));
        assert_eq!(
            documents[0]["machine"]["sysctls"],
            json!({"vm.overcommit_memory": "1"})
        );
    }
    assert_eq!(
        control_plane[0]["cluster"]["proxy"]["disabled"],
        json!(true)
    );
    assert_eq!(worker[0]["cluster"].get("proxy"), None);
}

#[test]
fn an_owner_s_own_pod_network_leaves_flannel_out_whatever_the_release() {
    let brings = |cluster: &Cluster| {
        let name = cluster.nodes[0].name.clone();
        has_own_network(&documents(cluster, &Catalog::default(), &name).expect("renders"))
    };
    for minor in [10, 12, 13, 14] {
        let mut cluster = cluster();
        cluster.nodes[0].version = Version::new(1, minor, 0);
        assert!(brings(&cluster), "1.{minor}");
        cluster.network.without_cni = true;
        assert!(!brings(&cluster), "1.{minor}");
    }
}

#[test]
fn a_component_that_the_catalogue_lacks_is_an_error() {
    let mut cluster = cluster();
    cluster.components = vec![SelectedComponent {
        name: "nowhere".to_owned(),
        version: "1".to_owned(),
        chart_url: None,
        options: serde_json::Map::new(),
        values: serde_json::Map::new(),
    }];
    let error = render(&cluster, &Catalog::default()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the catalogue has no component `nowhere`"
    );
}

/// Names in certificates, by endpoint and virtual IP.
#[test]
fn certificates_name_what_machines_do_not_know_of_themselves() {
    let sans = |host: &str, vip: Option<&str>| {
        let mut cluster = cluster();
        host.clone_into(&mut cluster.control_plane.endpoint.host);
        cluster.control_plane.vip = vip.map(|address| Vip {
            address: address.parse().expect("an address"),
            provider: VipProvider::KubeVip,
        });
        let documents = documents(
            &cluster,
            &Catalog::default(),
            &"talos-1".parse().expect("a name"),
        );
        let documents: Vec<Value> = documents.expect("renders");
        documents[0]["machine"]["certSANs"].clone()
    };
    assert_eq!(
        sans("192.168.1.100", Some("192.168.1.100")),
        json!(["192.168.1.100"])
    );
    assert_eq!(
        sans("api.lan", Some("192.168.1.100")),
        json!(["api.lan", "192.168.1.100"])
    );
    assert_eq!(sans("192.168.1.11", None), json!([]));
}
