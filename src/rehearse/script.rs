//! What is rehearsed: the seed, what goes wrong, where the run is killed, how it is resumed.

use std::fmt;

use serde::Serialize;

use super::faults::{self, FaultAt};
use super::span::mix;

/// What is rehearsed.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What spans follow from.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Vec<FaultAt>,
    /// The point at which the run is killed, counted from 1; it is then started again.
    pub kill_at: Option<u64>,
    /// How a killed run is started again.
    pub resume: Resume,
    /// Whether what does not pass by itself is put right after a failure, and the run repeated.
    pub mend: bool,
    /// Whether the seed chose faults and resumption: then it alone replays them.
    pub by_seed: bool,
}

/// How a killed run is started again.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Resume {
    /// On the same computer, with the journal that is there.
    #[default]
    SameJournal,
    /// On the same computer, whose journal and kubeconfig are lost.
    NoJournal,
    /// On another computer, which knows nothing.
    OtherComputer,
}

impl Resume {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::SameJournal, Self::NoJournal, Self::OtherComputer];

    /// Says how.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::SameJournal => "on the same computer",
            Self::NoJournal => "on the same computer without its journal",
            Self::OtherComputer => "on another computer",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SameJournal => "same-journal",
            Self::NoJournal => "no-journal",
            Self::OtherComputer => "other-computer",
        }
    }
}

impl Script {
    /// Lets the seed choose everything: faults, their steps, and how a killed run is resumed. What
    /// does not pass by itself is put right after a failure.
    pub fn random(seed: u64) -> Self {
        let resume = Resume::ALL[usize::from(mix(seed, "resume").to_le_bytes()[0] % 3)];
        Self {
            seed,
            faults: faults::random(seed),
            kill_at: None,
            resume,
            mend: true,
            by_seed: true,
        }
    }
}

/// Writes the command that rehearses this again.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "homelab rehearse --seed {}", self.seed)?;
        if self.by_seed {
            return f.write_str(" --faults random");
        }
        for fault in &self.faults {
            write!(f, " --fault {fault}")?;
        }
        if let Some(point) = self.kill_at {
            write!(f, " --kill-at {point}")?;
        }
        if self.resume != Resume::SameJournal {
            write!(f, " --resume {}", self.resume.name())?;
        }
        if self.mend {
            f.write_str(" --mend")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::Fault;

    #[test]
    fn a_script_is_the_command_that_replays_it() {
        let script = Script {
            seed: 7,
            faults: vec![
                Fault::VipTaken.into(),
                "lost-reply@install".parse().expect("a fault"),
            ],
            kill_at: Some(12),
            resume: Resume::OtherComputer,
            mend: true,
            ..Script::default()
        };
        assert_eq!(
            script.to_string(),
            "homelab rehearse --seed 7 --fault vip-taken --fault lost-reply@install --kill-at 12 \
             --resume other-computer --mend"
        );
        let random = Script::random(3).to_string();
        assert_eq!(random, "homelab rehearse --seed 3 --faults random");
    }
}
