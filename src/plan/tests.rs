//! Plans and refusals of the reference cluster, from observations made by hand. Every plan that a
//! test makes is linted.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::model::NodeName;
use crate::spec::Cluster;

const FINGERPRINT: &str = "pu9qOF/m/9gbgP0Nb8xS/Yj4FV0Y7cJjdRZ0x6Zs0Xk=";

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
        addresses: Vec::new(),
        time_synced: Some(true),
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
fn one_silent_control_plane_stops_a_new_cluster() {
    let plan = decide(&with([maintenance(1), maintenance(2), silent()]));
    assert_eq!(fences(&plan), [Fence::ControlPlaneUnreachable]);
    assert_eq!(plan.severity(), Some(Severity::Refused));
    assert_snapshot!(plan);
}

#[test]
fn a_control_plane_that_is_gone_for_good_is_left_out_by_name() {
    let mut consents = Consents::default();
    consents.without.insert(name("talos-1"));
    let plan = decide_with(&with([silent(), maintenance(2), maintenance(3)]), &consents);
    assert!(plan.refusals.is_empty(), "{plan}");
    assert_eq!(bootstraps(&plan), ["talos-2"]);
}

#[test]
fn a_silent_control_plane_does_not_matter_once_etcd_exists() {
    let two = alive(&["talos-1", "talos-2", "talos-3"]);
    let plan = decide(&with([silent(), ours(2, two.clone()), ours(3, two)]));
    assert!(plan.refusals.is_empty(), "{plan}");
    assert!(bootstraps(&plan).is_empty());
    assert_snapshot!(plan.warnings.join("\n"), @"`talos-1` does not answer: connection refused");
}

#[test]
fn nothing_answers() {
    let plan = decide(&with([silent(), silent(), silent()]));
    assert_eq!(fences(&plan), [Fence::ClusterUnreachable]);
    assert_eq!(plan.severity(), Some(Severity::Unreachable));
}

#[test]
fn a_split_etcd_is_named() {
    let plan = decide(&with([
        ours(1, alive(&["talos-1"])),
        ours(2, alive(&["talos-2", "talos-3 (learner)"])),
        ours(3, alive(&["talos-2", "talos-3 (learner)"])),
    ]));
    assert_eq!(fences(&plan), [Fence::EtcdSplit]);
    assert_snapshot!(plan);
}

#[test]
fn an_etcd_that_cannot_be_told_is_refused() {
    let unclear = EtcdSigns::Unclear {
        reason: "not authorized".to_owned(),
    };
    let plan = decide(&with([maintenance(1), ours(2, unclear), maintenance(3)]));
    assert_eq!(fences(&plan), [Fence::EtcdUnclear]);
    assert!(bootstraps(&plan).is_empty());
}

#[test]
fn a_stranger_is_refused() {
    let foreign = NodeState::Foreign {
        identity: "its certificate names `CN=talos-2`, issued by `O=talos`".to_owned(),
    };
    let plan = decide(&with([maintenance(1), foreign, maintenance(3)]));
    assert_eq!(fences(&plan), [Fence::ForeignIdentity]);
    assert_snapshot!(plan);
}

#[test]
fn a_machine_under_another_name_is_refused() {
    let plan = decide(&with([
        ours(1, EtcdSigns::Waiting),
        ours(3, EtcdSigns::Waiting),
        ours(3, EtcdSigns::Waiting),
    ]));
    assert_eq!(fences(&plan), [Fence::WrongNode, Fence::DuplicateMachine]);
}

#[test]
fn a_disk_that_holds_something_needs_consent_for_exactly_it() {
    let mut observed = fresh();
    let mut used = hardware(2);
    used.disks[0].holds = vec!["partition `tank` (zfs, 480 GB)".to_owned()];
    observed.nodes.insert(
        name("talos-2"),
        NodeState::Maintenance {
            fingerprint: FINGERPRINT.to_owned(),
            hardware: used,
        },
    );
    let plan = decide(&observed);
    assert_eq!(fences(&plan), [Fence::DiskInUse]);
    assert_snapshot!(plan);
    for (consent, refused) in [
        ("talos-2=S4EVNX0R100002", false),
        ("talos-2=naa.5000000000000002", false),
        ("talos-1=S4EVNX0R100002", true),
        ("talos-2=S4EVNX0R100001", true),
    ] {
        let mut consents = Consents::default();
        consents.allow_wipe(consent.parse().expect("a consent"));
        let plan = decide_with(&observed, &consents);
        assert_eq!(!plan.refusals.is_empty(), refused, "{consent}");
    }
}

#[test]
fn exactly_one_writable_disk_must_match() {
    for change in [
        (|disks: &mut Vec<Disk>| disks.clear()) as fn(&mut Vec<Disk>),
        |disks| disks[0].serial = "OTHER".to_owned(),
        |disks| disks[0].readonly = true,
        |disks| disks.push(disks[0].clone()),
    ] {
        let mut observed = fresh();
        let mut changed = hardware(1);
        change(&mut changed.disks);
        observed.nodes.insert(
            name("talos-1"),
            NodeState::Maintenance {
                fingerprint: FINGERPRINT.to_owned(),
                hardware: changed,
            },
        );
        assert_eq!(fences(&decide(&observed)), [Fence::DiskSelection]);
    }
}

#[test]
fn hardware_that_is_not_what_the_spec_says_is_refused() {
    for change in [
        (|hardware: &mut Hardware| hardware.version = "v1.12.4".parse().ok()) as fn(&mut Hardware),
        |hardware| hardware.arch = Some("arm64".to_owned()),
        |hardware| hardware.links[0].mac = "52:54:00:00:00:99".parse().ok(),
    ] {
        let mut observed = fresh();
        let mut changed = hardware(1);
        change(&mut changed);
        observed.nodes.insert(
            name("talos-1"),
            NodeState::Maintenance {
                fingerprint: FINGERPRINT.to_owned(),
                hardware: changed,
            },
        );
        assert_eq!(fences(&decide(&observed)), [Fence::HardwareMismatch]);
    }
}

#[test]
fn all_findings_come_at_once() {
    let mut observed = with([maintenance(1), maintenance(1), silent()]);
    observed.tree = Tree::Stale(vec!["docs/cluster.md".into()]);
    observed.git = Git::Elsewhere {
        remote: None,
        local: "6d0b36d".to_owned(),
    };
    observed.secrets = SecretsState::Open {
        talos_ca: String::new(),
        unreadable: vec!["cluster/secrets/cert-manager/token.sops.yaml".into()],
        missing: vec!["cluster/secrets/demo/login.sops.yaml".into()],
        age_key: false,
        git_credentials: false,
    };
    observed.vip = Some(VipState {
        address: "192.168.1.100".parse().expect("an address"),
        probe: VipProbe::Taken,
    });
    assert_snapshot!(decide(&observed));
}

#[test]
fn a_stale_tree_alone_is_a_difference_and_no_refusal() {
    let mut observed = fresh();
    observed.tree = Tree::Stale(vec!["docs/cluster.md".into()]);
    assert_eq!(decide(&observed).severity(), Some(Severity::Differs));
}

#[test]
fn without_a_bundle_nobody_is_asked_and_the_way_out_is_named() {
    let mut observed = with([silent(), silent(), silent()]);
    observed.secrets = SecretsState::Missing("infrastructure/talos/secrets.sops.yaml".into());
    let plan = decide(&observed);
    assert_eq!(plan.severity(), Some(Severity::Refused));
    assert_snapshot!(plan, @"
    bootstrap of `homelab`

    nothing will be done:
      - there is no secrets bundle at `infrastructure/talos/secrets.sops.yaml`
        run `homelab secrets init`
    ");
}

#[test]
fn a_changed_configuration_goes_to_our_nodes_one_by_one_and_only_before_etcd() {
    let pending = |number: u8, etcd: EtcdSigns| {
        let NodeState::Ours(mut running) = ours(number, etcd) else {
            unreachable!("`ours` makes nothing else")
        };
        running.pending = Some("changes in `sysctls`".to_owned());
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

fn any_etcd() -> impl Strategy<Value = EtcdSigns> {
    let members = proptest::sample::subsequence(vec!["talos-1", "talos-2", "talos-3"], 0..=3);
    prop_oneof![
        Just(EtcdSigns::Absent),
        Just(EtcdSigns::Waiting),
        (any::<bool>(), members).prop_map(|(healthy, members)| EtcdSigns::Alive {
            healthy,
            members: members.into_iter().map(str::to_owned).collect(),
        }),
        Just(EtcdSigns::Unclear {
            reason: "x".to_owned()
        }),
    ]
}

fn any_state(number: u8) -> impl Strategy<Value = NodeState> {
    prop_oneof![
        Just(silent()),
        Just(maintenance(number)),
        Just(NodeState::Foreign {
            identity: "x".to_owned()
        }),
        any_etcd().prop_map(move |etcd| ours(number, etcd)),
    ]
}

proptest! {
    #[test]
    fn etcd_is_only_bootstrapped_when_nothing_speaks_against_it(
        one in any_state(1), two in any_state(2), three in any_state(3)
    ) {
        let observed = with([one, two, three]);
        let plan = decide(&observed);
        let may_act = plan.refusals.is_empty();
        if may_act && !bootstraps(&plan).is_empty() {
            prop_assert_eq!(bootstraps(&plan), ["talos-1"]);
            for state in observed.nodes.values() {
                let harmless = match state {
                    NodeState::Maintenance { .. } => true,
                    NodeState::Ours(running) => {
                        matches!(running.etcd, EtcdSigns::Absent | EtcdSigns::Waiting)
                    }
                    _ => false,
                };
                prop_assert!(harmless, "{:?}", state);
            }
        }
    }

    #[test]
    fn the_order_of_nodes_in_the_spec_changes_nothing_about_the_target(
        order in Just(vec![0_usize, 1, 2]).prop_shuffle()
    ) {
        let mut cluster = cluster();
        let nodes = cluster.nodes.clone();
        cluster.nodes = order.into_iter().map(|index| nodes[index].clone()).collect();
        let plan = bootstrap(&cluster, &fresh(), &Consents::default());
        prop_assert_eq!(bootstraps(&plan), ["talos-1"]);
    }
}

#[test]
fn the_fence_judges_by_everyone() {
    let judge = |states: [NodeState; 3]| {
        let names = ["talos-1", "talos-2", "talos-3"].map(name);
        let states: BTreeMap<_, _> = names.into_iter().zip(states).collect();
        fence::judge(&states)
    };
    let waiting = |n| ours(n, EtcdSigns::Waiting);
    assert_eq!(
        judge([waiting(1), waiting(2), waiting(3)]),
        fence::Verdict::Never
    );
    assert_eq!(
        judge([waiting(1), ours(2, EtcdSigns::Absent), silent()]),
        fence::Verdict::NotYet(vec![name("talos-2"), name("talos-3")])
    );
    // An etcd that is being made, or lost its quorum, knows no member but exists.
    let starting = EtcdSigns::Alive {
        healthy: false,
        members: Vec::new(),
    };
    assert_eq!(
        judge([waiting(1), ours(2, starting), silent()]),
        fence::Verdict::Exists {
            members: BTreeSet::new()
        }
    );
}

#[test]
fn known_symptoms_lead_to_their_cause() {
    let node = || name("talos-2");
    let cases = [
        (
            Condition::HasIdentity { node: node() },
            "still in maintenance mode",
        ),
        (
            Condition::HasIdentity { node: node() },
            "cannot reach `192.168.1.102:50000`: timed out",
        ),
        (
            Condition::EtcdHealthy { node: node() },
            "time is not in sync yet",
        ),
        (
            Condition::Reconciled { revision: None },
            "Kustomization `a/b`: BuildFailed: decryption failed for 'Secret'",
        ),
        (
            Condition::Reconciled { revision: None },
            "GitRepository `a/b`: GitOperationFailed: authentication required",
        ),
        (
            Condition::Reconciled { revision: None },
            "Kustomization `a/b`: ArtifactFailed: kustomization path not found: stat",
        ),
        (
            Condition::NodesReady {
                nodes: vec![node()],
            },
            "`talos-2`: KubeletNotReady",
        ),
    ];
    let table: Vec<_> = cases
        .iter()
        .map(|(condition, seen)| {
            let diagnosis = diagnose(condition, seen);
            format!(
                "{seen}\n  cause: {}\n  try: {}",
                diagnosis.cause, diagnosis.command
            )
        })
        .collect();
    assert_snapshot!(table.join("\n"));
}
