use x509_parser::extensions::ParsedExtension;

use super::*;
use crate::pki::{SecretsBundle, SeededEntropy, TalosRole};

fn now() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().expect("a time")
}

/// Everything about a certificate but its serial number, key and signature, as lines.
fn description(certificate: &Certificate) -> String {
    let parsed = certificate.parsed();
    let mut lines = vec![
        format!("algorithm {}", parsed.signature_algorithm.algorithm),
        format!("issuer {}", parsed.issuer()),
        format!("subject {}", parsed.subject()),
    ];
    for extension in parsed.extensions() {
        let content = match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => format!("key usage {usage}"),
            ParsedExtension::ExtendedKeyUsage(usage) => format!(
                "extended key usage client={} server={} any={} other={:?}",
                usage.client_auth, usage.server_auth, usage.any, usage.other
            ),
            ParsedExtension::BasicConstraints(constraints) => {
                format!(
                    "authority {} {:?}",
                    constraints.ca, constraints.path_len_constraint
                )
            }
            ParsedExtension::SubjectKeyIdentifier(id) => {
                format!("subject key of {} bytes", id.0.len())
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                format!(
                    "authority key {:?}",
                    id.key_identifier.as_ref().map(|id| id.0.len())
                )
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                format!("names {:?}", names.general_names)
            }
            other => format!("{other:?}"),
        };
        lines.push(format!("{content} (critical: {})", extension.critical));
    }
    lines[3..].sort();
    lines.join("\n")
}

#[test]
fn authorities_are_described_like_those_that_talosctl_made() {
    let real = SecretsBundle::throwaway().certificates;
    let ours = SecretsBundle::generate(now(), &mut SeededEntropy::new(1))
        .expect("makes one")
        .certificates;
    for (name, real, ours) in [
        ("etcd", real.etcd, ours.etcd),
        ("k8s", real.k8s, ours.k8s),
        ("k8saggregator", real.k8s_aggregator, ours.k8s_aggregator),
        ("os", real.os, ours.os),
    ] {
        let real = real.decode_certificate().expect("readable");
        let ours = ours.decode_certificate().expect("readable");
        assert_eq!(description(&ours), description(&real), "{name}");
        let lifetime = |certificate: &Certificate| {
            let validity = certificate.validity();
            validity.until.as_second() - validity.from.as_second()
        };
        assert_eq!(lifetime(&ours), lifetime(&real), "{name}");
        assert_eq!(ours.validity().from, now(), "{name}");
    }
}

#[test]
fn a_talos_client_is_good_for_nothing_else() {
    let client = SecretsBundle::throwaway()
        .talos_client(
            TalosRole::Admin,
            Duration::from_hours(1),
            now(),
            &mut SeededEntropy::new(1),
        )
        .expect("makes one");
    insta::assert_snapshot!(description(&client.certificate), @r"
    algorithm 1.3.101.112
    issuer O=talos
    subject O=os:admin
    authority key Some(20) (critical: false)
    extended key usage client=true server=false any=false other=[] (critical: false)
    key usage Digital Signature (critical: true)
    ");
    let validity = client.certificate.validity();
    assert_eq!(validity.from.to_string(), "2026-12-31T23:55:00Z");
    assert_eq!(validity.until.to_string(), "2027-01-01T01:00:00Z");
    assert_eq!(client.certificate.public_key(), client.key.public_key());
}

#[test]
fn a_kubernetes_administrator_is_one_as_talos_makes_them() {
    let client = SecretsBundle::throwaway()
        .kubernetes_admin(Duration::from_hours(1), now(), &mut SeededEntropy::new(1))
        .expect("makes one");
    insta::assert_snapshot!(description(&client.certificate), @r"
    algorithm 1.2.840.10045.4.3.2
    issuer O=kubernetes
    subject O=system:masters, CN=admin
    authority key Some(20) (critical: false)
    extended key usage client=true server=false any=false other=[] (critical: false)
    key usage Digital Signature, Key Encipherment (critical: true)
    ");
}

#[test]
fn a_server_carries_its_names() {
    let authority = SecretsBundle::throwaway()
        .talos_authority()
        .expect("usable");
    let mut entropy = SeededEntropy::new(1);
    let key = PrivateKey::generate(KeyKind::Ed25519, &mut entropy).expect("makes one");
    let leaf = Leaf {
        subject: Subject {
            organization: None,
            common_name: Some("talos-1".to_owned()),
        },
        purpose: Purpose::TalosServer,
        names: vec![
            "talos-1".to_owned(),
            "192.168.1.101".to_owned(),
            "fd00::1".to_owned(),
        ],
        validity: Validity::around(now(), Duration::from_hours(24)),
    };
    let certificate = authority.issue(&leaf, &key, &mut entropy).expect("signs");
    insta::assert_snapshot!(description(&certificate), @r#"
    algorithm 1.3.101.112
    issuer O=talos
    subject CN=talos-1
    authority key Some(20) (critical: false)
    extended key usage client=false server=true any=false other=[] (critical: false)
    key usage Digital Signature (critical: true)
    names [DNSName("talos-1"), IPAddress([192, 168, 1, 101]), IPAddress([253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])] (critical: false)
    "#);
}

#[test]
fn the_same_entropy_gives_the_same_talos_client() {
    let client = || {
        let mut entropy = SeededEntropy::new(9);
        let lifetime = Duration::from_mins(1);
        SecretsBundle::throwaway()
            .talos_client(TalosRole::Reader, lifetime, now(), &mut entropy)
            .expect("makes one")
    };
    assert_eq!(client().certificate, client().certificate);
}

#[test]
fn names_that_cannot_stand_in_a_certificate_are_refused() {
    let subject = Subject {
        organization: Some("ö".to_owned()),
        common_name: None,
    };
    let made = CertificateAuthority::generate(
        &subject,
        KeyKind::Ed25519,
        now(),
        &mut SeededEntropy::new(1),
    );
    assert!(matches!(made, Err(CertificateError::Name(name)) if name == "ö"));
}
