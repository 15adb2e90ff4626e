//! `.sops.yaml`: the rule that we find for a file is the one that `sops` follows.

use std::collections::BTreeSet;

use sops_rs::{Config, EncryptedFile, Format, Identity, KeyGroup, MasterKey, Selection};

use crate::support::env::Run;
use crate::support::{Case, TestEnv, cases, realparts};

pub fn tests() -> Vec<Case> {
    let cases = cases![
        the_first_rule_that_matches_holds,
        keys_of_a_rule_are_the_same,
        without_rules_nothing_is_encrypted,
        patterns_mean_the_same,
        sops_config_names_the_rules,
    ];
    let cases = cases.into_iter();
    cases.map(|case| case.parts(&["sops"])).collect()
}

const PLAIN: &str = "kind: Secret\npassword: x\nuser_unencrypted: ada\ndata_enc: y\n";

/// What is to be done with a file: for whom, and which of its values are encrypted.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    NoRule,
    Invalid,
    Encrypted {
        groups: Vec<BTreeSet<String>>,
        threshold: Option<u32>,
        selection: String,
        only_encrypted: bool,
    },
}

/// A repository with rules and a plain file.
fn repository(rules: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write(".sops.yaml", rules);
    env.write("plain.yaml", PLAIN);
    env
}

/// Encrypts the plain file as if it had this name.
fn sops(env: &TestEnv, path: &str) -> Run {
    let arguments = ["encrypt", "--filename-override", path, "plain.yaml"];
    env.program(realparts::program("sops", "sops"), arguments)
        .env("SOPS_DISABLE_VERSION_CHECK", "1")
        .run()
}

fn by_sops(env: &TestEnv, path: &str) -> Outcome {
    let run = sops(env, path);
    if run.code != Some(0) {
        let unmatched = run.stderr.contains("no matching creation rules found");
        return if unmatched {
            Outcome::NoRule
        } else {
            Outcome::Invalid
        };
    }
    let file = EncryptedFile::parse(Format::Yaml, &run.stdout).unwrap();
    let metadata = file.metadata();
    Outcome::Encrypted {
        groups: metadata.key_groups.iter().map(recipients).collect(),
        threshold: metadata.shamir_threshold,
        selection: selection(&metadata.selection),
        only_encrypted: metadata.mac_only_encrypted,
    }
}

fn recipients(group: &KeyGroup) -> BTreeSet<String> {
    let keys = group.keys.iter().filter_map(|key| match key {
        MasterKey::Age { recipient, .. } => Some(recipient.clone()),
        _ => None,
    });
    keys.collect()
}

fn selection(selection: &Selection) -> String {
    selection
        .as_field()
        .map_or_else(String::new, |(field, text)| format!("{field}: {text}"))
}

fn by_us(env: &TestEnv, path: &str) -> Outcome {
    let root = env.root();
    let Ok(config) = Config::load(root.join(".sops.yaml").as_std_path()) else {
        return Outcome::Invalid;
    };
    let Some(rule) = config.rule_for(root.join(path).as_std_path()) else {
        return Outcome::NoRule;
    };
    let Ok(rule) = rule.encryption_rule() else {
        return Outcome::Invalid;
    };
    let groups = rule.groups().groups().iter();
    let groups = groups.map(|group| group.iter().map(ToString::to_string).collect());
    Outcome::Encrypted {
        groups: groups.collect(),
        threshold: rule.groups().threshold(),
        selection: selection(rule.selection()),
        only_encrypted: rule.mac_only_encrypted(),
    }
}

fn agree(rules: &str, paths: &[&str]) {
    let env = repository(rules);
    for path in paths {
        assert_eq!(by_us(&env, path), by_sops(&env, path), "{path}");
    }
}

fn keys() -> [String; 5] {
    std::array::from_fn(|_| Identity::generate().public_part())
}

fn the_first_rule_that_matches_holds() {
    let [ada, bob, cleo, dan, _] = keys();
    let rules = format!(
        r"
keys:
  - &ada {ada}
  - &group
    age: [*ada, {bob}]
creation_rules:
  - path_regex: ^cluster/.*\.ya?ml$
    encrypted_regex: ^(data|stringData|password)$
    age: {ada}, {bob},
  - path_regex: ''
    unknown_field: true
    age: {cleo}
  - path_regex: never
    age: {dan}
"
    );
    let paths =
        "cluster/a.yaml cluster/deep/er/b.yml cluster/a.yaml.bak xcluster/a.yaml never.yaml";
    agree(&rules, &paths.split(' ').collect::<Vec<_>>());
}

fn keys_of_a_rule_are_the_same() {
    let [ada, bob, cleo, dan, eve] = keys();
    let rules = format!(
        r"
creation_rules:
  - path_regex: list
    age: [{ada}, {bob}]
    encrypted_suffix: _enc
    mac_only_encrypted: true
  - path_regex: groups
    shamir_threshold: 2
    key_groups:
      - age: [{ada}]
      - age: [{bob}, {cleo}]
      - age: [{dan}]
    age: {eve}
  - path_regex: merged
    key_groups:
      - merge:
          - age: [{ada}]
          - merge: [{{age: [{bob}, {ada}]}}]
            age: [{cleo}]
        age: [{dan}, {ada}]
  - path_regex: anchors
    <<: &defaults
      age: {eve}
      unencrypted_regex: ^kind$
  - path_regex: nobody
  - path_regex: threshold
    shamir_threshold: 2
    age: {ada}
  - path_regex: too-many
    shamir_threshold: 3
    key_groups: [{{age: [{ada}]}}, {{age: [{bob}]}}]
  - path_regex: not-a-key
    age: age1nobody
"
    );
    let names = "list groups merged anchors nobody threshold too-many not-a-key other".split(' ');
    let paths: Vec<String> = names.map(|name| format!("{name}.yaml")).collect();
    agree(
        &rules,
        &paths.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let both = format!(
        "creation_rules:\n  - encrypted_regex: a\n    unencrypted_regex: b\n    age: {ada}\n"
    );
    agree(&both, &["a.yaml"]);
}

fn without_rules_nothing_is_encrypted() {
    for rules in [
        "",
        "creation_rules: []\n",
        "destination_rules: []\n",
        "creation_rules: {}\n",
        "creation_rules: x\n",
    ] {
        let env = repository(rules);
        for outcome in [by_us(&env, "a.yaml"), by_sops(&env, "a.yaml")] {
            let encrypts = matches!(outcome, Outcome::Encrypted { .. });
            assert!(!encrypts, "{rules:?}: {outcome:?}");
        }
    }
}

/// Regular expressions in which Go's language and others differ, or which only some of them know.
const PATTERNS: [&str; 72] = [
    "[",
    "(",
    "*.yaml",
    "**",
    "a++",
    "a{2,1}",
    "x{1001}",
    "(?=x)",
    "(?!x)",
    "(?<=x)",
    "\\1",
    "\\p{Greek}",
    "\\p{Nonsense}",
    "(?P<n>a)",
    "(?<n>a)",
    "\\Q.yaml\\E",
    "[[:alpha:]]/",
    "[[:word:]]",
    "^\\d+",
    "\\D$",
    "^\\w+/",
    "\\W",
    "\\s",
    "(?i)A\\.YAML",
    "^a.yaml$",
    "\\.ya?ml$",
    "\\ba\\b",
    "a*?",
    "(a|b)+\\.",
    "[^/]*\\.yaml$",
    "\\x61\\.",
    "\\x{61}",
    "(?s)a.y",
    "yaml\\z",
    "\\Aa",
    "yaml\\Z",
    "\\C",
    "\\u0061",
    "[a&&b]",
    "[a--b]",
    "[\\d-z]",
    "[]a]",
    "^é",
    "(?U)a+",
    "(?x)a",
    "(?-u:a)",
    "a{2}*",
    "a{,2}",
    "a{",
    "{a}",
    "[!--b]",
    "[[:letter:]]",
    "[[:^alpha:]]\\.",
    "\\p{^Greek}$",
    "\\pL\\.",
    "\\101",
    "\\1",
    "\\_",
    "\\<a",
    "a\\B",
    "^*a",
    "(a{2}){2}",
    "a|*",
    "\\",
    "[\\]",
    "[^]a]",
    "(?P<n>a)(?P<n>b)",
    "(?i:A)\\.y",
    "a.y(?#x)",
    "(?>a)",
    "[[=a=]]",
    "[[.a.]]",
];

const PATHS: [&str; 6] = [
    "a.yaml",
    "b/a.yaml",
    "1 9/x.yml",
    "é\u{663}.yaml",
    "A.YAML",
    "&--[.txt",
];

fn patterns_mean_the_same() {
    let (named, others) = (
        Identity::generate().public_part(),
        Identity::generate().public_part(),
    );
    let mut different = Vec::new();
    for pattern in PATTERNS {
        let rules = format!(
            "creation_rules:\n  - path_regex: '{pattern}'\n    age: {named}\n  - age: {others}\n"
        );
        let env = repository(&rules);
        for path in PATHS {
            let (ours, theirs) = (by_us(&env, path), by_sops(&env, path));
            if ours != theirs {
                different.push(format!(
                    "`{pattern}` on `{path}`: {ours:?} against {theirs:?}"
                ));
            }
        }
    }
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}

fn sops_config_names_the_rules() {
    let [near, named] = [Identity::generate(), Identity::generate()].map(|key| key.public_part());
    let env = repository(&format!("creation_rules: [{{age: {near}}}]\n"));
    env.write(
        "rules/team.yaml",
        format!("creation_rules: [{{age: {named}}}]\n"),
    );
    let theirs = env
        .program(
            realparts::program("sops", "sops"),
            ["encrypt", "plain.yaml"],
        )
        .env("SOPS_CONFIG", "rules/team.yaml")
        .env("SOPS_DISABLE_VERSION_CHECK", "1")
        .run();
    let ours = env
        .homelab(["secrets", "encrypt", "--name", "plain.yaml", "-"])
        .env("SOPS_CONFIG", "rules/team.yaml")
        .stdin(PLAIN)
        .run();
    for run in [theirs.success(), ours.success()] {
        let file = EncryptedFile::parse(Format::Yaml, &run.stdout).unwrap();
        let recipients: Vec<&str> = file.metadata().age_recipients().collect();
        assert_eq!(recipients, [&named]);
    }
}
