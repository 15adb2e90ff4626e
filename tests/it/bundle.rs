//! A secrets bundle that makes no cluster is found before anything happens: file, line, entry, remedy.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use homelab::pki::bundle::EncodedPair;
use homelab::pki::{CertificateAuthority, KeyKind, SecretsBundle, Subject, SystemEntropy};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Case, Planted, TestEnv, cases};

const BUNDLE: &str = "infrastructure/talos/secrets.sops.yaml";
const NOTE: &str = ".homelab/state/cluster.json";

pub fn tests() -> Vec<Case> {
    cases![
        a_bundle_that_makes_no_cluster_stops_every_command,
        without_a_key_only_what_lacks_is_found,
        an_authority_that_ends_soon_is_a_warning,
        another_clusters_bundle_is_told_from_the_one_that_is_known,
        a_check_names_file_and_line,
    ]
}

/// A repository whose cluster has the published bundle, changed like this.
fn repository(change: impl FnOnce(&mut SecretsBundle)) -> (TestEnv, Planted) {
    let env = TestEnv::new();
    env.homelab(["init", "--preset", "one-node", "--name", "demo"])
        .run()
        .success();
    let mut bundle = SecretsBundle::throwaway();
    change(&mut bundle);
    let mut planted = Planted::new();
    for path in [
        "cluster.secret",
        "secrets.bootstraptoken",
        "secrets.secretboxencryptionsecret",
        "certs.os.key",
        "certs.k8s.key",
        "certs.k8sserviceaccount.key",
    ] {
        if let Some(secret) = bundle.lookup(path) {
            planted.plant(path, secret);
        }
    }
    seal(&env, bundle.to_yaml().expose());
    (env, planted)
}

fn seal(env: &TestEnv, text: &str) {
    env.write(BUNDLE, text);
    env.homelab(["secrets", "encrypt", BUNDLE]).run().success();
}

/// An authority of Talos' kind that holds for ten years from so many days ago.
fn authority(days_ago: u64) -> EncodedPair {
    let begin = Timestamp::now() - Duration::from_hours(24 * days_ago);
    let subject = Subject {
        organization: Some("talos".to_owned()),
        common_name: None,
    };
    let made =
        CertificateAuthority::generate(&subject, KeyKind::Ed25519, begin, &mut SystemEntropy);
    EncodedPair::new(&made.expect("makes one"))
}

fn a_bundle_that_makes_no_cluster_stops_every_command() {
    let (env, planted) = repository(|bundle| {
        bundle.certificates.os = authority(3651);
        bundle.certificates.k8s.key = bundle.certificates.etcd.key.clone();
        bundle.trustd_token = String::new().into();
    });
    let file = "infrastructure/talos/controlplane/talos-1.yaml";
    std::fs::remove_file(env.root().join(file)).expect("it was rendered");
    let said = env.homelab(["render"]).run().expect_code(6);
    planted.absent_from(&said);
    assert!(!env.has(file), "nothing is written");
    let lines: Vec<_> = said
        .stderr
        .lines()
        .filter(|line| !line.contains("warning"))
        .collect();
    let until = Timestamp::now() - Duration::from_hours(24);
    let day = until.strftime("%Y-%m-%d").to_string();
    let shown = lines.join("\n").replace(&day, "YESTERDAY");
    let time = regex::Regex::new(r"T\d\d:\d\d:\d\dZ").expect("a pattern");
    insta::assert_snapshot!(time.replace_all(&shown, ""), @"
    error: the secrets bundle makes no cluster: 3 things are wrong
      - infrastructure/talos/secrets.sops.yaml:8: `trustdinfo.token` is missing
        take `trustdinfo.token` from a backup or from Git's history of the file; or move the file away and recover it from a control plane: `homelab secrets init --from-controlplane-config FILE`
      - infrastructure/talos/secrets.sops.yaml:13: certificate and key in `certs.k8s` do not belong together
        take `certs.k8s` from a backup or from Git's history of the file; or move the file away and recover it from a control plane: `homelab secrets init --from-controlplane-config FILE`
      - infrastructure/talos/secrets.sops.yaml:21: the certificate in `certs.os` ended on YESTERDAY
        rotate the authority on the machines (`talosctl rotate-ca`), then put the new one into the file: `homelab secrets edit infrastructure/talos/secrets.sops.yaml`
    ");
    for command in [
        &["plan"] as &[&str],
        &["bootstrap", "--yes"],
        &["status"],
        &["diff", "talos-1", "homelab.yaml"],
        &["nodes", "config", "talos-1"],
        &["talosconfig", "--file", "config"],
        &["kubeconfig", "--file", "config"],
    ] {
        let other = env.homelab(command).run().expect_code(6);
        assert!(
            other.stderr.contains("3 things are wrong"),
            "{command:?}: {}",
            other.stderr
        );
        planted.absent_from(&other);
    }
    assert!(!env.has("config"));
}

/// Names can be read in an encrypted file, values cannot.
fn without_a_key_only_what_lacks_is_found() {
    let (env, _) = repository(|bundle| bundle.certificates.os = authority(3651));
    std::fs::remove_file(env.root().join(".sops/age.key")).expect("it was made");
    env.homelab(["render"]).run().success();
    let text = env.read(BUNDLE);
    let line = text
        .lines()
        .position(|line| line.trim_start().starts_with("token: "))
        .expect("there is one");
    let without = text.lines().enumerate().filter(|(index, _)| *index != line);
    let without: Vec<_> = without.map(|(_, line)| line).collect();
    env.write(BUNDLE, without.join("\n"));
    let said = env.homelab(["render", "--check"]).run().expect_code(6);
    let place = format!("{BUNDLE}:{line}: `trustdinfo.token` is missing");
    assert!(said.stderr.contains(&place), "{place}: {}", said.stderr);
}

fn an_authority_that_ends_soon_is_a_warning() {
    let (env, planted) = repository(|bundle| bundle.certificates.os = authority(3600));
    let said = env.homelab(["render"]).run().success();
    assert!(
        said.stderr
            .contains("the certificate in `certs.os` ends on"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("talosctl rotate-ca"),
        "{}",
        said.stderr
    );
    planted.absent_from(&said);
}

fn another_clusters_bundle_is_told_from_the_one_that_is_known() {
    let (env, _) = repository(|_| ());
    // The SHA-256 of the published identity, by `sha256sum`.
    let known = "{\"identity\": \"kwsQT2QmCEP7rW2DITbBUSm7WJSfvfevyXneBxdudLU=\"}";
    env.write(NOTE, known);
    env.homelab(["render"]).run().success();
    let (env, planted) = repository(|bundle| {
        bundle.cluster.id = STANDARD.encode([7; 32]);
    });
    env.write(NOTE, known);
    let said = env.homelab(["render"]).run().expect_code(6);
    planted.absent_from(&said);
    insta::assert_snapshot!(said.stderr, @"
    error: infrastructure/talos/secrets.sops.yaml:2: `cluster.id` is another cluster's than the one that this repository is known to run
    hint: take this cluster's own bundle from a backup or from Git's history; for a new cluster in this repository remove `.homelab/state/cluster.json`
    ");
    env.write(NOTE, "{");
    env.homelab(["render"]).run().expect_code(1);
}

fn a_check_names_file_and_line() {
    let (env, _) = repository(|bundle| {
        bundle.certificates.os = authority(3600);
        bundle.cluster.secret = "planted-and-no-base64".to_owned().into();
    });
    let said = env
        .homelab(["secrets", "check", "--output", "json", BUNDLE])
        .run()
        .expect_code(4);
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let text = env.read(BUNDLE);
    let line = |start: &str| {
        text.lines()
            .position(|line| line.trim_start().starts_with(start))
            .expect("is there")
            + 1
    };
    let findings = found["findings"].as_array().expect("a list");
    let places: Vec<_> = findings
        .iter()
        .map(|it| {
            (
                it["line"].as_u64().expect("a number"),
                it["code"].as_str().expect("text"),
            )
        })
        .collect();
    let expected = [
        (line("secret: ") as u64, "bundle"),
        (line("os:") as u64, "authority-ends"),
    ];
    assert_eq!(places, expected, "{found}");
}
