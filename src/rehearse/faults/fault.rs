//! The faults by name.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum as _;
use serde::Serialize;

use super::random::ANYWHERE;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A request does its work, and the connection breaks before the reply.
    LostReply,
    /// A machine does not come back from its next restart.
    NodeNeverReturns,
    /// A control plane cannot be reached any more.
    ControlPlaneUnreachable,
    /// A control plane is cut off for some minutes and comes back.
    NetworkOutage,
    /// etcd is so slow for some minutes that requests time out.
    SlowEtcd,
    /// etcd is full and takes no more writes.
    FullEtcd,
    /// Another device answers at the virtual IP.
    VipTaken,
    /// The registry does not have a machine's installer.
    #[value(name = "image-404")]
    #[serde(rename = "image-404")]
    ImageMissing,
    /// No registry has the image of the next workload.
    #[value(name = "pod-image-404")]
    #[serde(rename = "pod-image-404")]
    PodImageMissing,
    /// The Kubernetes API comes and goes for some minutes.
    ApiFlapping,
    /// A machine's clock is wrong until its time server answers, minutes later.
    ClockSkew,
    /// The run is killed, and started again.
    OperatorKilled,
}

impl Fault {
    /// Returns its name.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Says what goes wrong.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::LostReply => "a reply was lost after the work was done",
            Self::NodeNeverReturns => "a machine did not come back from its restart",
            Self::ControlPlaneUnreachable => "a control plane could not be reached any more",
            Self::NetworkOutage => "a control plane was cut off for some minutes",
            Self::SlowEtcd => "etcd was so slow for some minutes that requests timed out",
            Self::FullEtcd => "etcd was full and took no more writes",
            Self::VipTaken => "another device answered at the virtual IP",
            Self::ImageMissing => "the registry did not have a machine's installer",
            Self::PodImageMissing => "no registry had the image of a workload",
            Self::ApiFlapping => "the Kubernetes API came and went for some minutes",
            Self::ClockSkew => "a machine's clock was wrong for some minutes",
            Self::OperatorKilled => "the run was killed and started again",
        }
    }

    /// Tells whether it stays until somebody puts it right.
    pub fn lasts(self) -> bool {
        matches!(
            self,
            Self::NodeNeverReturns
                | Self::ControlPlaneUnreachable
                | Self::FullEtcd
                | Self::VipTaken
                | Self::ImageMissing
                | Self::PodImageMissing
        )
    }

    /// The step at which it strikes unless something else is asked for; `None` is the beginning.
    pub(super) fn natural_step(self) -> Option<&'static str> {
        match self {
            Self::NodeNeverReturns
            | Self::ControlPlaneUnreachable
            | Self::VipTaken
            | Self::ImageMissing
            | Self::ClockSkew => None,
            Self::LostReply | Self::SlowEtcd | Self::OperatorKilled => Some("bootstrap-etcd"),
            Self::NetworkOutage => Some("etcd-members"),
            Self::FullEtcd => Some("apply/operator"),
            Self::ApiFlapping => Some("apply/charts"),
            Self::PodImageMissing => Some("reconciled"),
        }
    }
}

/// A fault and where it strikes: `NAME` or `NAME@STEP`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultAt {
    /// What goes wrong.
    pub fault: Fault,
    /// The step, or the first part of its name; `None` is the fault's natural one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

impl FaultAt {
    /// Returns the step that was named, in whole or by its first part; `None` where the seed chooses.
    pub fn named_step(&self) -> Option<&str> {
        self.step.as_deref().filter(|step| *step != ANYWHERE)
    }
}

/// Tells whether a name is a step's, or the first part of it.
pub fn is_step(step: &str, name: &str) -> bool {
    let rest = step.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Why a text names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `NAME` or `NAME@STEP` with a name out of {known}, found `{found}`")]
pub struct ParseFaultError {
    found: String,
    known: String,
}

impl From<Fault> for FaultAt {
    fn from(fault: Fault) -> Self {
        Self { fault, step: None }
    }
}

impl FromStr for FaultAt {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, step) = match text.split_once('@') {
            Some((name, step)) => (name, Some(step)),
            None => (text, None),
        };
        let fault = Fault::from_str(name, false).ok();
        match (fault, step) {
            (Some(fault), step) if step != Some("") => Ok(Self {
                fault,
                step: step.map(str::to_owned),
            }),
            _ => Err(ParseFaultError {
                found: text.to_owned(),
                known: Fault::value_variants()
                    .iter()
                    .map(|fault| format!("`{}`", fault.name()))
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }
}

impl fmt::Display for FaultAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "{}@{step}", self.fault.name()),
            None => f.write_str(&self.fault.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_are_written() {
        for fault in Fault::value_variants() {
            for text in [fault.name(), format!("{}@install/talos-1", fault.name())] {
                let parsed: FaultAt = text.parse().expect("a fault");
                assert_eq!(parsed.to_string(), text);
            }
        }
        for text in ["", "fire", "lost-reply@", "@install"] {
            assert!(text.parse::<FaultAt>().is_err(), "{text}");
        }
    }
}
