//! Plans and refusals of the reference cluster, from observations made by hand. Every plan that a
//! test makes is linted.

mod apply;
mod fences;
mod milestones;
mod preflight;
mod symptoms;

use std::collections::BTreeSet;
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::catalog::Catalog;
use crate::model::NodeName;
use crate::spec::Cluster;

const FINGERPRINT: &str = "pu9qOF/m/9gbgP0Nb8xS/Yj4FV0Y7cJjdRZ0x6Zs0Xk=";

const IMAGE: &str = "factory.talos.dev/metal-installer/376567988ad3";

fn cluster() -> Cluster {
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    let text = include_str!("../../homelab.yaml");
    let checked = crate::spec::load("homelab.yaml", text, &catalog);
    checked.cluster.expect("the reference spec is valid")
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a node name")
}

fn hardware(number: u8) -> Hardware {
    Hardware {
        version: Some("v1.13.9".parse().expect("a version")),
        arch: Some("amd64".to_owned()),
        platform: Platform::Metal,
        memory: Some(16384),
        uuid: Some(format!("00000000-0000-0000-0000-00000000000{number}")),
        disks: vec![Disk {
            path: "/dev/sda".to_owned(),
            serial: format!("S4EVNX0R10000{number}"),
            wwid: format!("naa.500000000000000{number}"),
            size: 500_107_862_016,
            model: "Samsung SSD 860".to_owned(),
            ..Disk::default()
        }],
        links: vec![Link {
            name: "enp1s0".to_owned(),
            mac: format!("52:54:00:00:00:0{number}").parse().ok(),
            up: true,
        }],
        addresses: vec![Address {
            network: format!("192.168.1.10{number}/24")
                .parse()
                .expect("an address"),
            link: "enp1s0".to_owned(),
        }],
        gateways: vec!["192.168.1.1".parse().expect("an address")],
        resolvers: vec!["192.168.1.1".parse().expect("an address")],
        time_synced: Some(true),
        clock_offset: Some(0),
    }
}

fn maintenance(number: u8) -> NodeState {
    NodeState::Maintenance {
        fingerprint: FINGERPRINT.to_owned(),
        hardware: hardware(number),
    }
}

fn ours(number: u8, etcd: EtcdSigns) -> NodeState {
    NodeState::Ours(Running {
        hostname: format!("talos-{number}"),
        stage: "running".to_owned(),
        unmet: Vec::new(),
        hardware: hardware(number),
        etcd,
        certificate: None,
        pending: None,
    })
}

fn alive(members: &[&str]) -> EtcdSigns {
    EtcdSigns::Alive {
        healthy: true,
        members: members.iter().map(|member| (*member).to_owned()).collect(),
    }
}

fn silent() -> NodeState {
    NodeState::Unreachable {
        reason: "connection refused".to_owned(),
    }
}

/// Fresh machines, everything in order.
fn fresh() -> Observed {
    with([maintenance(1), maintenance(2), maintenance(3)])
}

fn with(states: [NodeState; 3]) -> Observed {
    let names = ["talos-1", "talos-2", "talos-3"].map(name);
    Observed {
        tree: Tree::Current,
        secrets: SecretsState::Open {
            talos_ca: "ab".repeat(32),
            unreadable: Vec::new(),
            missing: Vec::new(),
            age_key: true,
            git_credentials: true,
        },
        nodes: names.into_iter().zip(states).collect(),
        images: ["talos-1", "talos-2", "talos-3"]
            .map(|node| (name(node), format!("{IMAGE}:v1.13.9")))
            .into(),
        placeholders: Vec::new(),
        git: Git::Holds {
            revision: "6d0b36d0b36d0b36d0b36d0b36d0b36d0b36d0b3".to_owned(),
        },
        vip: Some(VipState {
            address: "192.168.1.100".parse().expect("an address"),
            probe: VipProbe::Silent,
        }),
    }
}

fn decide(observed: &Observed) -> Plan {
    decide_with(observed, &Consents::default())
}

fn decide_with(observed: &Observed, consents: &Consents) -> Plan {
    let plan = bootstrap(&cluster(), observed, consents);
    assert_eq!(lint(&plan), Vec::<String>::new());
    plan
}

fn fences(plan: &Plan) -> Vec<Fence> {
    plan.refusals.iter().map(|refusal| refusal.fence).collect()
}

fn bootstraps(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::BootstrapEtcd { node } => Some(node.to_string()),
            _ => None,
        })
        .collect()
}

/// What holds for every plan, whatever was observed.
fn lint(plan: &Plan) -> Vec<String> {
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();
    let mut identified = BTreeSet::new();
    let mut leased = false;
    for pair in plan.steps.windows(2) {
        if pair[1].batch < pair[0].batch || pair[1].stage < pair[0].stage {
            findings.push(format!("`{}` is out of order", pair[1].id));
        }
    }
    for step in &plan.steps {
        let unique = ids.insert((step.id.clone(), step.stage));
        if !unique {
            findings.push(format!("`{}` is there twice", step.id));
        }
        if step.reason.is_empty() {
            findings.push(format!("`{}` has no reason", step.id));
        }
        if let (Action::Await, Condition::HasIdentity { node }) =
            (&step.action, &step.postcondition)
        {
            identified.insert(node.clone());
        }
        let wipes = step
            .effects
            .iter()
            .any(|e| matches!(e, Effect::WipesDisk { .. }));
        if wipes && !matches!(step.action, Action::InstallNode { .. }) {
            findings.push(format!("`{}` wipes a disk", step.id));
        }
        match &step.action {
            Action::BootstrapEtcd { .. } => match &step.precondition {
                Condition::NoEtcd { nodes } if nodes.iter().all(|n| identified.contains(n)) => {}
                other => findings.push(format!("etcd is bootstrapped when {other}")),
            },
            Action::TakeLease => leased = true,
            Action::ApplyObjects { .. } | Action::RemoveChartRunner if !leased => {
                findings.push(format!("`{}` comes before the lease", step.id));
            }
            _ => {}
        }
        let wait = wait_for(&step.postcondition);
        if wait.normal > wait.deadline || wait.because.is_empty() {
            findings.push(format!("`{}` waits badly", step.id));
        }
    }
    if bootstraps(plan).len() > 1 {
        findings.push("etcd is bootstrapped twice".to_owned());
    }
    findings
}

#[test]
fn a_fresh_cluster_in_full() {
    assert_snapshot!(decide(&fresh()));
}

#[test]
fn looks_come_soon_at_first_and_seldom_later() {
    let pauses = |condition: &Condition| {
        let wait = wait_for(condition);
        [0, 10, 40, 600].map(|second| wait.pause(Duration::from_secs(second)).as_millis())
    };
    let node = name("talos-1");
    let api = Condition::ApiReady { node: node.clone() };
    assert_eq!(pauses(&api), [250, 500, 2000, 3000]);
    // Two good looks in a row must not be one and the same moment.
    let voters = Vec::new();
    assert_eq!(pauses(&Condition::Settled { node, voters }), [3000; 4]);
}

#[test]
fn a_running_cluster_changes_nothing() {
    let all = alive(&["talos-1", "talos-2", "talos-3"]);
    let plan = decide(&with([
        ours(1, all.clone()),
        ours(2, all.clone()),
        ours(3, all),
    ]));
    assert!(plan.refusals.is_empty());
    assert!(bootstraps(&plan).is_empty());
    let disturbs = plan
        .steps
        .iter()
        .flat_map(|step| &step.effects)
        .any(|effect| {
            !matches!(
                effect,
                Effect::AppliesObjects | Effect::RemovesObjects | Effect::WritesFile { .. }
            )
        });
    assert!(!disturbs);
}

#[test]
fn the_plan_is_json() {
    let plan = serde_json::to_value(decide(&fresh())).expect("serialises");
    assert_eq!(plan["cluster"], "homelab");
    assert_eq!(plan["steps"][0]["action"]["do"], "install-node");
    assert_eq!(plan["steps"][6]["action"]["do"], "bootstrap-etcd");
    assert_eq!(plan["steps"][6]["action"]["node"], "talos-1");
}

#[test]
fn a_node_that_was_wiped_joins_and_nothing_is_bootstrapped() {
    for wiped in 1..=3_u8 {
        let members: Vec<String> = (1..=3).map(|n| format!("talos-{n}")).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let state = |n: u8| {
            if n == wiped {
                maintenance(n)
            } else {
                ours(n, alive(&members))
            }
        };
        let plan = decide(&with([state(1), state(2), state(3)]));
        assert!(plan.refusals.is_empty(), "{plan}");
        assert!(bootstraps(&plan).is_empty());
        let installs = plan
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::InstallNode { .. }));
        assert_eq!(installs.count(), 1);
    }
}

#[test]
fn nothing_answers() {
    let plan = decide(&with([silent(), silent(), silent()]));
    assert_eq!(fences(&plan), [Fence::ClusterUnreachable]);
    assert_eq!(plan.severity(), Some(Severity::Unreachable));
}

#[test]
fn a_changed_configuration_goes_to_our_nodes_one_by_one_and_only_before_etcd() {
    let pending = |number: u8, etcd: EtcdSigns| {
        let NodeState::Ours(mut running) = ours(number, etcd) else {
            unreachable!("`ours` makes nothing else")
        };
        running.pending = Some(Pending::default());
        NodeState::Ours(running)
    };
    let before = decide(&with([
        pending(1, EtcdSigns::Waiting),
        pending(2, EtcdSigns::Waiting),
        ours(3, EtcdSigns::Waiting),
    ]));
    let reconfigured: Vec<_> = before
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::ReconfigureNode { .. }))
        .map(|step| (step.id.to_string(), step.batch))
        .collect();
    assert_eq!(
        reconfigured,
        [
            ("reconfigure/talos-1".to_owned(), 2),
            ("reconfigure/talos-2".to_owned(), 3)
        ]
    );
    let all = alive(&["talos-1", "talos-2", "talos-3"]);
    let after = decide(&with([
        pending(1, all.clone()),
        ours(2, all.clone()),
        ours(3, all),
    ]));
    assert_eq!(fences(&after), [Fence::ConfigurationDiffers]);
    assert_eq!(after.severity(), Some(Severity::Differs));
}

#[test]
fn a_container_installs_nothing_and_says_so() {
    let mut observed = fresh();
    let mut container = hardware(1);
    container.platform = Platform::Container;
    container.disks.clear();
    container.links.clear();
    observed.nodes.insert(
        name("talos-1"),
        NodeState::Maintenance {
            fingerprint: FINGERPRINT.to_owned(),
            hardware: container,
        },
    );
    let plan = decide(&observed);
    assert!(plan.refusals.is_empty(), "{plan}");
    assert!(plan.steps[0].effects.is_empty());
    assert!(plan.steps[0].reason.contains("nothing is installed"));
}
