//! `homelab bootstrap`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValue;

use super::{Outcome, kubeconfig, talosconfig};
use crate::cli::client_file::Written;
use crate::cli::engine;
use crate::cli::run::{self, Progress};
use crate::cli::sealed::{open_failure, opener};
use crate::cli::way::{ConnectArgs, block_on};
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::execute::{self, Commit, Inputs, RunError};
use crate::model::{Clock as _, SystemClock};
use crate::pki::SecretsBundle;
use crate::plan::{Consents, KUBECONFIG, Milestone, Plan, Refusal, Severity, Wipe};
use crate::spec::Cluster;
use crate::store::sealed::KnownCluster;
use crate::ui::progress;

const EXAMPLES: &str = "\
It may be interrupted at any moment and run again: it looks at the machines and goes on from what
stands. It never bootstraps etcd twice, never wipes a disk that holds something without its own
--wipe, and never makes a secret anew. A cluster that runs is not changed by it.

Once the cluster runs, contexts of an administrator for eight hours are put into the files that
talosctl and kubectl read, as `homelab talosconfig` and `homelab kubeconfig` do it.

Examples:
  homelab bootstrap --plan                          show what would be done, and do nothing
  homelab bootstrap                                 bring the machines up
  homelab bootstrap --wipe talos-1=S4EVNX0R100001   all that is on this disk may be lost
  homelab bootstrap --without talos-3               this machine is gone for good
  homelab bootstrap --until kubeconfig              etcd runs; the rest is for later
  homelab bootstrap --connect-map lab/connect-map.json   machines behind tunnels, or served";

/// Arguments of `homelab bootstrap`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct BootstrapArgs {
    /// Show the plan and do nothing.
    #[arg(long)]
    plan: bool,
    /// Go on without being asked; needed where there is no terminal.
    #[arg(long)]
    yes: bool,
    /// Wipe this disk although it holds something; may be repeated.
    #[arg(long, value_name = "NODE=SERIAL")]
    wipe: Vec<Wipe>,
    /// Stop when this stands.
    #[arg(long, value_enum, value_name = "WHAT")]
    until: Option<Milestone>,
    /// Leave this node out; may be repeated.
    #[arg(long, value_name = "NODE")]
    without: Vec<String>,
    /// Take the lease from another operator whose run is stuck.
    #[arg(long)]
    break_lock: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Whether the cluster's contexts go into the files that talosctl and kubectl read once it runs.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    contexts: Contexts,
    /// Wait this long for machines that do not answer at first: they may be installing.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u64,
}

impl clap::ValueEnum for Milestone {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.to_string()))
    }
}

/// Whether the cluster's contexts go into the owner's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Contexts {
    /// Unless it is a rehearsal; each file as it was is kept beside it.
    #[default]
    Auto,
    /// In any case.
    Merge,
    /// The files stay as they are.
    Keep,
}

/// Runs the command.
pub fn run(context: &Context, args: BootstrapArgs) -> Outcome {
    block_on(bootstrap(context, args))
}

async fn bootstrap(context: &Context, args: BootstrapArgs) -> Outcome {
    let progress = Arc::new(Progress::new(progress::sink(&context.ui)));
    let request = engine::Request {
        connect_map: args.connect.connect_map.clone(),
        patience: Duration::from_secs(args.patience),
        sink: progress.clone(),
    };
    let mut inputs = engine::inputs(context, request).await?;
    inputs.consents = consents(&args, &inputs)?;
    inputs.until = args.until;
    if args.plan {
        return show(context, &execute::plan(&inputs).await);
    }
    if !args.yes {
        let plan = execute::plan(&inputs).await;
        if plan.severity().is_none() && !agreed(context, &plan.to_string())? {
            return Err(Failure::message(Kind::Interrupted, "nothing was done"));
        }
    }
    let afterwards = Afterwards {
        cluster: Arc::clone(&inputs.cluster),
        is_rehearsal: inputs.commit == Commit::Served,
        contexts: args.contexts,
        is_mapped: args.connect.connect_map.is_some(),
    };
    tokio::select! {
        biased;
        result = execute::bootstrap(inputs) => match result {
            Ok(outcome) => afterwards.report(context, &outcome),
            Err(error) => failed(context, error),
        },
        signal = run::interrupted() => Err(run::interruption(&progress, signal)),
    }
}

fn consents(args: &BootstrapArgs, inputs: &Inputs) -> Result<Consents, Failure> {
    let mut consents = Consents {
        break_lock: args.break_lock,
        without: engine::known_nodes(&inputs.cluster, &args.without)?,
        ..Consents::default()
    };
    for wipe in &args.wipe {
        engine::known_node(&inputs.cluster, wipe.node.as_str())?;
        consents.allow_wipe(wipe.clone());
    }
    Ok(consents)
}

fn show(context: &Context, plan: &Plan) -> Outcome {
    if context.ui.is_json() {
        context.ui.json(plan)?;
    } else {
        context.ui.text(&plan.to_string())?;
    }
    match plan.severity() {
        None => Ok(ExitStatus::Done),
        Some(severity) => refused(severity, "the plan was refused", &[]),
    }
}

/// Shows what would be done and asks whether it should; fails where nobody is there to be asked.
pub fn agreed(context: &Context, plan: &str) -> Result<bool, Failure> {
    context.ui.page(plan);
    if !run::is_interactive() {
        return Err(
            Failure::message(Kind::Usage, "nobody is there to be asked; nothing was done")
                .hint("pass `--yes` to go on without being asked"),
        );
    }
    eprint_question()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

fn eprint_question() -> std::io::Result<()> {
    let mut stderr = anstream::stderr();
    write!(stderr, "go on? [y/N] ")?;
    stderr.flush()
}

/// How a run ends that did not do all it had to do.
pub fn failed(context: &Context, error: RunError) -> Outcome {
    match error {
        RunError::Refused { ref refusals, .. } => {
            let (message, hints) = worded(refusals);
            let severity = error.severity().unwrap_or(Severity::Refused);
            if severity == Severity::Differs {
                context.ui.failure(&message, &hints);
                return Ok(ExitStatus::Differs);
            }
            refused(severity, &message, &hints)
        }
        RunError::Locked => Err(Failure::new(Kind::Refused, error)
            .hint("wait until it is done; its lock goes with it, however it ends")),
        RunError::Step { ref diagnosis, .. } => {
            let [cause, command] = diagnosis.lines();
            Err(Failure::new(Kind::Failed, error)
                .hint(cause)
                .hint(command)
                .hint("run the same command again when it is mended: it goes on from what stands"))
        }
        RunError::State(_) => Err(Failure::new(Kind::Failed, error)),
    }
}

/// One refusal is a message with its hint; several stand below each other, each with its remedy.
fn worded(refusals: &[Refusal]) -> (String, Vec<String>) {
    match refusals {
        [only] => (only.message.clone(), vec![only.remedy.clone()]),
        several => {
            let items = several
                .iter()
                .map(|refusal| format!("\n  - {}\n    {}", refusal.message, refusal.remedy));
            let items: String = items.collect();
            let number = several.len();
            (
                format!("nothing was done: {number} things stand in the way{items}"),
                Vec::new(),
            )
        }
    }
}

fn refused(severity: Severity, message: &str, hints: &[String]) -> Outcome {
    let kind = match severity {
        Severity::Differs => return Ok(ExitStatus::Differs),
        Severity::Unreachable => Kind::Unreachable,
        Severity::Refused => Kind::Refused,
    };
    let failure = Failure::message(kind, message);
    Err(hints.iter().cloned().fold(failure, Failure::hint))
}

/// What is done for the owner once the cluster runs.
struct Afterwards {
    cluster: Arc<Cluster>,
    is_rehearsal: bool,
    contexts: Contexts,
    is_mapped: bool,
}

impl Afterwards {
    fn report(&self, context: &Context, outcome: &execute::Outcome) -> Outcome {
        let written = self.keep(context, outcome.until)?;
        if context.ui.is_json() {
            let mut document = serde_json::to_value(outcome)?;
            document["contexts"] = serde_json::to_value(&written)?;
            context.ui.json(&document)?;
            return Ok(ExitStatus::Done);
        }
        let text = match outcome.until {
            Some(milestone) => format!(
                "Stopped as asked: {milestone}.\n\
                 Run `homelab bootstrap` to go on: it looks at the machines and goes on from what stands.\n"
            ),
            None => self.text(context, outcome),
        };
        context.ui.result(text.as_bytes())?;
        for written in written {
            written.say(context);
        }
        Ok(ExitStatus::Done)
    }

    /// Notes which cluster this is once it has an etcd, and takes contexts into the owner's files. A
    /// rehearsal needs the bundle for neither, unless it is told to.
    fn keep(&self, context: &Context, until: Option<Milestone>) -> Result<Vec<Written>, Failure> {
        let merges = match self.contexts {
            // Nobody is led to a cluster that is not there yet.
            Contexts::Auto => !self.is_rehearsal && until.is_none(),
            Contexts::Merge => true,
            Contexts::Keep => false,
        };
        let notes = !self.is_rehearsal && until.is_none_or(|stood| stood >= Milestone::Etcd);
        if !notes && !merges {
            return Ok(Vec::new());
        }
        let now = SystemClock.now();
        let bundle = opener(context).bundle(now).map_err(open_failure)?.bundle;
        if notes {
            KnownCluster::of(&bundle).write(&context.settings.root)?;
        }
        Ok(if merges {
            self.merge(context, &bundle)
        } else {
            Vec::new()
        })
    }

    /// The cluster runs, whatever becomes of the files.
    fn merge(&self, context: &Context, bundle: &SecretsBundle) -> Vec<Written> {
        let puts = [talosconfig::put, kubeconfig::put];
        puts.into_iter()
            .filter_map(|put| match put(&self.cluster, bundle) {
                Ok(written) => Some(written),
                Err(failure) => {
                    let hints = failure.hints.join("; ");
                    context
                        .ui
                        .warning(&format!("a context was not kept: {failure}; {hints}"));
                    None
                }
            })
            .collect()
    }

    fn text(&self, context: &Context, outcome: &execute::Outcome) -> String {
        let revision = outcome.revision.as_deref().unwrap_or("the latest commit");
        let path = context.settings.root.join(KUBECONFIG);
        let kubeconfig = path.strip_prefix(".").unwrap_or(&path);
        let access = if self.is_mapped {
            "kubectl knows nothing of the connection map: it reaches the API only where this address leads there."
                .to_owned()
        } else {
            format!("\n  kubectl --kubeconfig {kubeconfig} get nodes\n")
        };
        format!(
            "Git has taken over: {revision} is applied and everything in it is ready.\n\
             The Kubernetes API is at {}; its credentials are in {kubeconfig}.\n\
             {access}\n\
             From here on change homelab.yaml, run `homelab render`, commit and push.\n",
            outcome.endpoint
        )
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use sops_rs::Environment;

    use super::*;
    use crate::catalog::Catalog;
    use crate::cli::{ColorChoice, OutputFormat, Settings};
    use crate::pki::SeededEntropy;
    use crate::spec;
    use crate::store::sealed::Setup;

    #[test]
    fn a_bootstrapped_cluster_is_noted_and_a_rehearsed_one_is_not() {
        let guard = tempfile::tempdir().expect("a temporary directory");
        let root = Utf8PathBuf::from_path_buf(guard.path().to_owned()).expect("UTF-8");
        let catalog = Catalog::embedded().expect("it is well formed");
        let text = include_str!("../../../homelab.yaml");
        let cluster = spec::load("homelab.yaml", text, &catalog).cluster;
        let cluster = Arc::new(cluster.expect("it is valid"));
        let setup = Setup {
            root: &root,
            cluster: &cluster,
            catalog: &catalog,
            environment: Environment::default(),
            now: SystemClock.now(),
            entropy: &mut SeededEntropy::new(1),
            ask: &mut |_| None,
            bundle: Some(SecretsBundle::throwaway()),
            host_keys: &|_| None,
        };
        setup.run().expect("it is made");
        let context = Context::new(Settings {
            root: root.clone(),
            output: OutputFormat::Text,
            color: ColorChoice::Never,
        });
        let keep = |is_rehearsal, until| {
            let afterwards = Afterwards {
                cluster: Arc::clone(&cluster),
                is_rehearsal,
                contexts: Contexts::Keep,
                is_mapped: false,
            };
            afterwards
                .keep(&context, until)
                .map_err(|failure| failure.to_string())
        };
        let noted = || KnownCluster::read(&root).expect("it can be read");
        for (is_rehearsal, until) in [(true, None), (false, Some(Milestone::Machines))] {
            let written = keep(is_rehearsal, until);
            assert_eq!(written.map(|written| written.len()), Ok(0));
            assert_eq!(noted(), None);
        }
        let written = keep(false, Some(Milestone::Etcd));
        assert_eq!(written.map(|written| written.len()), Ok(0));
        let own = KnownCluster::of(&SecretsBundle::throwaway());
        assert_eq!(noted(), Some(own));
    }
}
