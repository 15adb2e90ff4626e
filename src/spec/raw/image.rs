//! The image that machines run, as Image Factory makes it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Text;
use crate::yaml::Spanned;

/// The image that machines run. What a node says takes the place of what its class says, and that of what
/// is said for all, key by key; what components need is always added.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawImage {
    /// What the machine is for Talos; `metal` unless you say otherwise, `nocloud` for Proxmox and the like.
    #[schemars(example = &"metal")]
    pub platform: Option<Text>,
    /// System extensions.
    #[schemars(example = ["siderolabs/iscsi-tools"])]
    pub extensions: Option<Vec<Text>>,
    /// Kernel arguments; one that starts with `-` takes a default one away.
    #[schemars(example = ["net.ifnames=0", "-console"])]
    pub kernel_args: Option<Vec<Text>>,
    /// What a single-board computer needs to boot.
    pub overlay: Option<RawOverlay>,
    /// Whether the image is signed for secure boot.
    pub secure_boot: Option<RawSecureBoot>,
    /// First contents of Talos' META partition.
    pub meta: Option<Vec<RawMeta>>,
    /// The bootloader of the image; Talos chooses unless you say otherwise.
    #[schemars(example = &"sd-boot")]
    pub bootloader: Option<Spanned<RawBootloader>>,
    /// The size of a sector of the disk that the image is written to, in bytes; 512 unless you say otherwise.
    #[schemars(extend("enum" = [512, 4096]), example = 4096)]
    pub sector_size: Option<Spanned<u32>>,
}

/// What a single-board computer needs to boot.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawOverlay {
    /// The overlay's name.
    #[schemars(required, example = &"rpi_generic")]
    pub name: Option<Text>,
    /// The image that it comes from; follows from the name for boards that this build knows.
    #[schemars(example = &"siderolabs/sbc-raspberrypi")]
    pub image: Option<Text>,
    /// Settings of the overlay.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"configTxtAppend": "dtparam=pciex1\n"}))]
    pub options: Map<String, Value>,
}

/// Whether an image is signed for secure boot.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawSecureBoot {
    /// Whether it is.
    #[schemars(required, example = true)]
    pub enabled: Option<Spanned<bool>>,
    /// When the firmware takes over the keys at the first boot; `if-safe` unless you say otherwise, which is
    /// in virtual machines only.
    #[schemars(example = &"force")]
    pub enroll_keys: Option<Spanned<RawEnrollKeys>>,
    /// Whether the well-known certificates of UEFI are taken over as well.
    #[schemars(example = true)]
    pub well_known_certificates: Option<Spanned<bool>>,
}

/// When a firmware takes over the keys of secure boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawEnrollKeys {
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
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawMeta {
    /// Its number.
    #[schemars(required, range(min = 0, max = 255), example = 10)]
    pub key: Option<Spanned<u8>>,
    /// What it says.
    #[schemars(required, example = &"{\"hostname\": \"talos-1\"}")]
    pub value: Option<Text>,
}

/// Bootloaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawBootloader {
    /// Talos chooses.
    Auto,
    /// systemd-boot for UEFI and GRUB for BIOS.
    DualBoot,
    /// systemd-boot.
    SdBoot,
    /// GRUB.
    Grub,
}
