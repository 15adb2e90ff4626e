//! Made-up clusters: whatever a spec can say about links, disks and the system, by a seed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use homelab::model::{Secret, Version};
use homelab::pki::SecretsBundle;
use homelab::render::reference::{SecretRef, SecretSource, join};
use homelab::spec::cluster::{
    Addressing, Bond, Cluster, DiskKey, DiskKind, DiskSelector, DiskTraits, Distribution,
    Encryption, ExtensionService, File, Link, Links, Login, Mirror, NicSelector, Registries, Route,
    Settings, VipProvider, Vlan, Volume, VolumeDisk, Watchdog,
};
use serde_json::{Value, json};

use super::Random;
use super::clusters::talos;

/// The documents as text, joined with the published throw-away bundle and a word for every other secret.
pub fn joined(documents: &[Value]) -> String {
    static SOURCE: OnceLock<Anything> = OnceLock::new();
    let source = SOURCE.get_or_init(|| Anything(SecretsBundle::throwaway()));
    match join(documents, source) {
        Ok(text) => text.expose().clone(),
        Err(error) => panic!("{error}"),
    }
}

/// Knows the throw-away bundle, and a word for everything else.
struct Anything(SecretsBundle);

impl SecretSource for Anything {
    fn lookup(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let known = SecretSource::lookup(&self.0, reference);
        known.or_else(|| {
            (reference.file == "own.sops.yaml").then(|| Secret::new("a-long-passphrase".to_owned()))
        })
    }
}

/// A certificate that anybody may read: that of the throw-away bundle's Kubernetes authority.
fn certificate() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let reference = SecretRef::new(
            "infrastructure/talos/secrets.sops.yaml",
            "certs.k8s.crt.pem",
        );
        let documents = vec![json!({"it": reference.to_value()})];
        let text = homelab::render::reference::resolve(&documents, &SecretsBundle::throwaway())
            .expect("there");
        text[0]["it"].as_str().expect("text").to_owned()
    })
}

/// The cluster of a seed: whatever a spec can say about links, disks and the system, by chance.
pub fn cluster(seed: u64, version: &Version) -> Cluster {
    let root = certificate();
    let mut random = Random::new(seed);
    let mut cluster = talos();
    cluster.kubernetes = Version::new(1, 33, 2);
    if random.flag() {
        cluster
            .control_plane
            .vip
            .as_mut()
            .expect("there is one")
            .provider = VipProvider::Talos;
    }
    let Distribution::Talos(talos) = &mut cluster.distribution;
    talos.registries = registries(&mut random, root);
    talos.discovery = random.flag();
    for node in &mut cluster.nodes {
        node.version = version.clone();
        node.disk = disk(&mut random);
        if random.flag() {
            node.nic = NicSelector::Name("enp1s0".to_owned());
        }
        node.links = links(&mut random);
        node.settings = settings(&mut random, root);
        // The generator is told the parameters; they are its own topic.
        node.settings.sysctls = BTreeMap::from([("vm.nr_hugepages".to_owned(), "64".to_owned())]);
    }
    cluster
}

fn network<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("well formed")
}

fn disk(random: &mut Random) -> DiskSelector {
    random.of(&[
        DiskSelector::Serial("S4EVNX0R100001".to_owned()),
        DiskSelector::Wwid("eui.002538ba11b70c4f".to_owned()),
        DiskSelector::Path("/dev/disk/by-id/nvme-X_1".to_owned()),
        DiskSelector::Traits(DiskTraits {
            model: Some("Samsung*".to_owned()),
            kind: Some(DiskKind::Nvme),
            size: Some(network(">= 400GB")),
            bus_path: Some("/pci0000:00/*".to_owned()),
        }),
        DiskSelector::Traits(DiskTraits {
            kind: Some(DiskKind::Ssd),
            ..DiskTraits::default()
        }),
    ])
}

fn card(last: u8) -> NicSelector {
    NicSelector::Mac(
        format!("52:54:00:00:10:{last:02x}")
            .parse()
            .expect("an address"),
    )
}

fn links(random: &mut Random) -> Links {
    let route = Route {
        to: Some(network("10.20.0.0/16")),
        via: network("192.168.1.2"),
        metric: random.flag().then_some(2048),
    };
    let far = Addressing {
        mtu: random.flag().then_some(1500),
        addresses: vec![network("192.168.20.11/24")],
        routes: vec![Route {
            to: Some(network("10.30.0.0/16")),
            via: network("192.168.20.1"),
            metric: None,
        }],
        dhcp: false,
    };
    let asked = Addressing {
        dhcp: true,
        ..Addressing::default()
    };
    let bond = Bond {
        name: "bond0".to_owned(),
        mode: random
            .of(&["802.3ad", "active-backup", "balance-rr"])
            .to_owned(),
        nics: random.of(&[
            vec![card(1)],
            vec![card(1), card(2)],
            vec![NicSelector::Name("enp2s0".to_owned())],
        ]),
    };
    Links {
        mtu: random.flag().then_some(9000),
        addresses: random.some(&[network("fd00:10::11/64"), network("10.9.0.11/16")]),
        routes: random.some(&[route]),
        bond: random.flag().then_some(bond),
        bridge: (random.below(4) == 0).then(|| "br0".to_owned()),
        vlans: random.some(&[
            Vlan {
                id: 20,
                addressing: far.clone(),
            },
            Vlan {
                id: 30,
                addressing: asked.clone(),
            },
        ]),
        others: random.some(&[
            Link {
                nic: card(9),
                addressing: asked,
            },
            Link {
                nic: NicSelector::Name("enp9s0".to_owned()),
                addressing: Addressing {
                    addresses: vec![network("10.10.10.11/24")],
                    ..Addressing::default()
                },
            },
        ]),
    }
}

fn texts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn settings(random: &mut Random, root: &str) -> Settings {
    let files = random.some(&[
        ("/var/etc/note", "x"),
        (
            "/etc/nfsmount.conf",
            "[NFSMount_Global_Options]\nnfsvers=4.2\n",
        ),
        (
            "/etc/cri/conf.d/20-customization.part",
            "[metrics]\n  address = \"0.0.0.0:11234\"\n",
        ),
    ]);
    let keys = [
        None,
        Some(DiskKey::Tpm),
        Some(DiskKey::NodeId),
        Some(DiskKey::Passphrase("own.sops.yaml#key".to_owned())),
    ];
    let volume = Volume {
        disk: random.of(&[
            VolumeDisk::System,
            VolumeDisk::Matched("disk.transport == \"nvme\" && !system_disk".to_owned()),
            VolumeDisk::Selected(DiskSelector::Serial("S4EVNX0R100009".to_owned())),
        ]),
        min_size: Some("10GiB".to_owned()),
        max_size: random.flag().then(|| "100GiB".to_owned()),
        filesystem: random.flag().then(|| "xfs".to_owned()),
        encryption: random.of(&keys),
    };
    let service = ExtensionService {
        environment: texts(&random.some(&[("UPSMON", "1")])),
        files: texts(&[(
            "/usr/local/etc/nut/upsmon.conf",
            "MONITOR ups@nas 1 m s secondary\n",
        )]),
    };
    Settings {
        annotations: texts(&random.some(&[("homelab.local/rack", "r1")])),
        taints: texts(&random.some(&[
            ("homelab.local/gpu", "present:NoSchedule"),
            ("spare", "PreferNoSchedule"),
        ])),
        kubelet_args: texts(&random.some(&[("max-pods", "200")])),
        sysctls: BTreeMap::new(),
        sysfs: texts(&random.some(&[(
            "devices.system.cpu.cpu0.cpufreq.scaling_governor",
            "performance",
        )])),
        environment: texts(&random.some(&[("https_proxy", "http://proxy.homelab.local:3128")])),
        modules: random
            .some(&[
                ("nbd".to_owned(), vec![]),
                ("nvme_tcp".to_owned(), vec!["wq_unbound=Y".to_owned()]),
            ])
            .into_iter()
            .collect(),
        udev_rules: random.some(&["SUBSYSTEM==\"drm\", GROUP=\"44\", MODE=\"0660\"".to_owned()]),
        files: files
            .iter()
            .map(|(path, content)| {
                (
                    (*path).to_owned(),
                    File {
                        content: (*content).to_owned(),
                        mode: 0o644,
                    },
                )
            })
            .collect(),
        hosts: random
            .some(&[(
                network("192.168.1.20"),
                vec!["nas.homelab.local".to_owned()],
            )])
            .into_iter()
            .collect(),
        trusted_roots: texts(&random.some(&[("home-ca", root)])),
        extension_services: random
            .some(&[("nut-client".to_owned(), service)])
            .into_iter()
            .collect(),
        watchdog: random.flag().then(|| Watchdog {
            device: "/dev/watchdog0".to_owned(),
            timeout: Some("2m0s".to_owned()),
        }),
        ephemeral_size: random.flag().then(|| "200GiB".to_owned()),
        volumes: random
            .some(&[("data".to_owned(), volume)])
            .into_iter()
            .collect(),
        encryption: Encryption {
            state: random.of(&keys),
            ephemeral: random.of(&keys),
        },
    }
}

fn registries(random: &mut Random, root: &str) -> Registries {
    let plain = Mirror {
        endpoints: vec!["https://registry.homelab.local".to_owned()],
        ..Mirror::default()
    };
    let other = Mirror {
        endpoints: vec!["https://registry.homelab.local/v2/hub".to_owned()],
        override_path: true,
        skip_fallback: random.flag(),
    };
    let login = Login {
        username: "homelab".to_owned(),
        password: "own.sops.yaml#password".to_owned(),
    };
    let host = "registry.homelab.local".to_owned();
    Registries {
        mirrors: random
            .some(&[
                ("ghcr.io".to_owned(), plain),
                ("docker.io".to_owned(), other),
            ])
            .into_iter()
            .collect(),
        authorities: random
            .some(&[(host.clone(), root.to_owned())])
            .into_iter()
            .collect(),
        logins: random.some(&[(host, login)]).into_iter().collect(),
    }
}
