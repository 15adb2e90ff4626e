//! How a cluster is, in words: a table of its machines, a line for everything else, what differs.

use std::fmt::Write as _;

use super::table::table;
use crate::plan::{Finding, Health, Kubernetes, NodeState, Standing, VipHolder, Votes};
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
        (
            "virtual IP",
            health.vip.as_ref().map(|it| vip(cluster, health, it)),
        ),
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
        for advice in finding.diagnosis.lines() {
            line(&mut text, format_args!("  {advice}"));
        }
        text.push('\n');
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
    let votes = health.votes(cluster)?;
    let Votes {
        voters,
        healthy,
        silent,
        learners,
    } = votes;
    let members = if learners == 0 {
        "members"
    } else {
        "voting members"
    };
    let mut text = match (healthy, votes.has_quorum()) {
        (0, None) => format!("{silent} of {voters} {members} cannot be asked from here"),
        (0, _) => format!("no member of {voters} is healthy"),
        (_, Some(true)) => format!(
            "{healthy} of {voters} {members} healthy, {} more may fail",
            healthy - votes.needed()
        ),
        (_, Some(false)) => format!("{healthy} of {voters} {members} healthy: no quorum"),
        (_, None) => format!(
            "{healthy} of {voters} {members} healthy, {silent} cannot be asked from here: whether there is a quorum is not known"
        ),
    };
    if learners > 0 {
        // Writing to a string does not fail.
        let _ = write!(text, "; {learners} still learning");
    }
    Some(text)
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

fn vip(cluster: &Cluster, health: &Health, vip: &VipHolder) -> String {
    let holders: Vec<_> = vip.holders.iter().map(ToString::to_string).collect();
    match holders.as_slice() {
        [] if health.misses_a_control_plane(cluster) => {
            format!("{} on no machine that can be asked", vip.address)
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use insta::assert_snapshot;

    use super::*;
    use crate::plan::{EtcdSigns, Hardware, KubernetesNode, Running};

    fn running(number: usize, etcd: EtcdSigns) -> NodeState {
        NodeState::Ours(Running {
            hostname: format!("talos-{number}"),
            stage: "running".to_owned(),
            unmet: Vec::new(),
            hardware: Hardware::default(),
            etcd,
            certificate: None,
            pending: None,
        })
    }

    fn alive(healthy: bool, members: &[&str]) -> EtcdSigns {
        let members = members.iter().map(|member| (*member).to_owned());
        EtcdSigns::Alive {
            healthy,
            members: members.collect(),
        }
    }

    fn silent(_: usize) -> NodeState {
        NodeState::Unreachable {
            reason: "no route to host".to_owned(),
        }
    }

    fn waiting(_: usize) -> NodeState {
        NodeState::Maintenance {
            fingerprint: String::new(),
            hardware: Hardware::default(),
        }
    }

    fn foreign(_: usize) -> NodeState {
        NodeState::Foreign {
            identity: "`CN=talos-1`".to_owned(),
        }
    }

    fn seen(states: [NodeState; 3], kubernetes: Kubernetes) -> (Cluster, Health) {
        let cluster = crate::catalog::tests::reference_cluster();
        let names = ["talos-1", "talos-2", "talos-3"].map(|name| name.parse().expect("a name"));
        let health = Health {
            cluster: cluster.name.clone(),
            at: jiff::Timestamp::UNIX_EPOCH,
            nodes: names.into_iter().zip(states).collect(),
            kubernetes,
            vip: Some(VipHolder {
                address: [192, 168, 1, 100].into(),
                holders: Vec::new(),
            }),
            certificates: Vec::new(),
        };
        (cluster, health)
    }

    fn no_api() -> Kubernetes {
        Kubernetes::Silent {
            reason: "no control plane answers".to_owned(),
        }
    }

    /// The lines on etcd and the virtual IP, then what is said to be wrong, with causes.
    fn told((cluster, health): (Cluster, Health)) -> String {
        let findings = health.findings(&cluster);
        let standing = health.standing(&cluster, &findings);
        let status = text(&cluster, &health, &findings, standing);
        let facts = status
            .lines()
            .filter(|line| line.starts_with("etcd") || line.starts_with("virtual IP"));
        let facts: Vec<_> = facts.collect();
        let doctor = diagnosis(&cluster, &findings, standing);
        format!("{}\n\n{doctor}", facts.join("\n"))
    }

    /// What is said of etcd where only the first of these members is healthy.
    fn told_of_etcd(members: [&str; 3]) -> String {
        let states = [1, 2, 3].map(|number| running(number, alive(number == 1, &members)));
        let (cluster, health) = seen(states, no_api());
        etcd(&cluster, &health).expect("control planes")
    }

    #[test]
    fn one_voter_among_learners_is_a_quorum() {
        assert_eq!(
            told_of_etcd(["talos-1", "talos-2 (learner)", "talos-3 (learner)"]),
            "1 of 1 voting members healthy, 0 more may fail; 2 still learning"
        );
    }

    #[test]
    fn machines_that_cannot_be_asked_are_neither_lost_nor_well() {
        let all = ["talos-1", "talos-2", "talos-3"];
        let node = |name: &str| {
            let state = KubernetesNode {
                version: "v1.36.4".to_owned(),
                unready: None,
                cordoned: false,
            };
            (name.to_owned(), state)
        };
        let kubernetes = Kubernetes::Answers {
            nodes: BTreeMap::from(all.map(node)),
            gitops: Vec::new(),
        };
        let states = [running(1, alive(true, &all)), silent(2), silent(3)];
        assert_snapshot!(told(seen(states, kubernetes)));
    }

    #[test]
    fn a_lost_quorum_is_told() {
        assert_eq!(
            told_of_etcd(["talos-1", "talos-2", "talos-3"]),
            "1 of 3 members healthy: no quorum"
        );
    }

    #[test]
    fn machines_that_were_never_installed_are_all_that_is_wrong() {
        assert_snapshot!(told(seen([1, 2, 3].map(waiting), no_api())));
    }

    #[test]
    fn a_cluster_with_other_secrets_is_not_to_be_wiped_first() {
        assert_snapshot!(told(seen([1, 2, 3].map(foreign), no_api())));
    }

    #[test]
    fn where_nobody_answers_nothing_is_said_of_etcd() {
        assert_snapshot!(told(seen([1, 2, 3].map(silent), no_api())));
    }
}
