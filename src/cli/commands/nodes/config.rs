//! `homelab nodes config`.

use std::io::IsTerminal as _;

use serde_json::Value;

use crate::cli::commands::Outcome;
use crate::cli::load::load;
use crate::cli::sealed::{check_bundle, open_failure, opener};
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::model::{Clock as _, SystemClock};
use crate::render::reference::{redact, resolve};
use crate::render::talos::documents;
use crate::spec::Cluster;
use crate::spec::cluster::Node;
use crate::yaml;

const EXAMPLES: &str = "\
Examples:
  homelab nodes config talos-1 --redact           look at the whole, secrets hidden
  homelab nodes config talos-1 | talosctl validate --mode metal --config /dev/stdin";

/// Arguments of `homelab nodes config`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ConfigArgs {
    /// The node's name in homelab.yaml.
    #[arg(value_name = "NODE")]
    node: String,
    /// Hide every secret; needs no key.
    #[arg(long, conflicts_with = "show_secrets")]
    redact: bool,
    /// Print secrets even to a terminal.
    #[arg(long)]
    show_secrets: bool,
}

/// Prints a node's whole configuration.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: ConfigArgs) -> Outcome {
    let (cluster, catalog) = load(context)?;
    let node = find(&cluster, &args.node)?;
    let documents = documents(&cluster, &catalog, &node.name)
        .map_err(|error| Failure::new(Kind::Spec, error))?;
    let documents = if args.redact {
        redact(&documents).map_err(|error| Failure::new(Kind::Spec, error))?
    } else {
        refuse_terminal(
            args.show_secrets,
            "the configuration holds the cluster's keys",
        )?;
        check_bundle(context, SystemClock.now())?;
        let sources = opener(context).sources(&documents).map_err(open_failure)?;
        resolve(&documents, &sources)?
    };
    print(context, &documents)?;
    Ok(ExitStatus::Done)
}

/// Finds a node by its name.
pub fn find<'a>(cluster: &'a Cluster, name: &str) -> Result<&'a Node, Failure> {
    cluster.node(name).ok_or_else(|| {
        let names: Vec<_> = cluster
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        Failure::message(Kind::Usage, format!("homelab.yaml has no node `{name}`"))
            .hint(format!("its nodes are {}", names.join(", ")))
    })
}

/// A terminal keeps what was printed, and somebody may look over a shoulder.
pub fn refuse_terminal(shows_secrets: bool, what: &str) -> Result<(), Failure> {
    if shows_secrets || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    let message = format!("{what}, and standard output is a terminal");
    Err(Failure::message(Kind::Refused, message)
        .hint("write it to a file, or add `--show-secrets` to print it all the same"))
}

fn print(context: &Context, documents: &[Value]) -> std::io::Result<()> {
    if context.ui.is_json() {
        context.ui.json(&documents)
    } else {
        context
            .ui
            .result(yaml::emit_documents(documents).as_bytes())
    }
}
