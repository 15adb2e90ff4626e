//! What every command about encrypted files works with: the rules and the keys, each read once, and
//! the layout that files get.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use camino::{Utf8Path, Utf8PathBuf};
use regex::bytes::Regex;
use sops_rs::{
    Document, EncryptedFile, Environment, Format, Identities, IdentityError, Layout,
    Selection as Selected,
};
use zeroize::Zeroizing;

use super::terminal_prompt;
use crate::cli::{Context, Failure, Kind};
use crate::store::sealed::check::damage;
use crate::store::sealed::{Keyring, Rulebook, Rules};
use crate::store::{Selection, named, select};

/// The rules, the keys, and the way to the user.
pub(super) struct Workspace<'a> {
    pub(super) context: &'a Context,
    pub(super) rules: Rulebook,
    pub(super) keys: Keyring,
}

impl<'a> Workspace<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        let environment = Environment::of_process().with_prompt(terminal_prompt::prompt());
        Self {
            context,
            rules: Rulebook::new(std::env::var_os("SOPS_CONFIG")),
            keys: Keyring::new(&context.settings.root, environment),
        }
    }

    /// Returns the path of a file that was named on the command line.
    pub(super) fn path(&self, name: &Utf8Path) -> Utf8PathBuf {
        named(&self.context.settings.root, name)
    }

    /// Returns the files that were named: files, directories, patterns.
    pub(super) fn select(&self, names: &[Utf8PathBuf]) -> Result<Selection, Failure> {
        let selection = select(&self.context.settings.root, names)
            .map_err(|error| Failure::new(Kind::Usage, error))?;
        for problem in &selection.problems {
            self.context.ui.warning(&problem.reason);
        }
        Ok(selection)
    }

    /// Returns every identity at hand for a file; `None` is standard input.
    pub(super) fn identities(
        &self,
        file: Option<&Utf8Path>,
        encrypted: &EncryptedFile,
    ) -> Arc<Identities> {
        self.keys
            .identities(file, encrypted.metadata().age_recipients())
    }

    /// Returns the layout that `.sops.yaml` asks for; a broken one does not keep a file closed.
    pub(super) fn layout(&self, file: &Utf8Path) -> Layout {
        match self.rules.rules_for(file) {
            Ok(rules) => rules.map_or_else(Layout::default, |rules| rules.config.layout()),
            Err(error) => {
                let error = anyhow::Error::new(error);
                let warning = format!("{error:#}; its layout is not used");
                self.context.ui.warning(&warning);
                Layout::default()
            }
        }
    }

    /// Returns the text of an encrypted file, in the layout of what it comes from where that can be.
    pub(super) fn encrypted_text(
        &self,
        file: &Utf8Path,
        encrypted: &EncryptedFile,
        like: &[u8],
    ) -> Zeroizing<Vec<u8>> {
        let layout = self.layout(file);
        let like = std::str::from_utf8(like).ok();
        let text = like.and_then(|text| encrypted.to_text_like(text, layout));
        let text = text.unwrap_or_else(|| encrypted.to_text_with(layout));
        Zeroizing::new(text.into_bytes())
    }

    /// Returns the text of a document in the clear, in the layout of what it comes from where that
    /// can be.
    pub(super) fn plain_text(
        &self,
        file: &Utf8Path,
        document: &Document,
        like: &[u8],
    ) -> Zeroizing<Vec<u8>> {
        let layout = self.layout(file);
        let like = std::str::from_utf8(like).ok();
        match like.and_then(|text| document.to_text_like(text, layout)) {
            Some(text) => Zeroizing::new(text.as_bytes().to_vec()),
            None => document.to_bytes_with(layout),
        }
    }

    /// Warns of fields of the rules that nothing reads: what they were meant to say does not hold.
    pub(super) fn warn_of_rules(&self) {
        for rules in self.rules.all_loaded() {
            for unknown in rules.config.unknown_fields() {
                let warning = format!("`{}`, line {}: {unknown}", rules.file, unknown.line);
                self.context.ui.warning(&warning);
            }
        }
    }

    /// Returns the rules that hold for a file, or the refusal that there are none.
    pub(super) fn rules_for(&self, file: &Utf8Path) -> Result<Arc<Rules>, Failure> {
        self.rules.rules_for(file)?.ok_or_else(|| {
            Failure::message(
                Kind::Refused,
                format!("no `.sops.yaml` says for whom `{file}` is to be encrypted"),
            )
            .hint(
                "run `homelab secrets init` in the repository's root, or write a `.sops.yaml` there",
            )
        })
    }

    /// Warns, once each, of key files that others can read.
    pub(super) fn warn_of_keys(&self) {
        let mut told = BTreeSet::new();
        for identities in self.keys.all_loaded() {
            for problem in identities.problems() {
                let IdentityError::Exposed { mode } = problem.error else {
                    continue;
                };
                let Some(path) = problem.origin.path() else {
                    continue;
                };
                if told.insert(path.to_owned()) {
                    let path = path.display();
                    self.context.ui.warning(&format!(
                        "others can read the private key `{path}` (mode {mode:04o}); run `chmod 600 {path}`"
                    ));
                }
            }
        }
    }
}

/// The format that a file's name tells.
pub(super) fn format(path: &Utf8Path) -> Format {
    Format::of_path(path.as_std_path())
}

/// Tells whether a file that was found claims to be encrypted, well or badly: it has a `sops` entry, or
/// an encrypted value without one, or cannot be read and looks like that. Whoever reads it as an
/// encrypted file then says what is wrong with it.
pub(super) fn is_encrypted(path: &Utf8Path, bytes: &[u8]) -> bool {
    static MARKS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"ENC\[AES256_GCM,|sops").expect("it is a constant"));
    if !MARKS.is_match(bytes) {
        return false;
    }
    let named = format(path);
    let format = match named {
        Format::Binary => Format::Json,
        format => format,
    };
    match Document::parse(format, bytes) {
        Ok(document) => document.is_encrypted() || document.survey(&Selected::All).has_ciphertext(),
        // A text of any kind may speak of encrypted values; an encrypted binary file is a JSON object.
        Err(_) if named == Format::Binary && !bytes.trim_ascii_start().starts_with(b"{") => false,
        Err(_) => looks_encrypted(bytes),
    }
}

/// Reads a file that claims to be encrypted, or says what keeps it from being read.
pub(super) fn read(path: &Utf8Path, bytes: &[u8]) -> Result<EncryptedFile, String> {
    let format = format(path);
    EncryptedFile::parse(format, bytes)
        .map_err(|error| damage(format, bytes).unwrap_or_else(|| error.to_string()))
}

/// Looks for an encrypted value, or the `sops` entry of any format.
fn looks_encrypted(bytes: &[u8]) -> bool {
    static ENTRY: LazyLock<Regex> = LazyLock::new(|| {
        let entry = r#"ENC\[AES256_GCM,|(?m)^(sops:|\s*"sops"\s*:|sops_mac=|\[sops\])"#;
        Regex::new(entry).expect("it is a constant")
    });
    ENTRY.is_match(bytes)
}
