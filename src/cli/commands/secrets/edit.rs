//! `homelab secrets edit`.

use std::path::Path;
use std::process::ExitStatus as ProcessStatus;

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{Document, EncryptedFile, MacCheck};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::decrypt::parse;
use super::plain_file::PlainFile;
use super::signals::{Interruption, Signals};
use super::unlock;
use super::workspace::{Workspace, format};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::store::{Original, Readers, create};

const EXAMPLES: &str = "\
The editor is $SOPS_EDITOR, then $EDITOR, then vim, nano or vi. Meanwhile the plaintext lies in a file that only
you can read, in memory where the system has such a place ($XDG_RUNTIME_DIR, /dev/shm), and it is removed
however the command ends. What is not valid comes back with the error; what did not change keeps its bytes;
nothing changed writes nothing. A file that does not exist yet is made.

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
    let edited = runtime.block_on(edit(context, &editor, &path, &target));
    // Whoever waits for a line of input is not waited for.
    runtime.shutdown_background();
    let edited = edited?;
    let Some(edited) = edited else {
        context.ui.note(&format!("nothing changed in `{path}`"));
        return Ok(ExitStatus::Done);
    };
    target.save(&workspace, &path, edited)?;
    context.ui.note(&format!("encrypted `{path}`"));
    Ok(ExitStatus::Done)
}

/// What somebody typed.
struct Edited {
    document: Document,
    text: Zeroizing<Vec<u8>>,
}

/// What is edited, and what becomes of it.
enum Target {
    /// A file that is there.
    Existing {
        original: Original,
        edit: Box<sops_rs::Edit>,
        text: Zeroizing<Vec<u8>>,
    },
    /// One that will be made.
    New,
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
        let edit = encrypted
            .data_key(&identities)
            .and_then(|key| encrypted.edit_with(&key, check))
            .map_err(|error| unlock::failure(path, error, Some(&encrypted), &identities))?;
        let text = workspace.plain_text(path, edit.document(), original.bytes());
        Ok(Self::Existing {
            original,
            edit: Box::new(edit),
            text,
        })
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
            Self::Existing { text, .. } => text,
            Self::New => b"",
        }
    }

    fn save(
        self,
        workspace: &Workspace<'_>,
        path: &Utf8Path,
        edited: Edited,
    ) -> Result<(), Failure> {
        match self {
            Self::Existing {
                original, mut edit, ..
            } => {
                edit.replace(edited.document);
                let saved: EncryptedFile = edit.save().with_context(|| format!("`{path}`"))?;
                let text = workspace.encrypted_text(path, &saved, original.bytes());
                Ok(original.replace(&text)?)
            }
            Self::New => {
                let contents = super::encrypt::contents(workspace, path, &edited.text)?;
                let root = Utf8Path::new("");
                Ok(create(root, path, &contents, Readers::All)?)
            }
        }
    }
}

/// Lets a person edit until it is valid; `None` when nothing changed.
async fn edit(
    context: &Context,
    editor: &[String],
    path: &Utf8Path,
    target: &Target,
) -> Result<Option<Edited>, Failure> {
    // From here on no signal ends the process before the file is gone.
    let mut signals = Signals::new()?;
    let name = path.file_name().unwrap_or("secret");
    let file = PlainFile::create(name, target.text())?;
    if let Some(warning) = file.warning() {
        context.ui.warning(&warning);
    }
    let mut last = Zeroizing::new(target.text().to_vec());
    loop {
        run_editor(editor, file.path(), &mut signals).await?;
        let text = file.read()?;
        if *text == target.text() {
            return Ok(None);
        }
        let error = match parsed(path, &text) {
            Ok(document) => return Ok(Some(Edited { document, text })),
            Err(error) => error,
        };
        context
            .ui
            .failure(&format!("what was typed is not valid: {error}"), &[]);
        if text == last {
            return Err(Failure::message(
                Kind::Failed,
                format!(
                    "the edit was given up: it was not valid and did not change; `{path}` is as it was"
                ),
            ));
        }
        last = text;
        wait_for_enter(context, &mut signals).await?;
    }
}

fn parsed(path: &Utf8Path, text: &[u8]) -> Result<Document, String> {
    let document = Document::parse(format(path), text).map_err(|error| error.to_string())?;
    if document.is_encrypted() {
        return Err("the key `sops` is reserved".to_owned());
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
