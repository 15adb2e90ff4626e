//! The methods of the machine service as functions of the fleet at one moment.
//!
//! Refusals have the codes and words of Talos 1.13.

use std::sync::Arc;

use jiff::Timestamp;
use similar::TextDiff;
use talos_api::Code;
use talos_api::proto::machine as wire;
use talos_api::proto::machine::apply_configuration_request::Mode;

use crate::model::NodeName;
use crate::pki::{
    self, ClientIdentity, KeyKind, Leaf, PrivateKey, Purpose, SeededEntropy, Subject, Validity,
};
use crate::spec::cluster::Role;

use super::config::{MachineConfig, joined};
use super::disk::{self, Choice};
use super::fleet::Fleet;
use super::machine::{Machine, Milestone, Phase};
use crate::rehearse::span::mix;

/// Why a machine says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
}

/// Who calls: what the connection proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// The subject of the certificate, or `maintenance`.
    pub(super) name: String,
    pub(super) access: Access,
    /// The computer, where that is known.
    pub(super) from: Arc<str>,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    Nothing,
    Read,
    Operate,
    Everything,
}

fn refuse<T>(code: Code, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        code,
        message: message.into(),
    })
}

impl Caller {
    /// Checks that the caller may do something that asks for this much.
    pub(super) fn require(&self, access: Access) -> Result<(), Refusal> {
        if self.access < access {
            return refuse(Code::PermissionDenied, "not authorized");
        }
        Ok(())
    }
}

impl Fleet {
    fn called(&self, node: &NodeName) -> Result<&Machine, Refusal> {
        match self.machine(node) {
            Some(machine) => Ok(machine),
            None => refuse(Code::Unavailable, "no such machine"),
        }
    }

    /// Checks that the method is for this kind of machine.
    fn control_plane(&self, node: &NodeName, method: &str) -> Result<&Machine, Refusal> {
        let machine = self.called(node)?;
        match machine.role() {
            _ if machine.is_in_maintenance() => refuse(
                Code::Unimplemented,
                format!("machine type is not set, cannot use {method} API"),
            ),
            Some(Role::ControlPlane) => Ok(machine),
            _ => refuse(
                Code::Unimplemented,
                format!("{method} is only available on control plane nodes"),
            ),
        }
    }

    pub(super) fn apply_configuration(
        &mut self,
        node: &NodeName,
        caller: &Caller,
        request: &wire::ApplyConfigurationRequest,
    ) -> Result<wire::ApplyConfiguration, Refusal> {
        let machine = self.called(node)?;
        let in_maintenance = machine.is_in_maintenance();
        // For a moment it trusts nobody any more and has no administrators yet.
        if machine.is_renamed() {
            return refuse(Code::PermissionDenied, "not authorized");
        }
        if matches!(machine.phase(), Phase::Leaving | Phase::ShuttingDown) {
            return refuse(
                Code::FailedPrecondition,
                "configuration was already applied and node is rebooting, cannot apply more \
                 configuration changes until next reboot",
            );
        }
        if !in_maintenance {
            caller.require(Access::Everything)?;
        }
        let config = MachineConfig::parse(&request.data)
            .and_then(|config| check_disk(machine, &config).map(|()| config))
            .or_else(|error| refuse(Code::InvalidArgument, error.0))?;
        let (mode, details) = effective_mode(machine, &config, request.mode())?;
        let mut reply = wire::ApplyConfiguration {
            mode: mode.into(),
            mode_details: details.clone(),
            ..Default::default()
        };
        if request.dry_run {
            let difference = difference(machine.config(), &config);
            reply.mode_details =
                format!("Dry run summary:\n{details} (skipped in dry-run).\n{difference}");
            return Ok(reply);
        }
        self.log(node, "ApplyConfiguration", caller);
        let now = self.now();
        self.change(node, |machine, etcd| match mode {
            _ if in_maintenance => machine.leave_maintenance(config, now),
            Mode::Staged => machine.stage_config(config),
            Mode::Reboot => {
                machine.stage_config(config);
                machine.reboot(now, etcd);
            }
            _ => machine.reconfigure(config),
        });
        Ok(reply)
    }

    pub(super) fn bootstrap(&mut self, node: &NodeName, caller: &Caller) -> Result<(), Refusal> {
        caller.require(Access::Everything)?;
        let machine = self.called(node)?;
        if !machine.has(Milestone::Cri) || machine.phase() != Phase::Up {
            return refuse(Code::FailedPrecondition, "bootstrap is not available yet");
        }
        let machine = self.control_plane(node, "bootstrap")?;
        if !machine.has(Milestone::TimeSync) {
            return refuse(Code::FailedPrecondition, "time is not in sync yet");
        }
        if machine.etcd_index().is_some() {
            return refuse(Code::AlreadyExists, "etcd data directory is not empty");
        }
        self.log(node, "Bootstrap", caller);
        let now = self.now();
        self.change(node, |machine, _| machine.start_etcd(now));
        Ok(())
    }

    /// Returns etcd's members, as the machine's own member knows them or anyone's that it finds;
    /// `None` while nobody answers, which before a bootstrap is for ever.
    pub(super) fn etcd_members(
        &self,
        node: &NodeName,
        caller: &Caller,
        local: bool,
    ) -> Result<Option<Vec<wire::EtcdMember>>, Refusal> {
        caller.require(Access::Read)?;
        let machine = self.control_plane(node, "member list")?;
        let asked = if local {
            Some(machine)
        } else {
            self.any_member(machine)
        };
        let Some((machine, index)) = asked.and_then(|it| Some((it, it.etcd_index()?))) else {
            return Ok(None);
        };
        if machine.is_learner(self.etcd()) {
            return refuse(
                Code::FailedPrecondition,
                "etcdserver: rpc not supported for learner",
            );
        }
        let cluster = self.etcd().cluster(index);
        if !machine.has(Milestone::Etcd) || !cluster.has_quorum() {
            return Ok(None);
        }
        let members = cluster.members.iter().map(|member| {
            let url = |port: u16| crate::connect::Target::new(member.address, port);
            wire::EtcdMember {
                id: member.id,
                hostname: member.node.to_string(),
                peer_urls: vec![format!("https://{}", url(2380))],
                client_urls: vec![format!("https://{}", url(2379))],
                is_learner: member.learner,
            }
        });
        Ok(Some(members.collect()))
    }

    /// Finds a machine in a list of control planes that it shuffles for each call.
    fn any_member(&self, machine: &Machine) -> Option<&Machine> {
        let config = machine.config()?;
        let running = |other: &&Machine| {
            let is_up = other.phase() == Phase::Up && other.has(Milestone::Etcd);
            is_up && !other.is_learner(self.etcd())
        };
        let is_found = |other: &&Machine| {
            let is_same =
                other.config().map(MachineConfig::etcd_authority) == Some(config.etcd_authority());
            let is_cut_off = machine.ails.cut_off || other.ails.cut_off;
            is_same && (other.address() == machine.address() || !is_cut_off)
        };
        let found: Vec<_> = self
            .machines()
            .iter()
            .filter(running)
            .filter(is_found)
            .collect();
        let shuffled = mix(
            self.seed(),
            &format!("{}/{}", machine.address(), self.now()),
        );
        let count = u64::try_from(found.len()).ok()?;
        let choice = usize::try_from(shuffled.checked_rem(count)?).ok()?;
        found.get(choice).copied()
    }

    /// Lists a directory; of all that lies on a disk only etcd's data is known. It appears with
    /// the disk's volumes, soon after the kernel.
    pub(super) fn directory(
        &self,
        node: &NodeName,
        path: &str,
    ) -> Result<Vec<&'static str>, Refusal> {
        let machine = self.called(node)?;
        let is_mounted = machine.phase() == Phase::Up && machine.has(Milestone::Cri);
        match path {
            "/var/lib/etcd" if is_mounted && machine.is_control_plane() => {
                let data = machine.etcd_index().map(|_| "member");
                Ok(std::iter::once(".").chain(data).collect())
            }
            _ => refuse(
                Code::Unknown,
                format!("stat {path}: no such file or directory"),
            ),
        }
    }

    pub(super) fn reboot(&mut self, node: &NodeName, caller: &Caller) -> Result<String, Refusal> {
        caller.require(Access::Operate)?;
        let boots = self.called(node)?.boots;
        self.log(node, "Reboot", caller);
        let now = self.now();
        self.change(node, |machine, etcd| machine.reboot(now, etcd));
        let number = mix(self.seed(), &format!("{node}/{boots}/reboot"));
        Ok(format!("{number:016x}"))
    }

    /// Makes an administrator's kubeconfig, as a control plane does for each call.
    pub(super) fn kubeconfig(
        &self,
        node: &NodeName,
        caller: &Caller,
        today: Timestamp,
    ) -> Result<String, Refusal> {
        const LIFETIME: std::time::Duration = std::time::Duration::from_hours(8760);
        caller.require(Access::Everything)?;
        let machine = self.control_plane(node, "kubeconfig")?;
        let config = machine.config().filter(|_| machine.phase() == Phase::Up);
        let Some((config, authority)) =
            config.and_then(|config| Some((config, config.kubernetes_authority()?)))
        else {
            return refuse(Code::FailedPrecondition, "kubernetes CA is not available");
        };
        let issued = mix(self.seed(), &format!("{node}/{}/kubeconfig", machine.boots));
        let mut entropy = SeededEntropy::new(issued);
        let leaf = Leaf {
            subject: Subject {
                organization: Some("system:masters".to_owned()),
                common_name: Some("admin".to_owned()),
            },
            purpose: Purpose::KubernetesClient,
            names: Vec::new(),
            validity: Validity::around(today, LIFETIME),
        };
        let client = PrivateKey::generate(KeyKind::EcdsaP256, &mut entropy)
            .map_err(pki::CertificateError::from)
            .and_then(|key| {
                let certificate = authority.issue(&leaf, &key, &mut entropy)?;
                Ok(ClientIdentity {
                    authority: authority.certificate,
                    certificate,
                    key,
                })
            })
            .or_else(|error| refuse(Code::Internal, error.to_string()))?;
        let text = pki::kubeconfig(config.cluster_name(), config.endpoint(), &client);
        Ok(text.expose().clone())
    }
}

/// A node that is not installed yet looks for its disk before it accepts anything.
fn check_disk(machine: &Machine, config: &MachineConfig) -> Result<(), super::config::ConfigError> {
    match disk::choose(config, machine.disks()) {
        Choice::NoMatch(expression) if machine.is_in_maintenance() => {
            joined(&[format!("no disks matched the expression: {expression}")])
        }
        _ => Ok(()),
    }
}

fn effective_mode(
    machine: &Machine,
    config: &MachineConfig,
    asked: Mode,
) -> Result<(Mode, String), Refusal> {
    const AT_ONCE: &str = "Applied configuration without a reboot";
    const WITH_REBOOT: &str = "Applied configuration with a reboot";
    const STAGED: &str = "Staged configuration to be applied after the next reboot";
    let at_once = machine.is_in_maintenance()
        || machine
            .config()
            .is_some_and(|current| config.takes_effect_at_once(current));
    let because = ": this config change can't be applied in immediate mode";
    match asked {
        Mode::Reboot if !machine.is_in_maintenance() => Ok((Mode::Reboot, WITH_REBOOT.to_owned())),
        Mode::Staged => Ok((Mode::Staged, STAGED.to_owned())),
        Mode::Auto if !at_once => Ok((Mode::Reboot, format!("{WITH_REBOOT}{because}"))),
        Mode::NoReboot | Mode::Try if !at_once => refuse(
            Code::InvalidArgument,
            "this config change can't be applied in immediate mode",
        ),
        Mode::Try => Ok((Mode::Try, AT_ONCE.to_owned())),
        Mode::Reboot | Mode::Auto | Mode::NoReboot => Ok((Mode::NoReboot, AT_ONCE.to_owned())),
    }
}

/// Shows what a configuration changes; no secret that did not change is in it, but the new ones
/// are, as in Talos.
fn difference(current: Option<&MachineConfig>, config: &MachineConfig) -> String {
    let before = current.map(MachineConfig::text).unwrap_or_default();
    if current == Some(config) {
        return "No changes.".to_owned();
    }
    let diff = TextDiff::from_lines(before, config.text());
    format!("Config diff:\n\n{}", diff.unified_diff().context_radius(3))
}
