//! The same spec with one value other than it is: what an experiment about its effects is made with.
//!
//! The tree is changed, never the text, so that every place stays where it is.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::IpAddr;

use camino::{Utf8Path, Utf8PathBuf};
use ipnet::IpNet;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::load::judge;
use super::patch_files::PatchFiles;
use crate::catalog::Catalog;
use crate::yaml::{Node, NodeKind, OwnedStep, Span};

/// A scalar of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// How it is reached.
    pub way: Vec<OwnedStep>,
    /// Where it stands.
    pub span: Span,
}

/// Makes a cluster of a tree as if it had been read from this text, with these files beside it: also one that
/// a spec could not ask for, since a value may have no other that stands to reason.
pub fn cluster_of(
    tree: &Node,
    text: &str,
    catalog: &Catalog,
    files: &BTreeMap<Utf8PathBuf, String>,
) -> Option<Cluster> {
    let read = |path: &Utf8Path| -> io::Result<Vec<u8>> {
        let text = files.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    };
    judge(
        tree,
        text,
        catalog,
        &read,
        &mut PatchFiles::default(),
        Vec::new(),
    )
    .0
}

/// Returns every scalar below a place of a tree.
pub fn scalars(tree: &Node, way: &[OwnedStep]) -> Vec<Scalar> {
    let Some(node) = way.iter().try_fold(tree, |node, step| child(node, step)) else {
        return Vec::new();
    };
    match &node.kind {
        NodeKind::Scalar(_) => vec![Scalar {
            way: way.to_vec(),
            span: node.span,
        }],
        NodeKind::Sequence(items) => (0..items.len())
            .flat_map(|index| scalars(tree, &further(way, OwnedStep::Index(index))))
            .collect(),
        NodeKind::Mapping(entries) => entries
            .iter()
            .flat_map(|entry| scalars(tree, &further(way, OwnedStep::Key(entry.key.clone()))))
            .collect(),
    }
}

/// Returns the tree with another value in place of a scalar, in every way that may make sense, and at last
/// without it.
pub fn variants(tree: &Node, scalar: &Scalar) -> Vec<Node> {
    let Some(Value::String(text)) = value(tree, &scalar.way) else {
        let others = value(tree, &scalar.way)
            .map(other_plain)
            .unwrap_or_default();
        return changed(tree, scalar, others);
    };
    changed(tree, scalar, other_texts(&text))
}

fn changed(tree: &Node, scalar: &Scalar, others: Vec<Value>) -> Vec<Node> {
    let with = |other: Value| {
        let mut tree = tree.clone();
        at(&mut tree, &scalar.way)?.kind = NodeKind::Scalar(other);
        Some(tree)
    };
    let mut variants: Vec<_> = others.into_iter().filter_map(with).collect();
    variants.extend(without(tree, &scalar.way));
    variants
}

fn further(way: &[OwnedStep], step: OwnedStep) -> Vec<OwnedStep> {
    way.iter().cloned().chain([step]).collect()
}

fn child<'a>(node: &'a Node, step: &OwnedStep) -> Option<&'a Node> {
    match step {
        OwnedStep::Key(key) => node.get(key),
        OwnedStep::Index(index) => node.items().get(*index),
    }
}

fn value(tree: &Node, way: &[OwnedStep]) -> Option<Value> {
    let node = way.iter().try_fold(tree, |node, step| child(node, step))?;
    match &node.kind {
        NodeKind::Scalar(value) => Some(value.clone()),
        _ => None,
    }
}

fn at<'a>(tree: &'a mut Node, way: &[OwnedStep]) -> Option<&'a mut Node> {
    way.iter()
        .try_fold(tree, |node, step| match (&mut node.kind, step) {
            (NodeKind::Mapping(entries), OwnedStep::Key(key)) => entries
                .iter_mut()
                .find(|entry| entry.key == *key)
                .map(|entry| &mut entry.value),
            (NodeKind::Sequence(items), OwnedStep::Index(index)) => items.get_mut(*index),
            _ => None,
        })
}

fn without(tree: &Node, way: &[OwnedStep]) -> Option<Node> {
    let mut tree = tree.clone();
    let (last, before) = way.split_last()?;
    match (&mut at(&mut tree, before)?.kind, last) {
        (NodeKind::Mapping(entries), OwnedStep::Key(key)) => {
            entries.retain(|entry| entry.key != *key);
        }
        (NodeKind::Sequence(items), OwnedStep::Index(index)) if *index < items.len() => {
            items.remove(*index);
        }
        _ => return None,
    }
    Some(tree)
}

fn other_plain(value: Value) -> Vec<Value> {
    match value {
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            vec![
                json!(number.saturating_add(1)),
                json!(number.saturating_sub(1)),
            ]
        }
        _ => Vec::new(),
    }
}

/// Neighbours of what the text may be; several, since the nearest may be somebody else's.
fn other_texts(text: &str) -> Vec<Value> {
    let mut others = Vec::new();
    if let Ok(network) = text.parse::<IpNet>() {
        others.extend([1, -1].map(|by| neighbour_network(network, by)));
        others.push(network.supernet().map(|wider| wider.to_string()));
    } else if let Ok(address) = text.parse::<IpAddr>() {
        others.extend([1, -1, 2, 3, 5, 8].map(|by| moved(address, by).map(|it| it.to_string())));
    }
    let mut others: Vec<String> = others.into_iter().flatten().collect();
    others.extend(
        [1, 2, 3]
            .map(|by| last_digit(text, by))
            .into_iter()
            .flatten(),
    );
    others.extend([format!("{text}x"), format!("x{text}")]);
    others.into_iter().map(Value::from).collect()
}

fn moved(address: IpAddr, by: i128) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            let number = i128::from(address.to_bits()).checked_add(by)?;
            IpAddr::V4(u32::try_from(number).ok()?.into())
        }
        IpAddr::V6(address) => {
            let number = address.to_bits().checked_add_signed(by)?;
            IpAddr::V6(number.into())
        }
    })
}

/// The network of this size that lies beside it; for an address with its prefix the next address.
fn neighbour_network(network: IpNet, by: i128) -> Option<String> {
    let has_host = network.addr() != network.network();
    let bits = if has_host {
        0
    } else {
        u32::from(network.max_prefix_len() - network.prefix_len())
    };
    let address = moved(network.addr(), by.checked_shl(bits)?)?;
    Some(format!("{address}/{}", network.prefix_len()))
}

/// The last digit counted on: of a version, a hardware address, a size, a serial number.
fn last_digit(text: &str, by: u32) -> Option<String> {
    let position = text.rfind(|c: char| c.is_ascii_digit())?;
    let digit = text[position..].chars().next()?.to_digit(10)?;
    let other = char::from_digit((digit + by) % 10, 10)?;
    let (before, after) = (&text[..position], &text[position + 1..]);
    Some([before, &other.to_string(), after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where everything must lie in a network, only a wider one will do.
    #[test]
    fn a_network_is_widened_as_well() {
        assert!(other_texts("192.168.1.0/24").contains(&json!("192.168.0.0/23")));
    }

    #[test]
    fn neighbours_are_of_the_same_kind() {
        let first = |text: &str| other_texts(text).remove(0);
        assert_eq!(first("192.168.1.101"), "192.168.1.102");
        assert_eq!(first("10.42.0.0/16"), "10.43.0.0/16");
        assert_eq!(first("192.168.1.101/24"), "192.168.1.102/24");
        assert_eq!(first("fd00::/64"), "fd00:0:0:1::/64");
        assert_eq!(first("v1.36.9"), "v1.36.0");
        assert_eq!(first("52:54:00:00:00:01"), "52:54:00:00:00:02");
        assert_eq!(first("100GiB"), "101GiB");
        assert_eq!(first("enp"), "enpx");
    }
}
