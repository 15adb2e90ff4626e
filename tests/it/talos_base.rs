//! The generated base of machine configurations equals what Talos' own generator makes, under every
//! contract, and Talos takes it.
//!
//! The library that is asked writes the contracts up to 1.13; that of a pre-release writes a part of 1.14.
//! Of 1.14 itself no module server has one: `docs/talos.md` says how it was proved, and the same cases run
//! again when `HOMELAB_TALOS_ORACLE_1_14` names a `talos-oracle` that was built with it.

use std::sync::OnceLock;
use std::thread;

use homelab::pki::SecretsBundle;
use homelab::render::reference::resolve;
use homelab::render::talos::base::{Options, generate};
use homelab::render::talos::{Contract, Machine, Mode, refusals};
use homelab::spec::cluster::{Endpoint, Role};
use serde_json::{Value, json};

use crate::support::clusters::joined;
use crate::support::{Case, Need, Oracle, Random, assert_same, oracle};

/// Names a `talos-oracle` that was built with the library of 1.14.
const GIVEN: &str = "HOMELAB_TALOS_ORACLE_1_14";
/// How many sets of options are tried under each contract.
const SETS: u64 = 3_000;

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("generated_base_equals_the_real_one", || {
            let contracts = Contract::RELEASED.split_last().map(|(_, before)| before);
            compare(contracts.expect("several"), Oracle::start);
        })
        .parts(&["talos-oracle"]),
        Case::new("generated_base_equals_that_of_the_pre_release", || {
            compare(&[Contract::V1_13, Contract::V1_14Alpha], || {
                Oracle::of_part("talos-oracle-next")
            });
        })
        .parts(&["talos-oracle-next"]),
        Case::new("generated_base_equals_that_of_1_14", || {
            compare(&[Contract::V1_13, Contract::V1_14], || Oracle::given(GIVEN));
        })
        .needs(Need::Given(GIVEN)),
    ]
}

/// Tries every set under every contract, on both processors.
fn compare(contracts: &[Contract], start: impl Fn() -> Oracle + Sync) {
    thread::scope(|scope| {
        for half in 0..2 {
            let start = &start;
            scope.spawn(move || {
                let mut oracle = start();
                for seed in (half..SETS).step_by(2) {
                    for contract in contracts {
                        one(&mut oracle, *contract, &options(seed));
                    }
                }
            });
        }
    });
}

fn one(oracle: &mut Oracle, contract: Contract, options: &Options) {
    let answer = oracle.ask("config", real_options(contract, options));
    assert_eq!(answer.error(), None, "{contract}: {options:?}");
    for (role, file) in [
        (Role::ControlPlane, "controlplane.yaml"),
        (Role::Worker, "worker.yaml"),
    ] {
        let options = Options {
            role,
            ..options.clone()
        };
        let documents = generate(contract, &options);
        let text = joined(&documents);
        let ours = resolve(&documents, secrets()).expect("all there");
        let theirs = oracle::documents(answer.file(file));
        let what = format!("{contract}: {options:?}");
        assert_same(&by_identity(ours), &by_identity(theirs), &what);
        for mode in ["metal", "cloud"] {
            let verdict = oracle.ask(
                "validate",
                json!({"config": text, "mode": mode, "strict": true}),
            );
            assert_eq!(verdict.error(), None, "{contract}, {mode}: {options:?}");
        }
        for mode in [Mode::Metal, Mode::Cloud] {
            let machine = Machine {
                role,
                contract,
                mode,
            };
            assert_eq!(
                refusals(&documents, machine),
                Vec::<String>::new(),
                "{contract}: {options:?}"
            );
        }
    }
}

/// The order of documents has no meaning.
fn by_identity(documents: Vec<Value>) -> Value {
    let mut all = serde_json::Map::new();
    for document in documents {
        let name = format!("{} {}", document["kind"], document["name"]);
        assert_eq!(
            all.insert(name, document),
            None,
            "a document is there twice"
        );
    }
    Value::Object(all)
}

fn secrets() -> &'static SecretsBundle {
    static BUNDLE: OnceLock<SecretsBundle> = OnceLock::new();
    BUNDLE.get_or_init(SecretsBundle::throwaway)
}

/// The set of a seed: everything that the generator can be told, by chance.
fn options(seed: u64) -> Options {
    let mut random = Random::new(seed);
    let networks: [(&[&str], &[&str]); 4] = [
        (&["10.244.0.0/16"], &["10.96.0.0/12"]),
        (
            &["10.42.0.0/16", "fd00:42::/56"],
            &["10.43.0.0/16", "fd00:43::/112"],
        ),
        (
            &["fd00:42::/56", "10.42.0.0/16"],
            &["fd00:43::/112", "10.43.0.0/16"],
        ),
        (&["fd00:42::/56"], &["fd00:43::/112"]),
    ];
    let (pods, services) = random.of(&networks);
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mirrors = random.some(&[
        ("docker.io", "https://mirror.gcr.io"),
        ("ghcr.io", "https://ghcr.mirror.example.org/v2/ghcr"),
        ("registry.k8s.io", "http://10.0.0.9:5000"),
    ]);
    let sysctls = random.some(&[
        ("vm.nr_hugepages", "1024"),
        ("net.core.somaxconn", "65535"),
        ("kernel.panic", "10"),
    ]);
    Options {
        role: Role::ControlPlane,
        cluster_name: random
            .of(&["homelab", "a", "cluster-with-a-long-name"])
            .to_owned(),
        endpoint: Endpoint {
            host: random
                .of(&["192.168.1.100", "api.homelab.local", "fd00::100", "k8s"])
                .to_owned(),
            port: random.of(&[6443, 443, 8443]),
        },
        kubernetes: random.of(&["1.33.2", "1.32.0"]).to_owned(),
        sans: texts(&random.some(&[
            "192.168.1.100",
            "api.homelab.local",
            "203.0.113.7",
            "fd00::7",
        ])),
        dns_domain: random.of(&["cluster.local", "k8s.example.org"]).to_owned(),
        pods: texts(pods),
        services: texts(services),
        install_disk: Some(
            random
                .of(&["/dev/sda", "/dev/nvme0n1", "/dev/disk/by-id/ata-X_1"])
                .to_owned(),
        ),
        install_image: Some(
            random
                .of(&[
                    "ghcr.io/siderolabs/installer:v1.13.9",
                    "factory.talos.dev/metal-installer/37:v1.10.4",
                ])
                .to_owned(),
        ),
        schedulable: random.flag(),
        discovery: random.flag(),
        kube_span: false,
        mirrors: mirrors
            .iter()
            .map(|(host, url)| ((*host).to_owned(), vec![(*url).to_owned()]))
            .collect(),
        sysctls: sysctls
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        api_port: random.flag().then_some(7443),
        cni_manifest: None,
        extra_kernel_args: Vec::new(),
    }
    .with_mesh(random.flag())
}

trait WithMesh {
    /// Talos refuses a mesh without discovery.
    fn with_mesh(self, wanted: bool) -> Self;
}

impl WithMesh for Options {
    fn with_mesh(mut self, wanted: bool) -> Self {
        self.kube_span = wanted && self.discovery;
        self
    }
}

/// The same wishes in the words of `talosctl gen config`; what it has no flag for goes in as patches.
fn real_options(contract: Contract, options: &Options) -> Value {
    let Endpoint { host, port } = &options.endpoint;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let patches = patches(contract, options);
    let control_plane = control_plane_patches(contract, options);
    let mirrors = options
        .mirrors
        .iter()
        .flat_map(|(host, urls)| urls.iter().map(move |url| format!("{host}={url}")));
    let lines = |patches: Vec<Value>| {
        patches
            .iter()
            .map(|patch| format!("{patch}\n"))
            .collect::<Vec<_>>()
    };
    let release = if contract >= Contract::V1_14Alpha {
        "v1.14".to_owned()
    } else {
        contract.to_string()
    };
    json!({
        "secrets": secrets().to_yaml().expose(),
        "cluster": options.cluster_name,
        "endpoint": format!("https://{host}:{port}"),
        "contract": release,
        "kubernetes": options.kubernetes,
        "sans": options.sans,
        "dns_domain": options.dns_domain,
        "disk": options.install_disk,
        "image": options.install_image,
        "mirrors": mirrors.collect::<Vec<_>>(),
        "no_discovery": !options.discovery,
        "kubespan": options.kube_span,
        "patches": lines(patches),
        "patches_control_plane": lines(control_plane),
    })
}

fn of_kind(kind: &str, content: &Value) -> Value {
    let mut document = json!({"apiVersion": "v1alpha1", "kind": kind});
    for (key, value) in content.as_object().expect("a mapping") {
        document[key] = value.clone();
    }
    document
}

fn patches(contract: Contract, options: &Options) -> Vec<Value> {
    let networks = json!({"podSubnets": options.pods, "serviceSubnets": options.services});
    let sysctls = &options.sysctls;
    let mut patches = Vec::new();
    if contract >= Contract::V1_14Alpha {
        patches.push(of_kind("KubeNetworkConfig", &networks));
    } else {
        patches.push(json!({"cluster": {"network": networks}}));
    }
    if !sysctls.is_empty() && contract >= Contract::V1_14Alpha {
        patches.push(of_kind("SysctlConfig", &json!({"params": sysctls})));
    } else if !sysctls.is_empty() {
        patches.push(json!({"machine": {"sysctls": sysctls}}));
    }
    patches
}

fn control_plane_patches(contract: Contract, options: &Options) -> Vec<Value> {
    let mut patches = Vec::new();
    if options.schedulable && contract >= Contract::V1_14 {
        patches.push(of_kind(
            "KubeNodeConfig",
            &json!({"taints": {"$patch": "delete"}}),
        ));
    } else if options.schedulable {
        patches.push(json!({"cluster": {"allowSchedulingOnControlPlanes": true}}));
    }
    match options.api_port {
        Some(port) if contract >= Contract::V1_14Alpha => {
            patches.push(of_kind("KubeAPIServerConfig", &json!({"apiPort": port})));
        }
        Some(port) => {
            patches.push(json!({"cluster": {"controlPlane": {"localAPIServerPort": port}}}));
        }
        None => {}
    }
    patches
}
