//! What each machine is, against what the spec says of it.

use super::super::consent::Consents;
use super::super::observed::{Hardware, NodeState, Observed, Platform, Running};
use super::super::refusal::{Fence, Refusal};
use super::{Findings, Life, disk, image, network};
use crate::spec::cluster::{Arch, Cluster, Node, Role};

/// Talos itself asks for 2 GiB on control planes and 1 GiB on workers and tolerates 150 MiB less.
const CONTROL_PLANE_MEMORY_MIB: u64 = 1848 - 150;
const WORKER_MEMORY_MIB: u64 = 1024 - 150;
/// More seconds than a slow answer explains.
const MOST_SKEW: i64 = 30;

pub(super) fn check(
    cluster: &Cluster,
    node: &Node,
    observed: &Observed,
    consents: &Consents,
    life: Life,
    findings: &mut Findings,
) {
    let name = &node.name;
    match observed.node(name) {
        NodeState::Unreachable { reason } => match skew(node, &reason) {
            Some(refusal) => findings.refusals.push(refusal),
            None => findings
                .warnings
                .push(format!("`{name}` does not answer: {reason}")),
        },
        NodeState::Foreign { identity } => findings.refusals.push(foreign(node, &identity)),
        NodeState::Maintenance { hardware, .. } => {
            check_machine(node, &hardware, findings);
            let has_disks = hardware.platform == Platform::Metal;
            if has_disks {
                disk::check(node, &hardware, consents, findings);
            }
            network::check(cluster, node, &hardware, findings);
            if let Some(reference) = observed.images.get(name).filter(|_| has_disks) {
                image::check(node, reference, findings);
            }
        }
        NodeState::Ours(running) => check_running(node, &running, life, findings),
    }
}

/// A machine of another cluster is never touched.
pub(in crate::plan) fn foreign(node: &Node, identity: &str) -> Refusal {
    let name = &node.name;
    Refusal::new(
        Fence::ForeignIdentity,
        format!(
            "`{name}` at {} runs with other secrets than this bundle's: {identity}",
            node.address
        ),
        format!(
            "if the machine is another cluster's, correct the address of `{name}` or the directory; if it is this cluster's, the bundle is not: bring its own one back from Git, a backup or a control plane (`homelab secrets init --from-controlplane-config FILE`); only if nothing on it is needed, reset it (`talosctl reset` with its own talosconfig, or boot it with `talos.experimental.wipe=system`)"
        ),
    )
    .on(name)
}

/// A machine that answers under another name is not the one that the spec means.
pub(in crate::plan) fn wrong_name(node: &Node, running: &Running) -> Option<Refusal> {
    let name = &node.name;
    (running.hostname != name.as_str()).then(|| {
        Refusal::new(
            Fence::WrongNode,
            format!(
                "the machine at {} calls itself `{}`, the spec says `{name}`",
                node.address, running.hostname
            ),
            "correct the addresses in homelab.yaml; a node's name does not change on a live cluster",
        )
        .on(name)
    })
}

fn check_running(node: &Node, running: &Running, life: Life, findings: &mut Findings) {
    let name = &node.name;
    findings.refusals.extend(wrong_name(node, running));
    if let (Life::Running, Some(pending)) = (life, &running.pending) {
        findings.refusals.push(
            Refusal::new(
                Fence::ConfigurationDiffers,
                format!(
                    "the configuration of `{name}` differs from the rendered one: {pending}"
                ),
                "look at `homelab plan` and run `homelab apply`, or bring homelab.yaml back to what runs; bootstrap never changes a live cluster",
            )
            .on(name),
        );
    }
}

/// A certificate that is not valid now was made by a clock that differs from this one.
fn skew(node: &Node, reason: &str) -> Option<Refusal> {
    ["not valid yet", "has expired"]
        .iter()
        .any(|part| reason.contains(part))
        .then(|| {
            Refusal::new(
                Fence::ClockSkew,
                format!("the clocks of `{}` and of this computer differ: {reason}", node.name),
                "set this computer's clock, or the machine's in its firmware; then run the command again",
            )
            .on(&node.name)
        })
}

/// A machine that knows the time tells that this computer does not.
fn offset(node: &Node, hardware: &Hardware) -> Option<Refusal> {
    let seconds = hardware
        .clock_offset
        .filter(|seconds| seconds.abs() > MOST_SKEW && hardware.time_synced != Some(false))?;
    let (name, seconds_apart) = (&node.name, seconds.unsigned_abs());
    let side = if seconds > 0 { "ahead of" } else { "behind" };
    Some(
        Refusal::new(
            Fence::ClockSkew,
            format!("the clock of `{name}` is {seconds_apart} s {side} this computer's"),
            "set this computer's clock by a time server, or the time servers in homelab.yaml; certificates made by a wrong clock are refused",
        )
        .on(name),
    )
}

fn check_machine(node: &Node, hardware: &Hardware, findings: &mut Findings) {
    let name = &node.name;
    findings.refusals.extend(offset(node, hardware));
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
