//! `homelab secrets decrypt`.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::{Decrypted, Document, EncryptedFile, Format, Identities, MacCheck, Warning};

use super::change::{self, Change, Prepared, Verb, WriteArgs};
use super::checked_text::CheckedText;
use super::unlock;
use super::workspace::{Workspace, format, is_encrypted};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::git::index;
use crate::store::{Origin, Original, Selected, Selection, read_from};

const EXAMPLES: &str = "\
Private keys are looked for in $SOPS_AGE_KEY, $SOPS_AGE_KEY_FILE, the output of $SOPS_AGE_KEY_CMD,
.sops/age.key of the repository, sops/age/keys.txt in the user's configuration directory, and SSH
keys.

Examples:
  homelab secrets decrypt infrastructure/talos/secrets.sops.yaml
  homelab secrets decrypt --output json secret.sops.yaml | jq -r .stringData.password
  git show HEAD~1:secret.sops.yaml | homelab secrets decrypt -
  git show HEAD~1:key.sops.bin | homelab secrets decrypt --name key.sops.bin -
  homelab secrets decrypt --keep-going damaged.sops.yaml   what opens; paths of the rest
  homelab secrets decrypt --in-place local/                every encrypted file in it

`homelab secrets edit` changes a file without leaving it in the clear.";

/// Arguments of `homelab secrets decrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct DecryptArgs {
    /// The file to decrypt; `-` is standard input. With --in-place: files, directories and patterns.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<Utf8PathBuf>,
    /// Write the result over the file instead of to standard output.
    #[arg(short, long)]
    pub in_place: bool,
    /// Write plaintext even over a file that Git tracks: the next commit would publish it.
    #[arg(long, requires = "in_place")]
    over_tracked: bool,
    /// Decrypt although the MAC does not match: values may be missing or changed.
    #[arg(long)]
    pub ignore_mac: bool,
    /// Decrypt what can be decrypted, leave the rest as it is, and list it; exits with 1 then.
    #[arg(long, conflicts_with = "in_place")]
    keep_going: bool,
    /// The format, where the name does not tell it: yaml, json, dotenv, ini, binary.
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    format: Option<Format>,
    /// The name that standard input would have as a file: it decides the format, and the rules for its
    /// layout.
    #[arg(long, value_name = "FILE", conflicts_with = "in_place")]
    name: Option<Utf8PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
}

fn parse_format(name: &str) -> Result<Format, String> {
    Format::from_name(name).ok_or_else(|| "expected yaml, json, dotenv, ini or binary".to_owned())
}

/// Decrypts a file, or several in place.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: DecryptArgs) -> Outcome {
    let workspace = Workspace::new(context);
    if args.in_place {
        return in_place(&workspace, &args);
    }
    if !args.write.writes() {
        let message =
            "nothing is written without `--in-place`: `--dry-run` and `--check` go with it";
        return Err(Failure::message(Kind::Usage, message));
    }
    let [name] = args.paths.as_slice() else {
        let message = "several files cannot go to standard output";
        return Err(Failure::message(Kind::Usage, message)
            .hint("name one, or write them over themselves with `--in-place`"));
    };
    let source = Source::read(&workspace, name, args.name.as_deref(), args.format)?;
    if args.keep_going {
        return super::keep_going::run(&workspace, &source);
    }
    let opened = source.open(&workspace, check(&args));
    workspace.warn_of_keys();
    let opened = opened?;
    warn(&workspace, &source.path, &opened);
    source.warn_of_binary(&workspace, &opened.document);
    source.print(&workspace, &opened.document)?;
    Ok(ExitStatus::Done)
}

fn check(args: &DecryptArgs) -> MacCheck {
    if args.ignore_mac {
        MacCheck::Skipped
    } else {
        MacCheck::Required
    }
}

/// What is decrypted.
pub(super) struct Source {
    /// Its name in messages.
    pub(super) path: Utf8PathBuf,
    /// Where it stands, for the rules that hold there.
    pub(super) place: Utf8PathBuf,
    is_stdin: bool,
    /// Whether nothing told the format.
    is_guess: bool,
    format: Format,
    bytes: zeroize::Zeroizing<Vec<u8>>,
}

impl Source {
    pub(super) fn read(
        workspace: &Workspace<'_>,
        name: &Utf8Path,
        named: Option<&Utf8Path>,
        stated: Option<Format>,
    ) -> Result<Self, Failure> {
        if name == "-" {
            let place = workspace.path(named.unwrap_or(Utf8Path::new("stdin.yaml")));
            let path = Utf8PathBuf::from(unlock::STDIN);
            let bytes = read_from(&mut std::io::stdin().lock(), &path)?;
            return Ok(Self {
                path,
                is_stdin: true,
                is_guess: named.is_none() && stated.is_none(),
                format: stated.unwrap_or(format(&place)),
                place,
                bytes,
            });
        }
        if named.is_some() {
            let message = format!("`{name}` has a name: `--name` goes with standard input (`-`)");
            return Err(Failure::message(Kind::Usage, message));
        }
        let path = workspace.path(name);
        let original = Original::read(&path)?;
        Ok(Self {
            place: path.clone(),
            is_stdin: false,
            is_guess: false,
            format: stated.unwrap_or(format(&path)),
            bytes: original.bytes().to_vec().into(),
            path,
        })
    }

    /// Prints the plaintext: in the file's own layout, or as JSON.
    pub(super) fn print(
        &self,
        workspace: &Workspace<'_>,
        document: &Document,
    ) -> Result<(), Failure> {
        let ui = &workspace.context.ui;
        if ui.is_json() {
            ui.json(&super::json::documents(document.tree()))?;
        } else {
            ui.bytes(&workspace.plain_text(&self.place, document, &self.bytes))?;
        }
        Ok(())
    }

    pub(super) fn parse(&self) -> Result<EncryptedFile, Failure> {
        let parsed = parse(&self.path, self.format, &self.bytes);
        if !self.is_guess {
            return parsed;
        }
        parsed.map_err(|failure| {
            failure.hint(
                "standard input is taken for YAML or JSON: say with `--name FILE` what it would be called \
                 when it is something else",
            )
        })
    }

    /// An encrypted binary file is JSON with one key, and cannot be told from JSON that has this key.
    fn warn_of_binary(&self, workspace: &Workspace<'_>, document: &Document) {
        let [only] = document.tree().documents.as_slice() else {
            return;
        };
        let may_be_binary = self.is_guess
            && self.bytes.trim_ascii_start().starts_with(b"{")
            && only.entries().count() == 1
            && only.get("data").is_some();
        if may_be_binary {
            workspace.context.ui.warning(
                "standard input is taken for JSON; if it is an encrypted binary file, `--format binary` prints its bytes",
            );
        }
    }

    pub(super) fn file(&self) -> Option<&Utf8Path> {
        (!self.is_stdin).then_some(self.path.as_path())
    }

    pub(super) fn open(
        &self,
        workspace: &Workspace<'_>,
        check: MacCheck,
    ) -> Result<Decrypted, Failure> {
        let encrypted = self.parse()?;
        open(workspace, &self.path, self.file(), &encrypted, check)
    }
}

/// Reads an encrypted file.
pub(super) fn parse(
    path: &Utf8Path,
    format: Format,
    bytes: &[u8],
) -> Result<EncryptedFile, Failure> {
    EncryptedFile::parse(format, bytes)
        .map_err(|error| unlock::failure(path, error, None, &Identities::default()))
}

fn open(
    workspace: &Workspace<'_>,
    path: &Utf8Path,
    file: Option<&Utf8Path>,
    encrypted: &EncryptedFile,
    check: MacCheck,
) -> Result<Decrypted, Failure> {
    let identities = workspace.identities(file, encrypted);
    encrypted
        .data_key(&identities)
        .and_then(|key| encrypted.decrypt_with(&key, check))
        .map_err(|error| unlock::failure(path, error, Some(encrypted), &identities))
}

fn in_place(workspace: &Workspace<'_>, args: &DecryptArgs) -> Outcome {
    change::refuse_stdin(&args.paths)?;
    let selection = workspace.select(&args.paths)?;
    let tracked = if args.over_tracked {
        BTreeSet::new()
    } else {
        tracked(&selection)
    };
    let verb = Verb {
        past: "decrypted",
        base: "decrypt",
    };
    let is_alone = selection.files.len() == 1;
    change::run(workspace, &selection, args.write, verb, |file| {
        prepare(workspace, args, &tracked, file)
            .map_err(|failure| over_tracked(failure, &file.path, is_alone))
    })
}

/// The selected files that Git tracks, links followed.
fn tracked(selection: &Selection) -> BTreeSet<Utf8PathBuf> {
    let files = selection.files.iter();
    let real: Vec<(Utf8PathBuf, &Utf8PathBuf)> = files
        .map(|file| {
            let real = file.path.canonicalize_utf8();
            (real.unwrap_or_else(|_| file.path.clone()), &file.path)
        })
        .collect();
    let paths: Vec<_> = real.iter().map(|(real, _)| real.clone()).collect();
    let tracked: BTreeSet<Utf8PathBuf> = index::tracked(&paths).into_iter().collect();
    let named = real.into_iter();
    named
        .filter(|(real, _)| tracked.contains(real))
        .map(|(_, named)| named.clone())
        .collect()
}

fn prepare(
    workspace: &Workspace<'_>,
    args: &DecryptArgs,
    tracked: &BTreeSet<Utf8PathBuf>,
    file: &Selected,
) -> Result<Prepared, Failure> {
    let path = &file.path;
    let original = Original::read(path)?;
    original.check_writable()?;
    let format = args.format.unwrap_or(format(path));
    if file.origin == Origin::Found && !is_encrypted(path, original.bytes()) {
        return Ok(Prepared::Same);
    }
    let encrypted = parse(path, format, original.bytes())?;
    if tracked.contains(path) {
        return Err(Failure::new(Kind::Refused, OverTracked(path.clone())));
    }
    let opened = open(workspace, path, Some(path), &encrypted, check(args))?;
    warn(workspace, path, &opened);
    Ok(Prepared::Change(Change {
        summary: if args.write.writes() {
            format!("`{path}`; it is in the clear now")
        } else {
            format!("`{path}`")
        },
        report: json!({ "file": path, "decrypted": true }),
        contents: CheckedText::plain(workspace, path, &opened.document, original.bytes())?,
        original,
    }))
}

/// Plaintext that the next commit would publish.
#[derive(Debug, thiserror::Error)]
#[error("Git tracks `{0}`: plaintext over it would be in the next commit")]
struct OverTracked(Utf8PathBuf);

/// Says what to do instead; the same for all of several files.
fn over_tracked(failure: Failure, path: &Utf8Path, is_alone: bool) -> Failure {
    if !failure.error.is::<OverTracked>() {
        return failure;
    }
    let path = if is_alone {
        path
    } else {
        Utf8Path::new("FILE")
    };
    failure
        .hint(format!("run `homelab secrets edit {path}` to change it"))
        .hint(format!("or `homelab secrets decrypt {path} > FILE` where FILE is ignored by Git"))
        .hint("or say `--over-tracked` when you know that you will encrypt it again before you commit")
}

fn warn(workspace: &Workspace<'_>, path: &Utf8Path, opened: &Decrypted) {
    for warning in &opened.warnings {
        let what = match warning {
            Warning::ClearComment { path: place } => format!(
                "a comment at {place} was not encrypted, or belongs elsewhere; it is kept as it is"
            ),
            Warning::MovedComment { path: place } => format!(
                "a comment at {place} was encrypted for another place; it was decrypted all the same"
            ),
            _ => continue,
        };
        let warning = format!("`{path}`: {what}");
        workspace.context.ui.warning(&warning);
    }
}
