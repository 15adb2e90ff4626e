//! `homelab kubeconfig`.

use jiff::Timestamp;

use super::Outcome;
use super::nodes::config::find;
use crate::cli::client_file::{
    ClientFileArgs, NewContext, Written, finish, not_issued, usual_place,
};
use crate::cli::lifetime::Lifetime;
use crate::cli::load::load;
use crate::cli::sealed::{bundle, opener};
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::connect::Target;
use crate::model::{Clock as _, SystemClock};
use crate::pki::contexts::{KubeContext, kube_certificate};
use crate::pki::{ClientIdentity, SecretsBundle, SystemEntropy, kube_ends};
use crate::spec::Cluster;
use crate::spec::cluster::Role;

/// Where a control plane itself serves the Kubernetes API.
const API_PORT: u16 = 6443;

const EXAMPLES: &str = "\
The certificate is made from the secrets bundle, here and now; neither a machine nor the
Kubernetes API is asked. Without --file the context goes into the file that kubectl reads: the
first of $KUBECONFIG, or .kube/config in the home directory. What else is in that file stays, and
the file as it was is kept with `.bak` behind its name.

Examples:
  homelab kubeconfig                                   an administrator for eight hours
  homelab kubeconfig --ttl 7d --context lab
  homelab kubeconfig --node talos-1                    past the virtual IP, while that is silent
  homelab kubeconfig --file - > kubeconfig             a file of its own
  homelab kubeconfig --check                           until when does it hold?";

/// Arguments of `homelab kubeconfig`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct KubeconfigArgs {
    /// How long it holds: minutes, hours or days, such as `30m`.
    #[arg(long, value_name = "TIME", default_value_t = Lifetime::USUAL)]
    ttl: Lifetime,
    /// Reach the API at this control plane instead of the cluster's endpoint.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    #[command(flatten)]
    target: ClientFileArgs,
}

/// Makes the context and puts it where it belongs.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: KubeconfigArgs) -> Outcome {
    let (cluster, _) = load(context)?;
    let usual_name = usual_name(&cluster);
    let name = args.target.context.as_deref().unwrap_or(&usual_name);
    let usual = usual_place("KUBECONFIG", ".kube/config");
    if args.target.check {
        let file = args.target.open(usual)?;
        let certificate = kube_certificate(&file.content, name);
        return file.report(context, name, certificate, kube_ends, "homelab kubeconfig");
    }
    let server = server(&cluster, args.node.as_deref())?;
    let now = SystemClock.now();
    let bundle = bundle(context, &opener(context), now)?;
    let client = administrator(&bundle, args.ttl, now)?;
    with(&cluster, &server, &client, &args.target, |new| {
        if !args.target.print(context, new)? {
            finish(context, &args.target.put(usual, new)?)?;
        }
        Ok(ExitStatus::Done)
    })
}

/// Puts an administrator's context into the file that `kubectl` reads.
pub fn put(cluster: &Cluster, bundle: &SecretsBundle) -> Result<Written, Failure> {
    let client = administrator(bundle, Lifetime::USUAL, SystemClock.now())?;
    let target = ClientFileArgs::default();
    with(cluster, &server(cluster, None)?, &client, &target, |new| {
        target.put(usual_place("KUBECONFIG", ".kube/config"), new)
    })
}

fn administrator(
    bundle: &SecretsBundle,
    ttl: Lifetime,
    now: Timestamp,
) -> Result<ClientIdentity, Failure> {
    let authority = bundle.kubernetes_authority().map_err(not_issued)?;
    let lifetime = ttl.within(&authority.certificate, now);
    bundle
        .kubernetes_admin(lifetime, now, &mut SystemEntropy)
        .map_err(not_issued)
}

/// Works with the context of a client, named as it was asked for.
fn with<T>(
    cluster: &Cluster,
    server: &str,
    client: &ClientIdentity,
    target: &ClientFileArgs,
    work: impl FnOnce(&NewContext<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let usual_name = usual_name(cluster);
    let entry = target.context.as_deref();
    let ours = KubeContext {
        name: entry.unwrap_or(&usual_name),
        cluster: entry.unwrap_or(cluster.name.as_str()),
        server,
        client,
    };
    work(&NewContext {
        name: ours.name,
        certificate: &client.certificate,
        merge: &|content, current| ours.merge_into(content, current),
        ends: kube_ends,
    })
}

fn usual_name(cluster: &Cluster) -> String {
    format!("admin@{}", cluster.name)
}

/// Returns the URL of the API: the cluster's endpoint, or a control plane's own.
fn server(cluster: &Cluster, node: Option<&str>) -> Result<String, Failure> {
    let endpoint = &cluster.control_plane.endpoint;
    let target = match node {
        None => Target::new(&endpoint.host, endpoint.port),
        Some(name) => {
            let node = find(cluster, name)?;
            if node.role != Role::ControlPlane {
                let message = format!("node `{name}` is a worker, where no Kubernetes API runs");
                return Err(Failure::message(Kind::Usage, message));
            }
            Target::new(node.address, API_PORT)
        }
    };
    Ok(format!("https://{target}"))
}
