//! `homelab secrets explain`.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};
use sops_rs::{CreationRule, Document, EncryptedFile, EncryptionRule, Format, Survey};

use super::workspace::{Workspace, format, is_encrypted};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure};
use crate::store::Original;
use crate::store::sealed::check::idle_rules;
use crate::store::sealed::selection_text;

/// Arguments of `homelab secrets explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Needs no key. The file need not exist: then only its rule is explained.

Examples:
  homelab secrets explain cluster/secrets/db/db.sops.yaml
  homelab secrets explain --output json new.sops.yaml | jq .rule.recipients")]
pub struct ExplainArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
}

/// Says which rule holds for a file and why, and what of the file it means.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: ExplainArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let path = workspace.path(&args.file);
    let explanation = Explanation::of(&workspace, &path)?;
    if context.ui.is_json() {
        context.ui.json(&explanation.report())?;
    } else {
        context.ui.result(explanation.text().as_bytes())?;
    }
    Ok(ExitStatus::Done)
}

struct Explanation {
    file: Utf8PathBuf,
    format: Format,
    rules: Option<Utf8PathBuf>,
    tried: Vec<Tried>,
    matched: Option<Matched>,
    contents: Contents,
}

/// A rule up to the one that matches.
struct Tried {
    number: usize,
    pattern: Option<String>,
    matches: bool,
    idle: Option<String>,
}

struct Matched {
    number: usize,
    /// What it says, or why it cannot be followed.
    encryption: Result<EncryptionRule, String>,
}

enum Contents {
    Missing,
    Unreadable(String),
    Plain(Option<Survey>),
    Encrypted(Box<EncryptedFile>),
    Damaged(String),
}

impl Explanation {
    fn of(workspace: &Workspace<'_>, path: &Utf8Path) -> Result<Self, Failure> {
        let rules = workspace.rules.rules_for(path)?;
        let mut tried = Vec::new();
        let mut matched = None;
        if let Some(rules) = &rules {
            let rule = rules.rule_for(path);
            tried = tried_rules(rules.config.rules(), rule);
            matched = rule.map(|rule| Matched {
                number: rule.number(),
                encryption: rule
                    .encryption_rule()
                    .map_err(|error| format!("{:#}", anyhow::Error::new(error))),
            });
        }
        let encryption = matched.as_ref().and_then(|it| it.encryption.as_ref().ok());
        Ok(Self {
            file: path.to_owned(),
            format: format(path),
            rules: rules.as_ref().map(|rules| rules.file.clone()),
            tried,
            contents: contents(path, encryption),
            matched,
        })
    }

    fn text(&self) -> String {
        let mut text = format!("{} ({})\n", self.file, self.format);
        match &self.rules {
            None => text.push_str("no .sops.yaml in its directory or above\n"),
            Some(rules) => {
                let _ = writeln!(text, "rules of {rules}, the first that matches holds:");
                for tried in &self.tried {
                    let _ = writeln!(text, "  {}", tried.text());
                }
            }
        }
        match &self.matched {
            None => text.push_str("no rule matches: it cannot be encrypted\n"),
            Some(Matched {
                number,
                encryption: Err(error),
            }) => {
                let _ = writeln!(text, "rule {number} cannot be followed: {error}");
            }
            Some(Matched {
                number,
                encryption: Ok(rule),
            }) => {
                let selection = selection_text(rule.selection());
                let _ = writeln!(text, "rule {number} encrypts by `{selection}` for");
                for recipient in rule.recipients() {
                    let _ = writeln!(text, "  {recipient}");
                }
                if rule.mac_only_encrypted() {
                    text.push_str("and the MAC covers encrypted values only\n");
                }
            }
        }
        text.push_str(&self.contents.text());
        text
    }

    fn report(&self) -> Value {
        let tried: Vec<Value> = self
            .tried
            .iter()
            .map(|it| json!({"rule": it.number, "pathRegex": it.pattern, "matches": it.matches, "idle": it.idle}))
            .collect();
        let rule = self
            .matched
            .as_ref()
            .map(|matched| match &matched.encryption {
                Err(error) => json!({"number": matched.number, "error": error}),
                Ok(rule) => {
                    let recipients: Vec<String> =
                        rule.recipients().map(ToString::to_string).collect();
                    json!({
                        "number": matched.number,
                        "recipients": recipients,
                        "selection": selection_text(rule.selection()),
                        "macOnlyEncrypted": rule.mac_only_encrypted(),
                    })
                }
            });
        json!({
            "file": self.file,
            "format": self.format.name(),
            "config": self.rules,
            "tried": tried,
            "rule": rule,
            "contents": self.contents.report(),
        })
    }
}

impl Tried {
    fn text(&self) -> String {
        let pattern = match &self.pattern {
            Some(pattern) => format!("path_regex `{pattern}`"),
            None => "no path_regex: every file".to_owned(),
        };
        let outcome = match (&self.idle, self.matches) {
            (_, true) => "matches".to_owned(),
            (Some(reason), false) => format!("never matches: {reason}"),
            (None, false) => "does not match".to_owned(),
        };
        format!("{}. {pattern}: {outcome}", self.number)
    }
}

fn tried_rules(rules: &[CreationRule], matched: Option<&CreationRule>) -> Vec<Tried> {
    let idle = idle_rules(rules);
    let last = matched.map_or(rules.len(), CreationRule::number);
    rules
        .iter()
        .take(last)
        .map(|rule| Tried {
            number: rule.number(),
            pattern: rule.path_regex().map(|pattern| pattern.as_str().to_owned()),
            matches: matched.is_some_and(|matched| matched.number() == rule.number()),
            idle: idle
                .iter()
                .find(|(number, _)| *number == rule.number())
                .map(|(_, reason)| reason.clone()),
        })
        .collect()
}

fn contents(path: &Utf8Path, rule: Option<&EncryptionRule>) -> Contents {
    if !path.exists() {
        return Contents::Missing;
    }
    let original = match Original::read(path) {
        Ok(original) => original,
        Err(error) => return Contents::Unreadable(format!("{:#}", anyhow::Error::new(error))),
    };
    if is_encrypted(path, original.bytes()) {
        return match EncryptedFile::parse(format(path), original.bytes()) {
            Ok(encrypted) => Contents::Encrypted(Box::new(encrypted)),
            Err(error) => Contents::Damaged(error.to_string()),
        };
    }
    match Document::parse(format(path), original.bytes()) {
        Ok(document) => Contents::Plain(rule.map(|rule| document.survey(rule.selection()))),
        Err(error) => Contents::Unreadable(error.to_string()),
    }
}

impl Contents {
    fn text(&self) -> String {
        match self {
            Self::Missing => "the file does not exist\n".to_owned(),
            Self::Unreadable(error) => format!("the file cannot be read: {error}\n"),
            Self::Damaged(error) => format!("the file is encrypted and damaged: {error}\n"),
            Self::Plain(None) => "the file is in the clear\n".to_owned(),
            Self::Plain(Some(survey)) => plain_text(survey),
            Self::Encrypted(file) => encrypted_text(file),
        }
    }

    fn report(&self) -> Value {
        let paths = |survey: &Survey, selected: bool| -> Vec<String> {
            let values = survey
                .values
                .iter()
                .filter(|value| value.selected == selected);
            values.map(|value| value.path.to_string()).collect()
        };
        match self {
            Self::Missing => json!({"state": "missing"}),
            Self::Unreadable(error) => json!({"state": "unreadable", "error": error}),
            Self::Damaged(error) => json!({"state": "damaged", "error": error}),
            Self::Plain(None) => json!({"state": "plain"}),
            Self::Plain(Some(survey)) => json!({
                "state": "plain",
                "wouldEncrypt": paths(survey, true),
                "wouldStayClear": paths(survey, false),
            }),
            Self::Encrypted(file) => {
                let survey = file.survey();
                let exposed: Vec<String> = survey
                    .exposed()
                    .map(|value| value.path.to_string())
                    .collect();
                json!({
                    "state": "encrypted",
                    "recipients": file.metadata().age_recipients().collect::<Vec<_>>(),
                    "selection": selection_text(&file.metadata().selection),
                    "encrypted": paths(&survey, true),
                    "clear": paths(&survey, false),
                    "exposed": exposed,
                })
            }
        }
    }
}

fn plain_text(survey: &Survey) -> String {
    let mut text = String::from("the file is in the clear; of its values\n");
    for value in &survey.values {
        let fate = if value.selected {
            "would be encrypted"
        } else {
            "would stay clear"
        };
        let _ = writeln!(text, "  {} {fate}", value.path);
    }
    if survey.selected().next().is_none() {
        text.push_str("  none would be encrypted: `homelab secrets encrypt` refuses it\n");
    }
    text
}

fn encrypted_text(file: &EncryptedFile) -> String {
    let metadata = file.metadata();
    let mut text = format!(
        "the file is encrypted by `{}`, last on {}, for\n",
        selection_text(&metadata.selection),
        metadata.last_modified.as_str()
    );
    for recipient in metadata.age_recipients() {
        let _ = writeln!(text, "  {recipient}");
    }
    let survey = file.survey();
    text.push_str("of its values\n");
    for value in &survey.values {
        let state = match (value.selected, value.encrypted) {
            (true, true) => "is encrypted",
            (true, false) => "SHOULD BE ENCRYPTED AND IS NOT",
            (false, false) => "is in the clear",
            (false, true) => "is encrypted although it should not be",
        };
        let _ = writeln!(text, "  {} {state}", value.path);
    }
    text
}
