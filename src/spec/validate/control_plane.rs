//! How clients reach the Kubernetes API, and whether etcd can keep a quorum.

use std::net::IpAddr;

use super::{Findings, Scope};
use crate::model::is_domain;
use crate::spec::cluster::{ControlPlane, Endpoint, Vip, VipProvider};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{
    RawControlPlane, RawDatastore, RawNode, RawRole, RawSpec, RawVip, RawVipProvider, Text,
};
use crate::yaml::Spanned;

/// The port of the Kubernetes API.
const API_PORT: u16 = 6443;

/// Makes the control plane; checks the number of voters.
pub(super) fn control_plane(
    spec: &RawSpec,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> Option<ControlPlane> {
    let raw = spec.control_plane.clone().unwrap_or_default();
    let voters: Vec<_> = with_role(spec, RawRole::ControlPlane).collect();
    let workers = with_role(spec, RawRole::Worker).count();
    check_voters(&voters, &raw, spec, scope, findings);
    check_endpoint(voters.len(), &raw, scope, findings);
    let schedulable = raw
        .schedulable
        .as_ref()
        .map_or(workers == 0, |wish| wish.value);
    if let Some(wish) = raw
        .schedulable
        .as_ref()
        .filter(|wish| !wish.value && workers == 0)
    {
        let message = "control planes take no pods, and there is no worker";
        let help = "write `schedulable: true`, or add a worker";
        findings.add(Diagnostic::new(Code::NowhereToRun, wish.span, message).help(help));
    }
    let vip = match &raw.vip {
        Some(raw) => Some(vip(&raw.value, findings)?),
        None => None,
    };
    let endpoint = endpoint(&raw, vip.as_ref(), &voters, findings)?;
    Some(ControlPlane {
        endpoint,
        vip,
        schedulable,
        sans: sans(&raw, findings),
    })
}

/// Names and addresses as certificates hold them.
fn sans(raw: &RawControlPlane, findings: &mut Findings) -> Vec<String> {
    for text in &raw.cert_sans {
        if text.value.parse::<IpAddr>().is_err() && !is_domain(&text.value) {
            let message = format!("expected a DNS name or an IP address, found `{text}`");
            findings.invalid(text.span, message);
        }
    }
    raw.cert_sans
        .iter()
        .map(|text| text.value.clone())
        .collect()
}

fn with_role(spec: &RawSpec, role: RawRole) -> impl Iterator<Item = &RawNode> {
    spec.nodes
        .iter()
        .filter(move |node| node.role.as_ref().is_some_and(|raw| raw.value == role))
}

fn vip(raw: &RawVip, findings: &mut Findings) -> Option<Vip> {
    let address = raw.address.as_ref().and_then(|text| findings.address(text));
    let provider = match raw.provider.as_ref()?.value {
        RawVipProvider::KubeVip => VipProvider::KubeVip,
        RawVipProvider::Talos => VipProvider::Talos,
    };
    Some(Vip {
        address: address?,
        provider,
    })
}

fn endpoint(
    raw: &RawControlPlane,
    vip: Option<&Vip>,
    voters: &[&RawNode],
    findings: &mut Findings,
) -> Option<Endpoint> {
    if let Some(text) = &raw.endpoint {
        return written_endpoint(text, findings);
    }
    let address = match vip {
        Some(vip) => vip.address,
        None => first_by_name(voters)?,
    };
    Some(Endpoint {
        host: address.to_string(),
        port: API_PORT,
    })
}

fn first_by_name(voters: &[&RawNode]) -> Option<IpAddr> {
    let name = |node: &&&RawNode| node.name.as_ref().map(|name| name.value.clone());
    let first = voters.iter().min_by_key(name)?;
    first.address.as_ref()?.value.parse().ok()
}

fn written_endpoint(text: &Text, findings: &mut Findings) -> Option<Endpoint> {
    let (host, port) = text.value.rsplit_once(':').unwrap_or((&text.value, ""));
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let valid = host.parse::<IpAddr>().is_ok() || is_domain(host);
    match port.parse() {
        Ok(port) if valid => Some(Endpoint {
            host: host.to_owned(),
            port,
        }),
        _ => {
            let message = format!(
                "expected a host and a port such as `k8s.homelab.local:6443`, found `{text}`"
            );
            findings.invalid(text.span, message);
            None
        }
    }
}

fn check_voters(
    voters: &[&RawNode],
    raw: &RawControlPlane,
    spec: &RawSpec,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    let nodes = scope.key(&["nodes"]);
    let count = voters.len();
    if spec.nodes.iter().any(|node| node.role.is_none()) || spec.nodes.is_empty() {
        return;
    }
    if count == 0 {
        let finding = Diagnostic::new(Code::NoControlPlane, nodes, "no node is a control plane")
            .help("write `role: control-plane` for one node or three");
        findings.add(finding);
    } else if let (2, Some(vip)) = (count, &raw.vip) {
        let message =
            "two control planes are less available than one, and no virtual IP mends that";
        let finding = mark(
            Diagnostic::new(Code::TwoControlPlanesBehindVip, vip.span, message),
            voters,
        )
        .help("take one control plane or three: of two voters, etcd needs both");
        findings.add(finding);
    } else if count.is_multiple_of(2) && has_voters(spec) {
        let message = format!(
            "{count} etcd voters survive no more failures than {}",
            count - 1
        );
        let finding = mark(Diagnostic::new(Code::EvenVoters, nodes, message), voters)
            .help("make one of them a worker, or add one");
        findings.add(finding);
    }
}

/// One node in front of several is reported, unless what stands there is only mistyped.
fn check_endpoint(voters: usize, raw: &RawControlPlane, scope: Scope<'_>, findings: &mut Findings) {
    let keys = ["controlPlane", "vip", "endpoint"];
    let lost = keys.iter().any(|key| scope.lost(key, scope.root.span));
    if voters > 1 && raw.vip.is_none() && raw.endpoint.is_none() && !lost {
        let place = scope.key(&["controlPlane"]);
        let message = "clients reach the Kubernetes API through one node only";
        let finding = Diagnostic::new(Code::NoStableEndpoint, place, message)
            .help("add `controlPlane: {vip: …}`, or the `endpoint` of your own balancer");
        findings.add(finding);
    }
}

fn has_voters(spec: &RawSpec) -> bool {
    let k3s = spec
        .distribution
        .as_ref()
        .and_then(|distribution| distribution.k3s.as_ref());
    let datastore = k3s.and_then(|k3s| k3s.value.datastore.as_ref());
    datastore.is_none_or(|datastore| datastore.value == RawDatastore::Etcd)
}

fn mark(mut finding: Diagnostic, voters: &[&RawNode]) -> Diagnostic {
    let roles = voters.iter().filter_map(|node| node.role.as_ref());
    for Spanned { span, .. } in roles {
        finding = finding.also(*span, "");
    }
    finding
}
