//! What patches must leave as it is: what the spec says itself, from which everything else follows, and
//! the keys of the secrets bundle.
//!
//! Judged by what a patch does and not by how it is written: the documents before it and after it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::{Finding, Subject, at, of_kind};
use crate::render::talos::MAIN;
use crate::render::talos::identity_places::{IDENTITY, Owner};
use crate::spec::Code;
use Owner::{Bundle, Spec};

/// Names, endpoint, disk, networks, role and keys.
pub(super) fn identity(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found: Vec<_> = IDENTITY
        .iter()
        .filter_map(|place| {
            let kind = (place.kind != MAIN).then_some(place.kind);
            let value = |documents| at(of_kind(documents, kind)?, place.path);
            changed(
                subject,
                (kind, place.path),
                place.owner,
                value(subject.before),
                value(subject.after),
            )
        })
        .collect();
    found.extend(automatic_name(subject));
    found
}

fn changed(
    subject: &Subject<'_>,
    (kind, path): (Option<&str>, &str),
    owner: Owner,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Option<Finding> {
    let name = &subject.node.name;
    let place = kind.map_or(path.to_owned(), |kind| format!("{kind}: {path}"));
    let help = match owner {
        Spec(key) => format!("change {key} in the spec, from which everything else follows"),
        Bundle => {
            "leave it out: keys come from the secrets bundle, for every node the same".to_owned()
        }
    };
    let finding = match (old, new) {
        _ if old == new => return None,
        (Some(_), None) => Finding::new(
            Code::DeletesNeeded,
            format!("the patch takes `{place}` away from `{name}`"),
        )
        .label("a node does not come up without it"),
        // Where a document holds the place now, the field beside it is another finding.
        (None, Some(_)) if owner == Bundle || kind.is_some() || !has_main(subject, path) => {
            return None;
        }
        (_, Some(new)) => {
            let said = match (owner, old) {
                (Bundle, _) => "another than the secrets bundle's".to_owned(),
                (Spec(_), Some(old)) => format!("{}, the spec says {}", shown(new), shown(old)),
                (Spec(_), None) => format!("{}, the spec says otherwise", shown(new)),
            };
            Finding::new(
                Code::ContradictsSpec,
                format!("the patch makes `{place}` of `{name}` {said}"),
            )
            .label("against the spec")
        }
        (None, None) => return None,
    };
    Some(finding.at(path).help(help))
}

/// Tells whether the main document has the section that a place is in.
fn has_main(subject: &Subject<'_>, path: &str) -> bool {
    let section = path.rsplit_once('.').map_or(path, |(section, _)| section);
    of_kind(subject.before, None).is_some_and(|main| at(main, section).is_some())
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// A document with both is refused, and the spec's host name is there already.
fn automatic_name(subject: &Subject<'_>) -> Option<Finding> {
    let automatic = subject
        .at("auto")
        .and_then(Value::as_str)
        .filter(|auto| *auto != "off")?;
    let named = of_kind(subject.after, Some("HostnameConfig"))
        .is_some_and(|document| at(document, "hostname").is_some());
    (subject.kind() == Some("HostnameConfig") && named).then(|| {
        Finding::new(
            Code::AutomaticHostName,
            format!("`auto: {automatic}` beside a host name"),
        )
        .at("auto")
        .label("Talos refuses a document with both")
        .help("remove it: every node has the host name that the spec gives it")
    })
}

/// The node's own address stays, others' do not come, and the virtual IP is the spec's.
pub(super) fn addresses(subject: &Subject<'_>) -> Vec<Finding> {
    let (name, own) = (&subject.node.name, subject.node.address);
    let (old, new) = (links(subject.before), links(subject.after));
    let mut found = Vec::new();
    let refuse = |message: String, key: &str| {
        Finding::new(Code::ContradictsSpec, message)
            .at(if subject.kind().is_some() {
                "addresses"
            } else {
                "machine.network.interfaces"
            })
            .label("against the spec")
            .help(format!(
                "change {key} in the spec, from which everything else follows"
            ))
    };
    if old.contains(&own) && !new.contains(&own) {
        let message = format!("the patch takes the address {own} away from `{name}`");
        found.push(refuse(message, "`address` of the node"));
    }
    for node in &subject.cluster.nodes {
        let theirs = node.address;
        if node.name != *name && new.contains(&theirs) && !old.contains(&theirs) {
            let message = format!(
                "the patch gives `{name}` the address {theirs} of `{}`",
                node.name
            );
            found.push(refuse(message, "`address` of the node"));
        }
    }
    let vip = subject
        .cluster
        .control_plane
        .vip
        .as_ref()
        .map(|vip| vip.address);
    if let Some(vip) = vip.filter(|vip| new.contains(vip) && !old.contains(vip)) {
        let message = format!("the patch gives `{name}` the virtual IP {vip} as a fixed address");
        found.push(refuse(message, "`controlPlane.vip`"));
    }
    let (old, new) = (moving(subject.before), moving(subject.after));
    for address in old.difference(&new) {
        let message = format!("the patch takes the virtual IP {address} away from `{name}`");
        found.push(refuse(message, "`controlPlane.vip`").at("machine.network.interfaces"));
    }
    for address in new.difference(&old) {
        let message = format!(
            "the patch makes `{name}` announce the virtual IP {address}, the spec does not"
        );
        found.push(refuse(message, "`controlPlane.vip`").at("machine.network.interfaces"));
    }
    found
}

/// The fixed addresses of all links.
fn links(documents: &[Value]) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut add = |text: Option<&str>| {
        let text = text.unwrap_or_default();
        found.extend(text.parse::<IpNet>().map(|network| network.addr()));
        found.extend(text.parse::<IpAddr>());
    };
    for link in entries(documents) {
        for address in link["addresses"].as_array().into_iter().flatten() {
            add(address.as_str().or(address["address"].as_str()));
        }
        add(link["cidr"].as_str());
    }
    found
}

/// The addresses that move between nodes.
fn moving(documents: &[Value]) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut found: BTreeSet<_> = documents
        .iter()
        .filter(|document| {
            document["kind"] == "Layer2VIPConfig" || document["kind"] == "HCloudVIPConfig"
        })
        .filter_map(|document| text(&document["name"]))
        .collect();
    found.extend(
        entries(documents)
            .iter()
            .filter_map(|link| text(&link["vip"]["ip"])),
    );
    found
}

/// Links: documents with addresses, interfaces of the main document and their VLANs.
fn entries(documents: &[Value]) -> Vec<&Value> {
    let mut found: Vec<_> = documents.iter().collect();
    let interfaces =
        of_kind(documents, None).and_then(|main| at(main, "machine.network.interfaces"));
    for interface in interfaces.and_then(Value::as_array).into_iter().flatten() {
        found.push(interface);
        found.extend(interface["vlans"].as_array().into_iter().flatten());
    }
    found
}
