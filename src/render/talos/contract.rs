//! The version contract: which form of machine configuration a Talos release reads.

use crate::model::Version;

/// A form of machine configuration. It follows from the release that the node itself runs, since a
/// newer form is refused and an older one misses what the release made the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contract {
    /// The form of Talos 1.13: one `v1alpha1` document, and documents for host name and network.
    V1_13,
}

/// A Talos release whose form of machine configuration this build does not write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Talos {0} is not supported: configurations are rendered for Talos v1.13")]
pub struct UnsupportedContract(pub Version);

impl TryFrom<&Version> for Contract {
    type Error = UnsupportedContract;

    fn try_from(version: &Version) -> Result<Self, Self::Error> {
        match version.minor_release() {
            (1, 13) => Ok(Self::V1_13),
            _ => Err(UnsupportedContract(version.clone())),
        }
    }
}
