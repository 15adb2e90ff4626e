//! How long things take on a simulated machine: the one table.
//!
//! Base and spread in seconds. A span is the base plus a share of the spread that follows from the
//! world's seed and from what it is about, so that equal seeds give equal spans. Spans with a
//! measured source were seen on Talos 1.13.9 running as containers; the others are what its
//! documentation and people with ordinary home hardware report.

use std::time::Duration;

/// A span that varies with the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    base: u64,
    spread: u64,
}

const fn span(base: u64, spread: u64) -> Span {
    Span { base, spread }
}

/// From the reply to a first configuration until the maintenance API is gone ("within seconds").
pub(super) const LEAVE_MAINTENANCE: Span = span(1, 2);
/// Pulling the installer over a home line and writing the disk: one to four minutes.
pub(super) const INSTALL: Span = span(60, 120);
/// The reboot sequence until the network is gone (measured: 8 s).
pub(super) const SHUT_DOWN: Span = span(7, 3);
/// Firmware and boot loader: with [`KERNEL`] 30 s on a VM to a few minutes on bare metal.
pub(super) const FIRMWARE: Span = span(20, 60);
/// Kernel, until machined runs: the address answers, the port does not.
pub(super) const KERNEL: Span = span(6, 6);
/// machined to containerd.
pub(super) const CONTAINERD: Span = span(1, 2);
/// containerd to apid (measured: the API is there 2 s after an apply without installation).
pub(super) const APID: Span = span(2, 2);
/// A worker's certificate from a control plane's trustd.
pub(super) const WORKER_CERTIFICATE: Span = span(2, 3);
/// The first answer of a time server.
pub(super) const TIME_SYNC: Span = span(2, 6);
/// The container runtime for Kubernetes.
pub(super) const CRI: Span = span(2, 2);
/// From a Bootstrap call to the first file in the data directory (measured: a second call within
/// a second still finds it empty).
pub(super) const ETCD_DATA: Span = span(1, 1);
/// Pulling the image (20 MB) and starting with data (measured without the pull: 5 s).
pub(super) const ETCD_START: Span = span(5, 8);
/// From learner to voter (measured: 17 s).
pub(super) const ETCD_PROMOTION: Span = span(14, 8);
/// Pulling the kubelet's image (50 MB) and starting it.
pub(super) const KUBELET: Span = span(10, 15);
/// Pulling the API server's image (30 MB) until it answers.
pub(super) const API_SERVER: Span = span(20, 20);

impl Span {
    /// Returns the span for this thing in the world of this seed.
    pub(super) fn of(self, seed: u64, about: &str) -> Duration {
        let share = mix(seed, about) % (self.spread * 1000 + 1);
        Duration::from_millis(self.base * 1000 + share)
    }
}

/// Mixes a seed and a text (FNV-1a, then avalanche): the same in every build and on every computer.
pub(crate) fn mix(seed: u64, text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
