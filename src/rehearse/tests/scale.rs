//! From one machine to many: what a rehearsal costs grows with their number, and no faster.

use super::*;
use crate::spec::cluster::{DiskSelector, NicSelector};

/// The reference cluster with workers until there are so many nodes.
fn of_size(nodes: usize) -> Cluster {
    let mut cluster = reference_cluster();
    cluster.network.nodes = "10.0.0.0/16".parse().expect("a network");
    for number in cluster.nodes.len()..nodes {
        let mut worker = cluster.nodes[0].clone();
        worker.name = format!("worker-{number:04}").parse().expect("a name");
        worker.role = Role::Worker;
        let [high, low] = u16::try_from(number + 256)
            .expect("few nodes")
            .to_be_bytes();
        worker.address = [10, 0, high, low].into();
        worker.disk = DiskSelector::Serial(format!("SCALE{number:04}"));
        let mac = format!("52:54:00:00:{high:02x}:{low:02x}");
        worker.nic = NicSelector::Mac(mac.parse().expect("a MAC"));
        cluster.nodes.push(worker);
    }
    cluster
}

#[test]
fn what_a_rehearsal_costs_grows_with_the_number_of_nodes() {
    let cost = |nodes: usize| {
        let cluster = of_size(nodes);
        let told = rehearse(&stage_of(cluster.clone()), &Script::default());
        assert_converged(&told, &format!("{nodes} nodes"));
        assert_eq!(told.report.nodes.len(), nodes);
        let changes = told.report.mutations.len() + told.report.history.len();
        (
            told.points,
            told.events.len(),
            changes,
            told.report.most_connections,
        )
    };
    let (few, many) = (cost(12), cost(48));
    // Four times the nodes: at most five times of everything, since slow machines are more likely.
    for (name, few, many) in [
        ("points", few.0, many.0),
        ("events", few.1 as u64, many.1 as u64),
        ("changes", few.2 as u64, many.2 as u64),
    ] {
        assert!(
            many <= few * 5,
            "{name}: {few} with 12 nodes, {many} with 48"
        );
    }
}

#[test]
fn never_more_than_so_many_machines_are_asked_at_once() {
    let told = rehearse(&stage_of(of_size(100)), &Script::default());
    assert!(told.converged(), "{:?}", told.error());
    // Each over three connections at most: Talos twice, Kubernetes once.
    let most = told.report.most_connections;
    assert!(most <= 3 * 64, "{most} connections at once");
    assert!(most > 64, "{most} connections at once are too few to tell");
}

#[test]
fn two_hundred_machines_are_planned_for() {
    let plan = stage_of(of_size(200)).plan(0).expect("a runtime starts");
    assert_eq!(plan.refusals, []);
    let installs = plan
        .steps
        .iter()
        .filter(|step| step.id.as_str().starts_with("install/"));
    assert_eq!(installs.count(), 200);
}
