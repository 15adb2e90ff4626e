//! A client identity as one context among others in a file that the owner keeps: `talosconfig` and
//! kubeconfig, read and merged as plain values.
//!
//! What is not ours stays. A context of the same name that trusts another authority is another
//! cluster's, and is never overwritten.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Certificate, ClientIdentity};

/// Whether the new context becomes the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// It does.
    Switch,
    /// The file's current context stays, if it has one.
    Keep,
}

/// Why a context cannot be put into a file, or read from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The file is something else.
    #[error("expected a mapping of `{0}`")]
    OtherShape(&'static str),
    /// There is an entry of this name that trusts another authority.
    #[error("`{0}` is another cluster's entry: it trusts another authority")]
    Taken(String),
    /// There is no context of this name.
    #[error("there is no context `{0}`")]
    Missing(String),
    /// The context holds no client certificate that can be read.
    #[error("context `{0}` has no client certificate that can be read")]
    NoCertificate(String),
}

/// A context of a `talosconfig`.
pub struct TalosContext<'a> {
    /// Its name.
    pub name: &'a str,
    /// The machines that calls go to.
    pub endpoints: &'a [String],
    /// The machines that calls are about unless told otherwise.
    pub nodes: &'a [String],
    /// Who calls.
    pub client: &'a ClientIdentity,
}

/// A context of a kubeconfig, with its cluster and its user.
pub struct KubeContext<'a> {
    /// Its name, and that of the user.
    pub name: &'a str,
    /// The name of the cluster's entry.
    pub cluster: &'a str,
    /// The URL of the API.
    pub server: &'a str,
    /// Who calls.
    pub client: &'a ClientIdentity,
}

impl TalosContext<'_> {
    /// Puts the context into a file's content; nothing stands for an empty file.
    pub fn merge_into(&self, file: Value, current: Current) -> Result<Value, ContextError> {
        let mut file = mapping(file, "contexts")?;
        let contexts = file.entry("contexts").or_insert_with(|| json!({}));
        let contexts = or_empty(contexts).ok_or(ContextError::OtherShape("contexts"))?;
        let known = contexts.get(self.name).and_then(Value::as_object);
        let mut context = known.cloned().unwrap_or_default();
        if known.is_some_and(|known| !trusts(known.get("ca"), self.client)) {
            return Err(ContextError::Taken(self.name.to_owned()));
        }
        context.insert("endpoints".to_owned(), json!(self.endpoints));
        if self.nodes.is_empty() {
            context.shift_remove("nodes");
        } else {
            context.insert("nodes".to_owned(), json!(self.nodes));
        }
        let client = self.client;
        context.insert("ca".to_owned(), encoded(&client.authority.pem()));
        context.insert("crt".to_owned(), encoded(&client.certificate.pem()));
        context.insert("key".to_owned(), encoded(client.key.pem().expose()));
        contexts.insert(self.name.to_owned(), context.into());
        make_current(&mut file, "context", self.name, current);
        Ok(file.into())
    }
}

impl KubeContext<'_> {
    /// Puts the context into a file's content; nothing stands for an empty file.
    pub fn merge_into(&self, file: Value, current: Current) -> Result<Value, ContextError> {
        let mut file = mapping(file, "clusters, users and contexts")?;
        file.entry("apiVersion").or_insert_with(|| json!("v1"));
        file.entry("kind").or_insert_with(|| json!("Config"));
        let client = self.client;
        let cluster = entry(&mut file, "clusters", self.cluster, "cluster")?;
        if !cluster.is_empty() && !trusts(cluster.get("certificate-authority-data"), client) {
            return Err(ContextError::Taken(self.cluster.to_owned()));
        }
        cluster.insert("server".to_owned(), json!(self.server));
        cluster.insert(
            "certificate-authority-data".to_owned(),
            encoded(&client.authority.pem()),
        );
        let user = entry(&mut file, "users", self.name, "user")?;
        user.clear();
        user.insert(
            "client-certificate-data".to_owned(),
            encoded(&client.certificate.pem()),
        );
        user.insert(
            "client-key-data".to_owned(),
            encoded(client.key.pem().expose()),
        );
        let context = entry(&mut file, "contexts", self.name, "context")?;
        context.insert("cluster".to_owned(), json!(self.cluster));
        context
            .entry("namespace")
            .or_insert_with(|| json!("default"));
        context.insert("user".to_owned(), json!(self.name));
        make_current(&mut file, "current-context", self.name, current);
        Ok(file.into())
    }
}

/// Returns the client certificate of a `talosconfig`'s context.
pub fn talos_certificate(file: &Value, name: &str) -> Result<Certificate, ContextError> {
    let context = file["contexts"].get(name);
    let context = context.ok_or_else(|| ContextError::Missing(name.to_owned()))?;
    certificate(&context["crt"], name)
}

/// Returns the client certificate of a kubeconfig's context.
pub fn kube_certificate(file: &Value, name: &str) -> Result<Certificate, ContextError> {
    let find = |list: &str, name: &str| {
        let mut entries = file[list].as_array().into_iter().flatten();
        entries.find(|entry| entry["name"] == name)
    };
    let context = find("contexts", name).ok_or_else(|| ContextError::Missing(name.to_owned()))?;
    let user = context["context"]["user"]
        .as_str()
        .and_then(|user| find("users", user));
    let user = user.ok_or_else(|| ContextError::NoCertificate(name.to_owned()))?;
    certificate(&user["user"]["client-certificate-data"], name)
}

fn certificate(encoded: &Value, name: &str) -> Result<Certificate, ContextError> {
    decoded(Some(encoded))
        .and_then(|text| Certificate::parse(&text).ok())
        .ok_or_else(|| ContextError::NoCertificate(name.to_owned()))
}

fn mapping(file: Value, of: &'static str) -> Result<Map<String, Value>, ContextError> {
    match file {
        Value::Null => Ok(Map::new()),
        Value::Object(entries) => Ok(entries),
        _ => Err(ContextError::OtherShape(of)),
    }
}

/// An empty mapping may be written as nothing.
fn or_empty(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut()
}

/// Returns the content of a named entry of a list, made where there was none.
fn entry<'a>(
    file: &'a mut Map<String, Value>,
    list: &'static str,
    name: &str,
    content: &str,
) -> Result<&'a mut Map<String, Value>, ContextError> {
    let entries = file.entry(list).or_insert_with(|| json!([]));
    if entries.is_null() {
        *entries = json!([]);
    }
    let entries = entries
        .as_array_mut()
        .ok_or(ContextError::OtherShape(list))?;
    let position = entries.iter().position(|entry| entry["name"] == name);
    let position = position.unwrap_or_else(|| {
        entries.push(json!({"name": name, content: {}}));
        entries.len() - 1
    });
    let slot = entries
        .get_mut(position)
        .and_then(Value::as_object_mut)
        .map(|entry| entry.entry(content).or_insert_with(|| json!({})));
    slot.and_then(or_empty)
        .ok_or(ContextError::OtherShape(list))
}

/// Several authorities may be trusted while one replaces another.
fn trusts(authorities: Option<&Value>, client: &ClientIdentity) -> bool {
    decoded(authorities).is_some_and(|text| text.contains(client.authority.pem().trim()))
}

fn decoded(value: Option<&Value>) -> Option<String> {
    let bytes = STANDARD.decode(value?.as_str()?.trim()).ok()?;
    String::from_utf8(bytes).ok()
}

fn encoded(text: &str) -> Value {
    STANDARD.encode(text).into()
}

fn make_current(file: &mut Map<String, Value>, key: &str, name: &str, current: Current) {
    let has_one = |file: &Map<String, Value>| {
        let now = file.get(key).and_then(Value::as_str);
        now.is_some_and(|now| !now.is_empty())
    };
    if current == Current::Switch || !has_one(file) {
        file.insert(key.to_owned(), json!(name));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pki::{SecretsBundle, SeededEntropy, TalosRole};

    fn now() -> jiff::Timestamp {
        "2027-01-01T00:00:00Z".parse().expect("a time")
    }

    fn reader() -> ClientIdentity {
        let mut entropy = SeededEntropy::new(1);
        SecretsBundle::throwaway()
            .talos_client(
                TalosRole::Reader,
                Duration::from_hours(1),
                now(),
                &mut entropy,
            )
            .expect("makes one")
    }

    fn admin() -> ClientIdentity {
        SecretsBundle::throwaway()
            .kubernetes_admin(Duration::from_hours(1), now(), &mut SeededEntropy::new(1))
            .expect("makes one")
    }

    fn talos(client: &ClientIdentity) -> TalosContext<'_> {
        TalosContext {
            name: "lab",
            endpoints: &[],
            nodes: &[],
            client,
        }
    }

    fn kube(client: &ClientIdentity) -> KubeContext<'_> {
        KubeContext {
            name: "admin@lab",
            cluster: "lab",
            server: "https://10.0.0.1:6443",
            client,
        }
    }

    /// The file without what is ours.
    fn rest(mut file: Value, list: &str) -> Value {
        match &mut file[list] {
            Value::Object(entries) => {
                entries.shift_remove("lab");
            }
            Value::Array(entries) => entries.retain(|entry| {
                !["lab", "admin@lab"].contains(&entry["name"].as_str().unwrap_or_default())
            }),
            _ => {}
        }
        file[list].take()
    }

    #[test]
    fn what_is_not_ours_stays() {
        let file = json!({
            "context": "other", "future": {"a": 1},
            "contexts": {"other": {"endpoints": ["x"], "ca": "AA==", "proxy-url": "socks5://p"}},
        });
        let client = reader();
        let merged = talos(&client)
            .merge_into(file.clone(), Current::Keep)
            .expect("merges");
        assert_eq!(merged["context"], "other");
        assert_eq!(merged["future"], json!({"a": 1}));
        assert_eq!(rest(merged.clone(), "contexts"), file["contexts"]);
        let again = talos(&client)
            .merge_into(merged.clone(), Current::Switch)
            .expect("merges");
        assert_eq!(again["context"], "lab");
        assert_eq!(again["contexts"], merged["contexts"]);

        let file = json!({
            "apiVersion": "v1", "kind": "Config", "preferences": {"colors": true}, "current-context": "other",
            "clusters": [{"name": "other", "cluster": {"server": "https://x"}}],
            "users": [{"name": "other", "user": {"exec": {"command": "login"}}}],
            "contexts": [{"name": "other", "context": {"cluster": "other", "user": "other"}}],
            "extensions": [{"name": "a", "extension": {"b": 1}}],
        });
        let client = admin();
        let merged = kube(&client)
            .merge_into(file.clone(), Current::Switch)
            .expect("merges");
        assert_eq!(merged["current-context"], "admin@lab");
        for key in ["preferences", "extensions"] {
            assert_eq!(merged[key], file[key]);
        }
        for list in ["clusters", "users", "contexts"] {
            assert_eq!(rest(merged.clone(), list), file[list]);
        }
        let again = kube(&client)
            .merge_into(merged.clone(), Current::Switch)
            .expect("merges");
        assert_eq!(again, merged);
    }

    #[test]
    fn an_entry_of_another_cluster_is_not_overwritten() {
        let file = json!({"contexts": {"lab": {"ca": "AA=="}}});
        let refused = talos(&reader()).merge_into(file, Current::Switch);
        assert_eq!(refused, Err(ContextError::Taken("lab".to_owned())));
        let file = json!({"clusters": [{"name": "lab", "cluster": {"server": "https://x"}}]});
        let refused = kube(&admin()).merge_into(file, Current::Switch);
        assert_eq!(refused, Err(ContextError::Taken("lab".to_owned())));
        let refused = kube(&admin()).merge_into(json!([1]), Current::Switch);
        assert!(matches!(refused, Err(ContextError::OtherShape(_))));
    }

    #[test]
    fn tells_until_when_a_context_holds() {
        let client = admin();
        let file = kube(&client)
            .merge_into(Value::Null, Current::Keep)
            .expect("merges");
        assert_eq!(file["current-context"], "admin@lab");
        let found = kube_certificate(&file, "admin@lab").expect("is there");
        assert_eq!(found, client.certificate);
        let missing = kube_certificate(&file, "other");
        assert_eq!(missing, Err(ContextError::Missing("other".to_owned())));
        let client = reader();
        let file = talos(&client)
            .merge_into(Value::Null, Current::Keep)
            .expect("merges");
        assert_eq!(talos_certificate(&file, "lab"), Ok(client.certificate));
    }
}
