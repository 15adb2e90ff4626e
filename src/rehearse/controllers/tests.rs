//! A cluster from its first kubelet to a reconciled tree, without an engine.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::model::{Clock, FileTree};
use crate::rehearse::kubernetes::Store;

struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Lab {
    api: Arc<Api>,
    clock: Arc<Hand>,
    controllers: Controllers,
    facts: Facts,
}

fn kubelet(index: u8) -> Kubelet {
    Kubelet {
        name: format!("node-{index}"),
        machine: format!("node-{index}").parse().unwrap(),
        address: IpAddr::from([10, 0, 0, index]),
        is_control_plane: true,
        is_schedulable: true,
        is_up: true,
        version: "1.36.4".parse().unwrap(),
        talos: "1.13.9".parse().unwrap(),
        labels: BTreeMap::new(),
    }
}

fn lab(files: &[(&str, &str)]) -> Lab {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Arc::new(Hand(Mutex::new(start)));
    let api = Api::new(clock.clone(), "v1.36.4", Arc::default());
    let mut tree = FileTree::default();
    for (path, text) in files {
        tree.add(*path, *text);
    }
    let remote = Remote {
        url: "ssh://git@host/me/lab.git".to_owned(),
        branch: "main".to_owned(),
        commit: "c".repeat(40),
        tree,
        ..Remote::default()
    };
    let controllers = Controllers::new(Arc::clone(&api), Arc::new(remote), 7, start);
    let facts = Facts {
        kubelets: (1..=3).map(kubelet).collect(),
        has_own_network: false,
    };
    Lab {
        api,
        clock,
        controllers,
        facts,
    }
}

impl Lab {
    /// Lets this much time pass, each due moment by itself.
    fn pass(&mut self, seconds: u64) {
        let ends = self.clock.now() + Duration::from_secs(seconds);
        loop {
            let due = self.controllers.run(self.clock.now(), &self.facts);
            match due {
                Some(due) if due <= ends => *self.clock.0.lock().unwrap() = due,
                _ => break,
            }
        }
        *self.clock.0.lock().unwrap() = ends;
        self.controllers.run(ends, &self.facts);
    }

    fn get(&self, version: &str, kind: &str, namespace: &str, name: &str) -> Object {
        let found = self.controllers.find(version, kind, namespace, name);
        found.unwrap_or_else(|| panic!("{kind} {namespace}/{name} is missing"))
    }

    fn ready(&self, version: &str, kind: &str, namespace: &str, name: &str) -> String {
        let object = self.get(version, kind, namespace, name);
        let ready = status::condition(&object, "Ready");
        let text = |field: &str| {
            ready
                .and_then(|r| r[field].as_str())
                .unwrap_or("-")
                .to_owned()
        };
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }

    fn nodes(&self) -> Vec<String> {
        let names = self.facts.kubelets.iter();
        names
            .map(|kubelet| self.ready("v1", "Node", "", &kubelet.name))
            .collect()
    }

    fn run_charts(&mut self) {
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"namespace": "kube-system", "name": "charts"},
            "spec": {"template": {"spec": {
                "hostNetwork": true, "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "helm", "image": "helm", "command": ["sh", "-c"], "args": [
                    "helm upgrade --install cilium oci://q/cilium --version 1 -n kube-system && \
                     helm upgrade --install flux-operator oci://q/flux-operator --version 1 \
                     --namespace flux-system"]}],
            }}},
        });
        let space =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}});
        self.api.apply(&space).unwrap();
        self.api.apply(&job).unwrap();
    }

    fn start_flux(&mut self) {
        let instance = json!({
            "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance",
            "metadata": {"namespace": "flux-system", "name": "flux"},
            "spec": {"sync": {"kind": "GitRepository", "url": "ssh://git@host/me/lab.git",
                "ref": "refs/heads/main", "path": "cluster/flux", "pullSecret": "git"}},
        });
        self.api.apply(&instance).unwrap();
    }
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: demo}\n\
    spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, \
    spec: {containers: [{name: web, image: nginx}]}}}\n";

fn kustomization(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
         metadata: {{name: {name}, namespace: flux-system}}\n\
         spec: {{interval: 1h, path: {path}, prune: true, wait: true, \
         sourceRef: {{kind: GitRepository, name: flux-system}}{more}}}\n"
    )
}

#[test]
fn nodes_wait_for_their_network_and_the_job_brings_it() {
    let mut lab = lab(&[]);
    lab.pass(30);
    assert!(
        lab.nodes()
            .iter()
            .all(|ready| ready.starts_with("False KubeletNotReady"))
    );
    lab.run_charts();
    lab.pass(200);
    assert!(
        lab.nodes().iter().all(|ready| ready.starts_with("True")),
        "{:?}",
        lab.nodes()
    );
    let job = lab.get("batch/v1", "Job", "kube-system", "charts");
    assert!(status::is_true(&job, "Complete"));
    lab.get(
        "v1",
        "Secret",
        "kube-system",
        "sh.helm.release.v1.cilium.v1",
    );
    lab.facts.kubelets[1].is_up = false;
    lab.pass(60);
    assert!(lab.nodes()[1].starts_with("Unknown NodeStatusUnknown"));
}

#[test]
fn a_tree_reconciles_in_the_order_of_its_dependencies() {
    let entry = kustomization("infra", "./cluster/infra", "")
        + "---\n"
        + &kustomization("apps", "./cluster/apps", ", dependsOn: [{name: infra}]");
    let mut lab = lab(&[
        ("cluster/flux/all.yaml", &entry),
        ("cluster/infra/ns.yaml", NAMESPACE),
        ("cluster/apps/web.yaml", DEPLOYMENT),
    ]);
    lab.run_charts();
    lab.pass(200);
    lab.start_flux();
    lab.pass(60);
    let source = lab.ready(
        "source.toolkit.fluxcd.io/v1",
        "GitRepository",
        "flux-system",
        "flux-system",
    );
    assert_eq!(
        source,
        "False AuthenticationOptionsFailed: failed to get secret 'flux-system/git': secrets \"git\" not found"
    );
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "flux-system", "name": "git"}});
    lab.api.apply(&secret).unwrap();
    let mut order = Vec::new();
    for _ in 0..120 {
        lab.pass(1);
        for object in lab.controllers.gitops() {
            if object.ready && !order.contains(&object.name) {
                order.push(object.name);
            }
        }
    }
    let expected = [
        "flux-system/flux-system",
        "flux-system/flux",
        "flux-system/infra",
        "flux-system/apps",
    ];
    let mut sorted = order.clone();
    sorted.sort();
    let mut all = expected.map(str::to_owned).to_vec();
    all.sort();
    assert_eq!(sorted, all);
    let place = |name: &str| order.iter().position(|other| other.ends_with(name));
    assert!(place("/infra") < place("/apps"), "{order:?}");
}

#[test]
fn what_keeps_a_kustomization_from_ready_is_said_as_flux_says_it() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\n\
        stringData: {k: 'ENC[x]'}\nsops: {mac: x}\n";
    let entry = [
        kustomization("nowhere", "./cluster/nowhere", ""),
        kustomization("orphan", "./cluster/s", ", dependsOn: [{name: ghost}]"),
        kustomization("unknown", "./cluster/unknown", ""),
        kustomization("locked", "./cluster/s", ", decryption: {provider: sops}"),
    ];
    let mut lab = lab(&[
        ("cluster/flux/all.yaml", &entry.join("---\n")),
        ("cluster/s/s.yaml", secret),
        (
            "cluster/unknown/t.yaml",
            "apiVersion: x.org/v1\nkind: Thing\nmetadata: {name: t}\n",
        ),
    ]);
    lab.run_charts();
    lab.pass(200);
    let git = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "flux-system", "name": "git"}});
    lab.api.apply(&git).unwrap();
    lab.start_flux();
    lab.pass(90);
    let ready = |lab: &Lab, name: &str| {
        lab.ready(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "flux-system",
            name,
        )
    };
    insta::assert_snapshot!(
        ["nowhere", "orphan", "unknown", "locked"].map(|name| ready(&lab, name)).join("\n"),
        @r#"
    False ArtifactFailed: kustomization path not found: stat cluster/nowhere: no such file or directory
    False DependencyNotReady: dependency 'flux-system/ghost' not found
    False ReconciliationFailed: Thing/flux-system/t dry-run failed: no matches for kind "Thing" in version "x.org/v1"
    False BuildFailed: decryption failed for 'Secret.v1.[noGrp]/s': failed to decrypt and format 's' Secret data: cannot get sops data key
    "#
    );
    let age = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "flux-system", "name": "sops-age"}});
    lab.api.apply(&age).unwrap();
    lab.pass(30);
    assert!(
        ready(&lab, "locked").starts_with("True"),
        "{}",
        ready(&lab, "locked")
    );
    let secret = lab.get("v1", "Secret", "default", "s");
    assert_eq!(secret["data"]["k"], "cmVoZWFyc2Vk");
}

#[test]
fn equal_seeds_make_equal_histories() {
    let history = || {
        let mut lab = lab(&[("cluster/flux/ns.yaml", NAMESPACE)]);
        lab.run_charts();
        lab.pass(200);
        lab.start_flux();
        lab.pass(90);
        let version = lab.api.read(Store::version);
        format!("{version} {:?}", lab.controllers.gitops())
    };
    assert_eq!(history(), history());
}
