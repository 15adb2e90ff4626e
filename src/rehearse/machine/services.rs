//! A machine's services and health, as Talos words them.

use talos_api::resources::Stage;

use crate::rehearse::etcd::Etcd;
use crate::spec::cluster::Role;

use super::machine::{Machine, Milestone, Phase};

/// A service at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceState {
    pub(super) id: &'static str,
    pub(super) state: &'static str,
    /// `None` while nobody knows.
    pub(super) healthy: Option<bool>,
    pub(super) message: String,
}

/// A reason why a machine is not ready: the condition's name, and Talos' explanation.
pub(super) type Unmet = (&'static str, String);

/// Returns the services in alphabetical order, as Talos lists them.
pub(super) fn services(machine: &Machine, etcd: &Etcd) -> Vec<ServiceState> {
    let is_configured = matches!(machine.phase(), Phase::Up | Phase::ShuttingDown);
    let mut services = vec![
        running("apid"),
        running("auditd"),
        simple(machine, "containerd", Milestone::Containerd),
    ];
    if is_configured {
        services.push(simple(machine, "cri", Milestone::Cri));
        services.push(simple(machine, "kubelet", Milestone::Kubelet));
        if machine.role() == Some(Role::ControlPlane) {
            services.push(etcd_service(machine, etcd));
            services.push(simple(machine, "trustd", Milestone::Trustd));
        }
    } else {
        services[2] = running("containerd");
    }
    services.extend([running("machined"), running("syslogd"), running("udevd")]);
    services.sort_by_key(|service| service.id);
    services
}

/// Returns what keeps a machine from being ready, in Talos' order.
pub(super) fn unmet(machine: &Machine, etcd: &Etcd) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    if !matches!(machine.stage(), Some(Stage::Booting | Stage::Running)) {
        return unmet;
    }
    if !machine.has(Milestone::TimeSync) {
        unmet.push(("time", "time is not synced".to_owned()));
    }
    let waiting: Vec<_> = services(machine, etcd)
        .into_iter()
        .filter(|service| service.healthy != Some(true))
        .map(|service| service.id)
        .collect();
    if !waiting.is_empty() {
        unmet.push(("services", format!("{} not healthy", waiting.join(", "))));
    }
    let is_control_plane = machine.role() == Some(Role::ControlPlane);
    if is_control_plane && !machine.is_api_server_up(etcd) {
        let hostname = machine.hostname();
        let reason = format!("kube-system/kube-apiserver-{hostname} not ready");
        unmet.push(("staticPods", reason));
    }
    if !machine.is_node_ready() {
        let reason = format!("node {:?} status is not available yet", machine.hostname());
        unmet.push(("nodeReady", reason));
    }
    unmet
}

fn running(id: &'static str) -> ServiceState {
    ServiceState {
        id,
        state: "Running",
        healthy: Some(true),
        message: "Health check successful".to_owned(),
    }
}

fn simple(machine: &Machine, id: &'static str, milestone: Milestone) -> ServiceState {
    if machine.has(milestone) {
        return running(id);
    }
    let (state, message) = if machine.expects(milestone) {
        ("Preparing", format!("Running pre state for {id}"))
    } else {
        (
            "Waiting",
            format!("Waiting for the services that {id} needs"),
        )
    };
    ServiceState {
        id,
        state,
        healthy: None,
        message,
    }
}

/// Tells whether etcd lists a member at the machine's address although the machine has no data.
fn is_listed(machine: &Machine, etcd: &Etcd) -> bool {
    let mut clusters = etcd.clusters().iter();
    clusters.any(|cluster| cluster.knows(machine.address()))
}

fn etcd_service(machine: &Machine, etcd: &Etcd) -> ServiceState {
    let (state, healthy, message) = match machine.etcd_index() {
        _ if !machine.has(Milestone::Cri) => {
            ("Waiting", None, "Waiting for service \"cri\" to be \"up\"")
        }
        _ if !machine.has(Milestone::TimeSync) => ("Waiting", None, "Waiting for time sync"),
        None if is_listed(machine, etcd) => (
            "Preparing",
            None,
            "error adding member: etcdserver: Peer URLs already exists",
        ),
        None => ("Preparing", None, "Running pre state"),
        Some(_) if machine.is_learner(etcd) => (
            "Running",
            Some(false),
            "etcdserver: rpc not supported for learner",
        ),
        Some(_) if !machine.has(Milestone::Etcd) => ("Preparing", None, "Running pre state"),
        Some(index) if !etcd.cluster(index).has_quorum() => {
            ("Running", Some(false), "context deadline exceeded")
        }
        Some(_) if !machine.has(Milestone::EtcdHealth) => {
            ("Running", None, "Started task etcd for container etcd")
        }
        Some(_) => ("Running", Some(true), "Health check successful"),
    };
    ServiceState {
        id: "etcd",
        state,
        healthy,
        message: message.to_owned(),
    }
}
