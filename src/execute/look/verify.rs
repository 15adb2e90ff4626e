//! The last look at the whole.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::super::run::Run;
use super::gitops::settled;
use super::kubernetes::{no_kubeconfig, not};
use super::{Look, Readiness};
use crate::kube::{self, Client};
use crate::model::NodeName;
use crate::observe::Depth;
use crate::plan::NodeState;
use crate::spec::cluster::{Node, Role};

/// What SOPS writes in place of a value: in a live Secret it means that nobody decrypted it.
const CIPHERTEXT: &[u8] = b"ENC[";

impl Run {
    pub(super) async fn verified(&self) -> Look {
        let Some(api) = self.api() else {
            return no_kubeconfig();
        };
        let without = &self.inputs.consents.without;
        let nodes: Vec<&Node> = self
            .inputs
            .cluster
            .nodes
            .iter()
            .filter(|node| !without.contains(&node.name))
            .collect();
        let names: Vec<NodeName> = nodes.iter().map(|node| node.name.clone()).collect();
        let control_planes: Vec<NodeName> = nodes
            .iter()
            .filter(|node| node.role == Role::ControlPlane)
            .map(|node| node.name.clone())
            .collect();
        let looks = [
            self.etcd_complete(&control_planes).await,
            self.machines_ready(&names).await,
            self.nodes(&names, Readiness::Ready).await,
            pods_run(&api).await,
            secrets_are_plain(&api).await,
            owners_are_one_each(&api).await,
        ];
        looks
            .into_iter()
            .find(|look| *look != Look::Holds)
            .unwrap_or(Look::Holds)
    }

    async fn machines_ready(&self, names: &[NodeName]) -> Look {
        for (name, state) in self.look_at_all(names, Depth::Identity).await {
            match state {
                NodeState::Ours(running)
                    if running.stage == "running" && running.unmet.is_empty() => {}
                NodeState::Ours(running) => {
                    let unmet = running.unmet.join(", ");
                    return Look::Not(format!("`{name}` is {} ({unmet})", running.stage));
                }
                _ => return Look::Not(format!("`{name}` does not answer")),
            }
        }
        Look::Holds
    }

    /// Nothing of the Jobs that installed charts is there any more.
    pub(super) async fn chart_runner_gone(&self) -> Look {
        let Some(api) = self.api() else {
            return no_kubeconfig();
        };
        for object in self.chart_runner() {
            let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
            let found = api
                .get(
                    &text(&object["apiVersion"]),
                    &text(&object["kind"]),
                    object["metadata"]["namespace"].as_str(),
                    &text(&object["metadata"]["name"]),
                )
                .await;
            match found {
                Ok(None) => {}
                Ok(Some(_)) => {
                    return Look::Not(format!("{} is still there", kube::describe(&object)));
                }
                Err(error) => return not(&error),
            }
        }
        Look::Holds
    }

    /// Returns the objects of the Jobs that install charts, in order of removal.
    pub(in crate::execute) fn chart_runner(&self) -> Vec<Value> {
        let manifests = &self.inputs.manifests;
        let mut objects = manifests.network.objects();
        objects.extend(manifests.operator.objects());
        objects.reverse();
        objects
    }
}

/// Pods of Jobs are left out: a Job tries again by itself and keeps its failed attempts.
async fn pods_run(api: &Client) -> Look {
    let pods = match api.list("v1", "Pod", None).await {
        Ok(pods) => pods,
        Err(error) => return not(&error),
    };
    let of_job = |pod: &&Value| {
        pod["metadata"]["ownerReferences"]
            .as_array()
            .is_some_and(|owners| owners.iter().any(|owner| owner["kind"] == "Job"))
    };
    match pods
        .iter()
        .filter(|pod| !of_job(pod))
        .find(|pod| !settled(pod))
    {
        None => Look::Holds,
        Some(pod) => Look::Not(format!("{} does not run yet", kube::describe(pod))),
    }
}

async fn secrets_are_plain(api: &Client) -> Look {
    let secrets = match api.list("v1", "Secret", None).await {
        Ok(secrets) => secrets,
        Err(error) => return not(&error),
    };
    match secrets.iter().find(|secret| holds_ciphertext(secret)) {
        None => Look::Holds,
        Some(secret) => Look::Broken(format!(
            "{} holds ciphertext: its Kustomization does not decrypt",
            kube::describe(secret)
        )),
    }
}

/// Each of two owners undoes what the other does, and neither tells.
async fn owners_are_one_each(api: &Client) -> Look {
    let owners = match api.from_git().await {
        Ok(owners) => owners,
        Err(error) => return not(&error),
    };
    match kube::contested(&owners) {
        None => Look::Holds,
        Some(contested) => Look::Broken(format!(
            "{} has two owners: {}",
            contested.object,
            contested.owners.join(" and ")
        )),
    }
}

fn holds_ciphertext(secret: &Value) -> bool {
    let Some(data) = secret["data"].as_object() else {
        return false;
    };
    data.values().filter_map(Value::as_str).any(|value| {
        BASE64_STANDARD
            .decode(value)
            .is_ok_and(|bytes| bytes.starts_with(CIPHERTEXT))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ciphertext_in_a_live_secret_is_found() {
        let secret = |text: &str| json!({"data": {"token": BASE64_STANDARD.encode(text)}});
        assert!(holds_ciphertext(&secret("ENC[AES256_GCM,data:x]")));
        assert!(!holds_ciphertext(&secret("plain ENC[")));
        assert!(!holds_ciphertext(&json!({"metadata": {}})));
    }
}
