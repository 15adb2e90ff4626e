//! Patches merge as Talos' own library merges them.

use homelab::catalog::Catalog;
use homelab::pki::{Entropy as _, SeededEntropy};
use homelab::render::talos::{documents, merge_documents};
use homelab::spec::cluster::Patch;
use serde_json::{Value, json};

use crate::support::clusters::{self, joined, talos};
use crate::support::{Case, Oracle, oracle};

pub fn tests() -> Vec<Case> {
    let case = |name, body: fn()| Case::new(name, body).parts(&["talos-oracle"]);
    vec![
        case("merging_equals_the_real_one", merging_equals_the_real_one),
        case(
            "random_merges_equal_the_real_ones",
            random_merges_equal_the_real_ones,
        ),
        case(
            "refusals_agree_with_the_real_ones",
            refusals_agree_with_the_real_ones,
        ),
    ]
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
        ..Patch::default()
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
        self.0.fill(&mut byte);
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
