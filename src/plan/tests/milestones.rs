//! A plan that stops early.

use super::*;
use crate::plan::Milestone;

#[test]
fn each_milestone_ends_with_what_it_says() {
    let last = |milestone| {
        let plan = decide(&fresh()).until(Some(milestone));
        let whole = decide(&fresh());
        let steps = &whole.steps[..plan.steps.len()];
        assert_eq!(plan.steps, steps, "the rest is left out and nothing else");
        plan.steps.last().map(|step| step.id.to_string())
    };
    for (milestone, id) in [
        (Milestone::Machines, "answers/talos-3"),
        (Milestone::Etcd, "bootstrap-etcd/talos-1"),
        (Milestone::Kubeconfig, "kubeconfig/talos-1"),
        (Milestone::Kubernetes, "lease"),
        (Milestone::BeforeGit, "apply/charts"),
        (Milestone::Nodes, "nodes-ready"),
    ] {
        assert_eq!(last(milestone).as_deref(), Some(id));
    }
    assert_eq!(decide(&fresh()).until(None), decide(&fresh()));
}
