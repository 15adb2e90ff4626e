//! What `docs/talos.md` shows is true: every example is one, every code is there.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

use camino::Utf8Path;
use homelab::catalog::Catalog;
use homelab::render::talos::lint;
use homelab::spec::{Code, Diagnostic, load_with};
use serde_yaml::{Mapping, Value};

use crate::support::{Case, cases};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn tests() -> Vec<Case> {
    cases![every_example_is_valid, every_code_exists, every_trap_is_met]
}

fn page(path: &str) -> String {
    std::fs::read_to_string(Utf8Path::new(ROOT).join(path)).expect("it is there")
}

/// The blocks of a page that are YAML.
fn examples(page: &str) -> Vec<&str> {
    let blocks = page.split("```yaml\n").skip(1);
    blocks
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect()
}

/// A spec to which examples are added.
const SPEC: &str = r#"
apiVersion: homelab/v1alpha1
kind: Cluster
metadata: {name: homelab}
spec:
  kubernetes: {version: v1.34.1}
  distribution: {talos: {version: v1.13.9}}
  network:
    nodes: 192.168.1.0/24
    gateway: 192.168.1.1
    nameservers: [192.168.1.1]
    timeServers: [time.cloudflare.com]
    pods: [10.42.0.0/16, fd00:42::/56]
    services: [10.43.0.0/16, fd00:43::/112]
    cni: flannel
  controlPlane: {endpoint: "192.168.1.101:6443"}
  nodes:
    - {name: talos-1, role: control-plane, address: 192.168.1.101, disk: {serial: S1}, nic: {name: enp1s0}}
  secrets: {sops: {recipients: [age169paenjp8tp39je8nsdgzc8sncr2plfksnrmxgnypvl8c7q97avsn65kqt]}}
  gitops: {flux: {url: "https://git.homelab.local/lab.git", auth: none}}
  components: {flux-operator: {version: 0.58.1}}
"#;

/// Keys of a node; others stand in the spec itself.
const OF_NODE: &[&str] = &["disk", "nic", "links", "machine"];

fn every_example_is_valid() {
    let page = page("docs/talos.md");
    let examples = examples(&page);
    assert!(examples.len() >= 7, "{}", examples.len());
    let catalog = Catalog::embedded().expect("well formed");
    for example in examples {
        let mut spec: Value = serde_yaml::from_str(SPEC).expect("YAML");
        let parts: Mapping =
            serde_yaml::from_str(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
        for (key, value) in parts {
            let name = key.as_str().expect("a text");
            let place = if OF_NODE.contains(&name) {
                &mut spec["spec"]["nodes"][0]
            } else {
                &mut spec["spec"]
            };
            // One of several ways to name a thing takes the place of another.
            if ["disk", "nic"].contains(&name) {
                place[name] = value;
            } else {
                add(&mut place[name], value);
            }
        }
        let text = serde_yaml::to_string(&spec).expect("YAML");
        let checked = load_with("homelab.yaml", &text, &catalog, &beside);
        let cluster = checked.cluster.as_ref();
        let machines = cluster.map_or_else(Vec::new, |cluster| lint(cluster, &catalog));
        let found: Vec<String> = checked
            .diagnostics
            .iter()
            .chain(&machines)
            .filter(|finding| Diagnostic::is_error(finding))
            .map(|finding| format!("{} {}", finding.code, finding.message))
            .collect();
        assert_eq!(found, Vec::<String>::new(), "{example}");
        assert!(cluster.is_some(), "{example}");
    }
}

/// The file that an example names.
fn beside(file: &Utf8Path) -> io::Result<Vec<u8>> {
    match file.as_str() {
        "patches/etcd.yaml" => {
            Ok(b"cluster: {etcd: {extraArgs: {quota-backend-bytes: '4294967296'}}}".into())
        }
        _ => Err(ErrorKind::NotFound.into()),
    }
}

/// Lays an example over what is there; nodes of one name are one.
fn add(place: &mut Value, value: Value) {
    match (place, value) {
        (Value::Mapping(place), Value::Mapping(value)) => {
            for (key, value) in value {
                add(place.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Sequence(place), Value::Sequence(value)) => {
            for value in value {
                match place
                    .iter_mut()
                    .find(|other| other["name"] == value["name"])
                {
                    Some(other) => add(other, value),
                    None => place.push(value),
                }
            }
        }
        (place, value) => *place = value,
    }
}

/// The codes that a text names.
fn codes(text: &str) -> Vec<&str> {
    let starts = text.match_indices("HL").map(|(at, _)| &text[at..]);
    let codes = starts.filter_map(|rest| rest.get(..6));
    codes
        .filter(|code| code[2..].bytes().all(|digit| digit.is_ascii_digit()))
        .collect()
}

fn every_code_exists() {
    let mut wrong = BTreeMap::new();
    for entry in std::fs::read_dir(format!("{ROOT}/docs")).expect("it is there") {
        let path = entry.expect("it is there").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        for code in codes(&text) {
            if !Code::ALL.iter().any(|known| known.as_str() == code) {
                wrong.insert(code.to_owned(), path.clone());
            }
        }
    }
    assert_eq!(wrong, BTreeMap::new());
}

/// Every row of the table of traps says what meets it, and most traps have a code.
fn every_trap_is_met() {
    let page = page("docs/talos.md");
    let (_, rest) = page.split_once("## Known traps").expect("it is there");
    let table = rest.split("\n## ").next().unwrap_or_default();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 35, "the traps that are known");
    for row in &rows {
        assert!(
            row.len() == 2 && row.iter().all(|cell| !cell.is_empty()),
            "{row:?}"
        );
    }
    let coded = rows.iter().filter(|row| !codes(row[1]).is_empty()).count();
    assert!(coded >= 18, "{coded}");
}
