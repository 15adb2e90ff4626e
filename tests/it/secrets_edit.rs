//! `homelab secrets edit`, with editors that are scripts: nothing is left behind, nothing is lost.

use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use crate::support::vault::{SECRET, encrypted, repository, secrets};
use crate::support::{Case, Planted, Run, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        a_changed_value_is_encrypted_and_the_others_keep_their_bytes,
        nothing_changed_writes_nothing,
        the_plaintext_is_private_and_gone_afterwards,
        what_is_not_valid_comes_back,
        what_cannot_be_encrypted_comes_back,
        a_new_file_of_which_nothing_would_be_encrypted_comes_back,
        an_edit_that_leaves_nothing_encrypted_comes_back,
        an_edit_that_stays_invalid_is_given_up,
        an_editor_that_fails_changes_nothing,
        editors_are_found_and_taken_apart,
        a_new_file_is_made_encrypted,
        a_new_file_without_a_rule_is_refused_before_anybody_types,
        a_terminated_edit_leaves_nothing,
        an_interrupted_editor_leaves_nothing,
        somebody_else_s_change_is_not_overwritten_and_what_was_typed_is_kept,
        a_file_that_somebody_made_meanwhile_stays,
        links_that_an_editor_leaves_are_not_followed,
        a_runtime_directory_on_a_disk_is_not_taken_for_memory,
        an_edit_past_a_broken_mac_mends_it,
    ]
}

const DB: &str = "cluster/secrets/db/db.sops.yaml";

/// A repository, and a place in memory as a user has one.
struct Desk {
    env: TestEnv,
    memory: TempDir,
}

impl Deref for Desk {
    type Target = TestEnv;

    fn deref(&self) -> &TestEnv {
        &self.env
    }
}

impl Desk {
    fn new() -> Self {
        let memory = tempfile::Builder::new()
            .prefix("homelab-test-")
            .tempdir_in("/dev/shm")
            .unwrap();
        Self {
            env: repository(),
            memory,
        }
    }
}

fn with_secret() -> Desk {
    let env = Desk::new();
    encrypted(&env, DB, SECRET);
    env
}

/// Writes an editor: a shell script that is given the file.
fn editor(env: &TestEnv, script: &str) -> Utf8PathBuf {
    let path = env.base().join("editor");
    std::fs::write(&path, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The memory of this environment's user.
fn runtime(env: &Desk) -> &Utf8Path {
    Utf8Path::from_path(env.memory.path()).unwrap()
}

fn edit(env: &Desk, script: &str) -> Run {
    env.homelab(["secrets", "edit", DB])
        .env("EDITOR", editor(env, script))
        .env("XDG_RUNTIME_DIR", runtime(env))
        .run()
}

fn nothing_is_left(env: &Desk) {
    for folder in [runtime(env), &env.base().join("tmp")] {
        let left: Vec<_> = folder.read_dir_utf8().unwrap().collect();
        assert!(left.is_empty(), "{folder} holds {left:?}");
    }
    let mut planted = Planted::new();
    planted.plant("password", "hunter2-hunter2");
    planted.plant("user", "ada-lovelace");
    planted.absent_below(&env.root(), &[]);
}

fn line(text: &str, key: &str) -> String {
    let found = text.lines().find(|line| line.trim_start().starts_with(key));
    found.unwrap().to_owned()
}

fn a_changed_value_is_encrypted_and_the_others_keep_their_bytes() {
    let env = with_secret();
    let before = env.read(DB);
    let run = edit(&env, "sed -i s/ada-lovelace/grace-hopper/ \"$1\"").success();
    assert_eq!(run.stderr, format!("encrypted `{DB}`\n"));
    let after = env.read(DB);
    assert_eq!(line(&before, "password:"), line(&after, "password:"));
    assert_ne!(line(&before, "user:"), line(&after, "user:"));
    let plain = secrets(&env, ["decrypt", DB]).success().stdout;
    assert_eq!(plain, SECRET.replace("ada-lovelace", "grace-hopper"));
    nothing_is_left(&env);
}

fn nothing_changed_writes_nothing() {
    let env = with_secret();
    let file = env.root().join(DB);
    let before = std::fs::metadata(&file).unwrap().modified().unwrap();
    let run = edit(&env, "cat \"$1\" > /dev/null").success();
    assert_eq!(run.stderr, format!("nothing changed in `{DB}`\n"));
    assert_eq!(
        std::fs::metadata(&file).unwrap().modified().unwrap(),
        before
    );
    nothing_is_left(&env);
}

fn the_plaintext_is_private_and_gone_afterwards() {
    let env = with_secret();
    let seen = env.base().join("seen");
    let script = format!(
        "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > {seen}; cat \"$1\" > /dev/null; touch \"$(dirname \"$1\")/.swp\""
    );
    edit(&env, &script).success();
    let seen = std::fs::read_to_string(seen).unwrap();
    let mut lines = seen.lines();
    let file = lines.next().unwrap().strip_prefix("600 ").unwrap();
    assert!(file.starts_with(runtime(&env).as_str()), "{file}");
    assert!(file.ends_with("/db.sops.yaml"), "{file}");
    assert!(lines.next().unwrap().starts_with("700 "), "{seen}");
    nothing_is_left(&env);
}

fn what_is_not_valid_comes_back() {
    let env = with_secret();
    let rounds = env.base().join("rounds");
    let script = format!(
        "echo x >> {rounds}\nif [ $(wc -l < {rounds}) = 1 ]; then echo '  broken: [' >> \"$1\"\n\
         else sed -i '/broken/d; s/ada-lovelace/grace-hopper/' \"$1\"; fi"
    );
    let run = edit(&env, &script).success();
    assert!(
        run.stderr
            .contains("error: what was typed is not valid: line "),
        "{}",
        run.stderr
    );
    assert!(
        secrets(&env, ["decrypt", DB])
            .success()
            .stdout
            .contains("grace-hopper")
    );
    nothing_is_left(&env);
}

fn an_edit_that_stays_invalid_is_given_up() {
    let env = with_secret();
    let before = env.read(DB);
    let run = edit(&env, "grep -q broken \"$1\" || echo 'broken: [' >> \"$1\"").expect_code(1);
    assert!(
        run.stderr.contains("the edit was given up"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read(DB), before);
    let reserved = edit(&env, "grep -q sops: \"$1\" || echo 'sops: {}' >> \"$1\"").expect_code(1);
    assert!(
        reserved.stderr.contains("the key `sops` is reserved"),
        "{}",
        reserved.stderr
    );
    nothing_is_left(&env);
}

fn an_editor_that_fails_changes_nothing() {
    let env = with_secret();
    let before = env.read(DB);
    let run = edit(&env, "echo 'a: b' > \"$1\"; exit 3").expect_code(1);
    assert!(
        run.stderr
            .contains("ended with exit status: 3; nothing was written"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read(DB), before);
    nothing_is_left(&env);
}

fn editors_are_found_and_taken_apart() {
    let env = with_secret();
    let script = editor(&env, "test \"$1\" = 'two words'; test -f \"$2\"");
    let run = |name: &str, value: &str| {
        env.homelab(["secrets", "edit", DB])
            .env(name, value)
            .env("XDG_RUNTIME_DIR", runtime(&env))
            .run()
    };
    run("EDITOR", &format!("'{script}' 'two words'")).success();
    run("SOPS_EDITOR", &format!("{script} two\\ words")).success();
    let first = env.homelab(["secrets", "edit", DB]).env("EDITOR", "false");
    let first = first.env("SOPS_EDITOR", format!("{script} 'two words'"));
    first.env("XDG_RUNTIME_DIR", runtime(&env)).run().success();
    let open = run("EDITOR", "vim '").expect_code(2);
    assert!(
        open.stderr
            .contains("`EDITOR` has a quote that is not closed"),
        "{}",
        open.stderr
    );
    let none = env
        .homelab(["secrets", "edit", DB])
        .env("PATH", "")
        .run()
        .expect_code(2);
    assert!(none.stderr.contains("no editor"), "{}", none.stderr);
    let missing = run("EDITOR", "no-such-editor").expect_code(1);
    assert!(
        missing
            .stderr
            .contains("cannot run the editor `no-such-editor`"),
        "{}",
        missing.stderr
    );
    nothing_is_left(&env);
}

fn a_new_file_is_made_encrypted() {
    let env = Desk::new();
    let source = env.base().join("new.yaml");
    std::fs::write(&source, SECRET).unwrap();
    edit(&env, &format!("cat {source} > \"$1\"")).success();
    std::fs::remove_file(source).unwrap();
    assert_eq!(secrets(&env, ["decrypt", DB]).success().stdout, SECRET);
    nothing_is_left(&env);
    let untouched = env.homelab(["secrets", "edit", "cluster/none.sops.yaml"]);
    untouched.env("EDITOR", "true").run().success();
    assert!(!env.has("cluster/none.sops.yaml"));
}

fn a_new_file_without_a_rule_is_refused_before_anybody_types() {
    let env = repository();
    let run = env.homelab(["secrets", "edit", "plain.yaml"]);
    let run = run.env("EDITOR", "touch opened").run().expect_code(6);
    assert!(
        run.stderr
            .contains("no rule of `.sops.yaml` matches `plain.yaml`"),
        "{}",
        run.stderr
    );
    assert!(!env.has("opened"));
}

/// Starts an edit whose editor says that it runs, and waits until it does.
fn start(env: &Desk, group: bool) -> Child {
    let ready = env.base().join("ready");
    let script = editor(env, &format!("touch {ready}\nexec sleep 600"));
    let mut command = Command::new("setsid");
    if !group {
        command = Command::new("env");
    }
    let child = command
        .arg(env!("CARGO_BIN_EXE_homelab"))
        .args(["secrets", "edit", DB])
        .current_dir(env.root())
        .env("EDITOR", script)
        .env("HOME", env.home())
        .env("XDG_RUNTIME_DIR", runtime(env))
        .env("TMPDIR", env.base().join("tmp"))
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !ready.exists() {
        assert!(Instant::now() < deadline, "the editor does not start");
        std::thread::yield_now();
    }
    child
}

fn kill(signal: &str, process: &str) {
    let status = Command::new("kill")
        .args(["-s", signal, "--", process])
        .status();
    assert!(status.unwrap().success());
}

fn a_terminated_edit_leaves_nothing() {
    for signal in ["TERM", "HUP", "QUIT"] {
        let env = with_secret();
        let before = env.read(DB);
        let mut child = start(&env, false);
        kill(signal, &child.id().to_string());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(env.read(DB), before);
        nothing_is_left(&env);
    }
}

/// Ctrl-C reaches everything in the foreground: the editor decides, here it dies.
fn an_interrupted_editor_leaves_nothing() {
    let env = with_secret();
    let before = env.read(DB);
    let mut child = start(&env, true);
    // `setsid` made the command the leader of a group of its own.
    kill("INT", &format!("-{}", child.id()));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(env.read(DB), before);
    nothing_is_left(&env);
}

/// An editor that does one thing when it is called first, and another one later.
fn in_two_rounds(env: &Desk, first: &str, second: &str) -> String {
    let rounds = env.base().join("rounds");
    format!("echo x >> {rounds}\nif [ $(wc -l < {rounds}) = 1 ]; then {first}; else {second}; fi")
}

/// It reads as YAML, and no `sops` could read it encrypted.
fn what_cannot_be_encrypted_comes_back() {
    let env = with_secret();
    let before = env.read(DB);
    let script = in_two_rounds(
        &env,
        "echo '    <<: x' >> \"$1\"",
        "sed -i '/<</d; s/ada-lovelace/grace-hopper/' \"$1\"",
    );
    let run = edit(&env, &script).success();
    assert!(
        run.stderr.contains("the merge key `<<` takes a mapping"),
        "{}",
        run.stderr
    );
    let plain = secrets(&env, ["decrypt", DB]).success().stdout;
    assert_eq!(plain, SECRET.replace("ada-lovelace", "grace-hopper"));
    // Left as it is, it ends with the same error.
    env.write(DB, &before);
    let script = "grep -q '<<' \"$1\" || echo '    <<: x' >> \"$1\"";
    let run = edit(&env, script).expect_code(1);
    assert!(
        run.stderr.contains("the edit was given up")
            && run.stderr.matches("the merge key `<<` takes").count() == 2,
        "{}",
        run.stderr
    );
    assert_eq!(env.read(DB), before);
    nothing_is_left(&env);
}

/// A mistyped key would write the secret in the clear and call it encrypted.
fn an_edit_that_leaves_nothing_encrypted_comes_back() {
    let env = with_secret();
    let before = env.read(DB);
    let script = "sed -i s/stringData:/stringdata:/ \"$1\"";
    let run = edit(&env, script).expect_code(6);
    assert!(
        run.stderr
            .contains("nothing in it would be encrypted any more"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read(DB), before);
    let script = in_two_rounds(&env, script, "sed -i s/stringdata:/stringData:/ \"$1\"");
    edit(&env, &script).success();
    assert_eq!(env.read(DB), before);
    nothing_is_left(&env);
}

fn a_new_file_of_which_nothing_would_be_encrypted_comes_back() {
    let env = Desk::new();
    let typed = SECRET.replace("stringData", "stringdata");
    let source = env.base().join("new.yaml");
    std::fs::write(&source, typed).unwrap();
    let script = in_two_rounds(
        &env,
        &format!("cat {source} > \"$1\""),
        "sed -i s/stringdata/stringData/ \"$1\"",
    );
    let run = edit(&env, &script).success();
    std::fs::remove_file(source).unwrap();
    assert!(
        run.stderr.contains(&format!("encrypts nothing in `{DB}`")),
        "{}",
        run.stderr
    );
    assert_eq!(secrets(&env, ["decrypt", DB]).success().stdout, SECRET);
    nothing_is_left(&env);
}

/// The file that a message says holds what was typed.
fn kept(run: &Run) -> Utf8PathBuf {
    let (_, rest) = run
        .stderr
        .split_once("what you typed is kept in `")
        .unwrap();
    rest.split('`').next().unwrap().into()
}

fn somebody_else_s_change_is_not_overwritten_and_what_was_typed_is_kept() {
    let env = with_secret();
    let theirs = env.read(DB).replace("# why", "# theirs");
    let copy = env.base().join("theirs");
    std::fs::write(&copy, &theirs).unwrap();
    let file = env.root().join(DB);
    let run = edit(
        &env,
        &format!("cp {copy} {file}; sed -i s/ada-lovelace/grace-hopper/ \"$1\""),
    );
    let run = run.expect_code(1);
    assert!(
        run.stderr
            .contains("was changed by somebody else meanwhile"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read(DB), theirs);
    let kept = kept(&run);
    assert!(kept.starts_with(runtime(&env)), "{kept}");
    let expected = SECRET.replace("ada-lovelace", "grace-hopper");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), expected);
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    nothing_is_left(&env);
}

fn a_file_that_somebody_made_meanwhile_stays() {
    let env = Desk::new();
    let source = env.base().join("new.yaml");
    std::fs::write(&source, SECRET).unwrap();
    let file = env.root().join(DB);
    let folder = file.parent().unwrap();
    let script = format!("mkdir -p {folder}; echo theirs > {file}; cat {source} > \"$1\"");
    let run = edit(&env, &script).expect_code(1);
    std::fs::remove_file(source).unwrap();
    assert!(run.stderr.contains("exists already"), "{}", run.stderr);
    assert_eq!(env.read(DB), "theirs\n");
    let kept = kept(&run);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), SECRET);
    std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    nothing_is_left(&env);
}

fn links_that_an_editor_leaves_are_not_followed() {
    let env = with_secret();
    let precious = env.base().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    let script = format!(
        "folder=$(dirname \"$1\"); ln -s {precious} $folder/link; mkdir $folder/backup; cp \"$1\" \
         $folder/backup/; ln -s {} $folder/backup/link",
        env.base()
    );
    edit(&env, &script).success();
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    nothing_is_left(&env);
}

fn a_runtime_directory_on_a_disk_is_not_taken_for_memory() {
    let env = with_secret();
    let on_disk = env.root().join("run");
    std::fs::create_dir(&on_disk).unwrap();
    let seen = env.base().join("seen");
    let stat = Command::new("stat")
        .args(["-f", "-c", "%T", on_disk.as_str()])
        .output();
    let system = String::from_utf8(stat.unwrap().stdout).unwrap();
    let run = env
        .homelab(["secrets", "edit", DB])
        .env("EDITOR", editor(&env, &format!("echo \"$1\" > {seen}")))
        .env("XDG_RUNTIME_DIR", &on_disk);
    let run = run.run().success();
    let seen = std::fs::read_to_string(seen).unwrap();
    let expected = if matches!(system.trim(), "tmpfs" | "ramfs") {
        on_disk.as_str()
    } else {
        "/dev/shm/"
    };
    assert!(seen.starts_with(expected), "{seen}");
    assert_eq!(run.stderr, format!("nothing changed in `{DB}`\n"));
}

fn an_edit_past_a_broken_mac_mends_it() {
    let env = with_secret();
    env.write(DB, env.read(DB).replace("name: db", "name: db2"));
    edit(&env, "true").expect_code(1);
    let run = |script: &str| {
        let run = env.homelab(["secrets", "edit", "--ignore-mac", DB]);
        run.env("EDITOR", editor(&env, script))
            .env("XDG_RUNTIME_DIR", runtime(&env))
            .run()
            .success()
    };
    // An empty line is no value: the tree is the same.
    let run = run("echo >> \"$1\"");
    assert_eq!(run.stderr, format!("encrypted `{DB}`\n"));
    let plain = secrets(&env, ["decrypt", DB]).success().stdout;
    assert_eq!(plain, SECRET.replace("name: db", "name: db2"));
    nothing_is_left(&env);
}
