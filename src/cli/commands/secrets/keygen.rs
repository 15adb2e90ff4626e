//! `homelab secrets keygen`.

use std::os::unix::fs::PermissionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::Identity;
use zeroize::Zeroizing;

use super::workspace::Workspace;
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::store::sealed::AGE_KEY_FILE;
use crate::store::{CreateError, Readers, create};

/// Arguments of `homelab secrets keygen`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The private key goes into a file that only you can read, and only where no file is yet. The public
key goes to standard output: put it into .sops.yaml and, for the cluster's own files, into
homelab.yaml.

Examples:
  homelab secrets keygen                          .sops/age.key, which Git ignores
  homelab secrets keygen --post-quantum --to ~/.config/sops/age/keys.txt
  homelab secrets keygen --to -                   to standard output, for a password manager
  homelab secrets keygen --public .sops/age.key   the public keys of a key file")]
pub struct KeygenArgs {
    /// Write the private key here; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = AGE_KEY_FILE)]
    to: Utf8PathBuf,
    /// Make a key that resists quantum computers as well (needs sops 3.12, age 1.3 or newer).
    #[arg(long)]
    post_quantum: bool,
    /// Make nothing; print the public keys of this key file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "post_quantum"])]
    public: Option<Utf8PathBuf>,
}

/// Makes a key.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: KeygenArgs) -> Outcome {
    if let Some(file) = &args.public {
        return public(context, file);
    }
    let identity = if args.post_quantum {
        Identity::generate_post_quantum()
    } else {
        Identity::generate()
    };
    let recipient = identity.public_part();
    let secret = identity.to_text().unwrap_or_default();
    let text = Zeroizing::new(format!("# public key: {recipient}\n{}\n", *secret));
    if args.to == "-" {
        context.ui.bytes(text.as_bytes())?;
        return Ok(ExitStatus::Done);
    }
    write(context, &args.to, &text)?;
    if context.ui.is_json() {
        context
            .ui
            .json(&json!({ "file": args.to, "recipient": recipient }))?;
    } else {
        context.ui.result(format!("{recipient}\n").as_bytes())?;
    }
    context.ui.note(&format!(
        "wrote `{}`: back it up outside this repository, nothing else opens what is encrypted for it",
        args.to
    ));
    Ok(ExitStatus::Done)
}

fn write(context: &Context, to: &Utf8Path, text: &str) -> Result<(), Failure> {
    let root = &context.settings.root;
    if to == AGE_KEY_FILE {
        close_folder(&root.join(".sops"))?;
    }
    create(root, to, text.as_bytes(), Readers::Owner).map_err(|error| match error {
        CreateError::Exists(_) => Failure::new(Kind::Refused, error)
            .hint("a key is never replaced: what is encrypted for it would be lost")
            .hint("name another file with `--to`"),
        CreateError::Write { .. } => Failure::new(Kind::Failed, error),
    })
}

/// Makes the folder of the repository's key: closed to others, ignored by Git.
fn close_folder(folder: &Utf8Path) -> Result<(), Failure> {
    fs_err::create_dir_all(folder)?;
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    match create(folder, Utf8Path::new(".gitignore"), b"*\n", Readers::All) {
        Ok(()) | Err(CreateError::Exists(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn public(context: &Context, file: &Utf8Path) -> Outcome {
    let workspace = Workspace::new(context);
    let path = workspace.path(file);
    let identities = super::unlock::key_file(&path)?;
    let recipients: Vec<String> = identities
        .iter()
        .map(|loaded| loaded.identity.public_part())
        .collect();
    if context.ui.is_json() {
        context.ui.json(&json!({ "recipients": recipients }))?;
    } else {
        context
            .ui
            .result(format!("{}\n", recipients.join("\n")).as_bytes())?;
    }
    Ok(ExitStatus::Done)
}
