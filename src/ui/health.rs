//! How a cluster is, in words: a table of its machines, a line for everything else, what differs.

use std::fmt::Write as _;

use super::table::table;
use crate::plan::{
    EtcdSigns, Finding, Health, Kubernetes, NodeState, Running, Standing, VipHolder,
};
use crate::spec::Cluster;
use crate::spec::cluster::{Node, Role};

/// Words the whole.
pub fn text(
    cluster: &Cluster,
    health: &Health,
    findings: &[Finding],
    standing: Standing,
) -> String {
    let mut text = nodes(cluster, health);
    let facts = [
        ("etcd", etcd(cluster, health)),
        ("Kubernetes", Some(kubernetes(health))),
        ("virtual IP", health.vip.as_ref().map(vip)),
        ("GitOps", gitops(health)),
        ("certificates", certificates(health)),
    ];
    let facts: Vec<_> = facts
        .into_iter()
        .filter_map(|(what, fact)| Some([what.to_owned(), fact?]))
        .collect();
    text.push('\n');
    text.push_str(&table(&facts));
    if !findings.is_empty() {
        text.push_str("\nnot as it should be:\n");
    }
    for finding in findings {
        line(&mut text, format_args!("  - {}", finding.message));
        for event in &finding.events {
            line(&mut text, format_args!("    event: {event}"));
        }
    }
    line(&mut text, format_args!("\n{}", verdict(standing)));
    if standing == Standing::Differs {
        text.push_str("`homelab doctor` names likely causes and what to try\n");
    }
    text
}

/// Words what differs with its cause and what to try.
pub fn diagnosis(cluster: &Cluster, findings: &[Finding], standing: Standing) -> String {
    if findings.is_empty() {
        return format!("`{}` is healthy: nothing to treat\n", cluster.name);
    }
    let mut text = String::new();
    for finding in findings {
        line(&mut text, format_args!("{}", finding.message));
        for event in &finding.events {
            line(&mut text, format_args!("  event: {event}"));
        }
        let diagnosis = &finding.diagnosis;
        line(
            &mut text,
            format_args!("  likely cause: {}", diagnosis.cause),
        );
        line(&mut text, format_args!("  try: {}\n", diagnosis.command));
    }
    line(&mut text, format_args!("{}", verdict(standing)));
    text
}

fn verdict(standing: Standing) -> &'static str {
    match standing {
        Standing::Healthy => "healthy",
        Standing::Differs => "not healthy",
        Standing::Unreachable => "unreachable",
    }
}

fn nodes(cluster: &Cluster, health: &Health) -> String {
    let head = ["NODE", "ROLE", "ADDRESS", "TALOS", "KUBERNETES", "STAGE"].map(str::to_owned);
    let rows = cluster.nodes.iter().map(|node| row(node, health));
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    table(&rows)
}

fn row(node: &Node, health: &Health) -> [String; 6] {
    let found = health.nodes.get(&node.name);
    let hardware = found.and_then(NodeState::hardware);
    let talos = hardware.and_then(|it| it.version.as_ref());
    let kubelet = match &health.kubernetes {
        Kubernetes::Answers { nodes, .. } => nodes.get(node.name.as_str()),
        Kubernetes::Silent { .. } => None,
    };
    let dash = || "-".to_owned();
    [
        node.name.to_string(),
        role(node.role).to_owned(),
        node.address.to_string(),
        talos.map_or_else(dash, ToString::to_string),
        kubelet.map_or_else(dash, |it| it.version.clone()),
        match (found.map(stage), kubelet.map(|it| it.unready.is_some())) {
            (Some(stage), Some(true)) => format!("{stage}, not ready"),
            (Some(stage), _) => stage,
            (None, _) => dash(),
        },
    ]
}

/// Returns a role in words.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::ControlPlane => "control plane",
        Role::Worker => "worker",
    }
}

fn stage(state: &NodeState) -> String {
    match state {
        NodeState::Unreachable { .. } => "silent".to_owned(),
        NodeState::Maintenance { .. } => "maintenance".to_owned(),
        NodeState::Foreign { .. } => "foreign".to_owned(),
        NodeState::Ours(running) => running.stage.clone(),
    }
}

fn etcd(cluster: &Cluster, health: &Health) -> Option<String> {
    let planes = cluster.control_planes();
    let is_healthy = |node: &&&Node| {
        matches!(
            health.nodes.get(&node.name),
            Some(NodeState::Ours(Running {
                etcd: EtcdSigns::Alive { healthy: true, .. },
                ..
            }))
        )
    };
    let healthy = planes.iter().filter(is_healthy).count();
    let all = planes.len();
    let needed = all / 2 + 1;
    (all > 0).then(|| match healthy {
        0 => format!("no member of {all} is healthy"),
        few if few < needed => format!("{few} of {all} members healthy: no quorum"),
        some => format!(
            "{some} of {all} members healthy, {} more may fail",
            some - needed
        ),
    })
}

fn kubernetes(health: &Health) -> String {
    match &health.kubernetes {
        Kubernetes::Silent { .. } => "does not answer".to_owned(),
        Kubernetes::Answers { nodes, .. } => {
            let ready = nodes.values().filter(|it| it.unready.is_none()).count();
            format!("{ready} of {} nodes ready", nodes.len())
        }
    }
}

fn vip(vip: &VipHolder) -> String {
    let holders: Vec<_> = vip.holders.iter().map(ToString::to_string).collect();
    match holders.as_slice() {
        [] => format!("{} on no machine", vip.address),
        some => format!("{} on {}", vip.address, some.join(", ")),
    }
}

fn gitops(health: &Health) -> Option<String> {
    let Kubernetes::Answers { gitops, .. } = &health.kubernetes else {
        return None;
    };
    let ready = gitops.iter().filter(|it| it.unready.is_none()).count();
    let at = gitops
        .iter()
        .find(|it| it.object == "Kustomization `flux-system/flux-system`")
        .and_then(|it| it.revision.as_ref())
        .map(|revision| format!(", at {revision}"))
        .unwrap_or_default();
    Some(format!("{ready} of {} objects ready{at}", gitops.len()))
}

fn certificates(health: &Health) -> Option<String> {
    let first = health.certificates.iter().min_by_key(|it| it.until)?;
    Some(format!(
        "the first to end is {}, on {}",
        first.what,
        first.until.strftime("%Y-%m-%d %H:%M UTC")
    ))
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{arguments}");
}
