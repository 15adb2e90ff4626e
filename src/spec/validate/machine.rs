//! How the system of machines is set: what is said for all, for a class and for a node, laid over each
//! other, and whether Talos would take it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Findings, labels, names};
use crate::spec::cluster::{
    DiskKey, DiskSelector, Encryption, ExtensionService, File, Settings, Volume, VolumeDisk,
    Watchdog,
};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{
    RawClass, RawDiskKey, RawExtensionService, RawFilesystem, RawMachine, RawMachineFile, RawNode,
    RawSpec, RawVolume, RawVolumeDisk, RawWatchdog, Text,
};
use crate::yaml::Spanned;

/// The permissions of files that say nothing else.
const MODE: u16 = 0o644;
/// The only effects of taints.
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
/// The longest name of a volume, by Talos' rule.
const LONGEST_VOLUME: usize = 34;

/// Reports settings that Talos would refuse.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    let talos = spec
        .distribution
        .as_ref()
        .and_then(|raw| raw.talos.as_ref());
    let all = talos.and_then(|talos| talos.value.machine.as_ref());
    let classes = spec
        .classes
        .values()
        .filter_map(|class| class.machine.as_ref());
    let nodes = spec.nodes.iter().filter_map(|node| node.machine.as_ref());
    for machine in all.into_iter().chain(classes).chain(nodes) {
        check_machine(machine, findings);
    }
}

/// Lays the settings of a node over those of its class, and those over what is said for all.
pub(super) fn settings(
    all: Option<&RawMachine>,
    class: Option<&RawClass>,
    node: &RawNode,
) -> Settings {
    let mut settings = Settings::default();
    let class = class.and_then(|class| class.machine.as_ref());
    for machine in [all, class, node.machine.as_ref()].into_iter().flatten() {
        lay(machine, &mut settings);
    }
    settings
}

fn lay(raw: &RawMachine, over: &mut Settings) {
    for (texts, over) in [
        (&raw.annotations, &mut over.annotations),
        (&raw.taints, &mut over.taints),
        (&raw.kubelet_args, &mut over.kubelet_args),
        (&raw.sysctls, &mut over.sysctls),
        (&raw.sysfs, &mut over.sysfs),
        (&raw.environment, &mut over.environment),
        (&raw.trusted_roots, &mut over.trusted_roots),
    ] {
        over.extend(plain(texts));
    }
    let values = |texts: &[Text]| {
        texts
            .iter()
            .map(|text| text.value.clone())
            .collect::<Vec<_>>()
    };
    over.modules.extend(
        raw.modules
            .iter()
            .map(|(name, texts)| (name.clone(), values(texts))),
    );
    over.udev_rules.extend(values(&raw.udev_rules));
    over.files.extend(
        raw.files
            .iter()
            .filter_map(|(path, raw)| Some((path.clone(), file(raw)?))),
    );
    let hosts = raw.hosts.iter();
    over.hosts.extend(
        hosts.filter_map(|(address, names)| Some((address.parse().ok()?, values(&names.value)))),
    );
    let services = raw.extension_services.iter();
    over.extension_services
        .extend(services.map(|(name, raw)| (name.clone(), service(raw))));
    over.volumes.extend(
        raw.volumes
            .iter()
            .filter_map(|(name, raw)| Some((name.clone(), volume(raw)?))),
    );
    if let Some(raw) = &raw.watchdog {
        over.watchdog = Some(watchdog(raw));
    }
    if let Some(text) = &raw.ephemeral_size {
        over.ephemeral_size = Some(text.value.clone());
    }
    if let Some(raw) = &raw.encryption {
        let Encryption { state, ephemeral } = &mut over.encryption;
        *state = raw.state.as_ref().and_then(disk_key).or(state.take());
        *ephemeral = raw
            .ephemeral
            .as_ref()
            .and_then(disk_key)
            .or(ephemeral.take());
    }
}

fn plain(texts: &BTreeMap<String, Text>) -> impl Iterator<Item = (String, String)> + '_ {
    texts
        .iter()
        .map(|(key, text)| (key.clone(), text.value.clone()))
}

fn file(raw: &RawMachineFile) -> Option<File> {
    let mode = raw
        .mode
        .as_ref()
        .map_or(Some(MODE), |text| octal(&text.value));
    Some(File {
        content: raw.content.as_ref()?.value.clone(),
        mode: mode?,
    })
}

fn octal(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    u16::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
}

fn service(raw: &RawExtensionService) -> ExtensionService {
    ExtensionService {
        environment: plain(&raw.environment).collect(),
        files: plain(&raw.files).collect(),
    }
}

fn watchdog(raw: &RawWatchdog) -> Watchdog {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    Watchdog {
        device: text(&raw.device).unwrap_or_else(|| "/dev/watchdog0".to_owned()),
        timeout: text(&raw.timeout),
    }
}

fn volume(raw: &RawVolume) -> Option<Volume> {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let filesystem = raw.filesystem.as_ref().map(|kind| match kind.value {
        RawFilesystem::Xfs => "xfs".to_owned(),
        RawFilesystem::Ext4 => "ext4".to_owned(),
    });
    Some(Volume {
        disk: volume_disk(&raw.disk.as_ref()?.value)?,
        min_size: text(&raw.min_size),
        max_size: text(&raw.max_size),
        filesystem,
        encryption: raw.encryption.as_ref().and_then(disk_key),
    })
}

fn volume_disk(raw: &RawVolumeDisk) -> Option<VolumeDisk> {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let serial = text(&raw.serial).map(DiskSelector::Serial);
    let selected = serial
        .or(text(&raw.wwid).map(DiskSelector::Wwid))
        .or(text(&raw.path).map(DiskSelector::Path));
    let system = raw.system.map(|_| VolumeDisk::System);
    system
        .or(selected.map(VolumeDisk::Selected))
        .or(text(&raw.matched).map(VolumeDisk::Matched))
}

fn disk_key(raw: &Spanned<RawDiskKey>) -> Option<DiskKey> {
    let RawDiskKey {
        tpm,
        node_id,
        passphrase,
    } = &raw.value;
    let passphrase = passphrase
        .as_ref()
        .map(|text| DiskKey::Passphrase(text.value.clone()));
    tpm.map(|_| DiskKey::Tpm)
        .or(node_id.map(|_| DiskKey::NodeId))
        .or(passphrase)
}

fn check_machine(raw: &RawMachine, findings: &mut Findings) {
    labels::check_keys(&raw.annotations, findings);
    labels::check_keys(&raw.taints, findings);
    for text in raw.taints.values() {
        taint(text, findings);
    }
    for (path, raw) in &raw.files {
        check_file(path, raw, findings);
    }
    for (address, names) in &raw.hosts {
        check_host(address, names, findings);
    }
    for text in raw.trusted_roots.values() {
        certificates(text, findings);
    }
    if let Some(text) = raw.watchdog.as_ref().and_then(|raw| raw.timeout.as_ref()) {
        timeout(text, findings);
    }
    if let Some(text) = &raw.ephemeral_size {
        size(text, findings);
    }
    for (name, raw) in &raw.volumes {
        check_volume(name, raw, findings);
    }
    let encryption = raw.encryption.iter();
    for key in encryption.flat_map(|raw| raw.state.iter().chain(&raw.ephemeral)) {
        check_key(key, findings);
    }
}

fn taint(text: &Text, findings: &mut Findings) {
    let effect = text
        .value
        .rsplit_once(':')
        .map_or(text.value.as_str(), |(_, effect)| effect);
    if !EFFECTS.contains(&effect) {
        let message = format!(
            "expected an effect such as `NoSchedule`, or a value and an effect such as `gpu:NoSchedule`, found `{text}`"
        );
        findings.invalid(text.span, message);
    }
}

fn check_file(path: &str, raw: &RawMachineFile, findings: &mut Findings) {
    if let Some(text) = raw
        .mode
        .as_ref()
        .filter(|text| octal(&text.value).is_none())
    {
        findings.invalid(
            text.span,
            format!("expected permissions such as `0644`, found `{text}`"),
        );
    }
    let Some(content) = &raw.content else { return };
    if !path.starts_with("/var/") && !path.starts_with("/etc/") {
        let message = format!("Talos writes files below `/var` and `/etc` only, found `{path}`");
        findings.invalid(content.span, message);
    }
}

fn check_host(address: &str, host_names: &Spanned<Vec<Text>>, findings: &mut Findings) {
    if address.parse::<IpAddr>().is_err() {
        let message = format!("expected an IP address such as `192.168.1.20`, found `{address}`");
        findings.invalid(host_names.span, message);
    }
    if host_names.value.is_empty() {
        findings.invalid(host_names.span, format!("`{address}` needs a name"));
    }
    for text in &host_names.value {
        names::domain(text, findings);
    }
}

/// Reports a text that holds no certificate, or a private key.
pub(super) fn certificates(text: &Text, findings: &mut Findings) {
    if text.value.contains("PRIVATE KEY") {
        findings.invalid(text.span, "a private key has no place here");
    } else if !text.value.contains("-----BEGIN CERTIFICATE-----") {
        findings.invalid(
            text.span,
            "expected certificates in PEM, `-----BEGIN CERTIFICATE-----` …",
        );
    }
}

/// Reports a text that names no place in an encrypted file.
pub(super) fn secret_place(text: &Text, findings: &mut Findings) {
    let parts = text.value.split_once('#');
    if parts.is_none_or(|(file, path)| file.is_empty() || path.is_empty()) {
        let message = format!(
            "expected a file and a path in it such as `infrastructure/talos/disks.sops.yaml#passphrase`, found `{text}`"
        );
        findings.invalid(text.span, message);
    }
}

/// Reads a time in whole units as Go writes it; compound ones are Talos' to judge.
fn timeout(text: &Text, findings: &mut Findings) {
    let seconds = [("ms", 0), ("s", 1), ("m", 60), ("h", 3600)]
        .iter()
        .find_map(|(unit, factor)| {
            Some(text.value.strip_suffix(unit)?.parse::<u64>().ok()? * factor)
        });
    if seconds.is_none_or(|seconds| seconds < 10) {
        let message =
            format!("expected a time of at least ten seconds such as `1m`, found `{text}`");
        findings.invalid(text.span, message);
    }
}

fn size(text: &Text, findings: &mut Findings) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let bytes = UNITS.iter().find_map(|(unit, factor)| {
        text.value
            .strip_suffix(unit)?
            .parse::<u64>()
            .ok()?
            .checked_mul(*factor)
    });
    if bytes.is_none() {
        findings.invalid(
            text.span,
            format!("expected a size such as `100GiB`, found `{text}`"),
        );
    }
    bytes
}

fn check_volume(name: &str, raw: &RawVolume, findings: &mut Findings) {
    let Some(disk) = &raw.disk else { return };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > LONGEST_VOLUME || !name.bytes().all(plain) {
        let message = format!(
            "a volume's name has 1 to {LONGEST_VOLUME} letters, digits and hyphens, found `{name}`"
        );
        findings.invalid(disk.span, message);
    }
    let least = raw
        .min_size
        .as_ref()
        .map(|text| (text, size(text, findings)));
    let most = raw.max_size.as_ref().and_then(|text| size(text, findings));
    match (least, most) {
        (Some((text, Some(least))), Some(most)) if least > most => {
            findings.invalid(
                text.span,
                format!("`{name}` needs at least {text}, more than the most it takes"),
            );
        }
        (None, None) if raw.max_size.is_none() => {
            findings.invalid(
                disk.span,
                format!("`{name}` needs a `minSize` or a `maxSize`"),
            );
        }
        _ => {}
    }
    if let Some(path) = disk
        .value
        .path
        .as_ref()
        .filter(|path| !path.value.starts_with("/dev/"))
    {
        let message = format!("expected a device path such as `/dev/disk/by-id/…`, found `{path}`");
        findings.invalid(path.span, message);
    }
    if let Some(key) = &raw.encryption {
        check_key(key, findings);
    }
}

fn check_key(key: &Spanned<RawDiskKey>, findings: &mut Findings) {
    if let Some(text) = &key.value.passphrase {
        secret_place(text, findings);
    }
    if key.value.node_id.is_some() {
        let message = "the key of the volume follows from the machine's identity";
        let finding = Diagnostic::new(Code::EncryptionByIdentity, key.span, message)
            .label("whoever has the whole machine can open it")
            .help("use `tpm: true` or a `passphrase`, or accept the warning: it protects disks that are thrown away");
        findings.add(finding);
    }
}
