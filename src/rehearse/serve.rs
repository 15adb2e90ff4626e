//! `rehearse --serve`: a world behind real sockets on loopback, in time that is sped up.
//!
//! The connection map is written once every door is open; the report is kept true by atomic
//! replacement, so that whoever reads it never sees half of one.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::net::{TcpListener, TcpStream};

use super::clock::SimulatedClock;
use super::network::{Door, GIT_HOST, KUBERNETES_PORT, TALOS_PORT};
use super::stage::Stage;
use super::world::World;
use crate::connect::{ConnectMap, GitEntry, Others, Serves, Target};
use crate::model::{Clock, SystemClock};

/// How often the report is compared with the world.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// How often a port is opened or closed as its machine listens or not.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long somebody who calls a machine that is off is kept waiting.
const SILENCE: Duration = Duration::from_mins(1);

/// Where the files go, and how fast time passes.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The directory for `connect-map.json` and `report.json`.
    pub directory: Utf8PathBuf,
    /// How many seconds pass in the world for each one outside.
    pub speed: u32,
    /// What spans follow from.
    pub seed: u64,
}

/// Serves a world until the process is told to end; `ready` is called once everything is open.
pub async fn serve(
    stage: &Stage,
    options: &ServeOptions,
    ready: impl FnOnce(&Utf8Path),
) -> io::Result<()> {
    fs_err::create_dir_all(&options.directory)?;
    let _lock = lock(&options.directory)?;
    let calendar: Arc<dyn Clock> = Arc::new(SystemClock);
    let clock: Arc<dyn Clock> = Arc::new(SimulatedClock::starting(calendar.now(), options.speed));
    let world = stage.world(options.seed, &clock, &calendar);
    let map = open_doors(&world).await?;
    let path = options.directory.join("connect-map.json");
    let mut account = Account::new(&options.directory);
    account.keep(&world)?;
    replace(&path, &serde_json::to_vec_pretty(&map)?)?;
    ready(&path);
    let speed = options.speed;
    tokio::select! {
        ended = told_to_end() => ended,
        kept = keep_report(&world, account) => kept,
        never = world.drive(speed) => match never {},
    }
}

/// Keeps a second world out of the directory for as long as this process lives.
fn lock(directory: &Utf8Path) -> io::Result<std::fs::File> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!(
                "another process serves a rehearsal in `{directory}`: end it, or name another directory"
            ),
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Listens for every target of the world and tells where.
async fn open_doors(world: &Arc<World>) -> io::Result<ConnectMap> {
    let cluster = &world.cluster;
    let mut targets = Vec::new();
    for node in &cluster.nodes {
        targets.push(Target::new(node.address, TALOS_PORT));
        targets.push(Target::new(node.address, KUBERNETES_PORT));
    }
    let endpoint = &cluster.control_plane.endpoint;
    if let Some(vip) = &cluster.control_plane.vip {
        targets.push(Target::new(vip.address, endpoint.port));
    }
    targets.push(Target::new(&endpoint.host, endpoint.port));
    targets.sort();
    targets.dedup();
    let mut map = ConnectMap {
        version: ConnectMap::VERSION,
        others: Others::Refuse,
        ..ConnectMap::default()
    };
    for target in targets {
        let place = listen(world, target.clone()).await?;
        map.targets.insert(target, place);
    }
    let git = listen(world, Target::new(GIT_HOST, 80)).await?;
    map.git = Some(GitEntry {
        url: format!("http://{git}/{}.git", cluster.name),
        serves: Serves::WorkingTree,
    });
    map.targets.insert(git.clone(), git);
    Ok(map)
}

async fn listen(world: &Arc<World>, target: Target) -> io::Result<Target> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(attend(Arc::clone(world), target, port, listener));
    Ok(Target::new(Ipv4Addr::LOCALHOST, port))
}

/// Keeps a port open as long as there is something to meet behind it: what accepts a connection
/// and then drops it would look like a machine to whoever only knocks.
async fn attend(world: Arc<World>, target: Target, port: u16, first: TcpListener) {
    let mut listener = Some(first);
    loop {
        if matches!(world.door(&target), Door::Refused | Door::Nobody) {
            listener = None;
        } else if listener.is_none() {
            // Somebody else may have taken the port meanwhile; it is tried again.
            listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.ok();
        }
        let Some(open) = &listener else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        // A listener that fails for one caller is still there for the next.
        if let Ok(Ok((stream, _))) = tokio::time::timeout(LOOK_EVERY, open.accept()).await {
            tokio::spawn(meet(Arc::clone(&world), target.clone(), stream));
        }
    }
}

/// Lets a caller meet what it would meet at the machine.
async fn meet(world: Arc<World>, target: Target, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match world.door(&target) {
        Door::Refused | Door::Nobody => stream.set_zero_linger(),
        Door::Silent => {
            tokio::time::sleep(SILENCE).await;
            stream.set_zero_linger()
        }
        door => world.enter(door, Arc::default(), Box::new(stream)).await,
    }
}

/// The report on disk.
struct Account {
    path: Utf8PathBuf,
    written: Option<serde_json::Value>,
}

impl Account {
    fn new(directory: &Utf8Path) -> Self {
        Self {
            path: directory.join("report.json"),
            written: None,
        }
    }

    /// Writes the report when anything but its time has changed.
    fn keep(&mut self, world: &World) -> io::Result<()> {
        let mut report = serde_json::to_value(world.report())?;
        let at = report["at"].take();
        if self.written.as_ref() == Some(&report) {
            return Ok(());
        }
        self.written = Some(report.clone());
        report["at"] = at;
        replace(&self.path, &serde_json::to_vec_pretty(&report)?)
    }
}

async fn keep_report(world: &World, mut account: Account) -> io::Result<()> {
    loop {
        tokio::time::sleep(REPORT_EVERY).await;
        account.keep(world)?;
    }
}

fn replace(path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Utf8Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.persist(path)?;
    Ok(())
}

#[cfg(unix)]
async fn told_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn told_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
