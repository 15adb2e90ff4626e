//! What a node tells about itself while it happens.

use std::time::Duration;

use prost::Message;
use tonic::Streaming;

use crate::proto::machine as wire;
use crate::resources::{Stage, UnmetCondition};
use crate::{Client, Error};

/// Something that happened on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number, which grows with time.
    pub id: String,
    /// The action that it belongs to, as [`Client::reboot`] returned it; else empty.
    pub actor_id: String,
    /// What happened.
    pub payload: Payload,
}

/// What happened on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// A sequence such as `boot` or `install` began, ended, or could not begin.
    Sequence {
        /// Its name.
        sequence: String,
        /// Whether it is over.
        ended: bool,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// A service changed its state.
    Service {
        /// Its name.
        service: String,
        /// Its state in Talos' words, such as `RUNNING`.
        state: String,
        /// The node's explanation.
        message: String,
    },
    /// The machine as a whole changed.
    Machine {
        /// Where it is between power-on and service.
        stage: Stage,
        /// Whether it serves.
        ready: bool,
        /// What is missing.
        unmet: Vec<UnmetCondition>,
    },
    /// A configuration could not be read or is not valid.
    ConfigError(String),
    /// Something that this client does not know, by its type.
    Other(String),
}

/// A node's events; dropping it ends it.
#[derive(Debug)]
pub struct Events {
    client: Client,
    request: wire::EventsRequest,
    stream: Option<Streaming<wire::Event>>,
}

impl Client {
    /// Follows what happens on the node, beginning with everything that it remembers.
    pub fn events(&self) -> Events {
        Events {
            client: self.clone(),
            request: wire::EventsRequest {
                tail_events: -1,
                ..Default::default()
            },
            stream: None,
        }
    }
}

impl Events {
    const METHOD: &'static str = "Events";

    /// Keeps only the events of one action.
    #[must_use]
    pub fn of_actor(mut self, actor_id: &str) -> Self {
        actor_id.clone_into(&mut self.request.with_actor_id);
        self
    }

    /// Waits for the next event, for at most this long; `None` when the time is over.
    ///
    /// A node opens the stream with its first event, so that opening has no deadline of its own.
    pub async fn next(&mut self, within: Duration) -> Result<Option<Event>, Error> {
        match tokio::time::timeout(within, self.receive()).await {
            Ok(event) => event.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn receive(&mut self) -> Result<Event, Error> {
        let stream = if let Some(stream) = &mut self.stream {
            stream
        } else {
            let request = self.client.request(self.request.clone());
            let opened = self.client.machine().events(request).await;
            let opened = opened.map_err(|status| self.client.failure(Self::METHOD, status))?;
            self.stream.insert(opened.into_inner())
        };
        match stream.message().await {
            Ok(Some(event)) => decode(event)
                .map_err(|error| self.client.malformed(Self::METHOD, error.to_string())),
            Ok(None) => Err(self.client.malformed(Self::METHOD, "an early end")),
            Err(status) => Err(self.client.failure(Self::METHOD, status)),
        }
    }
}

fn decode(event: wire::Event) -> Result<Event, prost::DecodeError> {
    let data = event.data.unwrap_or_default();
    let payload = match data.type_url.strip_prefix("talos/runtime/machine.") {
        Some("SequenceEvent") => sequence(wire::SequenceEvent::decode(&*data.value)?),
        Some("ServiceStateEvent") => service(wire::ServiceStateEvent::decode(&*data.value)?),
        Some("MachineStatusEvent") => machine(wire::MachineStatusEvent::decode(&*data.value)?),
        Some("ConfigLoadErrorEvent") => {
            Payload::ConfigError(wire::ConfigLoadErrorEvent::decode(&*data.value)?.error)
        }
        Some("ConfigValidationErrorEvent") => {
            Payload::ConfigError(wire::ConfigValidationErrorEvent::decode(&*data.value)?.error)
        }
        _ => Payload::Other(data.type_url),
    };
    Ok(Event {
        id: event.id,
        actor_id: event.actor_id,
        payload,
    })
}

fn sequence(event: wire::SequenceEvent) -> Payload {
    Payload::Sequence {
        ended: event.action() == wire::sequence_event::Action::Stop,
        error: event.error.map(|error| error.message),
        sequence: event.sequence,
    }
}

fn service(event: wire::ServiceStateEvent) -> Payload {
    Payload::Service {
        state: event.action().as_str_name().to_owned(),
        service: event.service,
        message: event.message,
    }
}

fn machine(event: wire::MachineStatusEvent) -> Payload {
    use wire::machine_status_event::MachineStage as Wire;
    let stage = match event.stage() {
        Wire::Unknown => Stage::Unknown,
        Wire::Booting => Stage::Booting,
        Wire::Installing => Stage::Installing,
        Wire::Maintenance => Stage::Maintenance,
        Wire::Running => Stage::Running,
        Wire::Rebooting => Stage::Rebooting,
        Wire::ShuttingDown => Stage::ShuttingDown,
        Wire::Resetting => Stage::Resetting,
        Wire::Upgrading => Stage::Upgrading,
    };
    let status = event.status.unwrap_or_default();
    Payload::Machine {
        stage,
        ready: status.ready,
        unmet: status
            .unmet_conditions
            .into_iter()
            .map(|unmet| UnmetCondition {
                name: unmet.name,
                reason: unmet.reason,
            })
            .collect(),
    }
}
