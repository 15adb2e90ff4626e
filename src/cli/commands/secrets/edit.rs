//! `homelab secrets edit`.

use std::path::Path;
use std::process::ExitStatus as ProcessStatus;

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{DataKey, Document, EncryptedFile, MacCheck};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::checked_text::{CheckedText, Meant};
use super::decrypt::parse;
use super::plain_file::PlainFile;
use super::signals::{Interruption, Signals};
use super::unlock;
use super::workspace::{Workspace, format};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::store::sealed::selection_text;
use crate::store::{Original, Readers, create};

const EXAMPLES: &str = "\
The editor is $SOPS_EDITOR, then $EDITOR, then vim, nano or vi. Meanwhile the plaintext lies in a
file that only you can read, in memory where the system has such a place ($XDG_RUNTIME_DIR,
/dev/shm), and it is removed however the command ends. What is not valid, or cannot be encrypted,
comes back with the error; what did not change keeps its bytes; nothing changed writes nothing. A
file that does not exist yet is made. Only when the result cannot be written, because somebody
else changed the file meanwhile, the text stays where it is, and the message says where.

Examples:
  homelab secrets edit cluster/secrets/db/db.sops.yaml
  EDITOR='code --wait' homelab secrets edit cluster/secrets/db/db.sops.yaml";

/// Arguments of `homelab secrets edit`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct EditArgs {
    /// The encrypted file.
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// Open it although the MAC does not match: values may be missing or changed.
    #[arg(long)]
    ignore_mac: bool,
}

/// Opens a file in an editor.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: EditArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let path = workspace.path(&args.file);
    let editor = editor()?;
    let target = if path.exists() {
        Target::open(&workspace, &path, args.ignore_mac)?
    } else {
        Target::new(&workspace, &path)?
    };
    workspace.warn_of_keys();
    workspace.warn_of_rules();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let edited = runtime.block_on(edit(&workspace, &editor, &path, &target));
    // Whoever waits for a line of input is not waited for.
    runtime.shutdown_background();
    let changed = match edited? {
        None => false,
        Some(Edited { contents, file }) => target
            .write(&path, &contents)
            .map_err(|failure| kept(failure, &path, file))?,
    };
    context.ui.note(&if changed {
        format!("encrypted `{path}`")
    } else {
        format!("nothing changed in `{path}`")
    });
    Ok(ExitStatus::Done)
}

/// What somebody typed, encrypted, and the file that they typed it into.
struct Edited {
    contents: CheckedText,
    file: PlainFile,
}

/// What was typed is in no other place.
fn kept(failure: Failure, path: &Utf8Path, file: PlainFile) -> Failure {
    let file = file.keep();
    let folder = file.parent().unwrap_or(&file);
    failure
        .hint(format!(
            "what you typed is kept in `{}`: take it over with `homelab secrets edit {path}`",
            file.display()
        ))
        .hint(format!("then remove it with `rm -r {}`", folder.display()))
}

/// What is edited, and what becomes of it.
enum Target {
    /// A file that is there.
    Existing(Box<Existing>),
    /// One that will be made.
    New,
}

/// An encrypted file that was opened.
struct Existing {
    original: Original,
    encrypted: EncryptedFile,
    key: DataKey,
    check: MacCheck,
    text: Zeroizing<Vec<u8>>,
}

impl Target {
    fn open(workspace: &Workspace<'_>, path: &Utf8Path, ignore_mac: bool) -> Result<Self, Failure> {
        let original = Original::read(path)?;
        original.check_writable()?;
        let encrypted = parse(path, format(path), original.bytes())?;
        let check = if ignore_mac {
            MacCheck::Skipped
        } else {
            MacCheck::Required
        };
        let identities = workspace.identities(Some(path), &encrypted);
        let (key, opened) = encrypted
            .data_key(&identities)
            .and_then(|key| {
                let opened = encrypted.decrypt_with(&key, check)?;
                Ok((key, opened))
            })
            .map_err(|error| unlock::failure(path, error, Some(&encrypted), &identities))?;
        let text = workspace.plain_text(path, &opened.document, original.bytes());
        Ok(Self::Existing(Box::new(Existing {
            original,
            encrypted,
            key,
            check,
            text,
        })))
    }

    /// A file that does not exist yet needs a rule, which is asked for before anybody types.
    fn new(workspace: &Workspace<'_>, path: &Utf8Path) -> Result<Self, Failure> {
        let rules = workspace.rules_for(path)?;
        if rules.rule_for(path).is_none() {
            let message = format!("no rule of `{}` matches `{path}`", rules.file);
            return Err(Failure::message(Kind::Refused, message));
        }
        Ok(Self::New)
    }

    fn text(&self) -> &[u8] {
        match self {
            Self::Existing(existing) => &existing.text,
            Self::New => b"",
        }
    }

    /// Encrypts what was typed.
    fn seal(
        &self,
        workspace: &Workspace<'_>,
        path: &Utf8Path,
        text: &[u8],
    ) -> Result<CheckedText, Failure> {
        let document = parsed(path, text)
            .map_err(|error| error.context("what was typed is not valid"))
            .map_err(Failure::from)?;
        match self {
            Self::Existing(existing) => existing.seal(workspace, path, &document),
            Self::New => super::encrypt::contents(workspace, path, text),
        }
    }

    /// Writes it; tells whether the file has changed.
    fn write(&self, path: &Utf8Path, contents: &CheckedText) -> Result<bool, Failure> {
        match self {
            Self::Existing(existing) => {
                contents.replace(&existing.original)?;
                Ok(contents.bytes() != existing.original.bytes())
            }
            Self::New => {
                create(Utf8Path::new(""), path, contents.bytes(), Readers::All)?;
                Ok(true)
            }
        }
    }
}

impl Existing {
    fn seal(
        &self,
        workspace: &Workspace<'_>,
        path: &Utf8Path,
        document: &Document,
    ) -> Result<CheckedText, Failure> {
        let mut edit = self.encrypted.edit_with(&self.key, self.check)?;
        edit.replace(document.clone());
        let saved = edit.save()?;
        if saved.encrypted_values() == 0 && self.encrypted.encrypted_values() > 0 {
            let selection = selection_text(&saved.metadata().selection);
            let message = "nothing in it would be encrypted any more";
            return Err(Failure::message(Kind::Refused, message)
                .hint(format!("check its keys against the file's `{selection}`")));
        }
        let meant = Meant {
            key: &self.key,
            document,
            mac: MacCheck::Required,
        };
        let like = self.original.bytes();
        CheckedText::encrypted(workspace, path, &saved, like, Some(meant))
    }
}

/// Lets a person edit until it can be encrypted; `None` when nothing changed.
async fn edit(
    workspace: &Workspace<'_>,
    editor: &[String],
    path: &Utf8Path,
    target: &Target,
) -> Result<Option<Edited>, Failure> {
    let ui = &workspace.context.ui;
    // From here on no signal ends the process before the file is gone.
    let mut signals = Signals::new()?;
    let name = path.file_name().unwrap_or("secret");
    let file = PlainFile::create(name, target.text())?;
    if let Some(warning) = file.warning() {
        ui.warning(&warning);
    }
    let mut last = Zeroizing::new(target.text().to_vec());
    loop {
        run_editor(editor, file.path(), &mut signals).await?;
        let text = file.read()?;
        if *text == target.text() {
            return Ok(None);
        }
        let failure = match target.seal(workspace, path, &text) {
            Ok(contents) => return Ok(Some(Edited { contents, file })),
            Err(failure) => failure,
        };
        if text == last {
            return Err(given_up(failure));
        }
        ui.failure(&failure.to_string(), &failure.hints);
        last = text;
        wait_for_enter(workspace.context, &mut signals).await?;
    }
}

/// The end of an edit whose error came back, and whose text did not change.
fn given_up(failure: Failure) -> Failure {
    let message =
        "the edit was given up: it cannot be saved and did not change; nothing was written";
    Failure {
        error: failure.error.context(message),
        ..failure
    }
}

fn parsed(path: &Utf8Path, text: &[u8]) -> Result<Document, anyhow::Error> {
    let document = Document::parse(format(path), text)?;
    if document.is_encrypted() {
        anyhow::bail!("the key `sops` is reserved");
    }
    Ok(document)
}

async fn run_editor(editor: &[String], file: &Path, signals: &mut Signals) -> Result<(), Failure> {
    let Some((program, arguments)) = editor.split_first() else {
        return Err(no_editor());
    };
    let mut process = Command::new(program)
        .args(arguments)
        .arg(file)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run the editor `{program}`"))?;
    loop {
        tokio::select! {
            status = process.wait() => return ended(program, status?),
            interruption = signals.next() => match interruption {
                // The keyboard's: the editor has got it too, and decides what it means.
                Interruption::Keyboard => {}
                Interruption::Ordered(signal) => {
                    let _ = process.kill().await;
                    return Err(interrupted(signal));
                }
            },
        }
    }
}

fn ended(program: &str, status: ProcessStatus) -> Result<(), Failure> {
    use std::os::unix::process::ExitStatusExt as _;
    if status.success() {
        Ok(())
    } else if status.signal().is_some() {
        Err(interrupted("the editor was ended"))
    } else {
        let message = format!("the editor `{program}` ended with {status}; nothing was written");
        Err(Failure::message(Kind::Failed, message))
    }
}

fn interrupted(by: &str) -> Failure {
    let message = format!("interrupted ({by}): nothing was written, the plaintext is removed");
    Failure::message(Kind::Interrupted, message)
}

/// On a terminal an editor would hide the error at once.
async fn wait_for_enter(context: &Context, signals: &mut Signals) -> Result<(), Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdin().is_terminal() {
        return Ok(());
    }
    context
        .ui
        .note("press Enter to edit it again, Ctrl-C to give up");
    let line = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    tokio::select! {
        read = line => read?.map(|_| ()).map_err(Failure::from),
        _ = signals.next() => Err(interrupted("Ctrl-C")),
    }
}

/// The editor's program and arguments.
fn editor() -> Result<Vec<String>, Failure> {
    for variable in ["SOPS_EDITOR", "EDITOR"] {
        let Ok(text) = std::env::var(variable) else {
            continue;
        };
        if text.trim().is_empty() {
            continue;
        }
        let words = shlex::split(&text).filter(|words| !words.is_empty());
        return words.ok_or_else(|| {
            let message = format!("`{variable}` has a quote that is not closed: `{text}`");
            Failure::message(Kind::Usage, message)
        });
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = ["vim", "nano", "vi"]
        .into_iter()
        .find(|program| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    found
        .map(|program| vec![program.to_owned()])
        .ok_or_else(no_editor)
}

fn no_editor() -> Failure {
    Failure::message(Kind::Usage, "no editor: neither vim, nano nor vi is there")
        .hint("name one in SOPS_EDITOR or EDITOR")
}
