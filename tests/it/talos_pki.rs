//! Certificates, keys and tokens are exactly of Talos' kinds: field by field beside those that `talosctl` and
//! Talos' library make, and a bundle that Talos refuses is refused here.

use homelab::pki::{BundleProblem, SecretsBundle, SystemEntropy};
use homelab::render::reference::join;
use homelab::render::talos::Contract;
use homelab::render::talos::base::{Options, generate};
use homelab::spec::cluster::{Endpoint, Role};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::x509::{self, decoded, key_label};
use crate::support::{Case, Oracle, TestEnv, oracle, realparts};

/// The authorities in a bundle.
const AUTHORITIES: [&str; 4] = ["etcd", "k8s", "k8saggregator", "os"];

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("bundles_equal_those_of_talosctl", || {
            let contracts = ["v1.10", "v1.11", "v1.12", "v1.13"];
            for contract in contracts {
                assert_same_kinds(&of_talosctl(contract), contract);
            }
        })
        .parts(&["talosctl"]),
        Case::new("bundles_equal_those_of_the_pre_release", || {
            let answer =
                Oracle::of_part("talos-oracle-next").ask("secrets", json!({"contract": "v1.14"}));
            assert_same_kinds(&document(answer.file("secrets.yaml")), "v1.14.0-alpha");
        })
        .parts(&["talos-oracle-next"]),
        Case::new(
            "what_talos_refuses_is_refused",
            what_talos_refuses_is_refused,
        )
        .parts(&["talos-oracle"]),
        Case::new("bundles_are_recovered_under_every_contract", || {
            let mut oracle = Oracle::start();
            for contract in ["v1.10", "v1.11", "v1.12", "v1.13"] {
                recovers(&configuration(&mut oracle, contract), contract);
            }
            recovers(&our_configuration(), "v1.14");
        })
        .parts(&["talos-oracle"]),
        Case::new("a_bundle_is_recovered_from_the_pre_release", || {
            let mut oracle = Oracle::of_part("talos-oracle-next");
            recovers(&configuration(&mut oracle, "v1.14"), "v1.14.0-alpha");
        })
        .parts(&["talos-oracle-next"]),
    ]
}

fn document(text: &str) -> Value {
    oracle::documents(text).remove(0)
}

fn of_talosctl(contract: &str) -> Value {
    let env = TestEnv::new();
    let arguments = [
        "gen",
        "secrets",
        "-o",
        "s.yaml",
        "--talos-version",
        contract,
    ];
    let program = realparts::program("talosctl", "talosctl");
    env.program(program, arguments).run().success();
    document(&env.read("s.yaml"))
}

/// Holds a new bundle of ours beside one of theirs.
fn assert_same_kinds(theirs: &Value, contract: &str) {
    let ours = SecretsBundle::generate(Timestamp::now(), &mut SystemEntropy).expect("makes one");
    let ours = document(ours.to_yaml().expose());
    for name in AUTHORITIES {
        let described = |bundle: &Value| {
            let pair = &bundle["certs"][name];
            let certificate = decoded(&pair["crt"]);
            (
                x509::description(&certificate, &certificate),
                key_label(&pair["key"]),
            )
        };
        assert_eq!(described(&ours), described(theirs), "{contract}: {name}");
    }
    let service_account = |bundle: &Value| key_label(&bundle["certs"]["k8sserviceaccount"]["key"]);
    assert_eq!(
        service_account(&ours),
        service_account(theirs),
        "{contract}"
    );
    assert_eq!(shape(&ours), shape(theirs), "{contract}");
}

/// Every text by its length and the kinds of its characters. Certificates and keys differ in length by the
/// sign of a number in them, and 1.14 writes the identity in the other alphabet of Base64.
fn shape(value: &Value) -> Value {
    let kind = |c: char| match c {
        'a'..='z' | '0'..='9' => 'a',
        'A'..='Z' | '+' | '/' | '-' | '_' => 'A',
        other => other,
    };
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::String(text) if text.len() > 60 => json!("long"),
        Value::String(text) if text.contains('.') => {
            text.chars().map(kind).collect::<String>().into()
        }
        Value::String(text) => json!(text.len()),
        other => other.clone(),
    }
}

/// A way to spoil a bundle, and whether Talos' own library refuses to load and use the result.
type Spoiling = (&'static str, bool, fn(&mut Value));

fn what_talos_refuses_is_refused() {
    let mut oracle = Oracle::start();
    let mut verdicts = |bundle: &Value| {
        let text = serde_json::to_string(bundle).expect("JSON is YAML");
        let loads = oracle.ask("secrets", json!({"secrets": text}));
        let question = json!({"secrets": text, "cluster": "a", "endpoint": "https://a:6443"});
        let makes = oracle.ask("config", question);
        // What it makes must be valid, too.
        let valid = makes.error().is_none() && {
            let config = makes.file("controlplane.yaml");
            let question = json!({"config": config, "mode": "metal", "strict": true});
            oracle.ask("validate", question).error().is_none()
        };
        let theirs = loads.error().is_none() && valid;
        let problems = homelab::pki::bundle::problems(bundle, Timestamp::now());
        (theirs, problems.iter().all(BundleProblem::is_warning))
    };
    let whole = document(SecretsBundle::throwaway().to_yaml().expose());
    assert_eq!(verdicts(&whole), (true, true));
    for (what, refused_there, spoil) in spoilings() {
        let mut bundle = whole.clone();
        spoil(&mut bundle);
        assert_eq!(verdicts(&bundle), (!refused_there, false), "{what}");
    }
}

fn spoilings() -> Vec<Spoiling> {
    vec![
        ("no identity", true, |it| it["cluster"]["id"] = json!("")),
        ("no cluster secret", true, |it| {
            it["cluster"]["secret"] = json!("");
        }),
        ("a short cluster secret", false, |it| {
            it["cluster"]["secret"] = json!("AAAA");
        }),
        ("no bootstrap token", true, |it| {
            it["secrets"]["bootstraptoken"] = json!("");
        }),
        ("no join token", true, |it| {
            it["trustdinfo"]["token"] = json!("");
        }),
        ("no key of etcd's Secrets", true, |it| {
            it["secrets"]["secretboxencryptionsecret"] = json!("");
        }),
        ("both keys of etcd's Secrets", true, |it| {
            it["secrets"]["aescbcencryptionsecret"] =
                it["secrets"]["secretboxencryptionsecret"].clone();
        }),
        ("no certificate", true, |it| {
            it["certs"]["etcd"]["crt"] = json!("");
        }),
        ("no key", true, |it| it["certs"]["k8s"]["key"] = json!("")),
        ("a certificate that is none", true, |it| {
            it["certs"]["os"]["crt"] = json!("AAAA");
        }),
        ("a certificate in place of a key", true, |it| {
            it["certs"]["os"]["key"] = it["certs"]["os"]["crt"].clone();
        }),
        ("a key under another label", true, |it| {
            let pem = decoded(&it["certs"]["os"]["key"]).replace("ED25519 PRIVATE", "RSA PRIVATE");
            it["certs"]["os"]["key"] = json!(x509::encoded(&pem));
        }),
        ("no key of service accounts", true, |it| {
            it["certs"]["k8sserviceaccount"]["key"] = json!("");
        }),
        // Talos notices these, like the short secret, only when a node has them.
        ("a token of another form", false, |it| {
            it["trustdinfo"]["token"] = json!("short");
        }),
        ("a key of another pair", false, |it| {
            it["certs"]["k8s"]["key"] = it["certs"]["etcd"]["key"].clone();
        }),
        (
            "a key of service accounts that signs no tokens",
            false,
            |it| {
                it["certs"]["k8sserviceaccount"]["key"] = it["certs"]["os"]["key"].clone();
            },
        ),
    ]
}

/// A control plane's configuration of the published bundle, by Talos' own library.
fn configuration(oracle: &mut Oracle, contract: &str) -> String {
    let question = json!({
        "secrets": SecretsBundle::throwaway().to_yaml().expose(),
        "cluster": "lab", "endpoint": "https://192.168.1.100:6443", "contract": contract,
    });
    oracle
        .ask("config", question)
        .file("controlplane.yaml")
        .to_owned()
}

/// The same for the released 1.14, by our generator, which was proved equal (`docs/talos.md`).
fn our_configuration() -> String {
    let options = Options {
        cluster_name: "lab".to_owned(),
        endpoint: Endpoint {
            host: "192.168.1.100".to_owned(),
            port: 6443,
        },
        kubernetes: "1.36.4".to_owned(),
        ..super::talos_goldens::options(Role::ControlPlane)
    };
    let documents = generate(Contract::V1_14, &options);
    match join(&documents, &SecretsBundle::throwaway()) {
        Ok(text) => text.expose().clone(),
        Err(error) => panic!("{error}"),
    }
}

fn recovers(config: &str, contract: &str) {
    match SecretsBundle::from_control_plane_config(config) {
        Ok(bundle) => {
            let published = SecretsBundle::throwaway().to_document();
            assert!(
                bundle.to_document() == published,
                "{contract}: another bundle"
            );
        }
        Err(error) => panic!("{contract}: {error}"),
    }
}
