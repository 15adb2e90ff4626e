//! The image that a machine runs: types of the valid cluster.

use serde::Serialize;
use serde_json::{Map, Value};

use super::platform::{METAL, Platform};

/// The image that a machine runs, as Image Factory makes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Image {
    /// What the machine is for Talos.
    pub platform: &'static Platform,
    /// System extensions, such as `siderolabs/iscsi-tools`.
    pub extensions: Vec<String>,
    /// Kernel arguments; a leading `-` removes a default one.
    pub kernel_args: Vec<String>,
    /// What a single-board computer needs to boot.
    pub overlay: Option<Overlay>,
    /// Whether, and how, it is signed for secure boot.
    pub secure_boot: Option<SecureBoot>,
    /// First contents of Talos' META partition.
    pub meta: Vec<Meta>,
    /// The bootloader; Talos chooses when there is none.
    pub bootloader: Option<Bootloader>,
    /// The size of a sector of the disk, when it is not 512 bytes.
    pub sector_size: Option<u32>,
}

/// What a single-board computer needs to boot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overlay {
    /// Its name, such as `rpi_generic`.
    pub name: String,
    /// The image that it comes from, such as `siderolabs/sbc-raspberrypi`.
    pub image: String,
    /// Its settings.
    pub options: Map<String, Value>,
}

/// How an image is signed for secure boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SecureBoot {
    /// When the firmware takes over the keys, if that is said.
    pub enroll_keys: Option<EnrollKeys>,
    /// Whether the well-known certificates of UEFI are taken over as well.
    pub well_known_certificates: bool,
}

/// When a firmware takes over the keys of secure boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnrollKeys {
    /// Never.
    Off,
    /// When somebody asks for it.
    Manual,
    /// In virtual machines.
    IfSafe,
    /// Always, once the firmware is in its setup mode.
    Force,
}

/// A value of Talos' META partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Meta {
    /// Its number.
    pub key: u8,
    /// What it says.
    pub value: String,
}

/// Bootloaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bootloader {
    /// systemd-boot for UEFI and GRUB for BIOS.
    DualBoot,
    /// systemd-boot.
    SdBoot,
    /// GRUB.
    Grub,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            platform: &METAL,
            extensions: Vec::new(),
            kernel_args: Vec::new(),
            overlay: None,
            secure_boot: None,
            meta: Vec::new(),
            bootloader: None,
            sector_size: None,
        }
    }
}
