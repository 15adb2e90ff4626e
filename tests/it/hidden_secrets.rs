//! Secrets stay where they belong: every command of a day's work runs in a repository with real
//! secrets, and nothing that they print or write shows one.

use homelab::yaml;
use serde_json::Value;

use crate::support::{Case, Planted, Run, TestEnv, cases};

const AGE_KEY: &str = ".sops/age.key";
const BUNDLE: &str = "infrastructure/talos/secrets.sops.yaml";

/// What is in the clear on purpose: names, and what certificates tell anybody.
const PUBLIC: &[&str] = &["crt", "id"];

pub fn tests() -> Vec<Case> {
    cases![commands_show_no_secret, damaged_files_are_not_quoted,]
}

/// A repository with this project's own spec and secrets of its own, and these secrets.
fn repository() -> (TestEnv, Planted) {
    let env = TestEnv::new();
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/homelab.yaml");
    env.write("homelab.yaml", std::fs::read(spec).unwrap());
    let made = env.homelab(["secrets", "init"]).run().success();
    let decrypted = env.homelab(["secrets", "decrypt", BUNDLE]).run().success();

    let mut planted = Planted::new();
    let key = env.read(AGE_KEY);
    let key = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY-"));
    planted.plant("age key", key.unwrap());
    let bundle = yaml::parse(&decrypted.stdout).unwrap();
    assert!(
        plant_leaves(&mut planted, "", &bundle) > 8,
        "too few secrets"
    );
    planted.absent_from(&made);
    (env, planted)
}

/// Registers every secret text below a value, PEM also decoded; returns how many there are.
fn plant_leaves(planted: &mut Planted, path: &str, value: &Value) -> usize {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !PUBLIC.contains(&name.as_str()))
            .map(|(name, member)| plant_leaves(planted, &format!("{path}.{name}"), member))
            .sum(),
        Value::String(text) => {
            planted.plant(path, text);
            let pem = STANDARD.decode(text).ok().map(String::from_utf8);
            if let Some(Ok(pem)) = pem {
                planted.plant(path, &pem);
            }
            1
        }
        _ => 0,
    }
}

fn commands_show_no_secret() {
    let (env, planted) = repository();
    let commands: &[&[&str]] = &[
        &["validate"],
        &["validate", "--output", "json"],
        &["render"],
        &["render", "--check"],
        &["nodes", "config", "talos-1", "--redact"],
        &["nodes", "config", "talos-9"],
        &["secrets", "init"],
        &["secrets", "encrypt", BUNDLE],
        &["secrets", "decrypt", "homelab.yaml"],
        &["secrets", "check", "--output", "sarif"],
        &["secrets", "status"],
        &["secrets", "who"],
        &["secrets", "explain", BUNDLE],
        &["rehearse", "--output", "json"],
        &["rehearse", "--kill-at", "40"],
    ];
    for command in commands {
        let run = run_with_logs(&env, command);
        assert_ne!(run.code, Some(101), "{command:?} panicked: {}", run.stderr);
        planted.absent_from(&run);
    }
    planted.absent_below(env.base(), &["repo/.sops/age.key"]);
    planted.absent_from_process_arguments();
}

/// The developer's log at its most talkative must not show more.
fn run_with_logs(env: &TestEnv, command: &[&str]) -> Run {
    env.homelab(command).env("HOMELAB_LOG", "trace").run()
}

/// A message about a file that cannot be read must not quote it.
fn damaged_files_are_not_quoted() {
    let (env, planted) = repository();
    let key = env.read(AGE_KEY);
    env.write(
        AGE_KEY,
        key.replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1 "),
    );
    let run = run_with_logs(&env, &["nodes", "config", "talos-1"]);
    assert_ne!(run.code, Some(0), "a damaged key opened the bundle");
    planted.absent_from(&run);
    // What follows the damage is the secret itself.
    let rest = key
        .lines()
        .last()
        .unwrap()
        .trim_start_matches("AGE-SECRET-KEY-1");
    assert!(!run.stderr.contains(rest), "the key is quoted");

    env.write(AGE_KEY, &key);
    let sealed = env.read(BUNDLE);
    env.write(
        BUNDLE,
        sealed.replacen("ENC[AES256_GCM,data:", "ENC[AES256_GCM,data:AAAA", 1),
    );
    let run = run_with_logs(&env, &["nodes", "config", "talos-1"]);
    assert_ne!(run.code, Some(0), "a damaged bundle was opened");
    planted.absent_from(&run);

    let clear = "cluster:\n  secret: [not-a-closed-list\n";
    env.write(BUNDLE, clear);
    let run = run_with_logs(&env, &["nodes", "config", "talos-1"]);
    assert_ne!(run.code, Some(0));
    assert!(!run.stderr.contains("not-a-closed-list"), "{}", run.stderr);
}
