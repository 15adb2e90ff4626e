//! What every command has in common: help, versions, usage errors, completions, manual pages.

use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        version_is_the_package_s,
        no_command_shows_help_and_is_a_usage_error,
        unknown_command_is_a_usage_error,
        completions_are_made_for_every_shell,
    ]
}

fn version_is_the_package_s() {
    let run = TestEnv::new().homelab(["--version"]).run().success();
    assert_eq!(
        run.stdout,
        concat!("homelab ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

fn no_command_shows_help_and_is_a_usage_error() {
    let run = TestEnv::new().homelab([] as [&str; 0]).run().expect_code(2);
    assert!(run.stderr.contains("Usage: homelab"), "{}", run.stderr);
}

fn unknown_command_is_a_usage_error() {
    let run = TestEnv::new().homelab(["rendr"]).run().expect_code(2);
    assert!(run.stderr.contains("'render'"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

fn completions_are_made_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = TestEnv::new()
            .homelab(["completions", shell])
            .run()
            .success();
        assert!(run.stdout.contains("bootstrap"), "{shell}");
        assert_eq!(run.stderr, "", "{shell}");
    }
}
