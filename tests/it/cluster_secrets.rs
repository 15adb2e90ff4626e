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
        a_value_comes_from_a_file_or_standard_input,
        a_value_that_nothing_asks_for_is_a_usage_error,
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
    insta::assert_json_snapshot!(report, {".recipients[]" => "[RECIPIENT]"}, @r#"
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
    hint: run `homelab secrets init` to make the secrets of a new cluster, or fetch the files of the one that exists
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
