//! Keeps the operator's lease alive beside the steps, and ends the run when it is lost.

use super::act::{ActError, busy};
use super::outcome::RunError;
use super::run::Run;
use crate::kube::{LeaseAnswer, LeaseLife};

impl Run {
    /// Renews the lease for ever; returns only when somebody else took it.
    pub(super) async fn keep_lease(&self) -> RunError {
        loop {
            tokio::time::sleep(LeaseLife::RENEW_EVERY).await;
            if !self.is_lease_held() {
                continue;
            }
            let Some(api) = self.api() else { continue };
            let now = self.inputs.clock.now();
            if let Ok(LeaseAnswer::Foreign(view)) = api.take_lease(&self.holder(), now).await
                && let ActError::Refused(refusal) = busy(&view.holder)
            {
                return RunError::Refused {
                    refusals: vec![*refusal],
                    plan: None,
                };
            }
        }
    }

    /// Gives the lease back, so that the next operator need not wait; best effort.
    pub(super) async fn give_lease_back(&self) {
        if self.is_lease_held()
            && let Some(api) = self.api()
        {
            self.set_lease_held(false);
            // Whoever comes next sees within the lease's duration that nobody renews it.
            let _ = api.release_lease(&self.holder()).await;
        }
    }
}
