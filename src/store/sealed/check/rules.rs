//! The rules themselves: whether they can be read and followed, and each can ever match.

use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{Config, ConfigError, CreationRule};

use super::finding::{Code, Finding};
use crate::store::sealed::rulebook::{Rules, RulesError};
use crate::yaml::{Step, line_of};

/// Finds what is wrong with a `.sops.yaml`, given relative to the repository's root.
pub(super) fn check(file: &Utf8Path, bytes: &[u8], root: &Utf8Path) -> Vec<Finding> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![finding(file, 1, "it is not UTF-8 text", "write it anew")];
    };
    let place = root.join(file);
    let directory = place.parent().map_or(Path::new(""), Utf8Path::as_std_path);
    let config = match Config::parse(text, directory) {
        Ok(config) => config,
        Err(error) => return vec![broken(file, text, &error)],
    };
    let rules = config.rules().iter();
    let unusable = rules.clone().filter_map(|rule| {
        let error = rule.encryption_rule().err()?;
        Some(broken(file, text, &error))
    });
    let idle = idle_rules(config.rules()).into_iter();
    let idle = idle.map(|(rule, reason)| {
        let message = format!("rule {rule} never matches: {reason}");
        let remedy = "mend its `path_regex`, move it up, or delete it";
        finding(file, line_of_rule(text, rule), message, remedy)
    });
    let unknown = config.unknown_fields().iter().map(|unknown| {
        let remedy = "correct its spelling, or delete it: `sops` passes over it in silence";
        finding(file, unknown.line, unknown.to_string(), remedy)
    });
    unusable.chain(idle).chain(unknown).collect()
}

/// Finds what keeps rules from being used for a file that they would hold for: the same finding as
/// where they stand themselves, so that the hook and a check of single files stop because of it.
pub(super) fn unusable(error: &RulesError, root: &Utf8Path) -> Finding {
    match error {
        RulesError::Find { file, source } => Finding {
            file: relative(root, file),
            line: 1,
            code: Code::Unreadable,
            message: format!("{error}: {source}"),
            remedy: "make its directory, and those above, readable".to_owned(),
        },
        RulesError::Read { file, source } => {
            let text = fs_err::read_to_string(file).unwrap_or_default();
            broken(&relative(root, file), &text, source)
        }
    }
}

/// Finds what keeps a rule from being followed for a file that it matches.
pub(super) fn unusable_rule(
    rules: &Rules,
    rule: &CreationRule,
    root: &Utf8Path,
) -> Option<Finding> {
    let error = rule.encryption_rule().err()?;
    let text = fs_err::read_to_string(&rules.file).unwrap_or_default();
    Some(broken(&relative(root, &rules.file), &text, &error))
}

fn relative(root: &Utf8Path, file: &Utf8Path) -> Utf8PathBuf {
    let absolute =
        |path: &Utf8Path| camino::absolute_utf8(path).unwrap_or_else(|_| path.to_owned());
    let (root, file) = (absolute(root), absolute(file));
    file.strip_prefix(&root).unwrap_or(&file).to_owned()
}

/// Returns the rules that no file can ever match, counted from 1, and why.
pub fn idle_rules(rules: &[CreationRule]) -> Vec<(usize, String)> {
    let mut idle = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let before = &rules[..index];
        let pattern = rule.path_regex().map(sops_rs::Pattern::as_str);
        let all = before.iter().find(|earlier| earlier.path_regex().is_none());
        let same = before
            .iter()
            .find(|earlier| earlier.path_regex().map(sops_rs::Pattern::as_str) == pattern);
        let reason = if let Some(all) = all {
            format!("rule {} before it matches every file", all.number())
        } else if let Some(same) = same {
            format!("rule {} before it has the same `path_regex`", same.number())
        } else if pattern.is_some_and(is_rooted) {
            "paths are relative to the directory of the rules, they begin with no `/` and no `./`"
                .to_owned()
        } else {
            continue;
        };
        idle.push((rule.number(), reason));
    }
    idle
}

/// Tells whether a pattern asks for a path that begins where none does.
fn is_rooted(pattern: &str) -> bool {
    ["^/", "^\\/", "^./", "^\\./", "^\\.\\/"]
        .iter()
        .any(|start| pattern.starts_with(start))
}

fn broken(file: &Utf8Path, text: &str, error: &ConfigError) -> Finding {
    let (line, error) = match error {
        ConfigError::At { line, error } => (*line, &**error),
        ConfigError::Path { rule, .. }
        | ConfigError::Selection { rule, .. }
        | ConfigError::Recipient { rule, .. }
        | ConfigError::NoRecipients { rule } => (line_of_rule(text, *rule), error),
        _ => (1, error),
    };
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        message = format!("{message}: {next}");
        cause = next.source();
    }
    let remedy = "mend the rule: until then nothing that it is for can be encrypted";
    finding(file, line, message, remedy)
}

fn line_of_rule(text: &str, rule: usize) -> usize {
    let steps = [
        Step::Key("creation_rules"),
        Step::Index(rule.saturating_sub(1)),
    ];
    line_of(text, 0, &steps).unwrap_or(1)
}

fn finding(
    file: &Utf8Path,
    line: usize,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        file: file.to_owned(),
        line,
        code: Code::Rules,
        message: message.into(),
        remedy: remedy.into(),
    }
}
