//! Schematics: what an image holds, and the identity that the factory gives it.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::canonical::{document, sorted};
use crate::model::hexadecimal;
use crate::spec::cluster::{Image, SecureBoot};

/// What an image holds, as the factory writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schematic {
    text: String,
}

impl Schematic {
    /// Makes the schematic of an image; what is at its default is left out, as the factory does.
    pub fn new(image: &Image) -> Self {
        let mut entries = Map::new();
        if let Some(overlay) = &image.overlay {
            let mut fields = json!({"image": overlay.image, "name": overlay.name});
            if !overlay.options.is_empty() {
                fields["options"] = sorted(&Value::Object(overlay.options.clone()));
            }
            entries.insert("overlay".to_owned(), fields);
        }
        let customization = Value::Object(customization(image));
        entries.insert("customization".to_owned(), customization);
        let text = document(&entries);
        Self { text }
    }

    /// Returns the text that the factory stores and digests: its own serialisation, so every byte counts.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the identity: the SHA-256 of the text.
    pub fn id(&self) -> String {
        hexadecimal(&Sha256::digest(&self.text))
    }
}

fn customization(image: &Image) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    if !image.kernel_args.is_empty() {
        add("extraKernelArgs", json!(image.kernel_args));
    }
    if !image.meta.is_empty() {
        add("meta", json!(image.meta));
    }
    if !image.extensions.is_empty() {
        add(
            "systemExtensions",
            json!({"officialExtensions": image.extensions}),
        );
    }
    if let Some(bootloader) = image.bootloader {
        add("bootloader", json!(bootloader));
    }
    let secure_boot = secure_boot(image.secure_boot.unwrap_or_default());
    if !secure_boot.is_empty() {
        add("secureboot", Value::Object(secure_boot));
    }
    if let Some(size) = image.sector_size {
        add("diskImage", json!({"sectorSize": size}));
    }
    fields
}

fn secure_boot(secure_boot: SecureBoot) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(keys) = secure_boot.enroll_keys {
        fields.insert("enrollKeys".to_owned(), json!(keys));
    }
    if secure_boot.well_known_certificates {
        fields.insert("includeWellKnownCertificates".to_owned(), json!(true));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::cluster::{Bootloader, EnrollKeys, Meta, Overlay};

    fn extensions(names: &[&str]) -> Image {
        let name = |name: &&str| format!("siderolabs/{name}");
        Image {
            extensions: names.iter().map(name).collect(),
            ..Image::default()
        }
    }

    fn kernel_args(arguments: &[&str]) -> Image {
        Image {
            kernel_args: arguments.iter().map(ToString::to_string).collect(),
            ..Image::default()
        }
    }

    fn meta(value: &str) -> Image {
        let value = value.to_owned();
        Image {
            meta: vec![Meta { key: 10, value }],
            ..Image::default()
        }
    }

    fn overlay(image: &str, name: &str, options: &Value) -> Image {
        let options = options.as_object().cloned().unwrap_or_default();
        let (image, name) = (image.to_owned(), name.to_owned());
        Image {
            overlay: Some(Overlay {
                name,
                image,
                options,
            }),
            ..Image::default()
        }
    }

    fn secure(enroll_keys: Option<EnrollKeys>, well_known_certificates: bool) -> Image {
        Image {
            secure_boot: Some(SecureBoot {
                enroll_keys,
                well_known_certificates,
            }),
            ..Image::default()
        }
    }

    fn assert_ids(cases: &[(Image, &str)]) {
        for (image, id) in cases {
            let schematic = Schematic::new(image);
            assert_eq!(schematic.id(), *id, "{}", schematic.text());
        }
    }

    /// `pkg/schematic/schematic_test.go` of siderolabs/image-factory v1.5.0.
    #[test]
    fn identities_are_those_of_the_factorys_own_tests() {
        let sectors = Image {
            sector_size: Some(4096),
            ..Image::default()
        };
        assert_ids(&[
            (
                Image::default(),
                "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba",
            ),
            (
                kernel_args(&["noapic", "nolapic"]),
                "9cba8e32753f91a16c1837ab8abf356af021706ef284aef07380780177d9a06c",
            ),
            (
                meta("foo"),
                "d308a2a5ee2277bed5fbaa104fcbc8d59122abfa737df987a95b4ca763459a7f",
            ),
            (
                secure(None, true),
                "fa8e05f142a851d3ee568eb0a8e5841eaf6b0ebc8df9a63df16ac5ed2c04f3e6",
            ),
            (
                sectors,
                "92833e9ddd9bb9e11b2464fa5525429f01866306d52ebd882ee08d7918f6d1ea",
            ),
            (
                overlay("siderolabs/sbc-raspberrypi", "rpi_generic", &Value::Null),
                "ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9",
            ),
        ]);
    }

    /// `internal/profile/profile_test.go` of siderolabs/image-factory v1.5.0, where each names a tarball.
    #[test]
    fn identities_of_several_parts_are_those_of_the_factorys_profiles() {
        let mut parts = extensions(&["amd-ucode", "intel-ucode"]);
        parts.kernel_args = kernel_args(&["noapic", "nolapic"]).kernel_args;
        let board = Image {
            overlay: overlay(
                "ghcr.io/siderolabs/sbc-raspberrypi:v0.1.0",
                "rpi_generic",
                &Value::Null,
            )
            .overlay,
            ..parts.clone()
        };
        parts.meta = meta("foo").meta;
        let aliases = extensions(&[
            "nvidia-container-toolkit",
            "nvidia-open-gpu-kernel-modules",
            "nonfree-kmod-nvidia",
            "nvidia-fabricmanager",
            "i915-ucode",
            "amdgpu-firmware",
        ]);
        assert_ids(&[
            (
                parts,
                "6ba13d510dcc57f233b9b498d34a3c919c1abdd5675b46ad53cf4f2e66362f82",
            ),
            (
                board,
                "1da25204d18e6db95cb65ce2e38424b2ad94b2519a53aef34e45f07cc73ca5e8",
            ),
            (
                aliases,
                "42c5a897579913a97ad7edc56c0d858bc4dd8639951e02b084edbb2e190a7898",
            ),
        ]);
    }

    /// Identities that the public factory gave, as Talos' documentation and public clusters name them.
    #[test]
    fn identities_are_those_that_the_public_factory_gave() {
        let loader = |bootloader| Image {
            bootloader: Some(bootloader),
            ..Image::default()
        };
        assert_ids(&[
            (
                kernel_args(&["nolapic", "nomodeset"]),
                "e0fb1129bbbdfb5d002e94af4cdce712a8370e850950a33a242d4c3f178c532d",
            ),
            (
                meta("{\"externalIPs\":[\"1.2.3.4\"]}"),
                "fe866116408a5a13dab7d5003eb57a00954ea81ebeec3fbbcd1a6d4462a00036",
            ),
            (
                overlay("siderolabs/sbc-rockchip", "turingrk1", &Value::Null),
                "df156b82096feda49406ac03aa44e0ace524b7efe4e1f0e144a1e1ae3930f1c0",
            ),
            (
                extensions(&["amd-ucode", "gvisor", "gasket-driver"]),
                "51ff3e49313773332729a5c04e57af0dbe2e6d3f65ff638e6d4c3a05065fefff",
            ),
            (
                extensions(&["qemu-guest-agent"]),
                "ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515",
            ),
            (
                extensions(&["iscsi-tools", "util-linux-tools"]),
                "613e1592b2da41ae5e265e8789429f22e121aab91cb4deb6bc3c0b6262961245",
            ),
            (
                extensions(&["i915", "intel-ucode"]),
                "4b3cd373a192c8469e859b7a0cfbed3ecc3577c4a2d346a37b0aeff9cd17cdb0",
            ),
            (
                loader(Bootloader::Grub),
                "39d496b2cbdb6265d3b714514c5334bf010f1b4d31b23b9e38c80fb2f3ad7ecb",
            ),
            (
                loader(Bootloader::SdBoot),
                "9ed5fecdacb36b5c5427b87d409f1065cfb2df69b0f71c58b868d9d466d8dab3",
            ),
        ]);
    }

    /// Everything at once, in the factory's order and with its quotes: written by hand after its rules.
    #[test]
    fn every_field_has_its_place() {
        let mut image = overlay(
            "siderolabs/sbc-raspberrypi",
            "rpi_generic",
            &json!({"b": 1, "a": {"text": "one\ntwo\n"}}),
        );
        image.kernel_args = kernel_args(&["-console", "true"]).kernel_args;
        image.extensions = extensions(&["iscsi-tools"]).extensions;
        image.meta = meta("x: y").meta;
        image.bootloader = Some(Bootloader::DualBoot);
        image.secure_boot = secure(Some(EnrollKeys::IfSafe), true).secure_boot;
        image.sector_size = Some(4096);
        let expected = "\
overlay:
    image: siderolabs/sbc-raspberrypi
    name: rpi_generic
    options:
        a:
            text: |
                one
                two
        b: 1
customization:
    extraKernelArgs:
        - -console
        - \"true\"
    meta:
        - key: 10
          value: 'x: y'
    systemExtensions:
        officialExtensions:
            - siderolabs/iscsi-tools
    bootloader: dual-boot
    secureboot:
        enrollKeys: if-safe
        includeWellKnownCertificates: true
    diskImage:
        sectorSize: 4096
";
        assert_eq!(Schematic::new(&image).text(), expected);
    }
}
