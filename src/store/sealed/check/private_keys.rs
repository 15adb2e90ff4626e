//! Private keys in the clear, in any bytes: age, post-quantum age, SSH, PEM and OpenPGP, also where
//! a PEM block is base64 within another document, as Talos configurations and Kubernetes Secrets hold it.
//!
//! What only names such a key is none: a header must be followed by a body.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::bytes::Regex;

/// A private key that was found. What it is, not what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey {
    /// The kind, for people.
    pub kind: String,
    /// The line it begins on, counted from 1.
    pub line: usize,
}

/// How the three forms begin.
static BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    let age = r"(?i-u:AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{50,})";
    let pem = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----";
    let encoded = r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{100,}";
    Regex::new(&format!("{age}|{pem}|{encoded}")).expect("it is a constant")
});

/// The body of a PEM block, however it is quoted.
static BODY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("[A-Za-z0-9+/]{40}").expect("it is a constant"));

/// How far after a header its body begins, headers of the block included.
const REACH: usize = 512;

/// Finds the private keys in a text or in any other bytes.
pub fn private_keys(bytes: &[u8]) -> Vec<PrivateKey> {
    let mut line = 1;
    let mut counted = 0;
    let mut found = Vec::new();
    for begin in BEGIN.find_iter(bytes) {
        if let Some(kind) = kind(begin.as_bytes(), &bytes[begin.end()..]) {
            line += newlines(&bytes[counted..begin.start()]);
            counted = begin.start();
            found.push(PrivateKey { kind, line });
        }
    }
    found
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn kind(begin: &[u8], rest: &[u8]) -> Option<String> {
    if begin.starts_with(b"-----BEGIN ") {
        return has_body(rest).then(|| pem_kind(begin));
    }
    if begin.starts_with(b"LS0t") {
        return encoded_kind(begin);
    }
    let is_hybrid = begin
        .get(15..18)
        .is_some_and(|part| part.eq_ignore_ascii_case(b"PQ-"));
    Some(if is_hybrid {
        "post-quantum age identity".to_owned()
    } else {
        "age identity".to_owned()
    })
}

fn has_body(rest: &[u8]) -> bool {
    let window = &rest[..rest.len().min(REACH)];
    let end = window
        .windows(8)
        .position(|part| part == b"-----END")
        .unwrap_or(window.len());
    BODY.is_match(&window[..end])
}

fn pem_kind(header: &[u8]) -> String {
    let text = String::from_utf8_lossy(header);
    let label = text
        .trim_start_matches("-----BEGIN ")
        .trim_end_matches('-')
        .trim_end_matches(" BLOCK")
        .trim_end_matches("PRIVATE KEY")
        .trim_end();
    match label {
        "" => "private key (PEM)".to_owned(),
        "OPENSSH" => "SSH private key".to_owned(),
        "PGP" => "OpenPGP private key".to_owned(),
        label => format!("{label} private key (PEM)"),
    }
}

/// The kind of a PEM block that is base64 itself.
fn encoded_kind(text: &[u8]) -> Option<String> {
    let decoded = STANDARD_NO_PAD.decode(&text[..96]).ok()?;
    let text = String::from_utf8_lossy(&decoded);
    let (header, _) = text.split_once('\n')?;
    header
        .ends_with("PRIVATE KEY-----")
        .then(|| format!("{} in base64", pem_kind(header.as_bytes())))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Bodies are made here, so that no scanner takes this file for a leak.
    fn body() -> String {
        "QUJD".repeat(16)
    }

    fn pem(label: &str) -> String {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            body()
        )
    }

    fn kinds(text: &str) -> Vec<(String, usize)> {
        let found = private_keys(text.as_bytes()).into_iter();
        found.map(|key| (key.kind, key.line)).collect()
    }

    fn one(kind: &str, line: usize) -> Vec<(String, usize)> {
        vec![(kind.to_owned(), line)]
    }

    #[test]
    fn every_kind_is_found_on_its_line() {
        let age = format!("# mine\nkey: AGE-SECRET-KEY-1{}\n", "QPZRY9X8GF".repeat(6));
        assert_eq!(kinds(&age), one("age identity", 2));
        assert_eq!(kinds(&age.to_lowercase()), one("age identity", 2));
        let hybrid = format!("\n\nAGE-SECRET-KEY-PQ-1{}", "QPZRY9X8GF".repeat(6));
        assert_eq!(kinds(&hybrid), one("post-quantum age identity", 3));
        for (label, kind) in [
            ("OPENSSH PRIVATE KEY", "SSH private key"),
            ("PRIVATE KEY", "private key (PEM)"),
            ("RSA PRIVATE KEY", "RSA private key (PEM)"),
            ("ED25519 PRIVATE KEY", "ED25519 private key (PEM)"),
            ("ENCRYPTED PRIVATE KEY", "ENCRYPTED private key (PEM)"),
            ("PGP PRIVATE KEY BLOCK", "OpenPGP private key"),
        ] {
            assert_eq!(kinds(&pem(label)), one(kind, 1), "{label}");
        }
        let both = format!("{age}{}", pem("EC PRIVATE KEY"));
        assert_eq!(kinds(&both).len(), 2);
        assert_eq!(kinds(&both)[1], ("EC private key (PEM)".to_owned(), 3));
    }

    #[test]
    fn quoting_hides_nothing() {
        let escaped = pem("RSA PRIVATE KEY").replace('\n', "\\n");
        assert_eq!(kinds(&format!("{{\"key\": \"{escaped}\"}}")).len(), 1);
        let indented = pem("PRIVATE KEY").replace('\n', "\n    ");
        assert_eq!(kinds(&format!("key: |\n    {indented}")).len(), 1);
        let headers = pem("RSA PRIVATE KEY").replacen('\n', "\nProc-Type: 4,ENCRYPTED\n\n", 1);
        assert_eq!(kinds(&headers).len(), 1);
        let encoded = STANDARD.encode(pem("ED25519 PRIVATE KEY"));
        let found = kinds(&format!("certs:\n  os:\n    key: {encoded}\n"));
        assert_eq!(found, one("ED25519 private key (PEM) in base64", 3));
    }

    #[test]
    fn what_is_public_or_only_a_name_is_none() {
        let public = STANDARD.encode(pem("CERTIFICATE"));
        for text in [
            "AGE-SECRET-KEY-1…".to_owned(),
            "starts_with(\"-----BEGIN OPENSSH PRIVATE KEY-----\")".to_owned(),
            "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----".to_owned(),
            pem("CERTIFICATE"),
            pem("PUBLIC KEY"),
            pem("PGP PUBLIC KEY BLOCK"),
            public,
            format!("age1{}", "qpzry9x8gf".repeat(6)),
        ] {
            assert_eq!(kinds(&text), [], "{text}");
        }
    }
}
