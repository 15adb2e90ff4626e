//! `homelab.yaml` as people write it: one type per section, every value with its place.
//!
//! The types are the source of the JSON schema, whose structure is checked first; so decoding a
//! checked tree cannot fail, and a value that is absent here is either optional or reported.
//! Nothing is interpreted: addresses, versions and names are still texts.

mod access;
mod cluster;
mod components;
mod control_plane;
mod distribution;
mod gitops;
mod image;
mod links;
mod machine;
mod network;
mod nodes;
mod patches;
mod policy;
mod schema_types;
mod secrets;

pub use access::{RawAccess, RawBinding, RawOidc};
pub use cluster::{RawAcceptance, RawFile, RawKubernetes, RawMetadata, RawSpec};
pub use components::{RawChart, RawComponent};
pub use control_plane::{RawControlPlane, RawVip, RawVipProvider};
pub use distribution::{RawDatastore, RawDistribution, RawHostSystem, RawK3s, RawTalos};
pub use gitops::{RawArgoCd, RawFlux, RawGitAuth, RawGitOps};
pub use image::{RawBootloader, RawEnrollKeys, RawImage, RawMeta, RawOverlay, RawSecureBoot};
pub use links::{RawBond, RawBondMode, RawLink, RawLinks, RawRoute, RawVlan};
pub use machine::{
    RawDiskKey, RawEncryption, RawExtensionService, RawFilesystem, RawLogin, RawMachine,
    RawMachineFile, RawMirror, RawRegistries, RawVolume, RawVolumeDisk, RawWatchdog,
};
pub use network::{RawBgp, RawBgpPeer, RawLoadBalancer, RawLoadBalancerMode, RawNetwork};
pub use nodes::{RawArch, RawClass, RawDisk, RawDiskKind, RawDiskTraits, RawNic, RawNode, RawRole};
pub use patches::{RawPatchList, RawPatches};
pub use policy::{RawNetworkPolicy, RawPodSecurity, RawPolicy, RawPriorityClass};
pub use secrets::{RawExternalSecrets, RawSecretStore, RawSecrets, RawSops};

/// A text and its place.
pub type Text = crate::yaml::Spanned<String>;
