//! The objects of one Kubernetes cluster, and the verbs that change them.
//!
//! Synchronous and without a network: the HTTP side and the controllers call the same verbs. The
//! time of day comes with every call. Every change gets the next resource version and is
//! remembered for watches; equal writes change nothing, as in the real API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::defaults;
use super::error::ApiError;
use super::ownership::{self, Writer};
use super::registry::{self, Resource};

/// Where an object is: namespace (empty for cluster-wide kinds) and name.
pub type Key = (String, String);

type Collection = (String, String);

/// What happened to an object, for watches.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) collection: Collection,
    pub(super) event: &'static str,
    pub(super) object: Arc<Value>,
}

/// How a write is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write<'a> {
    pub(super) manager: &'a str,
    pub(super) subresource: Option<&'a str>,
    pub(super) now: &'a str,
    pub(super) dry_run: bool,
}

impl<'a> Write<'a> {
    fn by(self, api_version: &'a str) -> Writer<'a> {
        Writer {
            manager: self.manager,
            api_version,
            subresource: self.subresource,
            time: self.now,
        }
    }
}

/// Whether an apply takes fields away from other managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It stops at a conflict.
    No,
    /// It takes them.
    Yes,
    /// It takes them, and all that `kubectl` and its like own becomes the applier's.
    TakeOver,
}

/// All objects of a cluster.
#[derive(Debug)]
pub struct Store {
    resources: Vec<Resource>,
    objects: BTreeMap<Collection, BTreeMap<Key, Arc<Value>>>,
    pub(super) changes: Vec<Change>,
    version: u64,
    uids: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            resources: registry::built_in(),
            objects: BTreeMap::new(),
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

    /// Returns the served kinds.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Returns the kind that is served under this path.
    pub(super) fn served(&self, group: &str, version: &str, plural: &str) -> Option<Resource> {
        let mut all = self.resources.iter();
        all.find(|r| r.group == group && r.version == version && r.plural == plural)
            .cloned()
    }

    /// Returns the kind of an object, by its `apiVersion` and `kind`.
    pub fn resource_of(&self, object: &Value) -> Option<Resource> {
        let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        self.resource(version, kind)
    }

    /// Returns the kind of this API version and name.
    pub fn resource(&self, api_version: &str, kind: &str) -> Option<Resource> {
        let mut all = self.resources.iter();
        all.find(|r| r.kind == kind && r.api_version() == api_version)
            .cloned()
    }

    /// Starts to serve the kinds of a definition.
    pub(super) fn establish(&mut self, definition: &Value) {
        for resource in registry::defined_by(definition) {
            if !self.resources.contains(&resource) {
                self.resources.push(resource);
            }
        }
    }

    /// Returns the object of this kind, namespace and name.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects
            .get(&(resource.group.clone(), resource.plural.clone()))?
            .get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Returns the objects of a kind by plural name and group, ordered by namespace and name.
    pub fn list(&self, group: &str, plural: &str) -> impl Iterator<Item = &Arc<Value>> {
        self.objects
            .get(&(group.to_owned(), plural.to_owned()))
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    pub(super) fn create(
        &mut self,
        resource: &Resource,
        namespace: &str,
        mut object: Value,
        write: Write<'_>,
    ) -> Result<Value, ApiError> {
        defaults::normalise(resource, &mut object);
        let name = name_new(&mut object, self.uids)?;
        if self.get(resource, namespace, &name).is_some() {
            return Err(ApiError::already_exists(&resource.qualified(), &name));
        }
        self.check_namespace(resource, namespace)?;
        let blank = self.blank(resource, namespace, &name, write.now);
        let mut new = blank.clone();
        for (field, value) in object.as_object().into_iter().flatten() {
            match field.as_str() {
                "metadata" => merge_metadata(&mut new, value),
                "status" if resource.status => {}
                _ => new[field.as_str()] = value.clone(),
            }
        }
        let version = resource.api_version();
        let new = ownership::update(&blank, new, resource.typing(), write.by(&version));
        self.put(resource, None, new, write)
    }

    pub(super) fn apply(
        &mut self,
        resource: &Resource,
        key: (&str, &str),
        mut applied: Value,
        force: Force,
        write: Write<'_>,
    ) -> Result<Value, ApiError> {
        let (namespace, name) = key;
        if !applied["metadata"]["managedFields"].is_null() {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        confine(resource, write.subresource, &mut applied);
        defaults::normalise(resource, &mut applied);
        let live = self.get(resource, namespace, name).cloned();
        let base = match &live {
            Some(live) => Value::clone(live),
            None if write.subresource.is_some() => {
                return Err(ApiError::not_found(&resource.qualified(), name));
            }
            None => {
                self.check_namespace(resource, namespace)?;
                self.blank(resource, namespace, name, write.now)
            }
        };
        let version = resource.api_version();
        let writer = write.by(&version);
        let mut base = base;
        if force == Force::TakeOver {
            ownership::take_over(&mut base, writer, |manager| manager.starts_with("kubectl"));
        }
        let force = force != Force::No;
        let new = ownership::apply(&base, &applied, resource.typing(), writer, force)?;
        self.put(resource, live.as_deref(), new, write)
    }

    pub(super) fn merge_patch(
        &mut self,
        resource: &Resource,
        key: (&str, &str),
        patch: &Value,
        write: Write<'_>,
    ) -> Result<Value, ApiError> {
        let mut new = self.existing(resource, key)?;
        ownership::merge_patch(&mut new, patch);
        self.replace(resource, key, new, write)
    }

    pub(super) fn replace(
        &mut self,
        resource: &Resource,
        key: (&str, &str),
        mut new: Value,
        write: Write<'_>,
    ) -> Result<Value, ApiError> {
        defaults::normalise(resource, &mut new);
        let live = self.existing(resource, key)?;
        let seen = &new["metadata"]["resourceVersion"];
        if !seen.is_null() && *seen != live["metadata"]["resourceVersion"] {
            return Err(ApiError::modified(&resource.qualified(), key.1));
        }
        let mut object = live.clone();
        if write.subresource == Some("status") {
            object["status"] = new["status"].take();
        } else {
            for name in ["labels", "annotations", "finalizers", "ownerReferences"] {
                copy_field(&mut object["metadata"], &mut new["metadata"], name);
            }
            let status = live["status"].clone();
            retain_top_level(&mut object, new);
            if resource.status && !status.is_null() {
                object["status"] = status;
            }
        }
        let version = resource.api_version();
        let new = ownership::update(&live, object, resource.typing(), write.by(&version));
        self.put(resource, Some(&live), new, write)
    }

    /// Sets the status of an object without noting who owns it: nobody applies to what the
    /// cluster's own controllers report.
    pub(super) fn set_status(&mut self, resource: &Resource, key: &Key, status: Value) {
        if let Some(live) = self.get(resource, &key.0, &key.1) {
            let mut object = Value::clone(live);
            object["status"] = status;
            self.commit(resource, object, "MODIFIED");
        }
    }

    /// Deletes an object, and in the background what it owns; a namespace takes its content along.
    pub(super) fn delete(
        &mut self,
        resource: &Resource,
        key: (&str, &str),
        now: &str,
    ) -> Result<Value, ApiError> {
        let object = self.existing(resource, key)?;
        let held = object["metadata"]["finalizers"].as_array();
        if held.is_some_and(|finalizers| !finalizers.is_empty()) {
            let mut marked = object;
            marked["metadata"]["deletionTimestamp"] = json!(now);
            self.commit(resource, marked.clone(), "MODIFIED");
            return Ok(marked);
        }
        self.remove(resource, &object);
        let uid = object["metadata"]["uid"].clone();
        let doomed = self.dependents(resource, key.1, &uid);
        for (resource, object) in doomed {
            let (namespace, name) = key_of(&object);
            self.delete(&resource, (&namespace, &name), now).ok();
        }
        Ok(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": key.1, "group": resource.group, "kind": resource.plural, "uid": uid},
        }))
    }

    fn dependents(&self, owner: &Resource, name: &str, uid: &Value) -> Vec<(Resource, Value)> {
        let is_namespace = owner.group.is_empty() && owner.plural == "namespaces";
        let mut found = Vec::new();
        for resource in &self.resources {
            for object in self.list(&resource.group, &resource.plural) {
                let owners = object["metadata"]["ownerReferences"].as_array();
                let is_owned = owners
                    .into_iter()
                    .flatten()
                    .any(|reference| reference["uid"] == *uid);
                let is_inside = is_namespace && object["metadata"]["namespace"] == name;
                if is_owned || is_inside {
                    found.push((resource.clone(), Value::clone(object)));
                }
            }
        }
        found
    }

    fn existing(&self, resource: &Resource, key: (&str, &str)) -> Result<Value, ApiError> {
        self.get(resource, key.0, key.1)
            .map(|live| Value::clone(live))
            .ok_or_else(|| ApiError::not_found(&resource.qualified(), key.1))
    }

    fn check_namespace(&self, resource: &Resource, namespace: &str) -> Result<(), ApiError> {
        if !resource.namespaced {
            return Ok(());
        }
        let all = (String::new(), "namespaces".to_owned());
        let known = self.objects.get(&all);
        let key = (String::new(), namespace.to_owned());
        if known.is_some_and(|namespaces| namespaces.contains_key(&key)) {
            Ok(())
        } else {
            Err(ApiError::not_found("namespaces", namespace))
        }
    }

    fn blank(&mut self, resource: &Resource, namespace: &str, name: &str, now: &str) -> Value {
        self.uids += 1;
        let mut metadata = json!({
            "name": name, "uid": format!("00000000-0000-4000-8000-{:012x}", self.uids),
            "creationTimestamp": now,
        });
        if resource.namespaced {
            metadata["namespace"] = json!(namespace);
        }
        json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": metadata})
    }

    fn put(
        &mut self,
        resource: &Resource,
        live: Option<&Value>,
        mut new: Value,
        write: Write<'_>,
    ) -> Result<Value, ApiError> {
        defaults::fill(resource, &mut new, self.uids);
        if let Some(live) = live {
            defaults::check_immutable(resource, live, &new)?;
            if *live == new {
                return Ok(new);
            }
        }
        let generation = live.map_or(0, |live| {
            live["metadata"]["generation"].as_u64().unwrap_or(0)
        });
        let grows = live.is_none_or(|live| defaults::grows(resource, live, &new));
        new["metadata"]["generation"] = json!(generation + u64::from(grows));
        if write.dry_run {
            return Ok(new);
        }
        let is_released = new["metadata"]["deletionTimestamp"].is_string()
            && new["metadata"]["finalizers"]
                .as_array()
                .is_none_or(Vec::is_empty);
        if is_released {
            self.remove(resource, &new);
            return Ok(new);
        }
        let event = if live.is_some() { "MODIFIED" } else { "ADDED" };
        Ok(self.commit(resource, new, event))
    }

    fn commit(&mut self, resource: &Resource, mut object: Value, event: &'static str) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let collection = (resource.group.clone(), resource.plural.clone());
        let shared = Arc::new(object.clone());
        self.objects
            .entry(collection.clone())
            .or_default()
            .insert(key_of(&object), Arc::clone(&shared));
        self.changes.push(Change {
            version: self.version,
            collection,
            event,
            object: shared,
        });
        object
    }

    fn remove(&mut self, resource: &Resource, object: &Value) {
        self.version += 1;
        let collection = (resource.group.clone(), resource.plural.clone());
        if let Some(objects) = self.objects.get_mut(&collection) {
            objects.remove(&key_of(object));
        }
        if resource.plural == "customresourcedefinitions" {
            let (group, plural) = (&object["spec"]["group"], &object["spec"]["names"]["plural"]);
            self.resources
                .retain(|r| !(r.custom && *group == r.group && *plural == r.plural));
        }
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.changes.push(Change {
            version: self.version,
            collection,
            event: "DELETED",
            object: Arc::new(object),
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

fn name_new(object: &mut Value, count: u64) -> Result<String, ApiError> {
    if let Some(name) = object["metadata"]["name"].as_str() {
        return Ok(name.to_owned());
    }
    let prefix = object["metadata"]["generateName"].as_str();
    let prefix = prefix.ok_or_else(|| {
        ApiError::bad_request("name or generateName is required in metadata of the object")
    })?;
    let name = format!("{prefix}{count:05x}");
    object["metadata"]["name"] = json!(name);
    Ok(name)
}

fn merge_metadata(object: &mut Value, metadata: &Value) {
    for name in [
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "generateName",
    ] {
        if let Some(value) = metadata.get(name) {
            object["metadata"][name] = value.clone();
        }
    }
}

/// An apply to the object leaves its status alone, one to the status everything else.
fn confine(resource: &Resource, subresource: Option<&str>, applied: &mut Value) {
    let Some(fields) = applied.as_object_mut() else {
        return;
    };
    if subresource == Some("status") {
        fields.retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "status"));
    } else if resource.status {
        fields.shift_remove("status");
    }
}

fn copy_field(to: &mut Value, from: &mut Value, name: &str) {
    match from.get_mut(name).map(Value::take) {
        Some(value) if !value.is_null() => to[name] = value,
        _ => {
            if let Some(fields) = to.as_object_mut() {
                fields.shift_remove(name);
            }
        }
    }
}

fn retain_top_level(object: &mut Value, new: Value) {
    let metadata = object["metadata"].take();
    let mut fields = match new {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for name in ["apiVersion", "kind"] {
        fields.insert(name.to_owned(), object[name].take());
    }
    fields.insert("metadata".to_owned(), metadata);
    *object = Value::Object(fields);
}
