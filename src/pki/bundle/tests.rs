use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::model::Secret;
use crate::pki::SeededEntropy;
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
    assert_eq!(
        problems(|b| b.cluster.id.clear()),
        ["`cluster.id` is empty"]
    );
    assert_eq!(
        problems(|b| b.cluster.secret = Secret::new("AAAA".to_owned())),
        ["`cluster.secret` is not base64 of 32 bytes"]
    );
    assert_eq!(
        problems(|b| b.trustd_token = Secret::new("short".to_owned())),
        ["`trustdinfo.token` is not a token of the form `abcdef.0123456789abcdef`"]
    );
    assert_eq!(
        problems(|b| b.secrets.secretbox_encryption_secret = None),
        [
            "expected exactly one of `secrets.secretboxencryptionsecret` and `secrets.aescbcencryptionsecret`"
        ]
    );
    assert_eq!(
        problems(|b| b.certificates.k8s.key = b.certificates.etcd.key.clone()),
        ["certificate and key in `certs.k8s` do not belong together"]
    );
    assert_eq!(
        problems(|b| b.certificates.k8s_service_account = Secret::new("******".to_owned())),
        ["`certs.k8sserviceaccount.key` is not usable"]
    );
}

#[test]
fn an_authority_out_of_its_time_is_named_with_its_dates() {
    let late = "2037-01-01T00:00:00Z".parse().expect("a time");
    let problems = SecretsBundle::throwaway().problems(late);
    assert_eq!(problems.len(), 4);
    assert_eq!(
        problems[3].to_string(),
        "the certificate in `certs.os` holds from 2026-11-21T12:37:48Z until 2036-11-18T12:37:48Z, not now"
    );
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
