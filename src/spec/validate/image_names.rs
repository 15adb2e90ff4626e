//! Names in what is written about images: of platforms, extensions, overlays and kernel arguments, and of the
//! factory's host. What is only unknown here is a warning: a newer factory may have it.

use std::collections::BTreeSet;

use super::Findings;
use crate::model::is_domain;
use crate::spec::cluster::Platform;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::factory::{BOARDS, Board, EXTENSIONS, PUBLISHER};
use crate::spec::raw::{RawImage, Text};
use crate::spec::suggest::closest;

/// Reports names that cannot be, or that this build does not know.
pub(super) fn check(raw: &RawImage, findings: &mut Findings) {
    if let Some(text) = &raw.platform {
        platform(text, findings);
    }
    let mut seen = BTreeSet::new();
    for text in raw.extensions.iter().flatten() {
        if extension(text, findings) && !seen.insert(text.value.as_str()) {
            findings.invalid(text.span, format!("`{text}` is listed twice"));
        }
    }
    for text in raw.kernel_args.iter().flatten() {
        kernel_argument(text, findings);
    }
    if let Some(name) = raw.overlay.as_ref().and_then(|raw| raw.name.as_ref()) {
        let image = raw.overlay.as_ref().and_then(|raw| raw.image.as_ref());
        check_overlay(name, image, findings);
    }
}

fn platform(text: &Text, findings: &mut Findings) {
    if Platform::named(&text.value).is_some() {
        return;
    }
    let names: Vec<_> = Platform::all().map(|platform| platform.name).collect();
    let message = format!("Talos has no platform `{text}`");
    let finding = Diagnostic::new(Code::InvalidValue, text.span, message);
    findings.add(match closest(&text.value, names.iter().copied()) {
        Some(close) => finding.help(format!("did you mean `{close}`?")),
        None => finding.help(format!("one of {}", names.join(", "))),
    });
}

/// Tells whether a text names an extension; one that is not known here may still be there.
fn extension(text: &Text, findings: &mut Findings) -> bool {
    let written = text.value.as_str();
    if !is_image(written) {
        let message =
            format!("expected an extension such as `{PUBLISHER}iscsi-tools`, found `{text}`");
        let finding = Diagnostic::new(Code::InvalidValue, text.span, message);
        let name = written.split([':', '@']).next().unwrap_or_default();
        findings.add(if EXTENSIONS.contains(&name) {
            finding.help(format!("did you mean `{PUBLISHER}{name}`?"))
        } else if is_image(name) {
            finding.help(format!(
                "write `{name}`: the factory takes the build that fits the Talos release"
            ))
        } else {
            finding
        });
        return false;
    }
    let known = |name: &str| EXTENSIONS.contains(&name);
    if !written.strip_prefix(PUBLISHER).is_some_and(known) {
        let message = format!("the extension `{text}` is not known here");
        let names: Vec<_> = EXTENSIONS
            .iter()
            .map(|name| format!("{PUBLISHER}{name}"))
            .collect();
        findings.add(unknown(text, message, &names));
    }
    true
}

fn unknown(text: &Text, message: String, names: &[String]) -> Diagnostic {
    let finding = Diagnostic::new(Code::UnknownExtension, text.span, message)
        .label("an image with a name that the factory does not know is never made");
    match closest(&text.value, names.iter().map(String::as_str)) {
        Some(close) => finding.help(format!("did you mean `{close}`?")),
        None => finding.help("accept the warning when your factory has it"),
    }
}

fn kernel_argument(text: &Text, findings: &mut Findings) {
    let written = text.value.trim_start_matches('-');
    if written.is_empty() || written.chars().any(char::is_control) {
        let message = format!("expected a kernel argument such as `net.ifnames=0`, found `{text}`");
        findings.invalid(text.span, message);
    } else if written.contains(' ') && !written.contains('"') {
        let message = format!("`{text}` is more than one kernel argument");
        let finding = Diagnostic::new(Code::InvalidValue, text.span, message);
        findings.add(finding.help("write each as an entry of its own"));
    }
}

fn check_overlay(name: &Text, image: Option<&Text>, findings: &mut Findings) {
    if Board::of(&name.value).is_none() {
        let names = BOARDS.iter().map(|board| board.overlay.to_owned());
        let names: Vec<_> = names.collect();
        let message = format!("the overlay `{name}` is not known here");
        findings.add(unknown(name, message, &names));
        if image.is_none() {
            let message = format!("the overlay `{name}` needs the `image` that it comes from");
            findings.invalid(name.span, message);
        }
    }
    let path = |text: &Text| text.value.split(':').next().is_some_and(is_image);
    if let Some(text) = image.filter(|text| !path(text)) {
        let message =
            format!("expected an image such as `{PUBLISHER}sbc-raspberrypi`, found `{text}`");
        findings.invalid(text.span, message);
    }
}

/// Tells whether a text is the path of an image: names between slashes, without a tag.
fn is_image(text: &str) -> bool {
    let inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let name = |name: &str| {
        let bytes = name.as_bytes();
        name.bytes().all(inner) && outer(bytes.first()) && outer(bytes.last())
    };
    text.contains('/') && text.split('/').all(name)
}

/// Reads the host of a factory: a name or an address, and a port.
pub(super) fn factory(text: &Text, findings: &mut Findings) -> Option<String> {
    let (host, port) = match text.value.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text.value.as_str(), None),
    };
    let has_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if is_domain(host) && has_port {
        return Some(text.value.clone());
    }
    let message = format!(
        "expected the host of a factory such as `factory.homelab.local:8080`, found `{text}`"
    );
    let finding = Diagnostic::new(Code::InvalidValue, text.span, message);
    let bare = text
        .value
        .split_once("://")
        .map_or(text.value.as_str(), |(_, rest)| rest);
    let bare = bare.trim_end_matches('/');
    findings.add(if bare == text.value {
        finding
    } else {
        finding.help(format!("write `{bare}`, the host alone"))
    });
    None
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::spec::load;

    /// The only finding of a spec with this under `distribution.talos`, and its help.
    fn finding(talos: &str) -> (String, String) {
        let text = include_str!("../../../tests/fixtures/diagnostics/HL0220/passes.yaml")
            .replace("image: {extensions: [siderolabs/iscsi-tools]}", talos);
        let checked = load(
            "homelab.yaml",
            &text,
            &Catalog::embedded().expect("it loads"),
        );
        let findings = checked.diagnostics;
        let [finding] = findings.as_slice() else {
            panic!("{talos}: {findings:#?}");
        };
        let message = format!("{}: {}", finding.code, finding.message);
        (message, finding.help.clone().unwrap_or_default())
    }

    #[test]
    fn names_that_cannot_be_are_errors_with_the_way_out() {
        for (talos, message, help) in [
            (
                "image: {platform: nocluod}",
                "HL0009: Talos has no platform `nocluod`",
                "did you mean `nocloud`?",
            ),
            (
                "image: {extensions: [iscsi-tools]}",
                "HL0009: expected an extension such as `siderolabs/iscsi-tools`, found `iscsi-tools`",
                "did you mean `siderolabs/iscsi-tools`?",
            ),
            (
                "image: {extensions: [\"siderolabs/zfs:2.3.1-v1.13.9\"]}",
                "HL0009: expected an extension such as `siderolabs/iscsi-tools`, found `siderolabs/zfs:2.3.1-v1.13.9`",
                "write `siderolabs/zfs`: the factory takes the build that fits the Talos release",
            ),
            (
                "image: {extensions: [siderolabs/zfs, siderolabs/zfs]}",
                "HL0009: `siderolabs/zfs` is listed twice",
                "",
            ),
            (
                "image: {kernelArgs: [quiet net.ifnames=0]}",
                "HL0009: `quiet net.ifnames=0` is more than one kernel argument",
                "write each as an entry of its own",
            ),
            (
                "image: {kernelArgs: [\"-\"]}",
                "HL0009: expected a kernel argument such as `net.ifnames=0`, found `-`",
                "",
            ),
            (
                "factory: https://factory.homelab.local/",
                "HL0009: expected the host of a factory such as `factory.homelab.local:8080`, found `https://factory.homelab.local/`",
                "write `factory.homelab.local`, the host alone",
            ),
            (
                "image: {extensions: [siderolabs/iscsi-tool]}",
                "HL0220: the extension `siderolabs/iscsi-tool` is not known here",
                "did you mean `siderolabs/iscsi-tools`?",
            ),
            (
                "image: {extensions: [my.registry/mine]}",
                "HL0220: the extension `my.registry/mine` is not known here",
                "accept the warning when your factory has it",
            ),
        ] {
            assert_eq!(finding(talos), (message.to_owned(), help.to_owned()));
        }
    }

    #[test]
    fn old_names_and_arguments_with_quotes_pass() {
        let text = include_str!("../../../tests/fixtures/diagnostics/HL0220/passes.yaml").replace(
            "{extensions: [siderolabs/iscsi-tools]}",
            "{extensions: [siderolabs/i915-ucode], kernelArgs: ['dyndbg=\"file drivers/usb/* +p\"', -console]}",
        );
        let checked = load(
            "homelab.yaml",
            &text,
            &Catalog::embedded().expect("it loads"),
        );
        assert_eq!(checked.diagnostics, []);
    }
}
