//! The presets of `homelab init`: complete, commented specs, and the few changes that make one
//! somebody's own.
//!
//! A preset is a file under `examples/` that is valid as it stands.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};

use crate::model::{MacAddress, NodeName};
use crate::yaml::{EditError, Editor, ParseError, parse};

/// A complete spec to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Three control planes that also work, behind a virtual IP.
    TalosHa,
    /// One machine.
    OneNode,
}

/// What a person chose; everything else stays as the preset has it.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The cluster's name.
    pub name: Option<NodeName>,
    /// Machines in place of the preset's.
    pub nodes: Vec<(NodeName, IpAddr)>,
    /// The virtual IP.
    pub vip: Option<IpAddr>,
    /// The repository's URL.
    pub git_url: Option<String>,
    /// Who may open the encrypted files.
    pub recipients: Vec<String>,
}

/// Why a preset could not be made somebody's own.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// The preset has no place for the virtual IP.
    #[error("this preset has one control plane and no virtual IP")]
    NoVip,
    /// A highly available control plane needs three machines.
    #[error("this preset takes at least 3 nodes, found {0}")]
    TooFewNodes(usize),
    /// The preset itself could not be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The preset itself could not be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

impl Preset {
    /// Returns the preset's text as it stands in `examples/`.
    pub fn text(self) -> &'static str {
        match self {
            Self::TalosHa => include_str!("../../examples/talos-ha/homelab.yaml"),
            Self::OneNode => include_str!("../../examples/one-node/homelab.yaml"),
        }
    }

    /// Writes the spec that the choices ask for.
    pub fn instantiate(self, choices: &Choices) -> Result<String, PresetError> {
        let editor = Editor::parse(self.text())?;
        if let Some(name) = &choices.name {
            editor.set("metadata.name", &json!(name))?;
        }
        if !choices.nodes.is_empty() {
            self.place_nodes(&editor, &choices.nodes)?;
        }
        if let Some(vip) = choices.vip {
            if self == Self::OneNode {
                return Err(PresetError::NoVip);
            }
            editor.set("spec.controlPlane.vip.address", &json!(vip))?;
        }
        if let Some(url) = &choices.git_url {
            let auth = if url.starts_with("https:") {
                "token"
            } else {
                "ssh"
            };
            editor.set("spec.gitops.flux.url", &json!(url))?;
            editor.set("spec.gitops.flux.auth", &json!(auth))?;
        }
        if !choices.recipients.is_empty() {
            editor.set("spec.secrets.sops.recipients", &json!(choices.recipients))?;
        }
        Ok(editor.to_string())
    }

    /// Puts these machines in place of the preset's, and moves the home network to them.
    fn place_nodes(self, editor: &Editor, nodes: &[(NodeName, IpAddr)]) -> Result<(), PresetError> {
        if self == Self::TalosHa && nodes.len() < 3 {
            return Err(PresetError::TooFewNodes(nodes.len()));
        }
        let control_planes = if self == Self::TalosHa { 3 } else { 1 };
        let nodes_of_spec: Vec<Value> = (1_u16..)
            .zip(nodes)
            .map(|(number, (name, address))| node(number, name, *address, control_planes))
            .collect();
        editor.set("spec.nodes", &json!(nodes_of_spec))?;

        let preset = parse(self.text())?;
        let network = preset["spec"]["network"]["nodes"]
            .as_str()
            .and_then(|net| net.parse().ok());
        let inside = |network: IpNet| nodes.iter().all(|(_, address)| network.contains(address));
        match nodes.first() {
            Some((_, IpAddr::V4(first))) if !network.is_some_and(inside) => {
                self.move_network(editor, *first)
            }
            _ => Ok(()),
        }
    }

    /// Takes the usual home network around an address: a /24 with the router first.
    fn move_network(self, editor: &Editor, address: Ipv4Addr) -> Result<(), PresetError> {
        let [a, b, c, _] = address.octets();
        let host = |last| Ipv4Addr::new(a, b, c, last);
        let network = |last, length| Ipv4Net::new(host(last), length).map(|net| net.to_string());
        editor.set(
            "spec.network.nodes",
            &json!(network(0, 24).unwrap_or_default()),
        )?;
        editor.set("spec.network.gateway", &json!(host(1)))?;
        editor.set("spec.network.nameservers", &json!([host(1)]))?;
        let pools = json!([network(240, 28).unwrap_or_default()]);
        editor.set("spec.network.loadBalancer.pools", &pools)?;
        if self == Self::TalosHa {
            editor.set("spec.controlPlane.vip.address", &json!(host(100)))?;
        }
        Ok(())
    }
}

fn node(number: u16, name: &NodeName, address: IpAddr, control_planes: u16) -> Value {
    let role = if number <= control_planes {
        "control-plane"
    } else {
        "worker"
    };
    let [high, low] = number.to_be_bytes();
    let mac = MacAddress::from([0x52, 0x54, 0, 0, high, low]);
    json!({
        "name": name,
        "role": role,
        "address": address,
        "disk": { "serial": format!("CHANGE-ME-{number}") },
        "nic": { "mac": mac },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(nodes: &[(&str, &str)]) -> Choices {
        let node = |(name, address): &(&str, &str)| {
            (
                name.parse().expect("a name"),
                address.parse().expect("an address"),
            )
        };
        Choices {
            nodes: nodes.iter().map(node).collect(),
            ..Choices::default()
        }
    }

    #[test]
    fn without_choices_a_preset_is_the_example() {
        for preset in [Preset::TalosHa, Preset::OneNode] {
            assert_eq!(
                preset.instantiate(&Choices::default()).expect("valid"),
                preset.text()
            );
        }
    }

    #[test]
    fn the_network_follows_the_machines() {
        let chosen = choices(&[
            ("a", "10.9.8.11"),
            ("b", "10.9.8.12"),
            ("c", "10.9.8.13"),
            ("d", "10.9.8.14"),
        ]);
        let text = Preset::TalosHa.instantiate(&chosen).expect("valid");
        let spec = parse(&text).expect("valid YAML")["spec"].clone();
        assert_eq!(spec["network"]["nodes"], "10.9.8.0/24");
        assert_eq!(spec["network"]["gateway"], "10.9.8.1");
        assert_eq!(
            spec["network"]["loadBalancer"]["pools"],
            json!(["10.9.8.240/28"])
        );
        assert_eq!(spec["controlPlane"]["vip"]["address"], "10.9.8.100");
        let roles: Vec<_> = (0..4)
            .map(|index| spec["nodes"][index]["role"].clone())
            .collect();
        assert_eq!(
            roles,
            ["control-plane", "control-plane", "control-plane", "worker"]
        );
        assert!(
            text.contains("# Let's Encrypt writes to this address"),
            "{text}"
        );
    }

    #[test]
    fn one_machine_has_no_virtual_ip() {
        let vip = Choices {
            vip: "10.0.0.9".parse().ok(),
            ..Choices::default()
        };
        assert!(matches!(
            Preset::OneNode.instantiate(&vip),
            Err(PresetError::NoVip)
        ));
        let two = choices(&[("a", "10.9.8.11"), ("b", "10.9.8.12")]);
        assert!(matches!(
            Preset::TalosHa.instantiate(&two),
            Err(PresetError::TooFewNodes(2))
        ));
    }
}
