//! Tables of machines: those of the spec, and those that a scan found.

use super::health::role;
use super::table::table;
use crate::plan::{Answer, Discovered, Disk, Hardware, NodeState, Proposal, nodes_block};
use crate::spec::cluster::Node;

/// Lists the nodes of a spec with what each machine is now, as seen with or without a bundle.
pub fn nodes(nodes: &[(&Node, NodeState)], has_bundle: bool) -> String {
    let head = [
        "NODE", "ROLE", "ADDRESS", "STATE", "TALOS", "ARCH", "MEMORY", "DISKS",
    ];
    let rows = nodes.iter().map(|(node, state)| {
        let [talos, arch, memory, disks] = made_of(state.hardware());
        [
            node.name.to_string(),
            role(node.role).to_owned(),
            node.address.to_string(),
            standing(state, has_bundle),
            talos,
            arch,
            memory,
            disks,
        ]
    });
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned))
        .chain(rows)
        .collect();
    table(&rows)
}

/// Lists what a scan found, as comments of the `nodes:` block below, so that the whole is YAML.
pub fn discovered(found: &[Discovered], proposals: &[Proposal], has_bundle: bool) -> String {
    let head = ["ADDRESS", "STATE", "TALOS", "ARCH", "MEMORY", "DISKS"];
    let rows = found.iter().map(|it| {
        let [talos, arch, memory, disks] = made_of(it.hardware());
        let state = match &it.answer {
            Answer::Talos(state) => standing(state, has_bundle),
            Answer::Ssh(banner) => banner.clone(),
        };
        [it.address.to_string(), state, talos, arch, memory, disks]
    });
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned))
        .chain(rows)
        .collect();
    let mut text = String::new();
    for line in table(&rows).lines() {
        text.push_str("# ");
        text.push_str(line);
        text.push('\n');
    }
    if !proposals.is_empty() {
        text.push('\n');
        text.push_str(&nodes_block(proposals));
    }
    text
}

/// Without a bundle there is nothing that a machine's secrets could differ from.
fn standing(state: &NodeState, has_bundle: bool) -> String {
    match state {
        NodeState::Unreachable { .. } => "silent".to_owned(),
        NodeState::Maintenance { .. } => "maintenance".to_owned(),
        NodeState::Foreign { .. } if has_bundle => "other secrets".to_owned(),
        NodeState::Foreign { .. } => "configured".to_owned(),
        NodeState::Ours(running) => running.stage.clone(),
    }
}

fn made_of(hardware: Option<&Hardware>) -> [String; 4] {
    let Some(hardware) = hardware else {
        return ["-"; 4].map(str::to_owned);
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let disks: Vec<_> = hardware.disks.iter().map(disk).collect();
    [
        or_dash(hardware.version.as_ref().map(ToString::to_string)),
        or_dash(hardware.arch.clone()),
        or_dash(hardware.memory.map(|mib| format!("{} GiB", mib / 1024))),
        or_dash((!disks.is_empty()).then(|| disks.join("; "))),
    ]
}

fn disk(disk: &Disk) -> String {
    let size = disk.size / 1_000_000_000;
    let name = [&disk.serial, &disk.wwid, &disk.path]
        .into_iter()
        .find(|name| !name.is_empty())
        .map_or("", String::as_str);
    if disk.holds.is_empty() {
        format!("{name} ({size} GB)")
    } else {
        format!("{name} ({size} GB, in use)")
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn secrets_are_other_ones_only_where_there_are_some_to_compare_with() {
        let cluster = crate::catalog::tests::reference_cluster();
        let foreign = NodeState::Foreign {
            identity: "`CN=talos-1`".to_owned(),
        };
        let listed = [(&cluster.nodes[0], foreign)];
        assert_snapshot!(nodes(&listed, true), @"
        NODE     ROLE           ADDRESS        STATE          TALOS  ARCH  MEMORY  DISKS
        talos-1  control plane  192.168.1.101  other secrets  -      -     -       -
        ");
        assert_snapshot!(nodes(&listed, false), @"
        NODE     ROLE           ADDRESS        STATE       TALOS  ARCH  MEMORY  DISKS
        talos-1  control plane  192.168.1.101  configured  -      -     -       -
        ");
    }
}
