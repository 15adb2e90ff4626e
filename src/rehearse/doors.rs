//! What is behind the addresses of a world, and who answers there.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::ServerConfig;
use tokio::io::AsyncReadExt as _;

use self::kubernetes::Api;
use super::machine::{Fleet, Reach};
use super::network::{Door, GIT_HOST, KUBERNETES_PORT, TALOS_PORT};
use super::world::{World, side_of};
use super::{api_identity, git_remote, kubernetes};
use crate::connect::{CertificateTime, Stream, Target};
use crate::model::NodeName;

/// An open connection, counted as long as it lives.
struct Guest(Arc<World>);

impl Guest {
    fn enter(world: &Arc<World>) -> Self {
        let (open, most) = &world.connections;
        let now = open.fetch_add(1, Ordering::Relaxed) + 1;
        most.fetch_max(now, Ordering::Relaxed);
        Self(Arc::clone(world))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.connections.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl World {
    /// Tells what is behind a target right now.
    pub fn door(&self, target: &Target) -> Door {
        if target.host == GIT_HOST {
            return Door::Git;
        }
        let endpoint = &self.cluster.control_plane.endpoint;
        let Some(address) = self.resolve(&target.host) else {
            return Door::Nobody;
        };
        let vip = self.cluster.control_plane.vip.as_ref();
        if vip.is_some_and(|vip| vip.address == address) {
            let is_api = target.port == endpoint.port;
            if self.faults.is_vip_taken() && is_api {
                return Door::Stranger;
            }
            if self.faults.is_api_down() && is_api {
                return Door::Refused;
            }
            return match self.vip_holder() {
                Some(holder) if is_api => Door::Kubernetes(holder),
                Some(holder) if target.port == TALOS_PORT => Door::Talos(holder),
                Some(_) => Door::Refused,
                None => Door::Nobody,
            };
        }
        self.fleet.with(|fleet| {
            let Some(machine) = fleet.machine_at(address) else {
                return Door::Nobody;
            };
            let name = machine.spec().name.clone();
            match (target.port, machine.reach()) {
                (_, Reach::Silent) => Door::Silent,
                (TALOS_PORT, Reach::Listening) => Door::Talos(name),
                (KUBERNETES_PORT, _) if self.faults.is_api_down() => Door::Refused,
                (KUBERNETES_PORT, _) if fleet.is_api_server_up(&name) => Door::Kubernetes(name),
                _ => Door::Refused,
            }
        })
    }

    /// An address, or the cluster's endpoint by its name.
    fn resolve(&self, host: &str) -> Option<IpAddr> {
        if let Ok(address) = host.parse() {
            return Some(address);
        }
        let control_plane = &self.cluster.control_plane;
        if host != control_plane.endpoint.host {
            return None;
        }
        let vip = control_plane.vip.as_ref().map(|vip| vip.address);
        vip.or_else(|| Some(self.cluster.control_planes().first()?.address))
    }

    /// Serves one connection until either side ends it, or what is behind it goes away.
    pub async fn enter(
        self: Arc<Self>,
        door: Door,
        from: Arc<str>,
        mut stream: Box<dyn Stream>,
    ) -> io::Result<()> {
        let _guest = Guest::enter(&self);
        match door {
            Door::Talos(node) => self.fleet.serve(node, from, stream).await,
            Door::Git => git_remote::serve(Arc::clone(&self.remote), stream).await,
            Door::Kubernetes(node) => {
                let (api, tls) = self.api_server(&node)?;
                let session = self.session(&node);
                tokio::select! {
                    biased;
                    () = self.api_server_ends(&node, session) => {
                        Err(io::ErrorKind::ConnectionReset.into())
                    }
                    served = kubernetes::serve(api, tls, (node.to_string(), from), stream) => served,
                }
            }
            Door::Stranger => {
                stream.read_u8().await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Door::Refused | Door::Silent | Door::Nobody => {
                Err(io::ErrorKind::ConnectionRefused.into())
            }
        }
    }

    fn session(&self, node: &NodeName) -> Option<(u64, u64)> {
        let is_up = |fleet: &mut Fleet| {
            let session = fleet.machine(node)?.connections();
            fleet.is_api_server_up(node).then_some(session)
        };
        self.fleet.with(is_up)
    }

    async fn api_server_ends(&self, node: &NodeName, session: Option<(u64, u64)>) {
        let mut changes = self.fleet.changes();
        let mut breaks = self.faults.api_connections();
        while session.is_some() && self.session(node) == session {
            tokio::select! {
                biased;
                _ = breaks.changed() => return,
                ended = changes.changed() => if ended.is_err() {
                    return;
                },
            }
        }
    }

    fn api_server(&self, node: &NodeName) -> io::Result<(Arc<Api>, Arc<ServerConfig>)> {
        // The first request may come before the cluster has made its first step.
        self.step();
        let (index, session) = self
            .fleet
            .with(|fleet| {
                let machine = fleet.machine(node)?;
                Some((side_of(fleet, machine)?, machine.session()))
            })
            .ok_or(io::ErrorKind::ConnectionRefused)?;
        let mut state = self.state();
        let side = state.sides.get(&index);
        let api = side.map(|side| Arc::clone(&side.api));
        let api = api.ok_or(io::ErrorKind::ConnectionRefused)?;
        let key = (node.clone(), session);
        if let Some(known) = state.tls.get(&key) {
            return Ok((api, Arc::clone(known)));
        }
        let now = self.calendar.now();
        let time = CertificateTime(Arc::clone(&self.calendar));
        let made = self.fleet.with(|fleet| {
            let machine = fleet.machine(node).ok_or(io::ErrorKind::NotFound)?;
            api_identity::tls(machine, self.seed, now, time).map_err(io::Error::other)
        })?;
        state.tls.insert(key, Arc::clone(&made));
        Ok((api, made))
    }
}
