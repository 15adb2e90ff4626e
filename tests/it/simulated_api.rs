//! The simulated Kubernetes API held against the real one: the same requests, the same answers, up to
//! the differences that are declared here.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use homelab::model::SystemClock;
use homelab::rehearse::kubernetes::Api;
use serde_json::{Value, json};

use crate::support::control_plane::ControlPlane;
use crate::support::raw_api::{Answer, Asked, RawApi};
use crate::support::{Case, Need, Random};

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";
/// How many requests follow from the seed.
const REQUESTS: usize = 400;

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("it_answers_as_the_real_one", || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(it_answers_as_the_real_one())
        })
        .needs(Need::Program("python3"))
        .needs(Need::Program("openssl"))
        .parts(&["kubernetes"]),
    ]
}

async fn it_answers_as_the_real_one() -> anyhow::Result<()> {
    let plane = ControlPlane::up();
    let api = Api::new(Arc::new(SystemClock), "v1.36.4", Arc::default());
    let mut both = Both {
        real: RawApi::real(&plane)?,
        simulated: RawApi::simulated(Arc::clone(&api), &plane).await?,
        versions: BTreeMap::new(),
        differences: Vec::new(),
    };
    define_widgets(&both, &api).await?;
    for asked in by_hand() {
        both.ask(&asked).await?;
    }
    let mut random = Random::new(6);
    for _ in 0..REQUESTS {
        let asked = by_chance(&mut random);
        both.ask(&asked).await?;
    }
    ensure!(
        both.differences.is_empty(),
        "{} of the answers differ:\n{}",
        both.differences.len(),
        both.differences.join("\n")
    );
    both.watch().await
}

/// A kind of somebody's own, with a status.
async fn define_widgets(both: &Both, api: &Api) -> anyhow::Result<()> {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.homelab.test"},
        "spec": {
            "group": "homelab.test", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.homelab.test";
    let asked = apply(path, "definer", "&force=true", definition.clone());
    for api in [&both.real, &both.simulated] {
        let answer = api.send(&asked).await?;
        ensure!(answer.code == 201, "{answer:?}");
    }
    // A controller of the simulated world does that.
    api.establish(&definition);
    let list = get("/apis/homelab.test/v1/namespaces/default/widgets");
    for _ in 0..200 {
        if both.real.send(&list).await?.code == 200 {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("the real API does not serve the kind")
}

/// Both APIs, asked the same.
struct Both {
    real: RawApi,
    simulated: RawApi,
    /// The resource versions that each of them showed last, by path.
    versions: BTreeMap<String, [String; 2]>,
    differences: Vec<String>,
}

impl Both {
    async fn ask(&mut self, asked: &Asked) -> anyhow::Result<()> {
        let real = self.real.send(&self.with_version(asked, 0)).await?;
        let simulated = self.simulated.send(&self.with_version(asked, 1)).await?;
        let moved = self.moved(asked, &real, &simulated);
        let (shown, expected) = (plain(asked, &simulated), plain(asked, &real));
        if real.code != simulated.code || shown != expected || moved[0] != moved[1] {
            self.differences.push(format!(
                "{} {} {}\n  real      {} {expected} {}\n  simulated {} {shown} {}",
                asked.method,
                asked.path,
                asked.body.clone().unwrap_or_default(),
                real.code,
                moved[0],
                simulated.code,
                moved[1],
            ));
        }
        Ok(())
    }

    /// Puts the version that this API showed last where the request wants it.
    fn with_version(&self, asked: &Asked, which: usize) -> Asked {
        let mut asked = asked.clone();
        let known = self.versions.get(object_path(&asked.path));
        if let Some(body) = &mut asked.body
            && body["metadata"]["resourceVersion"] == "latest"
        {
            body["metadata"]["resourceVersion"] =
                known.map_or(json!("1"), |known| json!(known[which]));
        }
        asked
    }

    /// Tells of each whether the object has another version than before.
    fn moved(&mut self, asked: &Asked, real: &Answer, simulated: &Answer) -> [bool; 2] {
        let version = |answer: &Answer| {
            let version = answer.json()["metadata"]["resourceVersion"]
                .as_str()
                .map(str::to_owned);
            version.unwrap_or_default()
        };
        if asked.path.contains("dryRun") || !(200..300).contains(&real.code) {
            return [false, false];
        }
        let path = object_path(&asked.path).to_owned();
        let new = [version(real), version(simulated)];
        let old = self.versions.insert(path, new.clone()).unwrap_or_default();
        [new[0] != old[0], new[1] != old[1]]
    }

    /// A watch from before some changes until its time is over, while something changes that it does not
    /// cover: its last word is a bookmark. The real server sends it two seconds before the end.
    async fn watch(&mut self) -> anyhow::Result<()> {
        let place = "/api/v1/namespaces/default/configmaps";
        let mut seen = Vec::new();
        for api in [&self.real, &self.simulated] {
            let before = api.send(&get(place)).await?.json();
            let version = before["metadata"]["resourceVersion"]
                .as_str()
                .context("a version")?;
            let body = config_map("watched", &json!({"a": "1"}));
            for asked in [
                apply(&format!("{place}/watched"), "one", "", body),
                patch(&format!("{place}/watched"), json!({"data": {"a": "2"}})),
                Asked {
                    method: "DELETE",
                    ..get(&format!("{place}/watched"))
                },
            ] {
                api.send(&asked).await?;
            }
            let watch = format!(
                "{place}?watch=true&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=6"
            );
            let watch = get(&watch);
            let lines = tokio::select! {
                lines = api.send(&watch) => lines?,
                never = changes_elsewhere(api) => match never? {},
            };
            ensure!(lines.code == 200, "{lines:?}");
            let events = lines.body.lines().map(serde_json::from_str::<Value>);
            let events = events.collect::<Result<Vec<_>, _>>()?;
            let version = |event: &Value| {
                let text = event["object"]["metadata"]["resourceVersion"].as_str();
                text.and_then(|text| text.parse::<u64>().ok())
            };
            // How far a watch has come never goes back, the bookmark's version included.
            let versions: Vec<_> = events.iter().map(version).collect();
            let are_told = versions.iter().all(Option::is_some);
            ensure!(are_told && versions.is_sorted(), "{versions:?}");
            let shown = events.iter().map(|event| {
                let object = &event["object"];
                let of = [&object["apiVersion"], &object["kind"], &object["data"]];
                json!([event["type"], of, object["metadata"]["name"]])
            });
            let mut shown: Vec<_> = shown.collect();
            // How often a bookmark comes is up to the server.
            shown.dedup();
            seen.push(shown);
        }
        ensure!(
            seen[0] == seen[1],
            "real {:?}\nsimulated {:?}",
            seen[0],
            seen[1]
        );
        let last = seen[0].last().context("there are events")?;
        ensure!(last[0] == "BOOKMARK", "{last}");
        Ok(())
    }
}

/// Changes an object of another namespace again and again.
async fn changes_elsewhere(api: &RawApi) -> anyhow::Result<std::convert::Infallible> {
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(200));
    let mut count = 0;
    loop {
        count += 1;
        pace.tick().await;
        let body = config_map("elsewhere", &json!({"count": format!("{count}")}));
        let path = "/api/v1/namespaces/kube-system/configmaps/elsewhere";
        let answer = api.send(&apply(path, "one", "", body)).await?;
        ensure!(matches!(answer.code, 200 | 201), "{answer:?}");
    }
}

/// The path of the object without query and subresource.
fn object_path(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.trim_end_matches("/status")
}

/// What is compared of an answer: everything but the declared differences.
fn plain(asked: &Asked, answer: &Answer) -> Value {
    let mut body = answer.json();
    if !body.is_object() {
        return body;
    }
    if body["kind"] == "Status" {
        // Which object is meant stands in the message too; the identifier is each server's own.
        // Declared: the order of conflicts is the real one's own.
        let mut causes = body["details"]["causes"].take();
        if let Some(causes) = causes.as_array_mut() {
            causes.sort_by_key(Value::to_string);
        }
        body["details"] = causes;
        return body;
    }
    if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
        // A controller brings it into every namespace.
        items.retain(|item| item["metadata"]["name"] != "kube-root-ca.crt");
        for item in items {
            strip(asked, item);
        }
        body["metadata"] = Value::Null;
    } else {
        strip(asked, &mut body);
    }
    body
}

/// Declared: identifiers and versions are each server's own; what controllers write is not the API's.
fn strip(asked: &Asked, object: &mut Value) {
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    for name in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
    ] {
        metadata.remove(name);
    }
    if let Some(entries) = metadata
        .get_mut("managedFields")
        .and_then(Value::as_array_mut)
    {
        entries.retain(|entry| entry["manager"] != "kube-controller-manager");
        entries.sort_by_key(|entry| {
            format!(
                "{}{}{}",
                entry["manager"], entry["operation"], entry["subresource"]
            )
        });
        // Declared: of a mapping it notes the owners of the fields, not of the mapping itself.
        // Declared: when an entry was written last, where an apply changed nothing else.
        for entry in entries.iter_mut() {
            without_dots(&mut entry["fieldsV1"]);
            entry["time"].take();
        }
        entries.retain(|entry| entry["fieldsV1"] != json!({}));
    }
    if asked.path.contains("/apps/") || asked.path.contains("/batch/") {
        // Declared: of workloads and Jobs it fills in no defaults; who owns which field is compared.
        *object = json!({"managedFields": object["metadata"]["managedFields"]});
    }
}

/// Takes the owners of mappings themselves away.
fn without_dots(fields: &mut Value) {
    const MAPPINGS: [&str; 6] = [
        "f:data",
        "f:labels",
        "f:metadata",
        "f:settings",
        "f:spec",
        "f:status",
    ];
    if let Some(fields) = fields.as_object_mut() {
        fields.remove(".");
        fields.values_mut().for_each(without_dots);
        fields.retain(|name, inner| *inner != json!({}) || !MAPPINGS.contains(&name.as_str()));
    }
}

fn get(path: &str) -> Asked {
    Asked {
        method: "GET",
        path: path.to_owned(),
        content_type: JSON,
        body: None,
    }
}

fn apply(path: &str, manager: &str, more: &str, body: Value) -> Asked {
    Asked {
        method: "PATCH",
        path: format!("{path}?fieldManager={manager}{more}"),
        content_type: APPLY,
        body: Some(body),
    }
}

fn patch(path: &str, body: Value) -> Asked {
    Asked {
        method: "PATCH",
        path: path.to_owned(),
        content_type: MERGE,
        body: Some(body),
    }
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// Requests that a random sequence seldom makes.
fn by_hand() -> Vec<Asked> {
    let maps = "/api/v1/namespaces/default/configmaps";
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "s", "namespace": "default"}, "data": {"k": "dg=="}});
    let mut other_type = secret.clone();
    other_type["type"] = json!("homelab.test/other");
    let secrets = "/api/v1/namespaces/default/secrets/s";
    let with_fields = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "m", "managedFields": [{"manager": "x", "operation": "Apply"}]}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh", "labels": {"a": "b"}}});
    vec![
        get("/version/none"),
        get("/apis/nothing.test/v1/things"),
        get("/apis/apps/v1/namespaces/default/nothings/x"),
        get(&format!("{maps}/absent")),
        get("/api/v1/namespaces/nowhere/configmaps/absent"),
        get("/apis/homelab.test/v1/namespaces/default/widgets/absent"),
        apply(
            "/api/v1/namespaces/nowhere/configmaps/a",
            "one",
            "",
            config_map("a", &json!({})),
        ),
        apply("/api/v1/namespaces/fresh", "one", "", namespace.clone()),
        apply("/api/v1/namespaces/fresh", "one", "", namespace),
        apply(secrets, "one", "&force=true", secret.clone()),
        apply(secrets, "one", "&force=true", secret),
        apply(secrets, "one", "&force=true", other_type),
        apply(&format!("{maps}/m"), "one", "", with_fields),
        apply(
            &format!("{maps}/other"),
            "one",
            "",
            config_map("name", &json!({})),
        ),
        apply(
            &format!("{maps}/nameless"),
            "one",
            "",
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
        ),
        apply(
            &format!("{maps}/named"),
            "one",
            "",
            config_map("named", &json!({"b": "1"})),
        ),
        apply(
            &format!("{maps}/named"),
            "one",
            "",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
        ),
        apply(
            &format!("{maps}/Wrong_Name"),
            "one",
            "",
            config_map("Wrong_Name", &json!({})),
        ),
        Asked {
            path: format!("{maps}/m"),
            ..apply("", "", "", config_map("m", &json!({})))
        },
        patch(&format!("{maps}/absent"), json!({"data": {}})),
        Asked {
            method: "DELETE",
            ..get(&format!("{maps}/absent"))
        },
        Asked {
            content_type: "text/plain",
            ..patch(&format!("{maps}/m"), json!({}))
        },
    ]
}

/// One request of those that a bootstrap and its controllers make.
fn by_chance(random: &mut Random) -> Asked {
    let manager = random.of(&["one", "two", "kubectl-homelab"]);
    let name = random.of(&["a", "b"]);
    let kind = random.of(&[
        "ConfigMap",
        "Secret",
        "Widget",
        "Widget",
        "ConfigMap",
        "CronJob",
    ]);
    let (place, body) = object(random, kind, name);
    let path = format!("{place}/{name}");
    match random.below(12) {
        0..=4 => {
            let force = random.of(&["", "&force=true"]);
            let dry = random.of(&["", "", "", "&dryRun=All"]);
            apply(&path, manager, &format!("{force}{dry}"), body)
        }
        // Declared: who creates or replaces a workload owns the defaults too.
        5 if kind != "CronJob" => Asked {
            method: "POST",
            path: format!("{place}?fieldManager={manager}"),
            content_type: JSON,
            body: Some(body),
        },
        6 | 7 if kind != "CronJob" => {
            let mut body = body;
            if let Some(version) = random.of(&[None, Some("latest"), Some("1")]) {
                body["metadata"]["resourceVersion"] = json!(version);
            }
            Asked {
                method: "PUT",
                path: format!("{path}?fieldManager={manager}"),
                content_type: JSON,
                body: Some(body),
            }
        }
        8 => {
            let labels = json!({"touched": random.of(&[json!("yes"), json!("no"), Value::Null])});
            let path = format!("{path}?fieldManager={manager}");
            patch(&path, json!({"metadata": {"labels": labels}}))
        }
        9 => get(&random.of(&[path, place.to_owned()])),
        10 if kind == "Widget" => {
            let mut body = body;
            body["status"] = json!({"phase": random.of(&["Up", "Down"])});
            apply(&format!("{path}/status"), manager, "&force=true", body)
        }
        _ => Asked {
            method: "DELETE",
            ..get(&path)
        },
    }
}

/// Values of a Secret.
fn encoded(fields: &Value) -> Value {
    let encode = |value: &Value| json!(BASE64_STANDARD.encode(value.as_str().unwrap_or_default()));
    let fields = fields.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.clone(), encode(value)))
        .collect()
}

/// Where objects of a kind are, and one of them.
fn object(random: &mut Random, kind: &str, name: &str) -> (&'static str, Value) {
    let some = |random: &mut Random| -> Value {
        let mut fields = serde_json::Map::new();
        let last = random.of(&["x", "y", "z"]);
        for key in random.some(&["x", "y", "z"]).into_iter().chain([last]) {
            fields.insert(key.to_owned(), json!(random.of(&["1", "2"])));
        }
        Value::Object(fields)
    };
    let mut metadata = json!({"name": name, "namespace": "default"});
    if random.flag() {
        metadata["labels"] = some(random);
    }
    match kind {
        "ConfigMap" => (
            "/api/v1/namespaces/default/configmaps",
            json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": some(random)}),
        ),
        "Secret" => (
            "/api/v1/namespaces/default/secrets",
            json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "type": "Opaque",
                "data": encoded(&some(random))}),
        ),
        "Widget" => (
            "/apis/homelab.test/v1/namespaces/default/widgets",
            json!({"apiVersion": "homelab.test/v1", "kind": kind, "metadata": metadata,
                "spec": {"settings": some(random), "list": [random.of(&["1", "2"])]}}),
        ),
        _ => {
            let container = |name: &str, image: &str| json!({"name": name, "image": image});
            let mut containers = vec![container("main", random.of(&["i:1", "i:2"]))];
            if random.flag() {
                containers.push(container("side", "s:1"));
            }
            let pod = json!({"restartPolicy": "Never", "containers": containers});
            (
                "/apis/batch/v1/namespaces/default/cronjobs",
                json!({"apiVersion": "batch/v1", "kind": kind, "metadata": metadata,
                    "spec": {"suspend": true, "schedule": "0 0 1 1 *",
                        "jobTemplate": {"spec": {"template": {"spec": pod}}}}}),
            )
        }
    }
}
