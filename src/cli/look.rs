//! One look at the whole cluster, as `status` and `doctor` need it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::engine;
use super::way::ConnectArgs;
use super::{Context, Failure, Kind};
use crate::execute::{Inputs, Secrets, Silent};
use crate::kube::Access;
use crate::observe;
use crate::plan::{Expiry, Finding, Health, KUBECONFIG, Renewal, Standing};
use crate::talos::Talos;

/// What looks are made with.
pub struct Eyes {
    /// What every run works from.
    pub inputs: Inputs,
    secrets: Arc<Secrets>,
    talos: Talos,
}

/// What a look found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// How the whole is.
    pub standing: Standing,
    /// What differs.
    pub findings: Vec<Finding>,
    /// Everything that was seen.
    #[serde(flatten)]
    pub health: Health,
}

impl Eyes {
    /// Opens what a look needs.
    pub async fn open(context: &Context, connect: &ConnectArgs) -> Result<Self, Failure> {
        let request = engine::Request {
            connect_map: connect.connect_map.clone(),
            patience: Duration::ZERO,
            sink: Arc::new(Silent),
        };
        let inputs = engine::inputs(context, request).await?;
        let secrets = engine::secrets(&inputs)?;
        let talos = Talos::new(
            secrets.talos.clone(),
            Arc::clone(&inputs.connector),
            Arc::clone(&inputs.clock),
        );
        Ok(Self {
            inputs,
            secrets,
            talos,
        })
    }

    /// Looks once.
    pub async fn look(&self) -> Seen {
        let cluster = &self.inputs.cluster;
        let mut certificates = self.secrets.authorities.clone();
        certificates.extend(self.kubeconfig());
        let health = observe::health(observe::Look {
            cluster,
            talos: &self.talos,
            configurations: &self.secrets.configurations,
            origins: &self.inputs.origins,
            certificates,
            connector: &self.inputs.connector,
            clock: &self.inputs.clock,
        })
        .await;
        let findings = health.findings(cluster);
        Seen {
            standing: health.standing(cluster, &findings),
            findings,
            health,
        }
    }

    /// The administrator's own certificate, as far as one is kept here.
    fn kubeconfig(&self) -> Option<Expiry> {
        let stored = self.inputs.state.kubeconfig().ok()??;
        Some(Expiry {
            what: format!("the certificate in `{KUBECONFIG}`"),
            until: Access::parse(&stored).ok()?.ends()?,
            renewal: Renewal::Fetch,
        })
    }
}

/// The failure when nobody answers.
pub fn unreachable() -> Failure {
    Failure::message(Kind::Unreachable, "no control plane answers").hint(
        "check that the machines are on and that this computer is in their network, or name the way with `--connect-map FILE`",
    )
}
