//! Conditions of the Kubernetes API and of nodes in it.

use std::net::IpAddr;

use serde_json::Value;

use super::super::run::{API_PORT, Run};
use super::{Look, Readiness};
use crate::connect::Target;
use crate::kube::{self, KubeError, ready};
use crate::model::NodeName;
use crate::plan::{Condition, ObjectSet};
use crate::talos::error_text;

impl Run {
    pub(super) async fn api_ready(&self, address: IpAddr) -> Look {
        self.answers(&Target::new(address, API_PORT)).await
    }

    pub(super) async fn vip_answers(&self, address: IpAddr) -> Look {
        let port = self.inputs.cluster.control_plane.endpoint.port;
        self.answers(&Target::new(address, port)).await
    }

    async fn answers(&self, target: &Target) -> Look {
        match self.api_at(target) {
            None => no_kubeconfig(),
            Some(api) => match api.ready().await {
                Ok(()) => Look::Holds,
                Err(error) => not(&error),
            },
        }
    }

    pub(super) async fn nodes(&self, names: &[NodeName], wanted: Readiness) -> Look {
        let Some(api) = self.api() else {
            return no_kubeconfig();
        };
        let nodes = match api.list("v1", "Node", None).await {
            Ok(nodes) => nodes,
            Err(error) => return not(&error),
        };
        for name in names {
            let found = nodes
                .iter()
                .find(|node| node["metadata"]["name"] == name.as_str());
            let Some(node) = found else {
                return Look::Not(format!("`{name}` is not registered yet"));
            };
            if wanted == Readiness::Ready
                && let ready::Readiness::InProgress(message) | ready::Readiness::Failed(message) =
                    ready::readiness(node)
            {
                return Look::Not(format!("`{name}`: {message}"));
            }
        }
        Look::Holds
    }

    /// Tells whether the Job that was applied for these charts is complete.
    pub(super) async fn charts_installed(&self, objects: ObjectSet) -> Look {
        let Some(name) = self.job(objects) else {
            return Look::Holds;
        };
        let namespace = match objects {
            ObjectSet::Operator => self.inputs.manifests.operator.namespace(),
            _ => self.inputs.manifests.network.namespace(),
        };
        match self
            .object_ready("batch/v1", "Job", Some(namespace), &name)
            .await
        {
            Look::Not(seen) => Look::Not(self.told_by_pod(seen, &name).await),
            other => other,
        }
    }

    /// A Job only tells that it runs; its pod tells what it waits for.
    async fn told_by_pod(&self, seen: String, job: &str) -> String {
        let Some(api) = self.api() else {
            return seen;
        };
        let selector = format!("job-name={job}");
        let pods = api.list("v1", "Pod", Some(&selector)).await;
        let waiting = pods.iter().flatten().find_map(|pod| {
            let ready::Readiness::InProgress(message) = ready::readiness(pod) else {
                return None;
            };
            Some(format!("{}: {message}", kube::describe(pod)))
        });
        match waiting {
            Some(waiting) => format!("{seen}; {waiting}"),
            None => seen,
        }
    }

    /// Names a pod that waits for an image which nobody has, where it is pods that are waited for.
    /// Those who brought it say only that they wait.
    pub(in crate::execute) async fn missing_image(&self, waited_for: &Condition) -> Option<String> {
        let is_pods = matches!(
            waited_for,
            Condition::Ready { .. } | Condition::Reconciled { .. } | Condition::Verified
        );
        let api = self.api().filter(|_| is_pods)?;
        let pods = api.list("v1", "Pod", None).await.ok()?;
        let missing = |pod| Some((kube::describe(pod), ready::missing_image(pod)?));
        let (pod, said) = pods.iter().find_map(missing)?;
        Some(format!("{pod}: {said}"))
    }

    /// Judges one object.
    pub(super) async fn object_ready(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Look {
        let Some(api) = self.api() else {
            return no_kubeconfig();
        };
        match api.get(api_version, kind, namespace, name).await {
            Ok(Some(object)) => judged(&object),
            Ok(None) => Look::Not(format!("{kind} `{name}` does not exist yet")),
            Err(error) => not(&error),
        }
    }
}

pub(super) fn judged(object: &Value) -> Look {
    match ready::readiness(object) {
        ready::Readiness::Ready => Look::Holds,
        ready::Readiness::InProgress(message) => {
            Look::Not(format!("{}: {message}", kube::describe(object)))
        }
        ready::Readiness::Failed(message) => {
            Look::Broken(format!("{}: {message}", kube::describe(object)))
        }
    }
}

pub(super) fn not(error: &KubeError) -> Look {
    Look::Not(error_text(error))
}

pub(super) fn no_kubeconfig() -> Look {
    Look::Not("no kubeconfig yet".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_failed_for_good_is_not_waited_for() {
        let job = |kind: &str| {
            json!({
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": "charts", "namespace": "kube-system"},
                "status": {"conditions": [{"type": kind, "status": "True",
                    "reason": "BackoffLimitExceeded", "message": "it failed too often"}]},
            })
        };
        assert_eq!(judged(&job("Complete")), Look::Holds);
        assert_eq!(
            judged(&job("Failed")),
            Look::Broken(
                "Job `kube-system/charts`: BackoffLimitExceeded: it failed too often".to_owned()
            )
        );
    }
}
