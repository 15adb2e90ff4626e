//! The version contract: which form of machine configuration a Talos release reads.

use std::fmt;

use crate::model::Version;

/// A form of machine configuration, the oldest first.
///
/// It follows from the release that the node itself runs, since a newer form is refused and an older
/// one misses what the release made the default. A release newer than all of them reads the newest
/// form that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contract {
    /// Talos 1.10: one `v1alpha1` document, beside those for volumes.
    V1_10,
    /// Talos 1.11: as 1.10; encryption of volumes has a document.
    V1_11,
    /// Talos 1.12: host name, network, time and registries have documents.
    V1_12,
    /// Talos 1.13: KubeSpan and environment have documents.
    V1_13,
    /// The pre-releases 1.14.0-alpha: a part of what 1.14 splits. No cluster needs it; it is here since
    /// its library is the newest that can be had as a Go module, so it shows that parts of 1.14 are right.
    V1_14Alpha,
    /// Talos 1.14: Kubernetes, discovery and installation have documents.
    V1_14,
}

/// A Talos release whose form of machine configuration this build does not write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Talos {0} is not supported: its releases are no longer maintained, and no configuration for a release before \
     {oldest} is written or tested here",
    oldest = Contract::OLDEST
)]
pub struct UnsupportedContract(pub Version);

impl Contract {
    /// The oldest form.
    pub const OLDEST: Self = Self::V1_10;
    /// The newest form.
    pub const NEWEST: Self = Self::V1_14;
    /// The forms of releases.
    pub const RELEASED: &'static [Self] = &[
        Self::V1_10,
        Self::V1_11,
        Self::V1_12,
        Self::V1_13,
        Self::V1_14,
    ];

    /// Tells whether a release is newer than every form, so that the newest one stands in for its own.
    pub fn is_newer_than_known(version: &Version) -> bool {
        version.minor_release() > (1, 14)
    }
}

impl TryFrom<&Version> for Contract {
    type Error = UnsupportedContract;

    fn try_from(version: &Version) -> Result<Self, Self::Error> {
        let early = version.as_semver().pre.starts_with("alpha.");
        match version.minor_release() {
            older if older < (1, 10) => Err(UnsupportedContract(version.clone())),
            (1, 10) => Ok(Self::V1_10),
            (1, 11) => Ok(Self::V1_11),
            (1, 12) => Ok(Self::V1_12),
            (1, 13) => Ok(Self::V1_13),
            (1, 14) if early => Ok(Self::V1_14Alpha),
            _ => Ok(Self::V1_14),
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V1_10 => "v1.10",
            Self::V1_11 => "v1.11",
            Self::V1_12 => "v1.12",
            Self::V1_13 => "v1.13",
            Self::V1_14Alpha => "v1.14.0-alpha",
            Self::V1_14 => "v1.14",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> Result<Contract, UnsupportedContract> {
        Contract::try_from(&version.parse::<Version>().expect("a version"))
    }

    #[test]
    fn follows_from_the_release_of_the_node() {
        for (version, contract) in [
            ("v1.10.0", Contract::V1_10),
            ("v1.11.6", Contract::V1_11),
            ("v1.12.11", Contract::V1_12),
            ("v1.13.9", Contract::V1_13),
            ("v1.14.0-alpha.2", Contract::V1_14Alpha),
            ("v1.14.0-rc.1", Contract::V1_14),
            ("v1.14.3", Contract::V1_14),
            ("v1.15.0", Contract::V1_14),
            ("v2.0.0", Contract::V1_14),
        ] {
            assert_eq!(of(version), Ok(contract), "{version}");
        }
        assert!(Contract::is_newer_than_known(&Version::new(1, 15, 0)));
        assert!(!Contract::is_newer_than_known(&Version::new(1, 14, 9)));
    }

    #[test]
    fn older_releases_are_refused_with_the_reason() {
        for version in ["v1.9.6", "v0.14.0"] {
            let refusal = of(version).expect_err("refused").to_string();
            assert!(
                refusal.starts_with(&format!(
                    "Talos {version} is not supported: its releases are no longer"
                )),
                "{refusal}"
            );
            assert!(refusal.contains("before v1.10"), "{refusal}");
        }
    }
}
