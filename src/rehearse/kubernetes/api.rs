//! One cluster's API: the store, shared by every API server that serves it, and its log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::error::ApiError;
use super::http::Caller;
use super::object::Object;
use super::registry::Resource;
use super::store::{Key, Store};
use super::verbs::{Force, Write};
use crate::model::Clock;
use crate::rehearse::faults::Ongoing;

/// The lease that keeps operators apart, in `kube-system`.
const OPERATOR_LEASE: &str = "homelab-operator";

/// One cluster's API.
pub struct Api {
    store: Mutex<Store>,
    changed: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    mutations: Mutex<Vec<Mutation>>,
    version: String,
    faults: Arc<Ongoing>,
    intrusions: Mutex<Vec<Intrusion>>,
    tenures: Mutex<Vec<Tenure>>,
}

/// A write that came over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// When.
    pub at: Timestamp,
    /// Through which node's API server.
    pub node: String,
    /// Verb and path.
    pub method: String,
    /// The common name of the caller's certificate.
    pub caller: String,
    /// The computer that the call came from, where that is known.
    pub from: Arc<str>,
}

/// The operator's lease from one renewal on.
#[derive(Clone, Debug)]
struct Tenure {
    since: Timestamp,
    until: Timestamp,
    holder: String,
}

/// A change by somebody who did not hold the operator's lease while somebody else did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intrusion {
    /// When.
    pub at: Timestamp,
    /// Who changed what, and who held the lease.
    pub seen: String,
}

impl Api {
    /// Makes an empty cluster of this Kubernetes version (`v1.36.4`), which asks this account what
    /// is wrong with it.
    pub fn new(
        clock: Arc<dyn Clock>,
        version: impl Into<String>,
        faults: Arc<Ongoing>,
    ) -> Arc<Self> {
        let api = Arc::new(Self {
            store: Mutex::default(),
            changed: watch::Sender::new(0),
            clock,
            mutations: Mutex::default(),
            version: version.into(),
            faults,
            intrusions: Mutex::default(),
            tenures: Mutex::default(),
        });
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            // Nothing is there yet that a namespace could collide with.
            let _ = api.apply(&serde_json::json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
            }));
        }
        api
    }

    /// Returns the time of day as objects carry it.
    pub(super) fn now(&self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Returns the time of day.
    pub(super) fn timestamp(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the Kubernetes version.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// Reads the store.
    pub fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the store and tells the watchers.
    pub(super) fn write<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let (result, version) = {
            let mut store = self.lock();
            let result = change(&mut store);
            (result, store.version())
        };
        self.changed.send_replace(version);
        result
    }

    /// Returns what tells of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns what is wrong.
    pub(in crate::rehearse) fn faults(&self) -> &Ongoing {
        &self.faults
    }

    pub(super) fn record(&self, caller: &Caller, method: String) {
        let mutation = Mutation {
            at: self.timestamp(),
            node: caller.node.clone(),
            method,
            caller: caller.name.clone().unwrap_or_default(),
            from: Arc::clone(&caller.from),
        };
        if mutation.method.ends_with(OPERATOR_LEASE) || mutation.method.ends_with("/leases") {
            lock(&self.tenures).extend(self.tenure(mutation.at));
        } else if let Some(seen) = self.intrusion(mutation.at, &mutation.method, &mutation.from) {
            let at = mutation.at;
            lock(&self.intrusions).push(Intrusion { at, seen });
        }
        lock(&self.mutations).push(mutation);
    }

    /// Returns how many writes came over the network.
    pub(super) fn count(&self) -> usize {
        lock(&self.mutations).len()
    }

    /// Returns every write that came over the network, in order.
    pub fn mutations(&self) -> Vec<Mutation> {
        lock(&self.mutations).clone()
    }

    /// Returns every change of somebody without the lease, in order.
    pub fn intrusions(&self) -> Vec<Intrusion> {
        lock(&self.intrusions).clone()
    }

    /// Reads the lease as it is now.
    fn tenure(&self, since: Timestamp) -> Option<Tenure> {
        let lease = self.read(|store| {
            let leases = store.resource("coordination.k8s.io/v1", "Lease")?;
            let lease = store.get(&leases, "kube-system", OPERATOR_LEASE);
            lease.cloned()
        })?;
        let spec = &lease["spec"];
        let renewed: Timestamp = spec["renewTime"].as_str()?.parse().ok()?;
        let lasts = Duration::from_secs(spec["leaseDurationSeconds"].as_u64()?);
        Some(Tenure {
            since,
            until: renewed.checked_add(lasts).ok()?,
            holder: spec["holderIdentity"].as_str()?.to_owned(),
        })
    }

    /// Compares whose computer made a change with who held the lease then and still renewed it; says
    /// what happened when it was somebody else.
    pub(in crate::rehearse) fn intrusion(
        &self,
        at: Timestamp,
        what: &str,
        from: &str,
    ) -> Option<String> {
        let tenures = lock(&self.tenures);
        let tenure = tenures.iter().rfind(|tenure| tenure.since <= at)?;
        let (holder, is_live) = (&tenure.holder, at < tenure.until);
        let is_foreign = is_live && !holder.is_empty() && !from.is_empty() && from != holder;
        is_foreign.then(|| format!("{what} by `{from}`, the lease is `{holder}`'s"))
    }

    /// Applies an object as a controller of the cluster would, taking fields over.
    pub fn apply(&self, object: &Value) -> Result<Object, ApiError> {
        self.apply_as("simulated-controller", object)
    }

    /// Applies an object as this field manager, taking fields over.
    pub fn apply_as(&self, manager: &str, object: &Value) -> Result<Object, ApiError> {
        self.apply_with(manager, object, Force::Yes)
    }

    /// Applies an object as a GitOps controller: what `kubectl` and its like own becomes its own.
    pub fn take_over(&self, manager: &str, object: &Value) -> Result<Object, ApiError> {
        self.apply_with(manager, object, Force::TakeOver)
    }

    /// Starts to serve the kinds of a definition.
    pub fn establish(&self, definition: &Value) {
        self.write(|store| store.establish(definition));
    }

    fn apply_with(&self, manager: &str, object: &Value, force: Force) -> Result<Object, ApiError> {
        let now = self.now();
        self.write(|store| {
            let resource = store.resource_of(object).ok_or_else(|| no_match(object))?;
            let write = Write {
                manager,
                subresource: None,
                now: &now,
                dry_run: false,
            };
            let (namespace, name) = super::store::key_of(object);
            store.apply(&resource, (&namespace, &name), object.clone(), force, write)
        })
    }

    /// Sets the status of an object as a controller would; nothing happens to one that is gone.
    pub fn set_status(&self, resource: &Arc<Resource>, key: &Key, status: Value) {
        let is_same = self.read(|store| {
            let live = store.get(resource, &key.0, &key.1);
            live.is_none_or(|live| live["status"] == status)
        });
        if !is_same {
            self.write(|store| store.set_status(resource, key, status));
        }
    }

    /// Deletes an object as a controller would.
    pub fn delete(&self, resource: &Arc<Resource>, key: &Key) {
        let now = self.now();
        self.write(|store| {
            // An object that is already gone is what a deletion wants.
            let _ = store.delete(resource, (&key.0, &key.1), &now);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Words the refusal as a client that maps kinds to paths does.
fn no_match(object: &Value) -> ApiError {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    ApiError::no_match(text("kind"), text("apiVersion"))
}
