//! From an empty Kubernetes API to where Git has taken over, by the built `homelab bootstrap`, the
//! real API server, Helm and Flux. Machines and charts are stand-ins (`tests/support/gitops`).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::support::gitops::{Notes, TOKEN, World, edit, push};
use crate::support::{Case, Need, Random, realparts};

pub fn tests() -> Vec<Case> {
    let case = |case: Case| {
        ["python3", "openssl", "git", "setpriv"]
            .into_iter()
            .fold(case.parts(realparts::GITOPS), |case, program| {
                case.needs(Need::Program(program))
            })
    };
    vec![
        case(Case::new(
            "git_takes_over_from_an_empty_api",
            git_takes_over_from_an_empty_api,
        )),
        case(Case::new(
            "killed_at_each_step_it_goes_on",
            killed_at_each_step_it_goes_on,
        )),
        case(Case::new(
            "a_hand_over_that_is_refused_is_tried_again",
            a_hand_over_that_is_refused_is_tried_again,
        )),
    ]
}

fn git_takes_over_from_an_empty_api() -> anyhow::Result<()> {
    let world = World::new()?;
    let notes = git_takes_over(&world)?;
    the_instance_brought_its_flags(&notes)?;
    a_second_run_changes_nothing(&world)?;
    ciphertext_and_two_owners_are_errors(&world)?;
    failures_are_explained(&world)
}

/// A run that ends well, and what then stands; returns what the kubelets noted.
fn git_takes_over(world: &World) -> anyhow::Result<Notes> {
    let run = world.bootstrap()?;
    let notes = world.kubelets.notes();
    ensure!(
        run.code == Some(0),
        "{}{}\n{notes:#?}",
        run.stdout,
        run.stderr
    );
    everything_is_ready(world)?;
    the_encrypted_secret_arrived(world)?;
    charts_were_handed_over(world, &notes)?;
    hooks_ran_once(world)?;
    nothing_is_left_of_the_chart_runner(world)?;
    Ok(notes)
}

/// Every Kustomization and HelmRelease, as kubectl sees them.
fn everything_is_ready(world: &World) -> anyhow::Result<()> {
    for (kind, least) in [("kustomization", 9), ("helmrelease", 4)] {
        let objects = world.objects(kind);
        ensure!(objects.len() >= least, "{kind}: {}", objects.len());
        for object in objects {
            let ready = condition(&object, "Ready");
            ensure!(ready["status"] == "True", "{object}");
        }
    }
    Ok(())
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let all = object["status"]["conditions"].as_array();
    let mut all = all.into_iter().flatten();
    all.find(|it| it["type"] == kind).unwrap_or(&Value::Null)
}

fn the_encrypted_secret_arrived(world: &World) -> anyhow::Result<()> {
    let file = "cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml";
    let text = world.env.read(file);
    ensure!(text.contains("ENC[") && !text.contains(TOKEN), "{text}");
    let get = [
        "get",
        "secret",
        "cloudflare-api-token",
        "-n",
        "cert-manager",
    ];
    let path = [
        "-o",
        "go-template={{index .data \"api-token\" | base64decode}}",
    ];
    let live = world.real.kubectl(&[&get[..], &path].concat());
    ensure!(live == TOKEN, "{live}");
    Ok(())
}

/// Charts keep their versions when Flux takes them over only with this gate, from the beginning.
fn the_instance_brought_its_flags(notes: &Notes) -> anyhow::Result<()> {
    let helm = notes
        .programs
        .iter()
        .find(|(name, _)| name == "helm-controller");
    let (_, flags) = helm.context("helm-controller runs")?;
    let gate = "--feature-gates=DisableChartDigestTracking=true";
    ensure!(flags.iter().any(|flag| flag == gate), "{flags:?}");
    Ok(())
}

/// Release v1 before Git, by a client-side apply; v2 after it, with the same pods and specs, and
/// nothing but two labels new.
fn charts_were_handed_over(world: &World, notes: &Notes) -> anyhow::Result<()> {
    let [deployments, daemon_sets, pods, releases] = notes
        .before_flux
        .as_ref()
        .context("the operator was installed")?;
    let mut names: Vec<_> = releases
        .iter()
        .map(|it| text(it, "/metadata/name"))
        .collect();
    names.sort_unstable();
    let before = [
        "sh.helm.release.v1.cilium.v1",
        "sh.helm.release.v1.flux-operator.v1",
        "sh.helm.release.v1.kube-vip.v1",
    ];
    ensure!(names == before, "{names:?}");
    for (release, namespace) in [
        ("cilium", "kube-system"),
        ("kube-vip", "kube-system"),
        ("flux-operator", "flux-system"),
    ] {
        let first = metadata(world, release, namespace, "1")?;
        ensure!(first["status"] == "superseded", "{first}");
        ensure!(first["applyMethod"] == "csa", "{first}");
        let second = metadata(world, release, namespace, "2")?;
        ensure!(second["status"] == "deployed", "{second}");
        ensure!(second["applyMethod"] == "csa", "{second}");
    }
    for (kind, all) in [("deployment", deployments), ("daemonset", daemon_sets)] {
        ensure!(!all.is_empty());
        let after = world.objects(kind);
        for object in all {
            let same = found(&after, object)?;
            ensure!(same["spec"] == object["spec"], "{same}\n{object}");
            ensure!(added_labels(object, same)? == OWNER, "{same}");
        }
    }
    let after = world.objects("pod");
    let lasting = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["job-name"].is_null());
    let mut count = 0;
    for pod in lasting {
        let same = found(&after, pod)?;
        ensure!(same["metadata"]["uid"] == pod["metadata"]["uid"], "{pod}");
        ensure!(same["spec"] == pod["spec"], "{pod}\n{same}");
        count += 1;
    }
    // Three nodes with an agent and a virtual IP each, two operators of the network, one of Flux.
    ensure!(count == 9, "{count} pods");
    Ok(())
}

/// The hook of the stand-in for Cilium fails a second time.
fn hooks_ran_once(world: &World) -> anyhow::Result<()> {
    object(world, "configmap", "kube-system", "once").context("the hook's object")?;
    let second = metadata(world, "cilium", "kube-system", "2")?;
    ensure!(second["status"] == "deployed", "{second}");
    Ok(())
}

const OWNER: [&str; 2] = [
    "helm.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/namespace",
];

/// What Helm says of a revision.
fn metadata(
    world: &World,
    release: &str,
    namespace: &str,
    revision: &str,
) -> anyhow::Result<Value> {
    let get = [
        "get",
        "metadata",
        release,
        "--namespace",
        namespace,
        "--output",
        "json",
    ];
    let run = world
        .env
        .program(
            realparts::program("helm", "helm"),
            get.iter().chain(&["--revision", revision]),
        )
        .env("KUBECONFIG", world.real.file("kubeconfig"))
        .run()
        .success();
    Ok(serde_json::from_str(&run.stdout)?)
}

fn found<'a>(all: &'a [Value], wanted: &Value) -> anyhow::Result<&'a Value> {
    let is_it = |it: &&Value| {
        ["name", "namespace"]
            .iter()
            .all(|part| it["metadata"][part] == wanted["metadata"][part])
    };
    all.iter()
        .find(is_it)
        .with_context(|| format!("{wanted} is gone"))
}

/// The labels that an object has now and had not before; none may have changed.
fn added_labels<'a>(before: &Value, after: &'a Value) -> anyhow::Result<Vec<&'a str>> {
    let labels = |object: &'a Value| object["metadata"]["labels"].as_object();
    let before = before["metadata"]["labels"].as_object();
    let mut added = Vec::new();
    for (name, value) in labels(after).into_iter().flatten() {
        match before.and_then(|before| before.get(name)) {
            Some(old) => ensure!(old == value, "{name} was {old}, is {value}"),
            None => added.push(name.as_str()),
        }
    }
    Ok(added)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn nothing_is_left_of_the_chart_runner(world: &World) -> anyhow::Result<()> {
    let kinds = "job,configmap,serviceaccount,clusterrolebinding";
    let left = world.real.kubectl(&["get", kinds, "-A", "-o", "name"]);
    ensure!(!left.contains("homelab-charts"), "{left}");
    Ok(())
}

/// What changes by itself: heartbeats, what happened, the operator's report, and the lease of the
/// run, which every run takes.
const BY_THEMSELVES: [&str; 4] = ["Event", "Lease", "FluxReport", "Node"];

fn versions(world: &World) -> anyhow::Result<BTreeMap<String, String>> {
    let kinds = world
        .real
        .kubectl(&["api-resources", "--verbs=list", "-o", "name"]);
    let kinds: Vec<_> = kinds.lines().filter(|it| !it.contains("metrics")).collect();
    let all = world
        .real
        .kubectl(&["get", &kinds.join(","), "-A", "-o", "json"]);
    let all: Value = serde_json::from_str(&all)?;
    let mut versions = BTreeMap::new();
    for object in all["items"].as_array().context("items")? {
        let kind = text(object, "/kind");
        if !BY_THEMSELVES.contains(&kind) {
            let (namespace, name) = (
                text(object, "/metadata/namespace"),
                text(object, "/metadata/name"),
            );
            let version = text(object, "/metadata/resourceVersion").to_owned();
            versions.insert(format!("{kind} {namespace}/{name}"), version);
        }
    }
    ensure!(versions.len() > 100, "{}", versions.len());
    Ok(versions)
}

fn a_second_run_changes_nothing(world: &World) -> anyhow::Result<()> {
    let before = versions(world)?;
    world.bootstrap()?.success();
    let after = versions(world)?;
    let changed: Vec<_> = before
        .iter()
        .filter(|(name, version)| after.get(*name) != Some(version))
        .chain(after.iter().filter(|(name, _)| !before.contains_key(*name)))
        .collect();
    ensure!(changed.is_empty(), "{changed:?}");
    Ok(())
}

/// Neither is seen by any controller: everything is ready.
fn ciphertext_and_two_owners_are_errors(world: &World) -> anyhow::Result<()> {
    let literal = "--from-literal=word=ENC[AES256_GCM,data:x]";
    let create = [
        "create", "secret", "generic", "closed", "-n", "demo", literal,
    ];
    world.real.kubectl(&create);
    let run = world.bootstrap()?.expect_code(1);
    for part in [
        "Secret `demo/closed` holds ciphertext",
        "likely cause: its Kustomization does not decrypt",
    ] {
        ensure!(run.stderr.contains(part), "{}", run.stderr);
    }
    world
        .real
        .kubectl(&["delete", "secret", "closed", "-n", "demo"]);

    let shadow = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "shadow", "namespace": "flux-system"},
        "spec": {"interval": "1h", "path": "./cluster/config", "prune": false,
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
    });
    let file = world.env.base().join("shadow.json");
    std::fs::write(&file, shadow.to_string())?;
    world.real.kubectl(&["apply", "-f", file.as_str()]);
    let run = world.bootstrap()?.expect_code(1);
    let both = "Kustomization `flux-system/cluster-config` and Kustomization `flux-system/shadow`";
    ensure!(run.stderr.contains(both), "{}", run.stderr);
    world.real.kubectl(&["delete", "-f", file.as_str()]);
    world.bootstrap()?.success();
    Ok(())
}

/// An application that the API refuses and a chart that does not render: what the controllers say,
/// what they warned of, and the files that they come from.
fn failures_are_explained(world: &World) -> anyhow::Result<()> {
    edit(
        &world.env,
        "homelab.yaml",
        "demo: {version: 1.29.5}",
        "demo: {version: 1.29.5, replicas: -1}",
    );
    let values = "dns: cloudflare\n      values: {refuse: the chart of this test does not render}";
    edit(&world.env, "homelab.yaml", "dns: cloudflare", values);
    world.env.homelab(["render"]).run().success();
    push(&world.env, "Break two things");
    reconcile_now(world);

    let mut running = world.start_bootstrap();
    let broken = "Kustomization `flux-system/demo` (cluster/apps/demo/ks.yaml)";
    // Flux is at it for a moment before it fails.
    let line = line_with(&mut running, "Deployment/demo/demo dry-run failed");
    end(&mut running)?;
    let line = line?;
    ensure!(line.contains(broken), "{line}");

    let demo = object(world, "kustomization", "flux-system", "demo")?;
    let release = until(world, "helmrelease", "cert-manager", "cert-manager", |it| {
        condition(it, "Ready")["reason"] == "UpgradeFailed"
    })?;
    let doctor = world.homelab(&["doctor"]).run().expect_code(4);
    for (object, file) in [
        (&demo, "cluster/apps/demo/ks.yaml"),
        (&release, "cluster/core/cert-manager/app/helmrelease.yaml"),
    ] {
        let said = text(condition(object, "Ready"), "/message");
        let said = said.lines().next().unwrap_or_default();
        ensure!(
            !said.is_empty() && doctor.stdout.contains(said),
            "{said}: {}",
            doctor.stdout
        );
        ensure!(
            doctor.stdout.contains(&format!("({file}): ")),
            "{}",
            doctor.stdout
        );
    }
    ensure!(
        doctor
            .stdout
            .contains("the chart of this test does not render"),
        "{}",
        doctor.stdout
    );
    ensure!(doctor.stdout.contains("\n  event: "), "{}", doctor.stdout);
    Ok(())
}

fn object(world: &World, kind: &str, namespace: &str, name: &str) -> anyhow::Result<Value> {
    let get = ["get", kind, name, "-n", namespace, "-o", "json"];
    let shown = world.real.try_kubectl(&get).map_err(anyhow::Error::msg)?;
    Ok(serde_json::from_str(&shown)?)
}

fn until(
    world: &World,
    kind: &str,
    namespace: &str,
    name: &str,
    holds: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let end = Instant::now() + Duration::from_mins(3);
    loop {
        let found = object(world, kind, namespace, name);
        match found {
            Ok(found) if holds(&found) => return Ok(found),
            found => ensure!(Instant::now() < end, "{found:?}"),
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Lets the source look for a new commit without waiting for its interval.
fn reconcile_now(world: &World) {
    let source = [
        "annotate",
        "gitrepository",
        "flux-system",
        "-n",
        "flux-system",
    ];
    let now = format!("reconcile.fluxcd.io/requestedAt={:?}", Instant::now());
    world
        .real
        .kubectl(&[&source[..], &["--overwrite", &now]].concat());
}

/// Reads what a run says until a line tells of something.
fn line_with(running: &mut Child, wanted: &str) -> anyhow::Result<String> {
    let said = running.stderr.take().context("it was asked for")?;
    let mut seen = String::new();
    for line in BufReader::new(said).lines() {
        let line = line?;
        if line.contains(wanted) {
            return Ok(line);
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    anyhow::bail!("no line with {wanted}:\n{seen}")
}

fn end(running: &mut Child) -> anyhow::Result<()> {
    running.kill()?;
    running.wait()?;
    Ok(())
}

/// Steps 7 to 12 as far as they act or wait; each is cut off twice.
const STEPS: [&str; 12] = [
    "kubeconfig/talos-1",
    "lease",
    "apply/namespaces",
    "apply/secrets",
    "registered/talos-1",
    "apply/charts",
    "nodes-ready",
    "apply/operator",
    "apply/instance",
    "reconciled",
    "remove-chart-runner",
    "verify",
];

fn killed_at_each_step_it_goes_on() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut random = Random::new(12);
    let mut kills = 0;
    for step in STEPS {
        for _ in 0..2 {
            let known = begun(&world, step);
            let mut running = world.start_bootstrap();
            while begun(&world, step) == known && running.try_wait()?.is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(u64::from(random.below(200)) * 4));
            kills += usize::from(running.try_wait()?.is_none());
            end(&mut running)?;
        }
    }
    // The last steps are over in a moment: some runs end before they are killed.
    ensure!(kills >= 16, "only {kills} runs were killed");
    let notes = git_takes_over(&world)?;
    let mut jobs: Vec<_> = notes.scripts.iter().map(|(job, _)| job).collect();
    jobs.dedup();
    ensure!(
        jobs.len() == notes.scripts.len() && jobs.len() == 2,
        "{jobs:?}"
    );
    a_second_run_changes_nothing(&world)
}

/// The API refuses the first upgrade of the pod network for a while: nothing is rolled back or taken
/// away, and once it may, Flux upgrades by itself.
fn a_hand_over_that_is_refused_is_tried_again() -> anyhow::Result<()> {
    let world = World::new()?;
    let refusal = refuses_the_network();
    let file = world.env.base().join("refusal.json");
    std::fs::write(&file, refusal.to_string())?;
    world.real.kubectl(&["apply", "-f", file.as_str()]);
    let running = world.start_bootstrap();
    let agents = || uids(&world, "k8s-app", "cilium");
    let failed = the_upgrade_fails(&world);
    let before = agents();
    world.real.kubectl(&["delete", "-f", file.as_str()]);
    let run = world.ends(running)?;
    failed?;
    ensure!(before.len() == 3, "{before:?}");
    let run = run.success();
    ensure!(run.stderr.contains(REFUSED), "{}", run.stderr);
    everything_is_ready(&world)?;
    let third = metadata(&world, "cilium", "kube-system", "3")?;
    ensure!(third["status"] == "deployed", "{third}");
    ensure!(before == agents(), "the pod network started again");
    Ok(())
}

fn the_upgrade_fails(world: &World) -> anyhow::Result<()> {
    until(world, "helmrelease", "kube-system", "cilium", |it| {
        condition(it, "Ready")["reason"] == "UpgradeFailed"
    })?;
    let second = metadata(world, "cilium", "kube-system", "2")?;
    ensure!(second["status"] == "failed", "{second}");
    Ok(())
}

const REFUSED: &str = "not yet, says this test";

/// A policy that keeps Flux from marking the pod network as its own.
fn refuses_the_network() -> Value {
    let is_marked = "'helm.toolkit.fluxcd.io/name' in object.metadata.?labels.orValue({})";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "refusal"},
        "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
                "operations": ["UPDATE"], "resources": ["daemonsets"]}]},
            "validations": [{"message": REFUSED,
                "expression": format!("object.metadata.name != 'cilium' || !({is_marked})")}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "refusal"},
        "spec": {"policyName": "refusal", "validationActions": ["Deny"]},
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]})
}

/// The pods with a label, each of which is another one when it is made anew.
fn uids(world: &World, label: &str, value: &str) -> std::collections::BTreeSet<String> {
    let pods = world.objects("pod").into_iter();
    let chosen = pods.filter(|pod| pod["metadata"]["labels"][label] == value);
    chosen
        .map(|pod| text(&pod, "/metadata/uid").to_owned())
        .collect()
}

/// How often a step was begun, or found to be done.
fn begun(world: &World, step: &str) -> usize {
    let lines = world.journal();
    lines
        .iter()
        .filter(|line| {
            line["step"] == step && (line["what"] == "begin" || line["what"] == "skipped")
        })
        .count()
}
