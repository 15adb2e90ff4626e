//! From bytes to a tree and back, by format.

use zeroize::Zeroizing;

use crate::format::Format;
use crate::layout::Layout;
use crate::parse_error::{ParseError, utf8};
use crate::tree::Tree;
use crate::{binary, dotenv, ini, json, yaml};

/// Reads a plain document. An empty file is one in dotenv, INI and binary, as for `sops`.
pub(crate) fn load_plain(format: Format, bytes: &[u8]) -> Result<Tree, ParseError> {
    match format {
        Format::Binary => Ok(binary::load(bytes)),
        _ => load_encrypted(format, bytes),
    }
}

/// Reads an encrypted document; its metadata is part of the tree.
pub(crate) fn load_encrypted(format: Format, bytes: &[u8]) -> Result<Tree, ParseError> {
    let text = utf8(bytes)?;
    match format {
        Format::Yaml => yaml::load(text),
        Format::Json | Format::Binary => json::load(text),
        Format::Dotenv => dotenv::load(text),
        Format::Ini => ini::load(text),
    }
}

/// Prints a plain document that fits its format.
pub(crate) fn emit_plain(format: Format, tree: &Tree, layout: Layout) -> Zeroizing<Vec<u8>> {
    match format {
        Format::Yaml => into_bytes(yaml::emit(tree, layout.yaml())),
        Format::Json => into_bytes(json::emit(tree, layout.json())),
        Format::Dotenv => dotenv::emit(tree),
        Format::Ini => ini::emit(tree),
        Format::Binary => binary::emit(tree),
    }
}

/// Prints an encrypted document with its metadata.
pub(crate) fn emit_encrypted(format: Format, tree: &Tree, layout: Layout) -> Zeroizing<Vec<u8>> {
    match format {
        Format::Binary => into_bytes(json::emit(tree, layout.binary())),
        _ => emit_plain(format, tree, layout),
    }
}

fn into_bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}
