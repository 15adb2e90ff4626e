//! Plays the parts that no program is there for: kubelets, and the images of what is deployed.
//!
//! A node is registered once its machine has etcd, and ready once the pod network is installed. The
//! pods of chart runners are carried out: the very script of their ConfigMap, by the real Helm, with
//! the rights of their ServiceAccount. Programs start when their Deployments appear, with the flags
//! that these carry.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use camino::Utf8PathBuf;
use homelab::connect::{Target, Tcp};
use homelab::kube::{Access, Client};
use homelab::model::{Secret, SystemClock};
use serde_json::{Value, json};

use super::super::control_plane::ControlPlane;
use super::super::{TestEnv, realparts};
use super::forward;
use super::world::NODES;

/// How often they look.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// The Deployments of Flux; each is a program of its name.
const CONTROLLERS: [&str; 4] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
];

/// Kubelets at work; they end with the value.
pub struct Kubelets {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    notes: Arc<Mutex<Notes>>,
}

/// What they did and saw.
#[derive(Clone, Default)]
pub struct Notes {
    /// Each chart runner's Job with the script that was carried out.
    pub scripts: Vec<(String, String)>,
    /// The workloads, pods and release records right before anything of Flux ran.
    pub before_flux: Option<[Vec<Value>; 4]>,
    /// The programs that were started, with their flags.
    pub programs: Vec<(String, Vec<String>)>,
    /// What went wrong last.
    pub trouble: Option<String>,
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jobs: Vec<_> = self.scripts.iter().map(|(job, _)| job).collect();
        f.debug_struct("Notes")
            .field("jobs", &jobs)
            .field("programs", &self.programs)
            .field("trouble", &self.trouble)
            .finish_non_exhaustive()
    }
}

impl Kubelets {
    /// Lets them look at a cluster until the value is dropped.
    pub fn start(env: &TestEnv, real: Arc<ControlPlane>, simulated: SocketAddr) -> Self {
        let ends = Arc::<AtomicBool>::default();
        let notes = Arc::<Mutex<Notes>>::default();
        let work = Work {
            base: env.base().to_owned(),
            repository: env.root(),
            real,
            simulated,
            notes: Arc::clone(&notes),
            done: BTreeSet::new(),
        };
        let told = Arc::clone(&ends);
        Self {
            ends,
            thread: Some(std::thread::spawn(move || work.until(&told))),
            notes,
        }
    }

    /// Returns what they did so far.
    pub fn notes(&self) -> Notes {
        self.notes.lock().expect("nobody panics with it").clone()
    }

    /// Ends them.
    pub fn stop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Work {
    base: Utf8PathBuf,
    repository: Utf8PathBuf,
    real: Arc<ControlPlane>,
    simulated: SocketAddr,
    notes: Arc<Mutex<Notes>>,
    /// What is done once.
    done: BTreeSet<String>,
}

impl Work {
    fn until(mut self, ends: &AtomicBool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        while !ends.load(Ordering::Relaxed) {
            let trouble = runtime.block_on(self.look()).err();
            if let Some(trouble) = trouble {
                self.note(|notes| notes.trouble = Some(format!("{trouble:#}")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn note(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.notes.lock().expect("nobody panics with it"));
    }

    /// Tells whether it is the first time.
    fn first(&mut self, what: &str) -> bool {
        self.done.insert(what.to_owned())
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        if !self.done.contains("etcd") {
            let report = std::fs::read_to_string(self.base.join("world/report.json"))?;
            let report: Value = serde_json::from_str(&report)?;
            if report["etcd_clusters_bootstrapped"] == 0 {
                return Ok(());
            }
            forward::open(self.real.fact("NODES_ADDRESS"), self.server()?)?;
            self.first("etcd");
        }
        let api = self.client()?;
        if !self.done.contains("registered") {
            self.register(&api).await?;
            self.first("registered");
        }
        self.carry_out(&api).await?;
        self.network(&api).await?;
        self.ready_again(&api).await?;
        self.programs(&api).await?;
        self.issuers(&api).await
    }

    fn server(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.real.server().trim_start_matches("https://").parse()?)
    }

    fn client(&self) -> anyhow::Result<Client> {
        let access = Access::parse(&Secret::new(self.real.kubeconfig()))?;
        let target: Target = self.server()?.to_string().parse()?;
        let (tcp, clock) = (Arc::new(Tcp), Arc::new(SystemClock));
        Ok(Client::new(&access, &target, tcp, clock)?)
    }

    /// Nodes as kubelets register them before there is a pod network.
    async fn register(&self, api: &Client) -> anyhow::Result<()> {
        for (name, address) in NODES {
            let node = json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "labels": {
                    "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                    "kubernetes.io/hostname": name, "node-role.kubernetes.io/control-plane": "",
                }},
            });
            api.apply(&node, "kubelet").await?;
            let capacity = json!({"cpu": "8", "memory": "16Gi", "pods": "110"});
            let status = json!({
                "capacity": capacity, "allocatable": capacity,
                "addresses": [
                    {"type": "InternalIP", "address": address},
                    {"type": "Hostname", "address": name},
                ],
                "conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady",
                    "message": "cni plugin not initialized"}],
            });
            self.patch_status(&["node", name], &status)?;
        }
        Ok(())
    }

    fn patch_status(&self, object: &[&str], status: &Value) -> anyhow::Result<()> {
        let patch = json!({"status": status}).to_string();
        let patch = ["--subresource=status", "--type=merge", "--patch", &patch];
        self.kubectl(&[&["patch"], object, &patch].concat())
            .map(|_| ())
    }

    fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let own = self.real.file("kubeconfig");
        let said = self.real.kubectl_with(&own, arguments);
        said.map_err(|said| anyhow::anyhow!("kubectl {arguments:?}: {said}"))
    }

    /// Carries out the pods of chart runners that are bound to a node.
    async fn carry_out(&mut self, api: &Client) -> anyhow::Result<()> {
        let selector = Some("app.kubernetes.io/name=homelab-charts");
        for pod in api.list("v1", "Pod", selector).await? {
            let is_bound = pod["spec"]["nodeName"].is_string();
            if is_bound && pod["status"]["phase"] == "Pending" {
                let name = pod["metadata"]["name"].as_str().context("a name")?;
                let job = pod["metadata"]["labels"]["job-name"]
                    .as_str()
                    .context("a job")?;
                let script = self.run_script(&pod)?;
                let terminated = json!({"exitCode": 0, "reason": "Completed"});
                let container = json!({"name": "helm", "image": "", "imageID": "", "ready": false,
                    "restartCount": 0, "state": {"terminated": terminated}});
                let status = json!({"phase": "Succeeded", "containerStatuses": [container]});
                self.patch_status(&["pod", name, "-n", "kube-system"], &status)?;
                self.note(|notes| notes.scripts.push((job.to_owned(), script)));
            }
        }
        Ok(())
    }

    /// Kubelets say again that a pod is ready when the node controller took it back, because it saw their node
    /// get ready late; kwok says it once.
    async fn ready_again(&self, api: &Client) -> anyhow::Result<()> {
        for pod in api.list("v1", "Pod", None).await? {
            let mut conditions = pod["status"]["conditions"].clone();
            let mut is = |kind: &str, status: &str| {
                let listed = conditions.as_array_mut().into_iter().flatten();
                let mut found = listed.filter(|it| it["type"] == kind && it["status"] == status);
                found
                    .next()
                    .map(|it| it["status"] = json!("True"))
                    .is_some()
            };
            if is("ContainersReady", "True") && is("Ready", "False") {
                let place = ["name", "namespace"].map(|it| pod["metadata"][it].as_str());
                let [Some(name), Some(namespace)] = place else {
                    continue;
                };
                let status = json!({"conditions": conditions});
                self.patch_status(&["pod", name, "-n", namespace], &status)?;
            }
        }
        Ok(())
    }

    /// Runs the script of a pod's ConfigMap as the pod would, but for the place of its files.
    fn run_script(&self, pod: &Value) -> anyhow::Result<String> {
        let volumes = pod["spec"]["volumes"].as_array().context("volumes")?;
        let map = volumes
            .iter()
            .find_map(|it| it["configMap"]["name"].as_str());
        let map = map.context("a ConfigMap")?;
        let files = ["get", "configmap", map, "-n", "kube-system", "-o", "json"];
        let files: Value = serde_json::from_str(&self.kubectl(&files)?)?;
        let folder = self.base.join(map);
        std::fs::create_dir_all(&folder)?;
        for (name, text) in files["data"].as_object().context("files")? {
            let text = text.as_str().context("text")?;
            std::fs::write(
                folder.join(name),
                text.replace("/charts/", &format!("{folder}/")),
            )?;
        }
        let account = pod["spec"]["serviceAccountName"]
            .as_str()
            .context("an account")?;
        let helm = realparts::part("helm").join("bin");
        let output = std::process::Command::new("sh")
            .arg(folder.join("install.sh"))
            .env_clear()
            .env("PATH", format!("{helm}:/usr/bin:/bin"))
            .env("HOME", &folder)
            .env("KUBECONFIG", self.account_kubeconfig(account)?)
            .env("SSL_CERT_FILE", self.real.file("pki/ca.crt"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the chart runner failed: {said}");
        let script = files["data"]["install.sh"].as_str().context("a script")?;
        Ok(script.to_owned())
    }

    /// A kubeconfig with a token of a ServiceAccount, as its pods have.
    fn account_kubeconfig(&self, account: &str) -> anyhow::Result<Utf8PathBuf> {
        let token = self.kubectl(&["create", "token", account, "-n", "kube-system"])?;
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "pod",
            "clusters": [{"name": "pod", "cluster": {
                "server": self.real.server(), "certificate-authority": self.real.file("pki/ca.crt"),
            }}],
            "users": [{"name": "pod", "user": {"token": token.trim()}}],
            "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
        });
        let path = self.base.join("account.kubeconfig");
        std::fs::write(&path, config.to_string())?;
        Ok(path)
    }

    /// Once the network's DaemonSet is there, nodes become ready, on the machines as well; once the
    /// pods of the virtual IP run, it answers.
    async fn network(&mut self, api: &Client) -> anyhow::Result<()> {
        let find = async |name| {
            api.get("apps/v1", "DaemonSet", Some("kube-system"), name)
                .await
        };
        if !self.done.contains("network") && find("cilium").await?.is_some() {
            self.pass_on()?;
            let names = NODES.map(|(name, _)| name);
            let label = ["label", "--overwrite", "node"];
            self.kubectl(&[&label[..], &names, &["type=kwok"]].concat())?;
            self.first("network");
        }
        let announced = find("kube-vip").await?;
        if announced.is_some_and(|it| it["status"]["numberReady"] == 3) && self.first("vip") {
            forward::open(self.real.fact("VIP_ADDRESS"), self.server()?)?;
        }
        Ok(())
    }

    /// The simulated machines' own Kubernetes gets the Job of the network too, so that their kubelets
    /// find it.
    fn pass_on(&self) -> anyhow::Result<()> {
        let known = self.repository.join(".homelab/state/kubeconfig");
        let mut known: Value = homelab::yaml::parse(&std::fs::read_to_string(known)?)?;
        known["clusters"][0]["cluster"]["server"] = json!(format!("https://{}", self.simulated));
        let kubeconfig = self.base.join("simulated.kubeconfig");
        std::fs::write(&kubeconfig, known.to_string())?;
        for (kind, place) in [
            ("configmap", "/api/v1/namespaces/kube-system/configmaps"),
            ("job", "/apis/batch/v1/namespaces/kube-system/jobs"),
        ] {
            let all = ["get", kind, "-n", "kube-system", "-o", "json"];
            let mut all: Value = serde_json::from_str(&self.kubectl(&all)?)?;
            let items = all["items"].as_array_mut().context("items")?;
            for item in items {
                let name = item["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                if !name.starts_with("homelab-charts-network-") {
                    continue;
                }
                item["metadata"] = json!({"name": name, "namespace": "kube-system"});
                let file = self.base.join("passed-on.json");
                std::fs::write(&file, item.to_string())?;
                let create = ["create", "--raw", place, "-f", file.as_str()];
                if let Err(said) = self.real.kubectl_with(&kubeconfig, &create) {
                    ensure!(said.contains("already exists"), "the simulated API: {said}");
                }
            }
        }
        Ok(())
    }

    /// Programs whose Deployments appear start, with the flags of their containers.
    async fn programs(&mut self, api: &Client) -> anyhow::Result<()> {
        let namespace = Some("flux-system");
        let operator = api
            .get("apps/v1", "Deployment", namespace, "flux-operator")
            .await?;
        if operator.is_some_and(|it| it["status"]["availableReplicas"] == 1)
            && self.first("flux-operator")
        {
            let seen = self.before_flux(api).await?;
            self.note(|notes| notes.before_flux = Some(seen));
            self.start("flux-operator", Vec::new())?;
        }
        for name in CONTROLLERS {
            if self.done.contains(name) {
                continue;
            }
            let Some(deployment) = api.get("apps/v1", "Deployment", namespace, name).await? else {
                continue;
            };
            let container = &deployment["spec"]["template"]["spec"]["containers"][0];
            let flags = container["args"].as_array().context("flags")?;
            let flags = flags.iter().filter_map(Value::as_str);
            let flags = flags.map(|it| it.replace("$(RUNTIME_NAMESPACE)", "flux-system"));
            self.start(name, flags.collect())?;
            self.first(name);
        }
        Ok(())
    }

    fn start(&self, name: &str, flags: Vec<String>) -> anyhow::Result<()> {
        self.real.serve(name, &flags)?;
        self.note(|notes| notes.programs.push((name.to_owned(), flags)));
        Ok(())
    }

    async fn before_flux(&self, api: &Client) -> anyhow::Result<[Vec<Value>; 4]> {
        Ok([
            api.list("apps/v1", "Deployment", None).await?,
            api.list("apps/v1", "DaemonSet", None).await?,
            api.list("v1", "Pod", None).await?,
            api.list("v1", "Secret", Some("owner=helm")).await?,
        ])
    }

    /// Issuers of certificates become ready, as cert-manager would make them.
    async fn issuers(&self, api: &Client) -> anyhow::Result<()> {
        for issuer in api
            .list("cert-manager.io/v1", "ClusterIssuer", None)
            .await?
        {
            if issuer["status"].is_null() {
                let name = issuer["metadata"]["name"].as_str().context("a name")?;
                let ready =
                    json!({"type": "Ready", "status": "True", "reason": "ACMEAccountRegistered"});
                self.patch_status(&["clusterissuer", name], &json!({"conditions": [ready]}))?;
            }
        }
        Ok(())
    }
}
