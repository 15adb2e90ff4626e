//! A seeded rehearsal: the engine itself, against a world in memory, in paused time.
//!
//! Everything runs on one thread whose clock jumps from event to event, so nothing depends on how
//! busy the computer is: the same seed gives the same timeline, byte for byte.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::faults::{Director, Struck};
use super::killer::{Killer, PointKind};
use super::report::Report;
use super::script::{Resume, Script};
use super::stage::{Operators, Stage, epoch};
use super::timeline::{Recorder, Wait, waits};
use super::witness::Violation;
use super::world::World;
use crate::execute::{self, Event, MemoryState, Outcome, RunError, Sink};
use crate::model::Clock;
use crate::plan::Plan;

/// How long it takes a person to start a killed run again.
const RESTART: Duration = Duration::from_secs(20);
/// How long it takes a person to put something right.
const REPAIR: Duration = Duration::from_mins(5);
/// More runs than any script needs.
const MOST_ATTEMPTS: usize = 8;

/// One run of the engine, from its start to its end.
#[derive(Debug)]
pub struct Attempt {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How many events had been told before.
    pub events: usize,
    /// How it ended.
    pub end: End,
}

/// How a run of the engine ended.
#[derive(Debug)]
pub enum End {
    /// It was killed; where, in words.
    Killed(String),
    /// It came to an end by itself.
    Over(Result<Outcome, RunError>),
    /// The world saw what must never happen.
    Stopped(Violation),
}

/// What came of a rehearsal.
#[derive(Debug)]
pub struct Rehearsed {
    /// Every run of the engine, in order; at least one.
    pub attempts: Vec<Attempt>,
    /// Everything that the engine told, in order.
    pub events: Vec<Event>,
    /// How many points the first run passed at which it can be killed.
    pub points: u64,
    /// The first point of each kind in the first run, by number.
    pub kinds: Vec<(u64, PointKind)>,
    /// What went wrong.
    pub faults: Vec<Struck>,
    /// The world's own account.
    pub report: Report,
    /// When the story begins.
    pub began: Timestamp,
}

/// What a script needs beside the world.
struct Play<'a> {
    stage: &'a Stage,
    script: &'a Script,
    world: Arc<World>,
    clock: Arc<dyn Clock>,
    director: Arc<Director>,
    recorder: Arc<Recorder>,
}

impl Stage {
    /// Rehearses a bootstrap. Must not be called from inside an asynchronous runtime.
    pub fn bootstrap(&self, script: &Script, sink: Arc<dyn Sink>) -> std::io::Result<Rehearsed> {
        Ok(paused()?.block_on(self.play(script, sink)))
    }

    /// Looks at fresh machines once and decides what a bootstrap would do, without doing it. Must
    /// not be called from inside an asynchronous runtime.
    pub fn plan(&self, seed: u64) -> std::io::Result<Plan> {
        Ok(paused()?.block_on(async {
            let (world, clock) = self.raise(seed);
            let operators = operators(0, Arc::new(execute::Silent));
            execute::plan(&self.inputs(&world, &clock, &operators)).await
        }))
    }

    async fn play(&self, script: &Script, sink: Arc<dyn Sink>) -> Rehearsed {
        let (world, clock) = self.raise(script.seed);
        let recorder = Arc::new(Recorder::new(sink));
        let play = Play {
            stage: self,
            script,
            director: Director::new(
                Arc::clone(&world),
                &script.faults,
                Arc::clone(&recorder) as _,
            ),
            world,
            clock,
            recorder,
        };
        play.run().await
    }
}

impl Play<'_> {
    async fn run(self) -> Rehearsed {
        let first = Arc::new(Killer::new(self.script.kill_at));
        let mut computer = operators(0, self.sink());
        let mut attempts = vec![self.attempt(&first, computer.again()).await];
        while attempts.len() < MOST_ATTEMPTS {
            match &attempts[attempts.len() - 1].end {
                End::Killed(_) => {
                    tokio::time::sleep(RESTART).await;
                    computer = self.resumed(computer, attempts.len());
                }
                End::Over(Err(_)) if self.script.mend => {
                    self.director.mend();
                    tokio::time::sleep(REPAIR).await;
                }
                End::Over(_) | End::Stopped(_) => break,
            }
            let again = self.attempt(&Arc::default(), computer.again()).await;
            attempts.push(again);
        }
        Rehearsed {
            attempts,
            events: self.recorder.events(),
            points: first.points(),
            kinds: first.kinds(),
            faults: self.director.account(),
            report: self.world.report(),
            began: epoch(),
        }
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.director) as _
    }

    async fn attempt(&self, killer: &Arc<Killer>, mut operators: Operators) -> Attempt {
        self.director.attend(killer);
        operators.killer = Arc::clone(killer);
        let inputs = self.stage.inputs(&self.world, &self.clock, &operators);
        let (began, events) = (self.clock.now(), self.recorder.events().len());
        let end = tokio::select! {
            biased;
            violation = self.world.violated() => End::Stopped(violation),
            () = killer.cut() => End::Killed(killer.cut_at().unwrap_or_default()),
            outcome = execute::bootstrap(inputs) => End::Over(outcome),
        };
        Attempt {
            began,
            ended: self.clock.now(),
            events,
            end,
        }
    }

    /// Who starts a killed run again, and what they remember.
    fn resumed(&self, before: Operators, attempts: usize) -> Operators {
        match self.script.resume {
            Resume::SameJournal => before,
            Resume::NoJournal => Operators {
                state: Arc::default(),
                ..before
            },
            Resume::OtherComputer => operators(attempts, self.sink()),
        }
    }
}

fn paused() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
}

fn operators(number: usize, sink: Arc<dyn Sink>) -> Operators {
    Operators {
        computer: match number {
            0 => "rehearsal".to_owned(),
            more => format!("rehearsal-{}", more + 1),
        },
        state: Arc::new(MemoryState::default()),
        sink,
        killer: Arc::default(),
    }
}

impl Operators {
    /// The same person and computer, for another run.
    fn again(&self) -> Self {
        Self {
            computer: self.computer.clone(),
            state: Arc::clone(&self.state),
            sink: Arc::clone(&self.sink),
            killer: Arc::default(),
        }
    }
}

impl Rehearsed {
    /// Returns how the last run ended.
    pub fn end(&self) -> Option<&End> {
        self.attempts.last().map(|last| &last.end)
    }

    /// Tells whether everything came up in the end.
    pub fn converged(&self) -> bool {
        matches!(self.end(), Some(End::Over(Ok(_)))) && self.report.violations.is_empty()
    }

    /// Returns why it did not, in words.
    pub fn error(&self) -> Option<String> {
        match (self.end(), self.report.violations.first()) {
            (Some(End::Stopped(violation)), _) | (_, Some(violation)) => {
                Some(violation.to_string())
            }
            (Some(End::Over(Err(error))), None) => Some(error.to_string()),
            (Some(End::Killed(at)), None) => Some(format!("the run was killed at {at}")),
            (Some(End::Over(Ok(_))) | None, None) => None,
        }
    }

    /// Returns where the first run was killed, in words.
    pub fn killed(&self) -> Option<&str> {
        self.attempts.iter().find_map(|attempt| match &attempt.end {
            End::Killed(at) => Some(at.as_str()),
            _ => None,
        })
    }

    /// Returns how many seconds it took in its own time.
    pub fn simulated_seconds(&self) -> u64 {
        let last = self.attempts.last().map_or(self.began, |last| last.ended);
        u64::try_from(last.duration_since(self.began).as_secs()).unwrap_or(0)
    }

    /// Returns what was waited for, longest first.
    pub fn waits(&self) -> Vec<Wait> {
        waits(&self.events)
    }
}
