//! One cluster's API: the store, shared by every API server that serves it, and its log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::error::ApiError;
use super::registry::Resource;
use super::store::{Force, Key, Store, Write};
use crate::model::Clock;

/// One cluster's API.
pub struct Api {
    store: Mutex<Store>,
    changed: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    mutations: Mutex<Vec<Mutation>>,
    version: String,
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
}

impl Api {
    /// Makes an empty cluster of this Kubernetes version (`v1.36.4`).
    pub fn new(clock: Arc<dyn Clock>, version: impl Into<String>) -> Arc<Self> {
        let api = Arc::new(Self {
            store: Mutex::default(),
            changed: watch::Sender::new(0),
            clock,
            mutations: Mutex::default(),
            version: version.into(),
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
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
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

    pub(super) fn record(&self, node: &str, method: String, caller: &str) {
        let mutation = Mutation {
            at: self.timestamp(),
            node: node.to_owned(),
            method,
            caller: caller.to_owned(),
        };
        let mut log = self
            .mutations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        log.push(mutation);
    }

    /// Returns every write that came over the network, in order.
    pub fn mutations(&self) -> Vec<Mutation> {
        let log = self
            .mutations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }

    /// Applies an object as a controller of the cluster would, taking fields over.
    pub fn apply(&self, object: &Value) -> Result<Value, ApiError> {
        self.apply_as("simulated-controller", object)
    }

    /// Applies an object as this field manager, taking fields over.
    pub fn apply_as(&self, manager: &str, object: &Value) -> Result<Value, ApiError> {
        self.apply_with(manager, object, Force::Yes)
    }

    /// Applies an object as a GitOps controller: what `kubectl` and its like own becomes its own.
    pub fn take_over(&self, manager: &str, object: &Value) -> Result<Value, ApiError> {
        self.apply_with(manager, object, Force::TakeOver)
    }

    /// Starts to serve the kinds of a definition.
    pub fn establish(&self, definition: &Value) {
        self.write(|store| store.establish(definition));
    }

    fn apply_with(&self, manager: &str, object: &Value, force: Force) -> Result<Value, ApiError> {
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
    pub fn set_status(&self, resource: &Resource, key: &Key, status: Value) {
        let is_same = self.read(|store| {
            let live = store.get(resource, &key.0, &key.1);
            live.is_none_or(|live| live["status"] == status)
        });
        if !is_same {
            self.write(|store| store.set_status(resource, key, status));
        }
    }

    /// Deletes an object as a controller would.
    pub fn delete(&self, resource: &Resource, key: &Key) {
        let now = self.now();
        self.write(|store| {
            // An object that is already gone is what a deletion wants.
            let _ = store.delete(resource, (&key.0, &key.1), &now);
        });
    }
}

/// Words the refusal as a client that maps kinds to paths does.
fn no_match(object: &Value) -> ApiError {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    ApiError::no_match(text("kind"), text("apiVersion"))
}
