//! How long things take on a simulated machine: the one table.
//!
//! Base and spread in seconds. A span is the base plus a share of the spread that follows from the
//! world's seed and from what it is about, so that equal seeds give equal spans. Spans with a
//! measured source were seen on Talos 1.13.9 running as containers; the others are what its
//! documentation and people with ordinary home hardware report.

use crate::rehearse::span::{Span, span};

/// From the reply to a first configuration until the maintenance API is gone ("within seconds").
pub(super) const LEAVE_MAINTENANCE: Span = span(1, 2);
/// Pulling the installer over a home line and writing the disk: one to four minutes.
pub(super) const INSTALL: Span = span(60, 120);
/// The registry answers that there is no such image; the sequence fails and the machine restarts.
pub(super) const PULL_FAILS: Span = span(12, 6);
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
/// Pulling the image (20 MB) and starting with data (measured without the pull: 1 s).
pub(super) const ETCD_START: Span = span(1, 8);
/// From there until Talos first looks whether it is healthy (measured: 5 s after its start).
pub(super) const ETCD_HEALTH: Span = span(4, 0);
/// From learner to voter (measured: 17 s).
pub(super) const ETCD_PROMOTION: Span = span(14, 8);
/// Pulling the kubelet's image (50 MB) and starting it.
pub(super) const KUBELET: Span = span(10, 15);
/// Pulling the API server's image (30 MB) until it answers.
pub(super) const API_SERVER: Span = span(20, 20);
