//! The Job that installs charts when nothing else can run: on the host network of a control plane,
//! with the API reached at the node itself.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::script;
use crate::render::ChartRelease;
use crate::yaml;

/// Helm 4, by digest; the same image on amd64 and arm64.
const HELM_IMAGE: &str = "docker.io/alpine/helm:4.3.0@sha256:a6cf54599ccb99d90cf0712b30f03fdb3cab062e6b94e0418cc4db7e8a1464b2";
const NAMESPACE: &str = "kube-system";
const ACCOUNT: &str = "homelab-charts";

/// Charts that one Job installs, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartRun {
    /// What the run is for; part of the Job's name.
    pub purpose: &'static str,
    /// The charts.
    pub releases: Vec<ChartRelease>,
}

impl ChartRun {
    pub(super) fn new(purpose: &'static str, releases: Vec<ChartRelease>) -> Self {
        Self { purpose, releases }
    }

    /// Leaves out releases that Flux owns already: running Helm on them again would take them back.
    #[must_use]
    pub fn without(mut self, is_owned: impl Fn(&ChartRelease) -> bool) -> Self {
        self.releases.retain(|release| !is_owned(release));
        self
    }

    /// Returns the namespace of the Job.
    pub fn namespace(&self) -> &'static str {
        NAMESPACE
    }

    /// Returns the name of the Job. It changes with what is installed, as a Job itself cannot.
    pub fn job_name(&self) -> String {
        let mut hash = Sha256::new();
        for (name, content) in self.files() {
            hash.update(name);
            hash.update([0]);
            hash.update(content.to_string());
            hash.update([0]);
        }
        let hash = hash.finalize();
        let [a, b, c, d] = [hash[0], hash[1], hash[2], hash[3]];
        let digits = u32::from_be_bytes([a, b, c, d]);
        format!("{ACCOUNT}-{}-{digits:08x}", self.purpose)
    }

    /// Returns the objects to apply, in this order; none when there is nothing to install.
    pub fn objects(&self) -> Vec<Value> {
        if self.releases.is_empty() {
            return Vec::new();
        }
        vec![account(), binding(), self.files_object(), self.job()]
    }

    /// The script and one file of values for each release.
    fn files(&self) -> Map<String, Value> {
        let mut files = Map::new();
        files.insert(script::FILE.to_owned(), script::text(&self.releases).into());
        for release in &self.releases {
            let values = yaml::emit(&Value::Object(release.values.clone()));
            files.insert(script::values_file(release), values.into());
        }
        files
    }

    fn files_object(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.job_name(), "namespace": NAMESPACE},
            "data": self.files(),
        })
    }

    fn job(&self) -> Value {
        let name = self.job_name();
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "backoffLimit": 10,
                "activeDeadlineSeconds": 3600,
                "ttlSecondsAfterFinished": 86400,
                "template": {
                    "metadata": {"labels": {"app.kubernetes.io/name": ACCOUNT}},
                    "spec": pod(&name),
                },
            },
        })
    }
}

/// A cluster-admin, because charts create roles; it goes with the Job.
fn account() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": ACCOUNT, "namespace": NAMESPACE},
    })
}

fn binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ACCOUNT},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
    })
}

fn pod(files: &str) -> Value {
    json!({
        "serviceAccountName": ACCOUNT,
        // There is no pod network, no cluster DNS and no Service address yet.
        "hostNetwork": true,
        "dnsPolicy": "Default",
        "restartPolicy": "OnFailure",
        "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [{"operator": "Exists"}],
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{
            "name": "helm",
            "image": HELM_IMAGE,
            "command": ["/bin/sh", format!("{}/{}", script::DIRECTORY, script::FILE)],
            "env": [
                {"name": "KUBERNETES_SERVICE_HOST", "value": "127.0.0.1"},
                {"name": "KUBERNETES_SERVICE_PORT", "value": "7445"},
                {"name": "HOME", "value": "/tmp"},
            ],
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "charts", "mountPath": script::DIRECTORY, "readOnly": true},
                {"name": "tmp", "mountPath": "/tmp"},
            ],
        }],
        "volumes": [
            {"name": "charts", "configMap": {"name": files}},
            {"name": "tmp", "emptyDir": {}},
        ],
    })
}
