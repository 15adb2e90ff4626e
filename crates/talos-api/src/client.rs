//! The client: one connection to one node, and what every call has in common.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Response, Status};

use crate::proto::common::Metadata;
use crate::proto::cosi::resource::state_client::StateClient;
use crate::proto::machine::machine_service_client::MachineServiceClient;
use crate::proto::time::time_service_client::TimeServiceClient;
use crate::transport::Transport;
use crate::{Credentials, Dial, Endpoint, Error, Fingerprint, Peer, Tcp};

/// The largest message that Talos' own client and server take.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// Who the caller is, and whom it expects to meet.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A node that waits for its first configuration: no client certificate, and a server
    /// certificate that the node made for itself.
    Maintenance {
        /// The public keys to accept; empty accepts any, as there may be nothing to compare with.
        fingerprints: Vec<Fingerprint>,
    },
    /// A configured node of the cluster that these credentials belong to.
    Mutual(Credentials),
}

/// How to connect, apart from to whom.
#[derive(Clone)]
pub struct Options {
    /// How bytes reach the node.
    pub dial: Arc<dyn Dial>,
    /// The time of day that certificates are judged by.
    pub time: Arc<dyn TimeProvider>,
    /// How long connecting, and each call, may take.
    pub deadline: Duration,
}

impl Default for Options {
    /// TCP, the computer's clock, ten seconds.
    fn default() -> Self {
        Self {
            dial: Arc::new(Tcp),
            time: Arc::new(DefaultTimeProvider),
            deadline: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A connection to one node; clones share it.
///
/// It is not renewed when it breaks: connect again to find out who is there now.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Endpoint,
    transport: Transport,
    deadline: Duration,
    node: Option<MetadataValue<Ascii>>,
}

/// A target that cannot stand in a request's metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no node")]
pub struct InvalidNode(String);

impl Client {
    /// Connects to a node, within the deadline of the options.
    pub async fn connect(
        endpoint: &Endpoint,
        identity: &Identity,
        options: &Options,
    ) -> Result<Self, Error> {
        let connecting = Transport::connect(endpoint, identity, options);
        let transport = tokio::time::timeout(options.deadline, connecting)
            .await
            .map_err(|_| Error::Deadline {
                endpoint: endpoint.clone(),
                method: "connect",
                after: options.deadline,
            })??;
        Ok(Self {
            endpoint: endpoint.clone(),
            transport,
            deadline: options.deadline,
            node: None,
        })
    }

    /// Returns who was dialled.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the certificate that the node showed.
    pub fn peer(&self) -> &Peer {
        self.transport.peer()
    }

    /// Returns a client on the same connection whose calls may take this long.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// Returns a client whose calls the connected node, a control plane, passes on to another.
    pub fn for_node(&self, address: &str) -> Result<Self, InvalidNode> {
        let node = MetadataValue::try_from(address).map_err(|_| InvalidNode(address.to_owned()))?;
        Ok(Self {
            node: Some(node),
            ..self.clone()
        })
    }

    pub(crate) fn machine(&self) -> MachineServiceClient<Transport> {
        MachineServiceClient::with_origin(self.transport.clone(), origin())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    pub(crate) fn time_service(&self) -> TimeServiceClient<Transport> {
        TimeServiceClient::with_origin(self.transport.clone(), origin())
    }

    pub(crate) fn state(&self) -> StateClient<Transport> {
        StateClient::with_origin(self.transport.clone(), origin())
            .max_decoding_message_size(MAX_MESSAGE)
    }

    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(node) = &self.node {
            request.metadata_mut().insert("node", node.clone());
        }
        request
    }

    /// Waits for a reply, and turns every way to fail into an [`Error`].
    pub(crate) async fn reply<T>(
        &self,
        method: &'static str,
        calling: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        self.within(method, calling).await.map(Response::into_inner)
    }

    /// Waits for a future of a call for as long as the deadline says.
    pub(crate) async fn within<T>(
        &self,
        method: &'static str,
        calling: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.deadline, calling).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(status)) => Err(self.failure(method, status)),
            Err(_) => Err(Error::Deadline {
                endpoint: self.endpoint.clone(),
                method,
                after: self.deadline,
            }),
        }
    }

    /// Tells a refusal by the node from a connection that broke.
    pub(crate) fn failure(&self, method: &'static str, status: Status) -> Error {
        // A status that came over the wire has no source; one made on this side has.
        if std::error::Error::source(&status).is_some() {
            return self.transport.lost(&self.endpoint, method, status.into());
        }
        Error::Refused {
            endpoint: self.endpoint.clone(),
            method,
            code: status.code(),
            message: status.message().to_owned(),
        }
    }

    /// Takes the one message of a reply that was not fanned out.
    pub(crate) fn single<T>(
        &self,
        method: &'static str,
        messages: Vec<T>,
        metadata: impl Fn(&T) -> Option<&Metadata>,
    ) -> Result<T, Error> {
        let [message] = <[T; 1]>::try_from(messages)
            .map_err(|messages| self.malformed(method, format!("{} messages", messages.len())))?;
        match metadata(&message) {
            Some(metadata) if !metadata.error.is_empty() => Err(self.forwarded(method, metadata)),
            _ => Ok(message),
        }
    }

    /// A node that passes calls on reports the other node's failure inside an ordinary reply.
    fn forwarded(&self, method: &'static str, metadata: &Metadata) -> Error {
        let (code, message) = match &metadata.status {
            Some(status) => (status.code.into(), status.message.clone()),
            None => (tonic::Code::Unknown, metadata.error.clone()),
        };
        Error::Refused {
            endpoint: self.endpoint.clone(),
            method,
            code,
            message,
        }
    }

    pub(crate) fn malformed(&self, method: &'static str, what: impl Into<String>) -> Error {
        Error::Malformed {
            endpoint: self.endpoint.clone(),
            method,
            what: what.into(),
        }
    }
}

/// HTTP/2 wants an authority in every request; a node does not look at it.
fn origin() -> http::Uri {
    http::Uri::from_static("https://talos")
}
