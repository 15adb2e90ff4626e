//! Lets faults strike at their steps, and ends those that end by themselves.
//!
//! It sees the run through its events, as a person would, and changes only the world.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::fault::{Fault, FaultAt, is_step};
use super::ongoing::EtcdState;
use super::random::ANYWHERE;
use crate::execute::{Event, EventKind, Sink};
use crate::model::NodeName;
use crate::plan::Plan;
use crate::rehearse::killer::Killer;
use crate::rehearse::machine::Fleet;
use crate::rehearse::span::{Span, mix, span};
use crate::rehearse::world::World;
use crate::spec::cluster::Role;

/// How long what passes by itself lasts.
const PASSES: Span = span(150, 240);
/// How long the Kubernetes API is there, and not, while it comes and goes.
const COMES: Duration = Duration::from_secs(11);
const GOES: Duration = Duration::from_secs(7);
/// How many points a run is killed after, at most, once its step has begun.
const KILL_WITHIN: u64 = 24;

/// A fault as it struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Struck {
    /// What went wrong.
    pub fault: Fault,
    /// The machine that it was about, if one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The step that had just begun; `None` is the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// When; `None` when its step never came.
    pub at: Option<Timestamp>,
    /// When it passed by itself, or will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Lets faults strike.
pub struct Director {
    world: Arc<World>,
    state: Mutex<State>,
    next: Arc<dyn Sink>,
}

#[derive(Default)]
struct State {
    waiting: Vec<FaultAt>,
    struck: Vec<Struck>,
    killer: Arc<Killer>,
}

impl Director {
    /// Waits with these faults for their steps; those of the beginning strike now.
    pub fn new(world: Arc<World>, faults: &[FaultAt], next: Arc<dyn Sink>) -> Arc<Self> {
        let director = Arc::new(Self {
            world,
            state: Mutex::default(),
            next,
        });
        for fault in faults {
            director.arrange(fault);
        }
        director
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names who ends the run that begins now.
    pub fn attend(&self, killer: &Arc<Killer>) {
        self.state().killer = Arc::clone(killer);
        self.world.faults().attend(killer);
    }

    /// Returns the faults that struck, then those whose step never came.
    pub fn account(&self) -> Vec<Struck> {
        let state = self.state();
        let waiting = state.waiting.iter().map(|waiting| Struck {
            fault: waiting.fault,
            node: None,
            step: waiting.step.clone(),
            at: None,
            until: None,
        });
        state.struck.iter().cloned().chain(waiting).collect()
    }

    /// Puts right what does not pass by itself.
    pub fn mend(&self) {
        self.world.faults().heal();
        self.world.fleet().with(Fleet::heal);
    }

    fn arrange(&self, wanted: &FaultAt) {
        let step = match wanted.step.as_deref() {
            // One in four strikes before anything was looked at.
            Some(ANYWHERE) if self.share(wanted.fault, "early").is_multiple_of(4) => None,
            Some(step) => Some(step.to_owned()),
            None => wanted.fault.natural_step().map(str::to_owned),
        };
        match step {
            None if wanted.fault != Fault::OperatorKilled => self.strike(wanted.fault, None),
            step => self.state().waiting.push(FaultAt {
                fault: wanted.fault,
                step: step.or(Some(ANYWHERE.to_owned())),
            }),
        }
    }

    fn share(&self, fault: Fault, about: &str) -> u64 {
        mix(self.world.seed, &format!("{} {about}", fault.name()))
    }

    /// Steps are known now: chooses among them for those that may strike anywhere.
    fn choose_steps(&self, plan: &Plan) {
        for waiting in &mut self.state().waiting {
            if waiting.step.as_deref() == Some(ANYWHERE) && !plan.steps.is_empty() {
                let share = self.share(waiting.fault, "where") % plan.steps.len() as u64;
                let step = usize::try_from(share)
                    .ok()
                    .and_then(|at| plan.steps.get(at));
                waiting.step = step.map(|step| step.id.to_string());
            }
        }
    }

    fn step_begins(&self, step: &str) {
        let is_it = |wanted: &FaultAt| {
            let named = wanted.step.as_deref();
            named.is_some_and(|name| is_step(step, name))
        };
        let due: Vec<FaultAt> = {
            let mut state = self.state();
            let (due, waiting) = std::mem::take(&mut state.waiting)
                .into_iter()
                .partition(is_it);
            state.waiting = waiting;
            due
        };
        for fault in due {
            self.strike(fault.fault, Some(step));
        }
    }

    fn strike(&self, fault: Fault, step: Option<&str>) {
        let now = self.world.now();
        let node = self.victim(fault, step);
        let lasting = PASSES.of(self.world.seed, &fault.name());
        let until = now.checked_add(lasting).ok();
        self.state().struck.push(Struck {
            fault,
            node: node.clone(),
            step: step.map(str::to_owned),
            at: Some(now),
            until: until.filter(|_| passes(fault)),
        });
        if let Some(node) = &node {
            self.afflict(fault, node, lasting);
        }
        let faults = self.world.faults();
        match fault {
            Fault::LostReply => faults.lose_a_reply(),
            Fault::VipTaken => faults.set_vip_taken(true),
            Fault::FullEtcd => faults.set_etcd(EtcdState::Full),
            Fault::PodImageMissing => faults.lose_an_image(),
            Fault::SlowEtcd => {
                slow_etcd(&self.world, true);
                self.later(lasting, |world| slow_etcd(world, false));
            }
            Fault::ApiFlapping => {
                tokio::spawn(flap(Arc::clone(&self.world), lasting));
            }
            Fault::OperatorKilled => {
                let points = self.share(fault, "points") % KILL_WITHIN;
                self.state().killer.cut_after(points);
            }
            _ => {}
        }
    }

    /// The machine that a step is about, or one of the seed's choice.
    fn victim(&self, fault: Fault, step: Option<&str>) -> Option<NodeName> {
        let needs_control_plane = match fault {
            Fault::NodeNeverReturns | Fault::ImageMissing | Fault::ClockSkew => false,
            Fault::ControlPlaneUnreachable | Fault::NetworkOutage => true,
            _ => return None,
        };
        let nodes: Vec<&NodeName> = self
            .world
            .cluster
            .nodes
            .iter()
            .filter(|node| !needs_control_plane || node.role == Role::ControlPlane)
            .map(|node| &node.name)
            .collect();
        let named = step.and_then(|step| step.rsplit('/').next());
        let named = nodes.iter().find(|node| Some(node.as_str()) == named);
        let chosen = mix(self.world.seed, "fault") % (nodes.len() as u64).max(1);
        let chosen = usize::try_from(chosen).ok().and_then(|at| nodes.get(at));
        named.or(chosen).map(|node| (*node).clone())
    }

    fn afflict(&self, fault: Fault, node: &NodeName, lasting: Duration) {
        let fleet = self.world.fleet();
        fleet.with(|fleet| {
            fleet.afflict(node, |ails| match fault {
                Fault::NodeNeverReturns => ails.never_returns = true,
                Fault::ControlPlaneUnreachable | Fault::NetworkOutage => ails.cut_off = true,
                Fault::ImageMissing => ails.image_missing = true,
                Fault::ClockSkew => ails.clock_is_off = true,
                _ => {}
            });
        });
        if passes(fault) {
            let node = node.clone();
            self.later(lasting, move |world| {
                world.fleet().with(|fleet| {
                    fleet.afflict(&node, |ails| match fault {
                        Fault::NetworkOutage => ails.cut_off = false,
                        _ => ails.clock_is_off = false,
                    });
                });
            });
        }
    }

    /// Does something to the world when some time has passed.
    fn later(&self, after: Duration, change: impl FnOnce(&World) + Send + 'static) {
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            change(&world);
        });
    }
}

impl Sink for Director {
    fn event(&self, event: &Event) {
        self.next.event(event);
        match (&event.kind, &event.step) {
            (EventKind::Planned { plan }, _) => self.choose_steps(plan),
            (EventKind::Started { .. }, Some(step)) => {
                self.state().killer.step_begins(step.as_str());
                self.step_begins(step.as_str());
            }
            _ => {}
        }
    }
}

/// Tells whether it passes by itself.
fn passes(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::NetworkOutage | Fault::SlowEtcd | Fault::ApiFlapping | Fault::ClockSkew
    )
}

fn slow_etcd(world: &World, is_slow: bool) {
    let state = if is_slow {
        EtcdState::Slow
    } else {
        EtcdState::Well
    };
    // A full etcd stays full.
    if world.faults().etcd() != EtcdState::Full {
        world.faults().set_etcd(state);
    }
    world.fleet().with(|fleet| {
        for node in &world.cluster.nodes {
            fleet.afflict(&node.name, |ails| ails.slow_disk = is_slow);
        }
    });
}

async fn flap(world: Arc<World>, lasting: Duration) {
    let ends = tokio::time::Instant::now() + lasting;
    while tokio::time::Instant::now() < ends {
        world.faults().set_api_down(true);
        tokio::time::sleep(GOES).await;
        world.faults().set_api_down(false);
        tokio::time::sleep(COMES).await;
    }
}
