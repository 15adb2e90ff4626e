//! `homelab secrets encrypt`.

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::{CreationRule, Document, Format, MacCheck};

use super::change::{self, Change, Prepared, Verb, WriteArgs};
use super::checked_text::{CheckedText, Meant};
use super::workspace::{Workspace, format};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::store::sealed::{RULES_FILE, Rules, selection_text};
use crate::store::{Origin, Original, Selected, Selection, read_from};

const EXAMPLES: &str = "\
The rule that matches a file is taken from the nearest .sops.yaml, in the file's directory or
above. In directories, files that a rule names by `path_regex` are taken, but for those that Git
ignores and those that are encrypted already. Nothing is written unless every file can be
encrypted; each is replaced as a whole.

Examples:
  homelab secrets encrypt cluster/secrets/cert-manager/cloudflare.sops.yaml
  homelab secrets encrypt cluster                          everything in it that a rule is for
  homelab secrets encrypt --check .                        in CI: is anything still in the clear?
  homelab secrets encrypt --reuse old.yaml new.yaml        what did not change keeps its bytes
  kubectl create secret generic db --from-literal=password=x --dry-run=client -o yaml |
    homelab secrets encrypt --name cluster/secrets/db/db.sops.yaml - > db.sops.yaml";

/// Arguments of `homelab secrets encrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct EncryptArgs {
    /// Files, directories and patterns to encrypt in place; `-` encrypts standard input to standard
    /// output.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<Utf8PathBuf>,
    /// The name that standard input would have as a file: it decides the format and the rule.
    #[arg(long, value_name = "FILE")]
    name: Option<Utf8PathBuf>,
    /// Take data key and nonces of this encrypted file, so that unchanged values keep their bytes.
    #[arg(long, value_name = "OLD")]
    reuse: Option<Utf8PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Encrypts files by the rules of `.sops.yaml`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: EncryptArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let old = args.reuse.as_deref();
    if args.paths == ["-"] {
        return stdin(&workspace, args.name.as_deref(), old, args.write);
    }
    change::refuse_stdin(&args.paths)?;
    let selection = workspace.select(&args.paths)?;
    if old.is_some() && selection.files.len() != 1 {
        let message = "`--reuse` takes the data key of one file for one other";
        return Err(Failure::message(Kind::Usage, message));
    }
    tell_passed_over(&workspace, &selection);
    let verb = Verb {
        past: "encrypted",
        base: "encrypt",
    };
    change::run(&workspace, &selection, args.write, verb, |file| {
        prepare(&workspace, file, old)
    })
}

fn stdin(
    workspace: &Workspace<'_>,
    name: Option<&Utf8Path>,
    old: Option<&Utf8Path>,
    write: WriteArgs,
) -> Outcome {
    let Some(name) = name else {
        let message = "standard input has no name that a rule could match";
        return Err(Failure::message(Kind::Usage, message)
            .hint("say with `--name FILE` what it would be called"));
    };
    let bytes = read_from(
        &mut std::io::stdin().lock(),
        Utf8Path::new("standard input"),
    )?;
    let path = workspace.path(name);
    let sealed = seal(workspace, &path, &bytes, old)?;
    let ui = &workspace.context.ui;
    if write.writes() {
        ui.bytes(sealed.contents.bytes())?;
    } else if ui.is_json() {
        ui.json(&json!({ "files": [sealed.report(&path)], "written": false }))?;
    } else {
        ui.note(&format!("would encrypt {}", sealed.summary(&path)));
    }
    Ok(if write.is_check() {
        ExitStatus::Differs
    } else {
        ExitStatus::Done
    })
}

fn prepare(
    workspace: &Workspace<'_>,
    file: &Selected,
    old: Option<&Utf8Path>,
) -> Result<Prepared, Failure> {
    let path = &file.path;
    if file.origin == Origin::Found && matched(workspace, path) != Match::Named {
        return Ok(Prepared::Same);
    }
    let original = Original::read(path)?;
    original.check_writable()?;
    let sealed = match seal(workspace, path, original.bytes(), old) {
        Err(failure) if file.origin == Origin::Found && is_done(&failure) => {
            return Ok(Prepared::Same);
        }
        sealed => sealed?,
    };
    Ok(Prepared::Change(Change {
        summary: sealed.summary(path),
        report: sealed.report(path),
        original,
        contents: sealed.contents,
    }))
}

/// Tells whether a file was left alone because it is encrypted already.
fn is_done(failure: &Failure) -> bool {
    let reason = failure.error.downcast_ref::<NotForEncryption>();
    matches!(reason, Some(NotForEncryption::Already(_)))
}

/// What the rules say of a file that was found in a directory.
#[derive(PartialEq, Eq)]
enum Match {
    /// A rule names it by `path_regex`.
    Named,
    /// Only a rule that matches every file is for it.
    CatchAll,
    /// No rule is for it.
    No,
}

fn matched(workspace: &Workspace<'_>, path: &Utf8Path) -> Match {
    if path.file_name() == Some(RULES_FILE) {
        return Match::No;
    }
    // Rules that cannot be read are told when the file is encrypted.
    let Ok(rules) = workspace.rules.rules_for(path) else {
        return Match::Named;
    };
    match rules.as_deref().and_then(|rules| rules.rule_for(path)) {
        Some(rule) if rule.path_regex().is_some() => Match::Named,
        Some(_) => Match::CatchAll,
        None => Match::No,
    }
}

/// Says that a rule without `path_regex` is none for whole directories: it matches every file.
fn tell_passed_over(workspace: &Workspace<'_>, selection: &Selection) {
    let mut found = selection.files.iter();
    let passed_over = found.find(|file| {
        file.origin == Origin::Found && matched(workspace, &file.path) == Match::CatchAll
    });
    if let Some(Selected { path, .. }) = passed_over {
        workspace.context.ui.note(&format!(
            "files that only a rule without `path_regex` matches are passed over in directories, as `{path}`: name \
             them, or give the rule a `path_regex`"
        ));
    }
}

/// Why a file is not encrypted although nothing failed.
#[derive(Debug, thiserror::Error)]
enum NotForEncryption {
    #[error("`{0}` is already encrypted (it has a `sops` entry)")]
    Already(Utf8PathBuf),
    #[error("rule {rule} of `{rules}`{selection} encrypts nothing in `{file}`")]
    Nothing {
        file: Utf8PathBuf,
        rules: Utf8PathBuf,
        rule: usize,
        selection: String,
    },
}

/// A file that is encrypted, but not written.
struct Sealed {
    contents: CheckedText,
    rules: Utf8PathBuf,
    rule: usize,
    recipients: Vec<String>,
    values: usize,
}

impl Sealed {
    fn summary(&self, path: &Utf8Path) -> String {
        let values = if self.values == 1 { "value" } else { "values" };
        format!(
            "`{path}`: {} {values} for {} (rule {} of `{}`)",
            self.values,
            self.recipients.join(", "),
            self.rule,
            self.rules
        )
    }

    fn report(&self, path: &Utf8Path) -> serde_json::Value {
        json!({
            "file": path,
            "config": self.rules,
            "rule": self.rule,
            "recipients": self.recipients,
            "encryptedValues": self.values,
        })
    }
}

fn seal(
    workspace: &Workspace<'_>,
    path: &Utf8Path,
    bytes: &[u8],
    old: Option<&Utf8Path>,
) -> Result<Sealed, Failure> {
    let document = Document::parse(format(path), bytes).with_context(|| format!("`{path}`"))?;
    if is_encrypted(&document, bytes) {
        return Err(already_encrypted(path));
    }
    if let Some(lost) = Document::lost_digits(format(path), bytes) {
        return Err(Failure::new(
            Kind::Failed,
            anyhow::Error::new(lost).context(format!("`{path}`")),
        ));
    }
    let rules = workspace.rules_for(path)?;
    let rule = find_rule(path, &rules)?;
    let encryption = rule
        .encryption_rule()
        .with_context(|| format!("`{}` cannot encrypt `{path}`", rules.file))?;
    let (encrypted, key) = if let Some(old) = old {
        let reused = super::reuse::encrypt(workspace, &document, &encryption, old)?;
        (reused.file, Some(reused.key))
    } else {
        // The key that opens it need not be at hand.
        let encrypted = document.encrypt(&encryption);
        (encrypted.with_context(|| format!("`{path}`"))?, None)
    };
    let values = encrypted.encrypted_values();
    if values == 0 {
        return Err(nothing_selected(path, &rules, rule));
    }
    let meant = key.as_ref().map(|key| Meant {
        key,
        document: &document,
        mac: MacCheck::Required,
    });
    let contents = CheckedText::encrypted(workspace, path, &encrypted, bytes, meant)?;
    let recipients = encrypted.metadata().age_recipients();
    Ok(Sealed {
        contents,
        rules: rules.file.clone(),
        rule: rule.number(),
        recipients: recipients.map(str::to_owned).collect(),
        values,
    })
}

/// Encrypts a new file's text by its rule.
pub(super) fn contents(
    workspace: &Workspace<'_>,
    path: &Utf8Path,
    text: &[u8],
) -> Result<CheckedText, Failure> {
    Ok(seal(workspace, path, text, None)?.contents)
}

/// Tells whether a file is encrypted already; a binary one then is JSON.
fn is_encrypted(document: &Document, bytes: &[u8]) -> bool {
    document.is_encrypted()
        || document.format() == Format::Binary
            && Document::parse(Format::Json, bytes).is_ok_and(|json| json.is_encrypted())
}

fn find_rule<'a>(path: &Utf8Path, rules: &'a Rules) -> Result<&'a CreationRule, Failure> {
    rules.rule_for(path).ok_or_else(|| {
        let patterns = rules.config.rules().iter();
        let patterns: Vec<_> = patterns
            .filter_map(CreationRule::path_regex)
            .map(|pattern| format!("`{}`", pattern.as_str()))
            .collect();
        Failure::message(
            Kind::Refused,
            format!("no rule of `{}` matches `{path}`", rules.file),
        )
        .hint(format!("its rules match {}", patterns.join(", ")))
        .hint("name the file so that a rule matches, or add a rule")
    })
}

fn already_encrypted(path: &Utf8Path) -> Failure {
    Failure::new(Kind::Refused, NotForEncryption::Already(path.to_owned())).hint(format!(
        "run `homelab secrets decrypt {path}` to see what is in it, or `homelab secrets edit {path}`"
    ))
}

fn nothing_selected(path: &Utf8Path, rules: &Rules, rule: &CreationRule) -> Failure {
    let selection = rule
        .encryption_rule()
        .map(|rule| format!(" (`{}`)", selection_text(rule.selection())));
    let reason = NotForEncryption::Nothing {
        file: path.to_owned(),
        rules: rules.file.clone(),
        rule: rule.number(),
        selection: selection.unwrap_or_default(),
    };
    Failure::new(Kind::Refused, reason)
        .hint("the file would stay readable for everyone: check its keys against the rule")
}
