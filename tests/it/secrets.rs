//! `homelab secrets encrypt` and `decrypt`, as a user meets them.

use std::os::unix::fs::{PermissionsExt, symlink};

use sops_rs::Identity;

use crate::support::env::Run;
use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        a_secret_goes_round,
        encrypting_says_what_it_did,
        mode_and_link_survive,
        encrypted_files_are_refused,
        files_without_a_rule_are_refused,
        rules_that_encrypt_nothing_are_refused,
        one_bad_file_stops_all,
        invalid_patterns_are_refused,
        odd_files_are_told_apart,
        read_only_files_stay,
        nobody_s_key_is_explained,
        the_wrong_key_is_explained,
        key_sources_are_merged,
        open_key_files_are_warned_of,
        edits_are_noticed,
        decrypted_as_json,
        in_place_and_standard_input,
        keys_are_never_printed,
    ]
}

const KEY: &str = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";
const RECIPIENT: &str = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
const SECRET: &str = "# why
kind: Secret
stringData:
    password: hunter2 # changed in May
    port: 5432
";

/// A repository with rules and a key.
fn repository() -> TestEnv {
    let env = TestEnv::new();
    env.write(
        ".sops.yaml",
        format!(
            "creation_rules:\n  - path_regex: \\.sops\\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    \
             age: {RECIPIENT}\n  - path_regex: ^all/\n    age: [{RECIPIENT}]\n"
        ),
    );
    env.write(".sops/age.key", format!("# a comment\n{KEY}\n"));
    set_mode(&env, ".sops/age.key", 0o600);
    env
}

fn set_mode(env: &TestEnv, path: &str, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(env.root().join(path), permissions).unwrap();
}

fn mode(env: &TestEnv, path: &str) -> u32 {
    std::fs::metadata(env.root().join(path))
        .unwrap()
        .permissions()
        .mode()
        & 0o777
}

fn secrets<'a>(env: &TestEnv, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    env.homelab(std::iter::once("secrets").chain(arguments))
        .run()
}

fn encrypted(env: &TestEnv, file: &str, text: &str) {
    env.write(file, text);
    secrets(env, ["encrypt", file]).success();
}

fn a_secret_goes_round() {
    let env = repository();
    encrypted(&env, "a/db.sops.yaml", SECRET);
    let text = env.read("a/db.sops.yaml");
    assert!(
        text.starts_with("# why\nkind: Secret\nstringData:\n    password: ENC[AES256_GCM,data:"),
        "{text}"
    );
    assert!(!text.contains("hunter2") && !text.contains("May"), "{text}");
    let run = secrets(&env, ["decrypt", "a/db.sops.yaml"]).success();
    assert_eq!(
        run.transcript(),
        "exit: 0\n--- stdout\n# why\nkind: Secret\nstringData:\n    # changed in May\n    password: hunter2\n    \
         port: 5432\n--- stderr\n"
    );
}

fn encrypting_says_what_it_did() {
    let env = repository();
    env.write("db.sops.yaml", SECRET);
    env.write("all/x.yaml", "a: 1\nb: [2, 3]\n");
    let run = secrets(&env, ["encrypt", "db.sops.yaml", "all/x.yaml"]);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 0
    --- stdout
    --- stderr
    encrypted `all/x.yaml`: 3 values for [RECIPIENT] (rule 2 of `.sops.yaml`)
    encrypted `db.sops.yaml`: 2 values for [RECIPIENT] (rule 1 of `.sops.yaml`)
    ");
    env.write("db.sops.yaml", SECRET);
    let run = secrets(&env, ["encrypt", "--output", "json", "db.sops.yaml"]).success();
    insta::assert_snapshot!(run.stdout, @r#"
    {
      "files": [
        {
          "file": "db.sops.yaml",
          "config": ".sops.yaml",
          "rule": 1,
          "recipients": [
            "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun"
          ],
          "encryptedValues": 2
        }
      ],
      "written": true
    }
    "#);
}

fn mode_and_link_survive() {
    let env = repository();
    env.write("real.sops.yaml", SECRET);
    set_mode(&env, "real.sops.yaml", 0o640);
    symlink("real.sops.yaml", env.root().join("link.sops.yaml")).unwrap();
    secrets(&env, ["encrypt", "link.sops.yaml"]).success();
    assert_eq!(mode(&env, "real.sops.yaml"), 0o640);
    assert!(env.read("real.sops.yaml").contains("\nsops:"));
    assert!(env.root().join("link.sops.yaml").is_symlink());
    secrets(&env, ["decrypt", "--in-place", "link.sops.yaml"]).success();
    assert_eq!(mode(&env, "real.sops.yaml"), 0o640);
    assert!(env.read("real.sops.yaml").contains("hunter2"));
}

fn encrypted_files_are_refused() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    let before = env.read("db.sops.yaml");
    let run = secrets(&env, ["encrypt", "db.sops.yaml"]);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 6
    --- stdout
    --- stderr
    error: `db.sops.yaml` is already encrypted (it has a `sops` entry)
    hint: run `homelab secrets decrypt db.sops.yaml` to see what is in it, or `homelab secrets edit db.sops.yaml`
    ");
    assert_eq!(env.read("db.sops.yaml"), before);
}

fn files_without_a_rule_are_refused() {
    let env = repository();
    env.write("plain.yaml", SECRET);
    insta::assert_snapshot!(secrets(&env, ["encrypt", "plain.yaml"]).transcript(), @r"
    exit: 6
    --- stdout
    --- stderr
    error: no rule of `.sops.yaml` matches `plain.yaml`
    hint: its rules match `\.sops\.ya?ml$`, `^all/`
    hint: name the file so that a rule matches, or add a rule
    ");
    std::fs::remove_file(env.root().join(".sops.yaml")).unwrap();
    insta::assert_snapshot!(secrets(&env, ["encrypt", "plain.yaml"]).transcript(), @r"
    exit: 6
    --- stdout
    --- stderr
    error: no `.sops.yaml` says for whom `plain.yaml` is to be encrypted
    hint: run `homelab secrets init` in the repository's root, or write a `.sops.yaml` there
    ");
    assert_eq!(env.read("plain.yaml"), SECRET);
}

fn rules_that_encrypt_nothing_are_refused() {
    let env = repository();
    env.write(
        "empty.sops.yaml",
        "kind: ConfigMap\ndata: {}\nstringdata: {password: hunter2}\n",
    );
    insta::assert_snapshot!(secrets(&env, ["encrypt", "empty.sops.yaml"]).transcript(), @r"
    exit: 6
    --- stdout
    --- stderr
    error: rule 1 of `.sops.yaml` (`encrypted_regex: ^(data|stringData)$`) encrypts nothing in `empty.sops.yaml`
    hint: the file would stay readable for everyone: check its keys against the rule
    ");
}

fn one_bad_file_stops_all() {
    let env = repository();
    env.write("good.sops.yaml", SECRET);
    env.write("bad.sops.yaml", "a: [1\n");
    let run = secrets(
        &env,
        [
            "encrypt",
            "good.sops.yaml",
            "bad.sops.yaml",
            "missing.sops.yaml",
        ],
    );
    let transcript = run.expect_code(1).transcript();
    assert!(
        transcript.contains("2 of 3 files cannot be encrypted; none was written"),
        "{transcript}"
    );
    assert!(
        transcript.contains("`bad.sops.yaml`: line 1, column 4: "),
        "{transcript}"
    );
    assert!(
        transcript.contains("cannot read `missing.sops.yaml`: No such file"),
        "{transcript}"
    );
    assert_eq!(env.read("good.sops.yaml"), SECRET);
}

fn invalid_patterns_are_refused() {
    let env = repository();
    env.write("db.sops.yaml", SECRET);
    let rules = format!("creation_rules: [{{encrypted_regex: '[', age: {RECIPIENT}}}]\n");
    env.write(".sops.yaml", rules);
    let run = secrets(&env, ["encrypt", "db.sops.yaml"]).expect_code(1);
    let expected = "creation rule 1 does not say clearly what to encrypt: `encrypted_regex` is invalid: `[` is not a regular expression";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert_eq!(env.read("db.sops.yaml"), SECRET);
}

fn odd_files_are_told_apart() {
    let env = repository();
    env.write("list.sops.yaml", "- a\n- b\n");
    env.write("empty.sops.yaml", "");
    env.write("bytes.sops.yaml", b"a: \xff\n");
    env.write(
        "deep.sops.yaml",
        format!("a: {}{}\n", "[".repeat(10_000), "]".repeat(10_000)),
    );
    env.write("laughs.sops.yaml", laughs());
    env.write("dir.sops.yaml/x", "");
    let cases = [
        (
            "list.sops.yaml",
            "line 1: a document must be a mapping, found a list",
        ),
        ("empty.sops.yaml", "the file is empty"),
        (
            "bytes.sops.yaml",
            "is not UTF-8 text (byte 3 is the first that is not)",
        ),
        ("deep.sops.yaml", "line 1, column"),
        ("laughs.sops.yaml", "an alias makes the document too large"),
        (
            "none.sops.yaml",
            "cannot read `none.sops.yaml`: No such file",
        ),
    ];
    for (file, expected) in cases {
        for verb in ["encrypt", "decrypt"] {
            let run = secrets(&env, [verb, file]).expect_code(1);
            assert!(
                run.stderr.contains(expected),
                "{verb} {file}: {}",
                run.stderr
            );
            assert_eq!(run.stdout, "");
        }
    }
    let run = secrets(&env, ["decrypt", "dir.sops.yaml"]).expect_code(1);
    let expected = "`dir.sops.yaml` is a directory; name the files in it";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    env.write("plain.yaml", SECRET);
    insta::assert_snapshot!(secrets(&env, ["decrypt", "plain.yaml"]).transcript(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: cannot decrypt `plain.yaml`: the file is not encrypted: it has no `sops` entry
    hint: it is in the clear: read it as it is, or run `homelab secrets encrypt plain.yaml`
    ");
}

/// Aliases of aliases: a few hundred bytes that mean billions of values.
fn laughs() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let line = format!("a{level}: &a{level} [{aliases}]\n");
        text.push_str(&line);
    }
    text
}

fn read_only_files_stay() {
    let env = repository();
    env.write("db.sops.yaml", SECRET);
    set_mode(&env, "db.sops.yaml", 0o444);
    let run = secrets(&env, ["encrypt", "db.sops.yaml"]).expect_code(1);
    assert!(
        run.stderr.contains("`db.sops.yaml` is read-only"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read("db.sops.yaml"), SECRET);
}

fn nobody_s_key_is_explained() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    std::fs::remove_file(env.root().join(".sops/age.key")).unwrap();
    insta::assert_snapshot!(secrets(&env, ["decrypt", "db.sops.yaml"]).transcript(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: cannot decrypt `db.sops.yaml`: there is no identity at hand to open the file
    hint: the file is encrypted for [RECIPIENT]
    hint: no identity was found in $SOPS_AGE_SSH_PRIVATE_KEY_FILE, $SOPS_AGE_SSH_PRIVATE_KEY_CMD, `[HOME]/.ssh/id_ed25519`, `[HOME]/.ssh/id_rsa`, $SOPS_AGE_KEY, $SOPS_AGE_KEY_FILE, $SOPS_AGE_KEY_CMD, `./.sops/age.key`, `[HOME]/.config/sops/age/keys.txt`
    hint: put the private key of one of the file's recipients into `.sops/age.key`, or name its file in SOPS_AGE_KEY_FILE
    ");
}

fn the_wrong_key_is_explained() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    let other = Identity::generate();
    env.write(
        ".sops/age.key",
        other.to_text().expect("an age key").as_bytes(),
    );
    let run = env
        .homelab(["secrets", "decrypt", "db.sops.yaml"])
        .env("SOPS_AGE_KEY", "AGE-PLUGIN-YUBIKEY-1XYZ")
        .env("SOPS_AGE_KEY_FILE", "nowhere.txt")
        .env("SOPS_AGE_KEY_CMD", "sh -c 'exit 3'")
        .run();
    let expected = [
        "the identity at hand does not open the file",
        "hint: at hand: [RECIPIENT] from `[REPO]/.sops/age.key`\n",
        "hint: not usable: $SOPS_AGE_KEY, line 1: it is not an age identity (`AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…` or `AGE-PLUGIN-…`)\n",
        "hint: not usable: $SOPS_AGE_KEY_FILE (`nowhere.txt`): it cannot be read: No such file",
        "hint: not usable: $SOPS_AGE_KEY_CMD: the command failed: `sh` ended with exit status: 3\n",
    ];
    let transcript = run.expect_code(1).transcript();
    for expected in expected {
        assert!(transcript.contains(expected), "{expected}\n{transcript}");
    }
}

fn key_sources_are_merged() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    std::fs::remove_file(env.root().join(".sops/age.key")).unwrap();
    let decrypt = || env.homelab(["secrets", "decrypt", "db.sops.yaml"]);
    let other = Identity::generate().to_text().expect("an age key");
    decrypt()
        .env("SOPS_AGE_KEY", format!("{} {KEY}", *other))
        .run()
        .success();
    env.write("keys.txt", format!("# two\r\n{}\r\n{KEY}\r\n", *other));
    set_mode(&env, "keys.txt", 0o600);
    decrypt()
        .env("SOPS_AGE_KEY", &*other)
        .env("SOPS_AGE_KEY_FILE", "keys.txt")
        .run()
        .success();
    decrypt()
        .env("SOPS_AGE_KEY_CMD", "cat keys.txt")
        .run()
        .success();
    let told = format!("sh -c 'test \"$SOPS_AGE_RECIPIENT\" = {RECIPIENT} && cat keys.txt'");
    decrypt().env("SOPS_AGE_KEY_CMD", told).run().success();
    let default = env.home().join(".config/sops/age");
    std::fs::create_dir_all(&default).unwrap();
    std::fs::write(default.join("keys.txt"), KEY).unwrap();
    decrypt().run().success();
}

fn open_key_files_are_warned_of() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    set_mode(&env, ".sops/age.key", 0o644);
    let run = secrets(&env, ["decrypt", "db.sops.yaml"]).success();
    assert!(
        run.transcript().ends_with(
            "warning: others can read the private key `[REPO]/.sops/age.key` (mode 0644); run `chmod 600 \
             [REPO]/.sops/age.key`\n"
        ),
        "{}",
        run.transcript()
    );
}

fn edits_are_noticed() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    let text = env.read("db.sops.yaml");
    env.write("db.sops.yaml", text.replace("kind: Secret", "kind: Config"));
    insta::assert_snapshot!(secrets(&env, ["decrypt", "db.sops.yaml"]).transcript(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: cannot decrypt `db.sops.yaml`: the MAC does not match the contents: a value was changed, added or removed without encrypting the file again
    hint: most likely a value that is not encrypted was edited by hand; `git log -p -- db.sops.yaml` shows what changed
    hint: if the change is wanted: run `homelab secrets decrypt --ignore-mac -i --over-tracked db.sops.yaml`, look at it, and run `homelab secrets encrypt db.sops.yaml` before you commit
    ");
    let piped = env
        .homelab(["secrets", "decrypt", "-"])
        .stdin(env.read("db.sops.yaml"))
        .run()
        .expect_code(1);
    let hint = "hint: if the change is wanted: run `homelab secrets decrypt --ignore-mac -i --over-tracked FILE`";
    assert!(piped.stderr.contains(hint), "{}", piped.stderr);
    let run = secrets(&env, ["decrypt", "--ignore-mac", "db.sops.yaml"]).success();
    assert!(run.stdout.contains("hunter2"));
    env.write(
        "db.sops.yaml",
        text.replace("password: ENC", "passwort: ENC"),
    );
    let run = secrets(&env, ["decrypt", "--ignore-mac", "db.sops.yaml"]).expect_code(1);
    assert!(
        run.stderr.contains(
            "stringData.passwort: the encrypted value was changed, or moved to another key"
        ),
        "{}",
        run.stderr
    );
    env.write("db.sops.yaml", &text[..text.len() - 40]);
    let run = secrets(&env, ["decrypt", "db.sops.yaml"]).expect_code(1);
    assert!(
        run.stderr.contains("the `sops` entry has no `version`"),
        "{}",
        run.stderr
    );
}

fn decrypted_as_json() {
    let env = repository();
    encrypted(
        &env,
        "all/x.yaml",
        "a: 1\nb: [2.5, true, null, 2024-01-02]\n---\nc: text\n",
    );
    let run = secrets(&env, ["decrypt", "--output", "json", "all/x.yaml"]).success();
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let expected = serde_json::json!([{"a": 1, "b": [2.5, true, null, "2024-01-02T00:00:00Z"]}, {"c": "text"}]);
    assert_eq!(found, expected);
}

fn in_place_and_standard_input() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    let text = env.read("db.sops.yaml");
    let run = env
        .homelab(["secrets", "decrypt", "-"])
        .stdin(text)
        .run()
        .success();
    assert!(run.stdout.contains("password: hunter2\n"));
    secrets(&env, ["decrypt", "-", "--in-place"]).expect_code(2);
    let run = secrets(&env, ["decrypt", "-i", "db.sops.yaml"]).success();
    assert_eq!(run.stdout, "");
    assert_eq!(
        run.stderr,
        "decrypted `db.sops.yaml`; it is in the clear now\n"
    );
    assert!(env.read("db.sops.yaml").contains("hunter2"));
    let directory = env.homelab([
        "-C",
        env.root().as_str(),
        "secrets",
        "encrypt",
        "db.sops.yaml",
    ]);
    directory.current_dir(env.home()).run().success();
    assert_eq!(
        env.files().len(),
        3,
        "nothing is left behind: {:?}",
        env.files()
    );
}

fn keys_are_never_printed() {
    let env = repository();
    encrypted(&env, "db.sops.yaml", SECRET);
    for damaged in [format!("{KEY}x"), format!("{KEY}\nrubbish {KEY}\n")] {
        env.write(".sops/age.key", &damaged);
        let run = secrets(&env, ["decrypt", "db.sops.yaml"]).expect_code(1);
        let shown = run.transcript().to_uppercase();
        assert!(!shown.contains(&KEY[..30]), "{shown}");
        assert!(
            run.stderr.contains("is not an age identity"),
            "{}",
            run.stderr
        );
    }
}
