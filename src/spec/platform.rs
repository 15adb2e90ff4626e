//! The platforms that Talos has images for, as its own table (`pkg/machinery/platforms` of v1.14.0-rc.1)
//! has them.

use serde::{Serialize, Serializer};

use super::cluster::Arch;

/// What a machine is for Talos, and what there is to boot it with.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its name, as in names of images and in `talos.platform`.
    pub name: &'static str,
    /// The processors that it has images for.
    pub architectures: &'static [Arch],
    /// The end of the name of its disk image, if it has one.
    pub disk_image: Option<&'static str>,
    /// Whether it boots from an ISO image.
    pub iso: bool,
    /// Whether it boots over the network.
    pub pxe: bool,
    /// Whether its images can be signed for secure boot.
    pub secure_boot: bool,
}

const BOTH: &[Arch] = &[Arch::Amd64, Arch::Arm64];
const AMD64: &[Arch] = &[Arch::Amd64];

/// Machines that nothing is known of.
pub(super) static METAL: Platform = Platform {
    secure_boot: true,
    iso: true,
    pxe: true,
    ..disk("metal", BOTH, "raw.zst")
};

/// Every other platform.
static OTHERS: &[Platform] = &[
    disk("akamai", AMD64, "raw.gz"),
    disk("aws", BOTH, "raw.xz"),
    Platform {
        secure_boot: true,
        ..disk("azure", BOTH, "vhd.xz")
    },
    Platform {
        secure_boot: true,
        ..disk("cloudstack", BOTH, "raw.gz")
    },
    disk("digital-ocean", AMD64, "raw.gz"),
    Platform {
        disk_image: None,
        pxe: true,
        ..disk("equinixMetal", BOTH, "")
    },
    disk("exoscale", BOTH, "qcow2"),
    disk("gcp", BOTH, "raw.tar.gz"),
    disk("hcloud", AMD64, "raw.xz"),
    Platform {
        secure_boot: true,
        iso: true,
        pxe: true,
        ..disk("nocloud", BOTH, "raw.xz")
    },
    Platform {
        iso: true,
        ..disk("opennebula", BOTH, "raw.zst")
    },
    Platform {
        iso: true,
        pxe: true,
        ..disk("openstack", BOTH, "raw.xz")
    },
    disk("oracle", BOTH, "qcow2"),
    Platform {
        iso: true,
        ..disk("scaleway", BOTH, "raw.zst")
    },
    disk("upcloud", AMD64, "raw.xz"),
    Platform {
        iso: true,
        ..disk("vmware", BOTH, "ova")
    },
    Platform {
        disk_image: None,
        iso: true,
        pxe: true,
        ..disk("vultr", AMD64, "")
    },
];

const fn disk(
    name: &'static str,
    architectures: &'static [Arch],
    suffix: &'static str,
) -> Platform {
    Platform {
        name,
        architectures,
        disk_image: Some(suffix),
        iso: false,
        pxe: false,
        secure_boot: false,
    }
}

impl Platform {
    /// Returns every platform, bare metal first.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        std::iter::once(&METAL).chain(OTHERS)
    }

    /// Returns the platform of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|platform| platform.name == name)
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
