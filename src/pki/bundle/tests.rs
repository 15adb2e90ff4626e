use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::problems as problems_of;
use super::*;
use crate::model::Secret;
use crate::pki::{SeededEntropy, TalosRole};
use crate::yaml;

const PUBLISHED: &str = include_str!("throwaway.yaml");

fn now() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().expect("a time")
}

fn problems(change: impl FnOnce(&mut SecretsBundle)) -> Vec<String> {
    let mut bundle = SecretsBundle::throwaway();
    change(&mut bundle);
    let problems = bundle.problems(now());
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_talosctl_wrote_is_read_and_written_back_unchanged() {
    let original = yaml::parse(PUBLISHED).expect("YAML");
    let written = yaml::parse(SecretsBundle::throwaway().to_yaml().expose()).expect("YAML");
    assert_eq!(written.to_string(), original.to_string());
}

#[test]
fn every_leaf_of_the_file_is_found_by_its_path() {
    fn leaves(prefix: &str, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let path = if prefix.is_empty() {
                        key.clone()
                    } else {
                        format!("{prefix}.{key}")
                    };
                    leaves(&path, value, found);
                }
            }
            other => found.push((prefix.to_owned(), other.as_str().expect("text").to_owned())),
        }
    }
    let mut expected = Vec::new();
    leaves("", &yaml::parse(PUBLISHED).expect("YAML"), &mut expected);
    assert_eq!(expected.len(), 14);
    let bundle = SecretsBundle::throwaway();
    for (path, value) in expected {
        assert_eq!(bundle.lookup(&path), Some(value.as_str()), "{path}");
    }
    assert_eq!(bundle.lookup("certs.os"), None);
}

#[test]
fn a_new_bundle_has_no_problem_and_survives_its_own_text() {
    let bundle = SecretsBundle::generate(now(), &mut SeededEntropy::new(3)).expect("makes one");
    assert_eq!(bundle.problems(now()).len(), 0);
    let read = SecretsBundle::parse(bundle.to_yaml().expose()).expect("reads its own text");
    assert_eq!(read.to_document(), bundle.to_document());
}

#[test]
fn the_published_bundle_has_no_problem() {
    assert_eq!(problems(|_| ()), Vec::<String>::new());
}

#[test]
fn every_way_to_spoil_a_bundle_is_found() {
    let secret = |text: &str| Secret::new(text.to_owned());
    assert_eq!(
        problems(|b| b.cluster.id.clear()),
        ["`cluster.id` is missing"]
    );
    assert_eq!(
        problems(|b| b.cluster.secret = secret("AAAA")),
        ["`cluster.secret` is not base64 of 32 bytes"]
    );
    assert_eq!(
        problems(|b| b.trustd_token = secret("short")),
        ["`trustdinfo.token` is not a token of the form `abcdef.0123456789abcdef`"]
    );
    assert_eq!(
        problems(|b| b.secrets.secretbox_encryption_secret = None),
        ["`secrets.secretboxencryptionsecret` is missing"]
    );
    assert_eq!(
        problems(|b| b.secrets.aescbc_encryption_secret = Some(secret("AAAA"))),
        [
            "`secrets.aescbcencryptionsecret` stands beside `secrets.secretboxencryptionsecret`, where one of the two \
             belongs"
        ]
    );
    assert_eq!(
        problems(|b| b.certificates.k8s.key = b.certificates.etcd.key.clone()),
        ["certificate and key in `certs.k8s` do not belong together"]
    );
    assert_eq!(
        problems(|b| b.certificates.k8s_service_account = secret("******")),
        ["`certs.k8sserviceaccount.key` is redacted (`******`)"]
    );
}

#[test]
fn keys_and_certificates_of_other_kinds_are_told_apart() {
    let encoded = |text: &str| STANDARD.encode(text);
    assert_eq!(
        problems(|b| b.certificates.k8s_service_account = b.certificates.os.key.clone()),
        ["`certs.k8sserviceaccount.key` is an Ed25519 key, with which Kubernetes signs no tokens"]
    );
    // A client's certificate in place of the authority's.
    let mut entropy = SeededEntropy::new(1);
    let client = SecretsBundle::throwaway()
        .talos_client(
            TalosRole::Admin,
            Duration::from_hours(24),
            now(),
            &mut entropy,
        )
        .expect("makes one");
    assert_eq!(
        problems(|b| {
            b.certificates.os.certificate = encoded(&client.certificate.pem());
            b.certificates.os.key = Secret::new(encoded(client.key.pem().expose()));
        })[0],
        "the certificate in `certs.os` is not a certificate authority"
    );
    assert_eq!(
        problems(|b| b.certificates.etcd.certificate = "no base64".to_owned()),
        ["`certs.etcd.crt` is not usable: expected base64 of a PEM block"]
    );
    assert_eq!(
        problems(|b| b.certificates.etcd.key = Secret::new(b.certificates.etcd.certificate.clone())),
        [
            "`certs.etcd.key` is not usable: unusable private key: expected a private key, found a PEM block labelled \
             `CERTIFICATE`"
        ]
    );
    // Talos reads the content as the label says.
    let relabelled = |b: &SecretsBundle| {
        let pem = STANDARD
            .decode(b.certificates.os.key.expose())
            .expect("base64");
        let pem = String::from_utf8(pem).expect("text");
        Secret::new(encoded(
            &pem.replace("ED25519 PRIVATE KEY", "RSA PRIVATE KEY"),
        ))
    };
    assert_eq!(
        problems(|b| b.certificates.os.key = relabelled(b)),
        [
            "`certs.os.key` is not usable: unusable private key: its content is not what the label `RSA PRIVATE KEY` \
             says"
        ]
    );
}

/// Its authorities hold from 2026-11-21T12:37:48Z until 2036-11-18T12:37:48Z.
#[test]
fn an_authority_out_of_its_time_is_named_with_its_date() {
    let said = |time: &str| {
        let time = time.parse().expect("a time");
        let problems = SecretsBundle::throwaway().problems(time);
        assert_eq!(problems.len(), 4, "{problems:?}");
        (problems[3].to_string(), problems[3].is_warning())
    };
    let ended = "the certificate in `certs.os` ended on 2036-11-18T12:37:48Z";
    assert_eq!(said("2036-11-18T12:37:49Z"), (ended.to_owned(), false));
    let not_yet = "the certificate in `certs.os` holds only from 2026-11-21T12:37:48Z on";
    assert_eq!(said("2026-11-21T12:37:47Z"), (not_yet.to_owned(), false));
    // 180 days before its end.
    let soon = "the certificate in `certs.os` ends on 2036-11-18T12:37:48Z";
    assert_eq!(said("2036-05-22T12:37:49Z"), (soon.to_owned(), true));
    let before = "2036-05-22T12:37:47Z".parse().expect("a time");
    assert_eq!(SecretsBundle::throwaway().problems(before), []);
}

#[test]
fn everything_is_found_at_once_and_the_names_can_be_read_without_the_values() {
    let document = json!({
        "cluster": {"id": "planted"}, "trustdinfo": {"token": ["planted"]},
        "certs": {"os": {"crt": "planted", "key": "planted"}},
    });
    let all: Vec<_> = problems_of(&document, now());
    let said: Vec<_> = all.iter().map(ToString::to_string).collect();
    assert!(!said.join("\n").contains("planted"), "{said:?}");
    let places: Vec<_> = all.iter().map(BundleProblem::path).collect();
    let lacking = [
        "cluster.secret",
        "secrets.bootstraptoken",
        "secrets.secretboxencryptionsecret",
        "trustdinfo.token",
        "certs.etcd.crt",
        "certs.etcd.key",
        "certs.k8s.crt",
        "certs.k8s.key",
        "certs.k8saggregator.crt",
        "certs.k8saggregator.key",
        "certs.k8sserviceaccount.key",
    ];
    let mut expected = lacking.to_vec();
    expected.splice(10..10, ["certs.os.crt", "certs.os.key"]);
    assert_eq!(places, expected);
    let missing: Vec<_> = missing(&document).iter().map(BundleProblem::path).collect();
    assert_eq!(missing, lacking);
}

#[test]
fn what_is_no_bundle_is_refused_without_quoting_it() {
    let refusal = |text: &str| match SecretsBundle::parse(text) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(refusal(""), "expected text at `cluster.id`");
    assert_eq!(refusal("[hidden]"), "expected text at `cluster.id`");
    assert_eq!(refusal("hidden: ["), "not YAML");
    assert_eq!(refusal("cluster: hidden"), "expected text at `cluster.id`");
    assert_eq!(
        refusal("cluster: {id: hidden, secret: {hidden: 1}}"),
        "expected text at `cluster.secret`"
    );
}
