//! A plan in words.

use std::fmt;

use super::step::{Action, Condition, Effect, ObjectSet, Operation, Plan, Step};
use crate::model::NodeName;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Operation::Bootstrap => writeln!(f, "bootstrap of `{}`", self.cluster)?,
            Operation::Apply => writeln!(f, "change of `{}`", self.cluster)?,
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if !self.refusals.is_empty() {
            writeln!(f, "\nnothing will be done:")?;
            for refusal in &self.refusals {
                writeln!(f, "  - {}\n    {}", refusal.message, refusal.remedy)?;
            }
            return Ok(());
        }
        if self.goes_on() {
            writeln!(
                f,
                "\netcd exists already: what stands of the following is skipped when its turn comes"
            )?;
        }
        let mut stage = None;
        for step in &self.steps {
            if stage != Some(step.stage) {
                stage = Some(step.stage);
                match self.operation {
                    Operation::Bootstrap => {
                        writeln!(f, "\n{}. {}", step.stage.number(), step.stage.title())?;
                    }
                    Operation::Apply => writeln!(f, "\n{}", step.stage.title())?,
                }
            }
            write_step(f, step)?;
        }
        Ok(())
    }
}

impl Plan {
    /// Tells whether it is the bootstrap of a cluster that has its etcd already, in part or whole.
    fn goes_on(&self) -> bool {
        let makes_etcd = |step: &Step| matches!(step.action, Action::BootstrapEtcd { .. });
        self.operation == Operation::Bootstrap && !self.steps.iter().any(makes_etcd)
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    writeln!(f, "  {}", step.action_text())?;
    writeln!(f, "      why: {}", step.reason)?;
    if step.precondition != Condition::Always {
        writeln!(f, "   before: {}", step.precondition)?;
    }
    if step.action != Action::Await {
        writeln!(f, "    after: {}", step.postcondition)?;
    }
    for effect in &step.effects {
        writeln!(f, "   effect: {effect}")?;
    }
    Ok(())
}

impl Step {
    /// Says what the step does, in a few words.
    pub fn action_text(&self) -> String {
        match &self.action {
            Action::InstallNode { node, disk, .. } => match disk {
                Some(disk) => format!("install Talos on {disk} of `{node}`"),
                None => format!("configure `{node}`"),
            },
            Action::ReconfigureNode { node } => format!("configure `{node}` again"),
            Action::ApplyConfiguration { node, .. } => {
                format!("apply the changed configuration to `{node}`")
            }
            Action::Await => format!("wait until {}", self.postcondition),
            Action::BootstrapEtcd { node } => format!("bootstrap etcd on `{node}`"),
            Action::FetchKubeconfig { node } => format!("fetch the kubeconfig from `{node}`"),
            Action::PublishKubeconfig => {
                "point the kubeconfig at the cluster's endpoint".to_owned()
            }
            Action::TakeLease => "take the operator's lease".to_owned(),
            Action::RemoveChartRunner => "remove the chart runner".to_owned(),
            Action::ApplyObjects { objects } => format!("apply {objects}"),
        }
    }
}

impl fmt::Display for ObjectSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespaces => "the namespaces",
            Self::Secrets => "the age key and the Git credentials",
            Self::Charts => "the charts that come before Git",
            Self::Operator => "the GitOps operator",
            Self::Instance => "the GitOps instance",
        })
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WipesDisk { node, disk } => write!(f, "wipes {disk} of `{node}`"),
            Self::Reboots { node } => write!(f, "`{node}` restarts"),
            Self::RestartsService { node, service } => {
                write!(f, "{service} of `{node}` restarts")
            }
            Self::CreatesEtcd { .. } => f.write_str("makes the cluster's only etcd"),
            Self::AppliesObjects => f.write_str("applies objects to Kubernetes"),
            Self::RemovesObjects => f.write_str("removes objects from Kubernetes"),
            Self::WritesFile { path } => write!(f, "writes `{path}`"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("nothing in particular"),
            Self::InMaintenance { node, fingerprint } => write!(
                f,
                "`{node}` waits for a configuration (certificate {fingerprint})"
            ),
            Self::HasIdentity { node } => {
                write!(f, "`{node}` answers with this cluster's identity")
            }
            Self::TookConfiguration { node } => write!(f, "`{node}` has left maintenance mode"),
            Self::Configured { node } => write!(f, "`{node}` runs the planned configuration"),
            Self::NoEtcd { nodes } if nodes.len() == 1 => {
                write!(f, "{} answers and shows no sign of etcd", list(nodes))
            }
            Self::NoEtcd { nodes } => {
                write!(f, "{} answer and none shows a sign of etcd", list(nodes))
            }
            Self::EtcdHealthy { node } => write!(f, "etcd is healthy on `{node}`"),
            Self::EtcdComplete { nodes } if nodes.len() == 1 => {
                write!(f, "{} is a full member of etcd", list(nodes))
            }
            Self::EtcdComplete { nodes } => {
                write!(f, "{} are full members of one etcd", list(nodes))
            }
            Self::ApiReady { node } => write!(f, "the Kubernetes API of `{node}` is ready"),
            Self::KubeconfigStored => f.write_str("the kubeconfig is stored"),
            Self::KubeconfigPublished => {
                f.write_str("the kubeconfig points at the cluster's endpoint")
            }
            Self::LeaseHeld => f.write_str("this run holds the operator's lease"),
            Self::Applied { objects } => write!(f, "{objects} are there"),
            Self::Ready { objects } => match objects {
                ObjectSet::Operator | ObjectSet::Instance => write!(f, "{objects} is ready"),
                _ => write!(f, "{objects} are installed"),
            },
            Self::VipAnswers { address } => {
                write!(f, "the Kubernetes API answers at the virtual IP {address}")
            }
            Self::NodesRegistered { nodes } => write!(f, "{} registered", are(nodes)),
            Self::NodesReady { nodes } => write!(f, "{} ready", are(nodes)),
            Self::Reconciled { revision: None } => {
                f.write_str("every object that Git brings is ready")
            }
            Self::Reconciled {
                revision: Some(revision),
            } => {
                let short = revision.get(..12).unwrap_or(revision);
                write!(f, "every object that Git brings is ready at commit {short}")
            }
            Self::Spared { node, voters, .. } if voters.len() > 1 => {
                write!(f, "etcd keeps its quorum without `{node}`")
            }
            Self::Spared { node, .. } => write!(f, "`{node}` can be done without for a while"),
            Self::Settled { node, voters } if voters.is_empty() => {
                write!(f, "`{node}` runs the planned configuration and is well")
            }
            Self::Settled { node, .. } => write!(
                f,
                "`{node}` runs the planned configuration, and it and etcd are well"
            ),
            Self::ChartRunnerGone => f.write_str("nothing is left of the chart runner"),
            Self::Verified => f.write_str(
                "quorum is full, machines are ready, pods run, and no live Secret holds ciphertext",
            ),
        }
    }
}

fn list(nodes: &[NodeName]) -> String {
    let quoted: Vec<_> = nodes.iter().map(|node| format!("`{node}`")).collect();
    quoted.join(", ")
}

fn are(nodes: &[NodeName]) -> String {
    let verb = if nodes.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", list(nodes))
}
