//! The Talos API of simulated machines on any byte stream.
//!
//! One stream is one connection to one machine. It speaks TLS with the machine's identity of the
//! moment and breaks when the machine goes down, as a real one does.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use talos_api::proto::cosi::resource::state_server::StateServer;
use talos_api::proto::machine::machine_service_server::MachineServiceServer;
use talos_api::proto::time::time_service_server::TimeServiceServer;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;

use crate::connect::{CertificateTime, Stream};
use crate::model::{Clock, NodeName};
use crate::pki::CertificateAuthority;
use crate::rehearse::faults::{Fate, Ongoing};
use crate::spec::cluster::Role;

use super::fleet::Fleet;
use super::identity::{self, ServerIdentity};
use super::machine::{Machine, Reach};
use super::service::{Connection, MachineApi};
use super::state_service::StateApi;
use super::time_service::TimeApi;

/// The largest message that Talos takes.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// A fleet that connections and the world around share. Clones are the same fleet.
#[derive(Clone)]
pub struct SharedFleet {
    fleet: Arc<Mutex<Fleet>>,
    clock: Arc<dyn Clock>,
    /// The time of day that certificates are made and judged by.
    calendar: Arc<dyn Clock>,
    changes: Arc<watch::Sender<u64>>,
    faults: Arc<Ongoing>,
    /// The TLS side of each machine, by its session and the hour in which it was made.
    tls: Arc<Mutex<TlsOfMachines>>,
}

type TlsOfMachines = BTreeMap<NodeName, (Epoch, Arc<ServerConfig>)>;

/// What a server certificate is good for: one session, and half its lifetime.
type Epoch = (u64, (bool, bool), i64);

impl SharedFleet {
    /// Shares a fleet whose time is this clock's.
    pub fn new(fleet: Fleet, clock: Arc<dyn Clock>) -> Self {
        Self {
            changes: Arc::new(watch::Sender::new(fleet.revision())),
            fleet: Arc::new(Mutex::new(fleet)),
            calendar: Arc::clone(&clock),
            clock,
            faults: Arc::default(),
            tls: Arc::default(),
        }
    }

    /// Judges certificates by another clock than the one that makes things happen: a world that is
    /// sped up still meets clients that live in ordinary time.
    #[must_use]
    pub fn with_calendar(self, calendar: Arc<dyn Clock>) -> Self {
        Self { calendar, ..self }
    }

    /// Asks this account of what is wrong which replies get lost.
    #[must_use]
    pub fn with_faults(self, faults: Arc<Ongoing>) -> Self {
        Self { faults, ..self }
    }

    /// Lets the reply to a change that was just made get lost, if that is its fate.
    pub(super) async fn reply_or_never(&self, node: &NodeName, method: &str) {
        match self.faults.fate_of_reply(&format!("{method} on {node}")) {
            Fate::Arrives => {}
            Fate::Lost => {
                self.with(|fleet| fleet.break_connections(node));
                std::future::pending::<()>().await;
            }
        }
    }

    /// Returns the time of day that certificates are made by.
    pub(super) fn today(&self) -> jiff::Timestamp {
        self.calendar.now()
    }

    /// Works with the fleet as it is now: everything that is due has happened.
    pub fn with<T>(&self, work: impl FnOnce(&mut Fleet) -> T) -> T {
        let mut fleet = lock(&self.fleet);
        fleet.advance(self.clock.now());
        let result = work(&mut fleet);
        let revision = fleet.revision();
        drop(fleet);
        self.changes.send_if_modified(|known| {
            let is_new = *known != revision;
            *known = revision;
            is_new
        });
        result
    }

    /// Returns what tells of every change of any machine.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Serves one connection of this computer to a machine, until either side ends it.
    ///
    /// A machine at which nobody listens refuses; that it is silent instead is the network's to
    /// simulate, by [`Machine::reach`].
    pub async fn serve(
        &self,
        node: NodeName,
        from: Arc<str>,
        stream: Box<dyn Stream>,
    ) -> io::Result<()> {
        let mut changes = self.changes();
        let session = self.with(|fleet| listening_session(fleet, &node))?;
        let tls = self.tls(&node)?;
        tokio::select! {
            biased;
            () = self.session_ends(&node, session, &mut changes) => {
                Err(io::ErrorKind::ConnectionReset.into())
            }
            served = self.converse(&node, from, tls, stream) => served,
        }
    }

    async fn converse(
        &self,
        node: &NodeName,
        from: Arc<str>,
        tls: Arc<ServerConfig>,
        stream: Box<dyn Stream>,
    ) -> io::Result<()> {
        let stream = TlsAcceptor::from(tls).accept(stream).await?;
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(|chain| chain.first());
        let caller = identity::caller(certificate, from).ok_or(io::ErrorKind::PermissionDenied)?;
        let connection = Connection {
            fleet: self.clone(),
            node: node.clone(),
            caller,
        };
        let machine = MachineServiceServer::new(MachineApi(connection.clone()))
            .max_decoding_message_size(MAX_MESSAGE);
        let time = TimeServiceServer::new(TimeApi(connection.clone()));
        let routes = Routes::new(machine)
            .add_service(time)
            .add_service(StateServer::new(StateApi(connection)));
        http2::Builder::new(TokioExecutor::new())
            .serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(routes.prepare()),
            )
            .await
            .map_err(io::Error::other)
    }

    async fn session_ends(
        &self,
        node: &NodeName,
        session: (u64, u64),
        changes: &mut watch::Receiver<u64>,
    ) {
        while self.with(|fleet| fleet.machine(node).map(Machine::connections)) == Some(session) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn tls(&self, node: &NodeName) -> io::Result<Arc<ServerConfig>> {
        const HALF_LIFETIME: i64 = 12 * 3600;
        let now = self.calendar.now();
        let (epoch, identity) = self.with(|fleet| {
            let machine = fleet.machine(node).ok_or(io::ErrorKind::NotFound)?;
            let half_days = now.as_second() / HALF_LIFETIME;
            let mode = (machine.is_in_maintenance(), machine.is_renamed());
            let epoch = (machine.session(), mode, half_days);
            if let Some((known, tls)) = lock(&self.tls).get(node)
                && *known == epoch
            {
                return Ok((epoch, Err(Arc::clone(tls))));
            }
            let signer = signer(fleet, machine);
            ServerIdentity::of(machine, signer.as_ref(), fleet.seed(), now)
                .map(|identity| (epoch, Ok(identity)))
                .map_err(io::Error::other)
        })?;
        let tls = match identity {
            Err(known) => return Ok(known),
            Ok(identity) => identity
                .tls(CertificateTime(Arc::clone(&self.calendar)))
                .map_err(io::Error::other)?,
        };
        lock(&self.tls).insert(node.clone(), (epoch, Arc::clone(&tls)));
        Ok(tls)
    }
}

/// A control plane signs for itself; for a worker, any control plane with the same authority does.
fn signer(fleet: &Fleet, machine: &Machine) -> Option<CertificateAuthority> {
    let config = machine.config()?;
    if config.role() == Role::ControlPlane {
        return config.talos_authority();
    }
    let authority = config.talos_certificate()?;
    fleet
        .machines()
        .iter()
        .filter_map(|other| other.config()?.talos_authority())
        .find(|signer| signer.certificate == authority)
}

fn listening_session(fleet: &Fleet, node: &NodeName) -> io::Result<(u64, u64)> {
    let machine = fleet.machine(node).ok_or(io::ErrorKind::NotFound)?;
    match machine.reach() {
        Reach::Listening => Ok(machine.connections()),
        Reach::Silent | Reach::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
    }
}

/// A panic elsewhere leaves the fleet as it was at a moment between two changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
