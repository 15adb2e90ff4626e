//! The objects of one Kubernetes cluster, and which kinds are served.
//!
//! Synchronous and without a network: the HTTP side and the controllers read the same store. Every
//! change gets the next resource version and is remembered for watches. Objects are shared: who
//! reads one copies nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::object::{Object, Stored};
use super::registry::{self, Resource};

/// Where an object is: namespace (empty for cluster-wide kinds) and name.
pub type Key = (String, String);

/// What happened to an object, for watches.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) resource: Arc<Resource>,
    pub(super) event: &'static str,
    pub(super) object: Object,
}

/// The objects of one kind, by namespace and name.
#[derive(Debug, Default)]
struct Collection {
    changed: u64,
    objects: BTreeMap<String, BTreeMap<String, Object>>,
}

/// All objects of a cluster.
#[derive(Debug)]
pub struct Store {
    resources: Vec<Arc<Resource>>,
    /// By plural name and group.
    collections: BTreeMap<String, Collection>,
    pub(super) changes: Vec<Change>,
    version: u64,
    pub(super) uids: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            resources: registry::built_in().into_iter().map(Arc::new).collect(),
            collections: BTreeMap::new(),
            changes: Vec::new(),
            version: 1,
            uids: 0,
        }
    }
}

impl Store {
    /// Returns the version of the latest change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the version of the latest change of any object of this kind.
    pub fn version_of(&self, group: &str, plural: &str) -> u64 {
        let collection = self.collections.get(&registry::qualified(plural, group));
        collection.map_or(0, |collection| collection.changed)
    }

    /// Returns the served kinds.
    pub fn resources(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    /// Returns the kind that is served under this path.
    pub(super) fn served(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let mut all = self.resources.iter();
        all.find(|r| r.plural == plural && r.group == group && r.version == version)
            .cloned()
    }

    /// Returns the kind of an object, by its `apiVersion` and `kind`.
    pub fn resource_of(&self, object: &Value) -> Option<Arc<Resource>> {
        let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        self.resource(version, kind)
    }

    /// Returns the kind of this API version and name.
    pub fn resource(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        let mut all = self.resources.iter();
        all.find(|r| r.kind == kind && r.is_of(api_version))
            .cloned()
    }

    /// Starts to serve the kinds of a definition.
    pub(super) fn establish(&mut self, definition: &Value) {
        for resource in registry::defined_by(definition) {
            if !self.resources.iter().any(|known| **known == resource) {
                self.resources.push(Arc::new(resource));
            }
        }
    }

    /// Returns the object of this kind, namespace and name.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Object> {
        let collection = self.collections.get(&resource.qualified())?;
        collection.objects.get(namespace)?.get(name)
    }

    /// Returns the objects of a kind by plural name and group, ordered by namespace and name.
    pub fn list(&self, group: &str, plural: &str) -> impl Iterator<Item = &Object> {
        let collection = self.collections.get(&registry::qualified(plural, group));
        let namespaces = collection.into_iter().flat_map(|it| it.objects.values());
        namespaces.flat_map(BTreeMap::values)
    }

    /// Puts an object into its place as the latest change.
    pub(super) fn commit(
        &mut self,
        resource: &Arc<Resource>,
        mut object: Value,
        event: &'static str,
    ) -> Object {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let (namespace, name) = key_of(&object);
        let shared = Stored::new(object);
        let collection = self.collections.entry(resource.qualified()).or_default();
        collection.changed = self.version;
        let place = collection.objects.entry(namespace).or_default();
        place.insert(name, Arc::clone(&shared));
        self.note(resource, event, Arc::clone(&shared));
        shared
    }

    /// Takes an object away; a definition takes its kinds along.
    pub(super) fn remove(&mut self, resource: &Arc<Resource>, object: &Value) {
        self.version += 1;
        let (namespace, name) = key_of(object);
        if let Some(collection) = self.collections.get_mut(&resource.qualified()) {
            collection.changed = self.version;
            if let Some(place) = collection.objects.get_mut(&namespace) {
                place.remove(&name);
            }
        }
        if resource.plural == "customresourcedefinitions" {
            let (group, plural) = (&object["spec"]["group"], &object["spec"]["names"]["plural"]);
            self.resources
                .retain(|r| !(r.custom && *group == r.group && *plural == r.plural));
        }
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.note(resource, "DELETED", Stored::new(object));
    }

    fn note(&mut self, resource: &Arc<Resource>, event: &'static str, object: Object) {
        self.changes.push(Change {
            version: self.version,
            resource: Arc::clone(resource),
            event,
            object,
        });
    }
}

/// Returns namespace and name of an object.
pub fn key_of(object: &Value) -> Key {
    let text = |name: &str| {
        let value = object["metadata"][name].as_str();
        value.unwrap_or_default().to_owned()
    };
    (text("namespace"), text("name"))
}
