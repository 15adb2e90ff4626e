//! `homelab secrets who`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};
use sops_rs::{EncryptedFile, Identities, MasterKey};

use super::repository::{FluxDoubt, flux_doubt, flux_view};
use super::short;
use super::workspace::{Workspace, is_encrypted, read};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure};
use crate::store::Original;
use crate::store::sealed::check::{ClusterKey, FluxView};

/// Arguments of `homelab secrets who`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Recipients are numbered and listed below the matrix. A cell is `x` where the recipient is one of
the file's, and a digit where it belongs to that key group of several. Exits with 4 when the key
that the cluster holds does not open a file that Flux will read, when homelab.yaml is not valid,
so that this cannot be told, and when a file that holds encrypted values is damaged, so that
nobody opens it.

Examples:
  homelab secrets who                          before the first sync: can Flux open everything?
  homelab secrets who cluster/secrets
  homelab secrets who --output json | jq -r '.files[] | select(.flux == false) | .file'")]
pub struct WhoArgs {
    /// Files, directories and patterns.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<Utf8PathBuf>,
}

/// Shows who can open what.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: WhoArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let files = encrypted_files(&workspace, &args.paths)?;
    let flux = flux_view(context).map(|(view, _)| view);
    let doubt = flux_doubt(context);
    let matrix = Matrix::new(&workspace, &files, flux.as_ref(), doubt);
    workspace.warn_of_keys();
    if context.ui.is_json() {
        context.ui.json(&matrix.report())?;
    } else {
        context
            .ui
            .result(short::recipients(&matrix.text()).as_bytes())?;
        context.ui.note(&matrix.verdict());
    }
    Ok(if matrix.has_findings() {
        ExitStatus::Differs
    } else {
        ExitStatus::Done
    })
}

/// A file, and what it is; or why nobody can open it.
type Read = (Utf8PathBuf, Result<EncryptedFile, String>);

fn encrypted_files(workspace: &Workspace<'_>, names: &[Utf8PathBuf]) -> Result<Vec<Read>, Failure> {
    let mut files = Vec::new();
    for file in workspace.select(names)?.files {
        let (path, original) = (&file.path, Original::read(&file.path)?);
        if is_encrypted(path, original.bytes()) {
            let read = read(path, original.bytes());
            files.push((file.path, read));
        }
    }
    Ok(files)
}

/// Who can open what.
struct Matrix<'a> {
    recipients: Vec<Recipient>,
    rows: Vec<Row>,
    flux: Option<&'a FluxView>,
    /// Why there is nothing known of Flux.
    doubt: FluxDoubt,
}

struct Recipient {
    id: String,
    /// What is known about it: where its private half lies, whether the cluster holds it.
    notes: Vec<String>,
}

struct Row {
    file: Utf8PathBuf,
    /// The groups of each recipient, counted from 1.
    groups: BTreeMap<String, BTreeSet<usize>>,
    is_shared: bool,
    /// Whether Flux' key opens it; `None` for a file that Flux does not read.
    flux: Option<bool>,
    /// Why nobody can open it.
    damage: Option<String>,
}

impl<'a> Matrix<'a> {
    fn new(
        workspace: &Workspace<'_>,
        files: &[Read],
        flux: Option<&'a FluxView>,
        doubt: FluxDoubt,
    ) -> Self {
        let root = &workspace.context.settings.root;
        let rows: Vec<Row> = files
            .iter()
            .map(|(file, read)| match read {
                Ok(encrypted) => row(root, file, encrypted, flux),
                Err(damage) => damaged_row(root, file, damage, flux),
            })
            .collect();
        let mut ids: Vec<String> = Vec::new();
        let cluster = flux.map(|flux| flux.key.recipients()).unwrap_or_default();
        for id in cluster
            .iter()
            .chain(rows.iter().flat_map(|row| row.groups.keys()))
        {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        for (file, read) in files {
            if let Ok(encrypted) = read {
                workspace.identities(Some(file), encrypted);
            }
        }
        let loaded = workspace.keys.all_loaded();
        let recipients = ids
            .into_iter()
            .map(|id| Recipient {
                notes: notes(&id, loaded.iter().map(AsRef::as_ref), flux),
                id,
            })
            .collect();
        Self {
            recipients,
            rows,
            flux,
            doubt,
        }
    }

    fn has_findings(&self) -> bool {
        let is_unknown = self.flux.is_none() && self.doubt == FluxDoubt::BrokenSpec;
        let is_damaged = self.rows.iter().any(|row| row.damage.is_some());
        is_unknown || is_damaged || self.closed_to_flux().next().is_some()
    }

    fn closed_to_flux(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.flux == Some(false))
    }

    fn text(&self) -> String {
        let width = self.rows.iter().map(|row| row.file.as_str().len()).max();
        let width = width.unwrap_or_default().max("FILE".len());
        let mut text = format!("{:width$}", "FILE");
        for number in 1..=self.recipients.len() {
            let _ = write!(text, " {number:>3}");
        }
        text.push_str("  FLUX\n");
        for row in &self.rows {
            let _ = write!(text, "{:width$}", row.file.as_str());
            for recipient in &self.recipients {
                let _ = write!(text, " {:>3}", row.cell(&recipient.id));
            }
            let flux = match (&row.damage, row.flux) {
                (Some(_), _) => "DAMAGED",
                (None, None) => "-",
                (None, Some(true)) => "opens",
                (None, Some(false)) => "DOES NOT OPEN",
            };
            let _ = writeln!(text, "  {flux}");
        }
        for row in &self.rows {
            if let Some(damage) = &row.damage {
                let _ = writeln!(text, "\n{} is damaged: {damage}", row.file);
            }
        }
        text.push('\n');
        for (index, recipient) in self.recipients.iter().enumerate() {
            let _ = write!(text, "{:>3}  {}", index + 1, recipient.id);
            if !recipient.notes.is_empty() {
                let _ = write!(text, " ({})", recipient.notes.join("; "));
            }
            text.push('\n');
        }
        text
    }

    fn verdict(&self) -> String {
        let Some(flux) = self.flux else {
            return self.doubt.text().to_owned();
        };
        let read = self.rows.iter().filter(|row| row.flux.is_some()).count();
        let closed = self.closed_to_flux().count();
        let key = match &flux.key {
            ClusterKey::Known(_) => "",
            ClusterKey::OneOf(_) => {
                " (none of homelab.yaml's private keys is at hand: a file counts as open when it is for each of them)"
            }
        };
        match (read, closed) {
            (0, _) => format!("there is no encrypted file in `{}` yet{key}", flux.folder),
            (_, 0) => format!("Flux can open every encrypted file that it will read ({read}){key}"),
            _ => format!(
                "Flux cannot open {closed} of {read} encrypted files that it will read{key}; name its recipient in \
                 their rules and run `homelab secrets updatekeys {}`",
                flux.folder
            ),
        }
    }

    fn report(&self) -> Value {
        let recipients: Vec<Value> = self
            .recipients
            .iter()
            .map(|recipient| json!({"recipient": recipient.id, "notes": recipient.notes}))
            .collect();
        let files: Vec<Value> = self.rows.iter().map(Row::report).collect();
        let cluster = self.flux.map(|flux| flux.key.recipients());
        json!({
            "cluster": cluster,
            "clusterKeyIsAtHand": matches!(self.flux, Some(FluxView { key: ClusterKey::Known(_), .. })),
            "recipients": recipients,
            "files": files,
        })
    }
}

impl Row {
    fn report(&self) -> Value {
        let mut report = json!({"file": self.file, "recipients": self.groups, "flux": self.flux});
        if let Some(damage) = &self.damage {
            report["damage"] = Value::from(damage.as_str());
        }
        report
    }

    fn cell(&self, id: &str) -> String {
        match self.groups.get(id) {
            None => "·".to_owned(),
            Some(groups) if self.is_shared => {
                let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
                groups.join("+")
            }
            Some(_) => "x".to_owned(),
        }
    }
}

fn row(
    root: &Utf8Path,
    file: &Utf8Path,
    encrypted: &EncryptedFile,
    flux: Option<&FluxView>,
) -> Row {
    let mut groups = BTreeMap::<String, BTreeSet<usize>>::new();
    let metadata = encrypted.metadata();
    for (index, group) in metadata.key_groups.iter().enumerate() {
        for key in &group.keys {
            let id = match key {
                MasterKey::Age { recipient, .. } => recipient.clone(),
                MasterKey::Other { kind, .. } => format!("{} {}", kind.field(), key.id()),
                _ => key.id().to_owned(),
            };
            groups.entry(id).or_default().insert(index + 1);
        }
    }
    let relative = file.strip_prefix(root).unwrap_or(file);
    Row {
        file: file.to_owned(),
        groups,
        is_shared: metadata.key_groups.len() > 1,
        flux: flux
            .filter(|flux| flux.reads(relative))
            .map(|flux| flux.opens(encrypted)),
        damage: None,
    }
}

fn damaged_row(root: &Utf8Path, file: &Utf8Path, damage: &str, flux: Option<&FluxView>) -> Row {
    let relative = file.strip_prefix(root).unwrap_or(file);
    let flux = flux.filter(|flux| flux.reads(relative));
    Row {
        file: file.to_owned(),
        groups: BTreeMap::new(),
        is_shared: false,
        flux: flux.map(|_| false),
        damage: Some(damage.to_owned()),
    }
}

fn notes<'a>(
    id: &str,
    loaded: impl Iterator<Item = &'a Identities>,
    flux: Option<&FluxView>,
) -> Vec<String> {
    let mut notes = BTreeSet::new();
    for identity in loaded.flat_map(Identities::iter) {
        if identity.identity.public_part() == id {
            notes.insert(format!("private key in {}", identity.origin));
        }
    }
    let mut notes: Vec<String> = notes.into_iter().collect();
    match flux.map(|flux| &flux.key) {
        Some(ClusterKey::Known(key)) if key == id => notes.push("the cluster's".to_owned()),
        Some(ClusterKey::OneOf(keys)) if keys.iter().any(|key| key == id) => {
            notes.push("in homelab.yaml".to_owned());
        }
        _ => {}
    }
    notes
}
