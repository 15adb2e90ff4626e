//! What every command has in common: help, versions, usage errors, completions, manual pages.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use clap::{Command, CommandFactory as _};
use homelab::cli::Cli;

use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        version_is_the_package_s,
        no_command_shows_help_and_is_a_usage_error,
        unknown_command_is_a_usage_error,
        a_kill_that_cannot_be_is_told,
        a_fault_at_a_step_that_no_plan_has_is_refused,
        completions_are_made_for_every_shell,
        bash_completes_commands,
        manual_has_a_page_for_every_command,
        global_options_stand_before_and_after_the_command,
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

fn a_kill_that_cannot_be_is_told() {
    let env = TestEnv::new();
    env.homelab(["init", "--preset", "one-node", "--name", "demo"])
        .run()
        .success();
    env.homelab(["rehearse", "--kill-at", "0"])
        .run()
        .expect_code(2);
    let run = env
        .homelab(["rehearse", "--kill-at", "1000000"])
        .run()
        .success();
    assert!(
        run.stderr
            .contains("warning: nothing was killed: the run has "),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains(
            "  etcd was bootstrapped on `talos-1` and has 1 voting member\n  1 of 1 node and "
        ),
        "{}",
        run.stdout
    );
}

fn a_fault_at_a_step_that_no_plan_has_is_refused() {
    let env = TestEnv::new();
    env.homelab(["init", "--preset", "one-node"])
        .run()
        .success();
    for step in ["foo", "install/talos-9", "instal"] {
        let fault = format!("lost-reply@{step}");
        let run = env
            .homelab(["rehearse", "--check", "--fault", &fault])
            .run();
        let run = run.expect_code(2);
        let expected = format!("no step is called `{step}`");
        assert!(run.stderr.contains(&expected), "{}", run.stderr);
        assert!(run.stderr.contains("install/talos-1, "), "{}", run.stderr);
    }
    let whole = ["rehearse", "--check", "--fault", "lost-reply@install"];
    env.homelab(whole).run().success();
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

fn bash_completes_commands() {
    let env = TestEnv::new();
    let script = env.homelab(["completions", "bash"]).run().success().stdout;
    env.write("completions.bash", script);
    let question = r#"
        source completions.bash
        COMP_WORDS=(homelab re) COMP_CWORD=1
        _homelab homelab re homelab
        printf '%s\n' "${COMPREPLY[@]}" | sort
    "#;
    let run = env.program("bash", ["-c", question]).run().success();
    assert_eq!(run.stdout, "rehearse\nrender\n", "{}", run.stderr);
}

fn manual_has_a_page_for_every_command() {
    let env = TestEnv::new();
    env.homelab(["man", "pages/man1"]).run().success();
    let pages = env.files();
    let expected: Vec<Utf8PathBuf> = command_names(&Cli::command(), "homelab")
        .into_iter()
        .map(|name| format!("pages/man1/{name}.1").into())
        .collect();
    assert_eq!(
        pages.iter().collect::<BTreeSet<_>>(),
        expected.iter().collect::<BTreeSet<_>>()
    );
    for page in pages {
        let text = env.read(&page);
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"] {
            assert!(text.contains(section), "{page} has no {section}");
        }
    }
}

/// The names of the pages: the words of each command, joined by hyphens.
fn command_names(command: &Command, name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    for child in command
        .get_subcommands()
        .filter(|child| !child.is_hide_set())
    {
        names.extend(command_names(
            child,
            &format!("{name}-{}", child.get_name()),
        ));
    }
    names
}

fn global_options_stand_before_and_after_the_command() {
    let env = TestEnv::new();
    let absent = env.root().join("absent");
    let before = env.homelab(["-C", absent.as_str(), "validate"]).run();
    let after = env.homelab(["validate", "-C", absent.as_str()]).run();
    assert_ne!(before.code, Some(0));
    assert_ne!(before.code, Some(2), "{}", before.stderr);
    assert_eq!(before.transcript(), after.transcript());
    assert!(before.stderr.contains("absent"), "{}", before.stderr);
}
