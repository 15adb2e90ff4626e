//! What a certificate says, read with a library that the program does not make certificates with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer as _;

/// The text behind Base64.
pub fn decoded(value: &Value) -> String {
    let bytes = STANDARD
        .decode(value.as_str().expect("text"))
        .expect("Base64");
    String::from_utf8(bytes).expect("UTF-8")
}

/// Base64 of a text.
pub fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// The label of a key's PEM block and the length of its content, rounded: numbers in it may be a byte shorter.
pub fn key_label(value: &Value) -> (String, usize) {
    let text = decoded(value);
    let (_, block) = parse_x509_pem(text.as_bytes()).expect("PEM");
    assert_layout(&text, &block.label);
    (block.label, (block.contents.len() + 40) / 100)
}

/// Everything that a certificate says beside its key, its signature and the moment it was made: a line for each
/// field. The order of extensions means nothing. The issuer is the certificate that signed it.
pub fn description(certificate: &str, issuer: &str) -> Vec<String> {
    let (_, block) = parse_x509_pem(certificate.as_bytes()).expect("PEM");
    assert_layout(certificate, &block.label);
    let (_, issuer) = parse_x509_pem(issuer.as_bytes()).expect("PEM");
    let (_, certificate) = X509Certificate::from_der(&block.contents).expect("a certificate");
    let (_, issuer) = X509Certificate::from_der(&issuer.contents).expect("a certificate");
    assert_eq!(certificate.issuer().as_raw(), issuer.subject().as_raw());
    let serial = certificate.raw_serial();
    // Positive, below 2^128, and no counter.
    assert!(
        (8..=17).contains(&serial.len()) && serial[0] < 0x80,
        "{serial:x?}"
    );
    let validity = certificate.validity();
    let length = validity.not_after.timestamp() - validity.not_before.timestamp();
    let key = certificate.public_key();
    let mut lines = vec![
        format!("label {}", block.label),
        format!("version {:?}", certificate.version()),
        format!("issuer {:x?}", certificate.issuer().as_raw()),
        format!("subject {:x?}", certificate.subject().as_raw()),
        format!("holds for {length} s"),
        format!(
            "key {} {:?}",
            key.algorithm.algorithm, key.algorithm.parameters
        ),
        format!("signature {:?}", certificate.signature_algorithm),
        format!(
            "signature inside {:?}",
            certificate.tbs_certificate.signature
        ),
        format!(
            "unique ids {:?} {:?}",
            certificate.issuer_uid, certificate.subject_uid
        ),
    ];
    let own_key = issuer
        .extensions()
        .iter()
        .find_map(|it| match it.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
    let fields = lines.len();
    for extension in certificate.extensions() {
        let content = match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => {
                format!("subject key of {} bytes", id.0.len())
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                let found = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                assert_eq!(found, own_key, "it names its issuer's key");
                format!(
                    "authority key, {:?} {:?}",
                    id.authority_cert_issuer, id.authority_cert_serial
                )
            }
            _ => format!("{} {:x?}", extension.oid, extension.value),
        };
        lines.push(format!("{content}, critical: {}", extension.critical));
    }
    lines[fields..].sort();
    lines
}

/// Lines of 64 characters, and a newline at the end, as Go writes them.
fn assert_layout(text: &str, label: &str) {
    assert!(text.starts_with(&format!("-----BEGIN {label}-----\n")));
    assert!(text.ends_with(&format!("-----END {label}-----\n")));
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    let (last, others) = lines.split_last().expect("there is content");
    assert!(others.iter().all(|line| line.len() == 64) && last.len() <= 64);
}
