//! The diff and merge drivers, in real Git repositories.

use crate::support::vault::{SECRET, encrypted, git, git_repository, secrets, sops};
use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    let mut all = cases![
        setup_is_written_once,
        git_diff_shows_plaintext,
        revisions_are_compared_in_the_clear,
        without_a_key_git_diff_shows_the_file,
        changes_of_both_sides_are_merged,
        the_same_value_changed_twice_is_a_conflict,
        a_merge_without_a_key_is_a_conflict,
        rules_are_merged_by_git_itself,
        files_that_both_sides_add_are_merged,
        sides_in_the_clear_are_merged_by_line,
    ];
    all.push(Case::new("sops_opens_what_was_merged", sops_opens_what_was_merged).parts(&["sops"]));
    all
}

const DB: &str = "cluster/secrets/db/db.sops.yaml";

/// A repository with the drivers and one committed secret.
fn with_drivers() -> TestEnv {
    let env = git_repository();
    encrypted(&env, DB, SECRET);
    secrets(&env, ["git-setup"]).success();
    commit(&env);
    env
}

fn commit(env: &TestEnv) {
    git(env, ["add", "-A"]).success();
    git(env, ["commit", "-q", "-m", "change"]).success();
}

fn set(env: &TestEnv, key: &str, value: &str) {
    // Some keys are those that stay in the clear.
    let run = env.homelab(["secrets", "set", "--clear", DB, key]);
    run.stdin(value).run().success();
}

fn plain(env: &TestEnv) -> String {
    secrets(env, ["decrypt", DB]).success().stdout
}

fn setup_is_written_once() {
    let env = git_repository();
    env.write(".gitattributes", "*.png binary");
    secrets(&env, ["git-setup"]).success();
    secrets(&env, ["git-setup"]).success();
    assert_eq!(
        env.read(".gitattributes"),
        "*.png binary\n*.sops.yaml diff=homelab-secrets merge=homelab-secrets\n\
         *.sops.yml diff=homelab-secrets merge=homelab-secrets\n\
         *.sops.json diff=homelab-secrets merge=homelab-secrets\n\
         *.sops.env diff=homelab-secrets merge=homelab-secrets\n\
         *.sops.ini diff=homelab-secrets merge=homelab-secrets\n\
         .sops.yaml !diff !merge\n"
    );
    let config = |key: &str| git(&env, ["config", "--local", key]).success().stdout;
    assert_eq!(
        config("diff.homelab-secrets.textconv"),
        "homelab secrets diff --textconv\n"
    );
    assert_eq!(config("diff.homelab-secrets.cachetextconv"), "false\n");
    assert_eq!(
        config("merge.homelab-secrets.driver"),
        "homelab secrets merge-driver %O %A %B %P\n"
    );
    let outside = TestEnv::new();
    let run = secrets(&outside, ["git-setup"]).expect_code(1);
    assert!(
        run.stderr.contains("lies in no Git repository"),
        "{}",
        run.stderr
    );
}

fn git_diff_shows_plaintext() {
    let env = with_drivers();
    set(&env, "stringData.user", "grace-hopper");
    let run = git(&env, ["diff"]).success();
    assert!(
        run.stdout
            .contains("\n-    user: ada-lovelace\n+    user: grace-hopper\n"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("ENC["), "{}", run.stdout);
    commit(&env);
    let log = git(&env, ["log", "-p", "-1", "--format="]).success();
    assert!(
        log.stdout.contains("+    user: grace-hopper\n"),
        "{}",
        log.stdout
    );
}

fn revisions_are_compared_in_the_clear() {
    let env = with_drivers();
    let run = secrets(&env, ["diff", DB]).success();
    assert_eq!(run.stderr, "no value differs\n");
    set(&env, "stringData.user", "grace-hopper");
    let expected = format!(
        "--- a/{DB}\n+++ b/{DB}\n@@ -5,4 +5,4 @@\n     name: db\n stringData:\n     password: hunter2-hunter2\n\
         -    user: ada-lovelace\n+    user: grace-hopper\n"
    );
    assert_eq!(secrets(&env, ["diff", DB]).success().stdout, expected);
    commit(&env);
    let run = secrets(&env, ["diff", "--from", "HEAD~1", "--to", "HEAD", DB]).success();
    assert_eq!(run.stdout, expected);
    let run = secrets(&env, ["diff", "--from", "nowhere", DB]).expect_code(1);
    assert!(run.stderr.contains("is that a revision?"), "{}", run.stderr);
}

fn without_a_key_git_diff_shows_the_file() {
    let env = with_drivers();
    set(&env, "stringData.user", "grace-hopper");
    std::fs::remove_file(env.root().join(".sops/age.key")).unwrap();
    let run = git(&env, ["diff"]).success();
    assert!(run.stdout.contains("+    user: ENC["), "{}", run.stdout);
    assert!(
        run.stderr
            .contains("is shown encrypted: there is no identity"),
        "{}",
        run.stderr
    );
}

/// Two branches that change the file, each by itself.
fn branches(env: &TestEnv, ours: (&str, &str), theirs: (&str, &str)) {
    git(env, ["checkout", "-q", "-b", "theirs"]).success();
    set(env, theirs.0, theirs.1);
    commit(env);
    git(env, ["checkout", "-q", "main"]).success();
    set(env, ours.0, ours.1);
    commit(env);
}

fn changes_of_both_sides_are_merged() {
    let env = with_drivers();
    branches(
        &env,
        ("stringData.user", "grace-hopper"),
        ("stringData.password", "correct horse"),
    );
    git(&env, ["merge", "-q", "--no-edit", "theirs"]).success();
    let expected = SECRET
        .replace("ada-lovelace", "grace-hopper")
        .replace("hunter2-hunter2", "correct horse");
    assert_eq!(plain(&env), expected);
    secrets(&env, ["check"]).success();
    assert_eq!(git(&env, ["status", "--porcelain"]).success().stdout, "");
}

fn the_same_value_changed_twice_is_a_conflict() {
    let env = with_drivers();
    branches(
        &env,
        ("stringData.user", "grace-hopper"),
        ("stringData.user", "alan-turing"),
    );
    let run = git(&env, ["merge", "--no-edit", "theirs"]).expect_code(1);
    let said = run.transcript();
    assert!(said.contains("stringData.user"), "{said}");
    assert!(
        !said.contains("alan-turing") && !said.contains("grace-hopper"),
        "{said}"
    );
    let status = git(&env, ["status", "--porcelain"]).success().stdout;
    assert!(status.starts_with(&format!("UU {DB}")), "{status}");
    // Ours stands in the file, encrypted and whole.
    assert_eq!(plain(&env), SECRET.replace("ada-lovelace", "grace-hopper"));
}

fn a_merge_without_a_key_is_a_conflict() {
    let env = with_drivers();
    branches(
        &env,
        ("stringData.user", "grace-hopper"),
        ("stringData.password", "correct horse"),
    );
    let key = env.read(".sops/age.key");
    std::fs::remove_file(env.root().join(".sops/age.key")).unwrap();
    let ours = env.read(DB);
    let run = git(&env, ["merge", "--no-edit", "theirs"]).expect_code(1);
    assert!(
        run.stderr.contains("there is no identity at hand"),
        "{}",
        run.transcript()
    );
    assert_eq!(env.read(DB), ours);
    env.write(".sops/age.key", key);
}

fn sops_opens_what_was_merged() {
    let env = with_drivers();
    branches(
        &env,
        ("stringData.user", "grace-hopper"),
        ("metadata.namespace", "prod"),
    );
    git(&env, ["merge", "-q", "--no-edit", "theirs"]).success();
    let ours = plain(&env);
    assert!(
        ours.contains("namespace: prod\n") && ours.contains("grace-hopper"),
        "{ours}"
    );
    assert_eq!(sops(&env, ["decrypt", DB]).success().stdout, ours);
}

fn rules_are_merged_by_git_itself() {
    let env = with_drivers();
    // A clone that was set up before the rules were taken out gets the line by another run.
    let attributes = env.read(".gitattributes");
    env.write(
        ".gitattributes",
        attributes.replace(".sops.yaml !diff !merge\n", ""),
    );
    secrets(&env, ["git-setup"]).success();
    assert_eq!(env.read(".gitattributes"), attributes);
    secrets(&env, ["git-setup", "--pattern", "*.yaml"]).success();
    let attribute = git(
        &env,
        [
            "check-attr",
            "merge",
            "diff",
            "--",
            ".sops.yaml",
            "a/.sops.yaml",
        ],
    );
    let attribute = attribute.success().stdout;
    assert_eq!(
        attribute.matches(": unspecified\n").count(),
        4,
        "{attribute}"
    );
    commit(&env);
    let rules = env.read(".sops.yaml");
    git(&env, ["checkout", "-q", "-b", "theirs"]).success();
    env.write(".sops.yaml", format!("# theirs\n{rules}"));
    commit(&env);
    git(&env, ["checkout", "-q", "main"]).success();
    env.write(".sops.yaml", format!("{rules}# ours\n"));
    commit(&env);
    git(&env, ["merge", "-q", "--no-edit", "theirs"]).success();
    assert_eq!(env.read(".sops.yaml"), format!("# theirs\n{rules}# ours\n"));
}

const ADDED: &str = "cluster/secrets/db/added.sops.yaml";

fn files_that_both_sides_add_are_merged() {
    let env = with_drivers();
    git(&env, ["checkout", "-q", "-b", "theirs"]).success();
    encrypted(&env, ADDED, &format!("{SECRET}    theirs: b\n"));
    commit(&env);
    git(&env, ["checkout", "-q", "main"]).success();
    encrypted(&env, ADDED, &format!("{SECRET}    ours: a\n"));
    commit(&env);
    git(&env, ["merge", "-q", "--no-edit", "theirs"]).success();
    let merged = secrets(&env, ["decrypt", ADDED]).success().stdout;
    for line in [
        "    ours: a\n",
        "    theirs: b\n",
        "    user: ada-lovelace\n",
    ] {
        assert_eq!(merged.matches(line).count(), 1, "{merged}");
    }
}

fn sides_in_the_clear_are_merged_by_line() {
    let env = with_drivers();
    let text = |one: &str, two: &str| format!("a: {one}\n\nx: 1\ny: 2\nz: 3\n\nb: {two}\n");
    for (name, version) in [
        ("base", text("1", "1")),
        ("ours", text("2", "1")),
        ("theirs", text("1", "2")),
    ] {
        env.write(name, version);
    }
    let merge = ["merge-driver", "base", "ours", "theirs", "plain.sops.yaml"];
    secrets(&env, merge).success();
    assert_eq!(env.read("ours"), text("2", "2"));
    // What differs is marked, and no side is lost.
    env.write("ours", text("3", "1"));
    env.write("theirs", text("4", "1"));
    secrets(&env, merge).expect_code(4);
    let marked = env.read("ours");
    let expected = "<<<<<<< ours\na: 3\n=======\na: 4\n>>>>>>> theirs\n";
    assert!(marked.starts_with(expected), "{marked}");
}
