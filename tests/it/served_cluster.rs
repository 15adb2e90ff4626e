//! The built program against a served world in a process of its own: machines are found, a cluster
//! comes up, and is looked at.

use std::io::BufRead as _;

use anyhow::ensure;

use crate::support::{Case, Run, World, cases};

pub fn tests() -> Vec<Case> {
    cases![
        machines_are_found_and_described_before_there_is_a_bundle,
        a_world_that_is_gone_is_unreachable,
        watching_writes_one_look_after_the_other,
        a_bootstrapped_cluster_is_looked_at,
    ]
}

fn machines_are_found_and_described_before_there_is_a_bundle() -> anyhow::Result<()> {
    let world = World::serve("talos-ha")?;
    std::fs::remove_file(
        world
            .env
            .root()
            .join("infrastructure/talos/secrets.sops.yaml"),
    )?;
    let found = world.run(&["nodes", "discover"]).success();
    insta::assert_snapshot!(found.stdout, @r#"
    # ADDRESS        STATE        TALOS    ARCH   MEMORY  DISKS
    # 192.168.1.101  maintenance  v1.13.9  amd64  16 GiB  CHANGE-ME-1 (536 GB)
    # 192.168.1.102  maintenance  v1.13.9  amd64  16 GiB  CHANGE-ME-2 (536 GB)
    # 192.168.1.103  maintenance  v1.13.9  amd64  16 GiB  CHANGE-ME-3 (536 GB)

    nodes:
      - name: talos-1
        role: control-plane
        address: 192.168.1.101
        disk: {serial: CHANGE-ME-1}  # 536 GB; Simulated SSD 500GB
        nic: {mac: "52:54:00:00:00:01"}  # eth0
      - name: talos-2
        role: control-plane
        address: 192.168.1.102
        disk: {serial: CHANGE-ME-2}  # 536 GB; Simulated SSD 500GB
        nic: {mac: "52:54:00:00:00:02"}  # eth0
      - name: talos-3
        role: control-plane
        address: 192.168.1.103
        disk: {serial: CHANGE-ME-3}  # 536 GB; Simulated SSD 500GB
        nic: {mac: "52:54:00:00:00:03"}  # eth0
    "#);
    let listed = world.run(&["nodes", "list"]).success();
    insta::assert_snapshot!(listed.stdout, @"
    NODE     ROLE           ADDRESS        STATE        TALOS    ARCH   MEMORY  DISKS
    talos-1  control plane  192.168.1.101  maintenance  v1.13.9  amd64  16 GiB  CHANGE-ME-1 (536 GB)
    talos-2  control plane  192.168.1.102  maintenance  v1.13.9  amd64  16 GiB  CHANGE-ME-2 (536 GB)
    talos-3  control plane  192.168.1.103  maintenance  v1.13.9  amd64  16 GiB  CHANGE-ME-3 (536 GB)
    ");
    let refused = world.run(&["status"]).expect_code(6);
    ensure!(
        refused.stderr.contains("homelab secrets init"),
        "{}",
        refused.stderr
    );
    let second = ["rehearse", "--serve", "world"];
    let second = world.env.homelab(second).run().expect_code(1);
    ensure!(
        second
            .stderr
            .contains("another process serves a rehearsal in `"),
        "{}",
        second.stderr
    );
    let too_large = world
        .run(&["nodes", "discover", "10.0.0.0/8"])
        .expect_code(2);
    ensure!(
        too_large.stderr.contains("more than 4096"),
        "{}",
        too_large.stderr
    );
    Ok(())
}

fn a_world_that_is_gone_is_unreachable() -> anyhow::Result<()> {
    let mut world = World::serve("one-node")?;
    world.end();
    for command in [
        &["status"] as &[&str],
        &["doctor"],
        &["bootstrap", "--yes", "--patience", "0"],
    ] {
        let run = world.run(command).expect_code(5);
        ensure!(
            run.stderr.contains("no control plane answers"),
            "{}",
            run.stderr
        );
    }
    Ok(())
}

fn watching_writes_one_look_after_the_other() -> anyhow::Result<()> {
    let world = World::serve("one-node")?;
    let arguments = ["status", "--watch", "--every", "1", "--output", "json"];
    let map = ["--connect-map", "world/connect-map.json"];
    let mut watching = world.env.homelab(arguments.iter().chain(&map)).spawn();
    let stdout = watching.stdout.take().expect("it was asked for");
    let mut lines = std::io::BufReader::new(stdout).lines();
    let looks: Vec<_> = lines.by_ref().take(2).collect();
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &watching.id().to_string()])
        .stdin(std::process::Stdio::null())
        .status();
    // Until it has ended.
    let later = lines.count();
    let ended = watching.wait()?;
    ensure!(interrupted?.success());
    ensure!(ended.code() == Some(4), "{ended} after {later} more looks");
    ensure!(looks.len() == 2, "{looks:?}");
    for line in looks {
        let seen: serde_json::Value = serde_json::from_str(&line?)?;
        ensure!(seen["standing"] == "differs", "{seen}");
    }
    Ok(())
}

/// Without a terminal and without `--yes` nothing is changed.
fn nobody_is_there_to_be_asked(world: &World, command: &str) -> anyhow::Result<()> {
    let run = world.run(&[command]).expect_code(2);
    ensure!(run.stderr.contains("pass `--yes`"), "{}", run.stderr);
    let status = world.run(&["status"]).expect_code(4);
    let waits = "waits for its configuration";
    ensure!(status.stdout.contains(waits), "{}", status.stdout);
    Ok(())
}

fn a_bootstrapped_cluster_is_looked_at() -> anyhow::Result<()> {
    let world = World::serve("one-node")?;
    let differs = world.run(&["status"]).expect_code(4);
    ensure!(
        differs.stdout.contains("waits for its configuration"),
        "{}",
        differs.stdout
    );
    nobody_is_there_to_be_asked(&world, "bootstrap")?;
    let contexts = ["bootstrap", "--yes", "--contexts", "merge"];
    let done = world.run(&contexts).success();
    contexts_are_in_the_owners_files(&world, &done)?;
    let healthy = world.run(&["status"]).success();
    ensure!(
        healthy.stdout.ends_with("\nhealthy\n"),
        "{}",
        healthy.stdout
    );
    let doctor = world.run(&["doctor"]).success();
    ensure!(
        doctor.stdout.contains("nothing to treat"),
        "{}",
        doctor.stdout
    );
    let json = world.run(&["status", "--output", "json"]).success();
    let document: serde_json::Value = serde_json::from_str(&json.stdout)?;
    ensure!(document["standing"] == "healthy", "{}", json.stdout);

    edit_and_apply(&world)
}

fn contexts_are_in_the_owners_files(world: &World, done: &Run) -> anyhow::Result<()> {
    for (command, file, context) in [
        ("talosconfig", ".talos/config", "demo"),
        ("kubeconfig", ".kube/config", "admin@demo"),
    ] {
        let path = world.env.home().join(file);
        let said = format!("context `{context}` in `{path}` holds until");
        ensure!(done.stderr.contains(&said), "{said}: {}", done.stderr);
        world.env.homelab([command, "--check"]).run().success();
    }
    // A rehearsal leaves them alone unless it is told otherwise.
    let before = std::fs::read(world.env.home().join(".kube/config"))?;
    world.run(&["bootstrap", "--yes"]).success();
    ensure!(before == std::fs::read(world.env.home().join(".kube/config"))?);
    Ok(())
}

/// An edited spec is reported by bootstrap, shown by plan and rolled out by apply.
fn edit_and_apply(world: &World) -> anyhow::Result<()> {
    let patch =
        "  patches:\n    all:\n      - machine: {sysctls: {vm.max_map_count: \"262144\"}}\n";
    let spec = world.env.read("homelab.yaml");
    let edited = spec.replacen("  components:", &format!("{patch}  components:"), 1);
    world.env.write("homelab.yaml", edited);
    world.env.homelab(["render"]).run().success();
    let reported = world.run(&["bootstrap", "--yes"]).expect_code(4);
    ensure!(
        reported.stderr.contains("`homelab plan`"),
        "{}",
        reported.stderr
    );
    let planned = world.run(&["plan"]).expect_code(4);
    let change = "v1alpha1: machine.sysctls.\"vm.max_map_count\": nothing -> \"262144\" (live)";
    ensure!(planned.stdout.contains(change), "{}", planned.stdout);
    let compared = world.run(&["diff", "talos-1", "--live"]).expect_code(4);
    ensure!(
        compared.stdout == format!("{change}\n"),
        "{}",
        compared.stdout
    );
    world.run(&["apply", "--yes"]).success();
    world.run(&["diff", "talos-1", "--live"]).success();
    let planned = world.run(&["plan"]).success();
    ensure!(
        planned.stdout.starts_with("nothing to change"),
        "{}",
        planned.stdout
    );
    Ok(())
}
