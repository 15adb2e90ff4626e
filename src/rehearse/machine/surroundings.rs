//! What a machine can find out about the others of its cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::rehearse::etcd::{Etcd, EtcdCluster};

use super::config::MachineConfig;
use super::machine::{Machine, Milestone, Phase};

/// What is to be found at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// Where control planes sign certificates for workers, by the authority that they sign with.
    trustd: BTreeMap<String, BTreeSet<IpAddr>>,
    /// Whether the cluster's endpoint leads to a control plane although it is none's own address.
    endpoint_leads: bool,
    /// Which state of etcd this is about.
    etcd: u64,
}

impl Surroundings {
    pub(super) fn of<'a>(
        control_planes: impl Iterator<Item = &'a Machine>,
        etcd: &Etcd,
        endpoint_leads: bool,
    ) -> Self {
        let mut trustd: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
        for machine in control_planes {
            if machine.phase() == Phase::Up
                && machine.has(Milestone::Trustd)
                && let Some(config) = machine.config()
            {
                trustd
                    .entry(authority(config).to_owned())
                    .or_default()
                    .insert(machine.address());
            }
        }
        Self {
            trustd,
            endpoint_leads,
            etcd: etcd.revision(),
        }
    }

    /// Tells whether a worker finds somebody who signs its certificate.
    pub(super) fn has_trustd(&self, config: &MachineConfig) -> bool {
        self.trustd
            .get(authority(config))
            .is_some_and(|signers| self.finds(config, signers.iter()))
    }

    /// Tells whether a control plane finds the members of a cluster.
    pub(super) fn finds_members(&self, config: &MachineConfig, cluster: &EtcdCluster) -> bool {
        let running = cluster.members.iter().filter(|member| member.running);
        self.finds(config, running.map(|member| &member.address))
    }

    fn finds<'a>(&self, config: &MachineConfig, hosts: impl Iterator<Item = &'a IpAddr>) -> bool {
        let endpoint: Option<IpAddr> = config.endpoint_host().parse().ok();
        let mut hosts = hosts.peekable();
        hosts.peek().is_some()
            && (config.has_discovery()
                || self.endpoint_leads
                || hosts.any(|host| endpoint == Some(*host)))
    }
}

fn authority(config: &MachineConfig) -> &str {
    config.text_at("/machine/ca/crt").unwrap_or_default()
}
