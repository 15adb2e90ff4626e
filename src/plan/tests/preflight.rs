//! What is found before anything is changed.

use insta::assert_snapshot;

use super::*;
use crate::spec::Placeholder;
use crate::yaml::Span;

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
        unreadable: vec![
            Unreadable {
                file: "cluster/secrets/cert-manager/token.sops.yaml".into(),
                damage: None,
            },
            Unreadable {
                file: "cluster/secrets/demo/login.sops.yaml".into(),
                damage: Some("stringData.password: the value was changed".to_owned()),
            },
        ],
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
        run `homelab secrets init` to make the secrets of a new cluster; those of one that exists come back from Git, a backup or a control plane (`homelab secrets init --from-controlplane-config FILE`)
    ");
}

/// Observes the first machine, changed.
fn with_first(change: impl FnOnce(&mut Hardware)) -> Observed {
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
    observed
}

#[test]
fn what_will_change_around_a_machine_is_said_and_stops_nothing() {
    let address = |text: &str, link: &str| Address {
        network: text.parse().expect("an address"),
        link: link.to_owned(),
    };
    let other = || "192.168.1.254".parse().expect("an address");
    let observed = [
        with_first(|it| it.addresses = vec![address("192.168.1.57/24", "enp1s0")]),
        with_first(|it| it.addresses = vec![address("192.168.1.101/16", "enp1s0")]),
        with_first(|it| it.addresses = vec![address("192.168.1.101/24", "enp2s0")]),
        with_first(|it| it.gateways = vec![other()]),
        with_first(|it| it.resolvers = vec![other()]),
        with_first(|it| it.links[0].up = false),
        with_first(|it| it.memory = Some(1024)),
        with_first(|it| it.time_synced = Some(false)),
        Observed {
            vip: Some(VipState {
                address: "192.168.1.100".parse().expect("an address"),
                probe: VipProbe::Unknown,
            }),
            ..fresh()
        },
    ];
    let told: Vec<String> = observed
        .iter()
        .map(|observed| {
            let plan = decide(observed);
            assert!(plan.refusals.is_empty(), "{plan}");
            plan.warnings.join("\n")
        })
        .collect();
    assert_snapshot!(told.join("\n"), @"
    the address of `talos-1` will change: it is at 192.168.1.57 now and will be at 192.168.1.101
    `talos-1` is in a /16 now, `network.nodes` is a /24
    192.168.1.101 is on network card `enp2s0` of `talos-1` now and moves to `enp1s0`
    `talos-1` reaches the internet through 192.168.1.254 now, `network.gateway` is 192.168.1.1
    `talos-1` asks the name servers 192.168.1.254 now, `network.nameservers` are 192.168.1.1
    network card `52:54:00:00:00:01` of `talos-1` has no signal
    `talos-1` has 1024 MiB of memory, Talos asks for 1698 MiB
    the clock of `talos-1` is not synchronised; etcd waits until it is
    unknown whether the virtual IP 192.168.1.100 is free: nothing answers there, and this computer is not in its network
    ");
}

#[test]
fn an_installer_image_that_is_none_or_another_release_is_refused() {
    for (image, allowed) in [
        (format!("{IMAGE}:v1.13.9"), true),
        (format!("{IMAGE}@sha256:{}", "0a".repeat(32)), true),
        (format!("{IMAGE}:v1.12.4"), false),
        (IMAGE.to_owned(), false),
        ("{{ image }}".to_owned(), false),
    ] {
        let mut observed = fresh();
        observed.images.insert(name("talos-2"), image.clone());
        let plan = decide(&observed);
        let expected: &[Fence] = if allowed {
            &[]
        } else {
            &[Fence::InstallerImage]
        };
        assert_eq!(fences(&plan), expected, "{image}");
        assert_eq!(allowed, plan.severity().is_none());
    }
}

#[test]
fn what_a_preset_left_is_named_with_its_line_and_no_matter_later() {
    let left = || {
        vec![Placeholder {
            path: "spec.gitops.flux.url".to_owned(),
            value: "ssh://git@github.com/me/homelab.git".to_owned(),
            line: 52,
            span: Span::default(),
        }]
    };
    let mut observed = fresh();
    observed.placeholders = left();
    let plan = decide(&observed);
    assert_eq!(fences(&plan), [Fence::Placeholder]);
    assert_eq!(
        plan.refusals[0].message,
        "homelab.yaml:52: `spec.gitops.flux.url` is still the preset's: `ssh://git@github.com/me/homelab.git`"
    );
    let all = alive(&["talos-1", "talos-2", "talos-3"]);
    let mut observed = with([ours(1, all.clone()), ours(2, all.clone()), ours(3, all)]);
    observed.placeholders = left();
    let plan = decide(&observed);
    assert!(plan.refusals.is_empty(), "{plan}");
    assert_eq!(plan.warnings.len(), 1);
}

#[test]
fn clocks_that_differ_are_named_as_such() {
    let reason = "`192.168.1.102:50000` shows a certificate that is not valid yet";
    let observed = with([
        maintenance(1),
        NodeState::Unreachable {
            reason: reason.to_owned(),
        },
        maintenance(3),
    ]);
    let plan = decide(&observed);
    assert!(fences(&plan).contains(&Fence::ClockSkew), "{plan}");
    assert_eq!(plan.severity(), Some(Severity::Refused));
}

#[test]
fn a_clock_that_is_set_otherwise_than_this_computer_s_is_refused() {
    for (offset, synced, refused) in [
        (0, true, false),
        (30, true, false),
        (-31, true, true),
        (86_400, true, true),
        // It will be set right, which is said.
        (86_400, false, false),
    ] {
        let observed = with_first(|it| {
            it.clock_offset = Some(offset);
            it.time_synced = Some(synced);
        });
        let plan = decide(&observed);
        let expected: &[Fence] = if refused { &[Fence::ClockSkew] } else { &[] };
        assert_eq!(fences(&plan), expected, "{offset} {synced}");
    }
    let plan = decide(&with_first(|it| it.clock_offset = Some(-86_400)));
    assert_eq!(
        plan.refusals[0].message,
        "the clock of `talos-1` is 86400 s behind this computer's"
    );
}

/// Every control plane silent for these reasons, and what is said of it.
fn all_silent(reasons: [&str; 3]) -> String {
    let silent = reasons.map(|reason| NodeState::Unreachable {
        reason: reason.to_owned(),
    });
    let plan = decide(&with(silent));
    assert_eq!(fences(&plan), [Fence::ClusterUnreachable]);
    let refusal = &plan.refusals[0];
    format!("{}\n{}", refusal.message, refusal.remedy)
}

#[test]
fn a_cluster_that_is_silent_is_told_with_each_machine_s_reason() {
    assert_snapshot!(all_silent(["no route to host", "timed out", "timed out"]), @"
    no control plane answers (`talos-1`: no route to host; `talos-2`: timed out; `talos-3`: timed out)
    check that the machines are on, booted from a Talos image, and reachable at the addresses in homelab.yaml
    ");
    let unmapped = "`192.168.1.102:50000` is not in the connection map";
    assert_snapshot!(all_silent(["connection refused", unmapped, unmapped]), @"
    no control plane answers (`talos-1`: connection refused; `talos-2`: `192.168.1.102:50000` is not in the connection map; `talos-3`: `192.168.1.102:50000` is not in the connection map)
    correct the file that `--connect-map` names, or leave the option out where the machines are reached directly
    ");
}

#[test]
fn a_git_remote_that_the_connection_map_does_not_have_is_not_the_spec_s_mistake() {
    let mut observed = fresh();
    observed.git = Git::Unreachable {
        reason:
            "cannot reach `ssh://git@git.lan/lab.git`: `git.lan:22` is not in the connection map"
                .to_owned(),
    };
    assert_snapshot!(decide(&observed), @"
    bootstrap of `homelab`

    nothing will be done:
      - the Git remote cannot be read: cannot reach `ssh://git@git.lan/lab.git`: `git.lan:22` is not in the connection map
        say in the file that `--connect-map` names where the remote is (`git`), or add its host to the targets
    ");
}
