//! What several controllers ask of the same objects, answered once for each of their versions.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Controllers, status};
use crate::rehearse::kubernetes::{Api, Object, key_of};

/// Answers, each with the version of the objects that it was read from.
#[derive(Debug, Default)]
pub(super) struct Known {
    running: Answer,
    networked: Answer,
    announcing: Answer,
    ready: Answer,
}

type Names = Arc<BTreeSet<String>>;

#[derive(Debug, Default)]
struct Answer {
    version: u64,
    names: Names,
}

impl Answer {
    fn of(
        &mut self,
        api: &Api,
        (group, plural): (&str, &str),
        name: impl Fn(&Object) -> Option<String>,
    ) -> Names {
        api.read(|store| {
            let version = store.version_of(group, plural);
            if version != self.version {
                self.version = version;
                self.names = Arc::new(store.list(group, plural).filter_map(name).collect());
            }
        });
        Arc::clone(&self.names)
    }
}

impl Controllers {
    /// Tells whether a Deployment of this name runs, in whatever namespace.
    pub(super) fn is_running(&mut self, deployment: &str) -> bool {
        let running = self
            .known
            .running
            .of(&self.api, ("apps", "deployments"), |it| {
                status::is_true(it, "Available").then(|| key_of(it).1)
            });
        running.contains(deployment)
    }

    /// Returns the nodes on which an agent of the pod network runs.
    pub(super) fn networked(&mut self) -> Names {
        self.known.networked.of(&self.api, ("", "pods"), |pod| {
            let is_agent = pod["metadata"]["labels"]["k8s-app"] == "cilium";
            node_of(pod).filter(|_| is_agent && status::is_true(pod, "Ready"))
        })
    }

    /// Returns the names of the nodes that announce the cluster's virtual IP.
    pub fn announcers(&mut self) -> Arc<BTreeSet<String>> {
        self.known.announcing.of(&self.api, ("", "pods"), |pod| {
            let image = pod["spec"]["containers"][0]["image"].as_str();
            let is_vip = image.is_some_and(|image| image.starts_with("simulated/kube-vip:"));
            node_of(pod).filter(|_| is_vip && status::is_true(pod, "Ready"))
        })
    }

    /// Returns the names of the nodes that are ready.
    pub fn ready_nodes(&mut self) -> Arc<BTreeSet<String>> {
        self.known.ready.of(&self.api, ("", "nodes"), |node| {
            status::is_true(node, "Ready").then(|| key_of(node).1)
        })
    }
}

fn node_of(pod: &Object) -> Option<String> {
    pod["spec"]["nodeName"].as_str().map(str::to_owned)
}
