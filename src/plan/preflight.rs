//! Everything that is looked at before anything is changed; all findings at once.

use std::collections::BTreeMap;

use super::consent::Consents;
use super::observed::{
    Disk, Git, Hardware, NodeState, Observed, Platform, SecretsState, Tree, VipProbe,
};
use super::refusal::{Fence, Refusal};
use crate::model::NodeName;
use crate::spec::cluster::{Arch, DiskSelector, NicSelector, Node, Role};

/// Talos itself asks for 2 GiB on control planes and 1 GiB on workers and tolerates 150 MiB less.
const CONTROL_PLANE_MEMORY_MIB: u64 = 1848 - 150;
const WORKER_MEMORY_MIB: u64 = 1024 - 150;

pub use crate::render::bootstrap::GIT_CREDENTIALS;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Findings {
    pub(super) refusals: Vec<Refusal>,
    pub(super) warnings: Vec<String>,
}

/// Whether the cluster already has an etcd: some checks only guard its first hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    New,
    Running,
}

/// Looks at everything but etcd, which has a fence of its own.
pub(super) fn check(
    nodes: &[&Node],
    observed: &Observed,
    consents: &Consents,
    life: Life,
) -> Findings {
    let mut findings = Findings::default();
    check_repository(observed, life, &mut findings);
    for node in nodes {
        check_node(node, observed, consents, life, &mut findings);
    }
    check_duplicates(nodes, observed, &mut findings);
    check_vip(observed, &mut findings);
    findings
}

/// Looks only at this computer: without the bundle no machine can be asked.
pub(super) fn repository(observed: &Observed) -> Vec<Refusal> {
    let mut findings = Findings::default();
    check_files(observed, &mut findings);
    findings.refusals
}

fn check_repository(observed: &Observed, life: Life, findings: &mut Findings) {
    check_files(observed, findings);
    if let Some(finding) = git_finding(&observed.git) {
        match life {
            Life::New => findings.refusals.push(finding),
            Life::Running => findings.warnings.push(finding.message),
        }
    }
}

fn check_files(observed: &Observed, findings: &mut Findings) {
    if let Tree::Stale(paths) = &observed.tree {
        let first = paths.first().map(|path| format!(", first `{path}`"));
        findings.refusals.push(Refusal::new(
            Fence::TreeStale,
            format!(
                "the files on disk are not what homelab.yaml renders: {} differ{}",
                paths.len(),
                first.unwrap_or_default()
            ),
            "run `homelab render`, review, commit and push",
        ));
    }
    match &observed.secrets {
        SecretsState::Missing(path) => findings.refusals.push(Refusal::new(
            Fence::BundleMissing,
            format!("there is no secrets bundle at `{path}`"),
            "run `homelab secrets init`",
        )),
        SecretsState::Open {
            unreadable,
            missing,
            age_key,
            git_credentials,
            ..
        } => {
            if !age_key {
                findings.refusals.push(no_age_key());
            }
            if !git_credentials {
                findings.refusals.push(no_git_credentials());
            }
            for path in missing {
                findings.refusals.push(Refusal::new(
                    Fence::SecretMissing,
                    format!("there is no `{path}`, which a component expects"),
                    "run `homelab secrets init`: it asks on a terminal for what is missing, or takes it `--from-file`",
                ));
            }
            for path in unreadable {
                findings.refusals.push(Refusal::new(
                    Fence::KeyMismatch,
                    format!("the age key that the cluster will get does not open `{path}`"),
                    format!("encrypt `{path}` for its public key, or bring the right key"),
                ));
            }
        }
    }
}

fn no_age_key() -> Refusal {
    Refusal::new(
        Fence::KeyMismatch,
        "no private age key at hand belongs to a recipient of homelab.yaml: the cluster could not open its own files",
        "put the key into `.sops/age.key`, or name its file in SOPS_AGE_KEY_FILE",
    )
}

fn no_git_credentials() -> Refusal {
    Refusal::new(
        Fence::GitCredentialsMissing,
        format!("there is no `{GIT_CREDENTIALS}`, and the repository is not public"),
        "run `homelab secrets init`, which makes a deploy key and says where to register it, or asks for a token",
    )
}

fn git_finding(git: &Git) -> Option<Refusal> {
    let refusal = |message: String, remedy: &str| Refusal::new(Fence::GitBehind, message, remedy);
    Some(match git {
        Git::Holds { .. } => return None,
        Git::Elsewhere { remote, local } => refusal(
            match remote {
                Some(remote) => {
                    format!("the Git remote is at `{remote}`, this tree is commit `{local}`")
                }
                None => "the branch does not exist on the Git remote".to_owned(),
            },
            "push this commit to the branch that the spec names",
        ),
        Git::Uncommitted { paths } => refusal(
            format!("the working tree has {paths} changes that no commit holds"),
            "commit and push them: the cluster reads the remote, not this directory",
        ),
        Git::NoCommit { reason } => refusal(
            format!("this directory has no commit to compare with the Git remote: {reason}"),
            "run `git init`, commit the tree and push it to the URL that the spec names",
        ),
        Git::Unreachable { reason } => refusal(
            format!("the Git remote cannot be read: {reason}"),
            "correct `gitops.flux.url` in homelab.yaml, or check your access with `git ls-remote`",
        ),
    })
}

fn check_node(
    node: &Node,
    observed: &Observed,
    consents: &Consents,
    life: Life,
    findings: &mut Findings,
) {
    let name = &node.name;
    match observed.node(name) {
        NodeState::Unreachable { reason } => {
            findings
                .warnings
                .push(format!("`{name}` does not answer: {reason}"));
        }
        NodeState::Foreign { identity } => findings.refusals.push(
            Refusal::new(
                Fence::ForeignIdentity,
                format!("`{name}` at {} runs with other secrets than this bundle's: {identity}", node.address),
                format!("if the machine should join this cluster, reset it first (`talosctl reset` with its own talosconfig, or boot it with `talos.experimental.wipe=system`); if `{name}` is another cluster's, correct its address"),
            )
            .on(name),
        ),
        NodeState::Maintenance { hardware, .. } => {
            check_machine(node, &hardware, findings);
            if hardware.platform == Platform::Metal {
                check_disk(node, &hardware, consents, findings);
            }
        }
        NodeState::Ours(running) => {
            if running.hostname != name.as_str() {
                findings.refusals.push(
                    Refusal::new(
                        Fence::WrongNode,
                        format!("the machine at {} calls itself `{}`, the spec says `{name}`", node.address, running.hostname),
                        "correct the addresses in homelab.yaml; a node's name does not change on a live cluster",
                    )
                    .on(name),
                );
            }
            if let (Life::Running, Some(pending)) = (life, &running.pending) {
                findings.refusals.push(
                    Refusal::new(
                        Fence::ConfigurationDiffers,
                        format!("the configuration of `{name}` differs from the rendered one: {pending}"),
                        "bring homelab.yaml back to what runs, or apply the change node by node with `talosctl apply-config`; bootstrap never changes a live cluster",
                    )
                    .on(name),
                );
            }
        }
    }
}

fn check_machine(node: &Node, hardware: &Hardware, findings: &mut Findings) {
    let name = &node.name;
    let mut mismatch = |message: String, remedy: &str| {
        findings
            .refusals
            .push(Refusal::new(Fence::HardwareMismatch, message, remedy).on(name));
    };
    if let Some(version) = &hardware.version
        && version.minor_release() != node.version.minor_release()
    {
        mismatch(
            format!(
                "`{name}` booted Talos {version}, the spec says {}",
                node.version
            ),
            "boot the machine from an image of the spec's release, or change the spec",
        );
    }
    if let Some(arch) = &hardware.arch
        && arch != arch_name(node.arch)
    {
        mismatch(
            format!("`{name}` is {arch}, the spec says {}", arch_name(node.arch)),
            "correct `arch` of the node in homelab.yaml",
        );
    }
    if hardware.platform == Platform::Metal && !hardware.links.is_empty() {
        match link(node, hardware) {
            None => mismatch(
                format!(
                    "`{name}` has no network card {}; it has {}",
                    nic_text(&node.nic),
                    links(hardware)
                ),
                "correct `nic` of the node in homelab.yaml",
            ),
            Some(false) => findings.warnings.push(format!(
                "network card {} of `{name}` has no signal",
                nic_text(&node.nic)
            )),
            Some(true) => {}
        }
    }
    let least = match node.role {
        Role::ControlPlane => CONTROL_PLANE_MEMORY_MIB,
        Role::Worker => WORKER_MEMORY_MIB,
    };
    if let Some(memory) = hardware.memory.filter(|memory| *memory < least) {
        findings.warnings.push(format!(
            "`{name}` has {memory} MiB of memory, Talos asks for {least} MiB"
        ));
    }
    if hardware.time_synced == Some(false) {
        findings.warnings.push(format!(
            "the clock of `{name}` is not synchronised; etcd waits until it is"
        ));
    }
}

fn arch_name(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "amd64",
        Arch::Arm64 => "arm64",
    }
}

fn nic_text(nic: &NicSelector) -> String {
    match nic {
        NicSelector::Mac(mac) => format!("`{mac}`"),
        NicSelector::Name(name) => format!("`{name}`"),
    }
}

fn links(hardware: &Hardware) -> String {
    let described: Vec<_> = hardware
        .links
        .iter()
        .map(|link| match link.mac {
            Some(mac) => format!("`{}` ({mac})", link.name),
            None => format!("`{}`", link.name),
        })
        .collect();
    described.join(", ")
}

/// Whether the card carries a signal; `None` when there is no such card.
fn link(node: &Node, hardware: &Hardware) -> Option<bool> {
    hardware
        .links
        .iter()
        .find(|link| match &node.nic {
            NicSelector::Mac(mac) => link.mac == Some(*mac),
            NicSelector::Name(name) => link.name == *name,
        })
        .map(|link| link.up)
}

/// Returns the disks that the spec's selector matches and that can be written.
pub(super) fn matching_disks<'a>(node: &Node, hardware: &'a Hardware) -> Vec<&'a Disk> {
    hardware
        .disks
        .iter()
        .filter(|disk| !disk.readonly && !disk.cdrom)
        .filter(|disk| match &node.disk {
            DiskSelector::Serial(serial) => disk.serial == *serial,
            DiskSelector::Wwid(wwid) => disk.wwid == *wwid,
            DiskSelector::Path(path) => disk.path == *path || disk.symlinks.contains(path),
            DiskSelector::Traits(traits) => traits.are_of(
                &disk.model,
                &disk.transport,
                disk.rotational,
                disk.size,
                &disk.bus_path,
            ),
        })
        .collect()
}

fn check_disk(node: &Node, hardware: &Hardware, consents: &Consents, findings: &mut Findings) {
    let name = &node.name;
    let refuse =
        |fence, message: String, remedy: String| Refusal::new(fence, message, remedy).on(name);
    let wanted = &node.disk;
    let found = match matching_disks(node, hardware).as_slice() {
        [] => {
            findings.refusals.push(refuse(
                Fence::DiskSelection,
                format!(
                    "no writable disk of `{name}` has {wanted}; it has {}",
                    disks(&hardware.disks)
                ),
                "correct `disk` of the node in homelab.yaml".to_owned(),
            ));
            return;
        }
        [disk] => (*disk).clone(),
        several => {
            findings.refusals.push(refuse(
                Fence::DiskSelection,
                format!("{} disks of `{name}` have {wanted}", several.len()),
                "name the disk by something that only it has, such as its WWID".to_owned(),
            ));
            return;
        }
    };
    if found.holds.is_empty() || consents.allows_wipe(name, consent_key(&found), &found.wwid) {
        return;
    }
    findings.refusals.push(refuse(
        Fence::DiskInUse,
        format!(
            "{} of `{name}` holds {}",
            disk_text(&found),
            found.holds.join(", ")
        ),
        format!(
            "if all of it may be lost, pass `--wipe {name}={}`",
            consent_key(&found)
        ),
    ));
}

/// What a person types to agree to the loss of a disk.
fn consent_key(disk: &Disk) -> &str {
    [&disk.serial, &disk.wwid]
        .into_iter()
        .find(|key| !key.is_empty())
        .unwrap_or(&disk.path)
}

fn disks(disks: &[Disk]) -> String {
    if disks.is_empty() {
        return "none".to_owned();
    }
    let described: Vec<_> = disks.iter().map(disk_text).collect();
    described.join("; ")
}

/// Describes a disk the way a person recognises it.
pub(super) fn disk_text(disk: &Disk) -> String {
    let size = disk.size / 1_000_000_000;
    let mut text = format!("`{}` ({size} GB", disk.path);
    for (label, value) in [("", &disk.model), ("serial ", &disk.serial)] {
        if !value.is_empty() {
            text.push_str(", ");
            text.push_str(label);
            text.push_str(value);
        }
    }
    text.push(')');
    text
}

fn check_duplicates(nodes: &[&Node], observed: &Observed, findings: &mut Findings) {
    let mut owners: BTreeMap<String, NodeName> = BTreeMap::new();
    for node in nodes {
        let state = observed.node(&node.name);
        let Some(uuid) = state.hardware().and_then(|hardware| hardware.uuid.clone()) else {
            continue;
        };
        if let Some(other) = owners.insert(uuid.clone(), node.name.clone()) {
            findings.refusals.push(
                Refusal::new(
                    Fence::DuplicateMachine,
                    format!("`{other}` and `{}` report the same machine UUID `{uuid}`", node.name),
                    "give each its own: two addresses of one machine in homelab.yaml, or a cloned virtual machine",
                )
                .on(&node.name),
            );
        }
    }
}

fn check_vip(observed: &Observed, findings: &mut Findings) {
    if let Some(vip) = &observed.vip
        && vip.probe == VipProbe::Taken
    {
        findings.refusals.push(Refusal::new(
            Fence::VipTaken,
            format!(
                "something that is not this cluster answers at the virtual IP {}",
                vip.address
            ),
            "free the address or choose another in homelab.yaml",
        ));
    }
}
