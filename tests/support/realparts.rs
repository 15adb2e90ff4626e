//! The real programs, found where `scripts/realparts` keeps them.
//!
//! The script alone knows the rule by which a part's folder is named; it is asked once. Tests
//! build nothing.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

use super::case::Lack;

/// A part as `scripts/realparts list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The upstream version it is built from.
    pub version: String,
    /// `tier0`, `tier1`…
    pub tier: String,
    /// Where it lies, when it is built.
    pub path: Option<Utf8PathBuf>,
}

/// The folder of a part; what to do when it is not there.
pub fn find(name: &str) -> Result<Utf8PathBuf, Lack> {
    let listed = match listed() {
        Ok(listed) => listed,
        Err(reason) => {
            return Err(Lack {
                what: format!("`scripts/realparts list` failed: {reason}"),
                remedy: "needs bash and coreutils".to_owned(),
                required_by: requirement().first().cloned(),
            });
        }
    };
    let part = listed
        .get(name)
        .unwrap_or_else(|| panic!("no recipe is called `{name}`"));
    part.path.clone().ok_or_else(|| Lack {
        what: format!("{name} is not built"),
        remedy: remedy(name, &part.tier),
        required_by: requirement()
            .iter()
            .find(|word| **word == part.tier || *word == name)
            .cloned(),
    })
}

/// The folder of a part that the case has declared.
pub fn part(name: &str) -> Utf8PathBuf {
    find(name).unwrap_or_else(|lack| panic!("declare it: `.parts(&[\"{name}\"])` ({})", lack.what))
}

/// A program of a part that the case has declared.
pub fn program(part_name: &str, program: &str) -> Utf8PathBuf {
    part(part_name).join("bin").join(program)
}

/// How a part comes to be: by its tier where that is quick, else alone.
fn remedy(name: &str, tier: &str) -> String {
    let wanted = if tier == "tier0" { tier } else { name };
    format!("run `scripts/realparts build {wanted}`")
}

/// What Git takes over a real Kubernetes API with.
pub const GITOPS: &[&str] = &[
    "kubernetes",
    "kwok",
    "registry",
    "helm",
    "flux",
    "flux-operator",
];

/// What must be there: the words after `require:` in `HOMELAB_REALPARTS`.
fn requirement() -> &'static [String] {
    static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let value = std::env::var("HOMELAB_REALPARTS").unwrap_or_default();
        parse_requirement(&value).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// Reads `HOMELAB_REALPARTS`: empty, or `require:` and tiers or parts, separated by commas.
pub fn parse_requirement(value: &str) -> Result<Vec<String>, String> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let words = value.strip_prefix("require:").ok_or_else(|| {
        format!("HOMELAB_REALPARTS is `{value}`, expected `require:tier0,…` or nothing")
    })?;
    Ok(words
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect())
}

fn listed() -> Result<&'static BTreeMap<String, Part>, &'static str> {
    static PARTS: OnceLock<Result<BTreeMap<String, Part>, String>> = OnceLock::new();
    PARTS.get_or_init(list).as_ref().map_err(String::as_str)
}

fn list() -> Result<BTreeMap<String, Part>, String> {
    let script = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/realparts");
    let output = Command::new(script)
        .arg("list")
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    parse_list(&String::from_utf8_lossy(&output.stdout))
}

/// Reads the table that `scripts/realparts list` prints.
pub fn parse_list(text: &str) -> Result<BTreeMap<String, Part>, String> {
    text.lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut next = || words.next().map(str::to_owned);
            let row = (next(), next(), next(), next(), next());
            let (Some(name), Some(version), Some(tier), Some(state), Some(path)) = row else {
                return Err(format!("unexpected line: {line}"));
            };
            let path = (state == "built").then(|| Utf8PathBuf::from(path));
            Ok((
                name,
                Part {
                    version,
                    tier,
                    path,
                },
            ))
        })
        .collect()
}
