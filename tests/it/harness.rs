//! The harness itself: a test that cannot run must never look as if it had.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::support::{Case, Need, Planted, Redactor, TestEnv, cases, realparts, tally};

pub fn tests() -> Vec<Case> {
    let mut all = cases![
        every_topic_file_is_registered,
        summary_names_what_is_missing_and_the_remedy,
        requirement_names_tiers_and_parts,
        list_of_parts_is_understood,
        environment_is_cleared,
        planted_secret_is_found_in_every_form,
        redaction_keeps_words_that_only_look_alike,
    ];
    all.push(
        Case::new("built_part_runs", || {
            let env = TestEnv::new();
            let version = env
                .program(realparts::program("age", "age"), ["--version"])
                .run()
                .success();
            assert!(!version.stdout.trim().is_empty());
        })
        .parts(&["age"])
        .needs(Need::Program("bash")),
    );
    all
}

fn every_topic_file_is_registered() {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let files: BTreeSet<String> = folder
        .read_dir_utf8()
        .expect("the folder of this file")
        .flatten()
        .filter(|entry| entry.path().extension() == Some("rs"))
        .filter_map(|entry| entry.path().file_stem().map(str::to_owned))
        .filter(|stem| stem != "main")
        .collect();
    let registered = crate::TOPICS
        .iter()
        .map(|(topic, _)| (*topic).to_owned())
        .collect();
    assert_eq!(files, registered);
}

fn summary_names_what_is_missing_and_the_remedy() {
    assert_eq!(tally::sample(0, &[]), "");
    assert_eq!(
        tally::sample(2, &[]),
        "real parts: 2 tests ran; 0 ignored\n\n"
    );
    let some = [
        ("a is not built", "run `x`", 1),
        ("b is not built", "run `y`", 3),
    ];
    assert_eq!(
        tally::sample(1, &some),
        "real parts: 1 test ran; 4 ignored:\n  1 test: a is not built (run `x`)\n  \
         3 tests: b is not built (run `y`)\n\n"
    );
}

fn requirement_names_tiers_and_parts() {
    let words = realparts::parse_requirement("require:tier0, kubernetes");
    assert_eq!(words, Ok(vec!["tier0".to_owned(), "kubernetes".to_owned()]));
    assert_eq!(realparts::parse_requirement(""), Ok(Vec::new()));
    assert!(realparts::parse_requirement("tier0").is_err());
}

fn list_of_parts_is_understood() {
    let parts =
        realparts::parse_list("age 1.3.2 tier0 built /a/age\nkwok 0.8.0 tier1 missing /a/k\n")
            .expect("two whole lines");
    assert_eq!(parts["age"].path.as_deref(), Some(Utf8Path::new("/a/age")));
    assert_eq!(parts["age"].version, "1.3.2");
    assert_eq!(parts["kwok"].path, None);
    assert_eq!(parts["kwok"].tier, "tier1");
    assert!(realparts::parse_list("age 1.3.2\n").is_err());
}

fn environment_is_cleared() {
    let env = TestEnv::new();
    let shown = env.program("env", [] as [&str; 0]).run().success().stdout;
    let names: BTreeSet<&str> = shown
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .collect();
    assert!(!names.contains("CARGO_MANIFEST_DIR"), "{names:?}");
    assert!(shown.contains(&format!("HOME={}\n", env.home())));
    let shown = env.program("cat", [] as [&str; 0]).stdin("piped").run();
    assert_eq!(shown.transcript(), "exit: 0\n--- stdout\npiped--- stderr\n");
}

fn planted_secret_is_found_in_every_form() {
    let mut planted = Planted::new();
    planted.plant("password", "correct horse/battery");
    planted.plant(
        "key",
        "-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\n-----END KEY-----\n",
    );
    let seen = |text: &str| planted.found_in(text.as_bytes()).join(",");
    assert_eq!(seen("it is correct horse/battery"), "password");
    // From `printf 'correct horse/battery' | base64`.
    assert_eq!(seen("data: Y29ycmVjdCBob3JzZS9iYXR0ZXJ5"), "password");
    // From `printf 'pw: correct horse/battery~~~' | base64`, and the same with `pwd:`, for URLs.
    assert_eq!(seen("cHc6IGNvcnJlY3QgaG9yc2UvYmF0dGVyeX5+fg=="), "password");
    assert_eq!(seen("cHdkOiBjb3JyZWN0IGhvcnNlL2JhdHRlcnl-fn4"), "password");
    assert_eq!(seen("cHdkOiBjb3JyZWN0IGhvcnNlL2NhdHRlcnk="), "");
    assert_eq!(seen("?p=correct%20horse%2Fbattery"), "password");
    assert_eq!(seen("key: |\n    MC4CAQAwBQYDK2Vw\n"), "key");
    assert_eq!(seen("-----BEGIN KEY-----"), "");

    let env = TestEnv::new();
    env.write("a/plain.yaml", "nothing");
    env.write("key", "MC4CAQAwBQYDK2Vw");
    planted.absent_below(&env.root(), &["key"]);
    assert_eq!(planted.leaks_below(&env.root(), &[]), ["key: key"]);
    planted.absent_from_process_arguments();
}

fn redaction_keeps_words_that_only_look_alike() {
    let redactor = Redactor::new().replace("/tmp/x", "[REPO]");
    let text = "wrote /tmp/x/a in 1.25s (12.5ms), v1.2s3, 10s, 1.2.3.4";
    assert_eq!(
        redactor.apply(text),
        "wrote [REPO]/a in [DURATION] ([DURATION]), v1.2s3, 10s, 1.2.3.4"
    );
    let recipient = format!("age1{}", "q".repeat(58));
    assert_eq!(redactor.apply(&recipient), "[RECIPIENT]");
}
