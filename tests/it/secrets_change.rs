//! Commands that change files in place: one value, other recipients, whole directories; dry runs, and
//! what a kill at any moment leaves.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use sops_rs::Identity;

use crate::support::vault::{
    RECIPIENT, SECRET, encrypted, git, git_repository, public, repository, rules, secrets, sops,
};
use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    let mut all = cases![
        one_value_is_printed_by_itself,
        one_value_is_set_and_the_others_keep_their_bytes,
        values_keep_their_types,
        values_are_taken_out,
        rotation_changes_everything_but_the_contents,
        somebody_is_added_and_removed,
        updatekeys_follows_the_rules,
        updatekeys_locks_nobody_out_unasked,
        a_value_that_would_stand_in_the_clear_is_refused,
        an_empty_value_is_refused,
        a_rule_that_encrypts_nothing_is_told_in_directories,
        rules_for_every_file_are_none_for_directories,
        refusals_of_many_files_are_short,
        who_is_removed_by_the_rules_is_told_of,
        updatekeys_says_when_only_the_groups_differ,
        whoever_removes_themselves_has_checked_the_result,
        files_that_look_encrypted_and_are_not_readable_are_failures,
        key_commands_are_asked_for_each_set_of_recipients,
        reuse_for_fewer_recipients_is_refused,
        directories_take_what_is_meant,
        patterns_are_expanded_here,
        dry_runs_and_checks_write_nothing,
        plaintext_over_a_tracked_file_is_refused,
        standard_input_is_encrypted_by_its_name,
        reuse_keeps_what_did_not_change,
        every_format_goes_round,
        a_kill_leaves_every_file_old_or_new,
        many_files_are_checked_at_once,
    ];
    all.push(
        Case::new("sops_opens_what_was_changed", sops_opens_what_was_changed).parts(&["sops"]),
    );
    all
}

const DB: &str = "cluster/secrets/db/db.sops.yaml";

fn with_secret() -> TestEnv {
    let env = repository();
    encrypted(&env, DB, SECRET);
    env
}

fn plain(env: &TestEnv, file: &str) -> String {
    secrets(env, ["decrypt", file]).success().stdout
}

fn line(text: &str, key: &str) -> String {
    let found = text.lines().find(|line| line.trim_start().starts_with(key));
    found
        .unwrap_or_else(|| panic!("no `{key}` in {text}"))
        .to_owned()
}

fn one_value_is_printed_by_itself() {
    let env = repository();
    encrypted(
        &env,
        "x.sops.yaml",
        "a: text\nb: [1, {c.d: true}]\n---\nn: 5\n",
    );
    let get = |key: &str| secrets(&env, ["get", "x.sops.yaml", key]).success().stdout;
    assert_eq!(get("a"), "text");
    assert_eq!(get("b[0]"), "1\n");
    assert_eq!(get("[\"b\"][1][\"c.d\"]"), "true\n");
    assert_eq!(get("b"), "- 1\n- c.d: true\n");
    assert_eq!(get("document 2: n"), "5\n");
    let run = secrets(&env, ["get", "--output", "json", "x.sops.yaml", "b"]).success();
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value, json!([1, {"c.d": true}]));
    let missing = secrets(&env, ["get", "x.sops.yaml", "c"]).expect_code(1);
    assert!(
        missing.stderr.contains("`x.sops.yaml`: there is no `c`"),
        "{}",
        missing.stderr
    );
    let wrong = secrets(&env, ["get", "x.sops.yaml", "a..b"]).expect_code(2);
    assert!(wrong.stderr.contains("is not a path"), "{}", wrong.stderr);
}

fn set(env: &TestEnv, arguments: &[&str], input: &str) {
    let arguments = ["secrets", "set"].iter().chain(arguments);
    env.homelab(arguments).stdin(input).run().success();
}

fn one_value_is_set_and_the_others_keep_their_bytes() {
    let env = with_secret();
    let before = env.read(DB);
    set(&env, &[DB, "stringData.password"], "correct horse\n");
    let after = env.read(DB);
    assert_eq!(line(&before, "user:"), line(&after, "user:"));
    assert_eq!(
        plain(&env, DB),
        SECRET.replace("hunter2-hunter2", "correct horse")
    );
    set(&env, &[DB, "stringData[\"tls.key\"]"], "new");
    assert_eq!(
        plain(&env, DB),
        format!(
            "{}    tls.key: new\n",
            SECRET.replace("hunter2-hunter2", "correct horse")
        )
    );
    // The same value again is no change.
    let same = env.homelab(["secrets", "set", DB, "stringData.password"]);
    let same = same.stdin("correct horse").run().success();
    assert_eq!(same.stderr, "nothing to do\n");
}

fn values_keep_their_types() {
    let env = repository();
    encrypted(&env, "x.sops.yaml", "a: 1\n");
    set(&env, &["--yaml", "x.sops.yaml", "number"], "5");
    set(&env, &["--yaml", "x.sops.yaml", "l"], "[1, two, {x: true}]");
    set(&env, &["x.sops.yaml", "t"], "5");
    assert_eq!(
        plain(&env, "x.sops.yaml"),
        "a: 1\nnumber: 5\nl:\n    - 1\n    - two\n    - x: true\nt: \"5\"\n"
    );
}

fn values_are_taken_out() {
    let env = with_secret();
    secrets(&env, ["unset", DB, "stringData.user"]).success();
    assert_eq!(
        plain(&env, DB),
        SECRET.replace("    user: ada-lovelace\n", "")
    );
    let run = secrets(&env, ["unset", DB, "stringData.user"]).expect_code(1);
    assert!(
        run.stderr.contains("there is no `stringData.user`"),
        "{}",
        run.stderr
    );
    secrets(&env, ["unset", "--missing-ok", DB, "stringData.user"]).success();
}

fn rotation_changes_everything_but_the_contents() {
    let env = with_secret();
    let before = env.read(DB);
    secrets(&env, ["rotate", "cluster"]).success();
    let after = env.read(DB);
    for key in ["password:", "user:", "mac:"] {
        assert_ne!(line(&before, key), line(&after, key));
    }
    assert_eq!(plain(&env, DB), SECRET);
}

fn somebody_is_added_and_removed() {
    let env = with_secret();
    let other = Identity::generate();
    let recipient = public(&other);
    secrets(&env, ["rotate", "--add", &recipient, DB]).success();
    let opens = |key: &str| {
        let run = env.homelab(["secrets", "get", DB, "stringData.user"]);
        run.env("SOPS_AGE_KEY", key).run().code == Some(0)
    };
    let key = other.to_text().unwrap();
    let own = env.root().join(".sops/age.key");
    let kept = env.base().join("age.key");
    let kept_before = env.read(DB);
    let refused = secrets(&env, ["rotate", "--remove", RECIPIENT, DB]).expect_code(6);
    assert_eq!(
        refused.stderr,
        format!(
            "error: no key at hand would open `{DB}` afterwards\nhint: it would be for {recipient}\n\
             hint: keep one of your own recipients, or say `--lock-out` when it is meant\n"
        )
    );
    assert_eq!(env.read(DB), kept_before);
    secrets(&env, ["rotate", "--lock-out", "--remove", RECIPIENT, DB]).success();
    std::fs::rename(&own, &kept).unwrap();
    assert!(opens(&key));
    std::fs::rename(&kept, &own).unwrap();
    secrets(&env, ["get", DB, "stringData.user"]).expect_code(1);
    let run = env.homelab(["secrets", "rotate", "--remove", &recipient, DB]);
    let run = run.env("SOPS_AGE_KEY", &*key).run().expect_code(6);
    assert!(
        run.stderr.contains("nobody would be left"),
        "{}",
        run.stderr
    );
}

fn updatekeys_follows_the_rules() {
    let env = with_secret();
    let other = public(&Identity::generate());
    env.write(".sops.yaml", rules(&format!("{RECIPIENT},{other}")));
    let before = env.read(DB);
    let run = secrets(&env, ["updatekeys", "--check", "."]).expect_code(4);
    assert_eq!(run.stderr, format!("would update `{DB}`:\n  + {other}\n"));
    assert_eq!(env.read(DB), before);
    secrets(&env, ["updatekeys", "."]).success();
    let after = env.read(DB);
    for key in ["password:", "user:", "mac:", "lastmodified:"] {
        assert_eq!(line(&before, key), line(&after, key));
    }
    assert!(after.contains(&other));
    let again = secrets(&env, ["updatekeys", "--check", "."]).success();
    assert_eq!(again.stderr, "nothing to do\n");
}

fn who_is_removed_by_the_rules_is_told_of() {
    let env = repository();
    let other = public(&Identity::generate());
    env.write(".sops.yaml", rules(&format!("{RECIPIENT},{other}")));
    encrypted(&env, DB, SECRET);
    env.write(".sops.yaml", rules(RECIPIENT));
    let run = secrets(&env, ["updatekeys", "."]).success();
    assert_eq!(
        run.stderr,
        format!(
            "updated `{DB}`:\n  - {other}\n  who was removed knows the data key, and can read what is written with it: \
             run `homelab secrets rotate {DB}`\n"
        )
    );
    assert_eq!(plain(&env, DB), SECRET);
}

/// Rules with these recipients, each in a group of their own, of which this many are needed.
fn grouped(recipients: [&str; 2], threshold: u32) -> String {
    let [one, two] = recipients;
    format!(
        "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    shamir_threshold: {threshold}\n    \
         key_groups:\n      - age: [{one}]\n      - age: [{two}]\n"
    )
}

fn updatekeys_says_when_only_the_groups_differ() {
    let env = repository();
    let other = Identity::generate();
    let recipient = public(&other);
    env.write(".sops.yaml", rules(&format!("{RECIPIENT},{recipient}")));
    encrypted(&env, DB, SECRET);
    env.write(".sops.yaml", grouped([RECIPIENT, &recipient], 2));
    let run = secrets(&env, ["check", DB]).expect_code(4);
    assert!(
        run.stdout.contains(&format!(
            "{DB}:1: recipients: other recipients than rule 1 of `.sops.yaml` says: it puts them into other key groups, \
             or needs another number of groups\n"
        )),
        "{}",
        run.stdout
    );
    let run = secrets(&env, ["updatekeys", "--lock-out", "--output", "json", DB]).success();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        report,
        json!({
            "files": [{ "file": DB, "added": [], "removed": [], "regrouped": true }],
            "written": true,
        })
    );
    let opened = env.homelab(["secrets", "decrypt", DB]);
    let key = other.to_text().unwrap();
    let opened = opened.env("SOPS_AGE_KEY", &*key).run().success();
    assert_eq!(opened.stdout, SECRET);
}

fn whoever_removes_themselves_has_checked_the_result() {
    let env = with_secret();
    let other = Identity::generate();
    let recipient = public(&other);
    secrets(
        &env,
        [
            "rotate",
            "--lock-out",
            "--add",
            &recipient,
            "--remove",
            RECIPIENT,
            DB,
        ],
    )
    .success();
    let opened = env.homelab(["secrets", "decrypt", DB]);
    let key = other.to_text().unwrap();
    let opened = opened.env("SOPS_AGE_KEY", &*key).run().success();
    assert_eq!(opened.stdout, SECRET);
}

/// Conflict markers, a file cut off, an entry that is gone: none is passed over.
fn files_that_look_encrypted_and_are_not_readable_are_failures() {
    let env = with_secret();
    env.write(
        "notes.md",
        "A value looks like `ENC[AES256_GCM,data:…]`; see sops: it says so.\n",
    );
    let good = env.read(DB);
    let (values, _) = good.split_once("sops:\n").unwrap();
    let broken = [
        good.replace("    user:", "<<<<<<< ours\n    user:"),
        format!("{values}sops:\n    age: [\n"),
        values.to_owned(),
    ];
    for (index, text) in broken.iter().enumerate() {
        env.write("cluster/broken.sops.yaml", text);
        for command in [["rotate", "."], ["decrypt", "-i"], ["updatekeys", "."]] {
            let here = if command[1] == "-i" { Some(".") } else { None };
            let run = secrets(&env, command.into_iter().chain(here)).expect_code(1);
            assert!(
                run.stderr.contains("`cluster/broken.sops.yaml`")
                    && run.stderr.contains("cannot be")
                    && !run.stderr.contains("notes.md"),
                "{index} {command:?}: {}",
                run.stderr
            );
            assert_eq!(env.read(DB), good, "{index} {command:?}");
        }
    }
    // Where no rule says that it is encrypted, it is damaged all the same.
    env.write(
        ".sops.yaml",
        rules(RECIPIENT).replace("path_regex: \\.sops", "path_regex: never"),
    );
    env.write("other.yaml", &broken[0]);
    let run = secrets(&env, ["check", "other.yaml"]).expect_code(4);
    assert!(
        run.stdout
            .contains("other.yaml:1: damaged: it has encrypted values, but cannot be read: "),
        "{}",
        run.stdout
    );
}

fn key_commands_are_asked_for_each_set_of_recipients() {
    let env = repository();
    let files = ["a.sops.yaml", "b.sops.yaml"];
    let folder = env.base().join("keys");
    std::fs::create_dir(&folder).unwrap();
    for file in files {
        let identity = Identity::generate();
        let recipient = public(&identity);
        env.write(".sops.yaml", rules(&recipient));
        std::fs::write(folder.join(&recipient), &*identity.to_text().unwrap()).unwrap();
        encrypted(&env, file, "a: secret\n");
    }
    let command = format!("sh -c 'cat \"{folder}/$SOPS_AGE_RECIPIENT\"'");
    let run = |arguments: &[&str]| {
        let run = env.homelab(["secrets"].iter().chain(arguments));
        run.env("SOPS_AGE_KEY_CMD", &command).run()
    };
    run(&["rotate", "a.sops.yaml", "b.sops.yaml"]).success();
    let opened = run(&["status", "--output", "json"]).success();
    assert_eq!(
        opened.stdout.matches("opens, MAC matches").count(),
        2,
        "{}",
        opened.stdout
    );
}

fn reuse_for_fewer_recipients_is_refused() {
    let env = repository();
    let other = public(&Identity::generate());
    env.write(".sops.yaml", rules(&format!("{RECIPIENT},{other}")));
    encrypted(&env, DB, SECRET);
    env.write(".sops.yaml", rules(RECIPIENT));
    let new = "cluster/new.sops.yaml";
    env.write(new, SECRET);
    let run = secrets(&env, ["encrypt", "--reuse", DB, new]).expect_code(6);
    assert!(
        run.stderr.contains(&format!(
            "`{DB}` is also encrypted for {other}, whom the rule leaves out"
        )) && run.stderr.contains(&format!("homelab secrets rotate {DB}")),
        "{}",
        run.stderr
    );
    assert_eq!(env.read(new), SECRET);
    // The remedy.
    secrets(&env, ["updatekeys", DB]).success();
    secrets(&env, ["rotate", DB]).success();
    secrets(&env, ["encrypt", "--reuse", DB, new]).success();
    assert_eq!(plain(&env, new), SECRET);
}

fn updatekeys_locks_nobody_out_unasked() {
    let env = with_secret();
    let other = public(&Identity::generate());
    env.write(".sops.yaml", rules(&other));
    let before = env.read(DB);
    let run = secrets(&env, ["updatekeys", "cluster"]).expect_code(6);
    assert!(
        run.stderr.contains("no key at hand would open"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(&other), "{}", run.stderr);
    assert_eq!(env.read(DB), before);
    secrets(&env, ["updatekeys", "--lock-out", "cluster"]).success();
    secrets(&env, ["get", DB, "stringData.user"]).expect_code(1);
}

fn a_value_that_would_stand_in_the_clear_is_refused() {
    let env = with_secret();
    let before = env.read(DB);
    let typo = ["secrets", "set", DB, "stringdata.password"];
    let run = env.homelab(typo).stdin("s3cret-value").run().expect_code(6);
    assert_eq!(
        run.stderr,
        format!(
            "error: `stringdata.password` would stand in `{DB}` in the clear: its `encrypted_regex: ^(data|stringData)$` \
             leaves it out\nhint: check the spelling of the key: `homelab secrets explain {DB}` shows what is encrypted\n\
             hint: or say `--clear` when everybody may read it\n"
        )
    );
    let mapping = ["secrets", "set", "--yaml", DB, "metadata"];
    let run = env.homelab(mapping).stdin("{name: x}").run();
    run.expect_code(6);
    assert_eq!(env.read(DB), before);
    set(&env, &["--clear", DB, "metadata.namespace"], "apps");
    assert!(env.read(DB).contains("    namespace: apps\n"));
    secrets(&env, ["explain", DB]).success();
}

/// A command that failed prints nothing.
fn an_empty_value_is_refused() {
    let env = with_secret();
    let before = env.read(DB);
    env.write("empty.txt", "\n");
    let empty: [(&[&str], &str); 3] = [
        (&[], "standard input"),
        (&["--yaml"], "standard input"),
        (&["--from-file", "empty.txt"], "`empty.txt`"),
    ];
    for (options, source) in empty {
        let arguments = ["secrets", "set", DB, "stringData.password"];
        let run = env.homelab(arguments.iter().chain(options)).stdin("").run();
        let run = run.expect_code(2);
        let expected = format!("error: {source} holds no value\n");
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
        assert_eq!(env.read(DB), before);
    }
    set(&env, &["--empty", DB, "stringData.password"], "");
    let run = secrets(&env, ["get", DB, "stringData.password"]).success();
    assert_eq!(run.stdout, "");
}

fn a_rule_that_encrypts_nothing_is_told_in_directories() {
    let env = repository();
    let typo = rules(RECIPIENT).replace("^(data|stringData)$", "^(stringdata)$");
    env.write(".sops.yaml", typo);
    env.write(DB, SECRET);
    for target in [DB, "cluster"] {
        let run = secrets(&env, ["encrypt", target]).expect_code(6);
        assert!(
            run.stderr.contains(&format!("encrypts nothing in `{DB}`")),
            "{}",
            run.stderr
        );
    }
    assert_eq!(env.read(DB), SECRET);
}

fn rules_for_every_file_are_none_for_directories() {
    let env = repository();
    env.write(
        ".sops.yaml",
        format!("creation_rules:\n  - age: {RECIPIENT}\n"),
    );
    env.write("a/db.yaml", "password: x\n");
    let run = secrets(&env, ["encrypt", "a"]).success();
    assert_eq!(
        run.stderr,
        "files that only a rule without `path_regex` matches are passed over in directories, as `a/db.yaml`: name them, \
         or give the rule a `path_regex`\nnothing to do\n"
    );
    assert_eq!(env.read("a/db.yaml"), "password: x\n");
    secrets(&env, ["encrypt", "a/db.yaml"]).success();
}

fn refusals_of_many_files_are_short() {
    let env = git_repository();
    for index in 0..3 {
        encrypted(&env, &format!("cluster/s{index}.sops.yaml"), SECRET);
    }
    git(&env, ["add", "-A"]).success();
    let run = secrets(&env, ["decrypt", "-i", "cluster"]).expect_code(6);
    assert_eq!(run.stderr.matches("hint: ").count(), 3, "{}", run.stderr);
    assert!(run.stderr.contains("secrets edit FILE`"), "{}", run.stderr);
    let dry = secrets(
        &env,
        [
            "decrypt",
            "-i",
            "--over-tracked",
            "--dry-run",
            "cluster/s0.sops.yaml",
        ],
    );
    assert_eq!(
        dry.success().stderr,
        "would decrypt `cluster/s0.sops.yaml`\n"
    );
}

fn directories_take_what_is_meant() {
    let env = repository();
    env.write(".gitignore", "local/\n");
    for file in [DB, "local/a.sops.yaml", "talos.sops.yaml"] {
        env.write(file, SECRET);
    }
    env.write("cluster/secrets/db/kustomization.yaml", "resources: []\n");
    env.write("README.md", "text\n");
    let run = secrets(&env, ["encrypt", "--output", "json", "."]).success();
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let files = report["files"].as_array().unwrap().iter();
    let files: Vec<_> = files.map(|file| file["file"].as_str().unwrap()).collect();
    assert_eq!(files, [DB, "talos.sops.yaml"]);
    assert_eq!(env.read("local/a.sops.yaml"), SECRET);
    assert_eq!(env.read("README.md"), "text\n");
    let again = secrets(&env, ["encrypt", "."]).success();
    assert_eq!(again.stderr, "nothing to do\n");
    secrets(&env, ["decrypt", "-i", "."]).success();
    assert_eq!(env.read(DB), SECRET);
}

fn patterns_are_expanded_here() {
    let env = repository();
    env.write(DB, SECRET);
    env.write("talos.sops.yaml", "a: 1\n");
    secrets(&env, ["encrypt", "cluster/**/*.sops.yaml"]).success();
    assert!(env.read(DB).contains("sops:"));
    assert_eq!(env.read("talos.sops.yaml"), "a: 1\n");
    let run = secrets(&env, ["encrypt", "*.none"]).expect_code(2);
    assert!(
        run.stderr.contains("no file matches `*.none`"),
        "{}",
        run.stderr
    );
}

fn dry_runs_and_checks_write_nothing() {
    let env = repository();
    env.write(DB, SECRET);
    let run = secrets(&env, ["encrypt", "--dry-run", "."]).success();
    assert!(
        run.stderr
            .starts_with(&format!("would encrypt `{DB}`: 2 values for ")),
        "{}",
        run.stderr
    );
    secrets(&env, ["encrypt", "--check", "."]).expect_code(4);
    assert_eq!(env.read(DB), SECRET);
    secrets(&env, ["encrypt", "."]).success();
    secrets(&env, ["encrypt", "--check", "."]).success();
    let before = env.read(DB);
    for arguments in [["rotate", "--dry-run", DB], ["decrypt", "-i", DB]] {
        let dry = if arguments[1] == "-i" {
            secrets(&env, ["decrypt", "-i", "--dry-run", DB])
        } else {
            secrets(&env, arguments)
        };
        dry.success();
        assert_eq!(env.read(DB), before);
    }
}

fn plaintext_over_a_tracked_file_is_refused() {
    let env = git_repository();
    encrypted(&env, DB, SECRET);
    git(&env, ["add", "-A"]).success();
    let before = env.read(DB);
    for target in [DB, "cluster", "."] {
        let run = secrets(&env, ["decrypt", "-i", target]).expect_code(6);
        assert!(
            run.stderr.contains(&format!("Git tracks `{DB}`")),
            "{}",
            run.stderr
        );
        assert_eq!(env.read(DB), before);
    }
    secrets(&env, ["decrypt", "-i", "--over-tracked", DB]).success();
    assert_eq!(env.read(DB), SECRET);
}

fn standard_input_is_encrypted_by_its_name() {
    let env = repository();
    let run = env
        .homelab(["secrets", "encrypt", "-"])
        .stdin(SECRET)
        .run()
        .expect_code(2);
    assert!(run.stderr.contains("--name FILE"), "{}", run.stderr);
    let run = env.homelab(["secrets", "encrypt", "--name", DB, "-"]);
    let run = run.stdin(SECRET).run().success();
    assert_eq!(run.stderr, "");
    assert!(
        run.stdout.contains("kind: Secret\n") && run.stdout.contains("password: ENC["),
        "{}",
        run.stdout
    );
    for (option, code) in [("--check", 4), ("--dry-run", 0)] {
        let run = env.homelab(["secrets", "encrypt", option, "--name", DB, "-"]);
        let run = run.stdin(SECRET).run().expect_code(code);
        assert_eq!(run.stdout, "", "{option}");
        let expected = format!("would encrypt `{DB}`: 2 values for ");
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
    }
    let back = env
        .homelab(["secrets", "decrypt", "-"])
        .stdin(run.stdout)
        .run();
    assert_eq!(back.success().stdout, SECRET);
}

fn reuse_keeps_what_did_not_change() {
    let env = with_secret();
    let changed = SECRET.replace("ada-lovelace", "grace-hopper");
    env.write("cluster/new.sops.yaml", &changed);
    secrets(&env, ["encrypt", "--reuse", DB, "cluster/new.sops.yaml"]).success();
    let (old, new) = (env.read(DB), env.read("cluster/new.sops.yaml"));
    assert_eq!(line(&old, "password:"), line(&new, "password:"));
    assert_ne!(line(&old, "user:"), line(&new, "user:"));
    assert_eq!(plain(&env, "cluster/new.sops.yaml"), changed);
}

fn every_format_goes_round() {
    let env = repository();
    let files: [(&str, &[u8]); 5] = [
        ("a.sops.yaml", b"a: x\n"),
        ("a.sops.json", b"{\n\t\"a\": \"x\"\n}\n"),
        ("a.sops.env", b"A=x\n"),
        ("a.sops.ini", b"[s]\na = x\n"),
        ("a.sops.bin", b"\x00\xff\x1b[31mred\r\n"),
    ];
    for (file, contents) in files {
        env.write(file, contents);
    }
    secrets(&env, ["encrypt", "."]).success();
    for (file, _) in files {
        assert!(env.read(file).contains("ENC[AES256_GCM,"), "{file}");
    }
    secrets(&env, ["check"]).success();
    secrets(&env, ["decrypt", "-i", "."]).success();
    for (file, contents) in files {
        assert_eq!(
            std::fs::read(env.root().join(file)).unwrap(),
            contents,
            "{file}"
        );
    }
}

/// Kills the built program at moments spread over the time it takes, while it changes a hundred files.
fn a_kill_leaves_every_file_old_or_new() {
    const FILES: usize = 100;
    const KILLS: u32 = 12;
    let env = repository();
    let name = |index: usize| format!("cluster/s{index}.sops.yaml");
    for index in 0..FILES {
        env.write(
            name(index),
            SECRET.replace("ada-lovelace", &format!("user-{index}")),
        );
    }
    secrets(&env, ["encrypt", "cluster"]).success();
    let started = Instant::now();
    secrets(&env, ["rotate", "cluster"]).success();
    let whole = started.elapsed();
    for kill in 1..=KILLS {
        let mut child = env.homelab(["secrets", "rotate", "cluster"]).spawn();
        std::thread::sleep(whole * kill / KILLS);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(contents(&env).len(), FILES);
        // Whole: every file opens, with its MAC.
        secrets(&env, ["check"]).success();
    }
    // What killed runs were writing is gone after the next one.
    secrets(&env, ["rotate", "cluster"]).success();
    let left: Vec<_> = env
        .files()
        .into_iter()
        .filter(|file| file.as_str().contains(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let plain = plain(&env, &name(7));
    assert!(plain.contains("user-7"), "{plain}");
}

/// The encrypted files by name.
fn contents(env: &TestEnv) -> BTreeMap<String, String> {
    let files = env.files().into_iter();
    files
        .filter(|file| file.as_str().ends_with(".sops.yaml") && file.starts_with("cluster"))
        .map(|file| (file.to_string(), env.read(&file)))
        .collect()
}

fn many_files_are_checked_at_once() {
    let env = repository();
    for index in 0..200 {
        env.write(format!("cluster/s{index}.sops.yaml"), SECRET);
    }
    secrets(&env, ["encrypt", "cluster"]).success();
    // A key command would be run for every file if keys were not loaded once.
    let runs = env.base().join("runs");
    let key = env.base().join("key");
    std::fs::rename(env.root().join(".sops/age.key"), &key).unwrap();
    let run = env
        .homelab(["secrets", "check"])
        .env(
            "SOPS_AGE_KEY_CMD",
            format!("sh -c 'echo x >> {runs}; cat {key}'"),
        )
        .run()
        .success();
    let expected = "looked at 201 files, 200 of them encrypted: nothing is wrong\n";
    assert!(run.stderr.ends_with(expected), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "x\n");
}

fn sops_opens_what_was_changed() {
    let env = with_secret();
    set(&env, &[DB, "stringData.password"], "correct horse");
    let expected = SECRET.replace("hunter2-hunter2", "correct horse");
    assert_eq!(sops(&env, ["decrypt", DB]).success().stdout, expected);
    secrets(&env, ["rotate", DB]).success();
    assert_eq!(sops(&env, ["decrypt", DB]).success().stdout, expected);
    let other = public(&Identity::generate());
    env.write(".sops.yaml", rules(&format!("{RECIPIENT},{other}")));
    secrets(&env, ["updatekeys", DB]).success();
    assert_eq!(sops(&env, ["decrypt", DB]).success().stdout, expected);
}
