//! The shipped catalogue: complete, and evaluated for the reference cluster.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde_json::{Map, Value, json};

use super::*;
use crate::spec::Cluster;
use crate::spec::cluster::*;

/// The cluster of the repository's own homelab.yaml, made by hand.
pub(crate) fn reference_cluster() -> Cluster {
    let node = |number: u8| Node {
        name: format!("talos-{number}").parse().expect("a name"),
        role: Role::ControlPlane,
        version: crate::model::Version::new(1, 13, 9),
        address: [192, 168, 1, 100 + number].into(),
        arch: Arch::Amd64,
        disk: DiskSelector::Serial(format!("S4EVNX0R10000{number}")),
        nic: NicSelector::Mac(format!("52:54:00:00:00:0{number}").parse().expect("a MAC")),
        links: Links::default(),
        image: Image::default(),
        labels: BTreeMap::new(),
        settings: Settings::default(),
        patches: Vec::new(),
    };
    Cluster {
        name: "homelab".parse().expect("a name"),
        kubernetes: "v1.36.4".parse().expect("a version"),
        distribution: Distribution::Talos(Talos {
            version: "v1.13.9".parse().expect("a version"),
            factory: "factory.talos.dev".to_owned(),
            discovery: true,
            kube_span: false,
            registries: Registries::default(),
        }),
        network: Network {
            nodes: "192.168.1.0/24".parse().expect("a network"),
            gateway: Some([192, 168, 1, 1].into()),
            nameservers: vec![[192, 168, 1, 1].into()],
            time_servers: vec!["time.cloudflare.com".to_owned()],
            pods: vec!["10.42.0.0/16".parse().expect("a network")],
            services: vec!["10.43.0.0/16".parse().expect("a network")],
            domain: Some("homelab.local".to_owned()),
            cluster_domain: "cluster.local".to_owned(),
            without_cni: false,
            load_balancer: Some(LoadBalancer {
                pools: vec!["192.168.1.240/28".parse().expect("a network")],
                mode: LoadBalancerMode::L2,
            }),
        },
        control_plane: ControlPlane {
            endpoint: Endpoint {
                host: "192.168.1.100".to_owned(),
                port: 6443,
            },
            vip: Some(Vip {
                address: [192, 168, 1, 100].into(),
                provider: VipProvider::KubeVip,
            }),
            schedulable: true,
            sans: Vec::new(),
        },
        nodes: vec![node(1), node(2), node(3)],
        patches: Patches::default(),
        secrets: Secrets {
            recipients: vec![
                "age169paenjp8tp39je8nsdgzc8sncr2plfksnrmxgnypvl8c7q97avsn65kqt".to_owned(),
            ],
        },
        gitops: GitOps::Flux(Flux {
            url: "ssh://git@github.com/me/homelab.git".to_owned(),
            branch: "main".to_owned(),
            auth: GitAuth::Ssh,
        }),
        components: vec![
            select("kube-vip", "0.9.9", &json!({"interface": ""})),
            select(
                "cilium",
                "1.20.1",
                &json!({"hubble": false, "encryption": false}),
            ),
            select(
                "cert-manager",
                "v1.21.1",
                &json!({"email": "me@example.org", "dns": "cloudflare", "zones": []}),
            ),
            select(
                "flux-operator",
                "0.58.1",
                &json!({"flux": "2.9.x", "size": "small", "webhook": "none"}),
            ),
        ],
        apps: vec![select("demo", "1.29.5", &json!({"replicas": 2}))],
    }
}

fn select(name: &str, version: &str, options: &Value) -> SelectedComponent {
    SelectedComponent {
        name: name.to_owned(),
        version: version.to_owned(),
        chart_url: None,
        options: options.as_object().expect("an object").clone(),
        values: Map::new(),
    }
}

fn shipped() -> Catalog {
    Catalog::embedded().expect("the shipped catalogue loads")
}

fn values(cluster: &Cluster, name: &str) -> Map<String, Value> {
    let catalog = shipped();
    let component = catalog.get(name).expect("in the catalogue");
    let selected = cluster.component(name).expect("in the cluster");
    let values = Templates::new(cluster).values(component, selected);
    values.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

#[test]
fn the_shipped_catalogue_loads() {
    let catalog = shipped();
    let names: Vec<_> = catalog.names().collect();
    let expected = [
        "cert-manager",
        "cilium",
        "demo",
        "flux-operator",
        "kube-vip",
    ];
    assert_eq!(names, expected);
}

#[test]
fn kube_vip_reaches_the_api_at_its_own_node() {
    let values = Value::Object(values(&reference_cluster(), "kube-vip"));
    assert_eq!(values["config"]["address"], "192.168.1.100");
    assert_eq!(values["env"]["KUBERNETES_SERVICE_HOST"], "127.0.0.1");
    assert_eq!(values["env"]["KUBERNETES_SERVICE_PORT"], "7445");
    let env = values["env"].as_object().expect("a mapping");
    assert!(
        env.values().all(Value::is_string),
        "the chart takes only strings: {env:?}"
    );
}

#[test]
fn cilium_replaces_kube_proxy_and_announces_addresses() {
    let cluster = reference_cluster();
    let values = Value::Object(values(&cluster, "cilium"));
    assert_eq!(values["kubeProxyReplacement"], true);
    assert_eq!(values["l2announcements"], json!({"enabled": true}));
    assert_eq!(values["operator"]["replicas"], 2);
    assert_eq!(
        (&values["ipv4"]["enabled"], &values["ipv6"]["enabled"]),
        (&json!(true), &json!(false))
    );

    let catalog = shipped();
    let component = catalog.get("cilium").expect("in the catalogue");
    let selected = cluster.component("cilium").expect("in the cluster");
    let resources = Templates::new(&cluster)
        .resources(component, selected)
        .expect("evaluates");
    let objects = &resources["load-balancer.yaml"];
    assert_eq!(
        objects[0]["spec"]["blocks"],
        json!([{"cidr": "192.168.1.240/28"}])
    );
    assert_eq!(objects[1]["kind"], "CiliumL2AnnouncementPolicy");
}

#[test]
fn one_node_gets_one_cilium_operator() {
    let mut cluster = reference_cluster();
    cluster.nodes.truncate(1);
    assert_eq!(values(&cluster, "cilium")["operator"]["replicas"], 1);
}

#[test]
fn the_owners_values_win_and_cannot_break_the_structure() {
    let mut cluster = reference_cluster();
    cluster.components[1].values = json!({"envoy": {"enabled": true}, "debug": {"enabled": true}})
        .as_object()
        .expect("an object")
        .clone();
    cluster.components[2].options["email"] = json!("a\": {b}\nc: d@example.org");
    let cilium = values(&cluster, "cilium");
    assert_eq!(cilium["envoy"], json!({"enabled": true}));
    assert_eq!(cilium["debug"], json!({"enabled": true}));

    let catalog = shipped();
    let component = catalog.get("cert-manager").expect("in the catalogue");
    let issuers = Templates::new(&cluster)
        .resources(component, &cluster.components[2])
        .expect("evaluates");
    let acme = &issuers["issuers.yaml"][0]["spec"]["acme"];
    assert_eq!(acme["email"], "a\": {b}\nc: d@example.org");
    assert_eq!(
        acme["server"],
        "https://acme-v02.api.letsencrypt.org/directory"
    );
}

#[test]
fn a_missing_value_names_the_template_and_the_line() {
    let mut cluster = reference_cluster();
    cluster.components[0].options.clear();
    let catalog = shipped();
    let component = catalog.get("kube-vip").expect("in the catalogue");
    let error = Templates::new(&cluster)
        .values(component, &cluster.components[0])
        .expect_err("an undefined name");
    assert_eq!(
        error.to_string(),
        "kube-vip/values.yaml.j2:4: the template fails"
    );
}

#[test]
fn secrets_are_expected_where_the_cluster_uses_them() {
    let mut cluster = reference_cluster();
    let files = |cluster: &Cluster| -> Vec<String> {
        let secrets = expected_secrets(cluster, &shipped()).expect("evaluates");
        secrets
            .into_iter()
            .map(|secret| secret.file.into_string())
            .collect()
    };
    let token = "cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml";
    assert_eq!(files(&cluster), [token]);
    cluster.components[2].options["dns"] = json!("none");
    assert_eq!(files(&cluster), Vec::<String>::new());
}

#[test]
fn needs_become_dependencies() {
    let cluster = reference_cluster();
    let catalog = shipped();
    let of = |name: &str| {
        let component = catalog.get(name).expect("in the catalogue");
        dependencies(component, &cluster, &catalog)
    };
    assert_eq!(of("cilium"), Vec::<String>::new());
    assert_eq!(of("demo"), ["cilium"]);
    assert_eq!(of("flux-operator"), ["cilium"]);
}

/// Loads one component from text, as a repository's own folder.
fn load(files: &[(&str, &str)]) -> Result<Catalog, LoadError> {
    let files = files
        .iter()
        .map(|(path, text)| (Utf8PathBuf::from(path), text.as_bytes().to_vec()))
        .collect();
    shipped().with_files(&files)
}

const MINE: &str = "\
name: mine
summary: Mine
category: app
version: 1.0.0
namespace: {name: mine, podSecurity: restricted}
";

const CHART_AND_IMAGE: &str = "\
chart: {name: mine, source: {helm: https://example.org}, version: 1.0.0, supports: '*'}
image: example.org/mine
";

#[test]
fn a_repository_adds_its_own_components() {
    let catalog = load(&[
        ("components/mine/component.yaml", MINE),
        ("components/mine/resources/it.yaml.j2", "apiVersion: v1\n"),
        ("components/README.md", "# ours\n"),
    ]);
    assert!(catalog.expect("loads").get("mine").expect("there").is_app());
}

#[test]
fn every_mistake_in_a_component_is_named_with_its_place() {
    let chain = |files: &[(&str, &str)]| {
        let error = load(files).expect_err("a mistake");
        match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    };
    let file = "components/mine/component.yaml";
    let with = |from: &str, to: &str| MINE.replace(from, to);
    let mistakes = [
        chain(&[(file, &with("name: mine\n", "name: other\n"))]),
        chain(&[(file, &with("version: 1.0.0\n", ""))]),
        chain(&[(file, &with("category: app", "category: toys"))]),
        chain(&[(file, &format!("{MINE}colour: red\n"))]),
        chain(&[(file, MINE), ("components/mine/values.yaml.j2", "a: 1\n")]),
        chain(&[(file, &with("version: 1.0.0\n", CHART_AND_IMAGE))]),
        chain(&[
            (file, MINE),
            ("components/mine/resources/x.yaml.j2", "a: 1\nb: {{ oops\n"),
        ]),
        chain(&[(file, MINE), ("components/mine/notes.txt", "")]),
        chain(&[
            (file, MINE),
            ("components/mine/resources/kustomization.yaml.j2", ""),
        ]),
        chain(&[("components/mine/values.yaml.j2", "")]),
        chain(&[(
            "components/cilium/component.yaml",
            &with("name: mine\n", "name: cilium\n"),
        )]),
    ];
    insta::assert_snapshot!(mistakes.join("\n"), @r##"
    components/mine/component.yaml:1: the component is called `other` but its folder `mine`
    components/mine/component.yaml:1: expected either `chart` or `version`
    `components/mine/component.yaml` does not describe a component: invalid YAML: unknown variant `toys`, expected one of network, storage, identity, security, observability, gitops, app at line 3, column 11
    `components/mine/component.yaml` does not describe a component: invalid YAML: unknown field `colour`, expected one of name, summary, category, version, image, chart, namespace, beforeGit, options, needs, provides, dependsOn, healthChecks, secrets, architectures, nodes at line 6, column 1
    components/mine/component.yaml:1: `chart` and the file values.yaml.j2 belong together
    components/mine/component.yaml:5: `image` is for a component that has no chart
    components/mine/resources/x.yaml.j2:2: the template fails: syntax error: unexpected end of input, expected end of variable block (in components/mine/resources/x.yaml.j2:2)
    `components/mine/notes.txt` is neither component.yaml, values.yaml.j2 nor resources/*.yaml.j2
    `components/mine/resources/kustomization.yaml.j2` would make `kustomization.yaml`, which rendering makes itself; call it something else
    the folder `components/mine` has no component.yaml
    `components/cilium/component.yaml` describes `cilium`, which the catalogue already has; choose another name
    "##);
}
