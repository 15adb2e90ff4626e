//! The image that a machine installs itself from: the last moment to see that it is none.

use super::super::refusal::{Fence, Refusal};
use super::Findings;
use crate::spec::cluster::Node;

/// Checks the image of one machine that is about to be installed.
pub(super) fn check(node: &Node, image: &str, findings: &mut Findings) {
    let name = &node.name;
    let Some(reference) = parse(image) else {
        findings.refusals.push(
            Refusal::new(
                Fence::InstallerImage,
                format!("the installer image of `{name}` is not an image reference: `{image}`"),
                "correct `machine.install.image` in the patches of homelab.yaml: `HOST/PATH:TAG`",
            )
            .on(name),
        );
        return;
    };
    let wanted = node.version.to_string();
    if reference.digest.is_none() && reference.tag != Some(wanted.as_str()) {
        findings.refusals.push(
            Refusal::new(
                Fence::InstallerImage,
                format!(
                    "the installer image of `{name}` is `{image}`, the spec says Talos {wanted}"
                ),
                "let the image's tag follow `distribution.talos.version`",
            )
            .on(name),
        );
    }
}

/// What an image reference says.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

/// Reads `host/path:tag@algorithm:digest`; the host is not optional, since nothing is pulled from a
/// registry that nobody named.
fn parse(image: &str) -> Option<Reference<'_>> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let (host, rest) = name.split_once('/')?;
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    let is_path = path.split('/').all(|part| is_word(part, "._-", false));
    let is_host = !host.is_empty()
        && (host.contains(['.', ':']) || host == "localhost")
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    let is_tag = tag.is_none_or(|tag| tag.len() <= 128 && is_word(tag, "._-", true));
    let is_digest = digest.is_none_or(|digest| {
        digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit()))
    });
    (is_host && is_path && is_tag && is_digest).then_some(Reference { tag, digest })
}

fn is_word(text: &str, also: &str, upper: bool) -> bool {
    let plain =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || (upper && c.is_ascii_uppercase());
    text.starts_with(|c: char| plain(c) || c == '_')
        && text.chars().all(|c| plain(c) || also.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tags_and_digests() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let image = format!("factory.talos.dev/metal-installer/376567988ad3:v1.13.9@{digest}");
        let found = parse(&image).expect("a reference");
        assert_eq!(found.tag, Some("v1.13.9"));
        assert_eq!(found.digest, Some(digest.as_str()));
        for image in [
            "localhost:5000/installer:v1.13.9",
            "ghcr.io/siderolabs/installer",
            "[fd00::1]:5000/talos/installer:v1.13.9",
        ] {
            assert!(parse(image).is_some(), "{image}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for image in [
            "",
            "installer:v1.13.9",
            "siderolabs/installer:v1.13.9",
            "ghcr.io/",
            "ghcr.io/Siderolabs/installer:v1.13.9",
            "ghcr.io/siderolabs/installer:",
            "ghcr.io/siderolabs/installer:a b",
            "ghcr.io/siderolabs//installer:v1.13.9",
            "ghcr.io/siderolabs/installer@sha256:12",
            "https://ghcr.io/siderolabs/installer:v1",
        ] {
            assert!(parse(image).is_none(), "{image}");
        }
    }
}
