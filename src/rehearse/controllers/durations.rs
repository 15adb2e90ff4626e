//! How long things take in the simulated cluster: the one table.
//!
//! Base and spread in seconds; a span is the base plus a share of the spread that follows from the
//! seed and from what it is about, so equal seeds give equal spans. The figures are those that
//! real clusters showed: control planes of a home lab on a 100 Mbit/s line, Flux 2.9 with its
//! default polling, Helm 4 with waiting.

use crate::rehearse::span::{Span, span};

/// From a kubelet's start to its Node object (TLS bootstrap, then the first status).
pub(super) const REGISTER_NODE: Span = span(6, 6);
/// From an unready kubelet to `Ready=Unknown`: the node monitor's grace period.
pub(super) const NODE_LOST: Span = span(40, 0);
/// Image pull and start of a pod.
pub(super) const START_POD: Span = span(8, 12);
/// From a running network agent to a ready node.
pub(super) const NETWORK_READY: Span = span(4, 4);
/// From a definition to its established condition.
pub(super) const ESTABLISH: Span = span(1, 0);
/// One `helm upgrade --install` without its waiting.
pub(super) const HELM: Span = span(3, 3);
/// From a running operator to definitions that it registers itself.
pub(super) const REGISTER_KINDS: Span = span(6, 4);
/// The operator installs Flux' definitions and Deployments.
pub(super) const INSTALL_FLUX: Span = span(3, 2);
/// A first clone of the repository.
pub(super) const CLONE: Span = span(2, 2);
/// A chart or an index is fetched.
pub(super) const FETCH_CHART: Span = span(2, 3);
/// A Kustomization is built and applied.
pub(super) const RECONCILE: Span = span(1, 2);
/// Between two looks at the health of applied objects, and at unready dependencies.
pub(super) const POLL: Span = span(5, 0);
/// An issuer registers its account, a pool is taken up.
pub(super) const CUSTOM_READY: Span = span(3, 4);
