//! How a machine's links are arranged.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RawNic, Text};
use crate::yaml::Spanned;

/// How a machine's links are arranged, beside its card and address. What a node says takes the place of
/// what its class says, key by key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawLinks {
    /// The largest packet of the link with the address, in bytes.
    #[schemars(range(min = 576, max = 65535), example = 9000)]
    pub mtu: Option<Spanned<u16>>,
    /// Further addresses of that link, with their networks.
    #[schemars(example = ["fd00:10::11/64"])]
    pub addresses: Option<Vec<Text>>,
    /// Further routes over that link.
    pub routes: Option<Vec<RawRoute>>,
    /// The node's card and others as one link, which then carries the address.
    pub bond: Option<RawBond>,
    /// The name of a bridge that the card or the bond is a port of, and which then carries the address.
    #[schemars(example = &"br0")]
    pub bridge: Option<Text>,
    /// VLANs on the link with the address.
    pub vlans: Option<Vec<RawVlan>>,
    /// Further cards.
    pub others: Option<Vec<RawLink>>,
}

/// A static route.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawRoute {
    /// The network that it leads to; everywhere unless you say otherwise.
    #[schemars(example = &"10.20.0.0/16")]
    pub to: Option<Text>,
    /// The router.
    #[schemars(required, example = &"192.168.1.2")]
    pub via: Option<Text>,
    /// The lower, the better.
    #[schemars(example = 2048)]
    pub metric: Option<Spanned<u32>>,
}

/// Several cards as one link.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawBond {
    /// The link's name; `bond0` unless you say otherwise.
    #[schemars(example = &"bond0")]
    pub name: Option<Text>,
    /// How the cards share the work.
    #[schemars(required, example = &"802.3ad")]
    pub mode: Option<Spanned<RawBondMode>>,
    /// The cards beside the node's own.
    #[serde(default)]
    #[schemars(required, length(min = 1, max = 16))]
    pub nics: Vec<Spanned<RawNic>>,
}

/// How the cards of a bond share the work, in the kernel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawBondMode {
    /// Packets go over one after another.
    BalanceRr,
    /// One works, the others wait.
    ActiveBackup,
    /// The addresses decide.
    BalanceXor,
    /// Every packet goes over all.
    Broadcast,
    /// The switch takes part (LACP).
    #[serde(rename = "802.3ad")]
    Lacp,
    /// The least loaded sends.
    BalanceTlb,
    /// The least loaded sends and receives.
    BalanceAlb,
}

/// A VLAN.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawVlan {
    /// Its number.
    #[schemars(required, range(min = 1, max = 4094), example = 20)]
    pub id: Option<Spanned<u16>>,
    /// The largest packet.
    #[schemars(range(min = 576, max = 65535), example = 1500)]
    pub mtu: Option<Spanned<u16>>,
    /// Its addresses, with their networks.
    #[serde(default)]
    #[schemars(example = ["192.168.20.11/24"])]
    pub addresses: Vec<Text>,
    /// Its routes.
    #[serde(default)]
    pub routes: Vec<RawRoute>,
    /// Whether it asks for an address.
    #[schemars(example = true)]
    pub dhcp: Option<Spanned<bool>>,
}

/// A further card.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawLink {
    /// The card.
    #[schemars(required)]
    pub nic: Option<Spanned<RawNic>>,
    /// The largest packet.
    #[schemars(range(min = 576, max = 65535), example = 9000)]
    pub mtu: Option<Spanned<u16>>,
    /// Its addresses, with their networks.
    #[serde(default)]
    #[schemars(example = ["10.10.10.11/24"])]
    pub addresses: Vec<Text>,
    /// Its routes.
    #[serde(default)]
    pub routes: Vec<RawRoute>,
    /// Whether it asks for an address.
    #[schemars(example = true)]
    pub dhcp: Option<Spanned<bool>>,
}
