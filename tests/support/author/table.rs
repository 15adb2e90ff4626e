//! The table of fields of Talos' machine configuration, as the tests read it, and texts for them.

use serde_json::Value;

/// A field of the table.
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds, in the table's words.
    pub shape: String,
    /// What is below it.
    pub fields: Vec<Field>,
}

/// Reads the table by its indentation; what Talos has since 1.14 only is left out.
pub fn table() -> Vec<Field> {
    let text = include_str!("../../../src/render/talos/fields/fields.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    fields(&mut lines.as_slice(), 0)
}

fn fields(lines: &mut &[&str], depth: usize) -> Vec<Field> {
    let mut found = Vec::new();
    while let Some((line, rest)) = lines.split_first() {
        let text = line.trim_start();
        if line.len() - text.len() < depth {
            break;
        }
        *lines = rest;
        let mut words = text.split(' ');
        let name = words.next().unwrap_or_default().to_owned();
        let shape = words.next().unwrap_or_default().trim_start_matches('=');
        let field = Field {
            name,
            shape: shape.to_owned(),
            fields: fields(lines, depth + 1),
        };
        if !text.ends_with("@1.14") {
            found.push(field);
        }
    }
    found
}

/// The kind of a document.
pub fn kind_of<'a>(kinds: &'a [Field], document: &Value) -> &'a Field {
    let name = document["kind"].as_str().unwrap_or("v1alpha1");
    let kind = kinds.iter().find(|kind| kind.name == name);
    kind.expect("it was drawn from the table")
}

/// Texts that some field takes.
pub const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "name-1",
    "10.0.0.1",
    "10.0.0.0/24",
    "fd00::1",
    "fd00::/64",
    "10.0.0.1:51820",
    "1m0s",
    "0s",
    "2h0m0s",
    "https://a.example:6443/x?y=1",
    "https://b.example",
    "tcp://c.example:1",
    "52:54:00:00:00:01",
    "52:54:00:00:00:02",
    "10GiB",
    "100GB",
    "50%",
    "20%",
    "80",
    "8000-9000",
    "0o644",
    "> 100GB",
    "true",
    "disk.size > 1u",
    "system_disk",
    "QQ==",
    "Qg==",
    "active-backup",
    "802.3ad",
    "layer2",
    "layer3+4",
    "none",
    "active",
    "all",
    "any",
    "filter",
    "slow",
    "fast",
    "stable",
    "off",
    "bandwidth",
    "always",
    "better",
    "on",
    "802.1q",
    "802.1ad",
    "luks2",
    "xfs",
    "ext4",
    "virtiofs",
    "partition",
    "disk",
    "tcp",
    "udp",
    "accept",
    "block",
    "unicast",
    "blackhole",
    "main",
    "local",
    "mac",
    "duid",
    "unspec",
    "phy",
    "magic",
    "ssd",
    "nvme",
    "controlplane",
    "worker",
];

/// Expressions for a place of them: right, cut off, and with names that there are not.
pub fn expressions(path: &str) -> Option<&'static [&'static str]> {
    Some(match path {
        "LinkAliasConfig.selector.match" => &[
            "link.driver == 'virtio'",
            "glob('enp*', link.alias) && link.kind != \"bond\"",
            "mac(link.permanent_addr) == '52:54:00:00:00:01'",
            "link.driver ==",
            "disk.readonly",
            "",
        ],
        "ExistingVolumeConfig.discovery.volumeSelector.match" => &[
            "volume.name == 'luks' || disk.readonly",
            "volume.size > 1u * GiB",
            "system_disk",
            "(volume.name == 'a'",
        ],
        "OOMConfig.triggerExpression" => &[
            "memory_full_avg10 > 1.0 && time_since_trigger > duration('1s')",
            "d_qos_memory_some_avg60[System] > 0.5",
            "memory_most_avg10 > 1.0",
            "1.0 +",
        ],
        "OOMConfig.cgroupRankingExpression" => &[
            "memory_max.hasValue() ? 0.0 : 1.0",
            "double(class)",
            "memory_min.hasValue() ? 0.0 : 1.0",
        ],
        path if path.ends_with("diskSelector.match") => &[
            "system_disk",
            "!system_disk && disk.size > 10u * GB",
            "glob('sd*', disk.dev_path) && disk.symlinks.exists(link, link == '/dev/a')",
            "disc.size > 1u",
            "disk.size >",
            "",
        ],
        _ => return None,
    })
}
