//! What the public Image Factory had to choose from when this build was made: a help against misspelt
//! names, never a limit.
//!
//! Extensions are those of `siderolabs/extensions` for Talos 1.10 to 1.14 (main of 2026-08-20), with the older
//! names that the factory still takes; boards those of Talos' own table of v1.14.0-rc.1.

use crate::model::Version;

/// The host of the public factory.
pub const PUBLIC_FACTORY: &str = "factory.talos.dev";

/// Who publishes extensions and overlays.
pub(super) const PUBLISHER: &str = "siderolabs/";

/// A single-board computer that the factory has an overlay for.
pub(super) struct Board {
    /// The overlay's name.
    pub(super) overlay: &'static str,
    /// The image that the overlay comes from.
    pub(super) image: &'static str,
    /// The first release of Talos that has it, where that is not older than all that are supported.
    since: Option<(u64, u64, u64)>,
}

impl Board {
    /// Returns the board of an overlay.
    pub(super) fn of(overlay: &str) -> Option<&'static Self> {
        BOARDS.iter().find(|board| board.overlay == overlay)
    }

    /// Returns the first release of Talos that has it, when that is newer than this one.
    pub(super) fn needs_newer_than(&self, talos: &Version) -> Option<Version> {
        let (major, minor, patch) = self.since?;
        let since = Version::new(major, minor, patch);
        (*talos < since).then_some(since)
    }
}

/// The boards that the factory has overlays for.
pub(super) static BOARDS: &[Board] = &[
    allwinner("bananapi_m64"),
    allwinner("libretech_all_h3_cc_h5"),
    allwinner("pine64"),
    board("jetson_nano", "siderolabs/sbc-jetson", None),
    raspberry_pi("rpi_5", Some((1, 12, 3))),
    raspberry_pi("rpi_generic", None),
    raspberry_pi("revpi_generic", None),
    rockchip("friendlyelec-cm3588-nas", Some((1, 13, 0))),
    rockchip("helios64", None),
    rockchip("nanopi-r4s", None),
    rockchip("nanopi-r5s", None),
    rockchip("odroid-m1", Some((1, 12, 0))),
    rockchip("orangepi-5", None),
    rockchip("orangepi-5-max", Some((1, 12, 0))),
    rockchip("orangepi-5-plus", None),
    rockchip("orangepi-r1-plus-lts", None),
    rockchip("radxa-zero-3e", Some((1, 12, 0))),
    rockchip("rock3b", Some((1, 12, 0))),
    rockchip("rock4cplus", None),
    rockchip("rock4se", None),
    rockchip("rock5a", None),
    rockchip("rock5b", None),
    rockchip("rock5b-plus", Some((1, 13, 0))),
    rockchip("rock5t", Some((1, 12, 0))),
    rockchip("rock64", None),
    rockchip("rockpi4", None),
    rockchip("rockpi4c", None),
    rockchip("rockpro64", None),
    rockchip("turingrk1", None),
];

const fn board(
    overlay: &'static str,
    image: &'static str,
    since: Option<(u64, u64, u64)>,
) -> Board {
    Board {
        overlay,
        image,
        since,
    }
}

const fn allwinner(overlay: &'static str) -> Board {
    board(overlay, "siderolabs/sbc-allwinner", None)
}

const fn raspberry_pi(overlay: &'static str, since: Option<(u64, u64, u64)>) -> Board {
    board(overlay, "siderolabs/sbc-raspberrypi", since)
}

const fn rockchip(overlay: &'static str, since: Option<(u64, u64, u64)>) -> Board {
    board(overlay, "siderolabs/sbc-rockchip", since)
}

/// Extensions, without their publisher.
pub(super) static EXTENSIONS: &[&str] = &[
    "amazon-ena",
    "amd-ucode",
    "amdgpu",
    "amdgpu-firmware",
    "binfmt-misc",
    "bird2",
    "bnx2-bnx2x",
    "btrfs",
    "cachefilesd",
    "chelsio-drivers",
    "chelsio-firmware",
    "cloudflared",
    "crun",
    "ctr",
    "drbd",
    "dvb-cx23885",
    "dvb-m88ds3103",
    "ecr-credential-provider",
    "fuse3",
    "gasket",
    "gasket-driver",
    "glibc",
    "gpio-pinctrl",
    "gvisor",
    "gvisor-debug",
    "hailort",
    "harbor-credential-provider",
    "hello-world-service",
    "hyperv-guest-agent",
    "i915",
    "i915-ucode",
    "intel-ice-firmware",
    "intel-npu",
    "intel-ucode",
    "iscsi-tools",
    "joydev",
    "kata-containers",
    "kata-containers-snp",
    "lldpd",
    "mdadm",
    "mei",
    "mellanox-mstflint",
    "metal-agent",
    "multipath-tools",
    "nebula",
    "netbird",
    "newt",
    "nfs-utils",
    "nfsd",
    "nfsrahead",
    "nonfree-kmod-nvidia",
    "nonfree-kmod-nvidia-lts",
    "nonfree-kmod-nvidia-production",
    "nut-client",
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-lts",
    "nvidia-container-toolkit-production",
    "nvidia-fabric-manager-lts",
    "nvidia-fabricmanager",
    "nvidia-fabricmanager-lts",
    "nvidia-fabricmanager-production",
    "nvidia-gdrdrv-device",
    "nvidia-open-gpu-kernel-modules",
    "nvidia-open-gpu-kernel-modules-lts",
    "nvidia-open-gpu-kernel-modules-production",
    "nvme-cli",
    "panfrost",
    "px-fuse",
    "qemu-guest-agent",
    "qlogic-firmware",
    "realtek-firmware",
    "revpi-firmware",
    "rockchip-rknn",
    "soci-snapshotter",
    "spin",
    "stargz-snapshotter",
    "tailscale",
    "talos-vmtoolsd",
    "tenstorrent",
    "thunderbolt",
    "trident-iscsi-tools",
    "uhid",
    "uinput",
    "usb-audio-drivers",
    "usb-modem",
    "usb-modem-drivers",
    "util-linux-tools",
    "v4l-uvc",
    "v4l-uvc-drivers",
    "vc4",
    "vmtoolsd-guest-agent",
    "wasmedge",
    "xdma-driver",
    "xe",
    "xe-guest-utilities",
    "xen-guest-agent",
    "youki",
    "zerotier",
    "zfs",
];
