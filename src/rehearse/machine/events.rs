//! What a machine remembers of its own story, as the Events method tells it.

use jiff::Timestamp;
use prost::Message;
use talos_api::proto::machine as wire;
use talos_api::resources::Stage;

use crate::rehearse::etcd::Etcd;

use super::machine::Machine;
use super::services::{ServiceState, services, unmet};

/// A machine's memory holds this much.
const RETAINED: usize = 500;

/// The events of one machine, oldest first.
#[derive(Default)]
pub(super) struct EventLog {
    events: Vec<wire::Event>,
    recorded: u64,
    last: Option<(Option<Stage>, usize)>,
    services: Vec<ServiceState>,
}

impl EventLog {
    /// Records what differs from the last look.
    pub(super) fn note(&mut self, now: Timestamp, machine: &Machine, etcd: &Etcd) {
        let stage = machine.stage();
        if stage.is_none() {
            // Memory does not survive a restart.
            self.events.clear();
            self.services.clear();
            self.last = None;
            return;
        }
        let unmet = unmet(machine, etcd);
        if self.last != Some((stage, unmet.len())) {
            self.last = Some((stage, unmet.len()));
            self.push(now, "MachineStatusEvent", &machine_status(stage, unmet));
        }
        let current = services(machine, etcd);
        let before = std::mem::replace(&mut self.services, current.clone());
        for service in &current {
            if !before.contains(service) {
                self.push(now, "ServiceStateEvent", &service_state(service));
            }
        }
    }

    /// Returns the events after the first so many that ever were.
    pub(super) fn after(&self, count: u64) -> &[wire::Event] {
        let retained = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let forgotten = self.recorded - retained;
        let skip = usize::try_from(count.saturating_sub(forgotten)).unwrap_or(usize::MAX);
        self.events.get(skip..).unwrap_or_default()
    }

    /// Returns how many events there ever were.
    pub(super) fn recorded(&self) -> u64 {
        self.recorded
    }

    fn push(&mut self, now: Timestamp, kind: &str, message: &impl Message) {
        if self.events.len() == RETAINED {
            self.events.remove(0);
        }
        self.recorded += 1;
        self.events.push(wire::Event {
            metadata: None,
            data: Some(prost_types::Any {
                type_url: format!("talos/runtime/machine.{kind}"),
                value: message.encode_to_vec(),
            }),
            id: format!("{:013x}{:07x}", now.as_millisecond(), self.recorded),
            actor_id: String::new(),
        });
    }
}

fn machine_status(stage: Option<Stage>, unmet: Vec<(&str, String)>) -> wire::MachineStatusEvent {
    use wire::machine_status_event::machine_status::UnmetCondition;
    use wire::machine_status_event::{MachineStage, MachineStatus};
    let stage = match stage {
        Some(Stage::Booting) => MachineStage::Booting,
        Some(Stage::Installing) => MachineStage::Installing,
        Some(Stage::Maintenance) => MachineStage::Maintenance,
        Some(Stage::Running) => MachineStage::Running,
        Some(Stage::Rebooting) => MachineStage::Rebooting,
        _ => MachineStage::Unknown,
    };
    wire::MachineStatusEvent {
        stage: stage.into(),
        status: Some(MachineStatus {
            ready: unmet.is_empty(),
            unmet_conditions: unmet
                .into_iter()
                .map(|(name, reason)| UnmetCondition {
                    name: name.to_owned(),
                    reason,
                })
                .collect(),
        }),
    }
}

fn service_state(service: &ServiceState) -> wire::ServiceStateEvent {
    use wire::service_state_event::Action;
    let action = match service.state {
        "Preparing" => Action::Preparing,
        "Waiting" => Action::Waiting,
        _ => Action::Running,
    };
    wire::ServiceStateEvent {
        service: service.id.to_owned(),
        action: action.into(),
        message: service.message.clone(),
        health: Some(health(service)),
    }
}

/// Writes a service's health as the API has it.
pub(super) fn health(service: &ServiceState) -> wire::ServiceHealth {
    wire::ServiceHealth {
        unknown: service.healthy.is_none(),
        healthy: service.healthy.unwrap_or(false),
        last_message: service.message.clone(),
        last_change: None,
    }
}
