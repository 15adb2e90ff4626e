//! `homelab secrets check`, `status`, `who`, `explain` and `hook`: what is wrong is found, on its line,
//! with what to do; what is right is left alone.

use serde_json::{Value, json};
use sops_rs::Identity;

use crate::support::vault::{
    KEY, RECIPIENT, SECRET, encrypted, git, git_repository, public, repository, rules, secrets,
    set_mode,
};
use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        a_repository_in_order_has_no_finding,
        plaintext_is_found,
        partly_encrypted_files_are_found_on_their_line,
        documents_without_metadata_are_found,
        other_recipients_are_found,
        other_selections_are_found,
        edits_are_found,
        damaged_values_are_found,
        what_keeps_a_file_from_opening_is_found_unless_it_is_a_missing_key,
        many_findings_of_one_file_have_their_lines,
        fields_that_flux_must_read_are_found,
        secrets_in_the_clear_are_found,
        private_keys_are_found_where_git_would_take_them,
        the_allow_list_names_code_and_place,
        broken_and_idle_rules_are_found,
        misspelt_fields_of_rules_are_told,
        findings_are_json,
        findings_are_sarif,
        without_a_key_all_but_macs_is_checked,
        staged_contents_are_what_counts,
        the_hook_keeps_plaintext_out_of_commits,
        rules_that_cannot_be_used_stop_the_hook_and_checks_of_files,
        rules_that_encrypt_nothing_are_found,
        encrypted_files_without_an_encrypted_value_are_found,
        lists_of_a_secret_may_be_encrypted,
        rules_for_every_file_hold_for_files_that_are_named,
        damaged_files_are_no_plaintext,
        names_that_are_not_text_are_found,
        a_broken_spec_is_told,
        damaged_files_fail_who_and_status,
        what_is_not_there_is_refused,
        long_recipients_are_cut_for_people,
        a_foreign_hook_stays,
        status_shows_every_encrypted_file,
        explain_says_which_rule_and_why,
        who_can_open_what,
        flux_opens_what_it_reads_or_not,
        this_repository_is_in_order,
    ]
}

const DB: &str = "cluster/secrets/db/db.sops.yaml";

/// The findings of a check: file, line and code.
fn findings(env: &TestEnv) -> Vec<String> {
    let run = secrets(env, ["check", "--output", "json"]);
    assert!(matches!(run.code, Some(0 | 4)), "{}", run.transcript());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let found = report["findings"].as_array().unwrap();
    assert_eq!(run.code == Some(4), !found.is_empty());
    let found = found.iter().map(|finding| {
        assert!(!finding["remedy"].as_str().unwrap().is_empty());
        format!(
            "{}:{} {}",
            finding["file"].as_str().unwrap(),
            finding["line"],
            finding["code"].as_str().unwrap()
        )
    });
    found.collect()
}

fn a_repository_in_order_has_no_finding() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    encrypted(&env, "infrastructure/talos.sops.yaml", "token: abcdef\n");
    env.write(
        "cluster/secrets/db/kustomization.yaml",
        "resources: [db.sops.yaml]\n",
    );
    env.write(
        "notes.md",
        "AGE-SECRET-KEY-1… is how a key begins; kind: Secret\n",
    );
    let run = secrets(&env, ["check"]);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 0
    --- stdout
    --- stderr
    looked at 5 files, 2 of them encrypted: nothing is wrong
    ");
}

fn plaintext_is_found() {
    let env = repository();
    env.write(DB, SECRET);
    env.write("talos.sops.json", "{\"token\": \"abcdef\"}\n");
    env.write("raw.sops.bin", b"\xff\x00secret");
    let run = secrets(&env, ["check"]);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 4
    --- stdout
    cluster/secrets/db/db.sops.yaml:1: plaintext: rule 1 of `.sops.yaml` says that it is encrypted, and it is in the clear
      run `homelab secrets encrypt cluster/secrets/db/db.sops.yaml`
    raw.sops.bin:1: plaintext: rule 2 of `.sops.yaml` says that it is encrypted, and it is in the clear
      run `homelab secrets encrypt raw.sops.bin`
    talos.sops.json:1: plaintext: rule 2 of `.sops.yaml` says that it is encrypted, and it is in the clear
      run `homelab secrets encrypt talos.sops.json`
    --- stderr
    looked at 4 files, 0 of them encrypted: 3 findings
    ");
    secrets(&env, ["encrypt", "."]).success();
    assert_eq!(findings(&env), [""; 0]);
}

/// The line of a text that starts with this, counted from 1.
fn line_of(text: &str, start: &str) -> usize {
    let position = text
        .lines()
        .position(|line| line.trim_start().starts_with(start));
    position.unwrap() + 1
}

fn partly_encrypted_files_are_found_on_their_line() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    let text = env.read(DB);
    let user = text
        .lines()
        .find(|line| line.contains("user: ENC["))
        .unwrap();
    let exposed = text.replace(user, &format!("{user}\n    added: in the clear"));
    env.write(DB, &exposed);
    let line = line_of(&exposed, "added:");
    assert_eq!(findings(&env), [format!("{DB}:{line} partly-encrypted")]);
}

fn documents_without_metadata_are_found() {
    let env = repository();
    encrypted(
        &env,
        DB,
        &format!("{SECRET}---\n{}", SECRET.replace("name: db", "name: db2")),
    );
    let text = env.read(DB);
    let first = text.split("\n---\n").next().unwrap();
    let added = format!("{first}\n---\nkind: ConfigMap\ndata: {{}}\n");
    env.write(DB, &added);
    let line = line_of(&added, "kind: ConfigMap");
    let found = findings(&env);
    assert!(
        found.contains(&format!("{DB}:{line} missing-document")),
        "{found:?}"
    );
}

fn other_recipients_are_found() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    let other = public(&Identity::generate());
    env.write(".sops.yaml", rules(&format!("{RECIPIENT},{other}")));
    assert_eq!(findings(&env), [format!("{DB}:1 recipients")]);
    secrets(&env, ["updatekeys", "."]).success();
    assert_eq!(findings(&env), [""; 0]);
}

fn other_selections_are_found() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    let wider = rules(RECIPIENT).replace("^(data|stringData)$", "^(data|stringData|metadata)$");
    env.write(".sops.yaml", wider);
    assert_eq!(findings(&env), [format!("{DB}:1 selection")]);
    // Another expression that means the same values is no finding.
    let same = rules(RECIPIENT).replace("^(data|stringData)$", "^(stringData|data)$");
    env.write(".sops.yaml", same);
    assert_eq!(findings(&env), [""; 0]);
}

fn edits_are_found() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    env.write(DB, env.read(DB).replace("name: db", "name: db2"));
    let run = secrets(&env, ["check"]).expect_code(4);
    assert!(
        run.stdout.starts_with(&format!(
            "{DB}:1: mac: the MAC does not match the contents: "
        )),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains(&format!("git log -p -- {DB}")),
        "{}",
        run.stdout
    );
}

fn damaged_values_are_found() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    let text = env
        .read(DB)
        .replace("    password: ENC", "    passwort: ENC");
    env.write(DB, &text);
    let line = line_of(&text, "passwort:");
    assert_eq!(findings(&env), [format!("{DB}:{line} damaged")]);
    let whole = env.read(DB);
    env.write(DB, &whole[..whole.len() - 40]);
    assert_eq!(findings(&env), [format!("{DB}:1 damaged")]);
}

fn what_keeps_a_file_from_opening_is_found_unless_it_is_a_missing_key() {
    let env = repository();
    encrypted(
        &env,
        "x.sops.json",
        "{\n\"a\": \"one\",\n\"b_unencrypted\": \"two\"\n}\n",
    );
    let text = env.read("x.sops.json");
    let clear = text
        .lines()
        .find(|line| line.contains("b_unencrypted"))
        .unwrap();
    let twice = text.replace(clear, &format!("{clear}\n{clear}"));
    env.write("x.sops.json", &twice);
    let line = line_of(&twice, "\"b_unencrypted\"") + 1;
    assert_eq!(findings(&env), [format!("x.sops.json:{line} mac")]);
    let run = secrets(&env, ["check"]).expect_code(4);
    assert!(
        run.stdout
            .contains("mac: b_unencrypted: the key is there twice"),
        "{}",
        run.stdout
    );
    std::fs::remove_file(env.root().join("x.sops.json")).unwrap();

    encrypted(&env, DB, SECRET);
    let good = env.read(DB);
    let (before, after) = good
        .split_once("-----BEGIN AGE ENCRYPTED FILE-----\n")
        .unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let destroyed = format!("{before}-----BEGIN AGE ENCRYPTED FILE-----\n{after}");
    env.write(DB, destroyed);
    assert_eq!(findings(&env), [format!("{DB}:1 damaged")]);
    let status = secrets(&env, ["status"]).success();
    assert!(
        status.stdout.contains("does not open: the data key for"),
        "{}",
        status.stdout
    );
    // Somebody else's file is no finding.
    env.write(DB, &good);
    env.write(".sops/age.key", &*Identity::generate().to_text().unwrap());
    set_mode(&env, ".sops/age.key", 0o600);
    assert_eq!(findings(&env), [""; 0]);
}

/// So many that reading the file again for each of them would take minutes.
fn many_findings_of_one_file_have_their_lines() {
    const VALUES: usize = 4000;
    let env = repository();
    let exposed = |separator: &str| -> Vec<String> {
        (0..VALUES)
            .map(|index| format!("v{index}{separator}clear"))
            .collect()
    };
    for (file, text, first_line, step) in [
        ("block.sops.yaml", exposed(": ").join("\n"), 2, 1),
        (
            "flow.sops.yaml",
            format!("f: {{{}}}", exposed(": ").join(", ")),
            2,
            0,
        ),
        ("flat.sops.env", exposed("=").join("\n"), 2, 1),
    ] {
        let separator = if file.ends_with("env") { "=" } else { ": " };
        encrypted(&env, file, &format!("a{separator}secret\n"));
        let encrypted = env.read(file);
        let (first, rest) = encrypted.split_once('\n').unwrap();
        env.write(file, format!("{first}\n{text}\n{rest}"));
        let expected: Vec<String> = (0..VALUES)
            .map(|index| format!("{file}:{} partly-encrypted", first_line + step * index))
            .collect();
        assert_eq!(findings(&env), expected, "{file}");
        std::fs::remove_file(env.root().join(file)).unwrap();
    }
}

fn fields_that_flux_must_read_are_found() {
    let env = repository();
    env.write(
        ".sops.yaml",
        format!("creation_rules:\n  - path_regex: ^cluster/\n    age: {RECIPIENT}\n"),
    );
    encrypted(&env, DB, SECRET);
    let run = secrets(&env, ["check"]).expect_code(4);
    let line = line_of(&env.read(DB), "apiVersion:");
    assert!(
        run.stdout.starts_with(&format!(
            "{DB}:{line}: flux-clear: `apiVersion`, `kind`, `metadata` of a Kubernetes object must stay readable"
        )),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("encrypted_regex: ^(data|stringData)$"),
        "{}",
        run.stdout
    );
}

fn secrets_in_the_clear_are_found() {
    let env = repository();
    env.write("apps/db.yaml", SECRET);
    let line = line_of(SECRET, "password:");
    assert_eq!(
        findings(&env),
        [format!("apps/db.yaml:{line} clear-secret")]
    );
    // Nothing, a variable of Flux, and a file that is encrypted itself are no secrets.
    let values = [
        "\"\"",
        "${DB_PASSWORD}",
        "'{\"data\": \"ENC[AES256_GCM,data:x]\"}'",
    ];
    for value in values {
        env.write(
            "apps/db.yaml",
            SECRET
                .replace("hunter2-hunter2", value)
                .replace("ada-lovelace", value),
        );
        assert_eq!(findings(&env), [""; 0], "{value}");
    }
    // One that a rule leaves in the clear on purpose is told as well.
    env.write("apps/db.yaml", "");
    env.write(
        ".sops.yaml",
        rules(RECIPIENT).replace("^(data|stringData)$", "^(annotations)$"),
    );
    encrypted(
        &env,
        DB,
        &SECRET.replace("name: db\n", "name: db\n    annotations: {a: b}\n"),
    );
    let line = line_of(&env.read(DB), "password:");
    let found = findings(&env);
    assert!(
        found.contains(&format!("{DB}:{line} clear-secret")),
        "{found:?}"
    );
}

fn private_keys_are_found_where_git_would_take_them() {
    let env = repository();
    env.write(".gitignore", "ignored/\n");
    env.write("ignored/age.key", KEY);
    env.write("notes/key.md", format!("mine:\n\n`{KEY}`\n"));
    let body = "QUJD".repeat(16);
    env.write(
        "id_ed25519",
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"),
    );
    assert_eq!(
        findings(&env),
        ["id_ed25519:1 private-key", "notes/key.md:3 private-key"]
    );
    let run = secrets(&env, ["check"]).expect_code(4);
    assert!(!run.stdout.contains(&KEY[..30]), "{}", run.stdout);
    // A file that is tracked is taken although a pattern ignores it.
    git(&env, ["init", "-q"]).success();
    git(&env, ["add", "-f", "ignored/age.key"]).success();
    assert!(findings(&env).contains(&"ignored/age.key:1 private-key".to_owned()));
}

fn the_allow_list_names_code_and_place() {
    let env = repository();
    env.write("tests/data/a.key", KEY);
    env.write("tests/data/b.sops.yaml", "token: abcdef\n");
    env.write(
        ".homelab/secrets-allow",
        "# public\nprivate-key tests/data/\nprivate-key none/\n",
    );
    assert_eq!(
        findings(&env),
        [
            "tests/data/b.sops.yaml:1 plaintext",
            ".homelab/secrets-allow:3 unused-allowance",
        ]
    );
    env.write(".homelab/secrets-allow", "private-keys tests/\n");
    let run = secrets(&env, ["check"]).expect_code(1);
    assert!(
        run.stderr
            .contains("`.homelab/secrets-allow` line 1: there is no code `private-keys`; the codes are plaintext, "),
        "{}",
        run.stderr
    );
}

/// `sops` passes over such a field and encrypts everything.
fn misspelt_fields_of_rules_are_told() {
    let env = repository();
    env.write(
        ".sops.yaml",
        format!(
            "keys:\n  - &me {RECIPIENT}\ncreation_rules:\n  - path_regex: a\n    encrypted_regexp: ^password$\n    \
             key_groups:\n      - age: [*me]\n        gpg: []\n"
        ),
    );
    env.write("a.yaml", "password: x\n");
    let run = secrets(&env, ["encrypt", "--dry-run", "a.yaml"]).success();
    assert_eq!(
        run.stderr,
        "warning: `.sops.yaml`, line 5: creation rule 1 has a field `encrypted_regexp`, which means nothing\n\
         warning: `.sops.yaml`, line 8: creation rule 1 has a field `gpg`, which means nothing\n\
         would encrypt `a.yaml`: 1 value for RECIPIENT (rule 1 of `.sops.yaml`)\n"
            .replace("RECIPIENT", RECIPIENT)
    );
    let run = secrets(&env, ["check", "."]).expect_code(4);
    let found: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.starts_with(".sops.yaml"))
        .collect();
    assert_eq!(
        found,
        [
            ".sops.yaml:5: rules: creation rule 1 has a field `encrypted_regexp`, which means nothing",
            ".sops.yaml:8: rules: creation rule 1 has a field `gpg`, which means nothing"
        ]
    );
}

fn broken_and_idle_rules_are_found() {
    let env = TestEnv::new();
    env.write(
        ".sops.yaml",
        format!(
            "creation_rules:\n  - path_regex: ^/cluster/\n    age: {RECIPIENT}\n  - path_regex: a\n  - age: {RECIPIENT}\n  - \
             path_regex: b\n    age: {RECIPIENT}\n"
        ),
    );
    assert_eq!(
        findings(&env),
        [
            ".sops.yaml:2 rules",
            ".sops.yaml:4 rules",
            ".sops.yaml:6 rules"
        ]
    );
    env.write(
        ".sops.yaml",
        "creation_rules:\n  - path_regex: a\n  - path_regex: '['\n",
    );
    let run = secrets(&env, ["check"]).expect_code(4);
    assert!(
        run.stdout
            .starts_with(".sops.yaml:3: rules: creation rule 2: `path_regex` is invalid"),
        "{}",
        run.stdout
    );
}

fn findings_are_json() {
    let env = repository();
    env.write(DB, SECRET);
    let run = secrets(&env, ["check", "--output", "json"]).expect_code(4);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let expected = json!({
        "files": 2, "encrypted": 0, "opened": 0,
        "findings": [{
            "file": DB, "line": 1, "code": "plaintext",
            "message": "rule 1 of `.sops.yaml` says that it is encrypted, and it is in the clear",
            "remedy": format!("run `homelab secrets encrypt {DB}`"),
        }],
    });
    assert_eq!(report, expected);
}

/// The parts of SARIF 2.1.0 (OASIS) that its schema demands, and those that code scanning reads.
fn findings_are_sarif() {
    let env = repository();
    env.write(DB, SECRET);
    env.write("a b.txt", format!("\n{KEY}\n"));
    let run = secrets(&env, ["check", "--output", "sarif"]).expect_code(4);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "homelab secrets check");
    let rules = driver["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(
            !rules[index]["shortDescription"]["text"]
                .as_str()
                .unwrap()
                .is_empty()
        );
        assert_eq!(result["level"], "error");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let fingerprint = result["partialFingerprints"]["homelab/v1"]
            .as_str()
            .unwrap();
        assert_eq!(fingerprint.len(), 32);
    }
    let place = |index: usize| &results[index]["locations"][0]["physicalLocation"];
    assert_eq!(place(0)["artifactLocation"]["uri"], "a%20b.txt");
    assert_eq!(place(0)["region"]["startLine"], 2);
    assert_eq!(place(1)["artifactLocation"]["uri"], DB);
    // Other commands have no such output.
    secrets(&env, ["status", "--output", "sarif"]).expect_code(2);
}

fn without_a_key_all_but_macs_is_checked() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    env.write(DB, env.read(DB).replace("name: db", "name: db2"));
    std::fs::remove_file(env.root().join(".sops/age.key")).unwrap();
    let run = secrets(&env, ["check"]).success();
    assert_eq!(
        run.stderr,
        "looked at 2 files, 1 of them encrypted, 1 of them was not opened: its MAC was not checked: nothing is wrong\n"
    );
}

fn staged_contents_are_what_counts() {
    let env = git_repository();
    env.write(DB, SECRET);
    git(&env, ["add", "-A"]).success();
    // Encrypted on disk, but the index has it in the clear.
    secrets(&env, ["encrypt", DB]).success();
    secrets(&env, ["check"]).success();
    let run = secrets(&env, ["check", "--staged"]).expect_code(4);
    assert!(
        run.stdout.starts_with(&format!("{DB}:1: plaintext")),
        "{}",
        run.stdout
    );
    git(&env, ["add", "-A"]).success();
    secrets(&env, ["check", "--staged"]).success();
}

fn the_hook_keeps_plaintext_out_of_commits() {
    let env = git_repository();
    secrets(&env, ["hook", "install"]).success();
    let again = secrets(&env, ["hook", "install"]).success();
    assert!(again.stderr.contains("runs it already"), "{}", again.stderr);
    env.write(DB, SECRET);
    git(&env, ["add", "-A"]).success();
    let refused = git(&env, ["commit", "-m", "a"]);
    assert_ne!(refused.code, Some(0));
    let said = refused.transcript();
    assert!(said.contains(&format!("{DB}:1: plaintext")), "{said}");
    secrets(&env, ["encrypt", DB]).success();
    git(&env, ["add", "-A"]).success();
    git(&env, ["commit", "-q", "-m", "a"]).success();
}

fn rules_that_cannot_be_used_stop_the_hook_and_checks_of_files() {
    let unusable = [
        "path_regex: (?=k)\n    age: AGE",
        "path_regex: enc\n    encrypted_regex: '['\n    age: AGE",
        "path_regex: enc",
    ];
    for rule in unusable {
        let env = git_repository();
        secrets(&env, ["hook", "install"]).success();
        let rule = rule.replace("AGE", RECIPIENT);
        env.write(".sops.yaml", format!("creation_rules:\n  - {rule}\n"));
        git(&env, ["add", ".sops.yaml"]).success();
        git(&env, ["commit", "-q", "--no-verify", "-m", "rules"]).success();
        env.write("p.enc.yaml", "password: x\n");
        env.write("q.enc.yaml", "password: y\n");
        let run = secrets(&env, ["check", "p.enc.yaml", "q.enc.yaml"]).expect_code(4);
        assert_eq!(run.stdout.matches(": rules: ").count(), 1, "{}", run.stdout);
        assert!(
            run.stdout.starts_with(".sops.yaml:2: rules: "),
            "{}",
            run.stdout
        );
        git(&env, ["add", "p.enc.yaml"]).success();
        let refused = git(&env, ["commit", "-m", "a"]);
        assert_ne!(refused.code, Some(0));
        let said = refused.transcript();
        assert!(said.contains(".sops.yaml:2: rules: "), "{said}");
        // The rules themselves and the files they hold for are one finding.
        assert_eq!(findings(&env), [".sops.yaml:2 rules"]);
    }
}

/// As after an edit by another tool that mistyped `stringData`.
fn encrypted_files_without_an_encrypted_value_are_found() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    let text = env.read(DB).replace("stringData:", "stringdata:");
    let clear = |line: &str| match line.split_once(": ENC[") {
        Some((key, _)) if !key.trim_start().starts_with("mac") => format!("{key}: hunter2"),
        _ => line.to_owned(),
    };
    let text: Vec<String> = text.lines().map(clear).collect();
    env.write(DB, text.join("\n") + "\n");
    let run = secrets(&env, ["check"]).expect_code(4);
    assert!(
        run.stdout.starts_with(&format!(
            "{DB}:1: nothing-selected: it has a `sops` entry, but no value in it is encrypted: its `encrypted_regex: \
             ^(data|stringData)$` selects none\n"
        )),
        "{}",
        run.stdout
    );
}

fn rules_that_encrypt_nothing_are_found() {
    let env = TestEnv::new();
    let rule = "path_regex: yaml$\n    encrypted_regex: ^(pasword)$";
    let rules = format!("creation_rules:\n  - {rule}\n    age: {RECIPIENT}\n");
    env.write(".sops.yaml", rules);
    env.write("p.enc.yaml", "password: x\n");
    env.write("empty.yaml", "# nothing\npassword:\n");
    // A rule for a folder of Kubernetes' files means the Secrets among them.
    env.write(
        "map.yaml",
        "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n",
    );
    env.write("kustomization.yaml", "resources: [map.yaml]\n");
    let run = secrets(&env, ["check"]).expect_code(4);
    assert_eq!(
        run.stdout,
        "p.enc.yaml:1: nothing-selected: rule 1 of `.sops.yaml` is for this file, and its `encrypted_regex: \
         ^(pasword)$` selects none of its values\n  correct what the rule selects, or narrow its `path_regex`; \
         `homelab secrets explain p.enc.yaml` shows what it means\n"
    );
}

fn lists_of_a_secret_may_be_encrypted() {
    let env = repository();
    let listed = format!("{SECRET}    l: [a, {{b: [c]}}]\n    n: null\n");
    encrypted(&env, DB, &listed);
    assert_eq!(findings(&env), [""; 0]);
    env.write(
        "apps/db.yaml",
        "apiVersion: v1\nkind: Secret\ndata:\n    l:\n        - ''\n        - [{a: b}]\n",
    );
    assert_eq!(findings(&env), ["apps/db.yaml:4 clear-secret"]);
    let run = secrets(&env, ["check"]).expect_code(4);
    assert!(
        run.stdout.contains(
            "  add a rule for it to `.sops.yaml`, then run `homelab secrets encrypt apps/db.yaml`"
        ),
        "{}",
        run.stdout
    );
}

fn rules_for_every_file_hold_for_files_that_are_named() {
    let env = TestEnv::new();
    env.write(
        ".sops.yaml",
        format!("creation_rules:\n  - age: {RECIPIENT}\n"),
    );
    env.write("plain.yaml", "password: x\n");
    let run = secrets(&env, ["check", "plain.yaml"]).expect_code(4);
    assert!(
        run.stdout.starts_with("plain.yaml:1: plaintext: rule 1"),
        "{}",
        run.stdout
    );
    let run = secrets(&env, ["check"]).success();
    assert!(
        run.stderr
            .contains("1 files in the clear fall under a rule without `path_regex`"),
        "{}",
        run.stderr
    );
}

fn damaged_files_are_no_plaintext() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    let whole = env.read(DB);
    let (values, _) = whole.split_once("sops:\n").unwrap();
    let conflict = whole.replacen("stringData:\n", "<<<<<<< ours\nstringData:\n", 1);
    for text in [values, &conflict] {
        env.write(DB, text);
        assert_eq!(findings(&env), [format!("{DB}:1 damaged")], "{text}");
    }
}

fn names_that_are_not_text_are_found() {
    use std::os::unix::ffi::OsStrExt as _;
    let env = git_repository();
    let name = std::ffi::OsStr::from_bytes(b"\xffkey.txt");
    std::fs::write(env.root().as_std_path().join(name), KEY).unwrap();
    assert_eq!(findings(&env), ["\u{fffd}key.txt:1 unreadable"]);
    git(&env, ["add", "-A"]).success();
    secrets(&env, ["check", "--staged"]).expect_code(4);
}

fn a_broken_spec_is_told() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    env.write("homelab.yaml", "nonsense: true\n");
    let run = secrets(&env, ["who"]).expect_code(4);
    assert!(
        run.stderr.contains("homelab.yaml is not valid"),
        "{}",
        run.stderr
    );
    let run = secrets(&env, ["check"]).success();
    assert!(
        run.stderr.contains("warning: homelab.yaml is not valid")
            && run.stderr.contains("`flux-key`"),
        "{}",
        run.stderr
    );
}

fn damaged_files_fail_who_and_status() {
    let env = TestEnv::new();
    env.homelab(["init", "."]).run().success();
    env.write(DB, SECRET);
    secrets(&env, ["encrypt", DB]).success();
    secrets(&env, ["who"]).success();
    secrets(&env, ["status"]).success();
    let whole = env.read(DB);
    let (values, _) = whole.split_once("sops:\n").unwrap();
    let conflict = whole.replacen("stringData:\n", "<<<<<<< ours\nstringData:\n", 1);
    for text in [values, &conflict] {
        env.write(DB, text);
        let run = secrets(&env, ["who"]).expect_code(4);
        assert!(run.stdout.contains("DAMAGED"), "{}", run.stdout);
        assert!(
            run.stderr.contains("Flux cannot open 1 of"),
            "{}",
            run.stderr
        );
        let run = secrets(&env, ["status"]).expect_code(4);
        assert!(
            run.stdout
                .contains("damaged: it has encrypted values, but "),
            "{}",
            run.stdout
        );
    }
}

fn what_is_not_there_is_refused() {
    let env = repository();
    secrets(&env, ["check", "nope"]).expect_code(1);
    let run = secrets(&env, ["check", "--staged"]).expect_code(1);
    assert!(
        run.stderr
            .contains("lies in no Git repository: nothing is staged"),
        "{}",
        run.stderr
    );
}

fn long_recipients_are_cut_for_people() {
    let env = TestEnv::new();
    let made = secrets(&env, ["keygen", "--post-quantum"]).success();
    let all = format!("{}{}", made.stdout, made.stderr);
    let start = all.find("age1pq1").unwrap();
    let long = all[start..].split_whitespace().next().unwrap();
    env.write(".sops.yaml", rules(long));
    encrypted(&env, DB, SECRET);
    let short = format!("{}…{}", &long[..20], &long[long.len() - 6..]);
    let run = secrets(&env, ["who"]).success();
    assert!(
        run.stdout.contains(&short) && !run.stdout.contains(long),
        "{}",
        run.stdout
    );
    let run = secrets(&env, ["who", "--output", "json"]).success();
    assert!(run.stdout.contains(long), "{}", run.stdout);
}

fn a_foreign_hook_stays() {
    let env = git_repository();
    let foreign = "#!/bin/sh\nexit 0\n";
    env.write(".git/hooks/pre-commit", foreign);
    let run = secrets(&env, ["hook", "install"]).expect_code(6);
    assert!(
        run.stderr
            .contains("add this line to it: homelab secrets check --staged || exit 1"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read(".git/hooks/pre-commit"), foreign);
}

fn status_shows_every_encrypted_file() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    encrypted(&env, "edited.sops.yaml", "a: 1\nb_unencrypted: 2\n");
    env.write(
        "edited.sops.yaml",
        env.read("edited.sops.yaml")
            .replace("b_unencrypted: 2", "b_unencrypted: 3"),
    );
    env.write("plain.yaml", "a: 1\n");
    let run = secrets(&env, ["status", "--output", "json"]).success();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let states: Vec<_> = report["files"].as_array().unwrap().iter().collect();
    assert_eq!(states.len(), 2);
    assert_eq!(states[0]["file"], DB);
    assert_eq!(states[0]["details"]["state"], "opens, MAC matches");
    assert_eq!(states[0]["details"]["values"], 2);
    assert_eq!(states[0]["details"]["recipients"], 1);
    let state = states[1]["details"]["state"].as_str().unwrap();
    assert!(state.starts_with("the MAC does not match"), "{state}");
    let named = secrets(&env, ["status", "plain.yaml"]).success();
    assert!(named.stdout.contains("not encrypted"), "{}", named.stdout);
}

fn explain_says_which_rule_and_why() {
    let env = repository();
    env.write(
        "infrastructure/talos.sops.yaml",
        "token: abcdef\nhost_unencrypted: a\n",
    );
    let run = secrets(&env, ["explain", "infrastructure/talos.sops.yaml"]).success();
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 0
    --- stdout
    infrastructure/talos.sops.yaml (yaml)
    rules of .sops.yaml, the first that matches holds:
      1. path_regex `^cluster/.*\.sops\.ya?ml$`: does not match
      2. path_regex `\.sops\.(ya?ml|json|env|ini|bin)$`: matches
    rule 2 encrypts by `unencrypted_suffix: _unencrypted` for
      [RECIPIENT]
    the file is in the clear; of its values
      token would be encrypted
      host_unencrypted would stay clear
    --- stderr
    ");
    secrets(&env, ["encrypt", "infrastructure/talos.sops.yaml"]).success();
    let run = secrets(
        &env,
        [
            "explain",
            "--output",
            "json",
            "infrastructure/talos.sops.yaml",
        ],
    );
    let report: Value = serde_json::from_str(&run.success().stdout).unwrap();
    assert_eq!(report["rule"]["number"], 2);
    assert_eq!(report["contents"]["encrypted"], json!(["token"]));
    assert_eq!(report["contents"]["clear"], json!(["host_unencrypted"]));
    let run = secrets(&env, ["explain", "none.yaml"]).success();
    assert!(run.stdout.contains("no rule matches"), "{}", run.stdout);
    assert!(run.stdout.contains("does not exist"), "{}", run.stdout);
}

fn who_can_open_what() {
    let env = repository();
    encrypted(&env, DB, SECRET);
    let other = public(&Identity::generate());
    env.write(".sops.yaml", rules(&format!("{RECIPIENT},{other}")));
    encrypted(&env, "talos.sops.yaml", "token: abcdef\n");
    let run = secrets(&env, ["who"]).success();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "FILE                              1   2  FLUX");
    assert_eq!(lines[1], "cluster/secrets/db/db.sops.yaml   x   ·  -");
    assert_eq!(lines[2], "talos.sops.yaml                   x   x  -");
    assert_eq!(
        lines[4],
        format!(
            "  1  {RECIPIENT} (private key in `{}/.sops/age.key`)",
            env.root()
        )
    );
    assert_eq!(lines[5], format!("  2  {other}"));
    assert!(
        run.stderr.contains("there is no homelab.yaml here"),
        "{}",
        run.stderr
    );
}

/// The cluster gets the key at hand that homelab.yaml names.
fn flux_opens_what_it_reads_or_not() {
    let env = TestEnv::new();
    env.homelab(["init", "."]).run().success();
    let rules = env.read(".sops.yaml");
    env.write(DB, SECRET);
    secrets(&env, ["encrypt", DB]).success();
    let run = secrets(&env, ["who"]).success();
    assert!(
        run.stderr
            .contains("Flux can open every encrypted file that it will read"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("the cluster's"), "{}", run.stdout);
    secrets(&env, ["check"]).success();
    // A file for somebody else alone.
    let other = public(&Identity::generate());
    let own = rules
        .lines()
        .find_map(|line| line.trim().strip_prefix("age: "))
        .unwrap();
    env.write(".sops.yaml", rules.replace(own, &other));
    env.write("cluster/secrets/db/other.sops.yaml", SECRET);
    secrets(&env, ["encrypt", "cluster/secrets/db/other.sops.yaml"]).success();
    env.write(".sops.yaml", &rules);
    let run = secrets(&env, ["who"]).expect_code(4);
    assert!(run.stdout.contains("DOES NOT OPEN"), "{}", run.stdout);
    let found = findings(&env);
    assert!(
        found.contains(&"cluster/secrets/db/other.sops.yaml:1 flux-key".to_owned()),
        "{found:?}"
    );
}

/// What continuous integration runs on this repository.
fn this_repository_is_in_order() {
    let env = TestEnv::new();
    let run = env
        .homelab(["-C", env!("CARGO_MANIFEST_DIR"), "secrets", "check"])
        .run();
    assert_eq!(run.code, Some(0), "{}", run.transcript());
}
