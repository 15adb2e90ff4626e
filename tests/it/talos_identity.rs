//! The secrets bundle and the clients made from it, judged by Talos' own library and `talosctl`.

use std::time::Duration;

use homelab::pki::{self, SecretsBundle, SystemEntropy, TalosRole};
use jiff::Timestamp;
use serde_json::{Value, json};
use x509_parser::pem::parse_x509_pem;

use crate::support::{Case, Oracle, TestEnv, oracle, realparts};

pub fn tests() -> Vec<Case> {
    let oracle = |name, body: fn()| Case::new(name, body).parts(&["talos-oracle"]);
    let talosctl = |name, body: fn()| Case::new(name, body).parts(&["talosctl"]);
    vec![
        oracle(
            "a_new_bundle_is_accepted_and_written_back_equal",
            a_new_bundle_is_accepted_and_written_back_equal,
        ),
        oracle(
            "client_certificate_equals_the_real_one",
            client_certificate_equals_the_real_one,
        ),
        talosctl(
            "talosctl_generates_from_a_new_bundle",
            talosctl_generates_from_a_new_bundle,
        ),
        talosctl(
            "talosctl_reads_the_talosconfig",
            talosctl_reads_the_talosconfig,
        ),
    ]
}

fn new_bundle() -> SecretsBundle {
    SecretsBundle::generate(Timestamp::now(), &mut SystemEntropy).expect("makes one")
}

fn a_new_bundle_is_accepted_and_written_back_equal() {
    let ours = new_bundle().to_yaml();
    let answer = Oracle::start().ask("secrets", json!({"secrets": ours.expose()}));
    let theirs = oracle::documents(answer.file("secrets.yaml"));
    assert!(
        theirs == oracle::documents(ours.expose()),
        "the bundle changed"
    );
}

fn talosctl_generates_from_a_new_bundle() {
    let env = TestEnv::new();
    env.write("secrets.yaml", new_bundle().to_yaml().expose());
    env.program(
        realparts::program("talosctl", "talosctl"),
        [
            "gen",
            "config",
            "x",
            "https://10.0.0.1:6443",
            "--with-secrets",
            "secrets.yaml",
            "-o",
            "out",
        ],
    )
    .run()
    .success();
    assert!(env.has("out/controlplane.yaml"));
}

fn talosctl_reads_the_talosconfig() {
    let env = TestEnv::new();
    let lifetime = Duration::from_hours(1);
    let client = SecretsBundle::throwaway()
        .talos_client(
            TalosRole::Admin,
            lifetime,
            Timestamp::now(),
            &mut SystemEntropy,
        )
        .expect("makes one");
    let endpoints = ["192.168.1.101".to_owned()];
    let config = pki::talosconfig(
        "homelab",
        &endpoints,
        &["192.168.1.102".to_owned()],
        &client,
    );
    env.write("talosconfig", config.expose());
    let info = env
        .program(
            realparts::program("talosctl", "talosctl"),
            [
                "--talosconfig",
                "talosconfig",
                "config",
                "info",
                "--output",
                "json",
            ],
        )
        .run()
        .success();
    let info: Value = serde_json::from_str(&info.stdout).expect("JSON");
    let expected = json!([
        "homelab",
        ["192.168.1.101"],
        ["192.168.1.102"],
        ["os:admin"]
    ]);
    let seen = json!([
        info["context"],
        info["endpoints"],
        info["nodes"],
        info["roles"]
    ]);
    assert_eq!(seen, expected, "{info}");
}

fn client_certificate_equals_the_real_one() {
    let question = json!({
        "secrets": SecretsBundle::throwaway().to_yaml().expose(),
        "cluster": "homelab",
        "endpoint": "https://10.0.0.1:6443",
    });
    let answer = Oracle::start().ask("config", question);
    let real = oracle::documents(answer.file("talosconfig"));
    let year = Duration::from_hours(8_760);
    let client = SecretsBundle::throwaway()
        .talos_client(TalosRole::Admin, year, Timestamp::now(), &mut SystemEntropy)
        .expect("makes one");
    let ours = pki::talosconfig("homelab", &[], &[], &client);
    let ours = oracle::documents(ours.expose());
    let described = |config: &Value| {
        let context = &config["contexts"]["homelab"];
        let keys: Vec<_> = context
            .as_object()
            .expect("a mapping")
            .keys()
            .cloned()
            .collect();
        (
            keys,
            context["ca"].clone(),
            described(context["crt"].as_str().expect("text")),
        )
    };
    assert_eq!(described(&ours[0]), described(&real[0]));
}

/// What a certificate says, but for serial number, key, signature and dates.
fn described(encoded: &str) -> Vec<String> {
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .expect("base64");
    let (_, pem) = parse_x509_pem(&pem).expect("PEM");
    let certificate = pem.parse_x509().expect("a certificate");
    let mut extensions: Vec<_> = certificate
        .extensions()
        .iter()
        .map(|extension| {
            format!(
                "{} {} {:x?}",
                extension.oid, extension.critical, extension.value
            )
        })
        .collect();
    extensions.sort();
    extensions.push(format!("{:x?}", certificate.issuer().as_raw()));
    extensions.push(format!("{:x?}", certificate.subject().as_raw()));
    extensions.push(certificate.signature_algorithm.algorithm.to_string());
    extensions
}
