//! Fields whose place has been taken by a document, and one that does not do what it seems to.

use std::net::IpAddr;

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
    "KubeExternalManifestConfig",
    "KubeInlineManifestConfig",
];

/// Kinds beside which nothing may be written in a whole section, also where nothing took its place.
const SECTIONS: &[(&str, &str)] = &[
    ("KubeNetworkConfig", "cluster.network"),
    ("KubeAPIServerConfig", "cluster.apiServer"),
    ("KubeControllerManagerConfig", "cluster.controllerManager"),
    ("KubeSchedulerConfig", "cluster.scheduler"),
    ("KubeletConfig", "machine.kubelet"),
];

/// Switches that nothing took the place of, and that may not be on beside a document.
const SWITCHES: &[(&str, &str)] = &[("TimeSyncConfig", "machine.time.disabled")];

/// Fields of the `v1alpha1` document that the node's release has a document for.
pub(super) fn fields(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for form in forms().iter().filter(|form| form.since <= subject.contract) {
        for place in form
            .places()
            .into_iter()
            .filter(|place| subject.writes(place) && !deletes(subject, place))
        {
            let refused = subject.has(form.kind)
                && !TOLERANT.contains(&form.kind)
                && counts(place, subject.at(place));
            found.push(superseded(subject.contract, place, form.kind, refused));
        }
    }
    let on = |place: &str| subject.at(place) == Some(&Value::Bool(true));
    found.extend(
        SWITCHES
            .iter()
            .filter(|(kind, place)| subject.has(kind) && on(place))
            .map(|(kind, place)| superseded(subject.contract, place, kind, true)),
    );
    let refused = |finding: &Finding| finding.code == Code::FieldBesideDocument;
    if !found.iter().any(refused) {
        let section = SECTIONS.iter().find(|(kind, section)| {
            subject.has(kind) && subject.writes(section) && !deletes(subject, section)
        });
        found.extend(
            section.map(|(kind, section)| superseded(subject.contract, section, kind, true)),
        );
    }
    found
}

/// Talos passes over resolvers that are no addresses.
fn counts(place: &str, value: Option<&Value>) -> bool {
    let is_address = |text: &Value| {
        let address = text.as_str().map(str::parse::<IpAddr>);
        address.is_some_and(|address| address.is_ok())
    };
    match value.and_then(Value::as_array) {
        Some(texts) if place == "machine.network.nameservers" => texts.iter().any(is_address),
        _ => true,
    }
}

fn deletes(subject: &Subject<'_>, place: &str) -> bool {
    let value = subject.at(place);
    value.and_then(|value| value.get("$patch")).is_some()
}

fn superseded(contract: Contract, place: &str, kind: &str, refused: bool) -> Finding {
    let finding = if refused {
        Finding::new(
            Code::FieldBesideDocument,
            format!("`{place}` beside `{kind}`"),
        )
        .label(format!("Talos {contract} refuses both together"))
    } else {
        Finding::new(
            Code::SupersededField,
            format!("`{place}` has given way to `{kind}`"),
        )
        .label(format!("Talos {contract} still reads it"))
    };
    finding
        .at(place)
        .help(format!("write a `{kind}` document instead"))
}

/// `wipe` tells whether partitions are cleared first; an installation takes the whole disk anyway.
pub(super) fn wipe(subject: &Subject<'_>) -> Vec<Finding> {
    let path = match subject.kind() {
        None => "machine.install.wipe",
        Some("UnattendedInstallConfig") => "provisioning.wipe",
        Some(_) => return Vec::new(),
    };
    if subject.at(path) != Some(&Value::Bool(false)) {
        return Vec::new();
    }
    vec![
        Finding::new(Code::WipeProtectsNothing, "`wipe: false` protects nothing")
            .at(path)
            .label("the installation makes its partitions on the disk all the same")
            .help("remove it; to keep a disk, name another one as `disk` of the node"),
    ]
}
