//! Image Factory schematics: which image a node runs, known without asking the factory.

use sha2::{Digest, Sha256};

use crate::model::{Version, hexadecimal};

/// The customisation of a Talos image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schematic {
    /// System extensions, such as `siderolabs/iscsi-tools`; their order is part of the identity.
    pub extensions: Vec<String>,
    /// Kernel arguments; a leading `-` removes a default one.
    pub kernel_args: Vec<String>,
}

/// Returns the installer image of a schematic and release.
pub fn installer_image(schematic: &Schematic, version: &Version) -> String {
    format!(
        "factory.talos.dev/metal-installer/{}:{version}",
        schematic.id()
    )
}

impl Schematic {
    /// Returns the text that the factory stores and hashes: its own serialisation, so every byte
    /// counts.
    pub fn canonical(&self) -> String {
        if self.extensions.is_empty() && self.kernel_args.is_empty() {
            return "customization: {}\n".to_owned();
        }
        let mut text = "customization:\n".to_owned();
        if !self.kernel_args.is_empty() {
            text.push_str("    extraKernelArgs:\n");
            push_items(&mut text, 8, &self.kernel_args);
        }
        if !self.extensions.is_empty() {
            text.push_str("    systemExtensions:\n        officialExtensions:\n");
            push_items(&mut text, 12, &self.extensions);
        }
        text
    }

    /// Returns the identity: the SHA-256 of the canonical text.
    pub fn id(&self) -> String {
        hexadecimal(&Sha256::digest(self.canonical()))
    }
}

fn push_items(text: &mut String, indent: usize, items: &[String]) {
    for item in items {
        text.push_str(&" ".repeat(indent));
        text.push_str("- ");
        text.push_str(&scalar(item));
        text.push('\n');
    }
}

/// Writes a one-line text as go-yaml does: plain where that is unambiguous, in double quotes where
/// it would be another type, in single quotes where a character means something to YAML.
fn scalar(text: &str) -> String {
    if reads_as_another_type(text) {
        format!("\"{text}\"")
    } else if has_special_characters(text) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        text.to_owned()
    }
}

fn reads_as_another_type(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<",
    ];
    let lower = text.to_ascii_lowercase();
    let digits = lower.replace('_', "");
    WORDS.contains(&lower.as_str())
        || matches!(lower.trim_start_matches(['-', '+']), ".inf" | ".nan")
        || digits.parse::<f64>().is_ok() && digits.contains(|c: char| c.is_ascii_digit())
        || is_based_number(&digits)
}

fn is_based_number(text: &str) -> bool {
    let text = text.trim_start_matches(['-', '+']);
    [("0x", 16), ("0o", 8), ("0b", 2)]
        .iter()
        .any(|(prefix, radix)| {
            text.strip_prefix(prefix).is_some_and(|digits| {
                !digits.is_empty() && digits.chars().all(|c| c.is_digit(*radix))
            })
        })
}

fn has_special_characters(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().unwrap_or(' ');
    let second = characters.next().unwrap_or(' ');
    let indicator = "#,[]{}&*!|>'\"%@`".contains(first)
        || ("-?:".contains(first) && second == ' ')
        || text.starts_with("---")
        || text.starts_with("...");
    indicator
        || text.contains(": ")
        || text.ends_with(':')
        || text.contains(" #")
        || text.starts_with(' ')
        || text.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schematic(extensions: &[&str], kernel_args: &[&str]) -> Schematic {
        Schematic {
            extensions: extensions
                .iter()
                .map(|name| format!("siderolabs/{name}"))
                .collect(),
            kernel_args: kernel_args.iter().map(ToString::to_string).collect(),
        }
    }

    /// Identities that the public Image Factory gives.
    #[test]
    fn computes_the_identities_that_the_factory_gives() {
        for (extensions, kernel_args, id) in [
            (
                &[][..],
                &[][..],
                "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba",
            ),
            (
                &[],
                &["noapic", "nolapic"],
                "9cba8e32753f91a16c1837ab8abf356af021706ef284aef07380780177d9a06c",
            ),
            (
                &[],
                &["nolapic", "nomodeset"],
                "e0fb1129bbbdfb5d002e94af4cdce712a8370e850950a33a242d4c3f178c532d",
            ),
            (
                &["amd-ucode", "gvisor", "gasket-driver"],
                &[],
                "51ff3e49313773332729a5c04e57af0dbe2e6d3f65ff638e6d4c3a05065fefff",
            ),
            (
                &["qemu-guest-agent"],
                &[],
                "ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515",
            ),
            (
                &["iscsi-tools", "util-linux-tools"],
                &[],
                "613e1592b2da41ae5e265e8789429f22e121aab91cb4deb6bc3c0b6262961245",
            ),
            (
                &["i915", "intel-ucode"],
                &[],
                "4b3cd373a192c8469e859b7a0cfbed3ecc3577c4a2d346a37b0aeff9cd17cdb0",
            ),
            (
                &["iscsi-tools"],
                &["console=ttyS0"],
                "63f3cb71c3db133397dd558a2618e69a59bee9d311046f406386aeeed33e6f32",
            ),
        ] {
            assert_eq!(
                schematic(extensions, kernel_args).id(),
                id,
                "{extensions:?} {kernel_args:?}"
            );
        }
    }

    #[test]
    fn quotes_as_go_yaml_does() {
        let canonical = schematic(
            &[],
            &[
                "-console",
                "true",
                "8250.nr_uarts=4",
                "'x'",
                "42",
                "a: b",
                "0x10",
            ],
        )
        .canonical();
        assert_eq!(
            canonical,
            "customization:\n    extraKernelArgs:\n        - -console\n        - \"true\"\n        \
             - 8250.nr_uarts=4\n        - '''x'''\n        - \"42\"\n        - 'a: b'\n        - \"0x10\"\n"
        );
    }

    #[test]
    fn names_the_installer_by_schematic_and_release() {
        let image = installer_image(&Schematic::default(), &Version::new(1, 13, 9));
        assert_eq!(
            image,
            "factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.13.9"
        );
    }
}
