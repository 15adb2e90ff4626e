//! The machine service of a machine: from what came over the wire to the functions of the fleet.

use std::pin::Pin;

use futures::Stream;
use futures::stream;
use talos_api::proto::common;
use talos_api::proto::machine as wire;
use talos_api::proto::machine::machine_service_server::MachineService;
use talos_api::server::kubeconfig_archive;
use tonic::{Request, Response, Status};

use crate::model::NodeName;
use crate::spec::cluster::{Arch, Role};

use super::calls::{Access, Caller, Refusal};
use super::events::{EventLog, health};
use super::fleet::Fleet;
use super::machine::{Machine, Reach};
use super::serve::SharedFleet;
use super::services::services;

/// One connection: to which machine, from whom.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) fleet: SharedFleet,
    pub(super) node: NodeName,
    pub(super) caller: Caller,
}

pub(super) type Reply<T> = Result<Response<T>, Status>;
pub(super) type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl Connection {
    /// Returns the machine that a request is about: this one, or one that a control plane
    /// forwards to.
    pub(super) fn target<T>(&self, request: &Request<T>) -> Result<NodeName, Status> {
        let Some(node) = request.metadata().get("node") else {
            return Ok(self.node.clone());
        };
        let node = node
            .to_str()
            .map_err(|_| Status::invalid_argument("invalid node"))?;
        self.fleet.with(|fleet| {
            let own = fleet
                .machine(&self.node)
                .filter(|machine| answers_to(machine, node));
            if own.is_some() {
                return Ok(self.node.clone());
            }
            let forwards = fleet.machine(&self.node).and_then(Machine::role);
            if forwards != Some(Role::ControlPlane) {
                return Err(Status::permission_denied("no request forwarding"));
            }
            let other = fleet
                .machines()
                .iter()
                .find(|machine| answers_to(machine, node));
            match other {
                Some(other) if other.reach() == Reach::Listening && !other.is_in_maintenance() => {
                    Ok(other.spec().name.clone())
                }
                _ => Err(Status::unavailable(format!("no connection to {node}"))),
            }
        })
    }

    pub(super) fn require(&self, access: Access) -> Result<(), Status> {
        Ok(self.caller.require(access)?)
    }
}

fn answers_to(machine: &Machine, node: &str) -> bool {
    machine.address().to_string() == node || machine.hostname() == node
}

/// `machine.MachineService`.
pub(super) struct MachineApi(pub(super) Connection);

#[tonic::async_trait]
impl MachineService for MachineApi {
    async fn version(&self, request: Request<()>) -> Reply<wire::VersionResponse> {
        self.0.require(Access::Read)?;
        let node = self.0.target(&request)?;
        let version = self.0.fleet.with(|fleet| fleet.machine(&node).map(version));
        let messages = version.into_iter().collect();
        Ok(Response::new(wire::VersionResponse { messages }))
    }

    async fn apply_configuration(
        &self,
        request: Request<wire::ApplyConfigurationRequest>,
    ) -> Reply<wire::ApplyConfigurationResponse> {
        let node = self.0.target(&request)?;
        let request = request.into_inner();
        let caller = &self.0.caller;
        let applied = self
            .0
            .fleet
            .with(|fleet| fleet.apply_configuration(&node, caller, &request))?;
        if !request.dry_run {
            let method = "ApplyConfiguration";
            self.0.fleet.reply_or_never(&node, method).await;
        }
        let messages = vec![applied];
        Ok(Response::new(wire::ApplyConfigurationResponse { messages }))
    }

    async fn service_list(&self, request: Request<()>) -> Reply<wire::ServiceListResponse> {
        self.0.require(Access::Read)?;
        let node = self.0.target(&request)?;
        let services = self.0.fleet.with(|fleet| service_infos(fleet, &node));
        let messages = vec![wire::ServiceList {
            metadata: None,
            services,
        }];
        Ok(Response::new(wire::ServiceListResponse { messages }))
    }

    async fn etcd_member_list(
        &self,
        request: Request<wire::EtcdMemberListRequest>,
    ) -> Reply<wire::EtcdMemberListResponse> {
        let node = self.0.target(&request)?;
        let local = request.get_ref().query_local;
        let mut changes = self.0.fleet.changes();
        loop {
            let caller = &self.0.caller;
            let members = self
                .0
                .fleet
                .with(|fleet| fleet.etcd_members(&node, caller, local))?;
            if let Some(members) = members {
                let messages = vec![wire::EtcdMembers {
                    members,
                    ..Default::default()
                }];
                return Ok(Response::new(wire::EtcdMemberListResponse { messages }));
            }
            changed(&mut changes).await?;
        }
    }

    async fn bootstrap(
        &self,
        request: Request<wire::BootstrapRequest>,
    ) -> Reply<wire::BootstrapResponse> {
        let node = self.0.target(&request)?;
        let caller = &self.0.caller;
        self.0.fleet.with(|fleet| fleet.bootstrap(&node, caller))?;
        self.0.fleet.reply_or_never(&node, "Bootstrap").await;
        let messages = vec![wire::Bootstrap::default()];
        Ok(Response::new(wire::BootstrapResponse { messages }))
    }

    async fn list(&self, request: Request<wire::ListRequest>) -> Reply<Replies<wire::FileInfo>> {
        self.0.require(Access::Read)?;
        let node = self.0.target(&request)?;
        let root = request.into_inner().root;
        let names = self.0.fleet.with(|fleet| fleet.directory(&node, &root))?;
        let files: Vec<_> = names
            .into_iter()
            .map(|name| {
                Ok(wire::FileInfo {
                    name: format!("{root}/{name}"),
                    is_dir: true,
                    relative_name: name.to_owned(),
                    ..Default::default()
                })
            })
            .collect();
        Ok(Response::new(Box::pin(stream::iter(files))))
    }

    async fn kubeconfig(&self, request: Request<()>) -> Reply<Replies<common::Data>> {
        let node = self.0.target(&request)?;
        let caller = &self.0.caller;
        let today = self.0.fleet.today();
        let text = self
            .0
            .fleet
            .with(|fleet| fleet.kubeconfig(&node, caller, today))?;
        let data = common::Data {
            metadata: None,
            bytes: kubeconfig_archive(&text),
        };
        Ok(Response::new(Box::pin(stream::iter([Ok(data)]))))
    }

    async fn reboot(&self, request: Request<wire::RebootRequest>) -> Reply<wire::RebootResponse> {
        let node = self.0.target(&request)?;
        let caller = &self.0.caller;
        let actor_id = self.0.fleet.with(|fleet| fleet.reboot(&node, caller))?;
        self.0.fleet.reply_or_never(&node, "Reboot").await;
        let messages = vec![wire::Reboot {
            metadata: None,
            actor_id,
        }];
        Ok(Response::new(wire::RebootResponse { messages }))
    }

    async fn events(&self, request: Request<wire::EventsRequest>) -> Reply<Replies<wire::Event>> {
        self.0.require(Access::Read)?;
        let node = self.0.target(&request)?;
        let fleet = self.0.fleet.clone();
        let tail = request.get_ref().tail_events;
        let recorded = fleet.with(|fleet| fleet.events(&node).map_or(0, EventLog::recorded));
        let seen = match u64::try_from(tail) {
            Ok(tail) => recorded.saturating_sub(tail),
            Err(_) => 0,
        };
        let state = (fleet, node, seen, Vec::new());
        let events = stream::try_unfold(state, |(fleet, node, mut seen, mut pending)| async move {
            let mut changes = fleet.changes();
            loop {
                if let Some(event) = pending.pop() {
                    return Ok(Some((event, (fleet, node, seen, pending))));
                }
                (pending, seen) = fleet.with(|fleet| match fleet.events(&node) {
                    Some(log) => (
                        log.after(seen).iter().rev().cloned().collect(),
                        log.recorded(),
                    ),
                    None => (Vec::new(), seen),
                });
                if pending.is_empty() {
                    changed(&mut changes).await?;
                }
            }
        });
        Ok(Response::new(Box::pin(events)))
    }
}

/// Waits until any machine has changed.
pub(super) async fn changed(changes: &mut tokio::sync::watch::Receiver<u64>) -> Result<(), Status> {
    changes
        .changed()
        .await
        .map_err(|_| Status::unavailable("the machine is gone"))
}

fn version(machine: &Machine) -> wire::Version {
    let arch = match machine.spec().arch {
        Arch::Amd64 => "amd64",
        Arch::Arm64 => "arm64",
    };
    wire::Version {
        metadata: None,
        version: Some(wire::VersionInfo {
            tag: machine.spec().version.to_string(),
            os: "linux".to_owned(),
            arch: arch.to_owned(),
            ..Default::default()
        }),
        platform: Some(wire::PlatformInfo {
            name: "metal".to_owned(),
            mode: "metal".to_owned(),
        }),
        features: Some(wire::FeaturesInfo { rbac: true }),
    }
}

fn service_infos(fleet: &Fleet, node: &NodeName) -> Vec<wire::ServiceInfo> {
    let Some(machine) = fleet.machine(node) else {
        return Vec::new();
    };
    services(machine, fleet.etcd())
        .into_iter()
        .map(|service| wire::ServiceInfo {
            id: service.id.to_owned(),
            state: service.state.to_owned(),
            events: Some(wire::ServiceEvents {
                events: vec![wire::ServiceEvent {
                    msg: service.message.clone(),
                    state: service.state.to_owned(),
                    ts: None,
                }],
            }),
            health: Some(health(&service)),
        })
        .collect()
}
