//! One small function for each kind of step. Each may be repeated: what it does twice is done once.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use talos_api::{ApplyMode, Code, DryRun, Error as TalosError};

use super::event::EventKind;
use super::look::owns_release;
use super::run::{API_PORT, Run};
use crate::connect::Target;
use crate::kube::{self, Access, Client, KubeError, LeaseAnswer, LeaseLife, LeaseView, ownership};
use crate::model::{NodeName, Secret};
use crate::plan::{Action, Fence, ObjectSet, Refusal};
use crate::render::bootstrap::{
    ChartRun, GIT_CREDENTIALS_SECRET, GITOPS_NAMESPACE, SOPS_AGE_SECRET,
};
use crate::talos::error_text;

/// Owns what Git takes over later: Flux merges managers whose names begin with `kubectl`.
const HANDED_OVER: &str = "kubectl-homelab";
/// Owns what never comes from Git.
const OWN: &str = "homelab";

/// Why an action did not succeed.
#[derive(Debug)]
pub(super) enum ActError {
    /// Not now; asking again may help. Nothing was changed.
    Passing(String),
    /// The reply was lost: perhaps it was done.
    Perhaps(String),
    /// Somebody else did it.
    Overtaken(String),
    /// It will not succeed without a change.
    Fatal(String),
    /// A fence refused.
    Refused(Box<Refusal>),
}

impl Run {
    /// Does what a step does, once.
    pub(super) async fn act(&self, action: &Action) -> Result<(), ActError> {
        match action {
            Action::Await => Ok(()),
            Action::InstallNode {
                node, fingerprint, ..
            } => self.install(node, fingerprint).await,
            Action::ReconfigureNode { node } => self.reconfigure(node).await,
            Action::ApplyConfiguration { node, reboots, api } => {
                self.change(node, *reboots, api.as_ref()).await
            }
            Action::BootstrapEtcd { node } => self.bootstrap_etcd(node).await,
            Action::FetchKubeconfig { node } => self.fetch_kubeconfig(node).await,
            Action::PublishKubeconfig => self.publish_kubeconfig(),
            Action::TakeLease => self.take_lease().await,
            Action::RemoveChartRunner => self.remove_chart_runner().await,
            Action::ApplyObjects { objects } => self.apply(*objects).await,
        }
    }

    async fn install(&self, name: &NodeName, fingerprint: &str) -> Result<(), ActError> {
        let pinned = fingerprint
            .parse()
            .map_err(|_| ActError::Fatal("the plan's fingerprint is not one".to_owned()))?;
        let address = self.node(name).address;
        let client = self
            .talos
            .maintenance(address, Some(pinned))
            .await
            .map_err(|error| ActError::Passing(error_text(&error)))?;
        self.note_configured(name);
        self.send_configuration(&client, name, ApplyMode::Auto)
            .await
    }

    async fn reconfigure(&self, name: &NodeName) -> Result<(), ActError> {
        let client = self.ours(name).await?;
        self.send_configuration(&client, name, ApplyMode::Auto)
            .await
    }

    /// A change that was planned to be live is refused by the machine if it is not.
    async fn change(
        &self,
        name: &NodeName,
        reboots: bool,
        api: Option<&NodeName>,
    ) -> Result<(), ActError> {
        let mode = if reboots {
            ApplyMode::Auto
        } else {
            ApplyMode::NoReboot
        };
        let client = self.ours(name).await?;
        if let Some(other) = api {
            self.ask_api_of(other);
        }
        self.send_configuration(&client, name, mode).await
    }

    async fn ours(&self, name: &NodeName) -> Result<talos_api::Client, ActError> {
        let address = self.node(name).address;
        let connected = self.talos.ours(address).await;
        connected.map_err(|error| ActError::Passing(error_text(&error)))
    }

    async fn send_configuration(
        &self,
        client: &talos_api::Client,
        name: &NodeName,
        mode: ApplyMode,
    ) -> Result<(), ActError> {
        let configuration =
            self.secrets.configurations.get(name).ok_or_else(|| {
                ActError::Fatal(format!("there is no configuration for `{name}`"))
            })?;
        let bytes = configuration.expose().as_bytes();
        client
            .apply_configuration(bytes, mode, DryRun::No)
            .await
            .map(|_| ())
            .map_err(|error| match error.code() {
                // Another apply is at work on the node: ours or another operator's.
                Some(Code::FailedPrecondition) => ActError::Perhaps(error_text(&error)),
                // It has just left maintenance mode and takes nothing from anybody any more.
                Some(Code::PermissionDenied) if client.peer().is_maintenance() => {
                    ActError::Perhaps(error_text(&error))
                }
                _ => talos_failure(&error),
            })
    }

    async fn bootstrap_etcd(&self, name: &NodeName) -> Result<(), ActError> {
        let client = self.ours(name).await?;
        client
            .bootstrap()
            .await
            .map_err(|error| match error.code() {
                Some(Code::AlreadyExists) => ActError::Overtaken(error_text(&error)),
                // Too early: the container runtime or the clock is not ready.
                Some(Code::FailedPrecondition) => ActError::Passing(error_text(&error)),
                _ => talos_failure(&error),
            })
    }

    async fn fetch_kubeconfig(&self, name: &NodeName) -> Result<(), ActError> {
        let client = self.ours(name).await?;
        let text = client
            .kubeconfig()
            .await
            .map_err(|error| match error.code() {
                // It starts, or stops to start again.
                None | Some(Code::FailedPrecondition | Code::Unavailable) => {
                    ActError::Passing(error_text(&error))
                }
                Some(_) => talos_failure(&error),
            })?;
        let server = format!("https://{}", Target::new(self.node(name).address, API_PORT));
        let at_node = kube::with_server(&text.into(), &server).map_err(|e| fatal(&e))?;
        let access = Access::parse(&at_node).map_err(|e| fatal(&e))?;
        self.inputs
            .state
            .store_kubeconfig(&at_node)
            .map_err(|e| fatal(&e))?;
        self.keep_kubeconfig(at_node, access);
        Ok(())
    }

    fn publish_kubeconfig(&self) -> Result<(), ActError> {
        let stored = self
            .kubeconfig()
            .ok_or_else(|| ActError::Passing("no kubeconfig yet".to_owned()))?;
        let published = kube::with_server(&stored, &self.endpoint()).map_err(|e| fatal(&e))?;
        self.inputs
            .state
            .store_kubeconfig(&published)
            .map_err(|e| fatal(&e))?;
        self.mark_published();
        Ok(())
    }

    /// Returns the URL of the Kubernetes API as clients see it.
    pub(super) fn endpoint(&self) -> String {
        let endpoint = &self.inputs.cluster.control_plane.endpoint;
        format!("https://{}", Target::new(&endpoint.host, endpoint.port))
    }

    async fn take_lease(&self) -> Result<(), ActError> {
        let api = self.connected()?;
        let holder = self.holder();
        let now = || self.inputs.clock.now();
        let answer = api
            .take_lease(&holder, now())
            .await
            .map_err(|e| passing(&e))?;
        let LeaseAnswer::Foreign(seen) = answer else {
            self.set_lease_held(true);
            return Ok(());
        };
        if !self.inputs.consents.break_lock {
            self.emit(None, awaits_lease(&seen));
            tokio::time::sleep(seen.duration).await;
        }
        match api.take_over_lease(&seen, &holder, now()).await {
            Ok(LeaseAnswer::Held) => {
                if self.inputs.consents.break_lock {
                    // Whoever had it notices when it renews it, and stops.
                    tokio::time::sleep(LeaseLife::RENEW_EVERY).await;
                }
                self.set_lease_held(true);
                Ok(())
            }
            Ok(LeaseAnswer::Foreign(view)) => Err(ActError::Refused(Box::new(busy(&view.holder)))),
            Err(error) => Err(passing(&error)),
        }
    }

    fn connected(&self) -> Result<Client, ActError> {
        self.api()
            .ok_or_else(|| ActError::Passing("no kubeconfig yet".to_owned()))
    }

    async fn apply(&self, objects: ObjectSet) -> Result<(), ActError> {
        let api = self.connected()?;
        let manifests = &self.inputs.manifests;
        match objects {
            ObjectSet::Namespaces => apply_all(&api, &manifests.namespaces, HANDED_OVER).await?,
            ObjectSet::Secrets => apply_all(&api, &self.secret_objects(), OWN).await?,
            ObjectSet::Charts => self.run_charts(&api, objects, &manifests.network).await?,
            ObjectSet::Operator => self.run_charts(&api, objects, &manifests.operator).await?,
            ObjectSet::Instance => apply_all(&api, &manifests.instance, HANDED_OVER).await?,
        }
        self.mark_applied(objects);
        Ok(())
    }

    /// Starts the Job that installs charts, without those that the GitOps engine owns already.
    async fn run_charts(
        &self,
        api: &Client,
        objects: ObjectSet,
        charts: &ChartRun,
    ) -> Result<(), ActError> {
        let list = async |api_version, kind| {
            let listed = api.list(api_version, kind, None).await;
            listed.map_err(|error| passing(&error))
        };
        let owned = list("helm.toolkit.fluxcd.io/v2", "HelmRelease").await?;
        let mut brought = list("apps/v1", "Deployment").await?;
        brought.extend(list("apps/v1", "DaemonSet").await?);
        let run = charts.clone().without(|release| {
            let (namespace, component) = (&release.namespace, &release.component);
            let is_labelled = |it| ownership::is_of_release(it, namespace, component);
            owns_release(&owned, namespace, &release.release) || brought.iter().any(is_labelled)
        });
        let wanted = run.objects();
        if wanted.is_empty() {
            self.keep_job(objects, None);
            return Ok(());
        }
        apply_all(api, &wanted, OWN).await?;
        self.keep_job(objects, Some(run.job_name()));
        Ok(())
    }

    async fn remove_chart_runner(&self) -> Result<(), ActError> {
        let api = self.connected()?;
        for object in self.chart_runner() {
            api.delete(&object).await.map_err(|error| passing(&error))?;
        }
        Ok(())
    }

    /// The Secrets that never come from Git: what opens it, and what opens its encrypted files.
    fn secret_objects(&self) -> Vec<Value> {
        let secret = |name: &str, data: Value| {
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": GITOPS_NAMESPACE},
                "type": "Opaque",
                "data": data,
            })
        };
        let mut objects = Vec::new();
        if let Some(key) = &self.secrets.age_key {
            objects.push(secret(SOPS_AGE_SECRET, json!({"age.agekey": encoded(key)})));
        }
        if let Some(credentials) = &self.secrets.git {
            let data: serde_json::Map<String, Value> = credentials
                .iter()
                .map(|(key, value)| (key.clone(), encoded(value)))
                .collect();
            objects.push(secret(GIT_CREDENTIALS_SECRET, Value::Object(data)));
        }
        objects
    }
}

/// A value of a Secret. Not as `stringData`: of that the API remembers no owner, and a key that goes
/// would stay.
fn encoded(value: &Secret<String>) -> Value {
    Value::from(BASE64_STANDARD.encode(value.expose()))
}

/// Applies objects in order, except those that the GitOps engine owns already.
async fn apply_all(api: &Client, objects: &[Value], manager: &str) -> Result<(), ActError> {
    for object in kube::in_apply_order(objects) {
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        let live = api
            .get(
                &text(&object["apiVersion"]),
                &text(&object["kind"]),
                object["metadata"]["namespace"].as_str(),
                &text(&object["metadata"]["name"]),
            )
            .await
            .map_err(|error| passing(&error))?;
        if live.as_ref().and_then(ownership::owner).is_some() {
            continue;
        }
        api.apply(object, manager)
            .await
            .map_err(|error| passing(&error))?;
    }
    Ok(())
}

fn awaits_lease(seen: &LeaseView) -> EventKind {
    EventKind::Waiting {
        what: "the operator's lease is free".to_owned(),
        because: "it is taken over once nobody has renewed it for its whole duration".to_owned(),
        seen: format!("`{}` held it last", seen.holder),
        elapsed: 0,
        normal: seen.duration.as_secs(),
    }
}

fn passing(error: &KubeError) -> ActError {
    if error.is_passing() {
        ActError::Passing(error_text(error))
    } else {
        ActError::Fatal(error_text(error))
    }
}

fn fatal(error: &(dyn std::error::Error + 'static)) -> ActError {
    ActError::Fatal(error_text(error))
}

fn talos_failure(error: &TalosError) -> ActError {
    if error.is_outcome_unknown() {
        ActError::Perhaps(error_text(error))
    } else if error.code().is_some() {
        ActError::Fatal(error_text(error))
    } else {
        ActError::Passing(error_text(error))
    }
}

/// The refusal when somebody else renews the lease.
pub(super) fn busy(holder: &str) -> Refusal {
    Refusal::new(
        Fence::OperatorBusy,
        format!("another operator is at work on this cluster: `{holder}`"),
        "wait until it is done; pass `--break-lock` only if that run is stuck for good",
    )
}
