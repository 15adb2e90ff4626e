//! Secrets stay where they belong: every command of a day's work runs in a repository with real
//! secrets, and a cluster comes up and changes, with the developer's log at its most talkative.
//! Nothing that commands print or write shows a secret, nor what others could see meanwhile.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::ensure;
use homelab::yaml;
use serde_json::Value;

use crate::support::vault::git;
use crate::support::{Case, Planted, Run, TestEnv, Watch, World, cases};

const AGE_KEY: &str = ".sops/age.key";
const BUNDLE: &str = "infrastructure/talos/secrets.sops.yaml";

/// What is in the clear on purpose: names, and what certificates tell anybody.
const PUBLIC: &[&str] = &["crt", "id", "identity.pub", "known_hosts", "username"];

pub fn tests() -> Vec<Case> {
    cases![
        what_shows_is_found,
        commands_show_no_secret,
        damaged_files_are_not_quoted,
        three_machines_come_up_and_change_and_show_no_secret,
        one_machine_comes_up_and_changes_and_shows_no_secret,
    ]
}

/// A repository with this project's own spec and secrets of its own, and these secrets.
fn repository() -> (TestEnv, Planted) {
    let env = TestEnv::new();
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/homelab.yaml");
    env.write("homelab.yaml", std::fs::read(spec).unwrap());
    let made = env.homelab(["secrets", "init"]).run().success();
    let decrypted = env.homelab(["secrets", "decrypt", BUNDLE]).run().success();

    let mut planted = Planted::new();
    planted.plant("age key", &planted_key(&env));
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

/// The searches of this topic find what they are there to find.
fn what_shows_is_found() {
    let (env, planted) = repository();
    let planted = Arc::new(planted);
    let leaks = planted.leaks_below(env.base(), &[]);
    assert_eq!(leaks, ["repo/.sops/age.key: age key"]);
    let decrypted = env.homelab(["secrets", "decrypt", BUNDLE]).run().success();
    let shown = planted.found_in(decrypted.stdout.as_bytes());
    for secret in [".certs.os.key", ".secrets.bootstraptoken"] {
        assert!(shown.contains(&secret), "{secret}: {shown:?}");
    }
    commit(&env, &["-f", AGE_KEY]);
    assert_eq!(planted.found_in(objects(&env).as_bytes()), ["age key"]);

    let key = planted_key(&env);
    let left = env.base().join("tmp/left");
    std::fs::write(&left, &key).unwrap();
    let watch = Watch::begin(&planted, vec![env.base().join("tmp")]);
    // It waits for its input, and would read a file of the key's name.
    let mut careless = std::process::Command::new("cat")
        .args(["-", &key])
        .env("HELD", &key)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let seen = watch.end();
    careless.kill().unwrap();
    careless.wait().unwrap();
    let leaks: Vec<_> = seen.leaks.into_iter().collect();
    let file = format!("{left}: age key");
    let mut expected = [
        file.as_str(),
        "the arguments of a process: age key",
        "the environment of a process: age key",
    ];
    expected.sort_unstable();
    assert_eq!(leaks, expected);
}

fn planted_key(env: &TestEnv) -> String {
    let key = env.read(AGE_KEY);
    let key = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY-"));
    key.unwrap().to_owned()
}

/// Commits everything, or what is named.
fn commit(env: &TestEnv, what: &[&str]) {
    let (name, mail) = ("user.name=t", "user.email=t@example.org");
    git(env, ["init", "-q", "-b", "main"]).success();
    git(env, [&["add"], what].concat()).success();
    git(env, ["-c", name, "-c", mail, "commit", "-q", "-m", "x"]).success();
}

/// Everything that Git holds, as it was before Git compressed it.
fn objects(env: &TestEnv) -> String {
    let all = ["cat-file", "--batch-all-objects", "--batch"];
    git(env, all).success().stdout
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

/// A cluster with secrets of every kind.
struct Setting {
    preset: &'static str,
    /// With a token for `https:`, with a deploy key for `ssh:`.
    url: &'static str,
    answers: &'static [(&'static str, &'static str)],
}

fn three_machines_come_up_and_change_and_show_no_secret() -> anyhow::Result<()> {
    live(&Setting {
        preset: "talos-ha",
        url: "https://git.example.org/me/homelab.git",
        answers: &[
            ("flux-operator/git-credentials/username", "reader"),
            (
                "flux-operator/git-credentials/password",
                "planted-git-token",
            ),
            (
                "cert-manager/cloudflare-api-token/api-token",
                "planted-dns-token",
            ),
        ],
    })
}

fn one_machine_comes_up_and_changes_and_shows_no_secret() -> anyhow::Result<()> {
    live(&Setting {
        preset: "one-node",
        url: "ssh://git@github.com/me/homelab.git",
        answers: &[],
    })
}

/// A password of the owner's own, which the machines get.
const OWN: &str = "own.sops.yaml";
const FIRST_PASSWORD: &str = "planted-first-password";
const SECOND_PASSWORD: &str = "planted-second-password";

/// The repository of a setting before its machines are touched, with every secret that it holds.
fn before(setting: &Setting) -> (TestEnv, Planted) {
    let (env, outside) = (TestEnv::new(), TestEnv::new());
    let mut runs = Vec::new();
    let mut run = |arguments: &[&str]| runs.push(run_with_logs(&env, arguments).success());
    let named = ["--name", "demo", "--git-url", setting.url];
    run(&[["init", "--preset", setting.preset].as_slice(), &named].concat());
    let sources = setting
        .answers
        .iter()
        .enumerate()
        .map(|(number, (name, value))| {
            outside.write(number.to_string(), value);
            format!("--from-file={name}={}/{number}", outside.root())
        });
    let sources: Vec<_> = sources.collect();
    if !sources.is_empty() {
        let sources = sources.iter().map(String::as_str);
        let given: Vec<_> = ["secrets", "init"].into_iter().chain(sources).collect();
        run(&given);
    }
    env.write(OWN, format!("login:\n  password: {FIRST_PASSWORD}\n"));
    run(&["secrets", "encrypt", OWN]);
    let patch = format!(
        "  patches:\n    all:\n      - {{apiVersion: v1alpha1, kind: EnvironmentConfig, \
         variables: {{LOGIN: {{secretRef: {OWN}#login.password}}}}}}\n  components:"
    );
    let spec = env.read("homelab.yaml");
    env.write("homelab.yaml", spec.replacen("  components:", &patch, 1));
    run(&["render"]);

    let mut planted = Planted::new();
    planted.plant("age key", &planted_key(&env));
    planted.plant("second password", SECOND_PASSWORD);
    let files = env.files();
    for file in files
        .iter()
        .filter(|file| file.as_str().ends_with(".sops.yaml") && *file != ".sops.yaml")
    {
        let clear = env
            .homelab(["secrets", "decrypt", file.as_str()])
            .run()
            .success();
        let document = yaml::parse(&clear.stdout).unwrap();
        let secrets = document.get("stringData").unwrap_or(&document);
        assert!(
            plant_leaves(&mut planted, file.as_str(), secrets) > 0,
            "{file}"
        );
    }
    for run in runs {
        planted.absent_from(&run);
    }
    (env, planted)
}

/// Commands of the day on which the cluster comes up, with their exit codes.
const FIRST_DAY: &[(i32, &[&str])] = &[
    (0, &["nodes", "discover"]),
    (0, &["nodes", "list"]),
    (4, &["status"]),
    (4, &["doctor"]),
    (0, &["bootstrap", "--plan"]),
    (0, &["bootstrap", "--plan", "--output", "json"]),
    (0, BOOTSTRAP),
    (0, &["nodes", "discover"]),
    (0, &["nodes", "list", "--output", "json"]),
    (0, &["status"]),
    (0, &["doctor"]),
    (0, &["plan"]),
];

const BOOTSTRAP: &[&str] = &["bootstrap", "--yes", "--contexts", "merge"];

/// Commands of the day on which the owner's password changes.
const NEXT_DAY: &[(i32, &[&str])] = &[
    (4, &["diff", "talos-1", "--live"]),
    (4, &["plan"]),
    (4, &["plan", "--output", "json"]),
    (4, &["status", "--output", "json"]),
    (4, &["doctor", "--output", "json"]),
    (4, &["bootstrap", "--yes"]),
    (0, &["apply", "--yes"]),
    (0, &["plan"]),
    (0, &["bootstrap", "--yes", "--output", "json"]),
];

/// Rehearsals, whose results are files too.
const REHEARSALS: &[&[&str]] = &[
    &["rehearse", "--html", "page.html", "--svg", "picture.svg"],
    &["rehearse", "--output", "json"],
    &["rehearse", "--fault", "lost-reply", "--kill-at", "100"],
];

/// Everything happens to a cluster, and whatever could show a secret is searched.
fn live(setting: &Setting) -> anyhow::Result<()> {
    let (env, planted) = before(setting);
    let planted = Arc::new(planted);
    commit(&env, &["-A"]);
    let mut world = World::of(env)?;
    let base = world.env.base().to_owned();
    let watched = ["home", "tmp", "repo/.homelab"].map(|folder| base.join(folder));
    let watch = Watch::begin(&planted, watched.into());
    let mut runs = Vec::new();
    for (code, command) in FIRST_DAY {
        runs.push(meet(&world, command).expect_code(*code));
    }
    let changed = ["secrets", "set", OWN, "login.password", "--from-file", "-"];
    let changed = world.env.homelab(changed).stdin(SECOND_PASSWORD);
    runs.push(changed.env("HOMELAB_LOG", "trace").run().success());
    for (code, command) in NEXT_DAY {
        runs.push(meet(&world, command).expect_code(*code));
    }
    for command in REHEARSALS {
        runs.push(run_with_logs(&world.env, command).success());
    }
    let seen = watch.end();
    planted.absent_from_text("the served world's output", world.end().as_bytes());
    commit(&world.env, &["-A"]);

    ensure!(seen.leaks.is_empty(), "{:?}", seen.leaks);
    let bootstrap = format!(" {} --connect-map ", BOOTSTRAP.join(" "));
    let was_seen = seen.commands.iter().any(|it| it.contains(&bootstrap));
    ensure!(
        was_seen || cfg!(not(target_os = "linux")),
        "{:?}",
        seen.commands
    );
    ensure!(seen.files > 10, "{} files", seen.files);
    nothing_shows(&world.env, &planted, &runs)
}

/// Runs a command that meets the machines, at its most talkative.
fn meet(world: &World, command: &[&str]) -> Run {
    let run = world.command(command).env("HOMELAB_LOG", "trace").run();
    assert!(run.stderr.contains(" TRACE "), "{command:?} logs nothing");
    run
}

/// Files for the owner alone, with the place of a private key in them.
const HELD: &[(&str, &str)] = &[
    (
        "repo/.homelab/state/kubeconfig",
        "/users/0/user/client-key-data",
    ),
    ("home/.kube/config", "/users/0/user/client-key-data"),
    ("home/.talos/config", "/contexts/demo/key"),
];

/// Searches what runs printed and what they left. The secrets of the repository are in no file but
/// that of the age key; the administrator's keys, which were made from them, in the owner's files.
fn nothing_shows(env: &TestEnv, planted: &Planted, runs: &[Run]) -> anyhow::Result<()> {
    let mut held = Planted::new();
    for (file, place) in HELD {
        let document = yaml::parse(&std::fs::read_to_string(env.base().join(file))?)?;
        let key = document.pointer(place);
        plant_leaves(&mut held, file, key.unwrap_or_else(|| panic!("{file}")));
    }
    let files: Vec<&str> = HELD.iter().map(|(file, _)| *file).collect();
    ensure!(held.leaks_below(env.base(), &[]).len() >= files.len());
    for file in [
        ".homelab/state/journal.ndjson",
        "world/report.json",
        "page.html",
        "picture.svg",
    ] {
        ensure!(env.has(file), "{file}");
    }
    for (planted, except) in [(planted, &["repo/.sops/age.key"][..]), (&held, &files)] {
        for run in runs {
            planted.absent_from(run);
        }
        planted.absent_below(env.base(), except);
        planted.absent_from_text("the Git repository", objects(env).as_bytes());
    }
    Ok(())
}
