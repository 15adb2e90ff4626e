//! What a field holds, as far as merging depends on it.

use std::collections::BTreeMap;

/// The fields of a document or of a group in it, by name.
pub(in crate::render::talos) type Fields = BTreeMap<&'static str, Field>;

/// One field.
#[derive(Debug)]
pub(in crate::render::talos) struct Field {
    /// What it holds.
    pub(in crate::render::talos) shape: Shape,
    /// A patch replaces it as a whole.
    pub(in crate::render::talos) is_replaced: bool,
    /// How its entries are found, when it is a list.
    pub(in crate::render::talos) list: ListRule,
    /// Talos has it since 1.14 only.
    pub(in crate::render::talos) is_new: bool,
    /// What is below it: the fields of a group, or of each entry of a list or mapping of groups.
    pub(in crate::render::talos) fields: Fields,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::render::talos) enum Shape {
    /// Text, or something written as one.
    Text,
    /// An address, written as text.
    Address(Address),
    /// Bytes, written as text, which an empty text overwrites as well.
    Bytes,
    /// A word; this one counts as nothing.
    Word(&'static str),
    /// A length of time.
    Duration,
    /// A number.
    Number {
        /// Whether zero is a value.
        zero_counts: bool,
        /// Of how many bits it is, without a sign; with a sign where that is not said.
        bits: Option<u32>,
    },
    /// True or false.
    Flag,
    /// Text that a patch overwrites even when it does not mention it.
    Anew,
    /// A size in bytes or percent.
    Size,
    /// A URL, merged part by part.
    Url,
    /// Something that Talos cannot merge.
    Fixed {
        /// Whether it may be absent; then only two values cannot be merged.
        optional: bool,
    },
    /// A certificate, a key, or both, by these keys.
    Pem(&'static [&'static str]),
    /// Another program's settings.
    Free,
    /// Arguments of a program.
    Arguments,
    /// Fields.
    Group {
        /// Whether it may be absent as a whole.
        optional: bool,
    },
    /// A list.
    List(Box<Shape>),
    /// A mapping of names.
    Map(Box<Shape>),
}

/// What an address has beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render::talos) enum Address {
    /// Nothing.
    Plain,
    /// The length of its network.
    Network,
    /// A port.
    Socket,
}

/// What happens to an entry of a list that the patch has too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::render::talos) enum ListRule {
    /// Entries are never the same: the patch's are added.
    #[default]
    Append,
    /// Entries with an equal key, the first of these that the patch's entry has, are merged.
    MergeBy(Vec<&'static str>),
    /// An entry with an equal key is replaced.
    ReplaceBy(&'static str),
}
