//! `homelab secrets decrypt`.

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::{Config, Decrypted, EncryptedFile, Format, Identities, Layout, MacCheck, Warning};

use super::file;
use super::unlock;
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};

/// Arguments of `homelab secrets decrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Private keys are looked for in $SOPS_AGE_KEY, $SOPS_AGE_KEY_FILE, the output of $SOPS_AGE_KEY_CMD,
.sops/age.key of the repository, and sops/age/keys.txt in the user's configuration directory.

Examples:
  homelab secrets decrypt infrastructure/talos/secrets.sops.yaml
  homelab secrets decrypt --output json secret.sops.yaml | jq -r .stringData.password
  git show HEAD~1:secret.sops.yaml | homelab secrets decrypt -
  homelab secrets decrypt --in-place secret.sops.yaml      then edit, then `homelab secrets encrypt`")]
pub struct DecryptArgs {
    /// The file to decrypt; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: Utf8PathBuf,
    /// Write the result over the file instead of to standard output.
    #[arg(short, long)]
    pub in_place: bool,
    /// Decrypt although the MAC does not match: values may be missing or changed.
    #[arg(long)]
    pub ignore_mac: bool,
}

/// Decrypts a file.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: DecryptArgs) -> Outcome {
    let source = Source::read(context, &args)?;
    let check = if args.ignore_mac {
        MacCheck::Skipped
    } else {
        MacCheck::Required
    };
    let opened = open(context, &source, check)?;
    warn(context, &source, &opened);
    let text = opened.document.to_bytes_with(layout(context, &source));
    if !args.in_place && context.ui.is_json() {
        context
            .ui
            .json(&super::json::documents(opened.document.tree()))?;
    } else if args.in_place {
        file::replace(&source.path, &text)?;
        context.ui.note(&format!(
            "decrypted `{0}`; `{0}` is now in the clear",
            source.path
        ));
        if context.ui.is_json() {
            context
                .ui
                .json(&json!({ "file": source.path, "decrypted": true }))?;
        }
    } else {
        context.ui.result(&text)?;
    }
    Ok(ExitStatus::Done)
}

/// What is decrypted.
struct Source {
    path: Utf8PathBuf,
    is_stdin: bool,
    format: Format,
    text: zeroize::Zeroizing<String>,
}

impl Source {
    fn read(context: &Context, args: &DecryptArgs) -> Result<Self, Failure> {
        if args.file == "-" {
            if args.in_place {
                let message = "standard input cannot be replaced: `--in-place` needs a file";
                return Err(Failure::message(Kind::Usage, message));
            }
            return Ok(Self {
                path: unlock::STDIN.into(),
                is_stdin: true,
                format: Format::Yaml,
                text: file::read_stdin()?,
            });
        }
        let path = file::resolve(context, &args.file);
        let format = file::format(&path)?;
        let text = file::read(&path)?;
        if args.in_place {
            file::check_writable(&path)?;
        }
        Ok(Self {
            path,
            is_stdin: false,
            format,
            text,
        })
    }
}

fn open(context: &Context, source: &Source, check: MacCheck) -> Result<Decrypted, Failure> {
    let path = &source.path;
    let encrypted = EncryptedFile::parse(source.format, source.text.as_bytes())
        .map_err(|error| unlock::failure(path, error, None, &Identities::default()))?;
    let beside = (!source.is_stdin).then_some(path.as_path());
    let identities = unlock::identities(context, beside, &encrypted);
    encrypted
        .data_key(&identities)
        .and_then(|key| encrypted.decrypt_with(&key, check))
        .map_err(|error| unlock::failure(path, error, Some(&encrypted), &identities))
}

fn warn(context: &Context, source: &Source, opened: &Decrypted) {
    for warning in &opened.warnings {
        if let Warning::ClearComment { path } = warning {
            context.ui.warning(&format!(
                "`{}`: a comment at {path} was not encrypted, or belongs elsewhere; it is kept as it is",
                source.path
            ));
        }
    }
}

/// The layout that `.sops.yaml` asks for; a broken one does not keep a file closed.
fn layout(context: &Context, source: &Source) -> Layout {
    let beside: &Utf8Path = if source.is_stdin {
        &context.settings.root.join("-")
    } else {
        &source.path
    };
    let Ok(Some(path)) = Config::find(beside.as_std_path()) else {
        return Layout::default();
    };
    match Config::load(&path).with_context(|| format!("`{}`", path.display())) {
        Ok(config) => config.layout(),
        Err(error) => {
            context
                .ui
                .warning(&format!("{error:#}; its layout is not used"));
            Layout::default()
        }
    }
}
