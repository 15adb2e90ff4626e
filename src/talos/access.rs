//! Who answers at an address: this cluster's node, a machine in maintenance mode, a stranger.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use talos_api::{
    Client, Credentials, Dial, Dialing, Endpoint, Error, Fingerprint, Identity, IdentityProblem,
    Options, Peer,
};

use crate::connect::{CertificateTime, SharedConnector, Target, error_text};
use crate::model::Clock;

/// Long enough for a busy small machine; everything that is asked answers in milliseconds.
const DEADLINE: Duration = Duration::from_secs(10);
/// More open connections than this only cost: larger clusters are looked at now and then.
const KEPT: usize = 64;

/// A machine that takes its configuration has its new name for a moment in a certificate that is
/// nobody's yet: who is a stranger stays one for longer than this.
const STRANGE: Duration = Duration::from_secs(4);

/// A way to this cluster's machines.
#[derive(Clone)]
pub struct Talos {
    options: Options,
    clock: Arc<dyn Clock>,
    /// An administrator; `None` where only machines without configuration can be talked to.
    credentials: Option<Credentials>,
    /// Connections to our own nodes, as long as they answer: a handshake for each look is a load for
    /// small machines.
    kept: Arc<Mutex<BTreeMap<IpAddr, Client>>>,
}

/// Who answered.
pub enum Met {
    /// A node with this cluster's identity that accepts ours.
    Ours(Client),
    /// A machine that waits for its configuration.
    Maintenance(Client),
    /// A node of another cluster: what its certificate says.
    Foreign(String),
    /// Nobody, or nobody who can be talked to: why.
    Silent(String),
}

/// Talos' client over our connector.
struct Dialer(SharedConnector);

impl Dial for Dialer {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> Dialing<'a> {
        Box::pin(async move {
            let target = Target::new(endpoint.host(), endpoint.port());
            let stream = self.0.connect(&target).await?;
            Ok(Box::new(stream) as Box<dyn talos_api::Stream>)
        })
    }
}

impl Talos {
    /// Prepares the way; nothing is dialled yet.
    pub fn new(
        credentials: Credentials,
        connector: SharedConnector,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            credentials: Some(credentials),
            ..Self::anonymous(connector, clock)
        }
    }

    /// Prepares a way for somebody without credentials.
    pub fn anonymous(connector: SharedConnector, clock: Arc<dyn Clock>) -> Self {
        Self {
            options: Options {
                dial: Arc::new(Dialer(connector)),
                time: Arc::new(CertificateTime(Arc::clone(&clock))),
                deadline: DEADLINE,
            },
            clock,
            credentials: None,
            kept: Arc::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Client>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time of day at this end.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns a connection to a node that has this cluster's identity: the one over which it answered
    /// last, or a new one.
    pub async fn ours(&self, address: IpAddr) -> Result<Client, Error> {
        let kept = self.kept().get(&address).cloned();
        match kept {
            Some(client) => Ok(client),
            None => self.connect(address).await,
        }
    }

    async fn connect(&self, address: IpAddr) -> Result<Client, Error> {
        let Some(credentials) = &self.credentials else {
            return Err(Error::Identity {
                endpoint: Endpoint::new(address),
                problem: IdentityProblem::ClientCertificateRefused,
                peer: None,
            });
        };
        let identity = Identity::Mutual(credentials.clone());
        Client::connect(&Endpoint::new(address), &identity, &self.options).await
    }

    /// Connects to a machine in maintenance mode that presents this certificate, or any.
    pub async fn maintenance(
        &self,
        address: IpAddr,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Client, Error> {
        let identity = Identity::Maintenance {
            fingerprints: fingerprint.into_iter().collect(),
        };
        Client::connect(&Endpoint::new(address), &identity, &self.options).await
    }

    /// Finds out who answers at an address.
    pub async fn meet(&self, address: IpAddr) -> Met {
        if self.credentials.is_none() {
            return self.meet_in_maintenance(address).await;
        }
        let began = tokio::time::Instant::now();
        loop {
            match self.meet_once(address).await {
                Met::Foreign(_) if began.elapsed() < STRANGE => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                met => return met,
            }
        }
    }

    async fn meet_once(&self, address: IpAddr) -> Met {
        let kept = self.kept().remove(&address);
        if let Some(client) = kept {
            match client.version().await {
                // The connection is gone: who is there now is found out anew.
                Err(Error::Lost { .. } | Error::Identity { .. }) => {}
                Err(error @ Error::Deadline { .. }) => return Met::Silent(error_text(&error)),
                _ => {
                    self.keep(address, &client);
                    return Met::Ours(client);
                }
            }
        }
        match self.connect(address).await {
            Ok(client) => match self.accepted(client).await {
                Met::Ours(client) => {
                    self.keep(address, &client);
                    Met::Ours(client)
                }
                other => other,
            },
            Err(Error::Identity {
                problem: IdentityProblem::UnknownAuthority,
                peer: Some(peer),
                ..
            }) => {
                if peer.is_maintenance() {
                    self.meet_in_maintenance(address).await
                } else {
                    Met::Foreign(named(&peer))
                }
            }
            Err(error) => Met::Silent(error_text(&error)),
        }
    }

    fn keep(&self, address: IpAddr, client: &Client) {
        let mut kept = self.kept();
        if kept.len() < KEPT {
            kept.insert(address, client.clone());
        }
    }

    /// With TLS 1.3 a node judges our certificate only after the handshake: a call tells.
    async fn accepted(&self, client: Client) -> Met {
        match client.version().await {
            // A refusal of the method still comes from a node that accepts us.
            Ok(_) | Err(Error::Refused { .. }) => Met::Ours(client),
            Err(Error::Identity {
                problem: IdentityProblem::ClientCertificateRefused,
                ..
            }) => Met::Foreign("it does not accept this bundle's client certificate".to_owned()),
            Err(error) => Met::Silent(error_text(&error)),
        }
    }

    async fn meet_in_maintenance(&self, address: IpAddr) -> Met {
        match self.maintenance(address, None).await {
            Ok(client) => Met::Maintenance(client),
            Err(Error::Identity {
                problem: IdentityProblem::NotInMaintenance,
                peer: Some(peer),
                ..
            }) => Met::Foreign(named(&peer)),
            Err(error) => Met::Silent(error_text(&error)),
        }
    }
}

fn named(peer: &Peer) -> String {
    format!(
        "its certificate names `{}`, issued by `{}`, public key {}",
        peer.subject, peer.issuer, peer.fingerprint
    )
}
