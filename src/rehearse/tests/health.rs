//! What `status` and `doctor` see of a world, asked over the real protocols.

use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::observe::{self, Look};
use crate::plan::{Finding, Health, Kubernetes, Standing};
use crate::talos::Talos;
use crate::ui;

/// Looks at a world as a computer with its secrets would.
async fn look(stage: &Stage, world: &Arc<World>, clock: &Arc<dyn Clock>) -> Health {
    let inputs = inputs(stage, world, clock, "looking");
    let secrets = inputs.secrets.clone().expect("a stage has secrets");
    let talos = Talos::new(
        secrets.talos.clone(),
        Arc::clone(&inputs.connector),
        Arc::clone(clock),
    );
    observe::health(Look {
        cluster: &inputs.cluster,
        talos: &talos,
        configurations: &secrets.configurations,
        origins: &inputs.origins,
        certificates: secrets.authorities.clone(),
        connector: &inputs.connector,
        clock,
    })
    .await
}

/// What is found, and how the whole is.
fn judge(cluster: &Cluster, health: &Health) -> (Standing, Vec<Finding>) {
    let findings = health.findings(cluster);
    (health.standing(cluster, &findings), findings)
}

/// As `status` shows it, without the name of the commit, which is that of the rendered tree.
fn text(cluster: &Cluster, health: &Health) -> String {
    let (standing, findings) = judge(cluster, health);
    let text = ui::health::text(cluster, health, &findings, standing);
    let Some((before, rest)) = text.split_once("sha1:") else {
        return text;
    };
    format!("{before}sha1:[COMMIT]{}", &rest[40..])
}

#[test]
fn a_cluster_that_came_up_is_healthy_and_looking_changes_nothing() {
    let stage = stage();
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            let before = world.report().mutations.len();
            let health = look(&stage, &world, &clock).await;
            assert_eq!(world.report().mutations.len(), before);
            assert_snapshot!(text(&reference_cluster(), &health), @"
            NODE     ROLE           ADDRESS        TALOS    KUBERNETES  STAGE
            talos-1  control plane  192.168.1.101  v1.13.9  v1.36.4     running
            talos-2  control plane  192.168.1.102  v1.13.9  v1.36.4     running
            talos-3  control plane  192.168.1.103  v1.13.9  v1.36.4     running

            etcd          3 of 3 members healthy, 1 more may fail
            Kubernetes    3 of 3 nodes ready
            virtual IP    192.168.1.100 on talos-1
            GitOps        20 of 20 objects ready, at refs/heads/main@sha1:[COMMIT]
            certificates  the first to end is the Talos API's certificate of `talos-3`, on 2027-01-02 00:02 UTC

            healthy
            ");
            assert_eq!(
                judge(&reference_cluster(), &health),
                (Standing::Healthy, Vec::new())
            );
        },
        &stage,
    );
}

#[test]
fn a_machine_that_is_off_is_named_with_what_is_left() {
    let stage = stage();
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            world
                .fleet()
                .with(|fleet| fleet.power_off(&name("talos-2")));
            tokio::time::sleep(Duration::from_mins(2)).await;
            let health = look(&stage, &world, &clock).await;
            assert_snapshot!(text(&reference_cluster(), &health), @"
            NODE     ROLE           ADDRESS        TALOS    KUBERNETES  STAGE
            talos-1  control plane  192.168.1.101  v1.13.9  v1.36.4     running
            talos-2  control plane  192.168.1.102  -        v1.36.4     silent, not ready
            talos-3  control plane  192.168.1.103  v1.13.9  v1.36.4     running

            etcd          2 of 3 members healthy, 0 more may fail
            Kubernetes    2 of 3 nodes ready
            virtual IP    192.168.1.100 on talos-1
            GitOps        20 of 20 objects ready, at refs/heads/main@sha1:[COMMIT]
            certificates  the first to end is the Talos API's certificate of `talos-3`, on 2027-01-02 00:02 UTC

            not as it should be:
              - `talos-2` does not answer: no answer to `connect` from `192.168.1.102:50000` within 10s
              - Kubernetes does not count `talos-2` as ready: NodeStatusUnknown: Kubelet stopped posting node status.

            not healthy
            `homelab doctor` names likely causes and what to try
            ");
            let (standing, findings) = judge(&reference_cluster(), &health);
            assert_eq!(standing, Standing::Differs);
            let doctor = ui::health::diagnosis(&reference_cluster(), &findings, standing);
            assert_snapshot!(doctor, @"
            `talos-2` does not answer: no answer to `connect` from `192.168.1.102:50000` within 10s
              likely cause: the machine is off, has another address, or did not start from its disk
              try: look at the console of talos-2 (power, boot order, address), then the same command again; or, if it is gone for good, --without talos-2

            Kubernetes does not count `talos-2` as ready: NodeStatusUnknown: Kubelet stopped posting node status.
              likely cause: the machine is off, or its kubelet does not reach the API
              try: homelab status; talosctl -n talos-2 service kubelet

            not healthy
            ");
        },
        &stage,
    );
}

#[test]
fn without_quorum_the_machines_still_tell_and_kubernetes_is_silent() {
    let stage = stage();
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            for node in ["talos-2", "talos-3"] {
                world.fleet().with(|fleet| fleet.power_off(&name(node)));
            }
            tokio::time::sleep(Duration::from_mins(2)).await;
            let health = look(&stage, &world, &clock).await;
            assert!(matches!(health.kubernetes, Kubernetes::Silent { .. }));
            let (standing, findings) = judge(&reference_cluster(), &health);
            assert_eq!(standing, Standing::Differs);
            let told = text(&reference_cluster(), &health);
            assert!(
                told.contains("2 of 3 members cannot be asked from here"),
                "{told}"
            );
            assert!(findings.len() > 3, "{findings:?}");
            let message = "etcd of `talos-1` is not healthy";
            assert!(
                findings.iter().any(|it| it.message == message),
                "{findings:?}"
            );
        },
        &stage,
    );
}

#[test]
fn machines_before_a_bootstrap_differ_and_a_dark_house_is_unreachable() {
    let stage = stage();
    play(
        async |world, clock| {
            let health = look(&stage, &world, &clock).await;
            let (standing, findings) = judge(&reference_cluster(), &health);
            assert_eq!(standing, Standing::Differs);
            let waiting = findings
                .iter()
                .filter(|it| it.message.ends_with("waits for its configuration"));
            assert_eq!(waiting.count(), 3, "{findings:?}");
            for node in ["talos-1", "talos-2", "talos-3"] {
                world.fleet().with(|fleet| fleet.power_off(&name(node)));
            }
            let health = look(&stage, &world, &clock).await;
            let (standing, _) = judge(&reference_cluster(), &health);
            assert_eq!(standing, Standing::Unreachable);
        },
        &stage,
    );
}
