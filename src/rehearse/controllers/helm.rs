//! Helm releases, by whoever installs them, and the controller of HelmReleases.

use serde_json::{Value, json};

use super::Controllers;
use super::charts::{self, OPERATOR_KINDS, Release};
use super::durations::{HELM, REGISTER_KINDS};
use super::status::{self, Truth};
use crate::rehearse::kubernetes::key_of;

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Running,
    Done { revision: usize },
}

impl Controllers {
    /// Installs or upgrades a release; one that waits is done when what it brings is ready.
    pub(super) fn install(
        &mut self,
        release: &Release,
        manager: &str,
        owner: Option<&Value>,
    ) -> Progress {
        let timer = format!(
            "helm {manager} {}/{} {}",
            release.namespace, release.name, release.version
        );
        if !self.timers.has_passed(&timer, HELM) {
            return Progress::Running;
        }
        let applied = format!("{timer} applied");
        if !self.recorded.contains(&applied) {
            // The namespace may not be there yet: then the release waits, as Helm's retries do.
            if !self.apply_release(release, manager, owner) {
                return Progress::Running;
            }
            self.recorded.insert(applied);
        }
        if release.waits && !charts::objects(release).iter().all(|it| self.is_live(it)) {
            return Progress::Running;
        }
        let mark = format!("{timer} recorded");
        let revision = self.revisions(release);
        if self.recorded.insert(mark) {
            self.put(&release.record(revision + 1));
            return Progress::Done {
                revision: revision + 1,
            };
        }
        Progress::Done { revision }
    }

    fn apply_release(&self, release: &Release, manager: &str, owner: Option<&Value>) -> bool {
        let mut is_applied = true;
        for mut object in charts::objects(release) {
            if let Some(owner) = owner {
                let (namespace, name) = key_of(owner);
                let labels = &mut object["metadata"]["labels"];
                labels["helm.toolkit.fluxcd.io/name"] = json!(name);
                labels["helm.toolkit.fluxcd.io/namespace"] = json!(namespace);
            }
            is_applied &= self.api.apply_as(manager, &object).is_ok();
        }
        is_applied
    }

    /// Tells whether an object is there and ready.
    fn is_live(&self, object: &Value) -> bool {
        let (namespace, name) = key_of(object);
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let live = self.find(text("apiVersion"), text("kind"), &namespace, &name);
        live.is_some_and(|live| status::is_ready(&live))
    }

    fn revisions(&self, release: &Release) -> usize {
        let prefix = format!("sh.helm.release.v1.{}.v", release.name);
        let records = self.all("", "secrets");
        let mine = records.iter().filter(|secret| {
            let (namespace, name) = key_of(secret);
            namespace == release.namespace && name.starts_with(&prefix)
        });
        mine.count()
    }

    /// Operators that register kinds by themselves once they run.
    pub(super) fn run_registered_kinds(&mut self) {
        for (deployment, kinds) in OPERATOR_KINDS {
            let timer = format!("register {deployment}");
            if self.is_running(deployment) && self.timers.has_passed(&timer, REGISTER_KINDS) {
                for kind in *kinds {
                    let definition = charts::definition(kind);
                    let name = key_of(&definition).1;
                    let version = "apiextensions.k8s.io/v1";
                    if self
                        .find(version, "CustomResourceDefinition", "", &name)
                        .is_none()
                    {
                        self.put(&definition);
                    }
                }
            }
        }
    }

    pub(super) fn run_helm_releases(&mut self) {
        if !self.is_running("helm-controller") {
            return;
        }
        for release in self.all("helm.toolkit.fluxcd.io", "helmreleases") {
            self.run_helm_release(&release);
        }
    }

    fn run_helm_release(&mut self, object: &Value) {
        let generation = &object["metadata"]["generation"];
        if status::is_true(object, "Ready") && object["status"]["observedGeneration"] == *generation
        {
            return;
        }
        if object["spec"]["suspend"] == true {
            return;
        }
        let release = match self.resolve(object) {
            Ok(release) => release,
            Err((reason, message)) => return self.fail_release(object, reason, &message),
        };
        let before = self.revisions(&release);
        match self.install(&release, "helm-controller", Some(object)) {
            Progress::Running => {
                let mut new = object["status"].clone();
                let now = self.timers.now();
                let why = (
                    "Progressing",
                    "Running 'install' action with timeout of 5m0s",
                );
                status::set(&mut new, now, "Reconciling", Truth::True, why);
                status::set(&mut new, now, "Ready", Truth::Unknown, why);
                self.set_status(object, new);
            }
            Progress::Done { revision } => {
                let verb = if before == 0 { "install" } else { "upgrade" };
                self.finish_release(object, &release, verb, revision);
            }
        }
    }

    fn finish_release(&mut self, object: &Value, release: &Release, verb: &str, revision: usize) {
        let (reason, released) = match verb {
            "install" => ("InstallSucceeded", "InstallSucceeded"),
            _ => ("UpgradeSucceeded", "UpgradeSucceeded"),
        };
        let message = format!(
            "Helm {verb} succeeded for release {}/{}.v{revision} with chart {}@{}",
            release.namespace, release.name, release.chart, release.version
        );
        let (mut new, now) = (object["status"].clone(), self.timers.now());
        new["observedGeneration"] = object["metadata"]["generation"].clone();
        status::clear(&mut new, "Reconciling");
        status::set(&mut new, now, "Ready", Truth::True, (reason, &message));
        status::set(&mut new, now, "Released", Truth::True, (released, &message));
        self.set_status(object, new);
    }

    fn fail_release(&mut self, object: &Value, reason: &str, message: &str) {
        let (mut new, now) = (object["status"].clone(), self.timers.now());
        status::set(&mut new, now, "Ready", Truth::False, (reason, message));
        self.set_status(object, new);
    }

    /// Finds the chart of a release; says why it cannot be installed yet.
    fn resolve(&self, object: &Value) -> Result<Release, (&'static str, String)> {
        let (namespace, name) = key_of(object);
        let spec = &object["spec"];
        self.check_dependencies(object, "helm.toolkit.fluxcd.io/v2", "HelmRelease")?;
        for from in spec["valuesFrom"].as_array().into_iter().flatten() {
            let kind = from["kind"].as_str().unwrap_or("ConfigMap");
            let wanted = from["name"].as_str().unwrap_or_default();
            if from["optional"] != true && self.find("v1", kind, &namespace, wanted).is_none() {
                let message = format!(
                    "could not resolve {kind} chart values reference '{namespace}/{wanted}': \
                     {}s \"{wanted}\" not found",
                    kind.to_lowercase()
                );
                return Err(("ValuesError", message));
            }
        }
        let (chart, version) = self.chart_of(spec, &namespace)?;
        let target = spec["targetNamespace"].as_str();
        let release_name = spec["releaseName"].as_str().map_or_else(
            || match target {
                Some(target) => format!("{target}-{name}"),
                None => name.clone(),
            },
            str::to_owned,
        );
        Ok(Release {
            name: release_name,
            namespace: target.unwrap_or(&namespace).to_owned(),
            chart,
            version,
            waits: true,
        })
    }

    fn chart_of(
        &self,
        spec: &Value,
        namespace: &str,
    ) -> Result<(String, String), (&'static str, String)> {
        let (reference, chart) = match spec["chartRef"].as_object() {
            Some(_) => (&spec["chartRef"], None),
            None => (
                &spec["chart"]["spec"]["sourceRef"],
                Some(&spec["chart"]["spec"]),
            ),
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = text(&reference["kind"]);
        let place = reference["namespace"].as_str().unwrap_or(namespace);
        let name = text(&reference["name"]);
        let source = self.find("source.toolkit.fluxcd.io/v1", &kind, place, &name);
        let Some(source) = source else {
            let message = format!(
                "could not get Source object: {kind}.source.toolkit.fluxcd.io \"{name}\" not found"
            );
            return Err(("SourceNotReady", message));
        };
        if !super::sources::is_ready(&source) {
            let message = format!("{kind} '{place}/{name}' is not ready: waiting to be reconciled");
            return Err(("SourceNotReady", message));
        }
        if let Some(chart) = chart {
            return Ok((text(&chart["chart"]), text(&chart["version"])));
        }
        let url = text(&source["spec"]["url"]);
        let chart = url.rsplit('/').next().unwrap_or_default().to_owned();
        let reference = &source["spec"]["ref"];
        let version = ["tag", "semver", "digest"]
            .iter()
            .find_map(|name| reference[*name].as_str());
        Ok((chart, version.unwrap_or("latest").to_owned()))
    }

    /// Checks `dependsOn`: each named object of the same kind must be ready.
    pub(super) fn check_dependencies(
        &self,
        object: &Value,
        api_version: &str,
        kind: &str,
    ) -> Result<(), (&'static str, String)> {
        let namespace = key_of(object).0;
        for dependency in object["spec"]["dependsOn"].as_array().into_iter().flatten() {
            let place = dependency["namespace"].as_str().unwrap_or(&namespace);
            let name = dependency["name"].as_str().unwrap_or_default();
            let found = self.find(api_version, kind, place, name);
            let message = match found {
                None => format!("dependency '{place}/{name}' not found"),
                Some(found) if !status::is_true(&found, "Ready") => {
                    format!("dependency '{place}/{name}' is not ready")
                }
                Some(_) => continue,
            };
            return Err(("DependencyNotReady", message));
        }
        Ok(())
    }
}
