//! Random patches of random configurations: ours comes to what Talos' own library makes of them,
//! and refuses what it refuses.
//!
//! Configurations and patches are drawn from the table of fields.

use homelab::render::talos::fields::violations;
use homelab::render::talos::patch_documents;
use serde_json::{Value, json};

use crate::support::author::{Author, stream};
use crate::support::{Case, Oracle, oracle};

/// How many pairs of each kind are compared.
const PAIRS: usize = 2_000;

/// Differences that are shown before the comparison stops.
const SHOWN: usize = 12;

pub fn tests() -> Vec<Case> {
    let case = |name, body: fn()| Case::new(name, body).parts(&["talos-oracle"]);
    vec![
        case("random_merges_equal_talos", random_merges_equal_talos),
        case("random_deletions_equal_talos", random_deletions_equal_talos),
        case(
            "random_operations_equal_talos",
            random_operations_equal_talos,
        ),
    ]
}

fn random_merges_equal_talos() {
    compare(20_26, |author| {
        let config = author.config();
        let patch = author.merge(&config);
        (config, patch)
    });
}

fn random_deletions_equal_talos() {
    compare(20_27, |author| {
        let config = author.config();
        let patch = author.deletion(&config);
        (config, patch)
    });
}

fn random_operations_equal_talos() {
    compare(20_28, |author| {
        let mut config = author.config();
        // Operations are refused on several documents; that is compared as well.
        if author.one_in(10) {
            return (
                config,
                json!([{"op": "add", "path": "/debug", "value": true}]),
            );
        }
        config.truncate(1);
        let patch = author.operations(&config[0]);
        (config, patch)
    });
}

/// Compares pairs until there are enough, and shows the differences.
fn compare(seed: u64, mut draw: impl FnMut(&mut Author) -> (Vec<Value>, Value)) {
    let mut author = Author::new(seed);
    let mut differences = Vec::new();
    let mut taken = 0;
    for _ in 0..PAIRS {
        let (config, patch) = draw(&mut author);
        match outcome(&mut author.oracle, &config, &patch) {
            Outcome::Taken => taken += 1,
            Outcome::Refused => {}
            Outcome::Differs(difference) => differences.push(difference),
        }
        if differences.len() == SHOWN {
            break;
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    // A comparison in which everything is refused would say nothing.
    assert!(taken > PAIRS / 4, "only {taken} were taken");
}

enum Outcome {
    Taken,
    Refused,
    Differs(String),
}

fn outcome(oracle: &mut Oracle, config: &[Value], patch: &Value) -> Outcome {
    let text = stream(config);
    // Operations are written as YAML, as people write them; there the library compares values and
    // not the letters of JSON.
    let written = serde_yaml::to_string(patch).expect("YAML");
    let answer = oracle.ask("patch", json!({"config": text, "patches": [written]}));
    let ours = patch_documents(config.to_vec(), patch);
    let violations = if patch.is_object() {
        violations(patch)
    } else {
        Vec::new()
    };
    let difference = |what: String| {
        Outcome::Differs(format!(
            "{what}\n  config {}\n  patch {patch}",
            json!(config)
        ))
    };
    match (ours, answer.error()) {
        (Ok(ours), None) if violations.is_empty() => {
            let real = oracle::documents(answer.file("config.yaml"));
            let ours = if patch.is_array() {
                ours
            } else {
                let recoded = oracle.ask("recode", json!({"config": readable(ours)}));
                match recoded.error() {
                    Some(error) => return difference(format!("ours is not readable: {error}")),
                    None => oracle::documents(recoded.file("config.yaml")),
                }
            };
            if ours == real {
                Outcome::Taken
            } else {
                difference(format!("ours  {}\n  Talos {}", json!(ours), json!(real)))
            }
        }
        (Ok(_), None) => difference(format!("only we refuse: {violations:?}")),
        (Err(error), None) => difference(format!("only we refuse: {error}")),
        (Ok(_), Some(error)) if violations.is_empty() => {
            difference(format!("only Talos refuses: {error}"))
        }
        (_, Some(_)) => Outcome::Refused,
    }
}

/// A stream in which the main document is known for what it is, whatever a patch left of it.
fn readable(mut documents: Vec<Value>) -> String {
    let main = documents
        .iter_mut()
        .find(|document| document.get("kind").is_none());
    if let Some(Value::Object(main)) = main {
        main.entry("debug").or_insert(Value::Null);
    }
    stream(&documents)
}
