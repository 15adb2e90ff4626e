//! The repository that a check looks at: its root, its allow-list, what Flux reads in it, and where
//! the contents of its files come from.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{Environment, Identities};

use super::workspace::Workspace;
use crate::cli::load::{self, SPEC_FILE};
use crate::cli::{Context, Failure, Kind};
use crate::git::index;
use crate::spec::Cluster;
use crate::store::sealed::check::{ALLOW_FILE, AllowList, ClusterKey, FluxView};
use crate::store::{FileError, Origin, Original, Selected, Unseen, named, select};

/// The folder that Flux reads, relative to the root: `render` lays it out so.
const FLUX_FOLDER: &str = "cluster";

/// Where the contents of files come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// The working tree.
    WorkingTree,
    /// What the next commit would hold.
    Staged,
}

/// What to look at, relative to the repository's root.
#[derive(Default)]
pub(super) struct Files {
    /// The files.
    pub(super) all: Vec<Utf8PathBuf>,
    /// Those of them that the user named one by one.
    pub(super) named: BTreeSet<Utf8PathBuf>,
    /// What could not be looked at.
    pub(super) unseen: Vec<Unseen>,
}

/// A repository.
pub(super) struct Repository {
    /// Its root: the nearest directory with a `.git` from here upwards, else here.
    pub(super) root: Utf8PathBuf,
    /// Whether Git knows it.
    is_git: bool,
}

impl Repository {
    /// Finds the repository that the commands work in.
    pub(super) fn find(context: &Context) -> Self {
        let here = &context.settings.root;
        match index::top(here) {
            // The root is named as the caller names it, so that findings read as short as can be.
            Some(top) => Self {
                root: match relative(&top, here).as_str() {
                    "." => here.clone(),
                    _ => top,
                },
                is_git: true,
            },
            None => Self {
                root: here.clone(),
                is_git: false,
            },
        }
    }

    /// Returns the path of a file below the root as it can be opened from here.
    pub(super) fn place(&self, file: &Utf8Path) -> Utf8PathBuf {
        named(&self.root, file)
    }

    /// Returns the files to look at, relative to the root: what Git takes or would take.
    pub(super) fn files(
        &self,
        workspace: &Workspace<'_>,
        names: &[Utf8PathBuf],
        contents: Contents,
    ) -> Result<Files, Failure> {
        if contents == Contents::Staged {
            return self.staged();
        }
        let selection = if names.is_empty() {
            select(&self.root, &[Utf8PathBuf::from(".")])
        } else {
            select(&workspace.context.settings.root, names)
        };
        let selection = selection.map_err(|error| Failure::new(Kind::Usage, error))?;
        let (mut files, mut one_by_one) = (BTreeSet::new(), BTreeSet::new());
        for Selected { path, origin } in &selection.files {
            let file = self.relative(path);
            if *origin == Origin::Named {
                // A misspelt name must not pass for a file in which nothing is wrong.
                fs_err::symlink_metadata(path)?;
                one_by_one.insert(file.clone());
            }
            files.insert(file);
        }
        if names.is_empty() && self.is_git {
            // A file that is tracked is taken although a pattern ignores it.
            let tracked = index::all_tracked(&self.root)?.into_iter();
            files.extend(tracked.filter(|file| self.place(file).is_file()));
        }
        let unseen = selection.problems.into_iter();
        let unseen = unseen.map(|unseen| Unseen {
            path: self.relative(&unseen.path),
            ..unseen
        });
        Ok(Files {
            all: files.into_iter().collect(),
            named: one_by_one,
            unseen: unseen.collect(),
        })
    }

    fn staged(&self) -> Result<Files, Failure> {
        if !self.is_git {
            let message = format!(
                "`{}` lies in no Git repository: nothing is staged",
                self.root
            );
            return Err(Failure::message(Kind::Failed, message)
                .hint("leave `--staged` out, or run `git init` first"));
        }
        Ok(Files {
            all: index::staged(&self.root)?,
            ..Files::default()
        })
    }

    fn relative(&self, path: &Utf8Path) -> Utf8PathBuf {
        relative(&self.root, path)
    }

    /// Reads a file.
    pub(super) fn read(
        &self,
        file: &Utf8Path,
        contents: Contents,
    ) -> Result<Vec<u8>, anyhow::Error> {
        match contents {
            Contents::WorkingTree => {
                let original = Original::read(&self.place(file))
                    .map_err(|error: FileError| anyhow::Error::new(error))?;
                Ok(original.bytes().to_vec())
            }
            Contents::Staged => Ok(index::content(&self.root, &format!(":{file}"))?),
        }
    }

    /// Reads the allow-list; without one, nothing is allowed.
    pub(super) fn allow_list(&self) -> Result<AllowList, Failure> {
        match fs_err::read_to_string(self.place(Utf8Path::new(ALLOW_FILE))) {
            Ok(text) => AllowList::parse(&text).map_err(|error| Failure::new(Kind::Failed, error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(AllowList::default()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A path as it reads from a directory, where it lies in it.
fn relative(from: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    let absolute =
        |path: &Utf8Path| camino::absolute_utf8(path).unwrap_or_else(|_| path.to_owned());
    let (from, path) = (absolute(from), absolute(path));
    match path.strip_prefix(&from) {
        Ok(rest) if rest.as_str().is_empty() => Utf8PathBuf::from("."),
        Ok(rest) => rest.to_owned(),
        Err(_) => path,
    }
}

/// What Flux reads, where there is a valid spec; a broken one is `homelab validate`'s business.
pub(super) fn flux_view(context: &Context) -> Option<(FluxView, Cluster)> {
    if !context.settings.root.join(SPEC_FILE).exists() {
        return None;
    }
    let (checked, _) = load::check(context).ok()?;
    let cluster = checked.cluster?;
    let environment = Environment::of_process().with_repository(&context.settings.root);
    let identities = Identities::load(&environment);
    let view = FluxView {
        folder: FLUX_FOLDER.into(),
        key: cluster_key(&cluster, &identities),
    };
    Some((view, cluster))
}

/// Says why it is not known which key the cluster holds.
pub(super) fn flux_doubt(context: &Context) -> FluxDoubt {
    if context.settings.root.join(SPEC_FILE).exists() {
        FluxDoubt::BrokenSpec
    } else {
        FluxDoubt::NoSpec
    }
}

/// Why it is not known which key the cluster holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FluxDoubt {
    /// Nothing says that there is a cluster.
    NoSpec,
    /// The spec cannot be used, so that nothing says whether Flux opens what it reads.
    BrokenSpec,
}

impl FluxDoubt {
    /// The sentence for people.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::NoSpec => {
                "there is no homelab.yaml here: what Flux reads, and with which key, is not known"
            }
            Self::BrokenSpec => {
                "homelab.yaml is not valid (`homelab validate` says why): what Flux reads, and with which key, is not known"
            }
        }
    }
}

/// The key that the cluster holds: bootstrap hands over the first at hand that the spec names.
pub(super) fn cluster_key(cluster: &Cluster, identities: &Identities) -> ClusterKey {
    let named = &cluster.secrets.recipients;
    let known = identities
        .recipients()
        .map(|recipient| recipient.to_string());
    let mut known = known.filter(|recipient| named.contains(recipient));
    match known.next() {
        Some(recipient) => ClusterKey::Known(recipient),
        None => ClusterKey::OneOf(named.clone()),
    }
}
