//! etcd as the world sees it: which clusters exist, and who belongs to them.
//!
//! The engine must never make more than one cluster; only this account, which the engine cannot
//! reach, tells whether it did. It knows nothing of machines but their names and addresses.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::model::NodeName;

use super::span::mix;

/// All etcd clusters that were ever started.
#[derive(Clone, Debug, Default)]
pub struct Etcd {
    clusters: Vec<EtcdCluster>,
    revision: u64,
}

/// One etcd cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdCluster {
    /// The authority that its members share, by which a machine knows its own cluster.
    pub authority: String,
    /// The machine that it was started on.
    pub bootstrapped_on: NodeName,
    /// When it was started.
    pub at: Timestamp,
    /// Its members, in the order of joining.
    pub members: Vec<Member>,
}

/// A member of an etcd cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// The machine that it runs on.
    pub node: NodeName,
    /// The machine's address.
    pub address: IpAddr,
    /// Whether it still catches up and has no vote.
    pub learner: bool,
    /// Whether its process runs right now and the others reach it.
    pub running: bool,
    /// Why it does not.
    pub stopped_by: Option<Cause>,
}

/// Why a member does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody asked its machine to restart.
    Request,
    /// Something broke.
    World,
}

/// Which cluster a machine's data belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterIndex(usize);

impl EtcdCluster {
    /// Tells whether enough voters run to agree on anything.
    pub fn has_quorum(&self) -> bool {
        let voters = self.members.iter().filter(|member| !member.learner);
        let (running, all) = voters.fold((0, 0), |(running, all), voter| {
            (running + usize::from(voter.running), all + 1)
        });
        running * 2 > all
    }

    /// Tells whether a member of this address is listed, running or not. etcd takes no second one:
    /// a machine that lost its data stays out until somebody removes what it was.
    pub fn knows(&self, address: IpAddr) -> bool {
        self.members.iter().any(|member| member.address == address)
    }

    fn has_learner(&self) -> bool {
        self.members.iter().any(|member| member.learner)
    }
}

impl Etcd {
    /// Returns every cluster that was ever started, in order.
    pub fn clusters(&self) -> &[EtcdCluster] {
        &self.clusters
    }

    /// Grows with every change of any cluster.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Starts a new cluster on a machine.
    pub(super) fn bootstrap(
        &mut self,
        authority: &str,
        node: &NodeName,
        address: IpAddr,
        at: Timestamp,
    ) -> ClusterIndex {
        self.revision += 1;
        let index = self.clusters.len();
        self.clusters.push(EtcdCluster {
            authority: authority.to_owned(),
            bootstrapped_on: node.clone(),
            at,
            members: vec![Member {
                id: member_id(index, 0, node),
                node: node.clone(),
                address,
                learner: false,
                running: false,
                stopped_by: None,
            }],
        });
        ClusterIndex(index)
    }

    /// Returns the oldest cluster of this authority that can take decisions now.
    pub(super) fn joinable(&self, authority: &str) -> Option<ClusterIndex> {
        self.clusters
            .iter()
            .position(|cluster| cluster.authority == authority && cluster.has_quorum())
            .map(ClusterIndex)
    }

    /// Adds a machine without a vote; there may be only one such member at a time.
    pub(super) fn add_learner(
        &mut self,
        ClusterIndex(index): ClusterIndex,
        node: &NodeName,
        address: IpAddr,
    ) -> bool {
        let cluster = &mut self.clusters[index];
        if cluster.has_learner() || !cluster.has_quorum() || cluster.knows(address) {
            return false;
        }
        self.revision += 1;
        let id = member_id(index, cluster.members.len(), node);
        cluster.members.push(Member {
            id,
            node: node.clone(),
            address,
            learner: true,
            running: true,
            stopped_by: None,
        });
        true
    }

    /// Gives a member its vote.
    pub(super) fn promote(&mut self, index: ClusterIndex, node: &NodeName) {
        self.update(index, node, |member| member.learner = false);
    }

    /// Removes a member, as `talosctl etcd remove-member` does.
    pub(super) fn remove(&mut self, node: &NodeName) {
        self.revision += 1;
        for cluster in &mut self.clusters {
            cluster.members.retain(|member| member.node != *node);
        }
    }

    /// Notes that a member's process runs.
    pub(super) fn start(&mut self, index: ClusterIndex, node: &NodeName) {
        self.update(index, node, |member| {
            member.running = true;
            member.stopped_by = None;
        });
    }

    /// Notes that a member's process does not run, or that nobody reaches it.
    pub(super) fn stop(&mut self, index: ClusterIndex, node: &NodeName, cause: Cause) {
        self.update(index, node, |member| {
            member.running = false;
            member.stopped_by = Some(cause);
        });
    }

    /// Returns the cluster of this number.
    pub(super) fn cluster(&self, ClusterIndex(index): ClusterIndex) -> &EtcdCluster {
        &self.clusters[index]
    }

    fn update(
        &mut self,
        ClusterIndex(index): ClusterIndex,
        node: &NodeName,
        change: impl Fn(&mut Member),
    ) {
        self.revision += 1;
        let mut members = self.clusters[index].members.iter_mut();
        if let Some(member) = members.find(|member| member.node == *node) {
            change(member);
        }
    }
}

fn member_id(cluster: usize, place: usize, node: &NodeName) -> u64 {
    mix(0, &format!("{cluster}/{place}/{node}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NodeName {
        text.parse().expect("a name")
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    fn started(etcd: &mut Etcd) -> ClusterIndex {
        let index = etcd.bootstrap("ca", &name("a"), address(1), Timestamp::UNIX_EPOCH);
        etcd.start(index, &name("a"));
        index
    }

    #[test]
    fn takes_one_learner_at_a_time() {
        let mut etcd = Etcd::default();
        let index = started(&mut etcd);
        assert!(etcd.add_learner(index, &name("b"), address(2)));
        assert!(!etcd.add_learner(index, &name("c"), address(3)));
        etcd.promote(index, &name("b"));
        assert!(etcd.add_learner(index, &name("c"), address(3)));
    }

    #[test]
    fn a_member_that_lost_its_data_stays_out_until_it_is_removed() {
        let mut etcd = Etcd::default();
        let index = started(&mut etcd);
        assert!(etcd.add_learner(index, &name("b"), address(2)));
        etcd.promote(index, &name("b"));
        assert!(!etcd.add_learner(index, &name("b"), address(2)));
        etcd.remove(&name("b"));
        assert!(etcd.add_learner(index, &name("b"), address(2)));
    }

    #[test]
    fn counts_votes_not_members() {
        let mut etcd = Etcd::default();
        let index = started(&mut etcd);
        etcd.add_learner(index, &name("b"), address(2));
        assert!(etcd.cluster(index).has_quorum(), "a learner has no vote");
        etcd.promote(index, &name("b"));
        etcd.stop(index, &name("b"), Cause::World);
        assert!(
            !etcd.cluster(index).has_quorum(),
            "one of two is no majority"
        );
        assert_eq!(etcd.joinable("ca"), None);
    }

    #[test]
    fn machines_of_another_authority_find_nothing_to_join() {
        let mut etcd = Etcd::default();
        let index = started(&mut etcd);
        assert_eq!(etcd.joinable("ca"), Some(index));
        assert_eq!(etcd.joinable("another ca"), None);
    }
}
