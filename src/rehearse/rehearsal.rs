//! A seeded rehearsal: the engine itself, against a world in memory, in paused time.
//!
//! Everything runs on one thread whose clock jumps from event to event, so nothing depends on how
//! busy the computer is: the same seed gives the same timeline, byte for byte.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::clock::SimulatedClock;
use super::killer::Killer;
use super::machine::{MachineSpec, mix};
use super::network::{GIT_HOST, WorldConnector};
use super::props::{self, PropsError};
use super::report::Report;
use super::timeline::{Recorder, Wait, waits};
use super::world::{Setup, World};
use crate::catalog::Catalog;
use crate::connect::Probed;
use crate::execute::{
    self, Commit, Event, Inputs, MemoryState, Operator, Outcome, Remote, RunError, Secrets, Sink,
};
use crate::model::{Clock, FileTree, NodeName};
use crate::plan::{Consents, Tree};
use crate::render::bootstrap::{BootstrapManifests, manifests};
use crate::spec::Cluster;

/// How long control planes that do not answer are waited for.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long it takes a person to start a killed run again.
const RESTART: Duration = Duration::from_secs(20);

/// What is rehearsed.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What spans follow from.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// The point at which the run is killed, counted from 1; it is then started again.
    pub kill_at: Option<u64>,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A machine, chosen by the seed, does not come back from its first restart.
    NodeNeverReturns,
}

/// What a rehearsal is about, made once and used for any number of scripts.
#[derive(Clone)]
pub struct Stage {
    cluster: Arc<Cluster>,
    tree: FileTree,
    manifests: Arc<BootstrapManifests>,
    secrets: Arc<Secrets>,
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

/// What came of a rehearsal.
#[derive(Debug)]
pub struct Rehearsed {
    /// How the engine ended, the second time if it was killed.
    pub outcome: Result<Outcome, RunError>,
    /// Where the first run was killed, in words.
    pub killed: Option<String>,
    /// Everything that the engine told, in order.
    pub events: Vec<Event>,
    /// How many points were passed at which it can be killed.
    pub points: u64,
    /// How many of them were different: what, and with whom.
    pub distinct_points: usize,
    /// The nodes that faults were about.
    pub faults: Vec<(Fault, NodeName)>,
    /// The world's own account.
    pub report: Report,
    /// When the story begins.
    pub began: Timestamp,
}

impl Fault {
    /// Says what goes wrong.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NodeNeverReturns => "a machine did not come back from its first restart",
        }
    }
}

impl Stage {
    /// Prepares rehearsals of a cluster.
    pub fn new(cluster: Arc<Cluster>, catalog: &Catalog) -> Result<Self, PropsError> {
        Ok(Self {
            tree: props::tree(&cluster, catalog)?,
            manifests: Arc::new(manifests(&cluster, catalog)?),
            secrets: Arc::new(props::secrets(&cluster, catalog, epoch())?),
            cluster,
        })
    }

    /// Rehearses a bootstrap. Must not be called from inside an asynchronous runtime.
    pub fn bootstrap(&self, script: &Script, sink: Arc<dyn Sink>) -> std::io::Result<Rehearsed> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        Ok(runtime.block_on(self.play(script, sink)))
    }

    async fn play(&self, script: &Script, sink: Arc<dyn Sink>) -> Rehearsed {
        let (world, clock) = self.raise(script.seed);
        let faults = self.arrange(script, &world);
        let recorder = Arc::new(Recorder::new(sink));
        let killer = Arc::new(Killer::new(script.kill_at));
        let mut operators = Operators {
            computer: "rehearsal".to_owned(),
            state: Arc::new(MemoryState::default()),
            sink: Arc::clone(&recorder) as _,
            killer: Arc::clone(&killer),
        };
        let first = tokio::select! {
            biased;
            () = killer.cut() => None,
            outcome = execute::bootstrap(self.inputs(&world, &clock, &operators)) => Some(outcome),
        };
        let outcome = if let Some(outcome) = first {
            outcome
        } else {
            tokio::time::sleep(RESTART).await;
            operators.killer = Arc::default();
            execute::bootstrap(self.inputs(&world, &clock, &operators)).await
        };
        Rehearsed {
            outcome,
            killed: killer.cut_at(),
            events: recorder.events(),
            points: killer.points(),
            distinct_points: killer.distinct(),
            faults,
            report: world.report(),
            began: epoch(),
        }
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
            tree: self.tree.clone(),
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
            tree: self.tree.clone(),
            machines: MachineSpec::of_cluster(&self.cluster),
            seed,
            clock: Arc::clone(clock),
            calendar: Arc::clone(calendar),
        })
    }

    fn arrange(&self, script: &Script, world: &World) -> Vec<(Fault, NodeName)> {
        let mut arranged = Vec::new();
        for fault in &script.faults {
            let nodes = &self.cluster.nodes;
            let choice = mix(script.seed, "fault") % (nodes.len() as u64).max(1);
            let Some(node) = usize::try_from(choice)
                .ok()
                .and_then(|index| nodes.get(index))
            else {
                continue;
            };
            match fault {
                Fault::NodeNeverReturns => {
                    world.fleet().with(|fleet| fleet.never_return(&node.name));
                }
            }
            arranged.push((*fault, node.name.clone()));
        }
        arranged
    }

    /// Returns what a run in this world works with.
    pub(super) fn inputs(
        &self,
        world: &Arc<World>,
        clock: &Arc<dyn Clock>,
        operators: &Operators,
    ) -> Inputs {
        let connector = Arc::new(WorldConnector(Arc::clone(world)));
        let probe: crate::connect::SharedProbe = Arc::clone(&operators.killer) as _;
        Inputs {
            cluster: Arc::clone(&self.cluster),
            manifests: Arc::clone(&self.manifests),
            tree: Tree::Current,
            placeholders: Vec::new(),
            commit: Commit::Served,
            secrets: Ok(Arc::clone(&self.secrets)),
            remote: Remote {
                url: format!("http://{GIT_HOST}/{}.git", self.cluster.name),
                branch: world.remote().branch.clone(),
            },
            consents: Consents::default(),
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

impl Rehearsed {
    /// Returns what was waited for, longest first.
    pub fn waits(&self) -> Vec<Wait> {
        waits(&self.events)
    }
}

/// The day on which every rehearsal takes place: the throw-away bundle holds on it.
fn epoch() -> Timestamp {
    Timestamp::from_str("2027-01-01T00:00:00Z").expect("a moment in RFC 3339")
}
