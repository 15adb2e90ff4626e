//! `homelab rehearse`.

use std::fmt::Write as _;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum as _;
use indexmap::IndexSet;
use serde_json::{Value, json};

use super::Outcome;
use crate::catalog::Catalog;
use crate::cli::{Context, ExitStatus, Failure, Kind, load};
use crate::execute::{RunError, Silent};
use crate::plan::{Refusal, Severity};
use crate::rehearse::{
    self, Attempt, End, Fault, FaultAt, Need, Rehearsed, Resume, Script, ServeOptions, Stage,
    Story, is_step,
};
use crate::spec::Cluster;
use crate::{render, store, ui};

/// Arguments of `homelab rehearse`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  homelab rehearse                            watch your cluster come up, on simulated machines
  homelab rehearse --html rehearsal.html      the same as a page to look at and to share
  homelab rehearse --fault node-never-returns see what happens when a machine breaks
  homelab rehearse --fault lost-reply@install --fault api-flapping@vip
                                              two faults, each at a step of your choice
  homelab rehearse --faults random --seed 7   faults of the seed's choice, mended where need be
  homelab rehearse --kill-at 100              kill the run at its 100th point, then run it again
  homelab rehearse --check                    for continuous integration: silent unless it fails
  homelab rehearse --serve /tmp/w             serve the machines, here to the real bootstrap:
                                              homelab bootstrap --connect-map \\
                                                /tmp/w/connect-map.json

No key is needed and nothing outside this computer is touched. The same seed gives the same story.")]
pub struct RehearseArgs {
    /// Choose how long everything takes in the simulated world.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Let this go wrong, at the beginning of a step (`install/talos-2`, or `install` for the first
    /// of them) or when it hurts most; may be repeated.
    #[arg(long, value_name = "NAME[@STEP]", help = fault_help())]
    fault: Vec<FaultAt>,
    /// Let the seed choose one to three faults and their steps, and mend what does not pass.
    #[arg(long, value_enum, value_name = "WHICH", conflicts_with_all = ["fault", "kill_at", "resume"])]
    faults: Option<Faults>,
    /// Kill the run at this point, counted from 1, and run it again. Requests sent, changes made
    /// whose replies are lost, replies received and journal lines written are points.
    #[arg(long, value_name = "POINT", value_parser = clap::value_parser!(u64).range(1..))]
    kill_at: Option<u64>,
    /// Choose how a killed run is started again.
    #[arg(long, value_enum, value_name = "HOW", default_value = "same-journal")]
    resume: Resume,
    /// When a run fails, put right what was broken and run once more.
    #[arg(long)]
    mend: bool,
    /// Only look at the machines and plan: what the spec alone decides, in a moment at any size.
    #[arg(long, conflicts_with_all = ["fault", "faults", "kill_at", "mend", "html", "serve"])]
    spec_only: bool,
    /// Print nothing when all is well; a failure is an error, what to do about it, and the exit code.
    #[arg(long, conflicts_with = "serve")]
    check: bool,
    /// Write the rehearsal as one self-contained page.
    #[arg(long, value_name = "FILE")]
    html: Option<Utf8PathBuf>,
    /// Write the rehearsal as one picture.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["spec_only", "serve"])]
    svg: Option<Utf8PathBuf>,
    /// Only serve the simulated machines, on loopback, and keep a connection map and a report in
    /// this directory until stopped.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["fault", "faults", "kill_at", "mend", "html"])]
    serve: Option<Utf8PathBuf>,
    /// How many times as fast as outside time passes in a served world.
    #[arg(long, value_name = "N", default_value_t = 60, requires = "serve",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    speed: u32,
}

/// Who chooses the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Faults {
    /// The seed.
    Random,
}

/// The option's text with every fault's name.
fn fault_help() -> String {
    let mut text =
        "Let this go wrong, at the beginning of a step (`install/talos-2`, or `install` \
                    for the first of them) or when it hurts most; may be repeated:"
            .to_owned();
    for fault in Fault::value_variants() {
        // Writing to a string does not fail.
        let _ = write!(text, "\n- {}: {}", fault.name(), fault.sentence());
    }
    text
}

impl RehearseArgs {
    fn script(&self) -> Script {
        if self.faults.is_some() {
            return Script::random(self.seed);
        }
        Script {
            seed: self.seed,
            faults: self.fault.clone(),
            kill_at: self.kill_at,
            resume: self.resume,
            mend: self.mend,
            ..Script::default()
        }
    }
}

/// Runs the command.
pub fn run(context: &Context, args: RehearseArgs) -> Outcome {
    let (cluster, catalog) = load::load(context)?;
    let cluster = Arc::new(cluster);
    let stage = Stage::new(Arc::clone(&cluster), &catalog)
        .map_err(|error| Failure::new(Kind::Spec, error))?;
    if let Some(directory) = args.serve {
        let options = ServeOptions {
            directory,
            speed: args.speed,
            seed: args.seed,
        };
        return serve(context, &stage, &options);
    }
    if args.spec_only {
        return plan_only(context, &stage, &args);
    }
    let script = args.script();
    check_steps(&stage, &script)?;
    let sink = if args.check {
        Arc::new(Silent) as _
    } else {
        ui::progress::sink(&context.ui)
    };
    let rehearsed = stage.bootstrap(&script, sink)?;
    let needs = needs(&context.settings.root, &cluster, &catalog);
    let story = Story::new(&cluster, &script, &rehearsed);
    for (file, page) in [
        (&args.html, ui::rehearsal::html as fn(&Story) -> String),
        (&args.svg, ui::rehearsal::svg),
    ] {
        if let Some(file) = file {
            fs_err::write(file, page(&story))?;
            context.ui.note(&format!("wrote {file}"));
        }
    }
    if context.ui.is_json() {
        context
            .ui
            .json(&document(&cluster, &script, &rehearsed, &needs))?;
    } else if !args.check {
        let text = ui::rehearsal::text(&story, &rehearsed, &needs);
        context.ui.result(text.as_bytes())?;
    }
    if let (Some(point), None) = (script.kill_at, rehearsed.killed()) {
        context.ui.warning(&format!(
            "nothing was killed: the run has {} points, and {point} lies after the last",
            rehearsed.points
        ));
    }
    end(context, &script, rehearsed, args.check)
}

/// Refuses a fault at a step that no plan has: it would never strike, and nobody would notice.
fn check_steps(stage: &Stage, script: &Script) -> Result<(), Failure> {
    let named = || script.faults.iter().filter_map(|fault| fault.named_step());
    if named().next().is_none() {
        return Ok(());
    }
    let plan = stage.plan(script.seed)?;
    let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    let is_there = |name: &str| steps.iter().any(|step| is_step(step, name));
    match named().find(|name| !is_there(name)) {
        None => Ok(()),
        Some(name) => Err(
            Failure::message(Kind::Usage, format!("no step is called `{name}`"))
                .hint(format!("the steps are {}", steps.join(", "))),
        ),
    }
}

/// Shows what a bootstrap would do with fresh machines.
fn plan_only(context: &Context, stage: &Stage, args: &RehearseArgs) -> Outcome {
    let plan = stage.plan(args.seed)?;
    if context.ui.is_json() {
        context.ui.json(&plan)?;
    } else if !args.check {
        context.ui.result(plan.to_string().as_bytes())?;
    }
    match plan.severity() {
        None => Ok(ExitStatus::Done),
        Some(severity) => {
            let messages: Vec<_> = plan.refusals.iter().map(|it| it.message.as_str()).collect();
            let failure = Failure::message(kind_of(severity), messages.join("; "));
            // Where the plan is shown it names them.
            let shown = !args.check || context.ui.is_json();
            let hints = (!shown).then(|| remedies_of(&plan.refusals));
            Err(hints.into_iter().flatten().fold(failure, Failure::hint))
        }
    }
}

fn serve(context: &Context, stage: &Stage, options: &ServeOptions) -> Outcome {
    let speed = options.speed;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ready = |map: &Utf8Path| {
        context.ui.note(&format!(
            "simulated machines are waiting, {speed} times as fast as real ones; drive them with\n  \
             homelab bootstrap --connect-map {map}\nThe Git remote serves the working tree. Ctrl-C ends the world."
        ));
    };
    runtime.block_on(rehearse::serve(stage, options, ready))?;
    Ok(ExitStatus::Done)
}

/// Looks at the repository for what a real run would need. Nothing here can fail the rehearsal.
fn needs(root: &Utf8Path, cluster: &Cluster, catalog: &Catalog) -> Vec<Need> {
    let rendered = render::render(cluster, catalog);
    let comparison = rendered
        .ok()
        .and_then(|tree| store::compare(root, &tree).ok());
    let stale: Vec<Utf8PathBuf> = comparison
        .into_iter()
        .flat_map(|comparison| comparison.changes.into_keys())
        .collect();
    rehearse::needs(cluster, catalog, &|file| root.join(file).exists(), &stale)
}

fn document(cluster: &Cluster, script: &Script, rehearsed: &Rehearsed, needs: &[Need]) -> Value {
    let attempts: Vec<Value> = rehearsed
        .attempts
        .iter()
        .map(|attempt| {
            let (end, error) = match &attempt.end {
                End::Over(Ok(_)) => ("done", None),
                End::Over(Err(error)) => ("failed", Some(error.to_string())),
                End::Killed(at) => ("killed", Some(at.clone())),
                End::Stopped(violation) => ("stopped", Some(violation.to_string())),
            };
            json!({"began": attempt.began, "ended": attempt.ended, "end": end, "because": error})
        })
        .collect();
    json!({
        "cluster": cluster.name,
        "seed": script.seed,
        "replay": script.to_string(),
        "converged": rehearsed.converged(),
        "error": rehearsed.error(),
        "simulatedSeconds": rehearsed.simulated_seconds(),
        "attempts": attempts,
        "killed": rehearsed.killed(),
        "points": rehearsed.points,
        "distinctPoints": rehearsed.kinds.len(),
        "faults": rehearsed.faults,
        "timeline": rehearsed.events,
        "waits": rehearsed.waits(),
        "world": rehearsed.report,
        "needs": needs,
    })
}

fn end(context: &Context, script: &Script, rehearsed: Rehearsed, check: bool) -> Outcome {
    if rehearsed.converged() {
        if rehearsed.killed().is_some() && !check {
            context
                .ui
                .note("The run was killed and converged when it was run again.");
        }
        return Ok(ExitStatus::Done);
    }
    let message = rehearsed.error().unwrap_or_default();
    let again = format!("see it again with `{}`", replay(context, script));
    let Some(Attempt {
        end: End::Over(Err(error)),
        ..
    }) = rehearsed.attempts.into_iter().next_back()
    else {
        return Err(Failure::new(Kind::Failed, anyhow::anyhow!(message)).hint(again));
    };
    let kind = error.severity().map_or(Kind::Failed, kind_of);
    let remedies = remedies(&error);
    let failure = Failure::new(kind, error);
    let failure = remedies.into_iter().fold(failure, Failure::hint);
    Err(if check { failure.hint(again) } else { failure })
}

/// The command that shows this again from where the user is.
fn replay(context: &Context, script: &Script) -> String {
    let (command, root) = (script.to_string(), &context.settings.root);
    if root == "." {
        return command;
    }
    let root = shlex::try_quote(root.as_str()).unwrap_or(root.as_str().into());
    command.replacen("homelab", &format!("homelab -C {root}"), 1)
}

fn kind_of(severity: Severity) -> Kind {
    match severity {
        Severity::Refused => Kind::Refused,
        Severity::Unreachable => Kind::Unreachable,
        Severity::Differs => Kind::Failed,
    }
}

fn remedies(error: &RunError) -> Vec<String> {
    match error {
        RunError::Step { diagnosis, .. } => diagnosis.lines().into(),
        RunError::Refused { refusals, .. } => remedies_of(refusals),
        _ => Vec::new(),
    }
}

/// What several refusals have in common is said once.
fn remedies_of(refusals: &[Refusal]) -> Vec<String> {
    let remedies: IndexSet<_> = refusals.iter().map(|it| it.remedy.clone()).collect();
    remedies.into_iter().collect()
}
