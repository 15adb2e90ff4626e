//! Machine configurations, secrets bundle and client identities, judged by Talos' own library and
//! by `talosctl`.

use std::time::Duration;

use homelab::catalog::{Catalog, Component};
use homelab::model::{Secret, Version};
use homelab::pki::{self, SecretsBundle, SeededEntropy, SystemEntropy, TalosRole};
use homelab::render::reference::join;
use homelab::render::talos::{documents, layers, merge_documents, path};
use homelab::spec::cluster::{
    Cluster, DiskSelector, Distribution, NicSelector, Patch, SelectedComponent, VipProvider,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use x509_parser::pem::parse_x509_pem;

use crate::support::clusters::{self, talos};
use crate::support::oracle;
use crate::support::{Case, Oracle, TestEnv, realparts};

pub fn tests() -> Vec<Case> {
    let oracle = |name, body: fn()| Case::new(name, body).parts(&["talos-oracle"]);
    let talosctl = |name, body: fn()| Case::new(name, body).parts(&["talosctl"]);
    vec![
        oracle(
            "generated_base_equals_the_real_one",
            generated_base_equals_the_real_one,
        ),
        oracle("merging_equals_the_real_one", merging_equals_the_real_one),
        oracle(
            "random_merges_equal_the_real_ones",
            random_merges_equal_the_real_ones,
        ),
        oracle(
            "refusals_agree_with_the_real_ones",
            refusals_agree_with_the_real_ones,
        ),
        oracle(
            "every_shape_of_cluster_validates",
            every_shape_of_cluster_validates,
        ),
        oracle(
            "a_new_bundle_is_accepted_and_written_back_equal",
            a_new_bundle_is_accepted_and_written_back_equal,
        ),
        oracle(
            "client_certificate_equals_the_real_one",
            client_certificate_equals_the_real_one,
        ),
        talosctl(
            "talosctl_validates_rendered_files",
            talosctl_validates_rendered_files,
        ),
        talosctl(
            "talosctl_generates_from_a_new_bundle",
            talosctl_generates_from_a_new_bundle,
        ),
        talosctl(
            "talosctl_reads_the_talosconfig",
            talosctl_reads_the_talosconfig,
        ),
    ]
}

fn bundle_text() -> Secret<String> {
    SecretsBundle::throwaway().to_yaml()
}

fn joined(documents: &[Value]) -> String {
    let text = join(documents, &SecretsBundle::throwaway()).expect("every reference is there");
    text.expose().clone()
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
                cluster.control_plane.endpoint.host = (*endpoint).to_owned();
                let mut announced = cluster.control_plane.vip.take().expect("there is one");
                cluster.control_plane.vip = vip.map(|address| {
                    announced.address = address.parse().expect("an address");
                    announced
                });
                cluster.control_plane.schedulable = *schedulable;
                cluster.network.cluster_domain = (*domain).to_owned();
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
        "secrets": bundle_text().expose(),
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

/// A configuration to patch, with something of everything that merging treats differently.
fn ground() -> Vec<Value> {
    let mut cluster = talos();
    cluster.patches.all.push(Patch {
        content: json!({"machine": {
            "sysctls": {"a.b": "1"},
            "registries": {"mirrors": {"ghcr.io": {"endpoints": ["https://one"]}}},
            "kubelet": {"extraArgs": {"v": "2"}, "extraConfig": {"maxPods": 100, "evictionHard": {"x": "1"}}},
        }}),
        line: 1,
    });
    documents(&cluster, &Catalog::default(), &clusters::name("talos-1")).expect("renders")
}

fn assert_same_merge(oracle: &mut Oracle, base: &[Value], patch: &Value) {
    let merged = merge_documents(base.to_vec(), std::slice::from_ref(patch));
    let question = json!({"config": joined(base), "patches": [format!("{patch}\n")]});
    let answer = oracle.ask("patch", question);
    match (merged, answer.error()) {
        (Ok(merged), None) => {
            let real = oracle::documents(answer.file("config.yaml"));
            assert_eq!(oracle.recode(&joined(&merged)), real, "{patch}");
        }
        (Err(_), Some(_)) => {}
        (ours, theirs) => panic!("we say {:?}, Talos says {theirs:?}: {patch}", ours.err()),
    }
}

fn merging_equals_the_real_one() {
    let mut oracle = Oracle::start();
    let document = |kind: &str, rest: Value| {
        let mut document = json!({"apiVersion": "v1alpha1", "kind": kind});
        for (key, value) in rest.as_object().expect("a mapping") {
            document[key] = value.clone();
        }
        document
    };
    for patch in [
        json!({"machine": {"certSANs": ["a.example.org"]}}),
        json!({"machine": {"install": {"wipe": true, "disk": "/dev/sda"}}}),
        json!({"machine": {"kubelet": {"extraArgs": {"v": "4", "x": "y"}, "extraConfig": {"maxPods": 200, "evictionHard": {"y": "2"}}}}}),
        json!({"machine": {"sysctls": {"a.b": "2", "c.d": "3"}}}),
        json!({"machine": {"nodeLabels": {"zone": "attic"}}}),
        json!({"machine": {"registries": {"mirrors": {"ghcr.io": {"endpoints": ["https://two"]}, "docker.io": {"endpoints": ["https://three"]}}}}}),
        json!({"machine": {"kubelet": {"nodeIP": {"validSubnets": ["10.0.0.0/8"]}}}}),
        json!({"machine": {"features": {"hostDNS": {"forwardKubeDNSToHost": false}}}}),
        json!({"machine": {"kernel": {"modules": [{"name": "nbd"}]}}}),
        json!({"cluster": {"clusterName": "", "network": {"dnsDomain": "x.local", "cni": {"name": "none"}}}}),
        json!({"cluster": {"network": {"podSubnets": ["10.200.0.0/16"], "serviceSubnets": ["10.201.0.0/16"]}}}),
        json!({"cluster": {"proxy": {"disabled": true}, "allowSchedulingOnControlPlanes": false}}),
        json!({"cluster": {"apiServer": {"admissionControl": [{"name": "PodSecurity", "configuration": {"defaults": {"enforce": "restricted"}}}]}}}),
        json!({"cluster": {"apiServer": {"admissionControl": [{"name": "Other", "configuration": {"a": 1}}], "auditPolicy": {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": []}}}}),
        json!({"cluster": {"etcd": {"advertisedSubnets": ["10.0.0.0/8"], "extraArgs": {"quota-backend-bytes": "1"}}}}),
        json!({"cluster": {"inlineManifests": [{"name": "a", "contents": "x: 1\n"}]}}),
        document(
            "HostnameConfig",
            json!({"hostname": "other", "auto": "off"}),
        ),
        document("HostnameConfig", json!({"$patch": "delete"})),
        document(
            "LinkConfig",
            json!({"name": "net0", "mtu": 9000, "addresses": [{"address": "10.1.1.1/24"}]}),
        ),
        document("LinkConfig", json!({"name": "net0", "up": false})),
        document(
            "ResolverConfig",
            json!({"nameservers": [{"address": "1.1.1.1"}], "searchDomains": {"domains": ["example.org"]}}),
        ),
        document(
            "TimeSyncConfig",
            json!({"bootTimeout": "2m0s", "ntp": {"servers": ["pool.ntp.org"]}}),
        ),
        document(
            "VolumeConfig",
            json!({"name": "EPHEMERAL", "provisioning": {"maxSize": "100GiB"}}),
        ),
        document(
            "NetworkRuleConfig",
            json!({"name": "k", "portSelector": {"ports": [6443], "protocol": "tcp"}, "ingress": [{"subnet": "10.0.0.0/8"}]}),
        ),
        json!({"machine": {"sysctls": {"$patch": "delete"}, "certSANs": ["b"]}}),
        json!({"machine": {"sysctls": {"missing": {"$patch": "delete"}}}}),
        json!({"cluster": {"apiServer": {"admissionControl": [{"name": "PodSecurity", "$patch": "delete"}]}}}),
        json!({"cluster": {"apiServer": {"auditPolicy": {"$patch": "delete"}}}}),
        json!({"machine": {"kubelet": {"extraConfig": {"maxPods": {"a": 1}}}}}),
    ] {
        assert_same_merge(&mut oracle, &ground(), &patch);
    }
}

/// Random parts of patches, two of which are laid over each other.
fn random_merges_equal_the_real_ones() {
    let mut oracle = Oracle::start();
    let mut random = Random(SeededEntropy::new(20_26));
    let base = ground();
    for _ in 0..400 {
        let first = random_patch(&mut random);
        let second = random_patch(&mut random);
        let Ok(once) = merge_documents(base.clone(), &[first]) else {
            continue;
        };
        assert_same_merge(&mut oracle, &once, &second);
    }
}

struct Random(SeededEntropy);

impl Random {
    fn below(&mut self, limit: u8) -> u8 {
        let mut byte = [0];
        pki::Entropy::fill(&mut self.0, &mut byte);
        byte[0] % limit
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        let limit = u8::try_from(choices.len()).expect("a few");
        choices[usize::from(self.below(limit))].clone()
    }
}

fn random_patch(random: &mut Random) -> Value {
    let mut patch = json!({});
    for _ in 0..=random.below(4) {
        let (pointer, values): (&[&str], Vec<Value>) = random.of(&[
            (&["machine", "certSANs"][..], vec![json!(["a"]), json!(["a", "b"]), json!([])]),
            (&["machine", "install", "wipe"], vec![json!(true), json!(false)]),
            (&["machine", "install", "disk"], vec![json!("/dev/vda"), json!("")]),
            (&["machine", "sysctls"], vec![json!({"a.b": "7"}), json!({"k": "v"}), json!({})]),
            (&["machine", "nodeLabels"], vec![json!({"zone": ""}), json!({"zone": "a"})]),
            (&["machine", "kubelet", "extraArgs"], vec![json!({"v": "9"}), json!({"v": ["1", "2"]})]),
            (&["machine", "kubelet", "extraConfig"], vec![json!({"maxPods": 0}), json!({"list": [1]}), json!({"list": ["x"]}), json!({"maxPods": "many"})]),
            (&["machine", "kubelet", "extraMounts"], vec![json!([{"destination": "/var/x", "type": "bind", "source": "/var/x", "options": ["bind"]}])]),
            (&["machine", "features", "hostDNS", "enabled"], vec![json!(true), json!(false)]),
            (&["machine", "registries", "mirrors"], vec![json!({"ghcr.io": {"endpoints": ["https://z"], "skipFallback": true}})]),
            (&["cluster", "clusterName"], vec![json!(""), json!("other")]),
            (&["cluster", "network", "podSubnets"], vec![json!(["10.1.0.0/16"]), json!([])]),
            (&["cluster", "network", "cni", "name"], vec![json!("none"), json!("flannel")]),
            (&["cluster", "proxy", "disabled"], vec![json!(true), json!(false)]),
            (&["cluster", "etcd", "advertisedSubnets"], vec![json!(["10.9.0.0/16"])]),
            (&["cluster", "apiServer", "admissionControl"], vec![
                json!([{"name": "PodSecurity", "configuration": {"exemptions": {"namespaces": ["x"]}}}]),
                json!([{"name": "New", "configuration": {"a": [1]}}]),
            ]),
            (&["cluster", "apiServer", "auditPolicy"], vec![json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy"})]),
            (&["cluster", "apiServer", "env"], vec![json!({"A": "1"}), json!({"A": ""})]),
        ]);
        let value = random.of(&values);
        let mut slot = &mut patch;
        for key in pointer {
            slot = &mut slot[*key];
        }
        *slot = value;
    }
    patch
}

fn refusals_agree_with_the_real_ones() {
    let mut oracle = Oracle::start();
    for patch in [
        json!({"machine": {"missing-list": [{"$patch": "delete"}]}}),
        json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "nowhere", "$patch": "delete"}),
        json!({"machine": {"kubelet": {"extraConfig": {"evictionHard": "text"}}}}),
    ] {
        let ours = merge_documents(ground(), std::slice::from_ref(&patch));
        let question = json!({"config": joined(&ground()), "patches": [format!("{patch}\n")]});
        let theirs = oracle.ask("patch", question);
        assert!(
            ours.is_err() && theirs.error().is_some(),
            "{patch}: {ours:?} {theirs:?}"
        );
    }
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

fn new_bundle() -> SecretsBundle {
    SecretsBundle::generate(Timestamp::now(), &mut SystemEntropy).expect("makes one")
}

fn a_new_bundle_is_accepted_and_written_back_equal() {
    let ours = new_bundle().to_yaml();
    let answer = Oracle::start().ask("secrets", json!({"secrets": ours.expose()}));
    let theirs = oracle::documents(answer.file("secrets.yaml"));
    assert!(
        theirs == oracle::documents(ours.expose()),
        "the bundle changed"
    );
}

fn talosctl_generates_from_a_new_bundle() {
    let env = TestEnv::new();
    env.write("secrets.yaml", new_bundle().to_yaml().expose());
    env.program(
        realparts::program("talosctl", "talosctl"),
        [
            "gen",
            "config",
            "x",
            "https://10.0.0.1:6443",
            "--with-secrets",
            "secrets.yaml",
            "-o",
            "out",
        ],
    )
    .run()
    .success();
    assert!(env.has("out/controlplane.yaml"));
}

fn talosctl_reads_the_talosconfig() {
    let env = TestEnv::new();
    let lifetime = Duration::from_secs(3600);
    let client = SecretsBundle::throwaway()
        .talos_client(
            TalosRole::Admin,
            lifetime,
            Timestamp::now(),
            &mut SystemEntropy,
        )
        .expect("makes one");
    let endpoints = ["192.168.1.101".to_owned()];
    let config = pki::talosconfig(
        "homelab",
        &endpoints,
        &["192.168.1.102".to_owned()],
        &client,
    );
    env.write("talosconfig", config.expose());
    let info = env
        .program(
            realparts::program("talosctl", "talosctl"),
            [
                "--talosconfig",
                "talosconfig",
                "config",
                "info",
                "--output",
                "json",
            ],
        )
        .run()
        .success();
    let info: Value = serde_json::from_str(&info.stdout).expect("JSON");
    let expected = json!([
        "homelab",
        ["192.168.1.101"],
        ["192.168.1.102"],
        ["os:admin"]
    ]);
    let seen = json!([
        info["context"],
        info["endpoints"],
        info["nodes"],
        info["roles"]
    ]);
    assert_eq!(seen, expected, "{info}");
}

fn client_certificate_equals_the_real_one() {
    let question = json!({
        "secrets": bundle_text().expose(),
        "cluster": "homelab",
        "endpoint": "https://10.0.0.1:6443",
    });
    let answer = Oracle::start().ask("config", question);
    let real = oracle::documents(answer.file("talosconfig"));
    let year = Duration::from_secs(8_760 * 3_600);
    let client = SecretsBundle::throwaway()
        .talos_client(TalosRole::Admin, year, Timestamp::now(), &mut SystemEntropy)
        .expect("makes one");
    let ours = pki::talosconfig("homelab", &[], &[], &client);
    let ours = oracle::documents(ours.expose());
    let described = |config: &Value| {
        let context = &config["contexts"]["homelab"];
        let keys: Vec<_> = context
            .as_object()
            .expect("a mapping")
            .keys()
            .cloned()
            .collect();
        (
            keys,
            context["ca"].clone(),
            described(context["crt"].as_str().expect("text")),
        )
    };
    assert_eq!(described(&ours[0]), described(&real[0]));
}

/// What a certificate says, but for serial number, key, signature and dates.
fn described(encoded: &str) -> Vec<String> {
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .expect("base64");
    let (_, pem) = parse_x509_pem(&pem).expect("PEM");
    let certificate = pem.parse_x509().expect("a certificate");
    let mut extensions: Vec<_> = certificate
        .extensions()
        .iter()
        .map(|extension| {
            format!(
                "{} {} {:x?}",
                extension.oid, extension.critical, extension.value
            )
        })
        .collect();
    extensions.sort();
    extensions.push(format!("{:x?}", certificate.issuer().as_raw()));
    extensions.push(format!("{:x?}", certificate.subject().as_raw()));
    extensions.push(certificate.signature_algorithm.algorithm.to_string());
    extensions
}
