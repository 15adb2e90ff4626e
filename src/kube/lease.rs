//! The operator's lease: one operator at a time, from any computer.
//!
//! The same computer and directory takes its own lease back at once: its local lock is free, so its
//! former process is gone. Anybody else's is taken only after it was *seen* not to be renewed for
//! its whole duration; clocks of two computers are never compared.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Client, KubeError};

/// The lease's name.
pub const LEASE_NAME: &str = "homelab-operator";
/// The lease's namespace.
pub const LEASE_NAMESPACE: &str = "kube-system";
const API_VERSION: &str = "coordination.k8s.io/v1";
const DURATION: Duration = Duration::from_secs(30);

/// Who wants the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// One opaque text for the computer and directory.
    pub identity: String,
    /// The cluster.
    pub cluster: String,
}

/// How long a lease lives and how often it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseLife;

/// A lease of somebody else, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseView {
    /// The holder's identity.
    pub holder: String,
    /// Changes with every renewal.
    pub version: String,
    /// How long it lives without a renewal.
    pub duration: Duration,
}

/// What an attempt to take the lease met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is ours now.
    Held,
    /// Somebody else holds it.
    Foreign(LeaseView),
}

impl LeaseLife {
    /// How often a held lease is renewed.
    pub const RENEW_EVERY: Duration = Duration::from_secs(10);
}

impl Client {
    /// Takes or renews the lease unless somebody else holds it.
    pub async fn take_lease(
        &self,
        holder: &Holder,
        now: Timestamp,
    ) -> Result<LeaseAnswer, KubeError> {
        let Some(live) = self.lease().await? else {
            return self
                .settle(self.create(&fresh(holder, now)).await, holder)
                .await;
        };
        match foreign(&live, holder) {
            Some(view) => Ok(LeaseAnswer::Foreign(view)),
            None => self.seize(live, holder, now).await,
        }
    }

    /// Takes the lease from a holder that was seen not to renew it; fails when it was renewed since.
    pub async fn take_over_lease(
        &self,
        seen: &LeaseView,
        holder: &Holder,
        now: Timestamp,
    ) -> Result<LeaseAnswer, KubeError> {
        match self.lease().await? {
            None => {
                self.settle(self.create(&fresh(holder, now)).await, holder)
                    .await
            }
            Some(live) => match foreign(&live, holder) {
                Some(view) if view.version != seen.version => Ok(LeaseAnswer::Foreign(view)),
                _ => self.seize(live, holder, now).await,
            },
        }
    }

    /// Returns the lease when somebody else than this holder has it by now.
    pub async fn foreign_lease(&self, holder: &Holder) -> Result<Option<LeaseView>, KubeError> {
        let live = self.lease().await?;
        Ok(live.and_then(|live| foreign(&live, holder)))
    }

    /// Gives the lease back so that the next run need not wait.
    pub async fn release_lease(&self, holder: &Holder) -> Result<(), KubeError> {
        let Some(mut live) = self.lease().await? else {
            return Ok(());
        };
        if foreign(&live, holder).is_some() {
            return Ok(());
        }
        live["spec"]["holderIdentity"] = Value::from("");
        self.replace(&live).await.map(|_| ())
    }

    async fn lease(&self) -> Result<Option<Value>, KubeError> {
        self.get(API_VERSION, "Lease", Some(LEASE_NAMESPACE), LEASE_NAME)
            .await
    }

    async fn seize(
        &self,
        mut live: Value,
        holder: &Holder,
        now: Timestamp,
    ) -> Result<LeaseAnswer, KubeError> {
        let ours = fresh(holder, now);
        live["spec"] = ours["spec"].clone();
        live["metadata"]["labels"] = ours["metadata"]["labels"].clone();
        self.settle(self.replace(&live).await, holder).await
    }

    /// Two who write at once: one wins, the other reads who. Where nobody won, such as when the lease
    /// was given back meanwhile or somebody else only labelled it, the conflict passes.
    async fn settle(
        &self,
        written: Result<Value, KubeError>,
        holder: &Holder,
    ) -> Result<LeaseAnswer, KubeError> {
        let conflict = match written {
            Ok(_) => return Ok(LeaseAnswer::Held),
            Err(conflict @ KubeError::Refused { code: 409, .. }) => conflict,
            Err(error) => return Err(error),
        };
        let live = self.lease().await?;
        match live.and_then(|live| foreign(&live, holder)) {
            Some(view) => Ok(LeaseAnswer::Foreign(view)),
            None => Err(conflict),
        }
    }
}

/// Returns the lease when somebody else holds it.
fn foreign(live: &Value, holder: &Holder) -> Option<LeaseView> {
    let seen = view(live);
    (!seen.holder.is_empty() && seen.holder != holder.identity).then_some(seen)
}

fn view(live: &Value) -> LeaseView {
    let spec = &live["spec"];
    let seconds = spec["leaseDurationSeconds"].as_u64();
    LeaseView {
        holder: spec["holderIdentity"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        version: live["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        duration: seconds.map_or(DURATION, Duration::from_secs),
    }
}

fn fresh(holder: &Holder, now: Timestamp) -> Value {
    let time = now.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
    json!({
        "apiVersion": API_VERSION,
        "kind": "Lease",
        "metadata": {
            "name": LEASE_NAME,
            "namespace": LEASE_NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "homelab", "homelab/cluster": holder.cluster},
        },
        "spec": {
            "holderIdentity": holder.identity,
            "leaseDurationSeconds": DURATION.as_secs(),
            "acquireTime": time,
            "renewTime": time,
        },
    })
}
