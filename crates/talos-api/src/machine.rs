//! The methods of the machine service.

use std::fmt;

use tonic::Code;

use crate::proto::machine as wire;
use crate::{Client, Error, kubeconfig};

/// More than any directory that is worth listing by name holds.
const MAX_FILES: usize = 10_000;
/// How Linux words the absence of a path.
const NO_SUCH_FILE: &str = "no such file or directory";

/// What a node runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The Talos release, such as `v1.13.9`.
    pub tag: String,
    /// The processor architecture in Go's words, such as `amd64`.
    pub arch: String,
    /// The platform, such as `metal`.
    pub platform: String,
    /// The kind of platform: `metal`, `cloud` or `container`.
    pub mode: String,
}

/// How a configuration takes effect.
///
/// The protocol's default is a reboot, so that a mode is always said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyMode {
    /// Without a reboot where the change allows it.
    Auto,
    /// Without a reboot, or not at all.
    NoReboot,
    /// With a reboot.
    Reboot,
    /// At the next boot.
    Staged,
}

/// Whether a configuration is only judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// Nothing changes; the reply says what would.
    Yes,
    /// The configuration takes effect.
    No,
}

/// What became of a configuration. Its `Debug` form leaves the details out.
#[derive(Clone, PartialEq, Eq)]
pub struct Applied {
    /// The mode that the node chose; `None` for one that this client does not know.
    pub mode: Option<ApplyMode>,
    /// The node's explanation. On a dry run it ends with a diff of the configuration, secrets and
    /// all: not for logs.
    pub details: String,
    /// What the node finds questionable.
    pub warnings: Vec<String>,
}

/// A service of a node, such as `etcd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub id: String,
    /// Its state in Talos' words, such as `Preparing` or `Running`.
    pub state: String,
    /// Its health; `None` while nobody knows.
    pub healthy: Option<bool>,
    /// What its last health check, or else its last event, said.
    pub message: String,
}

/// A member of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdMember {
    /// Its number in the cluster.
    pub id: u64,
    /// The node's host name.
    pub hostname: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it still catches up and has no vote.
    pub learner: bool,
}

/// What time a node thinks it is, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// By its own clock.
    pub local: i64,
    /// By its time server.
    pub remote: i64,
    /// The time server.
    pub server: String,
}

/// How a machine restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebootMode {
    /// In order, by kexec where possible.
    Default,
    /// In order, through the firmware.
    PowerCycle,
}

impl Client {
    /// Returns what the node runs.
    pub async fn version(&self) -> Result<Version, Error> {
        const METHOD: &str = "Version";
        let mut machine = self.machine();
        let reply = self
            .reply(METHOD, machine.version(self.request(())))
            .await?;
        let message = self.single(METHOD, reply.messages, |m| m.metadata.as_ref())?;
        let version = message.version.unwrap_or_default();
        let platform = message.platform.unwrap_or_default();
        Ok(Version {
            tag: version.tag,
            arch: version.arch,
            platform: platform.name,
            mode: platform.mode,
        })
    }

    /// Returns what time the node thinks it is. It asks its time server first, and fails or takes its
    /// time when that does not answer.
    pub async fn wall_clock(&self) -> Result<WallClock, Error> {
        const METHOD: &str = "Time";
        let mut service = self.time_service();
        let reply = self.reply(METHOD, service.time(self.request(()))).await?;
        let message = self.single(METHOD, reply.messages, |m| m.metadata.as_ref())?;
        Ok(WallClock {
            local: message.localtime.unwrap_or_default().seconds,
            remote: message.remotetime.unwrap_or_default().seconds,
            server: message.server,
        })
    }

    /// Sends the whole configuration, all documents.
    ///
    /// In maintenance mode the node installs and restarts soon after the reply.
    pub async fn apply_configuration(
        &self,
        configuration: &[u8],
        mode: ApplyMode,
        dry_run: DryRun,
    ) -> Result<Applied, Error> {
        const METHOD: &str = "ApplyConfiguration";
        let request = wire::ApplyConfigurationRequest {
            data: configuration.to_vec(),
            mode: wire::apply_configuration_request::Mode::from(mode).into(),
            dry_run: dry_run == DryRun::Yes,
            try_mode_timeout: None,
        };
        let mut machine = self.machine();
        let reply = self
            .reply(METHOD, machine.apply_configuration(self.request(request)))
            .await?;
        let message = self.single(METHOD, reply.messages, |m| m.metadata.as_ref())?;
        Ok(Applied {
            mode: ApplyMode::from_wire(message.mode()),
            details: message.mode_details,
            warnings: message.warnings,
        })
    }

    /// Returns the node's services in its own order.
    pub async fn services(&self) -> Result<Vec<Service>, Error> {
        const METHOD: &str = "ServiceList";
        let mut machine = self.machine();
        let reply = self
            .reply(METHOD, machine.service_list(self.request(())))
            .await?;
        let message = self.single(METHOD, reply.messages, |m| m.metadata.as_ref())?;
        Ok(message.services.into_iter().map(Service::from).collect())
    }

    /// Returns the members of etcd as this node's own member knows them.
    ///
    /// On a control plane whose etcd was never started this ends with [`Error::Deadline`]: Talos
    /// does not answer.
    pub async fn etcd_members(&self) -> Result<Vec<EtcdMember>, Error> {
        self.etcd_members_known(true).await
    }

    /// Returns the members of etcd as any control plane knows them that this node finds: itself or
    /// another, at random. Where etcd is split, two calls may tell of two clusters.
    ///
    /// Where no etcd runs this ends with [`Error::Deadline`]: Talos does not answer.
    pub async fn etcd_members_found(&self) -> Result<Vec<EtcdMember>, Error> {
        self.etcd_members_known(false).await
    }

    async fn etcd_members_known(&self, query_local: bool) -> Result<Vec<EtcdMember>, Error> {
        const METHOD: &str = "EtcdMemberList";
        let request = wire::EtcdMemberListRequest { query_local };
        let mut machine = self.machine();
        let reply = self
            .reply(METHOD, machine.etcd_member_list(self.request(request)))
            .await?;
        let message = self.single(METHOD, reply.messages, |m| m.metadata.as_ref())?;
        Ok(message.members.into_iter().map(EtcdMember::from).collect())
    }

    /// Returns the names of what lies in a directory of the node; a directory that does not exist
    /// holds nothing.
    pub async fn directory(&self, path: &str) -> Result<Vec<String>, Error> {
        const METHOD: &str = "List";
        let request = wire::ListRequest {
            root: path.to_owned(),
            ..Default::default()
        };
        let mut machine = self.machine();
        let listed = self
            .within(METHOD, async {
                let mut stream = machine.list(self.request(request)).await?.into_inner();
                let mut files = Vec::new();
                while let Some(file) = stream.message().await? {
                    files.push(file);
                    if files.len() > MAX_FILES {
                        return Err(tonic::Status::new(Code::OutOfRange, "too many files"));
                    }
                }
                Ok(files)
            })
            .await;
        let files = match listed {
            // What the system call said, with the code of an error that Talos does not classify.
            Err(Error::Refused { message, .. }) if message.contains(NO_SUCH_FILE) => {
                return Ok(Vec::new());
            }
            listed => listed?,
        };
        let mut names = Vec::new();
        for file in files {
            if !file.error.is_empty() {
                return Err(self.malformed(METHOD, format!("a failure: {}", file.error)));
            }
            // The directory itself comes first.
            if !matches!(file.relative_name.as_str(), "" | ".") {
                names.push(file.relative_name);
            }
        }
        Ok(names)
    }

    /// Starts a new etcd cluster on this node.
    ///
    /// Talos does not prevent a second one on another node, which splits the cluster for good.
    pub async fn bootstrap(&self) -> Result<(), Error> {
        const METHOD: &str = "Bootstrap";
        let mut machine = self.machine();
        let request = self.request(wire::BootstrapRequest::default());
        let reply = self.reply(METHOD, machine.bootstrap(request)).await?;
        self.single(METHOD, reply.messages, |m| m.metadata.as_ref())?;
        Ok(())
    }

    /// Returns an administrator's kubeconfig that the node makes for this call.
    pub async fn kubeconfig(&self) -> Result<String, Error> {
        const METHOD: &str = "Kubeconfig";
        let mut machine = self.machine();
        let archive = self
            .within(METHOD, async {
                let mut stream = machine.kubeconfig(self.request(())).await?.into_inner();
                let mut archive = Vec::new();
                while let Some(chunk) = stream.message().await? {
                    archive.extend_from_slice(&chunk.bytes);
                    if archive.len() > kubeconfig::MAX_ARCHIVE {
                        return Err(tonic::Status::new(Code::OutOfRange, "too much data"));
                    }
                }
                Ok(archive)
            })
            .await?;
        kubeconfig::unpack(&archive).map_err(|error| self.malformed(METHOD, error.to_string()))
    }

    /// Restarts the machine; returns the name under which its events can be followed.
    pub async fn reboot(&self, mode: RebootMode) -> Result<String, Error> {
        const METHOD: &str = "Reboot";
        let mode = match mode {
            RebootMode::Default => wire::reboot_request::Mode::Default,
            RebootMode::PowerCycle => wire::reboot_request::Mode::Powercycle,
        };
        let request = wire::RebootRequest { mode: mode.into() };
        let mut machine = self.machine();
        let reply = self
            .reply(METHOD, machine.reboot(self.request(request)))
            .await?;
        let message = self.single(METHOD, reply.messages, |m| m.metadata.as_ref())?;
        Ok(message.actor_id)
    }
}

impl From<ApplyMode> for wire::apply_configuration_request::Mode {
    fn from(mode: ApplyMode) -> Self {
        match mode {
            ApplyMode::Auto => Self::Auto,
            ApplyMode::NoReboot => Self::NoReboot,
            ApplyMode::Reboot => Self::Reboot,
            ApplyMode::Staged => Self::Staged,
        }
    }
}

impl ApplyMode {
    fn from_wire(mode: wire::apply_configuration_request::Mode) -> Option<Self> {
        use wire::apply_configuration_request::Mode;
        match mode {
            Mode::Auto => Some(Self::Auto),
            Mode::NoReboot => Some(Self::NoReboot),
            Mode::Reboot => Some(Self::Reboot),
            Mode::Staged => Some(Self::Staged),
            Mode::Try => None,
        }
    }
}

impl From<wire::ServiceInfo> for Service {
    fn from(info: wire::ServiceInfo) -> Self {
        let health = info.health.unwrap_or(wire::ServiceHealth {
            unknown: true,
            ..Default::default()
        });
        let last_event = info
            .events
            .and_then(|events| events.events.into_iter().next_back())
            .map(|event| event.msg);
        let message = Some(health.last_message).filter(|message| !message.is_empty());
        Self {
            id: info.id,
            state: info.state,
            healthy: (!health.unknown).then_some(health.healthy),
            message: message.or(last_event).unwrap_or_default(),
        }
    }
}

impl From<wire::EtcdMember> for EtcdMember {
    fn from(member: wire::EtcdMember) -> Self {
        Self {
            id: member.id,
            hostname: member.hostname,
            peer_urls: member.peer_urls,
            client_urls: member.client_urls,
            learner: member.is_learner,
        }
    }
}

impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applied")
            .field("mode", &self.mode)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for EtcdMember {
    /// Writes the member's number as etcd and Talos print it, in hexadecimal, and its host.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} {}", self.id, self.hostname)
    }
}
