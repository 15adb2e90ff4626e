//! The verbs that change objects: create, apply, patch, replace, delete.
//!
//! The time of day comes with every call. Equal writes change nothing, as in the real API.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::defaults;
use super::error::ApiError;
use super::object::{Object, Stored};
use super::ownership::{self, Writer};
use super::registry::Resource;
use super::store::{Key, Store, key_of};

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

impl Store {
    pub(super) fn create(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        mut object: Value,
        write: Write<'_>,
    ) -> Result<Object, ApiError> {
        defaults::normalise(resource, &mut object);
        let name = name_new(&mut object, self.uids)?;
        if self.get(resource, namespace, &name).is_some() {
            return Err(ApiError::already_exists(&resource.qualified(), &name));
        }
        self.check_namespace(resource, namespace)?;
        defaults::check_name(resource, &name)?;
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
        resource: &Arc<Resource>,
        key: (&str, &str),
        mut applied: Value,
        force: Force,
        write: Write<'_>,
    ) -> Result<Object, ApiError> {
        let (namespace, name) = key;
        if !applied["metadata"]["managedFields"].is_null() {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        confine(resource, write.subresource, &mut applied);
        defaults::normalise(resource, &mut applied);
        let live = self.get(resource, namespace, name).cloned();
        let mut base = match &live {
            Some(live) => Cow::Borrowed(&***live),
            None if write.subresource.is_some() => {
                return Err(ApiError::not_found(&resource.qualified(), name));
            }
            None => {
                self.check_namespace(resource, namespace)?;
                defaults::check_name(resource, name)?;
                Cow::Owned(self.blank(resource, namespace, name, write.now))
            }
        };
        let version = resource.api_version();
        let writer = write.by(&version);
        if force == Force::TakeOver {
            ownership::take_over(&mut base, writer, |manager| manager.starts_with("kubectl"));
        }
        let force = force != Force::No;
        let new = ownership::apply(&base, &applied, resource.typing(), writer, force)?;
        self.put(resource, live.as_ref(), new, write)
    }

    pub(super) fn merge_patch(
        &mut self,
        resource: &Arc<Resource>,
        key: (&str, &str),
        patch: &Value,
        write: Write<'_>,
    ) -> Result<Object, ApiError> {
        let live = self.existing(resource, key)?;
        let mut new = Value::clone(&live);
        ownership::merge_patch(&mut new, patch);
        self.replace(resource, key, new, write)
    }

    pub(super) fn replace(
        &mut self,
        resource: &Arc<Resource>,
        key: (&str, &str),
        mut new: Value,
        write: Write<'_>,
    ) -> Result<Object, ApiError> {
        defaults::normalise(resource, &mut new);
        let live = self.existing(resource, key)?;
        let seen = &new["metadata"]["resourceVersion"];
        if resource.custom && seen.is_null() {
            let why = "Invalid value: 0: must be specified for an update";
            let (kind, field) = (resource.qualified(), "metadata.resourceVersion");
            return Err(ApiError::invalid(&kind, key.1, field, why));
        }
        if !seen.is_null() && *seen != live["metadata"]["resourceVersion"] {
            return Err(ApiError::modified(&resource.qualified(), key.1));
        }
        let mut object = Value::clone(&live);
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
    pub(super) fn set_status(&mut self, resource: &Arc<Resource>, key: &Key, status: Value) {
        if let Some(live) = self.get(resource, &key.0, &key.1) {
            let mut object = Value::clone(live);
            object["status"] = status;
            self.commit(resource, object, "MODIFIED");
        }
    }

    /// Deletes an object, and in the background what it owns; a namespace takes its content along.
    pub(super) fn delete(
        &mut self,
        resource: &Arc<Resource>,
        key: (&str, &str),
        now: &str,
    ) -> Result<Object, ApiError> {
        let object = self.existing(resource, key)?;
        let held = object["metadata"]["finalizers"].as_array();
        if held.is_some_and(|finalizers| !finalizers.is_empty()) {
            let mut marked = Value::clone(&object);
            marked["metadata"]["deletionTimestamp"] = json!(now);
            return Ok(self.commit(resource, marked, "MODIFIED"));
        }
        self.remove(resource, &object);
        let uid = object["metadata"]["uid"].clone();
        let doomed = self.dependents(resource, key.1, &uid);
        for (resource, object) in doomed {
            let (namespace, name) = key_of(&object);
            self.delete(&resource, (&namespace, &name), now).ok();
        }
        Ok(Stored::new(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": key.1, "group": resource.group, "kind": resource.plural, "uid": uid},
        })))
    }

    fn dependents(
        &self,
        owner: &Resource,
        name: &str,
        uid: &Value,
    ) -> Vec<(Arc<Resource>, Object)> {
        let is_namespace = owner.group.is_empty() && owner.plural == "namespaces";
        let mut found = Vec::new();
        for resource in self.resources() {
            for object in self.list(&resource.group, &resource.plural) {
                let owners = object["metadata"]["ownerReferences"].as_array();
                let is_owned = owners
                    .into_iter()
                    .flatten()
                    .any(|reference| reference["uid"] == *uid);
                let is_inside = is_namespace && object["metadata"]["namespace"] == name;
                if is_owned || is_inside {
                    found.push((Arc::clone(resource), Arc::clone(object)));
                }
            }
        }
        found
    }

    fn existing(&self, resource: &Resource, key: (&str, &str)) -> Result<Object, ApiError> {
        self.get(resource, key.0, key.1)
            .cloned()
            .ok_or_else(|| ApiError::not_found(&resource.qualified(), key.1))
    }

    fn check_namespace(&self, resource: &Resource, namespace: &str) -> Result<(), ApiError> {
        let is_known = || {
            let namespaces = self.resource("v1", "Namespace");
            namespaces.is_some_and(|kind| self.get(&kind, "", namespace).is_some())
        };
        if !resource.namespaced || is_known() {
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
        resource: &Arc<Resource>,
        live: Option<&Object>,
        mut new: Value,
        write: Write<'_>,
    ) -> Result<Object, ApiError> {
        defaults::fill(resource, &mut new, self.uids);
        if let Some(live) = live {
            defaults::check_immutable(resource, live, &new)?;
            if ***live == new {
                return Ok(Arc::clone(live));
            }
        }
        let generation = live.map_or(0, |live| {
            live["metadata"]["generation"].as_u64().unwrap_or(0)
        });
        let grows = live.is_none_or(|live| defaults::grows(resource, live, &new));
        if resource.counts_generations() {
            new["metadata"]["generation"] = json!(generation + u64::from(grows));
        }
        if write.dry_run {
            return Ok(Stored::new(new));
        }
        let is_released = new["metadata"]["deletionTimestamp"].is_string()
            && new["metadata"]["finalizers"]
                .as_array()
                .is_none_or(Vec::is_empty);
        if is_released {
            self.remove(resource, &new);
            return Ok(Stored::new(new));
        }
        let event = if live.is_some() { "MODIFIED" } else { "ADDED" };
        Ok(self.commit(resource, new, event))
    }
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
