//! What the engine needs, from the repository, the environment and the connection map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sops_rs::Identity;

use super::sealed::{self, open_failure, opener};
use super::way::{connect_map, connector};
use super::{Context, Failure, Kind, load};
use crate::catalog::{Catalog, expected_secrets};
use crate::connect::{ConnectMap, NoProbe, Serves};
use crate::execute::{Commit, Inputs, Operator, Remote, Secrets, Sink, StateDirectory};
use crate::model::{Clock, FileTree, NodeName, Secret, SystemClock};
use crate::pki::SystemEntropy;
use crate::plan::{Consents, GIT_CREDENTIALS, NO_BUNDLE_REMEDY, Origins, Tree, Unreadable};
use crate::render::talos::{BUNDLE_PATH, documents};
use crate::spec::cluster::GitOps;
use crate::spec::{Cluster, Placeholder};
use crate::store::sealed::{Opener, manifests, read_by_flux, unreadable};
use crate::{git, render, spec, store, yaml};

/// What a command asks of the engine.
pub struct Request {
    /// Where targets really are.
    pub connect_map: Option<Utf8PathBuf>,
    /// How long silent machines are waited for.
    pub patience: Duration,
    /// Where events go.
    pub sink: Arc<dyn Sink>,
}

/// Returns the key material; without a bundle nobody can be asked.
pub fn secrets(inputs: &Inputs) -> Result<Arc<Secrets>, Failure> {
    inputs.secrets.clone().map_err(|path| {
        let message = format!("there is no secrets bundle at `{path}`");
        Failure::message(Kind::Refused, message).hint(NO_BUNDLE_REMEDY)
    })
}

/// Gathers everything that a run works from.
pub async fn inputs(context: &Context, request: Request) -> Result<Inputs, Failure> {
    let (cluster, catalog) = load::load(context)?;
    let root = &context.settings.root;
    let rendered =
        render::render(&cluster, &catalog).map_err(|error| Failure::new(Kind::Spec, error))?;
    let before_git = render::bootstrap::manifests(&cluster, &catalog)
        .map_err(|error| Failure::new(Kind::Spec, error))?;
    let map = connect_map(request.connect_map.as_deref())?;
    let placeholders = placeholders(root, map.as_ref())?;
    let (remote, commit) = repository(root, &cluster, map.as_ref()).await;
    let opener = opener(context);
    let secrets = if opener.has(Utf8Path::new(BUNDLE_PATH)) {
        let is_served = commit == Commit::Served;
        let secrets = open(context, &opener, &cluster, &catalog, is_served)?;
        Ok(Arc::new(secrets))
    } else {
        Err(BUNDLE_PATH.into())
    };
    Ok(Inputs {
        cluster: Arc::new(cluster),
        manifests: Arc::new(before_git),
        origins: Arc::new(origins(root)),
        tree: tree(root, &rendered)?,
        placeholders,
        commit,
        secrets,
        remote,
        consents: Consents::default(),
        until: None,
        patience: request.patience,
        operator: operator(root)?,
        connector: connector(map),
        clock: Arc::new(SystemClock),
        state: Arc::new(StateDirectory::open(root.join(".homelab/state"))?),
        sink: request.sink,
        probe: Arc::new(NoProbe),
    })
}

/// What a preset left in the spec. A map that leads to another Git remote answers for the URL; one
/// that leads to a rehearsal, where the remote serves this working tree, for everything.
fn placeholders(root: &Utf8Path, map: Option<&ConnectMap>) -> Result<Vec<Placeholder>, Failure> {
    let git = map.and_then(|map| map.git.as_ref());
    if git.is_some_and(|git| git.serves == Serves::WorkingTree) {
        return Ok(Vec::new());
    }
    let text = fs_err::read_to_string(root.join(load::SPEC_FILE))?;
    let mut left = spec::placeholders(&text);
    left.retain(|left| git.is_none() || !left.is_git_url());
    Ok(left)
}

/// The remote as this computer reaches it, and the commit that it should be at.
async fn repository(
    root: &Utf8Path,
    cluster: &Cluster,
    map: Option<&ConnectMap>,
) -> (Remote, Commit) {
    let GitOps::Flux(flux) = &cluster.gitops;
    let entry = map.and_then(|map| map.git.as_ref());
    let remote = Remote {
        url: entry.map_or_else(|| flux.url.clone(), |entry| entry.url.clone()),
        branch: flux.branch.clone(),
    };
    let commit = match entry {
        Some(entry) if entry.serves == Serves::WorkingTree => Commit::Served,
        _ => git::commit(root).await,
    };
    (remote, commit)
}

/// What is rendered, and what the owner wrote beside it. A file that cannot be read brings nothing.
fn origins(root: &Utf8Path) -> Origins {
    let files = manifests(root).into_iter();
    let read: Vec<_> = files
        .filter_map(|path| Some((fs_err::read(root.join(&path)).ok()?, path)))
        .collect();
    Origins::of(
        read.iter()
            .map(|(bytes, path)| (path.as_path(), bytes.as_slice())),
    )
}

fn tree(root: &Utf8Path, rendered: &FileTree) -> Result<Tree, Failure> {
    let comparison = store::compare(root, rendered)?;
    if comparison.is_current() {
        Ok(Tree::Current)
    } else {
        Ok(Tree::Stale(comparison.changes.into_keys().collect()))
    }
}

fn open(
    context: &Context,
    opener: &Opener,
    cluster: &Cluster,
    catalog: &Catalog,
    is_served: bool,
) -> Result<Secrets, Failure> {
    let (now, root) = (SystemClock.now(), &context.settings.root);
    let bundle = sealed::bundle(context, opener, now)?;
    let mut all = Vec::new();
    for node in &cluster.nodes {
        let documents = documents(cluster, catalog, &node.name)
            .map_err(|error| Failure::new(Kind::Spec, error))?;
        all.extend(documents);
    }
    let sources = opener.sources(&all).map_err(open_failure)?;
    let mut secrets =
        Secrets::from_bundle(cluster, catalog, &bundle, &sources, now, &mut SystemEntropy)?;
    let expected = expected_secrets(cluster, catalog)?.into_iter();
    secrets.missing = expected
        .map(|secret| secret.file)
        .filter(|file| !opener.has(file))
        .collect();
    // Without a key nothing opens, which is said once.
    if let Some(key) = age_key(opener, cluster).and_then(Identity::to_text) {
        let closed = unreadable(&opener.only(&key), &read_by_flux(root)).into_iter();
        secrets.unreadable = closed
            .map(|(file, error)| Unreadable {
                damage: error.damage(),
                file,
            })
            .collect();
        secrets.age_key = Some(Secret::new(key.as_str().to_owned()));
    }
    secrets.git = git_credentials(opener)?;
    if is_served {
        // The remote is the working tree itself: it asks for nothing and has what is on disk.
        secrets.missing.clear();
        secrets.git.get_or_insert_with(no_credentials);
    }
    Ok(secrets)
}

/// The key that the cluster gets: one that belongs to a recipient of the spec.
fn age_key<'a>(opener: &'a Opener, cluster: &Cluster) -> Option<&'a Identity> {
    let recipients: BTreeSet<&str> = cluster
        .secrets
        .recipients
        .iter()
        .map(String::as_str)
        .collect();
    opener
        .identities()
        .iter()
        .map(|loaded| &loaded.identity)
        .find(|identity| {
            let recipient = identity.recipient();
            recipient.is_some_and(|recipient| recipients.contains(recipient.as_str()))
        })
}

/// The keys of the Secret that the GitOps engine reads the repository with; `None` without a file.
fn git_credentials(opener: &Opener) -> Result<Option<BTreeMap<String, Secret<String>>>, Failure> {
    let path = Utf8Path::new(GIT_CREDENTIALS);
    if !opener.has(path) {
        return Ok(None);
    }
    let text = opener.open(path).map_err(open_failure)?;
    // A syntax error would quote the text.
    let secret = yaml::parse(text.expose())
        .map_err(|_| Failure::message(Kind::Failed, format!("`{path}` is not YAML")))?;
    let plain = entries(&secret["stringData"], |value| Some(value.to_owned()));
    let encoded = entries(&secret["data"], |value| {
        String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()
    });
    Ok(Some(plain.chain(encoded).collect()))
}

fn entries<'a>(
    value: &'a Value,
    read: impl Fn(&str) -> Option<String> + 'a,
) -> impl Iterator<Item = (String, Secret<String>)> + 'a {
    value
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(move |(key, value)| Some((key.clone(), Secret::new(read(value.as_str()?)?))))
}

fn no_credentials() -> BTreeMap<String, Secret<String>> {
    let note = "the remote serves the working tree and asks for no credentials";
    BTreeMap::from([("note".to_owned(), Secret::new(note.to_owned()))])
}

/// This computer and directory: stable across runs, different anywhere else.
fn operator(root: &Utf8Path) -> Result<Operator, Failure> {
    let directory = root.canonicalize_utf8()?;
    let machine = fs_err::read_to_string("/etc/machine-id").unwrap_or_default();
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => std::env::var("HOSTNAME").unwrap_or_else(|_| "this computer".to_owned()),
        host => host.to_owned(),
    };
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned());
    let digest = sha256(&format!("{}\n{host}\n{directory}", machine.trim()));
    Ok(Operator {
        identity: format!("{user}@{host}-{digest}"),
        label: format!("{user}@{host}"),
    })
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(text);
    BASE64_URL_SAFE_NO_PAD.encode(&digest[..6])
}

/// Returns the nodes of these names; a name that the spec does not know is a slip.
pub fn known_nodes(cluster: &Cluster, names: &[String]) -> Result<BTreeSet<NodeName>, Failure> {
    names.iter().map(|name| known_node(cluster, name)).collect()
}

/// Returns the node of this name.
pub fn known_node(cluster: &Cluster, name: &str) -> Result<NodeName, Failure> {
    let node = cluster.node(name).ok_or_else(|| {
        let names: Vec<_> = cluster
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        Failure::message(Kind::Usage, format!("homelab.yaml has no node `{name}`"))
            .hint(format!("its nodes are {}", names.join(", ")))
    })?;
    Ok(node.name.clone())
}
