//! `homelab init`: a newcomer's first repository, and what it refuses.

use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        every_preset_is_valid_and_current_at_once,
        choices_reach_the_spec,
        a_cluster_is_called_as_its_directory,
        a_directory_with_files_is_refused_and_stays_as_it_is,
        an_interrupted_run_is_finished,
        an_age_key_that_is_none_is_not_replaced,
        a_lost_age_key_is_not_replaced,
        an_address_that_is_none_is_a_usage_error,
        choices_that_do_not_fit_write_nothing,
        choices_for_a_spec_that_is_there_are_told,
    ]
}

fn every_preset_is_valid_and_current_at_once() {
    for preset in ["talos-ha", "one-node"] {
        let env = TestEnv::new();
        let run = env
            .homelab(["init", "--preset", preset, "demo"])
            .run()
            .success();
        assert!(
            run.stderr.contains("Back up .sops/age.key"),
            "{}",
            run.stderr
        );
        env.homelab(["-C", "demo", "validate"]).run().success();
        env.homelab(["-C", "demo", "render", "--check"])
            .run()
            .success();
        let secret = env.read("demo/infrastructure/talos/secrets.sops.yaml");
        assert!(secret.contains("ENC[AES256_GCM,"), "{secret}");
        assert!(!secret.contains("PRIVATE KEY"), "{secret}");
    }
}

fn choices_reach_the_spec() {
    let env = TestEnv::new();
    let nodes = "a=10.0.0.11,b=10.0.0.12,c=10.0.0.13";
    let url = "https://git.example.org/rack.git";
    let choices = [
        "--name",
        "rack",
        "--vip",
        "10.0.0.99",
        "--nodes",
        nodes,
        "--git-url",
        url,
    ];
    env.homelab(["init"].into_iter().chain(choices))
        .run()
        .success();
    let run = env.homelab(["validate"]).run().success();
    for expected in [
        "cluster       rack",
        "https://10.0.0.99:6443",
        "a 10.0.0.11 (control plane)",
        "c 10.0.0.13 (control plane)",
        "https://git.example.org/rack.git",
    ] {
        assert!(run.stdout.contains(expected), "{expected}: {}", run.stdout);
    }
}

/// The name that a cluster gets in a directory, and what of it the clients' contexts are called by.
fn a_cluster_is_called_as_its_directory() {
    let env = TestEnv::new();
    let name = |directory: &str| {
        let spec = env.read(format!("{directory}/homelab.yaml"));
        let name = spec.lines().find_map(|line| line.strip_prefix("  name: "));
        name.expect("a name").to_owned()
    };
    for (arguments, directory, expected) in [
        (vec!["init", "rack2"], "rack2", "rack2"),
        (vec!["init", "deep/lab-3/"], "deep/lab-3", "lab-3"),
        (vec!["init", "My_Lab"], "My_Lab", "demo"),
        (vec!["init", "--name", "rack", "other"], "other", "rack"),
    ] {
        env.homelab(arguments).run().success();
        assert_eq!(name(directory), expected);
    }
    std::fs::create_dir(env.root().join("here")).unwrap();
    env.homelab(["-C", "here", "init"]).run().success();
    assert_eq!(name("here"), "here");
}

fn a_directory_with_files_is_refused_and_stays_as_it_is() {
    let env = TestEnv::new();
    env.write("demo/mine.txt", "mine");
    let run = env.homelab(["init", "demo"]).run().expect_code(6);
    assert_eq!(
        run.stderr,
        "error: `demo` is not empty: it holds `mine.txt`\n\
         hint: name another directory\n\
         hint: or pass `--add-missing`: what is there stays as it is\n"
    );
    assert_eq!(env.files(), ["demo/mine.txt"]);
}

fn an_interrupted_run_is_finished() {
    let env = TestEnv::new();
    env.homelab(["init", "demo"]).run().success();
    let key = env.read("demo/.sops/age.key");
    let bundle = env.read("demo/infrastructure/talos/secrets.sops.yaml");
    std::fs::remove_file(env.root().join("demo/homelab.yaml")).unwrap();
    std::fs::remove_dir_all(env.root().join("demo/cluster")).unwrap();
    env.homelab(["init", "--add-missing", "demo"])
        .run()
        .success();
    assert_eq!(env.read("demo/.sops/age.key"), key);
    assert_eq!(
        env.read("demo/infrastructure/talos/secrets.sops.yaml"),
        bundle
    );
    env.homelab(["-C", "demo", "render", "--check"])
        .run()
        .success();
    let recipient = key
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    assert!(env.read("demo/homelab.yaml").contains(recipient));
}

fn a_lost_age_key_is_not_replaced() {
    let env = TestEnv::new();
    env.homelab(["init", "demo"]).run().success();
    std::fs::remove_file(env.root().join("demo/.sops/age.key")).unwrap();
    let before = env.files();
    let run = env
        .homelab(["init", "--add-missing", "demo"])
        .run()
        .expect_code(6);
    assert!(
        run.stderr.contains("no second one is made"),
        "{}",
        run.stderr
    );
    assert_eq!(env.files(), before);
}

fn an_age_key_that_is_none_is_not_replaced() {
    let env = TestEnv::new();
    env.write("demo/.sops/age.key", "not a key\n");
    let run = env
        .homelab(["init", "--add-missing", "demo"])
        .run()
        .expect_code(1);
    assert!(
        run.stderr.contains("`.sops/age.key` holds no age key"),
        "{}",
        run.stderr
    );
    assert_eq!(env.files(), ["demo/.sops/age.key"]);
}

fn an_address_that_is_none_is_a_usage_error() {
    let env = TestEnv::new();
    let run = env.homelab(["init", "--nodes", "a"]).run().expect_code(2);
    assert!(
        run.stderr.contains("expected NAME=ADDRESS such as"),
        "{}",
        run.stderr
    );
    assert!(env.files().is_empty());
}

fn choices_that_do_not_fit_write_nothing() {
    let env = TestEnv::new();
    let run = env
        .homelab([
            "init",
            "--preset",
            "one-node",
            "--nodes",
            "a=192.168.1.1",
            "demo",
        ])
        .run()
        .expect_code(3);
    assert!(run.stderr.contains("error[HL0101]"), "{}", run.stderr);
    assert!(
        run.stderr.contains("hint: nothing was written"),
        "{}",
        run.stderr
    );
    env.homelab([
        "init",
        "--preset",
        "one-node",
        "--vip",
        "192.168.1.50",
        "demo",
    ])
    .run()
    .expect_code(2);
    env.homelab(["init", "--nodes", "a=10.0.0.11,b=10.0.0.12", "demo"])
        .run()
        .expect_code(2);
    assert!(env.files().is_empty(), "{:?}", env.files());
}

fn choices_for_a_spec_that_is_there_are_told() {
    let env = TestEnv::new();
    env.homelab(["init", "demo"]).run().success();
    let spec = env.read("demo/homelab.yaml");
    let run = env
        .homelab(["init", "--add-missing", "--name", "rack", "demo"])
        .run()
        .success();
    assert!(
        run.stderr
            .contains("warning: homelab.yaml is there already and stays as it is"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read("demo/homelab.yaml"), spec);
}
