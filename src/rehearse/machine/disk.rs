//! Which disk a configuration means, and what an installation leaves on it.

use serde_json::Value;

use super::config::MachineConfig;
use super::spec::{DiskSpec, Holding};

/// What a configuration says about the disk to install on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one.
    Disk(String),
    /// None of the machine's disks; Talos' expression of what was looked for.
    NoMatch(String),
    /// A device that the machine does not have; only noticed during the installation.
    NoDevice,
}

/// Finds the disk that a configuration means.
pub(super) fn choose(config: &MachineConfig, disks: &[DiskSpec]) -> Choice {
    if let Some(selector) = config.get("/machine/install/diskSelector") {
        let found = disks.iter().find(|disk| selects(selector, disk));
        return match found {
            Some(disk) => Choice::Disk(disk.id.clone()),
            None => Choice::NoMatch(expression(selector)),
        };
    }
    let device = config
        .text_at("/machine/install/disk")
        .unwrap_or("/dev/sda");
    match disks.iter().find(|disk| is_device(device, disk)) {
        Some(disk) => Choice::Disk(disk.id.clone()),
        None => Choice::NoDevice,
    }
}

/// Replaces what the disk held by what an installation of Talos writes.
pub(super) fn install(disk: &mut DiskSpec) {
    const MIB: u64 = 1024 * 1024;
    let sizes = [
        ("vfat", "EFI", 2200 * MIB),
        ("talosmeta", "META", MIB),
        ("xfs", "STATE", 100 * MIB),
    ];
    let rest = disk.size.saturating_sub(2301 * MIB);
    disk.holds = sizes
        .into_iter()
        .chain([("xfs", "EPHEMERAL", rest)])
        .map(|(kind, label, size)| Holding {
            kind: kind.to_owned(),
            label: label.to_owned(),
            size,
        })
        .collect();
}

fn is_device(device: &str, disk: &DiskSpec) -> bool {
    device == disk.path() || symlinks(disk).iter().any(|link| link == device)
}

/// Returns the stable names that udev gives a disk.
pub(super) fn symlinks(disk: &DiskSpec) -> Vec<String> {
    let model = disk.model.replace(' ', "_");
    vec![
        format!("/dev/disk/by-id/{}-{model}_{}", disk.transport, disk.serial),
        format!("/dev/disk/by-id/{}-{}", disk.transport, disk.wwid),
    ]
}

fn selects(selector: &Value, disk: &DiskSpec) -> bool {
    let fields = selector.as_object();
    let mut fields = fields.into_iter().flatten().peekable();
    fields.peek().is_some()
        && fields.all(|(field, wanted)| {
            let Some(wanted) = wanted.as_str() else {
                return false;
            };
            match field.as_str() {
                "serial" => glob(wanted, &disk.serial),
                "wwid" => glob(wanted, &disk.wwid),
                "model" => glob(wanted, &disk.model),
                "size" => has_size(wanted, disk.size),
                "type" => match wanted {
                    "nvme" => disk.transport == "nvme",
                    "sd" => disk.transport == "mmc",
                    "ssd" => true,
                    _ => false,
                },
                _ => false,
            }
        })
}

/// Matches a text against a pattern with `*` and `?`.
fn glob(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), first) => {
            glob(&pattern[1..], text)
                || first.is_some_and(|first| glob(pattern, &text[first.len_utf8()..]))
        }
        (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
            glob(&pattern[wanted.len_utf8()..], &text[found.len_utf8()..])
        }
        _ => false,
    }
}

/// Compares as in `>= 100GB`; without an operator the sizes must be equal.
fn has_size(condition: &str, size: u64) -> bool {
    let digits = condition.trim_start_matches(['<', '>', '=', ' ']);
    let operator = condition[..condition.len() - digits.len()].trim();
    let number = digits.trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
    let unit: u64 = match digits[number.len()..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "MIB" => 1 << 20,
        "GIB" => 1 << 30,
        "TIB" => 1 << 40,
        _ => return false,
    };
    let Some(wanted) = number.parse().ok().and_then(|n: u64| n.checked_mul(unit)) else {
        return false;
    };
    match operator {
        "" | "==" => size == wanted,
        ">" => size > wanted,
        ">=" => size >= wanted,
        "<" => size < wanted,
        "<=" => size <= wanted,
        _ => false,
    }
}

/// Writes a selector as the expression that Talos evaluates and names in its error.
fn expression(selector: &Value) -> String {
    let fields = selector.as_object();
    let terms: Vec<_> = fields
        .into_iter()
        .flatten()
        .map(|(field, wanted)| format!("glob({wanted}, disk.{field})"))
        .collect();
    terms.join(" && ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::cluster::DiskSelector;
    use serde_json::json;

    fn disk() -> DiskSpec {
        let selector = DiskSelector::Serial("S4EVNX0R100001".to_owned());
        DiskSpec::selected_by(&selector, &"talos-1".parse().expect("a name"))
    }

    #[test]
    fn selectors_match_by_pattern_and_size() {
        for (selector, expected) in [
            (json!({"serial": "S4EVNX0R100001"}), true),
            (json!({"serial": "S4EV*"}), true),
            (json!({"serial": "S4EV"}), false),
            (json!({"serial": "S4EVNX0R10000?"}), true),
            (json!({"size": ">= 100GB"}), true),
            (json!({"size": "< 100GB"}), false),
            (json!({"type": "nvme", "size": "> 1TB"}), false),
            (json!({}), false),
        ] {
            assert_eq!(selects(&selector, &disk()), expected, "{selector}");
        }
    }

    #[test]
    fn an_installation_replaces_everything() {
        let mut disk = disk();
        disk.holds = vec![Holding {
            kind: "ntfs".to_owned(),
            label: "Photos".to_owned(),
            size: 1,
        }];
        install(&mut disk);
        let labels: Vec<_> = disk.holds.iter().map(|part| part.label.as_str()).collect();
        assert_eq!(labels, ["EFI", "META", "STATE", "EPHEMERAL"]);
    }
}
