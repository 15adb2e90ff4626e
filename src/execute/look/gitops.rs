//! Conditions of the GitOps engine.

use serde_json::Value;

use super::super::run::Run;
use super::Look;
use super::kubernetes::{no_kubeconfig, not};
use crate::kube;
use crate::kube::ready::{self, Readiness};
use crate::plan::Origins;
use crate::render::bootstrap::GITOPS_NAMESPACE;

/// The root of everything that Git brings.
const ROOT: &str = "flux-system";

impl Run {
    /// The operator's chart is installed; now its kinds must be served and its pod must run.
    pub(super) async fn operator_ready(&self) -> Look {
        for instance in &self.inputs.manifests.instance {
            let kind = instance["kind"].as_str().unwrap_or_default().to_lowercase();
            let api_version = instance["apiVersion"].as_str().unwrap_or_default();
            let group = api_version.split('/').next().unwrap_or_default();
            let definition = format!("{kind}s.{group}");
            let look = self
                .object_ready(
                    "apiextensions.k8s.io/v1",
                    "CustomResourceDefinition",
                    None,
                    &definition,
                )
                .await;
            if look != Look::Holds {
                return look;
            }
        }
        for release in &self.inputs.manifests.operator.releases {
            let namespace = Some(release.namespace.as_str());
            let look = self
                .object_ready("apps/v1", "Deployment", namespace, &release.release)
                .await;
            if look != Look::Holds {
                return look;
            }
        }
        Look::Holds
    }

    pub(super) async fn instance_ready(&self) -> Look {
        for instance in &self.inputs.manifests.instance {
            let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
            let look = self
                .object_ready(
                    &text(&instance["apiVersion"]),
                    &text(&instance["kind"]),
                    instance["metadata"]["namespace"].as_str(),
                    &text(&instance["metadata"]["name"]),
                )
                .await;
            if look != Look::Holds {
                return look;
            }
        }
        Look::Holds
    }

    /// Everything that is not ready, a line for each: its file, what its controller says, and what it
    /// warned of last. Nothing while the API does not answer.
    pub(in crate::execute) async fn not_ready(&self) -> Vec<String> {
        let Some(api) = self.api() else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        for object in api.from_git().await.unwrap_or_default() {
            let Some(said) = ready::unready(&object) else {
                continue;
            };
            lines.push(format!("{}: {said}", named(&object, &self.inputs.origins)));
            let news = api.news(&object, &said).await;
            lines.extend(news.iter().map(|warning| format!("  event: {warning}")));
        }
        lines
    }

    /// Everything that Git brings is ready, and the root has applied the commit that was pushed.
    pub(super) async fn reconciled(&self, revision: Option<&str>) -> Look {
        let Some(api) = self.api() else {
            return no_kubeconfig();
        };
        let found = match api.from_git().await {
            Ok(found) => found,
            Err(error) => return not(&error),
        };
        let Some(root) = found.iter().find(|object| is_root(object)) else {
            return Look::Not("the first Kustomization does not exist yet".to_owned());
        };
        let look = all_ready(&found, &self.inputs.origins);
        if look != Look::Holds {
            return look;
        }
        let applied = root["status"]["lastAppliedRevision"].as_str().unwrap_or("");
        match revision {
            Some(revision) if !applied.contains(revision) => Look::Not(format!(
                "{} has applied `{applied}`, the pushed commit is `{revision}`",
                kube::describe(root)
            )),
            _ => {
                self.keep_revision(applied.to_owned());
                Look::Holds
            }
        }
    }
}

fn is_root(object: &Value) -> bool {
    object["kind"] == "Kustomization"
        && object["metadata"]["namespace"] == GITOPS_NAMESPACE
        && object["metadata"]["name"] == ROOT
}

/// A failure is reported before anything that is merely on its way, and waiting for something else
/// after everything that has a cause of its own.
fn all_ready(objects: &[Value], origins: &Origins) -> Look {
    let mut waiting = Vec::new();
    for object in objects {
        let message = |said| format!("{}: {said}", named(object, origins));
        match ready::readiness(object) {
            Readiness::Ready => {}
            Readiness::InProgress(said) => waiting.push((urgency(object), message(said))),
            Readiness::Failed(said) => return Look::Broken(message(said)),
        }
    }
    let total = objects.len();
    let ready = total - waiting.len();
    match waiting.into_iter().min_by_key(|(urgency, _)| *urgency) {
        None => Look::Holds,
        Some((_, first)) => Look::Not(format!("{ready} of {total} ready; {first}")),
    }
}

/// What is worth telling of what is not ready, the most first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// An attempt failed.
    Failing,
    /// It is on its way.
    Moving,
    /// It waits for another.
    Waiting,
}

fn urgency(object: &Value) -> Urgency {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|condition| condition["type"] == "Ready");
    match ready {
        Some(ready) if ready["reason"] == "DependencyNotReady" => Urgency::Waiting,
        Some(ready) if ready["status"] == "False" => Urgency::Failing,
        _ => Urgency::Moving,
    }
}

/// Names an object and the file of the repository that it comes from.
fn named(object: &Value, origins: &Origins) -> String {
    let object_text = kube::describe(object);
    match origins.file_of(object) {
        Some(file) => format!("{object_text} ({file})"),
        None => object_text,
    }
}

/// Tells whether a release is the GitOps engine's: then Helm must not be run on it from outside.
pub(in crate::execute) fn owns_release(releases: &[Value], namespace: &str, name: &str) -> bool {
    releases.iter().any(|release| {
        let spec = &release["spec"];
        let own_namespace = release["metadata"]["namespace"].as_str();
        let target = spec["targetNamespace"].as_str().or(own_namespace);
        let own_name = release["metadata"]["name"].as_str();
        let release_name = spec["releaseName"].as_str().or(own_name);
        target == Some(namespace) && release_name == Some(name)
    })
}

/// Tells whether an object, if it has conditions at all, is ready; pods of finished Jobs count.
pub(super) fn settled(object: &Value) -> bool {
    ready::readiness(object) == Readiness::Ready
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kustomization(name: &str, status: &str, reason: &str) -> Value {
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system", "generation": 1},
            "status": {"observedGeneration": 1, "conditions": [
                {"type": "Ready", "status": status, "reason": reason, "message": "said"}]},
        })
    }

    #[test]
    fn a_failure_is_told_before_what_is_on_its_way() {
        let objects = [
            kustomization("a", "False", "DependencyNotReady"),
            kustomization("b", "Unknown", "Progressing"),
            kustomization("c", "False", "BuildFailed"),
            kustomization("d", "True", "ReconciliationSucceeded"),
        ];
        let file = "kind: Kustomization\nmetadata: {name: c, namespace: flux-system}\n";
        let origins = Origins::of([("cluster/c/ks.yaml".into(), file.as_bytes())]);
        let told = |objects: &[Value]| all_ready(objects, &origins);
        let not = |text: &str| Look::Not(text.to_owned());
        let failing =
            "1 of 4 ready; Kustomization `flux-system/c` (cluster/c/ks.yaml): BuildFailed: said";
        assert_eq!(told(&objects), not(failing));
        let moving = "0 of 2 ready; Kustomization `flux-system/b`: Progressing: said";
        assert_eq!(told(&objects[..2]), not(moving));
        assert_eq!(told(&objects[3..]), Look::Holds);
    }
}
