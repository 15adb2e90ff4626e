//! `homelab rehearse`.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::Outcome;
use crate::catalog::Catalog;
use crate::cli::{Context, ExitStatus, Failure, Kind, load};
use crate::execute::RunError;
use crate::plan::Severity;
use crate::rehearse::{self, Fault, Need, Rehearsed, Script, ServeOptions, Stage};
use crate::spec::Cluster;
use crate::{render, store, ui};

/// Arguments of `homelab rehearse`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  homelab rehearse                            watch your cluster come up, on simulated machines
  homelab rehearse --fault node-never-returns see what happens when a machine breaks
  homelab rehearse --kill-at 100              kill the run at its 100th point, then run it again
  homelab rehearse --serve /tmp/world         serve the machines to the real `homelab bootstrap`:
                                              homelab bootstrap --connect-map /tmp/world/connect-map.json

No key is needed and nothing outside this computer is touched. The same seed gives the same story.")]
pub struct RehearseArgs {
    /// Choose how long everything takes in the simulated world.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Let this go wrong; may be repeated.
    #[arg(long, value_enum, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Kill the run at this point, counted from 1, and run it again. Requests sent, replies
    /// received and journal lines written are points.
    #[arg(long, value_name = "POINT", value_parser = clap::value_parser!(u64).range(1..))]
    kill_at: Option<u64>,
    /// Only serve the simulated machines, on loopback, and keep a connection map and a report in
    /// this directory until stopped.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["fault", "kill_at"])]
    serve: Option<Utf8PathBuf>,
    /// How many times as fast as outside time passes in a served world.
    #[arg(long, value_name = "N", default_value_t = 60, requires = "serve",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    speed: u32,
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
    let script = Script {
        seed: args.seed,
        faults: args.fault,
        kill_at: args.kill_at,
    };
    let rehearsed = stage.bootstrap(&script, ui::progress::sink(&context.ui))?;
    let needs = needs(&context.settings.root, &cluster, &catalog);
    if context.ui.is_json() {
        context
            .ui
            .json(&document(&cluster, &script, &rehearsed, &needs))?;
    } else {
        let text = ui::rehearsal::text(cluster.name.as_str(), args.seed, &rehearsed, &needs);
        context.ui.result(text.as_bytes())?;
    }
    if let (Some(point), None) = (script.kill_at, &rehearsed.killed) {
        context.ui.warning(&format!(
            "nothing was killed: the run has {} points, and {point} lies after the last",
            rehearsed.points
        ));
    }
    end(context, rehearsed)
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
    let error = rehearsed.outcome.as_ref().err().map(ToString::to_string);
    let faults: Vec<Value> = rehearsed
        .faults
        .iter()
        .map(|(fault, node)| json!({"fault": fault, "node": node}))
        .collect();
    json!({
        "cluster": cluster.name,
        "seed": script.seed,
        "converged": rehearsed.outcome.is_ok(),
        "error": error,
        "simulatedSeconds": ui::rehearsal::simulated_seconds(rehearsed),
        "killed": rehearsed.killed,
        "points": rehearsed.points,
        "distinctPoints": rehearsed.distinct_points,
        "faults": faults,
        "timeline": rehearsed.events,
        "waits": rehearsed.waits(),
        "world": rehearsed.report,
        "needs": needs,
    })
}

fn end(context: &Context, rehearsed: Rehearsed) -> Outcome {
    let Err(error) = rehearsed.outcome else {
        if rehearsed.killed.is_some() {
            context
                .ui
                .note("The run was killed and converged when it was run again.");
        }
        return Ok(ExitStatus::Done);
    };
    let kind = match error.severity() {
        Some(Severity::Refused) => Kind::Refused,
        Some(Severity::Unreachable) => Kind::Unreachable,
        _ => Kind::Failed,
    };
    let remedies = match &error {
        RunError::Step {
            diagnosis: Some(diagnosis),
            ..
        } => vec![
            format!("likely cause: {}", diagnosis.cause),
            format!("try: {}", diagnosis.command),
        ],
        RunError::Refused { refusals, .. } => refusals
            .iter()
            .map(|refusal| refusal.remedy.clone())
            .collect(),
        _ => Vec::new(),
    };
    let failure = Failure::new(kind, error);
    Err(remedies.into_iter().fold(failure, Failure::hint))
}
