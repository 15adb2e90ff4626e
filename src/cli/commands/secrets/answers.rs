//! Values that no program can make up: from files that were named, or from the person at the terminal.
//!
//! A value never stands on a command line, where every process of the computer could read it.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::str::FromStr;

use camino::Utf8PathBuf;
use dialoguer::Password;
use dialoguer::theme::SimpleTheme;

use crate::catalog::{Catalog, ExpectedSecret, SecretValue, expected_secrets};
use crate::cli::{Failure, Kind};
use crate::model::Secret;
use crate::spec::Cluster;
use crate::store::sealed::Question;

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

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, file)) if name.split('/').count() == 3 && !file.is_empty() => Ok(Self {
                name: name.to_owned(),
                file: file.into(),
            }),
            _ => Err("expected COMPONENT/SECRET/KEY=FILE".to_owned()),
        }
    }
}

impl Answers {
    /// Reads the files. A name that no component of the cluster asks for is a mistake.
    pub fn read(
        sources: Vec<Source>,
        cluster: &Cluster,
        catalog: &Catalog,
    ) -> Result<Self, Failure> {
        let asked = asked(&expected_secrets(cluster, catalog)?);
        let mut values = BTreeMap::new();
        for Source { name, file } in sources {
            if !asked.contains(&name) {
                let failure = Failure::message(Kind::Usage, format!("nothing asks for `{name}`"));
                return Err(match asked.as_slice() {
                    [] => failure.hint("no component of this cluster asks for a value"),
                    names => failure.hint(format!("values are asked for: {}", names.join(", "))),
                });
            }
            values.insert(name, value(&file)?);
        }
        Ok(Self { values })
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
    let mut text = if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        fs_err::read_to_string(file)?
    };
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() {
        let message = format!("`{file}` holds no value");
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(Secret::new(text))
}
