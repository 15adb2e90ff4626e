//! `homelab diff`.

use camino::Utf8PathBuf;
use serde_json::{Value, json};
use talos_api::resources::{MachineConfig, OsVersion};

use super::Outcome;
use super::nodes::config::find;
use crate::cli::load::load;
use crate::cli::sealed::{check_bundle, open_failure, opener};
use crate::cli::way::{ConnectArgs, block_on, way};
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::model::{Clock as _, SystemClock, Version};
use crate::plan::change::{Change, changes};
use crate::render::reference::{NoSecrets, SecretSource};
use crate::render::talos::documents;
use crate::spec::cluster::Node;
use crate::talos::Met;
use crate::ui::changes::line;
use crate::yaml;

const EXAMPLES: &str = "\
Each line names document and place, what is there, what homelab.yaml would put there, and what
that does: live, restarts a service, reboots, only at install. Secrets are compared and never
shown.

Examples:
  homelab diff talos-1 --live                          against what the machine runs
  homelab diff talos-1 backup/talos-1.yaml             against a configuration in a file
  homelab diff talos-1 --live --output json | jq '.changes[] | select(.effect == \"reboots\")'

Exits with 4 when something differs.";

/// Arguments of `homelab diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// The node's name in homelab.yaml.
    #[arg(value_name = "NODE")]
    node: String,
    /// A machine configuration to compare with.
    #[arg(value_name = "FILE", required_unless_present = "live")]
    file: Option<Utf8PathBuf>,
    /// Compare with what the machine runs.
    #[arg(long, conflicts_with = "file")]
    live: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Compares a node's configuration with another.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: DiffArgs) -> Outcome {
    let (cluster, catalog) = load(context)?;
    check_bundle(context, SystemClock.now())?;
    let node = find(&cluster, &args.node)?;
    let after = documents(&cluster, &catalog, &node.name)
        .map_err(|error| Failure::new(Kind::Spec, error))?;
    let (before, talos) = match &args.file {
        Some(file) => (parse(&fs_err::read_to_string(file)?, file.as_str())?, None),
        None => block_on(live(context, &args.connect, node))?,
    };
    let talos = talos.unwrap_or_else(|| node.version.clone());
    let sources = opener(context).sources(&after);
    let secrets: &dyn SecretSource = match &sources {
        Ok(sources) => sources,
        // A person without the key can still compare the rest.
        Err(error) if args.file.is_some() => {
            context
                .ui
                .warning(&format!("secrets are not compared: {error}"));
            &NoSecrets
        }
        Err(_) => return Err(open_failure(sources.err().ok_or_else(nothing_open)?)),
    };
    let changes = changes(&before, &after, &talos, secrets);
    show(context, node, &changes)?;
    Ok(if changes.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Differs
    })
}

fn nothing_open() -> Failure {
    Failure::message(Kind::Failed, "the secrets bundle does not open")
}

/// Reads what a machine runs, and the release that it runs.
async fn live(
    context: &Context,
    connect: &ConnectArgs,
    node: &Node,
) -> Result<(Vec<Value>, Option<Version>), Failure> {
    let way = way(context, connect)?;
    let unreachable = |what: String| {
        let message = format!("`{}` ({}): {what}", node.name, node.address);
        Failure::message(Kind::Unreachable, message)
    };
    let client = match way.talos.meet(node.address).await {
        Met::Ours(client) => client,
        Met::Maintenance(_) => {
            return Err(
                unreachable("it waits for its first configuration".to_owned())
                    .hint("run `homelab bootstrap`"),
            );
        }
        Met::Foreign(identity) => return Err(unreachable(identity)),
        Met::Silent(reason) => return Err(unreachable(reason)),
    };
    let config = client.singleton::<MachineConfig>().await?;
    let config = config.ok_or_else(|| unreachable("it has no configuration".to_owned()))?;
    let version = client.singleton::<OsVersion>().await?.unwrap_or_default();
    let documents = parse(&config.0, node.name.as_str())?;
    Ok((documents, version.version.parse().ok()))
}

/// The parser's own words may quote a secret.
fn parse(text: &str, from: &str) -> Result<Vec<Value>, Failure> {
    yaml::parse_documents(text).map_err(|_| {
        Failure::message(
            Kind::Failed,
            format!("the configuration of `{from}` is not YAML"),
        )
    })
}

fn show(context: &Context, node: &Node, changes: &[Change]) -> std::io::Result<()> {
    if context.ui.is_json() {
        return context
            .ui
            .json(&json!({"node": node.name, "changes": changes}));
    }
    let text: String = changes
        .iter()
        .flat_map(|change| [line(change), "\n".to_owned()])
        .collect();
    context.ui.result(text.as_bytes())?;
    let strongest = changes.iter().map(|change| change.effect).max();
    context.ui.note(&match (changes.len(), strongest) {
        (_, None) => format!("`{}` is what homelab.yaml renders", node.name),
        (1, Some(effect)) => format!("1 difference: {effect}"),
        (count, Some(effect)) => format!("{count} differences; the strongest effect: {effect}"),
    });
    Ok(())
}
