//! `homelab secrets init` and `homelab nodes config`: made once, opened in memory, never shown unasked.

use camino::Utf8Path;
use homelab::store::sealed::Opener;
use serde_json::Value;
use sops_rs::Environment;

use crate::support::{Case, Need, Planted, TestEnv, cases, oracle, realparts};

const BUNDLE: &str = "infrastructure/talos/secrets.sops.yaml";
const TOKEN: &str = "cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml";

pub fn tests() -> Vec<Case> {
    let mut all = cases![
        the_first_run_tells_what_it_made,
        a_second_run_is_refused_and_changes_nothing,
        a_complete_repository_is_nothing_to_do,
        what_git_has_is_never_made_anew,
        a_key_that_nobody_has_is_not_named,
        a_value_comes_from_a_file_or_standard_input,
        a_value_that_nothing_asks_for_is_a_usage_error,
        a_value_comes_from_a_command,
        a_redacted_configuration_gives_no_bundle,
        a_deploy_key_is_made_and_its_page_named,
        a_public_repository_s_webhook_is_registered_too,
        a_host_whose_key_nobody_knows_is_named,
        without_the_key_nothing_is_shown,
        redacted_configuration_needs_no_key,
        unknown_nodes_are_named_with_the_known_ones,
        a_bundle_that_is_missing_is_a_refusal,
    ];
    all.push(Case::new("sops_opens_what_was_made", sops_opens_what_was_made).parts(&["sops"]));
    all.push(
        Case::new(
            "talosctl_takes_the_joined_configuration",
            talosctl_takes_the_joined_configuration,
        )
        .parts(&["talosctl"]),
    );
    all.push(
        Case::new(
            "the_bundle_of_a_running_cluster_is_recovered",
            the_bundle_of_a_running_cluster_is_recovered,
        )
        .parts(&["talosctl"]),
    );
    all.push(
        Case::new("openssh_reads_the_deploy_key", openssh_reads_the_deploy_key)
            .needs(Need::Program("ssh-keygen")),
    );
    all.push(
        Case::new(
            "a_person_is_asked_on_a_terminal",
            a_person_is_asked_on_a_terminal,
        )
        .needs(Need::Program("script"))
        .needs(Need::Program("bash")),
    );
    all
}

/// A repository with this project's own spec.
fn repository() -> TestEnv {
    let env = TestEnv::new();
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/homelab.yaml");
    env.write("homelab.yaml", std::fs::read(spec).expect("it is there"));
    env
}

/// One in which `secrets init` has run.
fn with_secrets() -> TestEnv {
    let env = repository();
    env.homelab(["secrets", "init"]).run().success();
    env
}

fn the_first_run_tells_what_it_made() {
    let env = repository();
    let run = env
        .homelab(["secrets", "init", "--output", "json"])
        .run()
        .success();
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let key = env.read(".sops/age.key");
    let (comment, secret) = key.trim_end().split_once('\n').expect("two lines");
    let recipient = comment.trim_start_matches("# public key: ");
    insta::assert_json_snapshot!(report, {".recipients[]" => "[RECIPIENT]", ".git.publicKey" => "[KEY]"}, @r#"
    {
      "key": {
        "file": ".sops/age.key",
        "state": "made"
      },
      "recipients": [
        "[RECIPIENT]"
      ],
      "recipient_in_spec": false,
      "rules": {
        "file": ".sops.yaml",
        "state": "made"
      },
      "bundle": {
        "file": "infrastructure/talos/secrets.sops.yaml",
        "state": "made"
      },
      "git": {
        "file": "cluster/secrets/flux-operator/git-credentials.sops.yaml",
        "state": "made",
        "host": "github.com",
        "auth": "ssh",
        "publicKey": "[KEY]"
      },
      "pages": {
        "deployKeys": "https://github.com/me/homelab/settings/keys",
        "webhooks": "https://github.com/me/homelab/settings/hooks"
      },
      "secrets": [
        {
          "component": "cert-manager",
          "summary": "Cloudflare API token that may edit the DNS records of your zones",
          "file": "cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml",
          "state": "missing"
        }
      ]
    }
    "#);
    assert_eq!(report["recipients"][0], recipient);
    assert!(
        run.stderr.contains("Back up .sops/age.key now"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(recipient), "{}", run.stderr);
    let mut planted = Planted::new();
    planted.plant("age key", secret);
    planted.absent_from(&run);
    planted.absent_below(&env.root(), &[".sops/age.key"]);
}

fn a_second_run_is_refused_and_changes_nothing() {
    let env = with_secrets();
    let before = env.read(BUNDLE);
    let run = env.homelab(["secrets", "init"]).run().expect_code(6);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 6
    --- stdout
    --- stderr
    error: `infrastructure/talos/secrets.sops.yaml` exists already and is never replaced
    hint: cert-manager needs a value: Cloudflare API token that may edit the DNS records of your zones; run `homelab secrets init` on a terminal to enter it, or with `--from-file` (cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml)
    ");
    assert_eq!(env.read(BUNDLE), before);
}

fn a_complete_repository_is_nothing_to_do() {
    let env = with_secrets();
    env.write("token.txt", "planted-api-token\n");
    let source = "cert-manager/cloudflare-api-token/api-token=token.txt";
    let init = || {
        env.homelab(["secrets", "init", "--from-file", source])
            .run()
    };
    init().success();
    let before = env.read(TOKEN);
    let again = init().success();
    assert!(
        again.stderr.contains(
            "the value given for `cert-manager/cloudflare-api-token/api-token` is not used"
        ),
        "{}",
        again.stderr
    );
    assert_eq!(env.read(TOKEN), before);
    let run = env.homelab(["secrets", "init"]).run().success();
    assert_eq!(run.stderr, "nothing to do\n");
}

/// A file that is gone here only would come back as other secrets.
fn what_git_has_is_never_made_anew() {
    let env = with_secrets();
    let git = |arguments: &[&str]| env.program("git", arguments).run().success();
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    let commit = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let commit = [
        &commit[..],
        &["-c", "commit.gpgsign=false", "commit", "-q", "-m", "x"],
    ];
    for (file, is_staged) in [(BUNDLE, true), (CREDENTIALS, true), (CREDENTIALS, false)] {
        let before = env.read(file);
        if is_staged && file == CREDENTIALS {
            git(&commit.concat());
        }
        if is_staged {
            std::fs::remove_file(env.root().join(file)).expect("it is there");
        } else {
            git(&["rm", "-q", file]);
        }
        let files = env.files();
        for command in [&["secrets", "init"][..], &["init", "--add-missing"]] {
            let run = env.homelab(command).run().expect_code(6);
            let expected = format!("error: Git has files that are missing here: `{file}`\n");
            assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
            assert!(
                run.stderr
                    .contains(&format!("`git checkout HEAD -- {file}`")),
                "{}",
                run.stderr
            );
        }
        assert_eq!(env.files(), files);
        if file == CREDENTIALS {
            git(&["checkout", "-q", "HEAD", "--", file]);
        } else {
            git(&["checkout", "-q", "--", file]);
        }
        assert_eq!(env.read(file), before);
    }
}

fn a_key_that_nobody_has_is_not_named() {
    let env = with_secrets();
    std::fs::remove_file(env.root().join(".sops/age.key")).expect("it is there");
    let run = env.homelab(["secrets", "init"]).run().expect_code(6);
    assert!(
        run.stderr.contains("no age key is at hand"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("from the caller"), "{}", run.stderr);
}

/// One fills a new repository, the other what an earlier run left open.
fn a_value_comes_from_a_file_or_standard_input() {
    const NAME: &str = "cert-manager/cloudflare-api-token/api-token";
    let fresh = repository();
    let outside = TestEnv::new();
    outside.write("token.txt", "planted-api-token\n");
    let file = outside.root().join("token.txt");
    let from_file = fresh.homelab(["secrets", "init", "--from-file", &format!("{NAME}={file}")]);
    let from_file = from_file.run().success();
    let left_open = with_secrets();
    let piped = left_open.homelab(["secrets", "init", "--from-file", &format!("{NAME}=-")]);
    let piped = piped.stdin("planted-api-token").run().success();
    let mut planted = Planted::new();
    planted.plant("api token", "planted-api-token");
    for (env, run) in [(fresh, from_file), (left_open, piped)] {
        assert!(
            run.stdout.contains(&format!("made {TOKEN}\n")),
            "{}",
            run.stdout
        );
        planted.absent_from(&run);
        planted.absent_below(&env.root(), &[]);
        let opener = Opener::new(&env.root(), Environment::default());
        let content = opener.open(Utf8Path::new(TOKEN)).expect("it opens");
        let secret = homelab::yaml::parse(content.expose()).expect("YAML");
        assert!(secret["stringData"]["api-token"] == "planted-api-token");
    }
}

fn a_value_that_nothing_asks_for_is_a_usage_error() {
    let env = repository();
    let run = env
        .homelab(["secrets", "init", "--from-file", "cert-manager/token/key=-"])
        .run()
        .expect_code(2);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: nothing asks for `cert-manager/token/key`
    hint: values are asked for: cert-manager/cloudflare-api-token/api-token
    ");
    assert_eq!(env.files(), ["homelab.yaml"]);
}

fn a_value_comes_from_a_command() {
    const NAME: &str = "cert-manager/cloudflare-api-token/api-token";
    let env = repository();
    let init = |command: &str| {
        let source = format!("{NAME}={command}");
        env.homelab(["secrets", "init", "--from-command", &source])
            .run()
    };
    let failed = init("sh -c 'exit 3'").expect_code(1);
    assert!(
        failed
            .stderr
            .contains("the command `sh -c exit 3` ended with exit status: 3"),
        "{}",
        failed.stderr
    );
    assert_eq!(env.files(), ["homelab.yaml"]);
    init("echo 'planted api token'").success();
    let opener = Opener::new(&env.root(), Environment::default());
    let content = opener.open(Utf8Path::new(TOKEN)).expect("it opens");
    assert!(content.expose().contains("api-token: planted api token\n"));
}

fn a_redacted_configuration_gives_no_bundle() {
    let env = repository();
    let config =
        "machine: {type: controlplane, token: '******'}\ncluster: {id: a, secret: '******'}\n";
    let run = env.homelab(["secrets", "init", "--from-controlplane-config", "-"]);
    let run = run.stdin(config).run().expect_code(1);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: no bundle comes out of `-`: `/cluster/secret` is redacted (`******`)
    hint: take the configuration as the machine holds it: `talosctl -n NODE get machineconfig -o yaml`
    ");
    assert_eq!(env.files(), ["homelab.yaml"]);
}

/// Talos' own answer to the same question, from a configuration that Talos made.
fn the_bundle_of_a_running_cluster_is_recovered() {
    let env = repository();
    let talosctl = |arguments: &[&str]| {
        let program = realparts::program("talosctl", "talosctl");
        env.program(program, arguments).run().success();
    };
    talosctl(&["gen", "secrets", "-o", "theirs.yaml"]);
    let endpoint = "https://192.168.1.100:6443";
    talosctl(&[
        "gen",
        "config",
        "lab",
        endpoint,
        "--with-secrets",
        "theirs.yaml",
        "-o",
        "out",
    ]);
    let config = "out/controlplane.yaml";
    talosctl(&[
        "gen",
        "secrets",
        "--from-controlplane-config",
        config,
        "-o",
        "again.yaml",
    ]);
    let init = || env.homelab(["secrets", "init", "--from-controlplane-config", config]);
    init().run().success();
    let ours = env
        .homelab(["secrets", "decrypt", BUNDLE])
        .run()
        .success()
        .stdout;
    let ours = oracle::documents(&ours);
    for theirs in ["theirs.yaml", "again.yaml"] {
        assert!(
            ours == oracle::documents(&env.read(theirs)),
            "differs from {theirs}"
        );
    }
    // The same again is no reason to complain, another cluster's is.
    let before = env.read(BUNDLE);
    init().run().expect_code(6);
    talosctl(&["gen", "config", "lab", endpoint, "-o", "other"]);
    let other = [
        "secrets",
        "init",
        "--from-controlplane-config",
        "other/controlplane.yaml",
    ];
    let run = env.homelab(other).run().expect_code(6);
    assert!(
        run.stderr.contains("holds another cluster's secrets"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read(BUNDLE), before);
}

const CREDENTIALS: &str = "cluster/secrets/flux-operator/git-credentials.sops.yaml";
const WEBHOOK: &str = "cluster/secrets/flux-operator/git-webhook.sops.yaml";

/// How the repository begins its line about Flux' operator.
const PINNED: &str = "flux-operator: {version: 0.58.1";

fn a_deploy_key_is_made_and_its_page_named() {
    let env = repository();
    let spec = env.read("homelab.yaml");
    let with_webhook = spec.replace(PINNED, &format!("{PINNED}, webhook: github"));
    env.write("homelab.yaml", with_webhook);
    let run = env.homelab(["secrets", "init"]).run().success();
    for expected in [
        "Register this deploy key, for reading only, at https://github.com/me/homelab/settings/keys (GitHub, Gitea, Forgejo):\n  ssh-ed25519 ",
        "Register a webhook for pushes at https://github.com/me/homelab/settings/hooks, content type application/json:\n",
    ] {
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
    let value = |file: &str, key: &str| {
        let run = env.homelab(["secrets", "get", file, key]).run();
        run.success().stdout
    };
    let public = value(CREDENTIALS, "stringData[\"identity.pub\"]");
    assert!(run.stderr.contains(&public), "{}", run.stderr);
    let mut planted = Planted::new();
    planted.plant("deploy key", &value(CREDENTIALS, "stringData.identity"));
    planted.plant("webhook", &value(WEBHOOK, "stringData.token"));
    planted.absent_from(&run);
    planted.absent_below(&env.root(), &[]);
}

fn a_public_repository_s_webhook_is_registered_too() {
    let env = repository();
    let spec = env.read("homelab.yaml");
    let changed = spec
        .replace("ssh://git@github.com/", "https://github.com/")
        .replace("auth: ssh", "auth: none")
        .replace(PINNED, &format!("{PINNED}, webhook: github"));
    env.write("homelab.yaml", changed);
    let run = env.homelab(["secrets", "init"]).run().success();
    let expected = "Register a webhook for pushes at https://github.com/me/homelab/settings/hooks, content type application/json:\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert!(!run.stderr.contains("deploy key"), "{}", run.stderr);
}

fn a_host_whose_key_nobody_knows_is_named() {
    let env = repository();
    let spec = env.read("homelab.yaml");
    env.write(
        "homelab.yaml",
        spec.replace("git@github.com/", "git@git.example.net/"),
    );
    let run = env.homelab(["secrets", "init"]).run().success();
    assert!(
        run.stdout.contains(&format!("missing {CREDENTIALS}\n")),
        "{}",
        run.stdout
    );
    assert!(
        run.stderr
            .contains("`ssh-keyscan git.example.net > known_hosts`"),
        "{}",
        run.stderr
    );
    env.write("known_hosts", "git.example.net ssh-ed25519 AAAA\n");
    let run = env
        .homelab(["secrets", "init", "--known-hosts", "known_hosts"])
        .run()
        .success();
    assert!(
        run.stdout.contains(&format!("made {CREDENTIALS}\n")),
        "{}",
        run.stdout
    );
    let hosts = ["secrets", "get", CREDENTIALS, "stringData.known_hosts"];
    assert_eq!(
        env.homelab(hosts).run().success().stdout,
        "git.example.net ssh-ed25519 AAAA\n"
    );
}

fn openssh_reads_the_deploy_key() {
    let env = with_secrets();
    let get = |key: &str| {
        env.homelab(["secrets", "get", CREDENTIALS, key])
            .run()
            .success()
            .stdout
    };
    let file = env.base().join("deploy-key");
    std::fs::write(&file, get("stringData.identity")).expect("can be written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("it is there");
    let run = env
        .program("ssh-keygen", ["-y", "-f", file.as_str()])
        .run()
        .success();
    assert_eq!(run.stdout.trim_end(), get("stringData[\"identity.pub\"]"));
}

fn without_the_key_nothing_is_shown() {
    let env = with_secrets();
    std::fs::remove_file(env.root().join(".sops/age.key")).expect("it is there");
    let run = env
        .homelab(["nodes", "config", "talos-1"])
        .run()
        .expect_code(1);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("encrypted for age1"), "{}", run.stderr);
    assert!(
        run.stderr.contains("no age key is at hand"),
        "{}",
        run.stderr
    );
}

fn redacted_configuration_needs_no_key() {
    let env = repository();
    let run = env
        .homelab(["nodes", "config", "talos-1", "--redact"])
        .run()
        .success();
    let documents = oracle::documents(&run.stdout);
    assert_eq!(documents[0]["machine"]["ca"]["key"], "******");
    assert_eq!(documents[0]["cluster"]["id"], "******");
    assert!(!run.stdout.contains("secretRef"));
}

fn unknown_nodes_are_named_with_the_known_ones() {
    let run = repository()
        .homelab(["nodes", "config", "nope"])
        .run()
        .expect_code(2);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: homelab.yaml has no node `nope`
    hint: its nodes are talos-1, talos-2, talos-3
    ");
}

fn a_bundle_that_is_missing_is_a_refusal() {
    let run = repository()
        .homelab(["nodes", "config", "talos-1"])
        .run()
        .expect_code(6);
    insta::assert_snapshot!(run.transcript(), @r"
    exit: 6
    --- stdout
    --- stderr
    error: there is no `infrastructure/talos/secrets.sops.yaml`
    hint: run `homelab secrets init` to make the secrets of a new cluster; those of one that exists come back from Git, a backup or a control plane (`homelab secrets init --from-controlplane-config FILE`)
    ");
}

fn sops_opens_what_was_made() {
    let env = with_secrets();
    let decrypted = env
        .program(realparts::program("sops", "sops"), ["decrypt", BUNDLE])
        .env("SOPS_AGE_KEY_FILE", ".sops/age.key")
        .run()
        .success();
    let joined = env.homelab(["nodes", "config", "talos-1"]).run().success();
    let bundle = oracle::documents(&decrypted.stdout).remove(0);
    let config = oracle::documents(&joined.stdout).remove(0);
    assert!(
        config["machine"]["ca"]["key"] == bundle["certs"]["os"]["key"],
        "keys differ"
    );
    assert!(
        config["cluster"]["id"] == bundle["cluster"]["id"],
        "identities differ"
    );
    // Nothing that sops shows in the clear is on the disk in the clear.
    let mut planted = Planted::new();
    for path in [
        "/trustdinfo/token",
        "/secrets/bootstraptoken",
        "/certs/os/key",
        "/cluster/secret",
    ] {
        planted.plant(
            path,
            bundle.pointer(path).and_then(Value::as_str).expect("text"),
        );
    }
    planted.absent_below(&env.root(), &[]);
}

fn talosctl_takes_the_joined_configuration() {
    let env = with_secrets();
    let config = env
        .homelab(["nodes", "config", "talos-2"])
        .run()
        .success()
        .stdout;
    env.write("joined.yaml", config);
    env.program(
        realparts::program("talosctl", "talosctl"),
        [
            "validate",
            "--mode",
            "metal",
            "--strict",
            "--config",
            "joined.yaml",
        ],
    )
    .run()
    .success();
}

/// Runs the command on a terminal of its own and types once the question stands there: what is typed
/// earlier is dropped, as it should be.
const TYPE_AT_THE_QUESTION: &str = r#"
set -e
mkfifo keyboard
script --quiet --return --command "$1 secrets init" /dev/null <keyboard >screen &
exec 3>keyboard
until grep -q "for later):" screen; do kill -0 $!; sleep 0.05; done
echo typed-api-token >&3
wait $!
"#;

fn a_person_is_asked_on_a_terminal() {
    let env = repository();
    env.program(
        "bash",
        [
            "-c",
            TYPE_AT_THE_QUESTION,
            "bash",
            env!("CARGO_BIN_EXE_homelab"),
        ],
    )
    .run()
    .success();
    let screen = env.read("screen");
    assert!(
        screen.contains("cert-manager: Cloudflare API token"),
        "{screen}"
    );
    let mut planted = Planted::new();
    planted.plant("typed token", "typed-api-token");
    planted.absent_below(&env.root(), &[]);
    let opener = Opener::new(&env.root(), Environment::default());
    let content = opener.open(Utf8Path::new(TOKEN)).expect("it opens");
    assert!(content.expose().contains("api-token: typed-api-token\n"));
}
