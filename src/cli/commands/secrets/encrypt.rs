//! `homelab secrets encrypt`.

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::{Config, CreationRule, Document, EncryptedFile};

use super::file;
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};

/// Arguments of `homelab secrets encrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The rule that matches a file is taken from the nearest .sops.yaml, in the file's directory or above.
Nothing is written unless every file can be encrypted; each file is replaced as a whole.

Examples:
  homelab secrets encrypt cluster/secrets/cert-manager/cloudflare.sops.yaml
  homelab secrets encrypt cluster/secrets/*/*.sops.yaml
  homelab secrets encrypt --output json secret.sops.yaml   which rule matched, for whom, how much")]
pub struct EncryptArgs {
    /// The files to encrypt in place.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<Utf8PathBuf>,
}

/// Encrypts files in place by the rules of `.sops.yaml`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: EncryptArgs) -> Outcome {
    let mut prepared = Vec::new();
    let mut failures = Vec::new();
    for name in &args.files {
        match prepare(&file::resolve(context, name)) {
            Ok(ready) => prepared.push(ready),
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(failure) = combined(failures, args.files.len()) {
        return Err(failure);
    }
    for ready in &prepared {
        file::replace(&ready.path, ready.text.as_bytes())?;
        context.ui.note(&ready.summary());
    }
    if context.ui.is_json() {
        let files: Vec<_> = prepared.iter().map(Prepared::report).collect();
        context.ui.json(&json!({ "files": files }))?;
    }
    Ok(ExitStatus::Done)
}

/// A file that is encrypted, but not written.
struct Prepared {
    path: Utf8PathBuf,
    text: String,
    config: Utf8PathBuf,
    rule: usize,
    recipients: Vec<String>,
    values: usize,
}

impl Prepared {
    fn summary(&self) -> String {
        let values = if self.values == 1 { "value" } else { "values" };
        format!(
            "encrypted `{}`: {} {values} for {} (rule {} of `{}`)",
            self.path,
            self.values,
            self.recipients.join(", "),
            self.rule,
            self.config
        )
    }

    fn report(&self) -> serde_json::Value {
        json!({
            "file": self.path,
            "config": self.config,
            "rule": self.rule,
            "recipients": self.recipients,
            "encryptedValues": self.values,
        })
    }
}

fn prepare(path: &Utf8Path) -> Result<Prepared, Failure> {
    let format = file::format(path)?;
    let text = file::read(path)?;
    file::check_writable(path)?;
    let document = Document::parse(format, text.as_bytes()).with_context(|| format!("`{path}`"))?;
    if document.is_encrypted() {
        return Err(already_encrypted(path));
    }
    let (config_path, config) = find_config(path)?;
    let rule = find_rule(path, &config_path, &config)?;
    let encryption = rule
        .encryption_rule()
        .with_context(|| format!("`{config_path}` cannot encrypt `{path}`"))?;
    let encrypted = document
        .encrypt(&encryption)
        .with_context(|| format!("`{path}`"))?;
    let values = encrypted.encrypted_values();
    if values == 0 {
        return Err(nothing_selected(path, &config_path, rule));
    }
    let text = encrypted.to_text_with(config.layout());
    check_readable(&encrypted, &text, path)?;
    let recipients = encryption.recipients().map(ToString::to_string).collect();
    Ok(Prepared {
        path: path.to_owned(),
        text,
        config: config_path,
        rule: rule.number(),
        recipients,
        values,
    })
}

fn find_config(path: &Utf8Path) -> Result<(Utf8PathBuf, Config), Failure> {
    let found = Config::find(path.as_std_path())
        .with_context(|| format!("cannot look for the rules of `{path}`"))?;
    let Some(found) = found else {
        return Err(Failure::message(
            Kind::Refused,
            format!("no `.sops.yaml` says for whom `{path}` is to be encrypted"),
        )
        .hint(
            "run `homelab secrets init` in the repository's root, or write a `.sops.yaml` there",
        ));
    };
    let config = Config::load(&found).with_context(|| format!("`{}`", found.display()))?;
    Ok((shown(&found), config))
}

/// A path as short as it can be said from here.
fn shown(path: &std::path::Path) -> Utf8PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(here).unwrap_or(path);
    Utf8PathBuf::from(path.to_string_lossy().into_owned())
}

fn find_rule<'a>(
    path: &Utf8Path,
    config_path: &Utf8Path,
    config: &'a Config,
) -> Result<&'a CreationRule, Failure> {
    let absolute = std::path::absolute(path).with_context(|| format!("`{path}`"))?;
    config.rule_for(&absolute).ok_or_else(|| {
        let patterns: Vec<_> = config
            .rules()
            .iter()
            .filter_map(CreationRule::path_regex)
            .map(|pattern| format!("`{}`", pattern.as_str()))
            .collect();
        Failure::message(
            Kind::Refused,
            format!("no rule of `{config_path}` matches `{path}`"),
        )
        .hint(format!("its rules match {}", patterns.join(", ")))
        .hint("name the file so that a rule matches, or add a rule")
    })
}

fn already_encrypted(path: &Utf8Path) -> Failure {
    Failure::message(
        Kind::Refused,
        format!("`{path}` is already encrypted (it has a `sops` entry)"),
    )
    .hint(format!(
        "run `homelab secrets decrypt {path}` to see what is in it"
    ))
}

fn nothing_selected(path: &Utf8Path, config: &Utf8Path, rule: &CreationRule) -> Failure {
    let number = rule.number();
    let selection = rule.encryption_rule().ok().and_then(|rule| {
        let (field, text) = rule.selection().as_field()?;
        Some(format!(" (`{field}: {text}`)"))
    });
    Failure::message(
        Kind::Refused,
        format!(
            "rule {number} of `{config}`{} encrypts nothing in `{path}`",
            selection.unwrap_or_default()
        ),
    )
    .hint("the file would stay readable for everyone: check its keys against the rule")
}

/// Makes sure that what will be written holds what was encrypted.
fn check_readable(encrypted: &EncryptedFile, text: &str, path: &Utf8Path) -> Result<(), Failure> {
    let format = file::format(path)?;
    match EncryptedFile::parse(format, text) {
        Ok(back) if back.tree().has_values_of(encrypted.tree()) => Ok(()),
        _ => Err(Failure::message(
            Kind::Failed,
            format!("`{path}` holds a value that would not read back as it was"),
        )),
    }
}

/// One failure of all, the first of which decides the exit code.
fn combined(failures: Vec<Failure>, files: usize) -> Option<Failure> {
    let others = failures.len();
    let mut failures = failures.into_iter();
    let first = failures.next()?;
    if files == 1 {
        return Some(first);
    }
    let mut message = format!("{others} of {files} files cannot be encrypted; none was written");
    let mut hints = Vec::new();
    let kind = first.kind;
    for failure in std::iter::once(first).chain(failures) {
        message += "\n  ";
        message += &failure.to_string();
        for hint in failure.hints {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    let combined = Failure::message(kind, message);
    Some(hints.into_iter().fold(combined, Failure::hint))
}
