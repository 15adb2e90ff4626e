//! Asks conditions and acts as a run does, for tests that compare the answers with the world's own account.

use super::inputs::Inputs;
use super::look::{Acted, Look};
use super::run::Run;
use crate::model::NodeName;
use crate::plan::{Action, Condition, ObjectSet, Step};

/// Somebody who looks and acts without a plan.
pub(crate) struct Observer(Run);

impl Observer {
    pub(crate) fn new(inputs: Inputs) -> Self {
        let secrets = inputs.secrets.clone().expect("there is a bundle");
        let (network, operator) = (&inputs.manifests.network, &inputs.manifests.operator);
        let jobs = [
            (ObjectSet::Charts, network.job_name()),
            (ObjectSet::Operator, operator.job_name()),
        ];
        let run = Run::new(inputs, secrets);
        for (objects, job) in jobs {
            run.mark_applied(objects);
            run.keep_job(objects, Some(job));
        }
        run.mark_applied(ObjectSet::Instance);
        Self(run)
    }

    /// Fetches the credentials for Kubernetes; tells whether there are any yet.
    pub(crate) async fn has_kubeconfig(&self, node: &NodeName) -> bool {
        let node = node.clone();
        self.0.kubeconfig().is_some() || self.0.act(&Action::FetchKubeconfig { node }).await.is_ok()
    }

    /// Looks whether a condition holds; says what was seen when it does not.
    pub(crate) async fn holds(&self, condition: &Condition) -> Result<(), String> {
        self.look(condition, Acted::No).await
    }

    /// Looks whether a condition holds after its step has acted.
    pub(crate) async fn holds_after_acting(&self, condition: &Condition) -> Result<(), String> {
        self.look(condition, Acted::Yes).await
    }

    /// Does what a step does.
    pub(crate) async fn act(&self, action: &Action) -> Result<(), String> {
        let done = self.0.act(action).await;
        done.map_err(|error| format!("{error:?}"))
    }

    /// Walks one step as a run does.
    pub(crate) async fn walk(&self, step: &Step) -> Result<(), String> {
        let walked = self.0.walk(step).await;
        walked.map(|_| ()).map_err(|error| format!("{error:?}"))
    }

    async fn look(&self, condition: &Condition, acted: Acted) -> Result<(), String> {
        match self.0.look(condition, acted).await {
            Look::Holds => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
}
