//! The textual encoding of RFC 7468, with whatever label.
//!
//! Talos labels Ed25519 keys `ED25519 PRIVATE KEY`, which common PEM readers pass over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One block: its label and its content.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Encodes one block, with a final newline.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    text.push_str(&["-----END ", label, "-----\n"].concat());
    text
}

/// Decodes the first block of a text.
pub(super) fn decode(text: &str) -> Option<Block> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let compact: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let der = STANDARD.decode(compact.as_bytes()).ok()?;
    Some(Block {
        label: label.to_owned(),
        der: Zeroizing::new(der),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_every_length_around_a_line() {
        for length in 0..100 {
            let der = vec![0xa5; length];
            let block = decode(&encode("ED25519 PRIVATE KEY", &der)).expect("just encoded");
            assert_eq!(
                (block.label.as_str(), &*block.der),
                ("ED25519 PRIVATE KEY", &der)
            );
        }
    }

    #[test]
    fn refuses_what_is_no_block() {
        for text in [
            "",
            "-----BEGIN A-----\nAA==\n-----END B-----\n",
            "-----BEGIN A-----\n!\n-----END A-----\n",
        ] {
            assert!(decode(text).is_none(), "{text:?}");
        }
    }
}
