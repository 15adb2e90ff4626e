//! The images that Talos takes unless its configuration names others.

use crate::model::Version;

/// The images of one release and those after it, up to the next row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Defaults {
    since: (u64, u64),
    pub(super) etcd: &'static str,
    core_dns: &'static str,
    flannel: &'static str,
    pause: &'static str,
    policies: &'static str,
}

/// The newest patch of each minor release that the rows below were read from; of 1.14 the release candidate 1.
const READ: &[(u64, u64)] = &[(10, 9), (11, 6), (12, 11), (13, 9)];

/// The release that stands in for those of 1.14 until its first one is read.
const CANDIDATE: &str = "v1.14.0-rc.1";

/// What `pkg/machinery/constants` and `pkg/images` of each release of siderolabs/talos have, newest first.
const TABLE: &[Defaults] = &[
    row(
        (14, 0),
        "registry.k8s.io/etcd:3.7.1",
        "v1.14.6",
        "0.28.9",
        "3.10.2",
        "v1.1.1",
    ),
    row(
        (13, 8),
        "registry.k8s.io/etcd:v3.6.12",
        "v1.14.6",
        "0.28.8",
        "3.10.1",
        "v1.1.0",
    ),
    row(
        (13, 7),
        "registry.k8s.io/etcd:v3.6.12",
        "v1.14.4",
        "0.28.7",
        "3.10.1",
        "v1.1.0",
    ),
    row(
        (13, 4),
        "registry.k8s.io/etcd:v3.6.12",
        "v1.14.2",
        "v0.28.5",
        "3.10.1",
        "v1.0.0",
    ),
    row(
        (13, 1),
        "registry.k8s.io/etcd:v3.6.11",
        "v1.14.2",
        "v0.28.4",
        "3.10.1",
        "v1.0.0",
    ),
    row(
        (13, 0),
        "registry.k8s.io/etcd:v3.6.9",
        "v1.14.2",
        "v0.28.4",
        "3.10.1",
        "v1.0.0",
    ),
    row(
        (12, 9),
        "registry.k8s.io/etcd:v3.6.11",
        "v1.14.2",
        "v0.27.4",
        "3.10.1",
        "",
    ),
    row(
        (12, 8),
        "registry.k8s.io/etcd:v3.6.11",
        "v1.14.3",
        "v0.27.4",
        "3.10.1",
        "",
    ),
    row(
        (12, 7),
        "registry.k8s.io/etcd:v3.6.9",
        "v1.13.2",
        "v0.27.4",
        "3.10",
        "",
    ),
    row(
        (12, 5),
        "registry.k8s.io/etcd:v3.6.8",
        "v1.13.2",
        "v0.27.4",
        "3.10",
        "",
    ),
    row(
        (12, 0),
        "registry.k8s.io/etcd:v3.6.7",
        "v1.13.2",
        "v0.27.4",
        "3.10",
        "",
    ),
    row(
        (11, 3),
        "gcr.io/etcd-development/etcd:v3.6.5",
        "v1.12.4",
        "v0.27.4",
        "3.10",
        "",
    ),
    row(
        (11, 1),
        "gcr.io/etcd-development/etcd:v3.6.4",
        "v1.12.3",
        "v0.27.2",
        "3.10",
        "",
    ),
    row(
        (11, 0),
        "gcr.io/etcd-development/etcd:v3.6.4",
        "v1.12.2",
        "v0.27.2",
        "3.10",
        "",
    ),
    row(
        (10, 9),
        "gcr.io/etcd-development/etcd:v3.5.26",
        "v1.12.1",
        "v0.26.7",
        "3.10",
        "",
    ),
    row(
        (10, 0),
        "gcr.io/etcd-development/etcd:v3.5.21",
        "v1.12.1",
        "v0.26.7",
        "3.10",
        "",
    ),
];

const fn row(
    since: (u64, u64),
    etcd: &'static str,
    core_dns: &'static str,
    flannel: &'static str,
    pause: &'static str,
    policies: &'static str,
) -> Defaults {
    Defaults {
        since,
        etcd,
        core_dns,
        flannel,
        pause,
        policies,
    }
}

impl Defaults {
    /// Returns those of a release; of one that is newer than all that were read, those of the newest.
    pub(super) fn of(talos: &Version) -> &'static Self {
        let wanted = (talos.minor(), talos.patch());
        let row = TABLE.iter().find(|row| row.since <= wanted);
        row.unwrap_or(&TABLE[TABLE.len() - 1])
    }

    /// Returns the release that stands in for this one, when its own images were not read.
    pub(super) fn stand_in(talos: &Version) -> Option<String> {
        let (minor, patch) = (talos.minor(), talos.patch());
        match READ.iter().find(|(known, _)| *known == minor) {
            Some((_, newest)) if patch <= *newest => None,
            Some((_, newest)) => Some(format!("v1.{minor}.{newest}")),
            None => Some(CANDIDATE.to_owned()).filter(|candidate| *candidate != talos.to_string()),
        }
    }

    pub(super) fn core_dns(&self) -> String {
        format!("registry.k8s.io/coredns/coredns:{}", self.core_dns)
    }

    pub(super) fn flannel(&self) -> String {
        format!("ghcr.io/siderolabs/flannel:{}", self.flannel)
    }

    pub(super) fn pause(&self) -> String {
        format!("registry.k8s.io/pause:{}", self.pause)
    }

    /// Enforces network policies beside flannel, since 1.13.
    pub(super) fn network_policies(&self) -> Option<String> {
        let image = "registry.k8s.io/networking/kube-network-policies";
        (!self.policies.is_empty()).then(|| format!("{image}:{}", self.policies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> (&'static Defaults, Option<String>) {
        let version: Version = version.parse().expect("a version");
        (Defaults::of(&version), Defaults::stand_in(&version))
    }

    #[test]
    fn a_release_has_its_own_images_and_a_newer_one_those_of_the_newest_known() {
        for (version, etcd, stand_in) in [
            ("v1.10.3", "gcr.io/etcd-development/etcd:v3.5.21", None),
            ("v1.12.6", "registry.k8s.io/etcd:v3.6.8", None),
            ("v1.12.40", "registry.k8s.io/etcd:v3.6.11", Some("v1.12.11")),
            ("v1.13.9", "registry.k8s.io/etcd:v3.6.12", None),
            ("v1.14.0-rc.1", "registry.k8s.io/etcd:3.7.1", None),
            (
                "v1.14.0",
                "registry.k8s.io/etcd:3.7.1",
                Some("v1.14.0-rc.1"),
            ),
            (
                "v1.15.2",
                "registry.k8s.io/etcd:3.7.1",
                Some("v1.14.0-rc.1"),
            ),
        ] {
            let (defaults, stands_in) = of(version);
            assert_eq!(defaults.etcd, etcd, "{version}");
            assert_eq!(stands_in.as_deref(), stand_in, "{version}");
        }
    }
}
