//! Keeps the operator's lease alive beside the steps, and ends the run when it is lost.

use super::act::busy;
use super::look::Look;
use super::outcome::RunError;
use super::run::Run;
use crate::kube::{LeaseAnswer, LeaseLife};
use crate::talos::error_text;

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
            if let Ok(LeaseAnswer::Foreign(view)) = api.take_lease(&self.holder(), now).await {
                return RunError::Refused {
                    refusals: vec![busy(&view.holder)],
                    plan: None,
                };
            }
        }
    }

    /// Tells whether this run holds the lease by its own note, and nobody took it from it since.
    pub(super) async fn holds_lease(&self) -> Look {
        if !self.is_lease_held() {
            return Look::Not("this run does not hold the operator's lease".to_owned());
        }
        let Some(api) = self.api() else {
            return Look::Not("no kubeconfig yet".to_owned());
        };
        match api.foreign_lease(&self.holder()).await {
            Ok(None) => Look::Holds,
            Ok(Some(view)) => Look::Refused(Box::new(busy(&view.holder))),
            Err(error) => Look::Not(error_text(&error)),
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
