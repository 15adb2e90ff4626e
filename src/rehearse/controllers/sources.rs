//! source-controller: repositories and what they hold.

use serde_json::{Value, json};

use super::Controllers;
use super::durations::{CLONE, FETCH_CHART};
use super::status::{self, Truth};
use crate::rehearse::kubernetes::key_of;
use crate::rehearse::span::Span;

/// Tells whether a source can be used. A HelmRepository of type `oci` has no status and always can.
pub(super) fn is_ready(source: &Value) -> bool {
    source["spec"]["type"] == "oci" || status::is_true(source, "Ready")
}

impl Controllers {
    pub(super) fn run_sources(&mut self) {
        if !self.is_running("source-controller") {
            return;
        }
        for source in self.all("source.toolkit.fluxcd.io", "gitrepositories") {
            let outcome = self.clone_repository(&source);
            self.report_source(&source, CLONE, outcome);
        }
        for plural in ["ocirepositories", "helmrepositories"] {
            for source in self.all("source.toolkit.fluxcd.io", plural) {
                if source["spec"]["type"] != "oci" {
                    let outcome = Ok(chart_revision(&source));
                    self.report_source(&source, FETCH_CHART, outcome);
                }
            }
        }
    }

    /// Returns the revision that a clone finds, or reason and message of the failure.
    fn clone_repository(&self, source: &Value) -> Result<String, (&'static str, String)> {
        let namespace = key_of(source).0;
        let (url, remote) = (
            source["spec"]["url"].as_str().unwrap_or_default(),
            &self.remote,
        );
        if let Some(secret) = source["spec"]["secretRef"]["name"].as_str()
            && self.find("v1", "Secret", &namespace, secret).is_none()
        {
            let message = format!(
                "failed to get secret '{namespace}/{secret}': secrets \"{secret}\" not found"
            );
            return Err(("AuthenticationOptionsFailed", message));
        }
        let failed = "failed to checkout and determine revision: unable to clone";
        if url != remote.url {
            let message = format!("{failed} '{url}': repository not found:");
            return Err(("GitOperationFailed", message));
        }
        let reference = &source["spec"]["ref"];
        let wanted = match reference["name"].as_str() {
            Some(name) => name.to_owned(),
            None => format!(
                "refs/heads/{}",
                reference["branch"].as_str().unwrap_or("master")
            ),
        };
        if wanted != format!("refs/heads/{}", remote.branch) {
            let message = format!("{failed} '{url}': couldn't find remote ref \"{wanted}\"");
            return Err(("GitOperationFailed", message));
        }
        let is_by_name = reference["name"].is_string();
        let shown = if is_by_name {
            wanted
        } else {
            remote.branch.clone()
        };
        Ok(format!("{shown}@sha1:{}", remote.commit))
    }

    fn report_source(
        &mut self,
        source: &Value,
        span: Span,
        outcome: Result<String, (&'static str, String)>,
    ) {
        let (namespace, name) = key_of(source);
        let generation = &source["metadata"]["generation"];
        let timer = format!("source {} {namespace}/{name} {generation}", source["kind"]);
        if !self.timers.has_passed(&timer, span) {
            return;
        }
        let (mut new, now) = (source["status"].clone(), self.timers.now());
        match outcome {
            Ok(revision) => {
                let message = format!("stored artifact for revision '{revision}'");
                new["observedGeneration"] = generation.clone();
                if new["artifact"]["revision"] != revision {
                    new["artifact"] = json!({"revision": revision});
                }
                status::clear(&mut new, "Reconciling");
                status::set(&mut new, now, "Ready", Truth::True, ("Succeeded", &message));
            }
            Err((reason, message)) => {
                let retry = ("ProgressingWithRetry", message.as_str());
                status::set(&mut new, now, "Reconciling", Truth::True, retry);
                status::set(&mut new, now, "Ready", Truth::False, (reason, &message));
            }
        }
        self.set_status(source, new);
    }
}

fn chart_revision(source: &Value) -> String {
    let tag = source["spec"]["ref"]["tag"].as_str().unwrap_or("latest");
    format!("{tag}@sha256:{:064x}", 0)
}
