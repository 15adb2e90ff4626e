//! The secrets bundle and the clients made from it, judged by Talos' own library and `talosctl`.

use std::time::Duration;

use homelab::pki::{self, SecretsBundle, SystemEntropy, TalosRole};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Case, Oracle, TestEnv, oracle, realparts, x509};

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
        let entries = context.as_object().expect("a mapping");
        let names: Vec<_> = entries.keys().cloned().collect();
        let authority = context["ca"].clone();
        let certificate = x509::decoded(&context["crt"]);
        let lines = x509::description(&certificate, &x509::decoded(&authority));
        let (time, rest): (Vec<_>, Vec<_>) = lines
            .into_iter()
            .partition(|line| line.starts_with("holds for"));
        (
            names,
            authority,
            x509::key_label(&context["key"]),
            rest,
            time,
        )
    };
    let (ours, real) = (described(&ours[0]), described(&real[0]));
    assert_eq!(
        (&ours.0, &ours.1, &ours.2, &ours.3),
        (&real.0, &real.1, &real.2, &real.3)
    );
    // A year; ours begins five minutes earlier, for machines whose clock is behind.
    assert_eq!(real.4, ["holds for 31536000 s"]);
    assert_eq!(ours.4, ["holds for 31536300 s"]);
}
