//! What a valid file becomes, and that no text makes the checks fall over.

use std::fmt::Write as _;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::cluster::{DiskSelector, GitAuth, LoadBalancerMode, NicSelector, Patch};
use super::{Checked, Cluster, load};
use crate::catalog::Catalog;

const SPEC: &str = include_str!("../../tests/fixtures/diagnostics/HL0101/passes.yaml");

fn checked(text: &str) -> Checked {
    static CATALOG: LazyLock<Catalog> =
        LazyLock::new(|| Catalog::embedded().expect("the catalogue loads"));
    load("homelab.yaml", text, &CATALOG)
}

fn cluster(text: &str) -> Cluster {
    let checked = checked(text);
    checked
        .cluster
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

#[test]
fn defaults_are_filled_in() {
    let text = SPEC
        .replace("    pods: 10.42.0.0/16\n", "")
        .replace("    services: 10.43.0.0/16\n", "");
    let cluster = cluster(&text);
    let network = serde_json::to_value(&cluster.network).expect("serialises");
    let expected = json!({
        "nodes": "192.168.1.0/24",
        "gateway": "192.168.1.1",
        "nameservers": ["192.168.1.1"],
        "time_servers": ["time.cloudflare.com"],
        "pods": ["10.244.0.0/16"],
        "services": ["10.96.0.0/12"],
        "domain": null,
        "cluster_domain": "cluster.local",
        "without_cni": false,
        "load_balancer": null,
    });
    assert_eq!(network, expected);
    assert!(cluster.control_plane.schedulable, "there is no worker");
    assert_eq!(cluster.control_plane.endpoint.host, "192.168.1.2");
    let super::cluster::GitOps::Flux(flux) = &cluster.gitops;
    assert_eq!((flux.branch.as_str(), flux.auth), ("main", GitAuth::Ssh));
}

#[test]
fn nodes_take_from_their_class_what_they_do_not_say() {
    let text = SPEC
        .replace(
            "  nodes:\n    - name: node-1\n",
            "  classes:\n    nuc:\n      arch: arm64\n      nic: {name: eth0}\n      labels: {tier: a, hw: nuc}\n      patches: [{machine: {a: 1}}]\n  nodes:\n    - name: node-1\n      class: nuc\n      labels: {tier: b}\n      patches: [{machine: {b: 2}}]\n",
        )
        .replace("      nic: {mac: \"52:54:00:00:00:01\"}\n", "");
    let cluster = cluster(&text);
    let node = &cluster.nodes[0];
    assert_eq!(node.nic, NicSelector::Name("eth0".to_owned()));
    assert_eq!(node.disk, DiskSelector::Serial("S4EVNX0R100001".to_owned()));
    assert_eq!(node.arch, super::cluster::Arch::Arm64);
    let labels: Vec<_> = node
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(labels, ["hw=nuc", "tier=b"]);
    let patches = [
        Patch {
            content: json!({"machine": {"a": 1}}),
            line: 21,
            class: Some("nuc".to_owned()),
            tree: node.patches[0].tree.clone(),
            ..Patch::default()
        },
        Patch {
            content: json!({"machine": {"b": 2}}),
            line: 26,
            tree: node.patches[1].tree.clone(),
            ..Patch::default()
        },
    ];
    assert_eq!(node.patches, patches);
}

#[test]
fn components_come_after_what_they_wait_for_however_they_are_listed() {
    let names = |text: &str| -> Vec<String> {
        cluster(text)
            .components
            .into_iter()
            .map(|component| component.name)
            .collect()
    };
    let listed = "    cilium: {version: 1.20.1}\n    flux-operator: {version: 0.58.1}\n";
    let turned = "    flux-operator: {version: 0.58.1}\n    cilium: {version: 1.20.1}\n";
    assert_eq!(names(SPEC), ["cilium", "flux-operator"]);
    assert_eq!(
        names(&SPEC.replace(listed, turned)),
        ["cilium", "flux-operator"]
    );
}

#[test]
fn options_are_complete_and_reserved_keys_are_none() {
    let text = SPEC.replace(
        "cilium: {version: 1.20.1}",
        "cilium: {version: 1.20.2, hubble: true, values: {operator: {replicas: 1}}, chart: {url: \"oci://r.example.org/cilium\"}}",
    );
    let cluster = cluster(&text);
    let cilium = cluster.component("cilium").expect("chosen");
    let options = json!({"hubble": true, "encryption": false});
    assert_eq!(json!(cilium.options), options);
    assert_eq!(json!(cilium.values), json!({"operator": {"replicas": 1}}));
    assert_eq!(cilium.version, "1.20.2");
    assert_eq!(
        cilium.chart_url.as_deref(),
        Some("oci://r.example.org/cilium")
    );
}

#[test]
fn a_load_balancer_is_announced_by_arp_unless_said_otherwise() {
    let text = SPEC.replace(
        "    services: 10.43.0.0/16\n",
        "    services: 10.43.0.0/16\n    loadBalancer: {pools: [192.168.1.240/28]}\n",
    );
    let balancer = cluster(&text).network.load_balancer.expect("there is one");
    assert_eq!(balancer.mode, LoadBalancerMode::L2);
}

#[test]
fn every_problem_of_a_file_is_found_at_once() {
    let text = SPEC
        .replace("gateway:", "gatway:")
        .replace("pods: 10.42.0.0/16", "pods: 10.42.0.1/16")
        .replace("role: control-plane", "role: master")
        .replace("version: 1.20.1", "version: 1.20")
        .replace("version: v1.36.4", "version: latest");
    let checked = checked(&text);
    let mut found = String::new();
    for finding in &checked.diagnostics {
        let (line, column) = finding.span().position(&text);
        let help = finding.help.as_deref().unwrap_or("-");
        writeln!(
            found,
            "{line}:{column} {} {} | {help}",
            finding.code, finding.message
        )
        .expect("a string takes all");
    }
    insta::assert_snapshot!(found, @r"
    7:14 HL0009 expected a version such as `v1.36.4`, found `latest` | -
    13:5 HL0006 `network` has no key `gatway` | did you mean `gateway`?
    14:11 HL0103 `10.42.0.1/16` has bits set outside its network | did you mean `10.42.0.0/16`?
    18:13 HL0009 `master` is not allowed for `role` | -
    30:23 HL0008 `version` must be a text, found a number with a fraction (`1.2`) | put it in quotes
    ");
}

#[test]
fn a_thousand_nodes_are_checked() {
    let mut nodes = String::new();
    for index in 0..1000 {
        let role = if index < 3 { "control-plane" } else { "worker" };
        writeln!(
            nodes,
            "    - {{name: node-{index}, role: {role}, address: 10.0.{}.{}, disk: {{serial: S{index}}}, nic: {{name: eth0}}}}",
            index / 250,
            index % 250 + 2,
        )
        .expect("a string takes all");
    }
    let start = SPEC.find("    - name: node-1").expect("a node");
    let end = SPEC.find("  secrets:").expect("the next section");
    let text = format!("{}{nodes}{}", &SPEC[..start], &SPEC[end..])
        .replace("nodes: 192.168.1.0/24", "nodes: 10.0.0.0/21")
        .replace("gateway: 192.168.1.1", "gateway: 10.0.0.1")
        .replace("pods: 10.42.0.0/16", "pods: 10.64.0.0/12")
        .replace(
            "  nodes:\n    -",
            "  controlPlane: {endpoint: \"k8s.example.org:6443\"}\n  nodes:\n    -",
        );
    assert_eq!(cluster(&text).nodes.len(), 1000);
}

#[test]
fn every_pattern_of_the_catalogue_is_understood() {
    let catalog = Catalog::embedded().expect("the catalogue loads");
    let mut found = 0;
    for component in catalog.iter() {
        let properties = component
            .options
            .get("properties")
            .and_then(|value| value.as_object());
        for property in properties
            .into_iter()
            .flat_map(|properties| properties.values())
        {
            if let Some(pattern) = property.get("pattern").and_then(|value| value.as_str()) {
                found += 1;
                assert!(regex::Regex::new(pattern).is_ok(), "{pattern}");
            }
        }
    }
    assert!(found > 0);
}

#[test]
fn options_have_the_form_that_the_catalogue_asks_for() {
    let text = SPEC.replace(
        "    flux-operator:",
        "    cert-manager: {version: v1.21.1, email: nobody, dns: route53, zone: []}\n    flux-operator:",
    );
    let found: Vec<_> = checked(&text)
        .diagnostics
        .into_iter()
        .map(|finding| {
            format!(
                "{} {} | {}",
                finding.code,
                finding.message,
                finding.help.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "HL0009 `email` must be of the right form (The address that Let's Encrypt writes to about expiring certificates), found `nobody` | ",
            "HL0009 `route53` is not allowed for `dns` | ",
            "HL0006 `cert-manager` has no key `zone` | did you mean `zones`?",
        ]
    );
}

#[test]
fn names_and_labels_have_the_form_that_dns_and_kubernetes_take() {
    let text = SPEC
        .replace(
            "    services: 10.43.0.0/16\n",
            "    services: 10.43.0.0/16\n    domain: home lab\n    timeServers: [192.168.1.1, \"http://time\"]\n",
        )
        .replace("      role: control-plane\n", "      role: control-plane\n      labels: {a/b/c: x, tier: \"no spaces\"}\n");
    let found: Vec<_> = checked(&text)
        .diagnostics
        .into_iter()
        .map(|finding| finding.message)
        .collect();
    assert_eq!(
        found,
        [
            "expected a DNS name such as `homelab.local`, found `home lab`",
            "expected a DNS name such as `homelab.local`, found `http://time`",
            "expected a label such as `example.org/tier`, found `a/b/c`",
            "the value of `tier` must be at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, found `no spaces`",
        ]
    );
}

/// Changes that people and merge tools make: a line lost, doubled, indented or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = SPEC.lines().collect();
    let damage = (0..lines.len(), 0..6_usize, "[ -~\\t]{0,12}");
    prop::collection::vec(damage, 1..4).prop_map(move |damages| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for (index, kind, noise) in damages {
            let index = index % lines.len();
            match kind {
                0 => drop(lines.remove(index)),
                1 => lines.insert(index, lines[index].clone()),
                2 => lines[index].insert_str(0, "  "),
                3 => lines[index].push_str(&noise),
                4 => lines[index] = noise,
                _ => {
                    let line = lines[index].clone();
                    let key = line.split(':').next().unwrap_or_default();
                    lines[index] = format!("{key}: {noise}");
                }
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn there_is_a_cluster_or_an_error_whatever_the_damage(text in damaged()) {
        let checked = checked(&text);
        prop_assert_eq!(checked.cluster.is_none(), checked.has_errors(), "{:#?}", checked.diagnostics);
        let shown = crate::ui::diagnostics::text(&checked);
        prop_assert_eq!(shown.is_empty(), checked.diagnostics.is_empty());
        crate::ui::diagnostics::json(&checked);
    }

    #[test]
    fn no_text_makes_the_checks_fall_over(text in any::<String>()) {
        let checked = checked(&text);
        prop_assert!(checked.cluster.is_none());
        crate::ui::diagnostics::text(&checked);
    }
}
