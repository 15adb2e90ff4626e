//! What the steps of one run share: connections, credentials, and what is known to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::{Event, EventKind};
use super::inputs::{Inputs, Secrets};
use super::journal::Journal;
use crate::connect::Target;
use crate::kube::{self, Access, Holder};
use crate::model::{NodeName, Secret};
use crate::observe::{self, Depth};
use crate::plan::{NodeState, ObjectSet, StepId};
use crate::spec::cluster::Node;
use crate::talos::Talos;

/// The port of the Kubernetes API on the control planes themselves.
pub(super) const API_PORT: u16 = 6443;

/// One run.
pub(super) struct Run {
    pub(super) inputs: Inputs,
    pub(super) secrets: Arc<Secrets>,
    pub(super) talos: Talos,
    pub(super) journal: Journal,
    known: Mutex<Known>,
}

/// What this run found or did; a new run starts with nothing and looks again.
#[derive(Default)]
struct Known {
    kubeconfig: Option<(Secret<String>, Access)>,
    clients: BTreeMap<String, kube::Client>,
    published: bool,
    lease_held: bool,
    applied: BTreeSet<&'static str>,
    jobs: BTreeMap<&'static str, Option<String>>,
    api: Option<IpAddr>,
    settled: BTreeSet<NodeName>,
    configured: BTreeSet<NodeName>,
    appeared: BTreeSet<NodeName>,
    revision: Option<String>,
}

impl Run {
    pub(super) fn new(inputs: Inputs, secrets: Arc<Secrets>) -> Self {
        let talos = Talos::new(
            secrets.talos.clone(),
            Arc::clone(&inputs.connector),
            Arc::clone(&inputs.clock),
        );
        let journal = Journal::new(
            Arc::clone(&inputs.state),
            Arc::clone(&inputs.clock),
            Arc::clone(&inputs.probe),
            inputs.operator.label.clone(),
        );
        Self {
            inputs,
            secrets,
            talos,
            journal,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the outside what happens.
    pub(super) fn emit(&self, step: Option<(&StepId, Option<&NodeName>)>, kind: EventKind) {
        self.inputs.sink.event(&Event {
            at: self.inputs.clock.now(),
            step: step.map(|(id, _)| id.clone()),
            node: step.and_then(|(_, node)| node.cloned()),
            kind,
        });
    }

    /// Returns a node of the spec.
    pub(super) fn node(&self, name: &NodeName) -> &Node {
        self.inputs
            .cluster
            .node(name.as_str())
            .expect("plans name nodes of the spec only")
    }

    /// Looks at a node.
    pub(super) async fn look_at(&self, name: &NodeName, depth: Depth<'_>) -> NodeState {
        observe::node(&self.talos, self.node(name), depth).await
    }

    /// Looks at several nodes at once.
    pub(super) async fn look_at_all(
        &self,
        names: &[NodeName],
        depth: Depth<'_>,
    ) -> BTreeMap<NodeName, NodeState> {
        let looking = names.iter().map(|name| self.look_at(name, depth));
        let states = observe::side_by_side(looking).await;
        names.iter().cloned().zip(states).collect()
    }

    /// Keeps the administrator's credentials for the rest of the run.
    pub(super) fn keep_kubeconfig(&self, text: Secret<String>, access: Access) {
        self.known().kubeconfig = Some((text, access));
    }

    pub(super) fn kubeconfig(&self) -> Option<Secret<String>> {
        self.known()
            .kubeconfig
            .as_ref()
            .map(|(text, _)| text.clone())
    }

    /// Returns the client of the API server at a target; `None` before the kubeconfig is there.
    pub(super) fn api_at(&self, target: &Target) -> Option<kube::Client> {
        let mut known = self.known();
        if let Some(client) = known.clients.get(&target.to_string()) {
            return Some(client.clone());
        }
        let (_, access) = known.kubeconfig.as_ref()?;
        let client = kube::Client::new(
            access,
            target,
            Arc::clone(&self.inputs.connector),
            Arc::clone(&self.inputs.clock),
        )
        .ok()?;
        known.clients.insert(target.to_string(), client.clone());
        Some(client)
    }

    /// Returns the client that steps use: a control plane's own API server, which answers before
    /// the virtual IP does. It is the first's unless a step needs another.
    pub(super) fn api(&self) -> Option<kube::Client> {
        let chosen = self.known().api;
        let address = chosen.or_else(|| self.first_control_plane())?;
        self.api_at(&Target::new(address, API_PORT))
    }

    /// Asks another control plane's API server from now on.
    pub(super) fn ask_api_of(&self, name: &NodeName) {
        self.known().api = Some(self.node(name).address);
    }

    pub(super) fn first_control_plane(&self) -> Option<IpAddr> {
        let without = &self.inputs.consents.without;
        self.inputs
            .cluster
            .control_planes()
            .into_iter()
            .find(|node| !without.contains(&node.name))
            .map(|node| node.address)
    }

    pub(super) fn holder(&self) -> Holder {
        Holder {
            identity: self.inputs.operator.identity.clone(),
            cluster: self.inputs.cluster.name.to_string(),
        }
    }

    /// Notes whether a machine was well in this look, and returns the former note.
    pub(super) fn note_settled(&self, name: &NodeName, settled: bool) -> bool {
        let mut known = self.known();
        if settled {
            !known.settled.insert(name.clone())
        } else {
            known.settled.remove(name)
        }
    }

    /// Notes that this run sent a machine its first configuration.
    pub(super) fn note_configured(&self, name: &NodeName) {
        self.known().configured.insert(name.clone());
    }

    /// Notes that a machine made this run plan again; it does so once.
    pub(super) fn note_appeared(&self, name: &NodeName) {
        self.known().appeared.insert(name.clone());
    }

    /// Tells whether a machine in maintenance mode is one that no plan of this run knows.
    pub(super) fn is_news(&self, name: &NodeName) -> bool {
        let known = self.known();
        !known.configured.contains(name) && !known.appeared.contains(name)
    }

    pub(super) fn mark_published(&self) {
        self.known().published = true;
    }

    pub(super) fn is_published(&self) -> bool {
        self.known().published
    }

    pub(super) fn set_lease_held(&self, held: bool) {
        self.known().lease_held = held;
    }

    pub(super) fn is_lease_held(&self) -> bool {
        self.known().lease_held
    }

    pub(super) fn mark_applied(&self, objects: ObjectSet) {
        self.known().applied.insert(objects.as_str());
    }

    pub(super) fn is_applied(&self, objects: ObjectSet) -> bool {
        self.known().applied.contains(objects.as_str())
    }

    /// Keeps the name of the Job that installs these charts; `None` when none was needed.
    pub(super) fn keep_job(&self, objects: ObjectSet, name: Option<String>) {
        self.known().jobs.insert(objects.as_str(), name);
    }

    pub(super) fn job(&self, objects: ObjectSet) -> Option<String> {
        self.known().jobs.get(objects.as_str()).cloned().flatten()
    }

    pub(super) fn keep_revision(&self, revision: String) {
        self.known().revision = Some(revision);
    }

    pub(super) fn revision(&self) -> Option<String> {
        self.known().revision.clone()
    }
}
