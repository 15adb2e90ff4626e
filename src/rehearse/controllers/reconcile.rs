//! kustomize-controller: Kustomizations are built, applied and waited for.

use std::sync::Arc;

use camino::Utf8PathBuf;
use serde_json::{Value, json};

use super::Controllers;
use super::durations::{POLL, RECONCILE};
use super::kustomize::Builder;
use super::prepare;
use super::status::{self, Truth};
use crate::rehearse::kubernetes::key_of;

/// What a Kustomization applied last.
#[derive(Clone, Debug, Default)]
pub(super) struct Applied {
    mark: String,
    objects: Arc<[Value]>,
}

/// Why a Kustomization is not ready: reason and message as the real controller words them.
type Trouble = (&'static str, String);

impl Controllers {
    pub(super) fn run_kustomizations(&mut self) {
        if !self.is_running("kustomize-controller") {
            return;
        }
        for object in self.all("kustomize.toolkit.fluxcd.io", "kustomizations") {
            if object["spec"]["suspend"] != true {
                self.run_kustomization(&object);
            }
        }
    }

    fn run_kustomization(&mut self, object: &Value) {
        let revision = match self.ready_to_build(object) {
            Ok(revision) => revision,
            Err(trouble) => return self.fail(object, &trouble),
        };
        let generation = &object["metadata"]["generation"];
        let mark = format!("{generation} {revision}");
        let done = object["status"]["lastAppliedRevision"] == *revision
            && object["status"]["observedGeneration"] == *generation
            && status::is_true(object, "Ready");
        if done {
            return;
        }
        let applied = self.applied.get(&key_of(object));
        let objects = match applied.filter(|applied| applied.mark == mark) {
            Some(applied) => Arc::clone(&applied.objects),
            None => match self.attempt(object, mark) {
                Some(objects) => objects,
                None => return,
            },
        };
        if self.is_healthy(object, &objects) {
            self.succeed(object, &revision, &objects);
        } else {
            let message =
                format!("Running health checks for revision {revision} with a timeout of 5m0s");
            self.progress(object, &message);
        }
    }

    /// Builds and applies when it is time to; a failure is tried again after the polling interval.
    fn attempt(&mut self, object: &Value, mark: String) -> Option<Arc<[Value]>> {
        let key = key_of(object);
        let retry = format!("kustomization {}/{} retry", key.0, key.1);
        let is_retry = self.failing.contains(&key);
        let is_time = if is_retry {
            self.timers.has_passed(&retry, POLL)
        } else {
            let first = format!("kustomization {}/{} {mark}", key.0, key.1);
            self.timers.has_passed(&first, RECONCILE)
        };
        if !is_time {
            if !is_retry {
                self.progress(object, "Reconciliation in progress");
            }
            return None;
        }
        match self.build_and_apply(object) {
            Ok(objects) => {
                self.failing.remove(&key);
                self.prune(object, &objects);
                let objects: Arc<[Value]> = objects.into();
                let applied = Applied {
                    mark,
                    objects: Arc::clone(&objects),
                };
                self.applied.insert(key, applied);
                Some(objects)
            }
            Err(trouble) => {
                self.timers.reset(&retry);
                self.timers.has_passed(&retry, POLL);
                self.failing.insert(key);
                self.fail(object, &trouble);
                None
            }
        }
    }

    /// Returns the revision to apply, if source and dependencies allow.
    fn ready_to_build(&self, object: &Value) -> Result<String, Trouble> {
        let namespace = key_of(object).0;
        let reference = &object["spec"]["sourceRef"];
        let text = |name: &str| reference[name].as_str().unwrap_or_default();
        let (kind, name) = (text("kind"), text("name"));
        let place = reference["namespace"].as_str().unwrap_or(&namespace);
        let source = self.find("source.toolkit.fluxcd.io/v1", kind, place, name);
        let Some(source) = source else {
            let message = format!("{kind}.source.toolkit.fluxcd.io \"{name}\" not found");
            return Err(("ArtifactFailed", message));
        };
        let Some(revision) = source["status"]["artifact"]["revision"].as_str() else {
            let message = "Source artifact not found, retrying in 30s".to_owned();
            return Err(("ArtifactFailed", message));
        };
        self.check_dependencies(object, "kustomize.toolkit.fluxcd.io/v1", "Kustomization")?;
        Ok(revision.to_owned())
    }

    fn build_and_apply(&self, object: &Value) -> Result<Vec<Value>, Trouble> {
        let objects = self.build(object)?;
        let (first, rest): (Vec<_>, Vec<_>) = objects.iter().partition(|object| is_first(object));
        for object in first {
            self.apply_owned(object)?;
        }
        for object in &rest {
            self.dry_run(object)?;
        }
        for object in rest {
            self.apply_owned(object)?;
        }
        Ok(objects)
    }

    fn build(&self, object: &Value) -> Result<Vec<Value>, Trouble> {
        let (namespace, name) = key_of(object);
        let path = object["spec"]["path"].as_str().unwrap_or("./");
        let is_namespaced = |object: &Value| self.is_namespaced(object);
        let builder = Builder {
            remote: &self.remote,
            is_namespaced: &is_namespaced,
        };
        let path = Utf8PathBuf::from(path.trim_start_matches("./"));
        let mut objects = builder.build(&path).map_err(|error| match error {
            super::kustomize::BuildError::NoSuchPath(_) => (
                "ArtifactFailed",
                format!("kustomization path not found: {error}"),
            ),
            error => ("BuildFailed", format!("kustomize build failed: {error}")),
        })?;
        if let Some(target) = object["spec"]["targetNamespace"].as_str() {
            builder.set_namespace(&mut objects, target);
        }
        let variables = self.variables(object)?;
        for built in &mut objects {
            self.decrypt(object, built)?;
            prepare::substitute(built, &variables).map_err(|error| ("BuildFailed", error))?;
            if self.is_namespaced(built) && built["metadata"]["namespace"].is_null() {
                built["metadata"]["namespace"] = json!(namespace);
            }
            let labels = &mut built["metadata"]["labels"];
            labels["kustomize.toolkit.fluxcd.io/name"] = json!(name);
            labels["kustomize.toolkit.fluxcd.io/namespace"] = json!(namespace);
        }
        Ok(objects)
    }

    fn is_namespaced(&self, object: &Value) -> bool {
        let resource = self.api.read(|store| store.resource_of(object));
        resource.is_none_or(|resource| resource.namespaced)
    }

    fn decrypt(&self, owner: &Value, object: &mut Value) -> Result<(), Trouble> {
        if object["sops"].is_null() {
            return Ok(());
        }
        let decryption = &owner["spec"]["decryption"];
        if decryption["provider"] == "sops" {
            let namespace = key_of(owner).0;
            let own = decryption["secretRef"]["name"].as_str();
            let key = match own {
                Some(name) => self.find("v1", "Secret", &namespace, name),
                None => self.find("v1", "Secret", "flux-system", "sops-age"),
            };
            if key.is_none() {
                let (_, name) = key_of(object);
                let message = format!(
                    "decryption failed for 'Secret.v1.[noGrp]/{name}': failed to decrypt and \
                     format '{name}' Secret data: cannot get sops data key"
                );
                return Err(("BuildFailed", message));
            }
            prepare::decrypt(object);
        }
        // Without decryption the ciphertext is applied, as Flux does; only its metadata goes.
        if let Some(fields) = object.as_object_mut() {
            fields.shift_remove("sops");
        }
        Ok(())
    }

    fn variables(&self, owner: &Value) -> Result<prepare::Variables, Trouble> {
        let namespace = key_of(owner).0;
        let build = &owner["spec"]["postBuild"];
        let mut variables = prepare::Variables::new();
        for from in build["substituteFrom"].as_array().into_iter().flatten() {
            let kind = from["kind"].as_str().unwrap_or("ConfigMap");
            let name = from["name"].as_str().unwrap_or_default();
            match self.find("v1", kind, &namespace, name) {
                Some(object) => variables.extend(prepare::variables_of(&object)),
                None if from["optional"] == true => {}
                None => {
                    let message = format!("substitute from '{kind}/{name}' error: not found");
                    return Err(("BuildFailed", message));
                }
            }
        }
        for (name, value) in build["substitute"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            variables.insert(name.clone(), value.to_owned());
        }
        Ok(variables)
    }

    /// A kind that is not served, or a namespace that is not there, stops the whole stage.
    fn dry_run(&self, object: &Value) -> Result<(), Trouble> {
        let (namespace, name) = key_of(object);
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let shown = format!("{}/{namespace}/{name}", text("kind"));
        if self.api.read(|store| store.resource_of(object)).is_none() {
            let (kind, version) = (text("kind"), text("apiVersion"));
            let message = format!(
                "{shown} dry-run failed: no matches for kind \"{kind}\" in version \"{version}\""
            );
            return Err(("ReconciliationFailed", message));
        }
        if !namespace.is_empty() && self.find("v1", "Namespace", "", &namespace).is_none() {
            let message =
                format!("{shown} dry-run failed (NotFound): namespaces \"{namespace}\" not found");
            return Err(("ReconciliationFailed", message));
        }
        Ok(())
    }

    fn apply_owned(&self, object: &Value) -> Result<(), Trouble> {
        if object["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/ssa"] == "Ignore" {
            return Ok(());
        }
        self.api
            .take_over("kustomize-controller", object)
            .map(|_| ())
            .map_err(|error| {
                let (namespace, name) = key_of(object);
                let kind = object["kind"].as_str().unwrap_or_default();
                let message = format!("{kind}/{namespace}/{name} dry-run failed: {error}");
                ("ReconciliationFailed", message)
            })
    }

    fn prune(&self, owner: &Value, objects: &[Value]) {
        let Some(before) = self.applied.get(&key_of(owner)) else {
            return;
        };
        if owner["spec"]["prune"] != true {
            return;
        }
        let id = |object: &Value| (object["kind"].clone(), key_of(object));
        let kept: Vec<_> = objects.iter().map(id).collect();
        for object in before.objects.iter() {
            let key = "kustomize.toolkit.fluxcd.io/prune";
            let is_kept =
                kept.contains(&id(object)) || object["metadata"]["annotations"][key] == "disabled";
            let resource = self.api.read(|store| store.resource_of(object));
            if let (false, Some(resource)) = (is_kept, resource) {
                self.api.delete(&resource, &key_of(object));
            }
        }
    }

    /// Tells whether everything that is checked is ready.
    fn is_healthy(&self, owner: &Value, objects: &[Value]) -> bool {
        if owner["spec"]["wait"] == true {
            return objects.iter().all(|object| {
                let (namespace, name) = key_of(object);
                self.is_there_and_ready(object, &namespace, &name)
            });
        }
        let namespace = key_of(owner).0;
        let checks = owner["spec"]["healthChecks"].as_array();
        checks.into_iter().flatten().all(|check| {
            let place = check["namespace"].as_str().unwrap_or(&namespace);
            self.is_there_and_ready(check, place, check["name"].as_str().unwrap_or_default())
        })
    }

    fn is_there_and_ready(&self, kind: &Value, namespace: &str, name: &str) -> bool {
        self.api.read(|store| {
            let Some(resource) = store.resource_of(kind) else {
                return false;
            };
            let namespace = if resource.namespaced { namespace } else { "" };
            let live = store.get(&resource, namespace, name);
            live.is_some_and(|live| status::is_ready(live))
        })
    }

    fn succeed(&mut self, object: &Value, revision: &str, objects: &[Value]) {
        let (mut new, now) = (object["status"].clone(), self.timers.now());
        new["observedGeneration"] = object["metadata"]["generation"].clone();
        new["lastAppliedRevision"] = json!(revision);
        new["lastAttemptedRevision"] = json!(revision);
        new["inventory"] = json!({"entries": objects.iter().map(entry).collect::<Vec<_>>()});
        let message = format!("Applied revision: {revision}");
        status::clear(&mut new, "Reconciling");
        let why = ("ReconciliationSucceeded", message.as_str());
        status::set(&mut new, now, "Ready", Truth::True, why);
        self.set_status(object, new);
    }

    fn progress(&mut self, object: &Value, message: &str) {
        let (mut new, now) = (object["status"].clone(), self.timers.now());
        let why = ("Progressing", message);
        status::set(&mut new, now, "Reconciling", Truth::True, why);
        status::set(&mut new, now, "Ready", Truth::Unknown, why);
        self.set_status(object, new);
    }

    fn fail(&mut self, object: &Value, (reason, message): &Trouble) {
        let (mut new, now) = (object["status"].clone(), self.timers.now());
        status::set(&mut new, now, "Ready", Truth::False, (reason, message));
        if *reason != "DependencyNotReady" {
            let retry = ("ProgressingWithRetry", message.as_str());
            status::set(&mut new, now, "Reconciling", Truth::True, retry);
        }
        self.set_status(object, new);
    }
}

/// Definitions, namespaces and cluster roles go before everything else.
fn is_first(object: &Value) -> bool {
    matches!(
        object["kind"].as_str(),
        Some("CustomResourceDefinition" | "Namespace" | "ClusterRole")
    )
}

fn entry(object: &Value) -> Value {
    let (namespace, name) = key_of(object);
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = object["kind"].as_str().unwrap_or_default();
    let name = name.replace(':', "__");
    json!({"id": format!("{namespace}_{name}_{group}_{kind}"), "v": version})
}
