//! Fields whose place has been taken by a document, and one that does not do what it seems to.

use serde_json::Value;

use super::{Finding, Subject};
use crate::render::talos::Contract;
use crate::render::talos::forms::forms;
use crate::spec::Code;

/// Kinds that stand beside the older field: the document wins, or both are joined.
const TOLERANT: &[&str] = &[
    "SysctlConfig",
    "SysfsConfig",
    "KernelModuleConfig",
    "UdevRulesConfig",
    "EtcFileConfig",
    "CRICustomizationConfig",
    "EnvironmentConfig",
    "RegistryMirrorConfig",
    "RegistryAuthConfig",
    "RegistryTLSConfig",
    "LinkConfig",
    "LinkAliasConfig",
    "BondConfig",
    "BridgeConfig",
    "VLANConfig",
    "DHCPv4Config",
    "DHCPv6Config",
    "Layer2VIPConfig",
    "StaticHostConfig",
    "VolumeConfig",
    "KubeSpanConfig",
    "KubeExternalManifestConfig",
    "KubeInlineManifestConfig",
];

/// Fields of the `v1alpha1` document that the node's release has a document for.
pub(super) fn fields(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for form in forms().iter().filter(|form| form.since <= subject.contract) {
        for place in form
            .places()
            .into_iter()
            .filter(|place| subject.writes(place))
        {
            let refused = subject.has(form.kind) && !TOLERANT.contains(&form.kind);
            found.push(superseded(subject.contract, place, form.kind, refused));
        }
    }
    found
}

fn superseded(contract: Contract, place: &str, kind: &str, refused: bool) -> Finding {
    let help = format!("write a `{kind}` document instead");
    if refused {
        return Finding {
            code: Code::FieldBesideDocument,
            message: format!("`{place}` beside `{kind}`"),
            label: format!("Talos {contract} refuses both together"),
            help,
        };
    }
    Finding {
        code: Code::SupersededField,
        message: format!("`{place}` has given way to `{kind}`"),
        label: format!("Talos {contract} still reads it"),
        help,
    }
}

/// `wipe` tells whether partitions are cleared first; an installation takes the whole disk anyway.
pub(super) fn wipe(subject: &Subject<'_>) -> Vec<Finding> {
    let kept = match subject.kind() {
        None => subject.at("machine.install.wipe"),
        Some("UnattendedInstallConfig") => subject.at("provisioning.wipe"),
        Some(_) => None,
    };
    if kept != Some(&Value::Bool(false)) {
        return Vec::new();
    }
    vec![Finding {
        code: Code::WipeProtectsNothing,
        message: "`wipe: false` protects nothing".to_owned(),
        label: "the installation makes its partitions on the disk all the same".to_owned(),
        help: "remove it; to keep a disk, name another one as `disk` of the node".to_owned(),
    }]
}
