//! A repository with encryption rules and the key that opens what they encrypt.

use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;
use sops_rs::Identity;

use super::env::Run;
use super::{TestEnv, realparts};

/// The private key: published with the tests, it protects nothing.
pub const KEY: &str = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";

/// Its public half.
pub const RECIPIENT: &str = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";

/// A Secret in the clear.
pub const SECRET: &str = "\
# why
apiVersion: v1
kind: Secret
metadata:
    name: db
stringData:
    password: hunter2-hunter2
    user: ada-lovelace
";

/// Rules as a repository has them: of what Flux reads the data only, everything of all else.
pub fn rules(recipients: &str) -> String {
    format!(
        "creation_rules:\n  - path_regex: ^cluster/.*\\.sops\\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    \
         age: {recipients}\n  - path_regex: \\.sops\\.(ya?ml|json|env|ini|bin)$\n    age: {recipients}\n"
    )
}

/// A repository with rules and a key.
pub fn repository() -> TestEnv {
    let env = TestEnv::new();
    env.write(".sops.yaml", rules(RECIPIENT));
    env.write(".sops/age.key", format!("# a comment\n{KEY}\n"));
    env.write(".sops/.gitignore", "*\n");
    set_mode(&env, ".sops/age.key", 0o600);
    env
}

/// The same as a Git repository in which nothing is committed yet.
pub fn git_repository() -> TestEnv {
    let env = repository();
    git(&env, ["init", "-q", "-b", "main"]).success();
    for (key, value) in [
        ("user.name", "t"),
        ("user.email", "t@example.org"),
        ("commit.gpgsign", "false"),
    ] {
        git(&env, ["config", key, value]).success();
    }
    env
}

/// Runs `git` in it; hooks and drivers find the built `homelab` in `PATH`.
pub fn git<'a>(env: &TestEnv, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    let program = Utf8Path::new(env!("CARGO_BIN_EXE_homelab"));
    let folder = program.parent().expect("it lies in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    env.program("git", arguments)
        .env("PATH", format!("{folder}:{path}"))
        .run()
}

/// The public half of a key.
pub fn public(identity: &Identity) -> String {
    identity.public_part()
}

/// Runs `homelab secrets …`.
pub fn secrets<'a>(env: &TestEnv, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    env.homelab(std::iter::once("secrets").chain(arguments))
        .run()
}

/// Writes a file and encrypts it.
pub fn encrypted(env: &TestEnv, file: &str, text: &str) {
    env.write(file, text);
    secrets(env, ["encrypt", file]).success();
}

/// Sets the permissions of a file.
pub fn set_mode(env: &TestEnv, path: &str, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(env.root().join(path), permissions).expect("it is there");
}

/// Runs the real `sops` with the repository's key; the case declares the part.
pub fn sops<'a>(env: &TestEnv, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    env.program(realparts::program("sops", "sops"), arguments)
        .env("SOPS_AGE_KEY_FILE", env.root().join(".sops/age.key"))
        .env("SOPS_DISABLE_VERSION_CHECK", "1")
        .run()
}
