//! Every leaf has one source, and a leaf does not survive its source.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::OnceLock;

use camino::Utf8Path;
use serde_json::Value;

use super::written::leaves;
use super::{Filter, Leaf, Source, explain};
use crate::catalog::Catalog;
use crate::render::reference::SecretRef;
use crate::render::talos::documents;
use crate::spec::{Checked, load_with};

/// One scalar a line, as far as YAML allows.
const SPEC: &str = include_str!("tests/spec.yaml");
const FILE: &str = "machine:\n  sysctls:\n    vm.swappiness: \"10\"\n";

fn check(text: &str) -> Checked {
    let read = |path: &Utf8Path| match path.as_str() {
        "patches/all.yaml" => Ok(FILE.as_bytes().to_vec()),
        _ => Err(ErrorKind::NotFound.into()),
    };
    load_with("homelab.yaml", text, &catalog(), &read)
}

fn catalog() -> Catalog {
    Catalog::embedded().expect("it is well formed")
}

/// Explained once for all tests.
fn explained() -> &'static [Leaf] {
    static LEAVES: OnceLock<Vec<Leaf>> = OnceLock::new();
    LEAVES.get_or_init(|| {
        let checked = check(SPEC);
        assert!(checked.cluster.is_some(), "{:#?}", checked.diagnostics);
        let name = "talos-1".parse().expect("a name");
        explain(&checked, &catalog(), &name).expect("renders")
    })
}

/// The documents of the node whose leaves are explained; nothing of a spec with errors.
fn rendered(text: &str) -> Option<Vec<Value>> {
    let cluster = check(text).cluster?;
    let name = "talos-1".parse().expect("a name");
    Some(documents(&cluster, &catalog(), &name).expect("renders"))
}

/// The place of a leaf, and its source with the text of the line that it names.
fn said(leaf: &Leaf) -> (String, String) {
    let place = format!("{}: {}", leaf.address.document(), leaf.address.path);
    let text = |line: usize| SPEC.lines().nth(line - 1).unwrap_or_default().trim();
    let source = match &leaf.source {
        Source::Generator { contract } => format!("generator {contract}"),
        Source::Machine => "machine".to_owned(),
        Source::Spec { place, .. } => format!("spec: {}", text(place.line)),
        Source::Class { class, place, .. } => format!("class {class}: {}", text(place.line)),
        Source::Component { component, .. } => format!("component {component}"),
        Source::Patch { scope, place } if place.file == "homelab.yaml" => {
            format!("patch for {scope}: {}", text(place.line))
        }
        Source::Patch { scope, place } => {
            format!("patch for {scope}: {}:{}", place.file, place.line)
        }
    };
    (place, source)
}

#[test]
fn each_kind_of_source_is_told() {
    let found: BTreeMap<_, _> = explained().iter().map(said).collect();
    for (place, source) in [
        ("v1alpha1: persist", "generator v1.13"),
        ("v1alpha1: machine.token", "generator v1.13"),
        (
            "v1alpha1: machine.features.diskQuotaSupport",
            "generator v1.13",
        ),
        ("HostnameConfig: auto", "machine"),
        ("HostnameConfig: hostname", "spec: - name: talos-1"),
        ("v1alpha1: cluster.clusterName", "spec: name: lab"),
        ("v1alpha1: machine.kubelet.image", "spec: version: v1.36.4"),
        (
            "v1alpha1: machine.install.diskSelector.serial",
            "spec: serial: S4EVNX0R100001",
        ),
        (
            "v1alpha1: cluster.network.podSubnets[0]",
            "spec: pods: 10.42.0.0/16",
        ),
        (
            "v1alpha1: cluster.discovery.enabled",
            "spec: discovery: false",
        ),
        (
            "ResolverConfig: nameservers[address=192.168.1.1].address",
            "spec: - 192.168.1.1",
        ),
        (
            "ResolverConfig: nameservers[address=192.168.1.2].address",
            "spec: - 192.168.1.2",
        ),
        ("LinkConfig net0: mtu", "spec: mtu: 9000"),
        (
            "LinkConfig net0: addresses[address=192.168.1.101/24].address",
            "spec: address: 192.168.1.101",
        ),
        (
            "v1alpha1: machine.kubelet.nodeIP.validSubnets[0]",
            "spec: nodes: 192.168.1.0/24",
        ),
        (
            "LinkAliasConfig net0: selector.match",
            "spec: mac: \"52:54:00:00:00:01\"",
        ),
        (
            "v1alpha1: machine.sysctls.\"vm.nr_hugepages\"",
            "class big: vm.nr_hugepages: \"1024\"",
        ),
        (
            "v1alpha1: machine.nodeLabels.zone",
            "class big: zone: attic",
        ),
        ("v1alpha1: machine.nodeAnnotations.rack", "spec: rack: r1"),
        ("v1alpha1: cluster.network.cni.name", "component cilium"),
        (
            "v1alpha1: machine.sysctls.\"vm.max_map_count\"",
            "patch for all nodes: vm.max_map_count: \"262144\"",
        ),
        (
            "v1alpha1: machine.sysctls.\"vm.swappiness\"",
            "patch for all nodes: patches/all.yaml:3",
        ),
        (
            "v1alpha1: machine.certSANs[1]",
            "patch for control planes: - talos.homelab.local",
        ),
        (
            "v1alpha1: machine.logging.destinations[endpoint=udp://192.168.1.9:5140/].format",
            "patch for class `big`: format: json_lines",
        ),
        (
            "WatchdogTimerConfig: timeout",
            "patch for this node: timeout: 3m",
        ),
    ] {
        let known = found
            .keys()
            .filter(|key| key.starts_with(place.split('[').next().unwrap_or(place)));
        let known: Vec<_> = known.collect();
        assert_eq!(
            found.get(place).map(String::as_str),
            Some(source),
            "{place}; there are {known:?}"
        );
    }
}

/// Counted without the code under test.
fn count(value: &Value) -> usize {
    match value {
        value if SecretRef::of(value).is_some() => 1,
        Value::Object(entries) if !entries.is_empty() => entries.values().map(count).sum(),
        Value::Array(items) if !items.is_empty() => items.iter().map(count).sum(),
        _ => 1,
    }
}

#[test]
fn every_leaf_is_there_once() {
    let documents = rendered(SPEC).expect("it is valid");
    let found = explained();
    assert_eq!(found.len(), documents.iter().map(count).sum::<usize>());
    let addresses: BTreeSet<_> = found.iter().map(|leaf| &leaf.address).collect();
    assert_eq!(addresses.len(), found.len(), "an address is there twice");
}

/// The spec's text without the line that a leaf names: the leaf goes, or says something else.
#[test]
fn no_leaf_survives_its_line() {
    let before = leaves(&rendered(SPEC).expect("it is valid"));
    let mut named: BTreeMap<usize, Vec<&Leaf>> = BTreeMap::new();
    for leaf in explained() {
        let place = match &leaf.source {
            Source::Spec { place, .. }
            | Source::Class { place, .. }
            | Source::Patch { place, .. } => place,
            Source::Generator { .. } | Source::Machine | Source::Component { .. } => continue,
        };
        if place.file == "homelab.yaml" {
            named.entry(place.line).or_default().push(leaf);
        }
    }
    let mut tried = 0;
    for (line, named) in named {
        let lines = SPEC.lines().enumerate();
        let lines = lines.filter(|(index, _)| index + 1 != line);
        let text: Vec<_> = lines.map(|(_, text)| text).collect();
        let Some(documents) = rendered(&text.join("\n")) else {
            continue;
        };
        tried += 1;
        let after = leaves(&documents);
        for Leaf { address, .. } in named {
            assert_ne!(
                after.get(address),
                before.get(address),
                "{address:?} without line {line}"
            );
        }
    }
    assert!(tried >= 8, "{tried} lines could be taken away");
}

/// The same place in the spec, wherever its value lands under the contract of a release.
#[test]
fn every_contract_is_explained() {
    for (talos, kubernetes, contract, place) in [
        (
            "v1.10.9",
            "v1.33.6",
            "v1.10",
            "v1alpha1: machine.network.interfaces[0].mtu",
        ),
        ("v1.12.11", "v1.35.4", "v1.12", "LinkConfig net0: mtu"),
        ("v1.14.0", "v1.36.4", "v1.14", "LinkConfig net0: mtu"),
    ] {
        let text = SPEC
            .replace("v1.13.9", talos)
            .replace("v1.36.4", kubernetes);
        let checked = check(&text);
        let name = "talos-1".parse().expect("a name");
        let leaves = explain(&checked, &catalog(), &name);
        let leaves = leaves.unwrap_or_else(|error| panic!("{error}: {:#?}", checked.diagnostics));
        let documents = rendered(&text).expect("it is valid");
        assert_eq!(
            leaves.len(),
            documents.iter().map(count).sum::<usize>(),
            "{talos}"
        );
        let said: BTreeMap<_, _> = leaves.iter().map(said).collect();
        assert_eq!(
            said.get(place).map(String::as_str),
            Some("spec: mtu: 9000"),
            "{talos}: {said:#?}"
        );
        let generator = format!("generator {contract}");
        assert!(said.values().any(|source| *source == generator), "{talos}");
    }
}

/// A part of a value reaches some leaves only, and a value may have no other that a spec could ask for.
#[test]
fn what_the_spec_says_is_not_called_the_generators() {
    let text = r#"apiVersion: homelab/v1alpha1
kind: Cluster
metadata: {name: bench}
spec:
  kubernetes: {version: v1.36.4}
  distribution: {talos: {version: v1.13.9}}
  network: {nodes: 10.5.0.0/16, gateway: 10.5.0.1, nameservers: [10.5.0.1], timeServers: [time.cloudflare.com],
    pods: 10.240.0.0/13, services: 10.96.0.0/12, cni: flannel}
  controlPlane: {endpoint: "10.5.0.10:6443", schedulable: true}
  nodes:
    - {name: talos-1, role: control-plane, address: 10.5.1.1, disk: {path: /dev/disk/by-id/ata-X-1}, nic: {name: eth0}}
  secrets: {sops: {recipients: [age169paenjp8tp39je8nsdgzc8sncr2plfksnrmxgnypvl8c7q97avsn65kqt]}}
  gitops: {flux: {url: "https://git.homelab.local/lab.git", auth: none}}
  components: {flux-operator: {version: 0.58.1}}
"#;
    let checked = check(text);
    let name = "talos-1".parse().expect("a name");
    let leaves = explain(&checked, &catalog(), &name);
    let leaves = leaves.unwrap_or_else(|error| panic!("{error}: {:#?}", checked.diagnostics));
    let key = |place: &str| {
        let at = |leaf: &&Leaf| leaf.address.path.to_string() == place;
        match &leaves.iter().find(at).expect("it is there").source {
            Source::Spec { key, .. } => key.to_string(),
            other => format!("{other:?}"),
        }
    };
    for (place, expected) in [
        ("machine.certSANs[0]", "spec.controlPlane.endpoint"),
        (
            "cluster.apiServer.certSANs[0]",
            "spec.controlPlane.endpoint",
        ),
        (
            "cluster.controlPlane.endpoint",
            "spec.controlPlane.endpoint",
        ),
        (
            "cluster.allowSchedulingOnControlPlanes",
            "spec.controlPlane.schedulable",
        ),
        ("machine.install.disk", "spec.nodes[talos-1].disk.path"),
    ] {
        assert_eq!(key(place), expected, "{place}");
    }
    assert!(key("cluster.network.dnsDomain").starts_with("Generator"));
}

#[test]
fn secrets_are_hidden() {
    let found = explained();
    for leaf in found {
        assert!(SecretRef::of(&leaf.value).is_none(), "{leaf:?}");
    }
    let token = found
        .iter()
        .find(|leaf| leaf.address.path.to_string() == "machine.token");
    assert_eq!(token.map(|leaf| leaf.value.clone()), Some("******".into()));
}

#[test]
fn places_are_those_of_a_comparison() {
    let found = explained();
    let taken = |text: &str| {
        let filter = Filter::parse(text, found).expect("a place");
        let taken = found.iter().filter(|leaf| filter.takes(leaf));
        taken.map(|leaf| said(leaf).0).collect::<Vec<_>>()
    };
    assert_eq!(taken("LinkConfig net0: mtu"), ["LinkConfig net0: mtu"]);
    assert_eq!(taken("v1alpha1: persist"), taken("persist"));
    assert_eq!(
        taken("WatchdogTimerConfig"),
        ["apiVersion", "kind", "device", "timeout"]
            .map(|key| format!("WatchdogTimerConfig: {key}"))
    );
    assert_eq!(
        taken("machine.sysctls.\"vm.swappiness\""),
        ["v1alpha1: machine.sysctls.\"vm.swappiness\""]
    );
    assert_eq!(taken("machine.nothing"), [""; 0]);
    assert!(Filter::parse("a..b", found).is_err());
}
