//! What state each machine was in and since when, as somebody in front of it would have noted.

use jiff::Timestamp;
use serde::Serialize;
use talos_api::resources::Stage;

use crate::model::NodeName;

use super::machine::{Machine, Phase};

/// What state a machine is in, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It has no power, or does not come back.
    Off,
    /// Nobody reaches it.
    CutOff,
    /// It waits for its first configuration.
    Maintenance,
    /// Talos is written to its disk.
    Installing,
    /// It shuts down or starts.
    Restarting,
    /// Its services start.
    Booting,
    /// All its services run.
    Running,
    /// Kubernetes counts it as ready.
    Ready,
}

/// A machine came into another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passage {
    /// When.
    pub at: Timestamp,
    /// The machine.
    pub node: NodeName,
    /// Into which state.
    pub standing: Standing,
}

/// The states of all machines, in order of time.
#[derive(Debug)]
pub(super) struct History {
    passages: Vec<Passage>,
    last: Vec<Option<Standing>>,
}

impl Machine {
    /// Returns its state, for people.
    pub fn standing(&self) -> Standing {
        match (self.phase(), self.stage()) {
            (Phase::Off, _) => Standing::Off,
            _ if self.ails.cut_off => Standing::CutOff,
            (Phase::Firmware | Phase::Kernel | Phase::ShuttingDown, _) => Standing::Restarting,
            (_, Some(Stage::Maintenance)) => Standing::Maintenance,
            (_, Some(Stage::Installing)) => Standing::Installing,
            (_, Some(Stage::Running)) if self.is_node_ready() => Standing::Ready,
            (_, Some(Stage::Running)) => Standing::Running,
            _ => Standing::Booting,
        }
    }
}

impl History {
    pub(super) fn new(machines: &[Machine], now: Timestamp) -> Self {
        let mut history = Self {
            passages: Vec::new(),
            last: vec![None; machines.len()],
        };
        for (position, machine) in machines.iter().enumerate() {
            history.note(position, machine, now);
        }
        history
    }

    /// Notes the state of a machine, if it is another than before.
    pub(super) fn note(&mut self, position: usize, machine: &Machine, now: Timestamp) {
        let standing = machine.standing();
        if self.last[position].replace(standing) != Some(standing) {
            self.passages.push(Passage {
                at: now,
                node: machine.spec().name.clone(),
                standing,
            });
        }
    }

    pub(super) fn passages(&self) -> &[Passage] {
        &self.passages
    }
}
