//! Careless operators, who do by hand what must never happen: the world sees each of them, and a
//! rehearsal would end there. Nobody tells it; the engine has no part in this.

use super::*;
use crate::connect::Target;
use crate::kube::{Access, Client, Holder, LeaseAnswer};
use crate::talos::Talos;

/// What somebody at a computer can do by hand.
pub(super) struct Hand {
    stage: Stage,
    connector: Arc<WorldConnector>,
    clock: Arc<dyn Clock>,
    talos: Talos,
    configurations: Arc<crate::execute::Secrets>,
}

impl Hand {
    pub(super) fn at(
        computer: &str,
        stage: &Stage,
        world: &Arc<World>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let inputs = inputs(stage, world, clock, computer);
        let secrets = inputs.secrets.expect("the stage has a bundle");
        let connector = Arc::new(WorldConnector {
            world: Arc::clone(world),
            from: computer.into(),
        });
        Self {
            stage: stage.clone(),
            talos: Talos::new(
                secrets.talos.clone(),
                Arc::clone(&connector) as _,
                Arc::clone(clock),
            ),
            connector,
            clock: Arc::clone(clock),
            configurations: secrets,
        }
    }

    fn address(&self, node: &str) -> std::net::IpAddr {
        self.stage.cluster.node(node).expect("a node").address
    }

    pub(super) async fn in_maintenance(&self, node: &str) -> talos_api::Client {
        let machine = self.talos.maintenance(self.address(node), None).await;
        machine.expect("it waits for its configuration")
    }

    pub(super) async fn try_bootstrap(&self, node: &str) -> bool {
        match self.talos.ours(self.address(node)).await {
            Ok(machine) => machine.bootstrap().await.is_ok(),
            Err(_) => false,
        }
    }

    pub(super) async fn install(&self, node: &str) {
        let machine = self.in_maintenance(node).await;
        let configuration = self.configurations.configurations[&name(node)].expose();
        let (mode, dry_run) = (talos_api::ApplyMode::Auto, talos_api::DryRun::No);
        let applied = machine.apply_configuration(configuration.as_bytes(), mode, dry_run);
        applied.await.expect("it takes it");
    }

    pub(super) async fn node(&self, node: &str) -> talos_api::Client {
        let connected = self.talos.ours(self.address(node)).await;
        connected.expect("it answers")
    }

    pub(super) async fn reboot(&self, node: &str) {
        let machine = self.node(node).await;
        let asked = machine.reboot(talos_api::RebootMode::Default).await;
        asked.expect("it restarts");
    }

    async fn kubernetes(&self) -> Client {
        let text = self.node("talos-1").await.kubeconfig().await;
        let access = Access::parse(&text.expect("it has one").into()).expect("it is one");
        let (connector, clock) = (Arc::clone(&self.connector) as _, Arc::clone(&self.clock));
        let target = Target::new(self.address("talos-1"), 6443);
        Client::new(&access, &target, connector, clock).expect("a client")
    }

    async fn take_lease(&self) {
        let holder = Holder {
            identity: self.connector.from.to_string(),
            cluster: "homelab".to_owned(),
        };
        let api = self.kubernetes().await;
        let answer = api.take_lease(&holder, self.clock.now()).await;
        assert_eq!(answer.expect("it is written"), LeaseAnswer::Held);
    }

    async fn make_namespace(&self, name: &str) {
        let namespace = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
        });
        let made = self.kubernetes().await.apply(&namespace, "hand").await;
        made.expect("it is made");
    }
}

fn rules(world: &World) -> Vec<Rule> {
    let report = world.report();
    report.violations.iter().map(|it| it.rule).collect()
}

#[test]
fn who_bootstraps_on_two_machines_is_seen() {
    let stage = stage();
    play(
        async |world, clock| {
            let hand = Hand::at("one", &stage, &world, &clock);
            for node in ["talos-1", "talos-2"] {
                hand.install(node).await;
            }
            pass(300).await;
            let both = [hand.node("talos-1").await, hand.node("talos-2").await];
            both[0].bootstrap().await.expect("Talos takes it");
            let again = both[1].bootstrap().await;
            again.expect("Talos takes this one, too");
            pass(120).await;
            assert_eq!(rules(&world), [Rule::OneEtcd]);
            assert_eq!(world.violated().await.rule, Rule::OneEtcd);
        },
        &stage,
    );
}

#[test]
fn who_installs_over_what_a_disk_holds_is_seen() {
    let stage = stage();
    let tank = |machines: &mut Vec<MachineSpec>| machines[0].disks[0].holds.push(holding("tank"));
    play_with(&stage, tank, async |world, clock| {
        let hand = Hand::at("one", &stage, &world, &clock);
        hand.install("talos-2").await;
        pass(300).await;
        assert_eq!(rules(&world), []);
        hand.install("talos-1").await;
        pass(300).await;
        assert_eq!(rules(&world), [Rule::NoDiskInUse]);
    });
}

#[test]
fn who_restarts_two_of_three_is_seen() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let hand = Hand::at("one", &stage, &world, &clock);
            hand.reboot("talos-3").await;
            pass(600).await;
            assert_eq!(rules(&world), []);
            hand.reboot("talos-3").await;
            pass(1).await;
            hand.reboot("talos-2").await;
            pass(60).await;
            assert_eq!(rules(&world), [Rule::Quorum]);
        },
        &stage,
    );
}

#[test]
fn who_works_beside_the_holder_of_the_lease_is_seen() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let one = Hand::at("one", &stage, &world, &clock);
            let two = Hand::at("two", &stage, &world, &clock);
            two.make_namespace("before").await;
            one.take_lease().await;
            pass(5).await;
            one.make_namespace("mine").await;
            assert_eq!(rules(&world), [], "nobody works beside another");
            two.make_namespace("yours").await;
            assert_eq!(rules(&world), [Rule::OneOperator]);
            two.reboot("talos-3").await;
            assert_eq!(rules(&world), [Rule::OneOperator; 2]);
            pass(60).await;
            two.make_namespace("later").await;
            assert_eq!(rules(&world).len(), 2, "nobody renews the lease any more");
        },
        &stage,
    );
}
