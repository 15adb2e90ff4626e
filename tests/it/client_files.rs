//! `homelab talosconfig` and `homelab kubeconfig`, taken by the programs that they are made for: upstream's
//! `talosctl` against a machine that checks clients as apid does, upstream's `kubectl` against a real API.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use camino::{Utf8Path, Utf8PathBuf};
use homelab::catalog::Catalog;
use homelab::connect::{Target, Tcp};
use homelab::kube::{Access, Client};
use homelab::model::{Clock, Secret, SystemClock};
use homelab::pki::contexts::{Current, KubeContext, TalosContext};
use homelab::pki::{ClientIdentity, SecretsBundle, SystemEntropy, TalosRole};
use homelab::rehearse::SimulatedClock;
use homelab::rehearse::machine::{Fleet, MachineSpec, Reach, SharedFleet};
use homelab::spec;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::control_plane::ControlPlane;
use crate::support::x509::decoded;
use crate::support::{Case, Need, Run, TestEnv, cases, oracle, realparts};

const BUNDLE: &str = "infrastructure/talos/secrets.sops.yaml";
const NODE: &str = "192.168.1.101";
/// A minute of the simulated machine passes in one second.
const SPEED: u32 = 60;
const HOUR: Duration = Duration::from_hours(1);

pub fn tests() -> Vec<Case> {
    let mut all = cases![what_ends_soon_or_ended_is_told];
    all.push(
        Case::new("talosctl_reaches_a_machine_with_the_context", || {
            run(async {
                let (env, bundle) = repository();
                let port = serve(&env).await?;
                tokio::task::spawn_blocking(move || talosctl_is_served(&env, &bundle, port)).await?
            })
        })
        .parts(&["talosctl"]),
    );
    all.push(
        Case::new("kubectl_reaches_an_api_with_the_context", || {
            let (env, bundle) = repository();
            let api = api(&env, &bundle);
            kubectl_is_served(&env, &bundle, &api)?;
            run(our_client_is_served(&env))
        })
        .needs(Need::Program("python3"))
        .needs(Need::Program("openssl"))
        .parts(&["kubernetes"]),
    );
    all
}

fn run(test: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(test)
}

/// A repository with a cluster of one node, and its bundle.
fn repository() -> (TestEnv, SecretsBundle) {
    let env = TestEnv::new();
    env.homelab(["init", "--preset", "one-node", "--name", "demo"])
        .run()
        .success();
    let opened = env.homelab(["secrets", "decrypt", BUNDLE]).run().success();
    let bundle = SecretsBundle::parse(&opened.stdout).expect("it was just made");
    (env, bundle)
}

/// A cluster that is none of these.
fn stranger() -> SecretsBundle {
    SecretsBundle::throwaway()
}

fn days_ago(days: u64) -> Timestamp {
    Timestamp::now() - Duration::from_hours(24 * days)
}

/// Puts the node on the loopback interface as it runs with its configuration; returns the port of its API.
async fn serve(env: &TestEnv) -> anyhow::Result<u16> {
    let config = env
        .homelab(["nodes", "config", "talos-1"])
        .run()
        .success()
        .stdout;
    let checked = spec::load(
        "homelab.yaml",
        &env.read("homelab.yaml"),
        &Catalog::embedded()?,
    );
    let spec = MachineSpec::of_cluster(&checked.cluster.context("it is valid")?).swap_remove(0);
    let name = spec.name.clone();
    let clock: Arc<dyn Clock> = Arc::new(SimulatedClock::starting(Timestamp::now(), SPEED));
    let fleet = SharedFleet::new(Fleet::new(vec![spec], 1, clock.now()), clock)
        .with_calendar(Arc::new(SystemClock));
    fleet.with(|fleet| fleet.preinstall(&name, config.as_bytes()))?;
    let driven = fleet.clone();
    tokio::spawn(async move { driven.drive(SPEED).await });
    let end = Instant::now() + Duration::from_mins(1);
    while fleet.with(|fleet| fleet.machines()[0].reach()) != Reach::Listening {
        ensure!(Instant::now() < end, "it does not come up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (fleet, name) = (fleet.clone(), name.clone());
            tokio::spawn(async move { fleet.serve(name, "".into(), Box::new(stream)).await });
        }
    });
    Ok(port)
}

/// Upstream's client with a file, past the addresses in it to the loopback interface.
fn talosctl(env: &TestEnv, port: u16, file: &str, arguments: &[&str]) -> Run {
    let endpoint = format!("127.0.0.1:{port}");
    let way = ["--talosconfig", file, "-e", &endpoint, "-n", NODE];
    let program = realparts::program("talosctl", "talosctl");
    env.program(program, way.iter().chain(arguments)).run()
}

fn talosctl_is_served(env: &TestEnv, bundle: &SecretsBundle, port: u16) -> anyhow::Result<()> {
    // A file that upstream's program made, with a context of its own.
    let program = || realparts::program("talosctl", "talosctl");
    let theirs = [
        "gen",
        "config",
        "other",
        "https://10.0.0.1:6443",
        "-t",
        "talosconfig",
        "-o",
        "config",
    ];
    env.program(program(), theirs).run().success();
    let before = env.read("config");
    let merged = env
        .homelab(["talosconfig"])
        .env("TALOSCONFIG", "config")
        .run()
        .success();
    ensure!(merged.stderr.contains("/config.bak`"), "{}", merged.stderr);
    ensure!(env.read("config.bak") == before);
    let contexts = env.program(program(), ["--talosconfig", "config", "config", "contexts"]);
    let contexts = contexts.run().success().stdout;
    ensure!(
        contexts.contains("other") && contexts.contains("demo"),
        "{contexts}"
    );

    let served = |file: &str, arguments: &[&str]| talosctl(env, port, file, arguments);
    let version = served("config", &["version"]).success();
    ensure!(
        version
            .stdout
            .contains(&format!("Tag:         {}", "v1.13.9")),
        "{}",
        version.stdout
    );
    served("config", &["service"]).success();

    env.homelab([
        "talosconfig",
        "--role",
        "reader",
        "--ttl",
        "30m",
        "--file",
        "reader",
    ])
    .run()
    .success();
    served("reader", &["service"]).success();
    for mutating in [
        &["bootstrap"] as &[&str],
        &["reboot", "--wait=false"],
        &["kubeconfig", "k"],
    ] {
        refused(
            &served("reader", mutating),
            &["PermissionDenied", "not authorized"],
        );
    }
    ensure!(!env.has("k"));

    let client = |bundle: &SecretsBundle, now| {
        bundle.talos_client(TalosRole::Admin, HOUR, now, &mut SystemEntropy)
    };
    let ended = client(bundle, days_ago(1))?;
    write_talos(env, "ended", &ended)?;
    shut_out(&served("ended", &["version"]), "tls: expired certificate");
    let foreign = ClientIdentity {
        authority: ended.authority,
        ..client(&stranger(), Timestamp::now())?
    };
    write_talos(env, "foreign", &foreign)?;
    // Both authorities have the same name, so that only the signature tells them apart.
    shut_out(
        &served("foreign", &["version"]),
        "tls: error decrypting message",
    );
    write_talos(env, "stranger", &client(&stranger(), Timestamp::now())?)?;
    refused(
        &served("stranger", &["version"]),
        &["certificate signed by unknown authority"],
    );
    Ok(())
}

/// Ended by TLS, for a reason; who writes while the connection ends may not hear it.
#[track_caller]
fn shut_out(run: &Run, reason: &str) {
    assert!(run.stderr.contains("Unavailable"), "{}", run.stderr);
    refused(run, &[reason, "broken pipe", "connection reset"]);
}

#[track_caller]
fn refused(run: &Run, words: &[&str]) {
    assert_ne!(run.code, Some(0), "{}", run.stdout);
    assert!(
        words.iter().any(|words| run.stderr.contains(words)),
        "{words:?}: {}",
        run.stderr
    );
}

fn write_talos(env: &TestEnv, file: &str, client: &ClientIdentity) -> anyhow::Result<()> {
    let context = TalosContext {
        name: "demo",
        endpoints: &[],
        nodes: &[],
        client,
    };
    let alone = context.merge_into(Value::Null, Current::Switch)?;
    env.write(file, alone.to_string());
    Ok(())
}

/// A real API whose authority and key of service accounts are the bundle's; the spec says where it is.
fn api(env: &TestEnv, bundle: &SecretsBundle) -> ControlPlane {
    for (file, path) in [
        ("ca.crt", "certs.k8s.crt"),
        ("ca.key", "certs.k8s.key"),
        ("service-accounts.key", "certs.k8sserviceaccount.key"),
    ] {
        let value = json!(bundle.lookup(path).expect("a part"));
        env.write(Utf8Path::new("pki").join(file), decoded(&value));
    }
    let api = ControlPlane::with_pki(&env.root().join("pki"));
    let endpoint = api
        .server()
        .trim_start_matches("https://")
        .replace("127.0.0.1", "localhost");
    let spec = env.read("homelab.yaml");
    let with = format!("  controlPlane:\n    endpoint: {endpoint}\n");
    env.write("homelab.yaml", spec.replace("  controlPlane:\n", &with));
    api
}

fn kubectl_is_served(
    env: &TestEnv,
    bundle: &SecretsBundle,
    api: &ControlPlane,
) -> anyhow::Result<()> {
    let file = |name: &str| env.root().join(name);
    env.write("config", other_kubeconfig());
    let before = env.read("config");
    env.homelab(["kubeconfig"])
        .env("KUBECONFIG", file("config"))
        .run()
        .success();
    ensure!(env.read("config.bak") == before);
    let kubectl = |name: &str, arguments: &[&str]| api.kubectl_with(&file(name), arguments);
    let contexts =
        kubectl("config", &["config", "get-contexts", "-o", "name"]).map_err(anyhow::Error::msg)?;
    ensure!(
        contexts == "admin@demo\nother\n" || contexts == "other\nadmin@demo\n",
        "{contexts}"
    );
    let who = kubectl("config", &["auth", "whoami", "-o", "json"]).map_err(anyhow::Error::msg)?;
    let who: Value = serde_json::from_str(&who)?;
    let info = &who["status"]["userInfo"];
    ensure!(info["username"] == "admin", "{who}");
    ensure!(
        info["groups"] == json!(["system:masters", "system:authenticated"]),
        "{who}"
    );
    kubectl("config", &["create", "namespace", "made-with-the-context"])
        .map_err(anyhow::Error::msg)?;
    kubectl("config", &["create", "serviceaccount", "probe"]).map_err(anyhow::Error::msg)?;
    // The API signs with the bundle's key, and takes what it signed.
    let token = kubectl("config", &["create", "token", "probe"]).map_err(anyhow::Error::msg)?;
    ensure!(token.trim().split('.').count() == 3);

    let server = api.server();
    let write = |name: &str, client: &ClientIdentity| -> anyhow::Result<()> {
        let context = KubeContext {
            name: "admin@demo",
            cluster: "demo",
            server,
            client,
        };
        env.write(
            name,
            context
                .merge_into(Value::Null, Current::Switch)?
                .to_string(),
        );
        Ok(())
    };
    let client =
        |bundle: &SecretsBundle, now| bundle.kubernetes_admin(HOUR, now, &mut SystemEntropy);
    let ended = client(bundle, days_ago(1))?;
    write("ended", &ended)?;
    let foreign = ClientIdentity {
        authority: ended.authority,
        ..client(&stranger(), Timestamp::now())?
    };
    write("foreign", &foreign)?;
    write("stranger", &client(&stranger(), Timestamp::now())?)?;
    for (name, words) in [
        (
            "ended",
            "the server has asked for the client to provide credentials",
        ),
        (
            "foreign",
            "the server has asked for the client to provide credentials",
        ),
        ("stranger", "certificate signed by unknown authority"),
    ] {
        let said = kubectl(name, &["get", "namespaces"]);
        let said = said.err().with_context(|| format!("`{name}` was let in"))?;
        ensure!(
            said.contains(words) || said.contains("You must be logged in"),
            "{name}: {said}"
        );
    }
    Ok(())
}

async fn our_client_is_served(env: &TestEnv) -> anyhow::Result<()> {
    let access = Access::parse(&Secret::new(env.read("config")))?;
    let target: Target = access
        .server
        .strip_prefix("https://")
        .context("https")?
        .parse()?;
    let client = Client::new(&access, &target, Arc::new(Tcp), Arc::new(SystemClock))?;
    client.ready().await?;
    let made = client
        .get("v1", "Namespace", None, "made-with-the-context")
        .await?;
    ensure!(made.is_some());
    Ok(())
}

/// What somebody else's file may hold.
fn other_kubeconfig() -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "other",
        "clusters": [{"name": "other", "cluster": {"server": "https://10.0.0.1:6443"}}],
        "users": [{"name": "other", "user": {"token": "planted"}}],
        "contexts": [{"name": "other", "context": {"cluster": "other", "user": "other"}}],
    })
    .to_string()
}

fn what_ends_soon_or_ended_is_told() -> anyhow::Result<()> {
    let (env, bundle) = repository();
    let file = |name: &str| -> Utf8PathBuf { env.root().join(name) };
    let check = |name: &str| {
        let check = ["talosconfig", "--check"];
        env.homelab(check).env("TALOSCONFIG", file(name)).run()
    };
    env.homelab(["talosconfig", "--file", "fresh"])
        .run()
        .success();
    ensure!(!check("fresh").success().stderr.contains("warning"));
    // Made 59 of its 60 minutes ago.
    let made = Timestamp::now() - Duration::from_mins(59);
    let soon = bundle.talos_client(TalosRole::Admin, HOUR, made, &mut SystemEntropy)?;
    write_talos(&env, "soon", &soon)?;
    let said = check("soon").success().stderr;
    ensure!(
        said.contains("warning: context `demo`")
            && said.contains("only; run `homelab talosconfig`"),
        "{said}"
    );
    let ended = bundle.talos_client(TalosRole::Admin, HOUR, days_ago(1), &mut SystemEntropy)?;
    write_talos(&env, "ended", &ended)?;
    let said = check("ended").expect_code(4).stderr;
    ensure!(said.contains("run `homelab talosconfig`"), "{said}");
    // Another context of the same file is told when ours is put beside it.
    let other = env.read("ended").replace("\"demo\"", "\"other\"");
    env.write("ended", other);
    let said = env
        .homelab(["talosconfig", "--file", "ended"])
        .run()
        .success()
        .stderr;
    ensure!(said.contains("context `other` held until"), "{said}");
    let names = oracle::documents(&env.read("ended")).remove(0)["contexts"].clone();
    ensure!(
        names.as_object().is_some_and(|names| names.len() == 2),
        "{names}"
    );
    Ok(())
}
