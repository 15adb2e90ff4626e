//! `homelab init`.

use std::net::IpAddr;

use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;
use serde::Serialize;

use super::secrets::init::{Wanted, advice, make};
use super::{Outcome, render};
use crate::cli::load::{self, SPEC_FILE};
use crate::cli::sealed::removed_failure;
use crate::cli::{Context, ExitStatus, Failure, Kind, Settings};
use crate::model::NodeName;
use crate::render::bootstrap::GIT_CREDENTIALS;
use crate::render::talos::BUNDLE_PATH;
use crate::spec::preset::{Choices, Preset};
use crate::store::sealed::{self, AGE_KEY_FILE, Made, OwnKey, RULES_FILE, State, refuse_removed};
use crate::store::{CreateError, Readers, create};

const ABOUT: &str = "\
Makes a new cluster's repository: a commented homelab.yaml with pinned component versions, an age key \
(.sops/age.key, never in Git), encryption rules, the cluster's encrypted secrets, and everything that \
`homelab render` makes from them. Nothing that exists is overwritten.";

const EXAMPLES: &str = "\
Examples:
  homelab init demo
  homelab init --preset one-node --nodes box=192.168.1.20 demo
  homelab init --name rack --vip 10.0.0.100 --nodes a=10.0.0.11,b=10.0.0.12,c=10.0.0.13 rack
  homelab init --add-missing                # finish a run that was interrupted";

/// The schema that the first line of the spec names, for editors.
const SCHEMA_FILE: &str = "docs/schema/homelab.schema.json";

/// What stays out of Git.
const GIT_IGNORE: &str = "\
# private keys and local state never enter Git
.sops/
.homelab/state/
# what a killed run was writing; the next one removes it
.homelab-*.tmp
";

/// Arguments of `homelab init`.
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub struct InitArgs {
    /// The repository's directory; it is made when missing.
    #[arg(value_name = "DIR", default_value = ".")]
    repository: Utf8PathBuf,
    /// What to start from.
    #[arg(long, value_enum, default_value_t)]
    preset: PresetArg,
    /// The cluster's name. That of the directory unless you say otherwise, where a cluster can be
    /// called so: lower-case letters, digits and hyphens.
    #[arg(long, value_name = "NAME")]
    name: Option<NodeName>,
    /// Machines by name and address; the first ones become control planes.
    #[arg(long, value_name = "NAME=ADDRESS,…", value_delimiter = ',', value_parser = node)]
    nodes: Vec<(NodeName, IpAddr)>,
    /// The virtual IP of the Kubernetes API.
    #[arg(long, value_name = "ADDRESS")]
    vip: Option<IpAddr>,
    /// Where the repository will be pushed to.
    #[arg(long, value_name = "URL")]
    git_url: Option<String>,
    /// Work in a directory that holds files already, and add only what is missing.
    #[arg(long)]
    add_missing: bool,
}

impl InitArgs {
    /// Whether anything of the spec was chosen.
    fn chooses(&self) -> bool {
        self.name.is_some()
            || !self.nodes.is_empty()
            || self.vip.is_some()
            || self.git_url.is_some()
    }
}

/// The presets, as they are typed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum PresetArg {
    /// Three control planes that also work, behind a virtual IP.
    #[default]
    TalosHa,
    /// One machine.
    OneNode,
}

/// What a run made.
#[derive(Debug, Serialize)]
struct Repository {
    directory: Utf8PathBuf,
    files: Vec<Utf8PathBuf>,
    rendered: usize,
    recipient: String,
}

/// Runs the command.
pub fn run(context: &Context, args: InitArgs) -> Outcome {
    let root = context.settings.root.join(&args.repository);
    refuse_foreign_files(&root, args.add_missing)?;
    try_choices(context, &root, &args)?;
    refuse_second_key(&root)?;
    let own = [SPEC_FILE, RULES_FILE, BUNDLE_PATH, GIT_CREDENTIALS].map(Utf8Path::new);
    refuse_removed(&root, &own).map_err(removed_failure)?;
    let key = sealed::own_key(&root).map_err(|error| Failure::new(Kind::Failed, error))?;
    let mut files = write_own_files(&root, &args, &key)?;

    let inside = Context::new(Settings {
        root: root.clone(),
        ..context.settings.clone()
    });
    let (cluster, catalog) = load::load(&inside)?;
    context.ui.note("making the cluster's secrets");
    let mut report = make(&root, &cluster, &catalog, &mut Wanted::default())?;
    if key.is_new {
        report.key = Some(Made {
            file: AGE_KEY_FILE.into(),
            state: State::Made,
        });
    }
    let new = report.files().filter(|(_, state)| *state == State::Made);
    files.extend(new.map(|(file, _)| file.to_owned()));
    let made = Repository {
        rendered: render::write(&root, &cluster, &catalog)?,
        directory: args.repository,
        files,
        recipient: key.recipient,
    };
    show(context, &made, &advice(&report))?;
    Ok(ExitStatus::Done)
}

/// A key made beside a bundle that another one opens would open nothing.
fn refuse_second_key(root: &Utf8Path) -> Result<(), Failure> {
    if root.join(BUNDLE_PATH).exists() && !root.join(AGE_KEY_FILE).exists() {
        return Err(Failure::message(
            Kind::Refused,
            format!("`{BUNDLE_PATH}` is there, but not `{AGE_KEY_FILE}`, the key that opens it"),
        )
        .hint(format!("put the key back into `{AGE_KEY_FILE}`; no second one is made"))
        .hint("with the key elsewhere, `homelab secrets init` and `homelab render` add what is missing"));
    }
    Ok(())
}

/// A directory with files in it is somebody's; only `--add-missing` works in it.
fn refuse_foreign_files(root: &Utf8Path, add_missing: bool) -> Result<(), Failure> {
    let entries = match fs_err::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let shown = match root.strip_prefix(".") {
        Ok(inside) if inside == "" => Utf8Path::new("."),
        Ok(inside) => inside,
        Err(_) => root,
    };
    match names.filter(|name| name != ".git").min() {
        Some(name) if !add_missing => Err(Failure::message(
            Kind::Refused,
            format!("`{shown}` is not empty: it holds `{name}`"),
        )
        .hint("name another directory")
        .hint("or pass `--add-missing`: what is there stays as it is")),
        _ => Ok(()),
    }
}

/// Tries the choices before anything is written: a mistyped one leaves no half repository behind.
fn try_choices(context: &Context, root: &Utf8Path, args: &InitArgs) -> Result<(), Failure> {
    if root.join(SPEC_FILE).exists() {
        if args.chooses() {
            context.ui.warning(&format!(
                "{SPEC_FILE} is there already and stays as it is: `--name`, `--nodes`, `--vip` and `--git-url` change nothing in it"
            ));
        }
        return Ok(());
    }
    let checked = load::check_text(root, &spec(root, args, Vec::new())?)?;
    if checked.cluster.is_some() {
        return Ok(());
    }
    load::show(context, &checked);
    Err(load::failure(&checked)
        .hint("nothing was written: correct the command line, or begin without these options"))
}

/// The spec that was asked for; without recipients it names those of the preset.
fn spec(root: &Utf8Path, args: &InitArgs, recipients: Vec<String>) -> Result<String, Failure> {
    let preset = match args.preset {
        PresetArg::TalosHa => Preset::TalosHa,
        PresetArg::OneNode => Preset::OneNode,
    };
    preset
        .instantiate(&Choices {
            name: args.name.clone().or_else(|| directory_name(root)),
            nodes: args.nodes.clone(),
            vip: args.vip,
            git_url: args.git_url.clone(),
            recipients,
        })
        .map_err(|error| Failure::new(Kind::Usage, error))
}

/// Returns the directory's name, where a cluster can be called so. Two clusters of one name would
/// meet in the files that `kubectl` and `talosctl` read.
fn directory_name(root: &Utf8Path) -> Option<NodeName> {
    let whole = root.canonicalize_utf8();
    let whole = whole.as_deref().unwrap_or(root);
    whole.file_name()?.parse().ok()
}

/// Writes the files that people own from then on; returns those that were not there.
fn write_own_files(
    root: &Utf8Path,
    args: &InitArgs,
    key: &OwnKey,
) -> Result<Vec<Utf8PathBuf>, Failure> {
    let spec_text = spec(root, args, vec![key.recipient.clone()])?;
    let schema = serde_json::to_string_pretty(crate::spec::schema())? + "\n";
    let mut files = Vec::new();
    for (file, text) in [
        (SPEC_FILE, spec_text.as_str()),
        (SCHEMA_FILE, &schema),
        (".gitignore", GIT_IGNORE),
    ] {
        let file = Utf8Path::new(file);
        match create(root, file, text.as_bytes(), Readers::All) {
            Ok(()) => files.push(file.to_owned()),
            Err(CreateError::Exists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(files)
}

fn show(context: &Context, made: &Repository, advice: &[String]) -> Result<(), Failure> {
    if context.ui.is_json() {
        context.ui.json(made)?;
    } else {
        let rendered = format!("rendered {} files from {SPEC_FILE}", made.rendered);
        let made = made.files.iter().map(|file| format!("made {file}"));
        let lines: Vec<String> = made.chain([rendered]).collect();
        let text = lines.join("\n") + "\n";
        context.ui.result(text.as_bytes())?;
    }
    for line in advice {
        context.ui.note(line);
    }
    let enter = match made.directory.as_str() {
        "." => String::new(),
        directory => format!("cd {directory} && "),
    };
    context.ui.note("\nNext:");
    context.ui.note(&format!(
        "  {enter}$EDITOR {SPEC_FILE}    # your addresses, disks and network cards"
    ));
    context.ui.note("  homelab validate && homelab render");
    context
        .ui
        .note("  homelab rehearse            # your cluster, before you own it");
    context.ui.note(
        "  git init -b main && git add -A && git commit    # then push it to where Flux reads it",
    );
    Ok(())
}

fn node(text: &str) -> Result<(NodeName, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or_else(|| {
        format!("expected NAME=ADDRESS such as `talos-1=192.168.1.101`, found `{text}`")
    })?;
    let address = address
        .parse()
        .map_err(|_| format!("expected an IP address, found `{address}`"))?;
    Ok((name.parse().map_err(|error| format!("{error}"))?, address))
}
