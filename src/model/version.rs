//! A version of Kubernetes, Talos or a component, written with or without its leading `v`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A semantic version that remembers nothing of how it was written; displays with a leading `v`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version(semver::Version);

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a version such as `v1.36.4`, found `{0}`")]
pub struct ParseVersionError(String);

impl Version {
    /// Makes a release version.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// Returns the first number.
    pub fn major(&self) -> u64 {
        self.0.major
    }

    /// Returns the second number.
    pub fn minor(&self) -> u64 {
        self.0.minor
    }

    /// Returns the third number.
    pub fn patch(&self) -> u64 {
        self.0.patch
    }

    /// Returns major and minor, by which support ranges are compared.
    pub fn minor_release(&self) -> (u64, u64) {
        (self.0.major, self.0.minor)
    }

    /// Returns the version without its `v`, as image tags of some projects and Helm charts want it.
    pub fn bare(&self) -> String {
        self.0.to_string()
    }

    /// Returns the semantic version inside.
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        semver::Version::parse(text.strip_prefix('v').unwrap_or(text))
            .map(Self)
            .map_err(|_| ParseVersionError(text.to_owned()))
    }
}

impl TryFrom<String> for Version {
    type Error = ParseVersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("v{}", self.0))
    }
}
