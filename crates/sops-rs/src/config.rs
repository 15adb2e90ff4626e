//! `.sops.yaml`: which rule holds for which file.
//!
//! The first creation rule whose `path_regex` matches wins. Unlike `sops`, the file is looked for
//! from the encrypted file upwards, not from the working directory, and a regular expression that
//! does not compile is an error instead of one that never matches.

use std::path::{Path, PathBuf};

use crate::go_regex::Pattern;
use crate::keys::Recipient;
use crate::layout::{Indent, Layout};
use crate::metadata::KeyKind;
use crate::parse_error::ParseError;
use crate::path::Step;
use crate::recipient_groups::RecipientGroups;
use crate::rule::EncryptionRule;
use crate::scalar::Scalar;
use crate::selection::Selection;
use crate::tree::{Mapping, Value};
use crate::yaml;

mod error;
mod fields;
mod unknown;

pub use error::ConfigError;
use fields::Fields;
pub use unknown::UnknownField;
use unknown::unknown_fields;

/// The name of the file.
const NAME: &str = ".sops.yaml";

/// A `.sops.yaml`.
#[derive(Clone, Debug)]
pub struct Config {
    directory: PathBuf,
    rules: Vec<CreationRule>,
    unknown: Vec<UnknownField>,
    layout: Layout,
}

/// Which rule holds for a file, and why. The first that matches wins.
#[derive(Clone, Debug)]
pub struct RuleSearch<'a> {
    /// The path that the rules were compared with: relative to the configuration's directory, or
    /// absolute for a file elsewhere.
    pub path: String,
    /// The rules before it, none of which matches.
    pub passed_over: &'a [CreationRule],
    /// The rule; `None` when none matches.
    pub rule: Option<&'a CreationRule>,
}

/// One of the creation rules.
#[derive(Clone, Debug)]
pub struct CreationRule {
    number: usize,
    line: usize,
    path: Option<Pattern>,
    groups: Vec<RuleGroup>,
    threshold: Option<u32>,
    selection: Option<Selection>,
    mac_only_encrypted: bool,
}

/// The keys of one group, as they are spelled.
#[derive(Clone, Debug, Default)]
struct RuleGroup {
    age: Vec<String>,
    others: Vec<KeyKind>,
}

fn rule_steps(index: usize) -> [Step; 2] {
    [Step::Key("creation_rules".to_owned()), Step::Index(index)]
}

fn line_of(text: &str, steps: &[Step]) -> usize {
    yaml::line_of(text, steps).unwrap_or(1)
}

impl Config {
    /// Finds the configuration of a file: in its directory or the nearest one above it.
    pub fn find(file: &Path) -> std::io::Result<Option<PathBuf>> {
        let file = std::path::absolute(file)?;
        Ok(file
            .ancestors()
            .skip(1)
            .map(|directory| directory.join(NAME))
            .find(|candidate| candidate.is_file()))
    }

    /// Reads a configuration file.
    #[expect(clippy::disallowed_methods, reason = "this crate reads its own files")]
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let path = std::path::absolute(path).map_err(failed)?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads a configuration that stands in a directory.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, ConfigError> {
        let tree = match yaml::load(text) {
            Err(ParseError::Empty) => crate::Tree::default(),
            other => other?,
        };
        let root = tree.documents.into_iter().next().unwrap_or_default();
        let unknown = unknown_fields(&root, text);
        let root = Fields::new(&root, "");
        let rules = root.mappings("creation_rules");
        let rules = rules.map_err(|error| error.located(text))?;
        let rules = rules.iter().enumerate().map(|(index, rule)| {
            let line = line_of(text, &rule_steps(index));
            CreationRule::read(rule, index + 1, line).map_err(|error| error.located(text))
        });
        Ok(Self {
            directory: directory.to_owned(),
            rules: rules.collect::<Result<_, _>>()?,
            unknown,
            layout: read_layout(&root).map_err(|error| error.located(text))?,
        })
    }

    /// Returns the directory that paths are relative to.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the rules.
    pub fn rules(&self) -> &[CreationRule] {
        &self.rules
    }

    /// Returns the fields of the rules that nothing reads, as misspelt ones.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use sops_rs::Config;
    ///
    /// let text = "creation_rules:\n  - path_regex: \\.env$\n    encrypted_regexp: ^password$\n";
    /// let config = Config::parse(text, Path::new("/repo"))?;
    /// let unknown = &config.unknown_fields()[0];
    /// assert_eq!((unknown.field.as_str(), unknown.line), ("encrypted_regexp", 3));
    /// # Ok::<(), sops_rs::ConfigError>(())
    /// ```
    pub fn unknown_fields(&self) -> &[UnknownField] {
        &self.unknown
    }

    /// Returns the layout that files get.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the rule of a file, given by its absolute path; `None` when none matches.
    pub fn rule_for(&self, file: &Path) -> Option<&CreationRule> {
        self.search(file).rule
    }

    /// Looks for the rule of a file, given by its absolute path, and tells which were passed over.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use sops_rs::Config;
    ///
    /// let text = "creation_rules:\n  - path_regex: \\.env$\n  - path_regex: ^cluster/\n";
    /// let config = Config::parse(text, Path::new("/repo"))?;
    /// let search = config.search(Path::new("/repo/cluster/db.yaml"));
    /// assert_eq!(search.path, "cluster/db.yaml");
    /// assert_eq!(search.passed_over.len(), 1);
    /// assert_eq!(search.rule.map(|rule| rule.line()), Some(3));
    /// # Ok::<(), sops_rs::ConfigError>(())
    /// ```
    pub fn search(&self, file: &Path) -> RuleSearch<'_> {
        let relative = file.strip_prefix(&self.directory).unwrap_or(file);
        let path = relative.to_string_lossy();
        let path = if cfg!(windows) {
            path.replace('\\', "/")
        } else {
            path.into_owned()
        };
        let matches = |rule: &CreationRule| {
            let pattern = rule.path.as_ref();
            pattern.is_none_or(|pattern| pattern.matches(&path))
        };
        let position = self.rules.iter().position(matches);
        let passed = position.unwrap_or(self.rules.len());
        RuleSearch {
            passed_over: &self.rules[..passed],
            rule: position.and_then(|position| self.rules.get(position)),
            path,
        }
    }
}

impl CreationRule {
    fn read(rule: &Fields<'_>, number: usize, line: usize) -> Result<Self, ConfigError> {
        let path = rule.text("path_regex")?.filter(|text| !text.is_empty());
        let path = path
            .map(Pattern::new)
            .transpose()
            .map_err(|source| ConfigError::Path {
                rule: number,
                source,
            })?;
        for field in crate::selection::FIELDS {
            rule.text(field)?;
        }
        let selection =
            Selection::from_fields(|field| rule.text(field).ok().flatten()).map_err(|source| {
                ConfigError::Selection {
                    rule: number,
                    source,
                }
            })?;
        let mut groups = Vec::new();
        for group in rule.mappings("key_groups")? {
            let mut keys = RuleGroup::default();
            keys.read(&group, 0)?;
            groups.push(keys);
        }
        if groups.is_empty() {
            let mut keys = RuleGroup::default();
            keys.read_keys(rule)?;
            groups.push(keys);
        }
        let mac_only_encrypted = rule.flag("mac_only_encrypted")?;
        Ok(Self {
            number,
            line,
            path,
            groups,
            threshold: read_threshold(rule)?,
            selection,
            mac_only_encrypted,
        })
    }

    /// Returns the line where it starts, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the position among the rules, counted from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the pattern that a path must match; `None` matches every path.
    pub fn path_regex(&self) -> Option<&Pattern> {
        self.path.as_ref()
    }

    /// Returns what encryption needs to be told.
    pub fn encryption_rule(&self) -> Result<EncryptionRule, ConfigError> {
        self.to_encryption_rule()
            .map_err(|error| error.at(self.line))
    }

    fn to_encryption_rule(&self) -> Result<EncryptionRule, ConfigError> {
        let rule = self.number;
        let mut kinds: Vec<KeyKind> = self
            .groups
            .iter()
            .flat_map(|group| group.others.iter().copied())
            .collect();
        if !kinds.is_empty() {
            kinds.sort();
            kinds.dedup();
            return Err(ConfigError::Kind { rule, kinds });
        }
        if self.groups.iter().all(|group| group.age.is_empty()) {
            return Err(ConfigError::NoRecipients { rule });
        }
        let groups = self
            .groups
            .iter()
            .map(|group| group.age.iter().map(|text| text.parse()).collect())
            .collect::<Result<Vec<Vec<Recipient>>, _>>()
            .map_err(|source| ConfigError::Recipient { rule, source })?;
        let groups = RecipientGroups::shared(groups, self.threshold)
            .map_err(|source| ConfigError::KeyGroups { rule, source })?;
        Ok(EncryptionRule::for_groups(groups)
            .with_selection(self.selection.clone().unwrap_or_default())
            .with_mac_only_encrypted(self.mac_only_encrypted))
    }
}

impl RuleGroup {
    /// How deep `merge` may nest.
    const MAX_MERGE: usize = 16;

    /// Reads a member of `key_groups`: what it merges, then its own keys, each once.
    fn read(&mut self, group: &Fields<'_>, depth: usize) -> Result<(), ConfigError> {
        if depth > Self::MAX_MERGE {
            return Err(group.wrong("merge", "nested less deeply"));
        }
        for merged in group.mappings("merge")? {
            self.read(&merged, depth + 1)?;
        }
        self.read_keys(group)?;
        let mut seen = std::collections::BTreeSet::new();
        self.age.retain(|key| seen.insert(key.clone()));
        Ok(())
    }

    fn read_keys(&mut self, fields: &Fields<'_>) -> Result<(), ConfigError> {
        self.age.extend(fields.words("age")?);
        for (field, kind) in [
            ("pgp", KeyKind::Pgp),
            ("kms", KeyKind::AwsKms),
            ("gcp_kms", KeyKind::GcpKms),
            ("hckms", KeyKind::HuaweiKms),
            ("azure_keyvault", KeyKind::AzureKeyVault),
            ("hc_vault_transit_uri", KeyKind::Vault),
            ("hc_vault", KeyKind::Vault),
        ] {
            if fields.is_set(field) {
                self.others.push(kind);
            }
        }
        Ok(())
    }
}

fn read_threshold(rule: &Fields<'_>) -> Result<Option<u32>, ConfigError> {
    let (field, expected) = ("shamir_threshold", "a small number");
    let threshold = rule.integer(field, expected)?.unwrap_or_default();
    let threshold = u32::try_from(threshold).map_err(|_| rule.wrong(field, expected))?;
    Ok((threshold > 0).then_some(threshold))
}

fn read_layout(root: &Fields<'_>) -> Result<Layout, ConfigError> {
    let Some(stores) = root.mapping("stores")? else {
        return Ok(Layout::default());
    };
    let mut layout = Layout::default();
    if let Some(spaces) = indent_of(&stores, "yaml", "a number from 1 to 9")?
        && spaces != 0
    {
        let spaces = usize::try_from(spaces).map_err(|_| stores.wrong("yaml.indent", "positive"));
        layout = layout.with_yaml(spaces?);
    }
    if let Some(spaces) = indent_of(&stores, "json", JSON_INDENT)? {
        layout = layout.with_json(json_indent(&stores, "json.indent", spaces)?);
    }
    if let Some(spaces) = indent_of(&stores, "json_binary", JSON_INDENT)? {
        layout = layout.with_binary(json_indent(&stores, "json_binary.indent", spaces)?);
    }
    Ok(layout)
}

const JSON_INDENT: &str = "a number of spaces, or -1 for tabulators";

fn indent_of(
    stores: &Fields<'_>,
    store: &str,
    expected: &'static str,
) -> Result<Option<i64>, ConfigError> {
    let store = stores.mapping(store)?;
    let indent = store.map(|store| store.integer("indent", expected));
    Ok(indent.transpose()?.flatten())
}

fn json_indent(stores: &Fields<'_>, field: &str, spaces: i64) -> Result<Indent, ConfigError> {
    match usize::try_from(spaces) {
        Ok(spaces) => Ok(Indent::Spaces(spaces)),
        Err(_) if spaces == -1 => Ok(Indent::Tab),
        Err(_) => Err(stores.wrong(field, JSON_INDENT)),
    }
}
