//! Whatever a spec says about links, disks and the system makes configurations that Talos takes, under
//! every contract, and of which nothing is lost when Talos stores them.

use homelab::catalog::Catalog;
use homelab::model::Version;
use homelab::render::talos::{Contract, Machine, Mode, documents, refusals};
use homelab::spec::cluster::Node;
use serde_json::{Value, json};

use crate::support::made_up::{self, joined};
use crate::support::{Case, Need, Oracle, assert_kept, oracle};

/// Names a `talos-oracle` that was built with the library of 1.14.
const GIVEN: &str = "HOMELAB_TALOS_ORACLE_1_14";
/// How many clusters are made up.
const CLUSTERS: u64 = 250;

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("every_hardware_validates", || {
            let versions = [(1, 10), (1, 11), (1, 12), (1, 13)]
                .map(|(major, minor)| Version::new(major, minor, 3));
            check(&mut Oracle::start(), &versions);
        })
        .parts(&["talos-oracle"]),
        Case::new("every_hardware_validates_under_1_14", || {
            check(&mut Oracle::given(GIVEN), &[Version::new(1, 14, 0)]);
        })
        .needs(Need::Given(GIVEN)),
    ]
}

fn check(oracle: &mut Oracle, versions: &[Version]) {
    for seed in 0..CLUSTERS {
        for version in versions {
            let cluster = made_up::cluster(seed, version);
            for name in ["talos-1", "worker-1"] {
                let node = cluster.node(name).expect("it is there");
                let documents = documents(&cluster, &Catalog::default(), &node.name);
                let text = joined(&documents.expect("renders"));
                taken(
                    oracle,
                    node,
                    &text,
                    &format!("{version}, seed {seed}, {name}"),
                );
            }
        }
    }
}

/// A file below `/var` is nothing that 1.14 has a document for: it reads the older field, and says that
/// it is old.
fn taken(oracle: &mut Oracle, node: &Node, text: &str, what: &str) {
    let strict = !(what.starts_with("v1.14") && text.contains("/var/etc/note"));
    let ours = oracle::documents(text);
    for mode in [Mode::Metal, Mode::Cloud] {
        let answer = oracle.ask(
            "validate",
            json!({"config": text, "mode": mode.to_string(), "strict": strict}),
        );
        if let Some(error) = answer.error() {
            panic!("{what}, {mode}: {error}\n{text}");
        }
        let machine = Machine {
            role: node.role,
            contract: Contract::try_from(&node.version).expect("a known release"),
            mode,
        };
        assert_eq!(refusals(&ours, machine), Vec::<String>::new(), "{what}");
    }
    let ours = Value::Array(ours);
    assert_kept(&ours, &Value::Array(oracle.recode(text)), what);
}
