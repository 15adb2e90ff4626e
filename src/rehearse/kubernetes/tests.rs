//! The API through the real client.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{
    Api as Client, DynamicObject, ListParams, Patch, PatchParams, WatchEvent, WatchParams,
};
use kube::core::{ApiResource, GroupVersionKind};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;

use super::*;
use crate::model::FixedClock;

struct Pki {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

fn leaf(
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["api.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.signed_by(&key, issuer).unwrap();
    (
        certificate.der().clone(),
        PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    )
}

fn pki() -> Pki {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let roots = Arc::new(roots);
    let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::clone(&roots))
        .allow_unauthenticated()
        .build()
        .unwrap();
    let (certificate, key) = leaf(&issuer, "kube-apiserver");
    let server = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (certificate, key) = leaf(&issuer, "admin");
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    Pki {
        server: Arc::new(server),
        client: Arc::new(client),
    }
}

fn client() -> (Arc<Api>, kube::Client) {
    let clock = FixedClock("2026-01-01T00:00:00Z".parse().unwrap());
    let api = Api::new(Arc::new(clock), "v1.36.4", Arc::default());
    let (shared, pki) = (Arc::clone(&api), pki());
    let service = tower::service_fn(move |request: ::http::Request<kube::client::Body>| {
        let (api, server, client) = (
            Arc::clone(&shared),
            Arc::clone(&pki.server),
            Arc::clone(&pki.client),
        );
        async move {
            let (near, far) = tokio::io::duplex(64 * 1024);
            tokio::spawn(serve(
                api,
                server,
                ("node-1".to_owned(), Arc::default()),
                Box::new(far),
            ));
            let name = ServerName::try_from("api.test").unwrap();
            let stream = TlsConnector::from(client).connect(name, near).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            Ok::<_, std::io::Error>(sender.send_request(request).await.unwrap())
        }
    });
    (api, kube::Client::new(service, "default"))
}

fn dynamic(client: &kube::Client, group: &str, version: &str, kind: &str) -> Client<DynamicObject> {
    let gvk = GroupVersionKind::gvk(group, version, kind);
    Client::default_namespaced_with(client.clone(), &ApiResource::from_gvk(&gvk))
}

fn config_map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

#[tokio::test]
async fn discovery_and_version_answer_the_real_client() {
    let (_, client) = client();
    assert_eq!(
        client.apiserver_version().await.unwrap().git_version,
        "v1.36.4"
    );
    let groups = client.list_api_groups().await.unwrap();
    assert!(groups.groups.iter().any(|group| group.name == "apps"));
    let core = client.list_core_api_resources("v1").await.unwrap();
    let node = core.resources.iter().find(|r| r.kind == "Node").unwrap();
    assert!(!node.namespaced && node.name == "nodes");
}

#[tokio::test]
async fn a_second_manager_meets_a_conflict_and_may_force() {
    let (_, client) = client();
    let maps: Client<ConfigMap> = Client::default_namespaced(client);
    let first = config_map(&json!({"x": "1", "y": "1"}));
    maps.patch("a", &PatchParams::apply("first"), &Patch::Apply(&first))
        .await
        .unwrap();
    let second = config_map(&json!({"x": "2"}));
    let error = maps
        .patch("a", &PatchParams::apply("second"), &Patch::Apply(&second))
        .await
        .unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error}")
    };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        r#"Apply failed with 1 conflict: conflict with "first": .data.x"#
    );
    let forced = PatchParams::apply("second").force();
    let map = maps
        .patch("a", &forced, &Patch::Apply(&second))
        .await
        .unwrap();
    assert_eq!(map.data.unwrap()["x"], "2");
    // The first manager gives up `y`, which nobody else owns, and no longer owns `x`.
    let less = config_map(&json!({}));
    let map = maps
        .patch("a", &PatchParams::apply("first"), &Patch::Apply(&less))
        .await
        .unwrap();
    assert_eq!(serde_json::to_value(map.data).unwrap(), json!({"x": "2"}));
}

#[tokio::test]
async fn an_equal_apply_changes_nothing() {
    let (_, client) = client();
    let maps: Client<ConfigMap> = Client::default_namespaced(client);
    let map = config_map(&json!({"x": "1"}));
    let apply = PatchParams::apply("m").force();
    let first = maps.patch("a", &apply, &Patch::Apply(&map)).await.unwrap();
    let again = maps.patch("a", &apply, &Patch::Apply(&map)).await.unwrap();
    assert_eq!(first, again);
    let changed = config_map(&json!({"x": "2"}));
    let dry = PatchParams {
        dry_run: true,
        ..apply.clone()
    };
    maps.patch("a", &dry, &Patch::Apply(&changed))
        .await
        .unwrap();
    assert_eq!(maps.get("a").await.unwrap(), first);
}

#[tokio::test]
async fn objects_need_their_namespace_and_their_kind() {
    let (_, client) = client();
    let secrets: Client<Secret> = Client::namespaced(client.clone(), "nowhere");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "stringData": {"k": "v"}});
    let apply = PatchParams::apply("m");
    let error = secrets
        .patch("s", &apply, &Patch::Apply(&secret))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains(r#"namespaces "nowhere" not found"#),
        "{error}"
    );
    let spaces: Client<Namespace> = Client::all(client.clone());
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nowhere"}});
    spaces
        .patch("nowhere", &apply, &Patch::Apply(&space))
        .await
        .unwrap();
    let made = secrets
        .patch("s", &apply, &Patch::Apply(&secret))
        .await
        .unwrap();
    assert_eq!(made.data.unwrap()["k"].0, b"v");
    let instances = dynamic(&client, "fluxcd.controlplane.io", "v1", "FluxInstance");
    let error = instances.get("flux").await.unwrap_err();
    assert!(error.to_string().contains("404 page not found"), "{error}");
    spaces
        .delete("nowhere", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    assert!(secrets.get_opt("s").await.unwrap().is_none());
}

#[tokio::test]
async fn a_definition_is_served_once_established() {
    let (api, client) = client();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}}}]},
    });
    let made = api.apply(&definition).unwrap();
    let things = dynamic(&client, "example.org", "v1", "Thing");
    assert!(things.list(&ListParams::default()).await.is_err());
    api.establish(&made);
    let thing = json!({"apiVersion": "example.org/v1", "kind": "Thing",
        "metadata": {"name": "t"}, "spec": {"a": [1]}, "status": {"lost": true}});
    let apply = PatchParams::apply("m");
    let made = things
        .patch("t", &apply, &Patch::Apply(&thing))
        .await
        .unwrap();
    assert!(made.data.get("status").is_none());
    let status = json!({"apiVersion": "example.org/v1", "kind": "Thing", "status": {"phase": "x"}});
    things
        .patch_status("t", &apply, &Patch::Apply(&status))
        .await
        .unwrap();
    let read = things.get("t").await.unwrap();
    assert_eq!(read.data["status"], json!({"phase": "x"}));
    assert_eq!(read.metadata.generation, Some(1));
    let items = items_at(&client, "/apis/example.org/v1/namespaces/default/things").await;
    assert_eq!(items[0]["kind"], "Thing", "custom resources keep theirs");
}

async fn items_at(client: &kube::Client, path: &str) -> Value {
    let request = ::http::Request::get(path).body(Vec::new()).unwrap();
    let list: Value = client.request(request).await.unwrap();
    list["items"].clone()
}

#[tokio::test]
async fn a_list_of_built_in_objects_names_their_kind_only_once() {
    let (api, client) = client();
    api.apply(&map_in_default("a")).unwrap();
    let items = items_at(&client, "/api/v1/namespaces/default/configmaps").await;
    assert_eq!(items[0]["metadata"]["name"], "a");
    assert_eq!(items[0].get("kind"), None);
    assert_eq!(items[0].get("apiVersion"), None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_happens_after_its_version_and_ends_in_time() {
    let (api, client) = client();
    let maps: Client<ConfigMap> = Client::default_namespaced(client);
    api.apply(&map_in_default("old")).unwrap();
    let version = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version;
    let params = WatchParams::default().timeout(30);
    let events = maps
        .watch(&params, &version.unwrap())
        .await
        .unwrap()
        .boxed();
    let resource = api.read(|store| store.resource("v1", "ConfigMap")).unwrap();
    api.apply(&map_in_default("new")).unwrap();
    api.delete(&resource, &("default".to_owned(), "old".to_owned()));
    let seen: Vec<String> = events
        .map_ok(|event| match event {
            WatchEvent::Added(map) => format!("added {}", map.metadata.name.unwrap()),
            WatchEvent::Deleted(map) => format!("deleted {}", map.metadata.name.unwrap()),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            other => format!("{other:?}"),
        })
        .try_collect()
        .await
        .unwrap();
    assert_eq!(seen, ["added new", "deleted old", "bookmark"]);
}

fn map_in_default(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"}})
}

#[tokio::test]
async fn ordinary_writes_own_what_they_change() {
    let (api, client) = client();
    let maps: Client<ConfigMap> = Client::default_namespaced(client);
    let map = config_map(&json!({"x": "1"}));
    maps.patch("a", &PatchParams::apply("first"), &Patch::Apply(&map))
        .await
        .unwrap();
    let patch = json!({"data": {"x": "2"}});
    let merge = PatchParams {
        field_manager: Some("hand".to_owned()),
        ..Default::default()
    };
    maps.patch("a", &merge, &Patch::Merge(&patch))
        .await
        .unwrap();
    let error = maps
        .patch("a", &PatchParams::apply("first"), &Patch::Apply(&map))
        .await
        .unwrap_err();
    let expected = r#"conflict with "hand" using v1: .data.x"#;
    assert!(error.to_string().contains(expected), "{error}");
    let log = api.mutations();
    assert_eq!(log.len(), 2);
    assert_eq!(
        log[0].method,
        "PATCH /api/v1/namespaces/default/configmaps/a"
    );
    assert_eq!(
        (log[0].caller.as_str(), log[0].node.as_str()),
        ("admin", "node-1")
    );
}
