//! What a rehearsal is about, made once and used for any number of scripts.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::clock::SimulatedClock;
use super::controllers::Remote;
use super::git_remote;
use super::killer::Killer;
use super::machine::MachineSpec;
use super::network::{GIT_HOST, WorldConnector};
use super::props::{self, PropsError};
use super::world::{Setup, World};
use crate::catalog::Catalog;
use crate::connect::{Probed, SharedProbe};
use crate::execute::{self, Commit, Inputs, MemoryState, Operator, Secrets, Sink};
use crate::model::Clock;
use crate::plan::{Consents, Origins, Tree};
use crate::render::bootstrap::{BootstrapManifests, manifests};
use crate::spec::Cluster;

/// How long control planes that do not answer are waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a rehearsal is about, made once and used for any number of scripts.
#[derive(Clone)]
pub struct Stage {
    pub(super) cluster: Arc<Cluster>,
    remote: Arc<Remote>,
    manifests: Arc<BootstrapManifests>,
    secrets: Arc<Secrets>,
    origins: Arc<Origins>,
}

/// Who runs the engine in a world.
pub(super) struct Operators {
    /// The computer.
    pub(super) computer: String,
    /// What that computer remembers.
    pub(super) state: Arc<MemoryState>,
    /// Where events go.
    pub(super) sink: Arc<dyn Sink>,
    /// Where the run ends before its time.
    pub(super) killer: Arc<Killer>,
}

impl Stage {
    /// Prepares rehearsals of a cluster.
    pub fn new(cluster: Arc<Cluster>, catalog: &Catalog) -> Result<Self, PropsError> {
        let tree = props::tree(&cluster, catalog)?;
        let files = tree.iter().filter(|(path, _)| path.starts_with("cluster"));
        let origins = Origins::of(files.map(|(path, file)| (path, file.bytes.as_slice())));
        Ok(Self {
            remote: Arc::new(git_remote::of(&cluster, tree)),
            manifests: Arc::new(manifests(&cluster, catalog)?),
            secrets: Arc::new(props::secrets(&cluster, catalog, epoch())?),
            origins: Arc::new(origins),
            cluster,
        })
    }

    /// Builds a world in time of its own and lets that pass.
    pub(super) fn raise(&self, seed: u64) -> (Arc<World>, Arc<dyn Clock>) {
        self.raise_with(MachineSpec::of_cluster(&self.cluster), seed)
    }

    /// Builds a world of these machines in time of its own and lets that pass.
    pub(super) fn raise_with(
        &self,
        machines: Vec<MachineSpec>,
        seed: u64,
    ) -> (Arc<World>, Arc<dyn Clock>) {
        let clock: Arc<dyn Clock> = Arc::new(SimulatedClock::starting(epoch(), 1));
        let world = World::new(Setup {
            cluster: Arc::clone(&self.cluster),
            remote: Arc::clone(&self.remote),
            machines,
            seed,
            clock: Arc::clone(&clock),
            calendar: Arc::clone(&clock),
        });
        let driven = Arc::clone(&world);
        tokio::spawn(async move { driven.drive(1).await });
        (world, clock)
    }

    /// Builds a world for this stage's cluster.
    pub fn world(
        &self,
        seed: u64,
        clock: &Arc<dyn Clock>,
        calendar: &Arc<dyn Clock>,
    ) -> Arc<World> {
        World::new(Setup {
            cluster: Arc::clone(&self.cluster),
            remote: Arc::clone(&self.remote),
            machines: MachineSpec::of_cluster(&self.cluster),
            seed,
            clock: Arc::clone(clock),
            calendar: Arc::clone(calendar),
        })
    }

    /// Returns what a run in this world works with.
    pub(super) fn inputs(
        &self,
        world: &Arc<World>,
        clock: &Arc<dyn Clock>,
        operators: &Operators,
    ) -> Inputs {
        let connector = Arc::new(WorldConnector {
            world: Arc::clone(world),
            from: operators.computer.as_str().into(),
        });
        let probe: SharedProbe = Arc::clone(&operators.killer) as _;
        Inputs {
            cluster: Arc::clone(&self.cluster),
            manifests: Arc::clone(&self.manifests),
            origins: Arc::clone(&self.origins),
            tree: Tree::Current,
            placeholders: Vec::new(),
            commit: Commit::Served,
            secrets: Ok(Arc::clone(&self.secrets)),
            remote: execute::Remote {
                url: format!("http://{GIT_HOST}/{}.git", self.cluster.name),
                branch: world.remote().branch.clone(),
            },
            consents: Consents::default(),
            until: None,
            patience: PATIENCE,
            operator: Operator {
                identity: operators.computer.clone(),
                label: operators.computer.clone(),
            },
            connector: Arc::new(Probed::new(connector, Arc::clone(&probe))),
            clock: Arc::clone(clock),
            state: Arc::clone(&operators.state) as _,
            sink: Arc::clone(&operators.sink),
            probe,
        }
    }
}

/// The day on which every rehearsal takes place: the throw-away bundle holds on it.
pub(super) fn epoch() -> Timestamp {
    Timestamp::from_str("2027-01-01T00:00:00Z").expect("a moment in RFC 3339")
}
