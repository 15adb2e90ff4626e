//! `homelab talosconfig`.

use jiff::Timestamp;

use super::Outcome;
use crate::cli::client_file::{
    ClientFileArgs, NewContext, Written, finish, not_issued, usual_place,
};
use crate::cli::lifetime::Lifetime;
use crate::cli::load::load;
use crate::cli::sealed::{bundle, opener};
use crate::cli::{Context, ExitStatus, Failure};
use crate::model::{Clock as _, SystemClock};
use crate::pki::contexts::{TalosContext, talos_certificate};
use crate::pki::{ClientIdentity, SecretsBundle, SystemEntropy, TalosRole, talos_ends};
use crate::spec::Cluster;

const EXAMPLES: &str = "\
The certificate is made from the secrets bundle, here and now; no machine is asked. Without --file
the context goes into the file that talosctl reads: $TALOSCONFIG, or .talos/config in the home
directory. What else is in that file stays, and the file as it was is kept with `.bak` behind its
name.

Examples:
  homelab talosconfig                                  an administrator for eight hours
  homelab talosconfig --role reader --ttl 30m          somebody who only looks
  homelab talosconfig --file - | talosctl --talosconfig /dev/stdin -n 192.168.1.101 version
  homelab talosconfig --check                          until when does it hold?";

/// Arguments of `homelab talosconfig`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TalosconfigArgs {
    /// What the context may do.
    #[arg(long, value_enum, default_value_t = Role::Admin)]
    role: Role,
    /// How long it holds: minutes, hours or days, such as `30m`.
    #[arg(long, value_name = "TIME", default_value_t = Lifetime::USUAL)]
    ttl: Lifetime,
    /// A node that calls are about unless told otherwise; may be repeated.
    #[arg(long, value_name = "NODE")]
    node: Vec<String>,
    #[command(flatten)]
    target: ClientFileArgs,
}

/// What a context may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything.
    Admin,
    /// Read, reboot, control services, take etcd snapshots.
    Operator,
    /// Read what holds no secret.
    Reader,
    /// Take etcd snapshots.
    EtcdBackup,
}

impl From<Role> for TalosRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Operator => Self::Operator,
            Role::Reader => Self::Reader,
            Role::EtcdBackup => Self::EtcdBackup,
        }
    }
}

/// Makes the context and puts it where it belongs.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: TalosconfigArgs) -> Outcome {
    let (cluster, _) = load(context)?;
    let name = args.target.context.as_deref();
    let name = name.unwrap_or(cluster.name.as_str());
    let usual = usual_place("TALOSCONFIG", ".talos/config");
    if args.target.check {
        let file = args.target.open(usual)?;
        let certificate = talos_certificate(&file.content, name);
        return file.report(
            context,
            name,
            certificate,
            talos_ends,
            "homelab talosconfig",
        );
    }
    let nodes = addresses(&cluster, &args.node)?;
    let now = SystemClock.now();
    let bundle = bundle(context, &opener(context), now)?;
    let client = client(&bundle, args.role, args.ttl, now)?;
    with(&cluster, &nodes, &client, &args.target, |new| {
        if !args.target.print(context, new)? {
            finish(context, &args.target.put(usual, new)?)?;
        }
        Ok(ExitStatus::Done)
    })
}

/// Puts an administrator's context into the file that `talosctl` reads.
pub fn put(cluster: &Cluster, bundle: &SecretsBundle) -> Result<Written, Failure> {
    let client = client(bundle, Role::Admin, Lifetime::USUAL, SystemClock.now())?;
    let target = ClientFileArgs::default();
    with(cluster, &[], &client, &target, |new| {
        target.put(usual_place("TALOSCONFIG", ".talos/config"), new)
    })
}

fn client(
    bundle: &SecretsBundle,
    role: Role,
    ttl: Lifetime,
    now: Timestamp,
) -> Result<ClientIdentity, Failure> {
    let authority = bundle.talos_authority().map_err(not_issued)?;
    let lifetime = ttl.within(&authority.certificate, now);
    bundle
        .talos_client(role.into(), lifetime, now, &mut SystemEntropy)
        .map_err(not_issued)
}

/// Works with the context of a client, named as it was asked for.
fn with<T>(
    cluster: &Cluster,
    nodes: &[String],
    client: &ClientIdentity,
    target: &ClientFileArgs,
    work: impl FnOnce(&NewContext<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let control_planes = cluster.control_planes().into_iter();
    let endpoints: Vec<_> = control_planes
        .map(|node| node.address.to_string())
        .collect();
    let ours = TalosContext {
        name: target.context.as_deref().unwrap_or(cluster.name.as_str()),
        endpoints: &endpoints,
        nodes,
        client,
    };
    work(&NewContext {
        name: ours.name,
        certificate: &client.certificate,
        merge: &|content, current| ours.merge_into(content, current),
        ends: talos_ends,
    })
}

/// Returns the addresses of named nodes.
fn addresses(cluster: &Cluster, names: &[String]) -> Result<Vec<String>, Failure> {
    names
        .iter()
        .map(|name| super::nodes::config::find(cluster, name))
        .map(|node| Ok(node?.address.to_string()))
        .collect()
}
