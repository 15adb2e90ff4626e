//! `homelab nodes discover`.

use ipnet::IpNet;
use serde_json::json;

use crate::cli::commands::Outcome;
use crate::cli::load::{SPEC_FILE, load};
use crate::cli::way::{ConnectArgs, block_on, way};
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::observe;
use crate::plan::propose;
use crate::ui;

const EXAMPLES: &str = "\
Each address is knocked at once on two ports (Talos' API and SSH), a few addresses at a time;
nothing is changed. The output is YAML: what was found as comments, then a `nodes:` block to paste
into homelab.yaml, which names disks by serial number and network cards by hardware address. Check
roles, names and disks before you use it.

Examples:
  homelab nodes discover                     the network of homelab.yaml
  homelab nodes discover 192.168.1.0/24      this network; needs no homelab.yaml
  homelab nodes discover --output json";

/// Arguments of `homelab nodes discover`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DiscoverArgs {
    /// The network to look at: at most 4096 addresses. That of homelab.yaml unless you say otherwise.
    #[arg(value_name = "CIDR")]
    network: Option<IpNet>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Looks for machines.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: DiscoverArgs) -> Outcome {
    let has_spec = context.settings.root.join(SPEC_FILE).exists();
    let cluster = match args.network {
        Some(_) if !has_spec => None,
        _ => Some(load(context)?.0),
    };
    let network = args
        .network
        .or_else(|| cluster.as_ref().map(|it| it.network.nodes));
    let Some(network) = network else {
        return Err(Failure::message(Kind::Usage, "no network to look at"));
    };
    let hosts = observe::hosts(network).ok_or_else(|| {
        let most = observe::MOST_HOSTS;
        let message = format!("{network} has more than {most} addresses");
        Failure::message(Kind::Usage, message).hint("name the part of it that your machines are in")
    })?;
    let way = way(context, &args.connect)?;
    block_on(async {
        let asked = hosts.len();
        context
            .ui
            .note(&format!("asking the {asked} addresses of {network}"));
        let found = observe::discover(hosts, &way.talos, &way.connector).await;
        context.ui.note(&format!("{} answered", found.len()));
        let proposals = propose(&found, cluster.as_ref());
        if context.ui.is_json() {
            context
                .ui
                .json(&json!({"found": found, "nodes": proposals}))?;
        } else {
            let text = ui::machines::discovered(&found, &proposals, way.has_bundle);
            context.ui.result(text.as_bytes())?;
        }
        Ok(ExitStatus::Done)
    })
}
