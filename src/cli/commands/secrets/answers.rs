//! Values that no program can make up: from files and commands that were named, or from the person at
//! the terminal.
//!
//! A value never stands on a command line, where every process of the computer could read it.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::process::{Command, Stdio};
use std::str::FromStr;

use camino::Utf8PathBuf;
use dialoguer::Password;
use dialoguer::theme::SimpleTheme;

use crate::catalog::{Catalog, ExpectedSecret, SecretValue, expected_secrets};
use crate::cli::{Failure, Kind};
use crate::model::Secret;
use crate::spec::Cluster;
use crate::spec::cluster::GitOps;
use crate::store::sealed::{Question, git_questions};

/// What is known before anybody is asked.
#[derive(Default)]
pub struct Answers {
    values: BTreeMap<String, Secret<String>>,
}

/// A value's name and the file that holds it, as typed.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    file: Utf8PathBuf,
}

/// A value's name and the command that prints it, as typed.
#[derive(Clone, Debug)]
pub struct CommandSource {
    name: String,
    words: Vec<String>,
}

impl FromStr for CommandSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, command) = split(text, "COMPONENT/SECRET/KEY=COMMAND")?;
        let words = shlex::split(command).ok_or("a quote in the command is not closed")?;
        Ok(Self {
            name: name.to_owned(),
            words,
        })
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, file) = split(text, "COMPONENT/SECRET/KEY=FILE")?;
        Ok(Self {
            name: name.to_owned(),
            file: file.into(),
        })
    }
}

fn split<'a>(text: &'a str, expected: &str) -> Result<(&'a str, &'a str), String> {
    match text.split_once('=') {
        Some((name, rest)) if name.split('/').count() == 3 && !rest.trim().is_empty() => {
            Ok((name, rest))
        }
        _ => Err(format!("expected {expected}")),
    }
}

impl Answers {
    /// Reads the files and runs the commands. A name that nothing in the cluster asks for is a mistake,
    /// and found before anything is read.
    pub fn read(
        files: Vec<Source>,
        commands: Vec<CommandSource>,
        cluster: &Cluster,
        catalog: &Catalog,
    ) -> Result<Self, Failure> {
        let mut asked = asked(&expected_secrets(cluster, catalog)?);
        let GitOps::Flux(flux) = &cluster.gitops;
        asked.extend(git_questions(flux.auth));
        let names = files.iter().map(|source| &source.name);
        for name in names.chain(commands.iter().map(|source| &source.name)) {
            if !asked.contains(name) {
                let failure = Failure::message(Kind::Usage, format!("nothing asks for `{name}`"));
                return Err(match asked.as_slice() {
                    [] => failure.hint("no component of this cluster asks for a value"),
                    names => failure.hint(format!("values are asked for: {}", names.join(", "))),
                });
            }
        }
        let mut values = BTreeMap::new();
        for Source { name, file } in files {
            values.insert(name, value(&file)?);
        }
        for CommandSource { name, words } in commands {
            values.insert(name, printed(&words)?);
        }
        Ok(Self { values })
    }

    /// Iterates over the names of the values that nobody has asked for.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Answers from what is known, else asks on the terminal, without showing what is typed.
    pub fn answer(&mut self, question: Question<'_>) -> Option<Secret<String>> {
        let Question {
            component,
            secret,
            key,
            text,
        } = question;
        if let Some(value) = self.values.remove(&format!("{component}/{secret}/{key}")) {
            return Some(value);
        }
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        let answer = Password::with_theme(&SimpleTheme)
            .with_prompt(format!("{component}: {text} (empty to leave it for later)"))
            .allow_empty_password(true)
            .interact();
        answer
            .ok()
            .filter(|answer| !answer.is_empty())
            .map(Secret::new)
    }
}

/// The names of the values that a person would be asked for.
fn asked(expected: &[ExpectedSecret]) -> Vec<String> {
    let names = expected.iter().flat_map(|expected| {
        let keys = expected.declaration.keys.iter();
        keys.filter(|key| matches!(key.value, SecretValue::Prompt(_)))
            .map(move |key| {
                let (component, secret) = (&expected.component, &expected.declaration.name);
                format!("{component}/{secret}/{}", key.name)
            })
    });
    names.collect()
}

fn value(file: &Utf8PathBuf) -> Result<Secret<String>, Failure> {
    let text = if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        fs_err::read_to_string(file)?
    };
    trimmed(text, file.as_str())
}

/// What a command prints; its own messages go to the user.
fn printed(words: &[String]) -> Result<Secret<String>, Failure> {
    let shown = words.join(" ");
    let failed =
        |reason: String| Failure::message(Kind::Failed, format!("the command `{shown}` {reason}"));
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| failed("is empty".to_owned()))?;
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("ended with {}", output.status)));
    }
    let text = String::from_utf8(output.stdout);
    let text = text.map_err(|_| failed("printed something that is not UTF-8 text".to_owned()))?;
    trimmed(text, &shown)
}

/// A value without the newline at its end.
fn trimmed(mut text: String, source: &str) -> Result<Secret<String>, Failure> {
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() {
        let message = format!("`{source}` holds no value");
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(Secret::new(text))
}
