//! Where an image is: the installer in the factory's registry, and what a machine is booted with.

use super::Schematic;
use crate::model::Version;
use crate::spec::PUBLIC_FACTORY;
use crate::spec::cluster::{Arch, Image};

/// Where the public factory serves what is booted over the network.
const PUBLIC_PXE: &str = "pxe.talos.dev";
/// The end of a board's disk image, as Talos' own table of boards has it.
const BOARD_DISK_IMAGE: &str = "raw.xz";

/// Names and addresses of one image for one release and processor.
///
/// They are the same for every supported release: since Talos 1.10 an installer is named after its platform.
#[derive(Clone, Debug)]
pub struct Media<'a> {
    /// The factory's host.
    pub factory: &'a str,
    /// The identity of the schematic.
    pub id: &'a str,
    /// What the image is.
    pub image: &'a Image,
    /// The release of Talos.
    pub version: &'a Version,
    /// The processor.
    pub arch: Arch,
}

impl Media<'_> {
    /// Returns the image that installs and upgrades, for every processor.
    pub fn installer(&self) -> String {
        let platform = self.image.platform.name;
        let (factory, id, version) = (self.factory, self.id, self.version);
        format!(
            "{factory}/{platform}-installer{}/{id}:{version}",
            self.signed()
        )
    }

    /// Returns the URL of the image for a CD or a stick, if the machine boots from one.
    pub fn iso(&self) -> Option<String> {
        let boots = self.image.platform.iso && self.image.overlay.is_none();
        boots.then(|| self.asset(&format!("{}.iso", self.machine())))
    }

    /// Returns the URL of the script of iPXE, if the machine boots over the network.
    pub fn pxe(&self) -> Option<String> {
        let boots = self.image.platform.pxe && self.image.overlay.is_none();
        let host = if self.factory == PUBLIC_FACTORY {
            PUBLIC_PXE
        } else {
            self.factory
        };
        let path = format!("pxe/{}/{}/{}", self.id, self.version, self.machine());
        boots.then(|| format!("https://{host}/{path}"))
    }

    /// Returns the URL of the image of a disk, if there is one.
    pub fn disk_image(&self) -> Option<String> {
        let suffix = match self.image.overlay {
            Some(_) => BOARD_DISK_IMAGE,
            None => self.image.platform.disk_image?,
        };
        Some(self.asset(&format!("{}.{suffix}", self.machine())))
    }

    /// Returns the URL of kernel, first file system and arguments in one file for UEFI.
    pub fn uki(&self) -> String {
        self.asset(&format!("{}-uki.efi", self.machine()))
    }

    /// Returns the URL of the kernel.
    pub fn kernel(&self) -> String {
        self.asset(&format!("kernel-{}", self.arch))
    }

    /// Returns the URL of the first file system.
    pub fn initramfs(&self) -> String {
        self.asset(&format!("initramfs-{}.xz", self.arch))
    }

    /// Returns the URL of the kernel's arguments.
    pub fn cmdline(&self) -> String {
        self.asset(&format!("cmdline-{}", self.machine()))
    }

    fn asset(&self, name: &str) -> String {
        format!(
            "https://{}/image/{}/{}/{name}",
            self.factory, self.id, self.version
        )
    }

    fn machine(&self) -> String {
        format!(
            "{}-{}{}",
            self.image.platform.name,
            self.arch,
            self.signed()
        )
    }

    fn signed(&self) -> &'static str {
        if self.image.secure_boot.is_some() {
            "-secureboot"
        } else {
            ""
        }
    }
}

/// Returns the installer of an image for a release.
pub(in crate::render::talos) fn installer(
    factory: &str,
    image: &Image,
    version: &Version,
) -> String {
    let media = Media {
        factory,
        id: &Schematic::new(image).id(),
        image,
        version,
        arch: Arch::Amd64,
    };
    media.installer()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::cluster::{Overlay, Platform, SecureBoot};

    const ID: &str = "613e1592b2da41ae5e265e8789429f22e121aab91cb4deb6bc3c0b6262961245";

    fn urls(factory: &str, image: &Image, arch: Arch) -> Vec<String> {
        let version = Version::new(1, 13, 8);
        let media = Media {
            factory,
            id: ID,
            image,
            version: &version,
            arch,
        };
        let or_none = |url: Option<String>| url.unwrap_or_else(|| "-".to_owned());
        let urls = [
            media.installer(),
            or_none(media.iso()),
            or_none(media.pxe()),
            or_none(media.disk_image()),
            media.uki(),
            media.kernel(),
            media.initramfs(),
            media.cmdline(),
        ];
        urls.iter().map(|url| url.replace(ID, "ID")).collect()
    }

    fn platform(name: &str) -> Image {
        let platform = Platform::named(name).expect("a platform");
        Image {
            platform,
            ..Image::default()
        }
    }

    /// The paths are those of Talos' own `pkg/machinery/platforms` and of `docs/api.md` of the factory.
    #[test]
    fn bare_metal_has_every_way_to_boot() {
        assert_eq!(
            urls(PUBLIC_FACTORY, &Image::default(), Arch::Amd64),
            [
                "factory.talos.dev/metal-installer/ID:v1.13.8",
                "https://factory.talos.dev/image/ID/v1.13.8/metal-amd64.iso",
                "https://pxe.talos.dev/pxe/ID/v1.13.8/metal-amd64",
                "https://factory.talos.dev/image/ID/v1.13.8/metal-amd64.raw.zst",
                "https://factory.talos.dev/image/ID/v1.13.8/metal-amd64-uki.efi",
                "https://factory.talos.dev/image/ID/v1.13.8/kernel-amd64",
                "https://factory.talos.dev/image/ID/v1.13.8/initramfs-amd64.xz",
                "https://factory.talos.dev/image/ID/v1.13.8/cmdline-metal-amd64",
            ]
        );
    }

    #[test]
    fn signed_images_say_so_everywhere() {
        let image = Image {
            secure_boot: Some(SecureBoot::default()),
            ..platform("nocloud")
        };
        assert_eq!(
            urls("factory.homelab.local:8080", &image, Arch::Arm64),
            [
                "factory.homelab.local:8080/nocloud-installer-secureboot/ID:v1.13.8",
                "https://factory.homelab.local:8080/image/ID/v1.13.8/nocloud-arm64-secureboot.iso",
                "https://factory.homelab.local:8080/pxe/ID/v1.13.8/nocloud-arm64-secureboot",
                "https://factory.homelab.local:8080/image/ID/v1.13.8/nocloud-arm64-secureboot.raw.xz",
                "https://factory.homelab.local:8080/image/ID/v1.13.8/nocloud-arm64-secureboot-uki.efi",
                "https://factory.homelab.local:8080/image/ID/v1.13.8/kernel-arm64",
                "https://factory.homelab.local:8080/image/ID/v1.13.8/initramfs-arm64.xz",
                "https://factory.homelab.local:8080/image/ID/v1.13.8/cmdline-nocloud-arm64-secureboot",
            ]
        );
    }

    #[test]
    fn what_cannot_boot_a_machine_is_left_out() {
        let board = Image {
            overlay: Some(Overlay {
                name: "rpi_generic".to_owned(),
                image: "siderolabs/sbc-raspberrypi".to_owned(),
                options: serde_json::Map::new(),
            }),
            ..Image::default()
        };
        let of_board = urls(PUBLIC_FACTORY, &board, Arch::Arm64);
        assert_eq!(
            of_board[..3],
            ["factory.talos.dev/metal-installer/ID:v1.13.8", "-", "-"]
        );
        assert_eq!(
            of_board[3],
            "https://factory.talos.dev/image/ID/v1.13.8/metal-arm64.raw.xz"
        );
        let of_vultr = urls(PUBLIC_FACTORY, &platform("vultr"), Arch::Amd64);
        assert_eq!(of_vultr[3], "-");
        let of_azure = urls(PUBLIC_FACTORY, &platform("azure"), Arch::Amd64);
        assert_eq!(of_azure[1..3], ["-", "-"]);
        assert!(of_azure[3].ends_with("/azure-amd64.vhd.xz"), "{of_azure:?}");
    }
}
