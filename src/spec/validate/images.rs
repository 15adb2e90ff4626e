//! The images of machines: what is said for all, for a class and for a node, laid over each other, and
//! whether Image Factory could make them.

use std::collections::BTreeSet;

use super::{Findings, image_names, nodes};
use crate::model::Version;
use crate::spec::cluster::{
    Arch, Bootloader, EnrollKeys, Image, Meta, Overlay, Platform, SecureBoot,
};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::factory::Board;
use crate::spec::raw::{
    RawBootloader, RawClass, RawEnrollKeys, RawImage, RawNode, RawOverlay, RawSecureBoot, RawSpec,
    RawTalos, Text,
};
use crate::yaml::{Span, Spanned};

/// What is written about the image of one node, the narrowest first.
struct Written<'a>([Option<&'a RawImage>; 3]);

impl<'a> Written<'a> {
    fn of(all: Option<&'a RawImage>, class: Option<&'a RawClass>, node: &'a RawNode) -> Self {
        let class = class.and_then(|class| class.image.as_ref());
        Self([node.image.as_ref(), class, all])
    }

    fn narrowest<T>(&self, key: impl Fn(&'a RawImage) -> &'a Option<T>) -> Option<&'a T> {
        self.0.iter().flatten().find_map(|raw| key(raw).as_ref())
    }

    fn secure_boot(&self) -> Option<(&'a RawSecureBoot, Span)> {
        let raw = self.narrowest(|raw| &raw.secure_boot)?;
        let enabled = raw.enabled.as_ref().filter(|enabled| enabled.value)?;
        Some((raw, enabled.span))
    }
}

/// Lays what is said of a node's image over what is said of its class, and that over what is said for all.
pub(super) fn image(all: Option<&RawImage>, class: Option<&RawClass>, node: &RawNode) -> Image {
    let written = Written::of(all, class, node);
    let texts = |texts: Option<&Vec<Text>>| {
        let texts = texts.into_iter().flatten();
        texts.map(|text| text.value.clone()).collect()
    };
    let platform = written.narrowest(|raw| &raw.platform);
    let meta = written.narrowest(|raw| &raw.meta).into_iter().flatten();
    Image {
        platform: platform
            .and_then(|text| Platform::named(&text.value))
            .unwrap_or(Image::default().platform),
        extensions: texts(written.narrowest(|raw| &raw.extensions)),
        kernel_args: texts(written.narrowest(|raw| &raw.kernel_args)),
        overlay: written.narrowest(|raw| &raw.overlay).and_then(overlay),
        secure_boot: written.secure_boot().map(|(raw, _)| secure_boot(raw)),
        meta: meta
            .filter_map(|raw| {
                let (key, value) = (raw.key.as_ref()?.value, raw.value.as_ref()?.value.clone());
                Some(Meta { key, value })
            })
            .collect(),
        bootloader: written
            .narrowest(|raw| &raw.bootloader)
            .and_then(|raw| bootloader(raw.value)),
        sector_size: written
            .narrowest(|raw| &raw.sector_size)
            .map(|size| size.value)
            .filter(|size| *size != 512),
    }
}

fn overlay(raw: &RawOverlay) -> Option<Overlay> {
    let name = raw.name.as_ref()?.value.clone();
    let written = raw.image.as_ref().map(|text| text.value.clone());
    let image = written.or_else(|| Some(Board::of(&name)?.image.to_owned()))?;
    let options = raw.options.clone();
    Some(Overlay {
        name,
        image,
        options,
    })
}

fn secure_boot(raw: &RawSecureBoot) -> SecureBoot {
    let certificates = raw.well_known_certificates.as_ref();
    SecureBoot {
        enroll_keys: raw.enroll_keys.as_ref().map(|keys| match keys.value {
            RawEnrollKeys::Off => EnrollKeys::Off,
            RawEnrollKeys::Manual => EnrollKeys::Manual,
            RawEnrollKeys::IfSafe => EnrollKeys::IfSafe,
            RawEnrollKeys::Force => EnrollKeys::Force,
        }),
        well_known_certificates: certificates.is_some_and(|wish| wish.value),
    }
}

fn bootloader(raw: RawBootloader) -> Option<Bootloader> {
    match raw {
        RawBootloader::Auto => None,
        RawBootloader::DualBoot => Some(Bootloader::DualBoot),
        RawBootloader::SdBoot => Some(Bootloader::SdBoot),
        RawBootloader::Grub => Some(Bootloader::Grub),
    }
}

/// Reports images that the factory would not make, and names that it may not know.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    let distribution = spec.distribution.as_ref();
    let Some(talos) = distribution.and_then(|raw| raw.talos.as_ref()) else {
        return;
    };
    let all = talos.value.image.as_ref();
    let classes = spec.classes.values().filter_map(|raw| raw.image.as_ref());
    let nodes = spec.nodes.iter().filter_map(|raw| raw.image.as_ref());
    for raw in all.into_iter().chain(classes).chain(nodes) {
        image_names::check(raw, findings);
    }
    let mut seen = BTreeSet::new();
    for node in &spec.nodes {
        let class = nodes::class_of(node, spec);
        let written = Written::of(all, class, node);
        let machine = Machine {
            arch: nodes::arch(node, class),
            version: version(node, &talos.value),
            secure_boot: written.secure_boot().map(|(_, place)| place),
        };
        for finding in machine.contradictions(&written) {
            // What a class says wrong is said once, not for each of its nodes.
            if seen.insert((finding.labels[0].span.start, finding.message.clone())) {
                findings.add(finding);
            }
        }
    }
}

fn version(node: &RawNode, talos: &RawTalos) -> Option<Version> {
    let text = node.version.as_ref().or(talos.version.as_ref())?;
    text.value.parse().ok()
}

/// What decides whether a node can have the image that is described.
struct Machine {
    arch: Arch,
    version: Option<Version>,
    secure_boot: Option<Span>,
}

impl Machine {
    fn contradictions(&self, written: &Written<'_>) -> Vec<Diagnostic> {
        let platform = written.narrowest(|raw| &raw.platform);
        let overlay = written.narrowest(|raw| &raw.overlay);
        let bootloader = written.narrowest(|raw| &raw.bootloader);
        let of_platform = platform.and_then(|text| self.with_platform(text));
        let of_overlay = overlay.and_then(|raw| self.with_overlay(raw.name.as_ref()?));
        let of_bootloader = bootloader.and_then(|raw| self.with_bootloader(raw));
        [of_platform, of_overlay, of_bootloader]
            .into_iter()
            .flatten()
            .collect()
    }

    fn with_platform(&self, text: &Text) -> Option<Diagnostic> {
        let platform = Platform::named(&text.value)?;
        if !platform.architectures.contains(&self.arch) {
            let message = format!("Talos has no images of `{text}` for {}", self.arch);
            return Some(impossible(text.span, message).help("correct `platform` or `arch`"));
        }
        let place = self.secure_boot.filter(|_| !platform.secure_boot)?;
        let message = format!("images of `{text}` cannot be signed for secure boot");
        Some(impossible(place, message).also(text.span, "the platform"))
    }

    fn with_overlay(&self, name: &Text) -> Option<Diagnostic> {
        if self.arch != Arch::Arm64 {
            let message = format!(
                "the overlay `{name}` is for arm64, and the node is {}",
                self.arch
            );
            return Some(
                impossible(name.span, message).help("write `arch: arm64` for such boards"),
            );
        }
        if let Some(place) = self.secure_boot {
            let message = format!("the overlay `{name}` cannot be signed for secure boot");
            let finding = impossible(place, message).also(name.span, "the overlay");
            return Some(finding.help("write `secureBoot: {enabled: false}` for such boards"));
        }
        let talos = self.version.as_ref()?;
        let since = Board::of(&name.value)?.needs_newer_than(talos)?;
        let message = format!("Talos {talos} has no overlay `{name}`");
        Some(impossible(name.span, message).help(format!("take Talos {since} or newer")))
    }

    fn with_bootloader(&self, raw: &Spanned<RawBootloader>) -> Option<Diagnostic> {
        let place = self.secure_boot?;
        let signed = matches!(raw.value, RawBootloader::Auto | RawBootloader::SdBoot);
        let message = "only systemd-boot starts images that are signed for secure boot";
        let help = "write `bootloader: sd-boot`, or leave it out";
        (!signed).then(|| {
            impossible(raw.span, message)
                .also(place, "secure boot")
                .help(help)
        })
    }
}

fn impossible(place: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::ImpossibleImage, place, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::catalog::Catalog;
    use crate::spec::cluster::Cluster;
    use crate::spec::{Checked, load};

    const SPEC: &str = include_str!("../../../tests/fixtures/render/workers/homelab.yaml");

    /// The whole of a cluster of one control plane; what is said for all and of the node's class, and what the
    /// node says.
    fn checked(all: &str, class: &str, node: &str) -> Checked {
        let text = include_str!("../../../tests/fixtures/diagnostics/HL0220/passes.yaml")
            .replace("{extensions: [siderolabs/iscsi-tools]}", all)
            .replace(
                "  nodes:\n    - name: node-1\n",
                &format!("  classes: {{board: {class}}}\n  nodes:\n    - name: node-1\n      class: board\n      {node}\n"),
            );
        load(
            "homelab.yaml",
            &text,
            &Catalog::embedded().expect("it loads"),
        )
    }

    fn valid(checked: Checked) -> Cluster {
        let findings = checked.diagnostics;
        checked
            .cluster
            .filter(|_| findings.is_empty())
            .unwrap_or_else(|| panic!("{findings:#?}"))
    }

    fn findings(checked: &Checked) -> Vec<String> {
        let findings = checked.diagnostics.iter();
        findings
            .map(|finding| format!("{}: {}", finding.code, finding.message))
            .collect()
    }

    #[test]
    fn a_node_comes_before_its_class_and_that_before_all_key_by_key() {
        let cluster = valid(checked(
            "{extensions: [siderolabs/i915], kernelArgs: [quiet], secureBoot: {enabled: true, enrollKeys: force}, bootloader: sd-boot}",
            "{arch: arm64, image: {extensions: [], overlay: {name: turingrk1}, secureBoot: {enabled: false}, sectorSize: 512}}",
            "image: {kernelArgs: [-console], meta: [{key: 10, value: \"{}\"}], bootloader: auto}",
        ));
        let expected = json!({
            "platform": "metal",
            "extensions": [],
            "kernel_args": ["-console"],
            "overlay": {"name": "turingrk1", "image": "siderolabs/sbc-rockchip", "options": {}},
            "secure_boot": null,
            "meta": [{"key": 10, "value": "{}"}],
            "bootloader": null,
            "sector_size": null,
        });
        assert_eq!(
            serde_json::to_value(&cluster.nodes[0].image).expect("serialises"),
            expected
        );
    }

    #[test]
    fn what_does_not_fit_together_is_reported_once() {
        for (all, class, node, expected) in [
            (
                "{platform: hcloud}",
                "{arch: arm64}",
                "image: {}",
                "HL0221: Talos has no images of `hcloud` for arm64",
            ),
            (
                "{secureBoot: {enabled: true}}",
                "{arch: amd64}",
                "image: {platform: aws}",
                "HL0221: images of `aws` cannot be signed for secure boot",
            ),
            (
                "{secureBoot: {enabled: true}}",
                "{arch: arm64, image: {overlay: {name: rpi_generic}}}",
                "image: {}",
                "HL0221: the overlay `rpi_generic` cannot be signed for secure boot",
            ),
            (
                "{overlay: {name: rpi_generic}}",
                "{arch: amd64}",
                "image: {}",
                "HL0221: the overlay `rpi_generic` is for arm64, and the node is amd64",
            ),
            (
                "{overlay: {name: rpi_5}}",
                "{arch: arm64}",
                "version: v1.12.2",
                "HL0221: Talos v1.12.2 has no overlay `rpi_5`",
            ),
            (
                "{secureBoot: {enabled: true}, bootloader: dual-boot}",
                "{arch: amd64}",
                "image: {}",
                "HL0221: only systemd-boot starts images that are signed for secure boot",
            ),
        ] {
            let found = findings(&checked(all, class, node));
            let about = found.iter().filter(|text| text.starts_with("HL0221"));
            assert_eq!(about.collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn several_nodes_of_a_class_share_a_finding() {
        let text = SPEC.replace(
            "image: {extensions",
            "image: {platform: aws, secureBoot: {enabled: true}, extensions",
        );
        let checked = load(
            "homelab.yaml",
            &text,
            &Catalog::embedded().expect("it loads"),
        );
        let about = |code: &str| {
            findings(&checked)
                .iter()
                .filter(|text| text.starts_with(code))
                .count()
        };
        assert_eq!(about("HL0221"), 1);
    }
}
