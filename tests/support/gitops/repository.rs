//! The owner's repository: this project's own cluster with stand-ins for its charts, its secrets
//! encrypted, everything rendered and pushed.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use camino::Utf8Path;
use homelab::pki::SecretsBundle;

use super::super::control_plane::ControlPlane;
use super::super::{Run, TestEnv};
use super::charts::{self, STAND_INS};

/// What is encrypted in the repository and must arrive in the cluster.
pub const TOKEN: &str = "the-token-of-the-zone";
const BUNDLE: &str = "infrastructure/talos/secrets.sops.yaml";

/// A repository whose secrets are made; the folder `pki` beside it is the cluster's authority.
pub fn with_secrets() -> anyhow::Result<TestEnv> {
    let env = TestEnv::new();
    let spec = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/homelab.yaml"))?;
    let spec = spec
        .replace("me@example.org", "lab@homelab.test")
        .replace(
            "ssh://git@github.com/me/homelab.git",
            "http://127.0.0.1/home.git",
        )
        .replace("auth: ssh", "auth: none")
        .replace("0.58.1}", "0.58.1, webhook: github}");
    env.write("homelab.yaml", spec);
    env.write(".gitignore", ".sops/\n.homelab/state/\n");
    let token = "cert-manager/cloudflare-api-token/api-token=-";
    let init = ["secrets", "init", "--from-file", token];
    env.homelab(init).stdin(TOKEN).run().success();
    own_recipient(&env)?;
    let opened = env.homelab(["secrets", "decrypt", BUNDLE]).run().success();
    let bundle = SecretsBundle::parse(&opened.stdout)?;
    std::fs::create_dir(env.base().join("pki"))?;
    for (file, part) in [
        ("ca.crt", "certs.k8s.crt"),
        ("ca.key", "certs.k8s.key"),
        ("service-accounts.key", "certs.k8sserviceaccount.key"),
    ] {
        let encoded = bundle.lookup(part).context(part)?;
        let pem = BASE64_STANDARD.decode(encoded)?;
        std::fs::write(env.base().join("pki").join(file), pem)?;
    }
    Ok(env)
}

/// The committed spec names a key that nobody has: the new one takes its place.
fn own_recipient(env: &TestEnv) -> anyhow::Result<()> {
    let key = env.read(".sops/age.key");
    let own = key
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "));
    let own = own.context("a public key")?;
    let spec = env.read("homelab.yaml");
    let start = spec.find("age1").context("a recipient")?;
    let length = spec[start..].find('\n').context("a line")?;
    let other = spec[start..start + length].to_owned();
    env.write("homelab.yaml", spec.replace(&other, own));
    Ok(())
}

/// Lets the spec point at the Git server and the stand-ins, renders and pushes.
pub fn publish(env: &TestEnv, real: &ControlPlane) -> anyhow::Result<()> {
    let mut spec = env
        .read("homelab.yaml")
        .replace("http://127.0.0.1/home.git", real.fact("GIT_URL"));
    for (name, version, in_registry) in STAND_INS {
        let url = charts::url(real, name, *in_registry);
        let chart = format!("chart: {{url: \"{url}\"}}");
        let before = spec.clone();
        spec = spec.replace(
            &format!("    {name}: {{version: {version}"),
            &format!("    {name}: {{{chart}, version: {version}"),
        );
        spec = spec.replace(
            &format!("    {name}:\n      version: {version}\n"),
            &format!("    {name}:\n      version: {version}\n      {chart}\n"),
        );
        ensure!(spec != before, "the spec has no {name} {version}");
    }
    env.write("homelab.yaml", spec);
    env.homelab(["render"]).run().success();
    git(env, &["init", "-q", "-b", "main"]);
    git(env, &["remote", "add", "origin", real.fact("GIT_URL")]);
    push(env, "Add the cluster");
    Ok(())
}

/// Commits everything and pushes it.
pub fn push(env: &TestEnv, message: &str) {
    git(env, &["add", "-A"]);
    let author = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    git(
        env,
        &[&author[..], &["commit", "-q", "-m", message]].concat(),
    );
    git(env, &["push", "-q", "origin", "HEAD:main"]);
}

fn git(env: &TestEnv, arguments: &[&str]) -> Run {
    env.program("git", arguments).run().success()
}

/// The name of the commit that was pushed last.
pub fn head(env: &TestEnv) -> String {
    git(env, &["rev-parse", "HEAD"]).stdout.trim().to_owned()
}

/// Replaces a text of a file of the repository that must be there.
pub fn edit(env: &TestEnv, file: impl AsRef<Utf8Path>, from: &str, to: &str) {
    let file = file.as_ref();
    let text = env.read(file);
    assert!(text.contains(from), "{file} has no `{from}`: {text}");
    env.write(file, text.replace(from, to));
}
