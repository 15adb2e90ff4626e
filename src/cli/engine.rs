//! What the engine needs, from the repository, the environment and the connection map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::sealed::{open_failure, opener};
use super::{Context, Failure, Kind, load};
use crate::catalog::{Catalog, expected_secrets};
use crate::connect::{ConnectMap, Mapped, NoProbe, Serves, SharedConnector, Tcp};
use crate::execute::{
    Commit, Event, EventKind, Inputs, Operator, Remote, Secrets, Sink, StateDirectory,
};
use crate::model::{Clock, FileTree, Secret, SystemClock};
use crate::pki::SystemEntropy;
use crate::plan::{Consents, GIT_CREDENTIALS, Tree};
use crate::render::talos::{BUNDLE_PATH, documents};
use crate::spec::Cluster;
use crate::spec::cluster::GitOps;
use crate::store::sealed::Opener;
use crate::{git, render, store, yaml};

/// What a command asks of the engine.
pub struct Request {
    /// Where targets really are.
    pub connect_map: Option<Utf8PathBuf>,
    /// How long silent machines are waited for.
    pub patience: Duration,
    /// Where events go.
    pub sink: Arc<dyn Sink>,
}

/// Gathers everything that a run works from.
pub async fn inputs(context: &Context, request: Request) -> Result<Inputs, Failure> {
    let (cluster, catalog) = load::load(context)?;
    let root = &context.settings.root;
    let rendered =
        render::render(&cluster, &catalog).map_err(|error| Failure::new(Kind::Spec, error))?;
    let manifests = render::bootstrap::manifests(&cluster, &catalog)
        .map_err(|error| Failure::new(Kind::Spec, error))?;
    let map = connect_map(request.connect_map.as_deref())?;
    let (remote, commit) = repository(root, &cluster, map.as_ref()).await;
    let opener = opener(context);
    let secrets = if opener.has(Utf8Path::new(BUNDLE_PATH)) {
        let secrets = open(&opener, root, &cluster, &catalog, commit == Commit::Served)?;
        Ok(Arc::new(secrets))
    } else {
        Err(BUNDLE_PATH.into())
    };
    Ok(Inputs {
        cluster: Arc::new(cluster),
        manifests: Arc::new(manifests),
        tree: tree(root, &rendered)?,
        commit,
        secrets,
        remote,
        consents: Consents::default(),
        patience: request.patience,
        operator: operator(root)?,
        connector: connector(map),
        clock: Arc::new(SystemClock),
        state: Arc::new(StateDirectory::open(root.join(".homelab/state"))?),
        sink: request.sink,
        probe: Arc::new(NoProbe),
    })
}

fn connect_map(path: Option<&Utf8Path>) -> Result<Option<ConnectMap>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let text = fs_err::read_to_string(path)?;
    let map = ConnectMap::parse(&text).map_err(|error| {
        Failure::new(
            Kind::Usage,
            anyhow::Error::new(error).context(format!("`{path}`")),
        )
    })?;
    Ok(Some(map))
}

fn connector(map: Option<ConnectMap>) -> SharedConnector {
    match map {
        Some(map) => Arc::new(Mapped::new(map, Arc::new(Tcp))),
        None => Arc::new(Tcp),
    }
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

fn tree(root: &Utf8Path, rendered: &FileTree) -> Result<Tree, Failure> {
    let comparison = store::compare(root, rendered)?;
    if comparison.is_current() {
        Ok(Tree::Current)
    } else {
        Ok(Tree::Stale(comparison.changes.into_keys().collect()))
    }
}

fn open(
    opener: &Opener,
    root: &Utf8Path,
    cluster: &Cluster,
    catalog: &Catalog,
    is_served: bool,
) -> Result<Secrets, Failure> {
    let now = SystemClock.now();
    let bundle = opener.bundle(now).map_err(open_failure)?;
    let mut all = Vec::new();
    for node in &cluster.nodes {
        let documents = documents(cluster, catalog, &node.name)
            .map_err(|error| Failure::new(Kind::Spec, error))?;
        all.extend(documents);
    }
    let sources = opener.sources(&all).map_err(open_failure)?;
    let mut secrets =
        Secrets::from_bundle(cluster, catalog, &bundle, &sources, now, &mut SystemEntropy)?;
    secrets.age_key = age_key(opener, cluster);
    let expected = expected_secrets(cluster, catalog)?;
    let files: Vec<_> = expected.into_iter().map(|secret| secret.file).collect();
    (secrets.missing, secrets.unreadable) = unusable(opener, root, files);
    secrets.git = git_credentials(opener)?;
    if is_served {
        // The remote is the working tree itself: it asks for nothing and has what is on disk.
        secrets.missing.clear();
        secrets.git.get_or_insert_with(no_credentials);
    }
    Ok(secrets)
}

/// The key that the cluster gets: one that belongs to a recipient of the spec.
fn age_key(opener: &Opener, cluster: &Cluster) -> Option<Secret<String>> {
    let recipients: BTreeSet<&str> = cluster
        .secrets
        .recipients
        .iter()
        .map(String::as_str)
        .collect();
    opener
        .identities()
        .iter()
        .filter(|loaded| {
            let recipient = loaded.identity.recipient();
            recipient.is_some_and(|recipient| recipients.contains(recipient.as_str()))
        })
        .find_map(|loaded| loaded.identity.to_text())
        .map(|text| Secret::new(text.as_str().to_owned()))
}

/// Returns the expected files that are not there, and those that are but do not open.
fn unusable(
    opener: &Opener,
    root: &Utf8Path,
    files: Vec<Utf8PathBuf>,
) -> (Vec<Utf8PathBuf>, Vec<Utf8PathBuf>) {
    let (there, missing): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| root.join(file).exists());
    let unreadable = there
        .into_iter()
        .filter(|file| opener.open(file).is_err())
        .collect();
    (missing, unreadable)
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

/// Waits for Ctrl-C or a request to terminate; says which.
pub async fn interrupted() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => "Ctrl-C",
                _ = terminate.recv() => "terminated",
            };
        }
    }
    // Without signal handlers the process ends the hard way, which is as safe.
    match tokio::signal::ctrl_c().await {
        Ok(()) => "Ctrl-C",
        Err(_) => std::future::pending().await,
    }
}

/// Passes events on and remembers what stands, for the last words of an interrupted run.
pub struct Progress {
    inner: Arc<dyn Sink>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    over: usize,
    running: BTreeSet<String>,
}

impl Progress {
    /// Watches what passes to a sink.
    pub fn new(inner: Arc<dyn Sink>) -> Self {
        Self {
            inner,
            seen: Mutex::default(),
        }
    }

    /// Says what is done and what was under way.
    pub fn stands(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let running: Vec<_> = seen
            .running
            .iter()
            .map(|step| format!("`{step}`"))
            .collect();
        let done = match seen.over {
            1 => "1 step is done".to_owned(),
            over => format!("{over} steps are done"),
        };
        if running.is_empty() {
            done
        } else {
            format!("{done}, under way: {}", running.join(", "))
        }
    }
}

impl Sink for Progress {
    fn event(&self, event: &Event) {
        if let Some(step) = &event.step {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            match &event.kind {
                EventKind::Started { .. } => {
                    seen.running.insert(step.to_string());
                }
                EventKind::Done { .. } | EventKind::Skipped { .. } => {
                    seen.running.remove(step.as_str());
                    seen.over += 1;
                }
                _ => {}
            }
        }
        self.inner.event(event);
    }
}
