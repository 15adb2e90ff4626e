//! `homelab render`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::Outcome;
use super::nodes::config::find;
use crate::catalog::Catalog;
use crate::cli::sealed::check_bundle;
use crate::cli::{Context, ExitStatus, Failure, Kind, load};
use crate::model::{Clock as _, FileTree, SystemClock};
use crate::render::{self, talos};
use crate::spec::Cluster;
use crate::store::{self, ChangeKind, Comparison, StoreError};
use crate::ui;

/// Arguments of `homelab render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  homelab render                          write what homelab.yaml asks for
  homelab render --diff                   show what would change
  homelab render --check                  fail when the files are stale (CI)
  homelab render --only nodes             write machine configurations alone
  homelab render --explain talos-1        where does each leaf come from?
  homelab render --explain talos-1 machine.install
  homelab render --explain talos-1 'LinkConfig net0: mtu'
  homelab render --overwrite FILE         give up a change made by hand in FILE

No key is needed: secrets are left out of everything that is rendered. Where a key is at hand,
nothing is written while the secrets bundle makes no cluster.")]
pub struct RenderArgs {
    /// Write nothing; show a diff and exit with 4 when files are stale.
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change.
    #[arg(long, conflicts_with = "check")]
    diff: bool,
    /// Render this part alone; other files are left as they are.
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Write nothing; show where each leaf of a node's configuration comes from, or those at a place: generator,
    /// line of homelab.yaml, class, component or patch.
    #[arg(
        long,
        num_args = 1..=2,
        value_names = ["NODE", "PLACE"],
        conflicts_with_all = ["check", "diff", "only", "overwrite"],
    )]
    explain: Vec<String>,
    /// Overwrite this file although it was changed by hand; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "diff"])]
    overwrite: Vec<Utf8PathBuf>,
}

/// A part of what is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Machine configurations.
    Nodes,
}

/// Renders the repository's files.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: RenderArgs) -> Outcome {
    if let [node, place @ ..] = args.explain.as_slice() {
        return explain(context, node, place.first().map(String::as_str));
    }
    let (cluster, catalog) = load::load(context)?;
    check_bundle(context, SystemClock.now())?;
    let root = &context.settings.root;
    let (tree, comparison) = match args.only {
        Some(Part::Nodes) => compare_nodes(root, &cluster, &catalog)?,
        None => compare(root, &cluster, &catalog)?,
    };
    let writes = !args.check && !args.diff;
    if writes {
        let overwrite: BTreeSet<_> = args
            .overwrite
            .iter()
            .map(|path| relative(root, path))
            .collect();
        let is_ours =
            |path: &Utf8PathBuf| tree.get(path).is_some() || comparison.changes.contains_key(path);
        if let Some(path) = overwrite.iter().find(|path| !is_ours(path)) {
            let message = format!("`{path}` is not a file that homelab.yaml renders");
            return Err(Failure::message(Kind::Usage, message));
        }
        store::write(root, &tree, &comparison, &overwrite).map_err(failure)?;
    }
    report(context, &comparison, tree.len(), writes)?;
    if args.check && !comparison.is_current() {
        let mut hints = vec!["run `homelab render` and commit the result".to_owned()];
        let edited = comparison
            .changes
            .iter()
            .filter(|(_, change)| change.is_edited);
        hints.extend(edited.map(|(path, _)| {
            format!("`{path}` was changed by hand: move the change into homelab.yaml, or give it up with `homelab render --overwrite {path}`")
        }));
        context
            .ui
            .failure("the files are not what homelab.yaml renders", &hints);
        return Ok(ExitStatus::Differs);
    }
    Ok(ExitStatus::Done)
}

/// Shows where each leaf of a node's configuration comes from.
fn explain(context: &Context, node: &str, place: Option<&str>) -> Outcome {
    let (checked, catalog) = load::check(context)?;
    load::show(context, &checked);
    let Some(cluster) = &checked.cluster else {
        return Err(load::failure(&checked));
    };
    let name = &find(cluster, node)?.name;
    let leaves = talos::explain::explain(&checked, &catalog, name)
        .map_err(|error| Failure::new(Kind::Spec, error))?;
    let filter = place.map(|place| talos::explain::Filter::parse(place, &leaves));
    let filter = filter
        .transpose()
        .map_err(|error| Failure::new(Kind::Usage, error))?
        .unwrap_or_default();
    let wanted: Vec<_> = leaves.iter().filter(|leaf| filter.takes(leaf)).collect();
    if wanted.is_empty() {
        let place = place.unwrap_or_default();
        let message = format!("the configuration of `{name}` has nothing at `{place}`");
        return Err(Failure::message(Kind::Usage, message).hint(format!(
            "`homelab render --explain {name}` lists every place"
        )));
    }
    if context.ui.is_json() {
        context.ui.json(&json!({"node": name, "leaves": wanted}))?;
    } else {
        let text = ui::explained::text(&wanted);
        context.ui.result(text.as_bytes())?;
    }
    Ok(ExitStatus::Done)
}

/// Writes everything that the cluster renders; returns how many files that are.
pub fn write(root: &Utf8Path, cluster: &Cluster, catalog: &Catalog) -> Result<usize, Failure> {
    let (tree, comparison) = compare(root, cluster, catalog)?;
    store::write(root, &tree, &comparison, &BTreeSet::new()).map_err(failure)?;
    Ok(tree.len())
}

fn compare(
    root: &Utf8Path,
    cluster: &Cluster,
    catalog: &Catalog,
) -> Result<(FileTree, Comparison), Failure> {
    let tree = render::render(cluster, catalog).map_err(|error| Failure::new(Kind::Spec, error))?;
    let comparison = store::compare(root, &tree).map_err(failure)?;
    Ok((tree, comparison))
}

fn compare_nodes(
    root: &Utf8Path,
    cluster: &Cluster,
    catalog: &Catalog,
) -> Result<(FileTree, Comparison), Failure> {
    let tree = talos::render(cluster, catalog).map_err(|error| Failure::new(Kind::Spec, error))?;
    let comparison = store::compare_below(root, &tree, talos::FOLDER.into()).map_err(failure)?;
    Ok((tree, comparison))
}

fn report(
    context: &Context,
    comparison: &Comparison,
    files: usize,
    written: bool,
) -> Result<(), Failure> {
    if context.ui.is_json() {
        let changes: Vec<_> = comparison.changes.iter().map(change_json).collect();
        context
            .ui
            .json(&json!({"files": files, "written": written, "changes": changes}))?;
        return Ok(());
    }
    if written {
        let mut lines = String::new();
        for (path, change) in &comparison.changes {
            let _ = writeln!(lines, "{} {path}", verb(change.kind));
        }
        context.ui.result(lines.as_bytes())?;
    } else {
        context
            .ui
            .result(store::unified_diff(comparison).as_bytes())?;
    }
    context.ui.note(&summary(comparison, files, written));
    Ok(())
}

fn change_json((path, change): (&Utf8PathBuf, &store::Change)) -> Value {
    json!({"path": path, "change": change.kind, "editedByHand": change.is_edited})
}

fn verb(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Create => "created",
        ChangeKind::Update | ChangeKind::Mode => "updated",
        ChangeKind::Delete => "deleted",
    }
}

fn summary(comparison: &Comparison, files: usize, written: bool) -> String {
    match (comparison.changes.len(), written) {
        (0, _) => format!("{files} files are current"),
        (changes, true) => format!("{files} files rendered, {changes} changed"),
        (changes, false) => format!("{files} files rendered, {changes} would change"),
    }
}

/// Takes a path as people type it: from where they stand, or from the repository's root.
fn relative(root: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

/// Says what to do about a refusal.
fn failure(error: StoreError) -> Failure {
    let kind = if error.is_refusal() {
        Kind::Refused
    } else {
        Kind::Failed
    };
    let hints: Vec<_> = match &error {
        StoreError::Edited { paths } => {
            let flags: Vec<_> = paths
                .iter()
                .map(|path| format!("--overwrite {path}"))
                .collect();
            vec![
                "move the change into homelab.yaml: `homelab render --diff` shows it".to_owned(),
                format!("or give it up: `homelab render {}`", flags.join(" ")),
            ]
        }
        StoreError::SymbolicLink { path } | StoreError::NotAFile { path } => {
            vec![format!("remove `{path}`, then render again")]
        }
        _ => Vec::new(),
    };
    let mut failure = Failure::new(kind, error);
    failure.hints = hints;
    failure
}
