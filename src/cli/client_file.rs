//! A client file that the user keeps, `talosconfig` or kubeconfig: where it is, what is in it, and how
//! a context of ours gets into it.

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Context, ExitStatus, Failure, Kind};
use crate::cli::commands::Outcome;
use crate::cli::commands::nodes::config::refuse_terminal;
use crate::model::{Clock as _, SystemClock};
use crate::pki::contexts::{ContextError, Current};
use crate::pki::{Certificate, ContextEnd, Validity};
use crate::store::keep;
use crate::yaml;

/// Options of every command that puts a context into a file.
#[derive(Debug, Default, clap::Args)]
pub struct ClientFileArgs {
    /// The file to merge into; `-` writes the context alone to standard output.
    #[arg(long, value_name = "FILE")]
    pub file: Option<Utf8PathBuf>,
    /// The context's name, when it is not to be named after the cluster.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Leave the file's current context as it is.
    #[arg(long)]
    pub keep_current: bool,
    /// Change nothing; say until when the file's context holds, and exit with 4 when it does not.
    #[arg(long)]
    pub check: bool,
    /// Write keys even to a terminal.
    #[arg(long)]
    pub show_secrets: bool,
}

/// A file that the user keeps, and what is in it.
pub struct ClientFile {
    path: Utf8PathBuf,
    text: String,
    /// Its content, nothing for a file that is not there.
    pub content: Value,
}

/// A context to be put into a file.
pub struct NewContext<'a> {
    /// Its name.
    pub name: &'a str,
    /// The client's certificate.
    pub certificate: &'a Certificate,
    /// Puts it into a file's content.
    pub merge: &'a dyn Fn(Value, Current) -> Result<Value, ContextError>,
    /// Tells until when the contexts of such a file hold.
    pub ends: fn(&Value) -> Vec<ContextEnd>,
}

/// A file into which a context was put.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The file.
    file: Utf8PathBuf,
    /// The context's name.
    context: String,
    /// Until when it holds.
    valid_until: Timestamp,
    /// Where the file as somebody else wrote it is kept, if there is one.
    backup: Option<Utf8PathBuf>,
    /// What else in the file does not hold for long any more.
    #[serde(skip)]
    others: Vec<String>,
}

impl ClientFileArgs {
    /// Tells whether the context goes to standard output.
    fn prints(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file == "-")
    }

    /// Tells whether the context becomes the current one.
    fn current(&self) -> Current {
        if self.keep_current {
            Current::Keep
        } else {
            Current::Switch
        }
    }

    /// Reads the file that was named, or else the one that the tools read.
    pub fn open(&self, otherwise: Option<Utf8PathBuf>) -> Result<ClientFile, Failure> {
        let path = self.file.clone().or(otherwise).ok_or_else(|| {
            Failure::message(
                Kind::Usage,
                "there is no home directory to keep the file in",
            )
            .hint("name the file with `--file FILE`")
        })?;
        ClientFile::read(path)
    }

    /// Prints a context alone where that was asked for; returns whether it was.
    pub fn print(&self, context: &Context, new: &NewContext<'_>) -> Result<bool, Failure> {
        if !self.prints() {
            return Ok(false);
        }
        refuse_terminal(self.show_secrets, "the file holds a private key")?;
        let alone = (new.merge)(Value::Null, Current::Switch)?;
        context.ui.result(yaml::emit(&alone).as_bytes())?;
        Ok(true)
    }

    /// Merges a context into the file that was named, or else the one that the tools read.
    pub fn put(
        &self,
        otherwise: Option<Utf8PathBuf>,
        new: &NewContext<'_>,
    ) -> Result<Written, Failure> {
        let file = self.open(otherwise)?;
        let merged = (new.merge)(file.content.clone(), self.current())
            .map_err(|error| context_failure(&file, error))?;
        // What this program wrote itself loses nothing; somebody else's file is kept as it was.
        let loses = file.text != yaml::emit(&file.content);
        let backup = keep::replace(&file.path, yaml::emit(&merged).as_bytes(), loses)?;
        Ok(Written {
            others: endings((new.ends)(&merged), new.name),
            file: file.path,
            context: new.name.to_owned(),
            valid_until: new.certificate.validity().until,
            backup,
        })
    }
}

impl Written {
    /// Says what was done.
    pub fn say(&self, context: &Context) {
        let Self {
            file,
            context: name,
            ..
        } = self;
        let until = day_and_time(self.valid_until);
        context
            .ui
            .note(&format!("context `{name}` in `{file}` holds until {until}"));
        if let Some(backup) = &self.backup {
            context
                .ui
                .note(&format!("the file as it was is `{backup}`"));
        }
        self.warn(context);
    }

    fn warn(&self, context: &Context) {
        for other in &self.others {
            context.ui.warning(&format!("`{}`: {other}", self.file));
        }
    }
}

/// Says what a command that puts a context into a file did.
pub fn finish(context: &Context, written: &Written) -> std::io::Result<()> {
    if context.ui.is_json() {
        context.ui.json(written)?;
        written.warn(context);
    } else {
        written.say(context);
    }
    Ok(())
}

/// Words the contexts that ended or end soon, but one.
fn endings(ends: Vec<ContextEnd>, except: &str) -> Vec<String> {
    let now = SystemClock.now();
    let others = ends.into_iter().filter(|end| end.name != except);
    others
        .filter_map(|ContextEnd { name, validity }| {
            let until = day_and_time(validity.until);
            match validity {
                ended if ended.until < now => Some(format!("context `{name}` held until {until}")),
                soon if soon.ends_soon(now) => {
                    Some(format!("context `{name}` holds until {until} only"))
                }
                _ => None,
            }
        })
        .collect()
}

impl ClientFile {
    fn read(path: Utf8PathBuf) -> Result<Self, Failure> {
        let text = keep::read_if_there(&path)?.unwrap_or_default();
        let content = if text.trim().is_empty() {
            Value::Null
        } else {
            // The parser's own words may quote the line it stopped at.
            yaml::parse(&text).map_err(|_| {
                Failure::message(Kind::Refused, format!("`{path}` is not YAML"))
                    .hint("mend it, or name another file with `--file FILE`")
            })?
        };
        Ok(Self {
            path,
            text,
            content,
        })
    }

    /// Says until when a context holds.
    pub fn report(
        &self,
        context: &Context,
        name: &str,
        certificate: Result<Certificate, ContextError>,
        ends: fn(&Value) -> Vec<ContextEnd>,
        renew: &str,
    ) -> Outcome {
        let now = SystemClock.now();
        let path = &self.path;
        let until = certificate
            .as_ref()
            .ok()
            .map(|found| found.validity().until);
        let is = |test: fn(&Validity, Timestamp) -> bool| {
            let found = certificate.as_ref();
            found.is_ok_and(|found| test(&found.validity(), now))
        };
        let (holds, soon) = (is(Validity::holds_at), is(Validity::ends_soon));
        if context.ui.is_json() {
            context.ui.json(&json!({
                "file": path, "context": name, "validUntil": until, "holds": holds, "endsSoon": soon,
            }))?;
        }
        for other in endings(ends(&self.content), name) {
            context.ui.warning(&format!("`{path}`: {other}"));
        }
        match certificate {
            Ok(_) if soon => context.ui.warning(&format!(
                "context `{name}` in `{path}` holds until {} only; run `{renew}`",
                until.map(day_and_time).unwrap_or_default()
            )),
            Ok(_) if holds => context.ui.note(&format!(
                "context `{name}` in `{path}` holds until {}",
                until.map(day_and_time).unwrap_or_default()
            )),
            Ok(_) => context.ui.failure(
                &format!(
                    "context `{name}` in `{path}` held until {}",
                    until.map(day_and_time).unwrap_or_default()
                ),
                &[format!("run `{renew}`")],
            ),
            Err(error) => context
                .ui
                .failure(&format!("`{path}`: {error}"), &[format!("run `{renew}`")]),
        }
        Ok(if holds {
            ExitStatus::Done
        } else {
            ExitStatus::Differs
        })
    }
}

/// Turns a context that cannot be merged into a failure.
fn context_failure(path: &ClientFile, error: ContextError) -> Failure {
    let hint = match error {
        ContextError::Taken(_) => {
            "name the context otherwise with `--context NAME`, or remove the old one from the file"
        }
        _ => "mend the file, or name another one with `--file FILE`",
    };
    let error = anyhow::Error::new(error).context(format!("`{}`", path.path));
    Failure::new(Kind::Refused, error).hint(hint)
}

/// Returns the home directory's file, or the first that a variable names.
pub fn usual_place(variable: &str, below_home: &str) -> Option<Utf8PathBuf> {
    let named = std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty());
    // `KUBECONFIG` may name several files; new entries go to the first.
    let first = named.and_then(|value| {
        value
            .split(':')
            .find(|path| !path.is_empty())
            .map(str::to_owned)
    });
    first.map(Utf8PathBuf::from).or_else(|| {
        let home = std::env::var("HOME").ok().filter(|home| !home.is_empty())?;
        Some(Utf8Path::new(&home).join(below_home))
    })
}

fn day_and_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Says that no certificate can be made.
pub fn not_issued(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Kind::Failed, error).hint("run `homelab validate` and look at the secrets bundle")
}
