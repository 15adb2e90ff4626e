//! What a check finds: a code that lasts, a place, what is wrong and what to do.

use std::fmt;

use camino::Utf8PathBuf;
use serde::Serialize;

/// Something that is wrong with a repository's secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file, relative to the repository's root.
    pub file: Utf8PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What kind of thing it is.
    pub code: Code,
    /// What is wrong; never a secret.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// The kinds of findings. Their names are stable: the allow-list and SARIF use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// A rule says that the file is encrypted, and it is not.
    Plaintext,
    /// A rule names the file, and would encrypt nothing in it.
    NothingSelected,
    /// A value that should be encrypted is not, in a file that is.
    PartlyEncrypted,
    /// Only some of a file's documents say that they are encrypted.
    MissingDocument,
    /// The file is encrypted for others than its rule says.
    Recipients,
    /// The file encrypts other values than its rule says.
    Selection,
    /// The MAC does not match, or there is none.
    Mac,
    /// The file cannot be read as the encrypted file that it claims to be.
    Damaged,
    /// Flux must read something that is encrypted.
    FluxClear,
    /// The file is too large for Flux.
    FluxSize,
    /// The key that the cluster holds does not open the file.
    FluxKey,
    /// The cluster's secrets bundle makes no cluster.
    Bundle,
    /// An authority in the secrets bundle ends soon.
    AuthorityEnds,
    /// A Kubernetes Secret holds values in the clear.
    ClearSecret,
    /// A private key lies in the clear.
    PrivateKey,
    /// The rules cannot be used as they are.
    Rules,
    /// A line of the allow-list is not needed.
    UnusedAllowance,
    /// A file cannot be looked at.
    Unreadable,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 18] = [
        Self::Plaintext,
        Self::NothingSelected,
        Self::PartlyEncrypted,
        Self::MissingDocument,
        Self::Recipients,
        Self::Selection,
        Self::Mac,
        Self::Damaged,
        Self::FluxClear,
        Self::FluxSize,
        Self::FluxKey,
        Self::Bundle,
        Self::AuthorityEnds,
        Self::ClearSecret,
        Self::PrivateKey,
        Self::Rules,
        Self::UnusedAllowance,
        Self::Unreadable,
    ];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::NothingSelected => "nothing-selected",
            Self::PartlyEncrypted => "partly-encrypted",
            Self::MissingDocument => "missing-document",
            Self::Recipients => "recipients",
            Self::Selection => "selection",
            Self::Mac => "mac",
            Self::Damaged => "damaged",
            Self::FluxClear => "flux-clear",
            Self::FluxSize => "flux-size",
            Self::FluxKey => "flux-key",
            Self::Bundle => "bundle",
            Self::AuthorityEnds => "authority-ends",
            Self::ClearSecret => "clear-secret",
            Self::PrivateKey => "private-key",
            Self::Rules => "rules",
            Self::UnusedAllowance => "unused-allowance",
            Self::Unreadable => "unreadable",
        }
    }

    /// Returns the code of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// Says in a sentence what is wrong where it is found.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Plaintext => {
                "A rule of .sops.yaml says that the file is encrypted, and it is not."
            }
            Self::NothingSelected => {
                "A rule of .sops.yaml names the file, and would encrypt nothing in it."
            }
            Self::PartlyEncrypted => {
                "An encrypted file holds a value in the clear that should be encrypted."
            }
            Self::MissingDocument => {
                "Only some documents of an encrypted file carry the `sops` entry."
            }
            Self::Recipients => "The file is encrypted for other recipients than its rule says.",
            Self::Selection => "The file encrypts other values than its rule says.",
            Self::Mac => "The MAC does not match the file's contents, or there is none.",
            Self::Damaged => "The file claims to be encrypted and cannot be read as such.",
            Self::FluxClear => "A field that Flux must read is encrypted.",
            Self::FluxSize => "Flux refuses encrypted files of this size.",
            Self::FluxKey => {
                "The key that the cluster holds does not open a file that Flux will read."
            }
            Self::Bundle => "The cluster's secrets bundle makes no cluster.",
            Self::AuthorityEnds => "A certificate authority in the secrets bundle ends soon.",
            Self::ClearSecret => "A Kubernetes Secret holds its values in the clear.",
            Self::PrivateKey => "A private key lies in the clear in a file that Git would take.",
            Self::Rules => "The encryption rules cannot be used as they are.",
            Self::UnusedAllowance => "A line of the allow-list is not needed any more.",
            Self::Unreadable => "A file could not be looked at.",
        }
    }

    /// Tells whether a secret may be readable for others, or a cluster fail to read it.
    pub const fn is_error(self) -> bool {
        !matches!(
            self,
            Self::Selection
                | Self::Recipients
                | Self::AuthorityEnds
                | Self::UnusedAllowance
                | Self::Unreadable
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_json_is_the_name() {
        for code in Code::ALL {
            assert_eq!(serde_json::json!(code), code.name());
            assert_eq!(Code::from_name(code.name()), Some(code));
        }
    }
}
