//! The generator against the configurations that Talos' own tests hold as unchangeable.
//!
//! They are read from the module cache, which building `talos-oracle` fills, and are no part of this
//! repository.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use homelab::pki::SecretsBundle;
use homelab::render::reference::join;
use homelab::render::talos::Contract::{self, V1_10, V1_11, V1_12, V1_13, V1_14, V1_14Alpha};
use homelab::render::talos::base::{Options, generate};
use homelab::render::talos::merge_documents;
use homelab::spec::cluster::{Endpoint, Role};
use serde_json::Value;

use crate::support::{Case, Need, assert_same, host, oracle};

const RELEASE: &str =
    "github.com/siderolabs/talos/pkg/machinery@v1.13.9/config/types/v1alpha1/testdata/stability";
const PRE_RELEASE: &str = "github.com/siderolabs/talos/pkg/machinery@v1.14.0-alpha.2/config/types/v1alpha1/testdata/stability";

/// Names the folder of these files in a checkout of Talos 1.14.
const GIVEN: &str = "HOMELAB_TALOS_GOLDENS_1_14";

pub fn tests() -> Vec<Case> {
    let goldens = |name: &'static str,
                   folder: &'static str,
                   contracts: &'static [(Contract, &'static str)]| {
        Case::new(name, move || {
            let folder = host::module(folder).unwrap_or_else(|lack| panic!("{}", lack.what));
            for (contract, name) in contracts {
                all_of(&folder, *contract, name);
            }
        })
        .needs(Need::Module(folder))
    };
    vec![
        goldens(
            "those_of_the_release",
            RELEASE,
            &[
                (V1_10, "v1.10"),
                (V1_11, "v1.11"),
                (V1_12, "v1.12"),
                (V1_13, "v1.13"),
            ],
        ),
        goldens(
            "those_of_the_pre_release",
            PRE_RELEASE,
            &[(V1_13, "v1.13"), (V1_14Alpha, "v1.14")],
        ),
        Case::new("those_of_1_14", || {
            let folder = Utf8PathBuf::from(std::env::var(GIVEN).expect("it is declared"));
            all_of(folder.parent().expect("a file in it"), V1_14, "v1.14");
        })
        .needs(Need::Given(GIVEN)),
    ]
}

/// Compares both roles, plain and with everything that those tests change.
fn all_of(folder: &Utf8Path, contract: Contract, name: &str) {
    let read = |file: &str| {
        std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    let secrets = SecretsBundle::parse(&read("secrets.yaml")).expect("a bundle");
    let patch = match contract {
        Contract::V1_14 => read("patch.yaml"),
        _ if folder.join("patch-pre14.yaml").is_file() => read("patch-pre14.yaml"),
        _ => read("patch.yaml"),
    };
    for (role, file) in [
        (Role::ControlPlane, "controlplane"),
        (Role::Worker, "worker"),
    ] {
        let plain = generate(contract, &options(role));
        compare(
            &plain,
            &secrets,
            &read(&format!("{name}/base-{file}.yaml")),
            &format!("{name}/base-{file}"),
        );
        let changed = generate(contract, &changed(options(role)));
        let changed = merge_documents(changed, &oracle::documents(&patch)).expect("merges");
        compare(
            &changed,
            &secrets,
            &read(&format!("{name}/overrides-{file}.yaml")),
            &format!("{name}/overrides-{file}"),
        );
    }
}

fn compare(documents: &[Value], secrets: &SecretsBundle, golden: &str, what: &str) {
    let text = match join(documents, secrets) {
        Ok(text) => text,
        Err(error) => panic!("{what}: {error}"),
    };
    let [ours, theirs] = [text.expose(), golden].map(|text| by_identity(oracle::documents(text)));
    assert_same(&ours, &theirs, what);
}

/// The order of documents has no meaning.
fn by_identity(documents: Vec<Value>) -> Value {
    let identity = |document: &Value| format!("{} {}", document["kind"], document["name"]);
    let entries = documents
        .into_iter()
        .map(|document| (identity(&document), document));
    Value::Object(entries.collect())
}

/// The options of upstream's own tests.
pub(crate) fn options(role: Role) -> Options {
    Options {
        role,
        cluster_name: "base".to_owned(),
        endpoint: Endpoint {
            host: "base".to_owned(),
            port: 6443,
        },
        kubernetes: "1.28.0".to_owned(),
        sans: Vec::new(),
        dns_domain: "cluster.local".to_owned(),
        pods: vec!["10.244.0.0/16".to_owned()],
        services: vec!["10.96.0.0/12".to_owned()],
        install_disk: None,
        install_image: None,
        schedulable: false,
        discovery: true,
        kube_span: false,
        mirrors: BTreeMap::new(),
        sysctls: BTreeMap::new(),
        api_port: None,
        cni_manifest: None,
        extra_kernel_args: Vec::new(),
    }
}

/// What those tests change.
fn changed(options: Options) -> Options {
    let mirror = vec!["https://ghcr.io.my-mirror.com".to_owned()];
    Options {
        sans: vec!["foo".to_owned(), "bar".to_owned()],
        schedulable: true,
        dns_domain: "example.com".to_owned(),
        install_disk: Some("/dev/vda".to_owned()),
        extra_kernel_args: vec!["foo=bar".to_owned(), "bar=baz".to_owned()],
        api_port: Some(5443),
        sysctls: BTreeMap::from([("foo".to_owned(), "bar".to_owned())]),
        cni_manifest: Some("https://example.com/cni.yaml".to_owned()),
        mirrors: BTreeMap::from([("ghcr.io".to_owned(), mirror)]),
        ..options
    }
}
