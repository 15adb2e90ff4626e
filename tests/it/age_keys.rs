//! age keys of every kind, both ways: against the real `age`, `age-keygen` and `sops`.

use sops_rs::{
    Document, EncryptedFile, EncryptionRule, Environment, Format, Identities, Identity, MasterKey,
    Recipient, RecipientGroups,
};

use crate::support::{Case, TestEnv, realparts};

pub fn tests() -> Vec<Case> {
    let age = [
        Case::new("keys_of_age_keygen_are_ours", keys_of_age_keygen_are_ours),
        Case::new("age_knows_the_keys_we_make", age_knows_the_keys_we_make),
        Case::new("age_opens_what_we_wrap", age_opens_what_we_wrap),
    ];
    let sops = [
        Case::new("sops_opens_files_for_every_kind", sops_opens_every_kind),
        Case::new("files_of_sops_open_for_every_kind", files_of_sops_open),
        Case::new(
            "key_groups_open_in_both_directions",
            key_groups_open_both_ways,
        ),
        Case::new("a_plugin_serves_both_tools", a_plugin_serves_both_tools),
    ];
    let age = age.into_iter().map(|case| case.parts(&["age"]));
    let sops = sops.into_iter().map(|case| case.parts(&["sops"]));
    age.chain(sops).collect()
}

const PLAIN: &str = "user: ada\npassword: secret\n";

/// A key of some kind, as files and variables have it.
struct Key {
    name: &'static str,
    recipient: String,
    private: String,
    /// The variable that names a file with it.
    variable: &'static str,
}

fn keys() -> Vec<Key> {
    let data = |name: &str| {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/crates/sops-rs/tests/data/keys"
        );
        std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
    };
    let made = |name, identity: &Identity| Key {
        name,
        recipient: identity.public_part(),
        private: format!("{}\n", *identity.to_text().expect("an age key")),
        variable: "SOPS_AGE_KEY_FILE",
    };
    let ssh = |name, file: &str| Key {
        name,
        recipient: data(&format!("{file}.pub")).trim().to_owned(),
        private: data(file),
        variable: "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    };
    vec![
        made("x25519", &Identity::generate()),
        made("post-quantum", &Identity::generate_post_quantum()),
        ssh("ssh-ed25519", "ssh-mock-ed25519"),
        ssh("ssh-rsa", "ssh-rsa"),
    ]
}

fn encrypted(groups: RecipientGroups) -> EncryptedFile {
    let document = Document::parse(Format::Yaml, PLAIN).unwrap();
    document
        .encrypt(&EncryptionRule::for_groups(groups))
        .unwrap()
}

fn for_key(key: &Key) -> RecipientGroups {
    RecipientGroups::any_of([key.recipient.parse::<Recipient>().unwrap()])
}

fn opened(text: &str, identities: &Identities) -> String {
    let file = EncryptedFile::parse(Format::Yaml, text).unwrap();
    let opened = file.decrypt(identities).unwrap();
    String::from_utf8(opened.document.to_bytes().to_vec()).unwrap()
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    let mut lines = text.lines();
    lines
        .find(|line| line.starts_with(start))
        .unwrap_or_else(|| panic!("no line starts with {start}: {text}"))
}

fn keys_of_age_keygen_are_ours() {
    let env = TestEnv::new();
    for (arguments, start) in [
        (&[][..], "AGE-SECRET-KEY-1"),
        (&["-pq"][..], "AGE-SECRET-KEY-PQ-1"),
    ] {
        let keygen = realparts::program("age", "age-keygen");
        let key = env.program(keygen, arguments).run().success().stdout;
        let identity = Identity::parse(line(&key, start)).unwrap();
        let stated = line(&key, "# public key: ").trim_start_matches("# public key: ");
        assert_eq!(identity.public_part(), stated);
        let text = identity.to_text().expect("an age key");
        assert_eq!(text.as_str(), line(&key, start));
    }
}

fn age_knows_the_keys_we_make() {
    let env = TestEnv::new();
    for identity in [Identity::generate(), Identity::generate_post_quantum()] {
        env.write(
            "key.txt",
            identity.to_text().expect("an age key").as_bytes(),
        );
        let keygen = realparts::program("age", "age-keygen");
        let public = env.program(keygen, ["-y", "key.txt"]).run().success();
        assert_eq!(public.stdout.trim_end(), identity.public_part());
    }
}

fn age_opens_what_we_wrap() {
    let env = TestEnv::new();
    for key in keys() {
        let file = encrypted(for_key(&key));
        let Some(MasterKey::Age { enc, .. }) = file.metadata().keys().next() else {
            panic!("{}: no age key", key.name);
        };
        env.write("wrapped.age", enc);
        env.write("key", &key.private);
        let age = realparts::program("age", "age");
        let arguments = ["-d", "-i", "key", "-o", "data.key", "wrapped.age"];
        env.program(age, arguments).run().success();
        let data_key = std::fs::read(env.root().join("data.key")).unwrap();
        assert_eq!(data_key.len(), 32, "{}", key.name);
        std::fs::remove_file(env.root().join("data.key")).unwrap();
    }
}

fn sops_opens_every_kind() {
    let env = TestEnv::new();
    for key in keys() {
        env.write("file.yaml", encrypted(for_key(&key)).to_text());
        env.write("key", &key.private);
        let sops = realparts::program("sops", "sops");
        let run = env
            .program(sops, ["decrypt", "file.yaml"])
            .env(key.variable, env.root().join("key"))
            .run();
        assert_eq!(run.success().stdout, PLAIN, "{}", key.name);
    }
}

fn files_of_sops_open() {
    let env = TestEnv::new();
    for key in keys() {
        env.write("plain.yaml", PLAIN);
        env.write("key", &key.private);
        let sops = realparts::program("sops", "sops");
        let run = env
            .program(sops, ["encrypt", "plain.yaml"])
            .env("SOPS_AGE_RECIPIENTS", &key.recipient)
            .run();
        let environment =
            Environment::default().with_variable(key.variable, env.root().join("key"));
        let identities = Identities::load(&environment);
        assert_eq!(
            opened(&run.success().stdout, &identities),
            PLAIN,
            "{}",
            key.name
        );
    }
}

fn key_groups_open_both_ways() {
    let env = TestEnv::new();
    let keys = keys();
    let rules: Vec<String> = keys[..3]
        .iter()
        .map(|key| format!("      - age: [\"{}\"]\n", key.recipient))
        .collect();
    let rules = format!(
        "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n{}",
        rules.concat()
    );
    env.write(".sops.yaml", rules);
    env.write("plain.yaml", PLAIN);
    let sops = || realparts::program("sops", "sops");
    let theirs = env.program(sops(), ["encrypt", "plain.yaml"]).run();
    let theirs = theirs.success().stdout;

    let groups = keys[..3]
        .iter()
        .map(|key| vec![key.recipient.parse().unwrap()]);
    let ours = encrypted(RecipientGroups::shared(groups, Some(2)).unwrap()).to_text();
    env.write("ours.yaml", ours);
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let mut environment = Environment::default();
        let mut age = String::new();
        let mut run = env.program(sops(), ["decrypt", "ours.yaml"]);
        for key in pair.map(|index: usize| &keys[index]) {
            if key.variable == "SOPS_AGE_KEY_FILE" {
                age.push_str(&key.private);
            } else {
                env.write("ssh", &key.private);
                run = run.env(key.variable, env.root().join("ssh"));
                environment = environment.with_variable(key.variable, env.root().join("ssh"));
            }
        }
        environment = environment.with_variable("SOPS_AGE_KEY", &age);
        let run = run.env("SOPS_AGE_KEY", &age).run();
        assert_eq!(run.success().stdout, PLAIN, "{pair:?}");
        assert_eq!(
            opened(&theirs, &Identities::load(&environment)),
            PLAIN,
            "{pair:?}"
        );
    }
}

/// A plugin that hides nothing: the body of its stanza is the file key itself.
const PLUGIN: &str = r#"#!/bin/sh
while IFS= read -r line; do
    case $line in
        "-> wrap-file-key"* | "-> recipient-stanza 0 test"*) IFS= read -r key ;;
        "-> done"*) IFS= read -r end; break ;;
    esac
done
case $1 in
    --age-plugin=recipient-v1) printf -- '-> recipient-stanza 0 test\n%s\n' "$key" ;;
    --age-plugin=identity-v1) printf -- '-> file-key 0\n%s\n' "$key" ;;
esac
IFS= read -r answer
IFS= read -r end
printf -- '-> done\n\n'
"#;

/// Bech32 of `public` and `private`, for a plugin called `test`.
const PLUGIN_RECIPIENT: &str = "age1test1wp6kymrfvv6qwj89";
const PLUGIN_IDENTITY: &str = "AGE-PLUGIN-TEST-1WPEXJANPW3JSSMPG94";

fn a_plugin_serves_both_tools() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = TestEnv::new();
    env.write("bin/age-plugin-test", PLUGIN);
    let plugin = env.root().join("bin/age-plugin-test");
    std::fs::set_permissions(plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", env.root().join("bin"));
    let rules = format!("creation_rules:\n  - age: {PLUGIN_RECIPIENT}\n");
    env.write(".sops.yaml", rules);
    env.write("ours.sops.yaml", PLAIN);
    env.write("theirs.sops.yaml", PLAIN);
    let sops = |arguments: [&'static str; 3]| {
        env.program(realparts::program("sops", "sops"), arguments)
            .env("PATH", &path)
            .env("SOPS_AGE_KEY", PLUGIN_IDENTITY)
            .run()
    };
    let homelab = |arguments: &[&str]| {
        env.homelab(arguments)
            .env("PATH", &path)
            .env("SOPS_AGE_KEY", PLUGIN_IDENTITY)
            .run()
    };
    homelab(&["secrets", "encrypt", "ours.sops.yaml"]).success();
    sops(["encrypt", "--in-place", "theirs.sops.yaml"]).success();
    let plain = sops(["decrypt", "--output-type=yaml", "ours.sops.yaml"]).success();
    assert_eq!(plain.stdout, PLAIN);
    let plain = homelab(&["secrets", "decrypt", "theirs.sops.yaml"]).success();
    assert_eq!(plain.stdout, PLAIN);
}
