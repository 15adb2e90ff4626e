//! `homelab secrets git-setup`.

use camino::Utf8Path;

use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::git::index;
use crate::store::sealed::RULES_FILE;
use crate::store::{CreateError, Original, Readers, create};

/// What the drivers are called in Git's configuration.
const DRIVER: &str = "homelab-secrets";

/// Which files they are for, where nobody says.
const PATTERNS: [&str; 5] = [
    "*.sops.yaml",
    "*.sops.yml",
    "*.sops.json",
    "*.sops.env",
    "*.sops.ini",
];

const ATTRIBUTES: &str = ".gitattributes";

/// Arguments of `homelab secrets git-setup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes lines into .gitattributes, which belongs into a commit, and the two drivers into this
clone's own configuration: everybody runs it once in their clone. `git diff` and `git log -p` then
show plaintext to whoever has a key, and `git merge` merges values instead of ciphertext, with a
new MAC.

Examples:
  homelab secrets git-setup
  homelab secrets git-setup --pattern 'talos/*.yaml'")]
pub struct GitSetupArgs {
    /// Files that are encrypted, as in .gitattributes; may be repeated. Without it: *.sops.yaml and
    /// its like.
    #[arg(long, value_name = "PATTERN")]
    pattern: Vec<String>,
}

/// Wires the diff and merge drivers.
pub fn run(context: &Context, args: GitSetupArgs) -> Outcome {
    let root = &context.settings.root;
    let Some(top) = index::top(root) else {
        return Err(
            Failure::message(Kind::Failed, format!("`{root}` lies in no Git repository"))
                .hint("run `git init` first"),
        );
    };
    let patterns = if args.pattern.is_empty() {
        PATTERNS.map(str::to_owned).to_vec()
    } else {
        args.pattern
    };
    let added = add_attributes(&top, &patterns)?;
    for (key, value) in settings() {
        index::text(root, &["config", "--local", &key, &value])?;
    }
    if added > 0 {
        context.ui.note(&format!(
            "added {added} lines to `{ATTRIBUTES}`; commit it, so that everybody's clone knows"
        ));
    }
    context
        .ui
        .note("`git diff` shows plaintext and `git merge` merges values in this clone from now on");
    Ok(ExitStatus::Done)
}

/// Git's configuration. `cachetextconv` must stay off: it would write plaintext into the repository.
fn settings() -> [(String, String); 5] {
    let key = |kind: &str, name: &str| format!("{kind}.{DRIVER}.{name}");
    [
        (
            key("diff", "textconv"),
            "homelab secrets diff --textconv".to_owned(),
        ),
        (key("diff", "cachetextconv"), "false".to_owned()),
        (key("merge", "name"), "values of SOPS files".to_owned()),
        (
            key("merge", "driver"),
            "homelab secrets merge-driver %O %A %B %P".to_owned(),
        ),
        (key("merge", "recursive"), "binary".to_owned()),
    ]
}

/// Returns the lines to add. The rules are in the clear, and most patterns match their name as well:
/// the last line that matches holds, so that they are taken out after all others.
fn missing_lines(old: &str, patterns: &[String]) -> Vec<String> {
    let wanted = patterns
        .iter()
        .map(|pattern| format!("{pattern} diff={DRIVER} merge={DRIVER}"));
    let mut missing: Vec<String> = wanted
        .filter(|wanted| old.lines().all(|line| line.trim() != wanted))
        .collect();
    let exclusion = format!("{RULES_FILE} !diff !merge");
    let excluded = old
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| *line == exclusion || line.ends_with(&format!("merge={DRIVER}")));
    if !missing.is_empty() || excluded != Some(exclusion.as_str()) {
        missing.push(exclusion);
    }
    missing
}

/// Adds what is missing to `.gitattributes`; returns how many lines that is.
fn add_attributes(top: &Utf8Path, patterns: &[String]) -> Result<usize, Failure> {
    let file = top.join(ATTRIBUTES);
    let original = file.exists().then(|| Original::read(&file)).transpose()?;
    let old = match &original {
        Some(original) => String::from_utf8(original.bytes().to_vec())?,
        None => String::new(),
    };
    let missing = missing_lines(&old, patterns);
    if missing.is_empty() {
        return Ok(0);
    }
    let mut new = old;
    if !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    for line in &missing {
        new.push_str(line);
        new.push('\n');
    }
    match original {
        Some(original) => original.replace(new.as_bytes())?,
        None => create(top, Utf8Path::new(ATTRIBUTES), new.as_bytes(), Readers::All)
            .map_err(|error: CreateError| Failure::from(error))?,
    }
    Ok(missing.len())
}
