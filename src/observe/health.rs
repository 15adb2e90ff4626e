//! A look at the whole cluster: machines, etcd, Kubernetes, what Git brings, certificates.
//!
//! It changes nothing. The Kubernetes API is asked at the first control plane that lets itself be
//! asked, with credentials that the control plane makes for this one look.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::node::{Depth, node};
use crate::connect::{SharedConnector, Target};
use crate::kube::{self, Access, Client, ready};
use crate::model::{Clock, NodeName, Secret};
use crate::plan::{
    Expiry, GitOpsState, Health, Kubernetes, KubernetesNode, NodeState, Origins, Renewal, VipHolder,
};
use crate::render::reference::Joined;
use crate::spec::Cluster;
use crate::talos::{Talos, error_text};

/// The port of the Kubernetes API on the control planes themselves.
const API_PORT: u16 = 6443;

/// What a look needs.
pub struct Look<'a> {
    /// The cluster as it should be.
    pub cluster: &'a Cluster,
    /// The way to its machines.
    pub talos: &'a Talos,
    /// The configurations that the spec renders, by node.
    pub configurations: &'a BTreeMap<NodeName, Joined>,
    /// Which files the objects of the repository come from.
    pub origins: &'a Origins,
    /// Certificates that this computer knows.
    pub certificates: Vec<Expiry>,
    /// The way to everything.
    pub connector: &'a SharedConnector,
    /// The time of day.
    pub clock: &'a Arc<dyn Clock>,
}

/// Looks at the whole cluster.
pub async fn health(look: Look<'_>) -> Health {
    let looking = look.cluster.nodes.iter().map(|it| {
        let configuration = look.configurations.get(&it.name);
        node(look.talos, it, Depth::Full(configuration))
    });
    let states = super::side_by_side(looking).await;
    let names = look.cluster.nodes.iter().map(|node| node.name.clone());
    let nodes: BTreeMap<NodeName, NodeState> = names.zip(states).collect();
    let mut certificates = look.certificates.clone();
    certificates.extend(nodes.iter().filter_map(machine_certificate));
    Health {
        cluster: look.cluster.name.clone(),
        at: look.clock.now(),
        kubernetes: kubernetes(&look, &nodes).await,
        vip: vip(look.cluster, &nodes),
        nodes,
        certificates,
    }
}

fn machine_certificate((name, state): (&NodeName, &NodeState)) -> Option<Expiry> {
    let NodeState::Ours(running) = state else {
        return None;
    };
    Some(Expiry {
        what: format!("the Talos API's certificate of `{name}`"),
        until: running.certificate?,
        renewal: Renewal::Machine,
    })
}

fn vip(cluster: &Cluster, nodes: &BTreeMap<NodeName, NodeState>) -> Option<VipHolder> {
    let address = cluster.control_plane.vip.as_ref()?.address;
    let holds = |state: &NodeState| {
        let hardware = state.hardware();
        hardware.is_some_and(|it| it.addresses.iter().any(|it| it.network.addr() == address))
    };
    let holders = nodes.iter().filter(|(_, state)| holds(state));
    Some(VipHolder {
        address,
        holders: holders.map(|(name, _)| name.clone()).collect(),
    })
}

async fn kubernetes(look: &Look<'_>, nodes: &BTreeMap<NodeName, NodeState>) -> Kubernetes {
    let mut reason = "no control plane answers".to_owned();
    for plane in look.cluster.control_planes() {
        if !matches!(nodes.get(&plane.name), Some(NodeState::Ours(_))) {
            continue;
        }
        let asked = async {
            let api = api(look, plane.address).await?;
            api.ready().await.map_err(|error| error_text(&error))?;
            ask(&api, look.origins).await
        };
        match asked.await {
            Ok(answer) => return answer,
            Err(why) => reason = format!("`{}`: {why}", plane.name),
        }
    }
    Kubernetes::Silent { reason }
}

async fn api(look: &Look<'_>, address: std::net::IpAddr) -> Result<Client, String> {
    let machine = look.talos.ours(address).await;
    let machine = machine.map_err(|error| error_text(&error))?;
    let kubeconfig = machine.kubeconfig().await;
    let kubeconfig = kubeconfig.map_err(|error| error_text(&error))?;
    let access = Access::parse(&Secret::new(kubeconfig)).map_err(|error| error_text(&error))?;
    let (connector, clock) = (Arc::clone(look.connector), Arc::clone(look.clock));
    Client::new(&access, &Target::new(address, API_PORT), connector, clock)
        .map_err(|error| error_text(&error))
}

async fn ask(api: &Client, origins: &Origins) -> Result<Kubernetes, String> {
    let nodes = api.list("v1", "Node", None).await;
    let nodes = nodes.map_err(|error| error_text(&error))?;
    let from_git = api.from_git().await;
    let from_git = from_git.map_err(|error| error_text(&error))?;
    let mut gitops = Vec::new();
    for object in &from_git {
        gitops.push(gitops_state(api, object, origins).await);
    }
    Ok(Kubernetes::Answers {
        nodes: nodes.iter().map(kubernetes_node).collect(),
        gitops,
    })
}

fn kubernetes_node(node: &Value) -> (String, KubernetesNode) {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let version = node["status"]["nodeInfo"]["kubeletVersion"].as_str();
    let state = KubernetesNode {
        version: version.unwrap_or("unknown").to_owned(),
        unready: ready::unready(node),
        cordoned: node["spec"]["unschedulable"] == true,
    };
    (name.to_owned(), state)
}

async fn gitops_state(api: &Client, object: &Value, origins: &Origins) -> GitOpsState {
    let status = &object["status"];
    let revision = status["lastAppliedRevision"]
        .as_str()
        .or_else(|| status["artifact"]["revision"].as_str());
    let unready = ready::unready(object);
    let events = match &unready {
        Some(said) => api.news(object, said).await,
        None => Vec::new(),
    };
    GitOpsState {
        object: kube::describe(object),
        revision: revision.map(str::to_owned),
        unready,
        file: origins.file_of(object).map(ToOwned::to_owned),
        events,
    }
}
