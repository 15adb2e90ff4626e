//! One API server: read, list, apply, each within a deadline.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Request;
use kube::api::{
    DeleteParams, DynamicObject, GetParams, ListParams, Patch, PatchParams, PostParams,
    Resource as _,
};
use kube::core::{ApiResource, GroupVersionKind, gvk::ParseGroupVersionError, request};
use kube::discovery::{self, ApiCapabilities, Scope};
use serde_json::Value;

use super::access::{Access, AccessError};
use super::objects::{self, describe};
use super::transport;
use crate::connect::{SharedConnector, Target, plain};
use crate::model::Clock;

/// Longer than any call that does not watch takes on a busy small machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A client of one API server.
#[derive(Clone)]
pub struct Client {
    inner: kube::Client,
    resources: Arc<Mutex<BTreeMap<String, (ApiResource, ApiCapabilities)>>>,
}

/// Why the API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// The kubeconfig is not usable.
    #[error("cannot use the kubeconfig")]
    Access(#[from] AccessError),
    /// An object has no kind, version or name.
    #[error("an object has no `{0}`")]
    Incomplete(&'static str),
    /// An object's version is not one.
    #[error("an object's `apiVersion` is not one")]
    Version(#[from] ParseGroupVersionError),
    /// The API does not know the kind (yet).
    #[error("the Kubernetes API does not know `{kind}` yet")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// No answer came in time.
    #[error("no answer from the Kubernetes API within {} s", DEADLINE.as_secs())]
    Deadline,
    /// The API said no.
    #[error("the Kubernetes API refused {what}: {message} ({code})")]
    Refused {
        /// What was asked.
        what: String,
        /// The HTTP status.
        code: u16,
        /// Its own words.
        message: String,
    },
    /// The API could not be reached.
    #[error("cannot reach the Kubernetes API: {reason}")]
    Unreachable {
        /// What the network or TLS said, innermost last.
        reason: String,
    },
}

impl Client {
    /// Makes a client of the API server at this target; nothing is dialled yet.
    pub fn new(
        access: &Access,
        target: &Target,
        connector: SharedConnector,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KubeError> {
        let http = transport::http(access, target, connector, clock)?;
        let base = format!("https://{target}");
        let service = tower::ServiceBuilder::new()
            .map_request(move |request| absolute(&base, request))
            .service(http);
        Ok(Self {
            inner: kube::Client::new(service, "default"),
            resources: Arc::default(),
        })
    }

    /// Tells whether the API server says that it is ready.
    pub async fn ready(&self) -> Result<(), KubeError> {
        let mut request = Request::new(Vec::new());
        *request.uri_mut() = http::Uri::from_static("/readyz");
        let asked = within("readiness", self.inner.request_text(request)).await;
        match asked {
            Ok(_) => Ok(()),
            Err(KubeError::Refused {
                what,
                code,
                message,
            }) => Err(KubeError::Refused {
                what,
                code,
                message: failing(&message),
            }),
            Err(error) => Err(error),
        }
    }

    /// Returns an object; `None` when it, or its kind, does not exist.
    pub async fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, KubeError> {
        let what = format!("{kind} `{name}`");
        let found = async {
            let path = self.path(api_version, kind, namespace).await?;
            let request = path.get(name, &GetParams::default());
            self.call(&what, request).await
        };
        match found.await {
            Ok(object) => Ok(Some(object)),
            Err(KubeError::UnknownKind { .. } | KubeError::Refused { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns all objects of a kind, by namespace and name; none when the kind does not exist.
    pub async fn list(
        &self,
        api_version: &str,
        kind: &str,
        selector: Option<&str>,
    ) -> Result<Vec<Value>, KubeError> {
        let path = match self.path(api_version, kind, None).await {
            Ok(path) => path,
            Err(KubeError::UnknownKind { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let params = ListParams {
            label_selector: selector.map(str::to_owned),
            ..ListParams::default()
        };
        let mut items = items(self.call(kind, path.list(&params)).await?);
        // A list names version and kind once, for all of its items.
        for item in &mut items {
            item["apiVersion"] = Value::from(api_version);
            item["kind"] = Value::from(kind);
        }
        items.sort_by_key(describe);
        Ok(items)
    }

    /// Returns what controllers warned of last about an object, the newest first: `Reason: message`.
    pub(super) async fn warnings(&self, object: &Value) -> Result<Vec<String>, KubeError> {
        let uid = text(object, "/metadata/uid", "metadata.uid")?;
        let namespace = object["metadata"]["namespace"].as_str();
        let path = self.path("v1", "Event", namespace).await?;
        let selector = format!("type=Warning,involvedObject.uid={uid}");
        let params = ListParams::default().fields(&selector);
        let list = self.call("Event", path.list(&params)).await?;
        Ok(objects::warnings(items(list)))
    }

    /// Applies an object server-side as this manager, taking over fields that others hold.
    pub async fn apply(&self, object: &Value, manager: &str) -> Result<Value, KubeError> {
        let params = PatchParams::apply(manager).force();
        let patch = Patch::Apply(object);
        let request = self
            .path_of(object)
            .await?
            .patch(name(object)?, &params, &patch);
        self.call(&describe(object), request).await
    }

    /// Creates an object; `Refused` with 409 when it exists.
    pub(super) async fn create(&self, object: &Value) -> Result<Value, KubeError> {
        let params = PostParams::default();
        let request = self.path_of(object).await?.create(&params, bytes(object));
        self.call(&describe(object), request).await
    }

    /// Replaces an object; `Refused` with 409 when it is no longer the one that was read.
    pub(super) async fn replace(&self, object: &Value) -> Result<Value, KubeError> {
        let params = PostParams::default();
        let request = self
            .path_of(object)
            .await?
            .replace(name(object)?, &params, bytes(object));
        self.call(&describe(object), request).await
    }

    /// Deletes an object and what it owns; fine when it does not exist.
    pub async fn delete(&self, object: &Value) -> Result<(), KubeError> {
        let params = DeleteParams::background();
        let request = self.path_of(object).await?.delete(name(object)?, &params);
        match self.call(&describe(object), request).await {
            Ok(_) | Err(KubeError::Refused { code: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn call(
        &self,
        what: &str,
        request: Result<Request<Vec<u8>>, request::Error>,
    ) -> Result<Value, KubeError> {
        let request = request.map_err(kube::Error::BuildRequest);
        within(what, async { self.inner.request(request?).await }).await
    }

    async fn path_of(&self, object: &Value) -> Result<request::Request, KubeError> {
        let api_version = text(object, "/apiVersion", "apiVersion")?;
        let kind = text(object, "/kind", "kind")?;
        let namespace = object["metadata"]["namespace"].as_str();
        self.path(api_version, kind, namespace).await
    }

    async fn path(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> Result<request::Request, KubeError> {
        let (resource, capabilities) = self.resource(api_version, kind).await?;
        let namespace = namespace.filter(|_| capabilities.scope == Scope::Namespaced);
        Ok(request::Request::new(DynamicObject::url_path(
            &resource, namespace,
        )))
    }

    /// Asks once per kind; a kind that is not there yet is asked for again.
    async fn resource(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<(ApiResource, ApiCapabilities), KubeError> {
        let key = format!("{api_version}/{kind}");
        let known = self.resources().get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let found = within(&key, discovery::pinned_kind(&self.inner, &gvk))
            .await
            .map_err(|error| match error {
                KubeError::Refused { code: 404, .. } => {
                    KubeError::UnknownKind { kind: key.clone() }
                }
                other => other,
            })?;
        self.resources().insert(key, found.clone());
        Ok(found)
    }

    fn resources(
        &self,
    ) -> std::sync::MutexGuard<'_, BTreeMap<String, (ApiResource, ApiCapabilities)>> {
        self.resources
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl KubeError {
    /// Tells whether asking again may help: the API starts, restarts, or is busy.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Deadline | Self::Unreachable { .. } | Self::UnknownKind { .. } => true,
            Self::Refused { code, message, .. } => {
                // Until its roles are there, a starting API server refuses even administrators.
                matches!(code, 401 | 403 | 404 | 409 | 410 | 429)
                    || *code >= 500
                    || message.contains("failed calling webhook")
            }
            Self::Access(_) | Self::Incomplete(_) | Self::Version(_) => false,
        }
    }
}

fn absolute<B>(base: &str, mut request: Request<B>) -> Request<B> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    if let Ok(uri) = format!("{base}{path}").parse() {
        *request.uri_mut() = uri;
    }
    request
}

fn name(object: &Value) -> Result<&str, KubeError> {
    text(object, "/metadata/name", "metadata.name")
}

fn text<'a>(object: &'a Value, pointer: &str, field: &'static str) -> Result<&'a str, KubeError> {
    let found = object.pointer(pointer).and_then(Value::as_str);
    found.ok_or(KubeError::Incomplete(field))
}

fn bytes(object: &Value) -> Vec<u8> {
    object.to_string().into_bytes()
}

fn items(mut list: Value) -> Vec<Value> {
    match list["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

async fn within<T>(
    what: &str,
    calling: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, KubeError> {
    match tokio::time::timeout(DEADLINE, calling).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(translate(what, &error)),
        Err(_) => Err(KubeError::Deadline),
    }
}

fn translate(what: &str, error: &kube::Error) -> KubeError {
    match error {
        kube::Error::Api(status) => KubeError::Refused {
            what: what.to_owned(),
            code: status.code,
            message: status.message.clone(),
        },
        kube::Error::Discovery(_) => KubeError::UnknownKind {
            kind: what.to_owned(),
        },
        other => KubeError::Unreachable {
            reason: plain(innermost(other)),
        },
    }
}

/// Of a report with a line for each check, those that fail: the first few, and how many more.
fn failing(report: &str) -> String {
    const SHOWN: usize = 3;
    let checks: Vec<&str> = report
        .lines()
        .filter_map(|line| line.strip_prefix("[-]"))
        .map(|line| line.split_once(' ').map_or(line, |(check, _)| check))
        .collect();
    let shown = checks[..checks.len().min(SHOWN)].join(", ");
    match checks.len() {
        0 => report.to_owned(),
        1..=SHOWN => format!("checks fail: {shown}"),
        all => format!("checks fail: {shown} and {} more", all - SHOWN),
    }
}

/// The outer layers only say that something failed.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_report_of_checks_those_that_fail_are_told() {
        // As an API server of 1.36 answers half a second after its start.
        let report = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n\
                      [-]informer-sync failed: reason withheld\n[+]shutdown ok\nreadyz check failed";
        assert_eq!(failing(report), "checks fail: etcd, informer-sync");
        let many = format!("{report}\n[-]a failed: reason withheld\n[-]b failed: reason withheld");
        assert_eq!(
            failing(&many),
            "checks fail: etcd, informer-sync, a and 1 more"
        );
        assert_eq!(failing("Unauthorized"), "Unauthorized");
    }
}
